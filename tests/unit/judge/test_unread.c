/* tests/unit/judge/test_unread.c — an instance of SQL Server that runs, whose registry setting was
 * not gathered, and of whose listeners some are not known. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

enum listeners { ALL_READ, NOT_READ, SOME_READ };

static void put_sql(struct hm_build *build)
{
    struct hm_product *product = hm_build_product(build, "sql", "MSSQLSERVER", "sqlservr.exe");
    struct hm_requirement *row =
        hm_build_require(build, product, "engine", HM_TCP, "1433", HM_KIND_SOCKET);

    product->detect.services = hm_build_names(build, "MSSQLSERVER|MSSQL$*");
    row->detect.services = hm_build_names(build, "MSSQLSERVER");
    row->has_port_from = true;
    row->port_from = HM_BY_SQL_PORT;
    row = hm_build_require(build, product, "named", HM_TCP, "", HM_KIND_SOCKET);
    row->title = "Database engine";
    row->detect.services = hm_build_names(build, "MSSQL$*");
    row->has_port_from = true;
    row->port_from = HM_BY_SQL_PORT;
}

/* Fewer facts never make a port safe: the catalogue's port is one only where the instance would
 * have been seen on another one. */
static void test_listeners_not_all_known(void **state)
{
    static const struct {
        const char *service;
        enum listeners read;
        uint16_t port; /* of a listener whose service nothing names; 0: none */
        const char *program;
        const char *id; /* NULL: no requirement */
        enum hm_verdict_state state;
    } cases[] = {
        {"MSSQLSERVER", ALL_READ,  0,     "",             "engine",         HM_SAFE   },
        {"MSSQLSERVER", NOT_READ,  0,     "",             "engine",         HM_UNKNOWN},
        {"MSSQLSERVER", SOME_READ, 0,     "",             "engine",         HM_UNKNOWN},
        {"MSSQLSERVER", ALL_READ,  52000, "sqlservr.exe", "engine",         HM_UNKNOWN},
        {"MSSQLSERVER", ALL_READ,  52000, "",             "engine",         HM_UNKNOWN},
        {"MSSQLSERVER", ALL_READ,  52000, "java.exe",     "engine",         HM_SAFE   },
        {"MSSQLSERVER", ALL_READ,  1433,  "sqlservr.exe", "engine",         HM_SAFE   },
        {"MSSQL$HR",    ALL_READ,  0,     "",             NULL,             HM_SAFE   }, /* TCP is off */
        {"MSSQL$HR",    NOT_READ,  0,     "",             "named-mssql-hr", HM_UNKNOWN},
        {"MSSQL$HR",    SOME_READ, 0,     "",             "named-mssql-hr", HM_UNKNOWN},
        {"MSSQL$HR",    ALL_READ,  52000, "sqlservr.exe", "named-mssql-hr", HM_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_verdict *verdict;
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        put_sql(&build);
        (void)hm_build_service_runs(&build, cases[i].service, true);
        if (cases[i].port != 0) {
            hm_build_listener(&build, HM_TCP, HM_IPV4, cases[i].port, cases[i].program, "",
                              HM_KIND_SOCKET);
        }
        build.inventory.has_listeners = cases[i].read != NOT_READ;
        build.inventory.listeners_partial = cases[i].read == SOME_READ;
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases[i].id == NULL ? 0 : 1);
        if (cases[i].id != NULL) {
            verdict = hm_build_verdict(&build, "sql", cases[i].id);
            assert_non_null(verdict);
            assert_int_equal(verdict->state, cases[i].state);
            assert_true((cases[i].state == HM_UNKNOWN) ==
                        (strstr(verdict->text, "was not read") != NULL));
        }
        hm_build_fini(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listeners_not_all_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
