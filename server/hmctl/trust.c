/* server/hmctl/trust.c — hmctl trust show, new, sign, publish: whose signatures count.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A new trust root is a file that goes round: made by one, signed by the approvers of the old root
 * and of the new one, published by an admin. Agents take it only if both thresholds signed it. */
#include "server/hmctl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "common/wire/signed.h"
#include "server/hmctl/policy.h"
#include "server/hmctl/show.h"

static enum hm_status get_trust(struct hm_ctl *ctl, struct hm_api_trust *out, bool show,
                                struct hm_err *err)
{
    const struct hm_ctl_exchange exchange = {
        .method = "GET",
        .path = "/v1/trust",
        .answers = &hm_record_api_trust,
        .answer = out,
        .show = show,
    };

    return hm_ctl_exchange(ctl, &exchange, err);
}

static void print_root(struct hm_ctl *ctl, const char *fleet, uint64_t version, uint32_t threshold,
                       bool single, const struct hm_approvers *approvers)
{
    struct hm_arena *arena = &ctl->arena;

    hm_ctl_print_line(ctl, "fleet", fleet);
    hm_ctl_print_line(ctl, "version", hm_arena_printf(arena, "%llu", (unsigned long long)version));
    hm_ctl_print_line(
        ctl, "threshold",
        hm_arena_printf(arena, "%u of %zu approvers%s", threshold, approvers->count,
                        single ? "; single operator: may approve what they wrote" : ""));
    for (size_t i = 0; i < approvers->count; i++) {
        hm_ctl_print_line(
            ctl, i == 0 ? "approvers" : "",
            hm_arena_printf(arena, "%s  %s", approvers->at[i].name, approvers->at[i].public_key));
    }
}

static const struct hm_cli_option show_options[] = {
    {"out", "FILE", "write the newest root there, as an agent's trust_root_file takes it"},
};

/* {"file":…,"version":…,"signatures":…} */
static void print_written(const char *path, uint64_t version, const struct hm_envelope *envelope)
{
    struct hm_buf json;

    hm_buf_init(&json, HM_LIMIT_API_BODY_BYTES);
    (void)hm_buf_puts(&json, "{\"file\":");
    (void)hm_json_put_string(&json, path);
    (void)hm_buf_printf(&json, ",\"version\":%llu,\"signatures\":%zu}", (unsigned long long)version,
                        envelope->signatures.count);
    hm_output_body(hm_buf_text(&json), json.len);
    hm_buf_fini(&json);
}

static enum hm_status write_envelope(const struct hm_envelope *envelope, const char *path,
                                     struct hm_err *err)
{
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, HM_LIMIT_SIGNED_BYTES);
    st = hm_record_encode_pretty(&hm_record_envelope, envelope, &json, err);
    if (st == HM_OK) {
        st = hm_os_replace_file(path, json.data, json.len, false, err);
    }
    hm_buf_fini(&json);
    return st;
}

static enum hm_status show(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *out = hm_cli_value(cli, "out");
    struct hm_api_trust trust;
    enum hm_status st = get_trust(ctl, &trust, true, err);

    if (st == HM_OK && out != NULL && trust.roots.count > 0) {
        st = write_envelope(&trust.roots.at[trust.roots.count - 1], out, err);
    }
    if (st == HM_OK && !ctl->json && trust.version == 0) {
        (void)fprintf(ctl->output.out,
                      "There is no trust root yet: no policy can be approved.\n"
                      "Make keys (hmctl key new), then a root: hmctl trust new --add NAME=KEY …\n");
    } else if (st == HM_OK && !ctl->json) {
        print_root(ctl, trust.fleet, trust.version, trust.threshold, trust.single_operator,
                   &trust.approvers);
    }
    return st;
}

static int run_show(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, show);
}

const struct hm_cli_verb hm_ctl_verb_trust_show = {
    .name = "trust show",
    .arguments = "",
    .options = show_options,
    .option_count = HM_COUNT(show_options),
    .help = "the approvers of this fleet, and how many of them must sign",
    .run = run_show,
};

/* ---- new ------------------------------------------------------------------------------------- */

static const struct hm_cli_option new_options[] = {
    {"add",             "NAME=KEY…", "an approver's name and public key, as key new prints them"             },
    {"remove",          "NAME=…",    "an approver who leaves: NAME=left"                                     },
    {"threshold",       "N",           "how many must sign; default: as before, else 2, or 1 with one approver"},
    {"single-operator", NULL,          "the only approver may approve what they wrote themselves"              },
    {"out",             "FILE",        "default trust-root.json"                                               },
};

static bool is_name(const struct hm_approver *approver, const char *name, size_t len)
{
    return strlen(approver->name) == len && memcmp(approver->name, name, len) == 0;
}

/* Each "NAME=value" of an option that may be given several times. */
typedef enum hm_status pair_fn(struct hm_ctl *ctl, struct hm_trust_root *root, const char *name,
                               size_t name_len, const char *value, size_t value_len,
                               struct hm_err *err);

