/* common/judge/remedy_range.c — the dynamic range set back, or moved off ports that must not be
 * excluded.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_scope.h"

#include <string.h>

#include "common/base/str.h"
#include "common/judge/headroom.h"

#define RANGE_MIN_PORTS 4096u /* a smaller dynamic range would soon be exhausted */
#define RANGE_WARNING                                                                              \
    "RPC end points move with the range: check that firewall rules allow the new one. Blocks of "  \
    "WinNAT follow after a restart of the host."
#define ON_PURPOSE "Nobody moved it on purpose, and that many ports suffice."
#define SUFFICE "That many ports suffice."

static const enum hm_family families[] = {HM_IPV4, HM_IPV6};

/* Distinct ports of the dynamic range that are in use; 0 where nothing tells. */
static uint32_t in_use(const struct hm_finding_ctx *ctx, enum hm_protocol protocol)
{
    const struct hm_sample *sample = ctx->input->sample;
    uint32_t most = 0;

    for (size_t i = 0; sample != NULL && i < sample->stacks.count; i++) {
        if (sample->stacks.at[i].protocol == protocol && sample->stacks.at[i].in_use > most) {
            most = sample->stacks.at[i].in_use;
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, protocol, i == 0 ? HM_IPV4 : HM_IPV6);
        uint32_t taken = stack->has_others ? stack->others + stack->dns_taken : 0;

        most = taken > most ? taken : most;
    }
    return most;
}

/* Was the port given, and would any other do (need_observed.c says the same of those inside)? */
static bool is_endpoint(const struct hm_finding_ctx *ctx, const struct hm_listener *listener)
{
    return listener->kind == HM_KIND_RPC ||
           (listener->protocol == HM_TCP && listener->kind == HM_KIND_SOCKET &&
            !ctx->facts->linux_host && hm_need_is_rpc_program(listener->program));
}

/* Ports that somebody needs, that the range would newly reach, and that nothing keeps free. */
static struct hm_ports newly_reached(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                                     enum hm_protocol protocol, enum hm_family family,
                                     struct hm_range to)
{
    const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, protocol, family);
    const struct hm_inventory *inventory = ctx->input->inventory;
    struct hm_ports range = {&to, 1};
    struct hm_port_bag bag = {.count = 0};
    struct hm_ports all;

    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];

        if (need->verdict.protocol == protocol && need->stacks[family == HM_IPV6].judged) {
            hm_port_bag_put(list, &bag, need->requirement->ports);
        }
    }
    for (size_t i = 0; inventory->has_listeners && i < inventory->listeners.count; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[i];
        const struct hm_range port = {listener->port, listener->port};

        if (listener->protocol == protocol && listener->family == family &&
            hm_range_contains(to, listener->port) && !is_endpoint(ctx, listener) &&
            (protocol == HM_TCP || listener->service[0] != '\0')) {
            hm_port_bag_put(list, &bag, (struct hm_ports){&port, 1});
        }
    }
    all = hm_finding_common(list, hm_port_bag_set(list, &bag), range);
    all = hm_finding_without(list, all, (struct hm_ports){&stack->dynamic, 1});
    all = hm_finding_without(list, all, stack->administered);
    return hm_finding_without(list, all, stack->runtime);
}

/* MaxUserPort has only an end: 1024 and 1025 are one start. */
const struct hm_policy_mark *hm_remedy_range_mark(const struct hm_finding_ctx *ctx,
                                                  enum hm_protocol protocol, enum hm_family family)
{
    const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, protocol, family);
    const struct hm_policy_mark *mark =
        hm_policy_mark_find(ctx->input->marks, HM_MARK_RANGE, false, protocol, family,
                            (struct hm_ports){&stack->dynamic, stack->has_dynamic ? 1 : 0});

    if (mark == NULL || mark->ports.at[0].last != stack->dynamic.last ||
        (!ctx->facts->legacy && mark->ports.at[0].first != stack->dynamic.first)) {
        return NULL;
    }
    return mark;
}

