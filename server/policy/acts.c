/* server/policy/acts.c — what people do to policies: one act, one transaction, its events.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/policy/acts.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/crypto/digest.h"
#include "server/policy/approval.h"
#include "server/policy/review.h"

/* A policy with its newest and its live revision. */
struct work {
    struct hm_session *s;
    const struct hm_act_by *by;
    struct hm_policy_row policy;
    struct hm_revision_row newest;
    struct hm_revision_row other; /* the live one, when it is another than the newest */
    struct hm_revision_row *live; /* one of the two; NULL none */
    const struct hm_api_policy_act *ask;
};

static const char *const event_kinds[HM_ACT_COUNT] = {
    [HM_ACT_EDIT] = "revision_superseded",
    [HM_ACT_SUBMIT] = "revision_submitted",
    [HM_ACT_SIGN] = "revision_signed",
    [HM_ACT_APPROVE] = "revision_approved",
    [HM_ACT_APPROVE_RETIRE] = "revision_retired",
    [HM_ACT_REJECT] = "revision_rejected",
    [HM_ACT_ACTIVATE] = "revision_activated",
    [HM_ACT_PAUSE] = "revision_paused",
    [HM_ACT_RESUME] = "revision_resumed",
    [HM_ACT_WITHDRAW] = "revision_withdrawn",
    [HM_ACT_SUPERSEDE] = "revision_superseded",
};

/* ---- events and rows ------------------------------------------------------------------------- */

/* names: people who signed, or NULL. */
static const char *describe(const struct hm_revision_row *row, const struct hm_strings *names,
                            struct hm_arena *arena)
{
    struct hm_buf out;
    const char *text = NULL;

    hm_buf_init(&out, HM_LIMIT_API_BODY_BYTES);
    (void)hm_buf_puts(&out, "{\"policy\":");
    (void)hm_json_put_string(&out, row->policy);
    (void)hm_buf_printf(&out, ",\"revision\":%u,\"mode\":\"%s\",\"state\":\"%s\"", row->revision,
                        row->mode, hm_revision_state_names[row->state]);
    if (names != NULL) {
        (void)hm_buf_puts(&out, ",\"approvers\":[");
        for (size_t i = 0; i < names->count; i++) {
            (void)hm_buf_puts(&out, i > 0 ? "," : "");
            (void)hm_json_put_string(&out, names->at[i]);
        }
        (void)hm_buf_putc(&out, ']');
    }
    (void)hm_buf_putc(&out, '}');
    if (hm_buf_status(&out, NULL) == HM_OK) {
        text = hm_arena_strdup(arena, hm_buf_text(&out));
    }
    hm_buf_fini(&out);
    return text;
}

static enum hm_status put_event(const struct work *work, const char *kind, const char *before,
                                const char *after, struct hm_err *err)
{
    struct hm_event event = work->by->event;

    event.kind = kind;
    event.before = before;
    event.after = after;
    return before == NULL || after == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the event")
                                           : hm_events_append(work->s, &event, err);
}

/* Row and event of one step; a state that stays (an edit passes a live one by) is no step. */
static enum hm_status step(struct work *work, struct hm_revision_row *row, enum hm_act act,
                           const struct hm_strings *names, struct hm_err *err)
{
    struct hm_arena *arena = work->by->arena;
    const bool is_own = act != HM_ACT_EDIT && act != HM_ACT_SUPERSEDE;
    const char *before = describe(row, NULL, arena);
    enum hm_revision_state next;
    enum hm_status st = hm_life_next(row->state, act, &next, err);

    if (st != HM_OK || (!is_own && next == row->state)) {
        return st;
    }
    row->state = next;
    row->changed_ms = work->by->event.at_ms;
    if (is_own && work->by->event.why[0] != '\0') {
        row->why = work->by->event.why;
    }
    st = hm_revisions_put(work->s, row, err);
    return st == HM_OK ? put_event(work, event_kinds[act], before, describe(row, names, arena), err)
                       : st;
}

