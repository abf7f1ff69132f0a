/* common/judge/need_observed.c — listeners inside the dynamic range that no product of the
 * catalogue explains: does their program need the port, or was it given one at random?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A port counts as required once the port book has seen it with the same service or program in
 * HM_PORT_BOOK_FIXED boots, and at once when HTTP.sys listens on it: a URL has a port that somebody
 * chose; so on Linux has a socket unit, or a server of the catalogue (need_fixed.c). Everything
 * else is listed, with what would settle it. */
#include "common/judge/need.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/port_book.h"

const char *const hm_observed_why_names[HM_OBSERVED_WHY_COUNT] = {
    "one_boot",         "no_port_book", "rpc_endpoint", "client_socket",
    "service_disabled", "service_gone", "optional",     "falls_back",
};

static bool is_one_of(const char *const *names, size_t count, const char *program)
{
    for (size_t i = 0; i < count; i++) {
        if (hm_str_equal_nocase(names[i], program)) {
            return true;
        }
    }
    return false;
}

/* UDP sockets without a service of their own that are servers all the same: drivers (WireGuard,
 * L2TP) and processes that host several services. */
static const char *const udp_hosts[] = {"System", "svchost.exe"};

/* So many observed requirements have one port each. */
#define NEIGHBOURS_APART 64u

/* Ports of one program that are not required for now. */
struct loose {
    const char *name;
    enum hm_protocol protocol;
    enum hm_observed_why why;
    struct hm_range range;
};

struct looses {
    struct loose *at;
    size_t count;
    size_t cap;
};

static const char *name_of(const struct hm_listener *listener)
{
    if (listener->kind == HM_KIND_HTTPSYS && hm_str_equal_nocase(listener->program, "System")) {
        return "HTTP.sys";
    }
    if (!hm_str_equal(listener->service, "")) {
        return listener->service;
    }
    return hm_str_equal(listener->program, "") ? "" : listener->program;
}

static struct hm_strings one_name(const char *name, struct hm_arena *arena)
{
    struct hm_strings names = {NULL, 0};

    if (!hm_str_equal(name, "")) {
        names.at = hm_arena_alloc(arena, 1, sizeof(*names.at));
    }
    if (names.at != NULL) {
        names.at[names.count++] = name;
    }
    return names;
}

static enum hm_families only(enum hm_family family)
{
    return family == HM_IPV4 ? HM_FAMILIES_IPV4 : HM_FAMILIES_IPV6;
}

/* The setting that names the port; NULL none. Where there is one, nobody was given the port. */
static const struct hm_configured *find_setting(const struct hm_inventory *inventory,
                                                const struct hm_listener *listener)
{
    const struct hm_configured_list *list = &inventory->configured;

    for (size_t i = 0; inventory->has_configured && i < list->count; i++) {
        if (list->at[i].protocol == listener->protocol && list->at[i].port == listener->port) {
            return &list->at[i];
        }
    }
    return NULL;
}

/* A setting of HTTP.sys names the port that it serves: it will be the same after a boot, and the
 * row without "*" is not there before it starts. On Linux one of a container does. */
static const struct hm_configured *find_url(const struct hm_facts *facts,
                                            const struct hm_listener *listener)
{
    return facts->legacy ||
                   listener->kind != (facts->linux_host ? HM_KIND_CONTAINER : HM_KIND_HTTPSYS)
               ? NULL
               : find_setting(facts->inventory, listener);
}

static const char *title_of(const struct hm_facts *facts, const struct hm_listener *listener,
                            struct hm_arena *arena)
{
    const struct hm_configured *setting = find_url(facts, listener);
    const char *name = name_of(listener);

    if (setting != NULL) {
        return hm_arena_printf(arena, "%s %s", hm_configured_by_labels[setting->by],
                               setting->subject);
    }
    return name[0] == '\0' ? "unknown program" : hm_arena_printf(arena, "%s (observed)", name);
}

