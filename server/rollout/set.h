/* server/rollout/set.h — what many hosts are offered alike: encoded once, counted references.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to server/rollout. An offer is the desired state without labels and catalogue; a set is
 * an offer with the labels of hosts that have the same ones. Both never change. Threads: references
 * may be taken and dropped on any. */
#pragma once

#include <stdatomic.h>

#include "common/base/buf.h"
#include "common/crypto/digest.h"

struct hm_offer {
    atomic_uint refs;
    struct hm_buf body; /* {"settings":…,"catalogue_tag":…,"trust":…,"policies":…} */
    char digest[HM_DIGEST_TEXT_BYTES];
};

struct hm_desired_set {
    atomic_uint refs;
    struct hm_offer *offer;
    char etag[HM_DIGEST_TEXT_BYTES + 2]; /* with quotes */
    size_t labels_len;
    char labels[]; /* JSON list */
};

/* With one reference, the caller's. body is taken over on success. */
enum hm_status hm_offer_new(struct hm_buf *body, struct hm_offer **out_offer,
                            struct hm_err *err) HM_MUST_CHECK;
void hm_offer_drop(struct hm_offer *offer); /* NULL is fine, here and below */

/* labels: JSON list, "" = none. Keeps a reference of offer. */
enum hm_status hm_desired_set_new(struct hm_offer *offer, const char *labels,
                                  struct hm_desired_set **out_set,
                                  struct hm_err *err) HM_MUST_CHECK;
struct hm_desired_set *hm_desired_set_keep(struct hm_desired_set *set);
void hm_desired_set_drop(struct hm_desired_set *set);

/* The whole desired state; catalogue is the member's text, or NULL to leave it out. */
enum hm_status hm_desired_set_write(const struct hm_desired_set *set, const char *catalogue,
                                    size_t catalogue_len, struct hm_buf *out,
                                    struct hm_err *err) HM_MUST_CHECK;
