/* agent/platform/recorded/events.c — events of services of a recorded host: events.xml, and
 * host.json's, which outrank those of the same provider and number.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "agent/platform/windows_events.h"
#include "common/base/str.h"

#define EVENTS_FILE "events.xml"
#define REFUSED_LOGS_MAX 8u /* collect.cmd asks for three logs */
#define UNKNOWN "what the event log says of services is unknown"

/* The reason in a line of collect.cmd's that says what could not be read; false for another line.
 */
static bool take_reason(struct hm_span line, struct hm_span *out_reason)
{
    const size_t len = strlen(HM_RECORDED_EVENTS_FAILED);

    if (line.len < len || memcmp(line.at, HM_RECORDED_EVENTS_FAILED, len) != 0) {
        return false;
    }
    *out_reason = hm_str_trim(line.at + len, line.len - len);
    return true;
}

static enum hm_status note_refused(struct hm_recorded *recorded,
                                   const struct hm_recorded_file *file, struct hm_span reason,
                                   const char *unknown, struct hm_err *err)
{
    char copy[128];
    char shown[sizeof(copy)];

    reason.len = reason.len < sizeof(copy) ? reason.len : sizeof(copy) - 1;
    memcpy(copy, reason.at, reason.len);
    copy[reason.len] = '\0';
    hm_str_show(copy, shown, sizeof(shown));
    return hm_notes_add(&recorded->notes, err, "%s: the event log could not be read (%s): %s",
                        file->found, shown, unknown);
}

/* Each log that could not be read, beside others that could, has a line of its own. */
static enum hm_status note_refused_logs(struct hm_recorded *recorded,
                                        const struct hm_recorded_file *file, struct hm_err *err)
{
    struct hm_span rest = {file->text, file->len};
    struct hm_span line;
    struct hm_span reason;
    unsigned count = 0;
    enum hm_status st = HM_OK;

    while (st == HM_OK && count < REFUSED_LOGS_MAX && hm_str_next_line(&rest, &line)) {
        if (take_reason(line, &reason)) {
            count++;
            st = note_refused(recorded, file, reason, "what it says of services is unknown", err);
        }
    }
    return st;
}

static bool is_in(const struct hm_event_counts *counts, const struct hm_event_count *event)
{
    for (size_t i = 0; i < counts->count; i++) {
        if (counts->at[i].id == event->id &&
            hm_str_equal_nocase(counts->at[i].provider, event->provider)) {
            return true;
        }
    }
    return false;
}

static enum hm_status join(struct hm_recorded *recorded, const struct hm_event_counts *filed,
                           struct hm_err *err)
{
    const struct hm_event_counts own = recorded->host.events;
    struct hm_event_counts all = {
        hm_arena_alloc(recorded->arena, own.count + filed->count, sizeof(*all.at)), 0};

    if (all.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the events of services");
    }
    for (size_t i = 0; i < own.count; i++) {
        all.at[all.count++] = own.at[i];
    }
    for (size_t i = 0; i < filed->count; i++) {
        if (!is_in(&own, &filed->at[i])) {
            all.at[all.count++] = filed->at[i];
        }
    }
    recorded->seen.has_events = true;
    recorded->seen.events = all;
    return HM_OK;
}

static enum hm_status take(struct hm_recorded *recorded, const struct hm_recorded_file *file,
                           const struct hm_logged_events *events, struct hm_err *err)
{
    struct hm_event_tally tally;
    struct hm_tcpip_times times;
    enum hm_status st = HM_OK;

    if (events->cut) {
        st = hm_notes_add(&recorded->notes, err,
                          "%s is cut: events that are older than its last one are unknown",
                          file->found);
    }
    if (st != HM_OK || (events->cut && events->count == 0)) {
        return st;
    }
    st = hm_recorded_times(recorded, &times, err);
    if (st == HM_OK) {
        hm_event_tally_init(&tally, recorded->arena);
        st = hm_event_tally_add_since_boot(&tally, events, times.has_boot, times.boot_ms, err);
    }
    if (st == HM_OK) {
        st = hm_event_tally_note(&tally, &recorded->notes, err);
    }
    return st == HM_OK ? join(recorded, &tally.counts, err) : st;
}

enum hm_status hm_recorded_events(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_logged_events events;
    struct hm_recorded_file file;
    struct hm_span rest;
    struct hm_span line;
    struct hm_span reason;
    struct hm_err why;
    enum hm_status st;

    recorded->seen.has_events = recorded->host.has_events;
    recorded->seen.events = recorded->host.events;
    st = hm_recorded_read(recorded, EVENTS_FILE, &file, &why);
    if (st == HM_ETOOBIG) {
        return hm_notes_add(&recorded->notes, err, EVENTS_FILE " is not read: %s: " UNKNOWN,
                            why.text);
    }
    if (st != HM_OK && err != NULL) {
        *err = why;
    }
    if (st != HM_OK || !file.there) {
        return st;
    }
    rest = (struct hm_span){file.text, file.len};
    if (hm_str_next_line(&rest, &line) && take_reason(line, &reason)) {
        return note_refused(recorded, &file, reason, UNKNOWN, err);
    }
    st = hm_events_parse(file.text, file.len, recorded->arena, &events, err);
    if (st == HM_EINVAL) { /* evidence: without it the host is judged all the same */
        return hm_recorded_note(
            recorded, &file,
            hm_text_kind_names[hm_text_kind((struct hm_span){file.text, file.len})], UNKNOWN, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = note_refused_logs(recorded, &file, err);
    return st == HM_OK ? take(recorded, &file, &events, err) : st;
}

/* One that ended with an error says so itself. */
static bool has_down(const struct hm_inventory *inventory)
{
    const struct hm_services *details = &inventory->service_details;

    for (size_t i = 0; inventory->has_service_details && i < details->count; i++) {
        const struct hm_service *service = &details->at[i];

        if (hm_service_is_wanted(service) && service->start != HM_START_CLUSTER &&
            service->start != HM_START_TRIGGERED && service->has_runs && !service->runs &&
            !hm_service_has_failed(service)) {
            return true;
        }
    }
    return false;
}

enum hm_status hm_recorded_events_missing(struct hm_recorded *recorded, struct hm_err *err)
{
    const char *found = NULL;
    enum hm_status st = HM_OK;

    if (recorded->seen.has_events || recorded->seen.inventory.os.family != HM_OS_WINDOWS ||
        !has_down(&recorded->seen.inventory)) {
        return HM_OK;
    }
    st = hm_recorded_find(recorded, EVENTS_FILE, &found, err);
    return st == HM_OK && found == NULL
               ? hm_recorded_missing(
                     recorded, EVENTS_FILE,
                     "whether services that do not run have failed, as the event log says it, "
                     "is unknown",
                     err)
               : st;
}
