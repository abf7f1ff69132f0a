/* agent/platform/windows_events.c — events of a Windows host as counts for judging.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows_events.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/judge/service_events.h"
#include "common/readers/event_record.h"

#define SCRATCH_BYTES (4u * 1024u * 1024u) /* texts of one buffer */

void hm_event_tally_init(struct hm_event_tally *tally, struct hm_arena *arena)
{
    *tally = (struct hm_event_tally){.arena = arena};
}

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the events of services");
}

/* NULL when it has none, or has no room. */
static struct hm_event_count *find_count(struct hm_event_tally *tally,
                                         const struct hm_event_count *like)
{
    for (size_t i = 0; i < tally->counts.count; i++) {
        struct hm_event_count *count = &tally->counts.at[i];

        if (count->id == like->id && hm_str_equal_nocase(count->provider, like->provider) &&
            hm_str_equal_nocase(count->about, like->about) &&
            hm_str_equal_nocase(count->service == NULL ? "" : count->service,
                                like->service == NULL ? "" : like->service)) {
            return count;
        }
    }
    return NULL;
}

static enum hm_status put_count(struct hm_event_tally *tally, const struct hm_event_count *event,
                                struct hm_err *err)
{
    struct hm_event_count *count = find_count(tally, event);

    if (count != NULL) {
        count->count += event->count;
        count->error = count->error == 0 ? event->error : count->error;
        return HM_OK;
    }
    if (tally->counts.count == HM_LIMIT_EVENT_COUNTS) {
        tally->full = true;
        return HM_OK;
    }
    if (tally->counts.at == NULL) {
        tally->counts.at =
            hm_arena_alloc(tally->arena, HM_LIMIT_EVENT_COUNTS, sizeof(*tally->counts.at));
        if (tally->counts.at == NULL) {
            return no_memory(err);
        }
    }
    count = &tally->counts.at[tally->counts.count];
    *count = *event;
    count->provider = hm_arena_strdup(tally->arena, event->provider);
    count->about = hm_arena_strdup(tally->arena, event->about);
    count->service = event->service == NULL ? NULL : hm_arena_strdup(tally->arena, event->service);
    if (count->provider == NULL || count->about == NULL ||
        (event->service != NULL && count->service == NULL)) {
        return no_memory(err);
    }
    tally->counts.count++;
    return HM_OK;
}

/* The row is of this log; one of no log is somebody's own file. */
static bool is_of_log(const struct hm_service_event *row, const struct hm_logged_event *event)
{
    return event->log[0] == '\0' || hm_str_equal_nocase(row->log, event->log);
}

/* "%%10048", "10048", "10048 (0x2740)", "%%-2147014848", "0x80072740": the number; 0 when it is
 * none.
 */
static uint32_t error_of(const struct hm_service_event *row, const struct hm_logged_event *event)
{
    const char *text =
        row->error > 0 && row->error <= event->text_count ? event->texts[row->error - 1] : "";
    bool negative;
    size_t len;
    uint32_t code = 0;

    text += strspn(text, "%");
    negative = text[0] == '-';
    text += negative ? 1 : 0;
    len = strcspn(text, " \t(");
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        char *end;
        const unsigned long value = strtoul(text, &end, 16);

        return negative || end != text + len || value > UINT32_MAX ? 0 : (uint32_t)value;
    }
    if (!hm_str_parse_u32(text, len, UINT32_MAX, &code)) {
        return 0;
    }
    return negative ? 0u - code : code;
}

/* The text by which the row says what the event is about, or all of them with a space between. */
static const char *about_of(const struct hm_service_event *row, const struct hm_logged_event *event,
                            char all[HM_LIMIT_NAME_BYTES + 1])
{
    size_t len = 0;

    if (!row->about_all) {
        return row->about > 0 && row->about <= event->text_count ? event->texts[row->about - 1]
                                                                 : "";
    }
    for (size_t i = 0; i < event->text_count; i++) {
        const size_t more = strlen(event->texts[i]);

        if (len + 1 + more > HM_LIMIT_NAME_BYTES) {
            break;
        }
        if (len > 0) {
            all[len++] = ' ';
        }
        memcpy(all + len, event->texts[i], more);
        len += more;
    }
    all[len] = '\0';
    return all;
}

static enum hm_status add(struct hm_event_tally *tally, const struct hm_logged_event *event,
                          bool over, struct hm_err *err)
{
    char all[HM_LIMIT_NAME_BYTES + 1];

    for (size_t i = 0; i < hm_service_events_count; i++) {
        const struct hm_service_event *row = &hm_service_events[i];

        if (row->id == event->id && hm_str_glob_nocase(row->provider, event->provider) &&
            is_of_log(row, event)) {
            return put_count(
                tally,
                &(struct hm_event_count){.provider = event->provider,
                                         .id = event->id,
                                         .count = 1,
                                         .about = about_of(row, event, all),
                                         .service = row->failed ? event->service : NULL,
                                         .error = over ? 0 : error_of(row, event)},
                err);
        }
    }
    return HM_OK;
}

