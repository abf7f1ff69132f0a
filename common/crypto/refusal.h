/* common/crypto/refusal.h — why something signed is refused: stable codes of hm_err.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Outcomes, events and problem documents show them; the status is HM_EDENIED but for MALFORMED
 * (HM_EINVAL). */
#pragma once

#define HM_REFUSED_UNSIGNED "unsigned"       /* no signature at all */
#define HM_REFUSED_UNKNOWN_KEY "unknown_key" /* signed, but by no approver */
#define HM_REFUSED_THRESHOLD "threshold"     /* good signatures, too few */
#define HM_REFUSED_ALTERED                                                                         \
    "altered"                                /* not what was signed: a signature that names an     \
                                                approver does not fit, or a digest does not */
#define HM_REFUSED_AUTHOR_ONLY "author_only" /* approved by nobody but its author */
#define HM_REFUSED_REPLAYED "replayed"       /* older than, or other than, what was accepted */
#define HM_REFUSED_VERSION_GAP "version_gap" /* a trust root that skips a version */
#define HM_REFUSED_EXPIRED "expired"
#define HM_REFUSED_WRONG_TYPE "wrong_type" /* another kind of document */
#define HM_REFUSED_WRONG_FLEET "wrong_fleet"
#define HM_REFUSED_MALFORMED "malformed" /* cannot be read, or breaks its own rules */
