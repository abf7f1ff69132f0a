/* tests/unit/windows/test_configured.c — what HTTP.sys is set up to serve, asked of netsh, and
 * when. SPDX-License-Identifier: Apache-2.0
 *
 * Needs the netsh double in the system directory (tests/windows/prefix.sh). */
#include "agent/platform/windows/configured.h"

#include <objbase.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/windows_registry.h"

#define DOUBLE "SOFTWARE\\NetshDouble"
#define RDP "SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp"
#define PROXY "SYSTEM\\CurrentControlSet\\Services\\PortProxy\\v4tov4\\tcp"
#define HTTP "SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters"

struct netsh_fixture {
    struct hm_netsh *netsh;
    struct hm_arena arena;
    struct hm_notes notes;
    struct hm_netsh_facts facts;
    struct hm_netsh_need need;
    struct hm_sites sites;
    struct hm_err err;
};

static const struct hm_os os_2019 = {.family = HM_OS_WINDOWS, .version = "10.0.17763"};

static void read_stacks(struct netsh_fixture *fixture, const struct hm_os *os)
{
    hm_arena_reset(&fixture->arena);
    hm_notes_init(&fixture->notes, &fixture->arena);
    assert_int_equal(hm_netsh_stacks(fixture->netsh, os, &fixture->need, &fixture->arena,
                                     &fixture->facts, &fixture->notes, &fixture->err),
                     HM_OK);
}

static const char *sites_path(const char *behind)
{
    static char path[MAX_PATH + 64];
    const UINT room = GetSystemDirectoryA(path, MAX_PATH);

    assert_true(room > 0 && room < MAX_PATH);
    (void)strcpy(path + room, behind);
    return path;
}

static int set_up(void **state)
{
    static struct netsh_fixture fixture;

    /* of a run that failed */
    (void)DeleteFileA(sites_path("\\inetsrv\\config\\redirection.config"));
    (void)DeleteFileA(sites_path("\\inetsrv\\config\\applicationHost.config"));
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, DOUBLE);
    hm_test_reg_text(DOUBLE, "http", "5985");
    memset(&fixture, 0, sizeof(fixture));
    hm_arena_init(&fixture.arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    hm_sites_init(&fixture.sites);
    *state = &fixture;
    return hm_netsh_open(&fixture.netsh, &fixture.err) == HM_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct netsh_fixture *fixture = *state;

    hm_netsh_close(fixture->netsh);
    hm_sites_fini(&fixture->sites);
    hm_arena_fini(&fixture->arena);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, DOUBLE);
    return 0;
}

/* What HTTP.sys is set up to serve; where netsh does not tell, a sentence does. */
static void test_configured(void **state)
{
    static const struct {
        const char *urlacl;
        const char *sslcert;
        bool known;
        bool partial;
        size_t rows;
        size_t notes;
    } cases[] = {
        {"http://+:80/x/ https://+:50443/", "0.0.0.0:50443", true,  false, 3, 0},
        {"http://+:80/x/",                  "none",          true,  true,  1, 1},
        {"none",                            "none",          false, false, 0, 2},
    };
    struct netsh_fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_inventory inventory = {.os = os_2019};
        struct hm_ports httpsys;

        print_message("case %zu\n", i);
        hm_netsh_close(fixture->netsh);
        assert_int_equal(hm_netsh_open(&fixture->netsh, &fixture->err), HM_OK);
        hm_test_reg_text(DOUBLE, "urlacl", cases[i].urlacl);
        hm_test_reg_text(DOUBLE, "sslcert", cases[i].sslcert);
        read_stacks(fixture, &os_2019);
        assert_int_equal(hm_windows_configured(fixture->facts.http, &fixture->sites, &inventory,
                                               &fixture->notes, &httpsys, &fixture->err),
                         HM_OK);
        assert_int_equal(inventory.has_configured, cases[i].known);
        assert_int_equal(inventory.configured_partial, cases[i].partial);
        assert_int_equal(inventory.configured.count, cases[i].rows);
        assert_int_equal(fixture->notes.list.count, cases[i].notes);
        assert_true(hm_ports_contains(httpsys, 5985));
    }
}

