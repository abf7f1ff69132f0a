/* agent/enforce/outcomes.c — how far each policy has come, from the last plan of a pass and what it
 * did. SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/outcomes.h"

#include <stdlib.h>
#include <string.h>

#include "agent/enforce/acquittal.h"
#include "agent/enforce/action_facts.h"
#include "agent/enforce/off_text.h"
#include "common/base/limits.h"
#include "common/base/str.h"

#define NOTES_OF_ONE_MAX 64u
#define NOTES_OF_ALL_MAX 512u

/* ---- what the last plan says of one policy ------------------------------------------------- */

struct picture {
    const struct hm_plan_note *first[HM_PLAN_NOTE_KIND_COUNT];
    const struct hm_action *left; /* not carried out */
    bool lacks_facts;             /* refused because facts are missing */
    bool has_hazard;              /* refused because its service would break */
};

static bool is_hazard(const struct hm_plan_note *note)
{
    return note->kind == HM_NOTE_REFUSED &&
           (note->code == HM_REFUSE_HTTPSYS || note->code == HM_REFUSE_QUIC ||
            note->code == HM_REFUSE_CONTAINER || note->code == HM_REFUSE_SHARED ||
            note->code == HM_REFUSE_UNSAFE);
}

static struct picture look_at(struct hm_enforce_run *run, const struct hm_enforce_row *row)
{
    struct picture picture = {.left = NULL};

    for (size_t i = 0; i < run->plan.notes.count; i++) {
        const struct hm_plan_note *note = &run->plan.notes.at[i];

        if (!hm_str_equal(note->policy, row->policy)) {
            continue;
        }
        if (picture.first[note->kind] == NULL) {
            picture.first[note->kind] = note;
        }
        picture.has_hazard = picture.has_hazard || is_hazard(note);
        picture.lacks_facts = picture.lacks_facts || (note->kind == HM_NOTE_REFUSED &&
                                                      note->code == HM_REFUSE_FACTS_MISSING);
    }
    for (size_t i = 0; picture.left == NULL && i < run->plan.actions.count; i++) {
        const struct hm_action *action = &run->plan.actions.at[i];

        if (hm_action_concerns(action, &run->ledger, &run->planned, row->policy, run->arena)) {
            picture.left = action;
        }
    }
    return picture;
}

/* Where the ledger tells of something in a part of the system that cannot be read. */
static bool is_left_unseen(const struct hm_enforce_run *run, const char *policy)
{
    const struct hm_inventory *inventory = &run->pass->observation->inventory;
    const struct hm_ledger *ledger = &run->ledger;
    const bool legacy = hm_os_is_legacy(&inventory->os);
    bool unseen = false;

    for (size_t i = 0; i < ledger->exclusions.count; i++) {
        const struct hm_ledger_exclusion *entry = &ledger->exclusions.at[i];
        const struct hm_stack *stack =
            hm_inventory_stack(inventory, entry->protocol, entry->family);

        unseen = unseen || (hm_str_equal(entry->policy, policy) &&
                            (stack == NULL || !stack->has_administered || !stack->has_runtime));
    }
    for (size_t i = 0; i < ledger->ranges.count; i++) {
        const struct hm_ledger_range *entry = &ledger->ranges.at[i];
        const struct hm_stack *stack =
            hm_inventory_stack(inventory, entry->has_protocol ? entry->protocol : HM_TCP,
                               entry->has_family ? entry->family : HM_IPV4);
        const bool seen = legacy ? inventory->has_registry : stack != NULL && stack->has_dynamic;

        unseen = unseen || (hm_str_equal(entry->policy, policy) && !seen);
    }
    if (ledger->has_timed_wait_delay) {
        unseen = unseen || (hm_str_equal(ledger->timed_wait_delay.policy, policy) &&
                            !inventory->has_registry);
    }
    if (ledger->has_reserved_ports) {
        unseen = unseen || !inventory->has_registry;
    }
    if (ledger->has_sysctl) {
        const struct hm_stack *stack = hm_inventory_stack(inventory, HM_TCP, HM_IPV4);

        unseen = unseen || stack == NULL || !stack->has_administered;
    }
    return unseen;
}

/* ---- one row ------------------------------------------------------------------------------- */

struct judged {
    enum hm_outcome_state state;
    enum hm_outcome_why why;
    enum hm_refusal_code code;
    const char *text;
};

