/* server/hmctl/token_new.c — hmctl token new: the secret is shown once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "server/hmctl/policy.h"

/* The same words as "hm-collector token new". */
static const struct hm_cli_option options[] = {
    {"kind",  "KIND",
     "join (for agents) or operator (for people and scripts); default: operator with --role, else "
     "join"                                                                                             },
    {"name",  "NAME",         "who it is for, laptop-anna, first-agents; or as the argument"            },
    {"role",  "ROLE",         "operator: viewer, author, approver, operator or admin"                   },
    {"uses",  "N",            "join: how many agents may enrol with it; default 1"                      },
    {"ttl",   "DURATION",     "how long it is valid: 30m, 12h, 90d; default: join 1h, operator for ever"},
    {"label", "KEY=VALUE…", "join: every host that enrols with it gets the label"                     },
    {"why",   "TEXT",         "reason, kept in the event"                                               },
};

/* "a=b,c=d" as the command line gives it. */
static enum hm_status read_labels(const char *text, struct hm_arena *arena, struct hm_strings *out,
                                  struct hm_err *err)
{
    size_t len;

    *out = (struct hm_strings){NULL, 0};
    if (text == NULL) {
        return HM_OK;
    }
    out->at = hm_arena_alloc(arena, HM_LIMIT_LABELS, sizeof(*out->at));
    while (out->at != NULL) {
        len = strcspn(text, ",");
        if (out->count == HM_LIMIT_LABELS) {
            return hm_fail(err, HM_EINVAL, "more than %u labels", HM_LIMIT_LABELS);
        }
        out->at[out->count] = hm_arena_strndup(arena, text, len);
        if (out->at[out->count++] == NULL) {
            break;
        }
        if (text[len] == '\0') {
            return HM_OK;
        }
        text += len + 1;
    }
    return hm_fail(err, HM_ENOMEM, "no memory for the labels");
}

static enum hm_status read_request(const struct hm_cli *cli, struct hm_arena *arena,
                                   struct hm_api_token_new *out, struct hm_err *err)
{
    const char *kind = hm_cli_value(cli, "kind");
    const char *name = hm_cli_value(cli, "name");
    const char *role = hm_cli_value(cli, "role");
    const char *uses = hm_cli_value(cli, "uses");
    const char *why = hm_cli_value(cli, "why");
    enum hm_status st = hm_ctl_read_duration("ttl", hm_cli_value(cli, "ttl"), &out->valid_s, err);

    out->kind = kind != NULL ? kind : role != NULL ? "operator" : "join";
    out->name = name != NULL || cli->argument_count == 0 ? name : cli->arguments[0];
    out->role = role == NULL ? "" : role;
    out->why = why == NULL ? "" : why;
    out->uses = 0;
    if (st == HM_OK && out->name == NULL) {
        st = hm_fail(err, HM_EINVAL, "who is the token for? give its name");
    }
    if (st == HM_OK && uses != NULL &&
        (!hm_str_parse_u32(uses, strlen(uses), HM_LIMIT_TOKEN_USES, &out->uses) ||
         out->uses == 0)) {
        st = hm_fail(err, HM_EINVAL, "--uses is a number from 1 to %u", HM_LIMIT_TOKEN_USES);
    }
    return st == HM_OK ? read_labels(hm_cli_value(cli, "label"), arena, &out->labels, err) : st;
}

static enum hm_status make(struct hm_ctl *ctl, struct hm_err *err)
{
    struct hm_api_token_new request;
    struct hm_api_token_made made;
    struct hm_http_reply reply;
    struct hm_buf body;
    enum hm_status st = read_request(ctl->cli, &ctl->arena, &request, err);

    hm_buf_init(&body, HM_LIMIT_API_BODY_BYTES);
    if (st == HM_OK) {
        st = hm_record_encode(&hm_record_api_token_new, &request, &body, err);
    }
    if (st == HM_OK) {
        st = hm_ctl_call(ctl, "POST", "/v1/tokens", &body, &reply, err);
    }
    hm_buf_fini(&body);
    if (st == HM_OK && ctl->json) {
        hm_output_body(reply.body, reply.body_len);
        return st;
    }
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_api_token_made, reply.body, reply.body_len, false,
                              &ctl->page, &made, NULL, err);
    }
    if (st == HM_OK) {
        (void)printf("%s\n", made.secret);
        (void)fprintf(stderr, "%s token \"%s\", id %s; this is the only time that it is shown\n",
                      made.token.kind, made.token.name, made.token.id);
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    struct hm_ctl ctl;
    struct hm_err err;
    enum hm_status st = hm_ctl_open(cli, &ctl, &err);

    if (st != HM_OK) {
        return hm_ctl_fail(cli, &err);
    }
    st = make(&ctl, &err);
    hm_ctl_close(&ctl);
    return st == HM_OK ? HM_CTL_OK : hm_ctl_fail(cli, &err);
}

const struct hm_cli_verb hm_ctl_verb_token_new = {
    .name = "token new",
    .arguments = "[NAME]",
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "makes a join token for agents, or an operator token; it is shown once",
    .run = run,
};