/* Ports of services that the registry says: all that 2003 can tell, and beside the lists. */
static void test_port_values(void **state)
{
    struct netsh_fixture *fixture = *state;
    struct hm_inventory inventory = {.os = os_2019};
    const struct hm_configured_list *list = &inventory.configured;

    hm_test_reg_u32(RDP, "PortNumber", 50389);
    hm_test_reg_text(PROXY, "*/50022", "10.0.0.1/22");
    hm_notes_init(&fixture->notes, &fixture->arena);
    assert_int_equal(hm_windows_port_values(&inventory, &fixture->notes, &fixture->err), HM_OK);
    assert_true(inventory.has_configured && !inventory.configured_partial);
    assert_int_equal(list->count, 3);
    assert_int_equal(list->at[0].port, 50022);
    assert_int_equal(list->at[0].by, HM_BY_PORT_PROXY);
    assert_int_equal(list->at[1].port, 50389);
    assert_int_equal(list->at[2].protocol, HM_UDP);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, RDP);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, PROXY);
    inventory = (struct hm_inventory){.os = os_2019};
    assert_int_equal(hm_windows_port_values(&inventory, &fixture->notes, &fixture->err), HM_OK);
    assert_false(inventory.has_configured);
}

#define NTDS "SYSTEM\\CurrentControlSet\\Services\\NTDS\\Parameters"
#define CA "SOFTWARE\\Classes\\AppID\\{D99E6E74-FC88-11D0-B498-00A0C90312F3}"
#define SQL "SOFTWARE\\Microsoft\\Microsoft SQL Server"
#define SQL_NAMES SQL "\\Instance Names\\SQL"
#define SQL_TCP SQL "\\MSSQL15.PAYROLL\\MSSQLServer\\SuperSocketNetLib\\Tcp"

/* Ports of SQL Server and of RPC servers: read, of another type, and none at all. */
static void test_registry_ports(void **state)
{
    static const char *lines[] = {"ncacn_ip_tcp,0,50300"};
    const struct hm_strings end_points = {lines, HM_COUNT(lines)};
    struct netsh_fixture *fixture = *state;
    struct hm_inventory inventory = {.os = os_2019};
    const struct hm_configured_list *list = &inventory.configured;

    hm_test_reg_u32(NTDS, "TCP/IP Port", 50243);
    hm_test_reg_lines(CA, "Endpoints", &end_points);
    hm_test_reg_text(SQL_NAMES, "PAYROLL", "MSSQL15.PAYROLL");
    hm_test_reg_u32(SQL_TCP, "Enabled", 1);
    hm_test_reg_u32(SQL_TCP, "ListenOnAllIPs", 0);
    hm_test_reg_text(SQL_TCP "\\IP1", "TcpPort", "50433,14330");
    hm_test_reg_text(SQL_TCP "\\IPAll", "TcpPort", "1433");
    hm_notes_init(&fixture->notes, &fixture->arena);
    assert_int_equal(hm_windows_port_values(&inventory, &fixture->notes, &fixture->err), HM_OK);
    assert_true(inventory.has_configured && !inventory.configured_partial);
    assert_int_equal(fixture->notes.list.count, 0);
    assert_int_equal(list->count, 4);
    assert_int_equal(list->at[0].port, 14330);
    assert_int_equal(list->at[0].by, HM_BY_SQL_PORT);
    assert_string_equal(list->at[0].service, "MSSQL$PAYROLL");
    assert_int_equal(list->at[1].port, 50243);
    assert_int_equal(list->at[1].by, HM_BY_NTDS_PORT);
    assert_int_equal(list->at[2].port, 50300);
    assert_int_equal(list->at[2].by, HM_BY_CA_PORT);
    assert_int_equal(list->at[3].port, 50433);

    hm_test_reg_remove(NTDS, "TCP/IP Port");
    hm_test_reg_text(NTDS, "TCP/IP Port", "50243");
    hm_test_reg_text(SQL_TCP "\\IP1", "TcpPort", "http");
    inventory = (struct hm_inventory){.os = os_2019};
    assert_int_equal(hm_windows_port_values(&inventory, &fixture->notes, &fixture->err), HM_OK);
    assert_int_equal(fixture->notes.list.count, 2);
    assert_int_equal(list->count, 3);
    assert_int_equal(list->at[0].port, 0);
    assert_int_equal(list->at[1].port, 0);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, NTDS);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, CA);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, SQL_NAMES);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, SQL_TCP "\\IP1");
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, SQL_TCP "\\IPAll");
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, SQL_TCP);
    inventory = (struct hm_inventory){.os = os_2019};
    assert_int_equal(hm_windows_port_values(&inventory, &fixture->notes, &fixture->err), HM_OK);
    assert_false(inventory.has_configured);
}

