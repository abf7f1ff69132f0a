/* tests/unit/server/test_api_policies.c — the whole life of policies over the API, and what is
 * refused on the way.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/api/api.h"
#include "server/store/entities_policy.h"
#include "tests/support/policy_double.h"

#define DAY_MS (86400 * INT64_C(1000))

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

static void must(struct policy_double *d, unsigned status)
{
    if (d->api.status != status) {
        fail_msg("%u %s: %s", d->api.status, d->api.code, d->api.text);
    }
}

static void submit(struct policy_double *d, const char *who, const char *name, const char *ports)
{
    (void)policy_double_put(d, who, policy_double_document(d, name, ports, ""));
    must(d, 201);
    (void)policy_double_act(d, hm_api_policy_submit, "");
    must(d, 200);
}

/* Events of these kinds, oldest first, as far as their order goes. */
static void expect_events(struct policy_double *d, const char *const *kinds, size_t count)
{
    const char *at;

    assert_int_equal(api_double_call(&d->api, hm_api_events_list, NULL, "limit=1000", NULL), 200);
    at = d->api.body;
    for (size_t i = 0; i < count; i++) {
        at = strstr(at, kinds[i]);
        if (at == NULL) {
            fail_msg("no %s (%zu) in %s", kinds[i], i, d->api.body);
        }
        at += strlen(kinds[i]);
    }
}

/* ---- the whole life -------------------------------------------------------------------------- */

/* A host of this fleet takes what stands in the newest revision. */
static void expect_taken(struct policy_double *d, const char *mode)
{
    const struct hm_trust_root root = policy_double_root(d, 3, 2);
    const struct hm_statement_ctx ctx = {.root = &root, .fleet = d->fleet, .now_ms = POLICY_NOW_MS};
    struct hm_statement statement;
    struct hm_policy policy;
    struct hm_err err = {.status = HM_OK};

    if (hm_statement_check(&d->detail.newest.envelope, &ctx, &d->arena, &statement, NULL, &err) !=
        HM_OK) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(statement.policy, d->detail.policy.name);
    assert_int_equal(statement.revision, d->detail.newest.revision);
    assert_string_equal(statement.content, d->detail.newest.document);
    assert_string_equal(statement.digest, d->detail.newest.digest);
    assert_string_equal(statement.author, "david");
    assert_int_equal(hm_record_decode(&hm_record_policy, statement.content,
                                      strlen(statement.content), true, &d->arena, &policy, NULL,
                                      &err),
                     HM_OK);
    assert_int_equal(policy.revision, statement.revision);
    assert_string_equal(hm_policy_mode_names[policy.mode], mode);
    assert_int_equal(policy.reservations.count, 1);
    assert_int_equal(policy.match.labels.count, 1);
}

static void approve_both(struct policy_double *d)
{
    (void)policy_double_sign(d, "a");
    policy_double_expect(d, 200, "");
    assert_string_equal(d->detail.newest.state, "submitted");
    assert_int_equal(d->detail.newest.approvals.count, 1);
    assert_string_equal(d->detail.newest.approvals.at[0].approver, "anna");
    assert_string_equal(d->detail.newest.approvals.at[0].actor, "token tester");
    assert_string_equal(d->detail.newest.approvals.at[0].comment, "looks right");
    assert_int_equal(d->detail.newest.threshold, 2);
    (void)policy_double_sign(d, "b");
    policy_double_expect(d, 200, "");
    assert_int_equal(d->detail.newest.approvals.count, 2);
}

static void live_once(struct policy_double *d)
{
    (void)policy_double_put(d, "david", policy_double_document(d, "mail", "9955", ""));
    must(d, 201);
    policy_double_expect_state(d, 1, "draft", 0, "");
    assert_string_equal(d->detail.newest.author, "david");
    assert_false(d->detail.newest.has_envelope);
    (void)policy_double_put(d, "boris", policy_double_document(d, "mail", "9955", ""));
    must(d, 200); /* nothing new */
    policy_double_expect_state(d, 1, "draft", 0, "");
    (void)policy_double_act(d, hm_api_policy_activate, "");
    policy_double_expect(d, 409, "not_approved");
    (void)policy_double_act(d, hm_api_policy_submit, "please");
    policy_double_expect_state(d, 1, "submitted", 0, "");
    assert_true(d->detail.newest.expires == POLICY_NOW_MS + 400 * DAY_MS);
    approve_both(d);
    policy_double_expect_state(d, 1, "approved", 0, "");
    expect_taken(d, "enforce");
    (void)policy_double_act(d, hm_api_policy_activate, "");
    policy_double_expect_state(d, 1, "active", 1, "active");
}

