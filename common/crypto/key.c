/* common/crypto/key.c — a private key at rest: one document, sealed with a passphrase.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/crypto/key.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/crypto/base64.h"
#include "common/crypto/digest.h"

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define WRAP_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define SEALED_BYTES (HM_KEY_SEED_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES)
#define BOUND_BYTES_MAX 4096

static_assert(HM_LIMIT_KDF_KIB_MIN * 1024u >= crypto_pwhash_argon2id_MEMLIMIT_MIN,
              "libsodium takes our least cost");

const struct hm_key_cost hm_key_cost_default = {.ops = 3, .memory_kib = 256 * 1024};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory left for a signing key");
}

static enum hm_status damaged(struct hm_err *err, const char *what)
{
    return hm_fail_code(err, HM_EINVAL, "damaged_key",
                        "the key file is damaged (%s): take it from your backup", what);
}

static enum hm_status check_cost(uint32_t ops, uint32_t memory_kib, struct hm_err *err)
{
    if (ops > HM_LIMIT_KDF_OPS || memory_kib > HM_LIMIT_KDF_KIB) {
        return hm_fail(err, HM_ETOOBIG,
                       "the key asks for %" PRIu32 " passes over %" PRIu32
                       " KiB; at most %u over %u are made",
                       ops, memory_kib, HM_LIMIT_KDF_OPS, HM_LIMIT_KDF_KIB);
    }
    if (ops == 0 || memory_kib < HM_LIMIT_KDF_KIB_MIN) {
        return hm_fail(err, HM_EINVAL, "a key needs one pass over %u KiB at least",
                       HM_LIMIT_KDF_KIB_MIN);
    }
    return HM_OK;
}

static enum hm_status derive(const struct hm_key_cost *cost, const char *passphrase,
                             const unsigned char salt[crypto_pwhash_SALTBYTES],
                             unsigned char out[WRAP_BYTES], struct hm_err *err)
{
    if (crypto_pwhash(out, WRAP_BYTES, passphrase, strlen(passphrase), salt, cost->ops,
                      (size_t)cost->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return hm_fail(err, HM_ENOMEM, "a key of this cost needs %" PRIu32 " KiB of free memory",
                       cost->memory_kib);
    }
    return HM_OK;
}

/* What the seal is bound to. Lengths first, so that no two keys give the same bytes. */
static enum hm_status put_bound(const struct hm_signing_key *key, struct hm_buf *out,
                                struct hm_err *err)
{
    hm_buf_reset(out);
    (void)hm_buf_printf(out, "havenmaster signing key %" PRIu32 " %zu %s %s %s ", key->version,
                        strlen(key->name), key->name, key->public_key, key->key_id);
    (void)hm_buf_printf(out, "%" PRId64 " %" PRIu32 " %" PRIu32, key->created, key->ops,
                        key->memory_kib);
    return hm_buf_status(out, err);
}

/* The digest of all members but itself. */
static enum hm_status make_check(const struct hm_signing_key *key, char out[HM_DIGEST_TEXT_BYTES],
                                 struct hm_err *err)
{
    struct hm_buf all;
    enum hm_status st;

    hm_buf_init(&all, BOUND_BYTES_MAX);
    st = put_bound(key, &all, err);
    if (st == HM_OK) {
        (void)hm_buf_printf(&all, " %s %s %s", key->salt, key->nonce, key->sealed);
        st = hm_buf_status(&all, err);
    }
    if (st == HM_OK) {
        hm_digest_text(all.data, all.len, out);
    }
    hm_buf_fini(&all);
    return st;
}

static enum hm_status name_parts(const struct hm_key_pair *pair, const char *name,
                                 struct hm_arena *arena, struct hm_signing_key *out_key,
                                 struct hm_err *err)
{
    char public_key[HM_PUBLIC_KEY_TEXT_BYTES];
    char key_id[HM_KEY_ID_TEXT_BYTES];

    hm_public_key_format(&pair->public_key, public_key);
    hm_public_key_id(&pair->public_key, key_id);
    out_key->version = HM_KEY_VERSION;
    out_key->name = hm_arena_strdup(arena, name);
    out_key->public_key = hm_arena_strdup(arena, public_key);
    out_key->key_id = hm_arena_strdup(arena, key_id);
    return out_key->name != NULL && out_key->public_key != NULL && out_key->key_id != NULL
               ? HM_OK
               : no_memory(err);
}

