/* agent/policies.c — the policies that this host obeys: delivered, verified, kept.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is to be kept is first written, then read again from its own text: only what would be
 * believed after a restart ever counts. */
#include "agent/policies.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/kept_policies.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"

#define PATH_BYTES 4096
#define NOT_PINNED                                                                                 \
    "no trust root is pinned on this host, so nobody's signature counts here; it comes with the "  \
    "enrolment or the desired state once the fleet has one, or set trust_root_file"

struct hm_agent_policies {
    char path[PATH_BYTES];
    struct hm_arena pin_arena;
    bool has_pin; /* trust_root_file */
    struct hm_envelope pin;
    char digest[HM_DIGEST_TEXT_BYTES]; /* of the file as it is on disk; "" none */
    struct hm_kept_policies kept;
};

/* What shall be kept next. Rows and trust roots that stay are borrowed from what is kept now. */
struct work {
    struct hm_arena arena;
    struct hm_kept_file file;
    struct hm_trust_root roots[HM_LIMIT_TRUST_ROOTS]; /* of file.trust */
    struct hm_policy_seen *seen;                      /* of file.policies */
    bool *is_new;                                     /* likewise: taken with this delivery */
};

static enum hm_status fail_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the policies of this host");
}

/* ---- open ---------------------------------------------------------------------------------- */

static enum hm_status read_pin(struct hm_agent_policies *policies, const char *path,
                               struct hm_err *err)
{
    struct hm_trust_root root;
    enum hm_status st;
    const char *text;
    size_t len;

    if (path[0] == '\0') {
        return HM_OK;
    }
    st = hm_os_read_text(path, HM_LIMIT_SIGNED_BYTES, &policies->pin_arena, &text, &len, err);
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_envelope, text, len, false, &policies->pin_arena,
                              &policies->pin, NULL, err);
    }
    if (st == HM_OK) {
        st = hm_trust_root_accept(NULL, &policies->pin, &policies->pin_arena, &root, err);
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "trust_root_file %s is no trust root", path);
        return st;
    }
    policies->has_pin = true;
    return HM_OK;
}

/* A file that cannot be read as such must not keep the agent from its work: the collector's
 * newest delivery, verified as any, brings it back. */
static enum hm_status set_aside(const struct hm_agent_policies *policies, const char *text,
                                size_t len, struct hm_err *why, struct hm_err *err)
{
    char path[PATH_BYTES + 16];

    hm_err_prefix(why, "%s", policies->path);
    hm_log_failure(HM_LOG_ERROR, "policies_set_aside", why);
    (void)snprintf(path, sizeof(path), "%s.broken", policies->path);
    return hm_os_replace_file(path, text, len, true, err);
}

static enum hm_status load(struct hm_agent_policies *policies, struct hm_err *err)
{
    const struct hm_envelope *pin = policies->has_pin ? &policies->pin : NULL;
    struct hm_arena arena;
    struct hm_err why;
    enum hm_status st;
    char *text = NULL;
    size_t len = 0;

    hm_arena_init(&arena, HM_LIMIT_POLICIES_FILE_BYTES * 2);
    st = hm_os_read_file(policies->path, HM_LIMIT_POLICIES_FILE_BYTES, &arena, &text, &len, err);
    if (st == HM_OK) {
        hm_digest_text(text, len, policies->digest);
    } else if (st != HM_ENOENT) {
        goto done;
    }
    st = hm_kept_policies_decode(text, len, pin, &policies->kept, &why);
    if ((st == HM_EINVAL || st == HM_ETOOBIG) && len > 0) {
        st = set_aside(policies, text, len, &why, err);
        if (st == HM_OK) {
            st = hm_kept_policies_decode("", 0, pin, &policies->kept, err);
        }
    } else if (st != HM_OK) {
        st = hm_fail_code(err, st, why.code, "%s", why.text);
    }
done:
    hm_arena_fini(&arena);
    return st;
}

enum hm_status hm_agent_policies_open(const char *state_dir, const char *trust_file,
                                      struct hm_agent_policies **out_policies, struct hm_err *err)
{
    struct hm_agent_policies *policies = calloc(1, sizeof(*policies));
    enum hm_status st;
    int len;

