/* tests/unit/ports/test_registry_ports.c — ports that the registry sets for SQL Server and for RPC
 * servers. SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/registry_ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BASE "SOFTWARE\\Microsoft\\Microsoft SQL Server"
#define WOW "SOFTWARE\\WOW6432Node\\Microsoft\\Microsoft SQL Server"
#define TCP_TAIL "\\MSSQLServer\\SuperSocketNetLib\\Tcp"
#define NAMES BASE "\\Instance Names\\SQL"
#define TCP BASE "\\MSSQL15.X\\MSSQLServer\\SuperSocketNetLib\\Tcp"
#define MOST 12

/* One value of the registry. */
struct value {
    const char *key;
    const char *name;
    enum hm_setting_type type;
    uint32_t number;
    const char *text; /* of HM_SETTING_LINES: its only line */
};

struct registry {
    const struct value *at;
    size_t notes;
    const char *names[MOST];
    const char *lines[MOST];
};

static enum hm_status get(void *self, const char *key, const char *name, struct hm_setting *out,
                          struct hm_err *err)
{
    struct registry *registry = self;

    (void)err;
    *out = (struct hm_setting){.type = HM_SETTING_ABSENT, .text = ""};
    for (size_t i = 0; i < MOST && registry->at[i].key != NULL; i++) {
        const struct value *value = &registry->at[i];

        if (strcmp(value->key, key) == 0 && strcmp(value->name, name) == 0) {
            registry->lines[i] = value->text;
            *out = (struct hm_setting){
                .type = value->type,
                .number = value->number,
                .text = value->text,
                .lines = {&registry->lines[i], 1}
            };
        }
    }
    return HM_OK;
}

/* Names of values, or of keys below. */
static enum hm_status list(struct registry *registry, const char *key, bool keys,
                           struct hm_strings *out)
{
    const size_t len = strlen(key);

    *out = (struct hm_strings){registry->names, 0};
    for (size_t i = 0; i < MOST && registry->at[i].key != NULL; i++) {
        const char *other = registry->at[i].key;

        if (!keys && strcmp(other, key) == 0) {
            registry->names[out->count++] = registry->at[i].name;
        } else if (keys && strncmp(other, key, len) == 0 && other[len] == '\\' &&
                   (out->count == 0 ||
                    strcmp(registry->names[out->count - 1], other + len + 1) != 0)) {
            registry->names[out->count++] = other + len + 1;
        }
    }
    return HM_OK;
}

static enum hm_status list_values(void *self, const char *key, struct hm_strings *out_names,
                                  struct hm_err *err)
{
    (void)err;
    return list(self, key, false, out_names);
}

static const char *const addresses[] = {"IP1", "IP2", "IPAll"};
static size_t more_addresses; /* beside them */

static enum hm_status list_keys(void *self, const char *key, struct hm_strings *out_names,
                                struct hm_err *err)
{
    static const char *names[HM_COUNT(addresses) + 300];
    static char texts[300][8];

    (void)self;
    (void)err;
    assert_string_equal(key, TCP);
    for (size_t i = 0; i < HM_COUNT(addresses); i++) {
        names[i] = addresses[i];
    }
    for (size_t i = 0; i < more_addresses; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "IP%zu", i + HM_COUNT(addresses));
        names[HM_COUNT(addresses) + i] = texts[i];
    }
    *out_names = (struct hm_strings){names, HM_COUNT(addresses) + more_addresses};
    return HM_OK;
}

#define SERVICES "SYSTEM\\CurrentControlSet\\Services\\"

static enum hm_status image(void *self, const char *service, const char **out_path,
                            struct hm_err *err)
{
    struct hm_setting setting = {.text = ""};
    char key[128];

    (void)snprintf(key, sizeof(key), SERVICES "%s", service);
    assert_int_equal(get(self, key, "ImagePath", &setting, err), HM_OK);
    *out_path = setting.text;
    return HM_OK;
}

static enum hm_status note(void *self, const char *key, const char *name, const char *what,
                           struct hm_err *err)
{
    struct registry *registry = self;

    (void)key;
    (void)name;
    (void)what;
    (void)err;
    registry->notes++;
    return HM_OK;
}

/* "sql_port MSSQLSERVER 1433; ...", in the order of the ports. */
#define W2019 "10.0.17763"