static const char *or_text(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static const char *note_subject(struct hm_enforce_run *run, const struct hm_plan_note *note)
{
    if (note->has_timed_wait_delay_s) {
        return hm_arena_printf(run->arena, "TcpTimedWaitDelay %u", note->timed_wait_delay_s);
    }
    if (note->has_range) {
        return hm_arena_printf(run->arena, "range %u-%u", (unsigned)note->range.first,
                               (unsigned)note->range.last);
    }
    return hm_ports_text(note->ports, run->arena);
}

/* "tcp/ipv4 9955: dns.exe has it now; …" */
static const char *note_text(struct hm_enforce_run *run, const struct hm_plan_note *note)
{
    const char *subject = note_subject(run, note);

    if (subject == NULL || subject[0] == '\0') {
        return note->text;
    }
    return or_text(hm_arena_printf(run->arena, "%s%s%s%s%.400s: %s",
                                   note->has_protocol ? hm_protocol_names[note->protocol] : "",
                                   note->has_family ? "/" : "",
                                   note->has_family ? hm_family_names[note->family] : "",
                                   note->has_protocol ? " " : "", subject, note->text),
                   note->text);
}

static bool is_held(const struct hm_plan_note *note)
{
    return note->kind == HM_NOTE_TAKEN || note->kind == HM_NOTE_BUSY;
}

/* Ports of the policy that somebody has, in any family, beside those of the note. */
static const char *also_held(struct hm_enforce_run *run, const struct hm_plan_note *but,
                             enum hm_protocol protocol)
{
    struct hm_ports all = {NULL, 0};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < run->plan.notes.count; i++) {
        const struct hm_plan_note *note = &run->plan.notes.at[i];

        if (is_held(note) && note->has_protocol && note->protocol == protocol &&
            hm_str_equal(note->policy, but->policy)) {
            st = hm_ports_union(all, note->ports, run->arena, &all, NULL);
        }
    }
    if (st == HM_OK && but->protocol == protocol) {
        st = hm_ports_subtract(all, but->ports, run->arena, &all, NULL);
    }
    return st == HM_OK && all.count > 0 ? hm_ports_text(all, run->arena) : NULL;
}

static struct judged waits(struct hm_enforce_run *run, enum hm_outcome_why why,
                           const struct hm_plan_note *note)
{
    const char *text = note_text(run, note);

    for (unsigned i = 0; is_held(note) && note->has_protocol && i < 2; i++) {
        const enum hm_protocol protocol = i == 0 ? HM_TCP : HM_UDP;
        const char *ports = also_held(run, note, protocol);

        if (ports != NULL) {
            text = or_text(hm_arena_printf(run->arena, "%s Also in use: %s %.200s.", text,
                                           hm_protocol_names[protocol], ports),
                           text);
        }
    }
    return (struct judged){HM_OUTCOME_WAITING, why, HM_REFUSE_NONE, text};
}

static struct judged refuses(struct hm_enforce_run *run, const struct hm_plan_note *note)
{
    return (struct judged){HM_OUTCOME_REFUSED, HM_WHY_NONE, note->code, note_text(run, note)};
}

static struct judged failed(const char *text)
{
    return (struct judged){HM_OUTCOME_FAILED, HM_WHY_NONE, HM_REFUSE_NONE, text};
}

static bool judge_failure(const struct hm_enforce_run *run, const struct hm_enforce_row *row,
                          const struct picture *picture, struct judged *out)
{
    if (row->failure != NULL && !row->busy) {
        *out = failed(row->failure);
        return true;
    }
    if (row->unread) {
        *out = (struct judged){HM_OUTCOME_APPLIED, HM_WHY_NONE, HM_REFUSE_NONE,
                               "It was changed; the system could not be read again yet."};
        return true;
    }
    if (row->failure != NULL && picture->first[HM_NOTE_TAKEN] == NULL) {
        *out = (struct judged){HM_OUTCOME_WAITING, HM_WHY_BUSY, HM_REFUSE_NONE, row->failure};
        return true;
    }
    if (row->failure == NULL && picture->left != NULL) {
        *out = failed(or_text(run->stopped, "The system changed while it was changed; it is tried "
                                            "again."));
        return true;
    }
    return false;
}

static struct judged judge_gone(struct hm_enforce_run *run, const struct hm_enforce_row *row)
{
    const struct picture picture = look_at(run, row);
    struct judged out;

