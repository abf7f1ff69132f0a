/* server/metrics/metrics.c — the collector's figures as OpenMetrics text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/metrics/metrics.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/version.h"
#include "common/judge/finding_kind.h"
#include "common/judge/verdict.h"
#include "common/os/os.h"
#include "server/fleet/fleet.h"
#include "server/metrics/metrics_list.h"
#include "server/rollout/rollout.h"
#include "server/store/counts.h"
#include "server/store/entities_policy.h"
#include "server/store/own_findings.h"
#include "server/store/store.h"

enum metric {
#define METRIC_ID(id, name, kind, help) METRIC_##id,
    HM_METRICS_LIST(METRIC_ID)
#undef METRIC_ID
};

static const struct {
    const char *name;
    const char *kind;
    const char *help;
} rows[] = {
#define METRIC_ROW(id, name, kind, help) {name, kind, help},
    HM_METRICS_LIST(METRIC_ROW)
#undef METRIC_ROW
};

struct page {
    struct hm_buf *out;
    struct hm_arena *arena;
    struct hm_app *app;
    enum metric open;       /* whose samples are being written */
    int64_t other_kinds[4]; /* findings of kinds that we do not know, by severity */
};

/* OpenMetrics wants a unit to be the last word of the name. */
static void put_unit(struct page *page, const char *name)
{
    static const char *const units[] = {"bytes", "seconds"};
    const char *last = strrchr(name, '_');
    size_t i;

    for (i = 0; last != NULL && i < HM_COUNT(units); i++) {
        if (strcmp(last + 1, units[i]) == 0) {
            hm_buf_printf(page->out, "# UNIT havenmaster_%s %s\n", name, units[i]);
        }
    }
}

static void head(struct page *page, enum metric metric)
{
    const char *name = rows[metric].name;

    page->open = metric;
    hm_buf_printf(page->out, "# TYPE havenmaster_%s %s\n", name, rows[metric].kind);
    put_unit(page, name);
    hm_buf_printf(page->out, "# HELP havenmaster_%s %s\n", name, rows[metric].help);
}

static void put_name(struct page *page)
{
    const char *kind = rows[page->open].kind;

    hm_buf_printf(page->out, "havenmaster_%s%s", rows[page->open].name,
                  strcmp(kind, "counter") == 0 ? "_total"
                  : strcmp(kind, "info") == 0  ? "_info"
                                               : "");
}

/* A label value; what OpenMetrics wants escaped is. */
static void put_label(struct page *page, const char *before, const char *name, const char *value)
{
    hm_buf_printf(page->out, "%s%s=\"", before, name);
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            hm_buf_puts(page->out, "\\n");
            continue;
        }
        if (*value == '"' || *value == '\\') {
            hm_buf_putc(page->out, '\\');
        }
        hm_buf_putc(page->out, *value);
    }
    hm_buf_putc(page->out, '"');
}

static void one(struct page *page, enum metric metric, uint64_t value)
{
    head(page, metric);
    put_name(page);
    hm_buf_printf(page->out, " %llu\n", (unsigned long long)value);
}

static void labelled(struct page *page, const char *label, const char *value, uint64_t count)
{
    put_name(page);
    put_label(page, "{", label, value);
    hm_buf_printf(page->out, "} %llu\n", (unsigned long long)count);
}

static void count_host(void *arg, const char *verdict, const char *second, int64_t count)
{
    uint64_t *counts = arg;
    size_t i;

    (void)second;
    for (i = 0; i < HM_COUNT(hm_verdict_state_names); i++) {
        if (strcmp(hm_verdict_state_names[i], verdict) == 0) {
            counts[i] = (uint64_t)count;
        }
    }
}

static bool is_known_kind(const char *kind)
{
    for (size_t i = 0; i < hm_finding_kinds_count; i++) {
        if (strcmp(hm_finding_kinds[i]->name, kind) == 0) {
            return true;
        }
    }
    return hm_own_finding_is(kind);
}

static void put_findings(struct page *page, const char *kind, const char *severity, int64_t count)
{
    put_name(page);
    put_label(page, "{", "kind", kind);
    put_label(page, ",", "severity", severity);
    hm_buf_printf(page->out, "} %lld\n", (long long)count);
}

