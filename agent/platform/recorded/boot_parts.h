/* agent/platform/recorded/boot_parts.h — what a boot of a recorded host is made of; private to
 * boot_*.c. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/platform/recorded/boot.h"
#include "agent/platform/recorded/recorded.h"

#define HM_BOOT_PORTS 65536u
#define HM_BOOT_NOBODY SIZE_MAX /* index of a service or an item that is none */

struct hm_boot_service {
    const char *name;
    enum hm_service_start start;
    bool is_known; /* has_runs */
    bool runs;     /* once the host has settled */
    uint32_t exit_code;
    size_t *after; /* services that start before it */
    size_t after_count;

    /* In this boot. */
    int64_t start_ms;
    int64_t run_ms;
    bool is_idle; /* nobody starts it */
    bool has_failed;
    uint32_t failed_code;
};

/* Of each item of the host: which service it is of. Parallel to the items of a boot. */
struct hm_boot_host {
    struct hm_arena arena;
    struct hm_recorded base; /* files alone, no changes */
    struct hm_observation settled;
    struct hm_boot_item *items;
    size_t *owners; /* index of services, or HM_BOOT_NOBODY */
    size_t items_count;
    struct hm_boot_service *services;
    size_t services_count;
    size_t *socket_items; /* of each row of base.seen.sockets; HM_BOOT_NOBODY: never shown */
    size_t *filed_items;  /* of each row of base.host.listeners */
};

/* One bit for each port of each stack. */
struct hm_boot_bits {
    uint64_t at[HM_STACK_COUNT][HM_BOOT_PORTS / 64];
};

struct hm_boot {
    struct hm_boot_host *host;
    struct hm_boot_options options;
    struct hm_arena arena;
    uint64_t random[4];
    int64_t now_ms;
    int64_t events_ms;          /* the event log can be read from then on */
    int64_t settings_ms;        /* so can what HTTP.sys is set up to serve */
    struct hm_boot_item *items; /* the host's, then the extras */
    size_t *owners;
    size_t items_count;
    struct hm_boot_service *services;
    size_t services_count;
    size_t *order;   /* items by time */
    size_t next;     /* in order */
    bool has_values; /* 2000 to 2003: what is in force in this boot is known */
    struct hm_range legacy_range;
    struct hm_ports dynamic[HM_STACK_COUNT]; /* none or one range each */
    struct hm_boot_bits excluded;            /* administered, or ReservedPorts in force */
    struct hm_boot_bits blocks;
    struct hm_boot_bits sockets;
    struct hm_boot_bits pool_excluded;
};

/* boot_ports.c — chance, and who has which port. */
void hm_boot_sow(struct hm_boot *boot, uint64_t seed);
uint32_t hm_boot_draw(struct hm_boot *boot, uint32_t below);
int64_t hm_boot_draw_ms(struct hm_boot *boot, int64_t from_ms, int64_t to_ms);
bool hm_boot_has(const struct hm_boot_bits *bits, unsigned stack, uint32_t port);
void hm_boot_put(struct hm_boot_bits *bits, unsigned stack, struct hm_range range, bool value);
/* The exclusions in force now; on 2000 to 2003 they are those of the first call. */
void hm_boot_take_stacks(struct hm_boot *boot, const struct hm_recorded *recorded);
/* Its time has come: takes its ports, or fails. */
void hm_boot_place(struct hm_boot *boot, struct hm_boot_item *item);
/* It is gone. */
void hm_boot_release(struct hm_boot *boot, struct hm_boot_item *item);

/* boot_times.c — when everything comes. */
void hm_boot_draw_times(struct hm_boot *boot);

/* boot_show.c — read_all of platform.c on a host that boots. */
enum hm_status hm_boot_read(struct hm_boot *boot, int64_t uptime_ms, unsigned urgent,
                            struct hm_recorded *recorded, struct hm_err *err) HM_MUST_CHECK;

/* platform.c — the files alone, without changes, up to what is configured. */
enum hm_status hm_recorded_read_files(struct hm_recorded *recorded,
                                      struct hm_err *err) HM_MUST_CHECK;
/* What follows from the facts: listeners, and what is missing. */
enum hm_status hm_recorded_conclude(struct hm_recorded *recorded, struct hm_err *err) HM_MUST_CHECK;
