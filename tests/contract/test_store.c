/* tests/contract/test_store.c — what every driver must do: entities, history, the event chain.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "tests/contract/store_fixture.h"

static enum hm_status put_two_hosts(struct hm_session *s, void *arg, struct hm_err *err)
{
    enum hm_status st = fixture_put_host(s, FIXTURE_ID_1, "mail01", 1000, err);

    (void)arg;
    return st == HM_OK ? fixture_put_host(s, FIXTURE_ID_2, "web01", 1000, err) : st;
}

/* ---- hosts -------------------------------------------------------------------------------- */

static enum hm_status get_hosts(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_host_row row;

    assert_int_equal(hm_hosts_get(s, "mail01", &f->arena, &row, err), HM_OK);
    assert_string_equal(row.id, FIXTURE_ID_1);
    assert_int_equal(hm_hosts_get(s, FIXTURE_ID_2, &f->arena, &row, err), HM_OK);
    assert_string_equal(row.name, "web01");
    assert_int_equal(row.labels.count, 2);
    assert_string_equal(row.labels.at[0], "site=paris");
    assert_string_equal(row.verdict, "unknown"); /* never judged is never green */
    assert_int_equal(hm_hosts_get(s, "nobody", &f->arena, &row, err), HM_ENOENT);
    assert_string_equal(hm_err_code(err), "unknown_host");
    return HM_OK;
}

static void test_hosts(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, put_two_hosts, NULL);
    fixture_reopen(f);
    fixture_read(f, get_hosts, f);
}

static enum hm_status change_host(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_host_row row;
    enum hm_status st = hm_hosts_get(s, "mail01", &f->arena, &row, err);

    row.inventory_digest = "blake2b-256:00";
    row.blocked = 1;
    if (st == HM_OK) {
        st = hm_hosts_put(s, &row, 2000, err);
    }
    row.blocked = 0;
    row.silent_since_ms = 3000;
    return st == HM_OK ? hm_hosts_put(s, &row, 3000, err) : st;
}

static const char *verdict_at(struct hm_session *s, struct fixture *f, int64_t at_ms)
{
    struct hm_page page = fixture_page;
    struct hm_host_rows rows;

    page.has_at = at_ms != 0;
    page.at_ms = at_ms;
    assert_int_equal(hm_hosts_list(s, &page, &f->arena, &rows, NULL), HM_OK);
    return rows.count > 0 ? rows.at[0].verdict : "no host";
}

static enum hm_status look_back(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)err;
    assert_string_equal(verdict_at(s, arg, 999), "no host");
    assert_string_equal(verdict_at(s, arg, 1000), "unknown");
    assert_string_equal(verdict_at(s, arg, 1999), "unknown");
    assert_string_equal(verdict_at(s, arg, 2000), "blocked");
    assert_string_equal(verdict_at(s, arg, 3000), "unknown"); /* silent */
    assert_string_equal(verdict_at(s, arg, 0), "unknown");
    return HM_OK;
}

static void test_host_history(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, put_two_hosts, NULL);
    fixture_write(f, change_host, f);
    fixture_read(f, look_back, f);
}

static enum hm_status remove_host(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    return hm_hosts_remove(s, FIXTURE_ID_1, 5000, err);
}

static enum hm_status look_after_removal(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_host_row row;
    struct hm_host_rows rows;
    struct hm_page page = fixture_page;

    assert_int_equal(hm_hosts_get(s, FIXTURE_ID_1, &f->arena, &row, err), HM_ENOENT);
    page.has_at = true;
    page.at_ms = 4000;
    assert_int_equal(hm_hosts_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2); /* its past stays */
    page.at_ms = 5000;
    assert_int_equal(hm_hosts_list(s, &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 1);
    return HM_OK;
}

static void test_host_removed(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, put_two_hosts, NULL);
    fixture_write(f, remove_host, NULL);
    fixture_read(f, look_after_removal, f);
    assert_int_equal(hm_store_write(f->store, remove_host, NULL, NULL), HM_ENOENT);
}

/* ---- documents ---------------------------------------------------------------------------- */

