/* tests/unit/agent/test_desired.c — a desired state on its way: spool, catalogue, policies,
 * restart. SPDX-License-Identifier: Apache-2.0 */
#include "agent/cycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/crypto/digest.h"
#include "tests/support/fake_transport.h"
#include "tests/support/policies_fixture.h"
#include "tests/support/temp_folder.h"

#define FIRST_STEP 2 /* after system and config, which are the process's own */
#define TAKEN "{\"interval_s\":60,\"etag\":\"\\\"e1\\\"\"}"

struct fixture {
    char folder[64];
    struct hm_agent agent;
    struct fake_transport fake;
    struct policies_fixture people; /* only those who write and sign */
    struct hm_envelope root;
};

static int64_t fixed_ms(void)
{
    return NOW;
}

static bool sleep_never(int64_t ms)
{
    (void)ms;
    return false;
}

static bool is_stopped(void)
{
    return false;
}

static uint32_t random_zero(void)
{
    return 0;
}

static const struct hm_agent_clock fixed_clock = {
    .now_ms = fixed_ms,
    .monotonic_ms = fixed_ms,
    .sleep_ms = sleep_never,
    .is_stopped = is_stopped,
    .random = random_zero,
};

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
    (void)err;
    out->name = "mail-1";
    out->boot_id = "boot-1";
    out->inventory.os = (struct hm_os){HM_OS_LINUX, "Debian", "6.1", 0, "x86_64", "C"};
    return HM_OK;
}

static void host_close(struct hm_platform *platform)
{
    (void)platform;
}

static const struct hm_platform_ops host_ops = {
    .name = "made up", .open = host_open, .observe = host_observe, .close = host_close};

