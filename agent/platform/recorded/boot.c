/* agent/platform/recorded/boot.c — one boot of a recorded host: begun, and brought forward.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/boot_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"

#define BOOT_BYTES (64u * 1024u * 1024u)
#define ERROR_SHARING 32u   /* HTTP.sys, inside an administered exclusion */
#define ERROR_ACCESS 10013u /* WSAEACCES: a block has the port */
#define ERROR_IN_USE 10048u /* WSAEADDRINUSE */

/* They serve many others, and run on when one of those cannot have its port. */
static const char *const hardy[] = {"W3SVC", "WinRM", "WAS", "hns", "winnat"};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a boot");
}

static size_t find_service(const struct hm_boot *boot, const char *name)
{
    for (size_t i = 0; i < boot->services_count; i++) {
        if (hm_str_equal_nocase(boot->services[i].name, name)) {
            return i;
        }
    }
    return HM_BOOT_NOBODY;
}

/* ---- the beginning --------------------------------------------------------------------------- */

/* A service of an extra that the files do not have: automatic, and it runs. */
static size_t take_owner(struct hm_boot *boot, const char *name)
{
    size_t owner = name[0] == '\0' ? HM_BOOT_NOBODY : find_service(boot, name);

    if (owner != HM_BOOT_NOBODY || name[0] == '\0') {
        return owner;
    }
    boot->services[boot->services_count] = (struct hm_boot_service){
        .name = name,
        .start = HM_START_AUTOMATIC,
        .is_known = true,
        .runs = true,
    };
    return boot->services_count++;
}

static const char *program_of(const struct hm_boot_extra *extra)
{
    const bool system = extra->kind == HM_KIND_HTTPSYS || extra->kind == HM_KIND_QUIC;

    return system ? "System" : extra->program == NULL ? "" : extra->program;
}

static void take_extra(struct hm_boot *boot, const struct hm_boot_extra *extra)
{
    boot->owners[boot->items_count] = take_owner(boot, extra->service);
    boot->items[boot->items_count++] = (struct hm_boot_item){
        .protocol = extra->protocol,
        .in = {true, true},
        .port = extra->port,
        .count = extra->block_ports == 0 ? 1 : extra->block_ports,
        .is_listener = extra->block_ports == 0,
        .is_given = extra->block_ports > 0,
        .is_block = extra->block_ports > 0,
        .is_configured = extra->is_configured,
        .kind = extra->kind,
        .program = program_of(extra),
        .service = extra->service,
    };
}

/* A UDP port of the dynamic range that nobody asks for by number is given at random; a server of
 * QUIC asks for its port. */
static void take_asked(const struct hm_boot *boot, struct hm_boot_item *item)
{
    const struct hm_stacks *stacks = &boot->host->settled.inventory.stacks;

    for (size_t i = 0; boot->options.has_asked && i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];

        if (item->is_listener && item->protocol == HM_UDP && item->kind != HM_KIND_QUIC &&
            stack->protocol == HM_UDP && stack->has_dynamic && item->port >= 1024 &&
            hm_range_contains(stack->dynamic, item->port) &&
            !hm_ports_contains(boot->options.asked[HM_UDP], item->port)) {
            item->is_listener = false;
            item->is_given = true;
        }
    }
}

static enum hm_status take_parts(struct hm_boot *boot, struct hm_err *err)
{
    const struct hm_boot_host *host = boot->host;
    const size_t extras = boot->options.extras_count;
    const size_t items = host->items_count + extras;
    const size_t services = host->services_count + extras;

    boot->items = hm_arena_alloc(&boot->arena, items, sizeof(*boot->items));
    boot->owners = hm_arena_alloc(&boot->arena, items, sizeof(*boot->owners));
    boot->order = hm_arena_alloc(&boot->arena, items, sizeof(*boot->order));
    boot->services = hm_arena_alloc(&boot->arena, services, sizeof(*boot->services));
    if (boot->items == NULL || boot->owners == NULL || boot->order == NULL ||
        boot->services == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < host->items_count; i++) {
        boot->items[i] = host->items[i];
        boot->owners[i] = host->owners[i];
        take_asked(boot, &boot->items[i]);
    }
    for (size_t i = 0; i < host->services_count; i++) {
        boot->services[i] = host->services[i];
    }
    boot->items_count = host->items_count;
    boot->services_count = host->services_count;
    for (size_t i = 0; i < extras; i++) {
        take_extra(boot, &boot->options.extras[i]);
    }
    if (boot->options.idle != NULL) {
        const size_t idle = find_service(boot, boot->options.idle);

        if (idle != HM_BOOT_NOBODY && boot->services[idle].runs) {
            boot->services[idle].is_idle = true;
            boot->services[idle].runs = false;
        }
    }
    return HM_OK;
}

struct timed {
    int64_t at_ms;
    size_t index;
};

