/* common/ports/port_book.c — the port book: listeners over boots.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/port_book.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

static enum hm_families only(enum hm_family family)
{
    return family == HM_IPV4 ? HM_FAMILIES_IPV4 : HM_FAMILIES_IPV6;
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

int hm_port_entry_compare(const struct hm_port_entry *a, const struct hm_port_entry *b)
{
    const int by[] = {
        (int)a->protocol - (int)b->protocol,
        (int)a->port - (int)b->port,
        compare_text(a->program, b->program),
        compare_text(a->service, b->service),
    };

    for (size_t i = 0; i < HM_COUNT(by); i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return 0;
}

static int compare_memories(const void *a, const void *b)
{
    return hm_port_entry_compare(&((const struct hm_port_memory *)a)->entry,
                                 &((const struct hm_port_memory *)b)->entry);
}

/* "socket" is also what a system says that cannot tell more, and early in a boot a port of HTTP.sys
 * looks like one of a driver: a kind that forbids an exclusion stays. */
static enum hm_listener_kind better_kind(enum hm_listener_kind known, enum hm_listener_kind seen)
{
    const bool keep = hm_kind_forbids_exclusion(known) && !hm_kind_forbids_exclusion(seen);

    return keep || seen == HM_KIND_SOCKET ? known : seen;
}

static void merge_entry(struct hm_port_entry *into, const struct hm_port_entry *from)
{
    if (into->families != from->families) {
        into->families = HM_FAMILIES_BOTH;
    }
    into->kind = better_kind(into->kind, from->kind);
    into->boots = from->boots > into->boots ? from->boots : into->boots;
    if (into->service_state == HM_ENTRY_SERVICE_UNKNOWN) {
        into->service_state = from->service_state;
    }
}

static int compare_entries(const void *a, const void *b)
{
    return hm_port_entry_compare(a, b);
}

void hm_port_book_settle(struct hm_port_book *book)
{
    size_t left = 0;

    if (book->count > 1) {
        qsort(book->at, book->count, sizeof(*book->at), compare_entries);
    }
    for (size_t i = 0; i < book->count; i++) {
        if (left > 0 && hm_port_entry_compare(&book->at[left - 1], &book->at[i]) == 0) {
            merge_entry(&book->at[left - 1], &book->at[i]);
        } else {
            book->at[left++] = book->at[i];
        }
    }
    book->count = left;
}

void hm_port_memo_settle(struct hm_port_memo *memo)
{
    struct hm_port_memories *rows = &memo->rows;
    size_t left = 0;

    if (rows->count > 1) {
        qsort(rows->at, rows->count, sizeof(*rows->at), compare_memories);
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_port_memory *row = &rows->at[i];
        struct hm_port_memory *kept = left > 0 ? &rows->at[left - 1] : NULL;

        if (kept != NULL && compare_memories(kept, row) == 0) {
            merge_entry(&kept->entry, &row->entry);
            kept->last_boot = row->last_boot > kept->last_boot ? row->last_boot : kept->last_boot;
            kept->pending = kept->pending || row->pending;
        } else {
            rows->at[left++] = *row;
        }
    }
    rows->count = left;
    hm_port_hazards_settle(&memo->hazards);
}

/* A container's port often has no listener, and is set up for as long as HNS runs alone. */
static size_t put_containers(const struct hm_inventory *inventory, struct hm_port_memory *at,
                             size_t count)
{
    const struct hm_configured_list *list = &inventory->configured;

    for (size_t i = 0; inventory->has_configured && i < list->count; i++) {
        const struct hm_configured *row = &list->at[i];

        if (row->kind == HM_KIND_CONTAINER) {
            at[count++] = (struct hm_port_memory){
                .entry = {.protocol = row->protocol,
                          .families = HM_FAMILIES_BOTH,
                          .port = row->port,
                          .program = "",
                          .service = "",
                          .kind = HM_KIND_CONTAINER,
                          .boots = 1}
            };
        }
    }
    return count;
}

