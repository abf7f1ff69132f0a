/* tests/unit/windows/test_platform.c — the live platform and the recorded one agree: a recorded
 * host's facts, put into registry, netsh and socket tables, give its inventory byte for byte.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Needs the netsh double in the system directory (tests/windows/prefix.sh). */
#include "agent/platform/windows/windows.h"

#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/wire/records.h"
#include "tests/support/handle_count.h"
#include "tests/support/windows_registry.h"
#include "tests/support/windows_services.h"

#define ARENA_BYTES HM_LIMIT_CYCLE_ARENA_BYTES
#define DOUBLE "SOFTWARE\\NetshDouble"
#define TCPIP "SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
#define DNS "SYSTEM\\CurrentControlSet\\Services\\DNS\\Parameters"
#define HNS "SYSTEM\\CurrentControlSet\\Services\\hns\\State"
#define NSI "SYSTEM\\CurrentControlSet\\Control\\Nsi\\{eb004a03-9b1a-11d4-9123-0050047759bc}\\29"

static void clear(void)
{
    static const char *const values[] = {"MaxUserPort", "TcpTimedWaitDelay", "ReservedPorts"};

    for (size_t i = 0; i < HM_COUNT(values); i++) {
        hm_test_reg_remove(TCPIP, values[i]);
    }
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, DOUBLE);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, DNS);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, HNS);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, NSI);
}

/* ---- a recorded host's facts, given to this system ----------------------------------------- */

/* In the double's notation: "80-80,9955-9955*", in ascending order. */
static void put_rows(const struct hm_stack *stack, struct hm_buf *out)
{
    size_t a = 0;
    size_t r = 0;

    while (a < stack->administered.count || r < stack->runtime.count) {
        const bool star = r == stack->runtime.count ||
                          (a < stack->administered.count &&
                           stack->administered.at[a].first <= stack->runtime.at[r].first);
        const struct hm_range range = star ? stack->administered.at[a++] : stack->runtime.at[r++];

        (void)hm_buf_printf(out, "%s%u-%u%s", out->len > 0 ? "," : "", range.first, range.last,
                            star ? "*" : "");
    }
}

static void give_stacks(const struct hm_stacks *stacks)
{
    for (size_t i = 0; i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];
        char name[64];
        char text[32];
        struct hm_buf rows;

        (void)snprintf(name, sizeof(name), "dynamic-%s-%s", hm_protocol_names[stack->protocol],
                       hm_family_names[stack->family]);
        (void)snprintf(text, sizeof(text), "%u %u", stack->dynamic.first,
                       (unsigned)hm_range_count(stack->dynamic));
        hm_test_reg_text(DOUBLE, name, text);
        (void)snprintf(name, sizeof(name), "excluded-%s-%s", hm_protocol_names[stack->protocol],
                       hm_family_names[stack->family]);
        hm_buf_init(&rows, 65536);
        put_rows(stack, &rows);
        hm_test_reg_text(DOUBLE, name, hm_buf_text(&rows));
        hm_buf_fini(&rows);
    }
}

static void give_registry(const struct hm_registry *registry)
{
    if (registry->has_max_user_port) {
        hm_test_reg_u32(TCPIP, "MaxUserPort", registry->max_user_port);
    }
    if (registry->has_tcp_timed_wait_delay_s) {
        hm_test_reg_u32(TCPIP, "TcpTimedWaitDelay", registry->tcp_timed_wait_delay_s);
    }
    if (registry->has_reserved_ports) {
        hm_test_reg_lines(TCPIP, "ReservedPorts", &registry->reserved_ports);
    }
    if (registry->has_dns_socket_pool) {
        hm_test_reg_u32(DNS, "SocketPoolSize", registry->dns_socket_pool.size);
    }
    if (registry->has_hns) {
        hm_test_reg_u32(HNS, "EnableExcludedPortRange", registry->hns.enabled);
        hm_test_reg_u32(HNS, "ExcludedPortRangeStartPort", registry->hns.start);
        hm_test_reg_u32(HNS, "ExcludedPortRangePortCount", registry->hns.count);
    }
}