/* Why the range of this stack had better stay; NULL when nothing speaks against another one. */
static const char *harm_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                           enum hm_protocol protocol, enum hm_family family, struct hm_range to)
{
    const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, protocol, family);
    const struct hm_policy_mark *mark = hm_remedy_range_mark(ctx, protocol, family);
    const char *maker = hm_remedy_range_maker(ctx, protocol, stack->dynamic);
    struct hm_ports reached;

    if (mark != NULL) {
        return hm_finding_print(list, "policy %s set it, and would set it again", mark->policy);
    }
    if (maker != NULL) {
        return maker;
    }
    if (in_use(ctx, protocol) >= HM_HEADROOM_WARN * hm_range_count(to)) {
        return hm_finding_print(list,
                                "the %u ports of %u-%u are too few for what is in use now: find "
                                "out first what holds so many",
                                (unsigned)hm_range_count(to), (unsigned)to.first,
                                (unsigned)to.last);
    }
    reached = newly_reached(ctx, list, protocol, family, to);
    if (reached.count > 0) {
        return hm_finding_print(list, "%u-%u would put %s at risk that is outside the range now",
                                (unsigned)to.first, (unsigned)to.last,
                                hm_finding_ports(list, protocol, reached));
    }
    return NULL;
}

/* Off by one is no move: 1024 for 1025, 61000 for 60999 are defaults of other releases. */
static bool is_near(uint16_t a, uint16_t b)
{
    return a - b <= 1 && b - a <= 1;
}

bool hm_remedy_is_moved(const struct hm_stack_facts *stack, struct hm_range usual)
{
    return stack->has_dynamic && (!is_near(stack->dynamic.first, usual.first) ||
                                  !is_near(stack->dynamic.last, usual.last));
}

void hm_remedy_set_range(struct hm_finding_list *list, struct hm_remedy_step *step,
                         enum hm_protocol protocol, enum hm_family family, struct hm_range range)
{
    hm_remedy_command(list, step,
                      "netsh int %s set dynamicportrange protocol=%s startport=%u "
                      "numberofports=%u store=persistent",
                      hm_family_names[family], hm_protocol_names[protocol], (unsigned)range.first,
                      (unsigned)hm_range_count(range));
}

/* The range of the protocol that every remedy of this host sets: the system's default, or the
 * largest part of it that is off the ports which must not be excluded. False: there is none. */
static bool pick_range(const struct hm_finding_ctx *ctx, enum hm_protocol protocol,
                       struct hm_range *out_range)
{
    struct hm_ports ports = ctx->keep_off[protocol];
    struct hm_range best = {0, 0};
    struct hm_range usual;
    uint32_t first;

    if (!hm_os_default_dynamic(&ctx->input->inventory->os, &usual)) {
        return false;
    }
    if (!hm_ports_overlap(ports, (struct hm_ports){&usual, 1})) {
        *out_range = usual;
        return true;
    }
    first = usual.first;
    for (size_t i = 0; i <= ports.count && first <= usual.last; i++) {
        uint32_t next = i < ports.count ? ports.at[i].first : usual.last + 1u;

        next = next > usual.last + 1u ? usual.last + 1u : next;
        if (next > first && (best.first == 0 || next - first > hm_range_count(best))) {
            best = (struct hm_range){(uint16_t)first, (uint16_t)(next - 1)};
        }
        if (i < ports.count && ports.at[i].last + 1u > first) {
            first = ports.at[i].last + 1u;
        }
    }
    *out_range = best;
    return best.first != 0 && hm_range_count(best) >= RANGE_MIN_PORTS;
}

/* Ports of the protocol that stand in the way of the system's default range. */
static struct hm_ports kept_off_default(const struct hm_finding_ctx *ctx,
                                        struct hm_finding_list *list, enum hm_protocol protocol)
{
    struct hm_range usual;

    if (!hm_os_default_dynamic(&ctx->input->inventory->os, &usual)) {
        return (struct hm_ports){NULL, 0};
    }
    return hm_finding_common(list, ctx->keep_off[protocol], (struct hm_ports){&usual, 1});
}

bool hm_remedy_is_moved_off(const struct hm_finding_ctx *ctx, unsigned stack)
{
    struct hm_range usual;
    struct hm_range target;

    return hm_os_default_dynamic(&ctx->input->inventory->os, &usual) &&
           hm_remedy_is_moved(&ctx->facts->stacks[stack], usual) &&
           pick_range(ctx, stack < 2 ? HM_TCP : HM_UDP, &target) &&
           (target.first != usual.first || target.last != usual.last) &&
           !hm_remedy_is_moved(&ctx->facts->stacks[stack], target);
}

/* ---- back to the default ------------------------------------------------------------------- */

/* Is another range to be set? Where ports cannot be excluded, also for the default one that has
 * some which must be kept free. */
