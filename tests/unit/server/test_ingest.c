/* tests/unit/server/test_ingest.c — check-ins: what is taken, what is refused, what is a clone.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "server/fleet/fleet.h"
#include "server/store/entities.h"
#include "tests/support/agent_double.h"

#define NOW_MS 1700000000000
#define EMPTY_FINDINGS "{\"verdicts\":[],\"findings\":[],\"unknown\":[]}"

struct fixture {
    struct collector_double collector;
    struct agent_double agent;
    struct hm_arena *arena;
    const char *exposed; /* inventories */
    const char *safe;
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char token[200];

    assert_non_null(f);
    collector_double_open(&f->collector, "sqlite::memory:");
    f->arena = &f->collector.arena;
    f->exposed = agent_double_inventory(f->arena, "6005-65534");
    f->safe = agent_double_inventory(f->arena, "49152-65535");
    collector_double_token(&f->collector, NOW_MS, 1, token);
    assert_int_equal(agent_double_enroll(&f->agent, &f->collector.app, "mail01", token, NOW_MS),
                     200);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    collector_double_close(&f->collector);
    free(f);
    return 0;
}

/* ---- looking into the store --------------------------------------------------------------- */

struct look {
    struct fixture *f;
    const char *host;
    struct hm_host_row row;
    struct hm_events events;
    struct hm_verdict_rows verdicts;
    struct hm_finding_rows findings;
};

static enum hm_status look_inside(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_page page = {.where = {.sql = ""}, .after = "", .limit = 1000};
    struct look *look = arg;

    assert_int_equal(hm_hosts_get(s, look->host, look->f->arena, &look->row, err), HM_OK);
    assert_int_equal(hm_events_list(s, &page, false, look->f->arena, &look->events, err), HM_OK);
    assert_int_equal(hm_verdicts_list(s, &page, look->f->arena, &look->verdicts, err), HM_OK);
    assert_int_equal(hm_findings_list(s, &page, look->f->arena, &look->findings, err), HM_OK);
    return hm_events_verify(s, err);
}

static struct look look_at(struct fixture *f)
{
    struct look look = {.f = f, .host = f->agent.id};

    assert_int_equal(hm_store_read(f->collector.app.store, look_inside, &look, NULL), HM_OK);
    return look;
}

static size_t count_events(const struct look *look, const char *kind)
{
    size_t count = 0;

    for (size_t i = 0; i < look->events.count; i++) {
        count += strcmp(look->events.at[i].kind, kind) == 0;
    }
    return count;
}

static uint64_t jobs(const struct fixture *f)
{
    struct hm_store_stats stats;

    hm_store_flush(f->collector.app.store);
    hm_store_stats(f->collector.app.store, &stats);
    return stats.jobs;
}

/* ---- the usual way ------------------------------------------------------------------------ */

static void test_enrolled_host(void **state)
{
    struct look look = look_at(*state);

    assert_string_equal(look.row.name, "mail01");
    assert_string_equal(look.row.verdict, "unknown");
    assert_int_equal(look.row.labels.count, 2);
    assert_string_equal(look.row.labels.at[0], "site=paris"); /* the token outranks the agent */
    assert_string_equal(look.row.labels.at[1], "tier=1");
    assert_int_equal(count_events(&look, "host_enrolled"), 1);
}

static void test_first_report_is_judged(void **state)
{
    struct fixture *f = *state;
    struct look look;

    assert_int_equal(agent_double_checkin(
                         &f->agent,
                         &(struct agent_report){.boot_id = "b1", .seq = 1, .inventory = f->exposed},
                         NOW_MS + 1000),
                     200);
    look = look_at(f);
    assert_string_equal(look.row.verdict, "exposed");
    assert_string_equal(look.row.os_name, "Windows Server 2019 Standard");
    assert_int_equal(look.row.first_seen_ms, NOW_MS + 1000);
    assert_true(look.row.exposed > 0);
    assert_true(look.verdicts.count > 0);
    assert_string_equal(look.verdicts.at[0].judged_by, "collector");
    assert_true(look.findings.count > 0);
    assert_int_equal(count_events(&look, "host_first_report"), 1);
    assert_int_equal(count_events(&look, "verdict_changed"), 0);
}

