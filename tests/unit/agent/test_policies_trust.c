/* tests/unit/agent/test_policies_trust.c — whose signatures count: pinned, followed, never just
 * replaced. SPDX-License-Identifier: Apache-2.0 */
#include "agent/policies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "tests/support/policies_fixture.h"

static struct hm_trust_root next_root(const struct policies_fixture *fixture, uint64_t version)
{
    struct hm_trust_root root = fixture->root;

    root.version = version;
    return root;
}

static uint64_t version(const struct policies_fixture *fixture)
{
    return hm_agent_policies_trust_version(fixture->policies);
}

static void test_trust_root_is_followed(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_envelope trust[4];
    struct hm_trust_root root;

    policies_use_root(fixture, 2, 2, ANNA | BORIS);
    trust[0] = fixture->pinned;
    root = next_root(fixture, 2);
    trust[1] = policies_root(fixture, &root, ANNA | BORIS);
    root.version = 3;
    trust[3] = policies_root(fixture, &root, ANNA | BORIS); /* in any order */
    root.version = 4;
    trust[2] = policies_root(fixture, &root, ANNA | BORIS);
    policies_take_trust(fixture, trust, 4);
    assert_int_equal(version(fixture), 4);
    policies_reopen(fixture);
    assert_int_equal(version(fixture), 4);
    policies_take_trust(fixture, trust, 2); /* older ones are no news */
    assert_int_equal(version(fixture), 4);
}

static void test_trust_roots_that_are_refused(void **state)
{
    static const struct {
        uint64_t version;
        const char *fleet;
        size_t first; /* approver */
        unsigned signers;
    } rows[] = {
        {3, HM_SIGNERS_FLEET, 0, ANNA | BORIS }, /* skips one */
        {2, HM_SIGNERS_FLEET, 0, ANNA         }, /* one signature short */
        {2, HM_SIGNERS_FLEET, 2, CHLOE | DAVID}, /* not by those whom we trust */
        {2, HM_SIGNERS_FLEET, 2, ANNA | BORIS }, /* not by those who come */
        {2, OTHER_FLEET,      0, ANNA | BORIS },
        {1, OTHER_FLEET,      2, CHLOE | DAVID},
    };
    struct policies_fixture *fixture = *state;

    policies_use_root(fixture, 2, 2, ANNA | BORIS);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_trust_root root = next_root(fixture, rows[i].version);
        struct hm_envelope bad;

        root.fleet = rows[i].fleet;
        root.approvers.at = &fixture->people.approvers[rows[i].first];
        bad = policies_root(fixture, &root, rows[i].signers);
        policies_take_trust(fixture, &bad, 1);
        assert_int_equal(version(fixture), 1);
    }
    policies_take_good(fixture);
}

static void test_first_trust_root_is_pinned_from_a_delivery(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_trust_root root = hm_signers_root(&fixture->people, 2, 2);
    struct hm_envelope trust[2];

    trust[0] = policies_root(fixture, &root, ANNA); /* not even by its own threshold */
    policies_take_trust(fixture, trust, 1);
    assert_int_equal(version(fixture), 0);
    trust[0] = policies_root(fixture, &root, ANNA | BORIS);
    root.version = 2;
    trust[1] = policies_root(fixture, &root, ANNA | BORIS);
    policies_take_trust(fixture, trust, 2);
    assert_int_equal(version(fixture), 2);
    policies_reopen(fixture);
    assert_int_equal(version(fixture), 2);
}

static void test_who_left_signs_no_more(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_trust_root root;
    struct hm_envelope old;
    struct hm_envelope next;
    struct hm_envelope trust;

    policies_use_root(fixture, 2, 2, ANNA | BORIS);
    old =
        policies_statement(fixture, &(struct policy_draft){.revision = 3, .signers = ANNA | BORIS});
    assert_true(policies_take(fixture, &old, 1, NOW));
    root = next_root(fixture, 2);
    root.approvers.at = &fixture->people.approvers[HM_BORIS]; /* and Chloe */
    trust = policies_root(fixture, &root, ANNA | BORIS | CHLOE);
    policies_take_trust(fixture, &trust, 1);
    assert_int_equal(version(fixture), 2);
    /* What Anna approved then is obeyed on; what she signs now is not taken. */
    policies_reopen(fixture);
    assert_int_equal(policies_obeyed(fixture, "exchange"), 3);
    (void)policies_take(fixture, &old, 1, NOW);
    assert_int_equal(policies_refused_count(fixture), 0);
    next =
        policies_statement(fixture, &(struct policy_draft){.revision = 4, .signers = ANNA | BORIS});
    assert_true(policies_take(fixture, &next, 1, NOW));
    assert_int_equal(policies_only_refused(fixture)->code, HM_REFUSE_THRESHOLD);
    assert_int_equal(policies_obeyed(fixture, "exchange"), 3);
    next = policies_statement(fixture,
                              &(struct policy_draft){.revision = 4, .signers = CHLOE | BORIS});
    assert_true(policies_take(fixture, &next, 1, NOW));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 4);
}

