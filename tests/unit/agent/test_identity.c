/* tests/unit/agent/test_identity.c — enrolment, and what is left of it after a restart.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/policies.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "tests/support/fake_transport.h"
#include "tests/support/signers.h"
#include "tests/support/temp_folder.h"

#define ID "01hzzzzzzzzzzzzzzzzzzzzzzz"
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define AGENT_SECRET "hma_" ID "_" SECRET
#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define JOIN_TOKEN "hmj_" ID "_" SECRET "_" SHA
#define JOIN_TOKEN_PUBLIC "hmj_" ID "_" SECRET
#define ENROLLED_WITH(more)                                                                        \
    "{\"agent_id\":\"" ID "\",\"secret\":\"" AGENT_SECRET "\",\"interval_s\":45" more "}"
#define ENROLLED ENROLLED_WITH("")
#define PROBLEM(number, code, more)                                                                \
    "{\"type\":\"urn:havenmaster:problem:" code "\",\"title\":\"t\",\"status\":" number            \
    ",\"code\":\"" code "\",\"detail\":\"why\"" more "}"

struct fixture {
    char folder[64];
    struct hm_arena arena;
    struct hm_agent_policies *policies;
    struct fake_transport fake;
    struct hm_transport transport;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    hm_arena_init(&fixture->arena, 64u << 20);
    fixture->transport = fake_transport_of(&fixture->fake);
    *state = fixture;
    return hm_agent_policies_open(fixture->folder, "", &fixture->policies, NULL) == HM_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fake_transport_fini(&fixture->fake);
    hm_agent_policies_close(fixture->policies);
    temp_folder_remove(fixture->folder);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static void script(struct fixture *fixture, const struct fake_reply *replies, unsigned count)
{
    fake_transport_fini(&fixture->fake);
    fake_transport_init(&fixture->fake, replies, count);
}

struct enrol_row {
    const char *token;
    const char *ca_file;
    const char *ca_pem; /* what the collector's /v1/ca is; NULL = another's */
    struct fake_reply reply;
    enum hm_status st;
    const char *trusted; /* last CA path below the state folder, "" = the system's store */
    unsigned calls;
};

static void one_enrolment(struct fixture *fixture, const struct enrol_row *row)
{
    const char *labels[] = {"site=paris"};
    const struct hm_agent_config config = {.ca_file = row->ca_file, .state_dir = fixture->folder};
    const struct hm_enrolment enrolment = {
        .config = &config,
        .token = row->token,
        .name = "host-1",
        .labels = {labels, 1},
        .policies = fixture->policies
    };
    const char *trusted = row->trusted[0] == '\0' ? ""
                                                  : hm_arena_printf(&fixture->arena, "%s/%s",
                                                                    fixture->folder, row->trusted);
    const char *identity_path =
        hm_arena_printf(&fixture->arena, "%s/identity.json", fixture->folder);
    struct hm_identity identity = {.present = false};
    struct hm_identity loaded;
    int64_t retry_after_s = 0;
    struct hm_err err = {.text = ""};

    assert_int_equal(hm_os_remove_file(identity_path, NULL), HM_OK);
    script(fixture, &row->reply, 1);
    fixture->fake.ca_pem = row->ca_pem;
    assert_int_equal(
        hm_identity_enroll(&fixture->transport, &enrolment, &identity, &retry_after_s, &err),
        row->st);
    assert_int_equal(fixture->fake.call_count, row->calls);
    assert_string_equal(fixture->fake.trusted, trusted);
    assert_null(strstr(err.text, SECRET));
    assert_int_equal(identity.present, row->st == HM_OK);
    assert_int_equal(hm_os_exists(identity_path), row->st == HM_OK);
    assert_int_equal(hm_identity_load(fixture->folder, &loaded, NULL), HM_OK);
    assert_int_equal(loaded.present, row->st == HM_OK);
    if (row->st == HM_OK) {
        struct hm_enroll enroll;

        assert_string_equal(loaded.agent_id, ID);
        assert_string_equal(loaded.secret, AGENT_SECRET);
        assert_int_equal(loaded.interval_s, 45);
        assert_int_equal(hm_record_decode(&hm_record_enroll, fixture->fake.calls[0].body,
                                          fixture->fake.calls[0].body_len, true, &fixture->arena,
                                          &enroll, NULL, NULL),
                         HM_OK);
        assert_string_equal(enroll.token, row->token);
        assert_string_equal(enroll.name, "host-1");
        assert_string_equal(enroll.labels.at[0], "site=paris");
        assert_string_equal(fixture->fake.calls[0].bearer, "");
    }
}

