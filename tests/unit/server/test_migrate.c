/* tests/unit/server/test_migrate.c — schema steps: each once, whole or not at all, never backwards.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/migrate.h"

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
        cmocka_unit_test(test_parameters_by_number),
        cmocka_unit_test(test_errors_name_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