    if (judge_failure(run, row, &picture, &out)) {
        return out;
    }
    if (picture.first[HM_NOTE_REFUSED] != NULL) {
        return refuses(run, picture.first[HM_NOTE_REFUSED]);
    }
    if (picture.first[HM_NOTE_BUSY] != NULL) {
        return waits(run, HM_WHY_BUSY, picture.first[HM_NOTE_BUSY]);
    }
    if (is_left_unseen(run, row->policy)) {
        return failed("What it added cannot be seen now, so it is not removed yet.");
    }
    if (row->removed_boot_id[0] != '\0') {
        return (struct judged){HM_OUTCOME_WAITING, HM_WHY_REBOOT, HM_REFUSE_NONE,
                               "What it added is removed from the registry; it stays in force "
                               "until the next boot."};
    }
    return (struct judged){HM_OUTCOME_RETIRED, HM_WHY_NONE, HM_REFUSE_NONE,
                           "Nothing of it is wanted here any more, and nothing is left."};
}

/* Of what both want; NULL: nothing, or not known. */
static const char *common_ports(struct hm_enforce_run *run, const struct hm_wants *a,
                                const struct hm_wants *b)
{
    struct hm_ports common = {NULL, 0};

    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < b->count; k++) {
            const struct hm_ports x = {&a->at[i].range, 1};
            const struct hm_ports y = {&b->at[k].range, 1};
            struct hm_ports both;

            if (a->at[i].protocol == b->at[k].protocol && hm_ports_overlap(x, y) &&
                (hm_ports_intersect(x, y, run->arena, &both, NULL) != HM_OK ||
                 hm_ports_union(common, both, run->arena, &common, NULL) != HM_OK)) {
                return NULL;
            }
        }
    }
    return common.count > 0 ? hm_ports_text(common, run->arena) : NULL;
}

/* It has nothing to change itself: another policy's change would show its ports, and failed. */
static struct judged blame_another(struct hm_enforce_run *run, const struct hm_enforce_row *row)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        const struct hm_enforce_row *other = &run->state.policies.at[i];
        const char *ports = other == row || other->failure == NULL
                                ? NULL
                                : common_ports(run, &row->wants, &other->wants);

        if (ports != NULL) {
            return failed(or_text(
                hm_arena_printf(run->arena,
                                "Policy %s reserves %.200s, too, and its change could not be made: "
                                "%.600s",
                                other->policy, ports, other->failure),
                "Another policy's change for the same ports could not be made."));
        }
    }
    return failed("The system does not show all ports that it wants, and no change is left that "
                  "could be made; it is checked again at the next observation.");
}

static struct judged judge_chosen(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                                  const struct picture *picture)
{
    static const struct {
        enum hm_plan_note_kind kind;
        enum hm_outcome_why why;
    } waiting[] = {
        {HM_NOTE_TAKEN,            HM_WHY_TAKEN   },
        {HM_NOTE_BUSY,             HM_WHY_BUSY    },
        {HM_NOTE_WAITING_WINDOW,   HM_WHY_WINDOW  },
        {HM_NOTE_WAITING_REBOOT,   HM_WHY_REBOOT  },
        {HM_NOTE_WAITING_SETTLING, HM_WHY_SETTLING},
        {HM_NOTE_AUDIT_ONLY,       HM_WHY_AUDIT   },
    };
    struct judged out;

    if (judge_failure(run, row, picture, &out)) {
        return out;
    }
    for (size_t i = 0; i < HM_COUNT(waiting); i++) {
        if (picture->first[waiting[i].kind] != NULL) {
            return waits(run, waiting[i].why, picture->first[waiting[i].kind]);
        }
    }
    if (picture->first[HM_NOTE_REFUSED] != NULL) {
        return refuses(run, picture->first[HM_NOTE_REFUSED]);
    }
    if (!hm_wants_are_shown(&row->wants, &run->pass->observation->inventory, run->arena)) {
        return blame_another(run, row);
    }
    return (struct judged){HM_OUTCOME_VERIFIED, HM_WHY_NONE, HM_REFUSE_NONE,
                           "All that it wants is shown by the system."};
}

/* Verified before, with the same wants, and not so now: somebody undid it. */
static bool is_disturbed(const struct hm_enforce_row *row, const struct picture *picture)
{
    return strcmp(row->verified, row->wanted) == 0 &&
           (row->tried || (picture->left != NULL && !picture->lacks_facts) ||
            picture->first[HM_NOTE_TAKEN] != NULL || picture->first[HM_NOTE_BUSY] != NULL ||
            picture->first[HM_NOTE_WAITING_WINDOW] != NULL);
}

/* True when this verification is the end of a repair. */
static bool note_verified(struct hm_enforce_run *run, struct hm_enforce_row *row,
                          struct judged *out)
{
    const bool repaired = row->disturbed;

