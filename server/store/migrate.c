/* server/store/migrate.c — the schema's numbered steps, and bringing a database up to date.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/migrate.h"

static enum hm_status run(const struct hm_db_driver *driver, struct hm_db *db, const char *sql,
                          const struct hm_value *values, int count, struct hm_value *out_first,
                          struct hm_err *err)
{
    struct hm_stmt *stmt = NULL;
    bool row = false;
    enum hm_status st = driver->prepare(db, sql, &stmt, err);

    for (int i = 0; st == HM_OK && i < count; i++) {
        st = driver->bind(stmt, i + 1, &values[i], err);
    }
    if (st == HM_OK) {
        st = driver->step(stmt, &row, err);
    }
    if (st == HM_OK && row && out_first != NULL) {
        driver->column(stmt, 0, out_first);
    }
    driver->finish(stmt);
    return st;
}

static enum hm_status apply(const struct hm_db_driver *driver, struct hm_db *db,
                            const struct hm_migration *migration, int64_t now_ms,
                            struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_int(migration->version),
        hm_value_text(migration->name),
        hm_value_int(now_ms),
    };
    enum hm_status st = driver->exec(db, "BEGIN", err);

    if (st != HM_OK) {
        return st;
    }
    st = driver->exec(db, migration->sql, err);
    if (st == HM_OK) {
        st = run(driver, db,
                 "INSERT INTO schema_versions (version, name, applied_ms) VALUES ($1, $2, $3)",
                 values, 3, NULL, err);
    }
    if (st == HM_OK) {
        st = driver->exec(db, "COMMIT", err);
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "schema step %s", migration->name);
        (void)driver->exec(db, "ROLLBACK", NULL);
    }
    return st;
}

enum hm_status hm_migrate(const struct hm_db_driver *driver, struct hm_db *db,
                          const struct hm_migration *migrations, size_t count, int64_t now_ms,
                          struct hm_err *err)
{
    struct hm_value found = {.type = HM_VALUE_INT};
    unsigned newest = count > 0 ? migrations[count - 1].version : 0;
    enum hm_status st = driver->exec(db,
                                     "CREATE TABLE IF NOT EXISTS schema_versions ("
                                     "version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                                     "applied_ms INTEGER NOT NULL)",
                                     err);

    if (st == HM_OK) {
        st = run(driver, db, "SELECT COALESCE(MAX(version), 0) FROM schema_versions", NULL, 0,
                 &found, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (found.i > (int64_t)newest) {
        return hm_fail_code(err, HM_ECONFLICT, "newer_schema",
                            "the database has schema %lld, this collector knows up to %u: it was "
                            "written by a newer one; run that, or restore the backup made before",
                            (long long)found.i, newest);
    }
    for (size_t i = 0; i < count; i++) {
        if ((int64_t)migrations[i].version > found.i) {
            st = apply(driver, db, &migrations[i], now_ms, err);
            if (st != HM_OK) {
                return st;
            }
        }
    }
    return HM_OK;
}