static enum hm_status put_documents(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    assert_int_equal(hm_documents_put(s, "d1", "inventory", "{\"a\":1}", 7, 1000, err), HM_OK);
    assert_int_equal(hm_documents_put(s, "d1", "inventory", "{\"a\":1}", 7, 1500, err), HM_OK);
    assert_int_equal(hm_documents_put(s, "d2", "inventory", "{\"a\":22}", 8, 2000, err), HM_OK);
    assert_int_equal(hm_documents_assign(s, "h1", "inventory", "d1", 1000, err), HM_OK);
    assert_int_equal(hm_documents_assign(s, "h1", "inventory", "d1", 1500, err), HM_OK);
    assert_int_equal(hm_documents_assign(s, "h1", "inventory", "d2", 2000, err), HM_OK);
    assert_int_equal(hm_documents_assign(s, "h1", "inventory", "d1", 3000, err), HM_OK);
    assert_int_equal(hm_documents_assign(s, "h1", "inventory", "d2", 3000, err), HM_OK);
    /* Nor the same millisecond nor a clock that went back may hide what was acknowledged. */
    assert_int_equal(hm_documents_assign(s, "h1", "inventory", "d1", 2500, err), HM_OK);
    return HM_OK;
}

static enum hm_status get_documents(struct hm_session *s, void *arg, struct hm_err *err)
{
    static const struct {
        int64_t at_ms;
        const char *digest;
    } cases[] = {
        {1000, "d1"},
        {1999, "d1"},
        {2000, "d2"},
        {3000, "d1"},
        {3001, "d2"},
        {3002, "d1"},
        {0,    "d1"}
    };
    struct fixture *f = arg;
    struct hm_document_row row;
    struct hm_document_rows rows;
    struct hm_page page = fixture_page;
    const char *text;
    size_t len;
    bool has;

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        assert_int_equal(
            hm_documents_at(s, "h1", "inventory", cases[i].at_ms, &f->arena, &row, err), HM_OK);
        assert_string_equal(row.digest, cases[i].digest);
    }
    assert_int_equal(hm_documents_at(s, "h1", "inventory", 999, &f->arena, &row, err), HM_ENOENT);
    assert_int_equal(hm_documents_get(s, "d2", &f->arena, &text, &len, err), HM_OK);
    assert_string_equal(text, "{\"a\":22}");
    assert_int_equal(len, 8);
    assert_int_equal(hm_documents_get(s, "d3", &f->arena, &text, &len, err), HM_ENOENT);
    assert_int_equal(hm_documents_has(s, "d3", &has, err), HM_OK);
    assert_false(has);
    page.limit = 1; /* one more is fetched, to know of it */
    assert_int_equal(hm_documents_history(s, "h1", &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 2);
    assert_int_equal(rows.at[0].valid_from_ms, 3002);
    assert_int_equal(rows.at[1].valid_to_ms, 3002);
    page.after = "2000:inventory";
    assert_int_equal(hm_documents_history(s, "h1", &page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.at[0].valid_to_ms, 2000);
    page.after = "yesterday";
    assert_int_equal(hm_documents_history(s, "h1", &page, &f->arena, &rows, err), HM_EINVAL);
    return HM_OK;
}

static void test_documents(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, put_documents, NULL);
    fixture_reopen(f);
    fixture_read(f, get_documents, f);
}

/* ---- tokens ------------------------------------------------------------------------------- */

static enum hm_status put_tokens(struct hm_session *s, void *arg, struct hm_err *err)
{
    static const char *labels[] = {"site=paris"};
    static const struct hm_token_row rows[] = {
        {.id = "t1",
         .kind = "join",
         .name = "paris",
         .role = "",
         .labels = {labels, 1},
         .secret_hash = {1},
         .expires_ms = 5000,
         .uses_left = 2},
        {.id = "t2", .kind = "join",                  .name = "x",                                .role = "",                                                      .secret_hash = {2},                                                                                                      .uses_left = 1},
        {.id = "t3",        .kind = "operator", .name = "anna",.role = "admin",.secret_hash = {3}},
    };

    (void)arg;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_tokens_put(s, &rows[i], err), HM_OK);
    }
    assert_int_equal(hm_tokens_put(s, &rows[0], err), HM_ECONFLICT);
    assert_int_equal(hm_tokens_revoke(s, "t2", err), HM_OK);
    assert_int_equal(hm_tokens_revoke(s, "t9", err), HM_ENOENT);
    return HM_OK;
}

static enum hm_status use_tokens(struct hm_session *s, void *arg, struct hm_err *err)
{
    static const struct {
        const char *id;
        unsigned char secret;
        int64_t now_ms;
        const char *code; /* NULL: it works */
    } cases[] = {
        {"t1", 1, 1000, NULL           },
        {"t1", 9, 1000, "unknown_token"},
        {"t1", 1, 5000, "expired_token"},
        {"t1", 1, 4999, NULL           },
        {"t1", 1, 4999, "used_token"   },
        {"t2", 2, 1000, "revoked_token"},
        {"t3", 3, 1000, "unknown_token"}, /* an operator's token opens no door to hosts */
        {"t9", 1, 1000, "unknown_token"},
    };
    struct fixture *f = arg;

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        unsigned char hash[HM_DIGEST_BYTES] = {cases[i].secret};
        struct hm_token_row row;
        enum hm_status st =
            hm_tokens_use(s, cases[i].id, hash, cases[i].now_ms, &f->arena, &row, err);

