/* common/judge/remedy_scope.c — what one remedy covers: which ports it keeps free, what has them
 * now, and which services that concerns.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_scope.h"

#include <stdint.h>
#include <string.h>

#include "common/base/str.h"

static bool is_curable(const struct hm_need_stack *stack)
{
    return stack->judged && stack->state >= HM_EXPOSED &&
           (stack->reason == HM_REASON_IN_DYNAMIC || stack->reason == HM_REASON_HELD ||
            stack->reason == HM_REASON_RUNTIME_EXCLUSION);
}

bool hm_remedy_is_at_risk(const struct hm_need *need)
{
    return is_curable(&need->stacks[0]) || is_curable(&need->stacks[1]);
}

static bool is_dns(const char *program, const char *service)
{
    return hm_str_equal_nocase(program, "dns.exe") || hm_str_equal_nocase(service, "DNS");
}

struct hm_ports hm_remedy_pool_reach(const struct hm_finding_ctx *ctx, const struct hm_need *need,
                                     struct hm_finding_list *list)
{
    const struct hm_facts *facts = ctx->facts;
    struct hm_ports all = {NULL, 0};

    if (!facts->has_dns || facts->dns.size == 0 || need->verdict.protocol != HM_UDP) {
        return all;
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_need_stack *stack = &need->stacks[i];
        const struct hm_stack_facts *of = hm_facts_stack(facts, HM_UDP, i == 0 ? HM_IPV4 : HM_IPV6);

        if (is_curable(stack)) {
            all = hm_finding_union(
                list, all,
                hm_finding_without(
                    list,
                    hm_finding_common(list, need->requirement->ports, hm_stack_facts_may_give(of)),
                    of->administered));
        }
        if (is_curable(stack) && stack->has_holder &&
            is_dns(stack->holder.program, stack->holder.service)) {
            all = hm_finding_union(list, all, stack->at_risk);
        }
    }
    return hm_finding_without(list, all, facts->dns.excluded);
}

bool hm_remedy_may_ask(const struct hm_finding_ctx *ctx, const struct hm_need *need)
{
    const struct hm_requirement *requirement = need->requirement;

    return requirement->has_port_from && requirement->port_from == HM_BY_DEPLOYMENT_PORT &&
           !ctx->facts->linux_host && ctx->facts->windows >= HM_REMEDY_ASK_SINCE;
}

/* ---- which needs --------------------------------------------------------------------------- */

static const char *name_of(const struct hm_need *need)
{
    const struct hm_detect *detect = &need->requirement->detect;

    if (detect->services.count > 0) {
        return detect->services.at[0];
    }
    return detect->programs.count > 0 ? detect->programs.at[0] : "";
}

/* One product, or listeners of one service or program that nobody catalogued. Of two permissions
 * nobody knows that they are of one service: each has a remedy of its own. */
static bool is_same_product(const struct hm_need *a, const struct hm_need *b)
{
    if (a != b && hm_need_is_permission(a) && hm_need_is_permission(b)) {
        return false;
    }
    if (a == b || (a->product != NULL && a->product == b->product)) {
        return true;
    }
    return a->product == NULL && b->product == NULL && name_of(a)[0] != '\0' &&
           hm_str_equal_nocase(name_of(a), name_of(b));
}

static bool is_seed(const struct hm_need *need, const struct hm_need *other)
{
    return other == need || (other->verdict.protocol == need->verdict.protocol &&
                             hm_ports_overlap(other->verdict.at_risk, need->verdict.at_risk));
}

/* Is there something to do for it but to let a boot happen? */
static bool is_open(const struct hm_need *need)
{
    return hm_remedy_is_at_risk(need) && !hm_need_is_cured_by_boot(need);
}

static bool has_need(const struct hm_remedy_scope *scope, const struct hm_need *need)
{
    bool has = false;

    for (size_t i = 0; i < scope->count && !has; i++) {
        has = scope->needs[i] == need;
    }
    return has;
}

static void put_need(struct hm_remedy_scope *scope, const struct hm_need *need)
{
    if (hm_arena_grow(scope->list->arena, (void **)&scope->needs, scope->count, &scope->cap,
                      sizeof(*scope->needs)) != 0) {
        scope->list->status = scope->list->status == HM_OK ? HM_ENOMEM : scope->list->status;
        return;
    }
    scope->needs[scope->count++] = need;
}

