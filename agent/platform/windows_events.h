/* agent/platform/windows_events.h — events of a Windows host as counts for judging.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The live platform brings records of ReadEventLog, the recorded one the rows of events.xml; the
 * same events give the same counts. Only those of hm_service_events count, and only since the boot.
 * Pure. */
#pragma once

#include "agent/platform/notes.h"
#include "common/judge/judge.h"
#include "common/readers/events_text.h"
#include "common/readers/service_rows.h"

/* The event log's own "it was started", which every Windows from NT 4 SP4 on writes at each boot
 * (KB196452). */
#define HM_EVENT_BOOT_PROVIDER "EventLog"
#define HM_EVENT_BOOT_ID 6005u
#define HM_EVENT_BOOT_LOG "System"

/* The service manager's "entered the ... state": Vista and later write it, with the name of the
 * service and the number of the state as data. */
#define HM_EVENT_STATE_ID 7036u

/* Counts in the making; texts are copied into the arena. */
struct hm_event_tally {
    struct hm_arena *arena;
    struct hm_event_counts counts;
    bool full; /* more than HM_LIMIT_EVENT_COUNTS kinds: the others are not counted */
};

void hm_event_tally_init(struct hm_event_tally *tally, struct hm_arena *arena);

/* Counts an event since the boot, when a row of hm_service_events is about it. */
enum hm_status hm_event_tally_add(struct hm_event_tally *tally, const struct hm_logged_event *event,
                                  struct hm_err *err) HM_MUST_CHECK;

/* A service that runs was started since its events: the errors with which it ended then are over,
 * also once it stops again. named: a copy of the tally's counts in their order, with the names of
 * services (hm_windows_name_events); its errors go, too. */
void hm_event_tally_forget_errors(struct hm_event_tally *tally, struct hm_event_counts *named,
                                  const struct hm_service_rows *rows);

/* Adds the counts of another tally. */
enum hm_status hm_event_tally_merge(struct hm_event_tally *tally, const struct hm_event_tally *from,
                                    struct hm_err *err) HM_MUST_CHECK;

/* A sentence where it is full; nothing otherwise. */
enum hm_status hm_event_tally_note(const struct hm_event_tally *tally, struct hm_notes *notes,
                                   struct hm_err *err) HM_MUST_CHECK;

/* A copy of the counts that lives in this arena. */
enum hm_status hm_event_counts_copy(const struct hm_event_counts *counts, struct hm_arena *arena,
                                    struct hm_event_counts *out_counts,
                                    struct hm_err *err) HM_MUST_CHECK;

/* The event with which a boot begins? */
bool hm_event_is_boot(const struct hm_logged_event *event);

/* Counts those of a file that are since the boot: those behind the newest event of a boot; where
 * the file has none, those since boot_ms; where nobody knows that either, all of the log System, of
 * which the file then has nothing older than the boot, and those of other logs that are as young
 * (each log is gathered newest first). The error with which a service ended does not count when a
 * later event says that it was started again (HM_EVENT_STATE_ID). */
enum hm_status hm_event_tally_add_since_boot(struct hm_event_tally *tally,
                                             const struct hm_logged_events *events, bool has_boot,
                                             int64_t boot_ms, struct hm_err *err) HM_MUST_CHECK;

/* ---- records of ReadEventLog -------------------------------------------------------------------
 */

/* The newest record of a log that was looked at. Its time tells it from another record of the same
 * number: a log that was cleared counts from 1 again. */
struct hm_event_mark {
    bool set;
    uint64_t record;
    int64_t time_ms;
};

/* Is the marked record gone? The log was cleared, or wrapped past it. oldest, count: what
 * GetOldestEventLogRecord and GetNumberOfEventLogRecords answered. */
bool hm_event_mark_is_lost(const struct hm_event_mark *mark, uint64_t oldest, uint64_t count);

/* One log being read, newest first: until the mark, or at the first look until the boot. */
struct hm_event_reading {
    const char *log;
    struct hm_event_mark mark; /* of the last look */
    struct hm_event_mark next; /* of this one */
    bool has_started;          /* when the system started; the log System tells it itself */
    int64_t started_ms;
    bool saw_boot; /* it did */
    int64_t boot_ms;
    struct hm_event_tally tally; /* of what is new */
    struct hm_sample counted;    /* events of source Tcpip; none at the first look */
    bool lost; /* the mark is gone: everything in the log is new, and some of it may be missing */
    unsigned records; /* that were looked at */
    bool first;
    bool end; /* there is nothing more to read */
};

void hm_event_reading_init(struct hm_event_reading *reading, const char *log,
                           struct hm_event_mark mark, struct hm_arena *arena);

/* The mark is gone (hm_event_mark_is_lost): reads back to the boot, as at the first look. */
void hm_event_reading_start_over(struct hm_event_reading *reading);

/* Takes the records of one buffer. A record that is damaged is skipped; what stands behind one
 * whose length is wrong is lost. */
enum hm_status hm_event_reading_take(struct hm_event_reading *reading, const unsigned char *bytes,
                                     size_t len, struct hm_err *err) HM_MUST_CHECK;
