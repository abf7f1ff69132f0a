/* server/store/policies.c — tables "policies", "policy_revisions", "policy_approvals".
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities_policy.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "server/store/row.h"

const char *const hm_revision_state_names[HM_REVISION_STATE_COUNT] = {
    "draft",  "submitted", "rejected",   "approved",  "active",
    "paused", "retired",   "superseded", "withdrawn",
};

/* "" and what nobody knows is a draft: nothing is ever offered because of it. */
static enum hm_revision_state read_state(const char *name)
{
    unsigned state = HM_REVISION_STATE_COUNT;

    while (state > 1 && strcmp(hm_revision_state_names[state - 1], name) != 0) {
        state--;
    }
    return (enum hm_revision_state)(state - 1);
}

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a list of policies");
}

/* ---- names -------------------------------------------------------------------------------- */

#define POLICY_COLUMNS                                                                             \
    "name, owner, reason, mode, review_ms, newest, state, live, live_state, created_ms, "          \
    "changed_ms"
#define POLICY_READ                                                                                \
    "SELECT p.*, coalesce((SELECT r.expires_ms FROM policy_revisions r "                           \
    "WHERE r.policy = p.name AND r.revision = p.live), 0) AS ends_ms FROM policies p"

enum hm_status hm_policies_put(struct hm_session *s, const struct hm_policy_row *row,
                               struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_text(row->name),
        hm_value_text(row->owner),
        hm_value_text(row->reason),
        hm_value_text(row->mode),
        hm_value_int(row->review_ms),
        hm_value_int(row->newest),
        hm_value_text(hm_revision_state_names[row->state]),
        hm_value_int(row->live),
        hm_value_text(row->live != 0 ? hm_revision_state_names[row->live_state] : ""),
        hm_value_int(row->created_ms),
        hm_value_int(row->changed_ms),
    };

    return hm_session_exec(
        s,
        "INSERT INTO policies (" POLICY_COLUMNS ") "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
        "ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, reason = excluded.reason, "
        "mode = excluded.mode, review_ms = excluded.review_ms, newest = excluded.newest, "
        "state = excluded.state, live = excluded.live, live_state = excluded.live_state, "
        "changed_ms = excluded.changed_ms",
        values, HM_COUNT(values), err);
}

struct policy_reader {
    struct hm_arena *arena;
    struct hm_policy_row *at;
    size_t count;
    size_t room;
};

static enum hm_status read_policy(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct policy_reader *reader = arg;
    struct hm_arena *arena = reader->arena;
    const char *state = hm_row_text(row, 6, arena);
    const char *live_state = hm_row_text(row, 8, arena);
    struct hm_policy_row *policy;

    if (state == NULL || live_state == NULL ||
        hm_arena_grow(arena, (void **)&reader->at, reader->count, &reader->room,
                      sizeof(*reader->at)) != 0) {
        return no_memory(err);
    }
    policy = &reader->at[reader->count++];
    *policy = (struct hm_policy_row){
        .name = hm_row_text(row, 0, arena),
        .owner = hm_row_text(row, 1, arena),
        .reason = hm_row_text(row, 2, arena),
        .mode = hm_row_text(row, 3, arena),
        .review_ms = hm_row_int(row, 4),
        .newest = (uint32_t)hm_row_int(row, 5),
        .state = read_state(state),
        .live = (uint32_t)hm_row_int(row, 7),
        .live_state = read_state(live_state),
        .created_ms = hm_row_int(row, 9),
        .changed_ms = hm_row_int(row, 10),
        .ends_ms = hm_row_int(row, 11),
    };
    return policy->name != NULL && policy->owner != NULL && policy->reason != NULL &&
                   policy->mode != NULL
               ? HM_OK
               : no_memory(err);
}