static enum hm_status put_observed(const struct hm_facts *facts, struct hm_need_list *list,
                                   const struct hm_listener *listener)
{
    struct hm_arena *arena = list->arena;
    struct hm_requirement *made = hm_arena_alloc(arena, 1, sizeof(*made));
    struct hm_range *range = hm_arena_alloc(arena, 1, sizeof(*range));
    struct hm_need *need = hm_need_put(list);

    if (made == NULL || range == NULL || need == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the listeners of a host");
    }
    *range = (struct hm_range){listener->port, listener->port};
    *made = (struct hm_requirement){
        .id = hm_arena_printf(arena, "%s-%u", hm_protocol_names[listener->protocol],
                              (unsigned)listener->port),
        .title = title_of(facts, listener, arena),
        .protocol = listener->protocol,
        .families = only(listener->family),
        .ports = {range,                                  1     },
        .kind = listener->kind,
        .detect = { .services = one_name(listener->service, arena),
                  .programs = one_name(listener->program, arena)},
        .safe_to_exclude = HM_EXCLUDE_WHEN_STOPPED, /* it listens, so its port is busy */
        .source = "observed on the host",
        .confidence = HM_CONF_INFERRED,
    };
    if (made->id == NULL || made->title == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the listeners of a host");
    }
    need->requirement = made;
    need->families = made->families;
    list->observed++;
    return HM_OK;
}

/* The need already made of another listener of the same program on the same port. */
static struct hm_need *find_same(struct hm_need_list *list, const struct hm_listener *listener)
{
    for (size_t i = list->needs.count; i > list->needs.count - list->observed; i--) {
        struct hm_need *need = &list->needs.at[i - 1];
        const struct hm_detect *detect = &need->requirement->detect;
        const char *program = detect->programs.count > 0 ? detect->programs.at[0] : "";
        const char *service = detect->services.count > 0 ? detect->services.at[0] : "";

        if (need->requirement->protocol != listener->protocol ||
            need->requirement->ports.at[0].last != listener->port) {
            return NULL; /* listeners come by port */
        }
        if (hm_str_equal(program, listener->program) && hm_str_equal(service, listener->service)) {
            return need;
        }
    }
    return NULL;
}

static bool is_one_more(const struct hm_need *need, const struct hm_need *next)
{
    const struct hm_requirement *a = need->requirement;
    const struct hm_requirement *b = next->requirement;

    return a->protocol == b->protocol && a->kind == b->kind && need->families == next->families &&
           a->ports.at[0].last + 1 == b->ports.at[0].first && hm_str_equal(a->title, b->title) &&
           a->detect.programs.count == b->detect.programs.count &&
           a->detect.services.count == b->detect.services.count &&
           (a->detect.programs.count == 0 ||
            hm_str_equal(a->detect.programs.at[0], b->detect.programs.at[0])) &&
           (a->detect.services.count == 0 ||
            hm_str_equal(a->detect.services.at[0], b->detect.services.at[0]));
}

/* A program that listens on hundreds of neighbouring ports (published ranges of containers, media
 * servers) has one requirement for them, not one each. Called when all listeners of the last one's
 * port are seen. */
static enum hm_status join_neighbours(struct hm_need_list *list)
{
    struct hm_need *last;
    struct hm_need *before;
    struct hm_requirement *made;
    struct hm_range *range;

    if (list->observed <= NEIGHBOURS_APART) {
        return HM_OK;
    }
    last = &list->needs.at[list->needs.count - 1];
    before = last - 1;
    if (!is_one_more(before, last)) {
        return HM_OK;
    }
    made = hm_arena_alloc(list->arena, 1, sizeof(*made));
    range = hm_arena_alloc(list->arena, 1, sizeof(*range));
    if (made == NULL || range == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the listeners of a host");
    }
    *made = *before->requirement;
    *range = (struct hm_range){made->ports.at[0].first, last->requirement->ports.at[0].last};
    made->ports = (struct hm_ports){range, 1};
    made->id = hm_arena_printf(list->arena, "%s-%u-%u", hm_protocol_names[made->protocol],
                               (unsigned)range->first, (unsigned)range->last);
    if (made->id == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the listeners of a host");
    }
    before->requirement = made;
    list->needs.count--;
    list->observed--;
    return HM_OK;
}

/* Why the port is not required by itself; false: it may be, and the port book decides. */
static bool is_given(const struct hm_facts *facts, const struct hm_listener *listener,
                     enum hm_observed_why *out_why)
{
    const bool rpc = listener->kind == HM_KIND_RPC;
    const bool udp = listener->protocol == HM_UDP && !rpc;
    const struct hm_configured *setting = find_setting(facts->inventory, listener);

