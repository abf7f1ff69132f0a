/* tests/support/event_record.h — a record of a Windows event log, as ReadEventLog gives it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define EVENT_RECORD_ROOM 4096u
#define EVENT_RECORD_STRING_OFFSET 36u
#define EVENT_RECORD_SOURCE 56u

/* A number of so many bytes, the lowest first. */
void event_record_put(unsigned char *bytes, size_t at, uint32_t value, size_t count);

/* As Windows lays it out: source, computer, texts (ASCII), its length again. Returns its length. */
size_t event_record_make(unsigned char bytes[EVENT_RECORD_ROOM], const char *source, uint32_t id,
                         uint32_t record, uint32_t time_s, const char *const *texts, size_t count);
