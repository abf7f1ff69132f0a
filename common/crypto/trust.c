/* common/crypto/trust.c — the trust root: whose signatures count for a fleet, and how many.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/crypto/trust.h"

#include <inttypes.h>
#include <string.h>

#include "common/crypto/id.h"

static enum hm_status malformed(struct hm_err *err, const char *what)
{
    return hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED, "trust root: %s", what);
}

/* The approvers' keys; refuses what stands twice. */
static enum hm_status parse_keys(const struct hm_trust_root *root,
                                 struct hm_public_key out_keys[HM_LIMIT_APPROVERS],
                                 struct hm_err *err)
{
    const struct hm_approvers *list = &root->approvers;

    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->at[i].name;

        if (name[0] == '\0') {
            return malformed(err, "an approver has no name");
        }
        if (hm_public_key_parse(list->at[i].public_key, &out_keys[i], err) != HM_OK) {
            return hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED,
                                "trust root: approver %zu has no valid public key", i + 1);
        }
        for (size_t k = 0; k < i; k++) {
            if (hm_str_equal_nocase(name, list->at[k].name) ||
                hm_public_key_equal(&out_keys[i], &out_keys[k])) {
                return hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED,
                                    "trust root: approvers %zu and %zu share a name or a key",
                                    k + 1, i + 1);
            }
        }
    }
    return HM_OK;
}

static enum hm_status read_root(const struct hm_trust_root *root,
                                struct hm_public_key out_keys[HM_LIMIT_APPROVERS],
                                struct hm_err *err)
{
    if (root->version == 0) {
        return malformed(err, "versions start with 1");
    }
    if (!hm_id_is_valid(root->fleet)) {
        return malformed(err, "its fleet is no identifier of 26 characters");
    }
    if (root->approvers.count == 0 || root->approvers.count > HM_LIMIT_APPROVERS) {
        return hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED,
                            "trust root: it needs 1 to %u approvers", HM_LIMIT_APPROVERS);
    }
    if (root->threshold == 0 || root->threshold > root->approvers.count) {
        return malformed(err, "its threshold must be 1 to the number of its approvers");
    }
    if (root->single_operator && root->approvers.count != 1) {
        return malformed(err, "a single operator is the only approver");
    }
    return parse_keys(root, out_keys, err);
}

enum hm_status hm_trust_root_check(const struct hm_trust_root *root, struct hm_err *err)
{
    struct hm_public_key keys[HM_LIMIT_APPROVERS];

    return read_root(root, keys, err);
}

/* Why an envelope with these signatures is not enough. */
static enum hm_status judge_signers(const struct hm_trust_root *root,
                                    const struct hm_envelope_signers *signers, size_t signatures,
                                    struct hm_err *err)
{
    if (signers->count >= root->threshold) {
        return HM_OK;
    }
    if (signatures == 0) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_UNSIGNED, "nobody has signed this");
    }
    if (signers->wrong > 0) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_ALTERED,
                            "this is not what was signed: %zu signatures in the name of an "
                            "approver do not fit it",
                            signers->wrong);
    }
    if (signers->count == 0) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_UNKNOWN_KEY,
                            "signed by %zu keys, none of an approver in version %" PRIu64
                            " of the trust root",
                            signers->unknown, root->version);
    }
    return hm_fail_code(err, HM_EDENIED, HM_REFUSED_THRESHOLD,
                        "%zu of the %" PRIu32 " signatures that version %" PRIu64
                        " of the trust root asks for",
                        signers->count, root->threshold, root->version);
}

enum hm_status hm_trust_root_verify(const struct hm_trust_root *root,
                                    const struct hm_envelope *envelope, const char *type,
                                    struct hm_arena *arena, struct hm_envelope_signers *out_signers,
                                    struct hm_err *err)
{
    struct hm_public_key keys[HM_LIMIT_APPROVERS];
    struct hm_envelope_signers signers;
    enum hm_status st = read_root(root, keys, err);

    if (st == HM_OK) {
        st = hm_envelope_verify(envelope, type, keys, root->approvers.count, arena, &signers, err);
    }
    if (st == HM_OK) {
        st = judge_signers(root, &signers, envelope->signatures.count, err);
    }
    if (st == HM_OK && out_signers != NULL) {
        *out_signers = signers;
    }
    return st;
}

enum hm_status hm_trust_root_follows(const struct hm_trust_root *root,
                                     const struct hm_trust_root *next, struct hm_err *err)
{
    if (strcmp(root->fleet, next->fleet) != 0) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_WRONG_FLEET,
                            "this trust root is another fleet's");
    }
    if (next->version <= root->version) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_REPLAYED,
                            "version %" PRIu64 " of the trust root; version %" PRIu64
                            " is in use already",
                            next->version, root->version);
    }
    if (next->version - root->version != 1) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_VERSION_GAP,
                            "version %" PRIu64 " of the trust root cannot follow version %" PRIu64
                            ": versions between them are missing",
                            next->version, root->version);
    }
    return HM_OK;
}

static bool is_author(const struct hm_approver *approver, const char *author,
                      const char *author_key_id)
{
    struct hm_public_key key;
    char key_id[HM_KEY_ID_TEXT_BYTES];

    if (hm_str_equal_nocase(approver->name, author)) {
        return true;
    }
    if (hm_public_key_parse(approver->public_key, &key, NULL) != HM_OK) {
        return true; /* no key, no second person */
    }
    hm_public_key_id(&key, key_id);
    return strcmp(key_id, author_key_id) == 0;
}

enum hm_status hm_trust_root_check_author(const struct hm_trust_root *root,
                                          const struct hm_envelope_signers *signers,
                                          const char *author, const char *author_key_id,
                                          struct hm_err *err)
{
    if (root->single_operator) {
        return HM_OK;
    }
    for (size_t i = 0; i < root->approvers.count; i++) {
        if (signers->by[i] && !is_author(&root->approvers.at[i], author, author_key_id)) {
            return HM_OK;
        }
    }
    return hm_fail_code(err, HM_EDENIED, HM_REFUSED_AUTHOR_ONLY,
                        "only its author has approved this: somebody else must sign, too");
}
