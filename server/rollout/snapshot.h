/* server/rollout/snapshot.h — the live revisions and trust roots at one moment, ready to be matched
 * and sent.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to server/rollout, and to its thread: immutable but for the sets that are made of it. */
#pragma once

#include "common/base/map.h"
#include "common/wire/records.h"
#include "server/catalogue/shelf.h"
#include "server/rollout/known.h"
#include "server/store/entities_policy.h"

struct hm_live {
    const char *policy;
    uint32_t number; /* of the policy, in struct hm_known */
    uint32_t revision;
    const char *mode;
    bool for_matching; /* offered to hosts that match: active */
    bool for_earlier;  /* offered to hosts that had an earlier revision: active, retired */
    struct hm_policy document;
    struct hm_envelope envelope;
    size_t bytes; /* of the envelope as JSON */
};

struct hm_snapshot {
    struct hm_arena arena;
    struct hm_live *live; /* by policy name, one each */
    size_t count;
    struct hm_envelopes trust;
    char *trust_newest;     /* JSON; NULL = none */
    size_t room_bytes;      /* for the envelopes of one host */
    int64_t next_expiry_ms; /* INT64_MAX = none */
    int64_t soonest_end_ms; /* of an approval that reserves something, over or not; 0 = none */
    const struct hm_shelf *shelf;
    uint32_t interval_s;
    struct hm_map offers; /* by the list of their places in live */
    struct hm_map sets;   /* by the same and the labels */
};

/* Revisions that cannot be read are left out and logged: one bad document stops no other. Those
 * whose statement has expired are left out too. */
enum hm_status hm_snapshot_load(struct hm_store *store, struct hm_known *known,
                                const struct hm_shelf *shelf, uint32_t interval_s, int64_t now_ms,
                                struct hm_snapshot **out_snapshot,
                                struct hm_err *err) HM_MUST_CHECK;
void hm_snapshot_free(struct hm_snapshot *snapshot);

/* The set of these places in live (ascending) with these labels; borrowed from the snapshot. */
enum hm_status hm_snapshot_set(struct hm_snapshot *snapshot, const uint32_t *places, size_t count,
                               const char *labels, struct hm_desired_set **out_set,
                               struct hm_err *err) HM_MUST_CHECK;
