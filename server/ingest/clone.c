/* server/ingest/clone.c — two live streams with one identity: neither is believed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/clone.h"

#include "server/store/own_findings.h"

enum hm_status hm_clone_prepare(struct hm_clone *clone, struct hm_arena *arena, struct hm_err *err)
{
    clone->arena = arena;
    clone->host_id = hm_arena_strdup(arena, clone->host_id);
    clone->peer = hm_arena_strdup(arena, clone->peer);
    clone->boot_id = hm_arena_strdup(arena, clone->boot_id);
    if (clone->host_id == NULL || clone->peer == NULL || clone->boot_id == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a clone's report");
    }
    hm_token_new("hmj", clone->now_ms, clone->app->ca_sha256, &clone->token);
    return HM_OK;
}

/* The first time: mark, finding, event. */
static enum hm_status mark(struct hm_session *s, const struct hm_clone *clone,
                           struct hm_host_row *row, struct hm_err *err)
{
    const struct hm_finding finding = hm_own_finding(HM_OWN_CLONED_AGENT);
    const struct hm_event event = {
        .at_ms = clone->now_ms,
        .kind = "clone_detected",
        .host_id = row->id,
        .host_name = row->name,
        .actor = "collector",
        .peer = clone->peer,
        .before = row->boot_id,
        .after = clone->boot_id,
        .why = finding.text,
    };
    enum hm_status st = hm_agents_set_state(s, row->id, HM_AGENT_CLONED, err);

    if (st == HM_OK) {
        st = hm_findings_set(s, row->id, &finding, true, clone->now_ms, err);
    }
    if (st == HM_OK) {
        st = hm_hosts_count_findings(s, row, err);
    }
    if (st == HM_OK) {
        row->cloned = true;
        st = hm_hosts_put(s, row, clone->now_ms, err);
    }
    return st == HM_OK ? hm_events_append(s, &event, err) : st;
}

enum hm_status hm_clone_store(struct hm_session *s, struct hm_clone *clone, struct hm_err *err)
{
    struct hm_token_row token = {
        .id = clone->token.id,
        .kind = "join",
        .role = "",
        .created_ms = clone->now_ms,
        .expires_ms = clone->now_ms + (int64_t)HM_CLONE_TOKEN_S * 1000,
        .uses_left = 1,
    };
    struct hm_host_row row;
    enum hm_status st = hm_hosts_get_by_id(s, clone->host_id, clone->arena, &row, err);

    if (st == HM_OK && !row.cloned) {
        st = mark(s, clone, &row, err);
    }
    if (st != HM_OK) {
        return st;
    }
    token.name = hm_arena_printf(clone->arena, "clone of %s", row.name);
    token.labels = row.labels;
    hm_token_hash(&clone->token, token.secret_hash);
    return hm_tokens_put(s, &token, err);
}

void hm_clone_end(struct hm_clone *clone)
{
    hm_fleet_set_state(clone->app->fleet, clone->host_id, HM_AGENT_CLONED);
}
