/* tests/boots/truth.c — is it true what the agent did and said? The simulated host knows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/boots/boots.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/plan/outcome.h"
#include "common/wire/records.h"

#define SETTLED_MS INT64_C(600000) /* a host has settled by then, whatever it shows */
#define APART_MS INT64_C(30000)
#define CROWDED 0.8 /* of a dynamic range */

void boots_breach(struct boots_sequence *sequence, const char *fmt, ...)
{
    va_list args;

    sequence->counts->breaches++;
    if (sequence->options->is_quiet) {
        return;
    }
    printf("BREACH %s --seed %" PRIu64 ", boot %u, %" PRId64 " s after it: ", sequence->host->name,
           sequence->seed, sequence->number, boots_uptime_ms(sequence) / 1000);
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    printf("\n");
    (void)fflush(stdout);
}

static enum hm_protocol protocol_of(unsigned stack)
{
    return stack < 2 ? HM_TCP : HM_UDP;
}

static enum hm_family family_of(unsigned stack)
{
    return stack % 2 == 0 ? HM_IPV4 : HM_IPV6;
}

static bool is_windows(const struct boots_sequence *sequence)
{
    return sequence->host->settled->inventory.os.family == HM_OS_WINDOWS;
}

/* ---- what stands on the host now ------------------------------------------------------------- */

static void put_lines(struct boots_set *set, const struct hm_registry *registry)
{
    for (size_t i = 0; registry->has_reserved_ports && i < registry->reserved_ports.count; i++) {
        unsigned first = 0;
        unsigned last = 0;
        const int fields = sscanf(registry->reserved_ports.at[i], "%u-%u", &first, &last);
        struct hm_range range = {(uint16_t)first, (uint16_t)(fields == 2 ? last : first)};

        for (unsigned stack = 0; fields > 0 && stack < HM_STACK_COUNT; stack++) {
            boots_put(set, stack, (struct hm_ports){&range, 1});
        }
    }
}

static const struct hm_ports *rows_of(const struct hm_inventory *inventory, unsigned stack)
{
    const struct hm_stack *found =
        hm_inventory_stack(inventory, protocol_of(stack), family_of(stack));

    return found != NULL && found->has_administered ? &found->administered : NULL;
}

/* Administered exclusions, ReservedPorts as written, or the list of Linux. filed: of a settled
 * host, whose next boot has what is only written now. */
static void collect(const struct boots_sequence *sequence, const struct hm_inventory *inventory,
                    bool filed, struct boots_set *out)
{
    memset(out, 0, sizeof(*out));
    if (is_windows(sequence) && !sequence->host->is_modern) {
        put_lines(out, &inventory->registry);
        return;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack *stack = hm_inventory_stack(inventory, protocol_of(i), family_of(i));

        if (stack != NULL && stack->has_administered) {
            boots_put(out, i,
                      filed && stack->has_next_administered ? stack->next_administered
                                                            : stack->administered);
        }
    }
}

static bool has_exact(struct hm_ports rows, struct hm_range row)
{
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.at[i].first == row.first && rows.at[i].last == row.last) {
            return true;
        }
    }
    return false;
}

/* Rows and ranges of others, to the bound. */
static void check_foreign_rows(struct boots_sequence *sequence, const struct hm_inventory *now)
{
    const struct hm_inventory *filed = &sequence->host->settled->inventory;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack *before = hm_inventory_stack(filed, protocol_of(i), family_of(i));
        const struct hm_ports *rows = rows_of(now, i);
        const struct hm_stack *after = hm_inventory_stack(now, protocol_of(i), family_of(i));

        for (size_t k = 0;
             sequence->host->is_modern && rows != NULL && k < before->administered.count; k++) {
            if (!has_exact(*rows, before->administered.at[k])) {
                boots_breach(sequence, "the foreign exclusion %u-%u is gone",
                             before->administered.at[k].first, before->administered.at[k].last);
            }
        }
        if ((sequence->host->is_modern || !is_windows(sequence)) && before != NULL &&
            before->has_dynamic &&
            (before->dynamic.first != after->dynamic.first ||
             before->dynamic.last != after->dynamic.last) &&
            !before->has_next_dynamic) {
            boots_breach(sequence, "the dynamic range was changed");
        }
    }
}

static void check_foreign_values(struct boots_sequence *sequence, const struct hm_inventory *now)
{
    const struct hm_registry *a = &sequence->host->settled->inventory.registry;
    const struct hm_registry *b = &now->registry;

    if (sequence->host->settled->inventory.has_registry &&
        (a->has_max_user_port != b->has_max_user_port || a->max_user_port != b->max_user_port ||
         a->has_tcp_timed_wait_delay_s != b->has_tcp_timed_wait_delay_s ||
         a->tcp_timed_wait_delay_s != b->tcp_timed_wait_delay_s)) {
        boots_breach(sequence, "a foreign value of Tcpip\\Parameters was changed");
    }
}

