/* tests/unit/agent/test_obey.c — a whole agent with a signed policy, on a recorded host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/obey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/cycle.h"
#include "common/base/limits.h"
#include "tests/support/fake_transport.h"
#include "tests/support/policies_fixture.h"
#include "tests/support/temp_folder.h"

#define ID_A "01hzzzzzzzzzzzzzzzzzzzzzza"
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define TAKEN "{\"interval_s\":300,\"etag\":\"\\\"e1\\\"\"}"
#define ENROLLED                                                                                   \
    "{\"agent_id\":\"" ID_A "\",\"secret\":\"hma_" ID_A "_" SECRET "\",\"interval_s\":300}"
#define FIRST_STEP 2 /* after system and config, which are the process's own */

static struct {
    int64_t ms;
    int64_t end_ms;
} world;

static int64_t world_ms(void)
{
    return world.ms;
}

static bool world_is_stopped(void)
{
    return world.ms >= world.end_ms;
}

static bool world_sleep(int64_t ms)
{
    world.ms += ms;
    return world_is_stopped();
}

static uint32_t world_random(void)
{
    return 0;
}

static const struct hm_agent_clock world_clock = {
    .now_ms = world_ms,
    .monotonic_ms = world_ms,
    .sleep_ms = world_sleep,
    .is_stopped = world_is_stopped,
    .random = world_random,
};

/* A held request takes the time that it was asked to be held. */
static void pass_time(void *arg, unsigned call)
{
    const struct fake_transport *fake = arg;
    unsigned wait_s = 0;

    world.ms += 5;
    if (call < fake->reply_count && fake->replies[call].status == 304 &&
        sscanf(fake->calls[call].prefer, "wait=%u", &wait_s) == 1) {
        world.ms += (int64_t)wait_s * 1000;
    }
}

static void copy_host(const char *to)
{
    static const char *const names[] = {"host.json", "sysctl.txt"};
    struct hm_arena arena;

    hm_arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < HM_COUNT(names); i++) {
        const char *from = hm_arena_printf(&arena, "%s/tests/fixtures/hosts/linux-web/%s",
                                           HM_SOURCE_DIR, names[i]);
        const char *path = hm_arena_printf(&arena, "%s/%s", to, names[i]);
        char *text;
        size_t len;

        assert_int_equal(hm_os_read_file(from, 1u << 20, &arena, &text, &len, NULL), HM_OK);
        if (i == 0) { /* a port book of its own: the agent's would make a second report */
            text = hm_arena_printf(&arena, "{\"port_book\":[],%s", text + 1);
            len = strlen(text);
        }
        assert_int_equal(hm_os_replace_file(path, text, len, false, NULL), HM_OK);
    }
    hm_arena_fini(&arena);
}

static void start_agent(struct hm_agent *agent, const char *state_dir, const char *host)
{
    memset(agent, 0, sizeof(*agent));
    agent->clock = &world_clock;
    hm_arena_init(&agent->arena, 1u << 20);
    assert_int_equal(hm_agent_config_load(NULL, &agent->arena, &agent->config, NULL), HM_OK);
    agent->config.state_dir = state_dir;
    agent->config.host = host;
    agent->config.product_dir = "/no/such/folder";
    agent->config.catalogue_dir = "/no/such/folder";
    agent->config.token = "hmj_" ID_A "_" SECRET;
    for (size_t i = FIRST_STEP; i < HM_AGENT_STEPS; i++) {
        assert_int_equal(hm_agent_steps[i].start(agent, NULL), HM_OK);
    }
}

static void stop_agent(struct hm_agent *agent)
{
    for (size_t i = HM_AGENT_STEPS; i > FIRST_STEP; i--) {
        if (hm_agent_steps[i - 1].stop != NULL) {
            hm_agent_steps[i - 1].stop(agent);
        }
    }
    hm_arena_fini(&agent->arena);
}

static unsigned calls_of(const struct fake_transport *fake, const char *path)
{
    unsigned count = 0;

    for (unsigned i = 0; i < fake->call_count; i++) {
        count += strcmp(fake->calls[i].path, path) == 0 ? 1 : 0;
    }
    return count;
}

/* Applied in the first look and told in its report; while it is watched the host is looked at more
 * often, and the collector hears nothing of that. */
