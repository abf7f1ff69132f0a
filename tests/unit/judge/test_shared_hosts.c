/* tests/unit/judge/test_shared_hosts.c — a process that hosts several services has a port: whose is
 * it? SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "tests/support/inventory_builder.h"

#define PORT 4011

struct host_case {
    const char *name;
    const char *program;
    const char *hosted; /* by the process that has the port; "" nobody knows */
    bool listens;       /* in the inventory, too */
    bool owner_runs;
    enum hm_verdict_state state;
};

static void build_host(struct hm_build *build, const struct host_case *one)
{
    struct hm_product *product = hm_build_product(build, "boot", "BootServer", one->program);
    struct hm_strings hosted = hm_build_names(build, one->hosted);
    struct hm_service *service;

    product->detect.services = hm_build_names(build, "BootHelper|BootServer");
    hm_build_require(build, product, "binl", HM_UDP, "4011", HM_KIND_SOCKET);
    service = hm_build_service_runs(build, "BootServer", one->owner_runs);
    service->start = HM_START_AUTOMATIC;
    service->program = one->program;
    service->exit_code = one->owner_runs ? 0 : 10048;
    for (size_t i = 0; i < hosted.count; i++) {
        if (strcmp(hosted.at[i], "BootServer") != 0) {
            hm_build_service_runs(build, hosted.at[i], true)->program = one->program;
        }
    }
    if (one->listens) {
        hm_build_listener(build, HM_UDP, HM_IPV4, PORT, one->program, "", HM_KIND_SOCKET);
        build->listeners[build->inventory.listeners.count - 1].hosted = hosted;
    }
    hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, PORT, one->program, "")->hosted =
        hosted;
}

