/* common/crypto/id.h — 26-character identifiers that sort by time of making (ULID form).
 * SPDX-License-Identifier: Apache-2.0
 *
 * 48 bits of milliseconds, 80 random bits, Crockford base 32 in lower case. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HM_ID_TEXT_BYTES 27

void hm_id_new(int64_t now_ms, char out[HM_ID_TEXT_BYTES]);
bool hm_id_is_valid(const char *text);
