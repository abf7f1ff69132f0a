/* common/readers/netstat_row.h — one row of netstat: its words, its two ends, its process id.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to the readers. Everything is borrowed from the text. Threads: all are pure. */
#pragma once

#include "common/base/str.h"
#include "common/ports/inventory.h"

#define HM_NETSTAT_WORDS 8 /* protocol, local, remote, a state of some words, process id */

struct hm_netstat_words {
    struct hm_span at[HM_NETSTAT_WORDS];
    size_t count; /* HM_NETSTAT_WORDS + 1 = more than fit */
};

/* One end of a socket as netstat writes it: "10.0.0.5:80", "[fe80::1%4]:80", "*:*". */
struct hm_netstat_end {
    enum hm_family family;
    struct hm_span address; /* without brackets */
    uint16_t port;
    bool any; /* "*:*" */
};

/* A row as it is written. What its state says is decided when all rows are known. */
struct hm_netstat_row {
    enum hm_protocol protocol;
    struct hm_netstat_end local;
    struct hm_netstat_end remote;
    struct hm_span remote_text;
    struct hm_span state; /* the words between remote address and process id, "" none */
    bool has_pid;
    uint32_t pid;
    unsigned line;
    const char *program; /* netstat -b; "" not shown */
    const char *service;
};

struct hm_netstat_words hm_netstat_split(struct hm_span line);
bool hm_netstat_is_word(struct hm_span word, const char *text);

/* Fills what the words behind the protocol tell, which is set before. Returns what is wrong with
 * their shape, NULL = nothing. */
const char *hm_netstat_row_read(const struct hm_netstat_words *words, struct hm_netstat_row *row);

/* No peer: remote port 0, or "0.0.0.0" or "::" whatever port stands there (systems up to 2003
 * print a random one). */
bool hm_netstat_row_is_quiet(const struct hm_netstat_row *row);
