/* common/base/lifecycle.c — main() as a table: start in order, stop in reverse.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/lifecycle.h"

#include "common/base/log.h"

static void log_failed_step(const struct hm_step *step, const struct hm_err *err)
{
    struct hm_log_line line;

    hm_log_begin(&line, HM_LOG_ERROR, "start_failed");
    hm_log_str(&line, "step", step->name);
    hm_log_err(&line, err);
    hm_log_end(&line);
}

int hm_lifecycle_run(const struct hm_step *steps, size_t count, void *app, int (*wait)(void *app))
{
    struct hm_err err = {.status = HM_OK};
    size_t started = 0;
    int result = 0;

    while (started < count && steps[started].start(app, &err) == HM_OK) {
        started++;
    }
    if (started == count) {
        result = wait(app);
    } else {
        log_failed_step(&steps[started], &err);
        result = err.status == HM_EINVAL ? 2 : 1;
    }
    while (started > 0) {
        started--;
        if (steps[started].stop != NULL) {
            steps[started].stop(app);
        }
    }
    return result;
}