/* The host's listeners as entries, the two families of one as one entry, and its containers;
 * sorted. */
static enum hm_status list_seen(const struct hm_inventory *inventory, struct hm_arena *arena,
                                struct hm_port_memories *out_seen, struct hm_err *err)
{
    const struct hm_listeners *listeners = &inventory->listeners;
    const size_t most = listeners->count + inventory->configured.count;
    struct hm_port_memory *at = hm_arena_alloc(arena, most, sizeof(*at));
    size_t named = 0;
    size_t count = 0;

    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port book");
    }
    for (size_t i = 0; i < listeners->count; i++) {
        const struct hm_listener *row = &listeners->at[i];

        if (hm_str_equal(row->program, "") && hm_str_equal(row->service, "")) {
            continue; /* nobody to recognise */
        }
        at[named++] = (struct hm_port_memory){
            .entry = {.protocol = row->protocol,
                      .families = only(row->family),
                      .port = row->port,
                      .program = row->program == NULL ? "" : row->program,
                      .service = row->service == NULL ? "" : row->service,
                      .kind = row->kind,
                      .boots = 1}
        };
    }
    named = put_containers(inventory, at, named);
    if (named > 1) {
        qsort(at, named, sizeof(*at), compare_memories);
    }
    for (size_t i = 0; i < named; i++) {
        if (count > 0 && compare_memories(&at[count - 1], &at[i]) == 0) {
            merge_entry(&at[count - 1].entry, &at[i].entry);
        } else {
            at[count++] = at[i];
        }
    }
    *out_seen = (struct hm_port_memories){at, count};
    return HM_OK;
}

static bool is_in_dynamic(const struct hm_inventory *inventory, const struct hm_port_entry *entry)
{
    bool found = false;

    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack *stack =
            hm_inventory_stack(inventory, entry->protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        found = found || (stack != NULL && stack->has_dynamic &&
                          hm_range_contains(stack->dynamic, entry->port));
    }
    return found;
}

/* Only Windows' components fail because of an exclusion. */
static bool must_not_be_excluded(const struct hm_port_entry *entry,
                                 const struct hm_inventory *inventory)
{
    return inventory->os.family == HM_OS_WINDOWS && hm_kind_forbids_exclusion(entry->kind);
}

/* As a rule one that a container was given at random. */
static bool is_random(const struct hm_port_entry *entry, const struct hm_inventory *inventory)
{
    return entry->kind == HM_KIND_CONTAINER && is_in_dynamic(inventory, entry);
}

/* Does one observation do? A service that serves its port now and then must not lose it. */
static bool counts_at_once(const struct hm_port_entry *entry, const struct hm_inventory *inventory)
{
    return must_not_be_excluded(entry, inventory) && !is_random(entry, inventory);
}

static bool is_forgotten(const struct hm_port_memory *row, uint32_t boot,
                         const struct hm_inventory *inventory)
{
    const uint32_t unseen = boot - row->last_boot;

    if (row->last_boot == 0) {
        return true;
    }
    if (must_not_be_excluded(&row->entry, inventory)) {
        return unseen > HM_PORT_BOOK_FORGET_CONTAINER && is_random(&row->entry, inventory);
    }
    return unseen > (row->entry.boots >= HM_PORT_BOOK_FIXED ? HM_PORT_BOOK_FORGET_FIXED
                                                            : HM_PORT_BOOK_FORGET_ONCE);
}

