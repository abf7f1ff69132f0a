/* common/judge/facts.c — one host's facts, indexed once so that judging needs no searching.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/facts.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"
#include "common/judge/need.h"
#include "common/ports/given.h"
#include "common/ports/in_force.h"
#include "common/ports/port_book.h"

#define DNS_POOL_DEFAULT 2500u /* KB956188 */

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory to judge the host");
}

bool hm_facts_detect(const struct hm_facts *facts, const struct hm_detect *detect)
{
    return detect->always || hm_names_match(&facts->services, &detect->services) ||
           hm_programs_match(&facts->programs, &detect->programs) ||
           hm_programs_match(&facts->idle_programs, &detect->programs);
}

/* A service that runs or starts by itself is there, and so is its program, though it be down. */
static bool put_service(struct hm_facts *facts, const struct hm_service *service,
                        struct hm_arena *arena)
{
    bool ok = true;

    if (service->has_runs) {
        ok = hm_names_put(service->runs ? &facts->running : &facts->stopped, service->name, arena);
    }
    if (ok && (hm_service_is_wanted(service) || (service->has_runs && service->runs))) {
        ok = hm_names_put(&facts->services, service->name, arena) &&
             hm_names_put(&facts->idle_programs, service->program, arena);
    }
    return ok;
}

static enum hm_status collect_names(struct hm_facts *facts, struct hm_arena *arena,
                                    struct hm_err *err)
{
    const struct hm_inventory *inventory = facts->inventory;
    const struct hm_services *details = &inventory->service_details;
    const struct hm_sockets *sockets = facts->input->sockets;
    const char *last = NULL; /* neighbours often share the text of one process */
    const char *last_service = NULL;
    bool seen[2] = {false, false};
    bool ok = true;

    for (size_t i = 0; ok && inventory->has_services && i < inventory->services.count; i++) {
        ok = hm_names_put(&facts->services, inventory->services.at[i], arena);
    }
    for (size_t i = 0; ok && inventory->has_listeners && i < inventory->listeners.count; i++) {
        ok = hm_names_put(&facts->programs, inventory->listeners.at[i].program, arena) &&
             hm_names_put(&facts->services, inventory->listeners.at[i].service, arena) &&
             (hm_need_is_activator(facts, inventory->listeners.at[i].program) ||
              hm_names_put(&facts->running, inventory->listeners.at[i].service, arena));
    }
    for (size_t i = 0; ok && sockets != NULL && i < sockets->count; i++) {
        seen[sockets->at[i].protocol] = true;
        if (sockets->at[i].program != last) {
            last = sockets->at[i].program;
            ok = hm_names_put(&facts->programs, last, arena);
        }
        if (ok && sockets->at[i].service != last_service &&
            !hm_need_is_activator(facts, sockets->at[i].program)) {
            last_service = sockets->at[i].service;
            ok = hm_names_put(&facts->running, last_service, arena);
        }
    }
    for (unsigned i = 0; i < 2; i++) { /* every Windows has sockets of both */
        facts->lacks_rows[i] = !facts->linux_host && sockets != NULL && sockets->count > 0 &&
                               inventory->has_listeners && !seen[i];
    }
    for (size_t i = 0; ok && inventory->has_service_details && i < details->count; i++) {
        ok = put_service(facts, &details->at[i], arena);
    }
    for (size_t i = 0; ok && inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];

        if (!hm_port_entry_is_retired(entry)) {
            ok = hm_names_put(&facts->idle_programs, entry->program, arena) &&
                 hm_names_put(&facts->services, entry->service, arena);
        }
    }
    return ok ? HM_OK : no_memory(err);
}

