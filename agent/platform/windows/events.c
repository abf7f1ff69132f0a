/* agent/platform/windows/events.c — what the event logs report: port exhaustion, and services that
 * failed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "common/os/os.h"
#include "common/os/windows_text.h"

#define READ_BYTES (64u * 1024u) /* the longest record fits: documented 0x7ffff, in truth 61 KB */
#define COUNTS_BYTES (1024u * 1024u)

/* A look at a log goes back to the boot, or to what was read the last time; a busy log is not worth
 * more. */
#define RECORDS_MAX 50000u
#define LOOK_MS 2000 /* for each log */

struct log_row {
    const wchar_t *log;
    const char *name;
    bool optional; /* only where a server has it: Windows opens another one in its place */
};

/* System first: it shows when the system started, and has the events of source Tcpip. */
static const struct log_row rows[HM_EVENT_LOGS] = {
    {L"System",      "System",      false},
    {L"Application", "Application", false},
    {L"DNS Server",  "DNS Server",  true },
};

/* One log being read. */
struct reading {
    const struct log_row *row;
    struct hm_event_reading taken;
    struct hm_arena arena; /* of the counts */
    int64_t until_ms;      /* give up then */
    bool cut;
};

static bool is_enough(struct reading *reading)
{
    if (!reading->taken.end &&
        (reading->taken.records >= RECORDS_MAX || hm_os_monotonic_ms() > reading->until_ms)) {
        reading->cut = true;
    }
    return reading->taken.end || reading->cut;
}

/* Where the log was cleared, or wrapped past what was read, looking for that would never end. */
static void check_mark(HANDLE log, struct hm_event_reading *taken)
{
    DWORD oldest = 0;
    DWORD count = 0;

    if (GetOldestEventLogRecord(log, &oldest) && GetNumberOfEventLogRecords(log, &count) &&
        hm_event_mark_is_lost(&taken->mark, oldest, count)) {
        hm_event_reading_start_over(taken);
    }
}

/* Newest first, until the record that was the newest the last time, or the boot. */
static enum hm_status read_log(HANDLE log, struct reading *reading, struct hm_err *err)
{
    const DWORD flags = EVENTLOG_SEQUENTIAL_READ | EVENTLOG_BACKWARDS_READ;
    unsigned char *bytes = malloc(READ_BYTES);
    enum hm_status st = HM_OK;
    DWORD needed;
    DWORD got;

    if (bytes == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the %s log", reading->row->name);
    }
    while (st == HM_OK && !is_enough(reading)) {
        if (!ReadEventLogW(log, flags, 0, bytes, READ_BYTES, &got, &needed)) {
            const DWORD number = GetLastError();
            char what[64];

            (void)snprintf(what, sizeof(what), "the %s log", reading->row->name);
            st = number == ERROR_HANDLE_EOF ? HM_OK : hm_windows_fail(err, what, number);
            break;
        }
        st = hm_event_reading_take(&reading->taken, bytes, got, err);
    }
    free(bytes);
    return st;
}

/* Windows opens Application for a name that it does not know. */
static bool is_there(const struct log_row *row)
{
    wchar_t path[128];
    HKEY key;

    if (!row->optional) {
        return true;
    }
    (void)swprintf(path, HM_COUNT(path), L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\%ls",
                   row->log);
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_QUERY_VALUE, &key) != ERROR_SUCCESS) {
        return false;
    }
    (void)RegCloseKey(key);
    return true;
}

/* What was read is only remembered when all of it was. */
static enum hm_status keep(struct hm_event_memory *memory, struct hm_event_mark *mark,
                           const struct reading *reading, struct hm_err *err)
{
    const struct hm_event_reading *taken = &reading->taken;
    enum hm_status st = hm_event_tally_merge(&memory->tally, &taken->tally, err);

    if (st != HM_OK) {
        return st;
    }
    if (taken->saw_boot) {
        memory->has_started = true;
        memory->started_ms = taken->boot_ms;
    }
    memory->cut = memory->cut || reading->cut || taken->lost;
    *mark = taken->next;
    return HM_OK;
}

static enum hm_status look_at_log(struct hm_event_memory *memory, size_t index,
                                  struct hm_sample *sample, struct hm_err *err)
{
    struct reading reading = {.row = &rows[index], .until_ms = hm_os_monotonic_ms() + LOOK_MS};
    HANDLE log;
    enum hm_status st;

    if (!is_there(&rows[index])) {
        return HM_OK;
    }
    log = OpenEventLogW(NULL, rows[index].log);
    if (log == NULL) {
        char what[64];

        (void)snprintf(what, sizeof(what), "the %s log", rows[index].name);
        return hm_windows_fail(err, what, GetLastError());
    }
    hm_arena_init(&reading.arena, COUNTS_BYTES);
    hm_event_reading_init(&reading.taken, rows[index].name, memory->logs[index], &reading.arena);
    reading.taken.has_started = memory->has_started;
    reading.taken.started_ms = memory->started_ms;
    check_mark(log, &reading.taken);
    st = read_log(log, &reading, err);
    (void)CloseEventLog(log);
    if (st == HM_OK) {
        st = keep(memory, &memory->logs[index], &reading, err);
    }
    if (st == HM_OK && sample != NULL) {
        sample->event_4227 = reading.taken.counted.event_4227;
        sample->event_4231 = reading.taken.counted.event_4231;
        sample->event_4266 = reading.taken.counted.event_4266;
    }
    hm_arena_fini(&reading.arena);
    return st;
}

void hm_event_memory_init(struct hm_event_memory *memory)
{
    *memory = (struct hm_event_memory){.has_started = false};
    hm_arena_init(&memory->arena, HM_EVENT_MEMORY_BYTES);
    hm_event_tally_init(&memory->tally, &memory->arena);
}

void hm_event_memory_fini(struct hm_event_memory *memory)
{
    hm_arena_fini(&memory->arena);
}

enum hm_status hm_windows_events(struct hm_event_memory *memory, struct hm_observation *seen,
                                 struct hm_notes *notes, struct hm_err *err)
{
    static const char *const lost[HM_EVENT_LOGS] = {
        "events of port exhaustion and of services that failed are not counted",
        "what products log is not counted", "what the DNS Server logs is not counted"};
    const bool began = memory->logs[0].set;
    enum hm_status st = HM_OK;

    if (!memory->has_started) { /* the log's own event is better, where it is still there */
        memory->has_started = hm_windows_boot_time(&memory->started_ms);
    }
    for (size_t i = 0; st == HM_OK && i < HM_EVENT_LOGS; i++) {
        struct hm_err why;

        st = look_at_log(memory, i, i == 0 ? &seen->sample : NULL, &why);
        if (i == 0) {
            seen->has_events = st == HM_OK;
            seen->sample.has_events = st == HM_OK && began;
        }
        if (st == HM_ENOMEM) {
            return hm_fail(err, st, "%s", why.text);
        }
        if (st != HM_OK) {
            st = hm_notes_add(notes, err, "%s: %s", why.text, lost[i]);
        }
    }
    if (st == HM_OK && memory->cut) {
        st = hm_notes_add(notes, err,
                          "an event log is long, or was cleared: not all events of this boot are "
                          "counted");
    }
    if (st == HM_OK) {
        st = hm_event_tally_note(&memory->tally, notes, err);
    }
    return st == HM_OK && seen->has_events
               ? hm_event_counts_copy(&memory->tally.counts, notes->arena, &seen->events, err)
               : st;
}
