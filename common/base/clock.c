/* common/base/clock.c — time as an argument, and its text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"

#include <stdio.h>

#include "common/base/str.h"

#define MS_PER_DAY INT64_C(86400000)
#define LAST_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* Days since 1970-01-01 of a proleptic Gregorian date (the era method, H. Hinnant). */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    int64_t era_year = month <= 2 ? year - 1 : year;
    int64_t era = era_year / 400;
    int64_t year_of_era = era_year - era * 400;
    int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_from_days(int64_t days, int *year, int *month, int *day)
{
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_index = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * month_index + 2) / 5 + 1);
    *month = (int)(month_index < 10 ? month_index + 3 : month_index - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2 ? 1 : 0));
}

char *hm_clock_format(int64_t time_ms, char out[HM_TIME_TEXT_BYTES])
{
    int64_t clamped = time_ms < 0 ? 0 : time_ms > LAST_MS ? LAST_MS : time_ms;
    int64_t second_of_day = clamped % MS_PER_DAY / 1000;
    int year;
    int month;
    int day;

    date_from_days(clamped / MS_PER_DAY, &year, &month, &day);
    (void)snprintf(out, HM_TIME_TEXT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day,
                   (int)(second_of_day / 3600), (int)(second_of_day / 60 % 60),
                   (int)(second_of_day % 60));
    return out;
}

static bool digits(const char *at, size_t count, uint32_t min, uint32_t max, uint32_t *out)
{
    return hm_str_parse_u32(at, count, max, out) && *out >= min;
}

static bool parse_offset(const char *at, size_t len, int64_t *out_ms)
{
    uint32_t hours;
    uint32_t minutes;

    if (len == 1 && (at[0] == 'Z' || at[0] == 'z')) {
        *out_ms = 0;
        return true;
    }
    if (len != 6 || (at[0] != '+' && at[0] != '-') || at[3] != ':' ||
        !digits(at + 1, 2, 0, 23, &hours) || !digits(at + 4, 2, 0, 59, &minutes)) {
        return false;
    }
    *out_ms = ((int64_t)hours * 60 + minutes) * 60000 * (at[0] == '-' ? -1 : 1);
    return true;
}

static bool day_exists(uint32_t year, uint32_t month, uint32_t day)
{
    static const unsigned char month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return day <= month_days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

bool hm_clock_parse(const char *text, size_t len, int64_t *out_ms)
{
    uint32_t part[6];
    int64_t fraction_ms = 0;
    int64_t offset_ms;
    size_t at = 19;

    if (len < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') ||
        text[13] != ':' || text[16] != ':' || !digits(text, 4, 1970, 9999, &part[0]) ||
        !digits(text + 5, 2, 1, 12, &part[1]) || !digits(text + 8, 2, 1, 31, &part[2]) ||
        !digits(text + 11, 2, 0, 23, &part[3]) || !digits(text + 14, 2, 0, 59, &part[4]) ||
        !digits(text + 17, 2, 0, 60, &part[5]) || !day_exists(part[0], part[1], part[2])) {
        return false;
    }
    if (text[at] == '.') {
        int64_t scale = 100;

        for (at++; at < len && text[at] >= '0' && text[at] <= '9'; at++) {
            fraction_ms += (text[at] - '0') * scale;
            scale /= 10;
        }
        if (text[at - 1] == '.') {
            return false;
        }
    }
    if (at >= len || !parse_offset(text + at, len - at, &offset_ms)) {
        return false;
    }
    *out_ms = days_from_date(part[0], part[1], part[2]) * MS_PER_DAY +
              ((int64_t)part[3] * 3600 + (int64_t)part[4] * 60 + part[5]) * 1000 + fraction_ms -
              offset_ms;
    return true;
}
