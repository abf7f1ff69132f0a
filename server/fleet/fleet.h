/* server/fleet/fleet.h — every agent in memory: who it is, what it last said, whether it waits.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Answers unchanged check-ins without the store. Sharded locks; every function may be called
 * from any thread. Entries live until the fleet is closed. */
#pragma once

#include "server/http/http.h"
#include "server/store/entities.h"

struct hm_fleet;
struct hm_fleet_host;

/* Loads all agents and hosts from the store. */
enum hm_status hm_fleet_open(struct hm_store *store, struct hm_fleet **out_fleet,
                             struct hm_err *err) HM_MUST_CHECK;
void hm_fleet_close(struct hm_fleet *fleet);

/* For the access callback: the agent whose secret has this hash; HM_EDENIED "unauthenticated". */
enum hm_status hm_fleet_authenticate(struct hm_fleet *fleet, const char *agent_id,
                                     const unsigned char secret_hash[HM_DIGEST_BYTES],
                                     struct hm_fleet_host **out_host,
                                     struct hm_err *err) HM_MUST_CHECK;

/* An agent that has just been enrolled (after the commit). HM_ECONFLICT when it is there. */
enum hm_status hm_fleet_put(struct hm_fleet *fleet, const struct hm_agent_row *agent,
                            const char *name, struct hm_err *err) HM_MUST_CHECK;

/* After the commit of hm_hosts_remove (HM_AGENT_REVOKED) or of a clone. A held request is woken. */
void hm_fleet_set_state(struct hm_fleet *fleet, const char *agent_id, enum hm_agent_state state);

/* Host name as last reported, for principals and events. */
void hm_fleet_name(struct hm_fleet *fleet, const struct hm_fleet_host *host, char *out,
                   size_t size);

/* Newest last_seen of a host, for replies; 0 when it never reported. */
int64_t hm_fleet_last_seen(struct hm_fleet *fleet, const char *agent_id);

/* Counts for metrics. */
struct hm_fleet_stats {
    uint64_t hosts;
    uint64_t held; /* GET /v1/desired waiting now */
    uint64_t silent;
    uint64_t unchanged; /* check-ins answered without the store, since start */
    uint64_t changed;
    uint64_t refused;
};
void hm_fleet_stats(struct hm_fleet *fleet, struct hm_fleet_stats *out_stats);

/* ---- check-ins (server/ingest) ------------------------------------------------------------- */

#define HM_FLEET_DOCUMENTS 3 /* inventory, findings, outcome */

/* What a check-in says besides its bodies. digests: NULL = not named. */
struct hm_fleet_report {
    const char *boot_id;
    uint64_t seq;
    const char *name;
    const char *version;
    const char *digests[HM_FLEET_DOCUMENTS];
    bool missing[HM_FLEET_DOCUMENTS]; /* named, but no such body is kept: not acknowledged */
    size_t bytes;                     /* of the whole check-in */
};

/* What one host may change: so many bytes at once, then so many a second. An agent that reports a
 * change of 10 KB every five minutes uses a hundredth of it; one gone mad, or a stolen secret,
 * cannot fill the disk. A report without bodies costs HM_FLEET_CHANGE_LEAST_BYTES too. */
#define HM_FLEET_CHANGE_BYTES (64 * 1024 * 1024)
#define HM_FLEET_CHANGE_BYTES_A_SECOND 4096
#define HM_FLEET_CHANGE_LEAST_BYTES 8192

/* Join tokens that the streams of one cloned identity are given: at once, and then one for so
 * many seconds. */
#define HM_FLEET_CLONE_TOKENS 50
#define HM_FLEET_CLONE_TOKEN_S 10

/* What is known of the host when its report begins. */
struct hm_fleet_known {
    char digests[HM_FLEET_DOCUMENTS][HM_DIGEST_TEXT_BYTES]; /* acknowledged; "" none */
    bool new_boot;
};

enum hm_fleet_answer {
    HM_FLEET_UNCHANGED,   /* nothing new, or a replay: answer at once */
    HM_FLEET_CHANGED,     /* the caller must call hm_fleet_report_end once */
    HM_FLEET_CLONED,      /* two live streams with one id, now or before */
    HM_FLEET_BUSY,        /* an earlier report of this host is not committed yet */
    HM_FLEET_OVER,        /* more changes than one host may make: try later */
    HM_FLEET_CLONED_OVER, /* cloned, and enough join tokens were given: try later */
};
enum hm_fleet_answer hm_fleet_report_begin(struct hm_fleet *fleet, struct hm_fleet_host *host,
                                           const struct hm_fleet_report *report, int64_t now_ms,
                                           struct hm_fleet_known *out_known);

/* committed NULL: it failed, everything is as before. Else its digests are acknowledged (NULL
 * and missing ones are as before). */
void hm_fleet_report_end(struct hm_fleet *fleet, struct hm_fleet_host *host,
                         const struct hm_fleet_report *committed, int64_t now_ms);

void hm_fleet_count_refused(struct hm_fleet *fleet);

/* ---- held requests (GET /v1/desired) -------------------------------------------------------- */

/* Registers the ticket; one that waited before for the same host is woken. */
void hm_fleet_hold(struct hm_fleet *fleet, struct hm_fleet_host *host, struct hm_ticket *ticket);

/* From the resume: true when the ticket was still registered, and the caller must drop it. */
bool hm_fleet_release(struct hm_fleet *fleet, struct hm_fleet_host *host, struct hm_ticket *ticket);

/* The desired state has changed: every request that is held now is woken, paced by
 * hm_fleet_pace, which the janitor calls often. */
void hm_fleet_wake_all(struct hm_fleet *fleet);
/* That of one host alone, paced as well; nothing when it holds no request now. */
void hm_fleet_wake(struct hm_fleet *fleet, const char *agent_id);
void hm_fleet_pace(struct hm_fleet *fleet, int64_t monotonic_ms);
#define HM_FLEET_WAKES_A_SECOND 5000

/* Token bucket for enrolments: false = over the rate, try later. */
bool hm_fleet_may_enroll(struct hm_fleet *fleet, int64_t monotonic_ms);
#define HM_FLEET_ENROLMENTS_A_SECOND 50
#define HM_FLEET_ENROLMENTS_BURST 500

/* ---- periodic work (server/janitor) --------------------------------------------------------- */

/* At most max hosts that became silent: last heard of (or loaded) before before_ms, a monotonic
 * time. They are marked so that their next check-in takes the long way; hm_fleet_unmark_silent
 * when that was not stored. */
size_t hm_fleet_take_silent(struct hm_fleet *fleet, int64_t before_ms, size_t max,
                            char (*out_ids)[HM_ID_TEXT_BYTES]);
void hm_fleet_unmark_silent(struct hm_fleet *fleet, const char *agent_id);

/* On the writer, before the silence of a host that was taken is stored: is it still silent? No
 * when it has reported meanwhile, or its report waits to be stored. */
bool hm_fleet_confirm_silent(struct hm_fleet *fleet, const char *agent_id);

/* Is the host marked silent, or has nothing been heard of it for for_ms? An unknown one is. */
bool hm_fleet_is_silent(struct hm_fleet *fleet, const char *agent_id, int64_t for_ms);

/* At most max hosts seen since they were last taken. */
struct hm_fleet_seen {
    char id[HM_ID_TEXT_BYTES];
    int64_t last_seen_ms;
    uint64_t seq;
};
size_t hm_fleet_take_seen(struct hm_fleet *fleet, size_t max, struct hm_fleet_seen *out_seen);