static void pause_beside_a_draft(struct policy_double *d)
{
    (void)policy_double_act(d, hm_api_policy_pause, "patch day");
    policy_double_expect_state(d, 1, "paused", 1, "paused");
    (void)policy_double_act(d, hm_api_policy_resume, "");
    policy_double_expect_state(d, 1, "active", 1, "active");
    (void)policy_double_put(d, "david", policy_double_document(d, "mail", "9933,9955", ""));
    policy_double_expect_state(d, 2, "draft", 1, "active");
    assert_int_equal(d->detail.live.revision, 1);
    (void)policy_double_act(d, hm_api_policy_pause, ""); /* the live one, whatever came after it */
    policy_double_expect_state(d, 2, "draft", 1, "paused");
    (void)policy_double_act(d, hm_api_policy_resume, "");
    policy_double_expect_state(d, 2, "draft", 1, "active");
}

static void retire(struct policy_double *d)
{
    (void)policy_double_act(d, hm_api_policy_retire, " ");
    policy_double_expect(d, 400, "no_comment");
    d->api.operator_name = "david";
    (void)policy_double_act(d, hm_api_policy_retire, "server is gone");
    d->api.operator_name = NULL;
    policy_double_expect_state(d, 3, "submitted", 2, "active");
    assert_string_equal(d->detail.policy.mode, "retire");
    assert_string_equal(d->detail.policy.reason, "server is gone");
    (void)policy_double_act(d, hm_api_policy_retire, "again");
    policy_double_expect(d, 409, "retiring");
    approve_both(d);
    policy_double_expect_state(d, 3, "retired", 3, "retired");
    expect_taken(d, "retire");
    (void)policy_double_act(d, hm_api_policy_retire, "again");
    policy_double_expect(d, 409, "retired");
    (void)policy_double_act(d, hm_api_policy_withdraw, "");
    policy_double_expect(d, 409, "retired");
}

static void test_whole_life(void **state)
{
    static const char *const kinds[] = {
        "trust_changed",      "revision_drafted",   "revision_submitted", "revision_signed",
        "revision_approved",  "revision_activated", "revision_paused",    "revision_resumed",
        "revision_drafted",   "revision_paused",    "revision_resumed",   "revision_submitted",
        "revision_signed",    "revision_approved",  "revision_activated", "revision_superseded",
        "revision_drafted",   "revision_submitted", "revision_signed",    "revision_retired",
        "revision_superseded"};
    struct policy_double *d = *state;

    policy_double_trust(d, 3, 2);
    live_once(d);
    pause_beside_a_draft(d);
    (void)policy_double_act(d, hm_api_policy_submit, "");
    approve_both(d);
    (void)policy_double_act(d, hm_api_policy_activate, "");
    policy_double_expect_state(d, 2, "active", 2, "active");
    retire(d);
    expect_events(d, kinds, HM_COUNT(kinds));
    assert_non_null(strstr(d->api.body, "\\\"approvers\\\":[\\\"boris\\\"]"));
    assert_non_null(strstr(d->api.body, "\"why\":\"server is gone\""));

    /* Back again, as the fourth revision. */
    (void)policy_double_put(d, "david", policy_double_document(d, "mail", "9955", ""));
    policy_double_expect_state(d, 4, "draft", 3, "retired");
    assert_int_equal(api_double_call(&d->api, hm_api_revisions_list, "mail", "limit=3", NULL), 200);
    assert_non_null(strstr(d->api.body, "\"revision\":4"));
    assert_non_null(strstr(d->api.body, "\"state\":\"superseded\""));
    assert_non_null(strstr(d->api.body, "\"next\":"));
    assert_null(strstr(d->api.body, "\"document\""));
    assert_int_equal(
        api_double_call(&d->api, hm_api_policies_list, NULL, "filter=live_state=retired", NULL),
        200);
    assert_non_null(strstr(d->api.body, "\"name\":\"mail\""));
}

