/* server/store/counts.h — how many rows of each sort, for metrics; and whether writes work.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Inside a session. fn gets borrowed texts, valid during the call; second is "" where there is
 * one sort only. */
#pragma once

#include "server/store/store.h"

typedef void hm_count_fn(void *arg, const char *first, const char *second, int64_t count);

/* Hosts by verdict. */
enum hm_status hm_counts_hosts(struct hm_session *s, struct hm_arena *arena, hm_count_fn *fn,
                               void *arg, struct hm_err *err) HM_MUST_CHECK;

/* Open findings by kind and severity. */
enum hm_status hm_counts_findings(struct hm_session *s, struct hm_arena *arena, hm_count_fn *fn,
                                  void *arg, struct hm_err *err) HM_MUST_CHECK;

/* What hosts were offered or have, by state ("offered", "verified" …). */
enum hm_status hm_counts_host_policies(struct hm_session *s, struct hm_arena *arena,
                                       hm_count_fn *fn, void *arg,
                                       struct hm_err *err) HM_MUST_CHECK;

/* Writes a row: "is the writer able to commit?". At most one real write in HM_PROBE_EVERY_MS, so
 * that whoever asks often cannot keep the disk busy. */
#define HM_PROBE_EVERY_MS 5000
enum hm_status hm_counts_probe(struct hm_session *s, int64_t now_ms,
                               struct hm_err *err) HM_MUST_CHECK;