/* A list that is too long, or none at all, is never "no ports of HTTP.sys". */
static void test_service_state_unread(void **state)
{
    struct netsh_fixture *fixture = *state;
    struct hm_netsh_http http[HM_NETSH_HTTP_LISTS] = {
        [HM_NETSH_SERVICE_STATE] = {.fault = "printed more than 1048576 bytes", .text = ""},
        [HM_NETSH_URLACL] = {.text = "http://+:80/",                                          .len = 12},
        [HM_NETSH_SSLCERT] = {.text = ""},
    };
    struct hm_inventory inventory = {.os = os_2019};
    struct hm_ports httpsys;

    hm_notes_init(&fixture->notes, &fixture->arena);
    assert_int_equal(hm_windows_configured(http, &fixture->sites, &inventory, &fixture->notes,
                                           &httpsys, &fixture->err),
                     HM_OK);
    assert_true(inventory.has_configured && inventory.configured_partial);
    assert_int_equal(fixture->notes.list.count, 1);
    assert_non_null(strstr(fixture->notes.list.at[0], "servicestate"));
}

/* Early in a boot: what waiting actions need, then the rest and nothing twice. */
static void test_reading_what_is_urgent(void **state)
{
    struct netsh_fixture *fixture = *state;

    hm_test_reg_text(DOUBLE, "excluded-tcp-ipv4", "9955-9955*");
    fixture->need = (struct hm_netsh_need){.waits_with_wmi = true, .only = HM_LIST_EXCLUDED(0)};
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), 1);
    assert_int_equal(fixture->notes.list.count, 0);
    assert_true(hm_ports_contains(fixture->facts.stacks.at[0].administered, 9955));
    assert_false(fixture->facts.stacks.at[0].has_dynamic);
    for (size_t i = 1; i < HM_STACK_COUNT; i++) {
        assert_false(fixture->facts.stacks.at[i].has_administered);
        assert_false(fixture->facts.stacks.at[i].has_runtime);
    }
    fixture->need.only = 0;
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), 11);
    assert_true(fixture->facts.stacks.at[3].has_administered);
    assert_non_null(strstr(fixture->facts.http[HM_NETSH_SERVICE_STATE].text, ":5985/"));
    fixture->need.waits_with_wmi = false;
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), 11);
}

/* A reservation or a binding that is made: no exclusion may be added before it is read. */
static void test_a_new_reservation_is_read(void **state)
{
    struct netsh_fixture *fixture = *state;
    unsigned once;

    hm_test_reg_u32(HTTP, "MaxConnections", 1);
    read_stacks(fixture, &os_2019);
    once = hm_netsh_started(fixture->netsh);
    hm_test_reg_text(DOUBLE, "urlacl", "http://+:50443/");
    hm_test_reg_u32(HTTP "\\UrlAclInfo", "http://+:50443/", 1);
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), once + HM_NETSH_HTTP_LISTS);
    assert_non_null(strstr(fixture->facts.http[HM_NETSH_URLACL].text, ":50443/"));
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, HTTP "\\UrlAclInfo");
}

/* ---- containers: the functions of computenetwork.dll
 * ------------------------------------------
 */

#define ID "5d2b0a41-98e2-4c3c-9f6e-0123456789ab"
#define REFUSED ((HRESULT)0x80070005L)
#define GONE ((HRESULT)0x803b0002L)

/* What the functions answer. */
static struct {
    HRESULT enumerate;
    HRESULT open;
    HRESULT query;
    unsigned opened;
    unsigned closed;
} network;

static PWSTR text_of(const wchar_t *text)
{
    const size_t bytes = (wcslen(text) + 1) * sizeof(*text);
    PWSTR copy = CoTaskMemAlloc(bytes);

    assert_non_null(copy);
    memcpy(copy, text, bytes);
    return copy;
}