/* ---- after a look ---------------------------------------------------------------------------- */

static bool has_settled(const struct boots_sequence *sequence)
{
    const int64_t uptime_ms = boots_uptime_ms(sequence);
    const int64_t started_ms = is_windows(sequence) ? hm_boot_started_ms(sequence->boot) : 0;

    return uptime_ms >= SETTLED_MS || uptime_ms >= started_ms + APART_MS;
}

static bool is_plain(const struct hm_boot_item *item)
{
    return item != NULL && !item->is_block && item->kind != HM_KIND_HTTPSYS &&
           item->kind != HM_KIND_QUIC && item->kind != HM_KIND_CONTAINER;
}

/* Calls visit for every port of each stack that a policy wants. */
static void each_want(struct boots_sequence *sequence, const struct boots_policy *policy,
                      void (*visit)(struct boots_sequence *sequence, unsigned stack, uint32_t port))
{
    for (unsigned stack = 0; stack < HM_STACK_COUNT; stack++) {
        const struct hm_ports ports = policy->ports[protocol_of(stack)];

        for (size_t i = 0; i < ports.count; i++) {
            for (uint32_t port = ports.at[i].first; port <= ports.at[i].last; port++) {
                visit(sequence, stack, port);
            }
        }
    }
}

static void note_held(struct boots_sequence *sequence, unsigned stack, uint32_t port)
{
    struct hm_range range = {(uint16_t)port, (uint16_t)port};

    if (is_plain(
            hm_boot_holder(sequence->boot, protocol_of(stack), family_of(stack), (uint16_t)port))) {
        boots_put(&sequence->held, stack, (struct hm_ports){&range, 1});
    }
}

static void check_port(struct boots_sequence *sequence, unsigned stack, uint32_t port)
{
    const enum hm_protocol protocol = protocol_of(stack);

    sequence->counts->changes++;
    if (sequence->host->is_modern && boots_has(&sequence->host->hazards, protocol, port)) {
        boots_breach(sequence,
                     "%s port %u was excluded, and HTTP.sys, QUIC, a container or "
                     "several programs use it",
                     hm_protocol_names[protocol], port);
    }
    if (has_settled(sequence)) {
        return;
    }
    sequence->was_early = true;
    if (!boots_has(&sequence->ever, stack, port) && !boots_has(&sequence->held, stack, port)) {
        boots_breach(sequence,
                     "%s %s port %u is new, and the host has not settled (services: %" PRId64
                     " s after the boot)",
                     hm_protocol_names[protocol], hm_family_names[family_of(stack)], port,
                     hm_boot_started_ms(sequence->boot) / 1000);
    }
}

/* now: what the agent has excluded; what is new of it is checked. */
static void check_changes(struct boots_sequence *sequence, const struct boots_set *now)
{
    for (unsigned stack = 0; stack < HM_STACK_COUNT; stack++) {
        for (uint32_t word = 0; word < BOOTS_PORTS / 64; word++) {
            const uint64_t is_new = now->at[stack][word] & ~sequence->before.at[stack][word];

            for (uint32_t bit = 0; is_new != 0 && bit < 64; bit++) {
                if ((is_new >> bit & 1u) != 0) {
                    check_port(sequence, stack, word * 64 + bit);
                }
            }
            sequence->ever.at[stack][word] |= now->at[stack][word];
        }
    }
    sequence->before = *now;
}

static void look(struct boots_sequence *sequence, struct hm_arena *arena,
                 struct hm_observation *out)
{
    struct hm_err err;

    memset(out, 0, sizeof(*out));
    if (hm_platform_recorded.observe(sequence->eyes, arena, out, &err) != HM_OK) {
        (void)fprintf(stderr, "boot_proof: %s: %s\n", sequence->host->name, err.text);
        exit(2);
    }
}

/* *out: what the agent has excluded. */
static void find_own(struct boots_sequence *sequence, const struct hm_inventory *now,
                     struct boots_set *out)
{
    static struct boots_set filed;

    collect(sequence, now, false, out);
    collect(sequence, &sequence->host->settled->inventory, true, &filed);
    for (unsigned stack = 0; stack < HM_STACK_COUNT; stack++) {
        for (uint32_t word = 0; word < BOOTS_PORTS / 64; word++) {
            if (!sequence->host->is_modern &&
                (filed.at[stack][word] & ~out->at[stack][word]) != 0) {
                boots_breach(sequence, "reserved ports of others are gone");
                return;
            }
            out->at[stack][word] &= ~filed.at[stack][word];
        }
    }
}

