/* server/store/host_policies.c — table "host_policies": what was offered to whom, and the facts
 * that a match asks for.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities_policy.h"

#include "common/base/limits.h"
#include "server/store/row.h"

const char *const hm_host_policy_state_names[HM_HOST_POLICY_STATE_COUNT] = {
    "offered", "waiting", "applied", "verified", "repaired", "failed", "refused", "retired",
};

enum hm_status hm_host_policies_offer(struct hm_session *s, const char *host_id, const char *policy,
                                      uint32_t revision, const char *mode, int64_t now_ms,
                                      struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_text(host_id), hm_value_text(policy), hm_value_int(revision),
        hm_value_text(mode),    hm_value_int(now_ms),
    };

    return hm_session_exec(
        s,
        "INSERT INTO host_policies (host_id, policy, revision, mode, state, why, code, text, "
        "notes, repairs, offered_ms, received_ms, applied_ms, verified_ms, repaired_ms, "
        "retired_ms, failing_since_ms, changed_ms) "
        "SELECT $1, $2, $3, $4, 'offered', 'none', 'none', '', '', 0, $5, 0, 0, 0, 0, 0, 0, $5 "
        "WHERE EXISTS (SELECT 1 FROM hosts WHERE id = $1) " /* it may be removed meanwhile */
        "ON CONFLICT (host_id, policy) DO UPDATE SET revision = excluded.revision, "
        "mode = excluded.mode, state = excluded.state, why = excluded.why, code = excluded.code, "
        "text = excluded.text, notes = excluded.notes, offered_ms = excluded.offered_ms, "
        "received_ms = 0, applied_ms = 0, verified_ms = 0, repaired_ms = 0, retired_ms = 0, "
        "failing_since_ms = 0, changed_ms = excluded.changed_ms "
        "WHERE host_policies.revision < excluded.revision",
        values, HM_COUNT(values), err);
}

/* ---- list --------------------------------------------------------------------------------- */

struct host_policy_reader {
    struct hm_arena *arena;
    struct hm_host_policy_row *at;
    size_t count;
    size_t room;
};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a list of hosts' policies");
}

static enum hm_status read_host_policy(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct host_policy_reader *reader = arg;
    struct hm_arena *arena = reader->arena;
    struct hm_host_policy_row *out;

    if (hm_arena_grow(arena, (void **)&reader->at, reader->count, &reader->room,
                      sizeof(*reader->at)) != 0) {
        return no_memory(err);
    }
    out = &reader->at[reader->count++];
    *out = (struct hm_host_policy_row){
        .id = hm_row_int(row, 0),
        .host_id = hm_row_text(row, 1, arena),
        .host_name = hm_row_text(row, 2, arena),
        .host_silent = hm_row_int(row, 3) != 0,
        .policy = hm_row_text(row, 4, arena),
        .revision = (uint32_t)hm_row_int(row, 5),
        .mode = hm_row_text(row, 6, arena),
        .state = hm_row_text(row, 7, arena),
        .why = hm_row_text(row, 8, arena),
        .code = hm_row_text(row, 9, arena),
        .text = hm_row_text(row, 10, arena),
        .notes = hm_row_text(row, 11, arena),
        .excepted = hm_row_int(row, 12) != 0,
        .repairs = (uint32_t)hm_row_int(row, 13),
        .offered_ms = hm_row_int(row, 14),
        .received_ms = hm_row_int(row, 15),
        .applied_ms = hm_row_int(row, 16),
        .verified_ms = hm_row_int(row, 17),
        .repaired_ms = hm_row_int(row, 18),
        .retired_ms = hm_row_int(row, 19),
        .failing_since_ms = hm_row_int(row, 20),
        .changed_ms = hm_row_int(row, 21),
    };
    return out->host_id != NULL && out->host_name != NULL && out->policy != NULL &&
                   out->mode != NULL && out->state != NULL && out->why != NULL &&
                   out->code != NULL && out->text != NULL && out->notes != NULL
               ? HM_OK
               : no_memory(err);
}

/* There is no history, but exceptions end: "at" is the time that they are asked for. */
static const struct hm_list host_policy_list = {
    .columns = "id, host_id, host_name, host_silent, policy, revision, mode, state, why, code, "
               "text, notes, excepted, repairs, offered_ms, received_ms, applied_ms, verified_ms, "
               "repaired_ms, retired_ms, failing_since_ms, changed_ms",
    .inner_at =
        "SELECT list_of.id AS id, list_of.host_id AS host_id, " HM_LIST_HOST_COLUMNS ", "
        "list_of.policy AS policy, list_of.revision AS revision, list_of.mode AS mode, "
        "list_of.state AS state, list_of.why AS why, list_of.code AS code, list_of.text AS text, "
        "list_of.notes AS notes, CASE WHEN EXISTS (SELECT 1 FROM exceptions e "
        "WHERE e.host_id = list_of.host_id AND e.policy IN ('', list_of.policy) "
        "AND e.revoked = 0 AND e.expires_ms > " HM_LIST_AT ") THEN 1 ELSE 0 END AS excepted, "
        "list_of.repairs AS repairs, list_of.offered_ms AS offered_ms, "
        "list_of.received_ms AS received_ms, list_of.applied_ms AS applied_ms, "
        "list_of.verified_ms AS verified_ms, list_of.repaired_ms AS repaired_ms, "
        "list_of.retired_ms AS retired_ms, list_of.failing_since_ms AS failing_since_ms, "
        "list_of.changed_ms AS changed_ms FROM host_policies list_of" HM_LIST_HOST_JOIN,
    .key = "id",
    .key_is_number = true,
};

