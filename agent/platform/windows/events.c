/* agent/platform/windows/events.c — port exhaustion as the System log tells it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <stdlib.h>

#include "common/os/windows_text.h"

#define READ_BYTES (64u * 1024u) /* the longest record fits: documented 0x7ffff, in truth 61 KB */
#define ID_MASK 0xffffu          /* the bits above are severity and facility */

/* The text of an event is translated; provider and number are not. */
static void count(const EVENTLOGRECORD *record, struct hm_sample *sample)
{
    const wchar_t *source = (const wchar_t *)(const void *)(record + 1);

    if (_wcsicmp(source, L"Tcpip") != 0) {
        return;
    }
    switch (record->EventID & ID_MASK) {
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

/* Newest first, until the record that was the newest the last time. */
static enum hm_status read_log(HANDLE log, struct hm_event_mark *mark, struct hm_sample *sample,
                               struct hm_err *err)
{
    const DWORD flags = EVENTLOG_SEQUENTIAL_READ | EVENTLOG_BACKWARDS_READ;
    unsigned char *bytes = malloc(READ_BYTES);
    struct hm_event_mark next = {.set = true, .record = mark->record};
    bool first = true;
    bool end = false;
    DWORD number = ERROR_HANDLE_EOF;
    DWORD needed;
    DWORD got;

    if (bytes == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the System log");
    }
    while (!end) {
        if (!ReadEventLogW(log, flags, 0, bytes, READ_BYTES, &got, &needed)) {
            number = GetLastError();
            break;
        }
        for (DWORD at = 0; !end && at + sizeof(EVENTLOGRECORD) <= got;) {
            const EVENTLOGRECORD *record = (const EVENTLOGRECORD *)(const void *)(bytes + at);

            next.record = first ? record->RecordNumber : next.record;
            first = false;
            end = !mark->set || record->RecordNumber == mark->record ||
                  record->Length < sizeof(*record);
            if (!end) {
                count(record, sample);
            }
            at += record->Length;
        }
    }
    free(bytes);
    if (number != ERROR_HANDLE_EOF) {
        return hm_windows_fail(err, "the System log", number);
    }
    *mark = next;
    return HM_OK;
}

enum hm_status hm_windows_events(struct hm_event_mark *mark, struct hm_sample *sample,
                                 struct hm_notes *notes, struct hm_err *err)
{
    HANDLE log = OpenEventLogW(NULL, L"System");
    struct hm_sample counted = {0};
    const bool began = mark->set;
    struct hm_err why;
    enum hm_status st;

    if (log == NULL) {
        st = hm_windows_fail(&why, "the System log", GetLastError());
    } else {
        st = read_log(log, mark, &counted, &why);
        (void)CloseEventLog(log);
    }
    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "%s", why.text);
    }
    if (st != HM_OK) {
        return hm_notes_add(notes, err, "%s: events of port exhaustion are not counted", why.text);
    }
    sample->has_events = began;
    sample->event_4227 = counted.event_4227;
    sample->event_4231 = counted.event_4231;
    sample->event_4266 = counted.event_4266;
    return HM_OK;
}