static void check_now(struct boots_sequence *sequence, bool is_begin)
{
    static struct boots_set own;
    struct hm_observation seen;
    struct hm_arena arena;

    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    look(sequence, &arena, &seen);
    find_own(sequence, &seen.inventory, &own);
    check_foreign_rows(sequence, &seen.inventory);
    check_foreign_values(sequence, &seen.inventory);
    if (is_begin) {
        sequence->before = own; /* exclusions that persist are there from the start */
    } else {
        check_changes(sequence, &own);
    }
    hm_arena_fini(&arena);
}

void boots_check_begin(struct boots_sequence *sequence)
{
    sequence->was_early = false;
    check_now(sequence, true);
}

void boots_check_look(struct boots_sequence *sequence)
{
    sequence->counts->looks++;
    check_now(sequence, false);
    for (size_t i = 0; has_settled(sequence) && i < sequence->host->policies_count; i++) {
        each_want(sequence, &sequence->host->policies[i], note_held);
    }
}

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

/* Is the dynamic range all but full? */
static bool is_crowded(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    const struct hm_stacks *stacks = &sequence->host->settled->inventory.stacks;
    size_t count;
    const struct hm_boot_item *items = hm_boot_items(sequence->boot, &count);

    for (size_t i = 0; i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];
        uint32_t used = 0;

        for (size_t k = 0; k < count; k++) {
            used += items[k].state == HM_BOOT_THERE && items[k].protocol == stack->protocol &&
                            items[k].in[stack->family == HM_IPV6 ? 1 : 0] &&
                            hm_range_contains(stack->dynamic, items[k].port)
                        ? 1u
                        : 0u;
        }
        if (stack->has_dynamic && (!note->has_family || note->family == stack->family) &&
            used > hm_range_count(stack->dynamic) * CROWDED) {
            return true;
        }
    }
    return false;
}

static bool is_legacy(const struct boots_sequence *sequence)
{
    return is_windows(sequence) && !sequence->host->is_modern;
}

static bool is_refusal_true(const struct boots_sequence *sequence, const struct hm_plan_note *note)
{
    switch (note->code) {
    case HM_REFUSE_HTTPSYS:
    case HM_REFUSE_QUIC:
    case HM_REFUSE_CONTAINER:
    case HM_REFUSE_SHARED:
    case HM_REFUSE_UNSAFE:
        return is_hazard(sequence, note);
    case HM_REFUSE_WOULD_BREAK_HEADROOM:
        return is_crowded(sequence, note);
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
        return is_held(sequence, note);
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
    return (!note->has_protocol || note->protocol == protocol_of(stack)) &&
           (!note->has_family || note->family == family_of(stack)) &&
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
        const struct hm_ports ports = policy->ports[protocol_of(stack)];

        for (size_t i = 0; i < ports.count; i++) {
            for (uint32_t port = ports.at[i].first; port <= ports.at[i].last; port++) {
                if (boots_has(excluded, stack, port) || is_explained(outcome, stack, port) ||
                    hm_inventory_stack(settled, protocol_of(stack), family_of(stack)) == NULL) {
                    continue;
                }
                boots_breach(sequence,
                             "policy %s is %s, and %s %s port %u is neither excluded nor "
                             "explained (%s)",
                             outcome->policy, hm_outcome_state_names[outcome->state],
                             hm_protocol_names[protocol_of(stack)],
                             hm_family_names[family_of(stack)], port, outcome->text);
                return;
            }
        }
    }
}

static void check_state(struct boots_sequence *sequence, const struct hm_outcome *outcome)
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
        boots_breach(sequence, "policy %s is %s: %s", outcome->policy,
                     hm_outcome_state_names[outcome->state], outcome->text);
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

    collect(sequence, now, false, &excluded);
    for (size_t i = 0; i < sequence->host->policies_count; i++) {
        const struct boots_policy *policy = &sequence->host->policies[i];
        const struct hm_outcome *outcome = find_outcome(report, policy->name);

        if (outcome == NULL) {
            boots_breach(sequence, "nothing is reported of policy %s", policy->name);
        } else if (!sequence->is_denied) {
            check_state(sequence, outcome);
            check_notes(sequence, outcome);
            check_ports(sequence, policy, outcome, &excluded);
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
        look(sequence, &arena, &seen);
        check_report(sequence, &report, &seen.inventory);
    }
    hm_arena_fini(&arena);
}
