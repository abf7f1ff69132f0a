/* tests/unit/agent/test_recorded_partial.c — files that are visibly not whole: what is there
 * counts, and the host is not called safe. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "tests/support/inventory_builder.h"
#include "tests/support/recorded_folder.h"

#define HOST                                                                                       \
    "{\"os\":{\"family\":\"windows\",\"name\":\"Windows Server 2019 Standard\",\"version\":"       \
    "\"10.0.17763\",\"arch\":\"x86_64\"},\"services\":[\"Own\"]}"
#define HEADING                                                                                    \
    "\r\nActive Connections\r\n\r\n"                                                               \
    "  Proto  Local Address          Foreign Address        State           PID\r\n"
#define JAPANESE                                                                                   \
    "\r\n\xe3\x82\xa2\xe3\x82\xaf\r\n\r\n  "                                                       \
    "\xe3\x83\x97\xe3\x83\xad  \xe3\x83\xad\xe3\x83\xbc \xe3\x82\xa2\xe3\x83\x89  "                \
    "\xe5\xa4\x96\r\n"
#define TCP4 "  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       900\r\n"
#define TCP6 "  TCP    [::]:135               [::]:0                 LISTENING       900\r\n"
#define UDP4 "  UDP    0.0.0.0:123            *:*                                    1012\r\n"
#define UDP6 "  UDP    [::]:123               *:*                                    1012\r\n"

static void observe(struct recorded_folder *host, const char *netstat)
{
    recorded_folder_init(host);
    recorded_folder_puts(host, "host.json", HOST);
    recorded_folder_puts(host, "netstat.txt", netstat);
    recorded_folder_must_observe(host);
}

struct part_case {
    const char *netstat;
    bool partial;
    const char *says; /* NULL: nothing is missing */
};

static const struct part_case parts[] = {
    {HEADING TCP4 TCP6 UDP4 UDP6,                 false, NULL            },
    {HEADING TCP4 UDP4,                           false, NULL            }, /* IPv6 may be switched off */
    {JAPANESE TCP4 UDP4,                          false, NULL            },
    {TCP4 TCP6,                                   true,  "no heading"    }, /* findstr LISTENING */
    {TCP4 TCP6 UDP4 UDP6,                         true,  "no heading"    }, /* find ":" */
    {"C:\\>netstat -ano | find \"135\"\r\n" TCP4, true,  "no heading"    }, /* copied with its command */
    {HEADING TCP6 UDP6,                           true,  "no row of IPv4"}, /* -p tcpv6 and udpv6 */
    {HEADING TCP6,                                true,  "no row of IPv4"},
    {HEADING TCP4 TCP6,                           false, "no row of UDP" }, /* -p tcp, or cut at the end of a row */
    {HEADING UDP4 UDP6,                           false, "no row of TCP" },
};

static void test_what_is_missing_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(parts); i++) {
        struct recorded_folder host;
        const char *const says[] = {"netstat.txt has ", parts[i].says, "collect.cmd", NULL};
        const char *const anything[] = {"netstat.txt has ", NULL};

        observe(&host, parts[i].netstat);
        print_message("%zu\n", i);
        assert_true(host.seen.has_sockets && host.seen.inventory.has_listeners);
        assert_int_equal(host.seen.inventory.listeners_partial, parts[i].partial);
        assert_int_equal(recorded_folder_is_unknown(&host, parts[i].says == NULL ? anything : says),
                         parts[i].says != NULL);
        recorded_folder_fini(&host);
    }
}

static struct hm_build *new_build(enum hm_protocol protocol, enum hm_listener_kind kind)
{
    struct hm_build *build = malloc(sizeof(*build));

    assert_non_null(build);
    hm_build_init(build, "10.0.17763");
    hm_build_dynamic(build, 49152, 65535);
    (void)hm_build_require(build, hm_build_product(build, "product", "Own", NULL), "port", protocol,
                           "5985", kind);
    hm_build_service(build, "Own");
    return build;
}

static void free_build(struct hm_build *build)
{
    hm_build_fini(build);
    free(build);
}

/* A protocol of which no row is there is missed when a requirement uses it, unless its service is
 * known to run. */
