/* server/store/session.c — one connection, its prepared statements, and queries on it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One row a database. */
static const struct hm_db_driver *const drivers[] = {&hm_db_sqlite};

static const struct hm_db_driver *find_driver(const char *uri)
{
    for (size_t i = 0; i < HM_COUNT(drivers); i++) {
        size_t len = strlen(drivers[i]->scheme);

        if (strncmp(uri, drivers[i]->scheme, len) == 0 && uri[len] == ':') {
            return drivers[i];
        }
    }
    return NULL;
}

enum hm_status hm_session_open(const char *uri, struct hm_session **out_session, struct hm_err *err)
{
    const struct hm_db_driver *driver = find_driver(uri);
    struct hm_session *session;
    enum hm_status st;

    if (driver == NULL) {
        return hm_fail(err, HM_EINVAL, "no database driver for \"%s\": write sqlite:PATH", uri);
    }
    session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a connection to %s", uri);
    }
    session->driver = driver;
    st = driver->open(uri, &session->db, err);
    if (st != HM_OK) {
        free(session);
        return st;
    }
    *out_session = session;
    return HM_OK;
}

void hm_session_close(struct hm_session *session)
{
    if (session == NULL) {
        return;
    }
    for (size_t i = 0; i < HM_SESSION_STATEMENTS; i++) {
        session->driver->finish(session->slots[i].stmt);
    }
    session->driver->close(session->db);
    free(session);
}

static struct hm_session_slot *find_slot(struct hm_session *session, const char *sql)
{
    size_t at = ((uintptr_t)sql >> 3) * 0x9e3779b1u;

    for (;; at++) {
        struct hm_session_slot *slot = &session->slots[at & (HM_SESSION_STATEMENTS - 1)];

        if (slot->sql == sql || slot->sql == NULL) {
            return slot;
        }
    }
}

static enum hm_status bind_all(struct hm_session *session, struct hm_stmt *stmt,
                               const struct hm_value *values, size_t count, struct hm_err *err)
{
    for (size_t i = 0; i < count; i++) {
        enum hm_status st = session->driver->bind(stmt, (int)i + 1, &values[i], err);

        if (st != HM_OK) {
            return st;
        }
    }
    return HM_OK;
}

static enum hm_status run(struct hm_session *session, struct hm_stmt *stmt,
                          const struct hm_value *values, size_t count, hm_row_fn *fn, void *arg,
                          size_t *out_rows, struct hm_err *err)
{
    size_t rows = 0;
    enum hm_status st = bind_all(session, stmt, values, count, err);

    while (st == HM_OK) {
        bool row = false;

        st = session->driver->step(stmt, &row, err);
        if (st != HM_OK || !row) {
            break;
        }
        rows++;
        if (fn != NULL) {
            st = fn(stmt, arg, err);
        }
    }
    session->driver->reset(stmt);
    if (st == HM_OK && out_rows != NULL) {
        *out_rows = rows;
    }
    return st;
}

enum hm_status hm_session_query_once(struct hm_session *session, const char *sql,
                                     const struct hm_value *values, size_t count, hm_row_fn *fn,
                                     void *arg, size_t *out_rows, struct hm_err *err)
{
    struct hm_stmt *stmt;
    enum hm_status st = session->driver->prepare(session->db, sql, &stmt, err);

    if (st != HM_OK) {
        return st;
    }
    st = run(session, stmt, values, count, fn, arg, out_rows, err);
    session->driver->finish(stmt);
    return st;
}

enum hm_status hm_session_query(struct hm_session *session, const char *sql,
                                const struct hm_value *values, size_t count, hm_row_fn *fn,
                                void *arg, size_t *out_rows, struct hm_err *err)
{
    struct hm_session_slot *slot = find_slot(session, sql);
    enum hm_status st;

    if (slot->busy) {
        return hm_session_query_once(session, sql, values, count, fn, arg, out_rows, err);
    }
    if (slot->sql == NULL) {
        assert(session->statements < HM_SESSION_STATEMENTS * 3 / 4);
        st = session->driver->prepare(session->db, sql, &slot->stmt, err);
        if (st != HM_OK) {
            return st;
        }
        slot->sql = sql;
        session->statements++;
    }
    slot->busy = true;
    st = run(session, slot->stmt, values, count, fn, arg, out_rows, err);
    slot->busy = false;
    return st;
}

enum hm_status hm_session_exec(struct hm_session *session, const char *sql,
                               const struct hm_value *values, size_t count, struct hm_err *err)
{
    return hm_session_query(session, sql, values, count, NULL, NULL, NULL, err);
}