/* ---- which ports --------------------------------------------------------------------------- */

static struct hm_ports wanted_of(const struct hm_remedy_scope *scope, const struct hm_need *need,
                                 unsigned family)
{
    const struct hm_stack_facts *stack =
        hm_facts_stack(scope->ctx->facts, need->verdict.protocol, family == 0 ? HM_IPV4 : HM_IPV6);
    struct hm_ports dynamic = hm_stack_facts_may_give(stack);

    if (!is_curable(&need->stacks[family]) || !hm_remedy_may_exclude(scope->ctx, need)) {
        return (struct hm_ports){NULL, 0};
    }
    dynamic = hm_finding_without(scope->list, dynamic, stack->administered);
    return hm_finding_without(scope->list,
                              hm_finding_common(scope->list, need->requirement->ports, dynamic),
                              scope->ctx->untouchable[need->verdict.protocol]);
}

/* What the range has to be moved off, as it must not be excluded. */
static struct hm_ports unwanted_of(const struct hm_remedy_scope *scope, const struct hm_need *need)
{
    struct hm_ports all = {NULL, 0};

    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(scope->ctx->facts, need->verdict.protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        struct hm_ports ports = is_curable(&need->stacks[i])
                                    ? hm_finding_common(scope->list, need->requirement->ports,
                                                        hm_stack_facts_may_give(stack))
                                    : (struct hm_ports){NULL, 0};

        if (hm_remedy_may_exclude(scope->ctx, need)) {
            ports = hm_finding_common(scope->list, ports,
                                      scope->ctx->untouchable[need->verdict.protocol]);
        }
        all = hm_finding_union(scope->list, all, ports);
    }
    return all;
}

static struct hm_ports watched_of(const struct hm_remedy_scope *scope, const struct hm_need *need)
{
    struct hm_ports all = {NULL, 0};

    for (unsigned i = 0; i < 2; i++) {
        all = hm_finding_union(scope->list, all, wanted_of(scope, need, i));
        if (is_curable(&need->stacks[i]) && need->stacks[i].reason != HM_REASON_IN_DYNAMIC) {
            all = hm_finding_union(scope->list, all, need->stacks[i].at_risk);
        }
    }
    return all;
}

/* ---- services ------------------------------------------------------------------------------ */

static bool counts(const struct hm_remedy_scope *scope, const struct hm_blocker *blocker)
{
    return hm_ports_overlap((struct hm_ports){&blocker->range, 1},
                            scope->blocked[blocker->protocol][blocker->block]);
}

/* Nobody knows what has the ports: then the pool may have one. */
static bool may_hold(const struct hm_remedy_scope *scope)
{
    const struct hm_facts *facts = scope->ctx->facts;

    return facts->has_dns && facts->dns.size > 0 && !facts->legacy &&
           facts->input->sockets == NULL &&
           scope->wanted.of[2].count + scope->wanted.of[3].count > 0;
}

/* The DNS Server is the last of the holders to stop, so it is the first of them to start. */
static void list_stops(struct hm_remedy_scope *scope)
{
    bool dns = scope->pool.count > 0 || may_hold(scope);

    for (size_t i = 0; i < scope->blockers.count; i++) {
        const struct hm_blocker *one = &scope->blockers.at[i];

        if (one->block == HM_BLOCK_LAST && counts(scope, one)) {
            hm_service_list_put(&scope->last, one->service);
        }
        if (one->block == HM_BLOCK_OWN && counts(scope, one) && one->name[0] != '\0') {
            hm_service_list_put(&scope->stuck, one->name);
        }
        if (one->block != HM_BLOCK_STOP || !counts(scope, one)) {
            continue;
        }
        if (!one->own && hm_str_equal_nocase(one->service, "DNS")) {
            dns = true;
        } else {
            hm_service_list_put(one->own ? &scope->owners : &scope->holders, one->service);
        }
    }
    if (dns) {
        hm_service_list_put(&scope->holders, "DNS");
    }
}

static bool is_blocked(const struct hm_need *need)
{
    for (unsigned i = 0; i < 2; i++) {
        if (is_curable(&need->stacks[i]) && need->stacks[i].state == HM_BLOCKED) {
            return true;
        }
    }
    return false;
}