    *out_why = HM_OBSERVED_FALLS_BACK;
    if (setting != NULL && setting->by == HM_BY_SQL_DYNAMIC_PORT) {
        return hm_str_equal_nocase(setting->service, listener->service);
    }
    *out_why = udp ? HM_OBSERVED_CLIENT_SOCKET : HM_OBSERVED_RPC_ENDPOINT;
    if (udp) {
        return hm_str_equal(listener->service, "") &&
               (facts->linux_host || !is_one_of(udp_hosts, HM_COUNT(udp_hosts), listener->program));
    }
    return rpc ||
           (!facts->linux_host && hm_need_is_rpc_program(listener->program) && setting == NULL);
}

/* Is it the port behind those of the last one, of the same program? Listeners come by port. */
static bool prolong(struct looses *looses, const struct loose *loose)
{
    struct loose *last = looses->count == 0 ? NULL : &looses->at[looses->count - 1];

    if (last == NULL || last->why != loose->why || last->protocol != loose->protocol ||
        strcmp(last->name, loose->name) != 0 || loose->range.first < last->range.first ||
        loose->range.first > last->range.last + 1) {
        return false;
    }
    last->range.last = loose->range.last > last->range.last ? loose->range.last : last->range.last;
    return true;
}

static enum hm_status put_loose(struct hm_need_list *list, struct looses *looses,
                                const struct loose *loose)
{
    if (prolong(looses, loose)) {
        return HM_OK;
    }
    if (looses->count >= HM_NEEDS_OBSERVED_MAX) {
        list->needs.unjudged++;
        return HM_OK;
    }
    if (hm_arena_grow(list->arena, (void **)&looses->at, looses->count, &looses->cap,
                      sizeof(*looses->at)) != 0) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the listeners of a host");
    }
    looses->at[looses->count++] = *loose;
    return HM_OK;
}

static enum hm_status put_listener(struct hm_need_list *list, struct looses *looses,
                                   const struct hm_listener *listener, enum hm_observed_why why)
{
    const char *name = name_of(listener);
    const struct loose loose = {
        .name = name[0] == '\0' ? "unknown program" : name,
        .protocol = listener->protocol,
        .why = why,
        .range = {listener->port, listener->port},
    };

    return put_loose(list, looses, &loose);
}

/* A URL names its port, so nobody was given it. Where HTTP.sys shows that it has reserved the port,
 * the host is as it should be: a row without "*" comes with each registration. Before Vista System
 * has random TCP listeners of its own. */
static bool is_url(const struct hm_facts *facts, const struct hm_listener *listener)
{
    const struct hm_stack_facts *stack =
        hm_facts_stack(facts, listener->protocol, listener->family);

    return !facts->linux_host && !facts->legacy && listener->protocol == HM_TCP &&
           listener->kind == HM_KIND_HTTPSYS &&
           !(stack->has_runtime && hm_ports_contains(stack->runtime, listener->port));
}

static enum hm_status observe(const struct hm_facts *facts, struct hm_need_list *list,
                              struct looses *looses, const struct hm_listener *listener)
{
    const struct hm_inventory *inventory = facts->inventory;
    const char *program = listener->program == NULL ? "" : listener->program;
    const bool fixed = hm_need_is_fixed(facts, listener);
    enum hm_observed_why why;
    struct hm_need *same;
    enum hm_status st;

    if (!fixed && is_given(facts, listener, &why)) {
        return put_listener(list, looses, listener, why);
    }
    if (!fixed && !is_url(facts, listener) && find_url(facts, listener) == NULL &&
        (!hm_port_book_saw(&inventory->port_book, listener->protocol, listener->port, program,
                           listener->service,
                           hm_need_boots_of_fixed(facts, listener->protocol, listener->family)) ||
         hm_need_is_squatted(facts, listener))) {
        return put_listener(list, looses, listener,
                            inventory->has_port_book ? HM_OBSERVED_ONE_BOOT
                                                     : HM_OBSERVED_NO_PORT_BOOK);
    }
    same = find_same(list, listener);
    if (same != NULL) {
        if (same->families != only(listener->family)) {
            same->families = HM_FAMILIES_BOTH;
        }
        return HM_OK;
    }
    st = join_neighbours(list);
    if (st != HM_OK) {
        return st;
    }
    if (list->observed >= HM_NEEDS_OBSERVED_MAX) {
        list->needs.unjudged++;
        return HM_OK;
    }
    return put_observed(facts, list, listener);
}

static bool in_dynamic(const struct hm_facts *facts, enum hm_protocol protocol,
                       enum hm_family family, uint16_t port)
{
    const struct hm_stack_facts *stack = hm_facts_stack(facts, protocol, family);