static DWORD stored_port(uint16_t port)
{
    return (DWORD)htons(port);
}

static void parse_address(const char *text, unsigned char *out, size_t len)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;

    assert_int_equal(getaddrinfo(text, NULL, &hints, &found), 0);
    if (len == 4) {
        memcpy(out, &((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr, 4);
    } else {
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)found->ai_addr)->sin6_addr, 16);
    }
    freeaddrinfo(found);
}

/* The row that the system would show for this socket. */
static enum hm_status give_socket(const struct hm_socket *socket, struct hm_socket_rows *rows,
                                  struct hm_err *err)
{
    static const DWORD states[HM_SOCKET_STATE_COUNT] = {
        MIB_TCP_STATE_LISTEN, MIB_TCP_STATE_ESTAB, MIB_TCP_STATE_TIME_WAIT, MIB_TCP_STATE_CLOSED,
        MIB_TCP_STATE_LAST_ACK}; /* the last one is of Linux */
    MIB_TCPROW_OWNER_MODULE tcp4 = {.dwState = states[socket->state],
                                    .dwLocalPort = stored_port(socket->port),
                                    .dwOwningPid = socket->pid};
    MIB_TCP6ROW_OWNER_MODULE tcp6 = {.dwState = states[socket->state],
                                     .dwLocalPort = stored_port(socket->port),
                                     .dwOwningPid = socket->pid};
    MIB_UDPROW_OWNER_MODULE udp4 = {.dwLocalPort = stored_port(socket->port),
                                    .dwOwningPid = socket->pid};
    MIB_UDP6ROW_OWNER_MODULE udp6 = {.dwLocalPort = stored_port(socket->port),
                                     .dwOwningPid = socket->pid};
    const void *given[HM_STACK_COUNT] = {&tcp4, &tcp6, &udp4, &udp6};
    unsigned char *const addresses[HM_STACK_COUNT] = {
        (unsigned char *)&tcp4.dwLocalAddr, tcp6.ucLocalAddr, (unsigned char *)&udp4.dwLocalAddr,
        udp6.ucLocalAddr};
    const unsigned index = hm_stack_index(socket->protocol, socket->family);

    parse_address(socket->address, addresses[index], index % 2 == 0 ? 4 : 16);
    return hm_socket_rows_add(rows, socket->protocol, socket->family, given[index], err);
}

static int compare_processes(const void *a, const void *b)
{
    const uint32_t x = ((const struct hm_windows_process *)a)->pid;
    const uint32_t y = ((const struct hm_windows_process *)b)->pid;

    return x < y ? -1 : x > y;
}

/* Programs and services by process id, as the sockets tell them. */
static struct hm_windows_processes processes_of(const struct hm_sockets *sockets,
                                                struct hm_arena *arena)
{
    struct hm_windows_processes out = {hm_arena_alloc(arena, sockets->count, sizeof(*out.at)), 0};

    assert_non_null(out.at);
    for (size_t i = 0; i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];

        if (socket->pid != 0 && socket->program[0] != '\0' &&
            hm_windows_find_process(&out, socket->pid) == NULL) {
            out.at[out.count++] = (struct hm_windows_process){socket->pid, socket->program,
                                                              socket->service, socket->hosted};
            if (socket->service[0] != '\0') {
                struct hm_strings *services = &out.at[out.count - 1].services;

                services->at = hm_arena_alloc(arena, 1, sizeof(*services->at));
                assert_non_null(services->at);
                services->at[services->count++] = socket->service;
            }
            qsort(out.at, out.count, sizeof(*out.at), compare_processes);
        }
    }
    return out;
}

static void give_sockets(const struct hm_sockets *from, struct hm_arena *arena,
                         struct hm_observation *out)
{
    const struct hm_windows_processes processes = processes_of(from, arena);
    struct hm_socket_rows rows = {.processes = &processes, .arena = arena};
    struct hm_err err;