/* The image name is the product's; the services in the process say more. */
static void test_services_of_the_process_speak(void **state)
{
    static const struct host_case cases[] = {
        {"others",                "svchost.exe", "CryptSvc|Dnscache|NlaSvc", true,  false, HM_BLOCKED},
        {"others, no listeners",  "svchost.exe", "CryptSvc|Dnscache|NlaSvc", false, false,
         HM_BLOCKED                                                                                  },
        {"others, owner runs",    "svchost.exe", "CryptSvc|Dnscache|NlaSvc", true,  true,  HM_BLOCKED},
        {"two others in lsass",   "lsass.exe",   "KeyIso|SamSs",             true,  true,  HM_BLOCKED},
        {"another service's own", "tcpsvcs.exe", "LPDSVC|SimpTcp",           true,  false, HM_BLOCKED},
        {"nobody knows, down",    "svchost.exe", "",                         true,  false, HM_BLOCKED},
        {"nobody knows, runs",    "svchost.exe", "",                         true,  true,  HM_SAFE   },
        {"the owner among them",  "svchost.exe", "BootServer|Dnscache",      true,  true,  HM_SAFE   },
        {"its sister, runs",      "svchost.exe", "BootHelper|Dnscache",      true,  true,  HM_SAFE   },
        {"the owner in lsass",    "lsass.exe",   "BootServer|SamSs",         true,  true,  HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct host_case *one = &cases[i];
        struct hm_build *build = calloc(1, sizeof(*build));

        print_message("%s\n", one->name);
        assert_non_null(build);
        hm_build_init(build, "6.1.7601");
        build_host(build, one);
        hm_build_judge(build);
        assert_int_equal(hm_build_verdict(build, "boot", "binl")->state, one->state);
        assert_int_equal(hm_judgement_is_safe(&build->judgement), one->state == HM_SAFE);
        assert_int_equal(hm_build_count_kind(build, "service_not_running"), !one->owner_runs);
        hm_build_fini(build);
        free(build);
    }
}

struct left_case {
    const char *name;
    uint16_t first; /* of the dynamic range */
    const char *own_program;
    enum hm_verdict_state state;
};

/* A socket that a service left in lsass.exe when it failed is its own, unless it was given. */
static void test_socket_that_stays_in_lsass(void **state)
{
    static const struct left_case cases[] = {
        {"chosen",         5000, "lsass.exe",   HM_UNKNOWN},
        {"may be given",   1025, "lsass.exe",   HM_BLOCKED},
        {"never in lsass", 5000, "svchost.exe", HM_BLOCKED},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct host_case one = {"",   "lsass.exe", "ProtectedStorage|SamSs",
                                      true, false,       HM_UNKNOWN};
        struct hm_build *build = calloc(1, sizeof(*build));

        print_message("%s\n", cases[i].name);
        assert_non_null(build);
        hm_build_init(build, "5.2.3790");
        hm_build_dynamic(build, cases[i].first, 65534);
        build_host(build, &one);
        build->service_details[0].program = cases[i].own_program;
        hm_build_judge(build);
        assert_int_equal(hm_build_verdict(build, "boot", "binl")->state, cases[i].state);
        hm_build_fini(build);
        free(build);
    }
}

struct share_case {
    const char *name;
    bool listens; /* the product, by the kernel */
    bool runs;
    const char *remote;
    enum hm_verdict_state state;
    const char *says;
};

/* The kernel's own connection to a share has the port; or one that the product's driver accepted.
 */
static void test_connection_of_system(void **state)
{
    static const struct share_case cases[] = {
        {"a share",          false, false, "10.1.1.9:445",   HM_BLOCKED, "shares of 10.1.1.9:445"},
        {"a share, it runs", false, true,  "10.1.1.9:445",   HM_BLOCKED, "shares of 10.1.1.9:445"},
        {"an old share",     false, false, "10.1.1.9:139",   HM_BLOCKED, "shares of 10.1.1.9:139"},
        {"something else",   false, false, "10.1.1.9:80",    HM_BLOCKED, "Restart the host"      },
        {"accepted",         true,  true,  "10.1.1.9:50111", HM_EXPOSED, ""                      },
        {"accepted, of 445", true,  true,  "10.1.1.9:445",   HM_EXPOSED, ""                      },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct share_case *one = &cases[i];
        struct hm_build *build = calloc(1, sizeof(*build));
        struct hm_product *product;
        const struct hm_finding *finding;

        print_message("%s\n", one->name);
        assert_non_null(build);
        hm_build_init(build, "6.3.9600");
        hm_build_dynamic(build, 1025, 65534);
        product = hm_build_product(build, "vpn", "RemoteAccess", "System");
        hm_build_require(build, product, "pptp", HM_TCP, "1723", HM_KIND_KERNEL);
        hm_build_service_runs(build, "RemoteAccess", one->runs)->start = HM_START_AUTOMATIC;
        if (one->listens) {
            hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 1723, "System", "")->pid = 4;
            hm_build_listener(build, HM_TCP, HM_IPV4, 1723, "System", "", HM_KIND_KERNEL);
        }
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 1723, "System", "")->remote =
            one->remote;
        build->socket_rows[build->sockets.count - 1].pid = 4;
        hm_build_judge(build);
        assert_int_equal(hm_build_verdict(build, "vpn", "pptp")->state, one->state);
        finding = hm_build_finding(build, "required_port_held", NULL);
        assert_int_equal(finding != NULL, one->state == HM_BLOCKED);
        if (finding != NULL) {
            bool says = false;

            for (size_t k = 0; k < finding->steps.count; k++) {
                says = says || strstr(finding->steps.at[k].text, one->says) != NULL;
            }
            assert_true(says);
        }
        finding = hm_build_finding(build, "required_in_dynamic", NULL);
        for (size_t k = 0; finding != NULL && k < finding->steps.count; k++) {
            assert_null(strstr(finding->steps.at[k].text, "top System"));
            assert_null(strstr(finding->steps.at[k].text, "tart System"));
        }
        hm_build_fini(build);
        free(build);
    }
}

/* Nobody can stop svchost.exe: a service in it, or nothing. */
static void test_remedy_names_services(void **state)
{
    const struct host_case foreign = {"",   "svchost.exe", "CryptSvc|NlaSvc",
                                      true, false,         HM_BLOCKED};
    const struct host_case own = {"", "svchost.exe", "BootServer|NlaSvc", true, true, HM_EXPOSED};
    struct hm_build *build = calloc(1, sizeof(*build));
    const struct hm_finding *finding;

    (void)state;
    assert_non_null(build);
    hm_build_init(build, "6.1.7601");
    hm_build_dynamic(build, 1025, 65534);
    build_host(build, &foreign);
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_port_held", NULL);
    assert_non_null(finding);
    assert_non_null(
        strstr(finding->steps.at[0].text, "svchost.exe (it hosts CryptSvc and NlaSvc)"));
    hm_build_fini(build);
    hm_build_init(build, "6.1.7601");
    hm_build_dynamic(build, 1025, 65534);
    build_host(build, &own);
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_in_dynamic", NULL);
    assert_non_null(finding);
    for (size_t i = 0; i < finding->steps.count; i++) {
        assert_null(strstr(finding->steps.at[i].text, "svchost.exe"));
    }
    hm_build_fini(build);
    free(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services_of_the_process_speak),
        cmocka_unit_test(test_socket_that_stays_in_lsass),
        cmocka_unit_test(test_connection_of_system),
        cmocka_unit_test(test_remedy_names_services),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
