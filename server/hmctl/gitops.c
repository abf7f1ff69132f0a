/* server/hmctl/gitops.c — a folder of policy files against the collector.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/gitops.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "server/hmctl/plan_show.h"

/* ---- the collector's side ----------------------------------------------------------------------
 */

enum hm_status hm_gitops_policies(struct hm_ctl *ctl, struct hm_api_policy_list *out_list,
                                  struct hm_err *err)
{
    struct hm_api_policies page = {.next = ""};
    struct hm_api_policy_list list = {NULL, 0};
    size_t room = 0;
    enum hm_status st;

    do {
        const struct hm_ctl_param cursor = {"cursor", page.next[0] == '\0' ? NULL : page.next};
        const struct hm_ctl_exchange exchange = {
            .method = "GET",
            .path = hm_ctl_url(&ctl->arena, "/v1/policies", &cursor, 1),
            .answers = &hm_record_api_policies,
            .answer = &page,
        };

        st = hm_ctl_exchange(ctl, &exchange, err);
        for (size_t i = 0; st == HM_OK && i < page.items.count; i++) {
            if (hm_arena_grow(&ctl->arena, (void **)&list.at, list.count, &room,
                              sizeof(*list.at)) != 0) {
                return hm_fail(err, HM_ENOMEM, "no memory for the policies");
            }
            list.at[list.count++] = page.items.at[i];
        }
    } while (st == HM_OK && page.next[0] != '\0');
    if (st == HM_OK) {
        *out_list = list;
    }
    return st;
}

/* The newest revision came to nothing; what was live before still is. */
static bool is_dropped(const struct hm_api_policy *policy)
{
    return strcmp(policy->state, "withdrawn") == 0 ||
           (strcmp(policy->state, "rejected") == 0 && strcmp(policy->mode, "retire") == 0);
}

static bool is_live(const struct hm_api_policy *policy)
{
    return policy->live != 0 && strcmp(policy->live_state, "retired") != 0;
}

bool hm_gitops_is_over(const struct hm_api_policy *policy)
{
    return is_dropped(policy) ? !is_live(policy) : strcmp(policy->mode, "retire") == 0;
}

enum hm_status hm_gitops_document(struct hm_ctl *ctl, const char *name,
                                  struct hm_api_policy_detail *out_detail,
                                  struct hm_policy *out_policy, struct hm_err *err)
{
    enum hm_status st = hm_ctl_policy_get(ctl, name, out_detail, err);

    if (st == HM_OK) {
        const bool none = out_detail->has_live && is_dropped(&out_detail->policy);
        const char *document = none ? out_detail->live.document : out_detail->newest.document;

        st = hm_record_decode(&hm_record_policy, document, strlen(document), true, &ctl->arena,
                              out_policy, NULL, err);
    }
    if (st == HM_OK) {
        out_policy->revision = 0;
        st = hm_policy_check(out_policy, err);
    }
    /* The name becomes that of a file here: no collector may choose another place. */
    if (st == HM_OK && strcmp(out_policy->name, name) != 0) {
        st = hm_fail(err, HM_EINVAL, "the collector's policy %s calls itself %s", name,
                     out_policy->name);
    }
    return st;
}

/* ---- the folder's side
 * --------------------------------------------------------------------------- */

/* Length of the name without a suffix that we take; 0 for other files. */
static size_t stem(const char *file)
{
    static const char *const suffixes[] = {".yaml", ".yml", ".json"};
    const size_t len = strlen(file);

    for (size_t i = 0; i < HM_COUNT(suffixes); i++) {
        const size_t suffix = strlen(suffixes[i]);

        if (file[0] != '.' && len > suffix && strcmp(file + len - suffix, suffixes[i]) == 0) {
            return len - suffix;
        }
    }
    return 0;
}

static int compare_steps(const void *a, const void *b)
{
    return strcmp(((const struct hm_gitops_step *)a)->name,
                  ((const struct hm_gitops_step *)b)->name);
}

static struct hm_gitops_step *put_step(struct hm_ctl *ctl, struct hm_gitops *gitops, size_t *room)
{
    if (hm_arena_grow(&ctl->arena, (void **)&gitops->at, gitops->count, room,
                      sizeof(*gitops->at)) != 0) {
        return NULL;
    }
    gitops->at[gitops->count] = (struct hm_gitops_step){.plan_digest = ""};
    return &gitops->at[gitops->count++];
}