/* Is all that keeps the need from its ports gone once the holders have stopped? */
static bool is_freed(const struct hm_remedy_scope *scope, const struct hm_need *need)
{
    for (size_t i = 0; i < scope->blockers.count; i++) {
        const struct hm_blocker *one = &scope->blockers.at[i];

        if (one->need == need && one->block >= HM_BLOCK_BOOT) {
            return false;
        }
    }
    return true;
}

/* Has somebody a port of the need whom only a person may stop, as a cluster runs it? */
static bool waits_for_person(const struct hm_remedy_scope *scope, const struct hm_need *need)
{
    for (size_t i = 0; i < scope->blockers.count; i++) {
        const struct hm_blocker *one = &scope->blockers.at[i];

        if (one->need == need && one->block == HM_BLOCK_OWN && !one->own) {
            return true;
        }
    }
    return false;
}

/* Would it start without the remedy, too? A cluster starts its services where they belong. */
static bool is_started(const struct hm_service *details)
{
    return details == NULL ||
           (details->start != HM_START_CLUSTER &&
            (hm_service_is_wanted(details) || (details->has_runs && details->runs)));
}

/* The passive node of a cluster: it is down here, and may run on another node. */
static bool is_passive(const struct hm_service *details)
{
    return details != NULL && details->start == HM_START_CLUSTER && details->has_runs &&
           !details->runs;
}

/* The product's services that do not run, as somebody else has their port; they start once it is
 * free. One that runs without the port has to start again, too. */
static void list_down(struct hm_remedy_scope *scope, const struct hm_need *need,
                      struct hm_service_list *down)
{
    const struct hm_inventory *inventory = scope->ctx->input->inventory;
    const struct hm_detect *names = hm_need_names(need);

    for (size_t i = 0; inventory->has_services && i < inventory->services.count; i++) {
        const char *name = inventory->services.at[i];
        const struct hm_strings one = {&inventory->services.at[i], 1};
        enum hm_stop stop;

        if (!hm_detect_owns(names, "", name) || !hm_service_is_plain(scope->ctx->facts, name)) {
            continue;
        }
        scope->passive = scope->passive || is_passive(hm_inventory_service(inventory, name));
        if (!is_started(hm_inventory_service(inventory, name))) {
            continue;
        }
        stop = hm_service_may_stop(scope->ctx->services, name);
        if (!hm_names_match(&scope->ctx->facts->running, &one)) {
            hm_service_list_put(down, name);
        } else if (stop == HM_STOP_CAN) {
            hm_service_list_put(&scope->again, name);
        } else if (stop == HM_STOP_LAST) {
            hm_service_list_put(&scope->last, name);
            scope->restart_last = true;
        } else {
            hm_service_list_put(&scope->stuck, name);
            scope->restart = true;
        }
    }
}

/* It carries the session of the person who types, and may stop in one line, last: so do the ports
 * of its need, which it has after the boot again. */
static void put_last(struct hm_remedy_scope *scope, const struct hm_need *need, const char *name)
{
    struct hm_ports *last = &scope->blocked[need->verdict.protocol][HM_BLOCK_LAST];

    hm_service_list_put(&scope->last, name);
    *last = hm_finding_union(scope->list, *last, need->requirement->ports);
}

/* Is it there after a boot without a step that starts it? One that carries the session, and runs,
 * Windows itself starts for anybody who connects, also where its start type is manual. */
static bool comes_back(const struct hm_remedy_scope *scope, const struct hm_service *details)
{
    return details == NULL || hm_service_starts_itself(details) ||
           (details->has_runs && details->runs &&
            hm_service_is_session(scope->ctx->services, details->name));
}

/* After a boot the product has its ports, and has to be stopped to exclude them. */
static void list_own(struct hm_remedy_scope *scope, const struct hm_need *need)
{
    const struct hm_inventory *inventory = scope->ctx->input->inventory;
    bool any = false;

    for (size_t i = 0; inventory->has_services && i < inventory->services.count; i++) {
        const char *name = inventory->services.at[i];
        const struct hm_service *details = hm_inventory_service(inventory, name);

        if (!hm_detect_owns(hm_need_names(need), "", name)) {
            continue;
        }
        if (is_passive(details)) {
            scope->passive = any = true;
            continue;
        }
        if (!is_started(details)) {
            continue;
        }
        any = true;
        if (!comes_back(scope, details)) {
            if (hm_service_is_plain(scope->ctx->facts, name)) {
                hm_service_list_put(&scope->later, name);
            }
            continue;
        }
        switch (hm_service_may_stop(scope->ctx->services, name)) {
        case HM_STOP_LAST:
            put_last(scope, need, name);
            break;
        case HM_STOP_CAN:
            hm_service_list_put(&scope->own, name);
            break;
        default:
            hm_service_list_put(&scope->stuck, name);
            scope->own_is_stuck = true;
            break;
        }
    }
    scope->own_is_stuck = scope->own_is_stuck || !any;
}

