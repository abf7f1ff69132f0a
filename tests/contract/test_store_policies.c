/* tests/contract/test_store_policies.c — policies, revisions, approvals, trust roots, exceptions.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "server/store/entities_policy.h"
#include "tests/contract/store_fixture.h"

static enum hm_status run_sql(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_session_query_once(s, arg, NULL, 0, NULL, NULL, NULL, err);
}

static enum hm_status put_host(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    return fixture_put_host(s, FIXTURE_ID_1, "mail01", 500, err);
}

/* ---- policies ----------------------------------------------------------------------------- */

static struct hm_policy_row make_policy(const char *name)
{
    return (struct hm_policy_row){
        .name = name,
        .owner = "anna",
        .reason = "POP3",
        .mode = "enforce",
        .review_ms = 90000,
        .newest = 1,
        .state = HM_REVISION_DRAFT,
        .created_ms = 1000,
        .changed_ms = 1000,
    };
}

static enum hm_status put_policies(struct hm_session *s, void *arg, struct hm_err *err)
{
    static const char *const names[] = {"pop3", "dns", "sql"};
    struct hm_policy_row row;

    (void)arg;
    for (size_t i = 0; i < HM_COUNT(names); i++) {
        row = make_policy(names[i]);
        assert_int_equal(hm_policies_put(s, &row, err), HM_OK);
    }
    row = make_policy("pop3");
    row.mode = "audit";
    row.newest = 3;
    row.state = HM_REVISION_SUBMITTED;
    row.live = 2;
    row.live_state = HM_REVISION_ACTIVE;
    row.created_ms = 7;
    row.changed_ms = 2000;
    return hm_policies_put(s, &row, err);
}

static enum hm_status get_policies(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_value submitted = hm_value_text("submitted");
    struct fixture *f = arg;
    struct hm_policy_row row;
    struct hm_policy_rows rows;
    struct hm_page page = fixture_page;

    assert_int_equal(hm_policies_get(s, "pop3", &f->arena, &row, err), HM_OK);
    assert_string_equal(row.owner, "anna");
    assert_string_equal(row.mode, "audit");
    assert_int_equal(row.newest, 3);
    assert_int_equal(row.state, HM_REVISION_SUBMITTED);
    assert_int_equal(row.live, 2);
    assert_int_equal(row.live_state, HM_REVISION_ACTIVE);
    assert_int_equal(row.created_ms, 1000); /* made once */
    assert_int_equal(row.changed_ms, 2000);
    assert_int_equal(row.ends_ms, 0); /* its live revision is not there */
    assert_int_equal(hm_policies_get(s, "nobody", &f->arena, &row, err), HM_ENOENT);
    assert_string_equal(hm_err_code(err), "unknown_policy");
    page.limit = 1;
    assert_int_equal(hm_policies_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2);
    assert_string_equal(rows.at[0].name, "dns");
    page.after = "dns";
    page.limit = 10;
    assert_int_equal(hm_policies_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2);
    assert_string_equal(rows.at[1].name, "sql");
    page.after = "";
    page.where = (struct hm_where){"state = $1", &submitted, 1};
    assert_int_equal(hm_policies_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 1);
    page.has_at = true;
    assert_int_equal(hm_policies_list(s, &page, &f->arena, &rows, err), HM_EINVAL);
    assert_string_equal(hm_err_code(err), "no_history");
    return HM_OK;
}

static void test_policies(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, put_policies, NULL);
    fixture_reopen(f);
    fixture_read(f, get_policies, f);
}

/* ---- revisions ---------------------------------------------------------------------------- */

static struct hm_revision_row make_revision(const char *policy, uint32_t revision)
{
    return (struct hm_revision_row){
        .policy = policy,
        .revision = revision,
        .state = HM_REVISION_DRAFT,
        .mode = "enforce",
        .document = "{\"name\":\"pop3\"}",
        .digest = "blake2b-256:11",
        .author = "anna",
        .envelope = "",
        .why = "",
        .created_ms = 1000,
        .changed_ms = 1000,
    };
}