static enum hm_status read_files(struct hm_ctl *ctl, const char *folder, struct hm_gitops *gitops,
                                 size_t *room, struct hm_err *err)
{
    struct hm_strings names;
    enum hm_status st = hm_os_list_folder(folder, &ctl->arena, &names, err);

    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const size_t len = stem(names.at[i]);
        const char *path = hm_arena_printf(&ctl->arena, "%s/%s", folder, names.at[i]);
        struct hm_gitops_step *step;

        if (len == 0) {
            continue;
        }
        step = put_step(ctl, gitops, room);
        if (step == NULL || path == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the policies");
        }
        st = hm_ctl_read_policy(ctl, path, &step->policy, err);
        if (st == HM_OK && (strlen(step->policy.name) != len ||
                            strncmp(step->policy.name, names.at[i], len) != 0)) {
            st = hm_fail(err, HM_EINVAL, "%s: its policy is called %s; name file and policy alike",
                         path, step->policy.name);
        }
        step->kind = HM_GITOPS_CREATE;
        step->name = step->policy.name;
        step->policy.revision = 0;
    }
    return st;
}

/* ---- what differs
 * -------------------------------------------------------------------------------- */

static enum hm_status is_same(struct hm_ctl *ctl, const char *name, const struct hm_policy *policy,
                              bool *out_same, struct hm_err *err)
{
    struct hm_api_policy_detail detail;
    struct hm_policy there;
    struct hm_buf a;
    struct hm_buf b;
    enum hm_status st = hm_gitops_document(ctl, name, &detail, &there, err);

    hm_buf_init(&a, HM_LIMIT_DOCUMENT_BYTES);
    hm_buf_init(&b, HM_LIMIT_DOCUMENT_BYTES);
    if (st == HM_OK) {
        st = hm_record_encode(&hm_record_policy, policy, &a, err);
    }
    if (st == HM_OK) {
        st = hm_record_encode(&hm_record_policy, &there, &b, err);
    }
    *out_same = st == HM_OK && a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
    hm_buf_fini(&a);
    hm_buf_fini(&b);
    return st;
}

static struct hm_gitops_step *find_step(const struct hm_gitops *gitops, size_t count,
                                        const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(gitops->at[i].name, name) == 0) {
            return &gitops->at[i];
        }
    }
    return NULL;
}

static enum hm_status compare(struct hm_ctl *ctl, const struct hm_api_policy_list *there,
                              bool prune, struct hm_gitops *gitops, size_t *room,
                              struct hm_err *err)
{
    const size_t files = gitops->count;
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < there->count; i++) {
        const struct hm_api_policy *policy = &there->at[i];
        struct hm_gitops_step *step = find_step(gitops, files, policy->name);
        bool same = false;

        if (step == NULL && hm_gitops_is_over(policy)) {
            continue;
        }
        if (step == NULL) {
            step = put_step(ctl, gitops, room);
            if (step == NULL) {
                return hm_fail(err, HM_ENOMEM, "no memory for the policies");
            }
            step->name = policy->name;
            step->kind = prune ? HM_GITOPS_DELETE : HM_GITOPS_LEFT;
        } else {
            /* A draft still has to be submitted, whatever it says. */
            if (!hm_gitops_is_over(policy) && strcmp(policy->state, "draft") != 0) {
                st = is_same(ctl, policy->name, &step->policy, &same, err);
            }
            step->kind = same ? HM_GITOPS_SAME : HM_GITOPS_CHANGE;
        }
        step->revision = policy->newest;
        step->live = is_live(policy);
    }
    return st;
}

/* ---- what it would do
 * ------------------------------------------------------------------------------ */

static bool is_refused(const struct hm_gitops_step *step)
{
    return hm_ctl_has_error(&step->problems);
}

static enum hm_status foresee(struct hm_ctl *ctl, struct hm_gitops_step *step, struct hm_err *err)
{
    const bool retires = step->kind == HM_GITOPS_DELETE;
    const struct hm_api_plan_new asked = {
        .policy = retires ? step->name : "",
        .has_document = !retires,
        .document = step->policy,
        .retire = retires,
        .host = "",
        .filter = "",
    };
    const struct hm_plan_view view = {
        .start = "/v1/plans", .asks = &hm_record_api_plan_new, .ask = &asked};
    struct hm_api_plan plan;
    enum hm_status st = hm_ctl_plan_run(ctl, &view, &plan, err);