enum hm_status hm_event_tally_add(struct hm_event_tally *tally, const struct hm_logged_event *event,
                                  struct hm_err *err)
{
    return add(tally, event, false, err);
}

void hm_event_tally_forget_errors(struct hm_event_tally *tally, struct hm_event_counts *named,
                                  const struct hm_service_rows *rows)
{
    for (size_t i = 0; i < named->count && i < tally->counts.count; i++) {
        const struct hm_service_row *row =
            named->at[i].error == 0 ? NULL : hm_service_rows_find(rows, named->at[i].about);

        if (row != NULL && row->has_runs && row->runs) {
            tally->counts.at[i].error = 0;
            named->at[i].error = 0;
        }
    }
}

enum hm_status hm_event_tally_merge(struct hm_event_tally *tally, const struct hm_event_tally *from,
                                    struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < from->counts.count; i++) {
        st = put_count(tally, &from->counts.at[i], err);
    }
    tally->full = tally->full || from->full;
    return st;
}

enum hm_status hm_event_counts_copy(const struct hm_event_counts *counts, struct hm_arena *arena,
                                    struct hm_event_counts *out_counts, struct hm_err *err)
{
    struct hm_event_counts copy = {hm_arena_alloc(arena, counts->count, sizeof(*copy.at)),
                                   counts->count};

    if (copy.at == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < counts->count; i++) {
        copy.at[i] = counts->at[i];
        copy.at[i].provider = hm_arena_strdup(arena, counts->at[i].provider);
        copy.at[i].about = hm_arena_strdup(arena, counts->at[i].about);
        copy.at[i].service = NULL; /* about has its name where it is known */
        if (copy.at[i].provider == NULL || copy.at[i].about == NULL) {
            return no_memory(err);
        }
    }
    *out_counts = copy;
    return HM_OK;
}

enum hm_status hm_event_tally_note(const struct hm_event_tally *tally, struct hm_notes *notes,
                                   struct hm_err *err)
{
    return tally->full ? hm_notes_add(notes, err,
                                      "there are more than %u kinds of events of services: the "
                                      "others are not counted",
                                      HM_LIMIT_EVENT_COUNTS)
                       : HM_OK;
}

bool hm_event_is_boot(const struct hm_logged_event *event)
{
    return event->id == HM_EVENT_BOOT_ID &&
           hm_str_equal_nocase(event->provider, HM_EVENT_BOOT_PROVIDER);
}

/* ---- since the boot -------------------------------------------------------------------------- */

/* From when on, and in one log from which record on, events count. */
struct boundary {
    const char *log; /* of which the record numbers are; NULL none */
    uint64_t record;
    bool has_time;
    int64_t time_ms;
    bool whole_system; /* nothing tells: all of the log System */
};

static bool is_of_system(const struct hm_logged_event *event)
{
    return hm_str_equal_nocase(event->log, HM_EVENT_BOOT_LOG);
}

static const struct hm_logged_event *find_boot(const struct hm_logged_events *events)
{
    const struct hm_logged_event *newest = NULL;

    for (size_t i = 0; i < events->count; i++) {
        const struct hm_logged_event *event = &events->at[i];

        if (hm_event_is_boot(event) && event->has_time &&
            (newest == NULL || event->time_ms > newest->time_ms)) {
            newest = event;
        }
    }
    return newest;
}

static struct boundary find_boundary(const struct hm_logged_events *events, bool has_boot,
                                     int64_t boot_ms)
{
    const struct hm_logged_event *boot = find_boot(events);
    struct boundary boundary = {.has_time = has_boot, .time_ms = boot_ms};

    if (boot != NULL) {
        boundary.log = boot->record > 0 ? boot->log : NULL;
        boundary.record = boot->record;
        boundary.has_time = true;
        boundary.time_ms = boot->time_ms;
        return boundary;
    }
    boundary.whole_system = !has_boot;
    for (size_t i = 0; !has_boot && i < events->count; i++) {
        const struct hm_logged_event *event = &events->at[i];

        if (is_of_system(event) && event->has_time &&
            (!boundary.has_time || event->time_ms < boundary.time_ms)) {
            boundary.has_time = true;
            boundary.time_ms = event->time_ms;
        }
    }
    return boundary;
}

static bool is_since(const struct boundary *boundary, const struct hm_logged_event *event)
{
    if (boundary->log != NULL && event->record > 0 &&
        hm_str_equal_nocase(boundary->log, event->log)) {
        return event->record > boundary->record;
    }
    if (boundary->whole_system && is_of_system(event)) {
        return true;
    }
    return boundary->has_time && event->has_time && event->time_ms >= boundary->time_ms;
}

/* Does a later event say that the service of this one was started again, so that it is over what
 * it says? By the name of the service, or by the one that people see. */