static bool is_concerned(const struct hm_finding_ctx *ctx, unsigned stack, struct hm_range usual)
{
    const struct hm_stack_facts *facts = &ctx->facts->stacks[stack];

    return hm_remedy_is_moved(facts, usual) ||
           (facts->unsupported && facts->has_dynamic &&
            hm_ports_overlap(ctx->keep_off[stack < 2 ? HM_TCP : HM_UDP],
                             (struct hm_ports){&facts->dynamic, 1}));
}

/* Has the stack another range than the one to be set? *out_target: that one. */
static bool is_off_target(const struct hm_finding_ctx *ctx, unsigned stack, struct hm_range usual,
                          struct hm_range *out_target)
{
    return is_concerned(ctx, stack, usual) &&
           pick_range(ctx, stack < 2 ? HM_TCP : HM_UDP, out_target) &&
           hm_remedy_is_moved(&ctx->facts->stacks[stack], *out_target);
}

/* 2000 to 2003: MaxUserPort as a product's set-up writes it, or a value with a finding of its own
 * that says what to set; NULL for others. */
static const char *harm_of_value(const struct hm_finding_ctx *ctx)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    uint32_t value = inventory->registry.max_user_port;

    if (!ctx->facts->legacy || !inventory->has_registry || !inventory->registry.has_max_user_port) {
        return NULL;
    }
    if (value == 65535) {
        return "ISA Server, and Small Business Server with it, set MaxUserPort to 65535 and need "
               "the large range: leave it; max_user_port_undocumented says which value to write";
    }
    if (value == 60000 && strstr(inventory->os.name, "Small Business") != NULL) {
        return "Small Business Server sets MaxUserPort to 60000: leave it, and reserve the "
               "required ports";
    }
    if (value == 65534 && inventory->registry.has_tcp_timed_wait_delay_s) {
        return "MaxUserPort 65534 and TcpTimedWaitDelay together are the cure of a dynamic range "
               "that was used up: leave them, and reserve the required ports";
    }
    return value < 5000 || value > 65534
               ? "MaxUserPort has a value that is not documented: its own finding says what to set"
               : NULL;
}

/* Why the range stays that a product's set-up makes; it may be a product that is gone. */
static const char *leave_it(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                            enum hm_protocol protocol, unsigned stack, const char *maker)
{
    const struct hm_range_makers makers =
        hm_remedy_range_makers(ctx, protocol, ctx->facts->stacks[stack].dynamic);

    return makers.count > 0 && makers.at[0].seen == HM_MAKER_NOT_SEEN
               ? hm_finding_print(list,
                                  "%s, and no such product is seen on this host. Where it was "
                                  "removed, a person sets the range back; otherwise leave it, and "
                                  "exclude the required ports",
                                  maker)
               : hm_finding_print(list, "%s: leave it, and exclude the required ports", maker);
}

static const char *find_default_harm(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                                     struct hm_range usual)
{
    const char *value_harm = harm_of_value(ctx);

    if (value_harm != NULL) {
        return value_harm;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        enum hm_protocol protocol = i < 2 ? HM_TCP : HM_UDP;
        struct hm_range target;
        const char *harm;

        if (!is_concerned(ctx, i, usual)) {
            continue;
        }
        if (!pick_range(ctx, protocol, &target)) {
            return hm_finding_print(
                list, "no large part of the default range is off %s, which %s be excluded",
                hm_finding_ports(list, protocol, kept_off_default(ctx, list, protocol)),
                ctx->facts->stacks[i].unsupported ? "cannot" : "must not");
        }
        if (!hm_remedy_is_moved(&ctx->facts->stacks[i], target)) {
            continue;
        }
        harm = harm_of(ctx, list, protocol, i % 2 == 0 ? HM_IPV4 : HM_IPV6, target);
        if (harm != NULL) {
            const char *maker = hm_remedy_range_maker(ctx, protocol, ctx->facts->stacks[i].dynamic);

            return harm == maker ? leave_it(ctx, list, protocol, i, maker) : harm;
        }
    }
    return NULL;
}

static const char *harm_of_default(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                                   struct hm_range usual)
{
    if (!list->has_default_harm) { /* one answer for all findings of a host */
        list->default_harm = find_default_harm(ctx, list, usual);
        list->has_default_harm = true;
    }
    return list->default_harm;
}

