/* tests/boots/truth.c — is it true what the agent did and said? The simulated host knows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/boots/boots.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/plan/outcome.h"
#include "common/wire/records.h"

#define SETTLED_MS INT64_C(600000) /* a host has settled by then, whatever it shows */
#define APART_MS INT64_C(30000)

void boots_breach(struct boots_sequence *sequence, const char *fmt, ...)
{
    va_list args;

    sequence->counts->breaches++;
    if (sequence->options->is_quiet) {
        return;
    }
    printf("BREACH %s --seed %" PRIu64 ", boot %u, %" PRId64 " s after it: ", sequence->host->name,
           sequence->seed, sequence->number, boots_uptime_ms(sequence) / 1000);
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    printf("\n");
    (void)fflush(stdout);
}

enum hm_protocol boots_protocol(unsigned stack)
{
    return stack < 2 ? HM_TCP : HM_UDP;
}

enum hm_family boots_family(unsigned stack)
{
    return stack % 2 == 0 ? HM_IPV4 : HM_IPV6;
}

bool boots_is_windows(const struct boots_sequence *sequence)
{
    return sequence->host->settled->inventory.os.family == HM_OS_WINDOWS;
}

/* ---- what stands on the host now ------------------------------------------------------------- */

static void put_lines(struct boots_set *set, const struct hm_registry *registry)
{
    for (size_t i = 0; registry->has_reserved_ports && i < registry->reserved_ports.count; i++) {
        unsigned first = 0;
        unsigned last = 0;
        const int fields = sscanf(registry->reserved_ports.at[i], "%u-%u", &first, &last);
        struct hm_range range = {(uint16_t)first, (uint16_t)(fields == 2 ? last : first)};

        for (unsigned stack = 0; fields > 0 && stack < HM_STACK_COUNT; stack++) {
            boots_put(set, stack, (struct hm_ports){&range, 1});
        }
    }
}

static const struct hm_ports *rows_of(const struct hm_inventory *inventory, unsigned stack)
{
    const struct hm_stack *found =
        hm_inventory_stack(inventory, boots_protocol(stack), boots_family(stack));

    return found != NULL && found->has_administered ? &found->administered : NULL;
}

/* Administered exclusions, ReservedPorts as written, or the list of Linux. filed: of a settled
 * host, whose next boot has what is only written now. */
void boots_collect(const struct boots_sequence *sequence, const struct hm_inventory *inventory,
                   bool filed, struct boots_set *out)
{
    memset(out, 0, sizeof(*out));
    if (boots_is_windows(sequence) && !sequence->host->is_modern) {
        put_lines(out, &inventory->registry);
        return;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack *stack =
            hm_inventory_stack(inventory, boots_protocol(i), boots_family(i));

        if (stack != NULL && stack->has_administered) {
            boots_put(out, i,
                      filed && stack->has_next_administered ? stack->next_administered
                                                            : stack->administered);
        }
    }
}

static bool has_exact(struct hm_ports rows, struct hm_range row)
{
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.at[i].first == row.first && rows.at[i].last == row.last) {
            return true;
        }
    }
    return false;
}

/* Rows and ranges of others, to the bound. */
static void check_foreign_rows(struct boots_sequence *sequence, const struct hm_inventory *now)
{
    const struct hm_inventory *filed = &sequence->host->settled->inventory;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack *before =
            hm_inventory_stack(filed, boots_protocol(i), boots_family(i));
        const struct hm_ports *rows = rows_of(now, i);
        const struct hm_stack *after = hm_inventory_stack(now, boots_protocol(i), boots_family(i));

        for (size_t k = 0;
             sequence->host->is_modern && rows != NULL && k < before->administered.count; k++) {
            if (!has_exact(*rows, before->administered.at[k])) {
                boots_breach(sequence, "the foreign exclusion %u-%u is gone",
                             before->administered.at[k].first, before->administered.at[k].last);
            }
        }
        if ((sequence->host->is_modern || !boots_is_windows(sequence)) && before != NULL &&
            before->has_dynamic &&
            (before->dynamic.first != after->dynamic.first ||
             before->dynamic.last != after->dynamic.last) &&
            !before->has_next_dynamic) {
            boots_breach(sequence, "the dynamic range was changed");
        }
    }
}

static void check_foreign_values(struct boots_sequence *sequence, const struct hm_inventory *now)
{
    const struct hm_registry *a = &sequence->host->settled->inventory.registry;
    const struct hm_registry *b = &now->registry;

    if (sequence->host->settled->inventory.has_registry &&
        (a->has_max_user_port != b->has_max_user_port || a->max_user_port != b->max_user_port ||
         a->has_tcp_timed_wait_delay_s != b->has_tcp_timed_wait_delay_s ||
         a->tcp_timed_wait_delay_s != b->tcp_timed_wait_delay_s)) {
        boots_breach(sequence, "a foreign value of Tcpip\\Parameters was changed");
    }
}

