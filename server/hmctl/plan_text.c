/* server/hmctl/plan_text.c — actions and notes of a plan as lines for people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/plan_text.h"

#include "server/hmctl/show.h"

static const char *or_nothing(const char *text)
{
    return text == NULL ? "" : text;
}

/* " tcp/ipv4", or as much of it as there is. */
static const char *stack_text(bool has_protocol, enum hm_protocol protocol, bool has_family,
                              enum hm_family family, struct hm_arena *arena)
{
    return or_nothing(hm_arena_printf(arena, "%s%s%s%s", has_protocol ? " " : "",
                                      has_protocol ? hm_protocol_names[protocol] : "",
                                      !has_family    ? ""
                                      : has_protocol ? "/"
                                                     : " ",
                                      has_family ? hm_family_names[family] : ""));
}

static const char *range_text(struct hm_range range, struct hm_arena *arena)
{
    return hm_arena_printf(arena, " %u-%u", (unsigned)range.first, (unsigned)range.last);
}

/* " 9955"; "" for no ports. */
static const char *ports_text(struct hm_ports ports, struct hm_arena *arena)
{
    const char *text = or_nothing(hm_ports_text(ports, arena));

    return text[0] == '\0' ? "" : hm_arena_printf(arena, " %s", text);
}

/* " 60 s, now 240 s"; " no value, now 60 s" */
static const char *delay_text(const struct hm_action *action, struct hm_arena *arena)
{
    const char *will = action->has_timed_wait_delay_s
                           ? hm_arena_printf(arena, "%u s", action->timed_wait_delay_s)
                           : "no value";
    const char *now = action->has_before_timed_wait_delay_s
                          ? hm_arena_printf(arena, "%u s", action->before_timed_wait_delay_s)
                          : "no value";

    return hm_arena_printf(arena, " %s, now %s", or_nothing(will), or_nothing(now));
}

static const char *action_subject(const struct hm_action *action, struct hm_arena *arena)
{
    if (action->kind == HM_ACTION_SET_TIMED_WAIT_DELAY) {
        return delay_text(action, arena);
    }
    if (action->has_range) {
        return range_text(action->range, arena);
    }
    if (action->kind == HM_ACTION_SET_RESERVED_PORTS) {
        return hm_arena_printf(arena, " %s", hm_show_strings(arena, &action->lines));
    }
    return ports_text(action->ports, arena);
}

static const char *note_subject(const struct hm_plan_note *note, struct hm_arena *arena)
{
    if (note->has_timed_wait_delay_s) {
        return hm_arena_printf(arena, " TcpTimedWaitDelay %u s", note->timed_wait_delay_s);
    }
    return note->has_range ? range_text(note->range, arena) : ports_text(note->ports, arena);
}

const char *hm_plan_text_action(const struct hm_action *action, struct hm_arena *arena)
{
    return or_nothing(hm_arena_printf(arena, "%s%s%s%s", hm_action_kind_names[action->kind],
                                      stack_text(action->has_protocol, action->protocol,
                                                 action->has_family, action->family, arena),
                                      or_nothing(action_subject(action, arena)),
                                      action->needs_reboot ? "  (counts after a reboot)" : ""));
}

const char *hm_plan_text_note(const struct hm_plan_note *note, struct hm_arena *arena)
{
    return or_nothing(hm_arena_printf(
        arena, "%s%s%s: %s", hm_plan_note_kind_names[note->kind],
        stack_text(note->has_protocol, note->protocol, note->has_family, note->family, arena),
        or_nothing(note_subject(note, arena)), note->text));
}
