/* common/plan/plan_build.c — the tools of a plan in the making.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_build.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/str.h"
#include "common/judge/headroom.h"
#include "common/ports/in_force.h"
#include "common/ports/line.h"

static const struct hm_ports no_ports = {NULL, 0};

void hm_plan_fail(struct hm_plan_build *b, enum hm_status st)
{
    if (b->status == HM_OK) {
        b->status = st;
    }
}

void hm_plan_no_memory(struct hm_plan_build *b)
{
    if (b->status == HM_OK) { /* the first failure's text stays */
        b->status = hm_fail(b->err, HM_ENOMEM, "no memory for a plan");
    }
}

void *hm_plan_alloc(struct hm_plan_build *b, size_t count, size_t size)
{
    void *at = b->status == HM_OK ? hm_arena_alloc(b->arena, count, size) : NULL;

    if (at == NULL) {
        hm_plan_no_memory(b);
    }
    return at;
}

typedef enum hm_status set_fn(struct hm_ports a, struct hm_ports b, struct hm_arena *arena,
                              struct hm_ports *out_ports, struct hm_err *err);

static struct hm_ports combine(struct hm_plan_build *b, set_fn *fn, struct hm_ports a,
                               struct hm_ports c)
{
    struct hm_ports out = no_ports;

    if (b->status == HM_OK) {
        b->status = fn(a, c, b->arena, &out, b->err);
    }
    return b->status == HM_OK ? out : no_ports;
}

struct hm_ports hm_plan_union(struct hm_plan_build *b, struct hm_ports a, struct hm_ports c)
{
    return combine(b, hm_ports_union, a, c);
}

struct hm_ports hm_plan_without(struct hm_plan_build *b, struct hm_ports a, struct hm_ports c)
{
    return combine(b, hm_ports_subtract, a, c);
}

struct hm_ports hm_plan_common(struct hm_plan_build *b, struct hm_ports a, struct hm_ports c)
{
    return combine(b, hm_ports_intersect, a, c);
}

struct hm_ports hm_plan_one(struct hm_plan_build *b, struct hm_range range)
{
    struct hm_range *at = hm_plan_alloc(b, 1, sizeof(*at));

    if (at == NULL) {
        return no_ports;
    }
    *at = range;
    return (struct hm_ports){at, 1};
}

const char *hm_plan_print(struct hm_plan_build *b, const char *fmt, ...)
{
    char text[HM_LINE_BYTES];
    char *copy;
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    copy = b->status == HM_OK ? hm_arena_strdup(b->arena, text) : NULL;
    if (copy == NULL) {
        hm_plan_no_memory(b);
        return "";
    }
    return copy;
}

const char *hm_plan_ports_text(struct hm_plan_build *b, struct hm_ports ports)
{
    struct hm_line line;
    const char *text;

    hm_line_init(&line);
    hm_line_put_ports(&line, ports);
    text = hm_line_text(&line, b->arena);
    if (text == NULL) {
        hm_plan_no_memory(b);
    }
    return text == NULL ? "" : text;
}

struct hm_action *hm_plan_put_action(struct hm_plan_build *b, enum hm_action_kind kind)
{
    struct hm_action *action = &b->spare_action;

    if (b->status == HM_OK && hm_arena_grow(b->arena, (void **)&b->actions.at, b->actions.count,
                                            &b->actions_cap, sizeof(*action)) == 0) {
        action = &b->actions.at[b->actions.count++];
    } else {
        hm_plan_no_memory(b);
    }
    *action = (struct hm_action){.kind = kind, .policy = "", .precondition = "", .reason = ""};
    return action;
}

struct hm_plan_note *hm_plan_put_note(struct hm_plan_build *b, enum hm_plan_note_kind kind,
                                      const char *policy, uint32_t revision)
{
    struct hm_plan_note *note = &b->spare_note;

    if (b->status == HM_OK && hm_arena_grow(b->arena, (void **)&b->notes.at, b->notes.count,
                                            &b->notes_cap, sizeof(*note)) == 0) {
        note = &b->notes.at[b->notes.count++];
    } else {
        hm_plan_no_memory(b);
    }
    *note = (struct hm_plan_note){
        .kind = kind,
        .policy = policy == NULL ? "" : policy,
        .revision = revision,
        .holder = {.program = "", .service = "", .remote = ""},
        .text = "",
    };
    return note;
}

struct hm_plan_note *hm_plan_put_want_note(struct hm_plan_build *b, enum hm_plan_note_kind kind,
                                           const struct hm_want *want, const enum hm_family *family,
                                           struct hm_ports ports)
{
    struct hm_plan_note *note =
        hm_plan_put_note(b, kind, want->policy->name, want->policy->revision);

    note->has_protocol = true;
    note->protocol = want->protocol;
    note->has_family = family != NULL;
    note->family = family != NULL ? *family : HM_IPV4;
    note->ports = ports;
    return note;
}

