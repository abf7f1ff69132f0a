/* server/store/agents.c — table "agents": identities that may speak.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities.h"

#include "common/base/limits.h"
#include "server/store/row.h"

enum hm_status hm_agents_put(struct hm_session *s, const struct hm_agent_row *row,
                             struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_text(row->id),        hm_value_blob(row->secret_hash, sizeof(row->secret_hash)),
        hm_value_int(row->state),      hm_value_text(row->join_token_id),
        hm_value_int(row->created_ms),
    };

    return hm_session_exec(s,
                           "INSERT INTO agents (id, secret_hash, state, join_token_id, created_ms) "
                           "VALUES ($1, $2, $3, $4, $5)",
                           values, HM_COUNT(values), err);
}

enum hm_status hm_agents_set_state(struct hm_session *s, const char *id, enum hm_agent_state state,
                                   struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(id), hm_value_int(state)};
    size_t rows = 0;
    enum hm_status st =
        hm_session_query(s, "UPDATE agents SET state = $2 WHERE id = $1 RETURNING 1", values,
                         HM_COUNT(values), NULL, NULL, &rows, err);

    if (st == HM_OK && rows == 0) {
        st = hm_fail(err, HM_ENOENT, "there is no agent \"%s\"", id);
    }
    return st;
}

struct each {
    struct hm_arena arena; /* of one row */
    hm_agent_fn *fn;
    void *arg;
};

static enum hm_status each_row(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct each *each = arg;
    struct hm_agent_row agent = {0};
    struct hm_host_row host = {0};
    enum hm_status st;

    hm_arena_reset(&each->arena);
    agent.id = hm_row_text(row, 0, &each->arena);
    st = hm_row_bytes(row, 1, agent.secret_hash, sizeof(agent.secret_hash), err);
    if (st != HM_OK) {
        return st;
    }
    agent.state = (enum hm_agent_state)hm_row_int(row, 2);
    agent.join_token_id = hm_row_text(row, 3, &each->arena);
    agent.created_ms = hm_row_int(row, 4);
    host.id = hm_row_text(row, 5, &each->arena);
    host.name = hm_row_text(row, 6, &each->arena);
    host.agent_version = hm_row_text(row, 7, &each->arena);
    host.first_seen_ms = hm_row_int(row, 8);
    host.last_seen_ms = hm_row_int(row, 9);
    host.boot_id = hm_row_text(row, 10, &each->arena);
    host.seq = (uint64_t)hm_row_int(row, 11);
    host.silent_since_ms = hm_row_int(row, 12);
    host.cloned = hm_row_int(row, 13) != 0;
    host.inventory_digest = hm_row_text(row, 14, &each->arena);
    host.findings_digest = hm_row_text(row, 15, &each->arena);
    host.outcome_digest = hm_row_text(row, 16, &each->arena);
    if (agent.id == NULL || host.id == NULL || host.outcome_digest == NULL) {
        return hm_fail(err, HM_ENOMEM,
                       "no memory for an agent"); /* the first that fails, fails all */
    }
    return each->fn(&agent, &host, each->arg, err);
}

enum hm_status hm_agents_each(struct hm_session *s, hm_agent_fn *fn, void *arg, struct hm_err *err)
{
    struct each each = {.fn = fn, .arg = arg};
    enum hm_status st;

    hm_arena_init(&each.arena, HM_LIMIT_CHECKIN_BYTES);
    st = hm_session_query(s,
                          "SELECT a.id, a.secret_hash, a.state, a.join_token_id, a.created_ms, "
                          "h.id, h.name, h.agent_version, h.first_seen_ms, h.last_seen_ms, "
                          "h.boot_id, h.seq, h.silent_since_ms, h.cloned, h.inventory_digest, "
                          "h.findings_digest, h.outcome_digest "
                          "FROM agents a LEFT JOIN hosts h ON h.id = a.id WHERE a.state <> 2",
                          NULL, 0, each_row, &each, NULL, err);
    hm_arena_fini(&each.arena);
    return st;
}
