/* tests/support/fake_transport.h — the way to the collector, without one: replies from a script,
 * requests kept.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "agent/transport.h"

#define FAKE_CALLS_MAX 64

struct fake_reply {
    unsigned status; /* 0 = no answer: HM_EIO; 1 = given up by ourselves: HM_EBUSY */
    const char *body;
    const char *etag;
    int64_t retry_after_s; /* 0 = none */
};

struct fake_call {
    char method[8];
    char path[192];
    char bearer[192];
    char prefer[32];
    char if_none_match[64];
    char *body; /* NUL-terminated copy */
    size_t body_len;
};

struct fake_transport {
    const struct fake_reply *replies; /* past the last one: no answer */
    unsigned reply_count;
    struct fake_call calls[FAKE_CALLS_MAX];
    unsigned call_count;
    const char *ca_pem; /* what fetch_ca answers; NULL = HM_EDENIED */
    char ca_asked[80];  /* fingerprint it was asked with */
    char trusted[512];  /* last CA path, "" = the system's */
    unsigned trust_count;
    void (*on_call)(void *arg, unsigned call); /* or NULL; before the answer */
    void *on_call_arg;
};

void fake_transport_init(struct fake_transport *fake, const struct fake_reply *replies,
                         unsigned count);
void fake_transport_fini(struct fake_transport *fake);
struct hm_transport fake_transport_of(struct fake_transport *fake);
