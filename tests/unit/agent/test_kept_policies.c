/* tests/unit/agent/test_kept_policies.c — policies.json edited by hand: nothing of it is believed
 * unsigned. SPDX-License-Identifier: Apache-2.0 */
#include "agent/kept_policies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "tests/support/policies_fixture.h"

/* n-th occurrence of a text, with one in its place. */
static void edit_file(struct policies_fixture *fixture, const char *from, unsigned nth,
                      const char *to)
{
    char *text = policies_read_file(fixture);
    char *at = text;

    for (unsigned i = 0; i <= nth; i++) {
        at = strstr(i == 0 ? at : at + 1, from);
        assert_non_null(at);
    }
    (void)policies_write_file(fixture, "policies.json",
                              hm_arena_printf(&fixture->people.arena, "%.*s%s%s", (int)(at - text),
                                              text, to, at + strlen(from)));
}

/* In the file stand: the trust root's envelope, dns's, exchange's. */
static void test_file_edited_by_hand(void **state)
{
    static const struct {
        const char *from;
        unsigned nth;
        const char *to;
        uint32_t exchange;
        uint32_t dns;
    } rows[] = {
        {"\"payload\": \"e",         2, "\"payload\": \"f",    0, 1},
        {"\"payload\": \"ey",        1, "\"payload\": \"eA",   3, 0},
        {"\"sig\": \"",              4, "\"sig\": \"AA",       0, 1},
        {"statement+json",           1, "trust-root+json",     0, 1},
        {"\"revision\": 3",          0, "\"revision\": 9",     0, 1},
        {"\"revision\": 3",          0, "\"revision\": 1",     3, 1}, /* what is signed counts */
        {"\"policy\": \"exchange\"", 0, "\"policy\": \"dns\"", 3, 1},
        {"\"payload\": \"e",         0, "\"payload\": \"f",    0, 0}, /* trust root */
        {"\"trust\"",                0, "\"rust\"",            0, 0},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_envelope again[2];
        struct policies_fixture *fixture;
        void *own = NULL;

        assert_int_equal(policies_set_up(&own), 0);
        fixture = own;
        policies_use_root(fixture, 3, 2, ANNA | BORIS);
        policies_take_good(fixture);
        edit_file(fixture, rows[i].from, rows[i].nth, rows[i].to);
        policies_reopen(fixture);
        assert_int_equal(policies_obeyed(fixture, "exchange"), rows[i].exchange);
        assert_int_equal(policies_obeyed(fixture, "dns"), rows[i].dns);
        /* The next delivery mends it, but for a revision that is said to be seen. */
        again[0] = policies_statement(
            fixture, &(struct policy_draft){.revision = 10, .signers = ANNA | BORIS});
        again[1] = policies_statement(
            fixture,
            &(struct policy_draft){.policy = "dns", .revision = 1, .signers = ANNA | BORIS});
        policies_take_trust(fixture, &fixture->pinned, 1);
        (void)policies_take(fixture, again, 2, NOW);
        assert_int_equal(policies_obeyed(fixture, "exchange"), 10);
        assert_int_equal(policies_obeyed(fixture, "dns"), 1);
        assert_int_equal(policies_tear_down(&own), 0);
    }
}

static void test_broken_file_is_set_aside(void **state)
{
    static const char *const rows[] = {"{", "null", "[]", "{\"policies\":[{\"policy\":\"x\"}]}"};
    struct policies_fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        char *text;
        size_t len;

        (void)policies_write_file(fixture, "policies.json", rows[i]);
        policies_reopen(fixture);
        assert_int_equal(hm_agent_policies_all(fixture->policies)->count, 0);
        assert_int_equal(hm_os_read_file(policies_path(fixture, "policies.json.broken"), 4096,
                                         &fixture->people.arena, &text, &len, NULL),
                         HM_OK);
        assert_string_equal(text, rows[i]);
    }
    policies_use_root(fixture, 3, 2, ANNA | BORIS);
    policies_take_good(fixture);
}

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK ? 0 : -1;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, policies_set_up, policies_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_edited_by_hand),
        CASE(test_broken_file_is_set_aside),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
