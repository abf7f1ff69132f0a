/* tests/unit/server/test_ingest_incomplete.c — a host whose facts are incomplete is not safe.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/entities.h"
#include "tests/support/agent_double.h"

#define NOW_MS 1700000000000

struct look {
    const char *id;
    bool past;
    struct hm_arena *arena;
    struct hm_host_row row;
};

static enum hm_status look_inside(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_page page = {
        .where = {.sql = ""}, .after = "", .limit = 10, .has_at = true, .at_ms = NOW_MS + 1};
    struct look *look = arg;
    struct hm_host_rows rows;
    enum hm_status st;

    if (!look->past) {
        return hm_hosts_get(s, look->id, look->arena, &look->row, err);
    }
    st = hm_hosts_list(s, &page, look->arena, &rows, err);
    assert_int_equal(rows.count, 1);
    look->row = rows.at[0];
    return st;
}

struct round {
    unsigned number;
    const char *inventory;
    const char *findings;
    const char *verdict; /* that the host has then */
    bool incomplete;
};

static void report(struct agent_double *agent, struct look *look, const struct round *round,
                   struct hm_app *app)
{
    const struct agent_report report = {.boot_id = "b1",
                                        .seq = round->number + 1,
                                        .inventory = round->inventory,
                                        .findings = round->findings};

    assert_int_equal(agent_double_checkin(agent, &report, NOW_MS + round->number), 200);
    assert_int_equal(hm_store_read(app->store, look_inside, look, NULL), HM_OK);
    assert_string_equal(look->row.verdict, round->verdict);
    assert_int_equal(look->row.incomplete, round->incomplete);
}

/* Whether the agent says so, or its inventory: what was not read is not safe. */
static void test_incomplete_is_not_safe(void **state)
{
    static const char all[] = "{\"verdicts\":[],\"findings\":[],\"unknown\":[]}";
    static const char part[] =
        "{\"verdicts\":[],\"findings\":[],\"incomplete\":true,\"unknown\":[]}";
    struct collector_double collector;
    struct agent_double agent;
    struct look look;
    char token[200];
    const char *safe;
    const char *exposed;
    const char *partial;

    (void)state;
    collector_double_open(&collector, "sqlite::memory:");
    collector_double_token(&collector, NOW_MS, 1, token);
    assert_int_equal(agent_double_enroll(&agent, &collector.app, "mail01", token, NOW_MS), 200);
    safe = agent_double_inventory(&collector.arena, "49152-65535");
    exposed = agent_double_inventory(&collector.arena, "6005-65534");
    partial = hm_arena_printf(&collector.arena, "{\"services_partial\":true,%s", safe + 1);
    look = (struct look){.id = agent.id, .arena = &collector.arena};
    report(&agent, &look, &(struct round){0, safe, all, "safe", false}, &collector.app);
    report(&agent, &look, &(struct round){1, safe, part, "unknown", true}, &collector.app);
    report(&agent, &look, &(struct round){2, partial, all, "unknown", true}, &collector.app);
    report(&agent, &look, &(struct round){3, safe, all, "safe", false}, &collector.app);
    report(&agent, &look, &(struct round){4, exposed, part, "exposed", true}, &collector.app);
    look.past = true; /* as it was at the second report */
    assert_int_equal(hm_store_read(collector.app.store, look_inside, &look, NULL), HM_OK);
    assert_string_equal(look.row.verdict, "unknown");
    assert_true(look.row.incomplete);
    collector_double_close(&collector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incomplete_is_not_safe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