    for (size_t i = 0; i < from->count; i++) {
        assert_int_equal(give_socket(&from->at[i], &rows, &err), HM_OK);
    }
    out->sockets = rows.sockets;
    out->has_sockets = true;
}

static void give_services(const struct hm_services *from, struct hm_notes *notes,
                          struct hm_inventory *out)
{
    struct hm_windows_services services = {
        .rows = {hm_arena_alloc(notes->arena, from->count, sizeof(*services.rows.at)), 0}
    };
    struct hm_err err;

    assert_true(from->count > 0);
    assert_non_null(services.rows.at);
    for (size_t i = 0; i < from->count; i++) {
        services.rows.at[services.rows.count++] = hm_test_service_row(&from->at[i], notes->arena);
    }
    hm_service_rows_settle(&services.rows);
    assert_int_equal(
        hm_windows_settle_services(&services, L"SOFTWARE\\NoSuchCluster", out, notes, &err), HM_OK);
}

/* ---- the comparison ------------------------------------------------------------------------ */

static const char *inventory_text(const struct hm_inventory *inventory, struct hm_arena *arena)
{
    struct hm_buf json;
    const char *text;

    hm_buf_init(&json, HM_LIMIT_DOCUMENT_BYTES);
    assert_int_equal(hm_record_encode(&hm_record_inventory, inventory, &json, NULL), HM_OK);
    text = hm_arena_strdup(arena, hm_buf_text(&json));
    hm_buf_fini(&json);
    assert_non_null(text);
    return text;
}

static const char *const hosts[] = {
    "i1-payroll-2003",       "i1-payroll-2003-cured",    "i2-exchange-2013-exposed",
    "i2-exchange-2013-held", "i2-exchange-2013-v4-only", "i2-exchange-2013-cured",
    "i3-sbs-2003",           "i3-sbs-2003-cured",        "i4-mail-2003",
    "i4-mail-2003-cured",
};

static void compare_host(const char *name)
{
    struct hm_observation recorded;
    struct hm_observation live = {0};
    struct hm_tcpip_memory memory;
    struct hm_sites sites;
    struct hm_platform *platform;
    const struct hm_netsh_need need = {.only = 0};
    struct hm_netsh *netsh;
    struct hm_notes notes;
    struct hm_arena arena;
    struct hm_err err;
    char folder[1024];

    print_message("%s\n", name);
    clear();
    hm_arena_init(&arena, ARENA_BYTES);
    hm_notes_init(&notes, &arena);
    (void)snprintf(folder, sizeof(folder), HM_SOURCE_DIR "/tests/fixtures/hosts/%s", name);
    assert_int_equal(hm_platform_recorded.open(folder, &platform, &err), HM_OK);
    assert_int_equal(hm_platform_recorded.observe(platform, &arena, &recorded, &err), HM_OK);
    /* The test has just written the values; an agent that saw them before this boot knows better.
     */
    memory = (struct hm_tcpip_memory){.boot_id = "before",
                                      .last = hm_registry_written(&recorded.inventory.registry)};
    hm_platform_recorded.remember(platform, &memory);
    assert_int_equal(hm_platform_recorded.observe(platform, &arena, &recorded, &err), HM_OK);
    hm_platform_recorded.close(platform);

    give_stacks(&recorded.inventory.stacks);
    give_registry(&recorded.inventory.registry);
    live.inventory.os = recorded.inventory.os;
    give_services(&recorded.inventory.service_details, &notes, &live.inventory);
    give_sockets(&recorded.sockets, &arena, &live);

    assert_int_equal(hm_netsh_open(&netsh, &err), HM_OK);
    hm_sites_init(&sites);
    assert_int_equal(hm_windows_compose(netsh, &sites, &memory, &need, &live, &notes, &err), HM_OK);
    hm_sites_fini(&sites);
    hm_netsh_close(netsh);
    /* The folders are older than the files that say what HTTP.sys is set up to serve. */
    assert_int_equal(live.inventory.configured.count, live.inventory.has_configured ? 1 : 0);
    assert_false(live.inventory.configured_partial);
    live.inventory.has_configured = false;
    assert_string_equal(inventory_text(&live.inventory, &arena),
                        inventory_text(&recorded.inventory, &arena));
    assert_int_equal(notes.list.count, 0);
    hm_arena_fini(&arena);
}

