/* tests/unit/agent/test_report.c — documents of a host with very many listeners or findings.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/wire/records.h"

#define ARENA_BYTES (256u * 1024u * 1024u)

static struct hm_inventory inventory_of(struct hm_listener *at, size_t count, uint16_t step)
{
    struct hm_inventory inventory = {
        .os = {.family = HM_OS_LINUX, .name = "", .version = "6.1", .arch = "", .locale = ""},
        .has_listeners = true,
        .listeners = {at,           count        },
    };

    for (size_t i = 0; i < count; i++) {
        at[i] = (struct hm_listener){.protocol = HM_TCP,
                                     .family = HM_IPV4,
                                     .address = "0.0.0.0",
                                     .port = (uint16_t)(1 + i * step),
                                     .program = "docker-proxy",
                                     .service = "docker",
                                     .kind = HM_KIND_SOCKET};
    }
    return inventory;
}

/* 60,000 neighbours are one row; 20,000 ports apart are more than a document holds. */
static void test_listeners(void **state)
{
    static struct hm_listener at[60000];
    static const struct {
        size_t count;
        uint16_t step;
        bool partial;
    } cases[] = {
        {100,   1, false},
        {60000, 1, false},
        {20000, 3, true },
        {9000,  2, true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_inventory inventory = inventory_of(at, cases[i].count, cases[i].step);
        struct hm_inventory back;
        struct hm_arena arena;
        struct hm_buf json;
        struct hm_err err;
        const char *note;

        hm_arena_init(&arena, ARENA_BYTES);
        hm_buf_init(&json, HM_LIMIT_DOCUMENT_BYTES);
        assert_int_equal(hm_report_inventory(&inventory, &arena, &json, &note, &err), HM_OK);
        assert_int_equal(hm_record_decode(&hm_record_inventory, json.data, json.len, true, &arena,
                                          &back, NULL, &err),
                         HM_OK);
        assert_int_equal(back.listeners_partial, cases[i].partial);
        assert_int_equal(note[0] != '\0', cases[i].partial);
        assert_int_equal(inventory.listeners.count, cases[i].count);
        if (cases[i].partial) {
            assert_true(back.listeners.count >= 1024);
            assert_non_null(strstr(note, "rows of listeners"));
        } else if (cases[i].count == 60000) {
            assert_int_equal(back.listeners.count, 1);
            assert_int_equal(back.listeners.at[0].last, 60000);
        }
        hm_buf_fini(&json);
        hm_arena_fini(&arena);
    }
}

/* Findings come by severity: the last ones are left out, the verdicts stay. */
static void test_findings(void **state)
{
    static struct hm_finding findings[3000];
    static char text[1000];
    struct hm_judgement judgement = {
        .findings = {findings, HM_COUNT(findings)}
    };
    struct hm_arena arena;
    struct hm_buf json;
    struct hm_err err;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    for (size_t i = 0; i < HM_COUNT(findings); i++) {
        findings[i] = (struct hm_finding){.kind = "required_in_dynamic",
                                          .fingerprint = "f",
                                          .severity = HM_SEVERITY_MEDIUM,
                                          .text = text,
                                          .remedy = ""};
    }
    hm_arena_init(&arena, ARENA_BYTES);
    hm_buf_init(&json, HM_LIMIT_DOCUMENT_BYTES);
    assert_int_equal(hm_report_findings(&judgement, "", &arena, &json, &err), HM_OK);
    assert_in_range(judgement.findings.count, 300, 1500);
    assert_int_equal(judgement.unknown.count, 1);
    assert_non_null(strstr(judgement.unknown.at[0], "leaves out"));
    judgement.findings.count = 1;
    judgement.unknown.count = 0;
    assert_int_equal(hm_report_findings(&judgement, "a note", &arena, &json, &err), HM_OK);
    assert_int_equal(judgement.unknown.count, 1);
    assert_non_null(strstr(hm_buf_text(&json), "a note"));
    hm_buf_fini(&json);
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_findings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