static void test_change_of_verdict_is_an_event(void **state)
{
    struct fixture *f = *state;
    struct look look;

    (void)agent_double_checkin(
        &f->agent, &(struct agent_report){.boot_id = "b1", .seq = 1, .inventory = f->exposed},
        NOW_MS);
    (void)agent_double_checkin(
        &f->agent, &(struct agent_report){.boot_id = "b1", .seq = 2, .inventory = f->safe},
        NOW_MS + 1);
    look = look_at(f);
    assert_string_equal(look.row.verdict, "safe");
    assert_true(count_events(&look, "verdict_changed") > 0);
}

static size_t count_refused(const struct look *look)
{
    size_t count = 0;

    for (size_t i = 0; i < look->findings.count; i++) {
        count += strcmp(look->findings.at[i].finding.kind, "delivery_refused") == 0;
    }
    return count;
}

/* What the agent refused as a whole is a finding until it says so no longer. */
static void test_refused_delivery_is_a_finding(void **state)
{
    static const char *const outcomes[] = {
        "{\"policies\":[],\"refused\":\"a statement revision 0: unsigned\",\"ledger\":{}}",
        "{\"policies\":[],\"ledger\":{}}"};
    struct fixture *f = *state;

    for (unsigned i = 0; i < HM_COUNT(outcomes); i++) {
        struct look look;

        assert_int_equal(agent_double_checkin(&f->agent,
                                              &(struct agent_report){.boot_id = "b1",
                                                                     .seq = i + 1,
                                                                     .inventory = f->safe,
                                                                     .outcome = outcomes[i]},
                                              NOW_MS + i),
                         200);
        look = look_at(f);
        assert_int_equal(count_refused(&look), i == 0 ? 1 : 0);
    }
}

static void test_unchanged_costs_no_write(void **state)
{
    struct fixture *f = *state;
    struct hm_fleet_stats stats;
    struct agent_report report = {.boot_id = "b1", .seq = 1, .inventory = f->exposed};
    char digest[HM_DIGEST_TEXT_BYTES];
    uint64_t before;

    (void)agent_double_checkin(&f->agent, &report, NOW_MS);
    before = jobs(f);
    hm_digest_text(f->exposed, strlen(f->exposed), digest);
    report.inventory = NULL;
    report.inventory_digest = digest;
    for (unsigned seq = 2; seq < 5; seq++) {
        report.seq = seq;
        assert_int_equal(agent_double_checkin(&f->agent, &report, NOW_MS + seq), 200);
        assert_string_equal(f->agent.need, "");
    }
    assert_int_equal(jobs(f), before);
    hm_fleet_stats(f->collector.app.fleet, &stats);
    assert_int_equal(stats.unchanged, 3);
    assert_int_equal(hm_fleet_last_seen(f->collector.app.fleet, f->agent.id), NOW_MS + 4);
}

static void test_replay_is_answered_again(void **state)
{
    struct fixture *f = *state;
    const struct agent_report report = {.boot_id = "b1", .seq = 7, .inventory = f->exposed};
    uint64_t before;

    assert_int_equal(agent_double_checkin(&f->agent, &report, NOW_MS), 200);
    before = jobs(f);
    assert_int_equal(agent_double_checkin(&f->agent, &report, NOW_MS + 1), 200);
    assert_int_equal(jobs(f), before);
}