/* Fills salt, nonce and sealed of a key whose other members are there. */
static enum hm_status seal_seed(const struct hm_key_pair *pair, const char *passphrase,
                                struct hm_arena *arena, struct hm_signing_key *key,
                                struct hm_err *err)
{
    const struct hm_key_cost cost = {key->ops, key->memory_kib};
    unsigned char salt[crypto_pwhash_SALTBYTES];
    unsigned char nonce[NONCE_BYTES];
    unsigned char wrap[WRAP_BYTES];
    unsigned char seed[HM_KEY_SEED_BYTES];
    unsigned char sealed[SEALED_BYTES];
    struct hm_buf bound;
    enum hm_status st;

    hm_buf_init(&bound, BOUND_BYTES_MAX);
    hm_crypto_random(salt, sizeof(salt));
    hm_crypto_random(nonce, sizeof(nonce));
    hm_key_pair_seed(pair, seed);
    st = derive(&cost, passphrase, salt, wrap, err);
    if (st == HM_OK) {
        st = put_bound(key, &bound, err);
    }
    if (st != HM_OK) {
        goto done;
    }
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, seed, sizeof(seed),
                                                     (const unsigned char *)bound.data, bound.len,
                                                     NULL, nonce, wrap);
    key->salt = hm_base64_encode(salt, sizeof(salt), arena);
    key->nonce = hm_base64_encode(nonce, sizeof(nonce), arena);
    key->sealed = hm_base64_encode(sealed, sizeof(sealed), arena);
    if (key->salt == NULL || key->nonce == NULL || key->sealed == NULL) {
        st = no_memory(err);
    }
done:
    hm_crypto_wipe(wrap, sizeof(wrap));
    hm_crypto_wipe(seed, sizeof(seed));
    hm_buf_fini(&bound);
    return st;
}

enum hm_status hm_key_seal(const struct hm_key_pair *pair, const char *name, int64_t now_ms,
                           const char *passphrase, const struct hm_key_cost *cost,
                           struct hm_arena *arena, struct hm_signing_key *out_key,
                           struct hm_err *err)
{
    struct hm_signing_key key = {.created = now_ms / 1000 * 1000, /* as its text shows it */
                                 .ops = cost->ops,
                                 .memory_kib = cost->memory_kib};
    char check[HM_DIGEST_TEXT_BYTES];
    enum hm_status st;

    if (strlen(passphrase) < HM_LIMIT_PASSPHRASE_MIN_BYTES ||
        strlen(passphrase) > HM_LIMIT_PASSPHRASE_BYTES) {
        return hm_fail(err, HM_EINVAL, "a passphrase has %u to %u bytes",
                       HM_LIMIT_PASSPHRASE_MIN_BYTES, HM_LIMIT_PASSPHRASE_BYTES);
    }
    if (name[0] == '\0' || strlen(name) > HM_LIMIT_NAME_BYTES ||
        !hm_str_is_utf8(name, strlen(name))) {
        return hm_fail(err, HM_EINVAL, "a key's name is UTF-8 text of 1 to %u bytes",
                       HM_LIMIT_NAME_BYTES);
    }
    st = check_cost(cost->ops, cost->memory_kib, err);
    if (st == HM_OK) {
        st = name_parts(pair, name, arena, &key, err);
    }
    if (st == HM_OK) {
        st = seal_seed(pair, passphrase, arena, &key, err);
    }
    if (st == HM_OK) {
        st = make_check(&key, check, err);
    }
    if (st != HM_OK) {
        return st;
    }
    key.check = hm_arena_strdup(arena, check);
    if (key.check == NULL) {
        return no_memory(err);
    }
    *out_key = key;
    return HM_OK;
}

/* Everything that can be known of a file without its passphrase. */
static enum hm_status check_file(const struct hm_signing_key *key, struct hm_err *err)
{
    struct hm_public_key public_key;
    char check[HM_DIGEST_TEXT_BYTES];
    char key_id[HM_KEY_ID_TEXT_BYTES];
    enum hm_status st;