static enum hm_status put_revisions(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct hm_revision_row row = make_revision("nobody", 1);

    (void)arg;
    assert_int_equal(hm_revisions_put(s, &row, err), HM_ECONFLICT); /* of no policy */
    for (uint32_t i = 1; i <= 3; i++) {
        row = make_revision("pop3", i);
        assert_int_equal(hm_revisions_put(s, &row, err), HM_OK);
    }
    row = make_revision("dns", 1);
    row.state = HM_REVISION_PAUSED;
    assert_int_equal(hm_revisions_put(s, &row, err), HM_OK);
    row = make_revision("pop3", 2);
    row.state = HM_REVISION_ACTIVE;
    row.envelope = "{}";
    row.why = "good";
    row.changed_ms = 2000;
    row.submitted_ms = 1500;
    row.approved_ms = 1600;
    row.activated_ms = 2000;
    row.expires_ms = 90000;
    return hm_revisions_put(s, &row, err);
}

/* Each member that a revision is made of, changed alone. */
static enum hm_status alter_revisions(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct hm_revision_row rows[5];

    (void)arg;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        rows[i] = make_revision("pop3", 2);
    }
    rows[0].mode = "audit";
    rows[1].document = "{\"name\":\"pop3\" }";
    rows[2].digest = "blake2b-256:12";
    rows[3].author = "bert";
    rows[4].created_ms = 1001;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_revisions_put(s, &rows[i], err), HM_ECONFLICT);
        assert_string_equal(hm_err_code(err), "revision_fixed");
    }
    return HM_OK;
}

