/* tests/support/forge.c — makes what the product refuses to make: envelopes of any kind, around any
 * body, signed by anybody.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Usage: forge key WHO PASSPHRASE     that person's key file, sealed at the least cost
 *        forge public WHO             "ed25519:…"
 *        forge sign TYPE [WHO…]       standard input is the body; prints the envelope
 * WHO is one of tests/support/signers.h: their keys are the same in every run. */
#include <stdio.h>
#include <string.h>

#include "common/crypto/digest.h"
#include "common/wire/records.h"
#include "tests/support/signers.h"

#define CREATED_MS INT64_C(1790000000000)

static enum hm_status find(const char *name, enum hm_signer *out_who, struct hm_err *err)
{
    for (size_t i = 0; i < HM_SIGNERS; i++) {
        if (strcmp(hm_signer_names[i], name) == 0) {
            *out_who = (enum hm_signer)i;
            return HM_OK;
        }
    }
    return hm_fail(err, HM_EINVAL, "nobody is called %s here", name);
}

static enum hm_status make_key(struct hm_signers *signers, char **words, struct hm_buf *out,
                               struct hm_err *err)
{
    const struct hm_key_cost cost = {.ops = 1, .memory_kib = HM_LIMIT_KDF_KIB_MIN};
    struct hm_signing_key key;
    enum hm_signer who = HM_ANNA;
    enum hm_status st = find(words[0], &who, err);

    if (st == HM_OK) {
        st = hm_key_seal(&signers->pairs[who], words[0], CREATED_MS, words[1], &cost,
                         &signers->arena, &key, err);
    }
    return st == HM_OK ? hm_record_encode_pretty(&hm_record_signing_key, &key, out, err) : st;
}

static enum hm_status sign(struct hm_signers *signers, int count, char **words, struct hm_buf *out,
                           struct hm_err *err)
{
    static char body[HM_LIMIT_SIGNED_BODY_BYTES];
    const size_t len = fread(body, 1, sizeof(body), stdin);
    struct hm_envelope envelope;
    enum hm_signer who = HM_ANNA;
    enum hm_status st = hm_envelope_new(words[0], body, len, &signers->arena, &envelope, err);

    for (int i = 1; st == HM_OK && i < count; i++) {
        st = find(words[i], &who, err);
        if (st == HM_OK) {
            st = hm_envelope_sign(&envelope, &signers->pairs[who], &signers->arena, err);
        }
    }
    return st == HM_OK ? hm_record_encode(&hm_record_envelope, &envelope, out, err) : st;
}

static enum hm_status make(struct hm_signers *signers, int count, char **words, struct hm_buf *out,
                           struct hm_err *err)
{
    enum hm_signer who = HM_ANNA;
    enum hm_status st = HM_OK;

    if (count == 3 && strcmp(words[0], "key") == 0) {
        return make_key(signers, words + 1, out, err);
    }
    if (count >= 2 && strcmp(words[0], "sign") == 0) {
        return sign(signers, count - 1, words + 1, out, err);
    }
    if (count != 2 || strcmp(words[0], "public") != 0) {
        return hm_fail(err, HM_EINVAL, "usage: forge key|public|sign …, see its source");
    }
    st = find(words[1], &who, err);
    if (st == HM_OK) {
        (void)hm_buf_puts(out, signers->approvers[who].public_key);
    }
    return st;
}

int main(int argc, char **argv)
{
    struct hm_signers signers;
    struct hm_err err;
    struct hm_buf out;
    enum hm_status st;

    hm_buf_init(&out, HM_LIMIT_REPLY_BYTES);
    st = hm_crypto_init(&err);
    hm_signers_init(&signers);
    if (st == HM_OK) {
        st = make(&signers, argc - 1, argv + 1, &out, &err);
    }
    if (st == HM_OK) {
        (void)printf("%s\n", hm_buf_text(&out));
    } else {
        (void)fprintf(stderr, "forge: %s\n", err.text);
    }
    hm_buf_fini(&out);
    hm_signers_fini(&signers);
    return st == HM_OK ? 0 : 1;
}