/* UDP ports of the scope that the DNS Server's own list has to leave out (2008 R2 and later). */
static struct hm_ports pool_ports(const struct hm_remedy_scope *scope)
{
    struct hm_ports all = {NULL, 0};

    for (size_t i = 0; scope->ctx->facts->windows >= HM_REMEDY_POOL_LIST_SINCE && i < scope->count;
         i++) {
        if (!hm_remedy_may_ask(scope->ctx, scope->needs[i])) {
            all = hm_finding_union(scope->list, all,
                                   hm_remedy_pool_reach(scope->ctx, scope->needs[i], scope->list));
        }
    }
    return all;
}

/* What stops after a boot. The DNS Server takes its pool at each start, and its list of ports to
 * leave out, where it has one, is written before. */
static void list_after_boot(struct hm_remedy_scope *scope)
{
    const struct hm_facts *facts = scope->ctx->facts;

    if (hm_service_list_has(&scope->holders, "winnat")) {
        hm_service_list_put(&scope->own, "winnat");
    }
    if (facts->has_dns && facts->dns.size > 0 && facts->windows < HM_REMEDY_POOL_LIST_SINCE &&
        scope->wanted.of[2].count + scope->wanted.of[3].count > 0) {
        hm_service_list_put(&scope->own, "DNS");
    }
    for (size_t i = 0; i < scope->count; i++) {
        list_own(scope, scope->needs[i]);
    }
    if (scope->own_is_stuck) { /* a person stops them all, in one maintenance */
        hm_service_list_join(&scope->stuck, &scope->own);
    }
}

bool hm_remedy_needs_hotfix(const struct hm_remedy_scope *scope)
{
    bool any = false;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        any = any || (scope->wanted.of[i].count > 0 && scope->ctx->facts->stacks[i].unsupported);
    }
    return any;
}

bool hm_remedy_cannot_exclude(const struct hm_remedy_scope *scope)
{
    for (unsigned p = 0; p < 2; p++) {
        if (scope->unwanted[p].count > 0 && hm_remedy_lacks_exclusions(scope->ctx, p)) {
            return true;
        }
    }
    return hm_remedy_needs_hotfix(scope);
}

bool hm_remedy_has_blocked(const struct hm_remedy_scope *scope)
{
    for (size_t i = 0; i < scope->count; i++) {
        if (is_blocked(scope->needs[i])) {
            return true;
        }
    }
    return false;
}

bool hm_remedy_needs_boot(const struct hm_remedy_scope *scope)
{
    return hm_remedy_needs_hotfix(scope) || scope->blocked[HM_TCP][HM_BLOCK_BOOT].count +
                                                    scope->blocked[HM_UDP][HM_BLOCK_BOOT].count >
                                                0;
}

/* The services of the product read the setting when they start. */
static void list_askers(struct hm_remedy_scope *scope, const struct hm_need *need)
{
    const struct hm_names *running = &scope->ctx->facts->running;

    scope->asks = true;
    for (size_t i = 0; i < running->count; i++) {
        if (hm_detect_owns(&need->product->detect, "", running->at[i]) &&
            hm_service_may_stop(scope->ctx->services, running->at[i]) == HM_STOP_CAN) {
            hm_service_list_put(&scope->again, running->at[i]);
        }
    }
}

/* ---- a scope ------------------------------------------------------------------------------- */

