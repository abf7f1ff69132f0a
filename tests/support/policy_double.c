/* tests/support/policy_double.c — people who write, sign and move policies of a collector double.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/policy_double.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "server/api/api.h"

#define ARENA_BYTES (256u << 20)

static void read_answer(struct policy_double *d, const struct hm_record *record, void *out)
{
    struct hm_err err = {.status = HM_OK};

    if (hm_record_decode(record, d->api.body, strlen(d->api.body), true, &d->arena, out, NULL,
                         &err) != HM_OK) {
        fail_msg("%s in %s", err.text, d->api.body);
    }
}

static const char *encode(struct policy_double *d, const struct hm_record *record, const void *in)
{
    struct hm_buf json;
    const char *text;

    hm_buf_init(&json, HM_LIMIT_API_BODY_BYTES);
    assert_int_equal(hm_record_encode(record, in, &json, NULL), HM_OK);
    text = hm_arena_strdup(&d->arena, hm_buf_text(&json));
    assert_non_null(text);
    hm_buf_fini(&json);
    return text;
}

struct policy_double *policy_double_new(void)
{
    struct policy_double *d = calloc(1, sizeof(*d));
    struct hm_api_trust trust;

    assert_non_null(d);
    collector_double_open(&d->collector, "sqlite::memory:");
    hm_signers_init(&d->people);
    hm_arena_init(&d->arena, ARENA_BYTES);
    d->api = (struct api_double){
        .app = &d->collector.app, .role = HM_ROLE_ADMIN, .now_ms = POLICY_NOW_MS};
    assert_int_equal(api_double_call(&d->api, hm_api_trust_get, NULL, NULL, NULL), 200);
    read_answer(d, &hm_record_api_trust, &trust);
    assert_int_equal(trust.version, 0);
    d->fleet = trust.fleet;
    return d;
}

void policy_double_free(struct policy_double *d)
{
    collector_double_close(&d->collector);
    hm_signers_fini(&d->people);
    hm_arena_fini(&d->arena);
    free(d);
}

struct hm_trust_root policy_double_root(struct policy_double *d, size_t count, uint32_t threshold)
{
    struct hm_trust_root root = hm_signers_root(&d->people, count, threshold);

    root.fleet = d->fleet;
    return root;
}

static void sign(struct policy_double *d, struct hm_envelope *envelope, const char *signers)
{
    for (; *signers != '\0'; signers++) {
        assert_true(hm_signers_sign(&d->people, (enum hm_signer)(*signers - 'a'), envelope));
    }
}

unsigned policy_double_turn(struct policy_double *d, const struct hm_trust_root *root,
                            const char *signers)
{
    struct hm_envelope envelope;

    assert_int_equal(hm_trust_root_encode(root, &d->arena, &envelope, NULL), HM_OK);
    sign(d, &envelope, signers);
    return api_double_call(&d->api, hm_api_trust_post, NULL, NULL,
                           encode(d, &hm_record_envelope, &envelope));
}

void policy_double_trust(struct policy_double *d, size_t count, uint32_t threshold)
{
    char letters[] = "abcd";
    struct hm_trust_root root = policy_double_root(d, count, threshold);

    letters[count] = '\0';
    (void)policy_double_turn(d, &root, letters);
    policy_double_expect(d, 200, "");
}

const char *policy_double_document(struct policy_double *d, const char *name, const char *ports,
                                   const char *rest)
{
    const char *text = hm_arena_printf(
        &d->arena,
        "{\"name\":\"%s\",\"owner\":\"mail team\",\"reason\":\"POP3 did not start\","
        "\"review\":\"2027-06-01T00:00:00Z\",\"match\":{\"labels\":[\"role=mail\"]},"
        "\"mode\":\"enforce\"%s%s%s%s}",
        name, ports == NULL ? "" : ",\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"",
        ports == NULL ? "" : ports, ports == NULL ? "" : "\"}]", rest);

    assert_non_null(text);
    return text;
}

static unsigned keep_detail(struct policy_double *d)
{
    if (d->api.status == 200 || d->api.status == 201) {
        read_answer(d, &hm_record_api_policy_detail, &d->detail);
    }
    return d->api.status;
}

unsigned policy_double_put(struct policy_double *d, const char *who, const char *document)
{
    struct hm_policy policy;

    assert_int_equal(hm_record_decode(&hm_record_policy, document, strlen(document), true,
                                      &d->arena, &policy, NULL, NULL),
                     HM_OK);
    d->api.operator_name = who;
    (void)api_double_call(&d->api, hm_api_policies_put, policy.name, NULL, document);
    d->api.operator_name = NULL;
    return keep_detail(d);
}

unsigned policy_double_ask(struct policy_double *d, hm_handler *handler, const char *name,
                           const struct hm_api_policy_act *ask)
{
    (void)api_double_call(&d->api, handler, name, NULL, encode(d, &hm_record_api_policy_act, ask));
    return keep_detail(d);
}

unsigned policy_double_act(struct policy_double *d, hm_handler *handler, const char *comment)
{
    const struct hm_api_policy_act ask = {.revision = d->detail.newest.revision,
                                          .comment = comment};

    return policy_double_ask(d, handler, d->detail.policy.name, &ask);
}

unsigned policy_double_sign(struct policy_double *d, const char *signers)
{
    struct hm_api_policy_act ask = {.revision = d->detail.newest.revision,
                                    .comment = "looks right",
                                    .has_envelope = true,
                                    .envelope = d->detail.newest.envelope};

    assert_true(d->detail.newest.has_envelope);
    sign(d, &ask.envelope, signers);
    return policy_double_ask(d, hm_api_policy_approve, d->detail.policy.name, &ask);
}

void policy_double_expect(const struct policy_double *d, unsigned status, const char *code)
{
    if (d->api.status != status || strcmp(d->api.code, code) != 0) {
        fail_msg("%u %s, not %u %s: %s", d->api.status, d->api.code, status, code, d->api.text);
    }
}

void policy_double_expect_state(const struct policy_double *d, uint32_t newest, const char *state,
                                uint32_t live, const char *live_state)
{
    const struct hm_api_policy *policy = &d->detail.policy;

    if (d->api.status != 200 && d->api.status != 201) {
        fail_msg("%u %s: %s", d->api.status, d->api.code, d->api.text);
    }
    assert_string_equal(policy->state, state);
    assert_string_equal(d->detail.newest.state, state);
    assert_int_equal(policy->newest, newest);
    assert_int_equal(d->detail.newest.revision, newest);
    assert_int_equal(policy->live, live);
    assert_string_equal(policy->live_state, live_state);
    assert_int_equal(d->detail.has_live, live != 0 && live != newest);
}
