/* agent/status.c — how the agent is doing, for "hm-agent status".
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/status.h"

#include <stdio.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/os/os.h"

#define STATUS_BYTES (64u * 1024u)
#define PATH_BYTES 4096
#define STALE_INTERVALS 3
#define STALE_GRACE_MS 5000 /* an interval of a second is no stopwatch */

#define TEXT(member, help)                                                                         \
    HM_F(hm_agent_status, member, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_URL_BYTES, help)
#define TIME(member, help) HM_F_OPT(hm_agent_status, member, HM_TYPE_TIME, 0, 0, help)
#define COUNT(member, help)                                                                        \
    HM_F(hm_agent_status, member, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0, help)

static const struct hm_field status_fields[] = {
    TEXT(collector, "address of the collector"),
    TEXT(agent_id, "who this agent is to it; absent: not enrolled"),
    TEXT(name, "name that it reports"),
    COUNT(interval_s, "seconds between two looks"),
    TIME(last_contact, "when the collector last took a report"),
    TIME(last_error, "when it last did not, since then"),
    TEXT(error_code, "code of that"),
    TEXT(error, "what happened, and what to do"),
    TIME(next, "when it is asked again"),
    TIME(last_look, "when the host was last looked at"),
    TIME(sure, "when the clock was last not in doubt"),
    TEXT(look_error, "why the newest look failed"),
    COUNT(safe, "requirements that get their ports at the next start"),
    COUNT(unknown, "requirements of which that is not known"),
    COUNT(exposed, "requirements that race for their ports"),
    COUNT(blocked, "requirements that do not get their ports"),
    TEXT(catalogue, "products that it judges by, and whose they are"),
    TEXT(inventory, "digest of the inventory that the collector holds"),
    TEXT(findings, "digest of the findings that the collector holds"),
};
const struct hm_record hm_record_agent_status = {"agent_status", sizeof(struct hm_agent_status),
                                                 status_fields, HM_COUNT(status_fields)};

static enum hm_status path_of(const char *state_dir, char out[PATH_BYTES], struct hm_err *err)
{
    int put = snprintf(out, PATH_BYTES, "%s/status.json", state_dir);

    if (put < 0 || put >= PATH_BYTES) {
        return hm_fail(err, HM_EINVAL, "%.200s…: the path is too long", state_dir);
    }
    return HM_OK;
}

enum hm_status hm_agent_status_load(const char *state_dir, struct hm_arena *arena,
                                    struct hm_agent_status *out_status, struct hm_err *err)
{
    char path[PATH_BYTES];
    enum hm_status st;
    char *text;
    size_t len;

    st = path_of(state_dir, path, err);
    if (st == HM_OK) {
        st = hm_os_read_file(path, STATUS_BYTES, arena, &text, &len, err);
    }
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_agent_status, text, len, false, arena, out_status, NULL,
                              err);
        if (st != HM_OK) {
            hm_err_prefix(err, "%s", path);
        }
    }
    return st;
}

enum hm_status hm_agent_status_save(const char *state_dir, const struct hm_agent_status *status,
                                    struct hm_err *err)
{
    char path[PATH_BYTES];
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, STATUS_BYTES);
    st = path_of(state_dir, path, err);
    if (st == HM_OK) {
        st = hm_record_encode_pretty(&hm_record_agent_status, status, &json, err);
    }
    if (st == HM_OK) {
        st = hm_os_replace_file(path, json.data, json.len, true, err);
    }
    hm_buf_fini(&json);
    return st;
}

void hm_agent_status_count(struct hm_agent_status *status, const struct hm_verdicts *verdicts)
{
    uint32_t counts[4] = {0};

    for (size_t i = 0; i < verdicts->count; i++) {
        counts[verdicts->at[i].state]++;
    }
    status->safe = counts[HM_SAFE];
    status->unknown = counts[HM_UNKNOWN];
    status->exposed = counts[HM_EXPOSED];
    status->blocked = counts[HM_BLOCKED];
}

void hm_agent_status_log(const struct hm_agent_status *before, const struct hm_agent_status *now)
{
    const bool worse = now->blocked > before->blocked || now->exposed > before->exposed;
    const bool was_bad = before->blocked > 0 || before->exposed > 0;
    const bool is_bad = now->blocked > 0 || now->exposed > 0;
    struct hm_log_line line;

    if (!worse && !(was_bad && !is_bad)) {
        return;
    }
    hm_log_begin(&line, worse ? HM_LOG_WARNING : HM_LOG_INFO,
                 worse ? "verdicts_worse" : "verdicts_safe");
    hm_log_u64(&line, "blocked", now->blocked);
    hm_log_u64(&line, "exposed", now->exposed);
    hm_log_u64(&line, "unknown", now->unknown);
    hm_log_u64(&line, "safe", now->safe);
    hm_log_end(&line);
}

bool hm_agent_status_is_healthy(const struct hm_agent_status *status, bool running, int64_t now_ms,
                                const char **out_why)
{
    int64_t fresh_ms = (int64_t)status->interval_s * 1000 * STALE_INTERVALS + STALE_GRACE_MS;
    const char *why = "";

    if (running) {
        fresh_ms += HM_STATUS_REFRESH_MS; /* it would have said so, had a contact failed */
    }
    if (status->agent_id[0] == '\0') {
        why = "not enrolled: run \"hm-agent enroll\", or set token";
    } else if (status->look_error[0] != '\0') {
        why = "the host cannot be looked at";
    } else if (status->has_last_error) {
        why = "the last contact failed";
    } else if (!status->has_last_contact) {
        why = "there was no contact yet";
    } else if (now_ms - status->last_contact > fresh_ms) {
        why = running ? "the last contact is too long ago"
                      : "the last contact is too long ago, and no agent is running";
    }
    *out_why = why;
    return why[0] == '\0';
}
