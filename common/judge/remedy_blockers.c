/* common/judge/remedy_blockers.c — what has the ports of a remedy now, and what can be done about
 * it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_scope.h"

#include "common/base/str.h"

#define BLOCK_MIN_PORTS 16u /* WinNAT and HNS take blocks; HTTP.sys takes single ports */
#define HNS_BLOCK_PORTS 64u /* of kube-proxy; WinNAT takes 100 (windows-ports 2.1) */

static struct hm_blocker *put_blocker(struct hm_remedy_scope *scope, const struct hm_need *need,
                                      struct hm_range range)
{
    struct hm_blockers *all = &scope->blockers;

    if (hm_arena_grow(scope->list->arena, (void **)&all->at, all->count, &all->cap,
                      sizeof(*all->at)) != 0) {
        scope->list->status = scope->list->status == HM_OK ? HM_ENOMEM : scope->list->status;
        return NULL;
    }
    all->at[all->count] = (struct hm_blocker){
        .protocol = need->verdict.protocol,
        .range = range,
        .service = "",
        .name = "",
        .program = "",
        .remote = "",
        .need = need,
    };
    return &all->at[all->count++];
}

/* The only service of the host that the catalogue names for the need; "" none, or several: a worker
 * process does not tell its service. */
static const char *catalogue_service(const struct hm_remedy_scope *scope,
                                     const struct hm_need *need)
{
    const struct hm_inventory *inventory = scope->ctx->input->inventory;
    const struct hm_detect *names = hm_need_names(need);
    const char *found = "";

    for (size_t i = 0; inventory->has_services && i < inventory->services.count; i++) {
        const char *name = inventory->services.at[i];

        if (!hm_detect_owns(names, "", name) || !hm_service_may_run(scope->ctx->services, name)) {
            continue;
        }
        if (found[0] != '\0') {
            return "";
        }
        found = name;
    }
    return found;
}

/* Nobody stops a process that hosts the services of others, too. */
static const char *name_of_product(const struct hm_remedy_scope *scope, const struct hm_need *need)
{
    return need->product == NULL
               ? need->verdict.title
               : hm_finding_print(scope->list, "the service of %s", need->product->title);
}

/* "svchost.exe (it hosts Dnscache and NlaSvc)" */
static const char *name_of_host(const struct hm_remedy_scope *scope, const struct hm_holder *holder)
{
    struct hm_service_list hosted = {.count = 0};

    for (size_t i = 0; i < holder->hosted.count; i++) {
        hm_service_list_put(&hosted, holder->hosted.at[i]);
    }
    return hosted.count == 0 ? holder->program
                             : hm_finding_print(scope->list, "%s (it hosts %s)", holder->program,
                                                hm_remedy_list_services(scope->list, &hosted));
}

static void block_own(struct hm_remedy_scope *scope, struct hm_blocker *blocker,
                      const char *program, const char *service)
{
    static const enum hm_block blocks[] = {
        [HM_STOP_CAN] = HM_BLOCK_STOP,    [HM_STOP_LAST] = HM_BLOCK_LAST,
        [HM_STOP_UNKNOWN] = HM_BLOCK_OWN, [HM_STOP_NEVER] = HM_BLOCK_OWN,
        [HM_STOP_NONE] = HM_BLOCK_OWN,    [HM_STOP_DISABLED] = HM_BLOCK_DISABLED,
        [HM_STOP_CLUSTER] = HM_BLOCK_OWN, [HM_STOP_TOOL] = HM_BLOCK_OWN,
    };

    if (!hm_service_is_plain(scope->ctx->facts, service)) {
        service = catalogue_service(scope, blocker->need);
    }
    blocker->own = true;
    blocker->service = service;
    blocker->name = service[0] != '\0'                ? service
                    : hm_need_is_shared_host(program) ? name_of_product(scope, blocker->need)
                                                      : program;
    blocker->stop = hm_service_may_stop(scope->ctx->services, service);
    blocker->block = blocks[blocker->stop];
}

/* Does another product of the host require this port, or has the same program been seen on it over
 * boots? Then it listens there by choice. A UDP socket, or an RPC end point, inside the dynamic
 * range is given; of another TCP listener nobody knows, so it counts as chosen, *out_guessed. */
