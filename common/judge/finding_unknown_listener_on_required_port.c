/* common/judge/finding_unknown_listener_on_required_port.c — a product runs, and a program that
 * nobody knows listens on its port.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

/* Why it is a question, and what a person does; both with the names of requirement and program. */
static const char *text_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                           const struct hm_need *need, const char *name)
{
    const char *title = need->verdict.title;

    if (need->published && ctx->facts->linux_host) {
        return hm_finding_print(
            out,
            "%s: %s listens on a port that a container is set up to publish. Either both use "
            "different addresses, or the container does not get it.",
            title, name);
    }
    if (need->published) {
        return hm_finding_print(
            out,
            "%s: %s listens on a port that a container is set up to publish. Either the container "
            "does not get it, or its endpoint is a leftover.",
            title, name);
    }
    if (need->may_have_moved && hm_need_runs(ctx->facts, need) == HM_RUNS_NO) {
        return hm_finding_print(
            out,
            "%s: %s listens on the port, and the product, which does not run, was seen on another "
            "port only. Either it was moved there, or it is set up for this one now.",
            title, name);
    }
    if (need->may_have_moved) {
        return hm_finding_print(
            out,
            "%s: %s listens on the port, and the product runs on another port. Either it was moved "
            "there, or a service of it did not get this one.",
            title, name);
    }
    if (hm_need_may_be_replaced(ctx->facts, need)) {
        return hm_finding_print(
            out,
            "%s: %s listens on the port. It is no part of the product, which is served through "
            "HTTP.sys. The product serves another port, so it may not be set up for this one; if "
            "it is, %s keeps the port from it.",
            title, name, name);
    }
    return hm_finding_print(
        out,
        "%s: %s listens on the port while the product runs. It is either a part of the product "
        "that the catalogue does not know, or it keeps the port from the product.",
        title, name);
}

static const char *advice_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                             const struct hm_need *need, const char *name)
{
    if (need->published && ctx->facts->linux_host) {
        return hm_finding_print(
            out,
            "Stop nothing yet. Look whether a container publishes it (\"docker ps -a\", \"podman "
            "ps "
            "-a\"), and on which addresses both listen (\"ss -tulnp\"). When they share one, give "
            "the container or %s another port.",
            name);
    }
    if (need->published) {
        return hm_finding_print(
            out,
            "Stop nothing yet. Look whether a container still publishes it (\"docker ps -a\", "
            "Get-HnsEndpoint). If so, give it or %s another port; if not, remove the endpoint.",
            name);
    }
    if (need->may_have_moved) {
        return hm_finding_print(
            out,
            "Stop nothing yet. Look in the settings of the product which port each service of it "
            "is "
            "to use. If one is to use this port, give it or %s another one; if not, nothing is "
            "wrong.",
            name);
    }
    if (hm_need_may_be_replaced(ctx->facts, need)) {
        return hm_finding_print(
            out,
            "Stop nothing yet. Look in the settings of the product whether it is to use this port "
            "(\"netsh http show servicestate view=requestq\" lists what HTTP.sys serves). If so, "
            "give it or %s another port; if not, nothing is wrong.",
            name);
    }
    return hm_finding_print(
        out,
        "Stop nothing yet. Look which folder %s was started from and which process started it, and "
        "whether the product answers on the port. A part of the product: name it under companions "
        "in a product file of your own, and this is settled. Not a part of it: give one of the two "
        "another port.",
        name);
}

/* A question and no alarm: most such programs are a part of the product that the catalogue does
 * not know, and stopping it would stop the product. */
static void put(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                const struct hm_need *need, struct hm_ports ports, const struct hm_holder *holder)
{
    const char *name = holder->program[0] == '\0' ? holder->service : holder->program;
    struct hm_finding *finding =
        hm_finding_put(out, hm_finding_ports(out, need->verdict.protocol, ports));

    finding->text = text_of(ctx, out, need, name);
    hm_finding_describe(ctx, out, finding, need);
    if (!need->verdict.has_holder) {
        hm_finding_describe_holder(out, finding, holder);
    }
    hm_remedy_decide(out, finding, advice_of(ctx, out, need, name));
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
