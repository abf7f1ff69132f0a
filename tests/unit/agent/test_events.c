/* tests/unit/agent/test_events.c — which log event becomes which entry of the event log, and that
 * the message file has a text for each.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/os/os.h"

static struct {
    unsigned count;
    unsigned id;
    enum hm_log_level level;
    char details[HM_LOG_LINE_BYTES];
} written;
static int64_t now_ms;

static void take(uint16_t id, enum hm_log_level level, const char *details)
{
    written.count++;
    written.id = id;
    written.level = level;
    (void)snprintf(written.details, sizeof(written.details), "%s", details);
}

static int64_t tell_time(void)
{
    return now_ms;
}

static void test_what_is_written(void **state)
{
    static const struct {
        int64_t after_ms;
        const char *event;
        enum hm_log_level level;
        unsigned id; /* 0 = nothing */
    } rows[] = {
        {0,                  "agent_started",        HM_LOG_INFO,    100},
        {0,                  "reported",             HM_LOG_INFO,    0  }, /* nothing was lost */
        {0,                  "report_failed",        HM_LOG_WARNING, 300},
        {1000,               "report_failed",        HM_LOG_WARNING, 0  },
        {0,                  "hold_failed",          HM_LOG_WARNING, 0  },
        {1000,               "reported",             HM_LOG_DEBUG,   301},
        {0,                  "reported",             HM_LOG_DEBUG,   0  },
        {0,                  "report_failed",        HM_LOG_WARNING, 300},
        {HM_EVENT_REPEAT_MS, "report_failed",        HM_LOG_WARNING, 300}, /* still away: say so again */
        {0,                  "identity_refused",     HM_LOG_ERROR,   202},
        {0,                  "enrolled",             HM_LOG_INFO,    200},
        {0,                  "identity_refused",     HM_LOG_ERROR,   202},
        {0,                  "verdicts_safe",        HM_LOG_INFO,    0  },
        {0,                  "verdicts_worse",       HM_LOG_WARNING, 400},
        {0,                  "verdicts_worse",       HM_LOG_WARNING, 400},
        {0,                  "verdicts_safe",        HM_LOG_INFO,    0  },
        {0,                  "enforcement_complete", HM_LOG_INFO,    500},
        {0,                  "strange_thing",        HM_LOG_WARNING, 900},
        {0,                  "strange_thing",        HM_LOG_WARNING, 0  },
        {0,                  "another_thing",        HM_LOG_WARNING, 900},
        {0,                  "broken_thing",         HM_LOG_ERROR,   901},
        {0,                  "news",                 HM_LOG_INFO,    0  },
    };
    struct hm_events events = {.write = take, .monotonic_ms = tell_time};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        now_ms += rows[i].after_ms;
        memset(&written, 0, sizeof(written));
        hm_events_note(&events, rows[i].level, rows[i].event, "a=b");
        if (written.id != rows[i].id || written.count != (rows[i].id != 0 ? 1u : 0u)) {
            fail_msg("row %zu (%s): id %u written %u times, not %u", i, rows[i].event, written.id,
                     written.count, rows[i].id);
        }
    }
}

static void test_general_events_are_named(void **state)
{
    struct hm_events events = {.write = take, .monotonic_ms = tell_time};

    (void)state;
    hm_events_note(&events, HM_LOG_ERROR, "broken_thing", "text=why");
    assert_int_equal(written.level, HM_LOG_ERROR);
    assert_string_equal(written.details, "broken_thing text=why");
    hm_events_note(&events, HM_LOG_WARNING, "report_failed", "text=why");
    assert_string_equal(written.details, "text=why");
}

static const char *const severities[] = {
    [HM_LOG_ERROR] = "Error",
    [HM_LOG_WARNING] = "Warning",
    [HM_LOG_INFO] = "Informational",
};

static void test_every_id_has_its_message(void **state)
{
    struct hm_arena arena;
    unsigned ids = 0;
    char *text;
    size_t len;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    assert_int_equal(hm_os_read_file(HM_SOURCE_DIR "/agent/platform/windows/messages.mc", 1u << 19,
                                     &arena, &text, &len, NULL),
                     HM_OK);
    for (size_t i = 0; i < hm_event_count; i++) {
        const struct hm_event_row *row = &hm_event_rows[i];
        const char *line = hm_arena_printf(&arena, "MessageId=%u\nSeverity=%s\n", (unsigned)row->id,
                                           severities[row->level]);

        if (row->id != 0 && strstr(text, line) == NULL) {
            fail_msg("messages.mc has no \"%s\"", line);
        }
        ids += row->id != 0 ? 1 : 0;
    }
    for (const char *at = text; (at = strstr(at, "MessageId=")) != NULL; at++) {
        ids--;
    }
    assert_int_equal(ids, 0); /* and no message that nobody writes */
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_general_events_are_named),
        cmocka_unit_test(test_every_id_has_its_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
