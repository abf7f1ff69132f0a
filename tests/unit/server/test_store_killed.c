/* tests/unit/server/test_store_killed.c — SIGKILL at any moment: what was acknowledged is there.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A child writes jobs and tells each number over a pipe from the job's done; the parent kills it
 * at random moments and opens the database. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/store/entities.h"

#define ROUNDS 12
#define IN_FLIGHT 64

struct numbered {
    struct hm_job job; /* first */
    int64_t number;
    int pipe;
};

static enum hm_status write_number(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct numbered *numbered = arg;
    const struct hm_event event = {.at_ms = numbered->number, .kind = "number"};
    char digest[32];
    enum hm_status st;

    (void)snprintf(digest, sizeof(digest), "%lld", (long long)numbered->number);
    st = hm_documents_put(s, digest, "inventory", digest, strlen(digest), 1, err);
    return st == HM_OK ? hm_events_append(s, &event, err) : st;
}

static void tell(struct hm_job *job, enum hm_status st, const struct hm_err *err)
{
    struct numbered *numbered = (struct numbered *)job;

    (void)err;
    if (st == HM_OK && write(numbered->pipe, &numbered->number, sizeof(numbered->number)) < 0) {
        _exit(3);
    }
    free(numbered);
}

/* The child: writes until it is killed. */
static void write_for_ever(const char *uri, int64_t number, int pipe)
{
    const struct hm_store_options options = {.uri = uri, .readers = 1};
    struct hm_store *store;

    if (hm_crypto_init(NULL) != HM_OK || hm_store_open(&options, &store, NULL) != HM_OK) {
        _exit(2);
    }
    for (;; number++) {
        struct numbered *numbered = calloc(1, sizeof(*numbered));

        if (numbered == NULL) {
            _exit(2);
        }
        numbered->job = (struct hm_job){.run = write_number, .done = tell, .bytes = 1};
        numbered->number = number;
        numbered->pipe = pipe;
        if (hm_store_submit(store, &numbered->job, NULL) != HM_OK) {
            _exit(2);
        }
        if (number % IN_FLIGHT == 0) {
            hm_store_flush(store);
        }
    }
}

static enum hm_status look_for(struct hm_session *s, void *arg, struct hm_err *err)
{
    const int64_t *last = arg;

    for (int64_t number = 1; number <= *last; number++) {
        char digest[32];
        bool has = false;

        (void)snprintf(digest, sizeof(digest), "%lld", (long long)number);
        assert_int_equal(hm_documents_has(s, digest, &has, err), HM_OK);
        assert_true(has);
    }
    return hm_events_verify(s, err);
}

/* One life of the child; returns the last number that it acknowledged. */
static int64_t live_and_die(const char *uri, int64_t last, unsigned life_ms)
{
    const struct timespec life = {.tv_sec = life_ms / 1000,
                                  .tv_nsec = (long)(life_ms % 1000) * 1000000L};
    int64_t number;
    int ends[2];
    int status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        (void)close(ends[0]);
        write_for_ever(uri, last + 1, ends[1]);
    }
    (void)close(ends[1]);
    if (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) { /* it lives */
        last = number;
    }
    (void)nanosleep(&life, NULL);
    (void)kill(child, SIGKILL);
    while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
        last = number;
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return last;
}

struct newest {
    int64_t number;
};

static enum hm_status read_newest(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    (void)err;
    ((struct newest *)arg)->number = hm_row_int(row, 0);
    return HM_OK;
}

/* Also written, though nobody was told. */
static enum hm_status find_newest(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_session_query(s, "SELECT COALESCE(MAX(at_ms), 0) FROM events", NULL, 0, read_newest,
                            arg, NULL, err);
}

static void test_killed_at_any_moment(void **state)
{
    char folder[] = "/tmp/hm_killed_XXXXXX";
    char uri[80];
    char command[100];
    struct hm_store_options options = {.uri = uri, .readers = 1};
    int64_t last = 0;

    (void)state;
    assert_int_equal(hm_crypto_init(NULL), HM_OK);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(uri, sizeof(uri), "sqlite:%s/collector.db", folder);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct newest newest = {0};
        struct hm_store *store = NULL;

        last = live_and_die(uri, last, round * 7 % 40);
        assert_true(last > 0);
        assert_int_equal(hm_store_open(&options, &store, NULL), HM_OK);
        assert_int_equal(hm_store_read(store, look_for, &last, NULL), HM_OK);
        assert_int_equal(hm_store_read(store, find_newest, &newest, NULL), HM_OK);
        hm_store_close(store);
        assert_true(newest.number >= last);
        last = newest.number;
    }
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
