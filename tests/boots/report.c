/* tests/boots/report.c — is it true what the agent reports?
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/boots/boots.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/plan/outcome.h"
#include "common/wire/records.h"

#define LEAST_LEFT 1024u /* ports of a dynamic range, or a quarter of it */

/* ---- once it has settled --------------------------------------------------------------------- */

/* Is every port of the note one that must not be excluded? */
static bool is_hazard(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    for (size_t i = 0; i < note->ports.count; i++) {
        for (uint32_t port = note->ports.at[i].first; port <= note->ports.at[i].last; port++) {
            if (!boots_has(&sequence->host->hazards, note->protocol, port) &&
                !boots_has(&sequence->host->listed, note->protocol, port)) {
                return false;
            }
        }
    }
    return note->ports.count > 0;
}

/* Somebody has one of these ports, in that family or, where the note names none, in some. */
static bool is_held(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    for (size_t i = 0; i < note->ports.count; i++) {
        for (uint32_t port = note->ports.at[i].first; port <= note->ports.at[i].last; port++) {
            for (unsigned family = 0; family < 2; family++) {
                if ((!note->has_family || (unsigned)note->family == family) &&
                    hm_boot_holder(sequence->boot, note->protocol, (enum hm_family)family,
                                   (uint16_t)port) != NULL) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* By its service where both know one. */
static bool names(const struct hm_holder *holder, const struct hm_boot_item *item)
{
    const bool services = !hm_str_equal(holder->service, "") && !hm_str_equal(item->service, "");

    return services ? hm_str_equal_nocase(holder->service, item->service)
                    : hm_str_equal_nocase(holder->program, item->program);
}

/* Whoever the note names has the port. It names nobody where that cannot be seen. */
static bool is_holder_true(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    for (unsigned family = 0; note->has_holder && family < 2; family++) {
        const struct hm_boot_item *item = hm_boot_holder(sequence->boot, note->protocol,
                                                         (enum hm_family)family, note->holder.port);

        if ((!note->has_family || (unsigned)note->family == family) && item != NULL &&
            names(&note->holder, item)) {
            return true;
        }
    }
    return !note->has_holder;
}

/* Ports of the dynamic range of a stack that somebody has, that are excluded, or that the note is
 * about. */
static uint32_t count_used(const struct boots_sequence *sequence, const struct hm_stack *stack,
                           const struct hm_plan_note *note)
{
    const unsigned index = hm_stack_index(stack->protocol, stack->family);
    static struct boots_set taken;
    uint32_t used = 0;
    size_t count;
    const struct hm_boot_item *items = hm_boot_items(sequence->boot, &count);

    memset(&taken, 0, sizeof(taken));
    for (size_t i = 0; i < count; i++) {
        struct hm_range range = {items[i].port, (uint16_t)(items[i].port + items[i].count - 1)};

        if (items[i].state == HM_BOOT_THERE && items[i].protocol == stack->protocol &&
            items[i].in[stack->family == HM_IPV6 ? 1 : 0]) {
            boots_put(&taken, index, (struct hm_ports){&range, 1});
        }
    }
    boots_put(&taken, index, stack->administered);
    for (uint32_t port = stack->dynamic.first; port <= stack->dynamic.last; port++) {
        used += boots_has(&taken, index, port) || boots_has(&sequence->before, index, port) ||
                        hm_ports_contains(note->ports, (uint16_t)port)
                    ? 1u
                    : 0u;
    }
    return used;
}

/* Would too little of the dynamic range be left? ReservedPorts takes a port from both protocols. */
static bool is_crowded(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    const struct hm_stacks *stacks = &sequence->host->settled->inventory.stacks;

    for (size_t i = 0; i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];
        const uint32_t all = stack->has_dynamic ? hm_range_count(stack->dynamic) : 0;
        const uint32_t least = all / 4 < LEAST_LEFT ? all / 4 : LEAST_LEFT;

        if (all > 0 && (!note->has_family || note->family == stack->family) &&
            (!sequence->host->is_modern || !note->has_protocol ||
             note->protocol == stack->protocol) &&
            count_used(sequence, stack, note) + least > all) {
            return true;
        }
    }
    return false;
}

static bool is_legacy(const struct boots_sequence *sequence)
{
    return boots_is_windows(sequence) && !sequence->host->is_modern;
}

/* Of a port of System no one knows better; then the text says that it only may be one. */
static bool may_be_httpsys(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    const struct hm_listeners *listeners = &sequence->host->settled->inventory.listeners;
    uint32_t known = 0;

    for (size_t i = 0; i < listeners->count; i++) {
        const struct hm_listener *row = &listeners->at[i];

        known += row->protocol == note->protocol && hm_str_equal(row->program, "System") &&
                         hm_ports_contains(note->ports, row->port)
                     ? 1u
                     : 0u;
    }
    return known >= hm_ports_count(note->ports) &&
           (strstr(note->text, "as far as could be told") != NULL ||
            strstr(note->text, "it may be") != NULL);
}

/* The host's files do not tell of it. */
static bool lacks_stack(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    const struct hm_stack *stack =
        hm_inventory_stack(&sequence->host->settled->inventory, note->protocol, note->family);

    return note->has_family && (stack == NULL || !stack->has_administered || !stack->has_runtime);
}

/* Without the update that brings exclusions. */
static bool lacks_exclusions(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    const struct hm_stack *stack =
        hm_inventory_stack(&sequence->host->settled->inventory, note->protocol, note->family);

    return note->has_family && stack != NULL && stack->exclusions_unsupported;
}

static bool is_refusal_true(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    switch (note->code) {
    case HM_REFUSE_HTTPSYS:
    case HM_REFUSE_QUIC:
    case HM_REFUSE_CONTAINER:
    case HM_REFUSE_SHARED:
    case HM_REFUSE_UNSAFE:
        return is_hazard(sequence, note) || may_be_httpsys(sequence, note);
    case HM_REFUSE_WOULD_BREAK_HEADROOM:
        return is_crowded(sequence, note);
    case HM_REFUSE_FACTS_MISSING:
        return sequence->is_unread || sequence->was_unread || lacks_stack(sequence, note) ||
               sequence->lost_boots > 0 || sequence->whole_boot == sequence->number;
    case HM_REFUSE_UNSUPPORTED_SYSTEM:
        return lacks_exclusions(sequence, note);
    default:
        return false;
    }
}

static bool is_note_true(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    switch (note->kind) {
    case HM_NOTE_ALREADY_THERE:
        return true; /* the ports are looked at below */
    case HM_NOTE_TAKEN:
    case HM_NOTE_BUSY:
        return is_held(sequence, note) && is_holder_true(sequence, note);
    case HM_NOTE_REFUSED:
        return is_refusal_true(sequence, note);
    case HM_NOTE_WAITING_REBOOT:
        return is_legacy(sequence);
    default:
        return false;
    }
}

static bool covers(const struct hm_plan_note *note, unsigned stack, uint32_t port)
{
    return (!note->has_protocol || note->protocol == boots_protocol(stack)) &&
           (!note->has_family || note->family == boots_family(stack)) &&
           hm_ports_contains(note->ports, (uint16_t)port);
}

static void check_notes(struct boots_sequence *sequence, const struct hm_outcome *outcome)
{
    for (size_t i = 0; i < outcome->notes.count; i++) {
        const struct hm_plan_note *note = &outcome->notes.at[i];

        if (!is_note_true(sequence, note)) {
            boots_breach(sequence, "policy %s: \"%s\" is not true of %s port %u (%s, %s)",
                         outcome->policy, hm_plan_note_kind_names[note->kind],
                         hm_protocol_names[note->protocol],
                         note->ports.count > 0 ? note->ports.at[0].first : 0,
                         hm_refusal_code_names[note->code], note->text);
        }
    }
}

static bool is_explained(const struct hm_outcome *outcome, unsigned stack, uint32_t port)
{
    for (size_t i = 0; i < outcome->notes.count; i++) {
        const struct hm_plan_note *note = &outcome->notes.at[i];

        if (note->kind != HM_NOTE_ALREADY_THERE && covers(note, stack, port)) {
            return true;
        }
    }
    return false;
}

/* Is each port that the policy wants excluded, or is there a note that says why not? */
static void check_ports(struct boots_sequence *sequence, const struct boots_policy *policy,
                        const struct hm_outcome *outcome, const struct boots_set *excluded)
{
    const struct hm_inventory *settled = &sequence->host->settled->inventory;

    for (unsigned stack = 0; stack < HM_STACK_COUNT; stack++) {
        const struct hm_ports ports = policy->ports[boots_protocol(stack)];

        for (size_t i = 0; i < ports.count; i++) {
            for (uint32_t port = ports.at[i].first; port <= ports.at[i].last; port++) {
                if (boots_has(excluded, stack, port) || is_explained(outcome, stack, port) ||
                    hm_inventory_stack(settled, boots_protocol(stack), boots_family(stack)) ==
                        NULL) {
                    continue;
                }
                boots_breach(sequence,
                             "policy %s is %s, and %s %s port %u is neither excluded nor "
                             "explained (%s)",
                             outcome->policy, hm_outcome_state_names[outcome->state],
                             hm_protocol_names[boots_protocol(stack)],
                             hm_family_names[boots_family(stack)], port, outcome->text);
                return;
            }
        }
    }
}

/* Has every port of a dynamic range somebody now, or a block, or an exclusion? */
static bool is_exhausted(const struct boots_sequence *sequence)
{
    const struct hm_stacks *stacks = &sequence->host->settled->inventory.stacks;
    const struct hm_plan_note none = {
        .ports = {NULL, 0}
    };

    for (size_t i = 0; i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];

        if (stack->has_dynamic &&
            count_used(sequence, stack, &none) >= hm_range_count(stack->dynamic)) {
            return true;
        }
    }
    return false;
}

static bool has_harmed(const struct boots_sequence *sequence, const struct boots_policy *policy)
{
    for (unsigned protocol = 0; protocol < 2; protocol++) {
        const struct hm_ports ports = policy->ports[protocol];

        for (size_t i = 0; i < ports.count; i++) {
            for (uint32_t port = ports.at[i].first; port <= ports.at[i].last; port++) {
                if (boots_has(&sequence->harmed, protocol, port)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* The policy wants a port that was excluded when its service came. Or the limits of what can be
 * known, counted apart (policies.md, "What the agent does", 7): nobody names a port of QUIC or of a
 * container that was excluded, and a range that was used up may be the work of a policy. */
static bool is_off_in_truth(const struct boots_sequence *sequence,
                            const struct boots_policy *policy, const struct hm_outcome *outcome)
{
    if (has_harmed(sequence, policy)) {
        return true;
    }
    if ((sequence->is_unnamed && strstr(outcome->text, "ended with error 32")) ||
        (sequence->was_exhausted && strstr(outcome->text, "handed out no ephemeral ports"))) {
        sequence->counts->suspected++;
        return true;
    }
    return false;
}

static void check_state(struct boots_sequence *sequence, const struct boots_policy *policy,
                        const struct hm_outcome *outcome)
{
    struct boots_counts *counts = sequence->counts;

    counts->ends++;
    switch (outcome->state) {
    case HM_OUTCOME_VERIFIED:
    case HM_OUTCOME_REPAIRED:
        counts->verified++;
        break;
    case HM_OUTCOME_WAITING:
        counts->waiting++;
        break;
    case HM_OUTCOME_REFUSED:
        counts->refused++;
        break;
    default:
        if (!is_off_in_truth(sequence, policy, outcome)) {
            boots_breach(sequence, "policy %s is %s: %s", outcome->policy,
                         hm_outcome_state_names[outcome->state], outcome->text);
        }
    }
    if (outcome->state == HM_OUTCOME_REPAIRED || outcome->repairs > 0) {
        boots_breach(sequence, "policy %s was repaired, and nobody had undone it", outcome->policy);
    }
}

static const struct hm_outcome *find_outcome(const struct hm_outcome_report *report,
                                             const char *policy)
{
    for (size_t i = 0; i < report->policies.count; i++) {
        if (hm_str_equal(report->policies.at[i].policy, policy)) {
            return &report->policies.at[i];
        }
    }
    return NULL;
}

static void check_report(struct boots_sequence *sequence, const struct hm_outcome_report *report,
                         const struct hm_inventory *now)
{
    static struct boots_set excluded;

    boots_collect(sequence, now, false, &excluded);
    for (size_t i = 0; i < sequence->host->policies_count; i++) {
        const struct boots_policy *policy = &sequence->host->policies[i];
        const struct hm_outcome *outcome = find_outcome(report, policy->name);

        if (outcome == NULL) {
            boots_breach(sequence, "nothing is reported of policy %s", policy->name);
        } else if (!sequence->is_denied) {
            check_state(sequence, policy, outcome);
            check_notes(sequence, outcome);
            if (outcome->state !=
                HM_OUTCOME_FAILED) { /* that is off, and check_state looks at it */
                check_ports(sequence, policy, outcome, &excluded);
            }
        } else if (outcome->state == HM_OUTCOME_VERIFIED) { /* of an earlier boot, or not true */
            check_ports(sequence, policy, outcome, &excluded);
        }
    }
}

static bool is_whole(const struct boots_sequence *sequence)
{
    size_t count;
    const struct hm_boot_item *items = hm_boot_items(sequence->boot, &count);

    for (size_t i = 0; i < count; i++) {
        if (items[i].is_listener && items[i].state != HM_BOOT_THERE) {
            return false;
        }
    }
    return true;
}

void boots_check_settled(struct boots_sequence *sequence)
{
    const struct hm_buf *json = &sequence->agent->outcome_json;
    struct hm_outcome_report report = {.refused = ""};
    struct hm_observation seen;
    struct hm_arena arena;
    struct hm_err err;

    sequence->has_seen = sequence->has_seen || is_whole(sequence);
    if (!sequence->is_delivered) {
        return;
    }
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    if (hm_record_decode(&hm_record_outcome, hm_buf_text(json), json->len, true, &arena, &report,
                         NULL, &err) != HM_OK) {
        boots_breach(sequence, "no outcome is reported: %s", err.text);
    } else {
        boots_look(sequence, &arena, &seen);
        sequence->is_unread = seen.settings_unread;
        check_report(sequence, &report, &seen.inventory);
    }
    hm_arena_fini(&arena);
}

/* Whatever it says at any time: verified is what is there, and nobody undoes anything here. */
static void check_claim(struct boots_sequence *sequence, const struct boots_policy *policy,
                        const struct hm_outcome *outcome, const struct boots_set *excluded)
{
    if (outcome->state == HM_OUTCOME_VERIFIED) {
        check_ports(sequence, policy, outcome, excluded);
    } else if (outcome->state == HM_OUTCOME_REPAIRED) {
        boots_breach(sequence, "policy %s was repaired, and nobody had undone it", policy->name);
    } else if (outcome->state == HM_OUTCOME_RETIRED) {
        boots_breach(sequence, "policy %s was retired, and nobody had retired it", policy->name);
    }
}

void boots_check_outcome(struct boots_sequence *sequence)
{
    const struct hm_buf *json = &sequence->agent->outcome_json;
    const uint64_t hash = hm_str_hash(HM_HASH_START, hm_buf_text(json), json->len);
    static struct boots_set excluded;
    struct hm_outcome_report report = {.refused = ""};
    struct hm_observation seen;
    struct hm_arena arena;

    if (json->len == 0 || hash == sequence->outcome || !sequence->is_delivered) {
        return;
    }
    sequence->outcome = hash;
    sequence->was_exhausted = sequence->was_exhausted || is_exhausted(sequence);
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    if (hm_record_decode(&hm_record_outcome, hm_buf_text(json), json->len, true, &arena, &report,
                         NULL, NULL) == HM_OK) {
        boots_look(sequence, &arena, &seen);
        boots_collect(sequence, &seen.inventory, false, &excluded);
        for (size_t i = 0; i < sequence->host->policies_count; i++) {
            const struct boots_policy *policy = &sequence->host->policies[i];
            const struct hm_outcome *outcome = find_outcome(&report, policy->name);

            if (outcome != NULL) {
                check_claim(sequence, policy, outcome, &excluded);
            }
        }
    }
    hm_arena_fini(&arena);
}
