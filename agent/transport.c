/* agent/transport.c — the real way to the collector.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/transport.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/limits.h"
#include "common/base/version.h"
#include "common/os/os.h"

#define CONNECT_TIMEOUT_MS 15000

struct real {
    const char *collector;
    struct hm_http_client *client;
    char user_agent[64];
};

static enum hm_status real_trust(void *self, const char *ca_path, struct hm_err *err)
{
    struct real *real = self;
    const struct hm_http_options options = {
        .base_url = real->collector,
        .ca_path = ca_path,
        .user_agent = real->user_agent,
        .stop_fd = hm_os_stop_fd(),
        .reply_cap_bytes = HM_LIMIT_DESIRED_BYTES,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
    };
    struct hm_http_client *client;
    enum hm_status st;

    st = hm_http_open(&options, &client, err);
    if (st == HM_OK) {
        hm_http_close(real->client);
        real->client = client;
    }
    return st;
}

static enum hm_status real_call(void *self, const struct hm_http_request *request,
                                struct hm_arena *arena, struct hm_http_reply *out_reply,
                                struct hm_err *err)
{
    struct real *real = self;

    return hm_http_call(real->client, request, arena, out_reply, err);
}

static enum hm_status real_fetch_ca(void *self, const char *ca_sha256, struct hm_arena *arena,
                                    const char **out_pem, struct hm_err *err)
{
    struct real *real = self;

    return hm_http_fetch_ca(real->collector, ca_sha256, real->user_agent, arena, out_pem, err);
}

static const struct hm_transport_ops real_ops = {
    .call = real_call, .fetch_ca = real_fetch_ca, .trust = real_trust};

enum hm_status hm_transport_open(const char *collector, const char *ca_path,
                                 struct hm_transport *out_transport, struct hm_err *err)
{
    struct real *real = calloc(1, sizeof(*real));
    enum hm_status st;

    if (real == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a connection");
    }
    real->collector = collector;
    (void)snprintf(real->user_agent, sizeof(real->user_agent), "hm-agent/%s", hm_version);
    st = real_trust(real, ca_path, err);
    if (st != HM_OK) {
        free(real);
        return st;
    }
    out_transport->ops = &real_ops;
    out_transport->self = real;
    return HM_OK;
}

void hm_transport_close(struct hm_transport *transport)
{
    if (transport != NULL && transport->ops == &real_ops) {
        struct real *real = transport->self;

        hm_http_close(real->client);
        free(real);
        transport->self = NULL;
        transport->ops = NULL;
    }
}