/* A row that the newest observation shows, too. True when it changes. */
static bool confirm(struct hm_port_memory *row, const struct hm_port_memory *seen, uint32_t boot,
                    const struct hm_inventory *inventory)
{
    const struct hm_port_memory before = *row;

    if (row->entry.families != seen->entry.families) {
        row->entry.families = HM_FAMILIES_BOTH;
    }
    row->entry.kind = better_kind(row->entry.kind, seen->entry.kind);
    if (row->last_boot != boot && !row->pending && !counts_at_once(&row->entry, inventory)) {
        row->pending = true;
    } else if (row->last_boot != boot) {
        row->pending = false;
        row->entry.boots += row->last_boot != 0 && row->entry.boots < HM_PORT_BOOK_BOOTS ? 1u : 0u;
        row->last_boot = boot;
    }
    return before.pending != row->pending || before.last_boot != row->last_boot ||
           before.entry.families != row->entry.families || before.entry.kind != row->entry.kind;
}

/* Sixteenths of a cap that the rows of a kind which forbids an exclusion get before all others. A
 * host that publishes thousands of containers must not push out the ports of stopped services. */
#define QUOTA_PARTS 16u
static const size_t quotas[HM_KIND_COUNT] = {
    [HM_KIND_HTTPSYS] = 4,
    [HM_KIND_QUIC] = 1,
    [HM_KIND_CONTAINER] = 4,
    [HM_KIND_SHARED] = 1,
};

/* Over the cap the rows of one boot go first, the longest unseen of them first. */
static int compare_worth(const void *a, const void *b)
{
    const struct hm_port_memory *x = a;
    const struct hm_port_memory *y = b;

    if (x->entry.boots != y->entry.boots) {
        return x->entry.boots > y->entry.boots ? -1 : 1;
    }
    if (x->last_boot != y->last_boot) {
        return x->last_boot > y->last_boot ? -1 : 1;
    }
    return compare_memories(a, b);
}

static void cut(struct hm_port_memories *rows, size_t most)
{
    size_t left[HM_KIND_COUNT]; /* of the quotas */
    size_t others = most;
    size_t kept = 0;

    if (rows->count <= most) {
        return;
    }
    for (unsigned kind = 0; kind < HM_KIND_COUNT; kind++) {
        left[kind] = quotas[kind] * (most / QUOTA_PARTS);
    }
    for (size_t i = 0; i < rows->count; i++) { /* what the quotas really take */
        size_t *of_kind = &left[rows->at[i].entry.kind];

        others -= *of_kind > 0 ? 1u : 0u;
        *of_kind -= *of_kind > 0 ? 1u : 0u;
    }
    for (unsigned kind = 0; kind < HM_KIND_COUNT; kind++) {
        left[kind] = quotas[kind] * (most / QUOTA_PARTS);
    }
    qsort(rows->at, rows->count, sizeof(*rows->at), compare_worth);
    for (size_t i = 0; i < rows->count; i++) {
        size_t *room = &left[rows->at[i].entry.kind];

        room = *room > 0 ? room : &others;
        if (*room > 0) {
            (*room)--;
            rows->at[kept++] = rows->at[i];
        }
    }
    rows->count = kept;
    qsort(rows->at, rows->count, sizeof(*rows->at), compare_memories);
}

enum hm_status hm_port_memo_note(struct hm_port_memo *memo, const struct hm_inventory *inventory,
                                 const char *boot_id, struct hm_arena *arena, bool *out_changed,
                                 struct hm_err *err)
{
    const bool new_boot = memo->boot_id == NULL || strcmp(memo->boot_id, boot_id) != 0;
    const uint32_t boot = memo->boot + (new_boot ? 1u : 0u);
    struct hm_port_memories seen = {NULL, 0};
    struct hm_port_memories rows = {NULL, 0};
    const struct hm_port_memories *old = &memo->rows;
    bool changed = new_boot;
    size_t at_old = 0;
    size_t at_seen = 0;
    char *id = NULL;
    enum hm_status st;

