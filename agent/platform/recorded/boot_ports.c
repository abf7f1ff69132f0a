/* agent/platform/recorded/boot_ports.c — a boot's chance, and who has which port in it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/boot_parts.h"

#include <string.h>

#include "common/base/str.h"

#define TRIES 256u /* then the free places are counted, and one of them is drawn */
#define LEGACY_FIRST 1025u
#define LEGACY_LAST 5000u

/* ---- chance: xoshiro256 ---------------------------------------------------------------------- */

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t draw_64(struct hm_boot *boot)
{
    uint64_t *state = boot->random;
    const uint64_t result = rotate(state[1] * 5, 7) * 9;
    const uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

void hm_boot_sow(struct hm_boot *boot, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = seed += 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        boot->random[i] = z ^ z >> 31;
    }
}

uint32_t hm_boot_draw(struct hm_boot *boot, uint32_t below)
{
    return below == 0 ? 0 : (uint32_t)((draw_64(boot) >> 32) * (uint64_t)below >> 32);
}

int64_t hm_boot_draw_ms(struct hm_boot *boot, int64_t from_ms, int64_t to_ms)
{
    return from_ms + (int64_t)hm_boot_draw(boot, (uint32_t)(to_ms - from_ms + 1));
}

/* ---- ports ----------------------------------------------------------------------------------- */

bool hm_boot_has(const struct hm_boot_bits *bits, unsigned stack, uint32_t port)
{
    return (bits->at[stack][port / 64] >> port % 64 & 1u) != 0;
}

void hm_boot_put(struct hm_boot_bits *bits, unsigned stack, struct hm_range range, bool value)
{
    for (uint32_t port = range.first; port <= range.last; port++) {
        const uint64_t bit = (uint64_t)1 << port % 64;

        if (value) {
            bits->at[stack][port / 64] |= bit;
        } else {
            bits->at[stack][port / 64] &= ~bit;
        }
    }
}

static void put_all(struct hm_boot_bits *bits, unsigned stack, struct hm_ports ports)
{
    for (size_t i = 0; i < ports.count; i++) {
        hm_boot_put(bits, stack, ports.at[i], true);
    }
}

/* ReservedPorts of 2000 to 2003: of neighbours on two lines only the first counts (KB812873). */
static void put_reserved(struct hm_boot *boot, struct hm_ports ports)
{
    uint32_t last = 0;

    for (size_t i = 0; i < ports.count; i++) {
        const struct hm_range range = ports.at[i];

        for (unsigned stack = 0; (last == 0 || range.first != last + 1) && stack < HM_STACK_COUNT;
             stack++) {
            hm_boot_put(&boot->excluded, stack, range, true);
        }
        last = range.last;
    }
}

/* "1433-1434" or "1433"; false: something else. */
static bool parse_line(const char *line, struct hm_range *out)
{
    unsigned values[2] = {0, 0};
    unsigned at = 0;

    for (; *line != '\0'; line++) {
        if (*line >= '0' && *line <= '9' && values[at] < HM_BOOT_PORTS) {
            values[at] = values[at] * 10 + (unsigned)(*line - '0');
        } else if (*line == '-' && at == 0) {
            at = 1;
        } else if (*line != ' ') {
            return false;
        }
    }
    values[1] = at == 0 ? values[0] : values[1];
    if (values[0] == 0 || values[1] < values[0] || values[1] >= HM_BOOT_PORTS) {
        return false;
    }
    *out = (struct hm_range){(uint16_t)values[0], (uint16_t)values[1]};
    return true;
}

