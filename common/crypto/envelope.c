/* common/crypto/envelope.c — DSSE: a document, its type and signatures over both.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/crypto/envelope.h"

#include <assert.h>
#include <string.h>

#include "common/crypto/base64.h"
#include "common/crypto/refusal.h"

#define PAE_BYTES_MAX (HM_LIMIT_SIGNED_BODY_BYTES + 1024u)
#define NO_KEY ((size_t)-1)

enum hm_status hm_envelope_put_pae(const char *type, const void *body, size_t len,
                                   struct hm_buf *out, struct hm_err *err)
{
    (void)hm_buf_printf(out, "DSSEv1 %zu %s %zu ", strlen(type), type, len);
    (void)hm_buf_put(out, body, len);
    return hm_buf_status(out, err);
}

static enum hm_status check_size(size_t len, struct hm_err *err)
{
    if (len > HM_LIMIT_SIGNED_BODY_BYTES) {
        return hm_fail(err, HM_ETOOBIG, "a signed document has at most %u bytes",
                       HM_LIMIT_SIGNED_BODY_BYTES);
    }
    return HM_OK;
}

enum hm_status hm_envelope_new(const char *type, const void *body, size_t len,
                               struct hm_arena *arena, struct hm_envelope *out_envelope,
                               struct hm_err *err)
{
    struct hm_envelope envelope = {
        .signatures = {NULL, 0}
    };
    enum hm_status st = check_size(len, err);

    if (st != HM_OK) {
        return st;
    }
    envelope.type = hm_arena_strdup(arena, type);
    envelope.payload = hm_base64_encode(body, len, arena);
    if (envelope.type == NULL || envelope.payload == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory left for an envelope");
    }
    *out_envelope = envelope;
    return HM_OK;
}

enum hm_status hm_envelope_body(const struct hm_envelope *envelope, struct hm_arena *arena,
                                struct hm_span *out_body, struct hm_err *err)
{
    struct hm_span body;
    enum hm_status st = check_size(strlen(envelope->payload) / 4 * 3, err);

    if (st != HM_OK) {
        return st;
    }
    st = hm_base64_decode(envelope->payload, arena, &body, err);
    if (st == HM_EINVAL) {
        return hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED,
                            "the envelope's payload is not base64 text");
    }
    if (st == HM_OK) {
        *out_body = body;
    }
    return st;
}

/* The envelope's body and the bytes that its signatures are over. */
static enum hm_status open_body(const struct hm_envelope *envelope, struct hm_arena *arena,
                                struct hm_span *out_body, struct hm_buf *out_pae,
                                struct hm_err *err)
{
    enum hm_status st = hm_envelope_body(envelope, arena, out_body, err);

    return st != HM_OK
               ? st
               : hm_envelope_put_pae(envelope->type, out_body->at, out_body->len, out_pae, err);
}

/* Where the signature under key_id stands or will stand; the list is copied to hold it. */
static enum hm_status place_signature(struct hm_signatures *list, const char *key_id,
                                      struct hm_arena *arena, struct hm_signature **out_at,
                                      struct hm_err *err)
{
    struct hm_signature *rows = hm_arena_alloc(arena, list->count + 1, sizeof(*rows));
    size_t at = 0;

    if (rows == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory left for a signature");
    }
    while (at < list->count && strcmp(list->at[at].key_id, key_id) != 0) {
        at++;
    }
    if (at >= HM_LIMIT_SIGNATURES) {
        return hm_fail(err, HM_ETOOBIG, "an envelope carries at most %u signatures",
                       HM_LIMIT_SIGNATURES);
    }
    if (list->count > 0) {
        memcpy(rows, list->at, list->count * sizeof(*rows));
    }
    list->count += at == list->count;
    list->at = rows;
    *out_at = &rows[at];
    return HM_OK;
}

enum hm_status hm_envelope_sign(struct hm_envelope *envelope, const struct hm_key_pair *pair,
                                struct hm_arena *arena, struct hm_err *err)
{
    unsigned char signature[HM_SIGNATURE_BYTES];
    char key_id[HM_KEY_ID_TEXT_BYTES];
    struct hm_signatures list = envelope->signatures;
    struct hm_signature *row = NULL;
    struct hm_span body;
    struct hm_buf pae;
    enum hm_status st;

