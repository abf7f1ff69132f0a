/* server/store/hosts.c — tables "hosts" and "host_states": where each host stands, and stood.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities.h"

#include "common/base/limits.h"
#include "server/store/row.h"

/* In the order of read_host. */
#define HOST_COLUMNS                                                                               \
    "id, name, labels, os_family, os_name, os_version, agent_version, first_seen_ms, "             \
    "last_seen_ms, boot_id, seq, silent_since_ms, cloned, inventory_digest, findings_digest, "     \
    "outcome_digest, verdict, safe, unknown, exposed, blocked, findings_high, findings_medium, "   \
    "findings_low, sample_json, incomplete"

/* What host_states keeps, in the order of state_values. */
#define STATE_COLUMNS                                                                              \
    "name, os_family, os_name, os_version, agent_version, silent_since_ms, cloned, verdict, "      \
    "safe, unknown, exposed, blocked, findings_high, findings_medium, findings_low, incomplete"

struct host_reader {
    struct hm_arena *arena;
    struct hm_host_row *at;
    size_t count;
    size_t room;
};

static enum hm_status read_host(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct host_reader *reader = arg;
    struct hm_arena *arena = reader->arena;
    const char *labels = hm_row_text(row, 2, arena);
    struct hm_host_row *host;

    if (labels == NULL || hm_arena_grow(arena, (void **)&reader->at, reader->count, &reader->room,
                                        sizeof(*reader->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of hosts");
    }
    host = &reader->at[reader->count];
    *host = (struct hm_host_row){
        .id = hm_row_text(row, 0, arena),
        .name = hm_row_text(row, 1, arena),
        .os_family = hm_row_text(row, 3, arena),
        .os_name = hm_row_text(row, 4, arena),
        .os_version = hm_row_text(row, 5, arena),
        .agent_version = hm_row_text(row, 6, arena),
        .first_seen_ms = hm_row_int(row, 7),
        .last_seen_ms = hm_row_int(row, 8),
        .boot_id = hm_row_text(row, 9, arena),
        .seq = (uint64_t)hm_row_int(row, 10),
        .silent_since_ms = hm_row_int(row, 11),
        .cloned = hm_row_int(row, 12) != 0,
        .inventory_digest = hm_row_text(row, 13, arena),
        .findings_digest = hm_row_text(row, 14, arena),
        .outcome_digest = hm_row_text(row, 15, arena),
        .verdict = hm_row_text(row, 16, arena),
        .safe = (uint32_t)hm_row_int(row, 17),
        .unknown = (uint32_t)hm_row_int(row, 18),
        .exposed = (uint32_t)hm_row_int(row, 19),
        .blocked = (uint32_t)hm_row_int(row, 20),
        .findings_high = (uint32_t)hm_row_int(row, 21),
        .findings_medium = (uint32_t)hm_row_int(row, 22),
        .findings_low = (uint32_t)hm_row_int(row, 23),
        .sample_json = hm_row_text(row, 24, arena),
        .incomplete = hm_row_int(row, 25) != 0,
    };
    if (host->sample_json == NULL || host->verdict == NULL || host->outcome_digest == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of hosts");
    }
    reader->count++;
    return hm_strings_read(labels, arena, &host->labels, err);
}

const char *hm_hosts_verdict(const struct hm_host_row *row)
{
    bool judged = row->inventory_digest != NULL && row->inventory_digest[0] != '\0';
    const struct {
        bool is;
        enum hm_verdict_state state;
    } rules[] = {
        {row->silent_since_ms != 0 || row->cloned || !judged,
         HM_UNKNOWN                                                     }, /* never green on old news */
        {row->blocked > 0,                                    HM_BLOCKED},
        {row->exposed > 0,                                    HM_EXPOSED},
        {row->unknown > 0 || row->incomplete,                 HM_UNKNOWN},
    };

    for (size_t i = 0; i < HM_COUNT(rules); i++) {
        if (rules[i].is) {
            return hm_verdict_state_names[rules[i].state];
        }
    }
    return hm_verdict_state_names[HM_SAFE];
}

/* ---- history ------------------------------------------------------------------------------ */

static void state_values(const struct hm_host_row *row, int64_t now_ms, struct hm_value out[18])
{
    const struct hm_value values[18] = {
        hm_value_text(row->id),
        hm_value_int(now_ms),
        hm_value_text(row->name),
        hm_value_text(row->os_family),
        hm_value_text(row->os_name),
        hm_value_text(row->os_version),
        hm_value_text(row->agent_version),
        hm_value_int(row->silent_since_ms),
        hm_value_int(row->cloned),
        hm_value_text(hm_hosts_verdict(row)),
        hm_value_int(row->safe),
        hm_value_int(row->unknown),
        hm_value_int(row->exposed),
        hm_value_int(row->blocked),
        hm_value_int(row->findings_high),
        hm_value_int(row->findings_medium),
        hm_value_int(row->findings_low),
        hm_value_int(row->incomplete),
    };

    for (size_t i = 0; i < HM_COUNT(values); i++) {
        out[i] = values[i];
    }
}

/* Closes the open interval and opens one, when anything of it differs. The open one is the newest:
 * that is found without the host's whole history. */
static enum hm_status put_state(struct hm_session *s, const struct hm_host_row *row, int64_t now_ms,
                                struct hm_err *err)
{
    struct hm_value values[18];
    size_t same = 0;
    enum hm_status st;

    state_values(row, now_ms, values);
    st = hm_session_query(
        s,
        "SELECT 1 FROM host_states WHERE host_id = $1 AND valid_from_ms = (SELECT "
        "MAX(valid_from_ms) FROM host_states WHERE host_id = $1) AND valid_from_ms <= $2 "
        "AND valid_to_ms IS NULL AND name = $3 AND os_family = $4 AND os_name = $5 "
        "AND os_version = $6 AND agent_version = $7 AND silent_since_ms = $8 AND cloned = $9 "
        "AND verdict = $10 AND safe = $11 AND unknown = $12 AND exposed = $13 AND blocked = $14 "
        "AND findings_high = $15 AND findings_medium = $16 AND findings_low = $17 "
        "AND incomplete = $18",
        values, HM_COUNT(values), NULL, NULL, &same, err);
    if (st != HM_OK || same > 0) {
        return st;
    }
    st = hm_session_exec(
        s,
        "UPDATE host_states SET valid_to_ms = $2 WHERE host_id = $1 "
        "AND valid_from_ms = (SELECT MAX(valid_from_ms) FROM host_states WHERE host_id = $1) "
        "AND valid_to_ms IS NULL AND valid_from_ms < $2",
        values, 2, err);
    if (st != HM_OK) {
        return st;
    }
    return hm_session_exec(
        s,
        "INSERT INTO host_states (host_id, valid_from_ms, " STATE_COLUMNS ") "
        "VALUES ($1, COALESCE((SELECT MAX(valid_from_ms) FROM host_states WHERE host_id = $1 "
        "AND valid_from_ms > $2), $2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
        "$16, $17, $18) ON CONFLICT (host_id, valid_from_ms) DO UPDATE SET valid_to_ms = NULL, "
        "name = excluded.name, os_family = excluded.os_family, os_name = excluded.os_name, "
        "os_version = excluded.os_version, agent_version = excluded.agent_version, "
        "silent_since_ms = excluded.silent_since_ms, cloned = excluded.cloned, "
        "verdict = excluded.verdict, safe = excluded.safe, unknown = excluded.unknown, "
        "exposed = excluded.exposed, blocked = excluded.blocked, "
        "findings_high = excluded.findings_high, findings_medium = excluded.findings_medium, "
        "findings_low = excluded.findings_low, incomplete = excluded.incomplete",
        values, HM_COUNT(values), err);
}

/* ---- now ---------------------------------------------------------------------------------- */

enum hm_status hm_hosts_put(struct hm_session *s, const struct hm_host_row *row, int64_t now_ms,
                            struct hm_err *err)
{
    struct hm_arena arena;
    const char *labels;
    enum hm_status st;

    hm_arena_init(&arena, HM_LIMIT_API_BODY_BYTES);
    labels = hm_strings_text(&row->labels, &arena);
    if (labels == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory for a host's labels");
    } else {
        const struct hm_value values[] = {
            hm_value_text(row->id),
            hm_value_text(row->name),
            hm_value_text(labels),
            hm_value_text(row->os_family),
            hm_value_text(row->os_name),
            hm_value_text(row->os_version),
            hm_value_text(row->agent_version),
            hm_value_int(row->first_seen_ms),
            hm_value_int(row->last_seen_ms),
            hm_value_text(row->boot_id),
            hm_value_int((int64_t)row->seq),
            hm_value_int(row->silent_since_ms),
            hm_value_int(row->cloned),
            hm_value_text(row->inventory_digest),
            hm_value_text(row->findings_digest),
            hm_value_text(row->outcome_digest),
            hm_value_text(hm_hosts_verdict(row)),
            hm_value_int(row->safe),
            hm_value_int(row->unknown),
            hm_value_int(row->exposed),
            hm_value_int(row->blocked),
            hm_value_int(row->findings_high),
            hm_value_int(row->findings_medium),
            hm_value_int(row->findings_low),
            hm_value_text(row->sample_json),
            hm_value_int(row->incomplete),
        };

        st = hm_session_exec(
            s,
            "INSERT INTO hosts (" HOST_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
            "$11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26) "
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name, labels = excluded.labels, "
            "os_family = excluded.os_family, os_name = excluded.os_name, "
            "os_version = excluded.os_version, agent_version = excluded.agent_version, "
            "first_seen_ms = excluded.first_seen_ms, last_seen_ms = excluded.last_seen_ms, "
            "boot_id = excluded.boot_id, seq = excluded.seq, "
            "silent_since_ms = excluded.silent_since_ms, cloned = excluded.cloned, "
            "inventory_digest = excluded.inventory_digest, "
            "findings_digest = excluded.findings_digest, "
            "outcome_digest = excluded.outcome_digest, verdict = excluded.verdict, "
            "safe = excluded.safe, unknown = excluded.unknown, exposed = excluded.exposed, "
            "blocked = excluded.blocked, findings_high = excluded.findings_high, "
            "findings_medium = excluded.findings_medium, findings_low = excluded.findings_low, "
            "sample_json = excluded.sample_json, incomplete = excluded.incomplete",
            values, HM_COUNT(values), err);
    }
    hm_arena_fini(&arena);
    return st == HM_OK ? put_state(s, row, now_ms, err) : st;
}

static enum hm_status unknown_host(const char *key, struct hm_err *err)
{
    return hm_fail_code(err, HM_ENOENT, "unknown_host", "there is no host \"%s\"", key);
}

enum hm_status hm_hosts_get_by_id(struct hm_session *s, const char *id, struct hm_arena *arena,
                                  struct hm_host_row *out_row, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(id)};
    struct host_reader reader = {.arena = arena};
    enum hm_status st = hm_session_query(s, "SELECT " HOST_COLUMNS " FROM hosts WHERE id = $1",
                                         values, 1, read_host, &reader, NULL, err);

    if (st == HM_OK && reader.count == 0) {
        return unknown_host(id, err);
    }
    if (st == HM_OK) {
        *out_row = reader.at[0];
    }
    return st;
}

enum hm_status hm_hosts_get(struct hm_session *s, const char *id_or_name, struct hm_arena *arena,
                            struct hm_host_row *out_row, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(id_or_name)};
    struct host_reader reader = {.arena = arena};
    enum hm_status st = hm_hosts_get_by_id(s, id_or_name, arena, out_row, err);

    if (st != HM_ENOENT) {
        return st;
    }
    st = hm_session_query(s, "SELECT " HOST_COLUMNS " FROM hosts WHERE name = $1 LIMIT 2", values,
                          1, read_host, &reader, NULL, err);
    if (st != HM_OK) {
        return st;
    }
    if (reader.count == 0) {
        return unknown_host(id_or_name, err);
    }
    if (reader.count > 1) {
        return hm_fail_code(err, HM_ECONFLICT, "ambiguous_host",
                            "several hosts are called \"%s\": name one by its id", id_or_name);
    }
    *out_row = reader.at[0];
    return HM_OK;
}