static enum hm_status add(struct hm_ctl *ctl, struct hm_trust_root *root, const char *name,
                          size_t name_len, const char *value, size_t value_len, struct hm_err *err)
{
    struct hm_approver *approver = &root->approvers.at[root->approvers.count];

    if (root->approvers.count == HM_LIMIT_APPROVERS) {
        return hm_fail(err, HM_ETOOBIG, "more than %u approvers", HM_LIMIT_APPROVERS);
    }
    approver->name = hm_arena_strndup(&ctl->arena, name, name_len);
    approver->public_key = hm_arena_strndup(&ctl->arena, value, value_len);
    root->approvers.count++;
    return approver->name == NULL || approver->public_key == NULL
               ? hm_fail(err, HM_ENOMEM, "no memory for a trust root")
               : HM_OK;
}

static enum hm_status leave(struct hm_ctl *ctl, struct hm_trust_root *root, const char *name,
                            size_t name_len, const char *value, size_t value_len,
                            struct hm_err *err)
{
    struct hm_approvers *approvers = &root->approvers;

    (void)ctl;
    (void)value;
    (void)value_len;
    for (size_t i = 0; i < approvers->count; i++) {
        if (is_name(&approvers->at[i], name, name_len)) {
            approvers->count--;
            memmove(&approvers->at[i], &approvers->at[i + 1],
                    (approvers->count - i) * sizeof(*approvers->at));
            return HM_OK;
        }
    }
    return hm_fail(err, HM_ENOENT, "%.*s is no approver; see hmctl trust show", (int)name_len,
                   name);
}

static enum hm_status each_pair(struct hm_ctl *ctl, const char *text, pair_fn *fn,
                                struct hm_trust_root *root, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    while (st == HM_OK && text != NULL && *text != '\0') {
        const size_t len = strcspn(text, ",");
        const char *equals = memchr(text, '=', len);

        if (equals == NULL || equals == text) {
            return hm_fail(err, HM_EINVAL, "%.*s: write NAME=KEY", (int)len, text);
        }
        st = fn(ctl, root, text, (size_t)(equals - text), equals + 1,
                len - (size_t)(equals - text) - 1, err);
        text += len + (text[len] == ',' ? 1 : 0);
    }
    return st;
}

static enum hm_status begin_root(struct hm_ctl *ctl, const struct hm_api_trust *now,
                                 struct hm_trust_root *out, struct hm_err *err)
{
    *out = (struct hm_trust_root){
        .version = now->version + 1, .fleet = now->fleet, .threshold = now->threshold};
    out->approvers.at =
        hm_arena_alloc(&ctl->arena, HM_LIMIT_APPROVERS + 1, sizeof(*out->approvers.at));
    if (out->approvers.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a trust root");
    }
    out->approvers.count = now->approvers.count;
    if (now->approvers.count > 0) {
        memcpy(out->approvers.at, now->approvers.at,
               now->approvers.count * sizeof(*out->approvers.at));
    }
    return HM_OK;
}

static enum hm_status choose_threshold(const struct hm_cli *cli, struct hm_trust_root *root,
                                       struct hm_err *err)
{
    const char *text = hm_cli_value(cli, "threshold");

    root->single_operator = hm_cli_value(cli, "single-operator") != NULL;
    if (text != NULL) {
        return hm_str_parse_u32(text, strlen(text), HM_LIMIT_APPROVERS, &root->threshold)
                   ? HM_OK
                   : hm_fail(err, HM_EINVAL, "--threshold %s is no number", text);
    }
    if (root->threshold == 0) {
        root->threshold = root->approvers.count > 1 ? 2 : 1;
    }
    return HM_OK;
}

static enum hm_status make(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *out = hm_cli_value(cli, "out");
    struct hm_api_trust now;
    struct hm_trust_root root;
    struct hm_envelope envelope;
    enum hm_status st = get_trust(ctl, &now, false, err);

    out = out == NULL ? "trust-root.json" : out;
    if (st == HM_OK) {
        st = begin_root(ctl, &now, &root, err);
    }
    if (st == HM_OK) {
        st = each_pair(ctl, hm_cli_value(cli, "remove"), leave, &root, err);
    }
    if (st == HM_OK) {
        st = each_pair(ctl, hm_cli_value(cli, "add"), add, &root, err);
    }
    if (st == HM_OK) {
        st = choose_threshold(cli, &root, err);
    }
    if (st == HM_OK) {
        st = hm_trust_root_encode(&root, &ctl->arena, &envelope, err);
    }
    if (st == HM_OK) {
        st = write_envelope(&envelope, out, err);
    }
    if (st == HM_OK && ctl->json) {
        print_written(out, root.version, &envelope);
    } else if (st == HM_OK) {
        print_root(ctl, root.fleet, root.version, root.threshold, root.single_operator,
                   &root.approvers);
        (void)fprintf(ctl->output.out,
                      "\nWritten to %s. Next, each approver%s: hmctl trust sign %s --key FILE\n"
                      "then an admin: hmctl trust publish %s\n",
                      out, now.version == 0 ? "" : " of the old root and of the new one", out, out);
    }
    return st;
}

