/* tests/unit/agent/test_recorded_input.c — the files of a recorded host as people and tools write
 * them: every file in every encoding, empty, cut, in capitals, in the wrong place.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/wire/records.h"
#include "tests/support/encodings.h"
#include "tests/support/fixture.h"
#include "tests/support/recorded_folder.h"
#include "tests/support/temp_folder.h"

#define PIECES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- every file in every encoding ------------------------------------------------------------ */

static const char *const hosts[] = {"hosts/i1-payroll-2003", "hosts/i2-exchange-2013-held",
                                    "hosts/linux-web", "cases/iis-excluded"};

/* Copies a host's files; encoding NULL: as they are. */
static void copy_host(struct recorded_folder *host, const char *name,
                      const struct test_encoding *encoding)
{
    const char *folder = hm_arena_printf(&host->arena, HM_SOURCE_DIR "/tests/fixtures/%s", name);
    struct hm_strings files;

    assert_int_equal(hm_os_list_folder(folder, &host->arena, &files, NULL), HM_OK);
    assert_true(files.count > 1);
    for (size_t i = 0; i < files.count; i++) {
        size_t len;
        char *bytes =
            hm_fixture_read(hm_arena_printf(&host->arena, "%s/%s", name, files.at[i]), &len);
        struct hm_span text;
        struct hm_buf coded;

        hm_buf_init(&coded, HM_LIMIT_INPUT_FILE_BYTES);
        if (encoding == NULL) {
            assert_true(hm_buf_put(&coded, bytes, len));
        } else {
            assert_int_equal(hm_text_decode(bytes, len, &host->arena, &text, NULL), HM_OK);
            test_encode(text, encoding, &coded);
        }
        recorded_folder_put(host, files.at[i], hm_buf_text(&coded), coded.len);
        hm_buf_fini(&coded);
        free(bytes);
    }
}

/* What was seen, as text. */
static void describe(const struct recorded_folder *host, struct hm_buf *out)
{
    assert_int_equal(hm_record_encode(&hm_record_inventory, &host->seen.inventory, out, NULL),
                     HM_OK);
    assert_int_equal(hm_record_encode(&hm_record_sample, &host->seen.sample, out, NULL), HM_OK);
    for (size_t i = 0; i < host->seen.unknown.count; i++) {
        (void)hm_buf_printf(out, "\n%s", host->seen.unknown.at[i]);
    }
    (void)hm_buf_printf(out, "\n%s %u", host->seen.boot_id, (unsigned)host->seen.sockets.count);
}

static void test_every_file_in_every_encoding(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(hosts); i++) {
        struct recorded_folder plain;
        struct hm_buf wanted;

        hm_buf_init(&wanted, HM_LIMIT_INPUT_FILE_BYTES);
        recorded_folder_init(&plain);
        copy_host(&plain, hosts[i], NULL);
        recorded_folder_must_observe(&plain);
        describe(&plain, &wanted);
        for (size_t k = 0; k < TEST_ENCODINGS; k++) {
            struct recorded_folder coded;
            struct hm_buf got;

            print_message("%s as %s\n", hosts[i], test_encodings[k].name);
            hm_buf_init(&got, HM_LIMIT_INPUT_FILE_BYTES);
            recorded_folder_init(&coded);
            copy_host(&coded, hosts[i], &test_encodings[k]);
            recorded_folder_must_observe(&coded);
            describe(&coded, &got);
            assert_string_equal(hm_buf_text(&got), hm_buf_text(&wanted));
            recorded_folder_fini(&coded);
            hm_buf_fini(&got);
        }
        recorded_folder_fini(&plain);
        hm_buf_fini(&wanted);
    }
}

/* ---- what cannot be read ----------------------------------------------------------------------
 */

struct refused_case {
    const char *name;
    const char *file;
    const char *bytes;
    size_t len;
    const char *pieces[4]; /* of the error; the file's name is one more */
};

#define BYTES(literal) literal, sizeof(literal) - 1
#define OS "{\"os\": {\"family\": \"windows\", \"version\": \"10.0.17763\"}"

