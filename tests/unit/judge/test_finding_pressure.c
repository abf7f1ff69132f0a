/* tests/unit/judge/test_finding_pressure.c — findings about the DNS Server's pool and about ports
 * running out. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/finding_checks.h"

#define ADD(family, port)                                                                          \
    "netsh int " family " add excludedportrange protocol=udp startport=" port                      \
    " numberofports=1 store=persistent"

static void test_dns_pool(void **state)
{
    struct hm_build *build = new_build(W2012R2);
    const struct hm_finding *finding;

    (void)state;
    require(build, HM_UDP, "50000,50002", HM_KIND_SOCKET);
    must_miss(build, "dns_pool_overlap"); /* no DNS Server */
    hm_build_service(build, "DNS");
    finding =
        must_find(build, "dns_pool_overlap", "dns socket pool",
                  COMMANDS("dnscmd /Config /SocketPoolExcludedPortRanges 50000-50000 "
                           "50002-50002",
                           "net stop DNS", ADD("ipv4", "50000"), ADD("ipv4", "50002"),
                           ADD("ipv6", "50000"), ADD("ipv6", "50002"), "net start DNS", NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_HIGH);
    assert_string_equal(hm_build_evidence(finding, "pool_size"), "2500");
    build->inventory.registry.has_dns_socket_pool = true;
    build->inventory.registry.dns_socket_pool =
        (struct hm_dns_pool){5000, hm_build_ports(build, "50000,60000")};
    must_find(build, "dns_pool_overlap", "dns socket pool",
              COMMANDS("dnscmd /Config /SocketPoolExcludedPortRanges 50000-50000 50002-50002 "
                       "60000-60000",
                       "net stop DNS", ADD("ipv4", "50000"), ADD("ipv4", "50002"),
                       ADD("ipv6", "50000"), ADD("ipv6", "50002"), "net start DNS", NULL));
    build->inventory.registry.dns_socket_pool.excluded = hm_build_ports(build, "50000-50002");
    must_miss(build, "dns_pool_overlap");
    free_build(build);
}

static void test_dns_pool_legacy(void **state)
{
    struct hm_build *build = new_build(W2003);

    (void)state;
    hm_build_service(build, "DNS");
    require(build, HM_UDP, "1812-1813", HM_KIND_SOCKET);
    hm_build_reserved(build, "1645-1646");
    assert_true(must_find(build, "dns_pool_overlap", "dns socket pool",
                          COMMANDS("reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\"
                                   "Parameters /v ReservedPorts /t REG_MULTI_SZ /d "
                                   "\"1645-1646\\01812-1813\" /f",
                                   NULL))
                    ->needs_reboot);
    free_build(build);
}

static void test_dns_pool_2008(void **state)
{
    struct hm_build *build = new_build(W2008);

    (void)state;
    hm_build_service(build, "DNS");
    require(build, HM_UDP, "50000", HM_KIND_SOCKET);
    hm_build_exclude(build, HM_UDP, HM_IPV6, "50000");
    must_find(build, "dns_pool_overlap", "dns socket pool",
              COMMANDS("net stop DNS",
                       "netsh int ipv4 add excludedportrange protocol=udp startport=50000 "
                       "numberofports=1 store=persistent",
                       "net start DNS", NULL));
    free_build(build);
}

static void test_low_headroom(void **state)
{
    static const struct {
        const char *version;
        uint32_t in_use;
        bool fires;
        enum hm_severity severity;
        const char *command;
    } cases[] = {
        {W2019,   749, false, HM_SEVERITY_INFO,   NULL               },
        {W2019,   750, true,  HM_SEVERITY_MEDIUM, "\"netstat -anoq\""},
        {W2008R2, 899, true,  HM_SEVERITY_MEDIUM, "\"netstat -ano\"" },
        {W2019,   900, true,  HM_SEVERITY_HIGH,   "\"netstat -anoq\""},
        {NULL,    900, true,  HM_SEVERITY_HIGH,   "\"ss -tuanp\""    },
        {W2003,   900, true,  HM_SEVERITY_HIGH,   "\"netstat -ano\"" },
        {W2000,   900, true,  HM_SEVERITY_HIGH,   "\"netstat -an\""  }, /* it cannot tell more */
        {W2003,   900, true,  HM_SEVERITY_HIGH,
         "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters /v MaxUserPort /t "
         "REG_DWORD /d 65534 /f"                                     },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(cases[i].version);
        const struct hm_finding *finding;

        hm_build_sample(build, HM_TCP, HM_IPV4, 1000, cases[i].in_use);
        hm_build_sample(build, HM_UDP, HM_IPV4, 1000, 10);
        hm_build_judge(build);
        finding = hm_build_finding(build, "low_headroom", "tcp dynamic range");
        assert_int_equal(finding != NULL, cases[i].fires);
        assert_int_equal(hm_build_count_kind(build, "low_headroom"), cases[i].fires);
        if (finding != NULL) {
            assert_int_equal(finding->severity, cases[i].severity);
            assert_true(hm_build_command(finding, cases[i].command) >= 0 ||
                        strstr(finding->remedy, cases[i].command) != NULL);
            assert_true(finding->counts);
        }
        free_build(build);
    }
}

