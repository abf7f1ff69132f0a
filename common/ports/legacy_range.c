/* common/ports/legacy_range.c — 2000, XP, 2003: the range in force, by the values and the sockets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/in_force.h"

#include "common/ports/portbits.h"

#define ENDS_MAX 4
#define POOL_MIN 64u /* without MS08-037 the DNS Server has a few sockets, not at random */
#define SURE 1e-6    /* a chance that counts as none */
#define HALF 50u     /* percent of a range that speak for it, where two are possible ... */
#define NEARLY 90u   /* ... and against a larger one that is written */

/* Ends of ranges that may be in force, smallest first. */
struct ends {
    uint16_t at[ENDS_MAX];
    size_t count;
    bool open; /* a value that was deleted or replaced may be in force: any end is possible */
};

static void put_end(struct ends *ends, uint32_t end)
{
    size_t at = 0;

    while (at < ends->count && ends->at[at] < end) {
        at++;
    }
    if (ends->count == ENDS_MAX || (at < ends->count && ends->at[at] == end)) {
        return;
    }
    for (size_t i = ends->count; i > at; i--) {
        ends->at[i] = ends->at[i - 1];
    }
    ends->at[at] = (uint16_t)end;
    ends->count++;
}

static void put_ends(struct ends *ends, const struct hm_tcpip_values *values)
{
    struct hm_range range;

    if (hm_legacy_dynamic(values, &range)) {
        put_end(ends, range.last);
        return;
    }
    /* Outside of the documented values: ignored, cut, or taken as it stands. */
    put_end(ends, HM_LEGACY_LAST);
    if (values->max_user_port > HM_LEGACY_LAST_MAX) {
        put_end(ends, HM_LEGACY_LAST_MAX);
        put_end(ends, HM_PORT_COUNT - 1);
    } else if (values->max_user_port > HM_LEGACY_FIRST) {
        put_end(ends, values->max_user_port);
    }
}

/* The lines that surely reserve, as a set. */
static enum hm_status read_lines(const struct hm_tcpip_values *values, struct hm_arena *arena,
                                 struct hm_ports *out_ports, struct hm_err *err)
{
    struct hm_inventory inventory = {
        .os = {.family = HM_OS_WINDOWS,                          .version = "5.2"},
        .has_registry = true,
        .registry = {.has_reserved_ports = values->has_reserved_ports,
               .reserved_ports = values->reserved_ports                          },
    };
    bool known;

    return hm_inventory_excluded(&inventory, HM_UDP, HM_IPV4, arena, &known, out_ports, err);
}

/* Has the DNS Server been given a port that the lines reserve? */
static enum hm_status doubt_lines(struct hm_registry *registry, const struct hm_given *given,
                                  struct hm_arena *arena, struct hm_err *err)
{
    struct hm_tcpip_values values;
    struct hm_ports reserved;
    enum hm_status st;

    if (!hm_registry_in_force(registry, &values) || !values.has_reserved_ports) {
        return HM_OK;
    }
    st = read_lines(&values, arena, &reserved, err);
    for (size_t i = 0; st == HM_OK && i < given->count; i++) {
        if (hm_socket_is_pool(given->at[i]) && hm_ports_contains(reserved, given->at[i]->port)) {
            registry->contradicted =
                registry->contradicted || registry->in_force == HM_IN_FORCE_WRITTEN;
            registry->in_force = HM_IN_FORCE_UNKNOWN;
            registry->has_earlier = false;
        }
    }
    return st;
}

static struct ends possible_ends(const struct hm_registry *registry)
{
    const struct hm_tcpip_values written = hm_registry_written(registry);
    struct ends ends = {.open = false};
    struct hm_tcpip_values values;

    if (hm_registry_in_force(registry, &values)) {
        put_ends(&ends, &values);
    } else {
        ends.open = true;
        put_end(&ends, HM_LEGACY_LAST);
        put_ends(&ends, &written);
    }
    return ends;
}

/* Sockets at random: would none of them lie past the smaller end by chance? */
static bool is_no_chance(size_t pool, uint16_t end, uint16_t next_end)
{
    const double share = (double)(end - HM_LEGACY_FIRST + 1) / (next_end - HM_LEGACY_FIRST + 1);
    double chance = 1;

    for (size_t i = 0; i < pool && chance > SURE; i++) {
        chance *= share;
    }
    return pool >= POOL_MIN && chance <= SURE;
}

/* 2003 goes through its range from the bottom to the top: a few low sockets prove nothing, but with
 * so much of the smaller range in use, sockets would lie past its end by now if there was room. */
static enum hm_status is_used(const struct hm_sockets *sockets, uint16_t end, unsigned percent,
                              struct hm_arena *arena, bool *out_used, struct hm_err *err)
{
    const struct hm_range range = {HM_LEGACY_FIRST, end};
    const uint32_t most = hm_range_count(range) * percent / 100;
    struct hm_portbits *used[2] = {hm_portbits_new(arena), hm_portbits_new(arena)};

