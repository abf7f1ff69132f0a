/* tests/unit/judge/test_published_ports.c — the published port of a container keeps a product from
 * its port. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

static void test_product_and_container(void **state)
{
    static const struct {
        enum hm_protocol protocol;
        enum hm_protocol published; /* with the same port */
        enum hm_configured_by by;
        bool container;
    } cases[] = {
        {HM_TCP, HM_TCP, HM_BY_PUBLISHED_PORT, true },
        {HM_TCP, HM_TCP, HM_BY_HNS_ENDPOINT,   true },
        {HM_UDP, HM_UDP, HM_BY_PUBLISHED_PORT, true },
        {HM_TCP, HM_UDP, HM_BY_PUBLISHED_PORT, false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const char *subject = cases[i].protocol == HM_TCP ? "tcp 1812" : "udp 1812";
        struct hm_build build;
        const struct hm_finding *finding;
        const char *advice;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.20348");
        hm_build_require(&build, hm_build_product(&build, "radius", "IAS", NULL), "auth",
                         cases[i].protocol, "1812", HM_KIND_SOCKET);
        hm_build_service(&build, "IAS");
        hm_build_service_runs(&build, "IAS", false)->exit_code = 10013;
        hm_build_configured(&build, cases[i].published, 1812, HM_KIND_CONTAINER, cases[i].by,
                            "to port 1812 of a container");
        hm_build_runtime(&build, cases[i].protocol, HM_IPV4, "1812");
        hm_build_runtime(&build, cases[i].protocol, HM_IPV6, "1812");
        (void)hm_build_judge(&build);
        finding = hm_build_finding(&build, "required_in_runtime_exclusion", subject);
        assert_non_null(finding);
        assert_int_equal(strstr(finding->text, "a container publishes the port") != NULL,
                         cases[i].container);
        advice = finding->steps.at[0].text;
        assert_int_equal(strstr(advice, "docker ps") != NULL, cases[i].container);
        assert_int_equal(strstr(advice, "HTTP.sys") != NULL, !cases[i].container);
        finding = hm_build_finding(&build, "service_not_running", "service IAS");
        assert_non_null(finding);
        assert_int_equal(strstr(finding->text, "a container publishes the port") != NULL,
                         cases[i].container);
        hm_build_fini(&build);
    }
}

/* HTTP.sys has another error for it than a socket. */
static void test_product_of_http_sys(void **state)
{
    struct hm_build build;
    const struct hm_finding *finding;

    (void)state;
    hm_build_init(&build, "10.0.20348");
    hm_build_require(&build, hm_build_product(&build, "wmsvc", "WMSVC", NULL), "remote", HM_TCP,
                     "8172", HM_KIND_HTTPSYS);
    hm_build_service_runs(&build, "WMSVC", false)->exit_code = 32;
    hm_build_listener(&build, HM_TCP, HM_IPV4, 135, "svchost.exe", "RpcSs", HM_KIND_SOCKET);
    hm_build_configured(&build, HM_TCP, 8172, HM_KIND_CONTAINER, HM_BY_PUBLISHED_PORT,
                        "8172 to port 80 of a container");
    hm_build_runtime(&build, HM_TCP, HM_IPV4, "8172");
    hm_build_runtime(&build, HM_TCP, HM_IPV6, "8172");
    (void)hm_build_judge(&build);
    finding = hm_build_finding(&build, "required_in_runtime_exclusion", "tcp 8172");
    assert_non_null(finding);
    assert_non_null(strstr(finding->text, "HTTP.sys refuses it with error 32"));
    assert_null(strstr(finding->text, "10013"));
    hm_build_fini(&build);
}

