/* common/judge/remedy_shared.c — what the remedies of one host share, and ports that are no
 * requirement's.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_scope.h"

#include "common/base/str.h"

/* A part of the product that is not seen now, and that no service of its own would show: a console
 * while it is closed, an option, also of one instance. On a list that hinders nobody it is
 * reserved, too. */
static bool is_dormant(const struct hm_requirement *requirement)
{
    return (requirement->detect.services.count == 0 ||
            (requirement->of_instance && requirement->optional)) &&
           (requirement->optional || requirement->detect.programs.count > 0) &&
           requirement->safe_to_exclude != HM_EXCLUDE_NO;
}

static struct hm_ports in_dynamic(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                                  enum hm_protocol protocol, struct hm_ports ports)
{
    struct hm_ports all = {NULL, 0};

    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        const struct hm_stack_facts *next =
            hm_facts_next_stack(ctx->facts, protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        all = hm_finding_union(list, all,
                               hm_finding_common(list, ports, hm_stack_facts_may_give(stack)));
        /* a larger range may be written already */
        all = hm_finding_union(list, all,
                               hm_finding_common(list, ports, hm_stack_facts_may_give(next)));
    }
    return all;
}

/* Where a write replaces the whole list, every remedy writes the ports of all of them: whichever is
 * carried out, and in whatever order, none undoes another. */
static struct hm_ports all_at_risk(const struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    struct hm_port_bag bag = {.count = 0};
    const struct hm_product *last = NULL;

    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];

        if (!hm_remedy_is_at_risk(need) &&
            !(need->verdict.has_after_boot && need->verdict.after_boot >= HM_EXPOSED)) {
            continue;
        }
        hm_port_bag_put(list, &bag,
                        in_dynamic(ctx, list, need->verdict.protocol, need->requirement->ports));
        for (size_t k = 0; need->product != NULL && need->product != last &&
                           k < need->product->requirements.count;
             k++) {
            const struct hm_requirement *other = &need->product->requirements.at[k];

            if (is_dormant(other)) {
                hm_port_bag_put(list, &bag, in_dynamic(ctx, list, other->protocol, other->ports));
            }
        }
        last = need->product;
    }
    return hm_port_bag_set(list, &bag);
}

/* The DNS Server's own list is replaced by a write, too. */
static struct hm_ports all_in_pool(const struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    struct hm_port_bag bag = {.count = 0};

    for (size_t i = 0; ctx->facts->has_dns && i < ctx->count; i++) {
        if (!hm_remedy_may_ask(ctx, &ctx->needs[i])) {
            hm_port_bag_put(list, &bag, hm_remedy_pool_reach(ctx, &ctx->needs[i], list));
        }
    }
    return hm_port_bag_set(list, &bag);
}

/* Those that the range has, or may have: the others need no move of it. */
static struct hm_ports within_ranges(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                                     enum hm_protocol protocol, struct hm_ports ports,
                                     struct hm_ports own)
{
    return hm_finding_union(list, in_dynamic(ctx, list, protocol, ports),
                            hm_finding_common(list, ports, own));
}

/* Ports that no remedy may or can exclude, and that no range which a remedy sets may have: those at
 * risk now, and those of the default range that the present range leaves alone. */
static struct hm_ports all_to_keep_off(const struct hm_finding_ctx *ctx,
                                       struct hm_finding_list *list, enum hm_protocol protocol)
{
    struct hm_port_bag bag = {.count = 0};
    struct hm_ports spared = {NULL, 0};
    struct hm_ports own = {NULL, 0}; /* the system's default range */
    struct hm_range usual;

    if (hm_os_default_dynamic(&ctx->input->inventory->os, &usual)) {
        own = hm_finding_union(list, own, (struct hm_ports){&usual, 1});
        spared = own;
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        spared = hm_finding_without(list, spared,
                                    (struct hm_ports){&stack->dynamic, stack->has_dynamic ? 1 : 0});
    }
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];

        struct hm_ports ports;

        if (need->verdict.protocol != protocol) {
            continue;
        }
        ports = need->verdict.state >= HM_EXPOSED
                    ? within_ranges(ctx, list, protocol, need->verdict.at_risk, own)
                    : hm_finding_common(list, need->requirement->ports, spared);
        if (!hm_remedy_lacks_exclusions(ctx, protocol) && hm_remedy_may_exclude(ctx, need)) {
            ports = hm_finding_common(list, ports, ctx->untouchable[protocol]);
        }
        hm_port_bag_put(list, &bag, ports);
    }
    return hm_port_bag_set(list, &bag);
}