static void test_missing_rows_are_not_safe(void **state)
{
    static const struct {
        bool is_known, runs;
        bool misses;
    } services[] = {
        {false, false, true },
        {true,  false, true },
        {true,  true,  false},
    };

    (void)state;
    for (unsigned at = 0; at < 4 * HM_COUNT(services); at++) {
        const enum hm_protocol wanted = (enum hm_protocol)(at % 2);
        const enum hm_protocol there = (enum hm_protocol)(at / 2 % 2);
        const bool misses = services[at / 4].misses && wanted != there;
        struct hm_build *build = new_build(wanted, HM_KIND_SOCKET);
        const struct hm_judgement *judgement;

        if (services[at / 4].is_known) {
            hm_build_service_runs(build, "Own", services[at / 4].runs)->start = HM_START_AUTOMATIC;
        }
        build->inventory.has_listeners = true;
        (void)hm_build_socket(build, there, HM_IPV4, HM_SOCKET_LISTEN, 123, "svchost.exe", "");
        judgement = hm_build_judge(build);
        assert_int_equal(judgement->lacks_rows[wanted], misses);
        assert_int_equal(judgement->incomplete, misses);
        free_build(build);
    }
}

static void test_a_partial_list_is_not_safe(void **state)
{
    struct hm_build *build = new_build(HM_TCP, HM_KIND_SOCKET);

    (void)state;
    build->inventory.has_listeners = true;
    assert_true(hm_judgement_is_safe(hm_build_judge(build)));
    build->inventory.listeners_partial = true;
    assert_false(hm_judgement_is_safe(hm_build_judge(build)));
    assert_true(build->judgement.incomplete);
    free_build(build);
}

/* A single row of a port of HTTP.sys may be its own while the row of its listener is missing:
 * neither a conflict nor safe. A block of WinNAT is one, and so is any row when the list is whole.
 */
static void test_own_row_without_its_listener(void **state)
{
    static const struct {
        const char *row;
        bool partial;
        enum hm_listener_kind kind;
        enum hm_verdict_state state;
    } cases[] = {
        {"5985",      true,  HM_KIND_HTTPSYS, HM_UNKNOWN},
        {"5985",      false, HM_KIND_HTTPSYS, HM_BLOCKED},
        {"5985",      true,  HM_KIND_SOCKET,  HM_BLOCKED},
        {"5900-5999", true,  HM_KIND_HTTPSYS, HM_BLOCKED},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(HM_TCP, cases[i].kind);

        hm_build_runtime(build, HM_TCP, HM_IPV4, cases[i].row);
        hm_build_runtime(build, HM_TCP, HM_IPV6, cases[i].row);
        build->inventory.has_listeners = true;
        build->inventory.listeners_partial = cases[i].partial;
        if (hm_build_judge(build)->verdicts.at[0].state != cases[i].state) {
            fail_msg("row %zu: %s", i, build->judgement.verdicts.at[0].text);
        }
        free_build(build);
    }
}

#define LABELS                                                                                     \
    "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n"               \
    "----------    --------      \r\n"
#define ROWS "      4000        4010     *\r\n      5614        5713      \r\n"
#define FOOTER "\r\n* - Administered port exclusions.\r\n\r\n"