static void test_need_names_what_is_lacking(void **state)
{
    struct fixture *f = *state;
    struct agent_double other;
    struct agent_report report = {.boot_id = "b1", .seq = 1, .findings = EMPTY_FINDINGS};
    char digest[HM_DIGEST_TEXT_BYTES];
    char token[200];

    hm_digest_text(f->exposed, strlen(f->exposed), digest);
    report.inventory_digest = digest;
    assert_int_equal(agent_double_checkin(&f->agent, &report, NOW_MS), 200);
    assert_string_equal(f->agent.need, "inventory");
    assert_int_equal(agent_double_checkin(&f->agent, &report, NOW_MS), 200); /* a retry */
    assert_string_equal(f->agent.need, "inventory");

    report.seq = 2;
    report.inventory = f->exposed;
    assert_int_equal(agent_double_checkin(&f->agent, &report, NOW_MS), 200);
    assert_string_equal(f->agent.need, "");

    /* What one host has sent, another only has to name. */
    collector_double_token(&f->collector, NOW_MS, 1, token);
    assert_int_equal(agent_double_enroll(&other, &f->collector.app, "mail02", token, NOW_MS), 200);
    report = (struct agent_report){.boot_id = "x1", .seq = 1, .inventory_digest = digest};
    assert_int_equal(agent_double_checkin(&other, &report, NOW_MS), 200);
    assert_string_equal(other.need, "");
    f->agent = other;
    assert_string_equal(look_at(f).row.verdict, "exposed");
}

static void test_agents_word_wins(void **state)
{
    static const char blocked[] =
        "{\"verdicts\":[{\"product\":\"exchange-2013-back-end\",\"requirement\":\"%s\","
        "\"title\":\"x\",\"protocol\":\"tcp\",\"ports\":\"9955\",\"kind\":\"socket\","
        "\"origin\":\"catalogue\",\"state\":\"blocked\",\"reason\":\"held\",\"families\":[\"ipv4\"]"
        ","
        "\"at_risk\":\"9955\",\"holder\":{\"program\":\"lsass.exe\",\"service\":\"\",\"pid\":624,"
        "\"state\":\"bound\",\"port\":9955,\"remote\":\"\"},\"text\":\"held\"}],"
        "\"findings\":[],\"unknown\":[]}";
    struct fixture *f = *state;
    struct agent_report report = {.boot_id = "b1", .seq = 1, .inventory = f->exposed};
    struct look look;
    char findings[1024];
    const char *requirement;
    size_t seen = 0;

    assert_int_equal(agent_double_checkin(&f->agent, &report, NOW_MS), 200);
    requirement = look_at(f).verdicts.at[0].verdict.requirement;
    (void)snprintf(findings, sizeof(findings), blocked, requirement);
    report.seq = 2;
    report.findings = findings;
    assert_int_equal(agent_double_checkin(&f->agent, &report, NOW_MS + 1), 200);
    look = look_at(f);
    assert_int_equal(look.row.blocked, 1);
    assert_string_equal(look.row.verdict, "blocked");
    for (size_t i = 0; i < look.verdicts.count; i++) {
        const struct hm_verdict_row *row = &look.verdicts.at[i];

        if (strcmp(row->verdict.requirement, requirement) == 0) {
            assert_string_equal(row->judged_by, "agent");
            assert_string_equal(row->verdict.holder.program, "lsass.exe");
            seen++;
        }
    }
    assert_int_equal(seen, 1);
}

static enum hm_status remove_host(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_hosts_remove(s, arg, NOW_MS + 1, err);
}

/* Another host whose name is the removed one's id must not get its report. */
static void test_report_of_a_removed_host(void **state)
{
    const struct agent_report report = {.boot_id = "b1", .seq = 1};
    struct fixture *f = *state;
    struct agent_double other;
    char token[200];

    collector_double_token(&f->collector, NOW_MS, 1, token);
    assert_int_equal(agent_double_enroll(&other, &f->collector.app, f->agent.id, token, NOW_MS),
                     200);
    assert_int_equal(hm_store_write(f->collector.app.store, remove_host, f->agent.id, NULL), HM_OK);
    assert_int_equal(agent_double_checkin(&f->agent, &report, NOW_MS + 2), 401);
    memcpy(f->agent.id, other.id, sizeof(other.id));
    assert_int_equal(look_at(f).row.first_seen_ms, 0);
}

