/* agent/platform/recorded/boot_times.c — when each service of a boot starts, and when what wants
 * ports comes. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/boot_parts.h"

#include "common/base/str.h"

#define DEPTH_MAX 32u     /* of dependencies; more are a circle */
#define LAST_MS 540000    /* all services have started by then: ten minutes are the limit */
#define SLOW 3            /* as often as fast, in a slow boot */
#define EARLY_PROGRAMS 60 /* seconds in which programs without a service come */

/* Milliseconds after the services that it depends on, or after the boot. */
static const struct {
    int64_t from_ms;
    int64_t to_ms;
} starts[HM_SERVICE_START_COUNT] = {
    [HM_START_AUTOMATIC] = {1500,   35000 },
      [HM_START_DELAYED] = {120000, 180000},
    [HM_START_TRIGGERED] = {3000,   150000},
      [HM_START_CLUSTER] = {20000,  120000},
    [HM_START_DEPENDENCY] = {1000,   20000 },
      [HM_START_MANUAL] = {5000,   170000},
    [HM_START_DISABLED] = {5000,   170000},
};

static int64_t scaled(const struct hm_boot *boot, int64_t ms)
{
    const int64_t most = ms > LAST_MS ? ms : LAST_MS;

    ms = boot->options.is_slow ? ms * SLOW : ms;
    return ms > most ? most : ms;
}

static bool find_time(const struct hm_boot *boot, const char *service, int64_t *out_ms)
{
    for (size_t i = 0; i < boot->options.times_count; i++) {
        if (hm_str_equal_nocase(boot->options.times[i].service, service)) {
            *out_ms = boot->options.times[i].start_ms;
            return true;
        }
    }
    return false;
}

/* Its own time first, so that a service's chance does not depend on the order of the others. */
static void draw_service(struct hm_boot *boot, struct hm_boot_service *service)
{
    int64_t at_ms;

    service->start_ms = scaled(
        boot, hm_boot_draw_ms(boot, starts[service->start].from_ms, starts[service->start].to_ms));
    service->run_ms = hm_boot_draw_ms(boot, 50, hm_boot_draw(boot, 4) == 0 ? 8000 : 900);
    if (find_time(boot, service->name, &at_ms)) {
        service->start_ms = at_ms;
        service->run_ms = 50;
    }
}

static int64_t wait_for(struct hm_boot *boot, size_t index, unsigned depth)
{
    struct hm_boot_service *service = &boot->services[index];

    for (size_t i = 0; depth < DEPTH_MAX && i < service->after_count; i++) {
        const int64_t ready_ms = wait_for(boot, service->after[i], depth + 1);

        if (boot->services[service->after[i]].runs && service->start_ms < ready_ms) {
            service->start_ms = ready_ms;
        }
    }
    return service->start_ms + service->run_ms;
}

static int64_t owner_ms(const struct hm_boot *boot, size_t owner)
{
    return owner == HM_BOOT_NOBODY ? 0 : boot->services[owner].run_ms;
}

static void draw_item(struct hm_boot *boot, size_t index)
{
    struct hm_boot_item *item = &boot->items[index];
    const size_t owner = boot->owners[index];
    const int64_t from_ms = owner_ms(boot, owner);
    int64_t ms;

    if (item->is_block) {
        ms = hm_boot_draw_ms(boot, 200, owner == HM_BOOT_NOBODY ? 180000 : 20000);
    } else if (item->is_pool) {
        ms = hm_boot_draw_ms(boot, 0, 2000);
    } else if (item->is_listener || item->is_given == false) {
        ms = hm_str_equal_nocase(item->program, "System") && owner == HM_BOOT_NOBODY &&
                     item->kind != HM_KIND_HTTPSYS
                 ? hm_boot_draw_ms(boot, 100, 1500) /* a driver */
             : owner == HM_BOOT_NOBODY ? hm_boot_draw_ms(boot, 500, EARLY_PROGRAMS * 1000)
                                       : hm_boot_draw_ms(boot, 10, 12000);
    } else if (item->kind == HM_KIND_RPC) {
        ms = hm_boot_draw_ms(boot, 500, 15000);
    } else {
        ms = hm_boot_draw_ms(boot, 500, LAST_MS);
    }
    item->at_ms = from_ms + ms;
    if (owner == HM_BOOT_NOBODY || !item->is_listener) {
        item->at_ms = scaled(boot, item->at_ms);
    }
}

void hm_boot_draw_times(struct hm_boot *boot)
{
    boot->events_ms = scaled(boot, hm_boot_draw_ms(boot, 8000, 90000));
    boot->settings_ms = scaled(boot, hm_boot_draw_ms(boot, 2000, 60000));
    if (boot->options.settings_ms != 0) {
        boot->settings_ms = boot->options.settings_ms;
    }
    for (size_t i = 0; i < boot->services_count; i++) {
        draw_service(boot, &boot->services[i]);
    }
    for (size_t i = 0; i < boot->services_count; i++) {
        (void)wait_for(boot, i, 0);
    }
    for (size_t i = 0; i < boot->services_count; i++) {
        boot->services[i].run_ms += boot->services[i].start_ms;
    }
    for (size_t i = 0; i < boot->items_count; i++) {
        const size_t owner = boot->owners[i];

        draw_item(boot, i);
        if (owner != HM_BOOT_NOBODY && boot->services[owner].is_idle) {
            boot->items[i].at_ms = INT64_MAX; /* never */
        }
    }
}
