/* agent/events.c — what the agent tells the system's event log: one row an event.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/events.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/str.h"

/* 1xx its life, 2xx identity, 3xx the collector, 4xx verdicts, 5xx policies, 9xx anything else; 0
 * is not written: what becomes of a broken hold is told by the next report. */
const struct hm_event_row hm_event_rows[] = {
    {"agent_started",        100, HM_LOG_INFO,    "agent_stopped",  NULL            },
    {"agent_stopped",        101, HM_LOG_INFO,    "agent_started",  NULL            },
    {"start_failed",         102, HM_LOG_ERROR,   "agent_started",  NULL            },
    {"look_failed",          110, HM_LOG_ERROR,   NULL,             NULL            },
    {"spool_failed",         111, HM_LOG_ERROR,   NULL,             NULL            },
    {"policy_value_ignored", 112, HM_LOG_WARNING, NULL,             NULL            },
    {"enrolled",             200, HM_LOG_INFO,    NULL,             NULL            },
    {"enrolment_failed",     201, HM_LOG_ERROR,   "enrolled",       NULL            },
    {"identity_refused",     202, HM_LOG_ERROR,   "enrolled",       NULL            },
    {"clone_detected",       203, HM_LOG_WARNING, "enrolled",       NULL            },
    {"report_failed",        300, HM_LOG_WARNING, "reported",       NULL            },
    {"hold_failed",          0,   HM_LOG_WARNING, NULL,             NULL            },
    {"reported",             301, HM_LOG_INFO,    "report_failed",  "report_failed" },
    {"verdicts_worse",       400, HM_LOG_WARNING, "verdicts_worse", NULL            },
    {"verdicts_safe",        401, HM_LOG_INFO,    "verdicts_worse", "verdicts_worse"},
    {"enforcement_complete", 500, HM_LOG_INFO,    NULL,             NULL            },
    {NULL,                   900, HM_LOG_WARNING, NULL,             NULL            },
    {NULL,                   901, HM_LOG_ERROR,   NULL,             NULL            },
};
const size_t hm_event_count = HM_COUNT(hm_event_rows);
static_assert(HM_COUNT(hm_event_rows) <= HM_EVENT_ROWS_MAX, "told_ms has a place for each row");

/* hm_event_count when nobody needs to know. */
static size_t find_row(enum hm_log_level level, const char *event)
{
    size_t at = 0;

    while (at < hm_event_count &&
           !(hm_event_rows[at].event != NULL ? strcmp(hm_event_rows[at].event, event) == 0
                                             : hm_event_rows[at].level == level)) {
        at++;
    }
    return at;
}

/* Has the row that this one answers to been written since this one was? */
static bool was_asked(const struct hm_events *events, const char *event)
{
    return event == NULL || events->told[find_row(HM_LOG_DEBUG, event)];
}

/* A general row may stand for another event than the last time. */
static bool is_news(const struct hm_events *events, size_t at, uint64_t hash, int64_t now_ms)
{
    return !events->told[at] || events->told_event[at] != hash ||
           now_ms - events->told_ms[at] >= HM_EVENT_REPEAT_MS;
}

static void write_row(const struct hm_events *events, const struct hm_event_row *row,
                      const char *event, const char *details)
{
    char text[HM_LOG_LINE_BYTES];

    (void)snprintf(text, sizeof(text), "%s%s%s", row->event == NULL ? event : "",
                   row->event == NULL ? " " : "", details);
    events->write(row->id, row->level, text);
}

void hm_events_note(struct hm_events *events, enum hm_log_level level, const char *event,
                    const char *details)
{
    const size_t at = find_row(level, event);
    const struct hm_event_row *row = &hm_event_rows[at < hm_event_count ? at : 0];
    const uint64_t hash = hm_str_hash(HM_HASH_START, event, strlen(event));
    const int64_t now_ms = events->monotonic_ms();

    if (at < hm_event_count && row->id != 0 && was_asked(events, row->answers) &&
        is_news(events, at, hash, now_ms)) {
        write_row(events, row, event, details);
        events->told[at] = true;
        events->told_event[at] = hash;
        events->told_ms[at] = now_ms;
    }
    for (size_t i = 0; i < hm_event_count; i++) {
        if (hm_event_rows[i].ends != NULL && strcmp(hm_event_rows[i].ends, event) == 0) {
            events->told[i] = false;
        }
    }
}
