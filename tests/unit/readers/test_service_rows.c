/* tests/unit/readers/test_service_rows.c — services from the registry and the cluster, in every
 * form and language that Windows lists them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/service_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/readers/net_start_text.h"
#include "common/readers/reg_query_text.h"
#include "tests/support/fixture.h"

#define ARENA_BYTES (16u * 1024u * 1024u)
#define NAME_BYTES 128

static char *read_fixture(const char *file, size_t *out_len)
{
    char name[NAME_BYTES];

    (void)snprintf(name, sizeof(name), "services/%s", file);
    return hm_fixture_read(name, out_len);
}

/* Of a listing or an export; nothing may be borrowed from the text. */
static void read_rows(const char *file, struct hm_arena *arena, struct hm_service_rows *out_rows)
{
    struct hm_reg reg;
    struct hm_err err;
    size_t len;
    char *text = read_fixture(file, &len);
    enum hm_status st = strstr(file, ".reg") != NULL
                            ? hm_reg_parse(text, len, arena, &reg, &err)
                            : hm_reg_query_parse(text, len, arena, &reg, &err);

    free(text);
    if (st == HM_OK) {
        st = hm_service_rows_from_reg(&reg, arena, out_rows, &err);
    }
    if (st != HM_OK) {
        fail_msg("%s: %s", file, err.text);
    }
}

struct row_case {
    const char *name;
    uint32_t type;
    enum hm_service_start start;
    const char *program;
    size_t depends;
    const char *first;
};

/* What each reg-query file holds: no drivers, no keys that are no services. */
static const struct row_case modern[] = {
    {"cbdhsvc",       0x60, HM_START_MANUAL,    "svchost.exe",  0, NULL   },
    {"cbdhsvc_3f2a1", 0xe0, HM_START_MANUAL,    "svchost.exe",  0, NULL   },
    {"Dnscache",      0x20, HM_START_TRIGGERED, "svchost.exe",  2, "nsi"  },
    {"IAS",           0x20, HM_START_AUTOMATIC, "svchost.exe",  2, "RPCSS"},
    {"KeyIso",        0x20, HM_START_MANUAL,    "lsass.exe",    1, "RpcSs"},
    {"MSSQL$ERP",     0x10, HM_START_MANUAL,    "sqlservr.exe", 0, NULL   },
    {"sppsvc",        0x10, HM_START_TRIGGERED, "sppsvc.exe",   1, "RpcSs"},
    {"W32Time",       0x20, HM_START_TRIGGERED, "svchost.exe",  0, NULL   },
    {"WbioSrvc",      0x20, HM_START_MANUAL,    "svchost.exe",  0, NULL   }, /* a trigger stops it */
    {"wuauserv",      0x20, HM_START_DISABLED,  "svchost.exe",  1, "rpcss"},
};

static void check_rows(const char *file, const struct row_case *cases, size_t count)
{
    struct hm_service_rows rows;
    struct hm_arena arena;

    hm_arena_init(&arena, ARENA_BYTES);
    read_rows(file, &arena, &rows);
    print_message("%s\n", file);
    assert_int_equal(rows.count, count);
    for (size_t i = 0; i < count; i++) {
        const struct hm_service_row *row = hm_service_rows_find(&rows, cases[i].name);

        assert_non_null(row);
        assert_string_equal(row->name, cases[i].name);
        assert_int_equal(row->type, cases[i].type);
        assert_int_equal(hm_service_start_of(row), cases[i].start);
        assert_string_equal(hm_service_program(row->image, &arena), cases[i].program);
        assert_int_equal(row->depends_on.count, cases[i].depends);
        if (cases[i].depends > 0) {
            assert_string_equal(row->depends_on.at[0], cases[i].first);
        }
        assert_false(row->has_runs);
    }
    hm_arena_fini(&arena);
}