/* Is the range of the protocol the system's own in both families? */
static bool is_default(const struct hm_finding_ctx *ctx, enum hm_protocol protocol)
{
    struct hm_range usual;

    return hm_os_default_dynamic(&ctx->input->inventory->os, &usual) &&
           !hm_remedy_is_moved(hm_facts_stack(ctx->facts, protocol, HM_IPV4), usual) &&
           !hm_remedy_is_moved(hm_facts_stack(ctx->facts, protocol, HM_IPV6), usual);
}

bool hm_remedy_lacks_exclusions(const struct hm_finding_ctx *ctx, enum hm_protocol protocol)
{
    return hm_facts_stack(ctx->facts, protocol, HM_IPV4)->unsupported ||
           hm_facts_stack(ctx->facts, protocol, HM_IPV6)->unsupported;
}

static bool is_same(struct hm_range a, struct hm_range b)
{
    return a.first == b.first && a.last == b.last;
}

/* The step that sets the range of one protocol: the same in every finding. */
static struct hm_remedy_step *step_off(const struct hm_finding_ctx *ctx,
                                       struct hm_finding_list *list, struct hm_finding *finding,
                                       enum hm_protocol protocol, struct hm_range range)
{
    struct hm_remedy_step *step = hm_remedy_step(
        list, finding, HM_STEP_SET,
        hm_finding_print(list, "Move the dynamic range of %s to %u-%u, off %s, which %s.",
                         hm_protocol_names[protocol], (unsigned)range.first, (unsigned)range.last,
                         hm_finding_ports(list, protocol, ctx->keep_off[protocol]),
                         hm_remedy_lacks_exclusions(ctx, protocol)
                             ? "this system has no command to exclude without hotfix "
                               "KB2665809"
                             : "must not be excluded: its listener would fail at its next "
                               "start"));

    step->precondition = is_default(ctx, protocol) ? SUFFICE : ON_PURPOSE;
    step->warning = RANGE_WARNING;
    return step;
}

static struct hm_remedy_step *step_back(struct hm_finding_list *list, struct hm_finding *finding,
                                        struct hm_range usual)
{
    struct hm_remedy_step *step =
        hm_remedy_step(list, finding, HM_STEP_SET,
                       hm_finding_print(list, "Set the dynamic range back to the system's %u-%u.",
                                        (unsigned)usual.first, (unsigned)usual.last));

    step->precondition = ON_PURPOSE;
    return step;
}

/* MaxUserPort would make the range again at the next boot: the last step deletes it. */
static void drop_max_user_port(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                               struct hm_finding *finding)
{
    const struct hm_inventory *inventory = ctx->input->inventory;

    if (inventory->has_registry && inventory->registry.has_max_user_port) {
        hm_remedy_set_value(ctx, list, &finding->steps.at[finding->steps.count - 1], "MaxUserPort",
                            NULL);
        hm_remedy_restart(list, finding, "Restart the host: MaxUserPort is read when it starts.");
    }
}

static void set_back_modern(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                            struct hm_finding *finding, struct hm_range usual)
{
    const bool apart = ctx->keep_off[HM_TCP].count + ctx->keep_off[HM_UDP].count > 0;
    struct hm_remedy_step *step = NULL;

    for (unsigned p = 0; p < 2; p++) {
        enum hm_protocol protocol = (enum hm_protocol)p;

        step = apart ? NULL : step;
        for (unsigned f = 0; f < 2; f++) {
            struct hm_range target;

            if (!is_off_target(ctx, hm_stack_index(protocol, families[f]), usual, &target)) {
                continue;
            }
            if (step == NULL) {
                step = ctx->keep_off[p].count > 0 && !(hm_remedy_lacks_exclusions(ctx, protocol) &&
                                                       is_same(target, usual))
                           ? step_off(ctx, list, finding, protocol, target)
                           : step_back(list, finding, usual);
                step->warning = RANGE_WARNING;
            }
            hm_remedy_set_range(list, step, protocol, families[f], target);
        }
    }
    drop_max_user_port(ctx, list, finding);
}

/* Is the default range written already, so that the next boot brings it back? */
static bool comes_back(const struct hm_finding_ctx *ctx, struct hm_range usual)
{
    bool now = false;
    bool then = false;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack_facts *next = hm_facts_next_stack(ctx->facts, i < 2 ? HM_TCP : HM_UDP,
                                                                i % 2 == 0 ? HM_IPV4 : HM_IPV6);

        now = now || hm_remedy_is_moved(&ctx->facts->stacks[i], usual);
        then = then || hm_remedy_is_moved(next, usual);
    }
    return now && !then;
}

