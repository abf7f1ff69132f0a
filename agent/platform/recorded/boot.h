/* agent/platform/recorded/boot.h — a recorded host that has just booted: its time line, for tests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The files of a recorded host describe it once it has settled. A boot lets it become so: at a
 * given time since the boot the platform shows only what is there by then. Services start, in the
 * order of their dependencies; some seconds later they serve their ports. HTTP.sys and its
 * one-port rows come with the service that uses the URL; WinNAT, HNS, the DNS Server's pool,
 * clients and RPC endpoints get random ports outside of the exclusions that are in force at that
 * moment. A service whose port somebody else has by then fails, as does HTTP.sys, QUIC or a
 * container whose port lies in an administered exclusion. All times and ports come from the seed:
 * the same seed and the same changes at the same times give the same boot.
 *
 * The product never makes a boot. The time comes from outside; nothing here reads a clock.
 * Threads: one. */
#pragma once

#include "agent/platform/platform.h"

/* A recorded host, read once: its boots and all agents on it share the facts. */
struct hm_boot_host;
enum hm_status hm_boot_host_open(const char *folder, struct hm_boot_host **out_host,
                                 struct hm_err *err) HM_MUST_CHECK;
void hm_boot_host_close(struct hm_boot_host *host);
/* As it is once it has settled; lives as long as the host. */
const struct hm_observation *hm_boot_host_settled(const struct hm_boot_host *host);

/* Something that is served, or taken, although the files do not show it. */
struct hm_boot_extra {
    enum hm_protocol protocol;
    uint16_t port;
    enum hm_listener_kind kind;
    const char *service;  /* serves it; one that the files do not have starts automatically, too */
    const char *program;  /* of a plain socket */
    bool is_configured;   /* its URL, binding or endpoint is set up, and can be read */
    uint32_t block_ports; /* of a block that a component takes at random; 0: it is a listener */
};

struct hm_boot_time {
    const char *service;
    int64_t start_ms; /* since the boot */
};

struct hm_boot_options {
    uint64_t seed;
    const char *boot_id;
    int64_t booted_ms; /* UTC */
    const struct hm_boot_extra *extras;
    size_t extras_count;
    const struct hm_boot_time *times; /* of services; the others are drawn */
    size_t times_count;
    const char *idle;         /* a service that nobody starts in this boot; NULL none */
    struct hm_ports asked[2]; /* by protocol: UDP ports of the dynamic range that are asked for by
                                 number; the others are given at random, as RPC endpoints are */
    bool has_asked;           /* false: all UDP listeners ask for theirs */
    bool is_denied;           /* the account may not change anything */
    bool hides_settings;      /* what HTTP.sys is set up to serve can never be read */
    int64_t settings_ms;      /* it can be read from then on; 0: drawn, within minutes */
    bool is_slow;             /* everything takes three times as long */
};

struct hm_boot;
/* Borrows host and what options point to. */
enum hm_status hm_boot_begin(struct hm_boot_host *host, const struct hm_boot_options *options,
                             struct hm_boot **out_boot, struct hm_err *err) HM_MUST_CHECK;
void hm_boot_end(struct hm_boot *boot);

/* The world of the test. */
struct hm_boot_clock {
    int64_t (*uptime_ms)(void *arg);
    void (*pass)(void *arg, int64_t ms); /* a call of the platform takes so long; NULL: no time */
    void *arg;
};

/* From now on this platform, of the folder of the boot's host, shows the boot. Until
 * hm_boot_end. */
void hm_boot_attach(struct hm_platform *platform, struct hm_boot *boot,
                    const struct hm_boot_clock *clock);

/* ---- what is really so, for those who check the agent ---------------------------------------- */

enum hm_boot_state {
    HM_BOOT_COMES,  /* not there yet */
    HM_BOOT_THERE,  /* holds its ports */
    HM_BOOT_FAILED, /* could not have them; see cause */
    HM_BOOT_ABSENT, /* its service has failed, or there was no room */
};

enum hm_boot_cause {
    HM_BOOT_FINE,
    HM_BOOT_SOCKET,   /* a socket had the port: 10048 */
    HM_BOOT_BLOCK,    /* a block or a reservation of a component lay over it: 10013 */
    HM_BOOT_EXCLUDED, /* an administered exclusion, and it reserves its port: 32 */
};

/* Something that wants ports in this boot: a listener, a client, a block. */
struct hm_boot_item {
    enum hm_protocol protocol;
    bool in[2];    /* by family */
    uint16_t port; /* the first one; of what is given at random once it is there */
    uint32_t count;
    bool is_listener; /* asks for its port by number, and its service needs it */
    bool is_given;    /* at random */
    bool is_block;
    bool is_pool; /* of the DNS Server */
    bool is_configured;
    enum hm_listener_kind kind; /* of a listener */
    const char *program;
    const char *service; /* "" none */
    int64_t at_ms;       /* when it comes */
    enum hm_boot_state state;
    enum hm_boot_cause cause;
};

const struct hm_boot_item *hm_boot_items(const struct hm_boot *boot, size_t *out_count);

/* Who holds this port now? NULL: nobody. */
const struct hm_boot_item *hm_boot_holder(const struct hm_boot *boot, enum hm_protocol protocol,
                                          enum hm_family family, uint16_t port);

/* When the last service has started that starts automatically, at once or delayed. */
int64_t hm_boot_started_ms(const struct hm_boot *boot);
/* When the last listener and block have come. */
int64_t hm_boot_complete_ms(const struct hm_boot *boot);

/* Lets the time pass without anybody looking. Exclusions are those that the platform saw last. */
void hm_boot_advance(struct hm_boot *boot, int64_t uptime_ms);
