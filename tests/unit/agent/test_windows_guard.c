/* tests/unit/agent/test_windows_guard.c — which services may be guarded, and what failed with one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"

#define ARENA_BYTES (1024u * 1024u)
#define NEEDS_MOST 4
#define OWN 0x10u
#define SHARED 0x20u
#define KERNEL 0x01u

/* A server, shortened: what matters is who starts when, and who needs whom. */
struct row {
    const char *name;
    uint32_t type;
    uint32_t start;
    const char *group;
    const char *needs[NEEDS_MOST];
};

static const struct row server[] = {
    {"ACPI",             KERNEL, 0, "Core",                       {NULL}                        },
    {"NDIS",             KERNEL, 0, "NDIS Wrapper",               {NULL}                        },
    {"Tcpip",            KERNEL, 0, "PNP_TDI",                    {NULL}                        },
    {"AFD",              KERNEL, 1, "PNP_TDI",                    {NULL}                        },
    {"nsiproxy",         KERNEL, 1, "PNP_TDI",                    {NULL}                        },
    {"RpcSs",            SHARED, 2, "COM Infrastructure",         {"RpcEptMapper", "DcomLaunch"}},
    {"RpcEptMapper",     SHARED, 2, "COM Infrastructure",         {NULL}                        },
    {"DcomLaunch",       SHARED, 2, "COM Infrastructure",         {NULL}                        },
    {"EventLog",         SHARED, 2, "Event Log",                  {"VendorLog"}                 },
    {"VendorLog",        OWN,    3, "",                           {NULL}                        },
    {"nsi",              SHARED, 2, "",                           {"rpcss", "nsiproxy"}         },
    {"Dhcp",             SHARED, 2, "TDI",                        {"NSI", "Tdx", "Afd"}         },
    {"HavenmasterAgent", OWN,    2, "TDI",                        {"Tcpip", "nsi"}              },
    {"VendorVpn",        OWN,    2, "TDI",                        {"VpnHelper"}                 },
    {"VpnHelper",        OWN,    3, "",                           {NULL}                        },
    {"DiskTool",         OWN,    2, "PlugPlay",                   {"+Vendor"}                   },
    {"DiskDaemon",       OWN,    3, "Vendor",                     {NULL}                        },
    {"Off",              OWN,    4, "Event Log",                  {"OnlyOff"}                   },
    {"OnlyOff",          OWN,    3, "",                           {NULL}                        },
    {"NTDS",             SHARED, 2, "MS_WindowsLocalValidation",  {NULL}                        },
    {"Netlogon",         SHARED, 2, "MS_WindowsRemoteValidation", {"LanmanWorkstation"}         },
    {"DNS",              OWN,    2, "",                           {"Afd", "Tcpip", "RpcSs"}     },
    {"LdapTool",         OWN,    2, "Nobody's group",             {"DNS"}                       },
    {"Above",            OWN,    2, "",                           {"+Nobody's group"}           },
    {"ByHand",           OWN,    3, "",                           {"DNS"}                       },
    {"CDPUserSvc",       0x60u,  2, "",                           {NULL}                        },
    {"CDPUserSvc_3a1",   0xE0u,  2, "",                           {NULL}                        },
};

static const char *const order[] = {
    "Core",
    "NDIS Wrapper",
    "COM Infrastructure",
    "Event Log",
    "MS_WindowsLocalValidation",
    "PlugPlay",
    "PNP_TDI",
    "TDI",
    "NetworkProvider",
    "MS_WindowsRemoteValidation",
};

struct fixture {
    struct hm_arena arena;
    struct hm_guard_host host;
};

static int begin(void **state)
{
    static struct fixture fixture;
    struct hm_guard_host *host = &fixture.host;

    memset(&fixture, 0, sizeof(fixture));
    hm_arena_init(&fixture.arena, ARENA_BYTES);
    host->at = hm_arena_alloc(&fixture.arena, HM_COUNT(server), sizeof(*host->at));
    assert_non_null(host->at);
    for (size_t i = 0; i < HM_COUNT(server); i++) {
        const struct row *row = &server[i];
        const char **needs =
            (const char **)hm_arena_alloc(&fixture.arena, NEEDS_MOST, sizeof(*needs));
        size_t count = 0;

        assert_non_null(needs);
        while (count < NEEDS_MOST && row->needs[count] != NULL) {
            needs[count] = row->needs[count];
            count++;
        }
        host->at[host->count++] = (struct hm_guard_service){
            row->name, row->type, row->start, row->group, {needs, count}
        };
    }
    host->group_order = (struct hm_strings){(const char **)order, HM_COUNT(order)};
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    hm_arena_fini(&((struct fixture *)*state)->arena);
    return 0;
}

struct check_case {
    const char *service;
    enum hm_status status;
    const char *text; /* in the refusal */
};