static void test_reg_query_in_every_language(void **state)
{
    (void)state;
    check_rows("reg-query-en.txt", modern, HM_COUNT(modern));
    check_rows("reg-query-de-cp850.txt", modern, HM_COUNT(modern));
    check_rows("reg-query-zhcn-cp936.txt", modern, HM_COUNT(modern));
}

/* XP and 2003 put tabs between; a service without ImagePath is one all the same. */
static void test_reg_query_of_2003(void **state)
{
    static const struct row_case rows[] = {
        {"Spooler", 0x110, HM_START_AUTOMATIC, "spoolsv.exe", 0, NULL},
    };

    (void)state;
    check_rows("reg-query-2003.txt", rows, HM_COUNT(rows));
}

static void test_export_of_2000(void **state)
{
    static const struct row_case rows[] = {
        {"Browser",           0x20,  HM_START_AUTOMATIC, "services.exe",   2, "LanmanWorkstation"},
        {"DNS",               0x10,  HM_START_AUTOMATIC, "dns.exe",        3, "Tcpip"            },
        {"Dhcp",              0x20,  HM_START_AUTOMATIC, "services.exe",   2, "Tcpip"            },
        {"EvDRClient",        0x110, HM_START_AUTOMATIC, "EvDRClient.exe", 0, NULL               },
        {"IAS",               0x20,  HM_START_AUTOMATIC, "svchost.exe",    1, "RpcSs"            },
        {"Messenger",         0x20,  HM_START_DISABLED,  "services.exe",   0, NULL               },
        {"lanmanworkstation", 0x20,  HM_START_AUTOMATIC, "services.exe",   0, NULL               },
        {"NtLmSsp",           0x20,  HM_START_MANUAL,    "lsass.exe",      0, NULL               },
        {"ProtectedStorage",  0x120, HM_START_AUTOMATIC, "services.exe",   1, "RpcSs"            },
        {"RemoteAccess",      0x20,  HM_START_DISABLED,  "svchost.exe",    0, NULL               },
        {"RpcSs",             0x20,  HM_START_AUTOMATIC, "svchost.exe",    0, NULL               },
        {"TlntSvr",           0x20,  HM_START_MANUAL,    "tlntsvr.exe",    0, NULL               },
        {"UPS",               0x20,  HM_START_MANUAL,    "ups.exe",        0, NULL               },
    };

    (void)state;
    check_rows("services-2000-de.reg", rows, HM_COUNT(rows));
}

struct path_case {
    const char *image;
    const char *program;
};

static void test_start_type(void **state)
{
    const struct hm_service_row delayed = {.start = HM_SERVICE_AUTO_START, .delayed = true};
    const struct hm_service_row clustered = {
        .start = HM_SERVICE_DEMAND_START, .clustered = true, .triggered = true};
    const struct hm_service_row disabled = {
        .start = HM_SERVICE_DISABLED, .clustered = true, .triggered = true};

    (void)state;
    assert_int_equal(hm_service_start_of(&delayed), HM_START_DELAYED);
    assert_int_equal(hm_service_start_of(&clustered), HM_START_CLUSTER);
    assert_int_equal(hm_service_start_of(&disabled), HM_START_DISABLED);
}

struct needed_case {
    const char *name;
    uint32_t start;
    bool triggered;
    const char *depends_on[3];
    enum hm_service_start expected;
};

/* The service manager starts what an automatic service depends on, over several steps; rings end.
 */
