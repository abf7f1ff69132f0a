/* common/ports/portbits.c — a set of ports as a map of 65,536 bits: for counting many of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/portbits.h"

struct hm_portbits *hm_portbits_new(struct hm_arena *arena)
{
    return hm_arena_alloc(arena, 1, sizeof(struct hm_portbits));
}

void hm_portbits_put(struct hm_portbits *bits, uint16_t port)
{
    bits->word[port / 64] |= (uint64_t)1 << (port % 64);
}

/* The bits of word number at that the range covers. */
static uint64_t mask(uint32_t at, struct hm_range range)
{
    uint32_t first = at * 64;
    uint64_t all = ~(uint64_t)0;

    if (range.first > first) {
        all &= ~(uint64_t)0 << (range.first % 64);
    }
    if (range.last < first + 63) {
        all &= ~(uint64_t)0 >> (63 - range.last % 64);
    }
    return all;
}

static uint32_t count_ones(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint32_t)((x * 0x0101010101010101u) >> 56);
}

void hm_portbits_put_ports(struct hm_portbits *bits, struct hm_ports ports)
{
    for (size_t i = 0; i < ports.count; i++) {
        for (uint32_t at = ports.at[i].first / 64u; at <= ports.at[i].last / 64u; at++) {
            bits->word[at] |= mask(at, ports.at[i]);
        }
    }
}

bool hm_portbits_has(const struct hm_portbits *bits, uint16_t port)
{
    return (bits->word[port / 64] >> (port % 64) & 1) != 0;
}

uint32_t hm_portbits_count(const struct hm_portbits *bits, struct hm_range range)
{
    uint32_t count = 0;

    for (uint32_t at = range.first / 64u; at <= range.last / 64u; at++) {
        count += count_ones(bits->word[at] & mask(at, range));
    }
    return count;
}

uint32_t hm_portbits_count_ports(const struct hm_portbits *bits, struct hm_ports ports)
{
    uint32_t count = 0;

    for (size_t i = 0; i < ports.count; i++) {
        count += hm_portbits_count(bits, ports.at[i]);
    }
    return count;
}
