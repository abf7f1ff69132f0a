/* tests/contract/test_store_host_policies.c — how far hosts are with policies.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/entities_policy.h"
#include "server/store/filter.h"
#include "tests/contract/store_fixture.h"

#define PEER "192.0.2.7"

static enum hm_status put_two_hosts(struct hm_session *s, void *arg, struct hm_err *err)
{
    enum hm_status st = fixture_put_host(s, FIXTURE_ID_1, "mail01", 500, err);

    (void)arg;
    return st == HM_OK ? fixture_put_host(s, FIXTURE_ID_2, "web01", 500, err) : st;
}

static enum hm_status verify_chain(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    return hm_events_verify(s, err);
}

/* ---- offers ------------------------------------------------------------------------------- */

struct offer {
    const char *host_id;
    const char *policy;
    uint32_t revision;
    const char *mode;
    int64_t at_ms;
};

static enum hm_status offer(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct offer *o = arg;

    return hm_host_policies_offer(s, o->host_id, o->policy, o->revision, o->mode, o->at_ms, err);
}

static struct hm_host_policy_rows list_rows(struct hm_session *s, struct fixture *f, int64_t now_ms)
{
    struct hm_host_policy_rows rows = {0};

    assert_int_equal(hm_host_policies_list(s, &fixture_page, now_ms, &f->arena, &rows, NULL),
                     HM_OK);
    return rows;
}

/* ---- reports ------------------------------------------------------------------------------ */

struct told {
    struct fixture *f;
    const char *host; /* name or id */
    struct hm_outcome_report report;
    int64_t at_ms;
};

static enum hm_status report(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct told *told = arg;
    struct hm_host_row host;
    enum hm_status st = hm_hosts_get(s, told->host, &told->f->arena, &host, err);

    return st == HM_OK ? hm_host_policies_report(s, &host, &told->report, PEER, told->at_ms,
                                                 &told->f->arena, err)
                       : st;
}

static void tell(struct fixture *f, const char *host, struct hm_outcome outcome, int64_t at_ms)
{
    struct told told = {.f = f, .host = host, .at_ms = at_ms};

    told.report.policies = (struct hm_outcomes){outcome.policy != NULL ? &outcome : NULL,
                                                outcome.policy != NULL ? 1 : 0};
    fixture_write(f, report, &told);
}

struct view {
    struct fixture *f;
    int64_t now_ms;
    struct hm_host_policy_rows rows;
    struct hm_events events;
};

static enum hm_status view(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct view *v = arg;

    v->rows = list_rows(s, v->f, v->now_ms);
    return hm_events_list(s, &fixture_page, false, &v->f->arena, &v->events, err);
}

static struct view look(struct fixture *f)
{
    struct view v = {.f = f, .now_ms = 100000};

    fixture_read(f, view, &v);
    return v;
}

static void test_offers(void **state)
{
    static const struct offer offers[] = {
        {FIXTURE_ID_1,                 "pop3", 2, "enforce", 1000},
        {FIXTURE_ID_1,                 "pop3", 2, "enforce", 2000}, /* again: left alone */
        {FIXTURE_ID_1,                 "pop3", 1, "audit",   3000}, /* older: left alone */
        {FIXTURE_ID_2,                 "pop3", 2, "enforce", 1000},
        {"01REMOVEDMEANWHILE00000000", "pop3", 2, "enforce", 1000}, /* nobody is offered anything */
    };
    static const struct offer next = {FIXTURE_ID_1, "pop3", 3, "retire", 9000};
    const struct hm_outcome verified = {.policy = "pop3",
                                        .revision = 2,
                                        .mode = HM_POLICY_ENFORCE,
                                        .state = HM_OUTCOME_REPAIRED,
                                        .since = 5000,
                                        .repairs = 4};
    struct fixture *f = *state;
    struct view v;

    fixture_write(f, put_two_hosts, NULL);
    for (size_t i = 0; i < HM_COUNT(offers); i++) {
        fixture_write(f, offer, (void *)&offers[i]);
    }
    fixture_reopen(f);
    v = look(f);
    assert_int_equal(v.rows.count, 2);
    assert_string_equal(v.rows.at[0].host_name, "mail01");
    assert_string_equal(v.rows.at[0].state, "offered");
    assert_string_equal(v.rows.at[0].mode, "enforce");
    assert_int_equal(v.rows.at[0].revision, 2);
    assert_int_equal(v.rows.at[0].offered_ms, 1000);
    assert_int_equal(v.events.count, 0);

    tell(f, "mail01", verified, 6000);
    assert_int_equal(look(f).rows.at[0].verified_ms, 5000);
    fixture_write(f, offer, (void *)&next);
    v = look(f);
    assert_int_equal(v.rows.count, 2);
    assert_int_equal(v.rows.at[0].revision, 3);
    assert_string_equal(v.rows.at[0].state, "offered");
    assert_string_equal(v.rows.at[0].mode, "retire");
    assert_int_equal(v.rows.at[0].offered_ms, 9000);
    assert_int_equal(v.rows.at[0].received_ms, 0); /* of this revision */
    assert_int_equal(v.rows.at[0].applied_ms, 0);
    assert_int_equal(v.rows.at[0].verified_ms, 0);
    assert_int_equal(v.rows.at[0].repaired_ms, 0);
    assert_int_equal(v.rows.at[0].repairs, 4); /* for good */
}

