/* common/judge/odds.c — the chance that a required port is taken at random.
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