enum hm_status hm_policies_get(struct hm_session *s, const char *name, struct hm_arena *arena,
                               struct hm_policy_row *out_row, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(name)};
    struct policy_reader reader = {.arena = arena};
    enum hm_status st = hm_session_query(
        s, "SELECT " POLICY_COLUMNS ", ends_ms FROM (" POLICY_READ ") AS read WHERE name = $1",
        values, HM_COUNT(values), read_policy, &reader, NULL, err);

    if (st == HM_OK && reader.count == 0) {
        return hm_fail_code(err, HM_ENOENT, "unknown_policy", "there is no policy \"%s\"", name);
    }
    if (st == HM_OK) {
        *out_row = reader.at[0];
    }
    return st;
}

static const struct hm_list policy_list = {
    .columns = POLICY_COLUMNS ", ends_ms",
    .inner_now = POLICY_READ,
    .key = "name",
};

enum hm_status hm_policies_list(struct hm_session *s, const struct hm_page *page,
                                struct hm_arena *arena, struct hm_policy_rows *out_rows,
                                struct hm_err *err)
{
    struct policy_reader reader = {.arena = arena};
    enum hm_status st = hm_list_query(s, &policy_list, page, read_policy, &reader, err);

    if (st == HM_OK) {
        *out_rows = (struct hm_policy_rows){reader.at, reader.count};
    }
    return st;
}

/* ---- revisions ---------------------------------------------------------------------------- */

#define REVISION_COLUMNS                                                                           \
    "policy, revision, state, mode, document, digest, author, envelope, why, created_ms, "         \
    "changed_ms, submitted_ms, approved_ms, activated_ms, expires_ms"

enum hm_status hm_revisions_put(struct hm_session *s, const struct hm_revision_row *row,
                                struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_text(row->policy),
        hm_value_int(row->revision),
        hm_value_text(hm_revision_state_names[row->state]),
        hm_value_text(row->mode),
        hm_value_text(row->document),
        hm_value_text(row->digest),
        hm_value_text(row->author),
        hm_value_text(row->envelope),
        hm_value_text(row->why),
        hm_value_int(row->created_ms),
        hm_value_int(row->changed_ms),
        hm_value_int(row->submitted_ms),
        hm_value_int(row->approved_ms),
        hm_value_int(row->activated_ms),
        hm_value_int(row->expires_ms),
    };
    size_t rows = 0;
    enum hm_status st = hm_session_query(
        s,
        "INSERT INTO policy_revisions (" REVISION_COLUMNS ") "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
        "ON CONFLICT (policy, revision) DO UPDATE SET state = excluded.state, "
        "envelope = excluded.envelope, why = excluded.why, changed_ms = excluded.changed_ms, "
        "submitted_ms = excluded.submitted_ms, approved_ms = excluded.approved_ms, "
        "activated_ms = excluded.activated_ms, expires_ms = excluded.expires_ms "
        "WHERE policy_revisions.mode = excluded.mode "
        "AND policy_revisions.document = excluded.document "
        "AND policy_revisions.digest = excluded.digest "
        "AND policy_revisions.author = excluded.author "
        "AND policy_revisions.created_ms = excluded.created_ms RETURNING 1",
        values, HM_COUNT(values), NULL, NULL, &rows, err);

    if (st == HM_OK && rows == 0) {
        return hm_fail_code(err, HM_ECONFLICT, "revision_fixed",
                            "revision %u of policy \"%s\" is there with other content: a revision "
                            "never changes, make a new one",
                            row->revision, row->policy);
    }
    return st;
}

struct revision_reader {
    struct hm_arena *arena;
    struct hm_revision_row *at;
    size_t count;
    size_t room;
};

