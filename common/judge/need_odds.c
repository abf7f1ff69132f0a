/* common/judge/need_odds.c — how probable it is that a need loses a port at the next start.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include "common/judge/odds.h"

/* Where takers come down, and what they may hit there. */
struct ground {
    struct hm_ports space; /* a set that has all of required */
    struct hm_ports required;
    uint32_t filled;              /* by blocks */
    struct hm_odds_places places; /* of the last width: most blocks have the same */
};

/* The grounds of a need: of each family in which it is exposed, and of both together for what takes
 * a port in both: sockets that serve both families often show in one list only. */
struct draw {
    const struct hm_facts *facts;
    enum hm_protocol protocol;
    const struct hm_stack_facts *stacks[2];
    struct ground grounds[2];
    unsigned families;
    struct ground all;
    struct hm_arena *arena;
    struct hm_err *err;
    double odds; /* of what has come down so far */
};

static enum hm_status put_family(struct draw *draw, const struct hm_stack_facts *stack,
                                 struct hm_ports required)
{
    struct ground *ground = &draw->grounds[draw->families];
    enum hm_status st;

    draw->stacks[draw->families++] = stack;
    ground->required = required;
    st = hm_ports_union(stack->space, required, draw->arena, &ground->space, draw->err);
    if (draw->families == 1) {
        draw->all = *ground;
        return st;
    }
    if (st == HM_OK) {
        st = hm_ports_union(draw->all.space, ground->space, draw->arena, &draw->all.space,
                            draw->err);
    }
    return st == HM_OK ? hm_ports_union(draw->all.required, required, draw->arena,
                                        &draw->all.required, draw->err)
                       : st;
}

static void add(struct draw *draw, double odds)
{
    draw->odds = hm_odds_either(draw->odds, odds);
}

static void put_block(struct draw *draw, struct ground *ground, uint32_t width)
{
    if (ground->places.width != width) {
        ground->places = hm_odds_places(ground->space, ground->required, width);
    }
    add(draw, hm_odds_block_meets(&ground->places, ground->filled));
}

static bool has_row(struct hm_ports rows, struct hm_range row)
{
    const struct hm_range *found = hm_ports_find(rows, row.first);

    return found != NULL && found->first == row.first && found->last == row.last;
}

/* A row that both families show is one block. */
static void put_blocks(struct draw *draw)
{
    for (unsigned i = 0; i < draw->families; i++) {
        const struct hm_ports rows = draw->stacks[i]->blocks;

        for (size_t at = 0; at < rows.count; at++) {
            uint32_t width = hm_range_count(rows.at[at]);
            bool shared = draw->families == 2 && has_row(draw->stacks[1 - i]->blocks, rows.at[at]);

            if (!shared || i == 0) {
                put_block(draw, shared ? &draw->all : &draw->grounds[i], width);
                draw->all.filled += width;
            }
            draw->grounds[i].filled += width;
        }
    }
}

static uint32_t less(uint32_t a, double b)
{
    return b < a ? a - (uint32_t)(b + 0.5) : 0;
}

static uint32_t pool_size(const struct draw *draw)
{
    uint32_t size = draw->facts->dns.size;

    return size == 0 ? 1 : size; /* size 0 still is one socket */
}

/* Is the pool open in this family? Where most of it shows in IPv4 and none of it in IPv6, it has
 * IPv4 alone. */
static bool has_pool(const struct draw *draw, unsigned family)
{
    const struct hm_stack_facts *ipv4 = hm_facts_stack(draw->facts, HM_UDP, HM_IPV4);
    const struct hm_stack_facts *ipv6 = hm_facts_stack(draw->facts, HM_UDP, HM_IPV6);

    return draw->stacks[family] != ipv6 || draw->facts->used[HM_UDP] == NULL ||
           ipv4->dns_taken <= pool_size(draw) / 2 || ipv6->dns_taken > 0;
}

/* Ports that the pool takes in the family; those that it must not use are open to others. */
static enum hm_status put_pool(struct draw *draw, unsigned family, double *out_taken)
{
    const struct hm_dns_pool *dns = &draw->facts->dns;
    const struct ground *ground = &draw->grounds[family];
    uint32_t size = pool_size(draw);
    struct hm_ports space = ground->space;
    struct hm_ports required = ground->required;
    enum hm_status st = HM_OK;
    uint32_t all = hm_ports_count(space);
    uint32_t n;

