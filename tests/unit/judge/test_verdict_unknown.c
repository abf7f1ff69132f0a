/* tests/unit/judge/test_verdict_unknown.c — what is unknown beside what is at risk is named, too.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

/* A product that is known by its service; the dynamic range begins at 6005. */
static struct hm_build *build_product(const char *ports, enum hm_listener_kind kind)
{
    struct hm_build *build = malloc(sizeof(*build));
    struct hm_product *product;

    assert_non_null(build);
    hm_build_init(build, "10.0.17763");
    product = hm_build_product(build, "product", "Own", NULL);
    hm_build_service(build, "Own");
    (void)hm_build_require(build, product, "port", HM_TCP, ports, kind);
    hm_build_dynamic(build, 6005, 65534);
    return build;
}

static struct hm_stack *tcp_of(struct hm_build *build, unsigned family)
{
    return hm_build_stack(build, HM_TCP, family == 0 ? HM_IPV4 : HM_IPV6);
}

static void free_product(struct hm_build *build)
{
    hm_build_fini(build);
    free(build);
}

/* One port lies in a row that may be the product's own, as no listeners were read; the other one
 * is exposed, or unknown for another reason. Both are named, and each sentence is true. */
static void test_runtime_row_beside_the_range(void **state)
{
    static const struct {
        bool has_dynamic;
        enum hm_verdict_state state;
        const char *says;
    } cases[] = {
        {true,  HM_EXPOSED, "TCP 9960 lies in the dynamic range 6005-65534"         },
        {false, HM_UNKNOWN, "TCP 9960 is neither known to be safe nor at risk: the "},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = build_product("9955,9960", HM_KIND_HTTPSYS);
        const struct hm_verdict *verdict;

        for (unsigned f = 0; f < 2; f++) {
            hm_build_runtime(build, HM_TCP, f == 0 ? HM_IPV4 : HM_IPV6, "9955");
            tcp_of(build, f)->has_dynamic = cases[i].has_dynamic;
        }
        build->inventory.has_listeners = false;
        verdict = &hm_build_judge(build)->verdicts.at[0];
        assert_int_equal(verdict->state, cases[i].state);
        assert_string_equal(hm_ports_text(verdict->at_risk, &build->arena), "9955,9960");
        assert_non_null(strstr(verdict->text, cases[i].says));
        assert_non_null(strstr(verdict->text, " TCP 9955 lies in a runtime exclusion: whether it "
                                              "is the product's own is not known"));
        free_product(build);
    }
}

/* Ports in the range and beside it: without the runtime exclusions no part is known to be safe. */
static void test_unread_exclusions_outside_the_range(void **state)
{
    struct hm_build *build = build_product("6000-6010", HM_KIND_SOCKET);
    const struct hm_verdict *verdict;

    (void)state;
    for (unsigned f = 0; f < 2; f++) {
        tcp_of(build, f)->has_runtime = false;
    }
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_UNKNOWN);
    assert_string_equal(hm_ports_text(verdict->at_risk, &build->arena), "6000-6010");
    free_product(build);
}

/* A closed connection: not safe while the service is down. */
static void test_lingers_while_down(void **state)
{
    static const struct {
        bool runs;
        bool listens;
        enum hm_verdict_state expected;
    } cases[] = {
        {false, false, HM_UNKNOWN},
        {true,  false, HM_SAFE   },
        {true,  true,  HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = malloc(sizeof(*build));
        const struct hm_verdict *verdict;

        assert_non_null(build);
        hm_build_init(build, NULL);
        (void)hm_build_require(build, hm_build_product(build, "product", "Own", NULL), "port",
                               HM_TCP, "9955", HM_KIND_SOCKET);
        hm_build_service(build, "Own");
        hm_build_dynamic(build, 32768, 60999);
        hm_build_service_runs(build, "Own", cases[i].runs);
        build->has_sockets = true;
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_TIME_WAIT, 9955, "", "")->remote =
            "10.0.0.5:50123";
        if (cases[i].listens) {
            hm_build_listener(build, HM_TCP, HM_IPV4, 9955, "", "Own", HM_KIND_SOCKET);
        }
        verdict = &hm_build_judge(build)->verdicts.at[0];
        assert_int_equal(verdict->state, cases[i].expected);
        if (cases[i].expected == HM_UNKNOWN) {
            assert_non_null(strstr(verdict->text, "may be blocked on ipv4 by a connection to"));
            assert_non_null(strstr(verdict->text, "at most 60 seconds"));
        }
        hm_build_fini(build);
        free(build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runtime_row_beside_the_range),
        cmocka_unit_test(test_unread_exclusions_outside_the_range),
        cmocka_unit_test(test_lingers_while_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