/* clang-format off */
static const struct refused_case refused_cases[] = {
    {"a mark in the middle", "host.json", BYTES(OS ",\n\xef\xbb\xbf\"name\": \"x\"}"),
     {"host.json:2", "<U+FEFF>"}},
    {"two encodings", "netstat.txt",
     BYTES("  TCP    0.0.0.0:80    0.0.0.0:0    LISTENING    4\r\n  T\0C\0P\0"),
     {"netstat.txt:2", "NUL", "save it as UTF-8"}},
    {"cut in a character", "tasklist.csv", BYTES("\xff\xfe\"\0a\0\"\0,"),
     {"tasklist.csv", "half a character", "cut"}},
    {"a zip archive", "tcpip-parameters.reg", BYTES("PK\x03\x04\x14\0\x02\0"),
     {"tcpip-parameters.reg", "archive"}},
};
/* clang-format on */

static void check_refused(const struct refused_case *row)
{
    struct recorded_folder host;

    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json", OS "}");
    recorded_folder_put(&host, row->file, row->bytes, row->len);
    recorded_folder_observe(&host);
    assert_int_equal(host.st, HM_EINVAL);
    assert_non_null(strstr(host.err.text, row->file));
    for (size_t k = 0; k < HM_COUNT(row->pieces) && row->pieces[k] != NULL; k++) {
        if (strstr(host.err.text, row->pieces[k]) == NULL) {
            fail_msg("%s: \"%s\" says nothing of %s", row->name, host.err.text, row->pieces[k]);
        }
    }
    recorded_folder_fini(&host);
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(refused_cases); i++) {
        check_refused(&refused_cases[i]);
    }
}

/* An empty file tells as much as none: collect.cmd removes those. */
static void test_empty_files(void **state)
{
    static const char *const names[] = {
        "netstat.txt",
        "tasklist.csv",
        "ipv4-tcp-dynamicport.txt",
        "ipv6-udp-excludedportrange.txt",
        "dns-parameters.reg",
        "hns-state.reg",
        "tcpip-parameters.reg",
    };
    struct recorded_folder host;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json",
                         "{\"os\": {\"family\": \"windows\", \"version\": "
                         "\"10.0.17763\"}, \"services\": [\"DNS\"]}");
    for (size_t i = 0; i < HM_COUNT(names); i++) {
        recorded_folder_puts(&host, names[i], i % 2 == 0 ? "" : "\xef\xbb\xbf\r\n");
    }
    recorded_folder_must_observe(&host);
    for (size_t i = 0; i < HM_COUNT(names); i++) {
        if (!recorded_folder_is_unknown(&host, PIECES(names[i], "is empty"))) {
            fail_msg("nothing is said of the empty %s", names[i]);
        }
    }
    assert_false(host.seen.inventory.has_listeners);
    assert_false(host.seen.inventory.stacks.at[0].has_dynamic);
    recorded_folder_fini(&host);
}

static void test_names_in_capitals(void **state)
{
    struct recorded_folder host;
    struct hm_strings names;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "HOST.JSON", OS "}");
    recorded_folder_puts(&host, "Netstat.TXT",
                         "  TCP    0.0.0.0:80    0.0.0.0:0    LISTENING    4\r\n");
    recorded_folder_must_observe(&host);
    assert_string_equal(host.seen.inventory.os.version, "10.0.17763");
    assert_int_equal(host.seen.inventory.listeners.count, 1);
    recorded_folder_puts(&host, "Netstat.TXT", "  TCP    0.0.0.0:80\r\n");
    recorded_folder_observe(&host);
    assert_int_equal(host.st, HM_EINVAL);
    assert_non_null(strstr(host.err.text, "/Netstat.TXT:1: "));
    recorded_folder_puts(&host, "NETSTAT.TXT", "");
    assert_int_equal(hm_os_list_folder(host.path, &host.arena, &names, NULL), HM_OK);
    if (names.count == 3) { /* not on Windows, where it is the same file */
        recorded_folder_observe(&host);
        assert_int_equal(host.st, HM_EINVAL);
        assert_non_null(strstr(host.err.text, "both NETSTAT.TXT and Netstat.TXT"));
    }
    recorded_folder_fini(&host);
}