static void test_report(void **state)
{
    static const struct offer first = {FIXTURE_ID_1, "pop3", 2, "enforce", 1000};
    struct hm_plan_note note = {
        .kind = HM_NOTE_BUSY, .policy = "pop3", .revision = 2, .text = "lsass.exe has it"};
    struct hm_outcome o = {
        .policy = "pop3",
        .revision = 2,
        .mode = HM_POLICY_ENFORCE,
        .state = HM_OUTCOME_WAITING,
        .why = HM_WHY_BUSY,
        .since = 100, /* the host's clock is late */
        .has_failing_since = true,
        .failing_since = 1500,
        .notes = {&note, 1},
        .text = "lsass.exe has 9955",
    };
    struct fixture *f = *state;
    struct view v;

    fixture_write(f, put_two_hosts, NULL);
    fixture_write(f, offer, (void *)&first);
    tell(f, "mail01", o, 2000);
    v = look(f);
    assert_string_equal(v.rows.at[0].state, "waiting");
    assert_string_equal(v.rows.at[0].why, "busy");
    assert_string_equal(v.rows.at[0].text, "lsass.exe has 9955");
    assert_non_null(strstr(v.rows.at[0].notes, "lsass.exe has it"));
    assert_int_equal(v.rows.at[0].received_ms, 2000);
    assert_int_equal(v.rows.at[0].applied_ms, 0);
    assert_int_equal(v.rows.at[0].failing_since_ms, 1500);
    assert_int_equal(v.events.count, 1);
    assert_string_equal(v.events.at[0].kind, "policy_waiting");
    assert_string_equal(v.events.at[0].actor, "agent mail01");
    assert_string_equal(v.events.at[0].host_id, FIXTURE_ID_1);
    assert_string_equal(v.events.at[0].peer, PEER);
    assert_string_equal(v.events.at[0].before,
                        "{\"policy\":\"pop3\",\"revision\":2,\"state\":\"offered\"}");
    assert_string_equal(
        v.events.at[0].after,
        "{\"policy\":\"pop3\",\"revision\":2,\"state\":\"waiting\",\"why\":\"busy\"}");
    assert_string_equal(v.events.at[0].why, "lsass.exe has 9955");

    tell(f, "mail01", o, 2500); /* the same again: nothing happens */
    v = look(f);
    assert_int_equal(v.events.count, 1);
    assert_int_equal(v.rows.at[0].changed_ms, 2000);

    o = (struct hm_outcome){.policy = "pop3",
                            .revision = 2,
                            .mode = HM_POLICY_ENFORCE,
                            .state = HM_OUTCOME_VERIFIED,
                            .since = 99999}; /* early: no later than now */
    tell(f, "mail01", o, 3000);
    o.state = HM_OUTCOME_REPAIRED;
    o.since = 4000;
    o.repairs = 1;
    tell(f, "mail01", o, 4100);
    o.repairs = 2;
    o.since = 4500;
    tell(f, "mail01", o, 4600);
    v = look(f);
    assert_int_equal(v.rows.at[0].applied_ms, 3000);
    assert_int_equal(v.rows.at[0].verified_ms, 3000);
    assert_int_equal(v.rows.at[0].repaired_ms, 4500);
    assert_int_equal(v.rows.at[0].failing_since_ms, 0);
    assert_string_equal(v.rows.at[0].notes, "");
    assert_int_equal(v.events.count, 4); /* waiting, verified, repaired, repaired */
    assert_string_equal(v.events.at[3].kind, "policy_repaired");
    assert_non_null(strstr(v.events.at[3].after, "\"repairs\":2"));

    o.revision = 1; /* not what it was offered since */
    o.state = HM_OUTCOME_FAILED;
    tell(f, "mail01", o, 5000);
    assert_string_equal(look(f).rows.at[0].state, "repaired");
    o.revision = 2;
    o.state = HM_OUTCOME_RETIRED;
    tell(f, "mail01", o, 6000);
    assert_int_equal(look(f).rows.at[0].retired_ms, 4500);
    fixture_read(f, verify_chain, NULL);
}

