/* common/crypto/envelope.h — DSSE: a document, its type and signatures over both.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Dead Simple Signing Envelope, version 1. What is signed is PAE(type, body): the exact bytes of
 * the document and the type inside the signature, so no canonical form is needed and no document
 * can be passed off as another kind. The JSON form is hm_record_envelope (common/wire); unknown
 * members of an envelope are ignored, as DSSE asks. All texts live in the caller's arena.
 * Threads: all are pure. */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/crypto/sign.h"

struct hm_signature {
    const char *key_id;    /* a hint, not signed; "" = not told */
    const char *signature; /* base64 */
};
struct hm_signatures {
    struct hm_signature *at;
    size_t count;
};
struct hm_envelope {
    const char *payload; /* base64 of the body */
    const char *type;    /* "application/vnd.…+json" */
    struct hm_signatures signatures;
};
struct hm_envelopes {
    struct hm_envelope *at;
    size_t count;
};

/* Appends the bytes that a signature is over. */
enum hm_status hm_envelope_put_pae(const char *type, const void *body, size_t len,
                                   struct hm_buf *out, struct hm_err *err) HM_MUST_CHECK;

/* An envelope around body, without signatures yet. HM_ETOOBIG over HM_LIMIT_SIGNED_BODY_BYTES. */
enum hm_status hm_envelope_new(const char *type, const void *body, size_t len,
                               struct hm_arena *arena, struct hm_envelope *out_envelope,
                               struct hm_err *err) HM_MUST_CHECK;

/* The body as it stands there, verified by nobody: to show it to whoever shall sign. */
enum hm_status hm_envelope_body(const struct hm_envelope *envelope, struct hm_arena *arena,
                                struct hm_span *out_body, struct hm_err *err) HM_MUST_CHECK;

/* Adds the pair's signature over the body as it stands there; one under the same key id is
 * replaced. HM_ETOOBIG when HM_LIMIT_SIGNATURES are there already. */
enum hm_status hm_envelope_sign(struct hm_envelope *envelope, const struct hm_key_pair *pair,
                                struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* What became of the signatures of one envelope. */
struct hm_envelope_signers {
    struct hm_span body;                          /* the exact bytes that were signed */
    bool by[HM_LIMIT_APPROVERS];                  /* by[i]: keys[i] signed them */
    size_t count;                                 /* how many keys did: each counts once */
    size_t wrong;                                 /* named one of keys, but none of them made it */
    size_t repeated;                              /* good, of a key that had signed already */
    size_t unknown;                               /* neither made by one of keys nor named so */
    const char *unknown_ids[HM_LIMIT_SIGNATURES]; /* their key ids, borrowed from the envelope;
                                                     foreign text: escape it */
};

/* Tries every signature on keys (at most HM_LIMIT_APPROVERS, all different). Never trusts: the
 * caller decides how many are enough (hm_trust_root_verify). type is what the caller expects:
 * another one is HM_EDENIED "wrong_type". HM_EINVAL "malformed" when the payload is not base64;
 * HM_ETOOBIG over the caps. */
enum hm_status hm_envelope_verify(const struct hm_envelope *envelope, const char *type,
                                  const struct hm_public_key *keys, size_t key_count,
                                  struct hm_arena *arena, struct hm_envelope_signers *out_signers,
                                  struct hm_err *err) HM_MUST_CHECK;
