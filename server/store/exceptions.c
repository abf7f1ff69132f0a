/* server/store/exceptions.c — table "exceptions": hosts that need not comply, and who says so.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities_policy.h"

#include "server/store/row.h"

enum hm_status hm_exceptions_put(struct hm_session *s, const struct hm_exception_row *row,
                                 struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_text(row->id),        hm_value_text(row->policy),   hm_value_text(row->host_id),
        hm_value_text(row->reason),    hm_value_text(row->approver), hm_value_int(row->created_ms),
        hm_value_int(row->expires_ms), hm_value_int(row->revoked),
    };
    size_t rows = 0;
    enum hm_status st;

    if (row->expires_ms <= 0) {
        return hm_fail_code(err, HM_EINVAL, "no_expiry", "an exception must say when it ends");
    }
    st = hm_session_query(
        s,
        "INSERT INTO exceptions (id, policy, host_id, reason, approver, created_ms, expires_ms, "
        "revoked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
        "ON CONFLICT (id) DO UPDATE SET revoked = excluded.revoked "
        "WHERE exceptions.policy = excluded.policy AND exceptions.host_id = excluded.host_id "
        "AND exceptions.reason = excluded.reason AND exceptions.approver = excluded.approver "
        "AND exceptions.created_ms = excluded.created_ms "
        "AND exceptions.expires_ms = excluded.expires_ms "
        "AND exceptions.revoked <= excluded.revoked RETURNING 1",
        values, HM_COUNT(values), NULL, NULL, &rows, err);
    if (st == HM_OK && rows == 0) {
        return hm_fail_code(err, HM_ECONFLICT, "exception_fixed",
                            "the exception %s is there and says something else: make a new one",
                            row->id);
    }
    return st;
}

struct exception_reader {
    struct hm_arena *arena;
    struct hm_exception_row *at;
    size_t count;
    size_t room;
};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a list of exceptions");
}

static enum hm_status read_exception(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct exception_reader *reader = arg;
    struct hm_arena *arena = reader->arena;
    struct hm_exception_row *exception;

    if (hm_arena_grow(arena, (void **)&reader->at, reader->count, &reader->room,
                      sizeof(*reader->at)) != 0) {
        return no_memory(err);
    }
    exception = &reader->at[reader->count++];
    *exception = (struct hm_exception_row){
        .id = hm_row_text(row, 0, arena),
        .policy = hm_row_text(row, 1, arena),
        .host_id = hm_row_text(row, 2, arena),
        .host_name = hm_row_text(row, 3, arena),
        .reason = hm_row_text(row, 4, arena),
        .approver = hm_row_text(row, 5, arena),
        .created_ms = hm_row_int(row, 6),
        .expires_ms = hm_row_int(row, 7),
        .revoked = hm_row_int(row, 8) != 0,
    };
    return exception->id != NULL && exception->policy != NULL && exception->host_id != NULL &&
                   exception->host_name != NULL && exception->reason != NULL &&
                   exception->approver != NULL
               ? HM_OK
               : no_memory(err);
}

#define EXCEPTION_COLUMNS                                                                          \
    "id, policy, host_id, host_name, reason, approver, created_ms, expires_ms, revoked"
#define EXCEPTION_INNER                                                                            \
    "SELECT list_of.id AS id, list_of.policy AS policy, list_of.host_id AS host_id, "              \
    "list_of.reason AS reason, list_of.approver AS approver, "                                     \
    "list_of.created_ms AS created_ms, list_of.expires_ms AS expires_ms, "                         \
    "list_of.revoked AS revoked, " HM_LIST_HOST_COLUMNS                                            \
    " FROM exceptions list_of" HM_LIST_HOST_JOIN

enum hm_status hm_exceptions_get(struct hm_session *s, const char *id, struct hm_arena *arena,
                                 struct hm_exception_row *out_row, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(id)};
    struct exception_reader reader = {.arena = arena};
    enum hm_status st = hm_session_query(
        s, "SELECT " EXCEPTION_COLUMNS " FROM (" EXCEPTION_INNER ") AS list WHERE id = $1", values,
        HM_COUNT(values), read_exception, &reader, NULL, err);

    if (st == HM_OK && reader.count == 0) {
        return hm_fail_code(err, HM_ENOENT, "unknown_exception",
                            "there is no exception with the id %s", id);
    }
    if (st == HM_OK) {
        *out_row = reader.at[0];
    }
    return st;
}

static const struct hm_list exception_list = {
    .columns = EXCEPTION_COLUMNS,
    .inner_now = EXCEPTION_INNER,
    .key = "id",
};

enum hm_status hm_exceptions_list(struct hm_session *s, const struct hm_page *page,
                                  struct hm_arena *arena, struct hm_exception_rows *out_rows,
                                  struct hm_err *err)
{
    struct exception_reader reader = {.arena = arena};
    enum hm_status st = hm_list_query(s, &exception_list, page, read_exception, &reader, err);

    if (st == HM_OK) {
        *out_rows = (struct hm_exception_rows){reader.at, reader.count};
    }
    return st;
}
