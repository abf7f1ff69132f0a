/* agent/cli/once.c — hm-agent once: one cycle, and what it sent.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/cli/verbs.h"
#include "agent/cycle.h"

static void print_look(const struct hm_agent *agent)
{
    const struct hm_agent_status *status = &agent->status;

    (void)printf("%s: %u safe, %u unknown, %u exposed, %u blocked; %zu findings\n", agent->name,
                 status->safe, status->unknown, status->exposed, status->blocked,
                 agent->judgement.findings.count);
}

static void print_document(const char *name, const struct hm_uplink_document *document, bool sent)
{
    (void)printf("  %-10s %s  %zu bytes  %s\n", name, sent ? "sent     " : "unchanged",
                 document->len, document->digest);
}

static void print_sent(const struct hm_agent *agent, const struct hm_uplink_sent *sent)
{
    const struct hm_report *report = &agent->report;

    (void)printf("%s acknowledged check-in %llu of %s: %zu bytes in %u request%s\n",
                 agent->config.collector, (unsigned long long)report->seq, agent->identity.agent_id,
                 sent->bytes, sent->requests, sent->requests == 1 ? "" : "s");
    print_document("inventory", &report->inventory, sent->with_inventory);
    print_document("findings", &report->findings, sent->with_findings);
}

/* A collector that has another catalogue for us than the one we judged by: judge and report again.
 */
static enum hm_status report_all(struct hm_agent *agent, struct hm_err *err)
{
    struct hm_uplink_sent sent = {.requests = 0};
    bool changed = false;
    enum hm_status st;

    st = hm_cycle_report(agent, &sent, err);
    if (st != HM_OK) {
        return st;
    }
    print_sent(agent, &sent);
    if (!sent.desired_is_new) {
        return HM_OK;
    }
    st = hm_cycle_hold(agent, 0, &changed, err);
    if (st == HM_OK && changed) {
        (void)printf("the collector sent a new catalogue (%zu products); judged again\n",
                     agent->catalogue.count);
        st = hm_cycle_look(agent, err);
        if (st == HM_OK) {
            print_look(agent);
            st = hm_cycle_report(agent, &sent, err);
        }
        if (st == HM_OK) {
            print_sent(agent, &sent);
        }
    }
    return st;
}

static int one_cycle(void *app)
{
    struct hm_agent *agent = app;
    struct hm_err err;
    enum hm_status st;

    st = hm_cycle_look(agent, &err);
    if (st == HM_OK) {
        print_look(agent);
    }
    if (st == HM_OK && agent->uplink.transport.ops != NULL) {
        st = report_all(agent, &err);
    } else if (st == HM_OK) {
        (void)printf("nothing sent: no collector is configured\n");
    }
    hm_cycle_save_status(agent, true);
    return st == HM_OK ? HM_EXIT_OK : hm_cli_fail(agent->cli, HM_EXIT_FAILED, &err);
}

static int run(const struct hm_cli *cli)
{
    struct hm_agent agent = {.cli = cli, .clock = &hm_agent_real_clock};

    return hm_lifecycle_run(hm_agent_steps, HM_AGENT_STEPS, &agent, one_cycle);
}

const struct hm_cli_verb hm_verb_once = {
    .name = "once",
    .arguments = "",
    .help = "look at this host and report, one time; say what was sent",
    .run = run,
};
