/* tests/support/signers.c — people with keys, and a fleet whose trust root they make.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/signers.h"

#include <string.h>

#include "common/crypto/digest.h"

#define POLICY "{\"name\": \"exchange\", \"reservations\": [{\"ports\": \"9933,9955\"}]}"

const char *const hm_signer_names[HM_SIGNERS] = {"anna", "boris", "chloe", "david"};

void hm_signers_init(struct hm_signers *signers)
{
    hm_arena_init(&signers->arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    for (size_t i = 0; i < HM_SIGNERS; i++) {
        unsigned char seed[HM_KEY_SEED_BYTES];
        char *text = hm_arena_alloc(&signers->arena, HM_PUBLIC_KEY_TEXT_BYTES, 1);

        memset(seed, (int)(i + 1), sizeof(seed));
        hm_key_pair_from_seed(seed, &signers->pairs[i]);
        hm_public_key_id(&signers->pairs[i].public_key, signers->key_ids[i]);
        if (text != NULL) {
            hm_public_key_format(&signers->pairs[i].public_key, text);
        }
        signers->approvers[i] = (struct hm_approver){hm_signer_names[i], text};
    }
}

void hm_signers_fini(struct hm_signers *signers)
{
    hm_arena_fini(&signers->arena);
}

struct hm_trust_root hm_signers_root(struct hm_signers *signers, size_t count, uint32_t threshold)
{
    return (struct hm_trust_root){
        .version = 1,
        .fleet = HM_SIGNERS_FLEET,
        .threshold = threshold,
        .approvers = {signers->approvers, count},
    };
}

struct hm_statement hm_signers_statement(struct hm_signers *signers)
{
    char digest[HM_DIGEST_TEXT_BYTES];

    hm_digest_text(POLICY, strlen(POLICY), digest);
    return (struct hm_statement){
        .fleet = HM_SIGNERS_FLEET,
        .policy = "exchange",
        .revision = 3,
        .digest = hm_arena_strdup(&signers->arena, digest),
        .content = POLICY,
        .match = "service:MSExchangePOP3BE",
        .author = hm_signer_names[HM_DAVID],
        .author_key_id = "",
        .expires = HM_SIGNERS_NOW_MS + 86400000,
    };
}

bool hm_signers_sign(struct hm_signers *signers, enum hm_signer who, struct hm_envelope *envelope)
{
    return hm_envelope_sign(envelope, &signers->pairs[who], &signers->arena, NULL) == HM_OK;
}