    return hm_stack_facts_gives(stack, port);
}

/* Does the entry's program listen on its port now, in any family? *out_squatted: another process
 * of its name does. */
static bool listens_now(const struct hm_facts *facts, const struct hm_port_entry *entry,
                        bool *out_squatted)
{
    const struct hm_range range = {entry->port, entry->port};
    const struct hm_ports ports = {&range, 1};
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, entry->protocol, ports, &cursor)) != NULL) {
        if (hm_need_is_squatter(facts, entry, listener)) {
            *out_squatted = true;
        } else if (hm_port_entry_is_of(entry, listener->program, listener->service)) {
            return true;
        }
    }
    return false;
}

static enum hm_families families_of(bool ipv4, bool ipv6)
{
    return ipv4 && ipv6 ? HM_FAMILIES_BOTH : only(ipv4 ? HM_IPV4 : HM_IPV6);
}

/* Does the port of the entry count? Inside the dynamic range once it is known to be fixed; any
 * other port was chosen, but nobody is handed it: it matters while the service is down and
 * somebody has it. *out_families: those to be judged. */
static bool is_wanted(const struct hm_facts *facts, const struct hm_port_entry *entry,
                      enum hm_families *out_families, bool *out_only_blocked)
{
    const bool ipv4 = entry->families != HM_FAMILIES_IPV6;
    const bool ipv6 = entry->families != HM_FAMILIES_IPV4;
    const bool given4 = ipv4 && in_dynamic(facts, entry->protocol, HM_IPV4, entry->port);
    const bool given6 = ipv6 && in_dynamic(facts, entry->protocol, HM_IPV6, entry->port);

    *out_only_blocked = !given4 && !given6;
    *out_families = *out_only_blocked ? entry->families : families_of(given4, given6);
    return *out_only_blocked ? hm_entry_is_down(facts->inventory, entry)
                             : entry->boots >= hm_need_boots_of_fixed(facts, entry->protocol,
                                                                      given4 ? HM_IPV4 : HM_IPV6);
}

/* Is the port judged already, for this service or program? Another one's requirement of the same
 * port does not help a service that is down. */
static bool is_covered(const struct hm_facts *facts, const struct hm_need_list *list,
                       const struct hm_port_entry *entry)
{
    if (!hm_portbits_has(facts->required[entry->protocol], entry->port)) {
        return false;
    }
    for (size_t i = 0; hm_entry_is_down(facts->inventory, entry) && i < list->needs.count; i++) {
        const struct hm_need *need = &list->needs.at[i];

        if (need->requirement->protocol == entry->protocol &&
            hm_ports_contains(need->requirement->ports, entry->port) &&
            hm_need_owner(facts, need, entry->program, entry->service, HM_SOCKET_LISTEN) !=
                HM_OWNER_FOREIGN) {
            return true;
        }
    }
    return !hm_entry_is_down(facts->inventory, entry);
}

/* What had a fixed port in earlier boots and does not listen now: the service is down, and its port
 * may be held. */
static enum hm_status remember(struct hm_facts *facts, struct hm_need_list *list,
                               struct looses *looses)
{
    const struct hm_inventory *inventory = facts->inventory;
    const struct hm_port_book *book = &inventory->port_book;

    for (size_t i = 0; inventory->has_port_book && i < book->count; i++) {
        const struct hm_port_entry *entry = &book->at[i];
        struct hm_listener seen = {
            .protocol = entry->protocol,
            .address = "",
            .port = entry->port,
            .program = entry->program,
            .service = entry->service,
            .kind = entry->kind,
        };
        enum hm_families families;
        enum hm_observed_why why;
        bool only_blocked;
        bool squatted = false;
        struct hm_need *need;
        enum hm_status st;

        if (hm_port_entry_is_retired(entry)) {
            st = put_listener(list, looses, &seen,
                              entry->service_state == HM_ENTRY_SERVICE_GONE ? HM_OBSERVED_GONE
                                                                            : HM_OBSERVED_DISABLED);
            if (st != HM_OK) {
                return st;
            }
            continue;
        }
        if ((hm_str_equal(entry->program, "") && hm_str_equal(entry->service, "")) ||
            !is_wanted(facts, entry, &families, &only_blocked) || is_covered(facts, list, entry) ||
            is_given(facts, &seen, &why) || listens_now(facts, entry, &squatted)) {
            continue;
        }
        seen.program = squatted ? "" : seen.program; /* by that name its process is no owner */
        if (list->observed >= HM_NEEDS_OBSERVED_MAX) {
            list->needs.unjudged++;
            continue;
        }
        seen.family = families == HM_FAMILIES_IPV6 ? HM_IPV6 : HM_IPV4;
        st = put_observed(facts, list, &seen);
        if (st != HM_OK) {
            return st;
        }
        need = &list->needs.at[list->needs.count - 1];
        need->families = families;
        need->remembered = true;
        need->only_blocked = only_blocked;
        hm_portbits_put(facts->required[entry->protocol], entry->port);
    }
    return HM_OK;
}

