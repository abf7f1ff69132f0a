/* tests/unit/judge/test_chosen_ports.c — ports that an administrator chose for a service.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

#define MOST 4

struct seen {
    enum hm_protocol protocol;
    uint16_t port;
    const char *service;
};

struct chosen_case {
    struct seen listeners[MOST];
    uint16_t setting; /* of the registry; 0: not read */
    const char *excluded;
    const char *ports; /* of the verdict */
    enum hm_verdict_state state;
};

/* 49152 to 65535 is the dynamic range. */
static const struct chosen_case cases[] = {
  /* the default */
    {{{HM_TCP, 3389, "TermService"}},                                  0,     "",      "3389",  HM_SAFE   },
    {{{0}},                                                            0,     "",      "3389",  HM_SAFE   },
    {{{HM_TCP, 3389, "TermService"}, {HM_TCP, 50389, "TermService"}},  0,     "",      "3389",  HM_SAFE   },
 /* the registry says it, whoever listens where */
    {{{HM_TCP, 50389, "TermService"}},                                 50389, "",      "50389", HM_EXPOSED},
    {{{0}},                                                            50389, "",      "50389", HM_EXPOSED},
    {{{HM_TCP, 3389, "TermService"}},                                  50389, "",      "50389", HM_EXPOSED},
    {{{HM_TCP, 3389, "RdpGuard"}},                                     3390,  "",      "3390",  HM_SAFE   },
    {{{HM_TCP, 50389, "RdpGuard"}},                                    50389, "",      "50389", HM_BLOCKED},
    {{{HM_TCP, 50389, "TermService"}},                                 3389,  "",      "3389",  HM_SAFE   },
 /* no registry: its own listener */
    {{{HM_TCP, 50389, "TermService"}},                                 0,     "",      "50389", HM_EXPOSED},
    {{{HM_TCP, 3390, "TermService"}, {HM_TCP, 3389, "RdpGuard"}},      0,     "",      "3390",  HM_SAFE   },
    {{{HM_TCP, 50389, "TermService"}},                                 0,     "50389", "50389", HM_SAFE   },
 /* an RPC endpoint beside it */
    {{{HM_TCP, 50389, "TermService"},
      {HM_UDP, 50389, "TermService"},
      {HM_TCP, 49700, "TermService"}},
     0,                                                                       "",
     "50389",                                                                                   HM_EXPOSED},
    {{{HM_TCP, 3390, "TermService"}, {HM_TCP, 49700, "TermService"}},  0,     "",      "3390",  HM_SAFE   },
    {{{HM_TCP, 50389, "TermService"}, {HM_TCP, 49700, "TermService"}},
     0,                                                                       "50389",
     "50389",                                                                                   HM_SAFE   },
 /* each may be the one: never safe */
    {{{HM_TCP, 50389, "TermService"}, {HM_TCP, 49700, "TermService"}},
     0,                                                                       "",
     "49700,50389",                                                                             HM_EXPOSED},
};

static void put_rdp(struct hm_build *build)
{
    struct hm_product *product = hm_build_product(build, "rdp", "TermService", NULL);
    struct hm_requirement *row =
        hm_build_require(build, product, "rdp", HM_TCP, "3389", HM_KIND_SOCKET);

    row->has_port_from = true;
    row->port_from = HM_BY_RDP_PORT;
    hm_build_service(build, "TermService");
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct chosen_case *row = &cases[i];
        const struct hm_verdict *verdict;
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        put_rdp(&build);
        for (unsigned k = 0; k < MOST && row->listeners[k].port != 0; k++) {
            const struct seen *seen = &row->listeners[k];
            const bool own = strcmp(seen->service, "TermService") == 0;

            for (unsigned family = 0; family < 2; family++) {
                hm_build_listener(&build, seen->protocol, (enum hm_family)family, seen->port,
                                  own ? "svchost.exe" : "other.exe", seen->service, HM_KIND_SOCKET);
            }
        }
        for (unsigned family = 0; family < 2; family++) {
            hm_build_exclude(&build, HM_TCP, (enum hm_family)family, row->excluded);
        }
        if (row->setting != 0) {
            hm_build_configured(&build, HM_TCP, row->setting, HM_KIND_SOCKET, HM_BY_RDP_PORT,
                                "PortNumber");
        }
        hm_build_service_runs(&build, "TermService", row->state != HM_BLOCKED);
        (void)hm_build_judge(&build);
        verdict = &build.judgement.verdicts.at[0];
        assert_true(hm_ports_equal(verdict->ports, hm_build_ports(&build, row->ports)));
        assert_int_equal(verdict->state, row->state);
        hm_build_fini(&build);
    }
}

