/* tests/unit/judge/test_addresses.c — settings that name one address, and strangers on others.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

static void hold(struct hm_build *build, enum hm_family family, const char *address, uint16_t port,
                 const char *program, const char *service)
{
    struct hm_listeners *listeners = &build->inventory.listeners;

    hm_build_listener(build, HM_TCP, family, port, program, service, HM_KIND_SOCKET);
    listeners->at[listeners->count - 1].address = address;
    hm_build_socket(build, HM_TCP, family, HM_SOCKET_LISTEN, port, program, service)->address =
        address;
}

static void set_up(struct hm_build *build, enum hm_configured_by by, const char *service,
                   enum hm_families families, const char *address, uint16_t port)
{
    struct hm_configured *row;

    hm_build_configured(build, HM_TCP, port,
                        by == HM_BY_PUBLISHED_PORT ? HM_KIND_CONTAINER : HM_KIND_SOCKET, by, "x");
    row = &build->inventory.configured.at[build->inventory.configured.count - 1];
    row->service = service;
    row->families = families;
    row->address = address;
}

/* Only who has the address itself, or all of its family, is in the way. */
static void test_socket_units_and_containers(void **state)
{
    static const struct {
        enum hm_families families;
        const char *address;
        enum hm_family held;
        const char *held_on;
        enum hm_verdict_state expected;
    } cases[] = {
        {HM_FAMILIES_IPV4, "10.0.0.5", HM_IPV4, "10.0.0.5",  HM_BLOCKED},
        {HM_FAMILIES_IPV4, "10.0.0.5", HM_IPV4, "0.0.0.0",   HM_BLOCKED},
        {HM_FAMILIES_IPV4, "10.0.0.5", HM_IPV4, "",          HM_BLOCKED},
        {HM_FAMILIES_IPV4, "10.0.0.5", HM_IPV4, "10.0.0.6",  HM_SAFE   },
        {HM_FAMILIES_IPV4, "10.0.0.5", HM_IPV4, "127.0.0.1", HM_SAFE   },
        {HM_FAMILIES_IPV4, "10.0.0.5", HM_IPV6, "::",        HM_SAFE   },
        {HM_FAMILIES_IPV6, "fe80::1",  HM_IPV6, "FE80::1%2", HM_BLOCKED},
        {HM_FAMILIES_IPV6, "fe80::1",  HM_IPV6, "::1",       HM_SAFE   },
        {HM_FAMILIES_BOTH, NULL,       HM_IPV4, "127.0.0.1", HM_BLOCKED}, /* an old report */
        {HM_FAMILIES_BOTH, "",         HM_IPV4, "127.0.0.1", HM_BLOCKED},
    };
    static const enum hm_configured_by by[] = {HM_BY_SOCKET_UNIT, HM_BY_PUBLISHED_PORT};

    (void)state;
    for (size_t i = 0; i < 2 * HM_COUNT(cases); i++) {
        const size_t at = i / 2;
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 32768, 60999);
        build.has_sockets = true;
        hm_build_service(&build, "app");
        set_up(&build, by[i % 2], "app", cases[at].families, cases[at].address, 7001);
        hold(&build, cases[at].held, cases[at].held_on, 7001, "nc", "");
        assert_int_equal(1, hm_build_judge(&build)->verdicts.count);
        if (by[i % 2] == HM_BY_PUBLISHED_PORT && cases[at].expected == HM_BLOCKED) {
            /* of an engine that runs it may be a part */
            assert_int_equal(HM_UNKNOWN, build.judgement.verdicts.at[0].state);
        } else {
            assert_int_equal(cases[at].expected, build.judgement.verdicts.at[0].state);
        }
        hm_build_fini(&build);
    }
}

/* One unit with two addresses is one requirement; two units are two. */
static void test_several_addresses(void **state)
{
    static const char *const taken[] = {"127.0.0.1", "10.0.0.5", "10.0.0.6"};

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        const bool two = i % 2 != 0;
        struct hm_build build;

        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 32768, 60999);
        build.has_sockets = true;
        set_up(&build, HM_BY_SOCKET_UNIT, "a", HM_FAMILIES_IPV4, "10.0.0.5", 40001);
        set_up(&build, HM_BY_SOCKET_UNIT, two ? "b" : "a", HM_FAMILIES_IPV4, "10.0.0.6", 40001);
        hold(&build, HM_IPV4, taken[i / 2], 40001, "nc", "");
        if (i / 2 != 2) {
            hold(&build, HM_IPV4, "10.0.0.6", 40001, "systemd", two ? "b" : "a");
        }
        assert_int_equal(two ? 2 : 1, hm_build_judge(&build)->verdicts.count);
        assert_int_equal(i / 2 == 0 ? HM_EXPOSED : HM_BLOCKED,
                         build.judgement.verdicts.at[0].state);
        hm_build_fini(&build);
    }
}