static void test_enrolment(void **state)
{
    static const struct enrol_row rows[] = {
        {JOIN_TOKEN_PUBLIC,    "", NULL,  {200, ENROLLED, "", 0},               HM_OK,      "",       1},
        {JOIN_TOKEN,           "", NULL,  {200, ENROLLED, "", 0},               HM_EDENIED, "",       0},
        {JOIN_TOKEN,           "", "PEM", {200, ENROLLED, "", 0},               HM_OK,      "ca.pem", 1},
        {JOIN_TOKEN,
         "",                       "PEM",
         {403, PROBLEM("403", "expired_token", ""), "", 0},
         HM_EDENIED,                                                                        "ca.pem",
         1                                                                                             },
        {JOIN_TOKEN,           "", "PEM", {503, "", "", 9},                     HM_EBUSY,   "ca.pem", 1},
        {JOIN_TOKEN,           "", "PEM", {200, "{\"agent_id\":\"x\"}", "", 0}, HM_EINVAL,  "ca.pem", 1},
        {JOIN_TOKEN,
         "",                       "PEM",
         {200, "{\"agent_id\":\"" ID "\",\"secret\":\"" JOIN_TOKEN_PUBLIC "\",\"interval_s\":1}",
          "", 0},
         HM_EINVAL,                                                                         "ca.pem",
         1                                                                                             },
        {"hma_" ID "_" SECRET, "", "PEM", {200, ENROLLED, "", 0},               HM_EINVAL,  "",       0},
        {"nonsense",           "", "PEM", {200, ENROLLED, "", 0},               HM_EINVAL,  "",       0},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        one_enrolment(fixture, &rows[i]);
    }
}

static enum hm_status enroll_with(struct fixture *fixture, const char *answer, struct hm_err *err)
{
    const struct fake_reply reply = {200, answer, "", 0};
    const struct hm_agent_config config = {.ca_file = "", .state_dir = fixture->folder};
    const struct hm_enrolment enrolment = {.config = &config,
                                           .token = JOIN_TOKEN_PUBLIC,
                                           .name = "host-1",
                                           .policies = fixture->policies};
    struct hm_identity identity;
    int64_t retry_after_s;

    script(fixture, &reply, 1);
    return hm_identity_enroll(&fixture->transport, &enrolment, &identity, &retry_after_s, err);
}

static void test_enrolment_pins_the_trust_root(void **state)
{
    struct fixture *fixture = *state;
    struct hm_identity loaded;
    struct hm_signers people;
    struct hm_trust_root root;
    struct hm_envelope envelope;
    struct hm_buf json;
    struct hm_err err;

    hm_signers_init(&people);
    root = hm_signers_root(&people, 2, 2);
    assert_int_equal(hm_trust_root_encode(&root, &people.arena, &envelope, NULL), HM_OK);
    assert_true(hm_signers_sign(&people, HM_ANNA, &envelope));
    for (int signatures = 1; signatures <= 2; signatures++) {
        hm_buf_init(&json, HM_LIMIT_SIGNED_BYTES);
        assert_int_equal(hm_record_encode(&hm_record_envelope, &envelope, &json, NULL), HM_OK);
        assert_int_equal(
            enroll_with(fixture,
                        hm_arena_printf(&people.arena, ENROLLED_WITH(",\"trust_root\":%s"),
                                        hm_buf_text(&json)),
                        &err),
            signatures == 1 ? HM_EDENIED : HM_OK);
        /* Not pinned, not enrolled. */
        assert_int_equal(hm_identity_load(fixture->folder, &loaded, NULL), HM_OK);
        assert_int_equal(loaded.present, signatures == 2);
        assert_int_equal(hm_agent_policies_trust_version(fixture->policies), signatures - 1);
        hm_buf_fini(&json);
        if (signatures == 1) {
            assert_non_null(strstr(err.text, "trust root"));
            assert_true(hm_signers_sign(&people, HM_BORIS, &envelope));
        }
    }
    hm_signers_fini(&people);
}

static void test_given_ca_file_outranks_the_token(void **state)
{
    static const struct fake_reply reply = {200, ENROLLED, "", 0};
    struct fixture *fixture = *state;
    const struct hm_agent_config config = {.ca_file = "/etc/own-ca.pem",
                                           .state_dir = fixture->folder};
    const struct hm_enrolment enrolment = {
        .config = &config, .token = JOIN_TOKEN, .name = "host-1", .policies = fixture->policies};
    struct hm_identity identity;
    int64_t retry_after_s;

    script(fixture, &reply, 1);
    assert_int_equal(
        hm_identity_enroll(&fixture->transport, &enrolment, &identity, &retry_after_s, NULL),
        HM_OK);
    assert_string_equal(fixture->fake.trusted, "/etc/own-ca.pem");
    assert_string_equal(fixture->fake.ca_asked, "");
}

static void test_broken_identity_is_an_error(void **state)
{
    static const char *const rows[] = {"", "{}", "{\"agent_id\":\"" ID "\",\"secret\":\"x\"}",
                                       "{\"agent_id\":\"x\",\"secret\":\"" AGENT_SECRET "\"}"};
    struct fixture *fixture = *state;
    const char *path = hm_arena_printf(&fixture->arena, "%s/identity.json", fixture->folder);

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_identity identity;
        struct hm_err err;

        assert_int_equal(hm_os_replace_file(path, rows[i], strlen(rows[i]), true, NULL), HM_OK);
        assert_int_equal(hm_identity_load(fixture->folder, &identity, &err), HM_EINVAL);
        assert_non_null(strstr(err.text, path));
    }
}

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK ? 0 : -1;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_enrolment),
        CASE(test_enrolment_pins_the_trust_root),
        CASE(test_given_ca_file_outranks_the_token),
        CASE(test_broken_identity_is_an_error),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
