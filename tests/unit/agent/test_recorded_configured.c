/* tests/unit/agent/test_recorded_configured.c — what the files of a recorded host say about ports
 * that HTTP.sys and containers are set up to serve. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/recorded_folder.h"

#define OS(version) "{\"os\": {\"family\": \"windows\", \"version\": \"" version "\"}}"
#define URLACL "\r\n    Reserved URL            : http://+:80/x/\r\n"
#define SSLCERT "\r\n    IP:port                 : 0.0.0.0:443\r\n"
#define FAILED "netsh failed: exit 1\r\n"

struct source_case {
    const char *urlacl; /* NULL: no such file */
    const char *sslcert;
    const char *iis;
    const char *hns;
    bool known;
    bool partial;
    size_t rows;
    const char *unknown; /* a piece of a sentence, or NULL */
};

static const struct source_case cases[] = {
    {NULL,                                                                  NULL,    NULL,                                                           NULL,                        false, false, 0, NULL                                                                   },
    {URLACL,                                                                SSLCERT, NULL,                                                           NULL,                        true,  false, 2, NULL                                                                   },
    {URLACL,                                                                SSLCERT, "<binding protocol=\"http\" bindingInformation=\"*:8080:\" />",
     "[{\"Policies\":[{\"ExternalPort\":8081,\"InternalPort\":80,\"Protocol\":\"TCP\"}]}]",                                                                                       true,
     false,                                                                                                                                                                                     4, NULL                                                                   },
    {URLACL,                                                                NULL,    NULL,                                                           NULL,                        true,  true,  1, NULL                                                                   },
    {FAILED,                                                                SSLCERT, NULL,                                                           NULL,                        true,  true,  1, "http-urlacl.txt: netsh failed: exit 1"                                },
    {URLACL,                                                                FAILED,  NULL,                                                           NULL,                        true,  true,  1, "http-sslcert.txt: netsh failed: exit 1"                               },
    {"URL Reservations:\r\n",                                               SSLCERT, NULL,                                                           NULL,                        true,  true,  1, "http-urlacl.txt has no URL"                                           },
    {URLACL,                                                                SSLCERT, NULL,                                                           "no JSON",                   true,  true,  2, NULL                                                                   },
    {URLACL,                                                                SSLCERT, "<configuration><!-- <sites>",                                  NULL,                        true,  true,  2,
     "iis-bindings.txt: a comment does not end: what HTTP.sys"                                                                                                                                                                                                            },
    {URLACL,                                                                SSLCERT, "iis failed: the shared configuration cannot be read\r\n",      NULL,                        true,  true,
     2,                                                                                                                                                                                            "iis-bindings.txt: iis failed: the shared configuration cannot be read"},
    {URLACL,                                                                SSLCERT, "<sites configSource=\"sites.config\" />\r\n",                  NULL,                        true,  true,  2,
     "in another file"                                                                                                                                                                                                                                                    },
    {URLACL,                                                                SSLCERT, NULL,                                                           "[{\"EndpointsCut\":true}]", true,  true,  2,
     "hns-endpoints.json: there are more endpoints"                                                                                                                                                                                                                       },
    {"\"Image Name\",\"PID\",\"Services\"\r\n\"System\",\"4\",\"N/A\"\r\n", SSLCERT, NULL,                                                           NULL,
     true,                                                                                                                                                                               true,  1, "http-urlacl.txt"                                                      },
};

static void put(struct recorded_folder *host, const char *name, const char *text)
{
    if (text != NULL) {
        recorded_folder_puts(host, name, text);
    }
}

static void test_sources(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct source_case *row = &cases[i];
        const char *const pieces[] = {row->unknown, NULL};
        struct recorded_folder host;

        print_message("case %zu\n", i);
        recorded_folder_init(&host);
        recorded_folder_puts(&host, "host.json", OS("10.0.17763"));
        put(&host, "http-urlacl.txt", row->urlacl);
        put(&host, "http-sslcert.txt", row->sslcert);
        put(&host, "iis-bindings.txt", row->iis);
        put(&host, "hns-endpoints.json", row->hns);
        recorded_folder_observe(&host);
        if (row->hns != NULL && host.st == HM_EINVAL) { /* broken: named, as any other file */
            assert_non_null(strstr(host.err.text, "hns-endpoints.json"));
            recorded_folder_fini(&host);
            continue;
        }
        assert_int_equal(host.st, HM_OK);
        assert_int_equal(host.seen.inventory.has_configured, row->known);
        assert_int_equal(host.seen.inventory.configured_partial, row->partial);
        assert_int_equal(host.seen.inventory.configured.count, row->rows);
        assert_true(row->unknown == NULL || recorded_folder_is_unknown(&host, pieces));
        recorded_folder_fini(&host);
    }
}

