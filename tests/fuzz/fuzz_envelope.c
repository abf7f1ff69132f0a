/* tests/fuzz/fuzz_envelope.c — envelopes from strangers: nothing is believed that two approvers
 * have not signed. The input is an envelope, the body of one that is then signed, and a key file.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/crypto/digest.h"
#include "common/wire/records.h"
#include "tests/support/signers.h"

struct fuzz {
    struct hm_signers people;
    struct hm_trust_root root;
    struct hm_statement_ctx ctx;
};

static void check_root(struct fuzz *fuzz, const struct hm_envelope *envelope)
{
    struct hm_trust_root next;
    struct hm_envelope again;

    if (hm_trust_root_accept(&fuzz->root, envelope, &fuzz->people.arena, &next, NULL) == HM_OK) {
        HM_MUST(next.version == 2 && strcmp(next.fleet, HM_SIGNERS_FLEET) == 0);
        HM_MUST(hm_trust_root_check(&next, NULL) == HM_OK);
        HM_MUST(hm_trust_root_encode(&next, &fuzz->people.arena, &again, NULL) == HM_OK);
    }
}

static void check_statement(struct fuzz *fuzz, const struct hm_envelope *envelope)
{
    struct hm_envelope_signers signers;
    struct hm_envelope again;
    struct hm_statement statement;
    struct hm_err err = {.text = ""};

    if (hm_statement_check(envelope, &fuzz->ctx, &fuzz->people.arena, &statement, &signers, &err) !=
        HM_OK) {
        HM_MUST(err.text[0] != '\0');
        return;
    }
    HM_MUST(signers.count >= 2 && strcmp(statement.fleet, HM_SIGNERS_FLEET) == 0);
    HM_MUST(statement.revision >= 1 && statement.expires > HM_SIGNERS_NOW_MS);
    HM_MUST(hm_statement_encode(&statement, &fuzz->people.arena, &again, NULL) == HM_OK);
}

static void check_envelope(struct fuzz *fuzz, const char *text, size_t len)
{
    struct hm_envelope envelope;

    if (hm_record_decode(&hm_record_envelope, text, len, false, &fuzz->people.arena, &envelope,
                         NULL, NULL) == HM_OK) {
        check_statement(fuzz, &envelope);
        check_root(fuzz, &envelope);
    }
}

static void check_body(struct fuzz *fuzz, const char *type, const char *text, size_t len)
{
    struct hm_envelope envelope;
    struct hm_envelope_signers signers;

    if (hm_envelope_new(type, text, len, &fuzz->people.arena, &envelope, NULL) != HM_OK) {
        return;
    }
    HM_MUST(hm_signers_sign(&fuzz->people, HM_ANNA, &envelope));
    HM_MUST(hm_signers_sign(&fuzz->people, HM_CHLOE, &envelope));
    HM_MUST(hm_trust_root_verify(&fuzz->root, &envelope, type, &fuzz->people.arena, &signers,
                                 NULL) == HM_OK);
    HM_MUST(signers.body.len == len && memcmp(signers.body.at, text, len) == 0);
    check_statement(fuzz, &envelope);
    check_root(fuzz, &envelope);
}

static void check_key(struct fuzz *fuzz, const char *text, size_t len)
{
    struct hm_signing_key key;
    struct hm_key_pair pair;

    if (hm_record_decode(&hm_record_signing_key, text, len, true, &fuzz->people.arena, &key, NULL,
                         NULL) == HM_OK &&
        hm_key_open(&key, "correct horse battery", &fuzz->people.arena, &pair, NULL) == HM_OK) {
        hm_key_pair_fini(&pair);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct fuzz fuzz;

    HM_MUST(hm_crypto_init(NULL) == HM_OK);
    hm_signers_init(&fuzz.people);
    fuzz.root = hm_signers_root(&fuzz.people, 3, 2);
    fuzz.ctx = (struct hm_statement_ctx){&fuzz.root, HM_SIGNERS_FLEET, NULL, 0, HM_SIGNERS_NOW_MS};
    check_envelope(&fuzz, text, size);
    check_body(&fuzz, HM_SIGNED_STATEMENT, text, size);
    check_body(&fuzz, HM_SIGNED_TRUST_ROOT, text, size);
    check_key(&fuzz, text, size);
    hm_signers_fini(&fuzz.people);
    return 0;
}
