/* tests/unit/base/test_log.c — what the second reader of events is given.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    unsigned count;
    enum hm_log_level level;
    char event[64];
    char details[HM_LOG_LINE_BYTES];
};

static void sink(void *ctx, enum hm_log_level level, const char *event, const char *details)
{
    struct seen *seen = ctx;

    seen->count++;
    seen->level = level;
    (void)snprintf(seen->event, sizeof(seen->event), "%s", event);
    (void)snprintf(seen->details, sizeof(seen->details), "%s", details);
}

static void test_sink_sees_every_level(void **state)
{
    struct seen seen = {.count = 0};
    struct hm_log_line line;

    (void)state;
    hm_log_set_level(HM_LOG_ERROR);
    hm_log_set_sink(sink, &seen);
    hm_log_begin(&line, HM_LOG_DEBUG, "reported");
    hm_log_u64(&line, "seq", 7);
    hm_log_str(&line, "who", "a \"b\"");
    hm_log_end(&line);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.level, HM_LOG_DEBUG);
    assert_string_equal(seen.event, "reported");
    assert_string_equal(seen.details, "seq=7 who=\"a \\\"b\\\"\"");
}

static void test_event_without_values(void **state)
{
    struct seen seen = {.count = 0};

    (void)state;
    hm_log_set_sink(sink, &seen);
    hm_log_event(HM_LOG_INFO, "agent_stopped");
    assert_string_equal(seen.event, "agent_stopped");
    assert_string_equal(seen.details, "");
}

static void test_nobody_listens(void **state)
{
    struct seen seen = {.count = 0};

    (void)state;
    hm_log_set_sink(sink, &seen);
    hm_log_set_sink(NULL, NULL);
    hm_log_event(HM_LOG_INFO, "agent_stopped");
    assert_int_equal(seen.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sink_sees_every_level),
        cmocka_unit_test(test_event_without_values),
        cmocka_unit_test(test_nobody_listens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