/* ---- boots and clones --------------------------------------------------------------------- */

struct stream {
    const char *boot_id;
    unsigned seq;
    bool safe; /* which inventory */
    unsigned status;
};

static void play(struct fixture *f, const struct stream *reports, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct agent_report report = {.boot_id = reports[i].boot_id,
                                            .seq = reports[i].seq,
                                            .inventory = reports[i].safe ? f->safe : f->exposed};

        print_message("report %zu\n", i);
        assert_int_equal(agent_double_checkin(&f->agent, &report, NOW_MS + (int64_t)i),
                         reports[i].status);
    }
}

static void test_reboots_and_restarts_are_no_clones(void **state)
{
    static const struct stream reports[] = {
        {"b1", 1,   false, 200},
        {"b1", 2,   false, 200},
        {"b1", 90,  true,  200}, /* the agent was started again */
        {"b2", 1,   true,  200}, /* reboot */
        {"b2", 1,   true,  200}, /* retry */
        {"b3", 500, false, 200},
        {"b3", 499, false, 200}, /* late copy of the same */
    };
    struct fixture *f = *state;
    struct look look;

    play(f, reports, HM_COUNT(reports));
    look = look_at(f);
    assert_int_equal(count_events(&look, "host_rebooted"), 2);
    assert_int_equal(count_events(&look, "clone_detected"), 0);
    assert_false(look.row.cloned);
}

static void check_cloned(struct fixture *f)
{
    struct agent_double again;
    struct look look = look_at(f);

    assert_true(look.row.cloned);
    assert_int_equal(count_events(&look, "clone_detected"), 1);
    assert_int_equal(strncmp(f->agent.reenroll, "hmj_", 4), 0);
    assert_string_equal(f->agent.code, "clone_detected");
    /* Each of the two enrols again, once, and keeps its labels. */
    assert_int_equal(
        agent_double_enroll(&again, &f->collector.app, "mail01", f->agent.reenroll, NOW_MS), 200);
    memcpy(f->agent.id, again.id, sizeof(again.id));
    assert_string_equal(look_at(f).row.labels.at[0], "site=paris");
    assert_int_equal(
        agent_double_enroll(&again, &f->collector.app, "mail01", f->agent.reenroll, NOW_MS), 403);
    assert_string_equal(again.code, "used_token");
}

static void test_clone_by_sequence(void **state)
{
    static const struct stream reports[] = {
        {"b1", 1, false, 200},
        {"b1", 2, false, 200},
        {"b1", 2, true,  409}, /* same number, other content */
        {"b1", 3, false, 409}, /* the other one learns it too */
    };

    play(*state, reports, HM_COUNT(reports));
    check_cloned(*state);
}

static void test_clone_by_boot(void **state)
{
    static const struct stream reports[] = {
        {"b1", 1, false, 200},
        {"b2", 1, false, 200},
        {"b1", 2, false, 409}, /* a boot that ended does not come back */
    };

    play(*state, reports, HM_COUNT(reports));
    check_cloned(*state);
}

/* Whoever has one agent's secret must not be able to make as many agents of it as he likes. */
static void test_clones_get_few_tokens(void **state)
{
    static const struct stream reports[] = {
        {"b1", 1, false, 200},
        {"b2", 1, false, 200},
        {"b1", 2, false, 409},
    };
    const struct agent_report report = {.boot_id = "b1", .seq = 3};
    struct fixture *f = *state;
    unsigned tokens = 1;

    play(f, reports, HM_COUNT(reports));
    while (agent_double_checkin(&f->agent, &report, NOW_MS) == 409 && tokens < 1000) {
        tokens++;
    }
    assert_int_equal(f->agent.status, 429);
    assert_string_equal(f->agent.code, "too_many_clones");
    assert_in_range(tokens, HM_FLEET_CLONE_TOKENS, HM_FLEET_CLONE_TOKENS + 3);
}