static HRESULT WINAPI fake_enumerate(PCWSTR query, PWSTR *out_ids, PWSTR *out_error)
{
    (void)query;
    *out_error = text_of(L"{}");
    *out_ids = network.enumerate == S_OK ? text_of(L"[\"" ID "\",\"" ID "\"]") : NULL;
    return network.enumerate;
}

static HRESULT WINAPI fake_open(REFGUID id, void **out_endpoint, PWSTR *out_error)
{
    (void)id;
    *out_endpoint = &network;
    *out_error = text_of(L"{}");
    network.opened += network.open == S_OK ? 1u : 0u;
    return network.open;
}

static HRESULT WINAPI fake_query(void *endpoint, PCWSTR query, PWSTR *out_properties,
                                 PWSTR *out_error)
{
    (void)query;
    assert_ptr_equal(endpoint, &network);
    *out_error = text_of(L"{}");
    *out_properties = network.query == S_OK
                          ? text_of(L"{\"Policies\": [{\"Type\": \"NAT\", \"Protocol\": \"TCP\", "
                                    L"\"InternalPort\": 80, \"ExternalPort\": 8080}]}")
                          : NULL;
    return network.query;
}

static HRESULT WINAPI fake_close(void *endpoint)
{
    assert_ptr_equal(endpoint, &network);
    network.closed++;
    return S_OK;
}

/* Only "not found" means that an endpoint went away; whatever else fails, the list is partial,
 * and one sentence says so. */
static void test_endpoints(void **state)
{
    static const struct {
        HRESULT enumerate;
        HRESULT open;
        HRESULT query;
        size_t rows;
        const char *noted; /* NULL: the list is whole */
    } cases[] = {
        {S_OK,    S_OK,    S_OK,    2, NULL                                          },
        {S_OK,    GONE,    S_OK,    0, NULL                                          },
        {S_OK,    S_OK,    GONE,    0, NULL                                          },
        {S_OK,    REFUSED, S_OK,    0, "HcnOpenEndpoint: error 0x80070005"           },
        {S_OK,    S_OK,    REFUSED, 0, "HcnQueryEndpointProperties: error 0x80070005"},
        {REFUSED, S_OK,    S_OK,    0, "HcnEnumerateEndpoints: error 0x80070005"     },
    };
    static const struct hm_network functions = {
        .enumerate = fake_enumerate, .open = fake_open, .query = fake_query, .close = fake_close};
    struct netsh_fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_gathering gathering = {.notes = &fixture->notes, .err = &fixture->err};

        print_message("case %zu\n", i);
        hm_arena_reset(&fixture->arena);
        hm_notes_init(&fixture->notes, &fixture->arena);
        hm_configured_begin(&gathering.make, &os_2019, &fixture->arena);
        memset(&network, 0, sizeof(network));
        network.enumerate = cases[i].enumerate;
        network.open = cases[i].open;
        network.query = cases[i].query;
        assert_int_equal(hm_network_take_endpoints(&functions, &gathering), HM_OK);
        assert_int_equal(gathering.make.list.count, cases[i].rows);
        assert_int_equal(gathering.partial, cases[i].noted != NULL);
        assert_int_equal(fixture->notes.list.count, cases[i].noted != NULL ? 1 : 0);
        if (cases[i].noted != NULL) {
            assert_non_null(strstr(fixture->notes.list.at[0], cases[i].noted));
        }
        assert_int_equal(network.opened, network.closed);
    }
}

/* The service of host networks runs, and its library is not there (Server 2016, Wine). */
static void test_network_without_library(void **state)
{
    struct netsh_fixture *fixture = *state;
    const char *names[] = {"hns"};
    struct hm_inventory inventory = {
        .os = os_2019, .has_services = true, .services = {names, 1}
    };
    const struct hm_netsh_http http[HM_NETSH_HTTP_LISTS] = {
        {.text = ""}, {.text = ""}, {.text = ""}};
    struct hm_ports httpsys;

    hm_notes_init(&fixture->notes, &fixture->arena);
    assert_int_equal(hm_windows_configured(http, &fixture->sites, &inventory, &fixture->notes,
                                           &httpsys, &fixture->err),
                     HM_OK);
    assert_true(inventory.has_configured && inventory.configured_partial);
    assert_non_null(
        strstr(fixture->notes.list.at[fixture->notes.list.count - 1], "computenetwork.dll: "));
}

