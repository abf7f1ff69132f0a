/* server/hmctl/plan_show.c — a plan of the fleet: waited for, then shown.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/plan_show.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "server/hmctl/plan_text.h"

#define POLL_MS 100
#define POLLS_MAX 36000 /* an hour: the collector gives up long before */
#define HOSTS_SHOWN 20u

/* ---- waiting --------------------------------------------------------------------------------- */

static void show_progress(const struct hm_api_plan *plan, bool done)
{
    if (hm_os_is_terminal(stderr)) {
        (void)fprintf(stderr, "\r%llu hosts looked at%s", (unsigned long long)plan->counts.hosts,
                      done ? "\r\033[K" : " …");
        (void)fflush(stderr);
    }
}

enum hm_status hm_ctl_plan_run(struct hm_ctl *ctl, const struct hm_plan_view *view,
                               struct hm_api_plan *out_plan, struct hm_err *err)
{
    struct hm_ctl_exchange exchange = {
        .method = "POST",
        .path = view->start,
        .asks = view->asks,
        .ask = view->ask,
        .answers = &hm_record_api_plan,
        .answer = out_plan,
    };
    enum hm_status st = hm_ctl_exchange(ctl, &exchange, err);

    if (st == HM_OK) {
        exchange.method = "GET";
        exchange.path = hm_ctl_path(&ctl->arena, "/v1/plans/", out_plan->id, "");
        exchange.asks = NULL;
    }
    for (unsigned i = 0; st == HM_OK && strcmp(out_plan->state, "running") == 0; i++) {
        if (i == POLLS_MAX || hm_os_sleep_ms(POLL_MS)) {
            return hm_fail(err, HM_EBUSY, "the plan is still being worked out: ask again later");
        }
        st = hm_ctl_exchange(ctl, &exchange, err);
        if (st == HM_OK) {
            show_progress(out_plan, strcmp(out_plan->state, "running") != 0);
        }
    }
    if (st == HM_OK && strcmp(out_plan->state, "failed") == 0) {
        st = hm_fail(err, HM_EIO, "the collector could not work it out: %s", out_plan->text);
    }
    return st;
}

/* ---- for people ------------------------------------------------------------------------------ */

static void print_counts(struct hm_ctl *ctl, const struct hm_api_plan *plan)
{
    const struct hm_api_plan_counts *counts = &plan->counts;
    const struct {
        uint64_t count;
        const char *text;
    } rows[] = {
        {counts->changed,       "would be changed"                                           },
        {counts->already_there, "have all of it already"                                     },
        {counts->taken,         "have a port that another program has taken: they wait"      },
        {counts->busy,          "have a port that its own service uses now: they wait"       },
        {counts->waiting,       "wait for the maintenance window"                            },
        {counts->needs_reboot,  "need a reboot before it counts"                             },
        {counts->refused,       "refuse a part of it"                                        },
        {counts->audit,         "would be changed in mode enforce"                           },
        {counts->better,        "get a better verdict"                                       },
        {counts->worse,         "get a worse verdict"                                        },
        {counts->facts_missing, "never told what would be needed to know (not counted above)"},
    };

    (void)fprintf(ctl->output.out,
                  "%llu of %llu hosts are meant; %llu actions, %llu of them removals\n",
                  (unsigned long long)counts->matched, (unsigned long long)counts->hosts,
                  (unsigned long long)counts->actions, (unsigned long long)counts->removals);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        if (rows[i].count > 0) {
            (void)fprintf(ctl->output.out, "%8llu %s\n", (unsigned long long)rows[i].count,
                          rows[i].text);
        }
    }
}

/* Ports that other programs have taken come first. */
static void print_notes(struct hm_ctl *ctl, const struct hm_plan_notes *notes, bool taken)
{
    const char *said = "";

    for (size_t i = 0; i < notes->count; i++) {
        const char *before = said;

        if ((notes->at[i].kind == HM_NOTE_TAKEN) != taken) {
            continue;
        }
        said = hm_plan_text_note(&notes->at[i], &ctl->page);
        if (strcmp(said, before) != 0) { /* two policies may want the same */
            hm_output_wrap(&ctl->output, 2, said);
        }
    }
}