static void test_applied_watched_and_reported(void **state)
{
    static struct fake_reply replies[FAKE_CALLS_MAX];
    struct policies_fixture *fixture = *state;
    struct fake_transport fake;
    struct hm_envelope policy;
    struct hm_agent agent;
    char host[64];

    policies_use_root(fixture, 2, 2, ANNA | BORIS);
    policy = policies_statement(fixture, &(struct policy_draft){.revision = 3,
                                                                .match = EVERYBODY,
                                                                .document_match = EVERYBODY,
                                                                .ports = "40000",
                                                                .signers = ANNA | BORIS});
    assert_true(policies_take(fixture, &policy, 1, NOW));
    temp_folder_make(host, sizeof(host));
    copy_host(host);
    replies[0] = (struct fake_reply){200, ENROLLED, "", 0};
    replies[1] = (struct fake_reply){200, TAKEN, "", 0};
    for (unsigned i = 2; i < FAKE_CALLS_MAX; i++) {
        replies[i] = (struct fake_reply){304, "", "", 0};
    }
    fake_transport_init(&fake, replies, FAKE_CALLS_MAX);
    fake.on_call = pass_time;
    fake.on_call_arg = &fake;
    world.ms = NOW;
    world.end_ms = NOW + 100000;
    start_agent(&agent, fixture->folder, host);
    agent.uplink.transport = fake_transport_of(&fake);
    agent.config.collector = "https://fake";
    hm_cycle_run(&agent);
    assert_string_equal(fake.calls[1].path, "/v1/checkin");
    assert_non_null(strstr(fake.calls[1].body, "\"policy\":\"exchange\",\"revision\":3,"
                                               "\"mode\":\"enforce\",\"state\":\"verified\""));
    assert_non_null(strstr(fake.calls[1].body, "\"trust_version\":1"));
    assert_non_null(strstr(fake.calls[1].body, "40000")); /* the inventory after the change */
    assert_int_equal(calls_of(&fake, "/v1/checkin"), 1);
    assert_true(calls_of(&fake, "/v1/desired") >= 3);
    assert_true(agent.status.last_look >= NOW + 60000);
    stop_agent(&agent);
    fake_transport_fini(&fake);
    temp_folder_remove(host);
}

/* A collector that has something new each time it is asked costs the host no look a second. */
static void test_collector_without_rest(void **state)
{
    static struct fake_reply replies[FAKE_CALLS_MAX];
    struct policies_fixture *fixture = *state;
    struct fake_transport fake;
    struct hm_agent agent;
    char host[64];

    temp_folder_make(host, sizeof(host));
    copy_host(host);
    for (unsigned i = 1; i < FAKE_CALLS_MAX; i++) { /* a look, a check-in, a delivery */
        replies[i] = i % 2 == 1
                         ? (struct fake_reply){200, TAKEN, "", 0}
                         : (struct fake_reply){200,
                                               i % 4 == 0 ? "{\"settings\":{\"interval_s\":300}}"
                                                          : "{\"settings\":{\"interval_s\":301}}",
                                               "\"e\"", 0};
    }
    replies[0] = (struct fake_reply){200, ENROLLED, "", 0};
    fake_transport_init(&fake, replies, FAKE_CALLS_MAX);
    fake.on_call = pass_time;
    fake.on_call_arg = &fake;
    world.ms = NOW;
    world.end_ms = NOW + 180000;
    start_agent(&agent, fixture->folder, host);
    agent.uplink.transport = fake_transport_of(&fake);
    agent.config.collector = "https://fake";
    hm_cycle_run(&agent);
    assert_in_range(calls_of(&fake, "/v1/desired"), 30, 60); /* twenty at once, then one in 5 s */
    assert_true(calls_of(&fake, "/v1/checkin") <= calls_of(&fake, "/v1/desired") + 1);
    stop_agent(&agent);
    fake_transport_fini(&fake);
    temp_folder_remove(host);
}

/* A minute of an agent without a collector; returns what it tells of its policies. */
static void run_alone(const struct policies_fixture *fixture, const char *host, int64_t now_ms,
                      char out_outcome[4096])
{
    struct hm_agent agent;

    world.ms = now_ms;
    world.end_ms = now_ms + 60000;
    start_agent(&agent, fixture->folder, host);
    hm_cycle_run(&agent);
    (void)snprintf(out_outcome, 4096, "%s", hm_buf_text(&agent.outcome_json));
    stop_agent(&agent);
}

/* A power loss takes the clock and the newest file: without the time of the last look no clock ends
 * a policy until it was confirmed. */
static void test_last_look_lost(void **state)
{
    static const struct {
        const char *status; /* status.json; NULL = it is gone */
        bool lost;
    } cases[] = {
        {"",                                                                                  true },
        {NULL,                                                                                true },
        {"{}",                                                                                true },
        {"{\"version\":99}",                                                                  true },
        {"{\"interval_s\":300,\"safe\":0,\"unknown\":0,\"exposed\":0,\"blocked\":0}",         true },
        {"{\"interval_s\":300,\"sure\":\"2060-01-01T00:00:00Z\",\"safe\":0,\"unknown\":0,"
         "\"exposed\":0,\"blocked\":0,\"agent_id\":\"01hzzzzzzzzzzzzzzzzzzzzzzz\"}", true },
        {"{\"interval_s\":300,\"sure\":\"2060-01-01T00:00:00Z\",\"safe\":0,\"unknown\":0,"
         "\"exposed\":0,\"blocked\":0}",                                             false},
    };
    struct policies_fixture *fixture = *state;
    struct hm_envelope policy;
    char outcome[4096];
    char host[64];

    policies_use_root(fixture, 2, 2, ANNA | BORIS);
    policy = policies_statement(fixture, &(struct policy_draft){.revision = 3,
                                                                .match = EVERYBODY,
                                                                .document_match = EVERYBODY,
                                                                .expires = NOW + 300 * DAY,
                                                                .ports = "40000",
                                                                .signers = ANNA | BORIS});
    assert_true(policies_take(fixture, &policy, 1, NOW));
    temp_folder_make(host, sizeof(host));
    copy_host(host);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const char *path = policies_path(fixture, "status.json");

        run_alone(fixture, host, NOW, outcome);
        assert_non_null(strstr(outcome, "\"state\":\"verified\""));
        assert_int_equal(remove(path), 0);
        if (cases[i].status != NULL) {
            (void)policies_write_file(fixture, "status.json", cases[i].status);
        }
        run_alone(fixture, host, NOW + 7300 * DAY, outcome);
        assert_int_equal(strstr(outcome, "\"state\":\"verified\"") != NULL, cases[i].lost);
        run_alone(fixture, host, NOW + 7300 * DAY, outcome); /* the doubt outlives a restart */
        assert_int_equal(strstr(outcome, "\"state\":\"verified\"") != NULL, cases[i].lost);
    }
    temp_folder_remove(host);
}

