/* agent/enforce/enforce_run.c — one pass of enforcement in the making: what its parts share.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce_run.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"

#define BUSY_LEAST_MS 15000
#define BUSY_MOST_MS 300000
#define BUSY_SHARE 4 /* a holder that stays for an hour is asked after every 15 minutes at most */
#define MINUTE_MS 60000
#define WINDOW_MINUTES (8 * 1440) /* it opens within a week */

void hm_run_step(const struct hm_enforce_run *run, const char *name)
{
    if (run->options->step != NULL) {
        run->options->step(name, run->options->step_arg);
    }
}

uint64_t hm_run_boot_s(const struct hm_enforce_run *run)
{
    const struct hm_observation *seen = run->pass->observation;
    const int64_t s = seen->has_uptime ? seen->uptime_s : run->now_ms / 1000;

    return s > 0 ? (uint64_t)s : 0;
}

struct hm_enforce_row *hm_run_row(struct hm_enforce_run *run, const char *policy)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        if (strcmp(run->state.policies.at[i].policy, policy) == 0) {
            return &run->state.policies.at[i];
        }
    }
    return NULL;
}

bool hm_run_row_is_live(const struct hm_enforce_row *row)
{
    return row->chosen != NULL && row->off[0] == '\0' && !row->wants_unknown;
}

void hm_run_drop_old_rows(struct hm_enforce_run *run)
{
    struct hm_enforce_rows *rows = &run->state.policies;

    while (rows->count > HM_LIMIT_POLICIES) {
        size_t oldest = rows->count;

        for (size_t i = 0; i < rows->count; i++) {
            const struct hm_enforce_row *row = &rows->at[i];

            if (row->state == HM_OUTCOME_RETIRED &&
                (oldest == rows->count || row->since < rows->at[oldest].since)) {
                oldest = i;
            }
        }
        if (oldest == rows->count) {
            return;
        }
        memmove(&rows->at[oldest], &rows->at[oldest + 1],
                (rows->count - oldest - 1) * sizeof(*rows->at));
        rows->count--;
    }
}

enum hm_status hm_run_save(struct hm_enforce_run *run, struct hm_err *err)
{
    hm_run_step(run, "state");
    return hm_enforce_state_save(run->options->state_dir, &run->state, err);
}

void hm_run_trouble(struct hm_enforce_run *run, enum hm_told which, const struct hm_err *err)
{
    static const struct {
        enum hm_log_level level;
        const char *event;
    } rows[HM_TOLD_COUNT] = {
        {HM_LOG_ERROR,   "nothing_enforced"    },
        {HM_LOG_ERROR,   "nothing_planned"     },
        {HM_LOG_ERROR,   "enforcement_stopped" },
        {HM_LOG_ERROR,   "enforcement_not_kept"},
        {HM_LOG_WARNING, "not_kept_over_a_boot"},
    };
    struct hm_troubles *troubles = run->troubles;
    const uint64_t hash = hm_str_hash(HM_HASH_START, err->text, strlen(err->text)) | 1;

    if (troubles->hash[which] != hash) {
        hm_log_failure(rows[which].level, rows[which].event, err);
    }
    troubles->hash[which] = hash;
    troubles->there[which] = true;
}

void hm_run_settle_troubles(struct hm_enforce_run *run)
{
    struct hm_troubles *troubles = run->troubles;

    for (size_t i = 0; i < HM_TOLD_COUNT; i++) {
        troubles->hash[i] = troubles->there[i] ? troubles->hash[i] : 0;
        troubles->there[i] = false;
    }
}

void hm_run_again(struct hm_enforce_run *run, int64_t in_ms)
{
    in_ms = in_ms < 1 ? 1 : in_ms;
    if (run->pass->again_in_ms == 0 || in_ms < run->pass->again_in_ms) {
        run->pass->again_in_ms = in_ms;
    }
}

void hm_run_ask_again(struct hm_enforce_run *run, const struct hm_enforce_row *row)
{
    int64_t in_ms = (run->now_ms - row->since) / BUSY_SHARE;

    if (row->state == HM_OUTCOME_APPLIED ||
        (row->state == HM_OUTCOME_WAITING &&
         (row->why == HM_WHY_TAKEN || row->why == HM_WHY_BUSY))) {
        in_ms = in_ms < BUSY_LEAST_MS ? BUSY_LEAST_MS : in_ms;
        hm_run_again(run, in_ms > BUSY_MOST_MS ? BUSY_MOST_MS : in_ms);
    }
    if (row->state != HM_OUTCOME_WAITING || row->why != HM_WHY_WINDOW || row->chosen == NULL) {
        return;
    }
    in_ms = MINUTE_MS - run->now_ms % MINUTE_MS;
    for (unsigned i = 0; i < WINDOW_MINUTES; i++, in_ms += MINUTE_MS) {
        if (hm_window_is_open(&row->chosen->window, run->now_ms + in_ms)) {
            hm_run_again(run, in_ms);
            return;
        }
    }
}
