/* common/readers/events_text.h — events of a Windows event log, as "wevtutil qe /f:xml" prints them
 * and as collect.cmd's script prints the same on 2000 to 2003.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names of elements, providers and numbers are the same in every language; texts are not, and are
 * kept as they are. wevtutil prints one <Event> after the other, with a root element only where it
 * is asked for one, and the outputs for several logs stand one behind the other. This reads those
 * elements and is no XML reader: what it does not know, it skips. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

#define HM_EVENT_TEXTS 4u /* the first insertion strings of an event; nobody needs more */

struct hm_logged_event {
    const char *log;      /* "System", "Application"; "" = not told */
    const char *provider; /* "Service Control Manager"; never "" */
    uint32_t id;          /* 0 to 65535, without severity and facility */
    uint64_t record;      /* grows with each event of one log; 0 = not told */
    bool has_time;
    int64_t time_ms;
    const char *texts[HM_EVENT_TEXTS]; /* UTF-8, without control characters, HM_LIMIT_NAME_BYTES */
    size_t text_count;
    const char *service; /* of the service manager's: <Binary> names it in UTF-16; NULL = not so */
    bool runs;           /* and says behind the name that it runs now (7036: "/4") */
};

struct hm_logged_events {
    struct hm_logged_event *at; /* in the order of the file: each log newest first */
    size_t count;
    bool cut; /* an event or the root element has no end, or the file has more than
                 HM_LIMIT_LOGGED_EVENTS: older ones are missing */
};

/* HM_EINVAL when it has neither an event nor a root element of events. */
enum hm_status hm_events_parse(const char *text, size_t len, struct hm_arena *arena,
                               struct hm_logged_events *out_events,
                               struct hm_err *err) HM_MUST_CHECK;