/* Linux: a service that forwards a port by its command line. */
static void test_forwarder(void **state)
{
    static const struct {
        uint16_t port;
        bool runs;
        const char *holder;   /* its program; NULL: nobody */
        const char *service;  /* of the holder */
        const char *expected; /* NULL: not judged */
    } cases[] = {
        {40000, false, NULL,   "",       "exposed"},
        {40000, true,  "ssh",  "tunnel", "exposed"},
        {40000, false, "java", "",       "blocked"},
        {3000,  false, NULL,   "",       NULL     },
        {3000,  true,  "ssh",  "tunnel", NULL     },
        {3000,  false, "java", "",       "blocked"},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        const struct hm_verdicts *verdicts;

        print_message("case %zu\n", i);
        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 32768, 60999);
        hm_build_service_runs(&build, "tunnel", cases[i].runs)->program = "ssh";
        hm_build_set_up(&build, cases[i].port, HM_BY_COMMAND_PORT, "tunnel");
        build.inventory.configured.at[0].subject = "tunnel";
        if (cases[i].holder != NULL) {
            hm_build_listener(&build, HM_TCP, HM_IPV4, cases[i].port, cases[i].holder,
                              cases[i].service, HM_KIND_SOCKET);
        }
        verdicts = &hm_build_judge(&build)->verdicts;
        assert_int_equal(verdicts->count, cases[i].expected != NULL);
        if (cases[i].expected != NULL) {
            assert_string_equal(hm_verdict_state_names[verdicts->at[0].state], cases[i].expected);
            assert_string_equal(verdicts->at[0].title, "Forwarded port of tunnel");
        }
        hm_build_fini(&build);
    }
}

/* Linux: Docker starts the container again, if nobody has its port then. */
static void test_container_of_docker(void **state)
{
    static const struct {
        const char *service; /* NULL: Docker is not there */
        bool manual;
        const char *reserved;
        const char *listener; /* its program; NULL: nobody */
        const char *client;   /* likewise, of a connection */
        const char *expected; /* NULL: not judged */
    } cases[] = {
        {"docker", false, "",      NULL,           NULL,   "exposed"},
        {"docker", false, "",      "docker-proxy", NULL,   "exposed"},
        {"docker", false, "",      NULL,           "curl", "blocked"},
        {"docker", false, "40000", NULL,           "curl", "blocked"},
        {"docker", false, "40000", "docker-proxy", NULL,   "safe"   },
        {"docker", true,  "",      NULL,           NULL,   NULL     },
        {NULL,     false, "",      NULL,           NULL,   NULL     },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        const struct hm_verdicts *verdicts;

        print_message("case %zu\n", i);
        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 32768, 60999);
        hm_build_exclude(&build, HM_TCP, HM_IPV4, cases[i].reserved);
        hm_build_exclude(&build, HM_TCP, HM_IPV6, cases[i].reserved);
        build.has_sockets = true;
        hm_build_service(&build, cases[i].service == NULL ? "ssh" : cases[i].service);
        hm_build_configured(&build, HM_TCP, 40000, HM_KIND_CONTAINER, HM_BY_PUBLISHED_PORT,
                            "to port 80 of a container");
        build.inventory.configured.at[0].manual = cases[i].manual;
        build.inventory.configured.at[0].service = "docker";
        if (cases[i].listener != NULL) {
            hm_build_listener(&build, HM_TCP, HM_IPV4, 40000, cases[i].listener, "",
                              HM_KIND_SOCKET);
        }
        if (cases[i].client != NULL) {
            struct hm_socket *socket = hm_build_socket(
                &build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 40000, cases[i].client, "");

            socket->remote = "10.0.0.9:443";
            socket->pid = 777;
        }
        verdicts = &hm_build_judge(&build)->verdicts;
        assert_int_equal(verdicts->count, cases[i].expected != NULL);
        if (cases[i].expected != NULL) {
            assert_string_equal(hm_verdict_state_names[verdicts->at[0].state], cases[i].expected);
            assert_string_equal(verdicts->at[0].title,
                                "Container port (to port 80 of a container)");
            assert_int_equal(verdicts->at[0].kind, HM_KIND_CONTAINER);
        }
        if (cases[i].client != NULL) {
            assert_non_null(strstr(verdicts->at[0].text, "set up to publish it cannot start"));
            /* a client ends: nobody restarts a host for it */
            const struct hm_finding *held =
                hm_build_finding(&build, "required_port_held", "tcp 40000");

            assert_non_null(held);
            for (size_t k = 0; k < held->steps.count; k++) {
                assert_int_not_equal(held->steps.at[k].kind, HM_STEP_BOOT);
            }
            assert_non_null(strstr(held->steps.at[held->steps.count - 1].text, "\"kill 777\""));
        }
        hm_build_fini(&build);
    }
}