void hm_plan_refuse(struct hm_plan_build *b, struct hm_plan_note *note, enum hm_refusal_code code,
                    const char *text)
{
    (void)b;
    note->kind = HM_NOTE_REFUSED;
    note->code = code;
    note->text = text;
}

static bool waits_to_settle(const struct hm_plan_build *b, const struct hm_policy *policy)
{
    const struct hm_plan_readies *ready = b->input->settling;

    for (size_t i = 0; ready != NULL && i < ready->count; i++) {
        if (ready->at[i].verified && hm_str_equal(ready->at[i].policy, policy->name)) {
            return false;
        }
    }
    return ready != NULL;
}

struct hm_ports hm_plan_ready_ports(struct hm_plan_build *b, const struct hm_policy *policy,
                                    enum hm_protocol protocol, enum hm_family family)
{
    const struct hm_plan_readies *ready = b->input->settling;
    struct hm_ports ports = no_ports;

    for (size_t i = 0; ready != NULL && i < ready->count; i++) {
        const struct hm_plan_ready *row = &ready->at[i];

        if (row->protocol == protocol && row->family == family &&
            hm_str_equal(row->policy, policy->name)) {
            ports = hm_plan_union(b, ports, row->ports);
        }
    }
    return ports;
}

enum hm_plan_gate hm_plan_gate(const struct hm_plan_build *b, const struct hm_policy *policy)
{
    if (b->limits.enforce_off) {
        return HM_GATE_LOCAL;
    }
    if (policy->mode == HM_POLICY_AUDIT) {
        return HM_GATE_AUDIT;
    }
    if (policy->has_window &&
        (b->input->clock_doubted || !hm_window_is_open(&policy->window, b->input->now_ms))) {
        return HM_GATE_WINDOW;
    }
    return waits_to_settle(b, policy) ? HM_GATE_SETTLING : HM_GATE_OPEN;
}

void hm_plan_put_gate(struct hm_plan_build *b, struct hm_plan_note *note, enum hm_plan_gate gate)
{
    if (gate == HM_GATE_LOCAL) {
        hm_plan_refuse(b, note, HM_REFUSE_LOCAL_LIMIT,
                       "This agent's own configuration says enforce = off: nothing is changed.");
    } else if (gate == HM_GATE_AUDIT) {
        note->kind = HM_NOTE_AUDIT_ONLY;
        note->text = "The policy is in mode audit: in mode enforce this would be changed.";
    } else if (gate == HM_GATE_SETTLING) {
        note->kind = HM_NOTE_WAITING_SETTLING;
        note->text = "This host has just started, and services that need the port may not run "
                     "yet. The agent changes nothing new before the host has settled: its "
                     "automatic services have started and nothing changes any more, or ten "
                     "minutes have passed.";
    } else {
        note->kind = HM_NOTE_WAITING_WINDOW;
        note->text = b->input->clock_doubted
                         ? "The change waits for the policy's maintenance window. Whether that is "
                           "open is not known: the clock of this host may be wrong."
                         : "The policy's maintenance window is closed; the change waits for it.";
    }
}

enum hm_protocol hm_plan_protocol(unsigned index)
{
    return index < 2 ? HM_TCP : HM_UDP;
}

enum hm_family hm_plan_family(unsigned index)
{
    return index % 2 == 0 ? HM_IPV4 : HM_IPV6;
}

uint32_t hm_plan_default_floor(struct hm_range range)
{
    uint32_t quarter = hm_range_count(range) / 4;

    return quarter < HM_PLAN_HEADROOM_MIN ? quarter : HM_PLAN_HEADROOM_MIN;
}

uint32_t hm_plan_usable(struct hm_plan_build *b, unsigned index)
{
    struct hm_ports excluded = no_ports;
    bool known;

    if (!b->has_dynamic[index]) {
        return 0;
    }
    if (b->status == HM_OK) {
        const struct hm_inventory written = hm_inventory_as_written(b->input->inventory);

        b->status = hm_inventory_excluded(&written, hm_plan_protocol(index), hm_plan_family(index),
                                          b->arena, &known, &excluded, b->err);
    }
    return hm_ports_count(hm_plan_without(b, (struct hm_ports){&b->dynamic[index], 1}, excluded));
}

bool hm_plan_is_too_few(const struct hm_plan_build *b, unsigned index, uint32_t left)
{
    if (left < b->floor[index]) {
        return true;
    }
    for (size_t i = 0; i < b->sample.stacks.count; i++) {
        const struct hm_sample_stack *row = &b->sample.stacks.at[i];

        if (hm_stack_index(row->protocol, row->family) == index &&
            (double)row->in_use > HM_HEADROOM_CRITICAL * (double)left) {
            return true;
        }
    }
    return false;
}
