/* tests/unit/judge/test_moved.c — a proxy on the port of a server that was moved.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

/* A proxy has the port of the server behind it, which was moved. */
struct moved_case {
    const char *windows;  /* version; NULL Linux */
    const char *holder;   /* program and service */
    uint16_t first;       /* of the dynamic range */
    uint16_t moved;       /* where the server listens; 0 nowhere */
    const char *moved_by; /* the service that does */
    int second;           /* another instance: -1 none, 0 down, 1 runs, 2 not known, 3 runs on 5434,
                             4 on another node of a cluster */
    bool remembered;      /* the server had the port before */
    bool other_row;       /* the product must have a second port, too */
    const char *at;       /* the address where it listens; NULL all */
    uint16_t also;        /* it listens on IPv6 there, too; 0 nowhere. 5998: of an optional row */
    const char *ports;    /* of the verdict; NULL that of the catalogue */
    enum hm_verdict_state expected;
};

static void put_second(struct hm_build *build, int second)
{
    if (second >= 0) {
        hm_build_service(build, "postgresql@16-main");
    }
    if (second == 0 || second == 1 || second == 3) {
        (void)hm_build_service_runs(build, "postgresql@16-main", second != 0);
    }
    if (second == 3) {
        hm_build_listener(build, HM_TCP, HM_IPV4, 5434, "postgres", "postgresql@16-main",
                          HM_KIND_SOCKET);
    }
    if (second == 4) {
        hm_build_service_runs(build, "postgresql@16-main", false)->start = HM_START_CLUSTER;
    }
}

static void check_moved(const struct moved_case *test)
{
    struct hm_build build;
    struct hm_product *server;
    const struct hm_verdict *verdict;

    hm_build_init(&build, test->windows);
    hm_build_dynamic(&build, test->first, test->windows == NULL ? 60999 : 65535);
    server = hm_build_product(&build, "postgresql", "postgresql@*", "postgres");
    hm_build_require(&build, server, "server", HM_TCP, "5432", HM_KIND_SOCKET);
    if (test->other_row) {
        hm_build_require(&build, server, "second", HM_TCP, "5999", HM_KIND_SOCKET);
    }
    hm_build_require(&build, server, "extra", HM_TCP, "5998", HM_KIND_SOCKET)->optional = true;
    (void)hm_build_product(&build, "pgbouncer", "pgbouncer", "pgbouncer");
    (void)hm_build_product(&build, "app", "app", "app");
    hm_build_service(&build, test->holder);
    hm_build_service(&build, "postgresql@15-main");
    (void)hm_build_service_runs(&build, "postgresql@15-main", true);
    put_second(&build, test->second);
    if (test->remembered) {
        (void)hm_build_remember(&build, HM_TCP, 5432, "postgres", "postgresql@15-main",
                                HM_KIND_SOCKET, 3);
    }
    hm_build_listener(&build, HM_TCP, HM_IPV4, 5432, test->holder, test->holder, HM_KIND_SOCKET);
    if (test->moved != 0) {
        hm_build_listener(&build, HM_TCP, HM_IPV4, test->moved, "postgres", test->moved_by,
                          HM_KIND_SOCKET);
        if (test->at != NULL) {
            build.listeners[build.inventory.listeners.count - 1].address = test->at;
        }
    }
    if (test->also != 0) {
        hm_build_listener(&build, HM_TCP, HM_IPV6, test->also, "postgres", test->moved_by,
                          HM_KIND_SOCKET);
    }
    hm_build_judge(&build);
    verdict = hm_build_verdict(&build, "postgresql", "server");
    assert_string_equal(hm_verdict_state_names[verdict->state],
                        hm_verdict_state_names[test->expected]);
    assert_true(hm_ports_equal(verdict->ports,
                               hm_build_ports(&build, test->ports == NULL ? "5432" : test->ports)));
    hm_build_fini(&build);
}