    if (policies == NULL) {
        return fail_memory(err);
    }
    hm_arena_init(&policies->pin_arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    len = snprintf(policies->path, sizeof(policies->path), "%s/policies.json", state_dir);
    st = len < 0 || (size_t)len >= sizeof(policies->path)
             ? hm_fail(err, HM_EINVAL, "%.200s…: the path is too long", state_dir)
             : read_pin(policies, trust_file, err);
    if (st == HM_OK) {
        st = load(policies, err);
    }
    if (st != HM_OK) {
        hm_agent_policies_close(policies);
        return st;
    }
    *out_policies = policies;
    return HM_OK;
}

void hm_agent_policies_close(struct hm_agent_policies *policies)
{
    if (policies != NULL) {
        hm_kept_policies_fini(&policies->kept);
        hm_arena_fini(&policies->pin_arena);
        free(policies);
    }
}

/* ---- what shall be kept next --------------------------------------------------------------- */

/* Room for more rows and refusals, and what is kept now. */
static enum hm_status work_init(struct work *work, const struct hm_agent_policies *policies,
                                size_t more, struct hm_err *err)
{
    const struct hm_kept_file *now = &policies->kept.file;
    const size_t rows = now->policies.count + more;

    memset(work, 0, sizeof(*work));
    hm_arena_init(&work->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    work->file.labels = now->labels;
    work->file.trust.at =
        hm_arena_alloc(&work->arena, HM_LIMIT_TRUST_ROOTS, sizeof(*work->file.trust.at));
    work->file.policies.at = hm_arena_alloc(&work->arena, rows, sizeof(*work->file.policies.at));
    work->file.refused.at = hm_arena_alloc(&work->arena, more, sizeof(*work->file.refused.at));
    work->seen = hm_arena_alloc(&work->arena, rows, sizeof(*work->seen));
    work->is_new = hm_arena_alloc(&work->arena, rows, sizeof(*work->is_new));
    if (work->file.trust.at == NULL || work->file.policies.at == NULL ||
        work->file.refused.at == NULL || work->seen == NULL || work->is_new == NULL) {
        hm_arena_fini(&work->arena);
        return fail_memory(err);
    }
    work->file.trust.count = now->trust.count;
    for (size_t i = 0; i < now->trust.count; i++) {
        work->file.trust.at[i] = now->trust.at[i];
        work->roots[i] = policies->kept.roots[i];
    }
    work->file.policies.count = now->policies.count;
    for (size_t i = 0; i < now->policies.count; i++) {
        const struct hm_kept_policy *row = &now->policies.at[i];

        work->file.policies.at[i] = *row;
        work->seen[i] = (struct hm_policy_seen){row->policy, row->revision, row->digest};
    }
    return HM_OK;
}

static int compare_rows(const void *a, const void *b)
{
    const struct hm_kept_policy *first = a;
    const struct hm_kept_policy *second = b;

    return strcmp(first->policy, second->policy);
}

/* To disk, and from there into what counts. */
static enum hm_status keep(struct hm_agent_policies *policies, struct work *work, bool *out_changed,
                           struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];
    struct hm_kept_policies next = {.held = NULL};
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, HM_LIMIT_POLICIES_FILE_BYTES);
    if (work->file.policies.count > 0) {
        qsort(work->file.policies.at, work->file.policies.count, sizeof(struct hm_kept_policy),
              compare_rows);
    }
    st = hm_record_encode_pretty(&hm_record_kept_file, &work->file, &json, err);
    if (st != HM_OK) {
        goto done;
    }
    hm_digest_text(json.data, json.len, digest);
    if (strcmp(digest, policies->digest) == 0) {
        *out_changed = false;
        goto done;
    }
    st = hm_kept_policies_decode(json.data, json.len, policies->has_pin ? &policies->pin : NULL,
                                 &next, err);
    if (st == HM_OK) {
        st = hm_os_replace_file(policies->path, json.data, json.len, true, err);
    }
    if (st != HM_OK) {
        hm_kept_policies_fini(&next);
        goto done;
    }
    memcpy(policies->digest, digest, sizeof(digest));
    hm_kept_policies_fini(&policies->kept);
    policies->kept = next;
    *out_changed = true;
done:
    if (st != HM_OK) {
        hm_err_prefix(err, "%s: the policies cannot be kept, the last ones stay", policies->path);
    }
    hm_buf_fini(&json);
    return st;
}