static enum hm_status read_revision(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct revision_reader *reader = arg;
    struct hm_arena *arena = reader->arena;
    const char *state = hm_row_text(row, 2, arena);
    struct hm_revision_row *revision;

    if (state == NULL || hm_arena_grow(arena, (void **)&reader->at, reader->count, &reader->room,
                                       sizeof(*reader->at)) != 0) {
        return no_memory(err);
    }
    revision = &reader->at[reader->count++];
    *revision = (struct hm_revision_row){
        .policy = hm_row_text(row, 0, arena),
        .revision = (uint32_t)hm_row_int(row, 1),
        .state = read_state(state),
        .mode = hm_row_text(row, 3, arena),
        .document = hm_row_text(row, 4, arena),
        .digest = hm_row_text(row, 5, arena),
        .author = hm_row_text(row, 6, arena),
        .envelope = hm_row_text(row, 7, arena),
        .why = hm_row_text(row, 8, arena),
        .created_ms = hm_row_int(row, 9),
        .changed_ms = hm_row_int(row, 10),
        .submitted_ms = hm_row_int(row, 11),
        .approved_ms = hm_row_int(row, 12),
        .activated_ms = hm_row_int(row, 13),
        .expires_ms = hm_row_int(row, 14),
    };
    return revision->policy != NULL && revision->mode != NULL && revision->document != NULL &&
                   revision->digest != NULL && revision->author != NULL &&
                   revision->envelope != NULL && revision->why != NULL
               ? HM_OK
               : no_memory(err);
}

enum hm_status hm_revisions_get(struct hm_session *s, const char *policy, uint32_t revision,
                                struct hm_arena *arena, struct hm_revision_row *out_row,
                                struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(policy), hm_value_int(revision)};
    struct revision_reader reader = {.arena = arena};
    enum hm_status st =
        hm_session_query(s,
                         "SELECT " REVISION_COLUMNS " FROM policy_revisions "
                         "WHERE policy = $1 AND revision = $2",
                         values, HM_COUNT(values), read_revision, &reader, NULL, err);

    if (st == HM_OK && reader.count == 0) {
        return hm_fail_code(err, HM_ENOENT, "unknown_revision",
                            "there is no revision %u of a policy \"%s\"", revision, policy);
    }
    if (st == HM_OK) {
        *out_row = reader.at[0];
    }
    return st;
}

static enum hm_status check_page(const struct hm_page *page, int64_t *out_after, struct hm_err *err)
{
    const char *after = page->after != NULL ? page->after : "";
    uint32_t number = 0;

    if (page->limit < 1 || page->limit > HM_LIMIT_PAGE_ROWS) {
        return hm_fail_code(err, HM_EINVAL, "bad_limit", "limit is 1 to %u", HM_LIMIT_PAGE_ROWS);
    }
    if (page->has_at) {
        return hm_fail_code(err, HM_EINVAL, "no_history",
                            "this list cannot be asked \"at\" a time");
    }
    if (after[0] != '\0' && !hm_str_parse_u32(after, strlen(after), UINT32_MAX, &number)) {
        return hm_fail_code(err, HM_EINVAL, "bad_cursor",
                            "the cursor is not one of this list: start without it");
    }
    *out_after = after[0] != '\0' ? (int64_t)number : INT64_MAX;
    return HM_OK;
}

enum hm_status hm_revisions_list(struct hm_session *s, const char *policy,
                                 const struct hm_page *page, struct hm_arena *arena,
                                 struct hm_revision_rows *out_rows, struct hm_err *err)
{
    struct revision_reader reader = {.arena = arena};
    int64_t after = 0;
    enum hm_status st = check_page(page, &after, err);

    if (st == HM_OK) {
        const struct hm_value values[] = {hm_value_text(policy), hm_value_int(after),
                                          hm_value_int((int64_t)page->limit + 1)};

        st = hm_session_query(s,
                              "SELECT " REVISION_COLUMNS " FROM policy_revisions "
                              "WHERE policy = $1 AND revision < $2 ORDER BY revision DESC LIMIT $3",
                              values, HM_COUNT(values), read_revision, &reader, NULL, err);
    }
    if (st == HM_OK) {
        *out_rows = (struct hm_revision_rows){reader.at, reader.count};
    }
    return st;
}