/* ---- bad input ---------------------------------------------------------------------------- */

#define ENVELOPE                                                                                   \
    "{\"boot_id\":\"b1\",\"seq\":1,\"version\":\"0.1.0\",\"name\":\"mail01\",\"documents\":{"
#define DIGEST_OF_OTHER                                                                            \
    "blake2b-256:0000000000000000000000000000000000000000000000000000000000000000"

static void test_bad_reports_change_nothing(void **state)
{
    static const struct {
        const char *body;
        unsigned status;
        const char *code;
    } cases[] = {
        {"",                                                                                        400, "bad_json"  },
        {"{",                                                                                       400, "bad_json"  },
        {"[]",                                                                                      400, "bad_json"  },
        {"{\"boot_id\":7}",                                                                         400, "bad_json"  },
        {"{\"boot_id\":\"b1\"}",                                                                    400, "bad_json"  },
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",                                          400, "bad_json"  },
        {ENVELOPE "\"inventory\":{\"digest\":\"blake2b-256:"
                  "00000000000000000000000000000000000000000000000000000000000000AB\"}}}", 400, "bad_digest"},
        {ENVELOPE "\"inventory\":{\"digest\":\"" DIGEST_OF_OTHER "\",\"bytes\":2}}}\n{}",           400,
         "digest_mismatch"                                                                                           },
        {ENVELOPE "\"inventory\":{\"digest\":\"" DIGEST_OF_OTHER "\",\"bytes\":2}}}",               400,
         "bad_length"                                                                                                },
        {ENVELOPE "\"inventory\":{\"digest\":\"" DIGEST_OF_OTHER "\",\"bytes\":3}}}\n{}",           400,
         "bad_length"                                                                                                },
        {ENVELOPE "\"inventory\":{\"digest\":\"" DIGEST_OF_OTHER "\",\"bytes\":3}}}\n{\n}",         400,
         "bad_length"                                                                                                },
        {ENVELOPE "}}\n{}",                                                                         400, "bad_length"},
        {ENVELOPE "\"inventory\":{\"digest\":\"" DIGEST_OF_OTHER "\",\"bytes\":600000}}}\n{}",      400,
         "bad_json"                                                                                                  },
    };
    struct fixture *f = *state;
    uint64_t before = jobs(f);

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        print_message("case %zu\n", i);
        assert_int_equal(agent_double_send(&f->agent, cases[i].body, strlen(cases[i].body), NOW_MS),
                         cases[i].status);
        assert_string_equal(f->agent.code, cases[i].code);
    }
    assert_int_equal(jobs(f), before);
    assert_int_equal(look_at(f).row.first_seen_ms, 0);
}

static void test_long_first_line(void **state)
{
    struct fixture *f = *state;
    char *body = hm_arena_alloc(f->arena, HM_LIMIT_ENVELOPE_BYTES + 2, 1);

    assert_non_null(body);
    memset(body, ' ', HM_LIMIT_ENVELOPE_BYTES + 1);
    assert_int_equal(agent_double_send(&f->agent, body, HM_LIMIT_ENVELOPE_BYTES + 1, NOW_MS), 413);
    assert_string_equal(f->agent.code, "too_big");
    assert_int_equal(agent_double_send(&f->agent, body, HM_LIMIT_ENVELOPE_BYTES, NOW_MS), 400);
}

