/* tests/contract/test_store_lists.c — verdicts and findings as intervals, filters and cursors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "server/store/own_findings.h"
#include "tests/contract/store_fixture.h"

static const struct hm_range port_9955 = {9955, 9955};

static struct hm_verdict make_verdict(const char *requirement, enum hm_verdict_state state)
{
    return (struct hm_verdict){
        .product = "exchange",
        .requirement = requirement,
        .title = "POP3",
        .protocol = HM_TCP,
        .ports = {&port_9955, 1},
        .kind = HM_KIND_SOCKET,
        .state = state,
        .reason = state == HM_SAFE ? HM_REASON_EXCLUDED : HM_REASON_IN_DYNAMIC,
        .text = "because",
    };
}

struct round {
    int64_t at_ms;
    bool first;
    struct hm_verdict agent[2];
    size_t agent_count;
    struct hm_verdict collector[1];
    size_t collector_count;
    uint32_t counts[4];
};

static enum hm_status judge(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct round *round = arg;
    const struct hm_verdicts agent = {round->agent, round->agent_count};
    const struct hm_verdicts collector = {round->collector, round->collector_count};
    const struct hm_verdict_part parts[] = {
        {&agent,     "agent"    },
        {&collector, "collector"}
    };

    return hm_verdicts_replace_parts(s, FIXTURE_ID_1, parts, 2, round->first, round->at_ms,
                                     round->counts, err);
}

static enum hm_status put_host(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    return fixture_put_host(s, FIXTURE_ID_1, "mail01", 500, err);
}

static struct hm_verdict_rows list_verdicts(struct hm_session *s, struct fixture *f, int64_t at_ms,
                                            const char *sql, const struct hm_value *values,
                                            size_t count)
{
    struct hm_page page = fixture_page;
    struct hm_verdict_rows rows = {0};

    page.has_at = at_ms != 0;
    page.at_ms = at_ms;
    page.where = (struct hm_where){sql, values, count};
    assert_int_equal(hm_verdicts_list(s, &page, &f->arena, &rows, NULL), HM_OK);
    return rows;
}

static enum hm_status look_at_verdicts(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_value exposed = hm_value_text("exposed");
    const struct hm_value paris[] = {hm_value_text("site=paris"), hm_value_text("mail01")};
    struct fixture *f = arg;
    struct hm_verdict_rows rows;
    struct hm_events events;

    rows = list_verdicts(s, f, 0, "", NULL, 0);
    assert_int_equal(rows.count, 2);
    assert_string_equal(rows.at[0].host_name, "mail01");
    assert_int_equal(rows.at[0].valid_from_ms, 1000); /* the unchanged one goes on */
    assert_string_equal(rows.at[0].judged_by, "agent");
    assert_int_equal(rows.at[0].verdict.state, HM_EXPOSED);
    assert_int_equal(rows.at[0].verdict.ports.at[0].first, 9955);
    assert_int_equal(rows.at[1].verdict.state, HM_SAFE);
    assert_int_equal(rows.at[1].valid_from_ms, 2000);

    rows = list_verdicts(s, f, 1500, "", NULL, 0);
    assert_int_equal(rows.count, 3);
    assert_int_equal(list_verdicts(s, f, 999, "", NULL, 0).count, 0);
    assert_int_equal(list_verdicts(s, f, 1000, "", NULL, 0).count, 3);
    assert_int_equal(list_verdicts(s, f, 1999, "", NULL, 0).count, 3);
    assert_int_equal(list_verdicts(s, f, 2000, "", NULL, 0).count, 2); /* the old ones have ended */
    rows = list_verdicts(s, f, 1500, "state = $1", &exposed, 1);
    assert_int_equal(rows.count, 3);
    rows = list_verdicts(s, f, 0, "state = $1", &exposed, 1);
    assert_int_equal(rows.count, 1);
    rows = list_verdicts(s, f, 0,
                         "EXISTS (SELECT 1 FROM json_each(host_labels) AS label "
                         "WHERE label.value = $1) AND host_name = $2 AND host_silent = 0",
                         paris, 2);
    assert_int_equal(rows.count, 2);

    assert_int_equal(hm_events_list(s, &fixture_page, false, &f->arena, &events, err), HM_OK);
    assert_int_equal(events.count, 2); /* none for the first judgement */
    assert_string_equal(events.at[0].kind, "verdict_changed");
    assert_string_equal(events.at[0].host_name, "mail01");
    assert_string_equal(events.at[0].after,
                        "{\"product\":\"exchange\",\"requirement\":\"b\",\"state\":\"safe\"}");
    assert_string_equal(events.at[1].after, ""); /* the collector's requirement went away */
    return HM_OK;
}

