/* common/ports/portbits.h — a set of ports as a map of 65,536 bits: for counting many of them.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/ports/portset.h"

#define HM_PORTBITS_WORDS (HM_PORT_COUNT / 64)

struct hm_portbits {
    uint64_t word[HM_PORTBITS_WORDS];
};

/* All bits off; NULL when there is no memory. */
struct hm_portbits *hm_portbits_new(struct hm_arena *arena);

void hm_portbits_put(struct hm_portbits *bits, uint16_t port);
void hm_portbits_put_ports(struct hm_portbits *bits, struct hm_ports ports);
bool hm_portbits_has(const struct hm_portbits *bits, uint16_t port);

/* How many bits are on inside the range, or inside the list. */
uint32_t hm_portbits_count(const struct hm_portbits *bits, struct hm_range range);
uint32_t hm_portbits_count_ports(const struct hm_portbits *bits, struct hm_ports ports);
