/* tests/support/policies_fixture.c — an agent's policies in a folder of their own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/policies_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "tests/support/temp_folder.h"

static const char *or_else(const char *text, const char *standard)
{
    return text != NULL ? text : standard;
}

static void sign_all(struct hm_signers *people, unsigned signers, struct hm_envelope *envelope)
{
    for (unsigned i = 0; i < HM_SIGNERS; i++) {
        if ((signers >> i & 1u) != 0) {
            assert_true(hm_signers_sign(people, (enum hm_signer)i, envelope));
        }
    }
}

struct hm_envelope policies_statement(struct policies_fixture *fixture,
                                      const struct policy_draft *draft)
{
    struct hm_arena *arena = &fixture->people.arena;
    const char *name = or_else(draft->policy, "exchange");
    const uint64_t revision =
        draft->document_revision != 0 ? draft->document_revision : draft->revision;
    const char *content = hm_arena_printf(
        arena,
        "{\"name\":\"%s\",\"revision\":%u,\"owner\":\"mail team\",\"reason\":\"POP3 back end\","
        "\"review\":\"2027-06-01T00:00:00Z\",\"match\":%s,\"mode\":\"enforce\","
        "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"%s\"}]%s}",
        or_else(draft->document_name, name), (unsigned)revision,
        or_else(draft->document_match, MATCH), or_else(draft->ports, "9933,9955"),
        or_else(draft->document_more, ""));
    char digest[HM_DIGEST_TEXT_BYTES];
    struct hm_statement statement = {
        .fleet = or_else(draft->fleet, HM_SIGNERS_FLEET),
        .policy = name,
        .revision = draft->revision,
        .content = draft->without_content ? "" : content,
        .match = or_else(draft->match, MATCH),
        .author = or_else(draft->author, "david"),
        .author_key_id = "",
        .expires = draft->expires != 0 ? draft->expires : NOW + DAY,
    };
    struct hm_envelope envelope;
    struct hm_buf json;

    hm_digest_text(content, strlen(content), digest);
    statement.digest = or_else(draft->digest, digest);
    hm_buf_init(&json, HM_LIMIT_SIGNED_BODY_BYTES);
    assert_int_equal(hm_record_encode(&hm_record_statement, &statement, &json, NULL), HM_OK);
    assert_int_equal(
        hm_envelope_new(HM_SIGNED_STATEMENT, json.data, json.len, arena, &envelope, NULL), HM_OK);
    hm_buf_fini(&json);
    sign_all(&fixture->people, draft->signers, &envelope);
    return envelope;
}

struct hm_envelope policies_root(struct policies_fixture *fixture, const struct hm_trust_root *root,
                                 unsigned signers)
{
    struct hm_envelope envelope;

    assert_int_equal(hm_trust_root_encode(root, &fixture->people.arena, &envelope, NULL), HM_OK);
    sign_all(&fixture->people, signers, &envelope);
    return envelope;
}

void policies_reopen(struct policies_fixture *fixture)
{
    hm_agent_policies_close(fixture->policies);
    fixture->policies = NULL;
    assert_int_equal(
        hm_agent_policies_open(fixture->folder, fixture->trust_file, &fixture->policies, NULL),
        HM_OK);
}

bool policies_take(struct policies_fixture *fixture, struct hm_envelope *policies, size_t count,
                   int64_t now_ms)
{
    const struct hm_desired desired = {
        .policies = {policies, count}
    };
    bool changed = false;

    assert_int_equal(hm_agent_policies_take(fixture->policies, &desired, now_ms, &changed, NULL),
                     HM_OK);
    return changed;
}

void policies_take_trust(struct policies_fixture *fixture, struct hm_envelope *trust, size_t count)
{
    const struct hm_desired desired = {
        .trust = {trust, count}
    };
    bool changed;

    assert_int_equal(hm_agent_policies_take(fixture->policies, &desired, NOW, &changed, NULL),
                     HM_OK);
}

uint32_t policies_obeyed(const struct policies_fixture *fixture, const char *name)
{
    const struct hm_policies *all = hm_agent_policies_all(fixture->policies);

    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->at[i]->name, name) == 0) {
            return all->at[i]->revision;
        }
    }
    return 0;
}

const struct hm_policy_refused *policies_only_refused(const struct policies_fixture *fixture)
{
    size_t count = 0;
    const struct hm_policy_refused *refused = hm_agent_policies_refused(fixture->policies, &count);

    assert_int_equal(count, 1);
    return refused;
}

size_t policies_refused_count(const struct policies_fixture *fixture)
{
    size_t count = 0;

    (void)hm_agent_policies_refused(fixture->policies, &count);
    return count;
}

void policies_use_root(struct policies_fixture *fixture, size_t approvers, uint32_t threshold,
                       unsigned signers)
{
    fixture->root = hm_signers_root(&fixture->people, approvers, threshold);
    fixture->pinned = policies_root(fixture, &fixture->root, signers);
    assert_int_equal(hm_agent_policies_pin(fixture->policies, &fixture->pinned, NULL), HM_OK);
}

void policies_take_good(struct policies_fixture *fixture)
{
    struct hm_envelope good[2] = {
        policies_statement(fixture, &(struct policy_draft){.revision = 3, .signers = ANNA | BORIS}),
        policies_statement(
            fixture,
            &(struct policy_draft){.policy = "dns", .revision = 1, .signers = ANNA | BORIS}),
    };

    assert_true(policies_take(fixture, good, 2, NOW));
    assert_int_equal(policies_obeyed(fixture, "exchange"), 3);
    assert_int_equal(policies_obeyed(fixture, "dns"), 1);
    assert_int_equal(policies_refused_count(fixture), 0);
}

int policies_set_up(void **state)
{
    struct policies_fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    hm_signers_init(&fixture->people);
    fixture->trust_file = "";
    *state = fixture;
    return hm_agent_policies_open(fixture->folder, "", &fixture->policies, NULL) == HM_OK ? 0 : -1;
}

int policies_tear_down(void **state)
{
    struct policies_fixture *fixture = *state;

    hm_agent_policies_close(fixture->policies);
    hm_signers_fini(&fixture->people);
    temp_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

const char *policies_path(struct policies_fixture *fixture, const char *name)
{
    return hm_arena_printf(&fixture->people.arena, "%s/%s", fixture->folder, name);
}

char *policies_read_file(struct policies_fixture *fixture)
{
    char *text = NULL;
    size_t len;

    assert_int_equal(hm_os_read_file(policies_path(fixture, "policies.json"), 1u << 20,
                                     &fixture->people.arena, &text, &len, NULL),
                     HM_OK);
    return text;
}

const char *policies_write_file(struct policies_fixture *fixture, const char *name,
                                const char *text)
{
    const char *path = policies_path(fixture, name);

    assert_int_equal(hm_os_replace_file(path, text, strlen(text), true, NULL), HM_OK);
    return path;
}
