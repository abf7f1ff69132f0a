/* tests/contract/test_store_compliance.c — which hosts count as what, by policy, label and fleet.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/entities_policy.h"
#include "tests/contract/store_fixture.h"

static enum hm_status verify_chain(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    return hm_events_verify(s, err);
}

#define HOSTS 7
static const struct {
    const char *name;
    const char *site; /* NULL: no such label */
    bool silent;
    bool cloned;
} fleet[HOSTS] = {
    {"h0", "site=paris", false, false},
    {"h1", "site=paris", false, false},
    {"h2", "site=rome",  false, false},
    {"h3", "site=rome",  true,  false},
    {"h4", NULL,         false, true },
    {"h5", "sitex=rome", false, false},
    {"h6", "site=rome",  false, false},
};

static const struct {
    unsigned host;
    const char *policy;
    enum hm_policy_mode mode;
    int state; /* -1 = offered only */
    int64_t since_ms;
} rows[] = {
    {0, "pop3", HM_POLICY_ENFORCE, HM_OUTCOME_VERIFIED, 2000},
    {0, "dns",  HM_POLICY_ENFORCE, HM_OUTCOME_FAILED,   2000},
    {1, "pop3", HM_POLICY_ENFORCE, HM_OUTCOME_REPAIRED, 2000},
    {1, "dns",  HM_POLICY_AUDIT,   HM_OUTCOME_WAITING,  2000},
    {2, "pop3", HM_POLICY_ENFORCE, HM_OUTCOME_REFUSED,  1500},
    {2, "dns",  HM_POLICY_ENFORCE, -1,                  0   },
    {3, "pop3", HM_POLICY_ENFORCE, HM_OUTCOME_VERIFIED, 2000}, /* silent */
    {4, "pop3", HM_POLICY_ENFORCE, HM_OUTCOME_FAILED,   1000}, /* cloned */
    {5, "pop3", HM_POLICY_ENFORCE, HM_OUTCOME_APPLIED,  2000},
    {5, "dns",  HM_POLICY_ENFORCE, HM_OUTCOME_FAILED,   1100}, /* excepted */
    {6, "dns",  HM_POLICY_RETIRE,  HM_OUTCOME_RETIRED,  2000},
};

static void host_id(unsigned host, char out[HM_ID_TEXT_BYTES])
{
    (void)snprintf(out, HM_ID_TEXT_BYTES, "01%024u", host);
}

static enum hm_status put_fleet(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    const struct hm_exception_row exception = {.id = "e1",
                                               .policy = "dns",
                                               .host_id = "01000000000000000000000005",
                                               .reason = "until the move",
                                               .approver = "bert",
                                               .created_ms = 1,
                                               .expires_ms = 5000};

    for (unsigned i = 0; i < HOSTS; i++) {
        char id[HM_ID_TEXT_BYTES];
        struct hm_host_row row;

        host_id(i, id);
        assert_int_equal(fixture_put_host(s, id, fleet[i].name, 500, err), HM_OK);
        assert_int_equal(hm_hosts_get(s, id, &f->arena, &row, err), HM_OK);
        row.labels.at[0] = fleet[i].site;
        row.labels.count = fleet[i].site != NULL ? 1 : 0;
        row.silent_since_ms = fleet[i].silent ? 900 : 0;
        row.cloned = fleet[i].cloned;
        assert_int_equal(hm_hosts_put(s, &row, 600, err), HM_OK);
    }
    return hm_exceptions_put(s, &exception, err);
}

static enum hm_status put_rows(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;

    for (unsigned i = 0; i < HOSTS; i++) {
        struct hm_outcome outcomes[4] = {0};
        struct hm_outcome_report report = {
            .policies = {outcomes, 0}
        };
        struct hm_host_row host;
        char id[HM_ID_TEXT_BYTES];

        host_id(i, id);
        assert_int_equal(hm_hosts_get(s, id, &f->arena, &host, err), HM_OK);
        for (size_t k = 0; k < HM_COUNT(rows); k++) {
            if (rows[k].host != i) {
                continue;
            }
            assert_int_equal(hm_host_policies_offer(s, id, rows[k].policy, 1,
                                                    hm_policy_mode_names[rows[k].mode], 800, err),
                             HM_OK);
            if (rows[k].state >= 0) {
                outcomes[report.policies.count++] =
                    (struct hm_outcome){.policy = rows[k].policy,
                                        .revision = 1,
                                        .mode = rows[k].mode,
                                        .state = (enum hm_outcome_state)rows[k].state,
                                        .since = rows[k].since_ms};
            }
        }
        assert_int_equal(
            hm_host_policies_report(s, &host, &report, "192.0.2.7", 3000, &f->arena, err), HM_OK);
    }
    return HM_OK;
}

static void put_line(char *out, size_t size, const struct hm_compliance_row *row)
{
    size_t len = strlen(out);

    (void)snprintf(out + len, size - len, "%s/%s %u: %u %u %u %u %u %u since %d\n", row->policy,
                   row->group, (unsigned)row->hosts, (unsigned)row->compliant,
                   (unsigned)row->pending, (unsigned)row->noncompliant, (unsigned)row->unknown,
                   (unsigned)row->excepted, (unsigned)row->audit, (int)row->failing_since_ms);
}

