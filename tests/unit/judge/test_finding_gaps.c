/* tests/unit/judge/test_finding_gaps.c — excluded, but only half: the other family, the other
 * protocol. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/finding_checks.h"

static void test_family_gap(void **state)
{
    struct hm_build *build = new_build(W2012R2);
    struct hm_requirement *requirement = require(build, HM_TCP, "9955", HM_KIND_SOCKET);
    const struct hm_finding *finding;

    (void)state;
    hm_build_dynamic(build, 6005, 65534);
    must_miss(build, "family_gap"); /* excluded nowhere is no gap */
    hm_build_exclude(build, HM_TCP, HM_IPV4, "9955");
    finding = must_find(build, "family_gap", "tcp 9955",
                        COMMANDS("netsh int ipv6 add excludedportrange protocol=tcp "
                                 "startport=9955 numberofports=1 store=persistent",
                                 NULL));
    assert_non_null(strstr(finding->text, "excluded on ipv4 but not on ipv6"));
    assert_null(hm_build_finding(build, "required_in_dynamic", NULL)); /* said once */
    hm_build_exclude(build, HM_TCP, HM_IPV4, "");
    hm_build_exclude(build, HM_TCP, HM_IPV6, "9955");
    finding = must_find(build, "family_gap", "tcp 9955",
                        COMMANDS("netsh int ipv4 add excludedportrange protocol=tcp "
                                 "startport=9955 numberofports=1 store=persistent",
                                 NULL));
    assert_non_null(strstr(finding->text, "excluded on ipv6 but not on ipv4"));
    requirement->families = HM_FAMILIES_IPV6; /* it binds in the one that is covered */
    must_miss(build, "family_gap");
    free_build(build);
}

static void test_protocol_gap(void **state)
{
    struct hm_build *build = new_build(W2012R2);
    const struct hm_finding *finding;

    (void)state;
    require(build, HM_UDP, "52311", HM_KIND_SOCKET);
    hm_build_exclude(build, HM_TCP, HM_IPV4, "52311");
    must_miss(build, "protocol_gap"); /* not even tcp is covered everywhere */
    hm_build_exclude(build, HM_TCP, HM_IPV6, "52311");
    finding = must_find(build, "protocol_gap", "udp 52311",
                        COMMANDS("netsh int ipv4 add excludedportrange protocol=udp "
                                 "startport=52311 numberofports=1 store=persistent",
                                 "netsh int ipv6 add excludedportrange protocol=udp "
                                 "startport=52311 numberofports=1 store=persistent",
                                 NULL));
    assert_string_equal(hm_build_evidence(finding, "excluded_for"), "tcp");
    assert_null(hm_build_finding(build, "required_in_dynamic", NULL));
    hm_build_exclude(build, HM_UDP, HM_IPV4, "52311");
    hm_build_exclude(build, HM_UDP, HM_IPV6, "52311");
    must_miss(build, "protocol_gap");
    free_build(build);
}

static void test_protocol_gap_reverse(void **state)
{
    struct hm_build *build = new_build(W2019);

    (void)state;
    require(build, HM_TCP, "50000", HM_KIND_SOCKET);
    hm_build_exclude(build, HM_UDP, HM_IPV4, "50000-50059");
    hm_build_exclude(build, HM_UDP, HM_IPV6, "50000-50059");
    must_find(build, "protocol_gap", "tcp 50000",
              COMMANDS("netsh int ipv4 add excludedportrange protocol=tcp startport=50000 "
                       "numberofports=1 store=persistent",
                       "netsh int ipv6 add excludedportrange protocol=tcp startport=50000 "
                       "numberofports=1 store=persistent",
                       NULL));
    free_build(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_family_gap),
        cmocka_unit_test(test_protocol_gap),
        cmocka_unit_test(test_protocol_gap_reverse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
