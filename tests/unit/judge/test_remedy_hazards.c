/* tests/unit/judge/test_remedy_hazards.c — no remedy excludes what the agent's memory forbids.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/finding_checks.h"

#define EVENT "event 15005 of HTTP.sys"

/* How many commands exclude this port: netsh names a first port and a number of ports. */
static unsigned exclusions_of(const struct hm_build *build, unsigned port)
{
    const struct hm_findings *findings = &build->judgement.findings;
    unsigned count = 0;

    for (size_t i = 0; i < findings->count; i++) {
        for (size_t k = 0; k < findings->at[i].commands.count; k++) {
            const char *at = findings->at[i].commands.at[k];

            while ((at = strstr(at, "add excludedportrange")) != NULL) {
                unsigned first = 0;
                unsigned number = 0;

                at = strstr(at, "startport=");
                assert_non_null(at);
                assert_int_equal(sscanf(at, "startport=%u numberofports=%u", &first, &number), 2);
                count += port >= first && port - first < number ? 1 : 0;
            }
        }
    }
    return count;
}

static bool says(const struct hm_build *build, const char *text)
{
    const struct hm_findings *findings = &build->judgement.findings;

    for (size_t i = 0; i < findings->count; i++) {
        for (size_t k = 0; k < findings->at[i].steps.count; k++) {
            if (strstr(findings->at[i].steps.at[k].text, text) != NULL) {
                return true;
            }
        }
    }
    return false;
}

static struct hm_build *new_host(const char *ports)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own.exe");

    hm_build_service(build, "Own");
    hm_build_require(build, own, "ports", HM_TCP, ports, HM_KIND_SOCKET);
    return build;
}

/* Of a block of ports the others are excluded, and the sentence says why this one is not. */
static void test_one_of_a_block(void **state)
{
    struct hm_build *build = new_host("50021-50023");

    (void)state;
    hm_build_judge(build);
    assert_true(exclusions_of(build, 50022) > 0);
    hm_build_hazard(build, HM_TCP, 50022, HM_KIND_HTTPSYS, EVENT, true);
    hm_build_judge(build);
    assert_int_equal(exclusions_of(build, 50022), 0);
    assert_true(exclusions_of(build, 50021) > 0);
    assert_true(exclusions_of(build, 50023) > 0);
    assert_true(says(build, "Do not exclude tcp 50022"));
    assert_true(says(build, EVENT));
    assert_true(says(build, "hm-agent forget"));
    free_build(build);
}

/* Also one that nobody can name; of the other protocol it says nothing. */
static void test_block_of_one(void **state)
{
    struct hm_build *build = new_host("50000");

    (void)state;
    hm_build_hazard(build, HM_UDP, 50000, HM_KIND_KERNEL, "a block of exactly this port", true);
    hm_build_judge(build);
    assert_true(exclusions_of(build, 50000) > 0);
    assert_false(says(build, "Do not exclude"));
    hm_build_hazard(build, HM_TCP, 50000, HM_KIND_KERNEL, "a block of exactly this port", true);
    hm_build_judge(build);
    assert_int_equal(exclusions_of(build, 50000), 0);
    assert_true(says(build, "Do not exclude tcp 50000"));
    free_build(build);
}

/* A setting that is read now says more than the memory of it. */
static void test_settings(void **state)
{
    struct hm_build *build = new_host("50000");

    (void)state;
    hm_build_hazard(build, HM_TCP, 50000, HM_KIND_HTTPSYS, "IIS binding http *:50000:", false);
    hm_build_judge(build);
    assert_true(exclusions_of(build, 50000) > 0);
    build->settings_unread = true;
    hm_build_judge(build);
    assert_int_equal(exclusions_of(build, 50000), 0);
    assert_true(says(build, "IIS binding http *:50000:"));
    assert_true(says(build, "cannot be read now"));
    free_build(build);
}

/* Settings that are read, of another server for the same port, forbid it as well. */
static void test_configured(void **state)
{
    struct hm_build *build = new_host("50000-50001");

    (void)state;
    build->inventory.has_configured = true;
    hm_build_configured(build, HM_TCP, 50001, HM_KIND_CONTAINER, HM_BY_HNS_ENDPOINT, "web");
    hm_build_judge(build);
    assert_true(exclusions_of(build, 50000) > 0);
    assert_int_equal(exclusions_of(build, 50001), 0);
    free_build(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_of_a_block),
        cmocka_unit_test(test_block_of_one),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_configured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
