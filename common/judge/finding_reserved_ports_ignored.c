/* common/judge/finding_reserved_ports_ignored.c — ReservedPorts on a system that does not read it,
 * a settings file of Linux whose list another file replaces. SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"
#include "common/judge/remedy_scope.h"

/* Does the need rely in vain on the listed ports? */
static bool relies(const struct hm_finding_ctx *ctx, const struct hm_need *need,
                   struct hm_finding_list *list, const void *listed)
{
    (void)list;
    return need->verdict.state == HM_EXPOSED && hm_remedy_may_exclude(ctx, need) &&
           hm_ports_overlap(need->verdict.at_risk, *(const struct hm_ports *)listed);
}

static bool any_relies(const struct hm_finding_ctx *ctx, const struct hm_ports *listed)
{
    for (size_t i = 0; i < ctx->count; i++) {
        if (relies(ctx, &ctx->needs[i], NULL, listed)) {
            return true;
        }
    }
    return false;
}

/* Of the file and the dynamic range, neither reserved now nor after the next boot. */
static struct hm_ports hidden_ports(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                                    struct hm_ports of_file)
{
    const struct hm_stack_facts *now = hm_facts_stack(ctx->facts, HM_TCP, HM_IPV4);
    const struct hm_stack_facts *next = hm_facts_next_stack(ctx->facts, HM_TCP, HM_IPV4);
    struct hm_range range = now->dynamic;
    const struct hm_ports dynamic = {&range, 1};
    struct hm_ports ports = hm_finding_without(out, of_file, now->administered);

    ports = hm_finding_without(out, ports, next->administered);
    /* what is in both is all that is not in one alone */
    return now->has_dynamic && next->has_dynamic
               ? hm_finding_without(out, ports, hm_finding_without(out, ports, dynamic))
               : (struct hm_ports){NULL, 0};
}

/* all: of all files, so that every remedy writes the same list. */
static void put_hidden(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       const char *file, struct hm_ports ports, struct hm_ports all)
{
    struct hm_finding *finding = hm_finding_put(out, file);

    finding->text = hm_finding_print(
        out,
        "%s reserves %s, but %s is read later and sets a list without them, which replaces the "
        "other one. The author of the first list expects these ports to be reserved.",
        file, hm_finding_list_ports(out, ports), ctx->input->hidden.by);
    hm_finding_evidence(out, finding, "reserved_ports", hm_finding_list_ports(out, ports));
    finding->remedy = "Reserve them in the file that is read last, too.";
    if (any_relies(ctx, &ports)) {
        finding->severity = HM_SEVERITY_MEDIUM;
    }
    hm_remedy_write_sysctl(ctx, out, finding, all);
}

static void look_linux(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_hidden_ports *hidden = &ctx->input->hidden;
    struct hm_ports all = {NULL, 0};

    for (size_t i = 0; hidden->by != NULL && i < hidden->count; i++) {
        all = hm_finding_union(out, all, hidden_ports(ctx, out, hidden->at[i].ports));
    }
    for (size_t i = 0; hidden->by != NULL && i < hidden->count; i++) {
        const struct hm_ports ports = hidden_ports(ctx, out, hidden->at[i].ports);

        if (ports.count > 0) {
            put_hidden(ctx, out, hidden->at[i].file, ports, all);
        }
    }
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    struct hm_finding *finding;
    struct hm_remedy_step *step;
    struct hm_ports listed;

    if (ctx->facts->linux_host) {
        look_linux(ctx, out);
        return;
    }
    if (ctx->facts->legacy || ctx->facts->windows < 600 || !inventory->has_registry ||
        !inventory->registry.has_reserved_ports) {
        return;
    }
    listed = hm_remedy_listed(ctx, out);
    if (listed.count == 0) {
        return;
    }
    finding = hm_finding_put(out, "registry ReservedPorts");
    finding->text = hm_finding_print(
        out,
        "ReservedPorts lists %s, but this system does not read it: Windows 2003 was the last one "
        "that did. The author of that list expects these ports to be protected.",
        hm_finding_list_ports(out, listed));
    hm_finding_evidence(out, finding, "reserved_ports", hm_finding_list_ports(out, listed));
    if (any_relies(ctx, &listed)) {
        finding->severity = HM_SEVERITY_MEDIUM;
        hm_remedy_protect_all(ctx, out, finding, relies, &listed);
        finding->remedy = "Ports that are needed on this host are listed in vain: exclude them by "
                          "netsh, then delete the value.";
    } else {
        finding->remedy = "Nothing depends on the value: delete it.";
    }
    step = hm_remedy_step(out, finding, HM_STEP_SET, "Delete the value, which nothing reads.");
    step->precondition = "Every port that is still needed is excluded.";
    hm_remedy_command(out, step, "reg delete %s /v ReservedPorts /f", HM_REMEDY_TCPIP_KEY);
}

const struct hm_finding_kind hm_finding_reserved_ports_ignored = {
    .name = "reserved_ports_ignored",
    .severity = HM_SEVERITY_LOW,
    .look = look,
    .help = "ReservedPorts is set on Vista, 2008 or later, which ignore it; Linux: the list of a "
            "settings file is replaced by a later file",
};