/* What has no history is answered as it is now, or not at all. */
static const struct hm_list host_list = {
    .columns = HOST_COLUMNS,
    .inner_now = "SELECT * FROM hosts",
    .inner_at =
        "SELECT s.host_id AS id, s.name AS name, COALESCE(h.labels, '[]') AS labels, "
        "s.os_family AS os_family, s.os_name AS os_name, s.os_version AS os_version, "
        "s.agent_version AS agent_version, COALESCE(h.first_seen_ms, 0) AS first_seen_ms, "
        "0 AS last_seen_ms, '' AS boot_id, 0 AS seq, s.silent_since_ms AS silent_since_ms, "
        "s.cloned AS cloned, '' AS inventory_digest, '' AS findings_digest, '' AS outcome_digest, "
        "s.verdict AS verdict, s.safe AS safe, s.unknown AS unknown, s.exposed AS exposed, "
        "s.blocked AS blocked, s.findings_high AS findings_high, "
        "s.findings_medium AS findings_medium, s.findings_low AS findings_low, "
        "'' AS sample_json, s.incomplete AS incomplete FROM host_states s LEFT JOIN hosts h ON "
        "h.id = s.host_id "
        "WHERE s.valid_from_ms <= " HM_LIST_AT
        " AND (s.valid_to_ms IS NULL OR s.valid_to_ms > " HM_LIST_AT ")",
    .key = "id",
};

