/* agent/platform/windows_lists.h — which lists of a Windows host are due to be read again.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each list is a program that is run: it is read when something can have changed. The registry
 * shows ranges and administered exclusions, but no block that HTTP.sys, WinNAT or HNS holds: those
 * follow the services below and the listeners of the system process, and are
 * read again when those change, and at 1, 3 and 10 minutes after the boot, while services start.
 * Pure. */
#pragma once

#include "common/ports/inventory.h"
#include "common/ports/sockets.h"

/* One bit a list: dynamic range and exclusions of each stack (hm_stack_index), the service state of
 * HTTP.sys, and the dynamic ranges as WMI reports them. */
#define HM_LIST_DYNAMIC(stack) (1u << (2 * (stack)))
#define HM_LIST_EXCLUDED(stack) (1u << (2 * (stack) + 1))
#define HM_LIST_HTTPSYS (1u << 8)
#define HM_LIST_WMI (1u << 9)
#define HM_LISTS_STACKS 0x0ffu /* the eight of netsh interface */
#define HM_LISTS_TCP 0x00fu
#define HM_LISTS_UDP 0x0f0u
#define HM_LISTS_BLOCKS (0x0aau | HM_LIST_HTTPSYS) /* what no registry key shows */
#define HM_LISTS_ALL 0x3ffu

/* Of the lists of HTTP.sys: while they are not known, nothing new may be excluded. */
enum hm_lists_http {
    HM_LISTS_HTTP_READ,
    HM_LISTS_HTTP_REFUSED, /* netsh answered, and that is no list */
    HM_LISTS_HTTP_HANGS,   /* it did not answer in its time */
};

/* What is remembered of the readings so far. Times: milliseconds since the boot. */
struct hm_lists_memo {
    unsigned known;     /* lists that were read and are not out of date */
    int64_t whole_ms;   /* when the last reading of all of them began */
    int64_t blocks_ms;  /* likewise, of HM_LISTS_BLOCKS */
    uint64_t signature; /* at that time */
    int64_t http_ms;    /* when HM_LIST_HTTPSYS was asked for last */
    enum hm_lists_http http;
    unsigned refused;   /* lists of netsh interface whose last reading failed */
    unsigned absent;    /* of these, those of a family that was not installed then */
    int64_t refused_ms; /* when the last reading that failed ended */
    int64_t pause_ms;   /* until they are asked for again; 0 while none is refused */
};

struct hm_lists_now {
    int64_t now_ms;
    unsigned changed;   /* lists whose registry key changed */
    unsigned absent;    /* lists of a family that is not installed */
    uint64_t signature; /* hm_lists_signature */
    bool asks_wmi;      /* the host has settled, or WMI runs, and what is urgent is done */
};

/* Everything is read again after that time. */
#define HM_LISTS_PACE_MS (60 * 60 * 1000)
/* A list that was refused is asked for again after a pause that doubles with each failure, and is
 * short again when another one fails: a program can fail once on a busy host. It fails each time
 * for a family that is not installed: while nothing else is refused, the pause grows to an hour,
 * and ends when the family is there. */
#define HM_LISTS_RETRY_FIRST_MS (3 * 1000)
#define HM_LISTS_RETRY_MOST_MS (5 * 60 * 1000)
#define HM_LISTS_ABSENT_MOST_MS HM_LISTS_PACE_MS
#define HM_LISTS_HTTP_RETRY_MS (10 * 1000)
#define HM_LISTS_HTTP_HANGS_MS (60 * 1000)

/* The lists to read now, as bits; 0 none. */
unsigned hm_lists_due(const struct hm_lists_memo *memo, const struct hm_lists_now *now);

/* After a reading of the lists asked (0: none was read), from began_ms to now_ms: refused are all
 * that could not be read, earlier ones too; absent as in hm_lists_now. A reading that took long is
 * not repeated sooner than after as much time: a netsh that hangs must not keep the agent busy. */
void hm_lists_note_refused(struct hm_lists_memo *memo, unsigned asked, unsigned refused,
                           unsigned absent, int64_t began_ms, int64_t now_ms);

/* Milliseconds until a refused list is due, at least 1; 0: none is refused. */
int64_t hm_lists_again_ms(const struct hm_lists_memo *memo, int64_t now_ms);

/* A number for what blocks follow: the TCP ports that the system process listens on, and which of
 * the services run that make blocks or serve ports by HTTP.sys. services: as observed just now. */
uint64_t hm_lists_signature(const struct hm_services *services, const struct hm_sockets *sockets);