static int compare_looses(const void *a, const void *b)
{
    const struct loose *x = a;
    const struct loose *y = b;
    const int by[] = {
        (int)x->why - (int)y->why,
        strcmp(x->name, y->name),
        (int)x->protocol - (int)y->protocol,
        (int)x->range.first - (int)y->range.first,
    };

    for (size_t i = 0; i < HM_COUNT(by); i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return 0;
}

static bool same_row(const struct loose *a, const struct loose *b)
{
    return a->why == b->why && a->protocol == b->protocol && strcmp(a->name, b->name) == 0;
}

/* One row a program, protocol and reason, with all its ports. */
static enum hm_status group(struct looses *looses, struct hm_need_list *list)
{
    struct hm_arena *arena = list->arena;
    struct hm_observed *at = hm_arena_alloc(arena, looses->count, sizeof(*at));
    struct hm_range *ranges = hm_arena_alloc(arena, looses->count, sizeof(*ranges));
    size_t count = 0;
    size_t i = 0;

    if (at == NULL || ranges == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the listeners of a host");
    }
    if (looses->count > 1) {
        qsort(looses->at, looses->count, sizeof(*looses->at), compare_looses);
    }
    while (i < looses->count) {
        const struct loose *first = &looses->at[i];
        size_t of_row = 0;
        enum hm_status st;

        while (i < looses->count && same_row(first, &looses->at[i])) {
            ranges[of_row++] = looses->at[i].range;
            i++;
        }
        at[count] = (struct hm_observed){
            .name = first->name, .protocol = first->protocol, .why = first->why};
        st = hm_ports_from_ranges(ranges, of_row, arena, &at[count].ports, list->err);
        if (st != HM_OK) {
            return st;
        }
        count++;
    }
    list->needs.observed = (struct hm_observed_list){at, count};
    return HM_OK;
}

enum hm_status hm_needs_observe(struct hm_facts *facts, struct hm_need_list *list)
{
    struct looses looses = {NULL, 0, 0};
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < facts->listeners.count && st == HM_OK; i++) {
        const struct hm_listener *listener =
            &facts->inventory->listeners.at[facts->listeners.at[i].at];

        if (in_dynamic(facts, listener->protocol, listener->family, listener->port) &&
            !hm_portbits_has(facts->required[listener->protocol], listener->port)) {
            st = observe(facts, list, &looses, listener);
        }
    }
    if (st == HM_OK) {
        st = join_neighbours(list);
    }
    if (st == HM_OK) {
        st = remember(facts, list, &looses);
    }
    return st == HM_OK ? group(&looses, list) : st;
}

enum hm_status hm_needs_put_optional(struct hm_needs *needs, const struct hm_need *need,
                                     struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_observed_list old = needs->observed;
    struct hm_observed *last = old.count == 0 ? NULL : &old.at[old.count - 1];
    struct hm_observed *at;

    if (last != NULL && last->why == HM_OBSERVED_OPTIONAL &&
        last->protocol == need->requirement->protocol &&
        hm_str_equal(last->name, need->product->title)) {
        return hm_ports_union(last->ports, need->requirement->ports, arena, &last->ports, err);
    }
    if (old.count >= HM_LIMIT_OBSERVED) {
        needs->unjudged++;
        return HM_OK;
    }
    at = hm_arena_alloc(arena, old.count + 1, sizeof(*at));
    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the listeners of a host");
    }
    for (size_t i = 0; i < old.count; i++) {
        at[i] = old.at[i];
    }
    at[old.count] = (struct hm_observed){.name = need->product->title,
                                         .protocol = need->requirement->protocol,
                                         .ports = need->requirement->ports,
                                         .why = HM_OBSERVED_OPTIONAL};
    needs->observed = (struct hm_observed_list){at, old.count + 1};
    return HM_OK;
}