/* Linux: what a unit or the kernel opens, and what nobody but a file speaks of while it is down. */
static void test_set_up_on_linux(void **state)
{
    static const struct {
        enum hm_configured_by by;
        const char *service; /* of the setting */
        const char *reserved;
        const char *holder;   /* a listener; NULL: nobody */
        const char *held_by;  /* its service */
        const char *expected; /* NULL: not judged */
        const char *title;
    } cases[] = {
        {HM_BY_PUBLISHED_PORT,       "",     "",      NULL,       NULL,   "exposed", "Container port (x)"   },
        {HM_BY_PUBLISHED_PORT,       "web",  "",      NULL,       NULL,   NULL,      ""                     },
        {HM_BY_PUBLISHED_PORT,       "app",  "",      "curl",     "",     "exposed", "Container port (x)"   },
        {HM_BY_SOCKET_UNIT,          "gone", "",      NULL,       NULL,   "exposed", "Socket unit x"        },
        {HM_BY_SOCKET_UNIT,          "gone", "40000", "nc",       "",     "blocked", "Socket unit x"        },
        {HM_BY_SOCKET_UNIT,          "gone", "40000", "systemd",  "gone", "safe",    "Socket unit x"        },
        {HM_BY_SOCKET_UNIT,          "gone", "",      "systemd",  "gone", "exposed", "Socket unit x"        },
        {HM_BY_SOCKET_UNIT,          "gone", "40000", "gone-svc", "gone", "safe",    "Socket unit x"        },
        {HM_BY_SOCKET_UNIT,          "gone", "40000", NULL,       NULL,   "safe",    "Socket unit x"        },
        {HM_BY_SOCKET_UNIT,          "idle", "40000", "",         "",     "unknown", "Socket unit x"        },
        {HM_BY_SOCKET_UNIT,          "idle", "40000", "nc",       "",     "blocked", "Socket unit x"        },
        {HM_BY_WIREGUARD_PORT,       "app",  "",      NULL,       NULL,   "exposed", "WireGuard tunnel of x"},
        {HM_BY_WIREGUARD_PORT,       "app",  "",      "",         "",     "exposed", "WireGuard tunnel of x"},
        {HM_BY_WIREGUARD_PORT,       "app",  "40000", "dnsmasq",  "",     "blocked", "WireGuard tunnel of x"},
        {HM_BY_WIREGUARD_PORT,       "web",  "",      NULL,       NULL,   NULL,      ""                     },
        {HM_BY_WIREGUARD_GIVEN_PORT, "app",  "",      NULL,       NULL,   NULL,      ""                     },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const enum hm_protocol protocol = cases[i].by == HM_BY_WIREGUARD_PORT ? HM_UDP : HM_TCP;
        const enum hm_listener_kind kind = cases[i].by == HM_BY_PUBLISHED_PORT ? HM_KIND_CONTAINER
                                           : protocol == HM_UDP                ? HM_KIND_KERNEL
                                                                               : HM_KIND_SOCKET;
        const struct hm_verdicts *verdicts;
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 32768, 60999);
        for (unsigned k = 0; k < 4; k++) {
            hm_build_exclude(&build, k < 2 ? HM_TCP : HM_UDP, k % 2 == 0 ? HM_IPV4 : HM_IPV6,
                             cases[i].reserved);
        }
        build.has_sockets = true;
        hm_build_service(&build, "app");
        hm_build_service_runs(&build, "idle", false)->start = HM_START_TRIGGERED;
        hm_build_configured(&build, protocol, 40000, kind, cases[i].by, "x");
        build.inventory.configured.at[0].service = cases[i].service;
        if (cases[i].holder != NULL) {
            hm_build_listener(&build, protocol, HM_IPV4, 40000, cases[i].holder, cases[i].held_by,
                              HM_KIND_SOCKET);
            hm_build_socket(&build, protocol, HM_IPV4, HM_SOCKET_LISTEN, 40000, cases[i].holder,
                            cases[i].held_by);
        }
        verdicts = &hm_build_judge(&build)->verdicts;
        assert_int_equal(verdicts->count, cases[i].expected != NULL);
        if (cases[i].expected != NULL) {
            assert_string_equal(hm_verdict_state_names[verdicts->at[0].state], cases[i].expected);
            assert_string_equal(verdicts->at[0].title, cases[i].title);
            assert_string_not_equal(verdicts->at[0].product, "unknown");
            assert_int_equal(verdicts->at[0].kind, kind);
        }
        if (cases[i].by == HM_BY_SOCKET_UNIT && verdicts->count > 0 &&
            verdicts->at[0].state == HM_BLOCKED) {
            assert_non_null(strstr(verdicts->at[0].text, "Socket unit x cannot start"));
        }
        hm_build_fini(&build);
    }
}