static void test_moved_behind_a_proxy(void **state)
{
#define MOVED(first_, moved_, second_, ports_, expected_)                                          \
    {                                                                                              \
        .holder = "pgbouncer", .first = (first_), .moved = (moved_),                               \
        .moved_by = "postgresql@15-main", .second = (second_), .ports = (ports_),                  \
        .expected = (expected_)                                                                    \
    }
    static const struct moved_case cases[] = {
        MOVED(32768, 5433, -1, "5433", HM_SAFE),
        MOVED(32768, 5433, 3, "5433-5434", HM_SAFE),
        MOVED(32768, 5433, 1, NULL, HM_UNKNOWN), /* it runs, and is seen nowhere */
        MOVED(32768, 5433, 0, NULL, HM_BLOCKED),
        MOVED(32768, 5433, 2, NULL, HM_UNKNOWN),
        MOVED(32768, 0, -1, NULL, HM_BLOCKED),
        MOVED(32768, 45433, -1, NULL, HM_BLOCKED), /* it may have been given that one */
        MOVED(1024, 5433, -1, NULL, HM_BLOCKED),
    };
    static const char *const systems[] = {NULL, "10.0.20348"};

    (void)state;
    for (size_t i = 0; i < 2 * HM_COUNT(cases); i++) {
        struct moved_case test = cases[i % HM_COUNT(cases)];

        print_message("case %zu\n", i);
        test.windows = systems[i / HM_COUNT(cases)];
        check_moved(&test);
        test.first = test.windows != NULL && test.first == 32768 ? 40000 : test.first;
        check_moved(&test);
    }
}

/* What leaves it open whether the server was moved. */
static void test_perhaps_moved(void **state)
{
    static const struct moved_case moved = {
        .windows = "10.0.20348",
        .holder = "pgbouncer",
        .first = 40000,
        .moved = 5433,
        .moved_by = "postgresql@15-main",
        .second = -1,
        .expected = HM_UNKNOWN,
    };
    struct moved_case test = moved;

    (void)state;
    test.holder = "app"; /* no proxy: the server may have a second port of its own */
    check_moved(&test);
    test.windows = NULL;
    check_moved(&test);
    test = moved;
    test.remembered = true;
    check_moved(&test);
    test = moved;
    test.second = 4;
    check_moved(&test);
    test = moved;
    test.other_row = true; /* it listens on one port, and must have two */
    test.expected = HM_BLOCKED;
    check_moved(&test);
    test = moved;
    test.moved_by = ""; /* a process that the service has started */
    test.ports = "5433";
    test.expected = HM_SAFE;
    check_moved(&test);
    test.second = 1;
    test.ports = NULL;
    test.expected = HM_UNKNOWN;
    check_moved(&test);
    test = moved;
    test.moved_by = "bundled"; /* another product's copy of the server */
    test.expected = HM_BLOCKED;
    check_moved(&test);
}

/* What the proxy and the server must be, on both systems. */
static void test_front_ends(void **state)
{
    static const struct {
        const char *holder;
        uint16_t moved;
        const char *at;
        uint16_t also;
        const char *ports; /* that are safe; NULL: not known */
    } rows[] = {
        {"haproxy",       5433, NULL,         0,    "5433"     },
        {"pgbouncer",     5433, "10.0.0.5",   5433, "5433"     },
        {"pgbouncer",     5433, NULL,         5434, "5433-5434"},
        {"mysqlrouter",   5433, NULL,         0,    NULL       }, /* of other servers */
        {"pgbouncer.dll", 5433, NULL,         0,    NULL       },
        {"pgbouncer",     5433, "127.0.0.1",  0,    NULL       },
        {"pgbouncer",     5433, "127.0.53.1", 0,    NULL       },
        {"pgbouncer",     5433, NULL,         5998, NULL       }, /* a usual port of its own */
        {"app",           6010, "127.0.0.1",  0,    NULL       }, /* a forwarded port */
    };

    (void)state;
    for (size_t i = 0; i < 2 * HM_COUNT(rows); i++) {
        const size_t at = i / 2;
        const struct moved_case test = {
            .windows = i % 2 == 0 ? NULL : "10.0.20348",
            .holder = rows[at].holder,
            .first = 40000,
            .moved = rows[at].moved,
            .moved_by = "postgresql@15-main",
            .at = rows[at].at,
            .also = rows[at].also,
            .second = -1,
            .ports = rows[at].ports,
            .expected = rows[at].ports == NULL ? HM_UNKNOWN : HM_SAFE,
        };

        print_message("row %zu %s\n", at, rows[at].holder);
        check_moved(&test);
    }
}

