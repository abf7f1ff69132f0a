/* server/store/db_sqlite.c — the driver for SQLite: WAL, full synchronous.
 * SPDX-License-Identifier: Apache-2.0
 *
 * URI: "sqlite:PATH" or "sqlite::memory:". */
#include "server/store/db.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common/base/str.h"

#define SCHEME "sqlite:"
#define BUSY_TIMEOUT_MS 5000
#define PARAMETERS_MAX 128

struct hm_db {
    sqlite3 *handle;
    char *path;
};

struct hm_stmt {
    const struct hm_db_driver *driver; /* first: see db.h */
    struct hm_db *db;
    sqlite3_stmt *handle;
    unsigned char number[PARAMETERS_MAX + 1]; /* of $n: SQLite counts by first appearance */
    int numbers;                              /* highest n */
};

/* What the caller may do about a result code; the primary code decides. */
struct code_row {
    int code;
    enum hm_status status;
    const char *advice;
};

static const struct code_row codes[] = {
    {SQLITE_BUSY,       HM_EBUSY,     "another process is writing; is a second collector running?"    },
    {SQLITE_LOCKED,     HM_EBUSY,     "try again"                                                     },
    {SQLITE_FULL,       HM_EIO,       "the disk is full: make room, nothing needs repair"             },
    {SQLITE_IOERR,      HM_EIO,       "the disk did not do as asked: look at the system's log"        },
    {SQLITE_READONLY,   HM_EIO,       "the file or its folder cannot be written: check owner and mode"},
    {SQLITE_CANTOPEN,   HM_EIO,       "check that the folder is there and who may write to it"        },
    {SQLITE_PERM,       HM_EIO,       "check owner and mode"                                          },
    {SQLITE_CORRUPT,    HM_EIO,       "the file is damaged: restore the last backup"                  },
    {SQLITE_NOTADB,     HM_EIO,       "the file is not a database: check the path"                    },
    {SQLITE_NOMEM,      HM_ENOMEM,    "out of memory"                                                 },
    {SQLITE_CONSTRAINT, HM_ECONFLICT, "it exists already, or refers to what does not exist"           },
    {SQLITE_TOOBIG,     HM_ETOOBIG,   "a value is longer than the database takes"                     },
};

static enum hm_status fail(const struct hm_db *db, const char *what, struct hm_err *err)
{
    int code = sqlite3_extended_errcode(db->handle);
    enum hm_status status = HM_EIO;
    const char *advice = "this is a fault of the collector: please report it";

    for (size_t i = 0; i < HM_COUNT(codes); i++) {
        if (codes[i].code == (code & 0xff)) {
            status = codes[i].status;
            advice = codes[i].advice;
        }
    }
    return hm_fail(err, status, "%s: %s: %s (SQLite %d); %s", db->path, what,
                   sqlite3_errmsg(db->handle), code, advice);
}

static void db_close(struct hm_db *db)
{
    if (db == NULL) {
        return;
    }
    (void)sqlite3_close(db->handle);
    free(db->path);
    free(db);
}

static enum hm_status db_exec(struct hm_db *db, const char *sql, struct hm_err *err)
{
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return fail(db, "statement failed", err);
    }
    return HM_OK;
}

static enum hm_status db_open(const char *uri, struct hm_db **out_db, struct hm_err *err)
{
    static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                   "PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000;"
                                   "PRAGMA temp_store = MEMORY;"
                                   /* 16 MB of log: hot pages go to the file once */
                                   "PRAGMA wal_autocheckpoint = 4000;";
    struct hm_db *db;
    enum hm_status st;

