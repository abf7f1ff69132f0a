/* tests/fuzz/fuzz_events.c — events of an event log: what is accepted has a provider and texts that
 * may be shown; records of ReadEventLog likewise, and no byte outside of them is read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/readers/event_record.h"
#include "common/readers/events_text.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

static void check_text(const char *text)
{
    const size_t len = strlen(text);

    HM_MUST(len <= HM_LIMIT_NAME_BYTES && hm_str_is_utf8(text, len));
    for (size_t i = 0; i < len; i++) {
        HM_MUST((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
    }
}

static void check_event(const struct hm_logged_event *event)
{
    HM_MUST(event->id <= UINT16_MAX && event->text_count <= HM_EVENT_TEXTS);
    check_text(event->log);
    check_text(event->provider);
    for (size_t i = 0; i < event->text_count; i++) {
        check_text(event->texts[i]);
    }
}

static void check_records(const uint8_t *data, size_t size, struct hm_arena *arena)
{
    struct hm_err err = {0};
    size_t length;

    for (size_t at = 0; (length = hm_event_record_length(data + at, size - at)) > 0; at += length) {
        struct hm_logged_event event;
        uint8_t *exact = malloc(length); /* the sanitizer sees a read past the end */

        HM_MUST(exact != NULL && length <= size - at);
        memcpy(exact, data + at, length);
        if (hm_event_record_parse(exact, length, arena, &event, &err) == HM_OK) {
            HM_MUST(event.provider[0] != '\0');
            check_event(&event);
        } else {
            HM_MUST(err.text[0] != '\0');
        }
        free(exact);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_logged_events events;
    struct hm_err err = {0};
    struct hm_arena arena;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_events_parse((const char *)data, size, &arena, &events, &err) == HM_OK) {
        HM_MUST(events.count <= HM_LIMIT_LOGGED_EVENTS);
        for (size_t i = 0; i < events.count; i++) {
            HM_MUST(events.at[i].provider[0] != '\0');
            check_event(&events.at[i]);
        }
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    check_records(data, size, &arena);
    hm_arena_fini(&arena);
    return 0;
}