#define LARGER                                                                                     \
    "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters /v MaxUserPort /t "      \
    "REG_DWORD /d 65534 /f"
#define SHORTER                                                                                    \
    "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters /v TcpTimedWaitDelay "   \
    "/t "                                                                                          \
    "REG_DWORD /d 60 /f"

/* On 2003: nothing that is written already, no longer TIME_WAIT, and none of it for UDP. */
static void test_low_headroom_2003(void **state)
{
    static const struct {
        uint32_t max_user_port; /* 0: not set */
        uint32_t delay_s;       /* likewise */
        enum hm_in_force in_force;
        bool larger;
        bool shorter;
        bool needs_reboot;
        const char *word; /* of the remedy */
    } rows[] = {
        {0,     0,   HM_IN_FORCE_WRITTEN, true,  true,  true,  "and a shorter TIME_WAIT"          },
        {60000, 240, HM_IN_FORCE_WRITTEN, true,  true,  true,  "and a shorter TIME_WAIT"          },
        {65535, 29,  HM_IN_FORCE_WRITTEN, true,  true,  true,  "and a shorter TIME_WAIT"          },
        {65534, 61,  HM_IN_FORCE_WRITTEN, false, true,  true,  "as high as it can be; a shorter"  },
        {5000,  60,  HM_IN_FORCE_WRITTEN, true,  false, true,  "usual cure is a larger range, wit"},
        {65534, 30,  HM_IN_FORCE_WRITTEN, false, false, false, "only that program"                },
        {65534, 60,  HM_IN_FORCE_ASSUMED, false, false, false, "only that program"                },
        {65534, 60,  HM_IN_FORCE_EARLIER, false, false, true,  "written already"                  },
        {65534, 60,  HM_IN_FORCE_UNKNOWN, false, false, true,  "written already"                  },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_build *build = new_build(W2003);
        struct hm_registry *registry = &build->inventory.registry;
        const struct hm_finding *finding;

        hm_build_sample(build, HM_TCP, HM_IPV4, 1000, 950);
        hm_build_sample(build, HM_UDP, HM_IPV4, 1000, 950);
        registry->has_max_user_port = rows[i].max_user_port != 0;
        registry->max_user_port = rows[i].max_user_port;
        registry->has_tcp_timed_wait_delay_s = rows[i].delay_s != 0;
        registry->tcp_timed_wait_delay_s = rows[i].delay_s;
        registry->in_force = rows[i].in_force;
        hm_build_judge(build);
        finding = hm_build_finding(build, "low_headroom", "tcp dynamic range");
        assert_non_null(finding);
        assert_int_equal(hm_build_command(finding, LARGER) >= 0, rows[i].larger);
        assert_int_equal(hm_build_command(finding, SHORTER) >= 0, rows[i].shorter);
        assert_int_equal(finding->needs_reboot, rows[i].needs_reboot);
        assert_non_null(strstr(finding->remedy, rows[i].word));
        finding = hm_build_finding(build, "low_headroom", "udp dynamic range");
        assert_non_null(finding);
        assert_int_equal(hm_build_command(finding, LARGER) >= 0, rows[i].larger);
        assert_int_equal(hm_build_command(finding, SHORTER), -1);
        free_build(build);
    }
}

/* Few ports are few, whatever their share; and a range that somebody made small is the cause. */
static void test_low_headroom_of_few(void **state)
{
    static const struct {
        uint32_t usable, in_use;
        struct hm_range range; /* of the host; 0: the system's own */
        enum hm_severity severity;
        const char *text;
        const char *remedy;
    } rows[] = {
        {100, 85,  {60000, 60099}, HM_SEVERITY_HIGH, "Only 15 usable tcp ports",  "set it back"         },
        {100, 99,  {60000, 60099}, HM_SEVERITY_HIGH, "Only 1 usable tcp port of", "set it back"         },
        {300, 265, {60000, 60299}, HM_SEVERITY_HIGH, "Only 35 usable tcp ports",  "netstat"             },
        {100, 20,  {0, 0},         HM_SEVERITY_INFO, NULL,                        NULL                  },
        {63,  0,   {0, 0},         HM_SEVERITY_HIGH, "Only 63 usable",            "delete those that no"},
        {0,   0,   {0, 0},         HM_SEVERITY_HIGH, "No usable tcp port",        "Exclusions cover"    },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_build *build = new_build(W2019);
        const struct hm_finding *finding;

        hm_build_sample(build, HM_TCP, HM_IPV4, rows[i].usable, rows[i].in_use);
        if (rows[i].range.first != 0) {
            hm_build_dynamic(build, rows[i].range.first, rows[i].range.last);
        }
        hm_build_judge(build);
        finding = hm_build_finding(build, "low_headroom", "tcp dynamic range");
        assert_int_equal(finding != NULL, rows[i].text != NULL);
        if (finding != NULL) {
            assert_int_equal(finding->severity, rows[i].severity);
            assert_non_null(strstr(finding->text, rows[i].text));
            assert_non_null(strstr(finding->remedy, rows[i].remedy));
        }
        free_build(build);
    }
}