static void fill(struct hm_remedy_scope *scope)
{
    for (size_t i = 0; i < scope->count; i++) {
        const struct hm_need *need = scope->needs[i];
        struct hm_ports watched = watched_of(scope, need);

        if (hm_remedy_may_ask(scope->ctx, need)) {
            list_askers(scope, need);
            continue;
        }
        for (unsigned f = 0; f < 2; f++) {
            unsigned at = hm_stack_index(need->verdict.protocol, f == 0 ? HM_IPV4 : HM_IPV6);

            scope->wanted.of[at] =
                hm_finding_union(scope->list, scope->wanted.of[at], wanted_of(scope, need, f));
        }
        scope->unwanted[need->verdict.protocol] = hm_finding_union(
            scope->list, scope->unwanted[need->verdict.protocol], unwanted_of(scope, need));
        hm_remedy_find_blockers(scope, need, watched);
    }
    hm_remedy_sort_blockers(scope);
    scope->pool = pool_ports(scope);
    list_stops(scope);
    for (size_t i = 0; i < scope->count; i++) {
        if (is_blocked(scope->needs[i]) && is_freed(scope, scope->needs[i])) {
            list_down(scope, scope->needs[i],
                      waits_for_person(scope, scope->needs[i]) ? &scope->late : &scope->down);
        }
    }
    hm_service_add_dependents_down(scope->ctx->services, &scope->down);
    if (hm_remedy_needs_boot(scope)) {
        list_after_boot(scope);
    }
}

static void begin(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                  struct hm_remedy_scope *scope)
{
    memset(scope, 0, sizeof(*scope));
    scope->ctx = ctx;
    scope->list = list;
}

static void put_group_of(struct hm_remedy_scope *scope, const struct hm_need *need)
{
    const struct hm_finding_ctx *ctx = scope->ctx;
    const size_t group = ctx->groups[need - ctx->needs];

    if (group == SIZE_MAX || has_need(scope, &ctx->needs[group])) {
        return;
    }
    for (size_t i = group; i < ctx->count; i++) {
        if (ctx->groups[i] == group) {
            put_need(scope, &ctx->needs[i]);
        }
    }
}

static void join_groups(size_t *groups, size_t count, size_t a, size_t b)
{
    const size_t first = a < b ? a : b;
    const size_t last = a < b ? b : a;

    for (size_t i = last; i < count; i++) {
        groups[i] = groups[i] == last ? first : groups[i];
    }
}

void hm_remedy_group(struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    size_t *groups = hm_arena_alloc(list->arena, ctx->count, sizeof(*groups));

    if (groups == NULL) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
        return;
    }
    for (size_t i = 0; i < ctx->count; i++) {
        groups[i] = is_open(&ctx->needs[i]) ? i : SIZE_MAX;
        for (size_t k = 0; groups[i] != SIZE_MAX && k < i; k++) {
            const struct hm_need *a = &ctx->needs[i];
            const struct hm_need *b = &ctx->needs[k];

            if (groups[k] != SIZE_MAX && groups[k] != groups[i] &&
                (is_same_product(a, b) || is_seed(a, b))) {
                join_groups(groups, i + 1, groups[i], groups[k]);
            }
        }
    }
    ctx->groups = groups;
}

const struct hm_need *hm_remedy_group_of(const struct hm_finding_ctx *ctx,
                                         const struct hm_need *need)
{
    const size_t group = ctx->groups[need - ctx->needs];

    return group == SIZE_MAX ? NULL : &ctx->needs[group];
}

void hm_remedy_scope_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                        const struct hm_need *need, struct hm_remedy_scope *out_scope)
{
    begin(ctx, list, out_scope);
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *other = &ctx->needs[i];

        if (other == need || is_same_product(need, other) || is_seed(need, other)) {
            put_group_of(out_scope, other);
        }
    }
    fill(out_scope);
}

void hm_remedy_scope_of_all(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                            hm_remedy_meets *meets, const void *arg,
                            struct hm_remedy_scope *out_scope)
{
    begin(ctx, list, out_scope);
    for (size_t i = 0; i < ctx->count; i++) {
        if (is_open(&ctx->needs[i]) && meets(ctx, &ctx->needs[i], list, arg)) {
            put_group_of(out_scope, &ctx->needs[i]);
        }
    }
    fill(out_scope);
}

const char *hm_remedy_names(const struct hm_remedy_scope *scope, enum hm_block block)
{
    struct hm_service_list names = {.count = 0};

    for (size_t i = 0; i < scope->blockers.count; i++) {
        const struct hm_blocker *one = &scope->blockers.at[i];

        if (one->block == block && counts(scope, one)) {
            hm_service_list_put(&names, one->name[0] == '\0' ? "an unnamed process" : one->name);
        }
    }
    return hm_remedy_list_services(scope->list, &names);
}