static int compare_timed(const void *a, const void *b)
{
    const struct timed *left = a;
    const struct timed *right = b;

    if (left->at_ms != right->at_ms) {
        return left->at_ms < right->at_ms ? -1 : 1;
    }
    return left->index < right->index ? -1 : left->index > right->index;
}

static enum hm_status sort_items(struct hm_boot *boot, struct hm_err *err)
{
    struct timed *timed = hm_arena_alloc(&boot->arena, boot->items_count, sizeof(*timed));

    if (timed == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < boot->items_count; i++) {
        timed[i] = (struct timed){boot->items[i].at_ms, i};
    }
    if (boot->items_count > 1) {
        qsort(timed, boot->items_count, sizeof(*timed), compare_timed);
    }
    for (size_t i = 0; i < boot->items_count; i++) {
        boot->order[i] = timed[i].index;
    }
    return HM_OK;
}

enum hm_status hm_boot_begin(struct hm_boot_host *host, const struct hm_boot_options *options,
                             struct hm_boot **out_boot, struct hm_err *err)
{
    struct hm_boot *boot = calloc(1, sizeof(*boot));
    enum hm_status st;

    if (boot == NULL) {
        return no_memory(err);
    }
    boot->host = host;
    boot->options = *options;
    hm_arena_init(&boot->arena, BOOT_BYTES);
    hm_boot_sow(boot, options->seed);
    st = take_parts(boot, err);
    if (st == HM_OK) {
        hm_boot_draw_times(boot);
        st = sort_items(boot, err);
    }
    if (st == HM_OK) {
        *out_boot = boot;
    } else {
        hm_boot_end(boot);
    }
    return st;
}

void hm_boot_end(struct hm_boot *boot)
{
    if (boot != NULL) {
        hm_arena_fini(&boot->arena);
        free(boot);
    }
}

/* ---- time passes ----------------------------------------------------------------------------- */

static bool is_hardy(const struct hm_boot_service *service)
{
    for (size_t i = 0; i < HM_COUNT(hardy); i++) {
        if (hm_str_equal_nocase(hardy[i], service->name)) {
            return true;
        }
    }
    return false;
}

static void fail_service(struct hm_boot *boot, size_t owner, enum hm_boot_cause cause)
{
    struct hm_boot_service *service = &boot->services[owner];

    service->has_failed = true;
    service->failed_code = cause == HM_BOOT_EXCLUDED ? ERROR_SHARING
                           : cause == HM_BOOT_BLOCK  ? ERROR_ACCESS
                                                     : ERROR_IN_USE;
    for (size_t i = 0; i < boot->items_count; i++) {
        if (boot->owners[i] == owner && boot->items[i].state != HM_BOOT_FAILED) {
            hm_boot_release(boot, &boot->items[i]);
        }
    }
}

static void let_come(struct hm_boot *boot, size_t index)
{
    struct hm_boot_item *item = &boot->items[index];
    const size_t owner = boot->owners[index];

    if (item->state != HM_BOOT_COMES) {
        return; /* its service has failed */
    }
    hm_boot_place(boot, item);
    if (item->state != HM_BOOT_FAILED) {
        return;
    }
    if (owner != HM_BOOT_NOBODY && !is_hardy(&boot->services[owner])) {
        fail_service(boot, owner, item->cause);
    }
}

void hm_boot_advance(struct hm_boot *boot, int64_t uptime_ms)
{
    while (boot->has_values && boot->next < boot->items_count &&
           boot->items[boot->order[boot->next]].at_ms <= uptime_ms) {
        let_come(boot, boot->order[boot->next++]);
    }
    boot->now_ms = uptime_ms > boot->now_ms ? uptime_ms : boot->now_ms;
}

/* ---- the truth ------------------------------------------------------------------------------- */

const struct hm_boot_item *hm_boot_items(const struct hm_boot *boot, size_t *out_count)
{
    *out_count = boot->items_count;
    return boot->items;
}

int64_t hm_boot_started_ms(const struct hm_boot *boot)
{
    int64_t last_ms = 0;

    for (size_t i = 0; i < boot->services_count; i++) {
        const struct hm_boot_service *service = &boot->services[i];

        if (service->runs && service->run_ms > last_ms &&
            (service->start == HM_START_AUTOMATIC || service->start == HM_START_DELAYED)) {
            last_ms = service->run_ms;
        }
    }
    return last_ms;
}

int64_t hm_boot_complete_ms(const struct hm_boot *boot)
{
    int64_t last_ms = 0;

    for (size_t i = 0; i < boot->items_count; i++) {
        const struct hm_boot_item *item = &boot->items[i];

        if ((item->is_listener || item->is_block) && item->at_ms > last_ms &&
            item->at_ms != INT64_MAX) {
            last_ms = item->at_ms;
        }
    }
    return last_ms;
}