/* ---- trust --------------------------------------------------------------------------------- */

static const struct hm_trust_root *newest_root(const struct work *work)
{
    return work->file.trust.count > 0 ? &work->roots[work->file.trust.count - 1] : NULL;
}

static void append_root(struct work *work, const struct hm_envelope *envelope,
                        const struct hm_trust_root *root)
{
    struct hm_envelopes *trust = &work->file.trust;
    struct hm_log_line line;

    if (trust->count == HM_LIMIT_TRUST_ROOTS) {
        trust->count--;
        memmove(trust->at, trust->at + 1, trust->count * sizeof(*trust->at));
        memmove(work->roots, work->roots + 1, trust->count * sizeof(work->roots[0]));
    }
    work->roots[trust->count] = *root;
    trust->at[trust->count++] = *envelope;
    hm_log_begin(&line, HM_LOG_INFO, "trust_root_pinned");
    hm_log_u64(&line, "version", root->version);
    hm_log_str(&line, "fleet", root->fleet);
    hm_log_end(&line);
}

static const struct hm_envelope *find_version(struct work *work, const struct hm_envelopes *trust,
                                              uint64_t version)
{
    for (size_t i = 0; i < trust->count; i++) {
        struct hm_trust_root root;

        if (hm_trust_root_decode(&trust->at[i], &work->arena, &root, NULL) == HM_OK &&
            root.version == version) {
            return &trust->at[i];
        }
    }
    return NULL;
}

/* Step by step to the newest that follows ours. Without one of ours the first that is whole is
 * pinned: it came over the connection that enrolled us. */
static enum hm_status follow_trust(struct work *work, const struct hm_envelopes *trust,
                                   struct hm_err *err)
{
    struct hm_trust_root next;
    struct hm_err why;

    for (size_t i = 0; newest_root(work) == NULL && i < trust->count; i++) {
        if (hm_trust_root_accept(NULL, &trust->at[i], &work->arena, &next, &why) == HM_OK) {
            append_root(work, &trust->at[i], &next);
        }
    }
    for (size_t i = 0; newest_root(work) != NULL && i < trust->count; i++) {
        const struct hm_trust_root *root = newest_root(work);
        const struct hm_envelope *found = find_version(work, trust, root->version + 1);
        enum hm_status st;

        if (found == NULL) {
            break;
        }
        st = hm_trust_root_accept(root, found, &work->arena, &next, &why);
        if (st == HM_ENOMEM) {
            return fail_memory(err);
        }
        if (st != HM_OK) {
            hm_log_failure(HM_LOG_WARNING, "trust_root_refused", &why);
            break;
        }
        append_root(work, found, &next);
    }
    return HM_OK;
}

/* One for another fleet: what was signed for the old one counts no more, nor do its revisions. */
static enum hm_status change_fleet(struct hm_agent_policies *policies, struct work *work,
                                   const struct hm_envelope *envelope,
                                   const struct hm_trust_root *root, struct hm_err *err)
{
    if (policies->has_pin) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_WRONG_FLEET,
                            "the collector's trust root is that of fleet %s, trust_root_file "
                            "names fleet %s",
                            root->fleet, newest_root(work)->fleet);
    }
    work->file = (struct hm_kept_file){
        .trust = {work->file.trust.at,    0},
          .policies = {work->file.policies.at, 0}
    };
    append_root(work, envelope, root);
    return HM_OK;
}

static enum hm_status pin(struct hm_agent_policies *policies, struct work *work,
                          const struct hm_envelope *envelope, struct hm_err *err)
{
    const struct hm_trust_root *root = newest_root(work);
    struct hm_trust_root next;
    enum hm_status st = hm_trust_root_accept(NULL, envelope, &work->arena, &next, err);

    if (st != HM_OK) {
        return st;
    }
    if (root == NULL) {
        append_root(work, envelope, &next);
        return HM_OK;
    }
    if (strcmp(root->fleet, next.fleet) != 0) {
        return change_fleet(policies, work, envelope, &next, err);
    }
    if (next.version == root->version + 1) {
        st = hm_trust_root_accept(root, envelope, &work->arena, &next, err);
        if (st == HM_OK) {
            append_root(work, envelope, &next);
        }
        return st;
    }
    if (next.version == root->version &&
        strcmp(envelope->payload, work->file.trust.at[work->file.trust.count - 1].payload) != 0) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_REPLAYED,
                            "version %" PRIu64 " of the trust root is pinned already, with other "
                            "approvers",
                            root->version);
    }
    return HM_OK; /* an older one, or further on: the desired state brings what lies between */
}

