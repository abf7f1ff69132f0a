/* tests/support/rollout_double.c — a collector with hosts and signed policies put into its store.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/rollout_double.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "server/catalogue/shelf.h"
#include "server/fleet/fleet.h"
#include "server/rollout/rollout.h"

#define WAIT_MS 20000
#define PAST_MS INT64_C(1600000000000)

void rollout_double_open(struct rollout_double *f)
{
    memset(f, 0, sizeof(*f));
    collector_double_open(&f->collector, "sqlite::memory:");
    hm_signers_init(&f->signers);
}

void rollout_double_close(struct rollout_double *f)
{
    collector_double_close(&f->collector);
    hm_signers_fini(&f->signers);
}

/* ---- hosts ---------------------------------------------------------------------------------- */

enum hm_status rollout_put_host(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct rollout_host *host = arg;
    const char *labels[] = {host->label};
    const struct hm_agent_row agent = {.id = host->id, .secret_hash = {5}, .join_token_id = ""};
    const struct hm_host_row row = {
        .id = host->id,
        .name = host->id,
        .labels = {labels, host->label != NULL},
        .os_family = host->family,
        .os_name = "",
        .os_version = "10.0.17763",
        .agent_version = "",
        .first_seen_ms = PAST_MS,
        .last_seen_ms = PAST_MS,
        .boot_id = "b1",
        .inventory_digest = "blake2b-256:00",
        .findings_digest = "",
        .outcome_digest = "",
        .sample_json = ""
    };
    enum hm_status st = hm_agents_put(s, &agent, err);

    if (st == HM_OK) {
        st = hm_hosts_put(s, &row, PAST_MS, err);
    }
    return st == HM_OK ? hm_hosts_set_services(s, host->id, host->services, err) : st;
}

void rollout_double_add(struct rollout_double *f, const struct rollout_host *host)
{
    const struct hm_agent_row agent = {.id = host->id, .secret_hash = {5}, .join_token_id = ""};
    struct hm_app *app = &f->collector.app;
    struct hm_err err = {0};

    if (hm_store_write(app->store, rollout_put_host, (void *)(uintptr_t)host, &err) != HM_OK) {
        fail_msg("%s", err.text);
    }
    (void)!hm_fleet_put(app->fleet, &agent, host->id, NULL);
}

/* ---- policies ------------------------------------------------------------------------------- */

enum hm_status rollout_put_revision(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct rollout_revision *r = arg;
    struct hm_arena *arena = &r->f->signers.arena;
    const char *mode = r->state == HM_REVISION_RETIRED ? "retire" : "enforce";
    const char *document = hm_arena_printf(
        arena,
        "{\"name\":\"%s\",\"revision\":%u,\"owner\":\"anna\",\"reason\":\"POP3\","
        "\"review\":\"2030-01-01T00:00:00Z\",\"match\":%s,\"mode\":\"%s\",\"reservations\":[{"
        "\"protocol\":\"tcp\",\"ports\":\"9955\"}]}",
        r->policy, r->revision, r->match, mode);
    int64_t expires_ms = r->expires_ms != 0 ? r->expires_ms : hm_clock_now_ms() + 86400000;
    char digest[HM_DIGEST_TEXT_BYTES];
    struct hm_policy_row policy = {.name = r->policy,
                                   .owner = "anna",
                                   .reason = "POP3",
                                   .mode = mode,
                                   .newest = r->revision,
                                   .state = r->state,
                                   .live = r->revision,
                                   .live_state = r->state};
    struct hm_revision_row row = {.policy = r->policy,
                                  .revision = r->revision,
                                  .state = r->state,
                                  .mode = mode,
                                  .document = r->broken ? "{" : document,
                                  .digest = digest,
                                  .author = "anna",
                                  .why = "",
                                  .expires_ms = expires_ms};
    struct hm_statement statement = hm_signers_statement(&r->f->signers);
    struct hm_envelope envelope;
    struct hm_buf text;
    enum hm_status st;

    hm_digest_text(document, strlen(document), digest);
    statement.policy = r->policy;
    statement.revision = r->revision;
    statement.content = document;
    statement.digest = digest;
    statement.expires = expires_ms;
    hm_buf_init(&text, HM_LIMIT_SIGNED_BYTES);
    st = hm_statement_encode(&statement, arena, &envelope, err);
    if (st == HM_OK) {
        assert_true(hm_signers_sign(&r->f->signers, HM_ANNA, &envelope));
        st = hm_record_encode(&hm_record_envelope, &envelope, &text, err);
        row.envelope = hm_buf_text(&text);
    }
    if (st == HM_OK) {
        st = hm_policies_put(s, &policy, err);
    }
    if (st == HM_OK) {
        st = hm_revisions_put(s, &row, err);
    }
    hm_buf_fini(&text);
    return st;
}

