/* common/judge/finding_reserved_ports_neighbours.c — ReservedPorts lists neighbours on separate
 * lines. SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/base/str.h"
#include "common/judge/remedy.h"
#include "common/ports/reserved_ports.h"

/* The lines that Windows can read. */
static bool read_lines(const struct hm_finding_ctx *ctx, struct hm_ports *out_listed,
                       struct hm_ports *out_effective)
{
    const struct hm_strings *lines = &ctx->input->inventory->registry.reserved_ports;
    struct hm_strings good = {hm_arena_alloc(ctx->arena, lines->count, sizeof(*good.at)), 0};

    if (good.at == NULL) {
        return false;
    }
    for (size_t i = 0; i < lines->count; i++) {
        const struct hm_strings one = {&lines->at[i], 1};

        if (hm_reserved_ports_parse(&one, ctx->arena, out_listed, out_effective, NULL) == HM_OK) {
            good.at[good.count++] = lines->at[i];
        }
    }
    return hm_reserved_ports_parse(&good, ctx->arena, out_listed, out_effective, NULL) == HM_OK;
}

static bool is_required(const struct hm_finding_ctx *ctx, struct hm_ports ports)
{
    for (size_t i = 0; i < ctx->count; i++) {
        if (hm_ports_overlap(ctx->needs[i].verdict.ports, ports)) {
            return true;
        }
    }
    return false;
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    struct hm_finding *finding;
    struct hm_ports listed;
    struct hm_ports effective;
    struct hm_ports unsure;
    struct hm_stack_ports missing = {{{NULL, 0}}};

    if (!ctx->facts->legacy || !inventory->has_registry ||
        !inventory->registry.has_reserved_ports || !read_lines(ctx, &listed, &effective)) {
        return;
    }
    unsure = hm_finding_without(out, listed, effective);
    if (unsure.count == 0) {
        return;
    }
    missing.of[0] = unsure;
    finding = hm_finding_put(out, "registry ReservedPorts");
    if (is_required(ctx, unsure)) {
        finding->severity = HM_SEVERITY_HIGH;
    }
    finding->text = hm_finding_print(
        out,
        "ReservedPorts lists neighbouring ports on separate lines: Windows then reserves the first "
        "of them only, so %s may still be handed to any program (KB812873).",
        hm_finding_list_ports(out, unsure));
    for (size_t i = 0; i < inventory->registry.reserved_ports.count; i++) {
        hm_finding_evidence(out, finding, "line", inventory->registry.reserved_ports.at[i]);
    }
    finding->remedy = "Write neighbours as one range; that is in force after the next boot.";
    hm_remedy_exclude(ctx, out, finding, &missing);
}

const struct hm_finding_kind hm_finding_reserved_ports_neighbours = {
    .name = "reserved_ports_neighbours",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .help = "ReservedPorts has neighbours on separate lines, so some are not reserved",
};
