/* server/store/trust.c — tables "settings" and "trust_roots": the fleet's id, who may approve.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities_policy.h"

#include "common/base/limits.h"
#include "server/store/row.h"

#define FLEET_ID "fleet_id"

struct text_reader {
    struct hm_arena *arena;
    const char *text;
};

static enum hm_status read_text(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct text_reader *reader = arg;

    reader->text = hm_row_text(row, 0, reader->arena);
    return reader->text != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for the fleet's id");
}

enum hm_status hm_fleet_id_ensure(struct hm_session *s, int64_t now_ms, struct hm_arena *arena,
                                  const char **out_id, struct hm_err *err)
{
    struct text_reader reader = {.arena = arena};
    char id[HM_ID_TEXT_BYTES];
    struct hm_value values[] = {hm_value_text(FLEET_ID), hm_value_null()};
    enum hm_status st = hm_session_query(s, "SELECT value FROM settings WHERE key = $1", values, 1,
                                         read_text, &reader, NULL, err);

    if (st == HM_OK && reader.text == NULL) {
        hm_id_new(now_ms, id);
        values[1] = hm_value_text(id);
        /* Another collector may have been first: then its id counts. */
        st = hm_session_query(s,
                              "INSERT INTO settings (key, value) VALUES ($1, $2) "
                              "ON CONFLICT (key) DO UPDATE SET value = settings.value "
                              "RETURNING value",
                              values, HM_COUNT(values), read_text, &reader, NULL, err);
    }
    if (st == HM_OK) {
        *out_id = reader.text;
    }
    return st;
}

enum hm_status hm_trust_put(struct hm_session *s, const struct hm_trust_row *row,
                            struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_int((int64_t)row->version),
        hm_value_text(row->envelope),
        hm_value_text(row->actor),
        hm_value_int(row->created_ms),
    };
    size_t rows = 0;
    enum hm_status st;

    if (row->version == 0 || row->version > INT64_MAX) {
        return hm_fail_code(err, HM_EINVAL, "bad_version", "versions of a trust root begin at 1");
    }
    st = hm_session_query(s,
                          "INSERT INTO trust_roots (version, envelope, actor, created_ms) "
                          "VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO NOTHING RETURNING 1",
                          values, HM_COUNT(values), NULL, NULL, &rows, err);
    if (st == HM_OK && rows == 0) {
        return hm_fail_code(err, HM_ECONFLICT, "version_taken",
                            "version %llu of the trust root is there already: make the next one "
                            "from the newest",
                            (unsigned long long)row->version);
    }
    return st;
}

struct trust_reader {
    struct hm_arena *arena;
    struct hm_trust_row *at;
    size_t count;
    size_t room;
};

static enum hm_status read_trust(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct trust_reader *reader = arg;
    struct hm_trust_row *trust;

    if (hm_arena_grow(reader->arena, (void **)&reader->at, reader->count, &reader->room,
                      sizeof(*reader->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the trust roots");
    }
    trust = &reader->at[reader->count++];
    *trust = (struct hm_trust_row){
        .version = (uint64_t)hm_row_int(row, 0),
        .envelope = hm_row_text(row, 1, reader->arena),
        .actor = hm_row_text(row, 2, reader->arena),
        .created_ms = hm_row_int(row, 3),
    };
    return trust->envelope != NULL && trust->actor != NULL
               ? HM_OK
               : hm_fail(err, HM_ENOMEM, "no memory for the trust roots");
}

enum hm_status hm_trust_list(struct hm_session *s, struct hm_arena *arena,
                             struct hm_trust_rows *out_rows, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_int(HM_LIMIT_TRUST_ROOTS)};
    struct trust_reader reader = {.arena = arena};
    enum hm_status st =
        hm_session_query(s,
                         "SELECT version, envelope, actor, created_ms FROM "
                         "(SELECT * FROM trust_roots ORDER BY version DESC LIMIT $1) AS newest "
                         "ORDER BY version",
                         values, HM_COUNT(values), read_trust, &reader, NULL, err);

    if (st == HM_OK) {
        *out_rows = (struct hm_trust_rows){reader.at, reader.count};
    }
    return st;
}
