/* tests/contract/store_fixture.c — an empty store of each driver, and rows to put in.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/limits.h"

const struct hm_page fixture_page = {.where = {.sql = ""}, .after = "", .limit = 100};

static void open_store(struct fixture *f)
{
    const struct hm_store_options options = {.uri = f->uri, .readers = 2};
    struct hm_err err = {0};

    if (hm_store_open(&options, &f->store, &err) != HM_OK) {
        fail_msg("%s", err.text);
    }
}

static int begin(void **state, const char *path)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(hm_crypto_init(NULL), HM_OK);
    (void)snprintf(f->path, sizeof(f->path), "%s", path);
    (void)snprintf(f->uri, sizeof(f->uri), "sqlite:%s", path[0] != '\0' ? path : ":memory:");
    hm_arena_init(&f->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    open_store(f);
    *state = f;
    return 0;
}

int fixture_memory(void **state)
{
    return begin(state, "");
}

int fixture_file(void **state)
{
    char folder[] = "/tmp/hm_store_XXXXXX";
    char path[64];

    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/collector.db", folder);
    return begin(state, path);
}

int fixture_end(void **state)
{
    struct fixture *f = *state;

    hm_store_close(f->store);
    if (f->path[0] != '\0') {
        static const char *const ends[] = {"", "-wal", "-shm"};
        char path[300];

        for (size_t i = 0; i < HM_COUNT(ends); i++) {
            (void)snprintf(path, sizeof(path), "%s%s", f->path, ends[i]);
            (void)remove(path);
        }
        *strrchr(f->path, '/') = '\0';
        (void)rmdir(f->path);
    }
    hm_arena_fini(&f->arena);
    free(f);
    return 0;
}

void fixture_reopen(struct fixture *f)
{
    if (f->path[0] != '\0') {
        hm_store_close(f->store);
        open_store(f);
    }
}

void fixture_write(struct fixture *f, hm_session_fn *fn, void *arg)
{
    struct hm_err err = {0};

    if (hm_store_write(f->store, fn, arg, &err) != HM_OK) {
        fail_msg("%s", err.text);
    }
}

void fixture_read(struct fixture *f, hm_session_fn *fn, void *arg)
{
    struct hm_err err = {0};

    if (hm_store_read(f->store, fn, arg, &err) != HM_OK) {
        fail_msg("%s", err.text);
    }
}

enum hm_status fixture_put_host(struct hm_session *s, const char *id, const char *name,
                                int64_t now_ms, struct hm_err *err)
{
    const char *labels[] = {"site=paris", "tier=1"};
    const struct hm_agent_row agent = {
        .id = id, .secret_hash = {7}, .join_token_id = "", .created_ms = now_ms};
    const struct hm_host_row host = {
        .id = id,
        .name = name,
        .labels = {labels, HM_COUNT(labels)},
        .os_family = "windows",
        .os_name = "Windows Server 2019 Standard",
        .os_version = "10.0.17763",
        .agent_version = "0.1.0",
        .first_seen_ms = now_ms,
        .last_seen_ms = now_ms,
        .boot_id = "boot-1",
        .seq = 1,
        .inventory_digest = "",
        .findings_digest = "",
        .outcome_digest = "",
        .sample_json = "",
    };
    enum hm_status st = hm_agents_put(s, &agent, err);

    return st == HM_OK ? hm_hosts_put(s, &host, now_ms, err) : st;
}