static void test_needed_by_automatic_services(void **state)
{
    static const struct needed_case cases[] = {
        {"A", HM_SERVICE_AUTO_START,   false, {"B"},            HM_START_AUTOMATIC },
        {"B", HM_SERVICE_DEMAND_START, false, {"c", "missing"}, HM_START_DEPENDENCY},
        {"C", HM_SERVICE_DEMAND_START, false, {"A"},            HM_START_DEPENDENCY},
        {"D", HM_SERVICE_DEMAND_START, false, {"E"},            HM_START_MANUAL    },
        {"E", HM_SERVICE_DEMAND_START, false, {NULL},           HM_START_MANUAL    },
        {"F", HM_SERVICE_AUTO_START,   false, {"G", "H", "I"},  HM_START_AUTOMATIC },
        {"G", HM_SERVICE_DEMAND_START, false, {NULL},           HM_START_DEPENDENCY},
        {"H", HM_SERVICE_DISABLED,     false, {NULL},           HM_START_DISABLED  },
        {"I", HM_SERVICE_DEMAND_START, true,  {NULL},           HM_START_TRIGGERED },
        {"J", HM_SERVICE_AUTO_START,   true,  {"E"},            HM_START_TRIGGERED },
    };
    struct needed_case copies[HM_COUNT(cases)];
    struct hm_service_row at[HM_COUNT(cases)];
    struct hm_service_rows rows = {at, HM_COUNT(at)};

    (void)state;
    memset(at, 0, sizeof(at));
    memcpy(copies, cases, sizeof(copies));
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        at[i].name = cases[i].name;
        at[i].start = cases[i].start;
        at[i].triggered = cases[i].triggered;
        at[i].has_depends_on = true;
        at[i].depends_on.at = copies[i].depends_on;
        while (at[i].depends_on.count < 3 && copies[i].depends_on[at[i].depends_on.count] != NULL) {
            at[i].depends_on.count++;
        }
    }
    hm_service_rows_mark_needed(&rows);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        print_message("%s\n", cases[i].name);
        assert_int_equal(hm_service_start_of(&at[i]), cases[i].expected);
    }
}

static void test_program_of_a_path(void **state)
{
    static const struct path_case cases[] = {
        {"\"C:\\Program Files\\A b\\c d.exe\" -x \"y.exe\"", "c d.exe"         },
        {"C:\\Program Files\\A b\\c.exe /service",           "c.exe"           },
        {"C:\\Program Files\\A.exe.d\\c.EXE",                "c.EXE"           },
        {"\\??\\C:\\x\\y.exe",                               "y.exe"           },
        {"%SystemRoot%\\system32\\svchost -k rpcss",         "svchost.exe"     },
        {"  system32\\x.dll,entry",                          "x.dll,entry"     },
        {"a.exe",                                            "a.exe"           },
        {"c:/unix/style/java.exe\t-jar",                     "java.exe"        },
        {"\"C:\\never closed.exe",                           "never closed.exe"},
        {"",                                                 ""                },
        {"\"\"",                                             ""                },
        {"C:\\folder\\",                                     ""                },
    };
    struct hm_arena arena;
    char long_one[400];

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        assert_string_equal(hm_service_program(cases[i].image, &arena), cases[i].program);
    }
    memset(long_one, 'a', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    assert_string_equal(hm_service_program(long_one, &arena), "");
    assert_string_equal(hm_service_program(NULL, &arena), "");
    hm_arena_fini(&arena);
}

struct run_case {
    const char *name;
    bool has_runs;
    bool runs;
};

static void check_net_start(const char *reg, const char *list, size_t wanted_lines,
                            const struct run_case *cases, size_t count)
{
    struct hm_service_rows rows;
    struct hm_arena arena;
    struct hm_err err;
    size_t lines = 0;
    size_t len;
    char *text = read_fixture(list, &len);

    hm_arena_init(&arena, ARENA_BYTES);
    read_rows(reg, &arena, &rows);
    assert_int_equal(hm_net_start_apply(text, len, &rows, &lines, &err), HM_OK);
    assert_int_equal(lines, wanted_lines);
    for (size_t i = 0; i < count; i++) {
        const struct hm_service_row *row = hm_service_rows_find(&rows, cases[i].name);

        print_message("%s %s\n", list, cases[i].name);
        assert_int_equal(row->has_runs, cases[i].has_runs);
        assert_int_equal(row->runs, cases[i].runs);
    }
    free(text);
    hm_arena_fini(&arena);
}

