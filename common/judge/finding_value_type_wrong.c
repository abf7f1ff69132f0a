/* common/judge/finding_value_type_wrong.c — registry values that somebody set and nothing reads.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    const struct hm_strings *values = &inventory->registry.wrong_types;
    struct hm_finding *finding;

    if (!inventory->has_registry || values->count == 0) {
        return;
    }
    finding = hm_finding_put(out, "registry value types");
    finding->text = hm_finding_print(
        out,
        "%s%s. A value of the wrong type is not read: it counts as not set, although "
        "somebody wrote it to be in force.",
        values->at[0],
        values->count > 1 ? hm_finding_print(out, ", and %zu more", values->count - 1) : "");
    for (size_t i = 0; i < values->count; i++) {
        hm_finding_evidence(out, finding, "value", values->at[i]);
    }
    hm_finding_evidence(out, finding, "source", "KB812873, TechNet cc938196");
    hm_remedy_decide(out, finding,
                     "Note what the value holds. Delete it, or write it again with the right type; "
                     "ReservedPorts has one range a line, as 1645-1646.");
}

const struct hm_finding_kind hm_finding_value_type_wrong = {
    .name = "value_type_wrong",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .help = "a registry value has a type that the system does not read",
};
