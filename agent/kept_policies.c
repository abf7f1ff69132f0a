/* agent/kept_policies.c — policies.json: what stands in it, and how much of that is to be believed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/kept_policies.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/crypto/digest.h"

#define DIGEST_MAX (HM_DIGEST_TEXT_BYTES - 1)

/* ---- the file ------------------------------------------------------------------------------ */

static const struct hm_enum modes = {hm_policy_mode_names, HM_POLICY_MODE_COUNT};
static const struct hm_enum codes = {hm_refusal_code_names, HM_REFUSAL_CODE_COUNT};

static const struct hm_field policy_fields[] = {
    HM_F(hm_kept_policy, policy, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES, "name"),
    HM_F(hm_kept_policy, revision, HM_TYPE_U32, HM_FIELD_REQUIRED, 1, 0, "newest that was taken"),
    HM_F(hm_kept_policy, digest, HM_TYPE_STRING, HM_FIELD_REQUIRED, DIGEST_MAX, DIGEST_MAX,
         "of the policy document"),
    HM_F_RECORD_OPT(hm_kept_policy, envelope, &hm_record_envelope,
                    "as it was signed; absent: it was damaged"),
};
static const struct hm_record record_policy = {"kept_policy", sizeof(struct hm_kept_policy),
                                               policy_fields, HM_COUNT(policy_fields)};

static const struct hm_field refused_fields[] = {
    HM_F(hm_policy_refused, policy, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "as the statement says, verified by nobody"),
    HM_F(hm_policy_refused, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "likewise"),
    HM_F_ENUM(hm_policy_refused, mode, HM_FIELD_DEFAULT, &modes, "likewise"),
    HM_F_ENUM(hm_policy_refused, code, HM_FIELD_REQUIRED, &codes, "why"),
    HM_F(hm_policy_refused, text, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, 0, "for people"),
    HM_F(hm_policy_refused, since, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "refused first then"),
};
static const struct hm_record record_refused = {"refused_policy", sizeof(struct hm_policy_refused),
                                                refused_fields, HM_COUNT(refused_fields)};

static const struct hm_field file_fields[] = {
    HM_F_RECORDS(hm_kept_file, trust, HM_FIELD_DEFAULT, HM_LIMIT_TRUST_ROOTS, &hm_record_envelope,
                 "trust roots, oldest first; the last one counts"),
    HM_F(hm_kept_file, labels, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_LABELS,
         "of this host, as the collector knows them"),
    HM_F_RECORDS(hm_kept_file, policies, HM_FIELD_DEFAULT, HM_LIMIT_POLICIES_KEPT, &record_policy,
                 "the newest of each that was ever taken"),
    HM_F_RECORDS(hm_kept_file, refused, HM_FIELD_DEFAULT, HM_LIMIT_POLICIES, &record_refused,
                 "of the newest delivery"),
};
const struct hm_record hm_record_kept_file = {"policies", sizeof(struct hm_kept_file), file_fields,
                                              HM_COUNT(file_fields)};

static enum hm_status fail_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the policies of this host");
}

/* ---- one policy ---------------------------------------------------------------------------- */

/* err as a refusal with this code, unless it is about memory. */
static enum hm_status refuse(struct hm_err *err, const struct hm_err *why, const char *what)
{
    if (why->status == HM_ENOMEM) {
        return hm_fail(err, HM_ENOMEM, "%s", why->text);
    }
    return hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED, "%s: %s", what, why->text);
}

static enum hm_status same_match(const struct hm_match *a, const struct hm_match *b, bool *out_same,
                                 struct hm_err *err)
{
    struct hm_buf first;
    struct hm_buf second;
    enum hm_status st;

    hm_buf_init(&first, HM_LIMIT_MATCH_BYTES);
    hm_buf_init(&second, HM_LIMIT_MATCH_BYTES);
    st = hm_record_encode(&hm_record_match, a, &first, err);
    if (st == HM_OK) {
        st = hm_record_encode(&hm_record_match, b, &second, err);
    }
    if (st == HM_OK) {
        *out_same = strcmp(hm_buf_text(&first), hm_buf_text(&second)) == 0;
    }
    hm_buf_fini(&first);
    hm_buf_fini(&second);
    return st;
}

/* Whoever approved was shown the statement: it and the document must say the same. */
static enum hm_status check_agreement(const struct hm_statement *statement,
                                      const struct hm_policy *policy, struct hm_arena *arena,
                                      struct hm_err *err)
{
    struct hm_err why = {.text = ""};
    struct hm_match match;
    bool same = false;
    enum hm_status st;