/* ---- sockets ----------------------------------------------------------------------------------
 */

#define EXCLUDED_TCP                                                                               \
    "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n"               \
    "----------    --------      \r\n\r\n* - Administered port exclusions.\r\n\r\n"
#define DYNAMIC_TCP                                                                                \
    "\r\nProtocol tcp Dynamic Port Range\r\n---------------------------------\r\n"                 \
    "Start Port      : 49152\r\nNumber of Ports : 16384\r\n\r\n"

/* "netstat -anoq", which low_headroom tells to run, fed back. */
static void test_bound_ports_are_no_listeners(void **state)
{
    struct recorded_folder host;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json", OS "}");
    recorded_folder_puts(&host, "ipv4-tcp-dynamicport.txt", DYNAMIC_TCP);
    recorded_folder_puts(&host, "ipv4-tcp-excludedportrange.txt", EXCLUDED_TCP);
    recorded_folder_puts(&host, "netstat.txt",
                         "  TCP    0.0.0.0:3389    0.0.0.0:0          LISTENING    1200\r\n"
                         "  TCP    0.0.0.0:49900   0.0.0.0:0          BOUND        2500\r\n"
                         "  TCP    0.0.0.0:49901   0.0.0.0:0          BOUND        2500\r\n"
                         "  TCP    10.0.0.5:49901  10.0.0.9:3268      ESTABLISHED  2500\r\n");
    recorded_folder_must_observe(&host);
    assert_int_equal(host.seen.inventory.listeners.count, 1);
    assert_int_equal(host.seen.inventory.listeners.at[0].port, 3389);
    assert_int_equal(host.seen.sample.stacks.at[0].bound, 2);
    assert_int_equal(host.seen.sample.stacks.at[0].in_use, 2);
    recorded_folder_fini(&host);
}

/* netstat -no shows connections only: that nothing listens would be wrong. */
static void test_netstat_without_listeners(void **state)
{
    struct recorded_folder host;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json", OS "}");
    recorded_folder_puts(&host, "netstat.txt",
                         "  TCP    10.0.0.5:49901  10.0.0.9:3268      ESTABLISHED  2500\r\n");
    recorded_folder_must_observe(&host);
    assert_true(host.seen.has_sockets);
    assert_false(host.seen.inventory.has_listeners);
    assert_true(recorded_folder_is_unknown(&host, PIECES("netstat.txt", "no listening socket")));
    recorded_folder_fini(&host);
}

/* netstat -anb: no process ids, but programs; the task list adds the services. */
static void test_netstat_b(void **state)
{
    static const char text[] = "  TCP    0.0.0.0:135     0.0.0.0:0    LISTENING\r\n"
                               "  RpcSs\r\n [svchost.exe]\r\n"
                               "  TCP    0.0.0.0:9955    0.0.0.0:0    LISTENING\r\n"
                               " [pop3.exe]\r\n"
                               "  TCP    0.0.0.0:445     0.0.0.0:0    LISTENING\r\n"
                               " Can not obtain ownership information\r\n";
    struct recorded_folder host;
    const struct hm_listeners *listeners = &host.seen.inventory.listeners;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json", OS "}");
    recorded_folder_puts(&host, "netstat.txt", text);
    for (int tasks = 0; tasks < 2; tasks++) {
        recorded_folder_must_observe(&host);
        assert_int_equal(listeners->count, 3);
        assert_string_equal(listeners->at[0].program, "svchost.exe");
        assert_string_equal(listeners->at[0].service, "RpcSs");
        assert_string_equal(listeners->at[1].program, "");
        assert_string_equal(listeners->at[2].program, "pop3.exe");
        assert_string_equal(listeners->at[2].service, tasks == 0 ? "" : "MSExchangePOP3BE");
        recorded_folder_puts(&host, "tasklist.csv",
                             "\"System\",\"4\",\"N/A\"\r\n\"svchost.exe\",\"900\",\"RpcSs\"\r\n"
                             "\"svchost.exe\",\"901\",\"Dhcp,EventLog\"\r\n"
                             "\"pop3.exe\",\"3000\",\"MSExchangePOP3BE\"\r\n");
    }
    /* neither ids nor programs: only Windows 2000 cannot do better */
    recorded_folder_puts(&host, "netstat.txt", "  TCP    0.0.0.0:135     0.0.0.0:0    LISTENING");
    recorded_folder_observe(&host);
    assert_int_equal(host.st, HM_EINVAL);
    assert_non_null(strstr(host.err.text, "netstat -ano"));
    recorded_folder_fini(&host);
}