/* ---- after a look ---------------------------------------------------------------------------- */

static bool has_settled(const struct boots_sequence *sequence)
{
    const int64_t uptime_ms = boots_uptime_ms(sequence);
    const int64_t started_ms = boots_is_windows(sequence) ? hm_boot_started_ms(sequence->boot) : 0;

    return uptime_ms >= SETTLED_MS || uptime_ms >= started_ms + APART_MS;
}

static bool is_plain(const struct hm_boot_item *item)
{
    return item != NULL && !item->is_block && item->kind != HM_KIND_HTTPSYS &&
           item->kind != HM_KIND_QUIC && item->kind != HM_KIND_CONTAINER;
}

/* Calls visit for every port of each stack that a policy wants. */
static void each_want(struct boots_sequence *sequence, const struct boots_policy *policy,
                      void (*visit)(struct boots_sequence *sequence, unsigned stack, uint32_t port))
{
    for (unsigned stack = 0; stack < HM_STACK_COUNT; stack++) {
        const struct hm_ports ports = policy->ports[boots_protocol(stack)];

        for (size_t i = 0; i < ports.count; i++) {
            for (uint32_t port = ports.at[i].first; port <= ports.at[i].last; port++) {
                visit(sequence, stack, port);
            }
        }
    }
}

static void note_held(struct boots_sequence *sequence, unsigned stack, uint32_t port)
{
    struct hm_range range = {(uint16_t)port, (uint16_t)port};

    if (is_plain(hm_boot_holder(sequence->boot, boots_protocol(stack), boots_family(stack),
                                (uint16_t)port))) {
        boots_put(&sequence->held, stack, (struct hm_ports){&range, 1});
    }
}

/* Is it of a service that somebody starts? For that one nobody waits. */
static bool is_by_hand(const struct boots_sequence *sequence, enum hm_protocol protocol,
                       uint16_t port)
{
    size_t count;
    const struct hm_boot_item *items = hm_boot_items(sequence->boot, &count);

    for (size_t i = 0; i < count; i++) {
        const struct hm_service *service =
            hm_inventory_service(&sequence->host->settled->inventory, items[i].service);

        if (items[i].is_listener && items[i].protocol == protocol && items[i].port == port) {
            return service != NULL && service->start == HM_START_MANUAL;
        }
    }
    return false;
}

/* Ten minutes after the boot nothing has ever shown it: no setting that can be read, no listener of
 * any boot. Nobody can know it; policies.md says so. */
static bool is_limit(const struct boots_sequence *sequence, enum hm_protocol protocol,
                     uint16_t port)
{
    return (boots_uptime_ms(sequence) >= SETTLED_MS || is_by_hand(sequence, protocol, port)) &&
           !sequence->is_unread && !boots_has(&sequence->shown, protocol, port) &&
           !boots_is_set_up(sequence->host, protocol, port);
}

/* Who could not have its port by now, because it was excluded. */
static void note_harmed(struct boots_sequence *sequence)
{
    size_t count;
    const struct hm_boot_item *items = hm_boot_items(sequence->boot, &count);

    for (size_t i = 0; i < count; i++) {
        struct hm_range range = {items[i].port, items[i].port};

        if (items[i].is_listener && items[i].state == HM_BOOT_FAILED &&
            items[i].cause == HM_BOOT_EXCLUDED) {
            boots_put(&sequence->harmed, items[i].protocol, (struct hm_ports){&range, 1});
            sequence->is_unnamed = sequence->is_unnamed || items[i].kind != HM_KIND_HTTPSYS;
        }
    }
}

/* Who has come by now. */
static void note_shown(struct boots_sequence *sequence)
{
    size_t count;
    const struct hm_boot_item *items = hm_boot_items(sequence->boot, &count);

    for (size_t i = 0; i < count; i++) {
        struct hm_range range = {items[i].port, items[i].port};

        if (items[i].is_listener && items[i].state == HM_BOOT_THERE) {
            boots_put(&sequence->shown, items[i].protocol, (struct hm_ports){&range, 1});
        }
    }
}

