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

#include "common/plan/outcome.h"
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
 * loads it again and goes through the fleet. Does not wait. */
void hm_rollout_refresh(struct hm_rollout *rollout);

/* After the commit of a report: its set may be another when what a match asks for has changed
 * (facts, by hm_rollout_facts; 0 = look anyway). Does not wait; its held request is woken when its
 * set has changed. */
void hm_rollout_host_changed(struct hm_rollout *rollout, const char *host_id, uint64_t facts);
/* services: one a line, NULL = not known. */
uint64_t hm_rollout_facts(const char *name, const char *os_family, const char *os_version,
                          const char *services);
/* After the commit of an outcome: a policy that the host has, and that it was not offered under
 * this id (it has enrolled again), counts as offered. Does not wait. */
void hm_rollout_host_reported(struct hm_rollout *rollout, const char *host_id,
                              const struct hm_outcomes *outcomes);

/* After the commit of its removal. */
void hm_rollout_host_removed(struct hm_rollout *rollout, const char *host_id);

/* The desired state of one host. etag has quotes. body is borrowed until hm_desired_release; with
 * catalogue_tag equal to the shelf's own the catalogue is left out of it (NULL or another: it is
 * there). */
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
    int64_t soonest_end_ms; /* when the first approval of a live policy ends; 0 = none */
};
void hm_rollout_stats(struct hm_rollout *rollout, struct hm_rollout_stats *out_stats);