/* 2003 has HTTP.sys without these commands, and no exclusions that could harm it. */
static void test_legacy(void **state)
{
    struct recorded_folder host;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json", OS("5.2.3790"));
    recorded_folder_puts(&host, "http-urlacl.txt", URLACL);
    recorded_folder_must_observe(&host);
    assert_false(host.seen.inventory.has_configured);
    recorded_folder_fini(&host);
}

#define STATIONS                                                                                   \
    "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations"
#define RDP STATIONS "\\RDP-Tcp"
#define PROXY "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\PortProxy"

/* Ports that an administrator chose for services: reg query of Vista and later, of XP and 2003, and
 * what regedit of 2000 exports. */
static void test_port_values(void **state)
{
    static const struct {
        const char *version;
        const char *file;
        const char *text;
        size_t rows;
        uint16_t first; /* TCP */
        uint16_t last;  /* UDP */
    } files[] = {
        {"10.0.17763", "port-values.txt",
         "\r\n" RDP "\r\n    PortNumber    REG_DWORD    0xc4d5\r\n\r\n\r\n" PROXY
         "\\v4tov4\r\n\r\n" PROXY
         "\\v4tov4\\tcp\r\n    */8080    REG_SZ    10.0.0.1/80\r\n    10.0.0.5/50022    REG_SZ    "
         "10.0.0.1/22\r\n\r\n",                                                                    4, 8080, 50389},
        {"5.2.3790",   "port-values.txt",
         "\r\n! REG.EXE VERSION 3.0\r\n\r\n" RDP "\r\n    PortNumber\tREG_DWORD\t0x1189\r\n\r\n",  2,
         4489,                                                                                              4489 },
        {"5.0.2195",   "port-values.reg",
         "Windows Registry Editor Version 5.00\r\n[" RDP "]\r\n\"PortNumber\"=dword:00001189\r\n",
         2,                                                                                           4489, 4489 },
        {"10.0.17763", "port-values.txt",
         "\r\n" RDP "\r\n    PortNumber    REG_DWORD    0xd3d\r\n\r\n" STATIONS "\r\n" STATIONS
         "\\Console\r\n" STATIONS "\\ICA-Tcp\r\n    PortNumber    REG_DWORD    0x5d6\r\n" RDP
         "\r\n    PortNumber    REG_DWORD    0xd3d\r\n" STATIONS
         "\\RDP-Tcp 2\r\n    PortNumber    REG_DWORD    0xc4d6\r\n",                               4, 3389, 50390},
        {"10.0.17763", "port-values.txt",
         "\r\n" RDP "\r\n    PortNumber    REG_DWORD    0x10000\r\n",                              2, 0,    0    },
        {"10.0.17763", "port-values.txt",
         "\r\n" PROXY "\\v4tov4\\tcp\r\n    foo    REG_SZ    10.0.0.1/80\r\n",                     0, 0,    0    },
        {"10.0.17763", "port-values.txt", "\r\n" RDP "\r\n    PortNumber    REG_SZ    50389\r\n",  2,
         0,                                                                                                 0    },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(files); i++) {
        const struct hm_configured_list *list;
        struct recorded_folder host;
        char os[80];

        print_message("case %zu\n", i);
        (void)snprintf(os, sizeof(os), OS("%s"), files[i].version);
        recorded_folder_init(&host);
        recorded_folder_puts(&host, "host.json", os);
        recorded_folder_puts(&host, files[i].file, files[i].text);
        recorded_folder_must_observe(&host);
        list = &host.seen.inventory.configured;
        assert_true(host.seen.inventory.has_configured);
        assert_int_equal(list->count, files[i].rows);
        if (files[i].last == 0) { /* no port: the file and the value are named */
            const char *const pieces[] = {"port-values.txt: ", "no port", NULL};

            assert_true(recorded_folder_is_unknown(&host, pieces));
        }
        if (list->count > 0) {
            assert_int_equal(list->at[0].port, files[i].first);
            assert_int_equal(list->at[list->count - 1].protocol, HM_UDP);
            assert_int_equal(list->at[list->count - 1].port, files[i].last);
        }
        recorded_folder_fini(&host);
    }
}