/* Kinds come over the wire: those of a newer agent, or made up, share one series. */
static void count_finding(void *arg, const char *kind, const char *severity, int64_t count)
{
    struct page *page = arg;

    if (is_known_kind(kind)) {
        put_findings(page, kind, severity, count);
        return;
    }
    for (size_t i = 0; i < HM_COUNT(page->other_kinds); i++) {
        if (strcmp(hm_severity_names[i], severity) == 0) {
            page->other_kinds[i] += count;
        }
    }
}

static void count_offered(void *arg, const char *state, const char *second, int64_t count)
{
    uint64_t *counts = arg;

    (void)second;
    for (size_t i = 0; i < HM_HOST_POLICY_STATE_COUNT; i++) {
        if (strcmp(hm_host_policy_state_names[i], state) == 0) {
            counts[i] = (uint64_t)count;
        }
    }
}

static void put_compliance(struct page *page, const struct hm_compliance_row *fleet)
{
    const struct {
        const char *state;
        uint64_t count;
    } states[] = {
        {"compliant",    fleet->compliant   },
        {"pending",      fleet->pending     },
        {"noncompliant", fleet->noncompliant},
        {"unknown",      fleet->unknown     },
        {"excepted",     fleet->excepted    },
        {"audit",        fleet->audit       },
    };

    head(page, METRIC_COMPLIANCE);
    for (size_t i = 0; i < HM_COUNT(states); i++) {
        labelled(page, "state", states[i].state, states[i].count);
    }
}

static enum hm_status read_policies(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct page *page = arg;
    const struct hm_compliance_question question = {.fleet = true, .now_ms = hm_clock_now_ms()};
    uint64_t counts[HM_HOST_POLICY_STATE_COUNT] = {0};
    struct hm_compliance_rows compliance;
    struct hm_compliance_row fleet = {0};
    enum hm_status st = hm_counts_host_policies(session, page->arena, count_offered, counts, err);

    if (st == HM_OK) {
        st = hm_compliance_count(session, &question, page->arena, &compliance, err);
    }
    if (st != HM_OK) {
        return st;
    }
    head(page, METRIC_OFFERED);
    for (size_t i = 0; i < HM_HOST_POLICY_STATE_COUNT; i++) {
        labelled(page, "state", hm_host_policy_state_names[i], counts[i]);
    }
    if (compliance.count > 0 && compliance.at[0].policy[0] == '\0') {
        fleet = compliance.at[0];
    }
    put_compliance(page, &fleet);
    return HM_OK;
}

static void put_rollout(struct page *page)
{
    struct hm_rollout_stats stats;

    hm_rollout_stats(page->app->rollout, &stats);
    one(page, METRIC_LIVE, stats.live);
    one(page, METRIC_ENDS, (uint64_t)(stats.soonest_end_ms / 1000));
    one(page, METRIC_BACKLOG, stats.hosts_waiting);
    one(page, METRIC_PASSES, stats.passes);
}

static enum hm_status read_counts(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct page *page = arg;
    uint64_t hosts[4] = {0};
    enum hm_status st = hm_counts_hosts(session, page->arena, count_host, hosts, err);
    size_t i;

    if (st != HM_OK) {
        return st;
    }
    head(page, METRIC_HOSTS);
    for (i = 0; i < HM_COUNT(hosts); i++) {
        labelled(page, "verdict", hm_verdict_state_names[i], hosts[i]);
    }
    head(page, METRIC_FINDINGS);
    st = hm_counts_findings(session, page->arena, count_finding, page, err);
    for (i = 0; st == HM_OK && i < HM_COUNT(page->other_kinds); i++) {
        if (page->other_kinds[i] > 0) {
            put_findings(page, "other", hm_severity_names[i], page->other_kinds[i]);
        }
    }
    return st;
}