static enum hm_status load(struct work *work, const char *name, struct hm_err *err)
{
    struct hm_arena *arena = work->by->arena;
    enum hm_status st = hm_policies_get(work->s, name, arena, &work->policy, err);

    work->live = NULL;
    if (st == HM_OK) {
        st = hm_revisions_get(work->s, name, work->policy.newest, arena, &work->newest, err);
    }
    if (st == HM_OK && work->policy.live == work->policy.newest) {
        work->live = &work->newest;
    } else if (st == HM_OK && work->policy.live != 0) {
        st = hm_revisions_get(work->s, name, work->policy.live, arena, &work->other, err);
        work->live = &work->other;
    }
    return st;
}

static enum hm_status save(struct work *work, struct hm_err *err)
{
    struct hm_policy_row *row = &work->policy;

    row->newest = work->newest.revision;
    row->state = work->newest.state;
    row->live = work->live == NULL ? 0 : work->live->revision;
    row->live_state = work->live == NULL ? HM_REVISION_DRAFT : work->live->state;
    row->changed_ms = work->by->event.at_ms;
    return hm_policies_put(work->s, row, err);
}

/* The newest takes the place of what was live. */
static enum hm_status go_live(struct work *work, enum hm_act act, const struct hm_strings *names,
                              struct hm_err *err)
{
    enum hm_status st;

    work->newest.activated_ms = work->by->event.at_ms;
    st = step(work, &work->newest, act, names, err);
    if (st == HM_OK && work->live != NULL && work->live != &work->newest) {
        st = step(work, work->live, HM_ACT_SUPERSEDE, NULL, err);
    }
    work->live = &work->newest;
    *work->by->out_live = true;
    return st;
}

/* ---- new revisions --------------------------------------------------------------------------- */

static enum hm_status encode(const struct hm_policy *policy, struct hm_arena *arena,
                             const char **out_text, struct hm_err *err)
{
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, HM_LIMIT_POLICY_BYTES);
    st = hm_record_encode(&hm_record_policy, policy, &json, err);
    if (st == HM_OK) {
        *out_text = hm_arena_strdup(arena, hm_buf_text(&json));
        st = *out_text == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the policy") : HM_OK;
    }
    hm_buf_fini(&json);
    return st;
}

/* A draft behind the newest, which is superseded unless it is live. */
static enum hm_status add_revision(struct work *work, const struct hm_policy *document,
                                   struct hm_err *err)
{
    const int64_t now_ms = work->by->event.at_ms;
    const bool first = work->policy.newest == 0;
    struct hm_revision_row row = {
        .policy = document->name,
        .revision = document->revision,
        .state = HM_REVISION_DRAFT,
        .mode = hm_policy_mode_names[document->mode],
        .author = work->by->operator_name,
        .envelope = "",
        .why = work->by->event.why,
        .created_ms = now_ms,
        .changed_ms = now_ms,
    };
    char *digest = hm_arena_alloc(work->by->arena, 1, HM_DIGEST_TEXT_BYTES);
    const char *before = "";
    enum hm_status st = encode(document, work->by->arena, &row.document, err);

    if (st == HM_OK && digest == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory for the policy");
    }
    if (st == HM_OK && !first) {
        before = describe(&work->newest, NULL, work->by->arena);
        st = step(work, &work->newest, HM_ACT_EDIT, NULL, err);
    }
    if (st != HM_OK) {
        return st;
    }
    hm_digest_text(row.document, strlen(row.document), digest);
    row.digest = digest;
    work->policy.name = document->name;
    work->policy.owner = document->owner;
    work->policy.reason = document->reason;
    work->policy.mode = row.mode;
    work->policy.review_ms = document->review;
    work->policy.created_ms = first ? now_ms : work->policy.created_ms;
    if (work->live == &work->newest) {
        work->other = work->newest;
        work->live = &work->other;
    }
    work->newest = row;
    st = save(work, err); /* the revision refers to it */
    if (st == HM_OK) {
        st = hm_revisions_put(work->s, &work->newest, err);
    }
    return st == HM_OK ? put_event(work, "revision_drafted", before,
                                   describe(&work->newest, NULL, work->by->arena), err)
                       : st;
}