static void test_verdicts(void **state)
{
    struct round first = {
        .at_ms = 1000,
        .first = true,
        .agent = {make_verdict("a", HM_EXPOSED), make_verdict("b", HM_EXPOSED)},
        .agent_count = 2,
        .collector = {make_verdict("c",     HM_EXPOSED)               },
        .collector_count = 1,
    };
    struct round second = {
        .at_ms = 2000,
        .agent = {make_verdict("a", HM_EXPOSED), make_verdict("b", HM_SAFE)},
        .agent_count = 2,
        .collector = {make_verdict("a",        HM_BLOCKED)                  }, /* the agent's own word wins */
        .collector_count = 1,
    };
    struct fixture *f = *state;

    fixture_write(f, put_host, NULL);
    fixture_write(f, judge, &first);
    assert_int_equal(first.counts[HM_EXPOSED], 3);
    first.agent[0].has_odds = true; /* other odds: the same verdict goes on */
    first.agent[0].odds = 0.25;
    fixture_write(f, judge, &first);
    fixture_write(f, judge, &second);
    assert_int_equal(second.counts[HM_EXPOSED], 1);
    assert_int_equal(second.counts[HM_SAFE], 1);
    assert_int_equal(second.counts[HM_BLOCKED], 0);
    fixture_reopen(f);
    fixture_read(f, look_at_verdicts, f);
}

/* ---- findings ----------------------------------------------------------------------------- */

static struct hm_finding make_finding(const char *fingerprint, enum hm_severity severity)
{
    return (struct hm_finding){
        .kind = "family_gap",
        .severity = severity,
        .fingerprint = fingerprint,
        .subject = "tcp 9955",
        .text = "why",
        .remedy = "what",
    };
}

struct findings_round {
    int64_t at_ms;
    bool first;
    struct hm_finding at[2];
    size_t count;
};

static enum hm_status put_findings(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct findings_round *round = arg;
    const struct hm_findings findings = {round->at, round->count};

    return hm_findings_replace(s, FIXTURE_ID_1, &findings, round->first, round->at_ms, err);
}

static enum hm_status set_silent(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_finding finding = hm_own_finding(HM_OWN_SILENT_HOST);

    return hm_findings_set(s, FIXTURE_ID_1, &finding, *(bool *)arg, 1500, err);
}