/* 601 of "6.1.7601"; 0 when the text is no such version. */
static unsigned windows_number(const struct hm_os *os)
{
    const char *dot = os->version == NULL ? NULL : strchr(os->version, '.');
    uint32_t major;
    uint32_t minor;

    if (os->family != HM_OS_WINDOWS || dot == NULL ||
        !hm_str_parse_u32(os->version, (size_t)(dot - os->version), 99, &major) ||
        !hm_str_parse_u32(dot + 1, strcspn(dot + 1, "."), 99, &minor)) {
        return 0;
    }
    return major * 100 + minor;
}

/* Linux and legacy Windows have one list for all stacks, and no runtime rows at all. */
static enum hm_status fill_exclusions(const struct hm_facts *facts,
                                      const struct hm_inventory *inventory,
                                      const struct hm_stack *stack, struct hm_arena *arena,
                                      struct hm_stack_facts *out, struct hm_err *err)
{
    if (facts->legacy) {
        out->has_runtime = true;
        return hm_inventory_excluded(inventory, stack->protocol, stack->family, arena,
                                     &out->has_administered, &out->administered, err);
    }
    out->unsupported = stack->exclusions_unsupported;
    out->has_administered = stack->has_administered || stack->exclusions_unsupported;
    out->has_runtime = stack->has_runtime || stack->exclusions_unsupported || facts->linux_host;
    if (stack->has_administered) {
        out->administered = stack->administered;
    }
    if (stack->has_runtime) {
        out->runtime = stack->runtime;
    }
    return HM_OK;
}

static enum hm_status fill_usable(struct hm_stack_facts *out, struct hm_arena *arena,
                                  struct hm_err *err)
{
    struct hm_ports dynamic = {&out->dynamic, 1};
    enum hm_status st;

    if (!out->has_dynamic || !out->has_administered || !out->has_runtime) {
        return HM_OK;
    }
    out->has_usable = true;
    st = hm_ports_subtract(dynamic, out->administered, arena, &out->usable, err);
    if (st == HM_OK && out->runtime.count > 0) {
        st = hm_ports_subtract(out->usable, out->runtime, arena, &out->usable, err);
    }
    out->usable_count = hm_ports_count(out->usable);
    return st;
}

/* What can be said of a range that was not read, or that sockets contradict. */
static void doubt_range(const struct hm_facts *facts, const struct hm_inventory *inventory,
                        enum hm_protocol protocol, struct hm_stack_facts *out)
{
    const struct hm_socket *highest = hm_given_highest(&facts->given);
    struct hm_tcpip_values values;

    if (facts->linux_host) {
        return;
    }
    if (facts->legacy && !out->has_dynamic && inventory->has_registry) {
        out->has_least = true;
        out->has_most = true;
        hm_legacy_bounds(&inventory->registry, &out->least, &out->most);
        if (!hm_registry_in_force(&inventory->registry, &values)) {
            values = hm_registry_written(&inventory->registry);
        }
        out->contradicted = hm_legacy_dynamic(&values, &out->dynamic) &&
                            (inventory->registry.range_contradicted ||
                             (highest != NULL && highest->port > out->dynamic.last));
    }
    if (!facts->legacy && out->has_dynamic &&
        hm_given_outside(&facts->given, protocol, out->dynamic).contradict) {
        out->has_dynamic = false;
        out->contradicted = true;
        out->has_most = true;
        out->most = (struct hm_range){HM_GIVEN_FIRST, HM_PORT_COUNT - 1};
    }
}

static enum hm_status fill_stack(const struct hm_facts *facts, const struct hm_inventory *inventory,
                                 unsigned index, struct hm_arena *arena, struct hm_stack_facts *out,
                                 struct hm_err *err)
{
    const enum hm_family family = index % 2 == 0 ? HM_IPV4 : HM_IPV6;
    const struct hm_stack *stack =
        hm_inventory_stack(inventory, index / 2 == 0 ? HM_TCP : HM_UDP, family);
    bool may_lack = family == HM_IPV6 && (facts->legacy || facts->linux_host);
    enum hm_status st;