static void test_same_as_recorded(void **state)
{
    WSADATA data;

    (void)state;
    assert_int_equal(WSAStartup(MAKEWORD(2, 2), &data), 0);
    for (size_t i = 0; i < HM_COUNT(hosts); i++) {
        compare_host(hosts[i]);
    }
    clear();
    assert_int_equal(WSACleanup(), 0);
}

/* ---- netsh: when it is run, and when it does not answer ------------------------------------ */

struct netsh_fixture {
    struct hm_netsh *netsh;
    struct hm_arena arena;
    struct hm_notes notes;
    struct hm_netsh_facts facts;
    struct hm_netsh_need need;
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

static int set_up_netsh(void **state)
{
    static struct netsh_fixture fixture;

    clear();
    hm_test_reg_text(DOUBLE, "http", "5985");
    memset(&fixture, 0, sizeof(fixture));
    hm_arena_init(&fixture.arena, ARENA_BYTES);
    *state = &fixture;
    return hm_netsh_open(&fixture.netsh, &fixture.err) == HM_OK ? 0 : -1;
}

static int tear_down_netsh(void **state)
{
    struct netsh_fixture *fixture = *state;

    hm_netsh_close(fixture->netsh);
    hm_arena_fini(&fixture->arena);
    clear();
    return 0;
}

static void test_reading_pace(void **state)
{
    struct netsh_fixture *fixture = *state;
    const unsigned blocks = HM_STACK_COUNT + HM_NETSH_HTTP_LISTS; /* exclusions, HTTP.sys */
    unsigned once;

    read_stacks(fixture, &os_2019);
    assert_int_equal(fixture->notes.list.count, 0);
    assert_int_equal(fixture->facts.stacks.count, HM_STACK_COUNT);
    assert_non_null(strstr(fixture->facts.http[HM_NETSH_SERVICE_STATE].text, ":5985/"));
    once = hm_netsh_started(fixture->netsh);
    assert_int_equal(once, 11);
    for (int i = 0; i < 20; i++) {
        read_stacks(fixture, &os_2019);
    }
    assert_int_equal(hm_netsh_started(fixture->netsh), once);
    /* Each change of a watched key is one more reading, and the newest state is told. */
    for (unsigned i = 1; i <= 3; i++) {
        char rows[32];

        (void)snprintf(rows, sizeof(rows), "995%u-995%u*", i, i);
        hm_test_reg_text(DOUBLE, "excluded-tcp-ipv4", rows);
        hm_test_reg_u32(TCPIP, "MaxUserPort", 60000 + i);
        read_stacks(fixture, &os_2019);
        assert_int_equal(hm_netsh_started(fixture->netsh), once * (1 + i));
        assert_true(
            hm_ports_contains(fixture->facts.stacks.at[0].administered, (uint16_t)(9950 + i)));
    }
    /* A key that appears counts, too. */
    hm_test_reg_u32(HNS, "EnableExcludedPortRange", 1);
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), once * 4 + blocks);
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), once * 4 + blocks);
    /* Another listener of the system, or a service that makes blocks: no key shows them. */
    fixture->need.signature = 1;
    hm_test_reg_text(DOUBLE, "http", "5985 8530");
    hm_test_reg_text(DOUBLE, "excluded-tcp-ipv4", "50000-50099");
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), once * 4 + 2 * blocks);
    assert_non_null(strstr(fixture->facts.http[HM_NETSH_SERVICE_STATE].text, ":8530/"));
    assert_true(hm_ports_contains(fixture->facts.stacks.at[0].runtime, 50000));
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), once * 4 + 2 * blocks);
    /* WMI was asked, too, and left nothing in this process: it would be megabytes. */
    assert_null(GetModuleHandleW(L"wbemprox.dll"));
}

