/* tests/unit/server/test_api_trust.c — trust roots over the API: which may follow, and what a
 * rotation means for policies.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/api/api.h"
#include "tests/support/policy_double.h"

static int begin(void **state)
{
    *state = policy_double_new();
    return 0;
}

static int end(void **state)
{
    policy_double_free(*state);
    return 0;
}

static void expect_version(struct policy_double *d, const char *version)
{
    assert_int_equal(api_double_call(&d->api, hm_api_trust_get, NULL, NULL, NULL), 200);
    if (strstr(d->api.body, version) == NULL) {
        fail_msg("no %s in %s", version, d->api.body);
    }
    assert_non_null(strstr(d->api.body, d->fleet));
}

/* The rows build on each other: version 1 is anna, boris, chloe with two of three. */
static void test_roots(void **state)
{
    static const struct {
        uint64_t version;
        size_t count; /* approvers: anna, boris, … */
        uint32_t threshold;
        const char *fleet; /* NULL = this one */
        const char *signers;
        unsigned status;
        const char *code;
        uint64_t then;
    } rows[] = {
        {1, 3, 2, HM_SIGNERS_FLEET, "ab",  403, "wrong_fleet", 0},
        {2, 3, 2, NULL,             "ab",  403, "version_gap", 0},
        {1, 3, 2, NULL,             "",    403, "unsigned",    0},
        {1, 3, 2, NULL,             "a",   403, "threshold",   0},
        {1, 3, 2, NULL,             "d",   403, "unknown_key", 0},
        {1, 3, 2, NULL,             "ab",  200, "",            1},
        {1, 3, 2, NULL,             "ab",  403, "replayed",    1},
        {3, 4, 2, NULL,             "ab",  403, "version_gap", 1},
        {2, 4, 3, NULL,             "ab",  403, "threshold",   1}, /* its own needs three */
        {2, 4, 2, NULL,             "ad",  403, "threshold",   1}, /* the old one does not know d */
        {2, 4, 2, HM_SIGNERS_FLEET, "ab",  403, "wrong_fleet", 1},
        {2, 4, 3, NULL,             "abd", 200, "",            2},
        {3, 2, 1, NULL,             "acd", 200, "",            3},
        {4, 2, 2, NULL,             "cd",  403, "unknown_key", 3},
        {4, 4, 2, NULL,             "bd",  200, "",            4},
    };
    struct policy_double *d = *state;

    expect_version(d, "\"version\":0");
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_trust_root root = policy_double_root(d, rows[i].count, rows[i].threshold);

        root.version = rows[i].version;
        root.fleet = rows[i].fleet != NULL ? rows[i].fleet : d->fleet;
        (void)policy_double_turn(d, &root, rows[i].signers);
        if (d->api.status != rows[i].status || strcmp(d->api.code, rows[i].code) != 0) {
            fail_msg("row %zu: %u %s: %s", i, d->api.status, d->api.code, d->api.text);
        }
        expect_version(d, hm_arena_printf(&d->arena, "\"version\":%u", (unsigned)rows[i].then));
    }
    assert_int_equal(
        api_double_call(&d->api, hm_api_events_list, NULL, "filter=kind=trust_changed", NULL), 200);
    assert_non_null(strstr(d->api.body, "\\\"version\\\":4,\\\"threshold\\\":2"));
    assert_null(strstr(d->api.body, "\\\"version\\\":5"));
}

/* A root with more members than we know, an envelope of something else, no envelope at all. */
static void test_what_is_no_root(void **state)
{
    struct policy_double *d = *state;
    struct hm_trust_root root = policy_double_root(d, 3, 2);
    struct hm_envelope envelope;
    const char *text;

    assert_int_equal(hm_trust_root_encode(&root, &d->arena, &envelope, NULL), HM_OK);
    text =
        hm_arena_printf(&d->arena, "{\"payload\":\"%s\",\"payloadType\":\"%s\",\"signatures\":[]}",
                        envelope.payload, HM_SIGNED_STATEMENT);
    (void)api_double_call(&d->api, hm_api_trust_post, NULL, NULL, text);
    policy_double_expect(d, 403, "wrong_type");
    text = hm_arena_printf(&d->arena,
                           "{\"payload\":\"e30=\",\"payloadType\":\"%s\",\"signatures\":[]}",
                           HM_SIGNED_TRUST_ROOT);
    (void)api_double_call(&d->api, hm_api_trust_post, NULL, NULL, text);
    policy_double_expect(d, 400, "malformed");
    (void)api_double_call(&d->api, hm_api_trust_post, NULL, NULL, "{}");
    policy_double_expect(d, 400, "bad_json");
    (void)api_double_call(&d->api, hm_api_trust_post, NULL, NULL, NULL);
    policy_double_expect(d, 400, "no_body");
    expect_version(d, "\"version\":0");
}

static void approve(struct policy_double *d, const char *name, const char *ports)
{
    (void)policy_double_put(d, "david", policy_double_document(d, name, ports, ""));
    (void)policy_double_act(d, hm_api_policy_submit, "");
    (void)policy_double_sign(d, "ab");
    policy_double_expect_state(d, 1, "approved", 0, "");
}

/* What was approved before a rotation is offered only when those who count now have signed it; a
 * further signature mends it. */
static void test_rotation_and_policies(void **state)
{
    struct policy_double *d = *state;
    struct hm_trust_root root = policy_double_root(d, 3, 2);

    policy_double_trust(d, 3, 2);
    approve(d, "mail", "9955");
    root.version = 2;
    root.approvers.at = &d->people.approvers[1]; /* boris, chloe, david */
    assert_int_equal(policy_double_turn(d, &root, "bc"), 200);
    (void)policy_double_act(d, hm_api_policy_activate, "");
    policy_double_expect(d, 409, "threshold");
    (void)policy_double_sign(d, "a");
    policy_double_expect(d, 409, "signed_already");
    (void)policy_double_sign(d, "c");
    policy_double_expect_state(d, 1, "approved", 0, "");
    assert_int_equal(d->detail.newest.approvals.count, 3);
    (void)policy_double_act(d, hm_api_policy_activate, "");
    policy_double_expect_state(d, 1, "active", 1, "active");
    (void)policy_double_sign(d, "d"); /* what is live may be signed again, too */
    policy_double_expect_state(d, 1, "active", 1, "active");
    assert_int_equal(d->detail.newest.envelope.signatures.count, 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_roots, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_root, begin, end),
        cmocka_unit_test_setup_teardown(test_rotation_and_policies, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