enum hm_status hm_hosts_list(struct hm_session *s, const struct hm_page *page,
                             struct hm_arena *arena, struct hm_host_rows *out_rows,
                             struct hm_err *err)
{
    struct host_reader reader = {.arena = arena};
    enum hm_status st = hm_list_query(s, &host_list, page, read_host, &reader, err);

    if (st == HM_OK) {
        *out_rows = (struct hm_host_rows){reader.at, reader.count};
    }
    return st;
}

/* How far it was with its policies is true no longer, and events keep what was. Its exceptions end:
 * who gave them meant this host, not whatever may come. */
enum hm_status hm_hosts_remove(struct hm_session *s, const char *id, int64_t now_ms,
                               struct hm_err *err)
{
    static const char *const statements[] = {
        "UPDATE host_states SET valid_to_ms = $2 WHERE host_id = $1 AND valid_to_ms IS NULL",
        "UPDATE host_documents SET valid_to_ms = $2 WHERE host_id = $1 AND valid_to_ms IS NULL",
        "UPDATE verdicts SET valid_to_ms = $2 WHERE host_id = $1 AND valid_to_ms IS NULL",
        "UPDATE findings SET valid_to_ms = $2 WHERE host_id = $1 AND valid_to_ms IS NULL",
        "UPDATE exceptions SET revoked = 1 WHERE host_id = $1 AND expires_ms > $2",
    };
    const struct hm_value values[] = {hm_value_text(id), hm_value_int(now_ms)};
    size_t rows = 0;
    enum hm_status st = hm_session_query(s, "DELETE FROM hosts WHERE id = $1 RETURNING 1", values,
                                         1, NULL, NULL, &rows, err);

    if (st == HM_OK && rows == 0) {
        return unknown_host(id, err);
    }
    for (size_t i = 0; st == HM_OK && i < HM_COUNT(statements); i++) {
        st = hm_session_exec(s, statements[i], values, HM_COUNT(values), err);
    }
    if (st == HM_OK) {
        st = hm_session_exec(s, "DELETE FROM host_policies WHERE host_id = $1", values, 1, err);
    }
    return st == HM_OK ? hm_agents_set_state(s, id, HM_AGENT_REVOKED, err) : st;
}

enum hm_status hm_hosts_touch(struct hm_session *s, const char *id, int64_t last_seen_ms,
                              uint64_t seq, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(id), hm_value_int(last_seen_ms),
                                      hm_value_int((int64_t)seq)};

    return hm_session_exec(s,
                           "UPDATE hosts SET last_seen_ms = $2, seq = $3 "
                           "WHERE id = $1 AND last_seen_ms < $2",
                           values, HM_COUNT(values), err);
}
