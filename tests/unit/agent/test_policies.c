/* tests/unit/agent/test_policies.c — what an agent obeys: attacks refused, the last good one kept.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/policies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "tests/support/policies_fixture.h"

/* The body with one text in place of another, under the signatures of before. */
static void alter_body(struct policies_fixture *fixture, struct hm_envelope *envelope,
                       const char *from, const char *to)
{
    struct hm_arena *arena = &fixture->people.arena;
    struct hm_envelope altered;
    struct hm_span body;
    const char *text;
    const char *at;

    assert_int_equal(hm_envelope_body(envelope, arena, &body, NULL), HM_OK);
    text = hm_arena_strndup(arena, body.at, body.len);
    at = strstr(text, from);
    assert_non_null(at);
    text = hm_arena_printf(arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_int_equal(hm_envelope_new(envelope->type, text, strlen(text), arena, &altered, NULL),
                     HM_OK);
    envelope->payload = altered.payload;
}

static void alter_match(struct policies_fixture *fixture, struct hm_envelope *envelope)
{
    alter_body(fixture, envelope, "\"match\":\"{\\\"hosts\\\":[\\\"mail*\\\"]}\"",
               "\"match\":\"{\\\"hosts\\\":[\\\"*\\\"]}\"");
}

static void alter_expiry(struct policies_fixture *fixture, struct hm_envelope *envelope)
{
    alter_body(fixture, envelope, "\"expires\":\"20", "\"expires\":\"21");
}

static void alter_type(struct policies_fixture *fixture, struct hm_envelope *envelope)
{
    (void)fixture;
    envelope->type = HM_SIGNED_TRUST_ROOT;
}

static void alter_to_foreign_type(struct policies_fixture *fixture, struct hm_envelope *envelope)
{
    (void)fixture;
    envelope->type = "application/json";
}

static void alter_payload(struct policies_fixture *fixture, struct hm_envelope *envelope)
{
    (void)fixture;
    envelope->payload = "%%%";
}

struct attack {
    const char *name;
    struct policy_draft draft;
    void (*forge)(struct policies_fixture *fixture, struct hm_envelope *envelope);
    enum hm_refusal_code code;
    const char *policy;
    uint32_t threshold; /* 0 = 2 */
};

static const struct attack attacks[] = {
    {"unsigned",                              {.revision = 4},                             NULL, HM_REFUSE_UNSIGNED,    "exchange", 0},
    {"wrong key",                             {.revision = 4, .signers = DAVID},           NULL, HM_REFUSE_UNKNOWN_KEY, "exchange", 0},
    {"one signature short",
     {.revision = 4, .signers = ANNA | DAVID},
     NULL,                                                                                       HM_REFUSE_THRESHOLD,
     "exchange",                                                                                                                    0},
    {"author as only approver",
     {.revision = 4, .author = "Anna", .signers = ANNA},
     NULL,                                                                                       HM_REFUSE_AUTHOR_ONLY,
     "exchange",                                                                                                                    1},
    {"older revision",
     {.revision = 2, .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_REPLAYED,
     "exchange",                                                                                                                    0},
    {"same revision, other content",
     {.revision = 3, .ports = "1-65535", .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_REPLAYED,
     "exchange",                                                                                                                    0},
    {"expired",
     {.revision = 4, .expires = NOW, .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_EXPIRED,
     "exchange",                                                                                                                    0},
    {"altered expiry",
     {.revision = 4, .expires = NOW, .signers = ANNA | BORIS},
     alter_expiry,                                                                               HM_REFUSE_ALTERED,
     "exchange",                                                                                                                    0},
    {"altered match",
     {.revision = 4, .signers = ANNA | BORIS},
     alter_match,                                                                                HM_REFUSE_ALTERED,
     "exchange",                                                                                                                    0},
    {"match that the document does not have",
     {.revision = 4, .match = EVERYBODY, .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_MALFORMED,
     "exchange",                                                                                                                    0},
    {"document that means others",
     {.revision = 4, .document_match = EVERYBODY, .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_MALFORMED,
     "exchange",                                                                                                                    0},
    {"match that is none",
     {.revision = 4, .match = "service:dns", .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_MALFORMED,
     "exchange",                                                                                                                    0},
    {"altered payload type",
     {.revision = 4, .signers = ANNA | BORIS},
     alter_type,                                                                                 HM_REFUSE_WRONG_TYPE,
     "exchange",                                                                                                                    0},
    {"foreign payload type",
     {.revision = 4, .signers = ANNA | BORIS},
     alter_to_foreign_type,                                                                      HM_REFUSE_WRONG_TYPE,
     "exchange",                                                                                                                    0},
    {"payload that is none",
     {.revision = 4, .signers = ANNA | BORIS},
     alter_payload,                                                                              HM_REFUSE_MALFORMED,
     "",                                                                                                                            0},
    {"another fleet",
     {.revision = 4, .fleet = OTHER_FLEET, .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_WRONG_FLEET,
     "exchange",                                                                                                                    0},
    {"digest of another document",
     {.revision = 4,
      .digest = "blake2b-256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_ALTERED,
     "exchange",                                                                                                                    0},
    {"no document",
     {.revision = 4, .without_content = true, .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_MALFORMED,
     "exchange",                                                                                                                    0},
    {"unknown member",
     {.revision = 4, .document_more = ",\"force\":true", .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_MALFORMED,
     "exchange",                                                                                                                    0},
    {"document of another name",
     {.revision = 4, .document_name = "dns", .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_MALFORMED,
     "exchange",                                                                                                                    0},
    {"document of another revision",
     {.revision = 4, .document_revision = 5, .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_MALFORMED,
     "exchange",                                                                                                                    0},
    {"revision that a policy cannot have",
     {.revision = UINT64_C(0x100000004), .document_revision = 4, .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_MALFORMED,
     "exchange",                                                                                                                    0},
    {"policy that breaks its own rules",
     {.revision = 4, .ports = "0", .signers = ANNA | BORIS},
     NULL,                                                                                       HM_REFUSE_INVALID,
     "exchange",                                                                                                                    0},
};

static void assert_refused(const struct policies_fixture *fixture, const struct attack *attack,
                           int64_t since)
{
    const struct hm_policy_refused *refused = policies_only_refused(fixture);

    if (refused->code != attack->code) {
        print_error("%s: %s: %s\n", attack->name, hm_refusal_code_names[refused->code],
                    refused->text);
    }
    assert_int_equal(refused->code, attack->code);
    assert_string_equal(refused->policy, attack->policy);
    assert_true(refused->text[0] != '\0');
    assert_int_equal(refused->since, since);
    /* The last good one counts; what came with the bad one too. */
    assert_int_equal(policies_obeyed(fixture, "exchange"), 3);
    assert_int_equal(policies_obeyed(fixture, "dns"), 1);
    assert_int_equal(policies_obeyed(fixture, "sql"), 1);
}

static void one_attack(struct policies_fixture *fixture, const struct attack *attack)
{
    struct hm_envelope delivery[3];

    policies_use_root(fixture, 3, attack->threshold != 0 ? attack->threshold : 2, ANNA | BORIS);
    policies_take_good(fixture);
    delivery[0] = policies_statement(
        fixture, &(struct policy_draft){.policy = "sql", .revision = 1, .signers = ANNA | CHLOE});
    delivery[1] = policies_statement(fixture, &attack->draft);
    delivery[2] = policies_statement(
        fixture, &(struct policy_draft){.policy = "dns", .revision = 1, .signers = ANNA | BORIS});
    if (attack->forge != NULL) {
        attack->forge(fixture, &delivery[1]);
    }
    assert_true(policies_take(fixture, delivery, 3, NOW));
    assert_refused(fixture, attack, NOW);
    assert_false(
        policies_take(fixture, delivery, 3, NOW + 1000)); /* no news, and refused since then */
    assert_refused(fixture, attack, NOW);
    policies_reopen(fixture);
    assert_refused(fixture, attack, NOW);
    assert_false(policies_take(fixture, delivery, 3, NOW + 2000));
    assert_refused(fixture, attack, NOW);
    assert_true(policies_take(fixture, delivery, 1, NOW + 3000)); /* no longer delivered */
    assert_int_equal(policies_refused_count(fixture), 0);
    assert_int_equal(policies_obeyed(fixture, "exchange"), 3); /* absence takes nothing back */
}

static void test_attacks_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(attacks); i++) {
        void *own = NULL;

        assert_int_equal(policies_set_up(&own), 0);
        one_attack(own, &attacks[i]);
        assert_int_equal(policies_tear_down(&own), 0);
    }
}

static void test_next_revision_is_taken(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_envelope next;

    policies_use_root(fixture, 3, 2, ANNA | BORIS);
    policies_take_good(fixture);
    next = policies_statement(fixture,
                              &(struct policy_draft){.revision = 7, .signers = CHLOE | BORIS});
    assert_true(policies_take(fixture, &next, 1, NOW));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 7);
    policies_reopen(fixture);
    assert_int_equal(policies_obeyed(fixture, "exchange"), 7);
    assert_int_equal(hm_agent_policies_all(fixture->policies)->count, 2);
    assert_string_equal(hm_agent_policies_all(fixture->policies)->at[0]->name, "dns");
}

static void test_two_of_one_name_in_one_delivery(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_envelope both[2];

    policies_use_root(fixture, 3, 2, ANNA | BORIS);
    both[0] =
        policies_statement(fixture, &(struct policy_draft){.revision = 9, .signers = ANNA | BORIS});
    both[1] =
        policies_statement(fixture, &(struct policy_draft){.revision = 8, .signers = ANNA | BORIS});
    assert_true(policies_take(fixture, both, 2, NOW));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 9);
    assert_int_equal(policies_only_refused(fixture)->code, HM_REFUSE_REPLAYED);
}

static void test_without_a_trust_root_nothing_counts(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_envelope good =
        policies_statement(fixture, &(struct policy_draft){.revision = 3, .signers = ANNA | BORIS});

    assert_true(policies_take(fixture, &good, 1, NOW));
    assert_int_equal(policies_only_refused(fixture)->code, HM_REFUSE_UNKNOWN_KEY);
    assert_non_null(strstr(policies_only_refused(fixture)->text, "trust_root_file"));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 0);
    assert_int_equal(hm_agent_policies_trust_version(fixture->policies), 0);
    policies_use_root(fixture, 3, 2, ANNA | BORIS);
    assert_true(policies_take(fixture, &good, 1, NOW));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 3);
    assert_int_equal(policies_refused_count(fixture), 0);
}

static void test_expiry(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_envelope soon;
    struct hm_envelope old;

    policies_use_root(fixture, 3, 2, ANNA | BORIS);
    policies_take_good(fixture);
    soon = policies_statement(
        fixture,
        &(struct policy_draft){.revision = 4, .expires = NOW + 1000, .signers = ANNA | BORIS});
    assert_true(policies_take(fixture, &soon, 1, NOW));
    assert_false(hm_agent_policies_expire(fixture->policies, NOW + 999));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 4);
    assert_true(hm_agent_policies_expire(fixture->policies, NOW + 1000));
    assert_false(hm_agent_policies_expire(fixture->policies, NOW + 1001));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 0);
    assert_int_equal(policies_obeyed(fixture, "dns"), 1);
    assert_int_equal(policies_only_refused(fixture)->code, HM_REFUSE_EXPIRED);
    assert_int_equal(policies_only_refused(fixture)->since, NOW + 1000);
    /* The clock was wrong, and is right again. */
    assert_true(hm_agent_policies_expire(fixture->policies, NOW + 500));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 4);
    assert_int_equal(policies_refused_count(fixture), 0);
    assert_true(hm_agent_policies_expire(fixture->policies, NOW + 1001));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 0);
    policies_reopen(fixture);
    assert_true(hm_agent_policies_expire(fixture->policies, NOW + 2000));
    assert_int_equal(policies_only_refused(fixture)->since, NOW + 1000);
    (void)policies_take(fixture, &soon, 1, NOW + 3000);
    assert_int_equal(policies_only_refused(fixture)->code, HM_REFUSE_EXPIRED);
    assert_int_equal(policies_only_refused(fixture)->since, NOW + 1000);
    /* It stays known: what came before it is a replay. */
    old =
        policies_statement(fixture, &(struct policy_draft){.revision = 3, .signers = ANNA | BORIS});
    (void)policies_take(fixture, &old, 1, NOW + 3000);
    assert_int_equal(policies_obeyed(fixture, "exchange"), 0);
    assert_int_equal(hm_agent_policies_all(fixture->policies)->count, 1);
}

static void test_idle_delivery_writes_nothing(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_envelope good;

    policies_use_root(fixture, 3, 2, ANNA | BORIS);
    good =
        policies_statement(fixture, &(struct policy_draft){.revision = 3, .signers = ANNA | BORIS});
    assert_true(policies_take(fixture, &good, 1, NOW));
    (void)policies_write_file(fixture, "policies.json", "untouched"); /* a write would undo this */
    assert_false(policies_take(fixture, &good, 1, NOW + 1000));
    assert_string_equal(policies_read_file(fixture), "untouched");
}

static void count_taken(void *ctx, enum hm_log_level level, const char *event, const char *details)
{
    unsigned *count = ctx;

    (void)level;
    (void)details;
    *count += strcmp(event, "policy_taken") == 0 ? 1 : 0;
}

static void test_what_cannot_be_kept_does_not_count(void **state)
{
    unsigned taken = 0;
    struct policies_fixture *fixture = *state;
    const char *path = policies_path(fixture, "policies.json");
    struct hm_envelope next;
    struct hm_desired desired = {
        .policies = {&next, 1}
    };
    struct hm_err err;
    bool changed = false;

    policies_use_root(fixture, 3, 2, ANNA | BORIS);
    policies_take_good(fixture);
    assert_int_equal(hm_os_remove_file(path, NULL), HM_OK);
    assert_int_equal(hm_os_make_folder(path, 0700, NULL), HM_OK);
    hm_log_set_sink(count_taken, &taken);
    next =
        policies_statement(fixture, &(struct policy_draft){.revision = 4, .signers = ANNA | BORIS});
    assert_int_not_equal(hm_agent_policies_take(fixture->policies, &desired, NOW, &changed, &err),
                         HM_OK);
    assert_non_null(strstr(err.text, path));
    assert_false(changed);
    assert_int_equal(policies_obeyed(fixture, "exchange"), 3);
    assert_int_equal(hm_os_remove_folder(path, NULL), HM_OK);
    assert_int_equal(taken, 0); /* nor is it told */
    assert_true(policies_take(fixture, &next, 1, NOW));
    hm_log_set_sink(NULL, NULL);
    assert_int_equal(taken, 1);
    assert_int_equal(policies_obeyed(fixture, "exchange"), 4);
}

static void test_labels_are_kept(void **state)
{
    const char *texts[] = {"site=paris", "tier=db"};
    const struct hm_desired desired = {
        .labels = {texts, 2}
    };
    struct policies_fixture *fixture = *state;
    bool changed = false;

    assert_int_equal(hm_agent_policies_take(fixture->policies, &desired, NOW, &changed, NULL),
                     HM_OK);
    assert_true(changed);
    policies_reopen(fixture);
    assert_int_equal(hm_agent_policies_labels(fixture->policies)->count, 2);
    assert_string_equal(hm_agent_policies_labels(fixture->policies)->at[1], "tier=db");
    assert_int_equal(hm_agent_policies_take(fixture->policies, &desired, NOW, &changed, NULL),
                     HM_OK);
    assert_false(changed);
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
        cmocka_unit_test(test_attacks_are_refused),
        CASE(test_next_revision_is_taken),
        CASE(test_two_of_one_name_in_one_delivery),
        CASE(test_without_a_trust_root_nothing_counts),
        CASE(test_expiry),
        CASE(test_idle_delivery_writes_nothing),
        CASE(test_what_cannot_be_kept_does_not_count),
        CASE(test_labels_are_kept),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
