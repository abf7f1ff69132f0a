/* tests/support/event_record.c — a record of a Windows event log.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/event_record.h"

#include <string.h>

void event_record_put(unsigned char *bytes, size_t at, uint32_t value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes[at + i] = (unsigned char)(value >> (8 * i));
    }
}

static size_t put_text(unsigned char *bytes, size_t at, const char *ascii)
{
    for (size_t i = 0; i <= strlen(ascii); i++) {
        event_record_put(bytes, at + 2 * i, (unsigned char)ascii[i], 2);
    }
    return at + 2 * (strlen(ascii) + 1);
}

size_t event_record_make(unsigned char bytes[EVENT_RECORD_ROOM], const char *source, uint32_t id,
                         uint32_t record, uint32_t time_s, const char *const *texts, size_t count)
{
    size_t at;

    memset(bytes, 0, EVENT_RECORD_ROOM);
    event_record_put(bytes, 4, 0x654c664c, 4);
    event_record_put(bytes, 8, record, 4);
    event_record_put(bytes, 12, time_s, 4);
    event_record_put(bytes, 16, time_s + 1, 4);
    event_record_put(bytes, 20, id, 4);
    event_record_put(bytes, 26, (uint32_t)count, 2);
    at = put_text(bytes, EVENT_RECORD_SOURCE, source);
    at = (put_text(bytes, at, "HOST") + 3) / 4 * 4;
    event_record_put(bytes, EVENT_RECORD_STRING_OFFSET, (uint32_t)at, 4);
    for (size_t i = 0; i < count; i++) {
        at = put_text(bytes, at, texts[i]);
    }
    at = (at + 3) / 4 * 4 + 4;
    event_record_put(bytes, 0, (uint32_t)at, 4);
    event_record_put(bytes, at - 4, (uint32_t)at, 4);
    return at;
}