static const char *read(const struct value *values, const char *version, struct hm_arena *arena,
                        size_t *out_notes)
{
    static char text[512];
    const struct hm_os os = {.family = HM_OS_WINDOWS, .version = version};
    struct registry registry = {.at = values};
    const struct hm_registry_view view = {.self = &registry,
                                          .get = get,
                                          .list_values = list_values,
                                          .list_keys = list_keys,
                                          .image = image,
                                          .note = note};
    struct hm_inventory inventory = {.os = os};
    struct hm_configured_make make;
    bool any = false;
    size_t len = 0;

    hm_configured_begin(&make, &os, arena);
    assert_int_equal(hm_registry_ports_put(&make, &view, &any, NULL), HM_OK);
    assert_int_equal(any, values[0].key != NULL);
    hm_configured_finish(&make, false, &inventory);
    text[0] = '\0';
    for (size_t i = 0; i < inventory.configured.count; i++) {
        const struct hm_configured *row = &inventory.configured.at[i];
        const bool sql = row->service != NULL;
        const bool udp = row->by >= HM_BY_DEPLOYMENT_PORT;

        assert_int_equal(row->protocol, udp ? HM_UDP : HM_TCP);
        assert_int_equal(row->kind, sql || udp ? HM_KIND_SOCKET : HM_KIND_RPC);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s%s%u%s%s",
                                i > 0 ? "; " : "", hm_configured_by_names[row->by],
                                sql ? row->service : "", sql ? " " : "", (unsigned)row->port,
                                row->address == NULL ? "" : " on ",
                                row->address == NULL ? "" : row->address);
    }
    *out_notes = registry.notes;
    return text;
}

struct registry_case {
    struct value values[MOST];
    const char *rows;
    size_t notes;
};

static void check(const char *version, const struct registry_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct hm_arena arena;
        size_t notes;

        print_message("case %zu\n", i);
        hm_arena_init(&arena, 1u << 20);
        assert_string_equal(read(cases[i].values, version, &arena, &notes), cases[i].rows);
        assert_int_equal(notes, cases[i].notes);
        hm_arena_fini(&arena);
    }
}

#define NTDS "SYSTEM\\CurrentControlSet\\Services\\NTDS\\Parameters", "TCP/IP Port"
#define FRS "SYSTEM\\CurrentControlSet\\Services\\NtFrs\\Parameters", "RPC TCP/IP Port Assignment"
#define CA "SOFTWARE\\Classes\\AppID\\{D99E6E74-FC88-11D0-B498-00A0C90312F3}", "Endpoints"
#define BOOK "SYSTEM\\CurrentControlSet\\Services\\MSExchangeAB\\Parameters", "RpcTcpPort"
#define SPOOLER "SOFTWARE\\Policies\\Microsoft\\Windows NT\\Printers\\RPC", "RpcTcpPort"

static void test_rpc_ports(void **state)
{
    /* clang-format off */
    static const struct registry_case cases[] = {
        {{{0}}, "", 0},
        {{{NTDS, HM_SETTING_NUMBER, 50243, ""}}, "ntds_port 50243", 0},
        {{{NTDS, HM_SETTING_NUMBER, 65535, ""}}, "ntds_port 65535", 0},
        {{{NTDS, HM_SETTING_NUMBER, 0, ""}}, "", 0}, /* any port, as without the value */
        {{{NTDS, HM_SETTING_NUMBER, 70000, ""}}, "ntds_port 0", 1},
        {{{NTDS, HM_SETTING_TEXT, 0, "50243"}}, "ntds_port 0", 1},
        {{{NTDS, HM_SETTING_OTHER, 0, ""}}, "ntds_port 0", 1},
        {{{FRS, HM_SETTING_NUMBER, 0, ""}}, "frs_port 0", 1},
        {{{SPOOLER, HM_SETTING_NUMBER, 0, ""}}, "", 0},
        {{{SPOOLER, HM_SETTING_NUMBER, 9100, ""}}, "spooler_port 9100", 0},
        {{{BOOK, HM_SETTING_TEXT, 0, "60002"}}, "address_book_port 60002", 0},
        {{{BOOK, HM_SETTING_TEXT, 0, ""}}, "address_book_port 0", 1},
        {{{BOOK, HM_SETTING_TEXT, 0, "60002x"}}, "address_book_port 0", 1},
        {{{BOOK, HM_SETTING_NUMBER, 60002, ""}}, "address_book_port 0", 1},
        {{{CA, HM_SETTING_LINES, 0, "ncacn_ip_tcp,0,50300"}}, "ca_port 50300", 0},
        {{{CA, HM_SETTING_LINES, 0, "NCACN_IP_TCP,0, 50300 "}}, "ca_port 50300", 0},
        {{{CA, HM_SETTING_LINES, 0, "ncacn_http,0,593"}}, "", 0},
        {{{CA, HM_SETTING_LINES, 0, "ncacn_ip_tcp,0,"}}, "ca_port 0", 1},
        {{{CA, HM_SETTING_LINES, 0, "ncacn_ip_tcp,0,70000"}}, "ca_port 0", 1},
        {{{CA, HM_SETTING_LINES, 0, "ncacn_ip_tcp,"}}, "", 0},
    };
    /* clang-format on */

    (void)state;
    check(W2019, cases, HM_COUNT(cases));
}

