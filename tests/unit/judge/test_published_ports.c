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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product_and_container),
        cmocka_unit_test(test_product_of_http_sys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
