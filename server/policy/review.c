/* server/policy/review.c — what is wrong with a policy, beside those that are on their way.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/policy/review.h"

#include <stdio.h>
#include <string.h>

#include "common/wire/records.h"

#define ON_THEIR_WAY                                                                               \
    (1u << HM_REVISION_SUBMITTED | 1u << HM_REVISION_APPROVED | 1u << HM_REVISION_ACTIVE |         \
     1u << HM_REVISION_PAUSED)
#define ERRORS_SHOWN 3u

/* One that cannot be read, or wants nothing any more, is passed over. */
static enum hm_status read_others(const struct hm_revision_rows *rows, int64_t now_ms,
                                  struct hm_arena *arena, struct hm_policies *out_others,
                                  struct hm_err *err)
{
    struct hm_policy *read = hm_arena_alloc(arena, rows->count, sizeof(*read));
    struct hm_policies others = {hm_arena_alloc(arena, rows->count, sizeof(*others.at)), 0};
    struct hm_err bad = {.status = HM_OK};

    if (read == NULL || others.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the other policies");
    }
    for (size_t i = 0; i < rows->count; i++) {
        const char *text = rows->at[i].document;
        enum hm_status st = hm_record_decode(&hm_record_policy, text, strlen(text), false, arena,
                                             &read[i], NULL, &bad);

        if (st == HM_ENOMEM) {
            return hm_fail(err, st, "%s", bad.text);
        }
        if (st == HM_OK && read[i].mode != HM_POLICY_RETIRE &&
            !hm_policy_is_expired(&read[i], now_ms)) {
            others.at[others.count++] = &read[i];
        }
    }
    *out_others = others;
    return HM_OK;
}

enum hm_status hm_policy_review(struct hm_session *s, const struct hm_policy *policy,
                                const struct hm_catalogue *catalogue, int64_t now_ms,
                                struct hm_arena *arena, struct hm_lint_problems *out_problems,
                                struct hm_err *err)
{
    struct hm_lint_input input = {.policy = policy, .catalogue = catalogue, .now_ms = now_ms};
    struct hm_revision_rows rows;
    enum hm_status st;

    if (policy->mode == HM_POLICY_RETIRE) { /* it wants nothing */
        *out_problems = (struct hm_lint_problems){NULL, 0};
        return HM_OK;
    }
    st = hm_revisions_in(s, ON_THEIR_WAY, arena, &rows, err);
    if (st == HM_OK) {
        st = read_others(&rows, now_ms, arena, &input.others, err);
    }
    return st == HM_OK ? hm_policy_lint(&input, arena, out_problems, err) : st;
}

enum hm_status hm_policy_refuse_errors(const struct hm_lint_problems *problems, struct hm_err *err)
{
    char text[HM_ERR_TEXT_MAX] = "";
    size_t errors = 0;
    size_t used = 0;

    for (size_t i = 0; i < problems->count; i++) {
        const struct hm_lint_problem *at = &problems->at[i];

        if (at->severity != HM_LINT_ERROR) {
            continue;
        }
        if (errors++ < ERRORS_SHOWN && used < sizeof(text)) {
            const int more =
                snprintf(text + used, sizeof(text) - used, " %s: %s", at->code, at->text);

            used += more > 0 ? (size_t)more : 0;
        }
    }
    return errors == 0
               ? HM_OK
               : hm_fail_code(err, HM_ECONFLICT, "lint", "%zu error%s must be mended first:%s",
                              errors, errors == 1 ? "" : "s", text);
}