    if (dns->excluded.count > 0) {
        st = hm_ports_subtract(space, dns->excluded, draw->arena, &space, draw->err);
        if (st == HM_OK) {
            st = hm_ports_subtract(required, dns->excluded, draw->arena, &required, draw->err);
        }
    }
    if (st != HM_OK || all == 0) {
        return st;
    }
    if (draw->stacks[family]->dns_taken > size) {
        size = draw->stacks[family]->dns_taken;
    }
    n = hm_ports_count(space);
    n = less(n, (double)ground->filled * n / all); /* blocks lie anywhere */
    add(draw, hm_odds_any_taken(n, size, hm_ports_count(required)));
    *out_taken = size < n ? size : n;
    return HM_OK;
}

/* Ports in use, but for those that somebody has on purpose: the need itself, or another one. */
static uint32_t count_others(const struct draw *draw)
{
    const struct hm_facts *facts = draw->facts;
    const struct hm_portbits *used = facts->used[draw->protocol];
    const struct hm_portbits *fixed = facts->fixed[draw->protocol];
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;
    uint32_t last = HM_PORT_COUNT;
    uint32_t count = 0;
    uint32_t own;

    if (used != NULL) {
        struct hm_portbits random = *used;

        for (size_t i = 0; i < HM_PORTBITS_WORDS; i++) {
            random.word[i] &= ~fixed->word[i];
        }
        own = hm_portbits_count_ports(&random, draw->all.required);
        return hm_portbits_count_ports(&random, draw->all.space) - own;
    }
    for (unsigned i = 0; i < draw->families; i++) {
        count = draw->stacks[i]->others > count ? draw->stacks[i]->others : count;
    }
    own = hm_portbits_count_ports(fixed, draw->all.space);
    while ((listener = hm_facts_next_listener(facts, draw->protocol, draw->all.required,
                                              &cursor)) != NULL) {
        own += listener->port != last && !hm_portbits_has(fixed, listener->port);
        last = listener->port;
    }
    return count > own ? count - own : 0;
}

static enum hm_status put_sockets(struct draw *draw, bool *out_known)
{
    bool pools = draw->protocol == HM_UDP && draw->facts->has_dns;
    uint32_t n = less(hm_ports_count(draw->all.space), draw->all.filled);
    double taken[2] = {0.0, 0.0};
    enum hm_status st = HM_OK;

    for (unsigned i = 0; i < draw->families && pools && st == HM_OK; i++) {
        if (has_pool(draw, i)) {
            st = put_pool(draw, i, &taken[i]);
        }
    }
    for (unsigned i = 0; i < draw->families; i++) {
        *out_known = *out_known || draw->stacks[i]->has_others;
    }
    if (st == HM_OK && *out_known) {
        double both = n == 0 ? 0.0 : taken[0] * taken[1] / n; /* ports that both pools have */

        n = less(n, taken[0] + taken[1] - both);
        add(draw, hm_odds_any_taken(n, count_others(draw), hm_ports_count(draw->all.required)));
    }
    return st;
}

/* Blocks that fill more than half of the space leave gaps in which no further one has a place: then
 * hm_odds_block_meets tells less than the truth. */
static bool is_dense(const struct draw *draw)
{
    return draw->all.filled > hm_ports_count(draw->all.space) / 2;
}

enum hm_status hm_need_weigh_odds(const struct hm_facts *facts, struct hm_need *need,
                                  struct hm_arena *arena, struct hm_err *err)
{
    struct hm_verdict *verdict = &need->verdict;
    struct draw draw = {.facts = facts, .protocol = verdict->protocol, .arena = arena, .err = err};
    struct hm_range one[2];
    bool known = false;
    enum hm_status st = HM_OK;

    for (unsigned i = 0; i < 2 && st == HM_OK; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(facts, verdict->protocol, i == 0 ? HM_IPV4 : HM_IPV6);
        struct hm_ports required = need->stacks[i].exposed;

        if (!need->stacks[i].judged || required.count == 0 || !stack->has_usable) {
            continue;
        }
        if (need->requirement->reserve_only) { /* any of them: one in the middle */
            const struct hm_range middle = required.at[required.count / 2];
            const uint16_t port = (uint16_t)((middle.first + middle.last) / 2);

            one[i] = (struct hm_range){port, port};
            required = (struct hm_ports){&one[i], 1};
        }
        st = put_family(&draw, stack, required);
    }
    if (st != HM_OK || draw.families == 0) {
        return st;
    }
    put_blocks(&draw);
    st = put_sockets(&draw, &known);
    /* Of a port in use by nobody knows whom, "nothing has taken it yet" would be no truth. */
    verdict->has_odds = st == HM_OK && ((known && !need->unread_owner) || draw.odds > 0.0);
    verdict->odds = draw.odds;
    verdict->odds_at_least = verdict->has_odds && (!known || is_dense(&draw));
    verdict->odds_of_each =
        verdict->has_odds && need->requirement->reserve_only && hm_ports_count(verdict->ports) > 1;
    return st;
}