/* ---- IIS
 * --------------------------------------------------------------------------------------
 */

#define SITE(port)                                                                                 \
    "<site name=\"A\"><bindings><binding protocol=\"http\" bindingInformation=\"*:" port           \
    ":\"/></bindings></site>"

/* Write times count: as of this one. */
static void write_file(const char *behind, const char *text, DWORD time)
{
    const FILETIME written = {.dwLowDateTime = time, .dwHighDateTime = 31000000};
    HANDLE file = CreateFileA(sites_path(behind), GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD put;

    assert_true(file != INVALID_HANDLE_VALUE);
    assert_true(WriteFile(file, text, (DWORD)strlen(text), &put, NULL));
    assert_true(SetFileTime(file, NULL, NULL, &written));
    assert_true(CloseHandle(file));
}

static void write_sites(const char *text, DWORD time)
{
    write_file("\\inetsrv\\config\\applicationHost.config", text, time);
}

/* The port of the only site; 0 none. */
static uint16_t sites_of(struct netsh_fixture *fixture, bool *out_partial)
{
    struct hm_gathering gathering = {.notes = &fixture->notes, .err = &fixture->err};

    hm_arena_reset(&fixture->arena);
    hm_notes_init(&fixture->notes, &fixture->arena);
    hm_configured_begin(&gathering.make, &os_2019, &fixture->arena);
    assert_int_equal(hm_sites_take(&fixture->sites, &gathering), HM_OK);
    assert_true(gathering.make.list.count < 2);
    assert_int_equal(gathering.any, gathering.make.list.count == 1);
    *out_partial = gathering.partial;
    return gathering.make.list.count == 0 ? 0 : gathering.make.list.at[0].port;
}

static uint16_t read_sites(struct netsh_fixture *fixture)
{
    bool partial;
    const uint16_t port = sites_of(fixture, &partial);

    assert_false(partial);
    assert_int_equal(fixture->notes.list.count, 0);
    return port;
}

/* The file is read again only when its write time or its size is another one. */
static void test_sites_are_remembered(void **state)
{
    struct netsh_fixture *fixture = *state;
    bool partial;

    (void)CreateDirectoryA(sites_path("\\inetsrv"), NULL);
    (void)CreateDirectoryA(sites_path("\\inetsrv\\config"), NULL);
    (void)DeleteFileA(sites_path("\\inetsrv\\config\\applicationHost.config"));
    assert_int_equal(read_sites(fixture), 0);
    write_sites(SITE("8081"), 0);
    assert_int_equal(read_sites(fixture), 8081);
    write_sites(SITE("8082"), 0);
    assert_int_equal(read_sites(fixture), 8081);
    write_sites(SITE("8083"), 10000000);
    assert_int_equal(read_sites(fixture), 8083);
    write_sites(SITE("80"), 10000000);
    assert_int_equal(read_sites(fixture), 80);
    /* A doubt about the file is said as long as it stands, not only when it is read. */
    write_sites("<configuration>" SITE("80") "<!-- ", 20000000);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sites_of(fixture, &partial), 80);
        assert_true(partial);
        assert_int_equal(fixture->notes.list.count, 1);
    }
    assert_true(DeleteFileA(sites_path("\\inetsrv\\config\\applicationHost.config")));
    assert_int_equal(read_sites(fixture), 0);
}

#define REDIRECTED(attributes)                                                                     \
    "<configuration><configurationRedirection " attributes "/></configuration>"

