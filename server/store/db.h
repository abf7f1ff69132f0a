/* server/store/db.h — the narrow driver below the store: nine functions a database.
 * SPDX-License-Identifier: Apache-2.0
 *
 * SQL is the dialect that all drivers accept ($1 placeholders, ON CONFLICT, RETURNING).
 * Threads: one connection, one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum hm_value_type { HM_VALUE_NULL, HM_VALUE_INT, HM_VALUE_REAL, HM_VALUE_TEXT, HM_VALUE_BLOB };

struct hm_value {
    enum hm_value_type type;
    int64_t i;
    double real;
    const void *bytes; /* TEXT (NUL-terminated too) and BLOB; as a column: valid until the next
                          step, reset or finish */
    size_t len;
};

/* Makers for bind lists. */
struct hm_value hm_value_null(void);
struct hm_value hm_value_int(int64_t i);
struct hm_value hm_value_real(double real);
struct hm_value hm_value_text(const char *text); /* NULL text = SQL NULL */
struct hm_value hm_value_blob(const void *bytes, size_t len);

struct hm_db;
struct hm_stmt; /* each driver's own; its first member is const struct hm_db_driver *driver, so
                   that a row can be read without its session */

struct hm_db_driver {
    const char *scheme; /* "sqlite" */
    enum hm_status (*open)(const char *uri, struct hm_db **out_db, struct hm_err *err);
    enum hm_status (*exec)(struct hm_db *db, const char *sql, struct hm_err *err);
    enum hm_status (*prepare)(struct hm_db *db, const char *sql, struct hm_stmt **out_stmt,
                              struct hm_err *err);
    enum hm_status (*bind)(struct hm_stmt *stmt, int at, const struct hm_value *value,
                           struct hm_err *err);
    enum hm_status (*step)(struct hm_stmt *stmt, bool *out_row, struct hm_err *err);
    void (*column)(struct hm_stmt *stmt, int at, struct hm_value *out_value);
    void (*reset)(struct hm_stmt *stmt);
    void (*finish)(struct hm_stmt *stmt);
    void (*close)(struct hm_db *db);
};

extern const struct hm_db_driver hm_db_sqlite;