/* Sorted by insertion: the lists are short. */
static void take_legacy(struct hm_boot *boot, const struct hm_registry *registry)
{
    struct hm_range *rows =
        hm_arena_alloc(&boot->arena, registry->reserved_ports.count, sizeof(*rows));
    size_t count = 0;

    boot->legacy_range =
        (struct hm_range){LEGACY_FIRST, (uint16_t)(registry->has_max_user_port &&
                                                           registry->max_user_port >= LEGACY_LAST &&
                                                           registry->max_user_port < HM_BOOT_PORTS
                                                       ? registry->max_user_port
                                                       : LEGACY_LAST)};
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        boot->dynamic[i] = (struct hm_ports){&boot->legacy_range, 1};
    }
    for (size_t i = 0;
         rows != NULL && registry->has_reserved_ports && i < registry->reserved_ports.count; i++) {
        struct hm_range range;
        size_t at = count;

        if (!parse_line(registry->reserved_ports.at[i], &range)) {
            continue;
        }
        for (; at > 0 && rows[at - 1].first > range.first; at--) {
            rows[at] = rows[at - 1];
        }
        rows[at] = range;
        count++;
    }
    put_reserved(boot, (struct hm_ports){rows, count});
}

static void take_pool(struct hm_boot *boot, const struct hm_registry *registry)
{
    for (unsigned i = 0; registry->has_dns_socket_pool && i < HM_STACK_COUNT; i++) {
        put_all(&boot->pool_excluded, i, registry->dns_socket_pool.excluded);
    }
}

void hm_boot_take_stacks(struct hm_boot *boot, const struct hm_recorded *recorded)
{
    const struct hm_inventory *inventory = &recorded->seen.inventory;
    const struct hm_stacks *stacks = &inventory->stacks;

    if (!boot->has_values) {
        take_pool(boot, &inventory->registry);
    }
    if (hm_os_is_legacy(&inventory->os)) {
        if (!boot->has_values) {
            take_legacy(boot, &inventory->registry);
        }
        boot->has_values = true;
        return;
    }
    boot->has_values = true;
    memset(&boot->excluded, 0, sizeof(boot->excluded));
    for (size_t i = 0; i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];
        const unsigned index = hm_stack_index(stack->protocol, stack->family);
        struct hm_range *range = hm_arena_alloc(&boot->arena, 1, sizeof(*range));

        if (range != NULL && stack->has_dynamic) {
            *range = stack->dynamic;
            boot->dynamic[index] = (struct hm_ports){range, 1};
        }
        put_all(&boot->excluded, index, stack->administered);
    }
}

/* ---- placing --------------------------------------------------------------------------------- */

static unsigned stack_of(const struct hm_boot_item *item, unsigned family)
{
    return hm_stack_index(item->protocol, family == 0 ? HM_IPV4 : HM_IPV6);
}

static bool is_reserver(const struct hm_boot_item *item)
{
    return item->kind == HM_KIND_HTTPSYS || item->kind == HM_KIND_QUIC ||
           item->kind == HM_KIND_CONTAINER;
}

static struct hm_range range_of(const struct hm_boot_item *item)
{
    return (struct hm_range){item->port, (uint16_t)(item->port + item->count - 1)};
}

static bool is_in_force(const struct hm_boot *boot, const struct hm_boot_item *item, unsigned stack,
                        uint32_t port)
{
    return hm_boot_has(&boot->excluded, stack, port) ||
           (item->is_pool && hm_boot_has(&boot->pool_excluded, stack, port));
}

/* May something that asks for any port come down here? */
static bool fits(const struct hm_boot *boot, const struct hm_boot_item *item, uint32_t first)
{
    for (unsigned family = 0; family < 2; family++) {
        const unsigned stack = stack_of(item, family);
        const struct hm_ports dynamic = boot->dynamic[stack];

        if (!item->in[family]) {
            continue;
        }
        if (dynamic.count == 0 || first < dynamic.at[0].first ||
            first + item->count - 1 > dynamic.at[0].last) {
            return false;
        }
        for (uint32_t port = first; port < first + item->count; port++) {
            if (is_in_force(boot, item, stack, port) || hm_boot_has(&boot->blocks, stack, port) ||
                hm_boot_has(&boot->sockets, stack, port)) {
                return false;
            }
        }
    }
    return true;
}