static enum hm_status check_document(const struct hm_policy *document, struct hm_err *err)
{
    struct hm_err why = {.status = HM_OK};
    enum hm_status st;

    if (document->mode == HM_POLICY_RETIRE) {
        return hm_fail_code(err, HM_EINVAL, "use_retire",
                            "mode retire is not written: POST …/retire makes that revision");
    }
    st = hm_policy_check(document, &why);
    return st == HM_OK ? st : hm_fail_code(err, st, "bad_policy", "%s", why.text);
}

/* What was withdrawn may be proposed again as it was. */
static enum hm_status is_newest(const struct work *work, const struct hm_policy *document,
                                bool *out_same, struct hm_err *err)
{
    struct hm_policy copy = *document;
    const char *text;
    enum hm_status st;

    copy.revision = work->newest.revision;
    st = encode(&copy, work->by->arena, &text, err);
    if (st == HM_OK) {
        *out_same =
            work->newest.state != HM_REVISION_WITHDRAWN && strcmp(text, work->newest.document) == 0;
    }
    return st;
}

enum hm_status hm_policy_edit(struct hm_session *s, const struct hm_act_by *by,
                              const struct hm_policy *document, bool *out_made, struct hm_err *err)
{
    struct work work = {.s = s, .by = by};
    struct hm_policy copy = *document;
    bool same = false;
    enum hm_status st = check_document(document, err);

    if (st != HM_OK) {
        return st;
    }
    st = load(&work, document->name, err);
    if (st == HM_OK) {
        st = is_newest(&work, document, &same, err);
    } else if (st == HM_ENOENT && strcmp(hm_err_code(err), "unknown_policy") == 0) {
        st = HM_OK;
    }
    if (st == HM_OK && !same) {
        copy.revision = work.policy.newest + 1;
        st = add_revision(&work, &copy, err);
    }
    if (st == HM_OK && !same) {
        st = save(&work, err);
    }
    if (st == HM_OK) {
        *out_made = !same;
    }
    return st;
}

/* ---- acts ------------------------------------------------------------------------------------ */

static enum hm_status read_document(const struct work *work, const struct hm_revision_row *row,
                                    struct hm_policy *out_policy, struct hm_err *err)
{
    return hm_revision_document(row, work->by->arena, out_policy, err);
}

static enum hm_status trust_now(const struct work *work, struct hm_trust_now *out_trust,
                                struct hm_err *err)
{
    return hm_trust_now(work->s, work->by->event.at_ms, work->by->arena, out_trust, err);
}

static enum hm_status state_it(struct work *work, const struct hm_policy *policy,
                               struct hm_err *err)
{
    const int64_t now_ms = work->by->event.at_ms;
    struct hm_trust_now trust;
    enum hm_status st = trust_now(work, &trust, err);

    if (st == HM_OK) {
        st = hm_revision_state_it(&work->newest, policy, trust.fleet, work->ask->valid_s, now_ms,
                                  work->by->arena, err);
    }
    if (st == HM_OK) {
        work->newest.submitted_ms = now_ms;
        st = step(work, &work->newest, HM_ACT_SUBMIT, NULL, err);
    }
    return st;
}

static enum hm_status do_submit(struct work *work, struct hm_err *err)
{
    struct hm_lint_problems problems;
    enum hm_revision_state next;
    struct hm_policy policy;
    enum hm_status st = hm_life_next(work->newest.state, HM_ACT_SUBMIT, &next, err);

    if (st == HM_OK) {
        st = read_document(work, &work->newest, &policy, err);
    }
    if (st == HM_OK) {
        st = hm_policy_review(work->s, &policy, work->by->catalogue, work->by->event.at_ms,
                              work->by->arena, &problems, err);
    }
    if (st == HM_OK) {
        st = hm_policy_refuse_errors(&problems, err);
    }
    return st == HM_OK ? state_it(work, &policy, err) : st;
}