/* A socket unit with an address of one family: who has the port in the other one is in nobody's
 * way; of two units of one port each is judged in its own. */
static void test_socket_unit_of_one_family(void **state)
{
    static const struct {
        enum hm_families families[2]; /* of units; the second may be missing */
        size_t count;
        enum hm_family held;
        const char *expected;
    } cases[] = {
        {{HM_FAMILIES_BOTH},                   1, HM_IPV4, "blocked"},
        {{HM_FAMILIES_BOTH},                   1, HM_IPV6, "blocked"},
        {{HM_FAMILIES_IPV4},                   1, HM_IPV4, "blocked"},
        {{HM_FAMILIES_IPV4},                   1, HM_IPV6, "safe"   },
        {{HM_FAMILIES_IPV6},                   1, HM_IPV4, "safe"   },
        {{HM_FAMILIES_IPV6},                   1, HM_IPV6, "blocked"},
        {{HM_FAMILIES_IPV4, HM_FAMILIES_IPV6}, 2, HM_IPV4, "blocked"},
        {{HM_FAMILIES_IPV4, HM_FAMILIES_IPV6}, 2, HM_IPV6, "blocked"},
        {{HM_FAMILIES_IPV4, HM_FAMILIES_IPV4}, 2, HM_IPV6, "safe"   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_verdicts *verdicts;
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 32768, 60999);
        build.has_sockets = true;
        for (size_t k = 0; k < cases[i].count; k++) {
            hm_build_configured(&build, HM_TCP, 7001, HM_KIND_SOCKET, HM_BY_SOCKET_UNIT,
                                k == 0 ? "a" : "b");
            build.inventory.configured.at[k].service = k == 0 ? "a" : "b";
            build.inventory.configured.at[k].families = cases[i].families[k];
        }
        hm_build_listener(&build, HM_TCP, cases[i].held, 7001, "nc", "", HM_KIND_SOCKET);
        hm_build_socket(&build, HM_TCP, cases[i].held, HM_SOCKET_LISTEN, 7001, "nc", "");
        verdicts = &hm_build_judge(&build)->verdicts;
        assert_int_equal(verdicts->count,
                         cases[i].count == 2 && cases[i].families[0] != cases[i].families[1] ? 2
                                                                                             : 1);
        assert_string_equal(hm_verdict_state_names[verdicts->at[0].state], cases[i].expected);
        hm_build_fini(&build);
    }
}

