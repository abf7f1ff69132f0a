/* common/plan/plan_timed_wait.c — TcpTimedWaitDelay of 2000, XP and 2003: set, kept, put back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_build.h"

#include "common/base/str.h"
#include "common/ports/in_force.h"
#include "common/ports/timed_wait.h"

/* The value as it stands. */
struct delay_now {
    bool is_set;
    uint32_t s;
};

/* The next policy that sets the value, from *at on; NULL at the end. */
static const struct hm_policy *next_with_delay(const struct hm_plan_build *b, size_t *at)
{
    while (*at < b->policies.count) {
        const struct hm_policy *policy = b->policies.at[(*at)++];

        if (policy->has_tcp_timed_wait_delay_s && !hm_plan_is_over(b, policy->name)) {
            return policy;
        }
    }
    return NULL;
}

static struct hm_plan_note *put_delay_note(struct hm_plan_build *b, enum hm_plan_note_kind kind,
                                           const char *policy, uint32_t revision, uint32_t s)
{
    struct hm_plan_note *note = hm_plan_put_note(b, kind, policy, revision);

    note->has_timed_wait_delay_s = true;
    note->timed_wait_delay_s = s;
    return note;
}

static struct hm_plan_note *put_wish_note(struct hm_plan_build *b, enum hm_plan_note_kind kind,
                                          const struct hm_policy *policy)
{
    return put_delay_note(b, kind, policy->name, policy->revision, policy->tcp_timed_wait_delay_s);
}

static struct hm_plan_note *put_entry_note(struct hm_plan_build *b, enum hm_plan_note_kind kind)
{
    const struct hm_ledger_delay *entry = &b->ledger.timed_wait_delay;

    return put_delay_note(b, kind, entry->policy, entry->revision, entry->delay_s);
}

static struct hm_action *put_delay_action(struct hm_plan_build *b, struct delay_now now,
                                          const char *policy, uint32_t revision)
{
    struct hm_action *action = hm_plan_put_action(b, HM_ACTION_SET_TIMED_WAIT_DELAY);

    action->policy = policy;
    action->revision = revision;
    action->has_before_timed_wait_delay_s = now.is_set;
    action->before_timed_wait_delay_s = now.s;
    action->before_unset = !now.is_set;
    action->needs_reboot = true;
    action->precondition = now.is_set ? hm_plan_print(b, "TcpTimedWaitDelay is %u.", now.s)
                                      : "TcpTimedWaitDelay is not set.";
    return action;
}

/* ---- no policy sets it any more ------------------------------------------------------------ */

static bool is_as_before(const struct hm_ledger_delay *entry, struct delay_now now)
{
    return now.is_set ? !entry->before_unset && now.s == entry->before_s : entry->before_unset;
}

static bool is_as_written(const struct hm_ledger_delay *entry, struct delay_now now)
{
    return now.is_set &&
           (now.s == entry->delay_s || (entry->has_pending_s && now.s == entry->pending_s));
}

static void put_back_delay(struct hm_plan_build *b, struct delay_now now)
{
    const struct hm_ledger_delay *entry = &b->ledger.timed_wait_delay;
    struct hm_action *action;

    if (is_as_before(entry, now)) {
        put_entry_note(b, HM_NOTE_GONE)->text =
            "TcpTimedWaitDelay is as it was before this agent's change.";
        return;
    }
    if (!is_as_written(entry, now)) {
        put_entry_note(b, HM_NOTE_FOREIGN_LEFT_ALONE)->text =
            "Somebody has changed TcpTimedWaitDelay since: it is theirs and stays.";
        return;
    }
    if (b->limits.enforce_off) {
        hm_plan_put_gate(b, put_entry_note(b, HM_NOTE_REFUSED), HM_GATE_LOCAL);
        return;
    }
    action = put_delay_action(b, now, entry->policy, entry->revision);
    action->unset = entry->before_unset;
    action->has_timed_wait_delay_s = !entry->before_unset;
    action->timed_wait_delay_s = entry->before_unset ? 0 : entry->before_s;
    action->restores = true;
    action->reason = "This agent set TcpTimedWaitDelay, and no policy sets it any more.";
}

/* ---- policies that set it ------------------------------------------------------------------ */

static void refuse_each_delay(struct hm_plan_build *b, enum hm_refusal_code code, const char *text)
{
    const struct hm_policy *policy;
    size_t at = 0;

    while ((policy = next_with_delay(b, &at)) != NULL) {
        hm_plan_refuse(b, put_wish_note(b, HM_NOTE_REFUSED, policy), code, text);
    }
}