/* An exclusion or a range has no address. */
static void test_range_and_exclusions(void **state)
{
    struct hm_build build;

    (void)state;
    hm_build_init(&build, NULL);
    hm_build_dynamic(&build, 32768, 60999);
    set_up(&build, HM_BY_SOCKET_UNIT, "app", HM_FAMILIES_IPV4, "10.0.0.5", 40001);
    assert_int_equal(HM_EXPOSED, hm_build_judge(&build)->verdicts.at[0].state);
    hm_build_fini(&build);

    hm_build_init(&build, NULL);
    hm_build_dynamic(&build, 32768, 60999);
    hm_build_exclude(&build, HM_TCP, HM_IPV4, "40001");
    set_up(&build, HM_BY_SOCKET_UNIT, "app", HM_FAMILIES_IPV4, "10.0.0.5", 40001);
    assert_int_equal(HM_SAFE, hm_build_judge(&build)->verdicts.at[0].state);
    hm_build_fini(&build);
}

/* SQL Server of Windows Server 2022 that is down; its ports are those of its registry. */
static void start_sql_server(struct hm_build *build)
{
    struct hm_requirement *row;

    hm_build_init(build, "10.0.20348");
    row = hm_build_require(build,
                           hm_build_product(build, "sql-server", "MSSQLSERVER", "sqlservr.exe"),
                           "engine", HM_TCP, "1433", HM_KIND_SOCKET);
    row->detect.services = hm_build_names(build, "MSSQLSERVER");
    row->has_port_from = true;
    row->port_from = HM_BY_SQL_PORT;
    hm_build_service_runs(build, "MSSQLSERVER", false)->start = HM_START_AUTOMATIC;
}

/* SQL Server with ListenOnAllIPs 0 is down, and another program has its port somewhere. */
static void test_sql_server(void **state)
{
    static const struct {
        const char *address; /* of the second row; NULL: there is none */
        const char *held_on;
        enum hm_verdict_state expected;
    } cases[] = {
        {NULL,        "127.0.0.1", HM_SAFE   },
        {NULL,        "10.0.0.5",  HM_BLOCKED},
        {NULL,        "0.0.0.0",   HM_BLOCKED},
        {"127.0.0.1", "127.0.0.1", HM_BLOCKED},
        {"127.0.0.1", "10.0.0.6",  HM_SAFE   },
        {"",          "10.0.0.6",  HM_BLOCKED},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;

        print_message("case %zu\n", i);
        start_sql_server(&build);
        set_up(&build, HM_BY_SQL_PORT, "MSSQLSERVER", HM_FAMILIES_IPV4, "10.0.0.5", 1433);
        if (cases[i].address != NULL) {
            set_up(&build, HM_BY_SQL_PORT, "MSSQLSERVER", HM_FAMILIES_IPV4, cases[i].address, 1433);
        }
        hold(&build, HM_IPV4, cases[i].held_on, 1433, "other.exe", "Other");
        hm_build_judge(&build);
        assert_int_equal(cases[i].expected,
                         hm_build_verdict(&build, "sql-server", "engine")->state);
        hm_build_fini(&build);
    }
}

