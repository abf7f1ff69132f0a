/* tests/unit/judge/test_finding_sources.c — two interfaces that tell two dynamic ranges.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/judge/judge.h"

#define ARENA_BYTES (4u * 1024u * 1024u)
#define KIND "range_sources_differ"

struct source_case {
    enum hm_protocol protocol;
    struct hm_range range;
    size_t findings;
    const char *subject; /* of the first */
};

/* netsh tells 49152-65535 for both families of TCP, and nothing for UDP over IPv4. */
static const struct source_case cases[] = {
    {HM_TCP, {49152, 65535}, 0, NULL                       },
    {HM_TCP, {49152, 65534}, 2, "dynamic range of tcp/ipv4"},
    {HM_TCP, {49153, 65535}, 2, "dynamic range of tcp/ipv4"},
    {HM_UDP, {1025, 65535},  1, "dynamic range of udp/ipv6"},
};

static void test_sources(void **state)
{
    struct hm_stack stacks[] = {
        {.protocol = HM_TCP,   .family = HM_IPV4,         .has_dynamic = true, .dynamic = {49152, 65535}},
        {.protocol = HM_TCP,   .family = HM_IPV6,         .has_dynamic = true, .dynamic = {49152, 65535}},
        {.protocol = HM_UDP,   .family = HM_IPV4        },
        {.protocol = HM_UDP, .family = HM_IPV6, .has_dynamic = true,                    .dynamic = {49152, 65535}                           },
    };
    const struct hm_inventory inventory = {
        .os = {.name = "",    .version = "10.0.17763", .arch = "", .locale = ""},
        .stacks = {stacks, HM_COUNT(stacks)                       }
    };
    const struct hm_catalogue catalogue = {0};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_range_opinion opinion = {cases[i].protocol, "WMI class X", cases[i].range};
        const struct hm_range_opinions opinions = {&opinion, 1};
        const struct hm_judge_input input = {
            .inventory = &inventory, .catalogue = &catalogue, .opinions = &opinions};
        struct hm_judgement judgement;
        const struct hm_finding *first = NULL;
        struct hm_arena arena;
        struct hm_err err;
        size_t count = 0;

        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_judge(&input, &arena, &judgement, &err), HM_OK);
        for (size_t j = 0; j < judgement.findings.count; j++) {
            if (strcmp(judgement.findings.at[j].kind, KIND) == 0) {
                first = first == NULL ? &judgement.findings.at[j] : first;
                count++;
            }
        }
        assert_int_equal(count, cases[i].findings);
        if (first != NULL) {
            assert_string_equal(first->subject, cases[i].subject);
            assert_int_equal(first->severity, HM_SEVERITY_LOW);
            assert_int_equal(first->evidence.count, 2);
            assert_string_equal(first->evidence.at[0].value, "49152-65535");
            assert_int_equal(first->commands.count, 1);
            assert_int_equal(first->steps.count, 2);
        }
        hm_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sources)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