static bool is_fixed(const struct hm_remedy_scope *scope, const struct hm_need *need,
                     const struct hm_holder *holder, enum hm_family family,
                     enum hm_listener_kind kind, bool *out_guessed)
{
    const struct hm_finding_ctx *ctx = scope->ctx;
    const struct hm_inventory *inventory = ctx->input->inventory;
    enum hm_protocol protocol = need->verdict.protocol;
    const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, protocol, family);

    *out_guessed = false;
    if (holder->state != HM_SOCKET_LISTEN) {
        return false;
    }
    if (ctx->facts->has_dns && hm_socket_is_pool(&(const struct hm_socket){
                                   .protocol = protocol,
                                   .port = holder->port,
                                   .program = holder->program,
                                   .service = holder->service,
                                   .state = holder->state,
                               })) {
        return false; /* it was given that port while the range was another one */
    }
    if (!hm_ports_contains(hm_stack_facts_may_give(stack), holder->port)) {
        return true;
    }
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *other = &ctx->needs[i];

        if (other->product != NULL && other->product != need->product &&
            other->verdict.protocol == protocol &&
            hm_ports_contains(other->requirement->ports, holder->port) &&
            hm_need_owner_of(ctx->facts, other, holder) == HM_OWNER_SELF) {
            return true;
        }
    }
    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];

        if (entry->protocol == protocol && entry->port == holder->port &&
            entry->boots >= HM_PORT_BOOK_FIXED &&
            hm_str_equal_nocase(entry->program, holder->program) &&
            hm_str_equal_nocase(entry->service, holder->service)) {
            return true;
        }
    }
    *out_guessed = protocol == HM_TCP && kind != HM_KIND_RPC &&
                   (ctx->facts->linux_host || !hm_need_is_rpc_program(holder->program));
    return *out_guessed;
}

/* Linux: may a restart of the listener free its port? Not where it surely chose it. */
static bool may_be_given(const struct hm_facts *facts, const struct hm_need *need,
                         const struct hm_holder *holder, enum hm_family family,
                         enum hm_listener_kind kind)
{
    const struct hm_listener listener = {
        .protocol = need->verdict.protocol,
        .family = family,
        .address = holder->address == NULL ? "" : holder->address,
        .port = holder->port,
        .program = holder->program,
        .service = holder->service,
        .kind = kind,
    };

    return facts->linux_host && !hm_need_is_fixed(facts, &listener);
}

static const char *socket_unit(struct hm_finding_list *list, const struct hm_holder *holder)
{
    char unit[HM_NEED_UNIT_BYTES];
    const char *name = hm_need_unit(holder->program, holder->service, unit);

    if (name[0] == '\0') {
        return hm_finding_print(list, "a socket unit of %s (\"systemctl list-sockets\" names it)",
                                holder->program);
    }
    return hm_finding_print(list,
                            "%s.socket (\"systemctl list-sockets\" shows its exact name; stopping "
                            "the service alone does not free the port)",
                            name);
}

static void block_foreign(struct hm_remedy_scope *scope, struct hm_blocker *blocker,
                          const struct hm_holder *holder, enum hm_family family,
                          enum hm_listener_kind kind)
{
    bool guessed;

    blocker->service = holder->service;
    blocker->program = holder->program;
    blocker->remote = holder->remote;
    blocker->pid = holder->pid;
    blocker->name = holder->service[0] != '\0'   ? holder->service
                    : holder->program[0] != '\0' ? name_of_host(scope, holder)
                                                 : HM_REMEDY_NAMELESS;
    blocker->stop = hm_service_may_stop(scope->ctx->services, holder->service);
    if (hm_socket_state_lingers(holder->state)) {
        blocker->block = HM_BLOCK_NONE;
        blocker->name = HM_REMEDY_CLOSED;
    } else if (holder->connecting) {
        blocker->block = HM_BLOCK_NONE; /* gone before anybody could stop it */
    } else if (holder->state == HM_SOCKET_LISTEN &&
               hm_need_is_kin(scope->ctx->facts, blocker->need, holder->program,
                              hm_need_speaker(blocker->need, holder->service, &holder->hosted),
                              holder->state)) {
        blocker->block = HM_BLOCK_FIXED; /* another instance of the product */
        blocker->stray = holder->service[0] == '\0';
    } else if (hm_need_is_activator(scope->ctx->facts, holder->program)) {
        blocker->block = HM_BLOCK_FIXED; /* a socket unit; stopping its service frees nothing */
        blocker->service = "";
        blocker->stop = HM_STOP_NONE;
        blocker->name = socket_unit(scope->list, holder);
    } else if (is_fixed(scope, blocker->need, holder, family, kind, &guessed)) {
        blocker->block = HM_BLOCK_FIXED;
        blocker->unsure =
            guessed && may_be_given(scope->ctx->facts, blocker->need, holder, family, kind);
    } else if (blocker->stop == HM_STOP_CLUSTER) {
        blocker->block = HM_BLOCK_OWN; /* a person takes it offline; a boot would move it */
    } else {
        blocker->block = blocker->stop == HM_STOP_CAN ? HM_BLOCK_STOP : HM_BLOCK_BOOT;
    }
}