    if (repaired) {
        row->streak = run->now_ms - row->repaired_at < HM_REPAIR_QUIET_MS ? row->streak + 1 : 1;
        row->repaired_at = run->now_ms;
        row->repairs++;
    } else if (row->state != HM_OUTCOME_REPAIRED || strcmp(row->verified, row->wanted) != 0) {
        row->verified = or_text(hm_arena_strdup(run->arena, row->wanted), "");
        row->disturbed = false;
        return false;
    }
    row->disturbed = false;
    out->state = HM_OUTCOME_REPAIRED;
    out->text = or_text(hm_arena_printf(run->arena,
                                        "All that it wants is shown by the system; somebody undid "
                                        "it and it was done again, %u time%s so far.",
                                        row->repairs, row->repairs == 1 ? "" : "s"),
                        out->text);
    return repaired;
}

static void set_times(struct hm_enforce_run *run, struct hm_enforce_row *row,
                      const struct judged *judged, bool again)
{
    const bool failing = judged->state == HM_OUTCOME_FAILED || judged->state == HM_OUTCOME_WAITING;

    if (again || row->since == 0 || row->state != judged->state || row->why != judged->why ||
        row->code != judged->code) {
        row->since = run->now_ms;
    }
    if (failing && !row->has_failing_since) {
        row->failing_since = run->now_ms;
    }
    row->has_failing_since = failing;
    row->failing_since = failing ? row->failing_since : 0;
    row->state = judged->state;
    row->why = judged->why;
    row->code = judged->code;
    row->text = judged->text;
    row->was_verified = judged->state != HM_OUTCOME_RETIRED &&
                        (row->was_verified || judged->state == HM_OUTCOME_VERIFIED ||
                         judged->state == HM_OUTCOME_REPAIRED);
}

static struct judged judge_row(struct hm_enforce_run *run, struct hm_enforce_row *row,
                               bool *out_anew)
{
    struct picture picture;
    struct judged judged;

    if (run->broken != NULL) {
        return failed(run->broken);
    }
    if (run->state.held && row->chosen != NULL && !run->restoring) {
        return (struct judged){HM_OUTCOME_REFUSED, HM_WHY_NONE, HM_REFUSE_LOCAL_LIMIT,
                               "\"hm-agent restore\" was run here: nothing is enforced until "
                               "\"hm-agent restore --resume\"."};
    }
    if (row->lost) {
        return failed("Its document is not here any more, and nothing says that it is over: what "
                      "it added stays until the collector delivers it again.");
    }
    if (row->chosen != NULL && row->wants_unknown) {
        return (struct judged){
            HM_OUTCOME_REFUSED, HM_WHY_NONE, HM_REFUSE_FACTS_MISSING,
            row->failure != NULL
                ? row->failure
                : "The catalogue here lacks a product that it names: nothing of it is changed."};
    }
    if (row->chosen == NULL) {
        judged = judge_gone(run, row);
        row->verified = ""; /* what it wants later is made for the first time, not repaired */
        row->disturbed = false;
        if (row->off[0] != '\0') {
            judged = failed(hm_off_text(run, row, judged.state, judged.text));
        }
        return judged;
    }
    picture = look_at(run, row);
    judged = judge_chosen(run, row, &picture);
    if (picture.has_hazard) { /* what this agent removed itself nobody undid */
        row->verified = "";
        row->disturbed = false;
    }
    row->disturbed = row->disturbed || is_disturbed(row, &picture);
    if (judged.state == HM_OUTCOME_VERIFIED) {
        *out_anew = note_verified(run, row, &judged);
        judged.text = hm_acquittal_text(run, row, judged.text);
    }
    return judged;
}

/* ---- all rows -------------------------------------------------------------------------------- */

void hm_outcomes_judge(struct hm_enforce_run *run)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];
        bool again = false;
        struct judged judged;

        if (strcmp(row->removed_boot_id, run->boot_id) != 0) {
            row->removed_boot_id = "";
        }
        judged = judge_row(run, row, &again);

        run->pass->needs_reboot = run->pass->needs_reboot || row->removed_boot_id[0] != '\0';
        set_times(run, row, &judged, again);
        hm_run_ask_again(run, row);
    }
}

/* ---- the report ---------------------------------------------------------------------------- */

static bool is_reported(const struct hm_plan_note *note)
{
    return note->kind != HM_NOTE_ALREADY_THERE && note->kind != HM_NOTE_GONE &&
           note->kind != HM_NOTE_FOREIGN_LEFT_ALONE;
}

struct note_list {
    struct hm_plan_notes notes;
    size_t cap;
};