enum hm_status hm_revisions_in(struct hm_session *s, unsigned states, struct hm_arena *arena,
                               struct hm_revision_rows *out_rows, struct hm_err *err)
{
    struct hm_value values[HM_REVISION_STATE_COUNT];
    struct revision_reader reader = {.arena = arena};
    enum hm_status st;

    for (unsigned i = 0; i < HM_REVISION_STATE_COUNT; i++) {
        values[i] = hm_value_text((states & (1u << i)) != 0 ? hm_revision_state_names[i] : NULL);
    }
    st = hm_session_query(s,
                          "SELECT " REVISION_COLUMNS " FROM policy_revisions "
                          "WHERE state IN ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                          "ORDER BY policy, revision",
                          values, HM_COUNT(values), read_revision, &reader, NULL, err);
    if (st == HM_OK) {
        *out_rows = (struct hm_revision_rows){reader.at, reader.count};
    }
    return st;
}

/* ---- approvals ---------------------------------------------------------------------------- */

#define APPROVAL_COLUMNS "policy, revision, approver, key_id, actor, comment, at_ms"

enum hm_status hm_approvals_put(struct hm_session *s, const struct hm_approval_row *row,
                                struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_text(row->policy), hm_value_int(row->revision), hm_value_text(row->approver),
        hm_value_text(row->key_id), hm_value_text(row->actor),   hm_value_text(row->comment),
        hm_value_int(row->at_ms),
    };
    size_t rows = 0;
    enum hm_status st = hm_session_query(s,
                                         "INSERT INTO policy_approvals (" APPROVAL_COLUMNS ") "
                                         "VALUES ($1, $2, $3, $4, $5, $6, $7) "
                                         "ON CONFLICT (policy, revision, key_id) DO NOTHING "
                                         "RETURNING 1",
                                         values, HM_COUNT(values), NULL, NULL, &rows, err);

    if (st == HM_OK && rows == 0) {
        return hm_fail_code(err, HM_ECONFLICT, "approved_already",
                            "the key %s has approved revision %u of policy \"%s\" already",
                            row->key_id, row->revision, row->policy);
    }
    return st;
}

struct approval_reader {
    struct hm_arena *arena;
    struct hm_approval_row *at;
    size_t count;
    size_t room;
};

static enum hm_status read_approval(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct approval_reader *reader = arg;
    struct hm_arena *arena = reader->arena;
    struct hm_approval_row *approval;

    if (hm_arena_grow(arena, (void **)&reader->at, reader->count, &reader->room,
                      sizeof(*reader->at)) != 0) {
        return no_memory(err);
    }
    approval = &reader->at[reader->count++];
    *approval = (struct hm_approval_row){
        .policy = hm_row_text(row, 0, arena),
        .revision = (uint32_t)hm_row_int(row, 1),
        .approver = hm_row_text(row, 2, arena),
        .key_id = hm_row_text(row, 3, arena),
        .actor = hm_row_text(row, 4, arena),
        .comment = hm_row_text(row, 5, arena),
        .at_ms = hm_row_int(row, 6),
    };
    return approval->policy != NULL && approval->approver != NULL && approval->key_id != NULL &&
                   approval->actor != NULL && approval->comment != NULL
               ? HM_OK
               : no_memory(err);
}

enum hm_status hm_approvals_list(struct hm_session *s, const char *policy, uint32_t revision,
                                 struct hm_arena *arena, struct hm_approval_rows *out_rows,
                                 struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(policy), hm_value_int(revision)};
    struct approval_reader reader = {.arena = arena};
    enum hm_status st =
        hm_session_query(s,
                         "SELECT " APPROVAL_COLUMNS " FROM policy_approvals "
                         "WHERE policy = $1 AND revision = $2 "
                         "ORDER BY at_ms, key_id",
                         values, HM_COUNT(values), read_approval, &reader, NULL, err);

    if (st == HM_OK) {
        *out_rows = (struct hm_approval_rows){reader.at, reader.count};
    }
    return st;
}
