/* tests/unit/judge/test_activation.c — Linux: a port that process 1 or inetd keeps for a service.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "tests/support/inventory_builder.h"

static struct hm_build *new_build(void)
{
    struct hm_build *build = malloc(sizeof(*build));

    assert_non_null(build);
    hm_build_init(build, NULL);
    (void)hm_build_require(build, hm_build_product(build, "product", "Own", NULL), "port", HM_TCP,
                           "9090", HM_KIND_SOCKET);
    hm_build_service(build, "Own");
    return build;
}

static void free_build(struct hm_build *build)
{
    hm_build_fini(build);
    free(build);
}

/* Socket activation: process 1 has the port for the unit that the socket unit starts. */
static void test_activation(void **state)
{
    static const struct {
        const char *program;
        const char *service;
        enum hm_verdict_state state;
    } cases[] = {
        {"systemd",       "Own",                HM_SAFE   },
        {"init",          "own",                HM_SAFE   },
        {"systemd",       "Own.socket",         HM_SAFE   },
        {"systemd",       "cockpit",            HM_BLOCKED},
        {"systemd",       "pgproxy.socket",     HM_BLOCKED},
        {"init",          "postgresql@15-main", HM_BLOCKED},
        {"systemd",       "user@1000",          HM_BLOCKED},
        {"systemd",       "",                   HM_UNKNOWN},
        {"init",          "",                   HM_UNKNOWN},
        {"xinetd",        "xinetd",             HM_UNKNOWN},
        {"inetd",         "openbsd-inetd",      HM_UNKNOWN},
        {"systemd-other", "",                   HM_BLOCKED},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build();
        const struct hm_verdict *verdict;

        hm_build_socket(build, HM_TCP, HM_IPV6, HM_SOCKET_LISTEN, 9090, cases[i].program,
                        cases[i].service);
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 9090, cases[i].program,
                        cases[i].service); /* a dual-stack "::" has both rows */
        verdict = &hm_build_judge(build)->verdicts.at[0];
        if (verdict->state != cases[i].state || verdict->families.count == 1) {
            fail_msg("row %zu: %s", i, verdict->text);
        }
        if (verdict->state == HM_UNKNOWN) {
            assert_non_null(strstr(verdict->text, "which socket unit"));
        }
        free_build(build);
    }
}

/* Nothing that systemd listens for says that the service runs: it waits for its first client. A
 * service that starts at boot, has no socket unit and is down: systemd has the port for another one
 * (cockpit.socket and Prometheus both want 9090). */
static void test_activation_of_another(void **state)
{
    static const struct {
        const char *service;
        enum hm_service_start start;
        bool runs;
        enum hm_verdict_state state;
    } cases[] = {
        {"",        HM_START_AUTOMATIC, false, HM_BLOCKED},
        {"",        HM_START_AUTOMATIC, true,  HM_SAFE   },
        {"",        HM_START_TRIGGERED, false, HM_UNKNOWN},
        {"",        HM_START_MANUAL,    false, HM_UNKNOWN},
        {"Own",     HM_START_TRIGGERED, false, HM_SAFE   },
        {"Own",     HM_START_AUTOMATIC, false, HM_SAFE   },
        {"cockpit", HM_START_AUTOMATIC, false, HM_BLOCKED},
        {"cockpit", HM_START_TRIGGERED, false, HM_BLOCKED},
        {"cockpit", HM_START_AUTOMATIC, true,  HM_UNKNOWN}, /* a question: the product runs */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build();

        hm_build_service_runs(build, "Own", cases[i].runs)->start = cases[i].start;
        hm_build_socket(build, HM_TCP, HM_IPV6, HM_SOCKET_LISTEN, 9090, "systemd",
                        cases[i].service);
        if (hm_build_judge(build)->verdicts.at[0].state != cases[i].state) {
            fail_msg("row %zu: %s", i, build->judgement.verdicts.at[0].text);
        }
        free_build(build);
    }
}

/* What frees the port is the socket unit; its service may not even run. */
static void test_remedy_names_the_socket_unit(void **state)
{
    struct hm_build *build = new_build();
    const struct hm_finding *finding;
    bool named = false;

    (void)state;
    hm_build_service_runs(build, "cockpit", false)->start = HM_START_TRIGGERED;
    hm_build_socket(build, HM_TCP, HM_IPV6, HM_SOCKET_LISTEN, 9090, "systemd", "cockpit");
    (void)hm_build_judge(build);
    assert_int_equal(build->judgement.findings.count, 1);
    finding = &build->judgement.findings.at[0];
    assert_string_equal(finding->kind, "required_port_held");
    for (size_t i = 0; i < finding->steps.count; i++) {
        named = named || strstr(finding->steps.at[i].text, "cockpit.socket") != NULL;
        for (size_t k = 0; k < finding->steps.at[i].commands.count; k++) {
            assert_null(strstr(finding->steps.at[i].commands.at[k], "stop cockpit"));
        }
    }
    assert_true(named);
    free_build(build);
}