    hm_buf_init(&pae, PAE_BYTES_MAX);
    hm_public_key_id(&pair->public_key, key_id);
    st = open_body(envelope, arena, &body, &pae, err);
    if (st == HM_OK) {
        st = place_signature(&list, key_id, arena, &row, err);
    }
    if (st != HM_OK) {
        goto done;
    }
    hm_sign(pair, pae.data, pae.len, signature);
    row->key_id = hm_arena_strdup(arena, key_id);
    row->signature = hm_base64_encode(signature, sizeof(signature), arena);
    if (row->key_id == NULL || row->signature == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory left for a signature");
        goto done;
    }
    envelope->signatures = list;
done:
    hm_buf_fini(&pae);
    return st;
}

/* The keys of one verification, with their ids made once. */
struct keyring {
    const struct hm_public_key *keys;
    size_t count;
    char ids[HM_LIMIT_APPROVERS][HM_KEY_ID_TEXT_BYTES];
};

static size_t find_named(const struct keyring *ring, const char *key_id)
{
    for (size_t i = 0; i < ring->count; i++) {
        if (strcmp(ring->ids[i], key_id) == 0) {
            return i;
        }
    }
    return NO_KEY;
}

/* The key that made the signature. The named one is tried first; since the name is not signed,
 * a wrong one hides nothing. */
static size_t find_maker(const struct keyring *ring, size_t named, const struct hm_buf *pae,
                         const unsigned char *signature)
{
    if (named != NO_KEY && hm_sign_verify(&ring->keys[named], pae->data, pae->len, signature)) {
        return named;
    }
    for (size_t i = 0; i < ring->count; i++) {
        if (i != named && hm_sign_verify(&ring->keys[i], pae->data, pae->len, signature)) {
            return i;
        }
    }
    return NO_KEY;
}

static enum hm_status weigh(const struct keyring *ring, const struct hm_signature *row,
                            const struct hm_buf *pae, struct hm_arena *arena,
                            struct hm_envelope_signers *signers, struct hm_err *err)
{
    size_t named = find_named(ring, row->key_id);
    size_t maker = NO_KEY;
    struct hm_span bytes;
    enum hm_status st = hm_base64_decode(row->signature, arena, &bytes, err);

    if (st == HM_ENOMEM) {
        return st;
    }
    if (st == HM_OK && bytes.len == HM_SIGNATURE_BYTES) {
        maker = find_maker(ring, named, pae, (const unsigned char *)bytes.at);
    }
    if (maker != NO_KEY) {
        signers->repeated += signers->by[maker];
        signers->count += !signers->by[maker];
        signers->by[maker] = true;
    } else if (named != NO_KEY) {
        signers->wrong++;
    } else {
        signers->unknown_ids[signers->unknown] = row->key_id;
        signers->unknown++;
    }
    return HM_OK;
}

static void fill_ring(const struct hm_public_key *keys, size_t count, struct keyring *out)
{
    assert(count <= HM_LIMIT_APPROVERS);
    out->keys = keys;
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        hm_public_key_id(&keys[i], out->ids[i]);
    }
}

enum hm_status hm_envelope_verify(const struct hm_envelope *envelope, const char *type,
                                  const struct hm_public_key *keys, size_t key_count,
                                  struct hm_arena *arena, struct hm_envelope_signers *out_signers,
                                  struct hm_err *err)
{
    const struct hm_signatures *list = &envelope->signatures;
    struct hm_envelope_signers signers = {.count = 0};
    struct keyring ring;
    struct hm_buf pae;
    enum hm_status st;

    if (strcmp(envelope->type, type) != 0) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_WRONG_TYPE,
                            "the envelope holds another kind of document than %s", type);
    }
    if (list->count > HM_LIMIT_SIGNATURES) {
        return hm_fail(err, HM_ETOOBIG, "an envelope carries at most %u signatures",
                       HM_LIMIT_SIGNATURES);
    }
    hm_buf_init(&pae, PAE_BYTES_MAX);
    fill_ring(keys, key_count, &ring);
    st = open_body(envelope, arena, &signers.body, &pae, err);
    for (size_t i = 0; i < list->count && st == HM_OK; i++) {
        st = weigh(&ring, &list->at[i], &pae, arena, &signers, err);
    }
    if (st == HM_OK) {
        *out_signers = signers;
    }
    hm_buf_fini(&pae);
    return st;
}