/* A value that is no port: neither the default nor what the service has now counts as known. */
static void test_invalid_value(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_verdict *verdict;
        struct hm_build build;

        hm_build_init(&build, "10.0.17763");
        put_rdp(&build);
        if (i == 1) {
            hm_build_listener(&build, HM_TCP, HM_IPV4, 3389, "svchost.exe", "TermService",
                              HM_KIND_SOCKET);
        }
        hm_build_configured(&build, HM_TCP, 0, HM_KIND_SOCKET, HM_BY_RDP_PORT,
                            "PortNumber 0x10000");
        hm_build_service_runs(&build, "TermService", true);
        (void)hm_build_judge(&build);
        verdict = &build.judgement.verdicts.at[0];
        assert_int_equal(verdict->state, HM_UNKNOWN);
        assert_int_equal(verdict->reason, HM_REASON_PORT_UNKNOWN);
        assert_false(verdict->has_after_boot);
        hm_build_fini(&build);
    }
}

/* Remote Desktop may be switched off, while its service runs: a connection from its port, which
 * nobody serves, may hinder nobody. */
static void test_port_of_what_may_be_off(void **state)
{
    (void)state;
    for (unsigned runs = 0; runs < 2; runs++) {
        struct hm_build build;

        hm_build_init(&build, "10.0.17763");
        put_rdp(&build);
        hm_build_configured(&build, HM_TCP, 50389, HM_KIND_SOCKET, HM_BY_RDP_PORT, "PortNumber");
        hm_build_service_runs(&build, "TermService", runs == 1)->program = "svchost.exe";
        hm_build_socket(&build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 50389, "chrome.exe", "");
        hm_build_listener(&build, HM_TCP, HM_IPV4, 135, "svchost.exe", "RpcSs", HM_KIND_SOCKET);
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.at[0].state, runs == 1 ? HM_UNKNOWN : HM_BLOCKED);
        assert_int_equal(hm_build_count_kind(&build, "required_port_held"), 1 - runs);
        hm_build_fini(&build);
    }
}

/* The port is chosen on this host, and another program has it: that is no part of a service of
 * Windows. A program that has the default port may be one, as far as is known. */
static void test_chosen_port_that_another_program_has(void **state)
{
    (void)state;
    for (unsigned chosen = 0; chosen < 2; chosen++) {
        const uint16_t port = chosen == 0 ? 3389 : 3390;
        const struct hm_verdict *verdict;
        struct hm_build build;

        hm_build_init(&build, "10.0.17763");
        put_rdp(&build);
        hm_build_configured(&build, HM_TCP, port, HM_KIND_SOCKET, HM_BY_RDP_PORT, "PortNumber");
        hm_build_service_runs(&build, "TermService", true)->program = "svchost.exe";
        for (unsigned family = 0; family < 2; family++) {
            hm_build_listener(&build, HM_TCP, (enum hm_family)family, port, "java.exe", "AcmeT",
                              HM_KIND_SOCKET);
        }
        (void)hm_build_judge(&build);
        verdict = &build.judgement.verdicts.at[0];
        assert_int_equal(verdict->state, chosen == 0 ? HM_UNKNOWN : HM_BLOCKED);
        assert_int_equal(hm_build_count_kind(&build, "required_port_held"), chosen);
        hm_build_fini(&build);
    }
}

/* A product that has one port up to a version of Windows and another from there on. Nobody knows
 * the version: it may be each. */