static int run_new(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, make);
}

const struct hm_cli_verb hm_ctl_verb_trust_new = {
    .name = "trust new",
    .arguments = "",
    .options = new_options,
    .option_count = HM_COUNT(new_options),
    .help = "writes the next trust root to a file, from the one of now",
    .run = run_new,
};

/* ---- sign and publish ------------------------------------------------------------------------ */

static const struct hm_cli_option sign_options[] = {
    {"key", "FILE", "the approver's key file"},
    HM_CTL_PASSPHRASE,
    HM_CTL_YES,
};

static enum hm_status read_envelope(struct hm_ctl *ctl, const char *path, struct hm_envelope *out,
                                    struct hm_trust_root *out_root, struct hm_err *err)
{
    const char *text;
    size_t len;
    enum hm_status st = hm_os_read_text(path, HM_LIMIT_SIGNED_BYTES, &ctl->arena, &text, &len, err);

    if (st != HM_OK) {
        return st;
    }
    st = hm_record_decode(&hm_record_envelope, text, len, false, &ctl->arena, out, NULL, err);
    if (st == HM_OK) {
        st = hm_trust_root_decode(out, &ctl->arena, out_root, err);
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "%s", path);
    }
    return st;
}

static enum hm_status sign(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *path = cli->arguments[0];
    const char *key = hm_cli_value(cli, "key");
    struct hm_envelope envelope;
    struct hm_trust_root root;
    struct hm_key_pair pair;
    enum hm_status st = hm_crypto_init(err);

    if (key == NULL) {
        return hm_fail(err, HM_EINVAL, "with which key? --key FILE");
    }
    if (st == HM_OK) {
        st = read_envelope(ctl, path, &envelope, &root, err);
    }
    if (st == HM_OK && !ctl->json) {
        print_root(ctl, root.fleet, root.version, root.threshold, root.single_operator,
                   &root.approvers);
    }
    if (st == HM_OK) {
        st = hm_ctl_confirm_shown(cli, "Sign exactly this?", err);
    }
    if (st == HM_OK) {
        st = hm_ctl_open_key(ctl, key, &pair, NULL, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = hm_envelope_sign(&envelope, &pair, &ctl->arena, err);
    hm_key_pair_fini(&pair);
    if (st == HM_OK) {
        st = write_envelope(&envelope, path, err);
    }
    if (st == HM_OK && ctl->json) {
        print_written(path, root.version, &envelope);
    } else if (st == HM_OK) {
        (void)fprintf(ctl->output.out, "%s has %zu signature(s) now\n", path,
                      envelope.signatures.count);
    }
    return st;
}

/* Without a session: an approver may have none. */
static int run_sign(const struct hm_cli *cli)
{
    struct hm_ctl ctl = {.cli = cli, .json = hm_cli_value(cli, "json") != NULL};
    struct hm_err err;
    enum hm_status st;

    hm_arena_init(&ctl.arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_output_init(&ctl.output, 0);
    st = sign(&ctl, cli, &err);
    hm_arena_fini(&ctl.arena);
    return st == HM_OK ? HM_CTL_OK : hm_ctl_fail(cli, &err);
}

const struct hm_cli_verb hm_ctl_verb_trust_sign = {
    .name = "trust sign",
    .arguments = "FILE",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = sign_options,
    .option_count = HM_COUNT(sign_options),
    .help = "shows a new trust root and adds an approver's signature to its file",
    .run = run_sign,
};

static enum hm_status publish(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    struct hm_envelope envelope;
    struct hm_trust_root root;
    struct hm_api_trust trust;
    const struct hm_ctl_exchange exchange = {
        .method = "POST",
        .path = "/v1/trust",
        .asks = &hm_record_envelope,
        .ask = &envelope,
        .answers = &hm_record_api_trust,
        .answer = &trust,
        .show = true,
    };
    enum hm_status st = read_envelope(ctl, cli->arguments[0], &envelope, &root, err);

    if (st == HM_OK) {
        st = hm_ctl_exchange(ctl, &exchange, err);
    }
    if (st == HM_OK && !ctl->json) {
        (void)fprintf(ctl->output.out, "published: version %llu, %u of %zu must sign\n",
                      (unsigned long long)trust.version, trust.threshold, trust.approvers.count);
    }
    return st;
}

static int run_publish(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, publish);
}

const struct hm_cli_verb hm_ctl_verb_trust_publish = {
    .name = "trust publish",
    .arguments = "FILE",
    .min_arguments = 1,
    .max_arguments = 1,
    .help = "makes a signed trust root the one that counts",
    .run = run_publish,
};