static void print_host(struct hm_ctl *ctl, const struct hm_api_plan_host *host)
{
    (void)fputc('\n', ctl->output.out);
    hm_output_plain(&ctl->output, host->host);
    for (size_t i = 0; i < host->plan.actions.count; i++) {
        const struct hm_action *action = &host->plan.actions.at[i];

        hm_output_wrap(&ctl->output, 2, hm_plan_text_action(action, &ctl->page));
        if (i + 1 == host->plan.actions.count || strcmp(action->reason, action[1].reason) != 0) {
            hm_output_wrap(&ctl->output, 6, action->reason);
        }
    }
    print_notes(ctl, &host->plan.notes, true);
    print_notes(ctl, &host->plan.notes, false);
    for (size_t i = 0; i < host->verdicts.count; i++) {
        const struct hm_api_verdict_change *change = &host->verdicts.at[i];
        const char *line = hm_arena_printf(&ctl->page, "verdict %s -> %s: %s", change->before,
                                           change->after, change->title);

        hm_output_wrap(&ctl->output, 2, line == NULL ? "" : line);
    }
}

/* ---- hosts, page by page --------------------------------------------------------------------- */

struct walk {
    const struct hm_plan_view *view;
    const char *path;
    const char *only;
    uint64_t shown;
    unsigned limit;
    bool more; /* there are hosts that were not shown */
};

static enum hm_status walk_page(struct hm_ctl *ctl, struct walk *walk, const char **inout_cursor,
                                struct hm_err *err)
{
    const struct hm_ctl_param params[] = {
        {"only",   walk->only                                       },
        {"cursor", (*inout_cursor)[0] == '\0' ? NULL : *inout_cursor},
    };
    struct hm_api_plan_hosts page;
    struct hm_http_reply reply;
    enum hm_status st =
        hm_ctl_call(ctl, "GET", hm_ctl_url(&ctl->arena, walk->path, params, HM_COUNT(params)), NULL,
                    &reply, err);

    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_api_plan_hosts, reply.body, reply.body_len, false,
                              &ctl->page, &page, NULL, err);
    }
    if (st != HM_OK) {
        return st;
    }
    *inout_cursor = hm_arena_strdup(&ctl->arena, page.next);
    for (size_t i = 0; i < page.items.count && !walk->more; i++) {
        if (walk->limit != 0 && walk->shown == walk->limit) {
            walk->more = true;
        } else if (ctl->json) {
            struct hm_buf json;

            hm_buf_init(&json, HM_LIMIT_REPLY_BYTES);
            st = hm_record_encode(&hm_record_api_plan_host, &page.items.at[i], &json, err);
            (void)fprintf(ctl->output.out, "%s%s", walk->shown > 0 ? "," : "", hm_buf_text(&json));
            hm_buf_fini(&json);
            walk->shown++;
        } else {
            print_host(ctl, &page.items.at[i]);
            walk->shown++;
        }
    }
    return *inout_cursor == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the list") : st;
}

static enum hm_status walk_hosts(struct hm_ctl *ctl, struct walk *walk, struct hm_err *err)
{
    const char *cursor = "";
    enum hm_status st;

    do {
        st = walk_page(ctl, walk, &cursor, err);
    } while (st == HM_OK && cursor[0] != '\0' && !walk->more);
    return st;
}

static enum hm_status print_json(struct hm_ctl *ctl, const struct hm_api_plan *plan,
                                 struct walk *walk, struct hm_err *err)
{
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, HM_LIMIT_REPLY_BYTES);
    st = hm_record_encode(&hm_record_api_plan, plan, &json, err);
    if (st == HM_OK) {
        (void)fprintf(ctl->output.out, "{\"plan\":%s,\"hosts\":[", hm_buf_text(&json));
        st = walk_hosts(ctl, walk, err);
        (void)fputs("]}\n", ctl->output.out);
    }
    hm_buf_fini(&json);
    return st;
}

enum hm_status hm_ctl_plan_show(struct hm_ctl *ctl, const struct hm_plan_view *view,
                                struct hm_err *err)
{
    struct walk walk = {.view = view, .only = view->only, .limit = view->limit};
    struct hm_api_plan plan;
    enum hm_status st = hm_ctl_plan_run(ctl, view, &plan, err);

    if (st != HM_OK) {
        return st;
    }
    walk.path = hm_ctl_path(&ctl->arena, "/v1/plans/", plan.id, "/hosts");
    if (walk.path == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the address");
    }
    if (ctl->json) {
        return print_json(ctl, &plan, &walk, err);
    }
    if (plan.counts.matched == 0) {
        (void)fprintf(ctl->output.out, "%s\n", view->none);
        return HM_OK;
    }
    if (!view->one_host) {
        print_counts(ctl, &plan);
    }
    if (walk.limit == 0 && view->only == NULL && !view->one_host) {
        walk.limit = HOSTS_SHOWN;
    }
    st = walk_hosts(ctl, &walk, err);
    if (st == HM_OK && walk.more) {
        (void)fprintf(
            ctl->output.out,
            "\nThe first %llu are shown; --only PART lists a part, --limit N more, --json "
            "all.\n",
            (unsigned long long)walk.shown);
    }
    return st;
}
