/* tests/unit/plan/test_plan_unknown.c — plans where nobody knows what HTTP.sys is set up to serve.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/plan_model.h"

/* A UDP port of System may be one of HTTP/3 where HTTP.sys can serve that; a stopped site counts.
 */
static void test_udp_where_settings_are_unknown(void **state)
{
    static const struct {
        const char *version;
        bool listens;
        bool refused;
    } cases[] = {
        {"10.0.17763", true,  false},
        {"10.0.20348", true,  true },
        {"10.0.17763", false, false},
        {"10.0.20348", false, true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_model model;
        const struct hm_plan_note *note;

        hm_model_init(&model, SERVER_2019);
        model.host.inventory.os.version = cases[i].version;
        (void)hm_model_reserve(&model, "p", "udp", "137,50444");
        if (cases[i].listens) {
            hm_build_listener(&model.host, HM_UDP, HM_IPV4, 50444, "System", "", HM_KIND_KERNEL);
        } else {
            (void)hm_build_remember(&model.host, HM_UDP, 50444, "System", "", HM_KIND_KERNEL, 1);
        }
        (void)hm_build_remember(&model.host, HM_UDP, 137, "System", "", HM_KIND_KERNEL, 1);
        (void)hm_model_plan(&model);
        note = hm_model_note(&model, HM_NOTE_REFUSED, "p", 0);
        assert_int_equal(note != NULL, cases[i].refused);
        if (note != NULL) {
            assert_int_equal(note->code, HM_REFUSE_QUIC);
            assert_false(hm_ports_contains(note->ports, 137));
        }
        hm_model_fini(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp_where_settings_are_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
