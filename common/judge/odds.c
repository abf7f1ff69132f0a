/* common/judge/odds.c — the chance that a required port is taken at random at the next start.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/odds.h"

#define NEGLIGIBLE 1e-18 /* far below what a double near 1 can tell apart */

double hm_odds_any_taken(uint32_t n, uint32_t k, uint32_t m)
{
    double none = 1.0;
    uint32_t more;
    uint32_t fewer;

    if (k > n) {
        k = n;
    }
    if (m > n) {
        m = n;
    }
    if (k == 0 || m == 0) {
        return 0.0;
    }
    if (k + m > n) { /* pigeonhole: the taken and the required ports must meet */
        return 1.0;
    }
    /* C(n-m,k)/C(n,k) is symmetric in k and m: the product over the smaller one is short. */
    more = k > m ? k : m;
    fewer = k > m ? m : k;
    for (uint32_t i = 0; i < fewer && none > NEGLIGIBLE; i++) {
        none *= (double)(n - more - i) / (double)(n - i);
    }
    return 1.0 - none;
}

double hm_odds_either(double a, double b)
{
    return a + (1.0 - a) * b;
}

/* Places of the block in the stretch that meet its required ports, which begin at *at in required;
 * *at is then behind them. */
static uint32_t count_meeting(struct hm_range stretch, struct hm_ports required, size_t *at,
                              uint32_t width)
{
    uint32_t next = stretch.first; /* no place before this one is still to be counted */
    uint32_t end = stretch.last + 2u - width;
    uint32_t count = 0;

    for (; *at < required.count && required.at[*at].first <= stretch.last; (*at)++) {
        const struct hm_range ports = required.at[*at];
        uint32_t first = ports.first + 1u > width ? ports.first + 1u - width : 0;
        uint32_t stop = ports.last + 1u < end ? ports.last + 1u : end;

        first = first > next ? first : next;
        if (stop > first) {
            count += stop - first;
            next = stop;
        }
    }
    return count;
}

struct hm_odds_places hm_odds_places(struct hm_ports space, struct hm_ports required,
                                     uint32_t width)
{
    struct hm_odds_places places = {.width = width};
    size_t at = 0;

    for (size_t i = 0; i < space.count; i++) {
        const struct hm_range stretch = space.at[i];

        while (at < required.count && required.at[at].last < stretch.first) {
            at++;
        }
        if (hm_range_count(stretch) >= width) {
            places.all += hm_range_count(stretch) - width + 1;
            places.meeting += count_meeting(stretch, required, &at, width);
        }
    }
    return places;
}

double hm_odds_block_meets(const struct hm_odds_places *places, uint32_t filled)
{
    uint32_t left = filled < places->all ? places->all - filled : 0;

    if (places->meeting == 0) {
        return 0.0;
    }
    return places->meeting < left ? (double)places->meeting / left : 1.0;
}