/* A file that is missing, or that was cut in the midst of a value, is named. */
static void test_port_values_not_whole(void **state)
{
    static const struct {
        const char *text; /* NULL: there is no file */
        const char *says; /* NULL: nothing */
    } files[] = {
        {NULL,                                                                            "is missing"                 },
        {"\r\n" RDP "\r\n    PortNu",                                                     "ends in the midst of a line"},
        {"\r\n" RDP "\r\n    PortNumber    REG_DWORD    0xd3d\r\n\r\nH",
         "ends in the midst of a line"                                                                                 },
        {"\r\n" RDP "\r\n    PortNumber    REG_DWORD    0xd3d\r\n",                       "an older collect.cmd"       },
        {"\r\n" RDP "\r\n    PortNumber    REG_DWORD    0xd3d\r\nend of port",            "in the midst"               },
        {"\r\n" RDP "\r\n    PortNumber    REG_DWORD    0xd3d\r\nend of port values\r\n", NULL                         },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(files); i++) {
        const char *const pieces[] = {"port-values.txt", files[i].says, NULL};
        struct recorded_folder host;

        recorded_folder_init(&host);
        recorded_folder_puts(&host, "host.json", OS("10.0.17763"));
        if (files[i].text != NULL) {
            recorded_folder_puts(&host, "port-values.txt", files[i].text);
        }
        recorded_folder_must_observe(&host);
        assert_int_equal(recorded_folder_is_unknown(&host, pieces), files[i].says != NULL);
        assert_int_equal(host.seen.port_values_cut,
                         files[i].says != NULL && strstr(files[i].says, "midst") != NULL);
        recorded_folder_fini(&host);
    }
}

#define SQL_64 "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Microsoft SQL Server"
#define SQL_32 "HKEY_LOCAL_MACHINE\\SOFTWARE\\WOW6432Node\\Microsoft\\Microsoft SQL Server"
#define SQL_TAIL "\\MSSQLServer\\SuperSocketNetLib\\Tcp\\IPAll\r\n    TcpPort    REG_SZ    "
#define SQL_SERVICE "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\MSSQL$HR\r\n    "

/* An instance in both views of the registry: the path of its service says which one counts. */
static void test_instance_in_both_views(void **state)
{
    struct recorded_folder host;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json", OS("10.0.17763"));
    recorded_folder_puts(&host, "services.txt",
                         SQL_SERVICE "Type    REG_DWORD    0x10\r\n\r\n" SQL_SERVICE
                                     "Start    REG_DWORD    0x2\r\n\r\n" SQL_SERVICE
                                     "ImagePath    REG_EXPAND_SZ    \"C:\\Program Files (x86)\\"
                                     "Microsoft SQL Server\\MSSQL10_50.HR\\sqlservr.exe\"\r\n\r\n");
    recorded_folder_puts(&host, "port-values.txt",
                         SQL_64
                         "\\Instance Names\\SQL\r\n    HR    REG_SZ    MSSQL15.HR\r\n\r\n" SQL_64
                         "\\MSSQL15.HR" SQL_TAIL "1499\r\n\r\n" SQL_32
                         "\\Instance Names\\SQL\r\n    HR    REG_SZ    MSSQL10_50.HR\r\n\r\n" SQL_32
                         "\\MSSQL10_50.HR" SQL_TAIL "52000\r\n\r\n");
    recorded_folder_must_observe(&host);
    assert_int_equal(host.seen.inventory.configured.count, 1);
    assert_int_equal(host.seen.inventory.configured.at[0].port, 52000);
    recorded_folder_fini(&host);
}

/* A port of System that HTTP.sys is set up to serve is a port of HTTP.sys. */
static void test_kind(void **state)
{
    struct recorded_folder host;

    (void)state;
    recorded_folder_init(&host);
    recorded_folder_puts(&host, "host.json", OS("10.0.17763"));
    recorded_folder_puts(&host, "http-urlacl.txt", "URL: https://+:445/x/\r\n");
    recorded_folder_puts(&host, "netstat.txt",
                         "  TCP    0.0.0.0:445    0.0.0.0:0    LISTENING    4\r\n"
                         "  TCP    0.0.0.0:139    0.0.0.0:0    LISTENING    4\r\n");
    recorded_folder_must_observe(&host);
    assert_int_equal(host.seen.inventory.listeners.count, 2);
    assert_int_equal(host.seen.inventory.listeners.at[0].kind, HM_KIND_KERNEL);
    assert_int_equal(host.seen.inventory.listeners.at[1].kind, HM_KIND_HTTPSYS);
    recorded_folder_fini(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_port_values),
        cmocka_unit_test(test_port_values_not_whole),
        cmocka_unit_test(test_instance_in_both_views),
        cmocka_unit_test(test_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