static bool is_over(const struct hm_logged_events *events, const struct hm_logged_event *event)
{
    const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);

    if (row == NULL || row->error == 0) {
        return false;
    }
    for (size_t i = 0; i < events->count; i++) {
        const struct hm_logged_event *other = &events->at[i];

        if (other->id == HM_EVENT_STATE_ID && other->runs && is_of_system(other) &&
            hm_str_equal_nocase(other->provider, event->provider) &&
            (event->service != NULL ? hm_str_equal_nocase(other->service, event->service)
                                    : event->text_count > 0 && other->text_count > 0 &&
                                          (hm_str_equal_nocase(other->texts[0], event->texts[0]) ||
                                           hm_str_equal_nocase(other->service, event->texts[0]))) &&
            (event->record > 0 && other->record > 0
                 ? other->record > event->record
                 : other->has_time && event->has_time && other->time_ms > event->time_ms)) {
            return true;
        }
    }
    return false;
}

enum hm_status hm_event_tally_add_since_boot(struct hm_event_tally *tally,
                                             const struct hm_logged_events *events, bool has_boot,
                                             int64_t boot_ms, struct hm_err *err)
{
    const struct boundary boundary = find_boundary(events, has_boot, boot_ms);
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < events->count; i++) {
        if (is_since(&boundary, &events->at[i])) {
            st = add(tally, &events->at[i], is_over(events, &events->at[i]), err);
        }
    }
    return st;
}

/* ---- records of ReadEventLog -------------------------------------------------------------------
 */

bool hm_event_mark_is_lost(const struct hm_event_mark *mark, uint64_t oldest, uint64_t count)
{
    return mark->set && mark->record > 0 && /* 0: the log was empty */
           (count == 0 || mark->record < oldest || mark->record - oldest >= count);
}

void hm_event_reading_init(struct hm_event_reading *reading, const char *log,
                           struct hm_event_mark mark, struct hm_arena *arena)
{
    *reading = (struct hm_event_reading){
        .log = log,
        .mark = mark,
        .next = {.set = true, .record = mark.record, .time_ms = mark.time_ms},
        .first = true
    };
    hm_event_tally_init(&reading->tally, arena);
}

void hm_event_reading_start_over(struct hm_event_reading *reading)
{
    reading->lost = true;
    reading->mark = (struct hm_event_mark){.set = false};
    if (reading->first) {
        reading->next = (struct hm_event_mark){.set = true};
    }
}

/* The text of an event is translated; provider and number are not. */
static void count_exhaustion(const struct hm_logged_event *event, struct hm_sample *sample)
{
    if (!hm_str_equal_nocase(event->provider, "Tcpip") || !is_of_system(event)) {
        return;
    }
    switch (event->id) {
    case 4227:
        sample->event_4227++;
        break;
    case 4231:
        sample->event_4231++;
        break;
    case 4266:
        sample->event_4266++;
        break;
    default:
        break;
    }
}

/* The boot, or something older? Only asked at the first look: later ones read what is new. The log
 * System has an event of its own there, whatever the clock was set to since. */
static bool is_at_boot(struct hm_event_reading *reading, const struct hm_logged_event *event)
{
    if (reading->mark.set) {
        return false;
    }
    if (!is_of_system(event)) {
        return reading->has_started && event->time_ms < reading->started_ms;
    }
    if (hm_event_is_boot(event)) {
        reading->saw_boot = true;
        reading->boot_ms = event->time_ms;
    }
    return reading->saw_boot;
}

/* The record that was the newest the last time, or what is older than it? A record of its number
 * with another time is of a log that was cleared since: then all of it is new. */
static bool is_at_mark(struct hm_event_reading *reading, const struct hm_logged_event *event)
{
    const struct hm_event_mark *mark = &reading->mark;

    if (!mark->set || event->record > mark->record) {
        return false;
    }
    if (event->record == mark->record ? event->time_ms == mark->time_ms : !reading->first) {
        return true;
    }
    hm_event_reading_start_over(reading);
    return false;
}

static enum hm_status take_record(struct hm_event_reading *reading, struct hm_logged_event *event,
                                  struct hm_err *err)
{
    const bool at_mark = is_at_mark(reading, event);

    event->log = reading->log;
    if (reading->first) {
        reading->next.record = event->record;
        reading->next.time_ms = event->time_ms;
        reading->first = false;
    }
    if (at_mark || is_at_boot(reading, event)) {
        reading->end = true;
        return HM_OK;
    }
    if (reading->mark.set || reading->lost) {
        count_exhaustion(event, &reading->counted);
    }
    return hm_event_tally_add(&reading->tally, event, err);
}

enum hm_status hm_event_reading_take(struct hm_event_reading *reading, const unsigned char *bytes,
                                     size_t len, struct hm_err *err)
{
    struct hm_arena scratch;
    enum hm_status st = HM_OK;
    size_t length;

    hm_arena_init(&scratch, SCRATCH_BYTES);
    for (size_t at = 0; st == HM_OK && !reading->end &&
                        (length = hm_event_record_length(bytes + at, len - at)) > 0;
         at += length) {
        struct hm_logged_event event;

        st = hm_event_record_parse(bytes + at, length, &scratch, &event, err);
        if (st == HM_OK) {
            st = take_record(reading, &event, err);
        } else if (st == HM_EINVAL) {
            st = HM_OK;
        }
        reading->records++;
    }
    hm_arena_fini(&scratch);
    return st;
}
