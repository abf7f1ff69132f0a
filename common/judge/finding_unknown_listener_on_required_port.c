/* common/judge/finding_unknown_listener_on_required_port.c — a product runs, and a program that
 * nobody knows listens on its port.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

/* A question and no alarm: most such programs are a part of the product that the catalogue does
 * not know, and stopping it would stop the product. */
static void put(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                const struct hm_need *need, struct hm_ports ports, const struct hm_holder *holder)
{
    const char *name = holder->program[0] == '\0' ? holder->service : holder->program;
    struct hm_finding *finding =
        hm_finding_put(out, hm_finding_ports(out, need->verdict.protocol, ports));

    finding->text = hm_finding_print(
        out,
        need->published
            ? "%s: %s listens on a port that a container is set up to publish. Either the "
              "container "
              "does not get it, or its endpoint is a leftover."
            : "%s: %s listens on the port while the product runs. It is either a part of the "
              "product "
              "that the catalogue does not know, or it keeps the port from the product.",
        need->verdict.title, name);
    hm_finding_describe(ctx, out, finding, need);
    if (!need->verdict.has_holder) {
        hm_finding_describe_holder(out, finding, holder);
    }
    hm_remedy_decide(out, finding,
                     hm_finding_print(out,
                                      need->published
                                          ? "Stop nothing yet. Look whether a container still "
                                            "publishes it (\"docker ps -a\", "
                                            "Get-HnsEndpoint). If so, give it or %s another port; "
                                            "if not, remove the endpoint."
                                          : "Stop nothing yet. Look which folder %s was started "
                                            "from and which process started it, "
                                            "and whether the product answers on the port. A part "
                                            "of the product: name it under "
                                            "companions in a product file of your own, and this is "
                                            "settled. Not a part of it: give "
                                            "one of the two another port.",
                                      name));
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        const struct hm_need_stack *stack =
            &need->stacks[need->stacks[HM_IPV4].unclear.count > 0 ? HM_IPV4 : HM_IPV6];
        struct hm_ports ports =
            hm_finding_union(out, need->stacks[HM_IPV4].unclear, need->stacks[HM_IPV6].unclear);

        if (ports.count > 0 && need->rival_of == NULL) { /* the service that is down has its own */
            put(ctx, out, need, ports, &stack->unclear_holder);
        }
    }
}

const struct hm_finding_kind hm_finding_unknown_listener_on_required_port = {
    .name = "unknown_listener_on_required_port",
    .severity = HM_SEVERITY_LOW,
    .look = look,
    .of_ports = true,
    .help = "an unknown program listens on a required port while the product runs",
};