    out->present = true;
    if (stack == NULL || (may_lack && !stack->has_dynamic && !stack->has_administered)) {
        out->present = !may_lack;
        return HM_OK;
    }
    out->has_dynamic = stack->has_dynamic;
    out->dynamic = stack->dynamic;
    doubt_range(facts, inventory, stack->protocol, out);
    st = fill_exclusions(facts, inventory, stack, arena, out, err);
    return st == HM_OK ? fill_usable(out, arena, err) : st;
}

static enum hm_status fill_stacks(struct hm_facts *facts, struct hm_arena *arena,
                                  struct hm_err *err)
{
    struct hm_inventory next;
    enum hm_status st =
        hm_inventory_next(facts->inventory, arena, &facts->boot_changes, &next, err);

    for (unsigned i = 0; st == HM_OK && i < HM_STACK_COUNT; i++) {
        st = fill_stack(facts, facts->inventory, i, arena, &facts->stacks[i], err);
        if (st == HM_OK && facts->boot_changes) {
            st = fill_stack(facts, &next, i, arena, &facts->next[i], err);
        }
    }
    return st;
}

static enum hm_status find_given(struct hm_facts *facts, struct hm_arena *arena, struct hm_err *err)
{
    if (facts->linux_host || facts->input->sockets == NULL) {
        return HM_OK;
    }
    return hm_given_find(facts->input->sockets, facts->has_dns, arena, &facts->given, err);
}

static void fill_dns(struct hm_facts *facts)
{
    const struct hm_registry *registry = &facts->inventory->registry;
    const char *dns[] = {"DNS"};
    const struct hm_strings names = {dns, 1};

    if (facts->linux_host || !hm_names_match(&facts->services, &names)) {
        return;
    }
    facts->has_dns = true;
    facts->dns = (struct hm_dns_pool){
        DNS_POOL_DEFAULT, {NULL, 0}
    };
    if (facts->inventory->has_registry && registry->has_dns_socket_pool) {
        facts->dns = registry->dns_socket_pool;
    }
}

/* Where nobody can tell whose sockets they are, as on 2000, the pool is most of them. */
static bool is_nameless(const struct hm_socket *socket)
{
    return socket->protocol == HM_UDP && hm_str_equal(socket->program, "") &&
           hm_str_equal(socket->service, "");
}

/* Where there are no sockets, the sample's counter stands for them. */
static void count_by_sample(struct hm_facts *facts)
{
    const struct hm_sample *sample = facts->input->sample;

    for (size_t i = 0; sample != NULL && i < sample->stacks.count; i++) {
        const struct hm_sample_stack *row = &sample->stacks.at[i];
        unsigned index = hm_stack_index(row->protocol, row->family);
        struct hm_stack_facts *stack = &facts->stacks[index];

        stack->has_others = true;
        stack->others = row->in_use;
        if (row->protocol == HM_UDP && facts->has_dns) {
            uint32_t pool = row->in_use < facts->dns.size ? row->in_use : facts->dns.size;

            stack->others -= pool;
            stack->dns_taken = pool;
        }
        facts->next[index].has_others = true;
        facts->next[index].others = stack->others;
        facts->next[index].dns_taken = stack->dns_taken;
    }
}