/* It has the usual port on IPv6: a proxy on IPv4 is no sign that it was moved. */
static void test_other_family(void **state)
{
    static const char *const holders[] = {"app", "haproxy"};

    (void)state;
    for (size_t i = 0; i < 2 * HM_COUNT(holders); i++) {
        const char *holder = holders[i / 2];
        struct hm_build build;
        struct hm_product *server;

        hm_build_init(&build, i % 2 == 0 ? NULL : "10.0.20348");
        hm_build_dynamic(&build, 40000, 60999);
        server = hm_build_product(&build, "ssh", "ssh", "sshd");
        hm_build_require(&build, server, "server", HM_TCP, "22", HM_KIND_SOCKET);
        (void)hm_build_product(&build, "other", holder, holder);
        hm_build_service(&build, "ssh");
        (void)hm_build_service_runs(&build, "ssh", true);
        hm_build_service(&build, holder);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 22, holder, holder, HM_KIND_SOCKET);
        hm_build_listener(&build, HM_TCP, HM_IPV6, 22, "sshd", "ssh", HM_KIND_SOCKET);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 8080, "sshd", "ssh", HM_KIND_SOCKET);
        hm_build_judge(&build);
        assert_int_not_equal(hm_build_verdict(&build, "ssh", "server")->state, HM_SAFE);
        hm_build_fini(&build);
    }
}

/* It has another port that it must have (RabbitMQ's 25672), and one for metrics: so it may have
 * lost the one that somebody else has. */
static void test_other_part(void **state)
{
    static const char *const holders[] = {"app", "haproxy"};

    (void)state;
    for (size_t i = 0; i < 2 * HM_COUNT(holders); i++) {
        const char *holder = holders[i / 2];
        struct hm_build build;
        struct hm_product *server;

        hm_build_init(&build, i % 2 == 0 ? NULL : "10.0.20348");
        hm_build_dynamic(&build, 40000, 60999);
        server = hm_build_product(&build, "rabbitmq", "rabbitmq-server", "beam.smp");
        hm_build_require(&build, server, "amqp", HM_TCP, "5672", HM_KIND_SOCKET);
        hm_build_require(&build, server, "distribution", HM_TCP, "25672", HM_KIND_SOCKET);
        (void)hm_build_product(&build, "other", holder, holder);
        hm_build_service(&build, "rabbitmq-server");
        (void)hm_build_service_runs(&build, "rabbitmq-server", true);
        hm_build_service(&build, holder);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 5672, holder, holder, HM_KIND_SOCKET);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 15692, "beam.smp", "rabbitmq-server",
                          HM_KIND_SOCKET);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 25672, "beam.smp", "rabbitmq-server",
                          HM_KIND_SOCKET);
        hm_build_judge(&build);
        assert_int_not_equal(hm_build_verdict(&build, "rabbitmq", "amqp")->state, HM_SAFE);
        hm_build_fini(&build);
    }
}

/* It is down, and was seen on another port. */
struct elsewhere_case {
    uint16_t seen;
    uint32_t boots;
    bool had_it;        /* on the usual port, too */
    uint32_t exit_code; /* of its last run */
    enum hm_verdict_state expected;
};