enum hm_status hm_agent_policies_pin(struct hm_agent_policies *policies,
                                     const struct hm_envelope *trust_root, struct hm_err *err)
{
    struct work work;
    bool changed;
    enum hm_status st = work_init(&work, policies, 0, err);

    if (st != HM_OK) {
        return st;
    }
    work.file.refused = policies->kept.file.refused;
    st = pin(policies, &work, trust_root, err);
    if (st == HM_OK) {
        st = keep(policies, &work, &changed, err);
    } else {
        hm_err_prefix(err, "the collector's trust root is not taken");
    }
    hm_arena_fini(&work.arena);
    return st;
}

/* ---- statements ---------------------------------------------------------------------------- */

static enum hm_refusal_code code_of(const struct hm_err *why)
{
    for (size_t i = 1; i < HM_REFUSAL_CODE_COUNT; i++) {
        if (strcmp(hm_refusal_code_names[i], hm_err_code(why)) == 0) {
            return (enum hm_refusal_code)i;
        }
    }
    return HM_REFUSE_MALFORMED;
}

/* What it says of itself, for the report. */
static void describe(const struct hm_envelope *envelope, struct hm_arena *arena,
                     struct hm_policy_refused *out)
{
    struct hm_envelope as_statement = *envelope;
    struct hm_statement statement;
    struct hm_policy policy;

    as_statement.type = HM_SIGNED_STATEMENT; /* one that is passed off as another kind has a name */
    out->policy = "";
    out->mode = HM_POLICY_ENFORCE;
    if (hm_statement_decode(&as_statement, arena, &statement, NULL) != HM_OK) {
        return;
    }
    out->policy = statement.policy;
    out->revision = statement.revision > UINT32_MAX ? UINT32_MAX : (uint32_t)statement.revision;
    if (hm_record_decode(&hm_record_policy, statement.content, strlen(statement.content), false,
                         arena, &policy, NULL, NULL) == HM_OK) {
        out->mode = policy.mode;
    }
}

static bool is_same_refusal(const struct hm_policy_refused *a, const struct hm_policy_refused *b)
{
    return strcmp(a->policy, b->policy) == 0 && a->revision == b->revision && a->code == b->code;
}

static void log_statement(const char *event, enum hm_log_level level, const char *policy,
                          uint32_t revision, const struct hm_err *why)
{
    struct hm_log_line line;

    hm_log_begin(&line, level, event);
    hm_log_str(&line, "policy", policy);
    hm_log_u64(&line, "revision", revision);
    if (why != NULL) {
        hm_log_err(&line, why);
    }
    hm_log_end(&line);
}

static enum hm_status refuse(const struct hm_agent_policies *policies, struct work *work,
                             const struct hm_envelope *envelope, const struct hm_err *why,
                             int64_t now_ms, struct hm_err *err)
{
    const struct hm_kept_refusals *before = &policies->kept.refused;
    struct hm_policy_refused refused = {.code = code_of(why), .since = now_ms};
    bool known = false;

    describe(envelope, &work->arena, &refused);
    refused.text = hm_str_is_utf8(why->text, strlen(why->text))
                       ? hm_arena_strdup(&work->arena, why->text)
                       : hm_refusal_code_names[refused.code];
    if (refused.text == NULL) {
        return fail_memory(err);
    }
    for (size_t i = 0; i < before->count; i++) {
        if (is_same_refusal(&before->at[i], &refused)) {
            refused.since = before->at[i].since;
            known = true;
        }
    }
    if (!known) {
        log_statement("policy_refused", HM_LOG_WARNING, refused.policy, refused.revision, why);
    }
    work->file.refused.at[work->file.refused.count++] = refused;
    return HM_OK;
}