/* ---- what stands in the wrong file ------------------------------------------------------------
 */

#define LISTING(protocol, rows)                                                                    \
    "\r\nProtocol " protocol " Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n"      \
    "----------    --------      \r\n" rows "\r\n* - Administered port exclusions.\r\n\r\n"
#define REG_OF(key) "REGEDIT4\r\n\r\n[HKEY_LOCAL_MACHINE\\" key "]\r\n\"Hostname\"=\"x\"\r\n"

struct foreign_case {
    const char *file;
    const char *text;
    const char *holds; /* part of the sentence about what is unknown */
};

/* clang-format off */
static const struct foreign_case foreign_cases[] = {
    {"ipv4-tcp-excludedportrange.txt", LISTING("udp", "     51820       51820     *\r\n"),
     "holds the listing of udp"},
    {"ipv4-udp-excludedportrange.txt", LISTING("tcp", ""), "holds the listing of tcp"},
    {"ipv4-tcp-excludedportrange.txt",
     "C:\\>netsh int ipv6 show excludedportrange tcp\r\n" LISTING("tcp", ""),
     "holds the listing of ipv6"},
    {"ipv6-udp-dynamicport.txt", DYNAMIC_TCP, "holds the listing of tcp"},
    {"ipv4-tcp-excludedportrange.txt", DYNAMIC_TCP, "holds a dynamic port range"},
    {"ipv4-tcp-dynamicport.txt", LISTING("tcp", ""), "holds a list of excluded ports"},
    {"ipv4-tcp-dynamicport.txt",
     "Protocol tcp Dynamic Port Range\r\n--------------------\r\n", "nothing behind it"},
    {"ipv4-tcp-excludedportrange.txt",
     "Protocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port\r\n"
     "----------    --------\r\n\r\n", "nothing behind it"},
    {"ipv4-tcp-dynamicport.txt", "\"System\",\"4\",\"N/A\"\r\n", "holds a list of processes"},
    {"netstat.txt", "\"System\",\"4\",\"N/A\"\r\n", "holds a list of processes"},
    {"netstat.txt", LISTING("tcp", ""), "holds a list of excluded ports"},
    {"tasklist.csv", "  TCP    0.0.0.0:80    0.0.0.0:0    LISTENING    4\r\n",
     "holds a list of sockets (netstat)"},
    {"tasklist.csv",
     "\r\nImage Name                     PID Services\r\n"
     "========================= ======== ====================\r\n"
     "System                           4 N/A\r\n", "not of tasklist /svc /fo csv"},
    {"tasklist.csv",
     "\"Image Name\",\"PID\",\"Session Name\",\"Session#\",\"Mem Usage\"\r\n"
     "\"System\",\"4\",\"Services\",\"0\",\"2,048 K\"\r\n", "not of tasklist /svc /fo csv"},
    {"tasklist.csv", "\"smss.exe\",\"300\",\"ntdll.dll\"\r\n", "not of tasklist /svc /fo csv"},
    {"tcpip-parameters.reg", REG_OF("Services\\DNS\\Parameters"), "DNS\\Parameters: ReservedPorts"},
    {"tcpip-parameters.reg", OS "}", "holds JSON"},
    {"dns-parameters.reg", REG_OF("Services\\Tcpip\\Parameters"), "Tcpip\\Parameters: the size"},
    {"hns-state.reg", REG_OF("Services\\Tcpip\\Parameters"), "Tcpip\\Parameters: the ports"},
};
/* clang-format on */

