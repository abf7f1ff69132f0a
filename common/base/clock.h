/* common/base/clock.h — time as an argument, and its text.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Wall times are milliseconds since 1970-01-01 UTC (int64_t, "_ms"). Text is RFC 3339 UTC with
 * seconds ("2026-11-22T11:05:00Z"). Modules that need the time take it as an argument; only
 * main loops call hm_clock_now_ms. Threads: all are safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HM_TIME_TEXT_BYTES 40

/* The wall clock; the monotonic one is hm_os_monotonic_ms. Each system's own, in common/os. */
int64_t hm_clock_now_ms(void);

/* Writes "2026-11-22T11:05:00Z" (years 1970 to 9999; others are clamped); returns out. */
char *hm_clock_format(int64_t time_ms, char out[HM_TIME_TEXT_BYTES]);

/* Accepts RFC 3339 with Z or a numeric offset, fractions cut to milliseconds. */
bool hm_clock_parse(const char *text, size_t len, int64_t *out_ms);
