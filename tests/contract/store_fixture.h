/* tests/contract/store_fixture.h — an empty store of each driver, and rows to put in.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/store/entities.h"

struct fixture {
    char path[256]; /* "" in memory */
    char uri[300];
    struct hm_store *store;
    struct hm_arena arena;
};

/* cmocka set-up functions; *state is the struct fixture. */
int fixture_memory(void **state);
int fixture_file(void **state);
int fixture_end(void **state);

/* Closes and opens again; memory stores stay open. */
void fixture_reopen(struct fixture *f);

void fixture_write(struct fixture *f, hm_session_fn *fn, void *arg);
void fixture_read(struct fixture *f, hm_session_fn *fn, void *arg);

/* An agent and its host. Inside a write. */
enum hm_status fixture_put_host(struct hm_session *s, const char *id, const char *name,
                                int64_t now_ms, struct hm_err *err);

extern const struct hm_page fixture_page; /* everything, at most 100 rows */

#define FIXTURE_ID_1 "01aaaaaaaaaaaaaaaaaaaaaaaa"
#define FIXTURE_ID_2 "01bbbbbbbbbbbbbbbbbbbbbbbb"

/* The same test for each driver. */
#define FOR_EACH_STORE(test)                                                                       \
    {#test " (memory)", test, fixture_memory, fixture_end, NULL},                                  \
    {                                                                                              \
#test " (file)", test, fixture_file, fixture_end, NULL                                     \
    }