    if (st == HM_OK) {
        step->has_counts = true;
        step->counts = plan.counts;
        step->plan_digest = plan.digest;
    }
    return st;
}

static enum hm_status foresee_all(struct hm_ctl *ctl, struct hm_gitops *gitops, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < gitops->count; i++) {
        struct hm_gitops_step *step = &gitops->at[i];
        const bool writes = step->kind == HM_GITOPS_CREATE || step->kind == HM_GITOPS_CHANGE;

        if (writes) {
            st = hm_ctl_policy_lint(ctl, &step->policy, false, &step->problems, err);
            gitops->errors += is_refused(step) ? 1 : 0;
        }
        if (st == HM_OK && (writes || (step->kind == HM_GITOPS_DELETE && step->live))) {
            st = foresee(ctl, step, err);
        }
        gitops->changes += writes || step->kind == HM_GITOPS_DELETE ? 1 : 0;
    }
    return st;
}

/* Over all that was shown, so that nothing else is ever applied. */
static enum hm_status digest(struct hm_gitops *gitops, struct hm_err *err)
{
    struct hm_buf text;
    enum hm_status st = HM_OK;

    hm_buf_init(&text, HM_LIMIT_REPLY_BYTES);
    for (size_t i = 0; st == HM_OK && i < gitops->count; i++) {
        const struct hm_gitops_step *step = &gitops->at[i];

        (void)hm_buf_printf(&text, "%d %s %u %s\n", (int)step->kind, step->name, step->revision,
                            step->plan_digest);
        if (step->kind == HM_GITOPS_CREATE || step->kind == HM_GITOPS_CHANGE) {
            st = hm_record_encode(&hm_record_policy, &step->policy, &text, err);
        }
    }
    if (st == HM_OK) {
        st = hm_buf_status(&text, err);
    }
    if (st == HM_OK) {
        hm_digest_text(text.data, text.len, gitops->digest);
    }
    hm_buf_fini(&text);
    return st;
}

enum hm_status hm_gitops_plan(struct hm_ctl *ctl, const char *folder, bool prune,
                              struct hm_gitops *out_gitops, struct hm_err *err)
{
    struct hm_gitops gitops = {.count = 0};
    struct hm_api_policy_list there;
    size_t room = 0;
    enum hm_status st = hm_crypto_init(err);

    if (st == HM_OK) {
        st = read_files(ctl, folder, &gitops, &room, err);
    }
    if (st == HM_OK) {
        st = hm_gitops_policies(ctl, &there, err);
    }
    if (st == HM_OK) {
        st = compare(ctl, &there, prune, &gitops, &room, err);
    }
    if (st == HM_OK && gitops.count > 0) {
        qsort(gitops.at, gitops.count, sizeof(*gitops.at), compare_steps);
    }
    if (st == HM_OK) {
        st = foresee_all(ctl, &gitops, err);
    }
    if (st == HM_OK) {
        st = digest(&gitops, err);
    }
    if (st == HM_OK) {
        *out_gitops = gitops;
    }
    return st;
}

void hm_gitops_print(struct hm_ctl *ctl, const struct hm_gitops *gitops)
{
    static const char *const words[] = {
        [HM_GITOPS_SAME] = "same",     [HM_GITOPS_CREATE] = "create", [HM_GITOPS_CHANGE] = "change",
        [HM_GITOPS_DELETE] = "delete", [HM_GITOPS_LEFT] = "left",
    };
    FILE *out = ctl->output.out;

    for (size_t i = 0; i < gitops->count; i++) {
        const struct hm_gitops_step *step = &gitops->at[i];

        (void)fprintf(out, "%-8s%s", words[step->kind], step->name);
        if (step->has_counts) {
            (void)fprintf(
                out,
                ": %llu hosts meant, %llu would be changed, %llu taken, %llu busy, %llu refuse",
                (unsigned long long)step->counts.matched, (unsigned long long)step->counts.changed,
                (unsigned long long)step->counts.taken, (unsigned long long)step->counts.busy,
                (unsigned long long)step->counts.refused);
        } else if (step->kind == HM_GITOPS_LEFT) {
            (void)fputs(": has no file here; --prune retires it", out);
        }
        (void)fputc('\n', out);
        hm_ctl_print_problems(ctl, &step->problems);
    }
    (void)fprintf(out, "\n%zu to change, %zu with errors\nplan %s\n", gitops->changes,
                  gitops->errors, gitops->digest);
}
