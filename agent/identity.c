/* agent/identity.c — who this agent is to the collector, and how it came to be that.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity.h"

#include <string.h>

#include "agent/problem.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/base/version.h"
#include "common/os/os.h"
#include "common/wire/records.h"

#define IDENTITY_BYTES 4096u
#define IDENTITY_ARENA_BYTES (1024u * 1024u)
#define ENROLL_TIMEOUT_MS 60000
#define STATE_FOLDER_MODE 0700u
#define INTERVAL_MAX 86400

struct stored {
    const char *agent_id;
    const char *secret;
    uint32_t interval_s;
};

static const struct hm_field stored_fields[] = {
    HM_F(stored, agent_id, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_ID_TEXT_BYTES - 1,
         "who this agent is"),
    HM_F(stored, secret, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_TOKEN_TEXT_BYTES - 1,
         "what proves it"),
    HM_F(stored, interval_s, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, INTERVAL_MAX,
         "seconds between check-ins, as told at enrolment"),
};
static const struct hm_record record_stored = {"identity", sizeof(struct stored), stored_fields,
                                               HM_COUNT(stored_fields)};

static enum hm_status fail_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory to enrol");
}

/* agent_id and secret as the collector or the file gives them, checked. */
static enum hm_status take(const char *agent_id, const char *secret, uint32_t interval_s,
                           struct hm_identity *out, struct hm_err *err)
{
    struct hm_identity identity = {.present = true, .interval_s = interval_s};
    struct hm_token token;
    enum hm_status st;

    st = hm_token_parse(secret, &token, err);
    if (st == HM_OK && (strcmp(token.prefix, "hma") != 0 || !hm_id_is_valid(agent_id))) {
        st = hm_fail(err, HM_EINVAL, "this is not an agent's identity");
    }
    if (st == HM_OK) {
        (void)hm_str_copy(identity.agent_id, sizeof(identity.agent_id), agent_id);
        (void)hm_str_copy(identity.secret, sizeof(identity.secret), secret);
        *out = identity;
    }
    hm_crypto_wipe(&token, sizeof(token));
    hm_crypto_wipe(&identity, sizeof(identity));
    return st;
}

enum hm_status hm_identity_load(const char *state_dir, struct hm_identity *out_identity,
                                struct hm_err *err)
{
    struct hm_arena arena;
    struct stored stored;
    enum hm_status st;
    const char *path;
    char *text = NULL;
    size_t len = 0;

    hm_arena_init(&arena, IDENTITY_ARENA_BYTES);
    path = hm_arena_printf(&arena, "%s/identity.json", state_dir);
    if (path == NULL) {
        st = fail_memory(err);
        goto done;
    }
    st = hm_os_read_file(path, IDENTITY_BYTES, &arena, &text, &len, err);
    if (st == HM_ENOENT) {
        memset(out_identity, 0, sizeof(*out_identity));
        st = HM_OK;
        goto done;
    }
    if (st == HM_OK) {
        st = hm_record_decode(&record_stored, text, len, false, &arena, &stored, NULL, err);
    }
    if (st == HM_OK) {
        st = take(stored.agent_id, stored.secret, stored.interval_s, out_identity, err);
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "%s: remove it and enrol again", path);
    }
done:
    if (text != NULL) {
        hm_crypto_wipe(text, len);
    }
    hm_arena_fini(&arena);
    return st;
}

void hm_identity_fini(struct hm_identity *identity)
{
    if (identity != NULL) {
        hm_crypto_wipe(identity, sizeof(*identity));
    }
}

static enum hm_status save(const char *state_dir, const struct hm_identity *identity,
                           struct hm_arena *arena, struct hm_err *err)
{
    const struct stored stored = {identity->agent_id, identity->secret, identity->interval_s};
    const char *path = hm_arena_printf(arena, "%s/identity.json", state_dir);
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, IDENTITY_BYTES);
    st = path == NULL ? fail_memory(err)
                      : hm_record_encode_pretty(&record_stored, &stored, &json, err);
    if (st == HM_OK) {
        st = hm_os_replace_file(path, json.data, json.len, true, err);
    }
    if (json.data != NULL) {
        hm_crypto_wipe(json.data, json.len);
    }
    hm_buf_fini(&json);
    return st;
}

enum hm_status hm_identity_ca_path(const struct hm_agent_config *config, struct hm_arena *arena,
                                   const char **out_path, struct hm_err *err)
{
    const char *path = config->ca_file;

    if (path[0] == '\0') {
        path = hm_arena_printf(arena, "%s/ca.pem", config->state_dir);
        if (path == NULL) {
            return fail_memory(err);
        }
        if (!hm_os_exists(path)) {
            path = NULL;
        }
    }
    *out_path = path;
    return HM_OK;
}