/* ---- signatures ------------------------------------------------------------------------------ */

static void test_bad_signatures(void **state)
{
    enum { PAYLOAD, TYPE, NOTHING, NO_ENVELOPE, STRANGER, FORGED, STRANGER_TOO };
    static const struct {
        int what;
        unsigned status;
        const char *code;
    } rows[] = {
        {PAYLOAD,      403, "altered"       },
        {TYPE,         403, "altered"       },
        {NOTHING,      409, "signed_already"},
        {NO_ENVELOPE,  400, "no_envelope"   },
        {STRANGER,     403, "unknown_key"   },
        {FORGED,       403, "altered"       },
        {STRANGER_TOO, 403, "unknown_key"   }, /* one good, one not: all or nothing */
    };
    struct policy_double *d = *state;

    policy_double_trust(d, 3, 2); /* david is none of them */
    submit(d, "david", "mail", "9955");
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_api_policy_act ask = {.revision = 1,
                                        .comment = "",
                                        .has_envelope = rows[i].what != NO_ENVELOPE,
                                        .envelope = d->detail.newest.envelope};

        switch (rows[i].what) {
        case PAYLOAD:
            ask.envelope.payload = hm_arena_printf(&d->arena, "AAAA%s", ask.envelope.payload + 4);
            assert_true(hm_signers_sign(&d->people, HM_ANNA, &ask.envelope));
            break;
        case TYPE:
            ask.envelope.type = HM_SIGNED_TRUST_ROOT;
            assert_true(hm_signers_sign(&d->people, HM_ANNA, &ask.envelope));
            break;
        case STRANGER_TOO:
            assert_true(hm_signers_sign(&d->people, HM_ANNA, &ask.envelope));
            assert_true(hm_signers_sign(&d->people, HM_DAVID, &ask.envelope));
            break;
        case STRANGER:
            assert_true(hm_signers_sign(&d->people, HM_DAVID, &ask.envelope));
            break;
        case FORGED:
            assert_true(hm_signers_sign(&d->people, HM_DAVID, &ask.envelope));
            ask.envelope.signatures.at[0].key_id = d->people.key_ids[HM_ANNA];
            break;
        default:
            break;
        }
        (void)policy_double_ask(d, hm_api_policy_approve, "mail", &ask);
        policy_double_expect(d, rows[i].status, rows[i].code);
    }
    assert_int_equal(api_double_call(&d->api, hm_api_policies_get, "mail", NULL, NULL), 200);
    assert_non_null(strstr(d->api.body, "\"state\":\"submitted\""));
    assert_non_null(strstr(d->api.body, "\"approvals\":[]"));
    (void)policy_double_sign(d, "a");
    (void)policy_double_sign(d, ""); /* nothing new beside anna's */
    policy_double_expect(d, 409, "signed_already");
    (void)policy_double_sign(d,
                             "c"); /* an envelope with anna's is fine, and does not count twice */
    policy_double_expect_state(d, 1, "approved", 0, "");
    assert_int_equal(d->detail.newest.approvals.count, 2);
}

/* Two who fetched the same envelope: the second one's lacks the first one's signature. */
static void test_at_the_same_time(void **state)
{
    struct policy_double *d = *state;
    struct hm_api_policy_act ask = {.revision = 1, .comment = "", .has_envelope = true};

    policy_double_trust(d, 3, 2);
    submit(d, "david", "mail", "9955");
    ask.envelope = d->detail.newest.envelope;
    assert_true(hm_signers_sign(&d->people, HM_BORIS, &ask.envelope));
    (void)policy_double_sign(d, "a");
    (void)policy_double_ask(d, hm_api_policy_approve, "mail", &ask);
    policy_double_expect_state(d, 1, "approved", 0, "");
    assert_int_equal(d->detail.newest.envelope.signatures.count, 2);
}

static void test_author_only(void **state)
{
    struct policy_double *d = *state;

    policy_double_trust(d, 2, 1);
    submit(d, "Anna", "mail", "9955"); /* letter case is no disguise */
    (void)policy_double_sign(d, "a");
    policy_double_expect(d, 403, "author_only");
    assert_int_equal(api_double_call(&d->api, hm_api_policies_get, "mail", NULL, NULL), 200);
    assert_non_null(strstr(d->api.body, "\"approvals\":[]"));
    (void)policy_double_sign(d, "b");
    policy_double_expect_state(d, 1, "approved", 0, "");
}