static enum hm_status count_used(struct hm_facts *facts, struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_sockets *sockets = facts->input->sockets;
    struct hm_portbits *dns[2] = {NULL, NULL}; /* by family */

    if (sockets == NULL) {
        count_by_sample(facts);
        return HM_OK;
    }
    for (unsigned i = 0; i < 2; i++) {
        facts->used[i] = hm_portbits_new(arena);
        dns[i] = hm_portbits_new(arena);
        if (facts->used[i] == NULL || dns[i] == NULL) {
            return no_memory(err);
        }
    }
    for (size_t i = 0; i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];
        bool pool = facts->has_dns && (hm_socket_is_pool(socket) || is_nameless(socket));

        hm_portbits_put(pool ? dns[socket->family] : facts->used[socket->protocol], socket->port);
    }
    for (unsigned i = 0; i < 2 * HM_STACK_COUNT; i++) {
        unsigned index = i % HM_STACK_COUNT;
        struct hm_stack_facts *stack = i < HM_STACK_COUNT ? &facts->stacks[i] : &facts->next[index];
        bool udp = index >= hm_stack_index(HM_UDP, HM_IPV4);

        if (stack->has_usable) {
            stack->has_others = true;
            stack->others = hm_portbits_count_ports(facts->used[udp], stack->usable);
            stack->dns_taken = udp ? hm_portbits_count_ports(dns[index & 1], stack->usable) : 0;
        }
    }
    return HM_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct hm_port_key *x = a;
    const struct hm_port_key *y = b;

    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->at > y->at) - (x->at < y->at);
}

static uint32_t port_key(enum hm_protocol protocol, uint16_t port)
{
    return (uint32_t)protocol << 16 | port;
}

static enum hm_status index_listeners(struct hm_facts *facts, struct hm_arena *arena,
                                      struct hm_err *err)
{
    const struct hm_inventory *inventory = facts->inventory;
    size_t count = inventory->has_listeners ? inventory->listeners.count : 0;
    struct hm_port_key *keys = hm_arena_alloc(arena, count, sizeof(*keys));

    if (keys == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[i];

        keys[i] = (struct hm_port_key){port_key(listener->protocol, listener->port), (uint32_t)i};
    }
    qsort(keys, count, sizeof(*keys), compare_keys);
    facts->listeners = (struct hm_port_index){keys, count};
    return HM_OK;
}

enum hm_status hm_facts_index_sockets(struct hm_facts *facts, struct hm_arena *arena,
                                      struct hm_err *err)
{
    const struct hm_sockets *sockets = facts->input->sockets;
    struct hm_port_key *keys = NULL;
    size_t count = 0;
    size_t cap = 0;

    for (size_t i = 0; sockets != NULL && i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];

        /* Windows: it blocks no ordinary bind. */
        if ((socket->state == HM_SOCKET_TIME_WAIT && !facts->linux_host) ||
            !hm_portbits_has(facts->required[socket->protocol], socket->port)) {
            continue;
        }
        if (hm_arena_grow(arena, (void **)&keys, count, &cap, sizeof(*keys)) != 0) {
            return no_memory(err);
        }
        keys[count++] = (struct hm_port_key){port_key(socket->protocol, socket->port), (uint32_t)i};
    }
    if (count > 0) {
        qsort(keys, count, sizeof(*keys), compare_keys);
    }
    facts->sockets = (struct hm_port_index){keys, count};
    return HM_OK;
}

enum hm_status hm_facts_init(const struct hm_judge_input *input, struct hm_arena *arena,
                             struct hm_facts *out_facts, struct hm_err *err)
{
    struct hm_facts *facts = out_facts;
    enum hm_status st;

    memset(facts, 0, sizeof(*facts));
    facts->input = input;
    facts->inventory = input->inventory;
    facts->linux_host = input->inventory->os.family == HM_OS_LINUX;
    facts->legacy = hm_os_is_legacy(&input->inventory->os);
    facts->windows = windows_number(&input->inventory->os);
    for (unsigned i = 0; i < 2; i++) {
        facts->required[i] = hm_portbits_new(arena);
        if (facts->required[i] == NULL) {
            return no_memory(err);
        }
    }
    st = collect_names(facts, arena, err);
    if (st == HM_OK) {
        fill_dns(facts);
        st = find_given(facts, arena, err);
    }
    if (st == HM_OK) {
        st = fill_stacks(facts, arena, err);
    }
    if (st == HM_OK) {
        st = index_listeners(facts, arena, err);
    }
    if (st == HM_OK) {
        st = count_used(facts, arena, err);
    }
    return st;
}

