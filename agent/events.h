/* agent/events.h — what the agent tells the system's event log: one row an event.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every log event goes through hm_events_note; a row says under which id it is written, what is
 * not in the table is written under a general id when it is a warning or an error. Ids are
 * promises: rules and alerts of an administrator hang on them. Their texts are in
 * agent/platform/windows/messages.mc, held to this table by a test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/log.h"

struct hm_event_row {
    const char *event; /* as it is logged; NULL = any other of this level */
    uint16_t id;       /* 0 = not written */
    enum hm_log_level level;
    const char *ends;    /* the log event after which this row may be written again at once */
    const char *answers; /* only written after that one was; NULL = always */
};
extern const struct hm_event_row hm_event_rows[];
extern const size_t hm_event_count;
#define HM_EVENT_ROWS_MAX 32

/* The same event is written at most this often, unless what ends it came between. */
#define HM_EVENT_REPEAT_MS 3600000

struct hm_events {
    void (*write)(uint16_t id, enum hm_log_level level, const char *details);
    int64_t (*monotonic_ms)(void);
    int64_t told_ms[HM_EVENT_ROWS_MAX]; /* by row */
    uint64_t told_event[HM_EVENT_ROWS_MAX];
    bool told[HM_EVENT_ROWS_MAX];
};

/* details as in hm_log_sink; a general id is given the event's name before them. */
void hm_events_note(struct hm_events *events, enum hm_log_level level, const char *event,
                    const char *details);
