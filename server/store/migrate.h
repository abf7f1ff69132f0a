/* server/store/migrate.h — the schema's numbered steps, and bringing a database up to date.
 * SPDX-License-Identifier: Apache-2.0
 *
 * schema/sql/<driver>/NNNN_<what>.sql are built in. Each runs once, in a transaction of its own,
 * in order; table schema_versions tells which have run. */
#pragma once

#include "server/store/db.h"

struct hm_migration {
    unsigned version; /* NNNN */
    const char *name; /* "0001_first" */
    const char *sql;
};

/* Generated from schema/sql/sqlite; ascending by version. */
extern const struct hm_migration hm_migrations_sqlite[];
extern const size_t hm_migrations_sqlite_count;

/* HM_ECONFLICT, code "newer_schema", when the database was made by a newer collector; it is
 * left as it is. */
enum hm_status hm_migrate(const struct hm_db_driver *driver, struct hm_db *db,
                          const struct hm_migration *migrations, size_t count, int64_t now_ms,
                          struct hm_err *err) HM_MUST_CHECK;