/* Is there such a blocker already? */
static bool is_known(const struct hm_remedy_scope *scope, const struct hm_need *need,
                     const struct hm_holder *holder, enum hm_owner owner)
{
    for (size_t i = scope->blockers.count; i > 0; i--) {
        const struct hm_blocker *one = &scope->blockers.at[i - 1];

        if (one->need != need || one->range.first != holder->port) {
            continue;
        }
        if (one->own ? owner != HM_OWNER_FOREIGN || holder->state != HM_SOCKET_LISTEN
                     : hm_str_equal_nocase(one->service, holder->service) &&
                           (one->service[0] != '\0' ||
                            hm_str_equal_nocase(one->program, holder->program))) {
            return true; /* the same one, or a connection that the product accepted */
        }
    }
    return false;
}

/* The only service that starts this program and with which it ends, by the products of this host;
 * "" none, or several. */
static const char *parent_of(const struct hm_remedy_scope *scope, const char *program)
{
    const struct hm_facts *facts = scope->ctx->facts;
    const char *found = "";

    for (size_t i = 0; i < facts->present_count; i++) {
        const struct hm_children_list *children = &facts->present[i]->children;

        for (size_t k = 0; k < children->count; k++) {
            const struct hm_strings service = {&children->at[k].service, 1};
            const struct hm_detect names = {.programs = children->at[k].programs};

            if (!hm_detect_owns(&names, program, "") ||
                !hm_names_match(&facts->services, &service) ||
                !hm_service_may_run(scope->ctx->services, children->at[k].service)) {
                continue;
            }
            if (found[0] != '\0' && !hm_str_equal_nocase(found, children->at[k].service)) {
                return "";
            }
            found = children->at[k].service;
        }
    }
    return found;
}

static void put_holder(struct hm_remedy_scope *scope, const struct hm_need *need,
                       const struct hm_holder *seen, enum hm_family family,
                       enum hm_listener_kind kind)
{
    const struct hm_facts *facts = scope->ctx->facts;
    const bool closed = facts->linux_host && need->verdict.state == HM_BLOCKED &&
                        hm_socket_state_lingers(seen->state) &&
                        hm_socket_state_lingers(need->verdict.holder.state);
    const enum hm_owner owner =
        closed ? HM_OWNER_FOREIGN : hm_need_owner_of(facts, need, seen); /* it has no name */
    const bool is_unclear =
        owner == HM_OWNER_FOREIGN && hm_need_is_unclear(facts, need, family, seen);
    struct hm_holder named = *seen;
    const struct hm_holder *holder = &named;
    struct hm_blocker *blocker;

    if (owner == HM_OWNER_FOREIGN && !is_unclear && seen->service[0] == '\0') {
        named.service = parent_of(scope, seen->program);
    }
    if (is_known(scope, need, holder, owner) ||
        (owner != HM_OWNER_FOREIGN && !hm_remedy_may_exclude(scope->ctx, need))) {
        return;
    }
    blocker = put_blocker(scope, need, (struct hm_range){holder->port, holder->port});
    if (blocker == NULL) {
        return;
    }
    if (owner != HM_OWNER_FOREIGN) {
        const char *speaker = hm_need_speaker(need, holder->service, &holder->hosted);

        block_own(scope, blocker, holder->program,
                  hm_need_has_service(need, speaker) ? speaker : holder->service);
    } else if (is_unclear) {
        block_own(scope, blocker, holder->program, holder->service);
        blocker->block = HM_BLOCK_OWN; /* it may be a part of the product, or not */
        blocker->stop = HM_STOP_NONE;
    } else {
        block_foreign(scope, blocker, holder, family, kind);
        blocker->apart = hm_need_is_elsewhere(need, family, holder);
    }
}

/* Listeners first, so that a connection which one of them accepted is known as such. */
static void find_holders(struct hm_remedy_scope *scope, const struct hm_need *need,
                         struct hm_ports watched)
{
    const struct hm_facts *facts = scope->ctx->facts;