    if (strcmp(statement->policy, policy->name) != 0 || statement->revision != policy->revision) {
        return hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED,
                            "name or revision of the policy document differs from the "
                            "statement's; have it signed again");
    }
    st = hm_record_decode(&hm_record_match, statement->match, strlen(statement->match), true, arena,
                          &match, NULL, &why);
    if (st == HM_OK) {
        st = same_match(&match, &policy->match, &same, &why);
    }
    if (st != HM_OK) {
        return refuse(err, &why, "match of the statement");
    }
    return same
               ? HM_OK
               : hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED,
                              "the policy document matches other hosts than the statement; have it "
                              "signed again");
}

enum hm_status hm_kept_policy_verify(const struct hm_envelope *envelope,
                                     const struct hm_statement_ctx *ctx, struct hm_arena *arena,
                                     struct hm_statement *out_statement,
                                     struct hm_policy *out_policy, struct hm_err *err)
{
    struct hm_err why = {.text = ""};
    struct hm_statement statement;
    struct hm_policy policy;
    enum hm_status st = hm_statement_check(envelope, ctx, arena, &statement, NULL, err);

    if (st != HM_OK) {
        return st;
    }
    if (statement.content[0] == '\0') {
        return hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED,
                            "the statement does not hold its policy document");
    }
    st = hm_record_decode(&hm_record_policy, statement.content, strlen(statement.content), true,
                          arena, &policy, NULL, &why);
    if (st != HM_OK) {
        return refuse(err, &why, "policy document");
    }
    st = check_agreement(&statement, &policy, arena, err);
    if (st == HM_OK) {
        st = hm_policy_check(&policy, err);
    }
    if (st == HM_OK) {
        *out_statement = statement;
        *out_policy = policy;
    }
    return st;
}

/* ---- what is believed ---------------------------------------------------------------------- */

static void log_dropped(const char *event, const char *policy, const struct hm_err *why)
{
    struct hm_log_line line;

    hm_log_begin(&line, HM_LOG_ERROR, event);
    hm_log_str(&line, "policy", policy);
    hm_log_err(&line, why);
    hm_log_end(&line);
}

/* Ends the chain of trust roots where one does not follow. */
static enum hm_status believe_trust(struct hm_kept_policies *kept, struct hm_err *err)
{
    struct hm_envelopes *trust = &kept->file.trust;

    for (size_t i = 0; i < trust->count; i++) {
        struct hm_err why;
        enum hm_status st = hm_trust_root_accept(i == 0 ? NULL : &kept->roots[i - 1], &trust->at[i],
                                                 &kept->arena, &kept->roots[i], &why);

        if (st == HM_ENOMEM) {
            return fail_memory(err);
        }
        if (st != HM_OK) {
            log_dropped("trust_root_dropped", "", &why);
            trust->count = i;
        }
    }
    return HM_OK;
}

static enum hm_status restart_from(struct hm_kept_policies *kept, const struct hm_envelope *pin,
                                   struct hm_err *err)
{
    const struct hm_trust_root *old = hm_kept_policies_root(kept);
    const struct hm_trust_root before = old != NULL ? *old : (struct hm_trust_root){.fleet = ""};
    struct hm_envelope *only = hm_arena_alloc(&kept->arena, 1, sizeof(*only));
    enum hm_status st;

    if (only == NULL) {
        return fail_memory(err);
    }
    *only = *pin;
    kept->file.trust = (struct hm_envelopes){only, 1};
    st = hm_trust_root_accept(NULL, pin, &kept->arena, &kept->roots[0], err);
    if (st == HM_OK && strcmp(before.fleet, kept->roots[0].fleet) != 0) {
        /* Another fleet counts its revisions by itself. */
        kept->file.policies.count = 0;
        kept->file.refused.count = 0;
        kept->file.labels.count = 0;
    }
    return st;
}

/* A pin that follows what was kept. */
static enum hm_status append(struct hm_kept_policies *kept, const struct hm_envelope *pin,
                             const struct hm_trust_root *root, struct hm_err *err)
{
    struct hm_envelopes *trust = &kept->file.trust;
    struct hm_envelope *all = hm_arena_alloc(&kept->arena, trust->count + 1, sizeof(*all));

    if (all == NULL) {
        return fail_memory(err);
    }
    memcpy(all, trust->at, trust->count * sizeof(*all));
    kept->roots[trust->count] = *root;
    all[trust->count] = *pin;
    *trust = (struct hm_envelopes){all, trust->count + 1};
    return HM_OK;
}