static void test_single_operator(void **state)
{
    struct policy_double *d = *state;
    struct hm_trust_root root = policy_double_root(d, 1, 1);

    submit(d, "anna", "mail", "9955"); /* also before there is any trust root */
    (void)policy_double_sign(d, "a");
    policy_double_expect(d, 403, "no_trust_root");
    root.single_operator = true;
    assert_int_equal(policy_double_turn(d, &root, "a"), 200);
    (void)policy_double_sign(d, "a");
    policy_double_expect_state(d, 1, "approved", 0, "");
    (void)policy_double_act(d, hm_api_policy_activate, "");
    policy_double_expect_state(d, 1, "active", 1, "active");
}

static void test_edits_void_approvals(void **state)
{
    struct policy_double *d = *state;
    struct hm_api_policy_act ask = {.comment = "", .has_envelope = true};

    policy_double_trust(d, 3, 2);
    submit(d, "david", "mail", "9955");
    (void)policy_double_sign(d, "a");
    ask.envelope = d->detail.newest.envelope;
    assert_true(hm_signers_sign(&d->people, HM_BORIS, &ask.envelope));
    (void)policy_double_put(d, "david", policy_double_document(d, "mail", "9933", ""));
    policy_double_expect_state(d, 2, "draft", 0, "");
    assert_int_equal(d->detail.newest.approvals.count, 0);
    ask.revision = 1;
    (void)policy_double_ask(d, hm_api_policy_approve, "mail", &ask);
    policy_double_expect(d, 409, "changed");
    (void)policy_double_act(d, hm_api_policy_submit, "");
    ask.revision = 2;
    (void)policy_double_ask(d, hm_api_policy_approve, "mail", &ask);
    policy_double_expect(d, 403, "altered");
    d->api.arg2 = "1";
    assert_int_equal(api_double_call(&d->api, hm_api_revisions_get, "mail", NULL, NULL), 200);
    assert_non_null(strstr(d->api.body, "\"state\":\"superseded\""));
    d->api.arg2 = "3";
    assert_int_equal(api_double_call(&d->api, hm_api_revisions_get, "mail", NULL, NULL), 404);
    d->api.arg2 = "x";
    assert_int_equal(api_double_call(&d->api, hm_api_revisions_get, "mail", NULL, NULL), 404);
    d->api.arg2 = NULL;
}

/* ---- other refusals -------------------------------------------------------------------------- */

static void test_changed(void **state)
{
    static hm_handler *const handlers[] = {
        hm_api_policy_submit, hm_api_policy_approve, hm_api_policy_reject, hm_api_policy_activate,
        hm_api_policy_pause,  hm_api_policy_resume,  hm_api_policy_retire, hm_api_policy_withdraw};
    struct policy_double *d = *state;
    const struct hm_api_policy_act ask = {.revision = 2, .comment = "why"};

    (void)policy_double_put(d, "david", policy_double_document(d, "mail", "9955", ""));
    for (size_t i = 0; i < HM_COUNT(handlers); i++) {
        (void)policy_double_ask(d, handlers[i], "mail", &ask);
        policy_double_expect(d, 409, "changed");
        (void)policy_double_ask(d, handlers[i], "male", &ask);
        policy_double_expect(d, 404, "unknown_policy");
    }
    (void)policy_double_act(d, hm_api_policy_retire, "never was");
    policy_double_expect(d, 409, "not_live");
    assert_int_equal(api_double_call(&d->api, hm_api_policies_get, "male", NULL, NULL), 404);
    assert_int_equal(api_double_call(&d->api, hm_api_revisions_list, "male", NULL, NULL), 404);
}

