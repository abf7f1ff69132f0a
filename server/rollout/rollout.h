/* server/rollout/rollout.h — which host is offered which policies, and its desired state.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An immutable snapshot of the live revisions and trust roots, and for each host the set that it
 * is offered: live ones that match it, and newer revisions (retire too) of those that it was
 * offered before. Hosts with the same set and labels share one encoded answer. Work over the whole
 * fleet runs on a thread of its own, in batches through the store's writer; the held requests of
 * the hosts that it changes something for are woken, paced. Threads: every function may be called
 * from any thread. */
#pragma once

#include "server/app.h"
#include "server/catalogue/shelf.h"
#include "server/fleet/fleet.h"

struct hm_rollout;

/* Loads what is live and who has what; starts the thread. Then store, fleet and shelf outlive it.
 */
enum hm_status hm_rollout_open(struct hm_store *store, struct hm_fleet *fleet,
                               struct hm_shelf *shelf, uint32_t interval_s,
                               struct hm_rollout **out_rollout, struct hm_err *err) HM_MUST_CHECK;
void hm_rollout_close(struct hm_rollout *rollout);

/* After the commit of anything that changes what is live (activate, pause, retire, a trust root):
 * loads it anew and goes through the fleet. Does not wait. */
void hm_rollout_refresh(struct hm_rollout *rollout);

/* After the commit of a report with a new inventory, name or labels: this host's set may be
 * another. Does not wait; the next answer of this host has it. */
void hm_rollout_host_changed(struct hm_rollout *rollout, const char *host_id);

/* The desired state of one host. etag has quotes. body is borrowed until hm_desired_release; with
 * catalogue_tag equal to the snapshot's own the catalogue is left out of it. */
struct hm_desired_answer {
    char etag[HM_DIGEST_TEXT_BYTES + 2];
    const char *body;
    size_t len;
    void *private_;
};
enum hm_status hm_rollout_desired(struct hm_rollout *rollout, const char *host_id,
                                  const char *catalogue_tag, struct hm_desired_answer *out_answer,
                                  struct hm_err *err) HM_MUST_CHECK;
void hm_desired_release(struct hm_desired_answer *answer);
/* Its ETag alone, for check-ins: no lock of the store, no memory. */
void hm_rollout_etag(struct hm_rollout *rollout, const char *host_id,
                     char out[HM_DIGEST_TEXT_BYTES + 2]);

/* The newest trust root's envelope for enrolments; false when there is none. */
bool hm_rollout_trust(struct hm_rollout *rollout, struct hm_arena *arena,
                      struct hm_envelope *out_envelope);

/* For metrics. */
struct hm_rollout_stats {
    uint64_t live;          /* revisions that are offered */
    uint64_t hosts_waiting; /* the pass over the fleet has still to come to them */
    uint64_t passes;
};
void hm_rollout_stats(struct hm_rollout *rollout, struct hm_rollout_stats *out_stats);
