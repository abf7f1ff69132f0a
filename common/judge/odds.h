/* common/judge/odds.h — the chance that a required port is taken at random at the next start.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Three kinds of takers come one after the other, and each finds what the earlier ones left: blocks
 * of WinNAT and HNS (windows-ports 2.9), the DNS Server's socket pool (3.3), and the sockets of all
 * other programs. "Space" is the dynamic range without what a stack never hands out. The chance
 * that a required port survives is the product of
 *   - for each block: 1 - places that meet a required port / places that are left. A block of w
 *     ports has L - w + 1 places in a free stretch of L. An earlier block of v ports, which has met
 *     no required port, removes v + w - 1 of all places, and about (w - 1) / all of those that
 *     meet one. To the first order the quotient is then meeting / (all - v), which is what is
 *     computed; it stays within a few percent where blocks fill half of the space. Where they
 *     fill more, gaps that are too narrow for another block make it too low: 0.59 for 0.72 where
 *     nine blocks of 4096 ports fill seven tenths. Such odds are a lower bound;
 *   - for k sockets on k different ports of n, m of them required: C(n-m, k) / C(n, k). A pool is
 *     one such draw in each family, the other programs are one more. All earlier takers have missed
 *     the required ports, so m stays, and n loses what they took.
 * So several required ports, or one in two families, need no inclusion and exclusion: "at least one
 * taken" is one minus that product. Pure. Threads: safe. */
#pragma once

#include <stdint.h>

#include "common/ports/portset.h"

/* Hypergeometric: of n usable ports k are taken at random; m of the n are required. The chance
 * that at least one of the m is among the k: 1 - C(n-m, k) / C(n, k). k over n counts as n;
 * m over n as n; n = 0 or m = 0 gives 0. */
double hm_odds_any_taken(uint32_t n, uint32_t k, uint32_t m);

/* One chance or another, independent one. Exact near 0, where 1 - (1-a)(1-b) is not. */
double hm_odds_either(double a, double b);

/* Where a block of some width may come down in an empty space. */
struct hm_odds_places {
    uint32_t width; /* of the block */
    uint32_t all;
    uint32_t meeting; /* of all: places where the block has a required port */
};

/* space: a set; required: a set, all of it in space. width: 1 to 65535. */
struct hm_odds_places hm_odds_places(struct hm_ports space, struct hm_ports required,
                                     uint32_t width);

/* The chance that one more block meets a required port, when earlier blocks have filled so many
 * ports of the space and met none. 0 where no place is left for it. */
double hm_odds_block_meets(const struct hm_odds_places *places, uint32_t filled);
