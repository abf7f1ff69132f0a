/* tests/unit/agent/test_spool.c — what an agent still knows after a restart or a crash.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "tests/support/temp_folder.h"

#define DIGEST_A "blake2b-256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "blake2b-256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct fixture {
    char folder[64];
    struct hm_arena arena;
    struct hm_spool *spool;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    hm_arena_init(&fixture->arena, 16u << 20);
    *state = fixture;
    return hm_spool_open(fixture->folder, &fixture->spool, NULL) == HM_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    hm_spool_close(fixture->spool);
    temp_folder_remove(fixture->folder);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static void reopen(struct fixture *fixture)
{
    hm_spool_close(fixture->spool);
    fixture->spool = NULL;
    assert_int_equal(hm_spool_open(fixture->folder, &fixture->spool, NULL), HM_OK);
}

static char *read_file(struct fixture *fixture, const char *name)
{
    char *text = NULL;
    size_t len;

    assert_int_equal(
        hm_os_read_file(hm_arena_printf(&fixture->arena, "%s/%s", fixture->folder, name), 1u << 20,
                        &fixture->arena, &text, &len, NULL),
        HM_OK);
    return text;
}

static void write_file(struct fixture *fixture, const char *name, const char *text)
{
    assert_int_equal(
        hm_os_replace_file(hm_arena_printf(&fixture->arena, "%s/%s", fixture->folder, name), text,
                           strlen(text), true, NULL),
        HM_OK);
}

static void put(struct fixture *fixture, enum hm_spool_document document, const char *text)
{
    assert_int_equal(hm_spool_put(fixture->spool, document, text, strlen(text), "", 1000, NULL),
                     HM_OK);
}

static void assert_document(struct fixture *fixture, enum hm_spool_document document,
                            const char *want)
{
    char *text = NULL;
    size_t len;
    enum hm_status st = hm_spool_get(fixture->spool, document, &fixture->arena, &text, &len, NULL);

    if (want == NULL) {
        assert_int_equal(st, HM_ENOENT);
    } else {
        assert_int_equal(st, HM_OK);
        assert_string_equal(text, want);
    }
}

static uint64_t next_seq(struct fixture *fixture)
{
    uint64_t seq = 0;

    assert_int_equal(hm_spool_next_seq(fixture->spool, &seq, NULL), HM_OK);
    return seq;
}

static void test_documents_survive_a_restart(void **state)
{
    struct fixture *fixture = *state;

    assert_document(fixture, HM_SPOOL_INVENTORY, NULL);
    put(fixture, HM_SPOOL_INVENTORY, "{\"a\":1}");
    assert_int_equal(hm_spool_put(fixture->spool, HM_SPOOL_DESIRED, "{}", 2, "\"e\"", 5, NULL),
                     HM_OK);
    assert_int_equal(hm_spool_acknowledge(fixture->spool, DIGEST_A, DIGEST_B, DIGEST_A, NULL),
                     HM_OK);
    reopen(fixture);
    assert_document(fixture, HM_SPOOL_INVENTORY, "{\"a\":1}");
    assert_document(fixture, HM_SPOOL_DESIRED, "{}");
    assert_document(fixture, HM_SPOOL_FINDINGS, NULL);
    assert_string_equal(hm_spool_etag(fixture->spool), "\"e\"");
    assert_int_equal(hm_spool_changed_ms(fixture->spool, HM_SPOOL_INVENTORY), 1000);
    assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_INVENTORY), DIGEST_A);
    assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_FINDINGS), DIGEST_B);
    assert_int_equal(hm_spool_acknowledge(fixture->spool, NULL, "", NULL, NULL), HM_OK);
    assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_INVENTORY), DIGEST_A);
    assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_FINDINGS), "");
}

static void test_catalogue_has_a_tag_of_its_own(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(hm_spool_catalogue_tag(fixture->spool), "");
    assert_int_equal(hm_spool_put(fixture->spool, HM_SPOOL_CATALOGUE, "{}", 2, "tag-1", 5, NULL),
                     HM_OK);
    assert_int_equal(hm_spool_put(fixture->spool, HM_SPOOL_DESIRED, "{}", 2, "\"e\"", 5, NULL),
                     HM_OK);
    put(fixture, HM_SPOOL_OUTCOME, "{\"o\":1}");
    assert_int_equal(hm_spool_acknowledge(fixture->spool, NULL, NULL, DIGEST_B, NULL), HM_OK);
    reopen(fixture);
    assert_string_equal(hm_spool_catalogue_tag(fixture->spool), "tag-1");
    assert_string_equal(hm_spool_etag(fixture->spool), "\"e\"");
    assert_document(fixture, HM_SPOOL_OUTCOME, "{\"o\":1}");
    assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_OUTCOME), DIGEST_B);
    hm_spool_forget(fixture->spool, HM_SPOOL_CATALOGUE);
    assert_string_equal(hm_spool_catalogue_tag(fixture->spool), "");
    assert_string_equal(hm_spool_etag(fixture->spool), "\"e\"");
}

/* As version 0.1 wrote it: without outcome and catalogue. */
static void test_state_of_an_older_version(void **state)
{
    static const char old[] =
        "{\"boot_id\":\"boot-7\",\"seq_reserved\":1001,\"etag\":\"\\\"e\\\"\","
        "\"inventory\":{\"acknowledged\":\"" DIGEST_A "\"},\"findings\":{},\"desired\":{},"
        "\"previous_boot\":{}}";
    struct fixture *fixture = *state;

    hm_spool_close(fixture->spool);
    write_file(fixture, "state.json", old);
    assert_int_equal(hm_spool_open(fixture->folder, &fixture->spool, NULL), HM_OK);
    assert_string_equal(hm_spool_boot_id(fixture->spool), "boot-7");
    assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_INVENTORY), DIGEST_A);
    assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_OUTCOME), "");
    assert_string_equal(hm_spool_catalogue_tag(fixture->spool), "");
    assert_document(fixture, HM_SPOOL_CATALOGUE, NULL);
}