static void check_elsewhere(const struct elsewhere_case *test)
{
    struct hm_build build;
    struct hm_product *server;
    struct hm_service *service;

    hm_build_init(&build, "10.0.20348");
    server = hm_build_product(&build, "mysql", "MySQL8*", "mysqld.exe");
    hm_build_require(&build, server, "server", HM_TCP, "3306", HM_KIND_SOCKET);
    (void)hm_build_product(&build, "other", "Foo", "foo.exe");
    service = hm_build_service_runs(&build, "MySQL80", false);
    service->start = HM_START_AUTOMATIC;
    service->exit_code = test->exit_code;
    (void)hm_build_remember(&build, HM_TCP, test->seen, "mysqld.exe", "MySQL80", HM_KIND_SOCKET,
                            test->boots);
    if (test->had_it) {
        (void)hm_build_remember(&build, HM_TCP, 3306, "mysqld.exe", "MySQL80", HM_KIND_SOCKET, 1);
    }
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3306, "foo.exe", "Foo", HM_KIND_SOCKET);
    hm_build_judge(&build);
    assert_int_equal(test->expected, hm_build_verdict(&build, "mysql", "server")->state);
    if (test->expected == HM_UNKNOWN) {
        assert_non_null(strstr(hm_build_verdict(&build, "mysql", "server")->text,
                               "was seen on another port only"));
    }
    hm_build_fini(&build);
}

static void test_down_and_seen_elsewhere(void **state)
{
    static const struct elsewhere_case cases[] = {
        {3307,  5, false, 1067,  HM_UNKNOWN},
        {3307,  1, false, 1067,  HM_BLOCKED}, /* once: a trial */
        {3307,  5, true,  1067,  HM_BLOCKED}, /* it had this one */
        {3307,  5, false, 10048, HM_BLOCKED}, /* it did not get a port */
        {53307, 5, false, 1067,  HM_BLOCKED}, /* the system may have given it */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        check_elsewhere(&cases[i]);
    }
}

/* It runs, was seen on another port alone for several boots, and somebody who is no proxy has the
 * usual one: it was moved, and the other port is judged. */
static void test_runs_and_seen_elsewhere(void **state)
{
    static const struct {
        uint16_t port;
        uint32_t boots;
        bool had_it;
        bool optional;
        bool settled;
    } cases[] = {
        {6380,  3, false, false, true },
        {6380,  2, false, false, false},
        {6380,  0, false, false, false}, /* no port book */
        {6380,  5, true,  false, false}, /* it had the usual one */
        {6380,  5, false, true,  false}, /* it may do without */
        {50380, 1, false, false, false}, /* it may have been given that one */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_verdict *verdict;
        struct hm_build build;
        struct hm_requirement *row;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.20348");
        row = hm_build_require(&build, hm_build_product(&build, "redis", "Redis", "redis.exe"),
                               "server", HM_TCP, "6379", HM_KIND_SOCKET);
        row->starts_without = cases[i].optional;
        (void)hm_build_service_runs(&build, "Redis", true);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 6379, "node.exe", "", HM_KIND_SOCKET);
        hm_build_listener(&build, HM_TCP, HM_IPV4, cases[i].port, "redis.exe", "Redis",
                          HM_KIND_SOCKET);
        if (cases[i].boots > 0) {
            (void)hm_build_remember(&build, HM_TCP, cases[i].port, "redis.exe", "Redis",
                                    HM_KIND_SOCKET, cases[i].boots);
        }
        if (cases[i].had_it) {
            (void)hm_build_remember(&build, HM_TCP, 6379, "redis.exe", "Redis", HM_KIND_SOCKET, 1);
        }
        hm_build_judge(&build);
        verdict = hm_build_verdict(&build, "redis", "server");
        assert_int_equal(cases[i].settled, verdict->state == HM_SAFE);
        assert_int_equal(cases[i].settled ? 6380 : 6379, verdict->ports.at[0].first);
        hm_build_fini(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_down_and_seen_elsewhere),
        cmocka_unit_test(test_runs_and_seen_elsewhere),
        cmocka_unit_test(test_moved_behind_a_proxy),
        cmocka_unit_test(test_perhaps_moved),
        cmocka_unit_test(test_front_ends),
        cmocka_unit_test(test_other_family),
        cmocka_unit_test(test_other_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
