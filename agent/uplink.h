/* agent/uplink.h — one agent's side of the protocol: check in, then hold the desired state.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A failure says in retry_ms how long to leave the collector alone: what Retry-After asked for,
 * else decorrelated jitter. Statuses of both calls: HM_OK; HM_EDENIED the identity is not
 * accepted; HM_ECONFLICT with code "clone_detected" (reenroll_token); HM_EBUSY overload, or code
 * "stopped"; HM_EIO no answer; HM_EINVAL an answer or a report that one side refuses. */
#pragma once

#include <stdint.h>

#include "agent/identity.h"
#include "agent/problem.h"
#include "agent/spool.h"
#include "common/net/backoff.h"
#include "common/wire/records.h"

/* The longest that Retry-After can silence an agent. */
#define HM_UPLINK_RETRY_AFTER_MOST_S 3600

struct hm_uplink_document {
    const char *text; /* NULL = this report has none */
    size_t len;
    char digest[HM_DIGEST_TEXT_BYTES];
};

struct hm_report {
    const char *boot_id;
    uint64_t seq;
    const char *name;
    struct hm_uplink_document inventory;
    struct hm_uplink_document findings;
    struct hm_uplink_document outcome;
    bool has_sample;
    struct hm_sample sample;
    uint32_t unsent_dropped;
};

/* What a check-in did, for the log and "once". */
struct hm_uplink_sent {
    size_t bytes;        /* request bodies together */
    unsigned requests;   /* 1, or more when the collector lacked a document */
    bool with_inventory; /* its body travelled */
    bool with_findings;
    bool with_outcome;
    bool desired_is_new; /* the collector has another desired state than we do */
};

struct hm_uplink {
    struct hm_transport transport;      /* borrowed */
    const struct hm_identity *identity; /* borrowed */
    struct hm_spool *spool;             /* borrowed */
    uint32_t (*random)(void);
    struct hm_backoff backoff;
    int64_t retry_ms;    /* after a failure */
    uint32_t interval_s; /* as the collector last said; 0 = never yet */
    int64_t date_ms;     /* of its last answer that was no failure, by its clock; 0 = none */
    char reenroll_token[HM_PROBLEM_TOKEN_BYTES];
};

/* Sends what the collector has not acknowledged, and once more what it then says it lacks. On
 * HM_OK acknowledgements are stored. The report's seq is raised when a second request was due. */
enum hm_status hm_uplink_check_in(struct hm_uplink *uplink, struct hm_report *report,
                                  struct hm_uplink_sent *out_sent,
                                  struct hm_err *err) HM_MUST_CHECK;

/* Does the collector hold every document of the report already? */
bool hm_uplink_is_known(const struct hm_uplink *uplink, const struct hm_report *report);

/* Asks for the desired state and lets the collector hold the request for wait_s seconds (0: not
 * at all). A new one is decoded, then stored, its catalogue as a document of its own; a broken one
 * never replaces a good one. */
enum hm_status hm_uplink_hold(struct hm_uplink *uplink, uint32_t wait_s, int64_t now_ms,
                              bool *out_changed, struct hm_err *err) HM_MUST_CHECK;

/* What became of storing an answer: a disk that denies us must not pass for a collector that does,
 * which costs this host its identity. HM_EDENIED and HM_ECONFLICT become HM_EIO. */
enum hm_status hm_uplink_stored(enum hm_status st, struct hm_err *err) HM_MUST_CHECK;

/* Notes a failure that happened elsewhere (enrolment) in retry_ms. */
void hm_uplink_failed(struct hm_uplink *uplink, int64_t retry_after_s);