static void test_contradiction(void **state)
{
    static const char low[] = ",\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"20000-30000\"}]";
    static const char high[] = ",\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"40000-50000\"}]";
    struct policy_double *d = *state;
    const char *second = policy_double_document(d, "web-range", NULL, high);

    (void)policy_double_put(d, "david", second);
    (void)policy_double_put(d, "david", policy_double_document(d, "mail-range", NULL, low));
    assert_int_equal(d->detail.problems.count > 0 &&
                         strcmp(d->detail.problems.at[0].code, "contradiction") == 0,
                     0); /* a draft is on nobody's way */
    (void)policy_double_act(d, hm_api_policy_submit, "");
    must(d, 200);
    (void)policy_double_put(d, "david", second);
    assert_string_equal(d->detail.problems.at[0].code, "contradiction");
    assert_string_equal(d->detail.problems.at[0].other, "mail-range");
    (void)policy_double_act(d, hm_api_policy_submit, "");
    policy_double_expect(d, 409, "lint");
    assert_non_null(strstr(d->api.text, "mail-range"));
    assert_non_null(strstr(d->api.text, "web-range"));
    assert_int_equal(api_double_call(&d->api, hm_api_lint_post, NULL, NULL, second), 200);
    assert_non_null(strstr(d->api.body, "\"other\":\"mail-range\""));

    /* Once the first is out of the way, the second may go. */
    assert_int_equal(
        policy_double_put(d, "david", policy_double_document(d, "mail-range", NULL, low)), 200);
    (void)policy_double_act(d, hm_api_policy_withdraw, "");
    policy_double_expect_state(d, 1, "withdrawn", 0, "");
    (void)policy_double_put(d, "david", second);
    (void)policy_double_act(d, hm_api_policy_submit, "");
    policy_double_expect_state(d, 1, "submitted", 0, "");
}

static void test_turned_down(void **state)
{
    struct policy_double *d = *state;

    policy_double_trust(d, 3, 2);
    submit(d, "david", "mail", "9955");
    (void)policy_double_act(d, hm_api_policy_reject, "");
    policy_double_expect(d, 400, "no_comment");
    (void)policy_double_act(d, hm_api_policy_reject, "wrong port");
    policy_double_expect_state(d, 1, "rejected", 0, "");
    assert_string_equal(d->detail.newest.why, "wrong port");
    (void)policy_double_act(d, hm_api_policy_submit, "");
    policy_double_expect(d, 409, "rejected");
    (void)policy_double_put(d, "david", policy_double_document(d, "mail", "9955", ""));
    policy_double_expect_state(d, 1, "rejected", 0, ""); /* the same again is no answer */
    (void)policy_double_put(d, "david", policy_double_document(d, "mail", "9933", ""));
    policy_double_expect_state(d, 2, "draft", 0, "");
    (void)policy_double_act(d, hm_api_policy_withdraw, "");
    policy_double_expect_state(d, 2, "withdrawn", 0, "");
    (void)policy_double_put(d, "david", policy_double_document(d, "mail", "9933", ""));
    policy_double_expect_state(d, 3, "draft", 0, "");
}

static void test_expiry(void **state)
{
    struct policy_double *d = *state;
    struct hm_api_policy_act ask = {.revision = 1, .comment = "", .valid_s = 60};

    policy_double_trust(d, 3, 2);
    (void)policy_double_put(
        d, "david",
        policy_double_document(d, "mail", "9955", ",\"expires\":\"2026-10-01T00:00:00Z\""));
    (void)policy_double_act(d, hm_api_policy_submit, "");
    assert_true(d->detail.newest.expires < POLICY_NOW_MS + 11 * DAY_MS); /* the policy's own */
    (void)policy_double_put(d, "david", policy_double_document(d, "web", "9933", ""));
    (void)policy_double_ask(d, hm_api_policy_submit, "web", &ask);
    assert_true(d->detail.newest.expires == POLICY_NOW_MS + 60000);
    (void)policy_double_sign(d, "a");
    d->api.now_ms += 60000;
    (void)policy_double_sign(d, "b");
    policy_double_expect(d, 403, "expired");
    d->api.now_ms -= 1;
    (void)policy_double_sign(d, "b");
    policy_double_expect_state(d, 1, "approved", 0, "");
    d->api.now_ms += 1;
    (void)policy_double_act(d, hm_api_policy_activate, "");
    policy_double_expect(d, 409, "expired");
}

/* ---- a database that somebody edited --------------------------------------------------------- */

struct edit {
    struct hm_arena *arena;
    const char *envelope; /* NULL = as it is */
    const char *from;     /* a policy whose envelope is taken; NULL none */
};

