/* server/hmctl/client.h — a session of hmctl with the collector: who, where, calls, lists.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Collector, token and CA come from the file that "hmctl login" wrote, each outranked by its
 * environment variable. Threads: one. */
#pragma once

#include "common/config/cli.h"
#include "common/net/http_client.h"
#include "common/wire/records_api.h"
#include "server/hmctl/output.h"

/* Exit statuses of every verb. */
#define HM_CTL_OK 0
#define HM_CTL_FAILED 1
#define HM_CTL_USAGE 2
#define HM_CTL_DENIED 3

struct hm_ctl_login {
    const char *collector; /* "https://collector.example:5830" */
    const char *token;
    const char *ca; /* PEM file; "" = the system's store */
};

struct hm_ctl {
    const struct hm_cli *cli;
    struct hm_ctl_login login;
    struct hm_http_client *http;
    struct hm_output output;
    struct hm_arena arena; /* lives as long as the session */
    struct hm_arena page;  /* of one call */
    bool json;
    bool past; /* --at was given: ages of reports mean nothing */
};

/* Where login keeps its file and the CA: $XDG_CONFIG_HOME/havenmaster or
 * $HOME/.config/havenmaster. NULL when the environment has neither. */
const char *hm_ctl_folder(struct hm_arena *arena);
enum hm_status hm_ctl_save(const struct hm_ctl_login *login, struct hm_arena *arena,
                           struct hm_err *err) HM_MUST_CHECK;

/* HM_EDENIED, code "not_logged_in", when collector or token are not known. */
enum hm_status hm_ctl_open(const struct hm_cli *cli, struct hm_ctl *ctl,
                           struct hm_err *err) HM_MUST_CHECK;
/* The same for a login that is not saved yet. */
enum hm_status hm_ctl_open_as(const struct hm_cli *cli, const struct hm_ctl_login *login,
                              struct hm_ctl *ctl, struct hm_err *err) HM_MUST_CHECK;
void hm_ctl_close(struct hm_ctl *ctl);

/* One exchange; the reply lives in ctl->page until the next call. A problem of the collector
 * becomes err: HM_EDENIED 401 and 403, HM_ENOENT 404, HM_EINVAL 400, HM_EBUSY 429 and 503. */
enum hm_status hm_ctl_call(struct hm_ctl *ctl, const char *method, const char *path,
                           const struct hm_buf *body, struct hm_http_reply *out_reply,
                           struct hm_err *err) HM_MUST_CHECK;

/* "path?a=b&c=d" from pairs; a NULL value leaves its pair out. NULL on no memory. */
struct hm_ctl_param {
    const char *name;
    const char *value;
};
const char *hm_ctl_url(struct hm_arena *arena, const char *path, const struct hm_ctl_param *params,
                       size_t count);

/* before, one escaped segment, after. NULL on no memory. */
const char *hm_ctl_path(struct hm_arena *arena, const char *before, const char *segment,
                        const char *after);

/* Prints what happened and returns the exit status for it. */
int hm_ctl_fail(const struct hm_cli *cli, const struct hm_err *err);

/* A list: pages are asked for one after the other, and printed as they come. */
struct hm_ctl_list {
    const char *path;
    const char *passed[2]; /* options that travel as parameters of the same name; NULL none */
    const struct hm_ctl_param *params; /* others, besides limit and cursor */
    size_t param_count;
    const struct hm_record *record; /* {items, next} */
    const struct hm_table_column *columns;
    size_t column_count;
    /* Puts one decoded item as a row of the table. */
    enum hm_status (*put_row)(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err);
    void (*print_head)(struct hm_ctl *ctl,
                       const void *page); /* above the first page; may be NULL */
    const char *nothing;                  /* said when there is no row: "no host matches" */
    bool worst_first; /* a table of one page is sorted; longer ones come as the API lists them */
};

/* The whole verb: opens, lists (--limit rows in all), prints, closes. */
int hm_ctl_list(const struct hm_cli *cli, const struct hm_ctl_list *list);

/* The options that lists share: rows for their tables. */
#define HM_CTL_FILTER                                                                              \
    {                                                                                              \
        "filter", "FILTER", "only rows that match: field=value, !=, ~pattern, <, >, and, or, not"  \
    }
#define HM_CTL_AT                                                                                  \
    {                                                                                              \
        "at", "TIME", "as it was then, RFC 3339: 2026-11-22T11:05:00Z"                             \
    }
#define HM_CTL_LIMIT                                                                               \
    {                                                                                              \
        "limit", "N", "at most N rows; standard: all"                                              \
    }