static void test_wrong_files_are_unknown(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(foreign_cases); i++) {
        const struct foreign_case *row = &foreign_cases[i];
        const struct hm_inventory *inventory;
        struct recorded_folder host;

        recorded_folder_init(&host);
        recorded_folder_puts(&host, "host.json", OS "}");
        recorded_folder_puts(&host, row->file, row->text);
        recorded_folder_must_observe(&host);
        if (!recorded_folder_is_unknown(&host, PIECES(row->file, row->holds))) {
            fail_msg("%s: nothing is said of \"%s\"", row->file, row->holds);
        }
        inventory = &host.seen.inventory;
        for (size_t k = 0; k < inventory->stacks.count; k++) {
            assert_false(inventory->stacks.at[k].has_dynamic);
            assert_false(inventory->stacks.at[k].has_administered);
            assert_false(inventory->stacks.at[k].has_runtime);
        }
        assert_false(inventory->has_listeners || inventory->has_services);
        assert_false(inventory->has_registry || host.seen.has_sockets);
        recorded_folder_fini(&host);
    }
}

/* regedit of Windows 2000 writes a file without a key for one that is not there. */
static void test_export_of_a_key_that_is_not_there(void **state)
{
    struct recorded_folder host;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json",
                         "{\"os\": {\"family\": \"windows\", \"version\": "
                         "\"5.0.2195\"}}");
    recorded_folder_puts(&host, "tcpip-parameters.reg", REG_OF("Services\\Tcpip\\Parameters"));
    recorded_folder_puts(&host, "dns-parameters.reg", "REGEDIT4\r\n\r\n");
    recorded_folder_must_observe(&host);
    assert_true(host.seen.inventory.has_registry);
    assert_false(host.seen.inventory.registry.has_dns_socket_pool);
    assert_false(recorded_folder_is_unknown(&host, PIECES("dns-parameters.reg")));
    recorded_folder_fini(&host);
}

#define HOST_2003 "{\"os\": {\"family\": \"windows\", \"version\": \"5.2.3790\"}}"

/* What an administrator set wrongly is a fact of the host, and no damage of its files. */
static void test_values_of_a_wrong_type_do_not_count(void **state)
{
    const struct hm_registry *registry;
    struct recorded_folder host;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json", HOST_2003);
    recorded_folder_puts(
        &host, "tcpip-parameters.reg",
        REG_OF("Services\\Tcpip\\Parameters") "\"MaxUserPort\"=\"65534\"\r\n"
                                              "\"ReservedPorts\"=\"1645-1646 1812-1813\"\r\n"
                                              "\"TcpTimedWaitDelay\"=dword:0000003c\r\n");
    recorded_folder_puts(
        &host, "hns-state.reg",
        REG_OF("Services\\hns\\State") "\"ExcludedPortRangeStartPort\"=\"50000\"\r\n");
    recorded_folder_must_observe(&host);
    registry = &host.seen.inventory.registry;
    assert_true(host.seen.inventory.has_registry);
    assert_false(registry->has_max_user_port || registry->has_reserved_ports || registry->has_hns);
    assert_int_equal(registry->tcp_timed_wait_delay_s, 60);
    assert_int_equal(registry->wrong_types.count, 3);
    assert_string_equal(registry->wrong_types.at[0],
                        "MaxUserPort is text (REG_SZ) and must be a number (REG_DWORD)");
    assert_string_equal(
        registry->wrong_types.at[1],
        "ReservedPorts is text (REG_SZ) and must be a list of lines (REG_MULTI_SZ)");
    recorded_folder_fini(&host);
}

/* collect.cmd writes the product's name as the console shows it: German in 850, Japanese in 932,
 * where the second byte of a character may be a backslash. */