/* What an administrator gave outranks what was kept; what follows it, and was kept, counts on. */
static enum hm_status believe_pin(struct hm_kept_policies *kept, const struct hm_envelope *pin,
                                  struct hm_err *err)
{
    const struct hm_envelopes *trust = &kept->file.trust;
    struct hm_trust_root next;

    if (pin == NULL) {
        return HM_OK;
    }
    for (size_t i = 0; i < trust->count; i++) {
        if (strcmp(trust->at[i].payload, pin->payload) == 0) {
            return HM_OK;
        }
    }
    if (trust->count > 0 && trust->count < HM_LIMIT_TRUST_ROOTS &&
        hm_trust_root_accept(hm_kept_policies_root(kept), pin, &kept->arena, &next, NULL) ==
            HM_OK) {
        return append(kept, pin, &next, err);
    }
    return restart_from(kept, pin, err);
}

/* Under the newest trust root, or under an older one, by whose approvers it was taken then. */
static enum hm_status believe_row(struct hm_kept_policies *kept, struct hm_kept_policy *row,
                                  struct hm_kept_held *out, struct hm_err *err)
{
    struct hm_policy *policy = hm_arena_alloc(&kept->arena, 1, sizeof(*policy));
    struct hm_err why = {.status = HM_EDENIED, .text = "no trust root is pinned"};
    struct hm_statement statement;
    enum hm_status st = HM_EDENIED;

    if (policy == NULL) {
        return fail_memory(err);
    }
    for (size_t i = kept->file.trust.count; st != HM_OK && i > 0; i--) {
        const struct hm_trust_root *root = &kept->roots[i - 1];
        const struct hm_statement_ctx ctx = {root, root->fleet, NULL, 0, INT64_MIN};
        struct hm_err reason;

        st = hm_kept_policy_verify(&row->envelope, &ctx, &kept->arena, &statement, policy, &reason);
        if (st == HM_ENOMEM) {
            return fail_memory(err);
        }
        if (st != HM_OK && i == kept->file.trust.count) {
            why = reason;
        }
    }
    if (st == HM_OK && row->revision > policy->revision) {
        st = hm_fail(&why, HM_EDENIED, "a later revision was taken than the one that is kept");
    }
    if (st != HM_OK) {
        log_dropped("policy_dropped", row->policy, &why);
        row->has_envelope = false;
        return HM_OK;
    }
    row->policy = statement.policy;
    row->revision = policy->revision;
    row->digest = statement.digest;
    *out = (struct hm_kept_held){policy, statement.expires, false};
    return HM_OK;
}

static int compare_policies(const void *a, const void *b)
{
    const struct hm_policy *const *first = a;
    const struct hm_policy *const *second = b;

    return strcmp((*first)->name, (*second)->name);
}

static void gather(struct hm_kept_policies *kept)
{
    kept->all.count = 0;
    for (size_t i = 0; i < kept->file.policies.count; i++) {
        if (kept->held[i].policy != NULL && !kept->held[i].over) {
            kept->all.at[kept->all.count++] = kept->held[i].policy;
        }
    }
    if (kept->all.count > 0) {
        qsort(kept->all.at, kept->all.count, sizeof(const struct hm_policy *), compare_policies);
    }
}

/* Of two rows about one policy the later revision counts. */
static void drop_doubles(struct hm_kept_policies *kept)
{
    struct hm_kept_rows *rows = &kept->file.policies;

    for (size_t i = 0; i < rows->count; i++) {
        for (size_t k = i + 1; k < rows->count;) {
            if (strcmp(rows->at[i].policy, rows->at[k].policy) != 0) {
                k++;
                continue;
            }
            if (rows->at[k].revision > rows->at[i].revision) {
                rows->at[i] = rows->at[k];
                kept->held[i] = kept->held[k];
            }
            rows->count--;
            rows->at[k] = rows->at[rows->count];
            kept->held[k] = kept->held[rows->count];
        }
    }
}

static enum hm_status believe_rows(struct hm_kept_policies *kept, struct hm_err *err)
{
    struct hm_kept_file *file = &kept->file;
    const size_t most = file->policies.count;
    enum hm_status st = HM_OK;