struct mode_case {
    const char *mode;
    const char *version;
    bool dynamic;
    bool excluded;
    bool unsupported;
    size_t refusals;
    const char *reason; /* of the first refusal, its beginning */
};

static const struct mode_case mode_cases[] = {
    {"",        "10.0.17763", true,  true,  false, 0, ""                  },
    {"empty",   "10.0.17763", false, false, false, 8, "it printed nothing"},
    {"garbage", "10.0.17763", false, false, false, 8, ""                  },
    {"fail:1",  "10.0.17763", false, false, false, 8, "exit status 1"     },
    {"fail:1",  "6.1.7601",   false, true,  true,  4, "exit status 1"     },
};

static void test_modes(void **state)
{
    struct netsh_fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(mode_cases); i++) {
        const struct mode_case *row = &mode_cases[i];
        const struct hm_os os = {.family = HM_OS_WINDOWS, .version = row->version};

        print_message("'%s' on %s\n", row->mode, row->version);
        hm_netsh_close(fixture->netsh);
        assert_int_equal(hm_netsh_open(&fixture->netsh, &fixture->err), HM_OK);
        hm_test_reg_text(DOUBLE, "mode", row->mode);
        read_stacks(fixture, &os);
        for (size_t j = 0; j < HM_STACK_COUNT; j++) {
            const struct hm_stack *stack = &fixture->facts.stacks.at[j];

            assert_int_equal(stack->has_dynamic, row->dynamic);
            assert_int_equal(stack->has_administered, row->excluded);
            assert_int_equal(stack->has_runtime, row->excluded);
            assert_int_equal(stack->exclusions_unsupported, row->unsupported);
        }
        assert_int_equal(fixture->notes.refusals.count, row->refusals);
        assert_int_equal(fixture->notes.list.count, row->refusals);
        if (row->refusals > 0) {
            assert_memory_equal(fixture->notes.refusals.at[0].reason, row->reason,
                                strlen(row->reason));
        }
    }
}

static void test_stored_exclusions(void **state)
{
    struct netsh_fixture *fixture = *state;

    hm_test_reg_text(DOUBLE, "excluded-tcp-ipv4", "9955-9955*");
    hm_test_reg_text(DOUBLE, "excluded-tcp-ipv6", "9955-9955*");
    hm_test_reg_set(NSI, "26e30100", REG_BINARY, "\x12\x00\xff\xff", 4); /* 9955 */
    read_stacks(fixture, &os_2019);
    assert_int_equal(
        hm_windows_stored_exclusions(&fixture->facts.stacks, &fixture->notes, &fixture->err),
        HM_OK);
    assert_int_equal(fixture->notes.list.count, 0);
    hm_test_reg_set(NSI, "cc570100", REG_BINARY, "\x12\x00\xff\xff", 4); /* 52311 */
    assert_int_equal(
        hm_windows_stored_exclusions(&fixture->facts.stacks, &fixture->notes, &fixture->err),
        HM_OK);
    assert_int_equal(fixture->notes.list.count, 1);
    assert_non_null(strstr(fixture->notes.list.at[0], "tcp 52311"));
}

/* ---- WMI ----------------------------------------------------------------------------------- */

static void test_wmi(void **state)
{
    struct hm_wmi_pairs pairs = {NULL, 9};
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(
        hm_wmi_list(L"ROOT\\NoSuch", L"SELECT * FROM None", L"A", L"B", &arena, &pairs, &err),
        HM_OK);
    assert_int_equal(pairs.count, 0);
    assert_int_equal(hm_wmi_list(L"ROOT\\CIMV2", L"SELECT * FROM Win32_OperatingSystem", L"OSType",
                                 L"OSType", &arena, &pairs, &err),
                     HM_OK);
    assert_int_equal(pairs.count, 1);
    assert_int_equal(pairs.at[0].first, 18); /* Windows NT */
    assert_int_equal(pairs.at[0].second, 18);
    assert_int_equal(hm_wmi_list(L"ROOT\\CIMV2", L"SELECT * FROM Win32_OperatingSystem", L"OSType",
                                 L"Caption", &arena, &pairs, &err),
                     HM_OK);
    assert_int_equal(pairs.count, 0); /* no number */
    hm_arena_fini(&arena);
}