    for (unsigned listens = 0; listens < 2; listens++) {
        struct hm_port_cursor cursor = {0, 0, 0};
        const struct hm_socket *socket;

        while ((socket = hm_facts_next_socket(facts, need->verdict.protocol, watched, &cursor)) !=
               NULL) {
            const struct hm_holder holder = hm_holder_of_socket(socket);

            if ((socket->state == HM_SOCKET_LISTEN) == (listens == 0)) {
                put_holder(scope, need, &holder, socket->family, HM_KIND_SOCKET);
            }
        }
        if (listens == 0) {
            const struct hm_listener *listener;

            cursor = (struct hm_port_cursor){0, 0, 0};
            while ((listener = hm_facts_next_listener(facts, need->verdict.protocol, watched,
                                                      &cursor)) != NULL) {
                const struct hm_holder holder = hm_holder_of_listener(listener);

                put_holder(scope, need, &holder, listener->family, listener->kind);
            }
        }
    }
}

/* The part of the row from its first watched port to its last one. */
static struct hm_range met(struct hm_range row, struct hm_ports watched)
{
    struct hm_range part = {row.last, row.first};

    for (size_t i = 0; i < watched.count; i++) {
        struct hm_range one = watched.at[i];

        if (one.first <= row.last && one.last >= row.first) {
            uint16_t first = one.first > row.first ? one.first : row.first;
            uint16_t last = one.last < row.last ? one.last : row.last;

            part.first = first < part.first ? first : part.first;
            part.last = last > part.last ? last : part.last;
        }
    }
    return part;
}

/* Rows of WinNAT, HNS and HTTP.sys over the ports. */
static void find_rows(struct hm_remedy_scope *scope, const struct hm_need *need,
                      struct hm_ports watched)
{
    for (unsigned i = 0; i < 2; i++) {
        struct hm_ports rows =
            hm_facts_stack(scope->ctx->facts, need->verdict.protocol, i == 0 ? HM_IPV4 : HM_IPV6)
                ->runtime;

        for (size_t at = 0; at < rows.count && need->stacks[i].judged; at++) {
            uint32_t count = hm_range_count(rows.at[at]);
            struct hm_blocker *blocker;

            if (!hm_ports_overlap((struct hm_ports){&rows.at[at], 1}, watched)) {
                continue;
            }
            blocker = put_blocker(scope, need, met(rows.at[at], watched));
            if (blocker == NULL) {
                return;
            }
            if (count < BLOCK_MIN_PORTS) {
                blocker->name =
                    hm_configured_container(scope->ctx->facts, need->verdict.protocol,
                                            (struct hm_ports){&blocker->range, 1}) != NULL
                        ? HM_REMEDY_CONTAINER
                        : "HTTP.sys";
                blocker->stop = HM_STOP_NONE;
                blocker->block = HM_BLOCK_FIXED;
            } else if (count == HNS_BLOCK_PORTS) {
                blocker->service = blocker->name = "hns";
                blocker->stop = HM_STOP_NEVER;
                blocker->block = HM_BLOCK_BOOT;
            } else {
                blocker->service = blocker->name = "winnat";
                blocker->stop = HM_STOP_CAN;
                blocker->block = HM_BLOCK_STOP;
            }
        }
    }
}

void hm_remedy_find_blockers(struct hm_remedy_scope *scope, const struct hm_need *need,
                             struct hm_ports watched)
{
    if (scope->ctx->facts->linux_host && need->requirement->reserve_only) {
        return; /* nobody binds it, and a port that is in use can be reserved, too */
    }
    find_holders(scope, need, watched);
    find_rows(scope, need, watched);
}

void hm_remedy_sort_blockers(struct hm_remedy_scope *scope)
{
    struct hm_finding_list *list = scope->list;

    for (unsigned p = 0; p < 2; p++) {
        struct hm_ports worse = {NULL, 0};

        for (unsigned block = HM_BLOCK_COUNT; block > 0; block--) {
            struct hm_port_bag bag = {.count = 0};
            struct hm_ports ports;

            for (size_t i = 0; i < scope->blockers.count; i++) {
                const struct hm_blocker *one = &scope->blockers.at[i];

                if ((unsigned)one->protocol == p && one->block == (enum hm_block)(block - 1)) {
                    hm_port_bag_put(list, &bag, (struct hm_ports){&one->range, 1});
                }
            }
            ports = hm_port_bag_set(list, &bag);
            scope->blocked[p][block - 1] = hm_finding_without(list, ports, worse);
            worse = hm_finding_union(list, worse, ports);
        }
    }
}