enum hm_status hm_host_policies_list(struct hm_session *s, const struct hm_page *page,
                                     int64_t now_ms, struct hm_arena *arena,
                                     struct hm_host_policy_rows *out_rows, struct hm_err *err)
{
    struct host_policy_reader reader = {.arena = arena};
    struct hm_page now = *page;
    enum hm_status st;

    if (page->has_at) {
        return hm_fail_code(err, HM_EINVAL, "no_history",
                            "this list cannot be asked \"at\" a time");
    }
    now.has_at = true;
    now.at_ms = now_ms;
    st = hm_list_query(s, &host_policy_list, &now, read_host_policy, &reader, err);
    if (st == HM_OK) {
        *out_rows = (struct hm_host_policy_rows){reader.at, reader.count};
    }
    return st;
}

/* ---- walks -------------------------------------------------------------------------------- */

#define WALK_ROW_BYTES (4u * 1024u * 1024u)

struct walk {
    struct hm_arena arena; /* of one row */
    hm_host_policy_fn *each;
    hm_match_facts_fn *facts;
    void *arg;
};

static enum hm_status walk_host_policy(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct walk *walk = arg;
    const char *host_id;
    const char *policy;
    const char *state;

    hm_arena_reset(&walk->arena);
    host_id = hm_row_text(row, 0, &walk->arena);
    policy = hm_row_text(row, 1, &walk->arena);
    state = hm_row_text(row, 3, &walk->arena);
    if (host_id == NULL || policy == NULL || state == NULL) {
        return no_memory(err);
    }
    return walk->each(host_id, policy, (uint32_t)hm_row_int(row, 2), state, walk->arg, err);
}

enum hm_status hm_host_policies_each(struct hm_session *s, hm_host_policy_fn *fn, void *arg,
                                     struct hm_err *err)
{
    struct walk walk = {.each = fn, .arg = arg};
    enum hm_status st;

    hm_arena_init(&walk.arena, WALK_ROW_BYTES);
    st = hm_session_query(s,
                          "SELECT host_id, policy, revision, state FROM host_policies "
                          "ORDER BY host_id, policy",
                          NULL, 0, walk_host_policy, &walk, NULL, err);
    hm_arena_fini(&walk.arena);
    return st;
}

static enum hm_status walk_facts(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct walk *walk = arg;
    struct hm_match_facts facts;
    bool has_services = !hm_row_is_null(row, 5);

    hm_arena_reset(&walk->arena);
    facts = (struct hm_match_facts){
        .host_id = hm_row_text(row, 0, &walk->arena),
        .name = hm_row_text(row, 1, &walk->arena),
        .labels = hm_row_text(row, 2, &walk->arena),
        .os_family = hm_row_text(row, 3, &walk->arena),
        .os_version = hm_row_text(row, 4, &walk->arena),
        .services = has_services ? hm_row_text(row, 5, &walk->arena) : NULL,
        .inventory_digest = hm_row_text(row, 6, &walk->arena),
    };
    if (facts.host_id == NULL || facts.name == NULL || facts.labels == NULL ||
        facts.os_family == NULL || facts.os_version == NULL ||
        (has_services && facts.services == NULL) || facts.inventory_digest == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a host's facts");
    }
    return walk->facts(&facts, walk->arg, err);
}

enum hm_status hm_hosts_each_match_facts(struct hm_session *s, const char *after_id, unsigned limit,
                                         hm_match_facts_fn *fn, void *arg, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(after_id), hm_value_int(limit)};
    struct walk walk = {.facts = fn, .arg = arg};
    enum hm_status st;

    hm_arena_init(&walk.arena, WALK_ROW_BYTES);
    st = hm_session_query(s,
                          "SELECT id, name, labels, os_family, os_version, services, "
                          "inventory_digest FROM hosts WHERE id > $1 AND inventory_digest <> '' "
                          "ORDER BY id LIMIT $2",
                          values, HM_COUNT(values), walk_facts, &walk, NULL, err);
    hm_arena_fini(&walk.arena);
    return st;
}

enum hm_status hm_hosts_set_services(struct hm_session *s, const char *host_id,
                                     const char *services, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(host_id), hm_value_text(services)};

    return hm_session_exec(s,
                           "UPDATE hosts SET services = $2 "
                           "WHERE id = $1 AND services IS DISTINCT FROM $2",
                           values, HM_COUNT(values), err);
}