static void test_report_of_what_was_not_offered(void **state)
{
    static const struct offer offered = {FIXTURE_ID_1, "pop3", 2, "enforce", 1000};
    const struct hm_outcome ghost = {.policy = "ghost",
                                     .revision = 7,
                                     .mode = HM_POLICY_AUDIT,
                                     .state = HM_OUTCOME_REFUSED,
                                     .code = HM_REFUSE_REPLAYED,
                                     .since = 1500,
                                     .text = "older than 9"};
    struct fixture *f = *state;
    struct view v;

    fixture_write(f, put_two_hosts, NULL);
    fixture_write(f, offer, (void *)&offered);
    tell(f, "mail01", ghost, 2000);
    v = look(f);
    assert_int_equal(v.rows.count, 2);
    assert_string_equal(v.rows.at[0].state, "offered"); /* not mentioned: stays */
    assert_string_equal(v.rows.at[1].policy, "ghost");
    assert_string_equal(v.rows.at[1].mode, "audit");
    assert_string_equal(v.rows.at[1].code, "replayed");
    assert_int_equal(v.rows.at[1].offered_ms, 0);
    assert_int_equal(v.rows.at[1].failing_since_ms, 1500);
    assert_string_equal(v.events.at[0].kind, "policy_refused");
    assert_string_equal(v.events.at[0].before, "");
    tell(f, "mail01", (struct hm_outcome){0}, 3000); /* an empty report */
    v = look(f);
    assert_int_equal(v.rows.count, 1); /* names that a host makes up do not pile up */
    assert_string_equal(v.rows.at[0].policy, "pop3");
}

/* ---- list --------------------------------------------------------------------------------- */

static enum hm_status put_exception(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_exception_row *row = arg;

    return hm_exceptions_put(s, row, err);
}

static struct hm_exception_row make_exception(const char *id, const char *policy,
                                              const char *host_id, int64_t expires_ms)
{
    return (struct hm_exception_row){.id = id,
                                     .policy = policy,
                                     .host_id = host_id,
                                     .reason = "until the move",
                                     .approver = "bert",
                                     .created_ms = 1,
                                     .expires_ms = expires_ms};
}

