/* tests/unit/judge/test_finding_refused.c — a refused listing becomes a finding with its bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/judge/judge.h"

#define ARENA_BYTES (4u * 1024u * 1024u)
#define COMMAND "netsh interface ipv4 show dynamicport tcp"

struct refusal_case {
    const char *bytes;
    size_t len;
    const char *hexadecimal; /* NULL = no such evidence */
    size_t hexadecimal_len;
};

static char long_bytes[HM_REFUSAL_BYTES + 100];

static const struct refusal_case cases[] = {
    {"",         0,                  NULL,     0                   },
    {"\xff\nA",  3,                  "ff0a41", 6                   },
    {long_bytes, sizeof(long_bytes), "000000", HM_REFUSAL_BYTES * 2},
};

static const char *evidence(const struct hm_finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->evidence.count; i++) {
        if (strcmp(finding->evidence.at[i].name, name) == 0) {
            return finding->evidence.at[i].value;
        }
    }
    return NULL;
}

static void test_refusal(void **state)
{
    const struct hm_inventory inventory = {
        .os = {.name = "", .version = "10.0.17763", .arch = "", .locale = ""}
    };
    const struct hm_catalogue catalogue = {0};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_refusal refusal = {COMMAND, "exit status 1", cases[i].bytes, cases[i].len};
        const struct hm_refusals refusals = {&refusal, 1};
        const struct hm_judge_input input = {
            .inventory = &inventory, .catalogue = &catalogue, .refusals = &refusals};
        struct hm_judgement judgement;
        const struct hm_finding *finding;
        struct hm_arena arena;
        struct hm_err err;

        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_judge(&input, &arena, &judgement, &err), HM_OK);
        assert_int_equal(judgement.findings.count, 1);
        finding = &judgement.findings.at[0];
        assert_string_equal(finding->kind, "listing_refused");
        assert_string_equal(finding->subject, COMMAND);
        assert_int_equal(finding->severity, HM_SEVERITY_MEDIUM);
        assert_int_equal(finding->commands.count, 0);
        assert_int_equal(finding->steps.count, 1);
        assert_int_equal(finding->steps.at[0].kind, HM_STEP_DECIDE);
        assert_non_null(strstr(finding->remedy, COMMAND));
        assert_string_equal(evidence(finding, "reason"), "exit status 1");
        if (cases[i].hexadecimal == NULL) {
            assert_null(evidence(finding, "output_hex"));
        } else {
            assert_memory_equal(evidence(finding, "output_hex"), cases[i].hexadecimal, 6);
            assert_int_equal(strlen(evidence(finding, "output_hex")), cases[i].hexadecimal_len);
        }
        hm_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusal)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
