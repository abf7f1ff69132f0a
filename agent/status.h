/* agent/status.h — how the agent is doing, for "hm-agent status": status.json in its state folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Written when something changed, else every HM_STATUS_REFRESH_MS: an idle agent leaves the disk
 * in peace, and a running agent whose last contact worked is healthy in between. */
#pragma once

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/judge/judge.h"
#include "common/wire/fields.h"

#define HM_STATUS_REFRESH_MS 900000

struct hm_agent_status {
    const char *collector; /* "" none */
    const char *agent_id;  /* "" not enrolled */
    const char *name;
    uint32_t interval_s;
    bool has_last_contact;
    int64_t last_contact; /* last success */
    bool has_last_error;
    int64_t last_error;     /* since the last success; absent: none */
    const char *error_code; /* of that */
    const char *error;
    bool has_next;
    int64_t next; /* when the collector is asked again */
    bool has_last_look;
    int64_t last_look;
    bool has_sure;
    int64_t sure;           /* when its clock was last not in doubt (expiry_clock.h) */
    const char *look_error; /* why the newest look failed; "" it did not */
    uint32_t safe;          /* verdicts of the last look, by state */
    uint32_t unknown;
    uint32_t exposed;
    uint32_t blocked;
    const char *catalogue; /* how many products it judges by, of which version, and whose they are;
                              "" none */
    const char *inventory; /* digest that the collector holds; "" none */
    const char *findings;
};
extern const struct hm_record hm_record_agent_status;

/* HM_ENOENT when the agent has not run yet. */
enum hm_status hm_agent_status_load(const char *state_dir, struct hm_arena *arena,
                                    struct hm_agent_status *out_status,
                                    struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_agent_status_save(const char *state_dir, const struct hm_agent_status *status,
                                    struct hm_err *err) HM_MUST_CHECK;

/* Counts verdicts by state. */
void hm_agent_status_count(struct hm_agent_status *status, const struct hm_verdicts *verdicts);

/* Of interest to whoever watches this host's log alone: did it get worse, or all safe again? */
void hm_agent_status_log(const struct hm_agent_status *before, const struct hm_agent_status *now);

/* Did the last contact work, and is it recent enough at now_ms? running: an agent holds the
 * lock. out_why: a sentence, "" when healthy. */
bool hm_agent_status_is_healthy(const struct hm_agent_status *status, bool running, int64_t now_ms,
                                const char **out_why);