/* Exhaustion names who holds the ports, most first; TIME_WAIT has no owner. */
static void test_holder_is_named(void **state)
{
    static const struct {
        unsigned leaker, other, time_wait;
        const char *first, *second;
        const char *text;
    } cases[] = {
        {60, 4,  2,  "leak.exe (service Leak): 60 ports", "other.exe: 4 ports",
         "Most of them (60) are held by leak.exe (service Leak)."   },
        {30, 29, 2,  "leak.exe (service Leak): 30 ports", "other.exe: 29 ports",
         "The largest part (30) is held by leak.exe (service Leak)."},
        {1,  0,  0,  "leak.exe (service Leak): 1 port",   NULL,
         "The largest part (1) is held by leak.exe (service Leak)." },
        {3,  0,  60, "TIME_WAIT: 60 ports",               "leak.exe (service Leak): 3 ports",
         "Most of them (60) wait in TIME_WAIT"                      },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(W2019);
        const struct hm_finding *finding;
        uint16_t port = 50000;

        hm_build_sample(build, HM_TCP, HM_IPV4, 100, 95);
        build->sample.has_events = true;
        build->sample.event_4231 = 1;
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 80, "outside.exe", "");
        for (unsigned n = 0; n < cases[i].leaker; n++, port++) {
            hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, port, "leak.exe",
                            "Leak");
            hm_build_socket(build, HM_TCP, HM_IPV6, HM_SOCKET_ESTABLISHED, port, "leak.exe",
                            "Leak");
        }
        for (unsigned n = 0; n < cases[i].other; n++, port++) {
            hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, port, "other.exe", "");
        }
        for (unsigned n = 0; n < cases[i].time_wait; n++, port++) {
            hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_TIME_WAIT, port, "", "");
        }
        hm_build_judge(build);
        finding = hm_build_finding(build, "low_headroom", "tcp dynamic range");
        assert_non_null(finding);
        assert_string_equal(hm_build_evidence(finding, "holder"), cases[i].first);
        assert_non_null(strstr(finding->text, cases[i].text));
        if (cases[i].second != NULL) {
            assert_string_equal(finding->evidence.at[1].value, cases[i].second);
        }
        finding = hm_build_finding(build, "exhaustion_events", "tcp ports exhausted");
        assert_non_null(finding);
        assert_non_null(strstr(finding->text, cases[i].text));
        free_build(build);
    }
}

static void test_few_free_blocks(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_sample_stack *row = hm_build_sample(build, HM_UDP, HM_IPV4, 16384, 2500);

    (void)state;
    row->free_blocks = 11;
    must_miss(build, "few_free_blocks");
    row->free_blocks = 10;
    assert_int_equal(
        must_find(build, "few_free_blocks", "udp free blocks", COMMANDS(NULL))->severity,
        HM_SEVERITY_LOW);
    build->inventory.registry.has_hns = true;
    hm_build_judge(build);
    assert_int_equal(hm_build_finding(build, "few_free_blocks", NULL)->severity,
                     HM_SEVERITY_MEDIUM);
    build->inventory.os.version = W2003;
    build->inventory.stacks.count = 1;
    must_miss(build, "few_free_blocks");
    free_build(build);
}

static void test_events(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    build->has_sample = true;
    build->sample.has_events = true;
    must_miss(build, "exhaustion_events");
    build->sample.event_4231 = 3;
    finding = must_find(build, "exhaustion_events", "tcp ports exhausted", COMMANDS(NULL));
    assert_non_null(strstr(finding->remedy, "netstat -anoq"));
    assert_int_equal(finding->severity, HM_SEVERITY_HIGH);
    assert_string_equal(hm_build_evidence(finding, "event_4231"), "3");
    assert_int_equal(hm_build_count_kind(build, "exhaustion_events"), 1);
    build->sample.event_4266 = 1;
    build->sample.event_4227 = 9;
    hm_build_judge(build);
    assert_int_equal(hm_build_count_kind(build, "exhaustion_events"), 3);
    assert_int_equal(hm_build_finding(build, "exhaustion_events", "tcp port reuse")->severity,
                     HM_SEVERITY_MEDIUM);
    assert_non_null(hm_build_finding(build, "exhaustion_events", "udp ports exhausted"));
    build->sample.has_events = false;
    must_miss(build, "exhaustion_events");
    free_build(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dns_pool),
        cmocka_unit_test(test_dns_pool_legacy),
        cmocka_unit_test(test_low_headroom_2003),
        cmocka_unit_test(test_dns_pool_2008),
        cmocka_unit_test(test_low_headroom),
        cmocka_unit_test(test_low_headroom_of_few),
        cmocka_unit_test(test_holder_is_named),
        cmocka_unit_test(test_few_free_blocks),
        cmocka_unit_test(test_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
