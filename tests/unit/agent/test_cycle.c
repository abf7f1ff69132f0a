/* tests/unit/agent/test_cycle.c — the whole agent with a clock, a host and a collector made up.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/fake_transport.h"
#include "tests/support/temp_folder.h"

#define ID_A "01hzzzzzzzzzzzzzzzzzzzzzza"
#define ID_B "01hzzzzzzzzzzzzzzzzzzzzzzb"
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define JOIN_TOKEN "hmj_" ID_A "_" SECRET
#define TAKEN "{\"interval_s\":60,\"etag\":\"\\\"e1\\\"\"}"
#define ENROLLED(id)                                                                               \
    "{\"agent_id\":\"" id "\",\"secret\":\"hma_" id "_" SECRET "\",\"interval_s\":60}"
#define CLONE                                                                                      \
    "{\"type\":\"t\",\"title\":\"t\",\"status\":409,\"code\":\"clone_detected\","                  \
    "\"reenroll_token\":\"" JOIN_TOKEN "\"}"
#define DESIRED(interval) "{\"settings\":{\"interval_s\":" interval "},\"catalogue\":[]}"

/* ---- a clock that moves when someone waits ------------------------------------------------- */

static struct {
    int64_t ms;
    int64_t end_ms; /* a stop is asked for then */
    int64_t sleeps;
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
    assert_true(ms > 0); /* 0 would be a busy loop */
    world.ms += ms;
    world.sleeps++;
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

/* ---- a host -------------------------------------------------------------------------------- */

static struct {
    const char *boot_id;
    const char *os_name; /* a fact that tests change */
    enum hm_status st;
    int64_t look_takes_ms;
    unsigned failures;        /* so many looks fail first */
    unsigned partial;         /* so many looks ask for another one soon */
    const char *os_name_then; /* after those; NULL: the same */
    unsigned looks;
} host;

static enum hm_status host_open(const char *where, struct hm_platform **out, struct hm_err *err)
{
    (void)where;
    (void)err;
    *out = NULL;
    return HM_OK;
}

static enum hm_status host_observe(struct hm_platform *platform, struct hm_arena *arena,
                                   struct hm_observation *out, struct hm_err *err)
{
    (void)platform;
    (void)arena;
    host.looks++;
    world.ms += host.look_takes_ms;
    if (host.failures > 0) {
        host.failures--;
        return hm_fail(err, HM_EIO, "the host cannot be seen yet");
    }
    if (host.st != HM_OK) {
        return hm_fail(err, host.st, "the host cannot be seen");
    }
    out->name = "host-1";
    out->boot_id = host.boot_id;
    out->inventory.os = (struct hm_os){HM_OS_LINUX, host.os_name, "6.1", 0, "x86_64", "C"};
    out->has_sample = true;
    if (host.partial > 0) {
        host.partial--;
        out->again_in_ms = 3000;
    } else if (host.os_name_then != NULL) {
        out->inventory.os.name = host.os_name_then;
    }
    return HM_OK;
}

static void host_close(struct hm_platform *platform)
{
    (void)platform;
}

static const struct hm_platform_ops host_ops = {
    .name = "made up", .open = host_open, .observe = host_observe, .close = host_close};

/* ---- the agent ----------------------------------------------------------------------------- */

struct fixture {
    char folder[64];
    struct hm_agent agent;
    struct fake_transport fake;
};

#define FIRST_STEP 2 /* after system and config, which are the process's own */

/* A held request takes the time that it was asked to be held. */
static void pass_time(void *arg, unsigned call)
{
    struct fixture *fixture = arg;
    unsigned wait_s = 0;

    world.ms += 5;
    if (call < fixture->fake.reply_count && fixture->fake.replies[call].status == 304 &&
        sscanf(fixture->fake.calls[call].prefer, "wait=%u", &wait_s) == 1) {
        world.ms += (int64_t)wait_s * 1000;
    }
}

static void start_agent(struct fixture *fixture)
{
    struct hm_agent *agent = &fixture->agent;

    memset(agent, 0, sizeof(*agent));
    agent->clock = &world_clock;
    agent->platform_ops = &host_ops;
    hm_arena_init(&agent->arena, 1u << 20);
    assert_int_equal(hm_agent_config_load(NULL, &agent->arena, &agent->config, NULL), HM_OK);
    agent->config.state_dir = fixture->folder;
    agent->config.product_dir = "/no/such/folder";
    agent->config.catalogue_dir = "/no/such/folder";
    for (size_t i = FIRST_STEP; i < HM_AGENT_STEPS; i++) {
        assert_int_equal(hm_agent_steps[i].start(agent, NULL), HM_OK);
    }
    agent->uplink.transport = fake_transport_of(&fixture->fake);
    agent->config.collector = "https://fake";
}

static void stop_agent(struct fixture *fixture)
{
    for (size_t i = HM_AGENT_STEPS; i > FIRST_STEP; i--) {
        if (hm_agent_steps[i - 1].stop != NULL) {
            hm_agent_steps[i - 1].stop(&fixture->agent);
        }
    }
    hm_arena_fini(&fixture->agent.arena);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    world.ms = 1000000000000;
    world.end_ms = INT64_MAX;
    world.sleeps = 0;
    host.boot_id = "boot-1";
    host.os_name = "first";
    host.st = HM_OK;
    host.look_takes_ms = 0;
    host.failures = 0;
    host.partial = 0;
    host.os_name_then = NULL;
    host.looks = 0;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fake_transport_fini(&fixture->fake);
    temp_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void script(struct fixture *fixture, const struct fake_reply *replies, unsigned count)
{
    fake_transport_fini(&fixture->fake);
    fake_transport_init(&fixture->fake, replies, count);
    fixture->fake.on_call = pass_time;
    fixture->fake.on_call_arg = fixture;
}

static void run_for(struct fixture *fixture, int64_t ms)
{
    world.end_ms = world.ms + ms;
    hm_cycle_run(&fixture->agent);
}

static unsigned calls_of(const struct fixture *fixture, const char *path)
{
    unsigned count = 0;

    for (unsigned i = 0; i < fixture->fake.call_count; i++) {
        count += strcmp(fixture->fake.calls[i].path, path) == 0 ? 1 : 0;
    }
    return count;
}

static struct hm_agent_status saved_status(struct fixture *fixture, struct hm_arena *arena)
{
    struct hm_agent_status status;

    assert_int_equal(hm_agent_status_load(fixture->folder, arena, &status, NULL), HM_OK);
    return status;
}

static void test_an_hour_of_nothing_new(void **state)
{
    static struct fake_reply replies[FAKE_CALLS_MAX];
    struct fixture *fixture = *state;
    const char *token = JOIN_TOKEN;

    replies[0] = (struct fake_reply){200, ENROLLED(ID_A), "", 0};
    replies[1] = (struct fake_reply){200, TAKEN, "", 0};
    replies[2] = (struct fake_reply){200, DESIRED("300"), "\"e1\"", 0};
    for (unsigned i = 3; i < FAKE_CALLS_MAX; i++) {
        replies[i] =
            i % 2 == 1
                ? (struct fake_reply){200, "{\"interval_s\":300,\"etag\":\"\\\"e1\\\"\"}", "", 0}
                : (struct fake_reply){304, "", "", 0};
    }
    script(fixture, replies, FAKE_CALLS_MAX);
    start_agent(fixture);
    fixture->agent.config.token = token;
    run_for(fixture, 3600000);
    assert_string_equal(fixture->fake.calls[0].path, "/v1/enroll");
    /* One check-in and one held request an interval, and one more look for the new catalogue. */
    assert_in_range(calls_of(fixture, "/v1/checkin"), 12, 14);
    assert_in_range(calls_of(fixture, "/v1/desired"), 12, 14);
    assert_in_range(host.looks, 12, 14);
    assert_null(strstr(fixture->fake.calls[5].body, "\n{")); /* no body travels twice */
    assert_true(fixture->fake.calls[5].body_len < 700);
    assert_string_equal(fixture->fake.calls[6].if_none_match, "\"e1\"");
    stop_agent(fixture);
}

static void test_collector_away_and_back(void **state)
{
    static struct fake_reply replies[FAKE_CALLS_MAX];
    struct fixture *fixture = *state;
    struct hm_agent_status status;
    struct hm_arena arena;
    unsigned tries;

    hm_arena_init(&arena, 1u << 20);
    replies[0] = (struct fake_reply){200, ENROLLED(ID_A), "", 0};
    replies[1] = (struct fake_reply){200, TAKEN, "", 0};
    script(fixture, replies, 2);
    start_agent(fixture);
    fixture->agent.config.token = JOIN_TOKEN;
    fixture->agent.config.interval_s = 60;
    run_for(fixture, 30000);
    status = saved_status(fixture, &arena);
    assert_true(status.has_last_error && status.has_last_contact);
    assert_string_equal(status.error_code, "refused");
    /* It goes on looking; it does not hammer; what is reported then is the newest. */
    host.looks = 0;
    host.os_name = "second";
    script(fixture, NULL, 0);
    run_for(fixture, 20 * 60000);
    assert_in_range(host.looks, 19, 21);
    tries = fixture->fake.call_count;
    assert_true(tries >= 2 && tries <= FAKE_CALLS_MAX);
    host.os_name = "third";
    replies[0] = (struct fake_reply){200, TAKEN, "", 0};
    replies[1] = (struct fake_reply){304, "", "", 0};
    script(fixture, replies, 2);
    run_for(fixture, 30000);
    assert_non_null(strstr(fixture->fake.calls[0].body, "\"third\""));
    assert_non_null(strstr(fixture->fake.calls[0].body, "unsent_dropped"));
    stop_agent(fixture);
    hm_arena_fini(&arena);
}

static void test_retry_after_is_obeyed(void **state)
{
    static const struct fake_reply replies[] = {
        {200, ENROLLED(ID_A), "", 0  },
        {503, "",             "", 500},
        {200, TAKEN,          "", 0  },
    };
    struct fixture *fixture = *state;
    int64_t began_ms;

    script(fixture, replies, 2);
    start_agent(fixture);
    fixture->agent.config.token = JOIN_TOKEN;
    fixture->agent.config.interval_s = 60;
    began_ms = world.ms;
    run_for(fixture, 490000);
    assert_int_equal(fixture->fake.call_count, 2);
    assert_true(world.ms - began_ms >= 490000);
    assert_in_range(host.looks, 8, 10);
    stop_agent(fixture);
}

static void test_clone_becomes_another_agent(void **state)
{
    static const struct fake_reply replies[] = {
        {200, ENROLLED(ID_A), "", 0},
        {200, TAKEN,          "", 0},
        {304, "",             "", 0},
        {409, CLONE,          "", 0},
        {200, ENROLLED(ID_B), "", 0},
        {200, TAKEN,          "", 0},
        {304, "",             "", 0},
    };
    struct fixture *fixture = *state;

    script(fixture, replies, HM_COUNT(replies));
    start_agent(fixture);
    fixture->agent.config.token = JOIN_TOKEN;
    fixture->agent.config.interval_s = 60;
    run_for(fixture, 100000);
    assert_string_equal(fixture->agent.identity.agent_id, ID_B);
    assert_string_equal(fixture->fake.calls[4].path, "/v1/enroll");
    /* The new agent has said nothing yet: everything travels. */
    assert_non_null(strstr(fixture->fake.calls[5].body, "\n{\"os\""));
    assert_string_equal(fixture->fake.calls[5].bearer, "hma_" ID_B "_" SECRET);
    stop_agent(fixture);
    start_agent(fixture);
    assert_string_equal(fixture->agent.identity.agent_id, ID_B);
    stop_agent(fixture);
}

static void test_lost_identity(void **state)
{
    static const struct fake_reply replies[] = {
        {200, ENROLLED(ID_A), "", 0},
        {200, TAKEN,          "", 0},
        {401, "",             "", 0}, /* held request */
        {401, "",             "", 0}, /* check-in */
        {200, ENROLLED(ID_B), "", 0},
        {200, TAKEN,          "", 0},
        {304, "",             "", 0},
    };
    static struct fake_reply refused[FAKE_CALLS_MAX];
    struct fixture *fixture = *state;

    script(fixture, replies, HM_COUNT(replies));
    start_agent(fixture);
    fixture->agent.config.token = JOIN_TOKEN;
    fixture->agent.config.interval_s = 60;
    run_for(fixture, 50000);
    assert_string_equal(fixture->agent.identity.agent_id, ID_B);
    assert_string_equal(fixture->fake.calls[4].path, "/v1/enroll");
    /* Without a token: slowly, for ever, and said so. */
    fixture->agent.config.token = "";
    for (unsigned i = 0; i < FAKE_CALLS_MAX; i++) {
        refused[i] = (struct fake_reply){401, "", "", 0};
    }
    script(fixture, refused, FAKE_CALLS_MAX);
    run_for(fixture, 3600000);
    assert_in_range(fixture->fake.call_count, 5, 20);
    assert_true(fixture->agent.status.has_last_error);
    stop_agent(fixture);
}

static void test_never_enrolled(void **state)
{
    struct fixture *fixture = *state;
    struct hm_agent_status status;
    struct hm_arena arena;
    const char *why;

    hm_arena_init(&arena, 1u << 20);
    script(fixture, NULL, 0);
    start_agent(fixture);
    fixture->agent.config.interval_s = 60;
    run_for(fixture, 600000);
    assert_int_equal(fixture->fake.call_count, 0);
    assert_in_range(host.looks, 10, 11);
    status = saved_status(fixture, &arena);
    assert_string_equal(status.error_code, "not_enrolled");
    assert_false(hm_agent_status_is_healthy(&status, true, world.ms, &why));
    stop_agent(fixture);
    hm_arena_fini(&arena);
}

static void test_host_that_cannot_be_seen(void **state)
{
    static const struct fake_reply replies[] = {
        {200, ENROLLED(ID_A), "", 0},
        {200, TAKEN,          "", 0},
        {304, "",             "", 0},
    };
    struct fixture *fixture = *state;
    struct hm_err err;

    script(fixture, replies, HM_COUNT(replies));
    start_agent(fixture);
    fixture->agent.config.token = JOIN_TOKEN;
    fixture->agent.config.interval_s = 60;
    run_for(fixture, 50000);
    host.st = HM_EIO;
    script(fixture, &replies[2], 1);
    run_for(fixture, 60000);
    assert_int_equal(calls_of(fixture, "/v1/checkin"), 0); /* nothing old is sent as new */
    assert_string_equal(fixture->agent.status.look_error, "the host cannot be seen");
    /* Not even a report that waits: what it points to went with the look that failed. */
    host.st = HM_OK;
    assert_int_equal(hm_cycle_look(&fixture->agent, &err), HM_OK);
    assert_true(fixture->agent.has_report);
    assert_string_equal(fixture->agent.look_error.text, "");
    host.st = HM_EIO;
    assert_int_equal(hm_cycle_look(&fixture->agent, &err), HM_EIO);
    assert_false(fixture->agent.has_report);
    stop_agent(fixture);
}

/* A look can fail once for a reason that passes: the first report does not wait for an interval. */
static void test_a_failed_look_is_repeated_soon(void **state)
{
    static const struct fake_reply replies[] = {
        {200, ENROLLED(ID_A), "", 0},
        {200, TAKEN,          "", 0},
        {304, "",             "", 0},
    };
    struct fixture *fixture = *state;

    script(fixture, replies, HM_COUNT(replies));
    start_agent(fixture);
    fixture->agent.config.token = JOIN_TOKEN;
    host.failures = 2;
    run_for(fixture, 5000);
    assert_int_equal(host.looks, 3);
    assert_int_equal(calls_of(fixture, "/v1/checkin"), 1);
    assert_string_equal(fixture->agent.look_error.text, "");
    stop_agent(fixture);
}

/* Part of the host could not be read: another look soon, and a report of what is new. */
static void test_what_was_not_read_is_read_again(void **state)
{
    static const struct fake_reply replies[] = {
        {200, ENROLLED(ID_A), "", 0},
        {200, TAKEN,          "", 0},
        {304, "",             "", 0},
        {200, TAKEN,          "", 0},
        {304, "",             "", 0},
    };
    struct fixture *fixture = *state;

    host.partial = 1;
    host.os_name_then = "second";
    script(fixture, replies, HM_COUNT(replies));
    start_agent(fixture);
    fixture->agent.config.token = JOIN_TOKEN;
    fixture->agent.config.interval_s = 300;
    run_for(fixture, 100000);
    assert_int_equal(host.looks, 2);
    assert_int_equal(calls_of(fixture, "/v1/checkin"), 2);
    stop_agent(fixture);
}

/* A system tool that hangs makes a look last longer than the interval; that must be told, too. */
static void test_slow_looks_are_told(void **state)
{
    static const struct fake_reply replies[] = {
        {200, ENROLLED(ID_A), "", 0},
        {200, TAKEN,          "", 0},
        {304, "",             "", 0},
    };
    struct fixture *fixture = *state;

    host.look_takes_ms = 20000;
    script(fixture, replies, HM_COUNT(replies));
    start_agent(fixture);
    fixture->agent.config.token = JOIN_TOKEN;
    fixture->agent.config.interval_s = 5;
    run_for(fixture, 30000);
    assert_true(host.looks < 3);
    assert_int_equal(calls_of(fixture, "/v1/checkin"), 1);
    stop_agent(fixture);
}

static void test_new_desired_state_is_judged_at_once(void **state)
{
    static const struct fake_reply replies[] = {
        {200, ENROLLED(ID_A), "",       0},
        {200, TAKEN,          "",       0},
        {200, DESIRED("60"),  "\"e1\"", 0},
        {200, TAKEN,          "",       0},
        {200, DESIRED("61"),  "\"e2\"", 0},
        {200, TAKEN,          "",       0},
        {304, "",             "",       0},
    };
    struct fixture *fixture = *state;
    int64_t began_ms = world.ms;

    script(fixture, replies, HM_COUNT(replies));
    start_agent(fixture);
    fixture->agent.config.token = JOIN_TOKEN;
    run_for(fixture, 20000);
    assert_string_equal(fixture->fake.calls[2].prefer, "wait=60");
    assert_int_equal(host.looks, 3);
    assert_int_equal(fixture->fake.call_count, 7);
    assert_true(world.ms - began_ms >= 2000); /* never more than one look a second */
    stop_agent(fixture);
}

static void test_health(void **state)
{
    static const struct {
        const char *agent_id;
        bool has_contact;
        bool has_error;
        int64_t age_ms;
        bool running;
        bool healthy;
    } rows[] = {
        {"a", true,  false, 0,                             true,  true },
        {"a", true,  false, 185000,                        false, true },
        {"a", true,  false, 185001,                        false, false},
        {"a", true,  false, 185000 + HM_STATUS_REFRESH_MS, true,  true },
        {"a", true,  false, 185001 + HM_STATUS_REFRESH_MS, true,  false},
        {"a", true,  true,  0,                             true,  false},
        {"a", false, false, 0,                             true,  false},
        {"",  true,  false, 0,                             true,  false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const struct hm_agent_status status = {.agent_id = rows[i].agent_id,
                                               .interval_s = 60,
                                               .has_last_contact = rows[i].has_contact,
                                               .last_contact = 1000,
                                               .look_error = "",
                                               .has_last_error = rows[i].has_error};
        const char *why = NULL;

        assert_int_equal(
            hm_agent_status_is_healthy(&status, rows[i].running, 1000 + rows[i].age_ms, &why),
            rows[i].healthy);
        assert_int_equal(why[0] == '\0', rows[i].healthy);
    }
}

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK ? 0 : -1;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_an_hour_of_nothing_new),
        CASE(test_collector_away_and_back),
        CASE(test_retry_after_is_obeyed),
        CASE(test_clone_becomes_another_agent),
        CASE(test_lost_identity),
        CASE(test_never_enrolled),
        CASE(test_host_that_cannot_be_seen),
        CASE(test_a_failed_look_is_repeated_soon),
        CASE(test_what_was_not_read_is_read_again),
        CASE(test_slow_looks_are_told),
        CASE(test_new_desired_state_is_judged_at_once),
        cmocka_unit_test(test_health),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