    if (key->version != HM_KEY_VERSION) {
        return damaged(err, "its version is not 1");
    }
    st = check_cost(key->ops, key->memory_kib, err);
    if (st != HM_OK) {
        return st;
    }
    if (make_check(key, check, NULL) != HM_OK || strcmp(check, key->check) != 0) {
        return damaged(err, "its check sum is not that of its content");
    }
    if (hm_public_key_parse(key->public_key, &public_key, NULL) != HM_OK) {
        return damaged(err, "its public key is none");
    }
    hm_public_key_id(&public_key, key_id);
    return strcmp(key_id, key->key_id) == 0 ? HM_OK
                                            : damaged(err, "its key id is not that of its key");
}

static enum hm_status decode_part(const char *text, size_t len, struct hm_arena *arena,
                                  const unsigned char **out, struct hm_err *err)
{
    struct hm_span bytes;
    enum hm_status st = hm_base64_decode(text, arena, &bytes, err);

    if (st == HM_ENOMEM) {
        return st;
    }
    if (st != HM_OK || bytes.len != len) {
        return damaged(err, "a part of it has not its length");
    }
    *out = (const unsigned char *)bytes.at;
    return HM_OK;
}

/* The seal of a file whose parts are decoded. */
static enum hm_status open_seal(const struct hm_signing_key *key, const unsigned char *parts[3],
                                const char *passphrase, struct hm_key_pair *out_pair,
                                struct hm_err *err)
{
    const struct hm_key_cost cost = {key->ops, key->memory_kib};
    unsigned char wrap[WRAP_BYTES];
    unsigned char seed[HM_KEY_SEED_BYTES];
    char public_key[HM_PUBLIC_KEY_TEXT_BYTES];
    struct hm_buf bound;
    enum hm_status st;

    hm_buf_init(&bound, BOUND_BYTES_MAX);
    st = put_bound(key, &bound, err);
    if (st == HM_OK) {
        st = derive(&cost, passphrase, parts[0], wrap, err);
    }
    if (st != HM_OK) {
        goto done;
    }
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(seed, NULL, NULL, parts[2], SEALED_BYTES,
                                                   (const unsigned char *)bound.data, bound.len,
                                                   parts[1], wrap) != 0) {
        st = hm_fail_code(err, HM_EDENIED, "wrong_passphrase",
                          "this is not the passphrase of the key of \"%s\"", key->name);
        goto done;
    }
    hm_key_pair_from_seed(seed, out_pair);
    hm_public_key_format(&out_pair->public_key, public_key);
    if (strcmp(public_key, key->public_key) != 0) {
        hm_key_pair_fini(out_pair);
        st = damaged(err, "its public key is of another pair");
    }
done:
    hm_crypto_wipe(wrap, sizeof(wrap));
    hm_crypto_wipe(seed, sizeof(seed));
    hm_buf_fini(&bound);
    return st;
}

enum hm_status hm_key_open(const struct hm_signing_key *key, const char *passphrase,
                           struct hm_arena *arena, struct hm_key_pair *out_pair, struct hm_err *err)
{
    const unsigned char *parts[3] = {NULL, NULL, NULL}; /* salt, nonce, sealed */
    struct hm_key_pair pair;
    enum hm_status st;

    if (strlen(passphrase) > HM_LIMIT_PASSPHRASE_BYTES) {
        return hm_fail(err, HM_ETOOBIG, "a passphrase has at most %u bytes",
                       HM_LIMIT_PASSPHRASE_BYTES);
    }
    st = check_file(key, err);
    if (st == HM_OK) {
        st = decode_part(key->salt, crypto_pwhash_SALTBYTES, arena, &parts[0], err);
    }
    if (st == HM_OK) {
        st = decode_part(key->nonce, NONCE_BYTES, arena, &parts[1], err);
    }
    if (st == HM_OK) {
        st = decode_part(key->sealed, SEALED_BYTES, arena, &parts[2], err);
    }
    if (st == HM_OK) {
        st = open_seal(key, parts, passphrase, &pair, err);
    }
    if (st == HM_OK) {
        *out_pair = pair;
        hm_key_pair_fini(&pair);
    }
    return st;
}