    if (used[0] == NULL || used[1] == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to look at %zu sockets", sockets->count);
    }
    for (size_t i = 0; i < sockets->count; i++) {
        hm_portbits_put(used[sockets->at[i].protocol], sockets->at[i].port);
    }
    *out_used = hm_portbits_count(used[HM_TCP], range) > most ||
                hm_portbits_count(used[HM_UDP], range) > most;
    return HM_OK;
}

/* No socket lies past the smaller end: does that speak against the larger one? */
static enum hm_status is_filled(const struct hm_sockets *sockets, const struct hm_given *given,
                                uint16_t end, uint16_t next_end, unsigned percent,
                                struct hm_arena *arena, bool *out_filled, struct hm_err *err)
{
    *out_filled = is_no_chance(given->pool, end, next_end);
    if (*out_filled || sockets == NULL || next_end - end < end - (int)HM_LEGACY_FIRST) {
        return HM_OK;
    }
    return is_used(sockets, end, percent, arena, out_filled, err);
}

static enum hm_status choose(const struct ends *ends, const struct hm_sockets *sockets,
                             const struct hm_given *given, struct hm_arena *arena,
                             struct hm_legacy_range *out, struct hm_err *err)
{
    size_t at = 0;
    bool written;
    bool larger;
    bool filled = false;
    enum hm_status st = HM_OK;

    while (at < ends->count && ends->at[at] < out->highest) {
        at++;
    }
    if (at == ends->count) {
        return HM_OK; /* contradicted */
    }
    written = at + 1 < ends->count;
    larger = ends->open ? ends->at[at] < HM_LEGACY_LAST_MAX : at == 0 && written;
    if (larger) {
        st = is_filled(sockets, given, ends->at[at],
                       written ? ends->at[at + 1] : (uint16_t)HM_LEGACY_LAST_MAX,
                       written ? HALF : NEARLY, arena, &filled, err);
    }
    out->known = !larger || filled;
    if (out->known) {
        out->range = (struct hm_range){HM_LEGACY_FIRST, ends->at[at]};
    }
    return st;
}

/* Do the sockets say that a larger range is only written, and the default one still in force? */
static enum hm_status is_only_written(const struct hm_registry *registry, const struct ends *ends,
                                      const struct hm_sockets *sockets,
                                      const struct hm_given *given, uint32_t highest,
                                      struct hm_arena *arena, bool *out_written, struct hm_err *err)
{
    *out_written = false;
    if (registry->in_force != HM_IN_FORCE_ASSUMED || ends->count > 1 ||
        ends->at[0] <= HM_LEGACY_LAST || highest > HM_LEGACY_LAST) {
        return HM_OK;
    }
    return is_filled(sockets, given, HM_LEGACY_LAST, ends->at[0], NEARLY, arena, out_written, err);
}

/* By the values in force, or by those that are written where nobody knows which are. */
static bool is_range_contradicted(const struct hm_registry *registry,
                                  const struct hm_legacy_range *found)
{
    struct hm_tcpip_values values;
    struct hm_range range;

    if (!hm_registry_in_force(registry, &values)) {
        values = hm_registry_written(registry);
    }
    return !found->known && hm_legacy_dynamic(&values, &range) && found->highest > range.last;
}

enum hm_status hm_legacy_range(struct hm_registry *registry, const struct hm_sockets *sockets,
                               bool has_dns, uint32_t remembered, struct hm_arena *arena,
                               struct hm_legacy_range *out, struct hm_err *err)
{
    struct hm_legacy_range found = {.highest = remembered};
    struct hm_given given = {NULL, 0, 0};
    const struct hm_socket *highest;
    struct ends ends = {.open = false};
    bool written = false;
    enum hm_status st = HM_OK;

    if (sockets != NULL) {
        st = hm_given_find(sockets, has_dns, arena, &given, err);
    }
    highest = hm_given_highest(&given);
    if (highest != NULL && highest->port > found.highest) {
        found.highest = highest->port;
    }
    if (st == HM_OK) {
        st = doubt_lines(registry, &given, arena, err);
    }
    if (st == HM_OK) {
        ends = possible_ends(registry);
        st = is_only_written(registry, &ends, sockets, &given, found.highest, arena, &written, err);
    }
    if (st == HM_OK) {
        if (written || (registry->in_force == HM_IN_FORCE_ASSUMED &&
                        ends.at[ends.count - 1] < found.highest)) {
            registry->in_force = HM_IN_FORCE_UNKNOWN;
            ends = possible_ends(registry);
        }
        st = choose(&ends, sockets, &given, arena, &found, err);
    }
    if (st == HM_OK) {
        registry->range_contradicted = is_range_contradicted(registry, &found);
        *out = found;
    }
    return st;
}

void hm_legacy_bounds(const struct hm_registry *registry, struct hm_range *out_least,
                      struct hm_range *out_most)
{
    const struct ends ends = possible_ends(registry);
    bool all_known = registry->in_force != HM_IN_FORCE_UNKNOWN && ends.count > 1;

    *out_least = (struct hm_range){HM_LEGACY_FIRST, ends.at[0]};
    *out_most =
        (struct hm_range){HM_LEGACY_FIRST, all_known ? ends.at[ends.count - 1] : HM_PORT_COUNT - 1};
}