static void test_name_in_the_code_page_of_the_console(void **state)
{
    static const char *const names[] = {"Server 2019 f\x81r B\x81ro", "\x83\x5c\x83t\x83g 2019",
                                        "2019 \x83\x5c"};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(names); i++) {
        struct recorded_folder host;

        recorded_folder_init(&host);
        recorded_folder_puts(&host, "host.json",
                             hm_arena_printf(&host.arena,
                                             "{\"os\": {\"family\": \"windows\", \"name\": \"%s\", "
                                             "\"version\": \"10.0.17763\"}}",
                                             names[i]));
        recorded_folder_must_observe(&host);
        assert_string_equal(host.seen.inventory.os.version, "10.0.17763");
        assert_non_null(strstr(host.seen.inventory.os.name, "2019"));
        recorded_folder_fini(&host);
    }
}

/* A list of the DNS Server that is no list of ports, and is there: the rest is judged. */
static void test_dns_pool_that_is_no_list(void **state)
{
    struct recorded_folder host;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json", HOST_2003);
    recorded_folder_puts(&host, "dns-parameters.reg",
                         REG_OF("Services\\DNS\\Parameters") "\"SocketPoolExcludedPortRanges\"=hex("
                                                             "7):41,00,00,00,00,00\r\n");
    recorded_folder_must_observe(&host);
    assert_false(host.seen.inventory.registry.has_dns_socket_pool);
    assert_true(recorded_folder_is_unknown(&host, PIECES("SocketPoolExcludedPortRanges")));
    recorded_folder_fini(&host);
}

/* The heading of a table, and nothing behind it: it was cut. */
static void test_heading_alone(void **state)
{
    static const struct refused_case rows[] = {
        {"sockets",
         "netstat.txt",               BYTES("Active Connections\r\n\r\n  Proto  Local Address   Foreign Address\r\n"),
         {"no TCP or UDP row"}                                                                                                   },
        {"processes", "tasklist.csv", BYTES("\"Image Name\",\"PID\",\"Services\"\r\n"),                                {"no row"}},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        check_refused(&rows[i]);
    }
}

/* ---- no folder --------------------------------------------------------------------------------
 */

static void test_the_folder_is_none(void **state)
{
    struct recorded_folder host;
    struct hm_platform *platform;
    char path[1024];
    char inner[1024];

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "web.zip", "PK\x03\x04");
    (void)snprintf(path, sizeof(path), "%s/web.zip", host.path);
    assert_int_equal(hm_platform_recorded.open(path, &platform, &host.err), HM_EINVAL);
    assert_non_null(strstr(host.err.text, "web.zip is a file, not a folder"));

    /* unpacked one level too deep */
    (void)snprintf(inner, sizeof(inner), "%s/WEB01", host.path);
    assert_int_equal(hm_os_make_folder(inner, 0755, NULL), HM_OK);
    recorded_folder_puts(&host, "WEB01/netstat.txt", "");
    recorded_folder_observe(&host);
    assert_int_equal(host.st, HM_EINVAL);
    assert_non_null(strstr(host.err.text, "folder WEB01 does: give that one"));
    temp_folder_remove(inner);

    /* a folder where a file should be */
    (void)snprintf(inner, sizeof(inner), "%s/netstat.txt", host.path);
    assert_int_equal(hm_os_make_folder(inner, 0755, NULL), HM_OK);
    recorded_folder_observe(&host);
    assert_int_not_equal(host.st, HM_OK);
    assert_non_null(strstr(host.err.text, "netstat.txt"));
    temp_folder_remove(inner);
    recorded_folder_fini(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_file_in_every_encoding),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_empty_files),
        cmocka_unit_test(test_names_in_capitals),
        cmocka_unit_test(test_bound_ports_are_no_listeners),
        cmocka_unit_test(test_netstat_without_listeners),
        cmocka_unit_test(test_netstat_b),
        cmocka_unit_test(test_wrong_files_are_unknown),
        cmocka_unit_test(test_export_of_a_key_that_is_not_there),
        cmocka_unit_test(test_values_of_a_wrong_type_do_not_count),
        cmocka_unit_test(test_dns_pool_that_is_no_list),
        cmocka_unit_test(test_name_in_the_code_page_of_the_console),
        cmocka_unit_test(test_heading_alone),
        cmocka_unit_test(test_the_folder_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