static void check_port(struct boots_sequence *sequence, unsigned stack, uint32_t port)
{
    const enum hm_protocol protocol = boots_protocol(stack);

    sequence->counts->changes++;
    if (sequence->host->is_modern && sequence->lost_boots > 0 &&
        !boots_has(&sequence->ever, stack, port)) {
        boots_breach(sequence, "%s port %u is new, and the port book was lost",
                     hm_protocol_names[protocol], port);
    }
    if (sequence->host->is_modern && boots_has(&sequence->host->hazards, protocol, port) &&
        is_limit(sequence, protocol, (uint16_t)port)) {
        struct hm_range range = {(uint16_t)port, (uint16_t)port};

        sequence->counts->limits++;
        boots_put(&sequence->limit, protocol, (struct hm_ports){&range, 1});
    } else if (sequence->host->is_modern && boots_has(&sequence->host->hazards, protocol, port)) {
        boots_breach(sequence,
                     "%s port %u was excluded, and HTTP.sys, QUIC, a container or "
                     "several programs use it",
                     hm_protocol_names[protocol], port);
    }
    if (has_settled(sequence)) {
        return;
    }
    sequence->was_early = true;
    if (!boots_has(&sequence->ever, stack, port) && !boots_has(&sequence->held, stack, port)) {
        boots_breach(sequence,
                     "%s %s port %u is new, and the host has not settled (services: %" PRId64
                     " s after the boot)",
                     hm_protocol_names[protocol], hm_family_names[boots_family(stack)], port,
                     hm_boot_started_ms(sequence->boot) / 1000);
    }
}

/* now: what the agent has excluded; what is new of it is checked. */
static void check_changes(struct boots_sequence *sequence, const struct boots_set *now)
{
    for (unsigned stack = 0; stack < HM_STACK_COUNT; stack++) {
        for (uint32_t word = 0; word < BOOTS_PORTS / 64; word++) {
            const uint64_t is_new = now->at[stack][word] & ~sequence->before.at[stack][word];

            for (uint32_t bit = 0; is_new != 0 && bit < 64; bit++) {
                if ((is_new >> bit & 1u) != 0) {
                    check_port(sequence, stack, word * 64 + bit);
                }
            }
            sequence->ever.at[stack][word] |= now->at[stack][word];
        }
    }
    sequence->before = *now;
}

void boots_look(struct boots_sequence *sequence, struct hm_arena *arena, struct hm_observation *out)
{
    struct hm_err err;

    memset(out, 0, sizeof(*out));
    if (hm_platform_recorded.observe(sequence->eyes, arena, out, &err) != HM_OK) {
        (void)fprintf(stderr, "boot_proof: %s: %s\n", sequence->host->name, err.text);
        exit(2);
    }
}

/* *out: what the agent has excluded. */
static void find_own(struct boots_sequence *sequence, const struct hm_inventory *now,
                     struct boots_set *out)
{
    static struct boots_set filed;

    boots_collect(sequence, now, false, out);
    boots_collect(sequence, &sequence->host->settled->inventory, true, &filed);
    for (unsigned stack = 0; stack < HM_STACK_COUNT; stack++) {
        for (uint32_t word = 0; word < BOOTS_PORTS / 64; word++) {
            if (!sequence->host->is_modern &&
                (filed.at[stack][word] & ~out->at[stack][word]) != 0) {
                boots_breach(sequence, "reserved ports of others are gone");
                return;
            }
            out->at[stack][word] &= ~filed.at[stack][word];
        }
    }
}

static void check_now(struct boots_sequence *sequence, bool is_begin)
{
    static struct boots_set own;
    struct hm_observation seen;
    struct hm_arena arena;

    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    boots_look(sequence, &arena, &seen);
    sequence->is_unread = seen.settings_unread;
    find_own(sequence, &seen.inventory, &own);
    check_foreign_rows(sequence, &seen.inventory);
    check_foreign_values(sequence, &seen.inventory);
    if (is_begin) {
        sequence->before = own; /* exclusions that persist are there from the start */
    } else {
        sequence->was_unread = sequence->has_looked ? sequence->is_unread : sequence->was_unread;
        boots_note_whole(sequence);
        check_changes(sequence, &own);
    }
    hm_arena_fini(&arena);
}

void boots_check_begin(struct boots_sequence *sequence)
{
    sequence->was_early = false;
    sequence->was_unread = false;
    check_now(sequence, true);
}

void boots_check_look(struct boots_sequence *sequence)
{
    sequence->counts->looks++;
    sequence->looked_ms = boots_uptime_ms(sequence);
    check_now(sequence, false);
    note_shown(sequence);
    note_harmed(sequence);
    boots_check_outcome(sequence);
    for (size_t i = 0; has_settled(sequence) && i < sequence->host->policies_count; i++) {
        each_want(sequence, &sequence->host->policies[i], note_held);
    }
}