static void test_ranges(void **state)
{
    static const char text[] = "tcp 49152-65535\r\nudp 1025-5000\ntcp 0-9\ntcp 9-8\ntcp 1-65536\n"
                               "sctp 1-2\ntcp 12\ntcp\nudp -\n 1-2\n\n"
                               "hm-agent: cannot\nudp 7-7";
    struct hm_range_opinions told = {NULL, 9};
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_windows_read_ranges("", 0, &arena, &told, &err), HM_OK);
    assert_int_equal(told.count, 0);
    assert_int_equal(hm_windows_read_ranges(text, strlen(text), &arena, &told, &err), HM_OK);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.at[0].protocol, HM_TCP);
    assert_int_equal(told.at[0].range.first, 49152);
    assert_int_equal(told.at[0].range.last, 65535);
    assert_string_equal(told.at[0].source, "WMI class MSFT_NetTCPSetting");
    assert_int_equal(told.at[1].protocol, HM_UDP);
    assert_int_equal(told.at[1].range.first, 1025);
    assert_int_equal(told.at[1].range.last, 5000);
    assert_int_equal(told.at[2].range.last, 7);
    hm_arena_fini(&arena);
}

/* ---- the platform as a whole --------------------------------------------------------------- */

/* Windows tells a 32-bit program of a 64-bit system by the second variable. */
static const char *system_arch(void)
{
    const char *own = getenv("PROCESSOR_ARCHITECTURE");

    assert_non_null(own);
    return getenv("PROCESSOR_ARCHITEW6432") != NULL || strcmp(own, "AMD64") == 0 ? "x86_64" : "x86";
}

static void test_observation(void **state)
{
    struct hm_observation first;
    struct hm_observation second;
    struct hm_platform *platform;
    struct hm_arena arena;
    struct hm_err err;
    unsigned before = 0;
    unsigned after = 0;

    (void)state;
    clear();
    hm_test_reg_text(DOUBLE, "language", "en");
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_platform_native.open("", &platform, &err), HM_OK);
    assert_int_equal(hm_platform_native.observe(platform, &arena, &first, &err), HM_OK);
    assert_int_equal(first.inventory.os.family, HM_OS_WINDOWS);
    assert_true(first.inventory.os.version[0] >= '1' && first.inventory.os.version[0] <= '9');
    assert_string_equal(first.inventory.os.arch, system_arch());
    assert_true(first.inventory.has_services && first.inventory.services.count > 0);
    assert_true(first.inventory.has_service_details && first.knows_all_services);
    assert_true(first.instances.count > 0 && first.idle_services.count > 0);
    assert_true(first.inventory.has_listeners && first.has_sockets && first.has_sample);
    assert_true(first.inventory.has_registry);
    if (!hm_os_is_legacy(&first.inventory.os)) { /* where IPv6 is there only when installed */
        assert_int_equal(first.inventory.stacks.count, HM_STACK_COUNT);
    }
    assert_int_equal(first.refusals.count, 0);
    assert_int_equal(strlen(first.boot_id), 16);
    before = hm_handle_count();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(hm_platform_native.observe(platform, &arena, &second, &err), HM_OK);
    }
    after = hm_handle_count();
    assert_true(before > 0);
    assert_int_equal(after, before);
    assert_string_equal(first.boot_id, second.boot_id);
    hm_platform_native.close(platform);
    hm_arena_fini(&arena);
    clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_recorded),
        cmocka_unit_test_setup_teardown(test_reading_pace, set_up_netsh, tear_down_netsh),
        cmocka_unit_test_setup_teardown(test_modes, set_up_netsh, tear_down_netsh),
        cmocka_unit_test_setup_teardown(test_stored_exclusions, set_up_netsh, tear_down_netsh),
        cmocka_unit_test(test_wmi),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_observation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