        assert_int_equal(st, cases[i].code == NULL ? HM_OK : HM_EDENIED);
        if (cases[i].code != NULL) {
            assert_string_equal(hm_err_code(err), cases[i].code);
        } else {
            assert_string_equal(row.labels.at[0], "site=paris");
        }
    }
    return HM_OK;
}

static void test_tokens(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, put_tokens, NULL);
    fixture_write(f, use_tokens, f);
}

static enum hm_status put_spent_tokens(struct hm_session *s, void *arg, struct hm_err *err)
{
    static const struct hm_token_row rows[] = {
        {.id = "j1", .kind = "join",     .name = "", .role = "",      .expires_ms = 1000},
        {.id = "j2", .kind = "join",     .name = "", .role = "",      .expires_ms = 2000},
        {.id = "o1", .kind = "operator", .name = "", .role = "admin", .expires_ms = 1000},
        {.id = "o2", .kind = "operator", .name = "", .role = "admin", .expires_ms = 0   },
    };

    (void)arg;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_tokens_put(s, &rows[i], err), HM_OK);
    }
    return hm_tokens_purge(s, 2000, err);
}

static enum hm_status look_for_tokens(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_token_rows rows;

    assert_int_equal(hm_tokens_list(s, &fixture_page, &f->arena, &rows, err), HM_OK);
    assert_int_equal(rows.count, 3);
    assert_string_equal(rows.at[0].id, "j2");
    return HM_OK;
}

static void test_old_join_tokens_go(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, put_spent_tokens, NULL);
    fixture_read(f, look_for_tokens, f);
}

/* ---- events ------------------------------------------------------------------------------- */

static enum hm_status append_three(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        const struct hm_event event = {.at_ms = 1000 + i,
                                       .kind = "host_silent",
                                       .host_id = FIXTURE_ID_1,
                                       .host_name = "mail01",
                                       .actor = "collector"};

        assert_int_equal(hm_events_append(s, &event, err), HM_OK);
    }
    return HM_OK;
}

static enum hm_status append_and_fail(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)append_three(s, arg, err);
    return hm_fail(err, HM_EINVAL, "changed my mind");
}

static enum hm_status list_events(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_page page = fixture_page;
    struct hm_events events;

    assert_int_equal(hm_events_list(s, &page, false, &f->arena, &events, err), HM_OK);
    assert_int_equal(events.count, 6); /* the failed ones left no gap */
    for (size_t i = 0; i < events.count; i++) {
        assert_int_equal(events.at[i].id, (int64_t)i + 1);
    }
    page.after = "4";
    assert_int_equal(hm_events_list(s, &page, true, &f->arena, &events, err), HM_OK);
    assert_int_equal(events.count, 3);
    assert_int_equal(events.at[0].id, 3);
    page.has_at = true;
    assert_int_equal(hm_events_list(s, &page, true, &f->arena, &events, err), HM_EINVAL);
    return hm_events_verify(s, err);
}

static void test_events(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, append_three, NULL);
    assert_int_equal(hm_store_write(f->store, append_and_fail, NULL, NULL), HM_EINVAL);
    fixture_reopen(f);
    fixture_write(f, append_three, NULL);
    fixture_read(f, list_events, f);
}

/* ---- jobs --------------------------------------------------------------------------------- */

static enum hm_status insert_one(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_documents_put(s, arg, "inventory", "{}", 2, 1, err);
}

static enum hm_status insert_one_and_fail(struct hm_session *s, void *arg, struct hm_err *err)
{
    enum hm_status st = insert_one(s, arg, err);

    return st == HM_OK ? hm_fail_code(err, HM_ECONFLICT, "mine", "not this one") : st;
}

static enum hm_status check_jobs(struct hm_session *s, void *arg, struct hm_err *err)
{
    bool has = false;

    (void)arg;
    assert_int_equal(hm_documents_has(s, "good", &has, err), HM_OK);
    assert_true(has);
    assert_int_equal(hm_documents_has(s, "bad", &has, err), HM_OK);
    assert_false(has);
    return HM_OK;
}

static void test_failed_job_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct hm_store_stats stats;
    struct hm_err err = {0};

    fixture_write(f, insert_one, "good");
    assert_int_equal(hm_store_write(f->store, insert_one_and_fail, "bad", &err), HM_ECONFLICT);
    assert_string_equal(hm_err_code(&err), "mine");
    fixture_read(f, check_jobs, NULL);
    hm_store_stats(f->store, &stats);
    assert_int_equal(stats.jobs, 1);
    assert_int_equal(stats.waiting, 0);
}