static void test_bad_documents_change_nothing(void **state)
{
    static const struct {
        const char *inventory;
        const char *findings;
    } cases[] = {
        {"{}",                       NULL              },
        {"{\"os\":3,\"stacks\":[]}", NULL              },
        {"nonsense",                 NULL              },
        {NULL,                       "{\"verdicts\":3}"},
        {NULL,                       "[]"              },
    };
    struct fixture *f = *state;
    uint64_t before = jobs(f);

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        assert_int_equal(
            agent_double_checkin(&f->agent,
                                 &(struct agent_report){.boot_id = "b1",
                                                        .seq = 1,
                                                        .inventory = cases[i].inventory,
                                                        .findings = cases[i].findings},
                                 NOW_MS),
            400);
        assert_string_equal(f->agent.code, "bad_document");
    }
    assert_int_equal(jobs(f), before);
    /* And the host is not stuck. */
    assert_int_equal(agent_double_checkin(
                         &f->agent,
                         &(struct agent_report){.boot_id = "b1", .seq = 1, .inventory = f->exposed},
                         NOW_MS),
                     200);
}

static void test_tokens_at_the_door(void **state)
{
    struct fixture *f = *state;
    struct agent_double other;
    struct agent_double stranger = f->agent;
    char token[200];

    collector_double_token(&f->collector, NOW_MS, 1, token);
    assert_int_equal(
        agent_double_enroll(&other, &f->collector.app, "web01", token, NOW_MS + 900000), 403);
    assert_string_equal(other.code, "expired_token");
    assert_int_equal(
        agent_double_enroll(&other, &f->collector.app, "web01", "hmj_nonsense", NOW_MS), 403);
    assert_string_equal(other.code, "unknown_token");
    /* Another secret with this agent's id. */
    stranger.secret[strlen(stranger.secret) - 2] ^= 1;
    assert_int_equal(agent_double_send(&stranger, "{}", 2, NOW_MS), 401);
    assert_string_equal(stranger.code, "unauthenticated");
}

/* Whoever has no good token must not use up the rate of those who have. */
static void test_bad_tokens_do_not_keep_others_out(void **state)
{
    struct fixture *f = *state;
    struct agent_double other;
    char token[200];

    collector_double_token(&f->collector, NOW_MS, 1, token);
    assert_int_equal(agent_double_enroll(&other, &f->collector.app, "mail02", token, NOW_MS), 200);
    for (unsigned i = 0; i < HM_FLEET_ENROLMENTS_BURST + 100; i++) {
        assert_int_equal(agent_double_enroll(&other, &f->collector.app, "mail03", token, NOW_MS),
                         403);
        assert_string_equal(other.code, "used_token");
    }
    collector_double_token(&f->collector, NOW_MS, 1, token);
    assert_int_equal(agent_double_enroll(&other, &f->collector.app, "mail04", token, NOW_MS), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_enrolled_host, begin, end),
        cmocka_unit_test_setup_teardown(test_first_report_is_judged, begin, end),
        cmocka_unit_test_setup_teardown(test_change_of_verdict_is_an_event, begin, end),
        cmocka_unit_test_setup_teardown(test_refused_delivery_is_a_finding, begin, end),
        cmocka_unit_test_setup_teardown(test_unchanged_costs_no_write, begin, end),
        cmocka_unit_test_setup_teardown(test_replay_is_answered_again, begin, end),
        cmocka_unit_test_setup_teardown(test_need_names_what_is_lacking, begin, end),
        cmocka_unit_test_setup_teardown(test_agents_word_wins, begin, end),
        cmocka_unit_test_setup_teardown(test_reboots_and_restarts_are_no_clones, begin, end),
        cmocka_unit_test_setup_teardown(test_clone_by_sequence, begin, end),
        cmocka_unit_test_setup_teardown(test_clone_by_boot, begin, end),
        cmocka_unit_test_setup_teardown(test_clones_get_few_tokens, begin, end),
        cmocka_unit_test_setup_teardown(test_report_of_a_removed_host, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_reports_change_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_long_first_line, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_documents_change_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_tokens_at_the_door, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_tokens_do_not_keep_others_out, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