/* What a restart of this host interrupts besides its services. */
static const char *boot_warning_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    static const struct {
        const char *service;
        const char *warning;
    } rows[] = {
        {"ClusSvc",    " It is a node of a failover cluster: drain it first (Suspend-ClusterNode "
                    "-Drain since 2012; before, move its groups to another node)."},
        {"vmms",       " Its virtual machines stop or are saved: move them to another host first."   },
        {"NTDS",       " It is a domain controller: see that another one answers meanwhile."         },
        {"kubelet",    " It is a node of Kubernetes: kubectl drain first."                           },
        {"docker",     " Its containers end: move them to another host first."                       },
        {"containerd", " Its containers end: move them to another host first."                       },
    };
    struct hm_line line;
    const char *said = "";

    hm_line_init(&line);
    hm_line_put(&line, "Every service of the host is interrupted.");
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const char *service = rows[i].service;

        if (hm_names_match(&ctx->facts->running, &(const struct hm_strings){&service, 1}) &&
            !hm_str_equal(said, rows[i].warning)) {
            said = rows[i].warning;
            hm_line_put(&line, said);
        }
    }
    return hm_finding_line(list, &line);
}

enum hm_status hm_remedy_prepare(struct hm_finding_ctx *ctx, struct hm_err *err)
{
    struct hm_finding_list list = {.arena = ctx->arena, .status = HM_OK};
    struct hm_service_graph *services;
    enum hm_status st = hm_service_graph_init(ctx->facts, ctx->arena, &services, err);

    if (st != HM_OK) {
        return st;
    }
    ctx->services = services;
    hm_remedy_group(ctx, &list);
    ctx->boot_warning = boot_warning_of(ctx, &list);
    ctx->pool = all_in_pool(ctx, &list);
    ctx->untouchable[HM_TCP] = hm_remedy_untouchable(ctx, &list, HM_TCP);
    ctx->untouchable[HM_UDP] = hm_remedy_untouchable(ctx, &list, HM_UDP);
    ctx->keep_off[HM_TCP] = all_to_keep_off(ctx, &list, HM_TCP);
    ctx->keep_off[HM_UDP] = all_to_keep_off(ctx, &list, HM_UDP);
    if (!ctx->facts->linux_host && !ctx->facts->legacy) {
        ctx->excludable[HM_TCP] = hm_remedy_all_excludable(ctx, &list, HM_TCP);
        ctx->excludable[HM_UDP] = hm_remedy_all_excludable(ctx, &list, HM_UDP);
        return list.status == HM_OK /* rows are added one by one there */
                   ? HM_OK
                   : hm_fail(err, list.status, "no memory for the remedies of a host");
    }
    ctx->reserve = all_at_risk(ctx, &list);
    for (unsigned i = 0; ctx->facts->linux_host && i < HM_STACK_COUNT; i++) {
        ctx->reserve = hm_finding_union(&list, ctx->reserve, ctx->facts->stacks[i].administered);
        if (ctx->facts->boot_changes) { /* what a settings file reserves, too */
            ctx->reserve = hm_finding_union(&list, ctx->reserve, ctx->facts->next[i].administered);
        }
    }
    if (list.status != HM_OK) {
        return hm_fail(err, list.status, "no memory for the remedies of a host");
    }
    return HM_OK;
}

/* ---- ports that must never be excluded ----------------------------------------------------- */

/* A setting that can be read says more than the memory of it. */
bool hm_remedy_hazard_counts(const struct hm_finding_ctx *ctx, const struct hm_port_hazard *hazard)
{
    return hazard->lasts || ctx->input->settings_unread;
}

struct hm_ports hm_remedy_untouchable(const struct hm_finding_ctx *ctx,
                                      struct hm_finding_list *list, enum hm_protocol protocol)
{
    const struct hm_facts *facts = ctx->facts;
    const struct hm_inventory *inventory = ctx->input->inventory;
    struct hm_port_bag bag = {.count = 0};

