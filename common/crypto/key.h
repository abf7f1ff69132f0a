/* common/crypto/key.h — a private key at rest: one document, sealed with a passphrase.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Version 1: the passphrase goes through Argon2id (1.3) with the cost that the document names,
 * the key of that seals the 32-byte seed with XChaCha20-Poly1305; name, public key and cost are
 * bound to it. "check" is a digest over all other members: it tells a damaged file from a wrong
 * passphrase, and no more (whoever alters a file can compute it; opening then fails all the same).
 * The document's JSON form is hm_record_signing_key (common/wire). Threads: all are safe. */
#pragma once

#include <stdint.h>

#include "common/base/arena.h"
#include "common/crypto/sign.h"

#define HM_KEY_VERSION 1

struct hm_signing_key {
    uint32_t version;
    const char *name;       /* whose key it is */
    const char *public_key; /* text */
    const char *key_id;
    int64_t created; /* milliseconds */
    uint32_t ops;    /* Argon2id: passes */
    uint32_t memory_kib;
    const char *salt; /* base64, as the three below */
    const char *nonce;
    const char *sealed;
    const char *check; /* "blake2b-256:…" */
};

/* What one guess at the passphrase costs. The default needs 256 MiB for about a second. */
struct hm_key_cost {
    uint32_t ops;
    uint32_t memory_kib;
};
extern const struct hm_key_cost hm_key_cost_default;

/* Fills out_key, its texts in the arena. HM_EINVAL for a passphrase shorter than
 * HM_LIMIT_PASSPHRASE_MIN_BYTES or longer than HM_LIMIT_PASSPHRASE_BYTES, for a name that is
 * empty or too long, and for a cost outside the caps; HM_ENOMEM when the system has not the memory
 * that the cost asks for. */
enum hm_status hm_key_seal(const struct hm_key_pair *pair, const char *name, int64_t now_ms,
                           const char *passphrase, const struct hm_key_cost *cost,
                           struct hm_arena *arena, struct hm_signing_key *out_key,
                           struct hm_err *err) HM_MUST_CHECK;

/* The pair, for the caller to hm_key_pair_fini. HM_EINVAL "damaged_key": a byte of the file is not
 * what was written, or the version is none of ours. HM_EDENIED "wrong_passphrase". HM_ETOOBIG: the
 * cost is over the caps (nothing was computed). */
enum hm_status hm_key_open(const struct hm_signing_key *key, const char *passphrase,
                           struct hm_arena *arena, struct hm_key_pair *out_pair,
                           struct hm_err *err) HM_MUST_CHECK;
