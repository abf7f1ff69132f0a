/* tests/unit/server/test_rollout_threads.c — answers, reports and activations all at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include "server/fleet/fleet.h"
#include "server/rollout/rollout.h"
#include "tests/support/rollout_double.h"

#define HOSTS 40
#define THREADS 4
#define REVISIONS 12

static const char everybody[] = "{\"hosts\":[\"*\"]}";

struct worker {
    struct rollout_double *f;
    atomic_bool *stop;
    unsigned number;
    unsigned asked;
    bool wrong;
};

static void host_name(unsigned number, char out[HM_ID_TEXT_BYTES])
{
    (void)snprintf(out, HM_ID_TEXT_BYTES, "h%03u", number % HOSTS);
}

/* As check-ins and held requests do, with the writer's callbacks in between. */
static void *ask(void *arg)
{
    struct worker *worker = arg;
    struct hm_rollout *rollout = worker->f->collector.app.rollout;
    struct hm_outcome row = {.policy = "exchange", .revision = 1};
    const struct hm_outcomes outcomes = {&row, 1};

    while (!atomic_load(worker->stop)) {
        struct hm_desired_answer answer;
        char etag[HM_DIGEST_TEXT_BYTES + 2];
        char id[HM_ID_TEXT_BYTES];

        host_name(worker->number + worker->asked++, id);
        hm_rollout_etag(rollout, id, etag);
        if (hm_rollout_desired(rollout, id, NULL, &answer, NULL) != HM_OK) {
            worker->wrong = true;
            break;
        }
        worker->wrong |= etag[0] != '"' || answer.body[answer.len - 1] != '}';
        hm_desired_release(&answer);
        hm_rollout_host_changed(rollout, id, worker->asked % 3);
        hm_rollout_host_reported(rollout, id, &outcomes);
        hm_fleet_pace(worker->f->collector.app.fleet, (int64_t)worker->asked * 100);
    }
    return NULL;
}

static void test_all_at_once(void **state)
{
    static struct rollout_double f;
    atomic_bool stop = false;
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    char id[HM_ID_TEXT_BYTES];
    char first[HM_DIGEST_TEXT_BYTES + 2];

    (void)state;
    rollout_double_open(&f);
    for (unsigned i = 0; i < HOSTS; i++) {
        const struct rollout_host host = {id, i % 2 == 0 ? "site=paris" : NULL, "windows", "DNS"};

        host_name(i, id);
        rollout_double_add(&f, &host);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.f = &f, .stop = &stop, .number = i * 10};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &workers[i]), 0);
    }
    for (unsigned revision = 1; revision <= REVISIONS; revision++) {
        if (revision > 1) {
            rollout_double_turn(&f, "exchange", revision - 1, HM_REVISION_SUPERSEDED);
        }
        rollout_double_put(&f, "exchange", revision, HM_REVISION_ACTIVE, everybody);
        hm_rollout_refresh(f.collector.app.rollout);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(workers[i].wrong);
    }
    rollout_double_refresh(&f);
    /* Whatever came in between, all end with the newest: two sets, by their labels. */
    hm_rollout_etag(f.collector.app.rollout, "h000", first);
    for (unsigned i = 0; i < HOSTS; i++) {
        struct hm_desired_answer answer;

        host_name(i, id);
        assert_int_equal(hm_rollout_desired(f.collector.app.rollout, id, NULL, &answer, NULL),
                         HM_OK);
        assert_int_equal(strcmp(answer.etag, first) == 0, i % 2 == 0);
        assert_non_null(strstr(answer.body, "\"policies\":[{"));
        hm_desired_release(&answer);
    }
    rollout_double_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_at_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