/* A policy that sets another value, or NULL. */
static const struct hm_policy *find_other_delay(const struct hm_plan_build *b,
                                                const struct hm_policy *policy)
{
    const struct hm_policy *other;
    size_t at = 0;

    do {
        other = next_with_delay(b, &at);
    } while (other != NULL && other->tcp_timed_wait_delay_s == policy->tcp_timed_wait_delay_s);
    return other;
}

/* True when policies set different values; each of them gets to know one of the others. */
static bool refuse_contradiction(struct hm_plan_build *b)
{
    const struct hm_policy *policy;
    size_t at = 0;
    bool any = false;

    while ((policy = next_with_delay(b, &at)) != NULL) {
        const struct hm_policy *other = find_other_delay(b, policy);

        if (other != NULL) {
            any = true;
            hm_plan_refuse(b, put_wish_note(b, HM_NOTE_REFUSED, policy), HM_REFUSE_CONTRADICTION,
                           hm_plan_print(b,
                                         "Policies %s and %s set TcpTimedWaitDelay to different "
                                         "values, %u and %u; neither is set.",
                                         policy->name, other->name, policy->tcp_timed_wait_delay_s,
                                         other->tcp_timed_wait_delay_s));
        }
    }
    return any;
}

/* It is there; it is in force only after a boot that came later than our change. */
static void say_delay_is_there(struct hm_plan_build *b)
{
    const struct hm_ledger_delay *entry = &b->ledger.timed_wait_delay;
    const char *boot_id = b->input->boot_id;
    const bool waits = !hm_timed_wait_delay_in_force(&b->input->inventory->registry) ||
                       (b->ledger.has_timed_wait_delay && boot_id != NULL && boot_id[0] != '\0' &&
                        hm_str_equal(entry->boot_id, boot_id));
    const struct hm_policy *policy;
    size_t at = 0;

    while ((policy = next_with_delay(b, &at)) != NULL) {
        put_wish_note(b, waits ? HM_NOTE_WAITING_REBOOT : HM_NOTE_ALREADY_THERE, policy)->text =
            waits ? "The value is written; it counts after the next boot."
                  : "TcpTimedWaitDelay has this value already.";
    }
}

/* By the first policy that may change something now; otherwise each says what it waits for. */
static void set_delay(struct hm_plan_build *b, struct delay_now now)
{
    const struct hm_policy *policy;
    struct hm_action *action;
    size_t at = 0;

    do {
        policy = next_with_delay(b, &at);
    } while (policy != NULL && hm_plan_gate(b, policy) != HM_GATE_OPEN);
    if (policy != NULL) {
        action = put_delay_action(b, now, policy->name, policy->revision);
        action->has_timed_wait_delay_s = true;
        action->timed_wait_delay_s = policy->tcp_timed_wait_delay_s;
        action->reason = hm_plan_print(b, "Policy %s: %.600s", policy->name, policy->reason);
        return;
    }
    at = 0;
    while ((policy = next_with_delay(b, &at)) != NULL) {
        hm_plan_put_gate(b, put_wish_note(b, HM_NOTE_AUDIT_ONLY, policy), hm_plan_gate(b, policy));
    }
}

void hm_plan_timed_wait_delay(struct hm_plan_build *b)
{
    const struct hm_inventory *inventory = b->input->inventory;
    struct delay_now now = {false, 0};
    const bool known = hm_timed_wait_delay_written(inventory, &now.is_set, &now.s);
    size_t at = 0;
    const struct hm_policy *first = next_with_delay(b, &at);

    if (first == NULL) {
        if (known && b->ledger.has_timed_wait_delay &&
            !hm_plan_is_over(b, b->ledger.timed_wait_delay.policy)) {
            put_back_delay(b, now);
        }
    } else if (inventory->os.family == HM_OS_LINUX) {
        refuse_each_delay(b, HM_REFUSE_UNSUPPORTED_SYSTEM, "Linux has no TcpTimedWaitDelay.");
    } else if (!hm_os_has_timed_wait_delay(&inventory->os)) {
        refuse_each_delay(b, HM_REFUSE_UNSUPPORTED_SYSTEM,
                          "TcpTimedWaitDelay is set on Windows 2000, XP and 2003 only: it is not "
                          "established that later systems heed it.");
    } else if (!known) {
        refuse_each_delay(b, HM_REFUSE_FACTS_MISSING, "The registry of this host is not known.");
    } else if (!refuse_contradiction(b)) {
        if (now.is_set && now.s == first->tcp_timed_wait_delay_s) {
            say_delay_is_there(b);
        } else {
            set_delay(b, now);
        }
    }
}
