/* agent/platform/windows_guard_image.c — do these bytes look like the guard's program?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Microsoft Learn, "PE Format". */
#include "agent/platform/windows_guard.h"

#include <string.h>

#include "agent/guard/guard_name.h"

#define DOS_BYTES 64u
#define HEADER_AT 0x3Cu /* where the place of the PE header stands */
#define SIGNATURE_BYTES 4u
#define COFF_BYTES 20u
#define SECTION_BYTES 40u
#define NAME_UNIT_BYTES 2u

static uint64_t number_at(const unsigned char *bytes, size_t at, size_t len)
{
    uint64_t number = 0;

    for (size_t i = len; i > 0; i--) {
        number = number << 8 | bytes[at + i - 1];
    }
    return number;
}

/* All that the headers speak of is in the file: a copy that was cut short lacks its end. */
static bool is_whole(const unsigned char *bytes, size_t len)
{
    const size_t header = (size_t)number_at(bytes, HEADER_AT, 4);
    size_t section;
    size_t count;

    if (header > len || len - header < SIGNATURE_BYTES + COFF_BYTES ||
        memcmp(bytes + header, "PE\0\0", SIGNATURE_BYTES) != 0) {
        return false;
    }
    count = (size_t)number_at(bytes, header + 6, 2);
    section = header + SIGNATURE_BYTES + COFF_BYTES + (size_t)number_at(bytes, header + 20, 2);
    if (count == 0 || section > len || len - section < count * SECTION_BYTES) {
        return false;
    }
    for (; count > 0; count--, section += SECTION_BYTES) {
        const uint64_t raw_bytes = number_at(bytes, section + 16, 4);
        const uint64_t raw_at = number_at(bytes, section + 20, 4);

        if (raw_at + raw_bytes > len) {
            return false;
        }
    }
    return true;
}

/* The name of its service, as it is given to the service manager: UTF-16. */
static bool has_name(const unsigned char *bytes, size_t len)
{
    unsigned char name[sizeof(HM_GUARD_NAME) * NAME_UNIT_BYTES] = {0};

    for (size_t i = 0; i < sizeof(HM_GUARD_NAME); i++) {
        name[i * NAME_UNIT_BYTES] = (unsigned char)HM_GUARD_NAME[i];
    }
    for (size_t at = 0; at + sizeof(name) <= len; at++) {
        if (bytes[at] == name[0] && memcmp(bytes + at, name, sizeof(name)) == 0) {
            return true;
        }
    }
    return false;
}

const char *hm_guard_image_fault(const char *image, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)image;

    if (len == 0) {
        return "it is empty";
    }
    if (len < DOS_BYTES || memcmp(bytes, "MZ", 2) != 0) {
        return "it is no program";
    }
    if (!is_whole(bytes, len)) {
        return "it is damaged, or not all of it is there";
    }
    return has_name(bytes, len) ? "" : "it is another program";
}