static void test_net_start_by_the_shown_name(void **state)
{
    static const struct run_case german[] = {
        {"DNS",               true, true },
        {"lanmanworkstation", true, true },
        {"ProtectedStorage",  true, true }, /* "Geschützter Speicher" in the console's bytes */
        {"IAS",               true, false},
        {"EvDRClient",        true, false},
        {"NtLmSsp",           true, false},
    };
    static const struct run_case japanese[] = {
        {"Browser",  true,  true },
        {"DNS",      true,  true },
        {"Dhcp",     true,  false},
        {"IAS",      true,  false},
        {"Schedule", false, false}, /* two letters: which of two services
  is not known */
        {"NtLmSsp",  false, false},
    };

    (void)state;
    check_net_start("services-2000-de.reg", "net-start-de-cp850.txt", 6, german, HM_COUNT(german));
    check_net_start("services-2000-ja.reg", "net-start-ja-cp932.txt", 3, japanese,
                    HM_COUNT(japanese));
}

/* A list that fits nothing says nothing: not that everything is down. */
static void test_net_start_of_another_host(void **state)
{
    static const char text[] = "These Windows 2000 services are started:\r\n\r\n   Alerter\r\n";
    struct hm_service_rows rows;
    struct hm_arena arena;
    size_t lines = 7;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    read_rows("services-2000-de.reg", &arena, &rows);
    assert_int_equal(hm_net_start_apply(text, strlen(text), &rows, &lines, NULL), HM_OK);
    assert_int_equal(lines, 0);
    for (size_t i = 0; i < rows.count; i++) {
        assert_false(rows.at[i].has_runs);
    }
    hm_arena_fini(&arena);
}

static void test_cluster_resources(void **state)
{
    static const char *const wanted[] = {"MSSQLSERVER", "SQLSERVERAGENT", "MSSQL$ERP", "ErpGateway",
                                         "DHCPServer"};
    struct hm_arena arena;
    struct hm_strings names;
    struct hm_reg reg;
    struct hm_err err;
    size_t len;
    char *text = read_fixture("cluster-resources.reg", &len);

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_reg_parse(text, len, &arena, &reg, &err), HM_OK);
    free(text);
    assert_int_equal(hm_service_names_from_cluster(&reg, &arena, &names, &err), HM_OK);
    assert_int_equal(names.count, HM_COUNT(wanted));
    for (size_t i = 0; i < HM_COUNT(wanted); i++) {
        assert_string_equal(names.at[i], wanted[i]);
    }
    assert_string_equal(hm_service_of_resource("Network Name", "x", "y", &arena), "");
    assert_string_equal(hm_service_of_resource("SQL Server", NULL, NULL, &arena), "");
    assert_string_equal(hm_service_of_resource("Generic Service", NULL, NULL, &arena), "");
    assert_string_equal(hm_service_of_resource("SQL Server Agent", NULL, "ERP", &arena),
                        "SQLAgent$ERP");
    hm_arena_fini(&arena);
}

static void test_what_is_no_listing(void **state)
{
    static const char text[] = "ERROR: Access is denied.\r\n";
    struct hm_arena arena;
    struct hm_reg reg;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_reg_query_parse(text, strlen(text), &arena, &reg, &err), HM_EINVAL);
    assert_int_equal(hm_reg_query_parse("", 0, &arena, &reg, &err), HM_EINVAL);
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reg_query_in_every_language),
        cmocka_unit_test(test_reg_query_of_2003),
        cmocka_unit_test(test_export_of_2000),
        cmocka_unit_test(test_start_type),
        cmocka_unit_test(test_needed_by_automatic_services),
        cmocka_unit_test(test_program_of_a_path),
        cmocka_unit_test(test_net_start_by_the_shown_name),
        cmocka_unit_test(test_net_start_of_another_host),
        cmocka_unit_test(test_cluster_resources),
        cmocka_unit_test(test_what_is_no_listing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