/* A listener in the dynamic range that is no requirement of the catalogue: was its port chosen? */
static void test_fixed(void **state)
{
    static const struct {
        enum hm_protocol protocol;
        const char *address;
        const char *twin; /* in IPv6; NULL none */
        const char *program;
        const char *service;
        enum hm_verdict_state state; /* exposed: surely fixed */
    } cases[] = {
  /* a socket unit names it */
        {HM_TCP, "0.0.0.0",   NULL,  "systemd",      "app",    HM_EXPOSED},
        {HM_UDP, "0.0.0.0",   NULL,  "systemd",      "app",    HM_EXPOSED},
        {HM_TCP, "0.0.0.0",   NULL,  "systemd",      "",       HM_EXPOSED},
        {HM_TCP, "0.0.0.0",   NULL,  "xinetd",       "xinetd", HM_EXPOSED},
        {HM_TCP, "0.0.0.0",   NULL,  "init",         "",       HM_SAFE   }, /* of a container */
  /* a server that the catalogue knows, on another port than its default */
        {HM_TCP, "127.0.0.1", NULL,  "own",          "",       HM_EXPOSED},
        {HM_TCP, "127.0.0.1", NULL,  "pool",         "Own@1",  HM_EXPOSED},
        {HM_TCP, "127.0.0.1", NULL,  "helper",       "",       HM_EXPOSED},
        {HM_UDP, "0.0.0.0",   NULL,  "own",          "",       HM_SAFE   }, /* a client's socket */
  /* these ask for ports, too, or are anybody's: it may be that of a server that was moved */
        {HM_TCP, "0.0.0.0",   NULL,  "java",         "Own",    HM_UNKNOWN},
        {HM_TCP, "0.0.0.0",   NULL,  "rpc.mountd",   "Own",    HM_UNKNOWN},
        {HM_TCP, "0.0.0.0",   NULL,  "samba",        "Own",    HM_UNKNOWN},
        {HM_TCP, "127.0.0.1", NULL,  "containerd",   "Own",    HM_SAFE   },
        {HM_TCP, "0.0.0.0",   NULL,  "docker-proxy", "",       HM_SAFE   },
        {HM_TCP, "127.0.0.1", NULL,  "unlisted",     "other",  HM_SAFE   },
 /* one number in both families */
        {HM_TCP, "127.0.0.1", "::1", "unlisted",     "other",  HM_EXPOSED},
        {HM_TCP, "127.0.0.1", "::1", "sshd",         "ssh",    HM_SAFE   },
        {HM_TCP, "0.0.0.0",   "::",  "unlisted",     "other",  HM_SAFE   }, /* perhaps one socket */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = malloc(sizeof(*build));
        struct hm_product *product;

        print_message("case %zu\n", i);
        assert_non_null(build);
        hm_build_init(build, NULL);
        hm_build_dynamic(build, 32768, 60999);
        product = hm_build_product(build, "product", "Own", "own");
        (void)hm_build_require(build, product, "port", HM_TCP, "9090", HM_KIND_SOCKET);
        product->companions.shared_programs = (struct hm_strings){(const char *[]){"helper"}, 1};
        product->companions.services = (struct hm_strings){(const char *[]){"Own@*"}, 1};
        hm_build_service(build, "Own");
        hm_build_listener(build, cases[i].protocol, HM_IPV4, 41000, cases[i].program,
                          cases[i].service, HM_KIND_SOCKET);
        build->listeners[0].address = cases[i].address;
        if (cases[i].twin != NULL) {
            hm_build_listener(build, cases[i].protocol, HM_IPV6, 41000, cases[i].program,
                              cases[i].service, HM_KIND_SOCKET);
            build->listeners[1].address = cases[i].twin;
        }
        (void)hm_build_judge(build);
        assert_int_equal(build->judgement.verdicts.count, cases[i].state == HM_EXPOSED ? 2 : 1);
        assert_int_equal(build->judgement.verdicts.at[0].state, cases[i].state);
        free_build(build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activation),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_activation_of_another),
        cmocka_unit_test(test_remedy_names_the_socket_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