static void test_versions(void **state)
{
    static const struct {
        const char *version;
        const char *ports[2]; /* of the verdicts, in order; NULL none */
    } by_version[] = {
        {"6.3.9600",   {"50808", NULL}   },
        {"10.0.14393", {"51501", NULL}   },
        {"",           {"51501", "50808"}},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(by_version); i++) {
        struct hm_product *product;
        struct hm_build build;
        size_t count = 0;

        hm_build_init(&build, by_version[i].version);
        product = hm_build_product(&build, "adfs", "adfssrv", NULL);
        hm_build_require(&build, product, "old", HM_TCP, "50808", HM_KIND_SOCKET)->version_max =
            "6.3";
        hm_build_require(&build, product, "new", HM_TCP, "51501", HM_KIND_SOCKET)->version_min =
            "10.0";
        hm_build_service(&build, "adfssrv");
        (void)hm_build_judge(&build);
        for (size_t k = 0; k < build.judgement.verdicts.count; k++) {
            if (strcmp(build.judgement.verdicts.at[k].product, "adfs") == 0) {
                assert_true(count < 2 && by_version[i].ports[count] != NULL);
                assert_true(hm_ports_equal(build.judgement.verdicts.at[k].ports,
                                           hm_build_ports(&build, by_version[i].ports[count])));
                count++;
            }
        }
        assert_int_equal(count, by_version[i].ports[1] == NULL ? 1 : 2);
        hm_build_fini(&build);
    }
}

/* In a process with several services a socket is that of Remote Desktop only where it must have
 * one: LLMNR is another service's, and Remote Desktop needs no UDP. */
static void test_shared_process(void **state)
{
    static const char *names[] = {"Dnscache", "TermService"};
    struct hm_requirement *udp;
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "6.1.7601");
    put_rdp(&build);
    udp = hm_build_require(&build, &build.products[0], "udp", HM_UDP, "3389", HM_KIND_SOCKET);
    udp->has_port_from = true;
    udp->port_from = HM_BY_RDP_PORT;
    udp->optional = true;
    hm_build_listener(&build, HM_TCP, HM_IPV4, 50389, "svchost.exe", "", HM_KIND_SOCKET);
    hm_build_listener(&build, HM_UDP, HM_IPV4, 5355, "svchost.exe", "", HM_KIND_SOCKET);
    build.listeners[0].hosted = (struct hm_strings){names, HM_COUNT(names)};
    build.listeners[1].hosted = (struct hm_strings){names, HM_COUNT(names)};
    (void)hm_build_judge(&build);
    assert_int_equal(build.judgement.verdicts.count, 1);
    assert_int_equal(build.judgement.verdicts.at[0].protocol, HM_TCP);
    assert_int_equal(build.judgement.verdicts.at[0].state, HM_EXPOSED);
    hm_build_fini(&build);
}

/* A port proxy has no default: what the registry or its service shows counts, and nothing else. A
 * process with several services says nothing. */
static void test_port_proxy(void **state)
{
    static const struct {
        uint16_t listens;
        uint16_t set;
        const char *service;
        const char *ports; /* NULL: no verdict */
    } cases_of_proxy[] = {
        {0,     0,     "iphlpsvc", NULL   },
        {50022, 0,     "iphlpsvc", "50022"},
        {8080,  0,     "iphlpsvc", "8080" },
        {0,     50022, "iphlpsvc", "50022"},
        {50023, 50022, "iphlpsvc", "50022"},
        {50022, 0,     "",         NULL   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases_of_proxy); i++) {
        struct hm_product *product;
        struct hm_requirement *row;
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        product = hm_build_product(&build, "port-proxy", "iphlpsvc", NULL);
        row = hm_build_require(&build, product, "entries", HM_TCP, "", HM_KIND_SOCKET);
        row->has_port_from = true;
        row->port_from = HM_BY_PORT_PROXY;
        hm_build_service(&build, "iphlpsvc");
        if (cases_of_proxy[i].listens != 0) {
            hm_build_listener(&build, HM_TCP, HM_IPV4, cases_of_proxy[i].listens, "svchost.exe",
                              cases_of_proxy[i].service, HM_KIND_SOCKET);
        }
        if (cases_of_proxy[i].set != 0) {
            hm_build_configured(&build, HM_TCP, cases_of_proxy[i].set, HM_KIND_SOCKET,
                                HM_BY_PORT_PROXY, "*/50022");
        }
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases_of_proxy[i].ports == NULL ? 0 : 1);
        if (cases_of_proxy[i].ports != NULL) {
            assert_true(hm_ports_equal(build.judgement.verdicts.at[0].ports,
                                       hm_build_ports(&build, cases_of_proxy[i].ports)));
        }
        hm_build_fini(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_invalid_value),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_port_of_what_may_be_off),
        cmocka_unit_test(test_chosen_port_that_another_program_has),
        cmocka_unit_test(test_shared_process),
        cmocka_unit_test(test_port_proxy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