    if (facts->linux_host || facts->legacy) {
        return (struct hm_ports){NULL, 0}; /* reserved ports hinder no explicit bind there */
    }
    for (size_t i = 0; i < facts->present_count; i++) {
        const struct hm_requirements *rows = &facts->present[i]->requirements;

        for (size_t k = 0; k < rows->count; k++) {
            const struct hm_requirement *row = &rows->at[k];

            if (row->protocol == protocol &&
                (hm_kind_forbids_exclusion(row->kind) || row->safe_to_exclude == HM_EXCLUDE_NO)) {
                hm_port_bag_put(list, &bag, row->ports);
            }
        }
    }
    for (size_t i = 0; inventory->has_listeners && i < inventory->listeners.count; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[i];
        const struct hm_range one = {listener->port, listener->port};

        if (listener->protocol == protocol && hm_kind_forbids_exclusion(listener->kind)) {
            hm_port_bag_put(list, &bag, (struct hm_ports){&one, 1});
        }
    }
    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];
        const struct hm_range one = {entry->port, entry->port};

        if (entry->protocol == protocol && hm_kind_forbids_exclusion(entry->kind)) {
            hm_port_bag_put(list, &bag, (struct hm_ports){&one, 1});
        }
    }
    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count; i++) {
        const struct hm_configured *row = &inventory->configured.at[i];
        const struct hm_range one = {row->port, row->port};

        if (row->protocol == protocol && row->port != 0 && hm_kind_forbids_exclusion(row->kind)) {
            hm_port_bag_put(list, &bag, (struct hm_ports){&one, 1});
        }
    }
    for (size_t i = 0; ctx->input->hazards != NULL && i < ctx->input->hazards->count; i++) {
        const struct hm_port_hazard *row = &ctx->input->hazards->at[i];
        const struct hm_range one = {row->port, row->port};

        if (row->protocol == protocol && hm_remedy_hazard_counts(ctx, row)) {
            hm_port_bag_put(list, &bag, (struct hm_ports){&one, 1});
        }
    }
    return hm_port_bag_set(list, &bag);
}

#define HAZARDS_NAMED 3u

void hm_remedy_name_remembered(const struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const struct hm_port_hazards *hazards = scope->ctx->input->hazards;
    unsigned named = 0;

    for (size_t i = 0; hazards != NULL && i < hazards->count && named < HAZARDS_NAMED; i++) {
        const struct hm_port_hazard *row = &hazards->at[i];

        if (!hm_remedy_hazard_counts(scope->ctx, row) ||
            !hm_ports_contains(scope->unwanted[row->protocol], row->port)) {
            continue;
        }
        named++;
        (void)hm_remedy_step(
            scope->list, finding, HM_STEP_DECIDE,
            hm_finding_print(scope->list,
                             "Do not exclude %s %u; the agent refuses it, too. It remembers that "
                             "the port is that of a server which fails when its port is excluded "
                             "(%s).%s",
                             hm_protocol_names[row->protocol], (unsigned)row->port, row->how,
                             row->lasts ? " If no server ever has it again, run \"hm-agent "
                                          "forget\" with this port on the host, and check again."
                                        : " Whether it still is cannot be read now."));
    }
}

/* ---- ports that are no requirement's ------------------------------------------------------- */

/* The ports that something has now, and its names. */
static struct hm_ports busy_ports(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                                  enum hm_protocol protocol, struct hm_ports ports,
                                  struct hm_service_list *names)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;
    const struct hm_socket *socket;
    struct hm_port_bag bag = {.count = 0};

    while ((listener = hm_facts_next_listener(ctx->facts, protocol, ports, &cursor)) != NULL) {
        const struct hm_range one = {listener->port, listener->port};

        hm_port_bag_put(list, &bag, (struct hm_ports){&one, 1});
        hm_service_list_put(names,
                            listener->service[0] != '\0' ? listener->service : listener->program);
    }
    cursor = (struct hm_port_cursor){0, 0, 0};
    while ((socket = hm_facts_next_socket(ctx->facts, protocol, ports, &cursor)) != NULL) {
        const struct hm_range one = {socket->port, socket->port};

        hm_port_bag_put(list, &bag, (struct hm_ports){&one, 1});
        hm_service_list_put(names, socket->service[0] != '\0' ? socket->service : socket->program);
    }
    return hm_port_bag_set(list, &bag);
}

