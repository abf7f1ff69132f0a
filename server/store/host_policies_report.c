/* server/store/host_policies_report.c — table "host_policies" follows what a host reports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities_policy.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/map.h"
#include "server/store/row.h"

/* A report was at most HM_LIMIT_CHECKIN_BYTES when it came in; names of members cost no more. */
#define NOTES_BYTES (2 * HM_LIMIT_CHECKIN_BYTES)

struct known {
    struct hm_host_policy_row row;
    bool mentioned;
};

/* One call of hm_host_policies_report. */
struct follow {
    struct hm_session *s;
    const struct hm_host_row *host;
    const char *peer;
    int64_t now_ms;
    struct hm_arena *arena;
    struct hm_map by_policy; /* struct known */
    struct hm_buf text;
};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a host's policies");
}

static enum hm_status read_known(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct follow *f = arg;
    struct known *known = hm_arena_alloc(f->arena, 1, sizeof(*known));

    if (known == NULL) {
        return no_memory(err);
    }
    known->row = (struct hm_host_policy_row){
        .host_id = f->host->id,
        .policy = hm_row_text(row, 0, f->arena),
        .revision = (uint32_t)hm_row_int(row, 1),
        .mode = hm_row_text(row, 2, f->arena),
        .state = hm_row_text(row, 3, f->arena),
        .why = hm_row_text(row, 4, f->arena),
        .code = hm_row_text(row, 5, f->arena),
        .text = hm_row_text(row, 6, f->arena),
        .notes = hm_row_text(row, 7, f->arena),
        .repairs = (uint32_t)hm_row_int(row, 8),
        .offered_ms = hm_row_int(row, 9),
        .received_ms = hm_row_int(row, 10),
        .applied_ms = hm_row_int(row, 11),
        .verified_ms = hm_row_int(row, 12),
        .repaired_ms = hm_row_int(row, 13),
        .retired_ms = hm_row_int(row, 14),
        .failing_since_ms = hm_row_int(row, 15),
    };
    if (known->row.policy == NULL || known->row.mode == NULL || known->row.state == NULL ||
        known->row.why == NULL || known->row.code == NULL || known->row.text == NULL ||
        known->row.notes == NULL) {
        return no_memory(err);
    }
    return hm_map_put(&f->by_policy, known->row.policy, known, err);
}

static enum hm_status put_row(struct follow *f, const struct hm_host_policy_row *row,
                              struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_text(row->host_id),
        hm_value_text(row->policy),
        hm_value_int(row->revision),
        hm_value_text(row->mode),
        hm_value_text(row->state),
        hm_value_text(row->why),
        hm_value_text(row->code),
        hm_value_text(row->text),
        hm_value_text(row->notes),
        hm_value_int(row->repairs),
        hm_value_int(row->offered_ms),
        hm_value_int(row->received_ms),
        hm_value_int(row->applied_ms),
        hm_value_int(row->verified_ms),
        hm_value_int(row->repaired_ms),
        hm_value_int(row->retired_ms),
        hm_value_int(row->failing_since_ms),
        hm_value_int(f->now_ms),
    };

    return hm_session_exec(
        f->s,
        "INSERT INTO host_policies (host_id, policy, revision, mode, state, why, code, text, "
        "notes, repairs, offered_ms, received_ms, applied_ms, verified_ms, repaired_ms, "
        "retired_ms, failing_since_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
        "$10, $11, $12, $13, $14, $15, $16, $17, $18) "
        "ON CONFLICT (host_id, policy) DO UPDATE SET revision = excluded.revision, "
        "mode = excluded.mode, state = excluded.state, why = excluded.why, code = excluded.code, "
        "text = excluded.text, notes = excluded.notes, repairs = excluded.repairs, "
        "offered_ms = excluded.offered_ms, received_ms = excluded.received_ms, "
        "applied_ms = excluded.applied_ms, verified_ms = excluded.verified_ms, "
        "repaired_ms = excluded.repaired_ms, retired_ms = excluded.retired_ms, "
        "failing_since_ms = excluded.failing_since_ms, changed_ms = excluded.changed_ms",
        values, HM_COUNT(values), err);
}

/* ---- events ------------------------------------------------------------------------------- */

static void put_member(struct hm_buf *text, const char *name, const char *value)
{
    hm_buf_printf(text, ",\"%s\":", name);
    (void)hm_json_put_string(text, value);
}

