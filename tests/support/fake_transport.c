/* tests/support/fake_transport.c — the way to the collector, without one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fake_transport_init(struct fake_transport *fake, const struct fake_reply *replies,
                         unsigned count)
{
    memset(fake, 0, sizeof(*fake));
    fake->replies = replies;
    fake->reply_count = count;
}

void fake_transport_fini(struct fake_transport *fake)
{
    for (unsigned i = 0; i < fake->call_count; i++) {
        free(fake->calls[i].body);
    }
    fake->call_count = 0;
}

static void keep(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

static void keep_call(struct fake_call *call, const struct hm_http_request *request)
{
    keep(call->method, sizeof(call->method), request->method);
    keep(call->path, sizeof(call->path), request->path);
    keep(call->bearer, sizeof(call->bearer), request->bearer);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct hm_http_header *header = &request->headers[i];

        if (strcmp(header->name, "Prefer") == 0) {
            keep(call->prefer, sizeof(call->prefer), header->value);
        } else if (strcmp(header->name, "If-None-Match") == 0) {
            keep(call->if_none_match, sizeof(call->if_none_match), header->value);
        }
    }
    call->body = malloc(request->body_len + 1);
    if (call->body != NULL) {
        memcpy(call->body, request->body_len > 0 ? request->body : "", request->body_len);
        call->body[request->body_len] = '\0';
        call->body_len = request->body_len;
    }
}

static enum hm_status fake_call(void *self, const struct hm_http_request *request,
                                struct hm_arena *arena, struct hm_http_reply *out,
                                struct hm_err *err)
{
    struct fake_transport *fake = self;
    const unsigned at = fake->call_count;
    const struct fake_reply *reply = at < fake->reply_count ? &fake->replies[at] : NULL;
    const char *body;

    if (at < FAKE_CALLS_MAX) {
        keep_call(&fake->calls[at], request);
        fake->call_count++;
    }
    if (fake->on_call != NULL) {
        fake->on_call(fake->on_call_arg, at);
    }
    if (reply == NULL || reply->status == 0) {
        return hm_fail_code(err, HM_EIO, "refused", "https://fake: no connection");
    }
    if (reply->status == 1) {
        return hm_fail_code(err, HM_EBUSY, "woken", "https://fake: given up");
    }
    body = reply->body == NULL ? "" : reply->body;
    out->status = reply->status;
    out->body = hm_arena_strdup(arena, body);
    out->body_len = strlen(body);
    out->content_type = "application/json";
    out->etag = reply->etag == NULL ? "" : reply->etag;
    out->retry_after_s = reply->retry_after_s == 0 ? -1 : reply->retry_after_s;
    return HM_OK;
}

static enum hm_status fake_fetch_ca(void *self, const char *ca_sha256, struct hm_arena *arena,
                                    const char **out_pem, struct hm_err *err)
{
    struct fake_transport *fake = self;

    keep(fake->ca_asked, sizeof(fake->ca_asked), ca_sha256);
    if (fake->ca_pem == NULL) {
        return hm_fail_code(err, HM_EDENIED, "fingerprint", "https://fake: another CA");
    }
    *out_pem = hm_arena_strdup(arena, fake->ca_pem);
    return HM_OK;
}

static enum hm_status fake_trust(void *self, const char *ca_path, struct hm_err *err)
{
    struct fake_transport *fake = self;

    (void)err;
    keep(fake->trusted, sizeof(fake->trusted), ca_path);
    fake->trust_count++;
    return HM_OK;
}

static const struct hm_transport_ops fake_ops = {
    .call = fake_call, .fetch_ca = fake_fetch_ca, .trust = fake_trust};

struct hm_transport fake_transport_of(struct fake_transport *fake)
{
    return (struct hm_transport){&fake_ops, fake};
}