static enum hm_status put_note(struct hm_enforce_run *run, const struct hm_plan_note *note,
                               struct note_list *out, struct hm_err *err)
{
    if (hm_arena_grow(run->arena, (void **)&out->notes.at, out->notes.count, &out->cap,
                      sizeof(*out->notes.at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the outcome of policies");
    }
    out->notes.at[out->notes.count] = *note;
    out->notes.at[out->notes.count++].holder.pid = 0; /* no two reports for a restarted holder */
    return HM_OK;
}

/* Ports that others have taken come first: nothing else is as urgent, and there is a cap. */
static enum hm_status put_notes(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                                size_t *total, struct hm_plan_notes *out, struct hm_err *err)
{
    struct note_list list = {.cap = 0};
    enum hm_status st = HM_OK;

    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; st == HM_OK && i < run->plan.notes.count; i++) {
            const struct hm_plan_note *note = &run->plan.notes.at[i];

            if (hm_str_equal(note->policy, row->policy) && is_reported(note) &&
                (note->kind == HM_NOTE_TAKEN) == (round == 0) &&
                list.notes.count < NOTES_OF_ONE_MAX && *total < NOTES_OF_ALL_MAX) {
                st = put_note(run, note, &list, err);
                (*total)++;
            }
        }
    }
    *out = list.notes;
    return st;
}

static int compare_outcomes(const void *a, const void *b)
{
    const struct hm_outcome *x = a;
    const struct hm_outcome *y = b;
    int by = strcmp(x->policy, y->policy);

    return by != 0 ? by : (x->revision > y->revision) - (x->revision < y->revision);
}

static bool has_outcome(const struct hm_outcomes *rows, const char *policy, uint32_t revision)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->at[i].revision == revision && strcmp(rows->at[i].policy, policy) == 0) {
            return true;
        }
    }
    return false;
}

/* What can have no row of its own is told of the whole. */
static const char *put_refused(struct hm_enforce_run *run, struct hm_outcomes *rows)
{
    const char *whole = run->broken != NULL ? run->broken : run->pass->desired_error;

    for (size_t i = 0; i < run->pass->refused_count; i++) {
        const struct hm_policy_refused *row = &run->pass->refused[i];

        if (row->policy[0] != '\0' && strlen(row->policy) <= HM_LIMIT_NAME_BYTES &&
            rows->count < HM_LIMIT_POLICIES && !has_outcome(rows, row->policy, row->revision)) {
            rows->at[rows->count++] = (struct hm_outcome){
                .policy = row->policy,
                .revision = row->revision,
                .mode = row->mode,
                .state = HM_OUTCOME_REFUSED,
                .code = row->code,
                .since = row->since,
                .text = row->text,
            };
        } else if (row->code != HM_REFUSE_EXPIRED && whole[0] == '\0') {
            whole = or_text(hm_arena_printf(run->arena, "%.255s revision %u: %.1000s",
                                            row->policy[0] != '\0' ? row->policy : "a statement",
                                            row->revision, row->text),
                            row->text);
        }
    }
    return whole;
}

enum hm_status hm_outcomes_report(struct hm_enforce_run *run, struct hm_err *err)
{
    const struct hm_enforce_rows *rows = &run->state.policies;
    struct hm_outcome_report *report = &run->pass->report;
    struct hm_outcomes made = {
        hm_arena_alloc(run->arena, rows->count + run->pass->refused_count, sizeof(*made.at)), 0};
    enum hm_status st = HM_OK;
    size_t notes = 0;

    if (made.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the outcome of policies");
    }
    for (size_t i = 0; st == HM_OK && i < rows->count && made.count < HM_LIMIT_POLICIES; i++) {
        const struct hm_enforce_row *row = &rows->at[i];
        struct hm_outcome *out = &made.at[made.count++];

        *out = (struct hm_outcome){
            .policy = row->policy,
            .revision = row->revision,
            .mode = row->mode,
            .state = row->state,
            .why = row->why,
            .code = row->code,
            .since = row->since,
            .has_failing_since = row->has_failing_since,
            .failing_since = row->failing_since,
            .repairs = row->repairs,
            .text = row->text,
        };
        st = put_notes(run, row, &notes, &out->notes, err);
    }
    if (st != HM_OK) {
        return st;
    }
    report->refused = put_refused(run, &made);
    if (made.count > 1) {
        qsort(made.at, made.count, sizeof(*made.at), compare_outcomes);
    }
    report->policies = made;
    report->ledger = run->ledger;
    report->trust_version = run->pass->trust_version;
    return HM_OK;
}
