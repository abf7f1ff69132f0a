/* tests/unit/agent/test_windows_rules.c — names of the Nsi store, addresses, what netsh refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows_kinds.h"
#include "agent/platform/windows_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_BYTES (1024u * 1024u)
#define EXCLUDED "Start Port    End Port\n----------    --------\n  80 80\n  9955   9955  *\n"

struct nsi_case {
    const char *name;
    bool is_range;
    struct hm_range range;
};

static const struct nsi_case nsi_cases[] = {
    {"cc570100",  true,  {52311, 52311}},
    {"CC570100",  true,  {52311, 52311}},
    {"26e30200",  true,  {9955, 9956}  },
    {"27100001",  true,  {10000, 10255}},
    {"ffff0100",  true,  {65535, 65535}},
    {"ffff0200",  false, {0, 0}        }, /* past the last port */
    {"cc570000",  false, {0, 0}        },
    {"00000100",  false, {0, 0}        },
    {"cc5701",    false, {0, 0}        },
    {"cc5701000", false, {0, 0}        },
    {"cc57010g",  false, {0, 0}        },
    {"",          false, {0, 0}        },
};

static void test_nsi(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(nsi_cases); i++) {
        struct hm_range range = {0, 0};

        print_message("'%s'\n", nsi_cases[i].name);
        assert_int_equal(hm_windows_nsi_range(nsi_cases[i].name, &range), nsi_cases[i].is_range);
        assert_int_equal(range.first, nsi_cases[i].range.first);
        assert_int_equal(range.last, nsi_cases[i].range.last);
    }
}

struct address_case {
    enum hm_family family;
    unsigned char bytes[16];
    const char *text;
};

static const struct address_case address_cases[] = {
    {HM_IPV4, {0},                                                         "0.0.0.0"            },
    {HM_IPV4, {127, 0, 0, 1},                                              "127.0.0.1"          },
    {HM_IPV4, {255, 255, 255, 255},                                        "255.255.255.255"    },
    {HM_IPV6, {0},                                                         "::"                 },
    {HM_IPV6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},            "::1"                },
    {HM_IPV6, {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1a},   "fe80::1a"           },
    {HM_IPV6, {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0},   "2001:db8:0:1::"     },
    {HM_IPV6, {0x20, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1},         "2001::1:0:0:1:1"    },
    {HM_IPV6, {0, 1, 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7},            "1:0:2:3:4:5:6:7"    },
    {HM_IPV6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 0, 10}, "::ffff:192.168.0.10"},
    {HM_IPV6,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff},
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"                                                  },
};

static void test_addresses(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(address_cases); i++) {
        const struct address_case *row = &address_cases[i];

        assert_string_equal(hm_windows_address(row->bytes, row->family, &arena), row->text);
    }
    hm_arena_fini(&arena);
}

struct excluded_case {
    const char *version;
    struct hm_windows_listing listing;
    enum hm_status status;
    bool unsupported;
    size_t administered;
};

static const struct excluded_case excluded_cases[] = {
    {"10.0.17763", {false, EXCLUDED, sizeof(EXCLUDED) - 1}, HM_OK,           false, 1},
    {"6.1.7601",   {false, EXCLUDED, sizeof(EXCLUDED) - 1}, HM_OK,           false, 1},
    {"10.0.17763", {true, "no", 2},                         HM_EUNSUPPORTED, false, 0},
    {"6.3.9600",   {true, "no", 2},                         HM_EUNSUPPORTED, false, 0},
    {"6.1.7601",   {true, "no", 2},                         HM_OK,           true,  0},
    {"6.0.6002",   {true, "no", 2},                         HM_OK,           true,  0},
    {"6.1.7601",   {false, "no", 2},                        HM_EINVAL,       false, 0},
};

static void test_excluded(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(excluded_cases); i++) {
        const struct excluded_case *row = &excluded_cases[i];
        const struct hm_os os = {.family = HM_OS_WINDOWS, .version = row->version};
        struct hm_stack stack = {.protocol = HM_TCP};
        struct hm_err err;

        assert_int_equal(hm_windows_take_excluded(&row->listing, &os, &arena, &stack, &err),
                         row->status);
        assert_int_equal(stack.has_administered, row->status == HM_OK);
        assert_int_equal(stack.has_runtime, row->status == HM_OK);
        assert_int_equal(stack.exclusions_unsupported, row->unsupported);
        assert_int_equal(stack.administered.count, row->administered);
    }
    hm_arena_fini(&arena);
}

