/* tests/unit/server/test_migrate.c — schema steps: each once, whole or not at all, never backwards.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/entities.h"
#include "server/store/migrate.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

static const struct hm_migration steps[] = {
    {1, "0001_one",   "CREATE TABLE one (a INTEGER); INSERT INTO one VALUES (1);"       },
    {2, "0002_two",   "ALTER TABLE one ADD COLUMN b INTEGER; UPDATE one SET b = a + 1;" },
    {3, "0003_wrong", "INSERT INTO one VALUES (5, 6); CREATE TABLE one (again INTEGER);"},
};

static int64_t number(struct hm_db *db, const char *sql)
{
    struct hm_stmt *stmt;
    struct hm_value value;
    bool row = false;

    assert_int_equal(hm_db_sqlite.prepare(db, sql, &stmt, NULL), HM_OK);
    assert_int_equal(hm_db_sqlite.step(stmt, &row, NULL), HM_OK);
    assert_true(row);
    hm_db_sqlite.column(stmt, 0, &value);
    hm_db_sqlite.finish(stmt);
    return value.i;
}

static struct hm_db *open_memory(void)
{
    struct hm_db *db = NULL;

    assert_int_equal(hm_db_sqlite.open("sqlite::memory:", &db, NULL), HM_OK);
    return db;
}

static enum hm_status migrate(struct hm_db *db, size_t count, struct hm_err *err)
{
    return hm_migrate(&hm_db_sqlite, db, steps, count, 1000, err);
}

static void test_step_by_step_is_as_fresh(void **state)
{
    struct hm_db *fresh = open_memory();
    struct hm_db *old = open_memory();
    static const char b_sql[] = "SELECT b FROM one";

    (void)state;
    assert_int_equal(migrate(fresh, 2, NULL), HM_OK);
    assert_int_equal(migrate(old, 1, NULL), HM_OK);
    assert_int_equal(migrate(old, 2, NULL), HM_OK);
    assert_int_equal(migrate(old, 2, NULL), HM_OK); /* nothing left to do */
    assert_int_equal(number(fresh, b_sql), 2);
    assert_int_equal(number(old, b_sql), 2);
    assert_int_equal(number(old, "SELECT COUNT(*) FROM schema_versions"), 2);
    hm_db_sqlite.close(fresh);
    hm_db_sqlite.close(old);
}

static void test_failed_step_leaves_nothing(void **state)
{
    struct hm_db *db = open_memory();
    struct hm_err err = {0};

    (void)state;
    assert_int_not_equal(migrate(db, 3, &err), HM_OK);
    assert_non_null(strstr(err.text, "0003_wrong"));
    assert_int_equal(number(db, "SELECT COUNT(*) FROM one"), 1);
    assert_int_equal(number(db, "SELECT MAX(version) FROM schema_versions"), 2);
    assert_int_equal(migrate(db, 2, NULL), HM_OK);
    hm_db_sqlite.close(db);
}

static void test_newer_schema_is_refused(void **state)
{
    struct hm_db *db = open_memory();
    struct hm_err err = {0};

    (void)state;
    assert_int_equal(migrate(db, 2, NULL), HM_OK);
    assert_int_equal(migrate(db, 1, &err), HM_ECONFLICT);
    assert_string_equal(hm_err_code(&err), "newer_schema");
    hm_db_sqlite.close(db);
}

static void test_built_in_steps(void **state)
{
    struct hm_db *db = open_memory();

    (void)state;
    for (size_t i = 0; i < hm_migrations_sqlite_count; i++) {
        assert_int_equal(hm_migrations_sqlite[i].version, i + 1);
    }
    assert_int_equal(
        hm_migrate(&hm_db_sqlite, db, hm_migrations_sqlite, hm_migrations_sqlite_count, 1000, NULL),
        HM_OK);
    assert_int_equal(number(db, "SELECT COUNT(*) FROM hosts"), 0);
    assert_int_equal(number(db, "SELECT MAX(version) FROM schema_versions"),
                     (int64_t)hm_migrations_sqlite_count);
    hm_db_sqlite.close(db);
}

/* Everything in the schema, as text. */
static const char objects_sql[] =
    "SELECT COUNT(*) FROM fresh.sqlite_master f WHERE NOT EXISTS (SELECT 1 FROM main.sqlite_master "
    "m WHERE m.type = f.type AND m.name = f.name AND m.tbl_name = f.tbl_name AND m.sql IS f.sql)";