void rollout_double_put(struct rollout_double *f, const char *policy, uint32_t revision,
                        enum hm_revision_state state, const char *match)
{
    struct rollout_revision r = {
        .policy = policy, .revision = revision, .state = state, .match = match, .f = f};
    struct hm_err err = {0};

    if (hm_store_write(f->collector.app.store, rollout_put_revision, &r, &err) != HM_OK) {
        fail_msg("%s", err.text);
    }
}

/* The state of a revision that is there; what is signed stays as it is. */
static enum hm_status change_state(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct rollout_revision *r = arg;
    struct hm_revision_row row;
    enum hm_status st =
        hm_revisions_get(s, r->policy, r->revision, &r->f->signers.arena, &row, err);

    row.state = r->state;
    return st == HM_OK ? hm_revisions_put(s, &row, err) : st;
}

void rollout_double_turn(struct rollout_double *f, const char *policy, uint32_t revision,
                         enum hm_revision_state state)
{
    struct rollout_revision r = {.policy = policy, .revision = revision, .state = state, .f = f};

    assert_int_equal(hm_store_write(f->collector.app.store, change_state, &r, NULL), HM_OK);
}

/* Until nothing waits any more. */
void rollout_double_settle(struct rollout_double *f)
{
    struct hm_rollout_stats stats;
    int64_t until_ms = hm_os_monotonic_ms() + WAIT_MS;

    do {
        (void)hm_os_sleep_ms(2);
        hm_rollout_stats(f->collector.app.rollout, &stats);
    } while (stats.hosts_waiting > 0 && hm_os_monotonic_ms() < until_ms);
    assert_int_equal(stats.hosts_waiting, 0);
}

void rollout_double_refresh(struct rollout_double *f)
{
    hm_rollout_refresh(f->collector.app.rollout);
    rollout_double_settle(f);
}

const char *rollout_double_offers(struct rollout_double *f, const char *id, char out[200])
{
    struct hm_rollout *rollout = f->collector.app.rollout;
    struct hm_desired_answer answer;
    struct hm_desired desired;
    struct hm_arena arena;
    struct hm_err err = {0};
    char etag[HM_DIGEST_TEXT_BYTES + 2];

    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    assert_int_equal(
        hm_rollout_desired(rollout, id, hm_shelf_tag(f->collector.app.shelf), &answer, &err),
        HM_OK);
    hm_rollout_etag(rollout, id, etag);
    assert_string_equal(answer.etag, etag);
    if (hm_record_decode(&hm_record_desired, answer.body, answer.len, true, &arena, &desired, NULL,
                         &err) != HM_OK) {
        fail_msg("%s in %s", err.text, answer.body);
    }
    out[0] = '\0';
    for (size_t i = 0; i < desired.policies.count; i++) {
        struct hm_statement statement;
        size_t len = strlen(out);

        assert_int_equal(hm_statement_decode(&desired.policies.at[i], &arena, &statement, &err),
                         HM_OK);
        (void)snprintf(out + len, 200 - len, "%s%s/%u", i > 0 ? " " : "", statement.policy,
                       (unsigned)statement.revision);
    }
    hm_desired_release(&answer);
    hm_arena_fini(&arena);
    return out;
}
