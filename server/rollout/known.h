/* server/rollout/known.h — who was offered what, and each host's set, in memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to server/rollout. Threads: hm_known_take, hm_known_etag, hm_known_lacks and
 * hm_known_drop_set on any; all others on the rollout's thread (or before it starts). Entries live
 * until hm_known_close. */
#pragma once

#include "common/crypto/id.h"
#include "server/rollout/set.h"

#define HM_KNOWN_NOBODY UINT32_MAX

struct hm_known;
struct hm_known_host;

enum hm_status hm_known_open(struct hm_known **out_known, struct hm_err *err) HM_MUST_CHECK;
void hm_known_close(struct hm_known *known);

/* The number by which a policy is remembered here; numbers are never given twice. */
enum hm_status hm_known_policy(struct hm_known *known, const char *name, uint32_t *out_policy,
                               struct hm_err *err) HM_MUST_CHECK;

/* NULL: not here, or, with add, no memory. */
struct hm_known_host *hm_known_host(struct hm_known *known, const char *host_id, bool add);

/* The newest revision that this host was offered or has reported; 0 = none. */
uint32_t hm_known_revision(const struct hm_known_host *host, uint32_t policy);
enum hm_status hm_known_set_revision(struct hm_known_host *host, uint32_t policy, uint32_t revision,
                                     struct hm_err *err) HM_MUST_CHECK;

/* Keeps a reference of set. True when the host's ETag is another than before. */
bool hm_known_set(struct hm_known_host *host, struct hm_desired_set *set, uint64_t facts);
/* It was removed: what its answers were made of, and holds memory of older days, goes. */
void hm_known_drop_set(struct hm_known *known, const char *host_id);
/* What hosts have that no set was made for yet. Keeps a reference. */
void hm_known_set_base(struct hm_known *known, struct hm_desired_set *base);

/* The host's set, or the base, with a reference for the caller. NULL only before a base is set. */
struct hm_desired_set *hm_known_take(struct hm_known *known, const char *host_id);
void hm_known_etag(struct hm_known *known, const char *host_id, char out[HM_DIGEST_TEXT_BYTES + 2]);
/* Would looking at this host again, by these facts, find anything else? */
bool hm_known_has_facts(struct hm_known *known, const char *host_id, uint64_t facts);
/* The number of the policy of that name when the host was never offered it, and it is one that we
 * know; else HM_KNOWN_NOBODY. */
uint32_t hm_known_lacks(struct hm_known *known, const char *host_id, const char *name);
