/* agent/transport.h — the way to the collector, as a seam: the real one, and those of tests.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/net/http_client.h"

struct hm_transport_ops {
    /* As hm_http_call. */
    enum hm_status (*call)(void *self, const struct hm_http_request *request,
                           struct hm_arena *arena, struct hm_http_reply *out_reply,
                           struct hm_err *err);
    /* As hm_http_fetch_ca. */
    enum hm_status (*fetch_ca)(void *self, const char *ca_sha256, struct hm_arena *arena,
                               const char **out_pem, struct hm_err *err);
    /* From the next call on this CA file vouches; NULL = the system's store. Ends the kept
     * connection. */
    enum hm_status (*trust)(void *self, const char *ca_path, struct hm_err *err);
};

struct hm_transport {
    const struct hm_transport_ops *ops;
    void *self;
};

/* The real one: one kept HTTPS connection, ended by a stop request. collector is borrowed. */
enum hm_status hm_transport_open(const char *collector, const char *ca_path,
                                 struct hm_transport *out_transport,
                                 struct hm_err *err) HM_MUST_CHECK;
void hm_transport_close(struct hm_transport *transport);
