/* common/ports/os_version.c — versions of operating systems, and bounds for them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/os_version.h"

#include <string.h>

#include "common/base/str.h"

/* Takes "10" and its dot off the text; false at the end of the numbers. */
static bool take_number(const char **text, uint32_t *out_number)
{
    size_t len = strspn(*text, "0123456789");

    if (len == 0 || !hm_str_parse_u32(*text, len, UINT32_MAX, out_number)) {
        return false;
    }
    *text += len;
    *text += **text == '.' ? 1 : 0;
    return true;
}

int hm_version_compare(const char *version, const char *bound)
{
    uint32_t wanted;

    while (take_number(&bound, &wanted)) {
        uint32_t number = 0;

        (void)take_number(&version, &number);
        if (number != wanted) {
            return number < wanted ? -1 : 1;
        }
    }
    return 0;
}

enum hm_within hm_os_within(const struct hm_os *os, const char *lowest, const char *highest)
{
    const bool has_lowest = !hm_str_equal(lowest, "");
    const bool has_highest = !hm_str_equal(highest, "");

    if (!has_lowest && !has_highest) {
        return HM_WITHIN_YES;
    }
    if (os->version == NULL || os->version[0] < '0' || os->version[0] > '9') {
        return HM_WITHIN_UNKNOWN;
    }
    return (has_lowest && hm_version_compare(os->version, lowest) < 0) ||
                   (has_highest && hm_version_compare(os->version, highest) > 0)
               ? HM_WITHIN_NO
               : HM_WITHIN_YES;
}