/* {"policy":…,"revision":…,"state":…} and what else there is; NULL without memory. */
static const char *event_side(struct follow *f, const struct hm_host_policy_row *row)
{
    hm_buf_reset(&f->text);
    hm_buf_puts(&f->text, "{\"policy\":");
    (void)hm_json_put_string(&f->text, row->policy);
    hm_buf_printf(&f->text, ",\"revision\":%u", row->revision);
    put_member(&f->text, "state", row->state);
    if (strcmp(row->why, hm_outcome_why_names[HM_WHY_NONE]) != 0) {
        put_member(&f->text, "why", row->why);
    }
    if (strcmp(row->code, hm_refusal_code_names[HM_REFUSE_NONE]) != 0) {
        put_member(&f->text, "code", row->code);
    }
    if (row->repairs != 0) {
        hm_buf_printf(&f->text, ",\"repairs\":%u", row->repairs);
    }
    hm_buf_putc(&f->text, '}');
    return hm_buf_status(&f->text, NULL) == HM_OK ? hm_arena_strdup(f->arena, hm_buf_text(&f->text))
                                                  : NULL;
}

static enum hm_status tell(struct follow *f, const struct hm_host_policy_row *before,
                           const struct hm_host_policy_row *after, struct hm_err *err)
{
    const struct hm_event event = {
        .at_ms = f->now_ms,
        .kind = hm_arena_printf(f->arena, "policy_%s", after->state),
        .host_id = f->host->id,
        .host_name = f->host->name,
        .actor = hm_arena_printf(f->arena, "agent %s", f->host->name),
        .peer = f->peer,
        .before = before != NULL ? event_side(f, before) : "",
        .after = event_side(f, after),
        .why = after->text,
    };

    if (event.kind == NULL || event.actor == NULL || event.before == NULL || event.after == NULL) {
        return no_memory(err);
    }
    return hm_events_append(f->s, &event, err);
}

/* ---- following ---------------------------------------------------------------------------- */

static enum hm_status notes_text(struct follow *f, const struct hm_plan_notes *notes,
                                 const char **out_text, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (notes->count == 0) {
        *out_text = "";
        return HM_OK;
    }
    hm_buf_reset(&f->text);
    for (size_t i = 0; st == HM_OK && i < notes->count; i++) {
        hm_buf_putc(&f->text, i == 0 ? '[' : ',');
        st = hm_record_encode(&hm_record_plan_note, &notes->at[i], &f->text, err);
    }
    hm_buf_putc(&f->text, ']');
    if (st == HM_OK) {
        st = hm_buf_status(&f->text, err);
    }
    if (st == HM_OK) {
        *out_text = hm_arena_strdup(f->arena, hm_buf_text(&f->text));
        st = *out_text != NULL ? HM_OK : no_memory(err);
    }
    return st;
}

static int64_t within(int64_t time_ms, int64_t first_ms, int64_t last_ms)
{
    if (time_ms > last_ms) {
        return last_ms;
    }
    return time_ms < first_ms ? first_ms : time_ms;
}

static void set_once(int64_t *time_ms, bool is_reached, int64_t at_ms)
{
    if (is_reached && *time_ms == 0) {
        *time_ms = at_ms;
    }
}

static void set_times(struct hm_host_policy_row *row, const struct hm_outcome *outcome,
                      bool is_repair, int64_t now_ms)
{
    enum hm_outcome_state state = outcome->state;
    bool is_failing = state == HM_OUTCOME_FAILED || state == HM_OUTCOME_REFUSED;
    bool is_verified = state == HM_OUTCOME_VERIFIED || state == HM_OUTCOME_REPAIRED;
    int64_t at_ms = within(outcome->since, row->offered_ms, now_ms);

    set_once(&row->received_ms, true, now_ms);
    set_once(&row->applied_ms, is_verified || state == HM_OUTCOME_APPLIED, at_ms);
    set_once(&row->verified_ms, is_verified, at_ms);
    if (is_repair) { /* a second one may keep the start of the state */
        row->repaired_ms = at_ms > row->repaired_ms ? at_ms : now_ms;
    }
    if (state != HM_OUTCOME_RETIRED) {
        row->retired_ms = 0;
    }
    set_once(&row->retired_ms, state == HM_OUTCOME_RETIRED, at_ms);
    if (outcome->has_failing_since) {
        row->failing_since_ms = within(outcome->failing_since, 1, now_ms);
    } else if (is_failing) {
        set_once(&row->failing_since_ms, true, at_ms);
    } else {
        row->failing_since_ms = 0;
    }
}

static bool is_same(const struct hm_host_policy_row *a, const struct hm_host_policy_row *b)
{
    return a->revision == b->revision && a->repairs == b->repairs &&
           a->received_ms == b->received_ms && a->failing_since_ms == b->failing_since_ms &&
           strcmp(a->mode, b->mode) == 0 && strcmp(a->state, b->state) == 0 &&
           strcmp(a->why, b->why) == 0 && strcmp(a->code, b->code) == 0 &&
           strcmp(a->text, b->text) == 0 && strcmp(a->notes, b->notes) == 0;
}