/* One port inside the dynamic range, a unit for each family (BindIPv6Only=ipv6-only and 0.0.0.0):
 * process 1 listens for both, and none is in the way of the other. */
static void test_two_socket_units_of_one_port(void **state)
{
    static const enum hm_families families[] = {HM_FAMILIES_IPV6, HM_FAMILIES_IPV4};
    static const char *const units[] = {"a", "b"};

    (void)state;
    for (unsigned down = 0; down < 3; down++) { /* the first that does not listen; 2 none */
        const struct hm_verdicts *verdicts;
        struct hm_build build;

        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 32768, 60999);
        build.has_sockets = true;
        for (unsigned k = 0; k < 2; k++) {
            const enum hm_family family = k == 0 ? HM_IPV6 : HM_IPV4;
            const char *program = k == down ? "nc" : "systemd";
            const char *service = k == down ? "" : units[k];

            hm_build_configured(&build, HM_TCP, 40000, HM_KIND_SOCKET, HM_BY_SOCKET_UNIT, units[k]);
            build.inventory.configured.at[k].service = units[k];
            build.inventory.configured.at[k].families = families[k];
            hm_build_listener(&build, HM_TCP, family, 40000, program, service, HM_KIND_SOCKET);
            hm_build_socket(&build, HM_TCP, family, HM_SOCKET_LISTEN, 40000, program, service);
        }
        verdicts = &hm_build_judge(&build)->verdicts;
        assert_int_equal(verdicts->count, 2);
        assert_int_equal(down == 2 ? HM_EXPOSED : HM_BLOCKED, verdicts->at[0].state);
        assert_int_equal(HM_EXPOSED, verdicts->at[1].state);
        assert_int_equal(1, verdicts->at[0].families.count);
        if (down < 2) {
            assert_string_equal(down == 0 ? "Socket unit a" : "Socket unit b",
                                verdicts->at[0].title);
        }
        hm_build_fini(&build);
    }
}

/* A tunnel that the kernel gives a port speaks only for itself: while another one's file cannot be
 * read, the usual port counts, and the host is not known whole. */
static void test_unread_tunnels(void **state)
{
    (void)state;
    for (unsigned partial = 0; partial < 2; partial++) {
        struct hm_build build;
        struct hm_requirement *row;
        const char *texts[HM_INCOMPLETE_MAX];
        const bool lacks[2] = {false, false};

        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 32768, 60999);
        build.has_sockets = true;
        row = hm_build_require(&build, hm_build_product(&build, "wireguard", "wg-quick@*", NULL),
                               "tunnel", HM_UDP, "51820", HM_KIND_KERNEL);
        row->has_port_from = true;
        row->port_from = HM_BY_WIREGUARD_PORT;
        hm_build_service(&build, "wg-quick@wg0");
        hm_build_service(&build, "wg-quick@wg1");
        hm_build_configured(&build, HM_UDP, 0, HM_KIND_KERNEL, HM_BY_WIREGUARD_GIVEN_PORT, "wg0");
        build.inventory.configured.at[0].service = "wg-quick@wg0";
        build.inventory.configured_partial = partial != 0;
        assert_int_equal(hm_build_judge(&build)->verdicts.count, partial);
        assert_int_equal(hm_judge_incomplete(&build.inventory, lacks, texts), partial);
        assert_int_equal(build.judgement.incomplete, partial != 0);
        hm_build_fini(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product_and_container),
        cmocka_unit_test(test_product_of_http_sys),
        cmocka_unit_test(test_container_of_docker),
        cmocka_unit_test(test_forwarder),
        cmocka_unit_test(test_set_up_on_linux),
        cmocka_unit_test(test_socket_unit_of_one_family),
        cmocka_unit_test(test_two_socket_units_of_one_port),
        cmocka_unit_test(test_unread_tunnels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