    kept->held = hm_arena_alloc(&kept->arena, most, sizeof(*kept->held));
    kept->all.at = hm_arena_alloc(&kept->arena, most, sizeof(const struct hm_policy *));
    kept->refused.at =
        hm_arena_alloc(&kept->arena, most + file->refused.count, sizeof(*kept->refused.at));
    if (kept->held == NULL || kept->all.at == NULL || kept->refused.at == NULL) {
        return fail_memory(err);
    }
    for (size_t i = 0; i < file->refused.count; i++) {
        kept->refused.at[kept->refused.count++] = file->refused.at[i];
    }
    for (size_t i = 0; st == HM_OK && i < most; i++) {
        if (file->policies.at[i].has_envelope) {
            st = believe_row(kept, &file->policies.at[i], &kept->held[i], err);
        }
    }
    if (st == HM_OK) {
        drop_doubles(kept);
        gather(kept);
    }
    return st;
}

enum hm_status hm_kept_policies_decode(const char *text, size_t len, const struct hm_envelope *pin,
                                       struct hm_kept_policies *out_kept, struct hm_err *err)
{
    struct hm_kept_policies kept = {.held = NULL};
    enum hm_status st = HM_OK;

    hm_arena_init(&kept.arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    if (len > 0) {
        st = hm_record_decode(&hm_record_kept_file, text, len, false, &kept.arena, &kept.file, NULL,
                              err);
    }
    if (st == HM_OK) {
        st = believe_trust(&kept, err);
    }
    if (st == HM_OK) {
        st = believe_pin(&kept, pin, err);
    }
    if (st == HM_OK) {
        st = believe_rows(&kept, err);
    }
    if (st != HM_OK) {
        hm_arena_fini(&kept.arena);
        return st;
    }
    *out_kept = kept;
    return HM_OK;
}

void hm_kept_policies_fini(struct hm_kept_policies *kept)
{
    hm_arena_fini(&kept->arena);
}

static bool is_same_envelope(const struct hm_envelope *a, const struct hm_envelope *b)
{
    bool same = strcmp(a->payload, b->payload) == 0 && strcmp(a->type, b->type) == 0 &&
                a->signatures.count == b->signatures.count;

    for (size_t i = 0; same && i < a->signatures.count; i++) {
        same = strcmp(a->signatures.at[i].key_id, b->signatures.at[i].key_id) == 0 &&
               strcmp(a->signatures.at[i].signature, b->signatures.at[i].signature) == 0;
    }
    return same;
}

bool hm_kept_policies_obey(const struct hm_kept_policies *kept, const struct hm_envelope *envelope,
                           int64_t now_ms)
{
    for (size_t i = 0; i < kept->file.policies.count; i++) {
        if (kept->held[i].policy != NULL && now_ms < kept->held[i].expires &&
            is_same_envelope(&kept->file.policies.at[i].envelope, envelope)) {
            return true;
        }
    }
    return false;
}

const struct hm_trust_root *hm_kept_policies_root(const struct hm_kept_policies *kept)
{
    return kept->file.trust.count > 0 ? &kept->roots[kept->file.trust.count - 1] : NULL;
}

static void tell_expired(struct hm_kept_policies *kept, const struct hm_kept_held *held)
{
    kept->refused.at[kept->refused.count++] = (struct hm_policy_refused){
        .policy = held->policy->name,
        .revision = held->policy->revision,
        .mode = held->policy->mode,
        .code = HM_REFUSE_EXPIRED,
        .text = "The time for which this policy was signed is over; have it reviewed and signed "
                "again.",
        .since = held->expires,
    };
}

/* Delivered once more after its time, it is among the refused already. */
static bool is_told(const struct hm_kept_policies *kept, const struct hm_policy *policy)
{
    for (size_t i = 0; i < kept->refused.count; i++) {
        const struct hm_policy_refused *refused = &kept->refused.at[i];

        if (refused->code == HM_REFUSE_EXPIRED && refused->revision == policy->revision &&
            strcmp(refused->policy, policy->name) == 0) {
            return true;
        }
    }
    return false;
}

bool hm_kept_policies_expire(struct hm_kept_policies *kept, int64_t now_ms)
{
    bool changed = false;

    kept->refused.count = kept->file.refused.count; /* the first ones there */
    for (size_t i = 0; i < kept->file.policies.count; i++) {
        struct hm_kept_held *held = &kept->held[i];
        const bool over = held->policy != NULL && now_ms >= held->expires;

        if (over && !is_told(kept, held->policy)) {
            tell_expired(kept, held);
        }
        changed = changed || over != held->over;
        held->over = over;
    }
    if (changed) {
        gather(kept);
    }
    return changed;
}