static enum hm_status put_row(struct work *work, const struct hm_envelope *envelope,
                              const struct hm_statement *statement, struct hm_err *why)
{
    const struct hm_kept_policy row = {.policy = statement->policy,
                                       .revision = (uint32_t)statement->revision,
                                       .digest = statement->digest,
                                       .has_envelope = true,
                                       .envelope = *envelope};
    struct hm_kept_rows *rows = &work->file.policies;
    size_t at = 0;

    while (at < rows->count && strcmp(rows->at[at].policy, row.policy) != 0) {
        at++;
    }
    if (at == HM_LIMIT_POLICIES_KEPT) {
        return hm_fail_code(why, HM_EDENIED, "local_limit",
                            "this host has taken %u policies already, and keeps each for ever",
                            HM_LIMIT_POLICIES_KEPT);
    }
    rows->at[at] = row;
    work->seen[at] = (struct hm_policy_seen){row.policy, row.revision, row.digest};
    work->is_new[at] = true;
    rows->count += at == rows->count ? 1 : 0;
    return HM_OK;
}

static enum hm_status take_one(const struct hm_agent_policies *policies, struct work *work,
                               const struct hm_envelope *envelope, int64_t now_ms,
                               struct hm_err *err)
{
    const struct hm_trust_root *root = newest_root(work);
    struct hm_err why = {.text = ""};
    struct hm_statement statement;
    struct hm_policy policy;
    enum hm_status st;

    if (hm_kept_policies_obey(&policies->kept, envelope, now_ms)) {
        return HM_OK; /* also under a trust root whose approvers did not sign it */
    }
    if (root == NULL) {
        st = hm_fail_code(&why, HM_EDENIED, HM_REFUSED_UNKNOWN_KEY, "%s", NOT_PINNED);
    } else {
        const struct hm_statement_ctx ctx = {root, root->fleet, work->seen,
                                             work->file.policies.count, now_ms};

        st = hm_kept_policy_verify(envelope, &ctx, &work->arena, &statement, &policy, &why);
    }
    if (st == HM_OK) {
        st = put_row(work, envelope, &statement, &why);
    }
    if (st == HM_ENOMEM) {
        return fail_memory(err);
    }
    return st == HM_OK ? HM_OK : refuse(policies, work, envelope, &why, now_ms, err);
}

enum hm_status hm_agent_policies_take(struct hm_agent_policies *policies,
                                      const struct hm_desired *desired, int64_t now_ms,
                                      bool *out_changed, struct hm_err *err)
{
    const bool expired = hm_agent_policies_expire(policies, now_ms);
    struct work work;
    bool changed = false;
    enum hm_status st = work_init(&work, policies, desired->policies.count, err);

    if (st != HM_OK) {
        return st;
    }
    work.file.labels = desired->labels;
    st = follow_trust(&work, &desired->trust, err);
    for (size_t i = 0; st == HM_OK && i < desired->policies.count; i++) {
        st = take_one(policies, &work, &desired->policies.at[i], now_ms, err);
    }
    if (st == HM_OK) {
        st = keep(policies, &work, &changed, err);
    }
    for (size_t i = 0; st == HM_OK && i < work.file.policies.count; i++) {
        if (work.is_new[i]) { /* and on disk: a full one takes nothing, however often it is tried */
            log_statement("policy_taken", HM_LOG_INFO, work.seen[i].policy,
                          (uint32_t)work.seen[i].revision, NULL);
        }
    }
    if (st == HM_OK) {
        (void)hm_agent_policies_expire(policies, now_ms);
        *out_changed = changed || expired;
    }
    hm_arena_fini(&work.arena);
    return st;
}

/* ---- what is asked ------------------------------------------------------------------------- */

const struct hm_policies *hm_agent_policies_all(const struct hm_agent_policies *policies)
{
    return &policies->kept.all;
}

bool hm_agent_policies_expire(struct hm_agent_policies *policies, int64_t now_ms)
{
    return hm_kept_policies_expire(&policies->kept, now_ms);
}

const struct hm_policy_refused *hm_agent_policies_refused(const struct hm_agent_policies *policies,
                                                          size_t *out_count)
{
    *out_count = policies->kept.refused.count;
    return policies->kept.refused.at;
}

const struct hm_strings *hm_agent_policies_labels(const struct hm_agent_policies *policies)
{
    return &policies->kept.file.labels;
}

uint64_t hm_agent_policies_trust_version(const struct hm_agent_policies *policies)
{
    const struct hm_trust_root *root = hm_kept_policies_root(&policies->kept);

    return root != NULL ? root->version : 0;
}