const struct hm_stack_facts *hm_facts_stack(const struct hm_facts *facts, enum hm_protocol protocol,
                                            enum hm_family family)
{
    return &facts->stacks[hm_stack_index(protocol, family)];
}

bool hm_stack_facts_gives(const struct hm_stack_facts *stack, uint16_t port)
{
    return stack->has_dynamic ? hm_range_contains(stack->dynamic, port)
                              : stack->has_least && hm_range_contains(stack->least, port);
}

struct hm_ports hm_stack_facts_may_give(const struct hm_stack_facts *stack)
{
    if (stack->has_dynamic) {
        return (struct hm_ports){&stack->dynamic, 1};
    }
    return (struct hm_ports){&stack->most, stack->has_most ? 1 : 0};
}

bool hm_facts_may_give(const struct hm_facts *facts, const struct hm_listener *listener)
{
    const struct hm_stack_facts *stack =
        hm_facts_stack(facts, listener->protocol, listener->family);

    return hm_ports_contains(hm_stack_facts_may_give(stack), listener->port) &&
           !hm_ports_contains(stack->administered, listener->port);
}

bool hm_listener_is_loopback(const struct hm_listener *listener)
{
    return strncmp(listener->address, "127.", 4) == 0 || hm_str_equal(listener->address, "::1");
}

const struct hm_stack_facts *hm_facts_next_stack(const struct hm_facts *facts,
                                                 enum hm_protocol protocol, enum hm_family family)
{
    return facts->boot_changes ? &facts->next[hm_stack_index(protocol, family)]
                               : hm_facts_stack(facts, protocol, family);
}

bool hm_facts_ends_with_boot(const struct hm_facts *facts, const struct hm_socket *socket)
{
    const struct hm_stack_facts *stack = hm_facts_stack(facts, socket->protocol, socket->family);

    if (facts->has_dns && hm_socket_is_pool(socket)) {
        return true;
    }
    return socket->state != HM_SOCKET_LISTEN &&
           (!stack->has_dynamic || hm_range_contains(stack->dynamic, socket->port));
}

/* The first place whose key is not below key. */
static size_t lower_bound(const struct hm_port_index *index, uint32_t key)
{
    size_t low = 0;
    size_t high = index->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index->at[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t hm_facts_find(const struct hm_port_index *index, enum hm_protocol protocol,
                     struct hm_range range, size_t *out_at)
{
    *out_at = 0;
    if (index->count == 0) {
        return 0;
    }
    *out_at = lower_bound(index, port_key(protocol, range.first));
    if (range.first == range.last && *out_at < index->count &&
        index->at[*out_at].key != port_key(protocol, range.first)) {
        return *out_at;
    }
    return lower_bound(index, port_key(protocol, range.last) + 1);
}

static bool next(const struct hm_port_index *index, enum hm_protocol protocol,
                 struct hm_ports ports, struct hm_port_cursor *cursor)
{
    while (cursor->at == cursor->end) {
        if (cursor->range == ports.count) {
            return false;
        }
        cursor->end = hm_facts_find(index, protocol, ports.at[cursor->range++], &cursor->at);
    }
    cursor->at++;
    return true;
}

const struct hm_listener *hm_facts_next_listener(const struct hm_facts *facts,
                                                 enum hm_protocol protocol, struct hm_ports ports,
                                                 struct hm_port_cursor *cursor)
{
    if (!next(&facts->listeners, protocol, ports, cursor)) {
        return NULL;
    }
    return &facts->inventory->listeners.at[facts->listeners.at[cursor->at - 1].at];
}

const struct hm_socket *hm_facts_next_socket(const struct hm_facts *facts,
                                             enum hm_protocol protocol, struct hm_ports ports,
                                             struct hm_port_cursor *cursor)
{
    if (!next(&facts->sockets, protocol, ports, cursor)) {
        return NULL;
    }
    return &facts->input->sockets->at[facts->sockets.at[cursor->at - 1].at];
}
