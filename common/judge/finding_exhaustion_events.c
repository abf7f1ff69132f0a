/* common/judge/finding_exhaustion_events.c — Windows has logged that it ran out of ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

struct exhaustion {
    const char *subject;
    enum hm_protocol protocol;
    enum hm_severity severity;
    unsigned id;
    const char *text;
};

static const struct exhaustion rows[] = {
    {"tcp ports exhausted", HM_TCP, HM_SEVERITY_HIGH,   4231,
     "a program asked for a TCP port and none was left (event 4231)"},
    {"udp ports exhausted", HM_UDP, HM_SEVERITY_HIGH,   4266,
     "a program asked for a UDP port and none was left (event 4266)"},
    {"tcp port reuse",      HM_TCP, HM_SEVERITY_MEDIUM, 4227,
     "an outgoing connection failed as its port was used for the same target too recently (event "
     "4227)"                                                        },
};

static uint32_t count_of(const struct hm_sample *sample, unsigned id)
{
    switch (id) {
    case 4231:
        return sample->event_4231;
    case 4266:
        return sample->event_4266;
    default:
        return sample->event_4227;
    }
}

/* The events have no owner; what the sockets show now is the best hint. */
static const char *now_held(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                            struct hm_finding *finding, enum hm_protocol protocol)
{
    const struct hm_sample_stacks *stacks = &ctx->input->sample->stacks;
    uint32_t in_use = 0;
    const char *said;

    for (size_t i = 0; i < stacks->count; i++) {
        if (stacks->at[i].protocol == protocol && stacks->at[i].in_use > in_use) {
            in_use = stacks->at[i].in_use;
        }
    }
    said = hm_finding_holders(ctx, out, finding, protocol, in_use);

    return said[0] == '\0' ? "" : hm_finding_print(out, " Of the ports in use now:%s", said);
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_sample *sample = ctx->input->sample;

    for (size_t i = 0; sample != NULL && sample->has_events && i < HM_COUNT(rows); i++) {
        uint32_t count = count_of(sample, rows[i].id);
        struct hm_finding *finding;

        if (count == 0) {
            continue;
        }
        finding = hm_finding_put(out, rows[i].subject);
        finding->severity = rows[i].severity;
        finding->counts = true;
        finding->text = hm_finding_print(out, "Logged since the last sample: %s.%s", rows[i].text,
                                         now_held(ctx, out, finding, rows[i].protocol));
        hm_finding_evidence(out, finding, hm_finding_print(out, "event_%u", rows[i].id),
                            hm_finding_print(out, "%u", (unsigned)count));
        hm_remedy_decide(
            out, finding,
            hm_finding_print(out,
                             "Find the program that holds most ports (\"%s\"), and whether their "
                             "number grows. A larger dynamic range only buys time.",
                             hm_remedy_list_sockets(ctx)));
    }
}

const struct hm_finding_kind hm_finding_exhaustion_events = {
    .name = "exhaustion_events",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .help = "events 4227, 4231 or 4266 of source Tcpip were logged",
};
