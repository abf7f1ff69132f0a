/* common/judge/finding_max_user_port_undocumented.c — 2000 to 2003: MaxUserPort is outside of the
 * documented values. SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/headroom.h"
#include "common/judge/remedy.h"
#include "common/ports/in_force.h"

#define ISA_VALUE 65535u /* KB956189 */

static bool is_documented(const struct hm_tcpip_values *values)
{
    struct hm_range range;

    return hm_legacy_dynamic(values, &range);
}

/* What the sockets say about the range. */
static const char *shown(const struct hm_stack_facts *stack, struct hm_finding_list *out)
{
    if (stack->has_dynamic) {
        return hm_finding_print(out,
                                "The ports that sockets of this host were given show the range "
                                "%u-%u, the smallest that holds them: it is used here.",
                                (unsigned)stack->dynamic.first, (unsigned)stack->dynamic.last);
    }
    return "No socket shows what the system makes of it: the dynamic range counts as unknown.";
}

#define DELETE_TEXT "Delete the value: the range stays as it is, and is documented then."
#define SET_TEXT "Set it to the largest documented value, which is this range."

/* Then low_headroom makes the range larger, unless a policy sets it. */
static bool is_used_up(const struct hm_finding_ctx *ctx)
{
    const struct hm_sample *sample = ctx->input->sample;

    for (size_t i = 0; sample != NULL && i < sample->stacks.count; i++) {
        if (hm_headroom_is_low(&sample->stacks.at[i])) {
            return hm_policy_mark_any(ctx->input->marks, HM_MARK_RANGE) == NULL;
        }
    }
    return false;
}

/* The documented value that means the range that the sockets show. */
static void cure(const struct hm_finding_ctx *ctx, const struct hm_stack_facts *stack,
                 struct hm_finding_list *out, struct hm_finding *finding)
{
    static const uint32_t largest = HM_LEGACY_LAST_MAX;
    bool narrow = stack->dynamic.last <= HM_LEGACY_LAST;
    struct hm_remedy_step *step;

    if (is_used_up(ctx)) { /* one value for all findings of a host */
        hm_remedy_decide(out, finding,
                         "The remedy of low_headroom sets the largest documented value.");
        return;
    }
    if (!stack->has_dynamic) {
        hm_remedy_decide(out, finding,
                         "Decide which range the host needs: 65534 is the largest documented "
                         "value, and without the value the range ends at 5000. Reserve the "
                         "required ports inside it first. In force after the next boot.");
        return;
    }
    finding->remedy = narrow ? DELETE_TEXT : SET_TEXT;
    step = hm_remedy_step(out, finding, HM_STEP_SET, finding->remedy);
    hm_remedy_set_value(ctx, out, step, "MaxUserPort", narrow ? NULL : &largest);
    hm_remedy_restart(out, finding, "Restart the host: the value is read when it starts.");
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    const struct hm_tcpip_values written = hm_registry_written(&inventory->registry);
    const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, HM_UDP, HM_IPV4);
    const struct hm_socket *highest = hm_given_highest(&ctx->facts->given);
    struct hm_tcpip_values now;
    bool known;
    struct hm_finding *finding;

    if (!ctx->facts->legacy || !inventory->has_registry) {
        return;
    }
    known = hm_registry_in_force(&inventory->registry, &now);
    if (is_documented(&written) && (!known || is_documented(&now))) {
        return;
    }
    now = known && is_documented(&written) ? now : written;
    finding = hm_finding_put(out, "registry MaxUserPort");
    finding->counts = true;
    finding->text = hm_finding_print(
        out, "MaxUserPort is %u; documented are 5000 to 65534%s. %s", (unsigned)now.max_user_port,
        now.max_user_port == ISA_VALUE
            ? " (the set-up of ISA Server, and of Small Business Server with ISA, writes 65535)"
            : "",
        shown(stack, out));
    hm_finding_evidence(out, finding, "max_user_port",
                        hm_finding_print(out, "%u", (unsigned)now.max_user_port));
    if (highest != NULL) {
        hm_finding_evidence(out, finding, "highest_given_port",
                            hm_finding_print(out, "%s %u", hm_protocol_names[highest->protocol],
                                             (unsigned)highest->port));
    }
    if (stack->has_dynamic) {
        hm_finding_evidence(out, finding, "dynamic_range",
                            hm_finding_print(out, "%u-%u", (unsigned)stack->dynamic.first,
                                             (unsigned)stack->dynamic.last));
    }
    hm_finding_evidence(out, finding, "source", "KB956189, TechNet cc938196");
    if (is_documented(&written)) {
        hm_remedy_boot(ctx, out, finding, true);
    } else {
        cure(ctx, stack, out, finding);
    }
}

const struct hm_finding_kind hm_finding_max_user_port_undocumented = {
    .name = "max_user_port_undocumented",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .help = "2000 to 2003: MaxUserPort is outside of 5000 to 65534",
};