/* Shared configuration: the sites of the local file are not those that IIS serves. */
static void test_shared_configuration(void **state)
{
    static const struct {
        const char *redirection;
        const char *shared; /* applicationHost.config of C:\\iis-farm; NULL: there is none */
        bool hurried;
        uint16_t port;
        const char *noted; /* NULL: the list is whole */
    } cases[] = {
        {REDIRECTED(""),                                              SITE("9091"), false, 8081, NULL                   },
        {REDIRECTED("enabled='false' path='C:\\iis-farm'"),           SITE("9091"), false, 8081, NULL                   },
        {REDIRECTED("enabled='true' path='C:\\iis-farm'"),            SITE("9091"), false, 9091, NULL                   },
        {REDIRECTED("enabled='true' path='%SystemDrive%\\iis-farm'"), SITE("92"),   true,  92,   NULL                   },
        {REDIRECTED("enabled='true' path='C:\\iis-farm'"),            NULL,         false, 0,    "could not be read"    },
        {REDIRECTED("enabled='true' path=''"),                        SITE("9091"), false, 0,    "path of the shared"   },
        {REDIRECTED("enabled='true' path='\\\\no.example\\iis'"),     SITE("9091"), true,  0,
         "not asked for yet"                                                                                            },
        {REDIRECTED("enabled='true' path='\\\\no.example\\iis'"),     SITE("9091"), false, 0,
         "could not be read"                                                                                            },
        {"garbage",                                                   SITE("9091"), false, 8081, "no configuration file"},
    };
    struct netsh_fixture *fixture = *state;
    bool partial;

    (void)CreateDirectoryA(sites_path("\\inetsrv"), NULL);
    (void)CreateDirectoryA(sites_path("\\inetsrv\\config"), NULL);
    (void)CreateDirectoryA("C:\\iis-farm", NULL);
    write_sites(SITE("8081"), 0);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        print_message("case %zu\n", i);
        hm_sites_fini(&fixture->sites);
        hm_sites_init(&fixture->sites);
        write_file("\\inetsrv\\config\\redirection.config", cases[i].redirection, 0);
        (void)DeleteFileA("C:\\iis-farm\\applicationHost.config");
        if (cases[i].shared != NULL) {
            write_file("\\..\\..\\iis-farm\\applicationHost.config", cases[i].shared, 0);
        }
        fixture->sites.hurried = cases[i].hurried;
        assert_int_equal(sites_of(fixture, &partial), cases[i].port);
        assert_int_equal(partial, cases[i].noted != NULL);
        assert_int_equal(fixture->notes.list.count, cases[i].noted != NULL ? 1 : 0);
        assert_true(cases[i].noted == NULL ||
                    strstr(fixture->notes.list.at[0], cases[i].noted) != NULL);
    }
    (void)DeleteFileA(sites_path("\\inetsrv\\config\\redirection.config"));
    assert_true(DeleteFileA(sites_path("\\inetsrv\\config\\applicationHost.config")));
}

/* The shared file goes away while IIS serves what it read: its ports must not be excluded. */
static void test_shared_configuration_is_remembered(void **state)
{
    struct netsh_fixture *fixture = *state;
    bool partial;

    (void)CreateDirectoryA(sites_path("\\inetsrv"), NULL);
    (void)CreateDirectoryA(sites_path("\\inetsrv\\config"), NULL);
    (void)CreateDirectoryA("C:\\iis-farm", NULL);
    write_file("\\inetsrv\\config\\redirection.config",
               REDIRECTED("enabled='true' path='C:\\iis-farm'"), 0);
    write_file("\\..\\..\\iis-farm\\applicationHost.config", SITE("9091"), 0);
    assert_int_equal(read_sites(fixture), 9091);
    assert_true(DeleteFileA("C:\\iis-farm\\applicationHost.config"));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sites_of(fixture, &partial), 9091);
        assert_true(partial);
        assert_int_equal(fixture->notes.list.count, 1);
    }
    write_file("\\..\\..\\iis-farm\\applicationHost.config", SITE("9092"), 10000000);
    assert_int_equal(read_sites(fixture), 9092);
    assert_true(DeleteFileA(sites_path("\\inetsrv\\config\\redirection.config")));
    assert_int_equal(read_sites(fixture), 0); /* its own file, which is not there */
    (void)DeleteFileA("C:\\iis-farm\\applicationHost.config");
    (void)RemoveDirectoryA("C:\\iis-farm");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_configured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_port_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_registry_ports, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_service_state_unread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reading_what_is_urgent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_new_reservation_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_endpoints, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_network_without_library, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sites_are_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shared_configuration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shared_configuration_is_remembered, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