    *out_changed = false;
    if (!inventory->has_listeners) {
        return HM_OK;
    }
    st = list_seen(inventory, arena, &seen, err);
    if (st != HM_OK) {
        return st;
    }
    id = hm_arena_strdup(arena, boot_id);
    rows.at = hm_arena_alloc(arena, old->count + seen.count, sizeof(*rows.at));
    if (id == NULL || rows.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port book");
    }
    while (at_old < old->count || at_seen < seen.count) {
        struct hm_port_memory *row = &rows.at[rows.count];
        const int by = at_old == old->count ? 1
                       : at_seen == seen.count
                           ? -1
                           : compare_memories(&old->at[at_old], &seen.at[at_seen]);

        if (by > 0) { /* new */
            *row = seen.at[at_seen++];
            row->pending = !counts_at_once(&row->entry, inventory);
            row->last_boot = row->pending ? 0 : boot;
            changed = true;
            rows.count++;
            continue;
        }
        *row = old->at[at_old++];
        row->pending = row->pending && !new_boot;
        if (by == 0) {
            changed = confirm(row, &seen.at[at_seen++], boot, inventory) || changed;
            rows.count++;
        } else if (is_forgotten(row, boot, inventory)) {
            changed = true;
        } else {
            changed = changed || row->pending;
            row->pending = false;
            rows.count++;
        }
    }
    cut(&rows, HM_LIMIT_PORT_BOOK);
    memo->boot_id = id;
    memo->boot = boot;
    memo->rows = rows;
    *out_changed = changed;
    return HM_OK;
}

enum hm_status hm_port_memo_list(const struct hm_port_memo *memo, struct hm_arena *arena,
                                 struct hm_port_book *out_book, struct hm_err *err)
{
    struct hm_port_memories known = {NULL, 0};
    struct hm_port_entry *at;

    known.at = hm_arena_alloc(arena, memo->rows.count, sizeof(*known.at));
    at = hm_arena_alloc(arena, memo->rows.count, sizeof(*at));
    if (known.at == NULL || at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port book");
    }
    for (size_t i = 0; i < memo->rows.count; i++) {
        if (memo->rows.at[i].last_boot != 0) {
            known.at[known.count++] = memo->rows.at[i];
        }
    }
    cut(&known, HM_PORT_BOOK_REPORTED);
    for (size_t i = 0; i < known.count; i++) {
        at[i] = known.at[i].entry;
    }
    *out_book = (struct hm_port_book){at, known.count};
    return HM_OK;
}

void hm_port_memo_note_whole(struct hm_port_memo *memo, const struct hm_inventory *inventory,
                             int64_t uptime_s, bool unread, bool *out_changed)
{
    *out_changed = false;
    if (!memo->lost || !inventory->has_listeners || unread || uptime_s < HM_PORT_BOOK_WHOLE_S ||
        memo->boot == memo->whole_boot) {
        return;
    }
    memo->whole_boot = memo->boot;
    memo->whole_boots++;
    memo->lost = memo->whole_boots < HM_PORT_BOOK_WHOLE_BOOTS;
    *out_changed = true;
}

enum hm_status hm_port_memo_forget(struct hm_port_memo *memo, struct hm_ports ports,
                                   struct hm_arena *arena, struct hm_port_book *out_forgotten,
                                   struct hm_err *err)
{
    struct hm_port_entry *at =
        hm_arena_alloc(arena, memo->rows.count + memo->hazards.count, sizeof(*at));
    size_t left = 0;
    size_t count = 0;

    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port book");
    }
    for (size_t i = 0; i < memo->rows.count; i++) {
        if (hm_ports_contains(ports, memo->rows.at[i].entry.port)) {
            at[count++] = memo->rows.at[i].entry;
        } else {
            memo->rows.at[left++] = memo->rows.at[i];
        }
    }
    memo->rows.count = left;
    left = 0;
    for (size_t i = 0; i < memo->hazards.count; i++) {
        const struct hm_port_hazard *hazard = &memo->hazards.at[i];

        if (hm_ports_contains(ports, hazard->port)) {
            at[count++] = (struct hm_port_entry){.protocol = hazard->protocol,
                                                 .families = HM_FAMILIES_BOTH,
                                                 .port = hazard->port,
                                                 .program = hazard->how,
                                                 .service = "",
                                                 .kind = hazard->kind};
        } else {
            memo->hazards.at[left++] = *hazard;
        }
    }
    memo->hazards.count = left;
    *out_forgotten = (struct hm_port_book){at, count};
    return HM_OK;
}