static void test_tampered_document_counts_as_missing(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, HM_SPOOL_INVENTORY, "{\"a\":1}");
    write_file(fixture, "inventory.json", "{\"a\":2}");
    assert_document(fixture, HM_SPOOL_INVENTORY, NULL);
    assert_int_equal(hm_spool_put(fixture->spool, HM_SPOOL_DESIRED, "{}", 2, "\"e\"", 5, NULL),
                     HM_OK);
    hm_spool_forget(fixture->spool, HM_SPOOL_DESIRED);
    assert_string_equal(hm_spool_etag(fixture->spool), "");
    assert_document(fixture, HM_SPOOL_DESIRED, NULL);
}

static void test_idle_agent_writes_nothing(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(hm_spool_begin_boot(fixture->spool, "boot-1", NULL), HM_OK);
    (void)next_seq(fixture);
    put(fixture, HM_SPOOL_INVENTORY, "{}");
    assert_int_equal(hm_spool_acknowledge(fixture->spool, DIGEST_A, NULL, NULL, NULL), HM_OK);
    write_file(fixture, "state.json", "untouched"); /* a write would undo this */
    for (int i = 0; i < HM_SPOOL_SEQ_BLOCK - 1; i++) {
        assert_int_equal(hm_spool_begin_boot(fixture->spool, "boot-1", NULL), HM_OK);
        put(fixture, HM_SPOOL_INVENTORY, "{}");
        (void)next_seq(fixture);
        assert_int_equal(hm_spool_acknowledge(fixture->spool, DIGEST_A, NULL, NULL, NULL), HM_OK);
    }
    assert_string_equal(read_file(fixture, "state.json"), "untouched");
    (void)next_seq(fixture);
    assert_string_not_equal(read_file(fixture, "state.json"), "untouched");
}