static void put_fleet(struct page *page)
{
    struct hm_fleet_stats stats;

    hm_fleet_stats(page->app->fleet, &stats);
    one(page, METRIC_SILENT, stats.silent);
    one(page, METRIC_HELD, stats.held);
    head(page, METRIC_CHECKINS);
    labelled(page, "result", "changed", stats.changed);
    labelled(page, "result", "refused", stats.refused);
    labelled(page, "result", "unchanged", stats.unchanged);
}

static void put_store(struct page *page)
{
    struct hm_store_stats stats;

    hm_store_stats(page->app->store, &stats);
    one(page, METRIC_JOBS, stats.jobs);
    one(page, METRIC_BATCHES, stats.batches);
    one(page, METRIC_WAITING, stats.waiting);
    one(page, METRIC_WAITING_BYTES, stats.waiting_bytes);
}

static void put_http(struct page *page, const struct hm_route *routes, size_t route_count)
{
    const struct hm_http *http = page->app->http;
    struct hm_http_stats stats;
    size_t route;

    hm_http_stats(http, &stats);
    one(page, METRIC_CONNECTIONS, stats.connections);
    one(page, METRIC_ACCEPTED, stats.connections_total);
    one(page, METRIC_OVER, stats.connections_over);
    one(page, METRIC_SLOW, stats.slow_cut);
    one(page, METRIC_IN_FLIGHT, stats.bodies_in_flight_bytes);
    one(page, METRIC_SHED, stats.bodies_over);
    head(page, METRIC_REQUESTS);
    for (route = 0; route <= route_count; route++) {
        unsigned status_class;

        for (status_class = 2; status_class <= 5; status_class++) {
            uint64_t count = hm_http_answers(http, route, status_class);

            if (count > 0) {
                put_name(page);
                put_label(page, "{", "method", route < route_count ? routes[route].method : "");
                put_label(page, ",", "route", route < route_count ? routes[route].path : "");
                hm_buf_printf(page->out, ",class=\"%uxx\"} %llu\n", status_class,
                              (unsigned long long)count);
            }
        }
    }
}

/* /proc/self/status, "VmRSS:   1234 kB"; nothing where the system has no such file. */
static void put_memory(struct page *page)
{
    char *text;
    const char *at;
    size_t len;

    if (hm_os_read_file("/proc/self/status", 65536, page->arena, &text, &len, NULL) != HM_OK) {
        return;
    }
    at = strstr(text, "\nVmRSS:");
    if (at != NULL) {
        one(page, METRIC_MEMORY, strtoull(at + strlen("\nVmRSS:"), NULL, 10) * 1024u);
    }
}

static void put_process(struct page *page)
{
    clock_t cpu = clock();
    struct hm_strings fds;

    head(page, METRIC_BUILD);
    labelled(page, "version", hm_version, 1);
    if (cpu != (clock_t)-1) {
        head(page, METRIC_CPU);
        put_name(page);
        hm_buf_printf(page->out, " %.3f\n", (double)cpu / (double)CLOCKS_PER_SEC);
    }
    put_memory(page);
    if (hm_os_list_folder("/proc/self/fd", page->arena, &fds, NULL) == HM_OK) {
        one(page, METRIC_FDS, fds.count);
    }
    one(page, METRIC_START, (uint64_t)(page->app->started_ms / 1000));
}

enum hm_status hm_metrics_format(struct hm_app *app, const struct hm_route *routes,
                                 size_t route_count, struct hm_arena *arena, struct hm_buf *out,
                                 struct hm_err *err)
{
    struct page page = {.out = out, .arena = arena, .app = app};
    enum hm_status st = HM_OK;

    put_process(&page);
    if (app->store != NULL) {
        st = hm_store_read(app->store, read_counts, &page, err);
        if (st == HM_OK) {
            st = hm_store_read(app->store, read_policies, &page, err);
        }
        put_store(&page);
    }
    if (st == HM_OK && app->fleet != NULL) {
        put_fleet(&page);
    }
    if (st == HM_OK && app->rollout != NULL) {
        put_rollout(&page);
    }
    if (st == HM_OK && app->http != NULL) {
        put_http(&page, routes, route_count);
    }
    hm_buf_puts(out, "# EOF\n");
    return st == HM_OK ? hm_buf_status(out, err) : st;
}