static enum hm_status put_approvals(struct work *work, const struct hm_trust_now *trust,
                                    const struct hm_approval_taken *taken,
                                    struct hm_strings *out_names, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    *out_names = (struct hm_strings){
        hm_arena_alloc(work->by->arena, taken->count, sizeof(*out_names->at)), 0};
    if (out_names->at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the approvers");
    }
    for (size_t i = 0; st == HM_OK && i < taken->count; i++) {
        const struct hm_approver *approver = &trust->root.approvers.at[taken->by[i]];
        char key_id[HM_KEY_ID_TEXT_BYTES] = "";
        struct hm_approval_row row = {
            .policy = work->newest.policy,
            .revision = work->newest.revision,
            .approver = approver->name,
            .key_id = key_id,
            .actor = work->by->event.actor,
            .comment = work->by->event.why,
            .at_ms = work->by->event.at_ms,
        };
        struct hm_public_key key;

        st = hm_public_key_parse(approver->public_key, &key, err);
        if (st == HM_OK) {
            hm_public_key_id(&key, key_id);
            st = hm_approvals_put(work->s, &row, err);
        }
        out_names->at[out_names->count++] = approver->name;
    }
    return st;
}

/* Enough signatures of a revision of mode retire make it live by themselves. */
static enum hm_status do_approve(struct work *work, struct hm_err *err)
{
    const int64_t now_ms = work->by->event.at_ms;
    const bool waits = work->newest.state == HM_REVISION_SUBMITTED;
    const bool retires = strcmp(work->newest.mode, hm_policy_mode_names[HM_POLICY_RETIRE]) == 0;
    struct hm_approval_taken taken;
    enum hm_revision_state next;
    struct hm_trust_now trust;
    struct hm_strings names;
    enum hm_status st = hm_life_next(work->newest.state, HM_ACT_SIGN, &next, err);

