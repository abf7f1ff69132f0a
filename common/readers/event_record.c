/* common/readers/event_record.c — one record as ReadEventLog gives it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/event_record.h"

#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/base/str.h"

/* Offsets in EVENTLOGRECORD. */
#define RECORD_AT 8u
#define GENERATED_AT 12u
#define ID_AT 20u
#define STRINGS_AT 26u
#define STRING_OFFSET_AT 36u
#define SOURCE_AT 56u /* behind the structure */
#define BYTES_MIN (SOURCE_AT + 2u)
#define ID_MASK 0xffffu /* the bits above are severity and facility */
#define UNIT_BYTES 2u

static uint32_t number_at(const unsigned char *bytes, size_t at, size_t count)
{
    uint32_t value = 0;

    for (size_t i = count; i > 0; i--) {
        value = value << 8 | bytes[at + i - 1];
    }
    return value;
}

size_t hm_event_record_length(const unsigned char *bytes, size_t len)
{
    const size_t length = len < BYTES_MIN ? 0 : number_at(bytes, 0, 4);

    return length < BYTES_MIN || length > len ? 0 : length;
}

/* UTF-16 that ends with a NUL inside the record; *at goes behind it. */
static enum hm_status take_text(const unsigned char *bytes, size_t length, size_t *at,
                                struct hm_arena *arena, const char **out_text, struct hm_err *err)
{
    const size_t room = *at < length ? (length - *at) / UNIT_BYTES : 0;
    struct hm_span text;
    size_t units = 0;
    char *copy;

    while (units < room && number_at(bytes, *at + units * UNIT_BYTES, UNIT_BYTES) != 0) {
        units++;
    }
    if (units == room) {
        return hm_fail(err, HM_EINVAL, "a text leads out of an event record");
    }
    if (!hm_text_from_utf16le(
            bytes + *at, units < HM_LIMIT_NAME_BYTES ? units : HM_LIMIT_NAME_BYTES, arena, &text)) {
        return hm_fail(err, HM_ENOMEM, "no memory for an event");
    }
    text.len = text.len > HM_LIMIT_NAME_BYTES ? hm_str_utf8_prefix(text.at, HM_LIMIT_NAME_BYTES)
                                              : text.len;
    copy = hm_arena_strndup(arena, text.at, text.len);
    if (copy == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for an event");
    }
    for (char *c = copy; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
    }
    *at += (units + 1) * UNIT_BYTES;
    *out_text = copy;
    return HM_OK;
}

enum hm_status hm_event_record_parse(const unsigned char *bytes, size_t length,
                                     struct hm_arena *arena, struct hm_logged_event *out_event,
                                     struct hm_err *err)
{
    struct hm_logged_event event = {.log = "", .has_time = true};
    size_t at = SOURCE_AT;
    size_t count;
    enum hm_status st;

    if (hm_event_record_length(bytes, length) != length) {
        return hm_fail(err, HM_EINVAL, "an event record is cut");
    }
    event.record = number_at(bytes, RECORD_AT, 4);
    event.time_ms = (int64_t)number_at(bytes, GENERATED_AT, 4) * 1000;
    event.id = number_at(bytes, ID_AT, 4) & ID_MASK;
    count = number_at(bytes, STRINGS_AT, 2);
    st = take_text(bytes, length, &at, arena, &event.provider, err);
    if (st == HM_OK && event.provider[0] == '\0') {
        return hm_fail(err, HM_EINVAL, "an event record has no source");
    }
    at = number_at(bytes, STRING_OFFSET_AT, 4);
    while (st == HM_OK && event.text_count < count && event.text_count < HM_EVENT_TEXTS) {
        st = take_text(bytes, length, &at, arena, &event.texts[event.text_count], err);
        event.text_count += st == HM_OK ? 1 : 0;
    }
    if (st == HM_OK) {
        *out_event = event;
    }
    return st;
}