/* A disk of limited size: SQLite says SQLITE_FULL when the limit on pages is met. */
static enum hm_status limit_pages(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_session_exec(s, arg, NULL, 0, err);
}

static enum hm_status insert_much(struct hm_session *s, void *arg, struct hm_err *err)
{
    static const char much[1024 * 1024];
    enum hm_status st = hm_documents_put(s, "much", "inventory", much, sizeof(much), 1, err);

    (void)arg;
    return st;
}

static enum hm_status check_disk(struct hm_session *s, void *arg, struct hm_err *err)
{
    bool has = true;

    assert_int_equal(hm_documents_has(s, "much", &has, err), HM_OK);
    assert_false(has);
    return check_jobs(s, arg, err);
}

static void test_disk_full(void **state)
{
    static char small[] = "PRAGMA max_page_count = 100";
    static char large[] = "PRAGMA max_page_count = 100000";
    struct fixture *f = *state;
    struct hm_err err = {0};

    fixture_write(f, limit_pages, small);
    assert_int_equal(hm_store_write(f->store, insert_much, NULL, &err), HM_EIO);
    assert_non_null(strstr(err.text, "disk is full"));
    fixture_write(f, insert_one, "good"); /* the server goes on */
    fixture_read(f, check_disk, NULL);
    fixture_write(f, limit_pages, large);
    fixture_write(f, insert_much, NULL);
}

/* ---- the queue ---------------------------------------------------------------------------- */

struct gate {
    pthread_mutex_t lock;
    unsigned done[3]; /* order in which the jobs were done */
    unsigned count;
};

struct gated {
    struct hm_job job; /* first */
    struct gate *gate;
    unsigned number;
};

static enum hm_status wait_at_gate(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct gated *gated = arg;

    (void)s;
    (void)err;
    (void)pthread_mutex_lock(&gated->gate->lock);
    (void)pthread_mutex_unlock(&gated->gate->lock);
    return HM_OK;
}

static void note_done(struct hm_job *job, enum hm_status st, const struct hm_err *err)
{
    struct gated *gated = (struct gated *)job;

    (void)err;
    assert_int_equal(st, HM_OK);
    gated->gate->done[gated->gate->count++] = gated->number;
}

static void test_full_queue_is_busy(void **state)
{
    const struct hm_store_options options = {.uri = "sqlite::memory:", .queue_bytes_max = 100};
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct gated jobs[4];
    struct hm_store *store = NULL;
    struct hm_store_stats stats;
    struct hm_err err = {0};

    (void)state;
    assert_int_equal(hm_store_open(&options, &store, NULL), HM_OK);
    for (unsigned i = 0; i < 4; i++) {
        jobs[i] = (struct gated){
            .job = {.run = wait_at_gate, .done = note_done, .bytes = 60},
            .gate = &gate,
            .number = i
        };
    }
    (void)pthread_mutex_lock(&gate.lock);
    assert_int_equal(hm_store_submit(store, &jobs[0].job, NULL), HM_OK);
    do { /* until the writer stands at the gate */
        (void)hm_os_sleep_ms(1);
        hm_store_stats(store, &stats);
    } while (stats.waiting > 0);
    assert_int_equal(hm_store_submit(store, &jobs[1].job, NULL), HM_OK);
    assert_int_equal(hm_store_submit(store, &jobs[2].job, &err), HM_EBUSY);
    assert_string_equal(hm_err_code(&err), "queue_full");
    (void)pthread_mutex_unlock(&gate.lock);
    hm_store_flush(store);
    assert_int_equal(hm_store_submit(store, &jobs[3].job, NULL), HM_OK);
    hm_store_close(store); /* writes what waits */
    assert_int_equal(gate.count, 3);
    assert_int_equal(gate.done[0], 0);
    assert_int_equal(gate.done[1], 1);
    assert_int_equal(gate.done[2], 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_EACH_STORE(test_hosts),        FOR_EACH_STORE(test_host_history),
        FOR_EACH_STORE(test_host_removed), FOR_EACH_STORE(test_documents),
        FOR_EACH_STORE(test_tokens),       FOR_EACH_STORE(test_old_join_tokens_go),
        FOR_EACH_STORE(test_events),       FOR_EACH_STORE(test_failed_job_leaves_nothing),
        FOR_EACH_STORE(test_disk_full),    cmocka_unit_test(test_full_queue_is_busy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