/* netsh prints a line below the rows in every language: without it rows may be missing. */
static void test_exclusions_without_their_end(void **state)
{
    static const struct {
        const char *listing;
        bool known;
    } cases[] = {
        {LABELS ROWS FOOTER,                                            true },
        {LABELS FOOTER,                                                 true },
        {LABELS ROWS "\r\n* \xe2\x80\x94 \xd0\x90\xd0\xb4\xd0\xbc\r\n", true },
        {LABELS ROWS "\r\n* - Administered po",                         true },
        {LABELS ROWS,                                                   false},
        {LABELS "      4000        4010     *",                         false},
        {LABELS ROWS "\r\n\r\n",                                        false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct recorded_folder host;
        const char *const says[] = {"ipv4-tcp-excludedportrange.txt", "ends with a row", NULL};

        recorded_folder_init(&host);
        recorded_folder_puts(&host, "host.json", HOST);
        recorded_folder_puts(&host, "ipv4-tcp-excludedportrange.txt", cases[i].listing);
        recorded_folder_must_observe(&host);
        print_message("%zu\n", i);
        assert_int_equal(host.seen.inventory.stacks.count, 1);
        assert_int_equal(host.seen.inventory.stacks.at[0].has_administered, cases[i].known);
        assert_int_equal(host.seen.inventory.stacks.at[0].has_runtime, cases[i].known);
        assert_int_equal(recorded_folder_is_unknown(&host, says), !cases[i].known);
        recorded_folder_fini(&host);
    }
}

#define OLD_HOST "{\"os\":{\"family\":\"windows\",\"version\":\"5.2.3790\"},\"services\":[\"Own\"]}"
#define EXPORT(set)                                                                                \
    "Windows Registry Editor Version 5.00\r\n\r\n"                                                 \
    "[HKEY_LOCAL_MACHINE\\SYSTEM\\" set "\\Services\\Tcpip\\Parameters]\r\n"
#define PORT(number) "\"MaxUserPort\"=dword:" number "\r\n\r\n"
#define SELECT(number)                                                                             \
    "[HKEY_LOCAL_MACHINE\\SYSTEM\\Select]\r\n\"Current\"=dword:0000000" number "\r\n\r\n"

/* Windows uses one of several control sets: a copy of another one says nothing. */
static void test_another_control_set(void **state)
{
    static const struct {
        const char *text;
        uint32_t port; /* 0: unknown */
    } cases[] = {
        {EXPORT("CurrentControlSet") PORT("00002710"),                                                  10000},
        {EXPORT("ControlSet001") PORT("00002710"),                                                      0    },
        {EXPORT("ControlSet001") PORT("00002710") SELECT("1"),                                          10000},
        {EXPORT("ControlSet001") PORT("00002710") SELECT("2"),                                          0    },
        {EXPORT("ControlSet001")
             PORT("00001770") "[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet002\\"
                              "Services\\Tcpip\\Parameters]\r\n" PORT("00002710") SELECT("1"),
         6000                                                                                                },
        {EXPORT("CurrentControlSet")
             PORT("00002710") "[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet002\\"
                              "Services\\Tcpip\\Parameters]\r\n" PORT("00001770"),
         10000                                                                                               },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct recorded_folder host;
        const char *const says[] = {"tcpip-parameters.reg holds", "ControlSet001",
                                    "CurrentControlSet", NULL};

        recorded_folder_init(&host);
        recorded_folder_puts(&host, "host.json", OLD_HOST);
        recorded_folder_puts(&host, "tcpip-parameters.reg", cases[i].text);
        recorded_folder_must_observe(&host);
        print_message("%zu\n", i);
        assert_int_equal(host.seen.inventory.has_registry, cases[i].port != 0);
        assert_int_equal(host.seen.inventory.registry.max_user_port, cases[i].port);
        assert_int_equal(recorded_folder_is_unknown(&host, says), cases[i].port == 0);
        recorded_folder_fini(&host);
    }
}

/* Gathered by a user who may not: the facts of the file are unknown, and the others count. */
static void test_denied_files(void **state)
{
    static const struct {
        const char *file;
        const char *text;
    } cases[] = {
        {"services-state.txt",
         "[SC] EnumQueryServicesStatus:OpenSCManager FAILED 5:\r\n\r\nAccess is "
         "denied.\r\n"                                                                                        },
        {"services-state.txt",             "[SC] EnumQueryServicesStatus:OpenSCManager FEHLER 5:\r\n\r\nx\r\n"},
        {"services.txt",                   "ERROR: Access is denied.\r\n"                                     },
        {"tasklist.csv",                   "FEHLER: Zugriff verweigert\r\n"                                   },
        {"tcpip-parameters.reg",           "Error: Acceso denegado.\r\n"                                      },
        {"ipv4-tcp-excludedportrange.txt",
         "\r\nThe requested operation requires elevation (Run as administrator).\r\n"                         },
        {"ipv6-udp-dynamicport.txt",
         "\xe6\x8b\x92\xe7\xbb\x9d\xe8\xae\xbf\xe9\x97\xae\xe3\x80\x82\r\n"                                   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct recorded_folder host;
        const char *const says[] = {cases[i].file, "access was denied", "administrator", NULL};

        recorded_folder_init(&host);
        recorded_folder_puts(&host, "host.json", HOST);
        recorded_folder_puts(&host, "netstat.txt", HEADING TCP4 UDP4);
        recorded_folder_puts(&host, cases[i].file, cases[i].text);
        print_message("%s\n", cases[i].file);
        recorded_folder_must_observe(&host);
        assert_true(recorded_folder_is_unknown(&host, says));
        assert_true(host.seen.has_sockets);
        recorded_folder_fini(&host);
    }
}

#define LINUX_HOST                                                                                 \
    "{\"os\":{\"family\":\"linux\",\"version\":\"6.1.0\"},\"services\":[\"ssh\",\"etcd\"],"        \
    "\"listeners\":[{\"protocol\":\"tcp\",\"family\":\"ipv4\",\"address\":\"0.0.0.0\",\"port\":"   \
    "22,"                                                                                          \
    "\"program\":\"sshd\",\"service\":\"ssh\",\"kind\":\"socket\"}]}"

/* ss of Linux: listeners alone are added to those of host.json; connections make it a list of
 * sockets, with the units that host.json knows; without rights nobody is named. */
static void test_ss_of_linux(void **state)
{
    static const struct {
        const char *text;
        size_t listeners;
        size_t sockets;
        bool unnamed;
    } cases[] = {
        {"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=8,fd=3))\n"
         "tcp LISTEN 0 128 *:2379 *:* users:((\"node\",pid=9,fd=3))\n",              3, 0, false},
        {"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=8,fd=3))\n"
         "tcp ESTAB 0 0 10.0.0.7:2379 10.0.0.9:443 users:((\"node\",pid=9,fd=3))\n", 1, 2, false},
        {"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\ntcp ESTAB 0 0 10.0.0.7:2379 10.0.0.9:443\n", 1, 2,
         true                                                                                            },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct recorded_folder host;
        const char *const alone[] = {"netstat.txt has listeners alone", NULL};

        recorded_folder_init(&host);
        recorded_folder_puts(&host, "host.json", LINUX_HOST);
        recorded_folder_puts(&host, "netstat.txt", cases[i].text);
        recorded_folder_must_observe(&host);
        print_message("%zu\n", i);
        assert_int_equal(host.seen.inventory.listeners.count, cases[i].listeners);
        assert_int_equal(host.seen.has_sockets, cases[i].sockets > 0);
        assert_int_equal(host.seen.sockets.count, cases[i].sockets);
        assert_int_equal(host.seen.inventory.owners_partial, cases[i].unnamed);
        assert_int_equal(recorded_folder_is_unknown(&host, alone), cases[i].sockets == 0);
        if (cases[i].sockets > 0) {
            assert_string_equal(host.seen.sockets.at[0].service, cases[i].unnamed ? "" : "ssh");
        }
        recorded_folder_fini(&host);
    }
}

#define MANY_ROWS 125000u

/* A server with very many connections: its list is longer than any other file may be. */
static void test_a_long_netstat(void **state)
{
    struct recorded_folder host;
    struct hm_buf text;

    (void)state;
    hm_buf_init(&text, HM_LIMIT_NETSTAT_FILE_BYTES);
    assert_true(hm_buf_puts(&text, HEADING TCP4 UDP4));
    for (unsigned i = 0; i < MANY_ROWS; i++) {
        assert_true(hm_buf_printf(&text,
                                  "  TCP    10.0.0.5:%-14u 10.0.%u.%u:443           ESTABLISHED   "
                                  "  2201\r\n",
                                  49152 + i % 16000, i / 250 % 250, 1 + i % 250));
    }
    assert_true(text.len > HM_LIMIT_INPUT_FILE_BYTES);
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json", HOST);
    recorded_folder_put(&host, "netstat.txt", hm_buf_text(&text), text.len);
    recorded_folder_must_observe(&host);
    assert_int_equal(host.seen.sockets.count, MANY_ROWS + 2);
    recorded_folder_fini(&host);
    hm_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_long_netstat),
        cmocka_unit_test(test_ss_of_linux),
        cmocka_unit_test(test_another_control_set),
        cmocka_unit_test(test_denied_files),
        cmocka_unit_test(test_exclusions_without_their_end),
        cmocka_unit_test(test_what_is_missing_is_named),
        cmocka_unit_test(test_missing_rows_are_not_safe),
        cmocka_unit_test(test_a_partial_list_is_not_safe),
        cmocka_unit_test(test_own_row_without_its_listener),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