/* Nor does a window open by such a clock, or by the time that stands in for a lost one. */
static void test_window_of_a_lost_look(void **state)
{
    struct policies_fixture *fixture = *state;
    struct hm_envelope policy;
    char outcome[4096];
    char host[64];

    policies_use_root(fixture, 2, 2, ANNA | BORIS);
    policy = policies_statement(
        fixture, &(struct policy_draft){.revision = 3,
                                        .match = EVERYBODY,
                                        .document_match = EVERYBODY,
                                        .document_more = ",\"window\":{\"weekdays\":[\"thu\"],"
                                                         "\"start_minute\":0,\"minutes\":2}",
                                        .expires = NOW + 300 * DAY,
                                        .ports = "40000",
                                        .signers = ANNA | BORIS});
    assert_true(policies_take(fixture, &policy, 1, NOW));
    temp_folder_make(host, sizeof(host));
    copy_host(host);
    run_alone(fixture, host, NOW, outcome);
    assert_non_null(strstr(outcome, "the clock of this host may be wrong"));
    (void)policies_write_file(fixture, "status.json",
                              "{\"interval_s\":300,\"sure\":\"2026-09-21T14:00:00Z\",\"safe\":0,"
                              "\"unknown\":0,\"exposed\":0,\"blocked\":0}");
    run_alone(fixture, host, NOW, outcome);
    assert_non_null(strstr(outcome, "maintenance window is closed"));
    temp_folder_remove(host);
}

/* More rows than one document holds: the states travel all the same. */
static void test_too_much_to_tell(void **state)
{
    static char policy[HM_LIMIT_NAME_BYTES];
    static struct hm_ledger_exclusion rows[4096];
    static struct hm_plan_note notes[1024];
    static const struct {
        size_t rows;
        size_t notes;
        bool told; /* of the ledger */
    } cases[] = {
        {10,   10,   true },
        {10,   1024, true },
        {4096, 1024, false},
    };
    static struct hm_outcome outcome;
    struct hm_buf json;

    (void)state;
    memset(policy, 'p', sizeof(policy) - 1);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const uint16_t port = (uint16_t)(2000 + i);

        rows[i] = (struct hm_ledger_exclusion){
            policy, 1, HM_TCP, HM_IPV4, {port, port},
                NOW, false
        };
    }
    for (size_t i = 0; i < HM_COUNT(notes); i++) {
        notes[i] = (struct hm_plan_note){
            .policy = policy,
            .text = "A text as long as such texts are, so that it takes room: "
                    "it is repeated for each of a thousand ports of the host, "
                    "and what it says is of no importance here whatever."};
        notes[i].kind = HM_NOTE_BUSY;
    }
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_outcome_report report = {.refused = ""};

        outcome = (struct hm_outcome){.policy = policy, .revision = 1, .text = "verified text"};
        outcome.state = HM_OUTCOME_VERIFIED;
        outcome.since = NOW;
        outcome.notes = (struct hm_plan_notes){notes, cases[i].notes};
        report.policies = (struct hm_outcomes){&outcome, 1};
        report.ledger.exclusions = (struct hm_ledger_exclusions){rows, cases[i].rows};
        hm_buf_init(&json, HM_LIMIT_DOCUMENT_BYTES);
        assert_int_equal(hm_obey_encode(&report, &json, NULL), HM_OK);
        assert_non_null(strstr(hm_buf_text(&json), "verified text"));
        assert_int_equal(strstr(hm_buf_text(&json), "\"exclusions\":[{") != NULL, cases[i].told);
        assert_int_equal(strstr(hm_buf_text(&json), "too much") != NULL, !cases[i].told);
        hm_buf_fini(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_applied_watched_and_reported, policies_set_up,
                                        policies_tear_down),
        cmocka_unit_test_setup_teardown(test_collector_without_rest, policies_set_up,
                                        policies_tear_down),
        cmocka_unit_test_setup_teardown(test_last_look_lost, policies_set_up, policies_tear_down),
        cmocka_unit_test_setup_teardown(test_window_of_a_lost_look, policies_set_up,
                                        policies_tear_down),
        cmocka_unit_test(test_too_much_to_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