/* What came in place of the offered revision was an older one: then it is the offer that was
 * refused. Of every other older revision: the host has not seen yet what it was offered since. */
static bool is_passed_over(const struct hm_outcome *outcome,
                           const struct hm_host_policy_row *before)
{
    return outcome->revision < before->revision &&
           !(outcome->state == HM_OUTCOME_REFUSED && outcome->code == HM_REFUSE_REPLAYED &&
             before->received_ms == 0);
}

static enum hm_status follow_outcome(struct follow *f, const struct hm_outcome *outcome,
                                     struct hm_err *err)
{
    struct known *known = hm_map_get(&f->by_policy, outcome->policy);
    const struct hm_host_policy_row none = {.policy = outcome->policy};
    const struct hm_host_policy_row *before = known != NULL ? &known->row : &none;
    struct hm_host_policy_row row = {.policy = outcome->policy};
    bool is_repair;
    enum hm_status st;

    if (known != NULL) {
        known->mentioned = true;
        if (is_passed_over(outcome, before)) {
            return HM_OK;
        }
        if (outcome->revision <= before->revision) {
            row = *before;
        }
    }
    is_repair = outcome->state == HM_OUTCOME_REPAIRED &&
                (outcome->repairs > before->repairs || row.repaired_ms == 0);
    row.host_id = f->host->id;
    row.revision = outcome->revision < before->revision ? before->revision : outcome->revision;
    row.mode = hm_policy_mode_names[outcome->mode];
    row.state = hm_outcome_state_names[outcome->state];
    row.why = hm_outcome_why_names[outcome->why];
    row.code = hm_refusal_code_names[outcome->code];
    row.text = outcome->text != NULL ? outcome->text : "";
    row.repairs = outcome->repairs;
    set_times(&row, outcome, is_repair, f->now_ms);
    st = notes_text(f, &outcome->notes, &row.notes, err);
    if (st != HM_OK || (known != NULL && is_same(before, &row))) {
        return st;
    }
    st = put_row(f, &row, err);
    if (st == HM_OK && (known == NULL || is_repair || strcmp(before->state, row.state) != 0 ||
                        before->revision != row.revision)) {
        st = tell(f, known != NULL ? before : NULL, &row, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (known == NULL) {
        known = hm_arena_alloc(f->arena, 1, sizeof(*known));
        if (known == NULL) {
            return no_memory(err);
        }
        known->mentioned = true;
        st = hm_map_put(&f->by_policy, outcome->policy, known, err);
    }
    known->row = row;
    return st;
}

/* What only the host ever spoke of goes when it falls silent about it: names that it makes up must
 * not pile up here. */
static enum hm_status forget_unmentioned(struct follow *f, struct hm_err *err)
{
    const struct known *known;
    enum hm_status st = HM_OK;

    for (size_t at = 0; st == HM_OK && (known = hm_map_next(&f->by_policy, &at)) != NULL;) {
        if (!known->mentioned && known->row.offered_ms == 0) {
            const struct hm_value values[] = {hm_value_text(f->host->id),
                                              hm_value_text(known->row.policy)};

            st = hm_session_exec(f->s,
                                 "DELETE FROM host_policies WHERE host_id = $1 AND policy = $2",
                                 values, HM_COUNT(values), err);
        }
    }
    return st;
}

enum hm_status hm_host_policies_report(struct hm_session *s, const struct hm_host_row *host,
                                       const struct hm_outcome_report *report, const char *peer,
                                       int64_t now_ms, struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(host->id)};
    struct follow f = {.s = s, .host = host, .peer = peer, .now_ms = now_ms, .arena = arena};
    enum hm_status st;

    hm_map_init(&f.by_policy);
    hm_buf_init(&f.text, NOTES_BYTES);
    st = hm_session_query(s,
                          "SELECT policy, revision, mode, state, why, code, text, notes, repairs, "
                          "offered_ms, received_ms, applied_ms, verified_ms, repaired_ms, "
                          "retired_ms, failing_since_ms FROM host_policies WHERE host_id = $1",
                          values, HM_COUNT(values), read_known, &f, NULL, err);
    for (size_t i = 0; st == HM_OK && i < report->policies.count; i++) {
        st = follow_outcome(&f, &report->policies.at[i], err);
    }
    if (st == HM_OK) {
        st = forget_unmentioned(&f, err);
    }
    hm_buf_fini(&f.text);
    hm_map_fini(&f.by_policy);
    return st;
}