    if (st == HM_OK && !work->ask->has_envelope) {
        st = hm_fail_code(err, HM_EINVAL, "no_envelope",
                          "approval is a signature: send the revision's envelope with yours added");
    }
    if (st == HM_OK) {
        st = trust_now(work, &trust, err);
    }
    if (st == HM_OK) {
        st = hm_revision_sign(&work->newest, &work->ask->envelope, &trust, now_ms, work->by->arena,
                              &taken, err);
    }
    if (st == HM_OK) {
        st = put_approvals(work, &trust, &taken, &names, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (!waits || !taken.enough) {
        *work->by->out_live = work->live == &work->newest;
        return step(work, &work->newest, HM_ACT_SIGN, &names, err);
    }
    work->newest.approved_ms = now_ms;
    return retires ? go_live(work, HM_ACT_APPROVE_RETIRE, &names, err)
                   : step(work, &work->newest, HM_ACT_APPROVE, &names, err);
}

static enum hm_status do_reject(struct work *work, struct hm_err *err)
{
    return step(work, &work->newest, HM_ACT_REJECT, NULL, err);
}

static enum hm_status do_withdraw(struct work *work, struct hm_err *err)
{
    return step(work, &work->newest, HM_ACT_WITHDRAW, NULL, err);
}

/* Hosts decide by the trust root and the time of now, so these count here too. */
static enum hm_status check_offer(const struct work *work, const struct hm_revision_row *row,
                                  struct hm_err *err)
{
    struct hm_trust_now trust;
    enum hm_status st = trust_now(work, &trust, err);

    return st == HM_OK ? hm_revision_check(row, &trust, work->by->event.at_ms, work->by->arena, err)
                       : st;
}

static enum hm_status do_activate(struct work *work, struct hm_err *err)
{
    enum hm_revision_state next;
    enum hm_status st = hm_life_next(work->newest.state, HM_ACT_ACTIVATE, &next, err);

    if (st == HM_OK) {
        st = check_offer(work, &work->newest, err);
    }
    return st == HM_OK ? go_live(work, HM_ACT_ACTIVATE, NULL, err) : st;
}

/* Pausing and resuming are about what is live, whatever came after it. */
static enum hm_status do_pause(struct work *work, struct hm_err *err)
{
    *work->by->out_live = true;
    return step(work, work->live != NULL ? work->live : &work->newest, HM_ACT_PAUSE, NULL, err);
}

static enum hm_status do_resume(struct work *work, struct hm_err *err)
{
    struct hm_revision_row *row = work->live != NULL ? work->live : &work->newest;
    enum hm_revision_state next;
    enum hm_status st = hm_life_next(row->state, HM_ACT_RESUME, &next, err);

    if (st == HM_OK) {
        st = check_offer(work, row, err);
    }
    *work->by->out_live = true;
    return st == HM_OK ? step(work, row, HM_ACT_RESUME, NULL, err) : st;
}

/* A last revision that wants nothing: it is signed as any other, and then hosts take back what
 * earlier ones added. It does not expire with the policy, and says why in its own reason. */
static enum hm_status do_retire(struct work *work, struct hm_err *err)
{
    const struct hm_revision_row *row = work->live != NULL ? work->live : &work->newest;
    enum hm_revision_state next;
    struct hm_policy policy;
    enum hm_status st = hm_life_next(row->state, HM_ACT_RETIRE, &next, err);

    if (st == HM_OK && work->newest.state == HM_REVISION_SUBMITTED &&
        strcmp(work->newest.mode, hm_policy_mode_names[HM_POLICY_RETIRE]) == 0) {
        st = hm_fail_code(err, HM_ECONFLICT, "retiring",
                          "revision %u retires this policy already: approve it",
                          work->newest.revision);
    }
    if (st == HM_OK) {
        st = read_document(work, row, &policy, err);
    }
    if (st != HM_OK) {
        return st;
    }
    policy.mode = HM_POLICY_RETIRE;
    policy.revision = work->newest.revision + 1;
    policy.reason = work->by->event.why;
    policy.has_expires = false;
    st = add_revision(work, &policy, err);
    return st == HM_OK ? state_it(work, &policy, err) : st;
}

static enum hm_status (*const doing[HM_ACT_COUNT])(struct work *work, struct hm_err *err) = {
    [HM_ACT_SUBMIT] = do_submit,     [HM_ACT_APPROVE] = do_approve,   [HM_ACT_REJECT] = do_reject,
    [HM_ACT_ACTIVATE] = do_activate, [HM_ACT_PAUSE] = do_pause,       [HM_ACT_RESUME] = do_resume,
    [HM_ACT_RETIRE] = do_retire,     [HM_ACT_WITHDRAW] = do_withdraw,
};

enum hm_status hm_policy_do(struct hm_session *s, const struct hm_act_by *by, const char *name,
                            enum hm_act act, const struct hm_api_policy_act *ask,
                            struct hm_err *err)
{
    struct work work = {.s = s, .by = by, .ask = ask};
    const bool needs_comment = act == HM_ACT_REJECT || act == HM_ACT_RETIRE;
    enum hm_status st;

    *by->out_live = false;
    if (needs_comment && strspn(ask->comment, " \t\r\n") == strlen(ask->comment)) {
        return hm_fail_code(err, HM_EINVAL, "no_comment", "say why: %s needs a comment",
                            hm_act_names[act]);
    }
    st = load(&work, name, err);
    if (st == HM_OK && ask->revision != work.newest.revision) {
        st = hm_fail_code(err, HM_ECONFLICT, "changed",
                          "revision %u of \"%s\" is the newest, not %u: look at it first",
                          work.newest.revision, name, ask->revision);
    }
    if (st == HM_OK) {
        st = doing[act](&work, err);
    }
    return st == HM_OK ? save(&work, err) : st;
}
