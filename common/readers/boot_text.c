/* common/readers/boot_text.c — when a Windows host started, and when a registry key was written.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/boot_text.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/str.h"

#define CIM_CHARS 25 /* 14 digits, a point, 6 digits, a sign, 3 digits */
#define MINUTE_MS 60000

static bool are_digits(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return true;
}

bool hm_cim_time_parse(const char *text, size_t len, int64_t *out_ms)
{
    struct hm_span span = hm_str_trim(text, len);
    char rfc3339[32];
    uint32_t milliseconds;
    uint32_t minutes;
    int64_t local_ms;

    if (span.len != CIM_CHARS || !are_digits(span.at, 14) || span.at[14] != '.' ||
        !are_digits(span.at + 15, 6) || (span.at[21] != '+' && span.at[21] != '-') ||
        !are_digits(span.at + 22, 3)) {
        return false;
    }
    (void)snprintf(rfc3339, sizeof(rfc3339), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", span.at, span.at + 4,
                   span.at + 6, span.at + 8, span.at + 10, span.at + 12);
    if (!hm_str_parse_u32(span.at + 15, 3, 999, &milliseconds) ||
        !hm_str_parse_u32(span.at + 22, 3, 999, &minutes) ||
        !hm_clock_parse(rfc3339, strlen(rfc3339), &local_ms)) {
        return false;
    }
    *out_ms = local_ms + (int64_t)milliseconds -
              (span.at[21] == '+' ? 1 : -1) * (int64_t)minutes * MINUTE_MS;
    return true;
}

/* Offsets of the base block of a hive, and of a key node behind the size of its cell. */
#define HIVE_HEADER_BYTES 4096u
#define HIVE_WRITTEN_AT 12u
#define HIVE_ROOT_AT 36u
#define NODE_SIGNATURE_AT 4u
#define NODE_WRITTEN_AT 8u
#define NODE_BYTES 16u
#define YOUNG 20000000 /* two seconds: saving a key takes less */

static uint64_t read_number(const char *bytes, size_t count)
{
    uint64_t value = 0;

    for (size_t i = count; i > 0; i--) {
        value = value << 8 | (unsigned char)bytes[i - 1];
    }
    return value;
}

bool hm_hive_root_written(const char *bytes, size_t len, int64_t *out_filetime)
{
    uint64_t saved;
    uint64_t written;
    size_t root;

    if (len < HIVE_HEADER_BYTES + NODE_BYTES || memcmp(bytes, "regf", 4) != 0) {
        return false;
    }
    root = (size_t)read_number(bytes + HIVE_ROOT_AT, 4);
    if (root > len - HIVE_HEADER_BYTES - NODE_BYTES ||
        memcmp(bytes + HIVE_HEADER_BYTES + root + NODE_SIGNATURE_AT, "nk", 2) != 0) {
        return false;
    }
    saved = read_number(bytes + HIVE_WRITTEN_AT, 8);
    written = read_number(bytes + HIVE_HEADER_BYTES + root + NODE_WRITTEN_AT, 8);
    if (written == 0 || written > INT64_MAX || saved < YOUNG || written > saved - YOUNG) {
        return false;
    }
    *out_filetime = (int64_t)written;
    return true;
}