static enum hm_status get_revisions(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_policy_row policy;
    struct hm_revision_row row;
    struct hm_revision_rows rows;
    struct hm_page page = fixture_page;

    assert_int_equal(hm_revisions_get(s, "pop3", 2, &f->arena, &row, err), HM_OK);
    assert_int_equal(row.state, HM_REVISION_ACTIVE);
    assert_string_equal(row.document, "{\"name\":\"pop3\"}");
    assert_string_equal(row.envelope, "{}");
    assert_string_equal(row.why, "good");
    assert_int_equal(row.submitted_ms, 1500);
    assert_int_equal(row.approved_ms, 1600);
    assert_int_equal(row.activated_ms, 2000);
    assert_int_equal(row.expires_ms, 90000);
    assert_int_equal(hm_policies_get(s, "pop3", &f->arena, &policy, err), HM_OK);
    assert_int_equal(policy.ends_ms, 90000); /* revision 2 is live */
    assert_int_equal(hm_policies_get(s, "dns", &f->arena, &policy, err), HM_OK);
    assert_int_equal(policy.ends_ms, 0);
    assert_int_equal(hm_revisions_get(s, "pop3", 4, &f->arena, &row, err), HM_ENOENT);
    assert_string_equal(hm_err_code(err), "unknown_revision");

    page.limit = 1;
    assert_int_equal(hm_revisions_list(s, "pop3", &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2);
    assert_int_equal(rows.at[0].revision, 3);
    page.after = "2";
    assert_int_equal(hm_revisions_list(s, "pop3", &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.at[0].revision, 1);
    page.after = "x";
    assert_int_equal(hm_revisions_list(s, "pop3", &page, &f->arena, &rows, err), HM_EINVAL);
    page.limit = 0;
    assert_int_equal(hm_revisions_list(s, "pop3", &page, &f->arena, &rows, err), HM_EINVAL);

    assert_int_equal(hm_revisions_in(s, 1u << HM_REVISION_ACTIVE | 1u << HM_REVISION_PAUSED,
                                     &f->arena, &rows, err),
                     HM_OK);
    assert_int_equal(rows.count, 2);
    assert_string_equal(rows.at[0].policy, "dns");
    assert_int_equal(rows.at[1].revision, 2);
    assert_int_equal(hm_revisions_in(s, 0, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 0);
    return HM_OK;
}

static void test_revisions(void **state)
{
    static const char *const by_hand[] = {
        "UPDATE policy_revisions SET document = '{}' WHERE policy = 'pop3'",
        "UPDATE policy_revisions SET digest = '' WHERE policy = 'pop3'",
        "UPDATE policy_revisions SET author = 'mallory' WHERE policy = 'pop3'",
        "UPDATE policy_revisions SET mode = 'audit' WHERE policy = 'pop3'",
        "UPDATE policy_revisions SET revision = 9 WHERE policy = 'pop3' AND revision = 1",
        "DELETE FROM policy_revisions",
    };
    struct fixture *f = *state;
    struct hm_err err = {0};

    fixture_write(f, put_policies, NULL);
    fixture_write(f, put_revisions, NULL);
    fixture_write(f, alter_revisions, NULL);
    for (size_t i = 0; i < HM_COUNT(by_hand); i++) {
        assert_int_not_equal(hm_store_write(f->store, run_sql, (char *)by_hand[i], &err), HM_OK);
        assert_non_null(strstr(err.text, "revision"));
    }
    fixture_reopen(f);
    fixture_read(f, get_revisions, f);
}

/* ---- approvals ---------------------------------------------------------------------------- */

static enum hm_status put_approvals(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct hm_approval_row row = {.policy = "pop3",
                                  .revision = 2,
                                  .approver = "bert",
                                  .key_id = "k1",
                                  .actor = "token bert",
                                  .comment = "fine",
                                  .at_ms = 3000};
    struct fixture *f = arg;
    struct hm_approval_rows rows;

    assert_int_equal(hm_approvals_put(s, &row, err), HM_OK);
    row.comment = "again";
    assert_int_equal(hm_approvals_put(s, &row, err), HM_ECONFLICT);
    assert_string_equal(hm_err_code(err), "approved_already");
    row.key_id = "k2";
    row.at_ms = 2000;
    assert_int_equal(hm_approvals_put(s, &row, err), HM_OK);
    row.revision = 9;
    assert_int_equal(hm_approvals_put(s, &row, err), HM_ECONFLICT); /* no such revision */
    assert_int_equal(hm_approvals_list(s, "pop3", 2, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2);
    assert_string_equal(rows.at[0].key_id, "k2");
    assert_string_equal(rows.at[1].comment, "fine");
    assert_string_equal(rows.at[1].approver, "bert");
    assert_string_equal(rows.at[1].actor, "token bert");
    assert_int_equal(hm_approvals_list(s, "pop3", 1, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 0);
    return HM_OK;
}

static void test_approvals(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, put_policies, NULL);
    fixture_write(f, put_revisions, NULL);
    fixture_write(f, put_approvals, f);
    assert_int_not_equal(
        hm_store_write(f->store, run_sql, "UPDATE policy_approvals SET key_id = 'k3'", NULL),
        HM_OK);
    assert_int_not_equal(
        hm_store_write(f->store, run_sql, "DELETE FROM policy_approvals WHERE key_id = 'k1'", NULL),
        HM_OK);
}

/* ---- trust -------------------------------------------------------------------------------- */

static enum hm_status put_roots(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_trust_row row = {.envelope = "{\"v\":1}", .actor = "token anna", .created_ms = 5};
    struct hm_trust_rows rows;

    assert_int_equal(hm_trust_put(s, &row, err), HM_EINVAL); /* version 0 is "none" */
    for (row.version = 1; row.version <= HM_LIMIT_TRUST_ROOTS + 2; row.version++) {
        assert_int_equal(hm_trust_put(s, &row, err), HM_OK);
    }
    row.version = 2;
    row.envelope = "{\"v\":\"mallory\"}";
    assert_int_equal(hm_trust_put(s, &row, err), HM_ECONFLICT);
    assert_string_equal(hm_err_code(err), "version_taken");
    assert_int_equal(hm_trust_list(s, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, HM_LIMIT_TRUST_ROOTS);
    assert_int_equal(rows.at[0].version, 3);
    assert_int_equal(rows.at[rows.count - 1].version, HM_LIMIT_TRUST_ROOTS + 2);
    assert_string_equal(rows.at[0].envelope, "{\"v\":1}");
    assert_string_equal(rows.at[0].actor, "token anna");
    return HM_OK;
}

struct fleet_id {
    struct fixture *f;
    const char *id;
};

static enum hm_status ensure_id(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fleet_id *fleet = arg;

    return hm_fleet_id_ensure(s, 1000, &fleet->f->arena, &fleet->id, err);
}

static void test_trust(void **state)
{
    struct fixture *f = *state;
    struct fleet_id first = {.f = f};
    struct fleet_id later = {.f = f};

    fixture_write(f, put_roots, f);
    assert_int_not_equal(
        hm_store_write(f->store, run_sql, "UPDATE trust_roots SET envelope = '{}'", NULL), HM_OK);
    assert_int_not_equal(hm_store_write(f->store, run_sql, "DELETE FROM trust_roots", NULL), HM_OK);
    fixture_write(f, ensure_id, &first);
    assert_true(hm_id_is_valid(first.id));
    fixture_reopen(f);
    fixture_read(f, ensure_id, &later); /* reading is enough now */
    assert_string_equal(later.id, first.id);
}

/* ---- exceptions --------------------------------------------------------------------------- */

static enum hm_status put_exceptions(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct hm_exception_row row = {.id = "e1",
                                   .policy = "pop3",
                                   .host_id = FIXTURE_ID_1,
                                   .reason = "until the move",
                                   .approver = "bert",
                                   .created_ms = 1000,
                                   .expires_ms = 5000};
    struct hm_exception_row other;

    (void)arg;
    assert_int_equal(hm_exceptions_put(s, &row, err), HM_OK);
    other = row;
    other.expires_ms = 9000;
    assert_int_equal(hm_exceptions_put(s, &other, err), HM_ECONFLICT);
    assert_string_equal(hm_err_code(err), "exception_fixed");
    other = row;
    other.id = "e2";
    other.policy = "";
    assert_int_equal(hm_exceptions_put(s, &other, err), HM_OK);
    other.revoked = true;
    assert_int_equal(hm_exceptions_put(s, &other, err), HM_OK);
    other.revoked = false;
    assert_int_equal(hm_exceptions_put(s, &other, err), HM_ECONFLICT); /* not given back */
    other.id = "e3";
    other.expires_ms = 0;
    assert_int_equal(hm_exceptions_put(s, &other, err), HM_EINVAL);
    assert_string_equal(hm_err_code(err), "no_expiry");
    return HM_OK;
}

static enum hm_status get_exceptions(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_exception_row row;
    struct hm_exception_rows rows;
    struct hm_page page = fixture_page;

    assert_int_equal(hm_exceptions_get(s, "e1", &f->arena, &row, err), HM_OK);
    assert_string_equal(row.policy, "pop3");
    assert_string_equal(row.host_name, "mail01");
    assert_string_equal(row.reason, "until the move");
    assert_string_equal(row.approver, "bert");
    assert_int_equal(row.expires_ms, 5000);
    assert_false(row.revoked);
    assert_int_equal(hm_exceptions_get(s, "e9", &f->arena, &row, err), HM_ENOENT);
    assert_string_equal(hm_err_code(err), "unknown_exception");
    assert_int_equal(hm_exceptions_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2);
    assert_string_equal(rows.at[1].id, "e2");
    assert_true(rows.at[1].revoked);
    page.where = (struct hm_where){.sql = "revoked = 0 AND host_labels LIKE '%site=paris%'"};
    assert_int_equal(hm_exceptions_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 1);
    return HM_OK;
}

static enum hm_status forget_host(struct hm_session *s, void *arg, struct hm_err *err)
{
    int64_t *now_ms = arg;

    return hm_hosts_remove(s, FIXTURE_ID_1, *now_ms, err);
}

static enum hm_status look_after_removal(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_exception_row row;

    assert_int_equal(hm_exceptions_get(s, "e1", &f->arena, &row, err), HM_OK);
    assert_true(row.revoked);
    assert_string_equal(row.host_name, "mail01"); /* its last name */
    return HM_OK;
}

static void test_exceptions(void **state)
{
    struct fixture *f = *state;
    int64_t removed_ms = 4000;

    fixture_write(f, put_host, NULL);
    fixture_write(f, put_exceptions, NULL);
    fixture_reopen(f);
    fixture_read(f, get_exceptions, f);
    fixture_write(f, forget_host, &removed_ms);
    fixture_read(f, look_after_removal, f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_EACH_STORE(test_policies),   FOR_EACH_STORE(test_revisions),
        FOR_EACH_STORE(test_approvals),  FOR_EACH_STORE(test_trust),
        FOR_EACH_STORE(test_exceptions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