/* Ports that something has: it stops for the moment, by a command where that may be. */
static void exclude_busy(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                         struct hm_finding *finding, const struct hm_stack_ports *busy,
                         const struct hm_service_list *names)
{
    struct hm_remedy_scope scope = {.ctx = ctx, .list = list};
    const char *text = hm_remedy_list_services(list, names);
    struct hm_remedy_step *step;
    bool may = !names->cut;

    for (size_t i = 0; i < names->count; i++) {
        may = may && hm_service_may_stop(ctx->services, names->at[i]) == HM_STOP_CAN;
    }
    if (may) {
        hm_remedy_stop_services(&scope, finding, names, "as netsh refuses a port that is in use");
        (void)hm_remedy_reserve(list, finding, busy);
        hm_remedy_start_services(&scope, finding, NULL, names);
        return;
    }
    step = hm_remedy_reserve(list, finding, busy);
    step->precondition =
        hm_finding_print(list, "%s %s stopped. netsh refuses a port that is in use.", text,
                         names->count > 1 ? "are" : "is");
}

static void exclude_modern(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                           struct hm_finding *finding, const struct hm_stack_ports *missing)
{
    struct hm_stack_ports now = {{{NULL, 0}}};
    struct hm_stack_ports later = {{{NULL, 0}}};
    struct hm_service_list names = {.count = 0};
    bool any = false;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        enum hm_protocol protocol = i < 2 ? HM_TCP : HM_UDP;
        struct hm_ports ports =
            hm_finding_without(list, missing->of[i], ctx->untouchable[protocol]);
        struct hm_ports busy = busy_ports(ctx, list, protocol, ports, &names);

        now.of[i] = hm_finding_without(list, ports, busy);
        later.of[i] = hm_finding_common(list, ports, busy);
        any = any || later.of[i].count > 0;
    }
    (void)hm_remedy_reserve(list, finding, &now);
    if (any) {
        exclude_busy(ctx, list, finding, &later, &names);
    }
}

void hm_remedy_exclude(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_finding *finding, const struct hm_stack_ports *missing)
{
    struct hm_ports all = {NULL, 0};
    uint32_t left;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        all = hm_finding_union(list, all, missing->of[i]);
    }
    if (all.count == 0) {
        return;
    }
    if (ctx->facts->linux_host) {
        hm_remedy_write_sysctl(ctx, list, finding, all);
    } else if (ctx->facts->legacy) {
        all = hm_finding_union(list, ctx->reserve, all);
        if (!hm_remedy_leaves_room(ctx, list,
                                   &(struct hm_stack_ports){
                                       {all, all, all, all}
        },
                                   &left) &&
            !hm_remedy_make_room(ctx, list, finding, &(struct hm_stack_ports){{all, all, all, all}},
                                 left)) {
            return;
        }
        hm_remedy_write_reserved(ctx, list, finding, all);
        hm_remedy_restart(list, finding,
                          "Restart the host: this system reads ReservedPorts when it "
                          "starts.");
    } else if (hm_remedy_leaves_room(ctx, list, missing, &left) ||
               hm_remedy_make_room(ctx, list, finding, missing, left)) {
        exclude_modern(ctx, list, finding, missing);
    }
}

/* The services of one need that are known to be down. */
static void list_need_down(const struct hm_finding_ctx *ctx, const struct hm_need *need,
                           struct hm_service_list *down)
{
    const struct hm_inventory *inventory = ctx->input->inventory;

    for (size_t i = 0; inventory->has_service_details && i < inventory->service_details.count;
         i++) {
        const struct hm_service *service = &inventory->service_details.at[i];

        if (hm_detect_owns(hm_need_names(need), "", service->name) && service->has_runs &&
            !service->runs && service->start != HM_START_CLUSTER && hm_service_is_wanted(service) &&
            hm_service_is_plain(ctx->facts, service->name)) {
            hm_service_list_put(down, service->name);
        }
    }
}

void hm_remedy_start(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                     struct hm_finding *finding, const struct hm_need *const *needs, size_t count)
{
    const struct hm_service_list none = {.count = 0};
    struct hm_remedy_scope scope = {.ctx = ctx, .list = list};
    struct hm_service_list down = {.count = 0};

    for (size_t i = 0; i < count; i++) {
        list_need_down(ctx, needs[i], &down);
    }
    hm_service_add_dependents_down(ctx->services, &down);
    hm_remedy_start_services(&scope, finding, &down, &none);
}