#define DEFAULT                                                                                    \
    {                                                                                              \
        NAMES, "MSSQLSERVER", HM_SETTING_TEXT, 0, "MSSQL15.X"                                      \
    }
#define NAMED                                                                                      \
    {                                                                                              \
        NAMES, "HR", HM_SETTING_TEXT, 0, "MSSQL15.X"                                               \
    }
#define ALL(name, text)                                                                            \
    {                                                                                              \
        TCP "\\IPAll", name, HM_SETTING_TEXT, 0, text                                              \
    }

static void test_sql_ports(void **state)
{
    /* clang-format off */
    static const struct registry_case cases[] = {
        {{DEFAULT, ALL("TcpPort", "1433")}, "sql_port MSSQLSERVER 1433", 0},
        {{NAMED, ALL("TcpPort", "50433"), ALL("TcpDynamicPorts", "")}, "sql_port MSSQL$HR 50433", 0},
        {{NAMED, ALL("TcpPort", "1433, 50433")},
         "sql_port MSSQL$HR 1433; sql_port MSSQL$HR 50433", 0},
        {{NAMED, ALL("TcpPort", ""), ALL("TcpDynamicPorts", "49720")},
         "sql_dynamic_port MSSQL$HR 49720", 0},
        {{NAMED, ALL("TcpPort", ""), ALL("TcpDynamicPorts", "0")}, "sql_dynamic_port MSSQL$HR 0", 0},
        /* both: it listens on both */
        {{NAMED, ALL("TcpPort", "1450"), ALL("TcpDynamicPorts", "49720")},
         "sql_port MSSQL$HR 1450; sql_dynamic_port MSSQL$HR 49720", 0},
        /* nobody knows the port */
        {{DEFAULT, ALL("TcpPort", "70000")}, "sql_port MSSQLSERVER 0", 1},
        {{DEFAULT, ALL("TcpPort", "0")}, "sql_port MSSQLSERVER 0", 1},
        {{DEFAULT, ALL("TcpPort", "1433,")}, "sql_port MSSQLSERVER 0; sql_port MSSQLSERVER 1433", 1},
        {{DEFAULT, ALL("TcpPort", "http")}, "sql_port MSSQLSERVER 0", 1},
        {{DEFAULT, ALL("TcpPort", ""), ALL("TcpDynamicPorts", "")}, "sql_port MSSQLSERVER 0", 1},
        {{DEFAULT, {TCP "\\IPAll", "TcpPort", HM_SETTING_NUMBER, 1433, ""}},
         "sql_port MSSQLSERVER 0", 1},
        /* no TCP at all */
        {{DEFAULT, {TCP, "Enabled", HM_SETTING_NUMBER, 0, ""}, ALL("TcpPort", "1433")},
         "sql_dynamic_port MSSQLSERVER 0", 0},
        /* an address each: only those that are enabled, and not IPAll */
        {{DEFAULT, {TCP, "Enabled", HM_SETTING_NUMBER, 1, ""},
          {TCP, "ListenOnAllIPs", HM_SETTING_NUMBER, 0, ""},
          {TCP "\\IP1", "Enabled", HM_SETTING_NUMBER, 1, ""},
          {TCP "\\IP1", "TcpPort", HM_SETTING_TEXT, 0, "14340"},
          {TCP "\\IP2", "Enabled", HM_SETTING_NUMBER, 0, ""},
          {TCP "\\IP2", "TcpPort", HM_SETTING_TEXT, 0, "52000"}, ALL("TcpPort", "1433")},
         "sql_port MSSQLSERVER 14340", 0},
        {{DEFAULT, {TCP, "ListenOnAllIPs", HM_SETTING_NUMBER, 0, ""},
          {TCP "\\IP1", "TcpPort", HM_SETTING_TEXT, 0, "1433"},
          {TCP "\\IP1", "IpAddress", HM_SETTING_TEXT, 0, "10.1.1.5"},
          {TCP "\\IP2", "TcpPort", HM_SETTING_TEXT, 0, "1433"},
          {TCP "\\IP2", "IpAddress", HM_SETTING_TEXT, 0, "fe80::1%4"}},
         "sql_port MSSQLSERVER 1433 on 10.1.1.5; sql_port MSSQLSERVER 1433 on fe80::1%4", 0},
        {{DEFAULT, {TCP, "ListenOnAllIPs", HM_SETTING_NUMBER, 0, ""},
          {TCP "\\IP1", "TcpPort", HM_SETTING_TEXT, 0, "1433"},
          {TCP "\\IP1", "IpAddress", HM_SETTING_TEXT, 0, "0.0.0.0"}},
         "sql_port MSSQLSERVER 1433", 0},
        /* both views have the name: the id in the path of the service says which counts */
        {{NAMED, ALL("TcpPort", "52222"),
          {WOW "\\Instance Names\\SQL", "HR", HM_SETTING_TEXT, 0, "MSSQL.1"},
          {WOW "\\MSSQL.1" TCP_TAIL "\\IPAll", "TcpPort", HM_SETTING_TEXT, 0, "51111"},
          {SERVICES "MSSQL$HR", "ImagePath", HM_SETTING_TEXT, 0, "C:\\MSSQL15.X\\MSSQL\\Binn\\sqlservr.exe -sHR"}},
         "sql_port MSSQL$HR 52222", 0},
        {{NAMED, ALL("TcpPort", "52222"),
          {WOW "\\Instance Names\\SQL", "HR", HM_SETTING_TEXT, 0, "MSSQL.1"},
          {WOW "\\MSSQL.1" TCP_TAIL "\\IPAll", "TcpPort", HM_SETTING_TEXT, 0, "51111"},
          {SERVICES "MSSQL$HR", "ImagePath", HM_SETTING_TEXT, 0, "\"C:\\MSSQL.1\\MSSQL\\Binn\\sqlservr.exe\" -sHR"}},
         "sql_port MSSQL$HR 51111", 0},
        /* the same id: the folder of its programs */
        {{NAMED, ALL("TcpPort", "52222"),
          {WOW "\\Instance Names\\SQL", "HR", HM_SETTING_TEXT, 0, "MSSQL15.X"},
          {WOW "\\MSSQL15.X" TCP_TAIL "\\IPAll", "TcpPort", HM_SETTING_TEXT, 0, "51111"},
          {SERVICES "MSSQL$HR", "ImagePath", HM_SETTING_TEXT, 0, "C:\\Program Files (x86)\\MSSQL15.X\\sqlservr.exe"}},
         "sql_port MSSQL$HR 51111", 0},
        {{NAMED, ALL("TcpPort", "52222"),
          {WOW "\\Instance Names\\SQL", "HR", HM_SETTING_TEXT, 0, "MSSQL15.X"},
          {WOW "\\MSSQL15.X" TCP_TAIL "\\IPAll", "TcpPort", HM_SETTING_TEXT, 0, "51111"},
          {SERVICES "MSSQL$HR", "ImagePath", HM_SETTING_TEXT, 0, "C:\\Program Files\\MSSQL15.X\\sqlservr.exe"}},
         "sql_port MSSQL$HR 52222", 0},
        /* nobody knows */
        {{NAMED, ALL("TcpPort", "52222"),
          {WOW "\\Instance Names\\SQL", "HR", HM_SETTING_TEXT, 0, "MSSQL.1"},
          {WOW "\\MSSQL.1" TCP_TAIL "\\IPAll", "TcpPort", HM_SETTING_TEXT, 0, "51111"}},
         "", 1},
        {{NAMED, ALL("TcpPort", "52222"),
          {WOW "\\Instance Names\\SQL", "HR", HM_SETTING_TEXT, 0, "MSSQL.1"},
          {WOW "\\MSSQL.1" TCP_TAIL "\\IPAll", "TcpPort", HM_SETTING_TEXT, 0, "51111"},
          {SERVICES "MSSQL$HR", "ImagePath", HM_SETTING_TEXT, 0, "D:\\SQL\\sqlservr.exe"}},
         "", 1},
        /* alike */
        {{NAMED, ALL("TcpPort", "52222"),
          {WOW "\\Instance Names\\SQL", "HR", HM_SETTING_TEXT, 0, "MSSQL.1"},
          {WOW "\\MSSQL.1" TCP_TAIL "\\IPAll", "TcpPort", HM_SETTING_TEXT, 0, "52222"}},
         "sql_port MSSQL$HR 52222", 0},
        {{{WOW "\\Instance Names\\SQL", "HR", HM_SETTING_TEXT, 0, "MSSQL.1"},
          {WOW "\\MSSQL.1" TCP_TAIL "\\IPAll", "TcpPort", HM_SETTING_TEXT, 0, "51111"}},
         "sql_port MSSQL$HR 51111", 0},
        /* an instance whose key is not there: removed, or of another node */
        {{DEFAULT}, "", 0},
        {{{NAMES, "HR", HM_SETTING_NUMBER, 1, ""}, ALL("TcpPort", "1433")}, "", 0},
    };
    /* clang-format on */

    (void)state;
    check(W2019, cases, HM_COUNT(cases));
}

