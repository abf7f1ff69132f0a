/* common/judge/finding_range_contradicted.c — sockets have ports outside the dynamic range that the
 * host reports. SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

#define SHOWN_MAX 4u

static void put_socket(struct hm_finding_list *out, struct hm_finding *finding,
                       const struct hm_socket *socket)
{
    struct hm_line line;

    hm_line_init(&line);
    hm_line_put(&line, hm_protocol_names[socket->protocol]);
    hm_line_put(&line, " ");
    hm_line_put_u32(&line, socket->port);
    if (socket->program != NULL && socket->program[0] != '\0') {
        hm_line_put(&line, " of ");
        hm_line_put(&line, socket->program);
    }
    if (socket->remote != NULL && socket->remote[0] != '\0') {
        hm_line_put(&line, ", connected to ");
        hm_line_put(&line, socket->remote);
    }
    hm_finding_evidence(out, finding, "socket", hm_finding_line(out, &line));
}

/* The farthest ones, and how many there are in all. Answers whether there is one now. */
static bool put_sockets(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                        struct hm_finding *finding)
{
    const struct hm_given *given = &ctx->facts->given;
    size_t outside = 0;

    for (size_t i = given->count; i > 0; i--) {
        const struct hm_socket *socket = given->at[i - 1];
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, socket->protocol, socket->family);

        if (!stack->contradicted || hm_range_contains(stack->dynamic, socket->port)) {
            continue;
        }
        outside++;
        if (outside <= SHOWN_MAX) {
            put_socket(out, finding, socket);
        }
    }
    hm_finding_evidence(out, finding, "sockets_outside",
                        outside > 0 ? hm_finding_print(out, "%zu", outside)
                                    : "none now; there was one since the host started");
    return outside > 0;
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    struct hm_finding *finding = NULL;
    bool now;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack_facts *stack = &ctx->facts->stacks[i];

        if (!stack->contradicted) {
            continue;
        }
        if (finding == NULL) {
            finding = hm_finding_put(out, "dynamic range");
            finding->counts = true;
            finding->text = hm_finding_print(
                out,
                "%s the dynamic range is %u-%u, but the system has given sockets ports outside of "
                "it: which ports it gives is not known, and no port that it may give is called "
                "safe.",
                ctx->facts->legacy ? "By MaxUserPort" : "By netsh", (unsigned)stack->dynamic.first,
                (unsigned)stack->dynamic.last);
        }
        hm_finding_evidence(out, finding, "dynamic_range_told",
                            hm_finding_print(out, "%s/%s %u-%u", hm_protocol_names[i / 2],
                                             hm_family_names[i % 2], (unsigned)stack->dynamic.first,
                                             (unsigned)stack->dynamic.last));
    }
    if (finding == NULL) {
        return;
    }
    now = put_sockets(ctx, out, finding);
    hm_remedy_decide(
        out, finding,
        ctx->facts->legacy && !now
            ? "Find out whether MaxUserPort was changed since the host started: the new value "
              "is in force after the next boot. Otherwise look which program has ports outside of "
              "the range when it shows again: one that picks the ports of its connections itself "
              "is no reason to worry."
        : ctx->facts->legacy
            ? "Find out whether MaxUserPort was changed since the host started: the new value "
              "is in force after the next boot. Otherwise look at the programs named here: one "
              "that picks the ports of its connections itself is no reason to worry."
            : "Find out whether the range was changed a short while ago (old connections keep "
              "their ports), or whether MaxUserPort is set, which this system still obeys. Judge "
              "the host again after its next boot.");
}

const struct hm_finding_kind hm_finding_range_contradicted = {
    .name = "range_contradicted",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .help = "sockets have ports outside the dynamic range that the host reports",
};