bool hm_port_entry_is_of(const struct hm_port_entry *entry, const char *program,
                         const char *service)
{
    if (!hm_str_equal(entry->service, "") && !hm_str_equal(service, "")) {
        return hm_str_equal_nocase(entry->service, service);
    }
    return !hm_str_equal(entry->program, "") && hm_str_equal_nocase(entry->program, program);
}

static const struct hm_service *find_service(const struct hm_services *services, const char *name)
{
    for (size_t i = 0; i < services->count; i++) {
        if (hm_str_equal_nocase(services->at[i].name, name)) {
            return &services->at[i];
        }
    }
    return NULL;
}

static bool is_listed(const struct hm_inventory *inventory, const char *name)
{
    for (size_t i = 0; inventory->has_services && i < inventory->services.count; i++) {
        if (hm_str_equal_nocase(inventory->services.at[i], name)) {
            return true;
        }
    }
    return false;
}

/* systemd: "postgresql@15-main" is an instance of the unit file "postgresql@". */
static bool has_template(const struct hm_services *idle, const char *name)
{
    const char *at = strchr(name, '@');

    for (size_t i = 0; at != NULL && i < idle->count; i++) {
        if (strlen(idle->at[i].name) == (size_t)(at - name) + 1 &&
            strncmp(idle->at[i].name, name, (size_t)(at - name) + 1) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_disabled(const struct hm_service *service)
{
    return service != NULL && service->start == HM_START_DISABLED &&
           !(service->has_runs && service->runs);
}

void hm_port_book_mark(struct hm_inventory *inventory, const struct hm_services *idle,
                       bool is_whole)
{
    const struct hm_services *details = &inventory->service_details;

    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        struct hm_port_entry *entry = &inventory->port_book.at[i];
        const struct hm_service *detail =
            inventory->has_service_details ? find_service(details, entry->service) : NULL;
        const struct hm_service *other = find_service(idle, entry->service);

        if (hm_str_equal(entry->service, "")) {
            continue;
        }
        if (is_disabled(detail)) {
            entry->service_state = HM_ENTRY_SERVICE_DISABLED;
        } else if (detail != NULL || is_listed(inventory, entry->service)) {
            entry->service_state = HM_ENTRY_SERVICE_UNKNOWN;
        } else if (other != NULL) {
            entry->service_state =
                is_disabled(other) ? HM_ENTRY_SERVICE_DISABLED : HM_ENTRY_SERVICE_UNKNOWN;
        } else if (is_whole && inventory->has_services && !inventory->services_partial &&
                   !has_template(idle, entry->service)) {
            entry->service_state = HM_ENTRY_SERVICE_GONE;
        }
    }
}

bool hm_port_entry_is_retired(const struct hm_port_entry *entry)
{
    return entry->service_state != HM_ENTRY_SERVICE_UNKNOWN;
}

/* The first entry of this port or a later one: entries are sorted by protocol and port. */
static size_t find_first(const struct hm_port_book *book, enum hm_protocol protocol, uint16_t port)
{
    size_t low = 0;
    size_t high = book->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct hm_port_entry *entry = &book->at[middle];

        if (entry->protocol < protocol || (entry->protocol == protocol && entry->port < port)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool hm_port_book_saw(const struct hm_port_book *book, enum hm_protocol protocol, uint16_t port,
                      const char *program, const char *service, uint32_t boots)
{
    for (size_t i = find_first(book, protocol, port); i < book->count; i++) {
        const struct hm_port_entry *entry = &book->at[i];

        if (entry->protocol != protocol || entry->port != port) {
            return false;
        }
        if (entry->boots >= boots && hm_port_entry_is_of(entry, program, service)) {
            return true;
        }
    }
    return false;
}