static const struct check_case check_cases[] = {
    {"DNS",              HM_OK,        ""                                                },
    {"dns",              HM_OK,        ""                                                },
    {"Netlogon",         HM_OK,        ""                                                }, /* a group behind the agent's */
    {"LdapTool",         HM_OK,        ""                                                }, /* a group that is not listed */
    {"ByHand",           HM_OK,        ""                                                },
    {"OnlyOff",          HM_OK,        ""                                                }, /* needed by a disabled one */
    {"Nothing",          HM_ENOENT,    "no such service"                                 },
    {"Tcpip",            HM_ECONFLICT, "driver"                                          },
    {"AFD",              HM_ECONFLICT, "driver"                                          },
    {"CDPUserSvc",       HM_ECONFLICT, "log-on"                                          },
    {"CDPUserSvc_3a1",   HM_ECONFLICT, "log-on"                                          },
    {"HavenmasterAgent", HM_ECONFLICT, "must not wait for the agent"                     },
    {"RpcSs",            HM_ECONFLICT, "HavenmasterAgent depends on it"                  },
    {"RPCEPTMAPPER",     HM_ECONFLICT, "must not wait"                                   },
    {"EventLog",         HM_ECONFLICT, "itself, needs it to start"                       },
    {"VendorLog",        HM_ECONFLICT, "EventLog depends on it"                          },
    {"nsi",              HM_ECONFLICT, "HavenmasterAgent depends on it"                  },
    {"Dhcp",             HM_ECONFLICT, "itself, needs it to start"                       },
    {"NTDS",             HM_ECONFLICT, "starts NTDS (load order group MS_WindowsLocalVal"},
    {"VendorVpn",        HM_ECONFLICT,
     "starts VendorVpn (load order group TDI)"                                           }, /* the agent's own group */
    {"VpnHelper",        HM_ECONFLICT, "starts VendorVpn"                                },
    {"DiskDaemon",       HM_ECONFLICT, "starts DiskTool"                                 }, /* through a group */
};

static void test_check(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < HM_COUNT(check_cases); i++) {
        const struct check_case *c = &check_cases[i];
        struct hm_err err = {.text = ""};

        print_message("%s\n", c->service);
        assert_int_equal(hm_guard_check(&f->host, c->service, &f->arena, &err), c->status);
        if (c->status != HM_OK && strstr(err.text, c->text) == NULL) {
            print_message("%s\n", err.text);
            fail();
        }
    }
}

static void set_needs(struct fixture *f, const char *service, const char *needs)
{
    const char **at = (const char **)hm_arena_alloc(&f->arena, 1, sizeof(*at));
    struct hm_guard_service *found =
        (struct hm_guard_service *)(uintptr_t)hm_guard_find(&f->host, service);

    assert_non_null(at);
    assert_non_null(found);
    at[0] = needs;
    found->needs = (struct hm_strings){at, 1};
}

/* Whatever the guard, or the agent, was made to need can no longer be guarded: a circle. */
static void test_circles(void **state)
{
    struct fixture *f = *state;
    struct hm_err err = {.text = ""};

    f->host.at[0] =
        (struct hm_guard_service){.name = "HavenmasterGuard", .type = OWN, .start = 3, .group = ""};
    assert_int_equal(hm_guard_check(&f->host, "DNS", &f->arena, &err), HM_OK);
    set_needs(f, "HavenmasterGuard", "LdapTool"); /* and that needs DNS */
    assert_int_equal(hm_guard_check(&f->host, "DNS", &f->arena, &err), HM_ECONFLICT);
    assert_non_null(strstr(err.text, "HavenmasterGuard depends on it"));
    set_needs(f, "HavenmasterGuard", "+Nobody's group");
    assert_int_equal(hm_guard_check(&f->host, "LdapTool", &f->arena, &err), HM_ECONFLICT);
    set_needs(f, "HavenmasterGuard", "HavenmasterGuard"); /* a circle of its own does not hang */
    assert_int_equal(hm_guard_check(&f->host, "DNS", &f->arena, &err), HM_OK);
    set_needs(f, "HavenmasterAgent", "DNS");
    assert_int_equal(hm_guard_check(&f->host, "DNS", &f->arena, &err), HM_ECONFLICT);
    assert_non_null(strstr(err.text, "HavenmasterAgent depends on it"));
}

/* An agent that was taken out of its group starts with the last. */
static void test_agent_without_group(void **state)
{
    struct fixture *f = *state;
    struct hm_err err = {.text = ""};
    struct hm_guard_service *agent =
        (struct hm_guard_service *)(uintptr_t)hm_guard_find(&f->host, "HavenmasterAgent");

    agent->group = "";
    assert_int_equal(hm_guard_check(&f->host, "Netlogon", &f->arena, &err), HM_ECONFLICT);
    assert_int_equal(hm_guard_check(&f->host, "DNS", &f->arena, &err), HM_OK);
}