static void test_numbers_are_never_used_twice(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last = 0;
    char *crashed;

    assert_int_equal(hm_spool_begin_boot(fixture->spool, "boot-1", NULL), HM_OK);
    for (int i = 0; i < 2500; i++) {
        uint64_t seq = next_seq(fixture);

        assert_int_equal(seq, last + 1);
        last = seq;
    }
    /* A crash: what stood on disk at this moment is what is found again. */
    crashed = read_file(fixture, "state.json");
    hm_spool_close(fixture->spool);
    write_file(fixture, "state.json", crashed);
    assert_int_equal(hm_spool_open(fixture->folder, &fixture->spool, NULL), HM_OK);
    assert_true(next_seq(fixture) > last);
    last = next_seq(fixture);
    /* An orderly stop wastes none. */
    reopen(fixture);
    assert_int_equal(next_seq(fixture), last + 1);
    assert_int_equal(hm_spool_begin_boot(fixture->spool, "boot-2", NULL), HM_OK);
    assert_int_equal(next_seq(fixture), 1);
}

static void test_new_boot_keeps_the_last_inventory(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(hm_spool_begin_boot(fixture->spool, "boot-1", NULL), HM_OK);
    assert_document(fixture, HM_SPOOL_PREVIOUS_BOOT, NULL);
    put(fixture, HM_SPOOL_INVENTORY, "{\"boot\":1}");
    reopen(fixture);
    assert_int_equal(hm_spool_begin_boot(fixture->spool, "boot-1", NULL), HM_OK);
    assert_document(fixture, HM_SPOOL_PREVIOUS_BOOT, NULL);
    assert_int_equal(hm_spool_begin_boot(fixture->spool, "boot-2", NULL), HM_OK);
    put(fixture, HM_SPOOL_INVENTORY, "{\"boot\":2}");
    assert_document(fixture, HM_SPOOL_PREVIOUS_BOOT, "{\"boot\":1}");
    assert_string_equal(hm_spool_boot_id(fixture->spool), "boot-2");
    reopen(fixture);
    assert_document(fixture, HM_SPOOL_PREVIOUS_BOOT, "{\"boot\":1}");
}

static void test_broken_state_is_set_aside(void **state)
{
    static const char *const rows[] = {"", "{", "null", "{\"seq_reserved\":-1}", "\xff\xfe"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        put(fixture, HM_SPOOL_INVENTORY, "{}");
        hm_spool_close(fixture->spool);
        write_file(fixture, "state.json", rows[i]);
        assert_int_equal(hm_spool_open(fixture->folder, &fixture->spool, NULL), HM_OK);
        assert_string_equal(read_file(fixture, "state.json.broken"), rows[i]);
        assert_document(fixture, HM_SPOOL_INVENTORY, NULL);
    }
}

static void test_folder_that_cannot_be_written(void **state)
{
    struct fixture *fixture = *state;
    struct hm_spool *spool = NULL;
    struct hm_err err;

    write_file(fixture, "file", "");
    assert_int_not_equal(
        hm_spool_open(hm_arena_printf(&fixture->arena, "%s/file/state", fixture->folder), &spool,
                      &err),
        HM_OK);
    assert_non_null(strstr(err.text, "state_dir"));
    assert_null(spool);
}

#ifndef _WIN32 /* there an access list says so, and Wine keeps none */
static void test_files_are_private(void **state)
{
    static const char *const names[] = {"state.json", "inventory.json"};
    struct fixture *fixture = *state;

    put(fixture, HM_SPOOL_INVENTORY, "{}");
    for (size_t i = 0; i < HM_COUNT(names); i++) {
        struct stat info;

        assert_int_equal(
            stat(hm_arena_printf(&fixture->arena, "%s/%s", fixture->folder, names[i]), &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
}
#endif

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK ? 0 : -1;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_documents_survive_a_restart),
        CASE(test_catalogue_has_a_tag_of_its_own),
        CASE(test_state_of_an_older_version),
        CASE(test_tampered_document_counts_as_missing),
        CASE(test_idle_agent_writes_nothing),
        CASE(test_numbers_are_never_used_twice),
        CASE(test_new_boot_keeps_the_last_inventory),
        CASE(test_broken_state_is_set_aside),
        CASE(test_folder_that_cannot_be_written),
#ifndef _WIN32
        CASE(test_files_are_private),
#endif
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