/* First contact: without a ca_file the token's fingerprint vouches for the collector's CA. */
static enum hm_status make_sure(const struct hm_transport *transport,
                                const struct hm_enrolment *enrolment, const struct hm_token *token,
                                struct hm_arena *arena, struct hm_err *err)
{
    const char *state_dir = enrolment->config->state_dir;
    enum hm_status st = HM_OK;
    const char *path;
    const char *pem;

    if (enrolment->config->ca_file[0] == '\0' && token->ca_sha256[0] != '\0') {
        path = hm_arena_printf(arena, "%s/ca.pem", state_dir);
        if (path == NULL) {
            return fail_memory(err);
        }
        st = transport->ops->fetch_ca(transport->self, token->ca_sha256, arena, &pem, err);
        if (st == HM_OK) {
            st = hm_os_replace_file(path, pem, strlen(pem), false, err);
        }
    }
    if (st == HM_OK) {
        st = hm_identity_ca_path(enrolment->config, arena, &path, err);
    }
    if (st == HM_OK) {
        st = transport->ops->trust(transport->self, path, err);
    }
    return st;
}

static enum hm_status post(const struct hm_transport *transport,
                           const struct hm_enrolment *enrolment, struct hm_arena *arena,
                           struct hm_enrolled *out, int64_t *out_retry_after_s, struct hm_err *err)
{
    const struct hm_enroll enroll = {enrolment->token, enrolment->name, enrolment->labels,
                                     hm_version};
    struct hm_http_request request = {.method = "POST",
                                      .path = "/v1/enroll",
                                      .content_type = "application/json",
                                      .timeout_ms = ENROLL_TIMEOUT_MS};
    struct hm_http_reply reply;
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, HM_LIMIT_ENROLL_BYTES);
    st = hm_record_encode(&hm_record_enroll, &enroll, &json, err);
    if (st != HM_OK) {
        goto done;
    }
    request.body = json.data;
    request.body_len = json.len;
    st = transport->ops->call(transport->self, &request, arena, &reply, err);
    if (st != HM_OK) {
        goto done;
    }
    *out_retry_after_s = reply.retry_after_s;
    if (reply.status / 100 != 2) {
        st = hm_problem_fail("enrolment", &reply, arena, NULL, err);
        goto done;
    }
    st = hm_record_decode(&hm_record_enrolled, reply.body, reply.body_len, false, arena, out, NULL,
                          err);
    if (st != HM_OK) {
        hm_err_prefix(err, "the collector's answer to the enrolment");
    }
done:
    if (json.data != NULL) {
        hm_crypto_wipe(json.data, json.len);
    }
    hm_buf_fini(&json);
    return st;
}

enum hm_status hm_identity_enroll(const struct hm_transport *transport,
                                  const struct hm_enrolment *enrolment,
                                  struct hm_identity *out_identity, int64_t *out_retry_after_s,
                                  struct hm_err *err)
{
    const char *state_dir = enrolment->config->state_dir;
    struct hm_identity identity = {.present = false};
    struct hm_enrolled enrolled = {.agent_id = ""};
    struct hm_token token;
    struct hm_arena arena;
    enum hm_status st;

    hm_arena_init(&arena, IDENTITY_ARENA_BYTES);
    *out_retry_after_s = -1;
    st = hm_token_parse(enrolment->token, &token, err);
    if (st != HM_OK) {
        goto done;
    }
    if (strcmp(token.prefix, "hmj") != 0) {
        st = hm_fail(err, HM_EINVAL, "a join token (hmj_…) was expected, this is another token");
        goto done;
    }
    st = hm_os_make_folder(state_dir, STATE_FOLDER_MODE, err);
    if (st == HM_OK) {
        st = make_sure(transport, enrolment, &token, &arena, err);
    }
    if (st == HM_OK) {
        st = post(transport, enrolment, &arena, &enrolled, out_retry_after_s, err);
    }
    if (st == HM_OK) {
        st = take(enrolled.agent_id, enrolled.secret, enrolled.interval_s, &identity, err);
    }
    if (st == HM_OK && enrolled.has_trust_root) {
        st = hm_agent_policies_pin(enrolment->policies, &enrolled.trust_root, err);
    }
    if (st == HM_OK) {
        st = save(state_dir, &identity, &arena, err);
    }
    if (st == HM_OK) {
        *out_identity = identity;
    }
done:
    hm_crypto_wipe(&token, sizeof(token));
    hm_crypto_wipe(&identity, sizeof(identity));
    hm_arena_fini(&arena);
    return st;
}
