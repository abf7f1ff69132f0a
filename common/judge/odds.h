/* common/judge/odds.h — the chance that a required port is taken at random.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Hypergeometric: of n usable ports k are taken at random; m of the n are required. The chance
 * that at least one of the m is among the k: 1 - C(n-m, k) / C(n, k). k over n counts as n;
 * m over n as n; n = 0 or m = 0 gives 0. */
double hm_odds_any_taken(uint32_t n, uint32_t k, uint32_t m);