static enum hm_status look_at_findings(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_page page = fixture_page;
    struct hm_finding_rows rows;
    struct hm_host_row host = {.id = FIXTURE_ID_1};

    assert_int_equal(hm_findings_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2); /* the second of the first round is gone; silent_host stays */
    assert_string_equal(rows.at[0].finding.kind, "silent_host");
    assert_int_equal(rows.at[1].finding.severity, HM_SEVERITY_HIGH);
    assert_int_equal(rows.at[1].valid_from_ms, 2000);
    page.limit = 1;
    page.after = "3";
    assert_int_equal(hm_findings_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 1);
    page.after = "x";
    assert_int_equal(hm_findings_list(s, &page, &f->arena, &rows, err), HM_EINVAL);
    assert_string_equal(hm_err_code(err), "bad_cursor");
    page = fixture_page;
    page.has_at = true;
    page.at_ms = 1200;
    assert_int_equal(hm_findings_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2);
    assert_int_equal(rows.at[0].finding.severity, HM_SEVERITY_LOW);
    page.where = (struct hm_where){"kind NOT LIKE '%silent%'", NULL, 0};
    page.at_ms = 1999;
    assert_int_equal(hm_findings_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2);
    page.at_ms = 2000; /* the old ones have ended, one began */
    assert_int_equal(hm_findings_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(hm_hosts_count_findings(s, &host, err), HM_OK);
    assert_int_equal(host.findings_high, 1);
    assert_int_equal(host.findings_medium, 1);
    assert_int_equal(host.findings_low, 0);
    return HM_OK;
}

static void test_findings(void **state)
{
    struct findings_round first = {
        .at_ms = 1000,
        .first = true,
        .at = {make_finding("1111111111111111", HM_SEVERITY_LOW),
               make_finding("2222222222222222", HM_SEVERITY_LOW)},
        .count = 2,
    };
    struct findings_round second = {
        .at_ms = 2000,
        .at = {make_finding("1111111111111111", HM_SEVERITY_HIGH)},
        .count = 1,
    };
    struct fixture *f = *state;
    bool silent = true;

    fixture_write(f, put_host, NULL);
    fixture_write(f, put_findings, &first);
    fixture_write(f, set_silent, &silent);
    fixture_write(f, set_silent, &silent);
    fixture_write(f, put_findings, &second);
    fixture_reopen(f);
    fixture_read(f, look_at_findings, f);
}

static void test_own_fingerprints_are_those_of_finding_c(void **state)
{
    (void)state;
    for (int kind = 0; kind < HM_OWN_FINDING_COUNT; kind++) {
        const struct hm_finding finding = hm_own_finding((enum hm_own_finding_kind)kind);
        uint64_t hash = hm_str_hash(HM_HASH_START, finding.kind, strlen(finding.kind) + 1);
        char text[17];

        hash = hm_str_hash(hash, finding.subject, strlen(finding.subject));
        (void)snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
        assert_string_equal(finding.fingerprint, text);
        assert_true(hm_own_finding_is(finding.kind));
    }
    assert_false(hm_own_finding_is("family_gap"));
}

/* ---- as it was ------------------------------------------------------------------------------ */

static enum hm_status live_a_little(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_host_row row;

    assert_int_equal(hm_hosts_get(s, FIXTURE_ID_1, &f->arena, &row, err), HM_OK);
    row.silent_since_ms = 3000;
    assert_int_equal(hm_hosts_put(s, &row, 3000, err), HM_OK);
    row.silent_since_ms = 0;
    row.name = "mail01-new";
    return hm_hosts_put(s, &row, 4000, err);
}

static enum hm_status look_back(struct hm_session *s, void *arg, struct hm_err *err)
{
    static const struct {
        int64_t at_ms;
        bool silent;
        const char *name;
    } cases[] = {
        {2999, false, "mail01"    },
        {3000, true,  "mail01"    },
        {3999, true,  "mail01"    },
        {4000, false, "mail01-new"},
        {0,    false, "mail01-new"},
    };
    const struct hm_value silent = hm_value_int(1);
    struct fixture *f = arg;

    (void)err;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_verdict_rows rows = list_verdicts(s, f, cases[i].at_ms, "", NULL, 0);

        assert_int_equal(rows.count, 1);
        assert_int_equal(rows.at[0].host_silent, cases[i].silent);
        assert_string_equal(rows.at[0].host_name, cases[i].name);
        rows = list_verdicts(s, f, cases[i].at_ms, "host_silent = $1", &silent, 1);
        assert_int_equal(rows.count, cases[i].silent);
    }
    return HM_OK;
}

/* What was shown as silent then is shown so for ever: "safe" of a silent host proves nothing. */
static void test_past_verdicts_know_silence(void **state)
{
    struct round round = {
        .at_ms = 1000, .first = true, .agent = {make_verdict("a", HM_SAFE)}, .agent_count = 1};
    struct fixture *f = *state;

    fixture_write(f, put_host, NULL);
    fixture_write(f, judge, &round);
    fixture_write(f, live_a_little, f);
    fixture_read(f, look_back, f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_EACH_STORE(test_verdicts),
        FOR_EACH_STORE(test_past_verdicts_know_silence),
        FOR_EACH_STORE(test_findings),
        cmocka_unit_test(test_own_fingerprints_are_those_of_finding_c),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
