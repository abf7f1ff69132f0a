/* server/api/health.c — is the process there, can it do its work, what does it count.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include "common/base/version.h"
#include "server/api/change.h"
#include "server/api/listing.h"
#include "server/api/records.h"
#include "server/metrics/metrics.h"
#include "server/store/counts.h"

static enum hm_status say(struct hm_reply *reply, const char *status, struct hm_err *err)
{
    const struct hm_api_health out = {status, hm_version};

    return hm_reply_record(reply, &hm_record_api_health, &out, err);
}

enum hm_status hm_api_healthz_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)req;
    return say(reply, "ok", err);
}

static enum hm_status run_probe(struct hm_session *session, void *arg, struct hm_err *err)
{
    const int64_t *now_ms = arg;

    return hm_counts_probe(session, *now_ms, err);
}

static enum hm_status answer_ready(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)req;
    return say(reply, "ready", err);
}

/* Ready means: the writer takes a job, runs it and commits. */
enum hm_status hm_api_readyz_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct hm_change *change;

    (void)reply;
    if (app->store == NULL || app->fleet == NULL) {
        return hm_fail_code(err, HM_EBUSY, "not_ready", "the store is not open yet");
    }
    change = hm_change_new(sizeof(req->now_ms));
    if (change == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the probe");
    }
    *(int64_t *)hm_change_data(change) = req->now_ms;
    return hm_change_submit(change, req, app->store, run_probe, NULL, answer_ready, err);
}

enum hm_status hm_api_metrics_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    reply->content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    hm_buf_reset(&reply->body);
    return hm_metrics_format(req->app, hm_routes, hm_routes_count, req->arena, &reply->body, err);
}