static void test_dependents(void **state)
{
    struct fixture *f = *state;
    const char *failed[] = {"dns", "NotThere"};
    const struct hm_strings services = {failed, 2};
    struct hm_strings names;
    struct hm_err err;

    assert_int_equal(hm_guard_dependents(&f->host, &services, &f->arena, &names, &err), HM_OK);
    assert_int_equal(names.count, 3); /* not ByHand: nobody starts it by itself */
    assert_string_equal(names.at[0], "DNS");
    assert_string_equal(names.at[1], "LdapTool");
    assert_string_equal(names.at[2], "Above");
}

static void test_command(void **state)
{
    struct fixture *f = *state;
    const char *several[] = {"Tcpip", "Afd", "+Nobody's group"};
    const char *one[] = {"Tcpip"};
    const char *odd[] = {"a;b", "D%PATH%"};

    assert_string_equal(hm_guard_command("DNS", &(struct hm_strings){several, 2}, &f->arena),
                        "sc config \"DNS\" depend= \"Tcpip/Afd\"");
    assert_string_equal(hm_guard_command("DNS", &(struct hm_strings){several, 3}, &f->arena),
                        "sc config \"DNS\" depend= \"Tcpip/Afd/+Nobody's group\"");
    assert_string_equal(
        hm_guard_command("NetBackup INET Daemon", &(struct hm_strings){one, 1}, &f->arena),
        "sc config \"NetBackup INET Daemon\" depend= \"Tcpip\"");
    assert_string_equal(hm_guard_command("DNS", &(struct hm_strings){NULL, 0}, &f->arena),
                        "sc config \"DNS\" depend= \"/\"");
    assert_string_equal(hm_guard_command("R&D|^(x)", &(struct hm_strings){odd, 2}, &f->arena),
                        "sc config \"R&D|^(x)\" depend= \"a;b/D\"^%\"PATH\"^%\"\"");
    assert_string_equal(hm_guard_quote("q\"q & x", &f->arena), "\"q\"\\^\"\"q & x\"");
    assert_string_equal(hm_guard_quote("\\\"\\a\\", &f->arena), "\"\\\\\"\\^\"\"\\a\\\\\"");
}

/* ---- the form of the program ---------------------------------------------------------------- */

#define IMAGE_BYTES 1024u
#define PE_AT 0x80u
#define SECTIONS_AT (PE_AT + 24u + 0xF0u)

/* Two sections: 0x200 bytes from 0x200 with the service's name, none of the file. */
static void make_image(char bytes[IMAGE_BYTES])
{
    static const char name[] = "HavenmasterGuard";

    memset(bytes, 0, IMAGE_BYTES);
    memcpy(bytes, "MZ", 2);
    bytes[0x3C] = (char)PE_AT;
    memcpy(bytes + PE_AT, "PE\0\0", 4);
    bytes[PE_AT + 6] = 2;
    bytes[PE_AT + 20] = (char)0xF0;
    bytes[SECTIONS_AT + 17] = 2;
    bytes[SECTIONS_AT + 21] = 2;
    for (size_t i = 0; i < sizeof(name); i++) {
        bytes[0x300 + 2 * i] = name[i];
    }
}

static void test_image(void **state)
{
    char bytes[IMAGE_BYTES];

    (void)state;
    make_image(bytes);
    assert_string_equal(hm_guard_image_fault(bytes, IMAGE_BYTES), "");
    assert_string_equal(hm_guard_image_fault(bytes, 0), "it is empty");
    for (size_t len = 1; len < IMAGE_BYTES; len++) {
        char *exact = malloc(len); /* so that a read past the end is seen */

        assert_non_null(exact);
        memcpy(exact, bytes, len);
        assert_string_not_equal(hm_guard_image_fault(exact, len), "");
        free(exact);
    }
    bytes[0x300] = 'X';
    assert_string_equal(hm_guard_image_fault(bytes, IMAGE_BYTES), "it is another program");
    make_image(bytes);
    memset(bytes + 0x3C, 0xFF, 4); /* a header far beyond the end */
    assert_string_equal(hm_guard_image_fault(bytes, IMAGE_BYTES),
                        "it is damaged, or not all of it is there");
    make_image(bytes);
    memset(bytes + PE_AT + 6, 0xFF, 2); /* more sections than there is room for */
    assert_string_equal(hm_guard_image_fault(bytes, IMAGE_BYTES),
                        "it is damaged, or not all of it is there");
    make_image(bytes);
    memset(bytes + SECTIONS_AT + 16, 0xFF, 8);
    assert_string_equal(hm_guard_image_fault(bytes, IMAGE_BYTES),
                        "it is damaged, or not all of it is there");
    assert_string_equal(hm_guard_image_fault("#!/bin/sh and more than sixty-four bytes of a script "
                                             "that is no program of Windows",
                                             80),
                        "it is no program");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_check, begin, end),
        cmocka_unit_test_setup_teardown(test_circles, begin, end),
        cmocka_unit_test_setup_teardown(test_agent_without_group, begin, end),
        cmocka_unit_test_setup_teardown(test_dependents, begin, end),
        cmocka_unit_test_setup_teardown(test_command, begin, end),
        cmocka_unit_test(test_image),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