/* A database as an older collector wrote it, from tests/fixtures/database. */
static void load_fixture(const struct hm_migration *step, const char *path)
{
    char name[64];
    char uri[320];
    size_t len;
    char *bytes;
    char *sql;
    struct hm_db *db = NULL;
    struct hm_err err = {0};

    (void)snprintf(name, sizeof(name), "database/%s.sql", step->name);
    (void)snprintf(uri, sizeof(uri), "sqlite:%s", path);
    bytes = hm_fixture_read(name, &len);
    sql = calloc(len + 1, 1);
    assert_non_null(sql);
    memcpy(sql, bytes, len);
    free(bytes);
    assert_int_equal(hm_db_sqlite.open(uri, &db, NULL), HM_OK);
    if (hm_db_sqlite.exec(db, sql, &err) != HM_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    assert_int_equal(number(db, "SELECT MAX(version) FROM schema_versions"), step->version);
    hm_db_sqlite.close(db);
    free(sql);
}

static enum hm_status look_at_old(struct hm_session *s, void *arg, struct hm_err *err)
{
    static const struct hm_page page = {.where = {.sql = ""}, .after = "", .limit = 100};
    struct hm_arena *arena = arg;
    struct hm_host_row host;
    struct hm_verdict_rows verdicts;
    struct hm_finding_rows findings;
    struct hm_events events;

    assert_int_equal(hm_hosts_get(s, "mail01", arena, &host, err), HM_OK);
    assert_string_equal(host.labels.at[0], "site=paris");
    assert_string_equal(host.verdict, "exposed");
    assert_int_equal(hm_verdicts_list(s, &page, arena, &verdicts, err), HM_OK);
    assert_int_equal(verdicts.count, 1);
    assert_int_equal(hm_findings_list(s, &page, arena, &findings, err), HM_OK);
    assert_int_equal(findings.count, 1);
    assert_int_equal(hm_events_list(s, &page, false, arena, &events, err), HM_OK);
    assert_int_equal(events.count, 3);
    host.name = "mail02"; /* it goes on as if it had always been so */
    assert_int_equal(hm_hosts_put(s, &host, 9000, err), HM_OK);
    return hm_events_verify(s, err);
}

/* Every schema but the newest has its fixture; what it becomes is what a new one is. */
static void test_older_databases(void **state)
{
    char folder[256];

    (void)state;
    assert_int_equal(hm_crypto_init(NULL), HM_OK);
    temp_folder_make(folder, sizeof(folder));
    for (size_t i = 0; i + 1 < hm_migrations_sqlite_count; i++) {
        char path[300];
        char fresh_path[300];
        char uri[320];
        char attach[400];
        struct hm_store_options options = {.uri = uri};
        struct hm_store *store = NULL;
        struct hm_arena arena;
        struct hm_err err = {0};
        struct hm_db *db = NULL;

        (void)snprintf(path, sizeof(path), "%s/old%zu.db", folder, i);
        (void)snprintf(fresh_path, sizeof(fresh_path), "%s/fresh%zu.db", folder, i);
        load_fixture(&hm_migrations_sqlite[i], path);
        (void)snprintf(uri, sizeof(uri), "sqlite:%s", fresh_path);
        assert_int_equal(hm_store_open(&options, &store, &err), HM_OK);
        hm_store_close(store);
        (void)snprintf(uri, sizeof(uri), "sqlite:%s", path);
        if (hm_store_open(&options, &store, &err) != HM_OK) {
            fail_msg("%s", err.text);
        }
        hm_arena_init(&arena, 1u << 22);
        assert_int_equal(hm_store_write(store, look_at_old, &arena, &err), HM_OK);
        hm_arena_fini(&arena);
        hm_store_close(store);

        assert_int_equal(hm_db_sqlite.open(uri, &db, NULL), HM_OK);
        assert_int_equal(number(db, "SELECT COUNT(*) FROM hosts WHERE services IS NULL"), 2);
        (void)snprintf(attach, sizeof(attach), "ATTACH '%s' AS fresh", fresh_path);
        assert_int_equal(hm_db_sqlite.exec(db, attach, &err), HM_OK);
        assert_int_equal(number(db, objects_sql), 0);
        hm_db_sqlite.close(db);
    }
    temp_folder_remove(folder);
}

static void test_parameters_by_number(void **state)
{
    const struct hm_value one = hm_value_int(1);
    const struct hm_value two = hm_value_int(2);
    struct hm_db *db = open_memory();
    struct hm_stmt *stmt;
    struct hm_value value;
    struct hm_err err = {0};
    bool row;

    (void)state;
    assert_int_equal(hm_db_sqlite.prepare(db, "SELECT $2 * 10 + $1", &stmt, &err), HM_OK);
    assert_int_equal(hm_db_sqlite.bind(stmt, 1, &one, &err), HM_OK);
    assert_int_equal(hm_db_sqlite.bind(stmt, 2, &two, &err), HM_OK);
    assert_int_equal(hm_db_sqlite.bind(stmt, 3, &two, &err), HM_EINVAL);
    assert_int_equal(hm_db_sqlite.step(stmt, &row, &err), HM_OK);
    hm_db_sqlite.column(stmt, 0, &value);
    assert_int_equal(value.i, 21);
    hm_db_sqlite.finish(stmt);
    assert_int_equal(hm_db_sqlite.prepare(db, "SELECT ?", &stmt, &err), HM_EINVAL);
    hm_db_sqlite.close(db);
}

static void test_errors_name_the_file(void **state)
{
    struct hm_db *db = NULL;
    struct hm_err err = {0};

    (void)state;
    assert_int_equal(hm_db_sqlite.open("sqlite:/nowhere/at/all.db", &db, &err), HM_EIO);
    assert_non_null(strstr(err.text, "/nowhere/at/all.db"));
    assert_null(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_by_step_is_as_fresh),
        cmocka_unit_test(test_failed_step_leaves_nothing),
        cmocka_unit_test(test_newer_schema_is_refused),
        cmocka_unit_test(test_built_in_steps),
        cmocka_unit_test(test_older_databases),
        cmocka_unit_test(test_parameters_by_number),
        cmocka_unit_test(test_errors_name_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
