/* common/readers/event_record.h — one record as ReadEventLog gives it: EVENTLOGRECORD (Microsoft
 * Learn, "EVENTLOGRECORD structure"), the same on 2000 and now.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/readers/events_text.h"

/* Bytes of the record at the beginning of bytes; 0 when it is not whole there, or is none. */
size_t hm_event_record_length(const unsigned char *bytes, size_t len);

/* Fills *out_event from a record of that length: log "" (the caller has opened it), the time in
 * whole seconds, texts in the arena. HM_EINVAL when an offset in it leads out of it, or its source
 * is empty. */
enum hm_status hm_event_record_parse(const unsigned char *bytes, size_t length,
                                     struct hm_arena *arena, struct hm_logged_event *out_event,
                                     struct hm_err *err) HM_MUST_CHECK;
