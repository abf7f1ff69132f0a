/* server/hmctl/show.c — values as the cells of tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/show.h"

#include <string.h>

#include "common/base/clock.h"

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

const char *hm_show_number(struct hm_arena *arena, uint64_t number)
{
    return number == 0 ? "-" : or_empty(hm_arena_printf(arena, "%llu", (unsigned long long)number));
}

const char *hm_show_strings(struct hm_arena *arena, const struct hm_strings *strings)
{
    const char *out = "";
    size_t i;

    for (i = 0; i < strings->count && out != NULL; i++) {
        out = hm_arena_printf(arena, "%s%s%s", out, i > 0 ? " " : "", strings->at[i]);
    }
    return or_empty(out);
}

const char *hm_show_seen(struct hm_ctl *ctl, bool silent, int64_t last_seen_ms)
{
    const char *age = ctl->past ? "-" : hm_output_age(&ctl->output, last_seen_ms, &ctl->page);

    return silent ? or_empty(hm_arena_printf(&ctl->page, "silent, %s", age)) : age;
}

const char *hm_show_odds(struct hm_arena *arena, const struct hm_verdict *verdict)
{
    double percent = verdict->odds * 100;

    if (verdict->state != HM_EXPOSED) {
        return "";
    }
    if (!verdict->has_odds) {
        return "?";
    }
    if (percent <= 0) {
        return "none yet"; /* nothing has taken the port: no promise that nothing will */
    }
    if (percent < 0.01) {
        return verdict->odds_of_each ? "each <0.01 %" : "<0.01 %";
    }
    return or_empty(hm_arena_printf(arena, "%s%s%.*f %%", verdict->odds_of_each ? "each " : "",
                                    verdict->odds_at_least ? "≥" : "", percent < 1 ? 2 : 0,
                                    percent));
}

const char *hm_show_ports(struct hm_arena *arena, const struct hm_verdict *verdict)
{
    const char *ports =
        verdict->ports.count == 0 ? "not known" : hm_ports_text(verdict->ports, arena);

    return or_empty(
        hm_arena_printf(arena, "%s %s", hm_protocol_names[verdict->protocol], or_empty(ports)));
}

const char *hm_show_why(struct hm_arena *arena, const struct hm_verdict *verdict)
{
    static const char *const words[HM_REASON_COUNT] = {
        [HM_REASON_EXCLUDED] = "excluded",
        [HM_REASON_OUTSIDE_DYNAMIC] = "outside dynamic range",
        [HM_REASON_OWN_RESERVATION] = "reserved by its own component",
        [HM_REASON_IN_DYNAMIC] = "in dynamic range",
        [HM_REASON_HELD] = "held",
        [HM_REASON_RUNTIME_EXCLUSION] = "in a runtime exclusion",
        [HM_REASON_RESERVER_EXCLUDED] = "excluded, which breaks it",
        [HM_REASON_SHARED_EXCLUDED] = "excluded, though shared",
        [HM_REASON_FACTS_MISSING] = "facts are missing",
        [HM_REASON_PORT_UNKNOWN] = "its port is not known",
        [HM_REASON_UNKNOWN_LISTENER] = "an unknown program listens",
    };
    const struct hm_holder *holder = &verdict->holder;
    const char *later = hm_verdict_after_boot_text(verdict);
    const char *gap = later[0] != '\0' ? "; " : "";

    if (!verdict->has_holder) {
        return or_empty(hm_arena_printf(arena, "%s%s%s", words[verdict->reason], gap, later));
    }
    return or_empty(hm_arena_printf(
        arena, "%u held by %s%s%s%s%s%s", holder->port,
        holder->program[0] != '\0' ? holder->program : "somebody",
        holder->service[0] != '\0' ? " / " : "", holder->service,
        verdict->reason == HM_REASON_UNKNOWN_LISTENER ? ", perhaps a part of it" : "", gap, later));
}

const char *hm_show_policy_state(struct hm_arena *arena, const struct hm_api_host_policy *row)
{
    const char *detail = strcmp(row->state, "refused") == 0   ? row->code
                         : strcmp(row->state, "waiting") == 0 ? row->why
                                                              : "none";
    const char *text = row->state;

    if (row->silent) {
        text = hm_arena_printf(arena, "unknown, was %s", row->state);
    } else if (strcmp(detail, "none") != 0 && detail[0] != '\0') {
        text = hm_arena_printf(arena, "%s (%s)", row->state, detail);
    }
    return text == NULL ? row->state : text;
}

const char *hm_show_time(struct hm_arena *arena, int64_t time_ms)
{
    char text[HM_TIME_TEXT_BYTES];

    return time_ms == 0 ? "" : or_empty(hm_arena_strdup(arena, hm_clock_format(time_ms, text)));
}