#define WDS(name, number)                                                                          \
    {                                                                                              \
        "SYSTEM\\CurrentControlSet\\Services\\WDSServer\\Parameters", name, HM_SETTING_NUMBER,     \
            number, ""                                                                             \
    }
#define WDS_RANGE WDS("UdpStartPort", 50000), WDS("UdpEndPort", 50999)

/* A range, or any free port: what UdpPortPolicy says, where the system knows it. */
static void test_deployment_ports(void **state)
{
    /* clang-format off */
    static const char range[] = "deployment_port 50000; deployment_port 50999";
    static const char given[] = "deployment_given_port 0";
    static const struct {
        const char *version;
        struct registry_case row;
    } cases[] = {
        {"6.1.7601", {{WDS_RANGE}, range, 0}},
        {"6.1.7601", {{WDS_RANGE, WDS("UdpPortPolicy", 1)}, range, 0}},
        {"6.1.7601", {{WDS_RANGE, WDS("UdpPortPolicy", 0)}, given, 0}},
        {"6.1.7601", {{WDS("UdpPortPolicy", 1)}, "deployment_port 64001; deployment_port 65000", 0}},
        {"6.0.6002", {{WDS_RANGE, WDS("UdpPortPolicy", 0)}, range, 0}}, /* which does not know it */
        {W2019, {{WDS_RANGE}, given, 0}}, /* the default from 2012 on */
        {W2019, {{WDS_RANGE, WDS("UdpPortPolicy", 1)}, range, 0}},
        {"6.1.7601", {{WDS("UdpStartPort", 0)}, "deployment_port 0", 1}},
        {"6.1.7601", {{WDS("UdpEndPort", 70000)}, "deployment_port 0", 1}},
        {"6.1.7601", {{WDS("UdpStartPort", 65100)}, "deployment_port 0", 1}}, /* the end is 65000 */
        {"6.1.7601", {{WDS("UdpEndPort", 50999)}, "deployment_port 0", 1}},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        check(cases[i].version, &cases[i].row, 1);
    }
}

/* Addresses that are not read may have the port: then nobody knows it. */
static void test_many_addresses(void **state)
{
    static const struct value values[MOST] = {
        {NAMES,         "MSSQLSERVER",    HM_SETTING_TEXT,   0, "MSSQL15.X"},
        {TCP,           "ListenOnAllIPs", HM_SETTING_NUMBER, 0, NULL       },
        {TCP "\\IP100", "TcpPort",        HM_SETTING_TEXT,   0, "50100"    },
    };
    struct hm_arena arena;
    size_t notes = 0;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    more_addresses = 120;
    assert_string_equal(read(values, W2019, &arena, &notes), "sql_port MSSQLSERVER 50100");
    assert_int_equal(notes, 0);
    more_addresses = 300;
    assert_non_null(strstr(read(values, W2019, &arena, &notes), "sql_port MSSQLSERVER 0"));
    assert_int_equal(notes, 1);
    more_addresses = 0;
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_ports),
        cmocka_unit_test(test_sql_ports),
        cmocka_unit_test(test_deployment_ports),
        cmocka_unit_test(test_many_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