void hm_remedy_set_back(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                        struct hm_finding *finding)
{
    struct hm_range usual;
    const char *harm;

    if (!hm_os_default_dynamic(&ctx->input->inventory->os, &usual)) {
        return;
    }
    if (comes_back(ctx, usual)) {
        hm_remedy_boot(ctx, list, finding, false);
        return;
    }
    harm = harm_of_default(ctx, list, usual);
    if (harm != NULL) {
        (void)hm_remedy_step(list, finding, HM_STEP_DECIDE,
                             hm_finding_print(list, "No command sets it back here: %s.", harm));
        return;
    }
    if (ctx->facts->legacy && ctx->reserve.count > 0) {
        /* In a smaller range what stays inside would be taken more often. */
        hm_remedy_write_reserved(ctx, list, finding, ctx->reserve);
    }
    if (ctx->facts->linux_host) {
        hm_remedy_set_linux_range(ctx, list, step_back(list, finding, usual), usual);
    } else if (ctx->facts->legacy) {
        hm_remedy_set_value(ctx, list, step_back(list, finding, usual), "MaxUserPort", NULL);
        hm_remedy_restart(list, finding,
                          "Restart the host: this system reads the values when it "
                          "starts.");
    } else {
        set_back_modern(ctx, list, finding, usual);
    }
}

bool hm_remedy_can_set_back(const struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    struct hm_range usual;
    bool moved = false;

    if (!hm_os_default_dynamic(&ctx->input->inventory->os, &usual)) {
        return false;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        struct hm_range target;

        moved = moved || is_off_target(ctx, i, usual, &target);
    }
    return moved && harm_of_default(ctx, list, usual) == NULL;
}

bool hm_remedy_moves_off(const struct hm_finding_ctx *ctx)
{
    struct hm_range target;
    struct hm_range usual;
    bool moves = false;

    for (unsigned i = 0;
         hm_os_default_dynamic(&ctx->input->inventory->os, &usual) && i < HM_STACK_COUNT; i++) {
        moves = moves || (ctx->facts->stacks[i].unsupported &&
                          is_off_target(ctx, i, usual, &target) && !is_same(target, usual));
    }
    return moves;
}

bool hm_remedy_range_helps(const struct hm_remedy_scope *scope)
{
    const struct hm_finding_ctx *ctx = scope->ctx;
    struct hm_range usual;

    if (!hm_os_default_dynamic(&ctx->input->inventory->os, &usual) ||
        harm_of_default(ctx, scope->list, usual) != NULL) {
        return false;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        struct hm_range range;

        if (!pick_range(ctx, i < 2 ? HM_TCP : HM_UDP, &range) ||
            hm_ports_overlap(scope->wanted.of[i], (struct hm_ports){&range, 1})) {
            return false;
        }
    }
    return true;
}

/* ---- off ports ----------------------------------------------------------------------------- */

bool hm_remedy_move(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                    struct hm_finding *finding, enum hm_protocol protocol, struct hm_ports ports)
{
    struct hm_remedy_step *step;
    const char *harm = NULL;
    struct hm_range range = {0, 0};
    bool in[2];

    if (ports.count == 0) {
        return true;
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, protocol, families[i]);

        in[i] = stack->has_dynamic &&
                hm_ports_overlap(ctx->keep_off[protocol], (struct hm_ports){&stack->dynamic, 1});
    }
    if (!in[0] && !in[1]) {
        return true;
    }
    if (!pick_range(ctx, protocol, &range)) {
        harm = "no large part of the default range is off the ports";
    }
    for (unsigned i = 0; i < 2 && harm == NULL; i++) {
        harm = in[i] ? harm_of(ctx, list, protocol, families[i], range) : NULL;
    }
    if (harm != NULL) {
        (void)hm_remedy_step(
            list, finding, HM_STEP_DECIDE,
            hm_finding_print(
                list,
                "Never exclude %s: its listener would fail at its next start. Give the "
                "service a port outside the dynamic range if it can have another. The range stays "
                "as it is: %s.",
                hm_finding_ports(list, protocol, ports), harm));
        return false;
    }
    step = step_off(ctx, list, finding, protocol, range);
    for (unsigned i = 0; i < 2; i++) {
        if (in[i]) {
            hm_remedy_set_range(list, step, protocol, families[i], range);
        }
    }
    drop_max_user_port(ctx, list, finding);
    return true;
}