static void test_enrolment_pins(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_trust_root root;
    struct hm_envelope other;
    struct hm_err err;

    policies_use_root(fixture, 2, 2, ANNA | BORIS);
    policies_take_good(fixture);
    assert_int_equal(hm_agent_policies_pin(fixture->policies, &fixture->pinned, NULL), HM_OK);
    /* The same version with other approvers is somebody else's. */
    root = fixture->root;
    root.approvers.at = &fixture->people.approvers[HM_CHLOE];
    other = policies_root(fixture, &root, CHLOE | DAVID);
    assert_int_equal(hm_agent_policies_pin(fixture->policies, &other, &err), HM_EDENIED);
    assert_non_null(strstr(err.text, "pinned already"));
    /* Far ahead: the desired state will bring what lies between. */
    root = next_root(fixture, 5);
    other = policies_root(fixture, &root, ANNA | BORIS);
    assert_int_equal(hm_agent_policies_pin(fixture->policies, &other, NULL), HM_OK);
    assert_int_equal(version(fixture), 1);
    assert_int_equal(policies_obeyed(fixture, "exchange"), 3);
    /* Another fleet begins again, its revisions too. */
    root = hm_signers_root(&fixture->people, 2, 2);
    root.fleet = OTHER_FLEET;
    other = policies_root(fixture, &root, ANNA | BORIS);
    assert_int_equal(hm_agent_policies_pin(fixture->policies, &other, NULL), HM_OK);
    assert_int_equal(hm_agent_policies_all(fixture->policies)->count, 0);
    other = policies_statement(
        fixture,
        &(struct policy_draft){.revision = 1, .fleet = OTHER_FLEET, .signers = ANNA | BORIS});
    assert_true(policies_take(fixture, &other, 1, NOW));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 1);
}

static const char *write_pin(struct policies_fixture *fixture, const char *name,
                             const struct hm_envelope *envelope)
{
    const char *path;
    struct hm_buf json;

    hm_buf_init(&json, HM_LIMIT_SIGNED_BYTES);
    assert_int_equal(hm_record_encode_pretty(&hm_record_envelope, envelope, &json, NULL), HM_OK);
    path = policies_write_file(fixture, name, hm_buf_text(&json));
    hm_buf_fini(&json);
    return path;
}

static void test_pin_of_an_administrator(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_trust_root root = hm_signers_root(&fixture->people, 2, 2);
    struct hm_envelope first = policies_root(fixture, &root, ANNA | BORIS);
    struct hm_envelope second;
    struct hm_envelope other;
    struct hm_err err;

    fixture->trust_file = write_pin(fixture, "root.json", &first);
    policies_reopen(fixture);
    assert_int_equal(version(fixture), 1);
    root.fleet = OTHER_FLEET;
    other = policies_root(fixture, &root, ANNA | BORIS);
    assert_int_equal(hm_agent_policies_pin(fixture->policies, &other, &err), HM_EDENIED);
    assert_non_null(strstr(err.text, "trust_root_file"));
    /* What follows it counts, also after a restart with the same file. */
    root.fleet = HM_SIGNERS_FLEET;
    root.version = 2;
    second = policies_root(fixture, &root, ANNA | BORIS);
    policies_take_trust(fixture, &second, 1);
    assert_int_equal(version(fixture), 2);
    policies_take_good(fixture);
    policies_reopen(fixture);
    assert_int_equal(version(fixture), 2);
    assert_int_equal(policies_obeyed(fixture, "exchange"), 3);
    /* A file of another fleet takes all of it away. */
    fixture->trust_file = write_pin(fixture, "other.json", &other);
    policies_reopen(fixture);
    assert_int_equal(version(fixture), 1);
    assert_int_equal(hm_agent_policies_all(fixture->policies)->count, 0);
}

static void test_pin_that_follows_what_is_kept(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_trust_root root;
    struct hm_envelope second;

    policies_use_root(fixture, 2, 2, ANNA | BORIS);
    policies_take_good(fixture);
    root = next_root(fixture, 2);
    root.approvers.at = &fixture->people.approvers[HM_BORIS];
    second = policies_root(fixture, &root, ANNA | BORIS | CHLOE);
    fixture->trust_file = write_pin(fixture, "root.json", &second);
    policies_reopen(fixture);
    assert_int_equal(version(fixture), 2);
    assert_int_equal(policies_obeyed(fixture, "exchange"), 3);
}

static void test_pin_that_is_none(void **state)
{
    static const char *const rows[] = {"", "{}", "-----BEGIN CERTIFICATE-----"};
    struct policies_fixture *fixture = *state;
    struct hm_agent_policies *policies = NULL;
    struct hm_err err;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const char *path = policies_write_file(fixture, "root.json", rows[i]);

        assert_int_not_equal(hm_agent_policies_open(fixture->folder, path, &policies, &err), HM_OK);
        assert_non_null(strstr(err.text, path));
    }
    assert_int_not_equal(hm_agent_policies_open(fixture->folder, "/no/such/file", &policies, &err),
                         HM_OK);
    assert_non_null(strstr(err.text, "trust_root_file"));
    assert_null(policies);
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
        CASE(test_trust_root_is_followed),
        CASE(test_trust_roots_that_are_refused),
        CASE(test_first_trust_root_is_pinned_from_a_delivery),
        CASE(test_who_left_signs_no_more),
        CASE(test_enrolment_pins),
        CASE(test_pin_of_an_administrator),
        CASE(test_pin_that_follows_what_is_kept),
        CASE(test_pin_that_is_none),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