static enum hm_status list_excepted(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    const struct hm_value values[] = {hm_value_text("pop3"), hm_value_text("site=paris")};
    struct hm_page page = fixture_page;
    struct hm_host_policy_rows rows;

    assert_true(list_rows(s, f, 4999).at[0].excepted);
    assert_false(list_rows(s, f, 5000).at[0].excepted); /* it has ended */
    assert_false(list_rows(s, f, 4999).at[1].excepted); /* of another host */
    assert_false(list_rows(s, f, 4999).at[2].excepted); /* of another policy */
    page.where = (struct hm_where){
        "policy = $1 AND excepted <> 0 AND EXISTS (SELECT 1 FROM json_each(host_labels) AS label "
        "WHERE label.value = $2)",
        values, 2};
    assert_int_equal(hm_host_policies_list(s, &page, 4999, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 1);
    page = fixture_page;
    page.limit = 1;
    assert_int_equal(hm_host_policies_list(s, &page, 1, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2);
    page.after = "2";
    assert_int_equal(hm_host_policies_list(s, &page, 1, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.at[0].id, 3);
    page.has_at = true;
    assert_int_equal(hm_host_policies_list(s, &page, 1, &f->arena, &rows, err), HM_EINVAL);
    assert_string_equal(hm_err_code(err), "no_history");
    return HM_OK;
}

static void test_excepted(void **state)
{
    static const struct offer offers[] = {
        {FIXTURE_ID_1, "pop3", 2, "enforce", 1000},
        {FIXTURE_ID_2, "pop3", 2, "enforce", 1000},
        {FIXTURE_ID_1, "dns",  1, "enforce", 1000},
    };
    struct hm_exception_row exception = make_exception("e1", "pop3", FIXTURE_ID_1, 5000);
    struct fixture *f = *state;

    fixture_write(f, put_two_hosts, NULL);
    for (size_t i = 0; i < HM_COUNT(offers); i++) {
        fixture_write(f, offer, (void *)&offers[i]);
    }
    fixture_write(f, put_exception, &exception);
    fixture_read(f, list_excepted, f);
    exception.revoked = true;
    fixture_write(f, put_exception, &exception);
    assert_false(look(f).rows.at[0].excepted);
}

/* Each field of each list names a column that the list has. */
static enum hm_status ask_each_field(struct hm_session *s, void *arg, struct hm_err *err)
{
    static const char *const values[] = {
        [HM_FILTER_TEXT] = "~\"a*\"", [HM_FILTER_NAME] = NULL,    [HM_FILTER_NUMBER] = ">=0",
        [HM_FILTER_BOOL] = "=true",   [HM_FILTER_TIME] = ">-14d", [HM_FILTER_LABEL] = ".site=paris",
    };
    static const struct hm_filter_list *const lists[] = {
        &hm_filter_policies, &hm_filter_host_policies, &hm_filter_exceptions};
    struct fixture *f = arg;

    for (size_t i = 0; i < HM_COUNT(lists); i++) {
        for (size_t k = 0; k < lists[i]->count; k++) {
            const struct hm_filter_field *field = &lists[i]->fields[k];
            struct hm_page page = fixture_page;
            struct hm_host_policy_rows host_policies;
            struct hm_policy_rows policies;
            struct hm_exception_rows exceptions;
            char text[128];

            (void)snprintf(text, sizeof(text), "%s%s%s", field->name,
                           field->type == HM_FILTER_NAME ? "=" : values[field->type],
                           field->type == HM_FILTER_NAME ? field->names->names[0] : "");
            assert_int_equal(
                hm_filter_compile(lists[i], text, 1000000, &f->arena, &page.where, err), HM_OK);
            assert_int_equal(
                i == 0   ? hm_policies_list(s, &page, &f->arena, &policies, err)
                : i == 1 ? hm_host_policies_list(s, &page, 1, &f->arena, &host_policies, err)
                         : hm_exceptions_list(s, &page, &f->arena, &exceptions, err),
                HM_OK);
        }
    }
    return HM_OK;
}

static void test_filter_fields(void **state)
{
    fixture_read(*state, ask_each_field, *state);
}

/* ---- walks -------------------------------------------------------------------------------- */

static enum hm_status write_down(const char *host_id, const char *policy, uint32_t revision,
                                 const char *state, void *arg, struct hm_err *err)
{
    char *out = arg;
    size_t len = strlen(out);

    (void)err;
    (void)snprintf(out + len, 256 - len, "%.4s %s %u %s;", host_id, policy, revision, state);
    return HM_OK;
}

static enum hm_status walk(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_host_policies_each(s, write_down, arg, err);
}

static void test_each(void **state)
{
    static const struct offer offers[] = {
        {FIXTURE_ID_2, "pop3", 2, "enforce", 1000},
        {FIXTURE_ID_1, "pop3", 2, "enforce", 1000},
        {FIXTURE_ID_1, "dns",  1, "enforce", 1000},
    };
    char seen[256] = "";

    fixture_write(*state, put_two_hosts, NULL);
    for (size_t i = 0; i < HM_COUNT(offers); i++) {
        fixture_write(*state, offer, (void *)&offers[i]);
    }
    fixture_read(*state, walk, seen);
    assert_string_equal(seen, "01aa dns 1 offered;01aa pop3 2 offered;01bb pop3 2 offered;");
}

struct facts {
    const char *after;
    unsigned limit;
    char text[512];
};

static enum hm_status write_facts(const struct hm_match_facts *facts, void *arg, struct hm_err *err)
{
    struct facts *seen = arg;
    size_t len = strlen(seen->text);

    (void)err;
    (void)snprintf(seen->text + len, sizeof(seen->text) - len, "%.4s %s %s %s %s %s %s;",
                   facts->host_id, facts->name, facts->labels, facts->os_family, facts->os_version,
                   facts->services != NULL ? facts->services : "(unknown)",
                   facts->inventory_digest);
    return HM_OK;
}

static enum hm_status walk_facts(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct facts *seen = arg;

    return hm_hosts_each_match_facts(s, seen->after, seen->limit, write_facts, seen, err);
}

static enum hm_status put_services(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    static const char *const names[] = {"mail01", "web01"};
    struct hm_host_row row;

    assert_int_equal(fixture_put_host(s, "01cccccccccccccccccccccccc", "new01", 500, err), HM_OK);
    for (size_t i = 0; i < HM_COUNT(names); i++) {
        assert_int_equal(hm_hosts_get(s, names[i], &f->arena, &row, err), HM_OK);
        row.inventory_digest = "d1";
        assert_int_equal(hm_hosts_put(s, &row, 600, err), HM_OK);
    }
    assert_int_equal(hm_hosts_set_services(s, FIXTURE_ID_1, "DNS\nW32Time", err), HM_OK);
    assert_int_equal(hm_hosts_get(s, "mail01", &f->arena, &row, err), HM_OK);
    return hm_hosts_put(s, &row, 700, err); /* a put of the row does not forget them */
}

static void test_match_facts(void **state)
{
    struct facts all = {.after = "", .limit = 10};
    struct facts one = {.after = "", .limit = 1};
    struct facts rest = {.after = FIXTURE_ID_1, .limit = 10};
    struct fixture *f = *state;

    fixture_write(f, put_two_hosts, NULL);
    fixture_write(f, put_services, f);
    fixture_read(f, walk_facts, &all);
    fixture_read(f, walk_facts, &one);
    fixture_read(f, walk_facts, &rest);
    assert_string_equal(
        one.text, "01aa mail01 [\"site=paris\",\"tier=1\"] windows 10.0.17763 DNS\nW32Time d1;");
    assert_string_equal(rest.text,
                        "01bb web01 [\"site=paris\",\"tier=1\"] windows 10.0.17763 (unknown) d1;");
    assert_int_equal(strlen(all.text), strlen(one.text) + strlen(rest.text));
}

/* An older revision in place of the one that was offered: then it is the offer that was refused. An
 * older one of another kind says only that the offer has not come yet. */
static void test_replay_in_place_of_an_offer(void **state)
{
    static const struct offer offers[] = {
        {FIXTURE_ID_1, "pop3", 2, "enforce", 1000},
        {FIXTURE_ID_1, "pop3", 4, "enforce", 3000},
    };
    struct hm_outcome o = {.policy = "pop3",
                           .revision = 2,
                           .mode = HM_POLICY_ENFORCE,
                           .state = HM_OUTCOME_VERIFIED,
                           .since = 1500};
    struct fixture *f = *state;
    struct view v;

    fixture_write(f, put_two_hosts, NULL);
    fixture_write(f, offer, (void *)&offers[0]);
    tell(f, "mail01", o, 2000);
    fixture_write(f, offer, (void *)&offers[1]);
    tell(f, "mail01", o, 4000);
    o.state = HM_OUTCOME_REFUSED;
    o.code = HM_REFUSE_THRESHOLD;
    tell(f, "mail01", o, 4100);
    v = look(f);
    assert_string_equal(v.rows.at[0].state, "offered");
    assert_int_equal(v.rows.at[0].revision, 4);

    o.revision = 1;
    o.code = HM_REFUSE_REPLAYED;
    for (int i = 0; i < 2; i++) { /* the second time it is no news */
        tell(f, "mail01", o, 5000 + i);
        v = look(f);
        assert_string_equal(v.rows.at[0].state, "refused");
        assert_string_equal(v.rows.at[0].code, "replayed");
        assert_int_equal(v.rows.at[0].revision, 4);
        assert_int_equal(v.events.count, 2);
        assert_string_equal(v.events.at[1].kind, "policy_refused");
    }
    o.revision = 4;
    o.state = HM_OUTCOME_VERIFIED;
    o.code = HM_REFUSE_NONE;
    tell(f, "mail01", o, 6000);
    o.revision = 1;
    o.state = HM_OUTCOME_REFUSED;
    o.code = HM_REFUSE_REPLAYED;
    tell(f, "mail01", o, 7000);
    assert_string_equal(look(f).rows.at[0].state, "verified");
}

static void test_state_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_OUTCOME_STATE_COUNT; i++) {
        assert_string_equal(hm_host_policy_state_names[i + 1], hm_outcome_state_names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_EACH_STORE(test_offers),
        FOR_EACH_STORE(test_report),
        FOR_EACH_STORE(test_report_of_what_was_not_offered),
        FOR_EACH_STORE(test_replay_in_place_of_an_offer),
        FOR_EACH_STORE(test_excepted),
        FOR_EACH_STORE(test_filter_fields),
        FOR_EACH_STORE(test_each),
        FOR_EACH_STORE(test_match_facts),
        cmocka_unit_test(test_state_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
