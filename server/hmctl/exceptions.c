/* server/hmctl/exceptions.c — hmctl exception list, exception new, exception revoke.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "server/hmctl/policy.h"
#include "server/hmctl/show.h"

/* ---- list ------------------------------------------------------------------------------------ */

static const struct hm_cli_option list_options[] = {HM_CTL_FILTER, HM_CTL_LIMIT};

static const struct hm_table_column columns[] = {
    {"EXCEPTION", 0,  false, false, 0, false},
    {"HOST",      16, false, false, 0, false},
    {"POLICY",    14, false, false, 0, false},
    {"STATE",     0,  false, true,  0, false},
    {"EXPIRES",   0,  false, false, 0, false},
    {"APPROVER",  12, false, false, 1, false},
    {"REASON",    30, false, false, 0, false},
};

static enum hm_status put_row(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err)
{
    const struct hm_api_exception *row = item;
    const char *cells[] = {
        row->id,
        row->host,
        row->policy[0] == '\0' ? "every policy" : row->policy,
        row->revoked                         ? "revoked"
        : row->expires <= ctl->output.now_ms ? "expired"
                                             : "valid",
        hm_output_age(&ctl->output, row->expires, &ctl->page),
        row->approver,
        row->reason,
    };

    return hm_table_put(table, cells, err);
}

static int run_list(const struct hm_cli *cli)
{
    static const struct hm_ctl_list list = {
        .path = "/v1/exceptions",
        .passed = {"filter"},
        .record = &hm_record_api_exceptions,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put_row = put_row,
        .nothing = "there is no exception",
    };

    return hm_ctl_list(cli, &list);
}

const struct hm_cli_verb hm_ctl_verb_exception_list = {
    .name = "exception list",
    .arguments = "",
    .options = list_options,
    .option_count = HM_COUNT(list_options),
    .help = "lists hosts that need not comply for a while, and who answers for that",
    .run = run_list,
};

/* ---- new ------------------------------------------------------------------------------------- */

static const struct hm_cli_option new_options[] = {
    {"policy",  "POLICY", "one policy; default: every policy"                              },
    {"reason",  "TEXT",   "why; must be given"                                             },
    {"expires", "TIME",   "end of it: 30d, or RFC 3339 2027-01-31T00:00:00Z; must be given"},
};

static enum hm_status read_expires(const char *text, int64_t now_ms, int64_t *out_ms,
                                   struct hm_err *err)
{
    uint32_t seconds;

    if (text == NULL) {
        return hm_fail(err, HM_EINVAL, "until when? an exception ends: --expires 30d");
    }
    if (hm_clock_parse(text, strlen(text), out_ms)) {
        return HM_OK;
    }
    if (hm_ctl_read_duration("expires", text, &seconds, err) != HM_OK) {
        return HM_EINVAL;
    }
    *out_ms = now_ms + (int64_t)seconds * 1000;
    return HM_OK;
}

static enum hm_status make(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *policy = hm_cli_value(cli, "policy");
    const char *reason = hm_cli_value(cli, "reason");
    struct hm_api_exception_new asked = {
        .policy = policy == NULL ? "" : policy,
        .host = cli->arguments[0],
        .reason = reason,
    };
    struct hm_api_exception made;
    const struct hm_ctl_exchange exchange = {
        .method = "POST",
        .path = "/v1/exceptions",
        .asks = &hm_record_api_exception_new,
        .ask = &asked,
        .answers = &hm_record_api_exception,
        .answer = &made,
        .show = true,
    };
    enum hm_status st = HM_OK;

    if (reason == NULL) {
        return hm_fail(err, HM_EINVAL, "why? --reason TEXT");
    }
    st = read_expires(hm_cli_value(cli, "expires"), ctl->output.now_ms, &asked.expires, err);
    if (st == HM_OK) {
        st = hm_ctl_exchange(ctl, &exchange, err);
    }
    if (st == HM_OK && !ctl->json) {
        (void)fprintf(ctl->output.out, "%s: %s is excepted until %s\n", made.id, made.host,
                      hm_show_time(&ctl->arena, made.expires));
    }
    return st;
}

static int run_new(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, make);
}

const struct hm_cli_verb hm_ctl_verb_exception_new = {
    .name = "exception new",
    .arguments = "HOST",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = new_options,
    .option_count = HM_COUNT(new_options),
    .help = "counts a host as excepted for a while; the policy itself is not held back",
    .run = run_new,
};

/* ---- revoke ---------------------------------------------------------------------------------- */

static enum hm_status revoke(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const struct hm_ctl_exchange exchange = {
        .method = "DELETE",
        .path = hm_ctl_path(&ctl->arena, "/v1/exceptions/", cli->arguments[0], ""),
    };
    enum hm_status st = hm_ctl_exchange(ctl, &exchange, err);

    if (st == HM_OK && ctl->json) {
        hm_output_member("revoked", cli->arguments[0]);
    } else if (st == HM_OK) {
        (void)fprintf(ctl->output.out, "revoked %s\n", cli->arguments[0]);
    }
    return st;
}

static int run_revoke(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, revoke);
}

const struct hm_cli_verb hm_ctl_verb_exception_revoke = {
    .name = "exception revoke",
    .arguments = "EXCEPTION-ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .help = "ends an exception at once",
    .run = run_revoke,
};