static void start_agent(struct fixture *fixture)
{
    struct hm_agent *agent = &fixture->agent;

    memset(agent, 0, sizeof(*agent));
    agent->clock = &fixed_clock;
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
    agent->identity.present = true;
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

static void restart(struct fixture *fixture)
{
    stop_agent(fixture);
    start_agent(fixture);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct hm_trust_root root;

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    hm_signers_init(&fixture->people.people);
    root = hm_signers_root(&fixture->people.people, 2, 2);
    fixture->root = policies_root(&fixture->people, &root, ANNA | BORIS);
    start_agent(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    stop_agent(fixture);
    fake_transport_fini(&fixture->fake);
    hm_signers_fini(&fixture->people.people);
    temp_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

/* A delivery with this revision of the policy (0 = without policies). */
static const char *delivery(struct fixture *fixture, uint32_t revision, unsigned signers,
                            bool with_catalogue)
{
    struct hm_product product = {.id = "dns", .title = "DNS", .vendor = "", .note = ""};
    struct hm_envelope statement;
    struct hm_desired desired = {
        .settings = {.interval_s = 90      },
        .catalogue_tag = "tag-1",
        .has_catalogue = with_catalogue,
        .catalogue = { &product,                     1},
        .trust = { &fixture->root,                     1},
        .policies = { &statement, revision != 0 ? 1 : 0}
    };
    const char *text;
    struct hm_buf json;

    if (revision != 0) {
        statement = policies_statement(
            &fixture->people, &(struct policy_draft){.revision = revision, .signers = signers});
    }
    hm_buf_init(&json, HM_LIMIT_DESIRED_BYTES);
    assert_int_equal(hm_record_encode(&hm_record_desired, &desired, &json, NULL), HM_OK);
    text = hm_arena_strdup(&fixture->people.people.arena, hm_buf_text(&json));
    hm_buf_fini(&json);
    return text;
}

static bool hold(struct fixture *fixture, const char *body, const char *etag, enum hm_status want)
{
    const struct fake_reply reply = {body != NULL ? 200 : 304, body, etag, 0};
    bool changed = false;
    struct hm_err err;

    fake_transport_fini(&fixture->fake);
    fake_transport_init(&fixture->fake, &reply, 1);
    assert_int_equal(hm_cycle_hold(&fixture->agent, 30, &changed, &err), want);
    return changed;
}

static uint32_t obeyed(const struct fixture *fixture)
{
    const struct hm_policies *all = hm_agent_policies_all(fixture->agent.policies);

    return all->count == 1 ? all->at[0]->revision : 0;
}

static void test_delivery_without_catalogue_keeps_the_old(void **state)
{
    struct fixture *fixture = *state;

    assert_true(hold(fixture, delivery(fixture, 3, ANNA | BORIS, true), "\"e1\"", HM_OK));
    assert_string_equal(fixture->fake.calls[0].path, "/v1/desired");
    assert_int_equal(obeyed(fixture), 3);
    assert_int_equal(fixture->agent.catalogue.count, 1);
    assert_int_equal(fixture->agent.uplink.interval_s, 90);
    assert_true(hold(fixture, delivery(fixture, 4, ANNA | BORIS, false), "\"e2\"", HM_OK));
    assert_string_equal(fixture->fake.calls[0].path, "/v1/desired?catalogue=tag-1");
    assert_int_equal(obeyed(fixture), 4);
    assert_int_equal(fixture->agent.catalogue.count, 1);
    restart(fixture);
    assert_int_equal(obeyed(fixture), 4);
    assert_int_equal(fixture->agent.catalogue.count, 1);
    assert_int_equal(fixture->agent.uplink.interval_s, 90);
    assert_false(hold(fixture, NULL, "", HM_OK));
    assert_string_equal(fixture->fake.calls[0].path, "/v1/desired?catalogue=tag-1");
    assert_string_equal(fixture->fake.calls[0].if_none_match, "\"e2\"");
}

static void overwrite(struct fixture *fixture, const char *name, const char *text)
{
    assert_int_equal(hm_os_replace_file(hm_arena_printf(&fixture->people.people.arena, "%s/%s",
                                                        fixture->folder, name),
                                        text, strlen(text), true, NULL),
                     HM_OK);
}

static void test_catalogue_that_is_lost_is_fetched_anew(void **state)
{
    struct fixture *fixture = *state;

    (void)hold(fixture, delivery(fixture, 3, ANNA | BORIS, true), "\"e1\"", HM_OK);
    overwrite(fixture, "catalogue.json", "{}");
    restart(fixture);
    assert_int_equal(fixture->agent.catalogue.count, 0);
    assert_int_equal(obeyed(fixture), 3);
    (void)hold(fixture, delivery(fixture, 3, ANNA | BORIS, true), "\"e1\"", HM_OK);
    assert_string_equal(fixture->fake.calls[0].path, "/v1/desired");
    assert_string_equal(fixture->fake.calls[0].if_none_match, "");
    assert_int_equal(fixture->agent.catalogue.count, 1);
}

/* Killed after the delivery was stored and before its policies were. */
static void test_policies_of_the_spool_are_taken_at_start(void **state)
{
    struct fixture *fixture = *state;

    (void)hold(fixture, delivery(fixture, 3, ANNA | BORIS, true), "\"e1\"", HM_OK);
    overwrite(fixture, "policies.json", "{}");
    restart(fixture);
    assert_int_equal(obeyed(fixture), 3);
    assert_int_equal(hm_agent_policies_trust_version(fixture->agent.policies), 1);
}

static void test_policies_that_cannot_be_kept_are_fetched_again(void **state)
{
    struct fixture *fixture = *state;
    const char *path =
        hm_arena_printf(&fixture->people.people.arena, "%s/policies.json", fixture->folder);

    assert_int_equal(hm_os_make_folder(path, 0700, NULL), HM_OK);
    (void)hold(fixture, delivery(fixture, 3, ANNA | BORIS, true), "\"e1\"", HM_EIO);
    assert_int_equal(obeyed(fixture), 0);
    assert_true(fixture->agent.uplink.retry_ms > 0);
    assert_int_equal(hm_os_remove_folder(path, NULL), HM_OK);
    (void)hold(fixture, delivery(fixture, 3, ANNA | BORIS, false), "\"e1\"", HM_OK);
    assert_string_equal(fixture->fake.calls[0].if_none_match, "");
    assert_int_equal(obeyed(fixture), 3);
}

static void test_delivery_that_is_none_is_told(void **state)
{
    struct fixture *fixture = *state;

    (void)hold(fixture, delivery(fixture, 3, ANNA | BORIS, true), "\"e1\"", HM_OK);
    assert_string_equal(fixture->agent.desired_error.text, "");
    (void)hold(fixture, "{\"settings\":{}}", "\"e2\"", HM_EINVAL);
    assert_non_null(strstr(fixture->agent.desired_error.text, "desired state"));
    assert_int_equal(obeyed(fixture), 3);
    (void)hold(fixture, delivery(fixture, 3, ANNA, false), "\"e3\"", HM_OK);
    assert_string_equal(fixture->agent.desired_error.text, "");
    assert_int_equal(obeyed(fixture), 3);
}

/* As version 0.1 left it: one document with the catalogue in it. */
static void test_state_of_an_older_version_is_fetched_anew(void **state)
{
    static const char old[] = "{\"settings\":{\"interval_s\":75},\"catalogue\":[]}";
    struct fixture *fixture = *state;

    assert_int_equal(
        hm_spool_put(fixture->agent.spool, HM_SPOOL_DESIRED, old, strlen(old), "\"e0\"", NOW, NULL),
        HM_OK);
    restart(fixture);
    assert_int_equal(fixture->agent.uplink.interval_s, 75);
    (void)hold(fixture, delivery(fixture, 0, 0, true), "\"e1\"", HM_OK);
    assert_string_equal(fixture->fake.calls[0].if_none_match, "");
    assert_int_equal(fixture->agent.catalogue.count, 1);
}

static void test_outcome_is_reported(void **state)
{
    static const struct fake_reply reply = {200, TAKEN, "", 0};
    struct fixture *fixture = *state;
    struct hm_uplink_sent sent;
    struct hm_err err;

    (void)hold(fixture, delivery(fixture, 3, ANNA, true), "\"e1\"", HM_OK); /* refused: told of */
    /* Enforcement writes one of its own over this. */
    assert_true(hm_buf_puts(&fixture->agent.outcome_json, "{}"));
    assert_int_equal(hm_cycle_look(&fixture->agent, &err), HM_OK);
    fake_transport_fini(&fixture->fake);
    fake_transport_init(&fixture->fake, &reply, 1);
    assert_int_equal(hm_cycle_report(&fixture->agent, &sent, &err), HM_OK);
    assert_true(sent.with_outcome);
    assert_string_equal(hm_spool_acknowledged(fixture->agent.spool, HM_SPOOL_OUTCOME),
                        hm_spool_digest(fixture->agent.spool, HM_SPOOL_OUTCOME));
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
        CASE(test_delivery_without_catalogue_keeps_the_old),
        CASE(test_catalogue_that_is_lost_is_fetched_anew),
        CASE(test_policies_of_the_spool_are_taken_at_start),
        CASE(test_policies_that_cannot_be_kept_are_fetched_again),
        CASE(test_delivery_that_is_none_is_told),
        CASE(test_state_of_an_older_version_is_fetched_anew),
        CASE(test_outcome_is_reported),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