/* Where it has addresses of one family alone, nothing is missing in the other one. */
static void test_sql_server_in_one_family(void **state)
{
    static const struct {
        enum hm_families families; /* of the second row */
        const char *address;       /* NULL: there is none */
        const char *excluded;      /* of IPv4 */
        enum hm_verdict_state expected;
        size_t in;
    } cases[] = {
        {HM_FAMILIES_IPV4, NULL,        "",      HM_EXPOSED, 1},
        {HM_FAMILIES_IPV4, NULL,        "50433", HM_SAFE,    1},
        {HM_FAMILIES_IPV4, "127.0.0.1", "50433", HM_SAFE,    1},
        {HM_FAMILIES_IPV6, "fd00::5",   "",      HM_EXPOSED, 2},
        {HM_FAMILIES_IPV6, "fd00::5",   "50433", HM_EXPOSED, 1},
        {HM_FAMILIES_BOTH, "",          "",      HM_EXPOSED, 2},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_verdict *verdict;
        struct hm_build build;

        print_message("case %zu\n", i);
        start_sql_server(&build);
        set_up(&build, HM_BY_SQL_PORT, "MSSQLSERVER", HM_FAMILIES_IPV4, "10.0.0.5", 50433);
        if (cases[i].address != NULL) {
            set_up(&build, HM_BY_SQL_PORT, "MSSQLSERVER", cases[i].families, cases[i].address,
                   50433);
        }
        if (cases[i].excluded[0] != '\0') {
            hm_build_exclude(&build, HM_TCP, HM_IPV4, cases[i].excluded);
        }
        hm_build_judge(&build);
        verdict = hm_build_verdict(&build, "sql-server", "engine");
        assert_int_equal(cases[i].expected, verdict->state);
        assert_int_equal(cases[i].in, verdict->families.count);
        hm_build_fini(&build);
    }
}

/* Each port of an instance has addresses, and families, of its own. */
static void test_sql_server_with_two_ports(void **state)
{
    static const struct {
        bool mixed; /* 50433 of an IPv6 address, in place of 1533 of another IPv4 address */
        const char *excluded; /* of IPv6 */
        enum hm_family held;
        const char *held_on; /* NULL: nobody is there */
        uint16_t held_port;
        enum hm_verdict_state expected;
        size_t in;
    } cases[] = {
        {false, "",      HM_IPV4, "10.0.0.5", 1533,  HM_SAFE,    1},
        {false, "",      HM_IPV4, "10.0.0.6", 1433,  HM_SAFE,    1},
        {false, "",      HM_IPV4, "10.0.0.5", 1433,  HM_BLOCKED, 1},
        {false, "",      HM_IPV4, "10.0.0.6", 1533,  HM_BLOCKED, 1},
        {false, "",      HM_IPV4, "0.0.0.0",  1533,  HM_BLOCKED, 1},
        {false, "",      HM_IPV6, "::",       1533,  HM_SAFE,    1},
        {true,  "50433", HM_IPV4, NULL,       0,     HM_SAFE,    2},
        {true,  "",      HM_IPV4, NULL,       0,     HM_EXPOSED, 1},
        {true,  "50433", HM_IPV4, "0.0.0.0",  50433, HM_SAFE,    2},
        {true,  "50433", HM_IPV6, "::",       1433,  HM_SAFE,    2},
        {true,  "50433", HM_IPV6, "fd00::5",  50433, HM_BLOCKED, 1},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_verdict *verdict;
        struct hm_build build;

        print_message("case %zu\n", i);
        start_sql_server(&build);
        set_up(&build, HM_BY_SQL_PORT, "MSSQLSERVER", HM_FAMILIES_IPV4, "10.0.0.5", 1433);
        set_up(&build, HM_BY_SQL_PORT, "MSSQLSERVER",
               cases[i].mixed ? HM_FAMILIES_IPV6 : HM_FAMILIES_IPV4,
               cases[i].mixed ? "fd00::5" : "10.0.0.6", cases[i].mixed ? 50433 : 1533);
        if (cases[i].excluded[0] != '\0') {
            hm_build_exclude(&build, HM_TCP, HM_IPV6, cases[i].excluded);
        }
        if (cases[i].held_on != NULL) {
            hold(&build, cases[i].held, cases[i].held_on, cases[i].held_port, "other.exe", "Other");
        }
        hm_build_judge(&build);
        verdict = hm_build_verdict(&build, "sql-server", "engine");
        assert_int_equal(cases[i].expected, verdict->state);
        assert_int_equal(cases[i].in, verdict->families.count);
        hm_build_fini(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_socket_units_and_containers),
        cmocka_unit_test(test_several_addresses),
        cmocka_unit_test(test_range_and_exclusions),
        cmocka_unit_test(test_sql_server),
        cmocka_unit_test(test_sql_server_in_one_family),
        cmocka_unit_test(test_sql_server_with_two_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