    if (strncmp(uri, SCHEME, strlen(SCHEME)) != 0) {
        return hm_fail(err, HM_EINVAL, "\"%s\" is no SQLite URI: write sqlite:PATH", uri);
    }
    db = calloc(1, sizeof(*db));
    if (db == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to open %s", uri);
    }
    db->path = strdup(uri + strlen(SCHEME));
    if (db->path == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory to open %s", uri);
        goto done;
    }
    if (sqlite3_open_v2(db->path, &db->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        st = db->handle != NULL ? fail(db, "cannot open", err)
                                : hm_fail(err, HM_ENOMEM, "no memory to open %s", db->path);
        goto done;
    }
    (void)sqlite3_extended_result_codes(db->handle, 1);
    (void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    st = db_exec(db, settings, err);
done:
    if (st != HM_OK) {
        db_close(db);
        return st;
    }
    *out_db = db;
    return HM_OK;
}

static void db_finish(struct hm_stmt *stmt)
{
    if (stmt == NULL) {
        return;
    }
    (void)sqlite3_finalize(stmt->handle);
    free(stmt);
}

/* "$7" is a name to SQLite, numbered when it is met: keep which number each $n got. */
static enum hm_status number_parameters(struct hm_stmt *stmt, struct hm_err *err)
{
    int count = sqlite3_bind_parameter_count(stmt->handle);

    if (count > PARAMETERS_MAX) {
        return hm_fail(err, HM_ETOOBIG, "a statement with %d parameters; at most %d", count,
                       PARAMETERS_MAX);
    }
    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(stmt->handle, i);
        uint32_t n = 0;

        if (name == NULL || name[0] != '$' ||
            !hm_str_parse_u32(name + 1, strlen(name + 1), PARAMETERS_MAX, &n) || n == 0) {
            return hm_fail(err, HM_EINVAL, "parameters are written $1, $2 …");
        }
        stmt->number[n] = (unsigned char)i;
        stmt->numbers = (int)n > stmt->numbers ? (int)n : stmt->numbers;
    }
    return HM_OK;
}

static enum hm_status db_prepare(struct hm_db *db, const char *sql, struct hm_stmt **out_stmt,
                                 struct hm_err *err)
{
    struct hm_stmt *stmt = calloc(1, sizeof(*stmt));
    enum hm_status st;

    if (stmt == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a statement");
    }
    stmt->driver = &hm_db_sqlite;
    stmt->db = db;
    if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->handle, NULL) !=
        SQLITE_OK) {
        st = fail(db, "cannot prepare a statement", err);
    } else {
        st = number_parameters(stmt, err);
    }
    if (st != HM_OK) {
        db_finish(stmt);
        return st;
    }
    *out_stmt = stmt;
    return HM_OK;
}

/* Bytes are borrowed until reset, which clears the bindings. */
static int bind_value(sqlite3_stmt *handle, int at, const struct hm_value *value)
{
    switch (value->type) {
    case HM_VALUE_NULL:
        return sqlite3_bind_null(handle, at);
    case HM_VALUE_INT:
        return sqlite3_bind_int64(handle, at, value->i);
    case HM_VALUE_REAL:
        return sqlite3_bind_double(handle, at, value->real);
    case HM_VALUE_TEXT:
        return sqlite3_bind_text64(handle, at, value->bytes, value->len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case HM_VALUE_BLOB:
        break;
    }
    return sqlite3_bind_blob64(handle, at, value->len > 0 ? value->bytes : "", value->len,
                               SQLITE_STATIC);
}

static enum hm_status db_bind(struct hm_stmt *stmt, int at, const struct hm_value *value,
                              struct hm_err *err)
{
    if (at < 1 || at > stmt->numbers || stmt->number[at] == 0) {
        return hm_fail(err, HM_EINVAL, "the statement has no parameter $%d", at);
    }
    if (bind_value(stmt->handle, stmt->number[at], value) != SQLITE_OK) {
        return fail(stmt->db, "cannot bind a value", err);
    }
    return HM_OK;
}

static enum hm_status db_step(struct hm_stmt *stmt, bool *out_row, struct hm_err *err)
{
    int code = sqlite3_step(stmt->handle);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return fail(stmt->db, "statement failed", err);
    }
    *out_row = code == SQLITE_ROW;
    return HM_OK;
}

static void db_column(struct hm_stmt *stmt, int at, struct hm_value *out_value)
{
    sqlite3_stmt *handle = stmt->handle;

    assert(at >= 0 && at < sqlite3_column_count(handle));
    switch (sqlite3_column_type(handle, at)) {
    case SQLITE_INTEGER:
        *out_value = hm_value_int(sqlite3_column_int64(handle, at));
        break;
    case SQLITE_FLOAT:
        *out_value = hm_value_real(sqlite3_column_double(handle, at));
        break;
    case SQLITE_TEXT:
        *out_value = hm_value_blob(sqlite3_column_text(handle, at),
                                   (size_t)sqlite3_column_bytes(handle, at));
        out_value->type = HM_VALUE_TEXT;
        break;
    case SQLITE_BLOB:
        *out_value = hm_value_blob(sqlite3_column_blob(handle, at),
                                   (size_t)sqlite3_column_bytes(handle, at));
        break;
    default:
        *out_value = hm_value_null();
        break;
    }
}

static void db_reset(struct hm_stmt *stmt)
{
    (void)sqlite3_reset(stmt->handle);
    (void)sqlite3_clear_bindings(stmt->handle);
}

const struct hm_db_driver hm_db_sqlite = {
    .scheme = "sqlite",
    .open = db_open,
    .exec = db_exec,
    .prepare = db_prepare,
    .bind = db_bind,
    .step = db_step,
    .column = db_column,
    .reset = db_reset,
    .finish = db_finish,
    .close = db_close,
};