static enum hm_status write_approved(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct edit *edit = arg;
    struct hm_revision_row other;
    struct hm_revision_row row;
    enum hm_status st = hm_revisions_get(s, "mail", 1, edit->arena, &row, err);

    if (st == HM_OK && edit->from != NULL) {
        st = hm_revisions_get(s, edit->from, 1, edit->arena, &other, err);
        row.envelope = other.envelope;
    }
    row.state = HM_REVISION_APPROVED;
    row.envelope = edit->envelope != NULL ? edit->envelope : row.envelope;
    return st == HM_OK ? hm_revisions_put(s, &row, err) : st;
}

/* A state in the database is no approval: nothing is offered that hosts would refuse. */
static void test_edited_database(void **state)
{
    static const struct {
        const char *envelope;
        const char *from;
        const char *code;
    } rows[] = {
        {NULL,   NULL,  "unsigned"},
        {NULL,   "web", "altered" }, /* well signed, but of another policy */
        {"{}",   NULL,  "io_error"},
        {"\"\"", NULL,  "io_error"},
    };
    struct policy_double *d = *state;
    struct hm_api_policy_act ask = {.revision = 1, .comment = ""};

    policy_double_trust(d, 3, 2);
    submit(d, "david", "web", "9933");
    approve_both(d);
    submit(d, "david", "mail", "9955");
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct edit edit = {&d->arena, rows[i].envelope, rows[i].from};

        assert_int_equal(hm_store_write(d->collector.app.store, write_approved, &edit, NULL),
                         HM_OK);
        (void)policy_double_ask(d, hm_api_policy_activate, "mail", &ask);
        policy_double_expect(d, 409, rows[i].code);
    }
    assert_int_equal(api_double_call(&d->api, hm_api_policies_list, NULL, NULL, NULL), 200);
    assert_int_equal(api_double_call(&d->api, hm_api_policies_get, "web", NULL, NULL), 200);
    assert_int_equal(api_double_call(&d->api, hm_api_policies_get, "mail", NULL, NULL), 500);
}

static void test_bad_documents(void **state)
{
    static const struct {
        const char *name;
        const char *body; /* NULL = a good one */
        const char *rest;
        const char *code;
    } rows[] = {
        {"other", NULL, "",                                                                          "other_name"},
        {"mail",  "{}", NULL,                                                                        "bad_json"  },
        {"mail",  "[",  NULL,                                                                        "bad_json"  },
        {"mail",  NULL, ",\"colour\":\"red\"",                                                       "bad_json"  },
        {"mail",  NULL, ",\"window\":{\"weekdays\":[\"someday\"],\"start_minute\":0,\"minutes\":9}",
         "bad_policy"                                                                                            },
    };
    struct policy_double *d = *state;
    const char *text;
    char *at;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        text = rows[i].body != NULL ? rows[i].body
                                    : policy_double_document(d, "mail", "9955", rows[i].rest);
        (void)api_double_call(&d->api, hm_api_policies_put, rows[i].name, NULL, text);
        policy_double_expect(d, 400, rows[i].code);
    }
    at = hm_arena_strdup(&d->arena, policy_double_document(d, "mail", "9955", ""));
    memcpy(strstr(at, "\"enforce\""), "\"retire\" ", 9);
    (void)api_double_call(&d->api, hm_api_policies_put, "mail", NULL, at);
    policy_double_expect(d, 400, "use_retire");
    assert_int_equal(api_double_call(&d->api, hm_api_policies_list, NULL, NULL, NULL), 200);
    assert_string_equal(d->api.body, "{\"items\":[]}");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole_life, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_signatures, begin, end),
        cmocka_unit_test_setup_teardown(test_at_the_same_time, begin, end),
        cmocka_unit_test_setup_teardown(test_author_only, begin, end),
        cmocka_unit_test_setup_teardown(test_single_operator, begin, end),
        cmocka_unit_test_setup_teardown(test_edits_void_approvals, begin, end),
        cmocka_unit_test_setup_teardown(test_changed, begin, end),
        cmocka_unit_test_setup_teardown(test_contradiction, begin, end),
        cmocka_unit_test_setup_teardown(test_turned_down, begin, end),
        cmocka_unit_test_setup_teardown(test_expiry, begin, end),
        cmocka_unit_test_setup_teardown(test_edited_database, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_documents, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