/* hosts: compliant pending noncompliant unknown excepted audit */
static const struct {
    struct hm_compliance_question question;
    const char *answer;
} questions[] = {
    {{.policy = "pop3", .now_ms = 4000},                                "pop3/ 6: 2 1 1 2 0 0 since 1500\n"},
    {{.policy = "dns", .now_ms = 4000},                                 "dns/ 4: 0 1 1 0 1 1 since 2000\n" },
 /* The exception has ended. */
    {{.policy = "dns", .now_ms = 5000},                                 "dns/ 4: 0 1 2 0 0 1 since 1100\n" },
    {{.policy = "ftp", .now_ms = 4000},                                 ""                                 },
    {{.now_ms = 4000},
     "dns/ 4: 0 1 1 0 1 1 since 2000\n"
     "pop3/ 6: 2 1 1 2 0 0 since 1500\n"                                                                   },
    {{.fleet = true, .now_ms = 4000},
     "/ 6: 0 1 2 2 0 1 since 1500\n"
     "dns/ 4: 0 1 1 0 1 1 since 2000\n"
     "pop3/ 6: 2 1 1 2 0 0 since 1500\n"                                                                   },
    {{.label = "site", .fleet = true, .now_ms = 4000},
     "/ 2: 0 1 0 1 0 0 since 0\n"
     "/paris 2: 0 0 1 0 0 1 since 2000\n"
     "/rome 2: 0 0 1 1 0 0 since 1500\n"
     "dns/ 1: 0 0 0 0 1 0 since 0\n"
     "dns/paris 2: 0 0 1 0 0 1 since 2000\n"
     "dns/rome 1: 0 1 0 0 0 0 since 0\n"
     "pop3/ 2: 0 1 0 1 0 0 since 0\n"
     "pop3/paris 2: 2 0 0 0 0 0 since 0\n"
     "pop3/rome 2: 0 0 1 1 0 0 since 1500\n"                                                               },
    {{.policy = "dns", .label = "site", .fleet = true, .now_ms = 4000},
     "dns/ 1: 0 0 0 0 1 0 since 0\n"
     "dns/paris 2: 0 0 1 0 0 1 since 2000\n"
     "dns/rome 1: 0 1 0 0 0 0 since 0\n"                                                                   },
};

static enum hm_status count_all(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;

    for (size_t i = 0; i < HM_COUNT(questions); i++) {
        struct hm_compliance_rows answer;
        char text[1024] = "";

        assert_int_equal(hm_compliance_count(s, &questions[i].question, &f->arena, &answer, err),
                         HM_OK);
        for (size_t k = 0; k < answer.count; k++) {
            put_line(text, sizeof(text), &answer.at[k]);
        }
        assert_string_equal(text, questions[i].answer);
    }
    return HM_OK;
}

/* A host speaks of policies that nobody here has heard of: it tells about itself, no more. */
static enum hm_status make_up(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct hm_outcome outcomes[] = {
        {.policy = "made-up-1", .revision = 1, .state = HM_OUTCOME_FAILED,   .since = 2000},
        {.policy = "made-up-2", .revision = 1, .state = HM_OUTCOME_VERIFIED, .since = 2000},
    };
    const struct hm_outcome_report report = {
        .policies = {outcomes, HM_COUNT(outcomes)}
    };
    struct fixture *f = arg;
    struct hm_host_row host;
    char id[HM_ID_TEXT_BYTES];

    host_id(0, id);
    assert_int_equal(hm_hosts_get(s, id, &f->arena, &host, err), HM_OK);
    return hm_host_policies_report(s, &host, &report, "192.0.2.7", 3000, &f->arena, err);
}

static enum hm_status forget_host(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    return hm_hosts_remove(s, "01000000000000000000000002", 4000, err);
}

static enum hm_status count_after_removal(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_compliance_question question = {.policy = "pop3", .now_ms = 4000};
    struct hm_host_policy_rows left;
    struct fixture *f = arg;
    struct hm_compliance_rows answer;

    assert_int_equal(hm_compliance_count(s, &question, &f->arena, &answer, err), HM_OK);
    assert_int_equal(answer.at[0].hosts, 5);
    assert_int_equal(answer.at[0].noncompliant, 0);
    assert_int_equal(hm_host_policies_list(s, &fixture_page, 4000, &f->arena, &left, err), HM_OK);
    assert_int_equal(left.count, HM_COUNT(rows));
    return HM_OK;
}

static void test_compliance(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, put_fleet, f);
    fixture_write(f, put_rows, f);
    fixture_reopen(f);
    fixture_read(f, count_all, f);
    fixture_write(f, make_up, f);
    fixture_read(f, count_all, f);
    fixture_write(f, forget_host, NULL);
    fixture_read(f, count_after_removal, f);
    fixture_read(f, verify_chain, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {FOR_EACH_STORE(test_compliance)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