static bool find_place(struct hm_boot *boot, struct hm_boot_item *item)
{
    const struct hm_ports dynamic = boot->dynamic[stack_of(item, item->in[0] ? 0 : 1)];
    const uint32_t places = dynamic.count == 0 ? 0 : hm_range_count(dynamic.at[0]);
    uint32_t left = 0;

    for (uint32_t i = 0; i < TRIES && places > 0; i++) {
        const uint32_t first = dynamic.at[0].first + hm_boot_draw(boot, places);

        if (fits(boot, item, first)) {
            item->port = (uint16_t)first;
            return true;
        }
    }
    for (uint32_t i = 0; i < places; i++) {
        left += fits(boot, item, dynamic.at[0].first + i) ? 1u : 0u;
    }
    left = left == 0 ? 0 : 1 + hm_boot_draw(boot, left);
    for (uint32_t i = 0; left > 0 && i < places; i++) {
        if (fits(boot, item, dynamic.at[0].first + i) && --left == 0) {
            item->port = (uint16_t)(dynamic.at[0].first + i);
            return true;
        }
    }
    return false;
}

static enum hm_boot_cause find_obstacle(const struct hm_boot *boot, const struct hm_boot_item *item)
{
    for (unsigned family = 0; family < 2; family++) {
        const unsigned stack = stack_of(item, family);

        for (uint32_t port = item->port; item->in[family] && port < item->port + item->count;
             port++) {
            if (hm_boot_has(&boot->blocks, stack, port)) {
                return HM_BOOT_BLOCK;
            }
            if (hm_boot_has(&boot->sockets, stack, port) && item->kind != HM_KIND_SHARED) {
                return HM_BOOT_SOCKET;
            }
            if (is_reserver(item) && hm_boot_has(&boot->excluded, stack, port)) {
                return HM_BOOT_EXCLUDED;
            }
        }
    }
    return HM_BOOT_FINE;
}

static void mark(struct hm_boot *boot, const struct hm_boot_item *item, bool value)
{
    for (unsigned family = 0; family < 2; family++) {
        const unsigned stack = stack_of(item, family);

        if (!item->in[family]) {
            continue;
        }
        if (item->is_block || is_reserver(item)) {
            hm_boot_put(&boot->blocks, stack, range_of(item), value);
        }
        if (!item->is_block) {
            hm_boot_put(&boot->sockets, stack, range_of(item), value);
        }
    }
}

void hm_boot_place(struct hm_boot *boot, struct hm_boot_item *item)
{
    if (item->is_given && !find_place(boot, item)) {
        item->state = HM_BOOT_ABSENT;
        return;
    }
    if (!item->is_given) {
        item->cause = find_obstacle(boot, item);
    }
    if (item->cause != HM_BOOT_FINE) {
        item->state = item->is_listener ? HM_BOOT_FAILED : HM_BOOT_ABSENT;
        return;
    }
    item->state = HM_BOOT_THERE;
    mark(boot, item, true);
}

void hm_boot_release(struct hm_boot *boot, struct hm_boot_item *item)
{
    if (item->state == HM_BOOT_THERE) {
        mark(boot, item, false);
    }
    item->state = HM_BOOT_ABSENT;
}

const struct hm_boot_item *hm_boot_holder(const struct hm_boot *boot, enum hm_protocol protocol,
                                          enum hm_family family, uint16_t port)
{
    const unsigned stack = hm_stack_index(protocol, family);

    if (!hm_boot_has(&boot->sockets, stack, port) && !hm_boot_has(&boot->blocks, stack, port)) {
        return NULL;
    }
    for (size_t i = 0; i < boot->items_count; i++) {
        const struct hm_boot_item *item = &boot->items[i];

        if (item->state == HM_BOOT_THERE && item->protocol == protocol &&
            item->in[family == HM_IPV6 ? 1 : 0] && hm_range_contains(range_of(item), port)) {
            return item;
        }
    }
    return NULL;
}