/* System's port 9500 has no runtime row: a driver, unless HTTP.sys itself names it. */
static void test_httpsys_ports(void **state)
{
    static const struct hm_range runtime[] = {
        {80, 80}
    };
    static const struct hm_range told[] = {
        {9500, 9500}
    };
    struct hm_stack stack = {
        .protocol = HM_TCP, .family = HM_IPV4, .has_runtime = true, .runtime = {runtime, 1}
    };
    struct hm_socket socket = {.protocol = HM_TCP,
                               .family = HM_IPV4,
                               .state = HM_SOCKET_LISTEN,
                               .address = "0.0.0.0",
                               .port = 9500,
                               .remote = "",
                               .pid = 4,
                               .program = "System",
                               .service = ""};
    const struct hm_sockets sockets = {&socket, 1};
    struct hm_inventory inventory = {
        .stacks = {&stack, 1}
    };
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < 2; i++) {
        const struct hm_ports httpsys = {told, i};

        assert_int_equal(hm_windows_take_listeners(&sockets, httpsys, &arena, &inventory, &err),
                         HM_OK);
        assert_int_equal(inventory.listeners.count, 1);
        assert_int_equal(inventory.listeners.at[0].kind, i == 0 ? HM_KIND_KERNEL : HM_KIND_HTTPSYS);
    }
    hm_arena_fini(&arena);
}

/* Where no single-port row can tell, a port of System counts as HTTP.sys', but for known drivers.
 */
static void test_ports_of_system(void **state)
{
    struct hm_range rows[] = {
        {5985,  5985 },
        {50000, 50099},
    };
    struct hm_range star = {8000, 8999};
    const struct {
        uint16_t port;
        size_t rows;
        enum hm_listener_kind kind;
    } cases[] = {
        {443,   2, HM_KIND_HTTPSYS}, /* well known */
        {5985,  2, HM_KIND_HTTPSYS}, /* its own row */
        {50010, 2, HM_KIND_KERNEL }, /* a block of WinNAT */
        {7000,  2, HM_KIND_KERNEL }, /* HTTP.sys would show a row */
        {8443,  2, HM_KIND_HTTPSYS}, /* the administered row hides it */
        {7000,  0, HM_KIND_HTTPSYS}, /* no row shows at all */
        {445,   0, HM_KIND_KERNEL },
        {139,   2, HM_KIND_KERNEL },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_stack stack = {
            .protocol = HM_TCP,
            .has_administered = true,
            .administered = {&star, 1            },
            .has_runtime = true,
            .runtime = {rows,  cases[i].rows},
        };
        const struct hm_listener listener = {.protocol = HM_TCP,
                                             .address = "0.0.0.0",
                                             .port = cases[i].port,
                                             .program = "System",
                                             .service = "",
                                             .kind = HM_KIND_KERNEL};

        print_message("case %zu\n", i);
        assert_int_equal(hm_windows_kind(&listener, &stack, true), cases[i].kind);
    }
}

/* msquic reserves its UDP port as a block of one, whatever program uses it. */
static void test_quic(void **state)
{
    struct hm_range rows[] = {
        {54443, 54443},
        {55000, 55099},
    };
    const struct hm_stack stack = {
        .protocol = HM_UDP, .has_runtime = true, .runtime = {rows, HM_COUNT(rows)}
    };
    struct hm_listener listener = {.protocol = HM_UDP, .port = 54443, .program = "dotnet.exe"};

    (void)state;
    assert_int_equal(hm_windows_kind(&listener, &stack, false), HM_KIND_QUIC);
    listener.port = 55001;
    assert_int_equal(hm_windows_kind(&listener, &stack, false), HM_KIND_SOCKET);
    listener.port = 54444;
    assert_int_equal(hm_windows_kind(&listener, &stack, false), HM_KIND_SOCKET);
    listener.port = 54443;
    assert_int_equal(hm_windows_kind(&listener, NULL, false), HM_KIND_SOCKET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quic),     cmocka_unit_test(test_ports_of_system),
        cmocka_unit_test(test_nsi),      cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_excluded), cmocka_unit_test(test_httpsys_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
