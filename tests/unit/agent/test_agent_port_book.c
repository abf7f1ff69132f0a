/* tests/unit/agent/test_agent_port_book.c — the port book on disk: kept, damaged, not writable.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/port_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "tests/support/temp_folder.h"

#define BOOK                                                                                       \
    "{\"boot_id\":\"one\",\"boot\":1,\"rows\":["                                                   \
    "{\"entry\":{\"protocol\":\"udp\",\"port\":9,\"program\":\"z\",\"boots\":1},\"last_boot\":"    \
    "1},"                                                                                          \
    "{\"entry\":{\"protocol\":\"tcp\",\"port\":50000,\"program\":\"app\",\"service\":\"app\","     \
    "\"boots\":3},\"last_boot\":1}]}"

struct fixture {
    char folder[64];
    char path[128];
    struct hm_arena arena;
    struct hm_agent_port_book *book;
    struct hm_listener listener;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/portbook.json", fixture->folder);
    hm_arena_init(&fixture->arena, 16u << 20);
    fixture->listener = (struct hm_listener){
        .protocol = HM_TCP, .address = "", .port = 50000, .program = "app", .service = "app"};
    *state = fixture;
    return hm_agent_port_book_open(fixture->folder, &fixture->book, NULL) == HM_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    hm_agent_port_book_close(fixture->book);
    temp_folder_remove(fixture->folder);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static void reopen(struct fixture *fixture)
{
    hm_agent_port_book_close(fixture->book);
    fixture->book = NULL;
    assert_int_equal(hm_agent_port_book_open(fixture->folder, &fixture->book, NULL), HM_OK);
}

/* Boots of the only entry after one more observation; 0 = the book is empty. */
static uint32_t look(struct fixture *fixture, const char *boot_id)
{
    struct hm_inventory inventory = {
        .has_listeners = true, .listeners = {&fixture->listener, 1}
    };

    assert_int_equal(
        hm_agent_port_book_note(fixture->book, boot_id, &fixture->arena, &inventory, NULL), HM_OK);
    assert_true(inventory.has_port_book);
    if (inventory.port_book.count == 0) {
        return 0;
    }
    assert_string_equal(inventory.port_book.at[0].program, "app");
    return inventory.port_book.at[0].boots;
}

static void test_kept(void **state)
{
    struct fixture *fixture = *state;
    struct hm_port_book read;

    assert_int_equal(hm_agent_port_book_read(fixture->folder, &fixture->arena, &read, NULL),
                     HM_ENOENT);
    assert_int_equal(look(fixture, "one"), 0);
    reopen(fixture); /* between the two observations that make it count */
    assert_int_equal(look(fixture, "one"), 1);
    reopen(fixture);
    assert_int_equal(look(fixture, "two"), 1);
    assert_int_equal(look(fixture, "two"), 2);
    assert_int_equal(hm_agent_port_book_read(fixture->folder, &fixture->arena, &read, NULL), HM_OK);
    assert_int_equal(read.count, 1);
    assert_int_equal(read.at[0].boots, 2);
}

/* Damaged, or gone: what must not be excluded is known all the same. */
static void test_copy(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"", "{\"rows\":7}", NULL};
    char broken[160];

    (void)snprintf(broken, sizeof(broken), "%s.broken", fixture->path);
    (void)look(fixture, "one");
    assert_int_equal(look(fixture, "one"), 1);
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        if (texts[i] != NULL) {
            assert_int_equal(
                hm_os_replace_file(fixture->path, texts[i], strlen(texts[i]), true, NULL), HM_OK);
        } else {
            assert_int_equal(hm_os_remove_file(fixture->path, NULL), HM_OK);
        }
        reopen(fixture);
        assert_true(hm_os_exists(broken));
        assert_int_equal(look(fixture, "one"), 1);
    }
    (void)look(fixture, "two"); /* both are written again */
    assert_int_equal(look(fixture, "two"), 2);
    assert_true(hm_os_exists(fixture->path));
}

/* A book that cannot be read is not taken for an empty one, and not overwritten. */
static void test_not_readable(void **state)
{
    struct fixture *fixture = *state;
    struct hm_inventory inventory = {
        .has_listeners = true, .listeners = {&fixture->listener, 1}
    };
    struct hm_err err = {.text = ""};

    hm_agent_port_book_close(fixture->book);
    assert_int_equal(hm_os_make_folder(fixture->path, 0700, NULL), HM_OK); /* stands for a lock */
    assert_int_equal(hm_agent_port_book_open(fixture->folder, &fixture->book, NULL), HM_OK);
    assert_int_not_equal(hm_agent_port_book_check(fixture->book, &err), HM_OK);
    assert_non_null(strstr(err.text, "portbook.json"));
    assert_int_equal(
        hm_agent_port_book_note(fixture->book, "one", &fixture->arena, &inventory, NULL), HM_OK);
    assert_false(inventory.has_port_book);

    assert_int_equal(hm_os_remove_folder(fixture->path, NULL), HM_OK);
    assert_int_equal(hm_os_replace_file(fixture->path, BOOK, strlen(BOOK), true, NULL), HM_OK);
    assert_int_equal(hm_agent_port_book_check(fixture->book, &err), HM_OK);
    assert_int_equal(look(fixture, "one"), 3);
}

/* Book and copy damaged: that costs the memory and nothing else; what was there is kept for a
 * person. */
static void test_damaged(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"", "{", "{\"rows\":7}", "\xff\xfe", "[]"};
    struct hm_port_book read;
    char broken[160];
    char copy[160];

    (void)snprintf(broken, sizeof(broken), "%s.broken", fixture->path);
    (void)snprintf(copy, sizeof(copy), "%s.copy", fixture->path);
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        assert_int_equal(hm_os_replace_file(fixture->path, texts[i], strlen(texts[i]), true, NULL),
                         HM_OK);
        assert_int_equal(hm_os_replace_file(copy, texts[i], strlen(texts[i]), true, NULL), HM_OK);
        assert_int_equal(hm_agent_port_book_read(fixture->folder, &fixture->arena, &read, NULL),
                         HM_EINVAL);
        reopen(fixture);
        assert_true(hm_os_exists(broken));
        assert_int_equal(look(fixture, "one"), 0);
        assert_int_equal(look(fixture, "one"), 1);
        reopen(fixture);
        assert_int_equal(look(fixture, "one"), 1);
    }
}

/* Rows in another order than ours: somebody edited the file. */
static void test_disorder(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(hm_os_replace_file(fixture->path, BOOK, strlen(BOOK), true, NULL), HM_OK);
    reopen(fixture);
    assert_int_equal(look(fixture, "one"), 3);
}

/* What cannot be saved works in memory. */
static void test_not_writable(void **state)
{
    struct fixture *fixture = *state;
    char folder[160];

    hm_agent_port_book_close(fixture->book);
    (void)snprintf(folder, sizeof(folder), "%s/absent", fixture->folder);
    assert_int_equal(hm_agent_port_book_open(folder, &fixture->book, NULL), HM_OK);
    assert_int_equal(look(fixture, "one"), 0);
    assert_int_equal(look(fixture, "one"), 1);
    assert_int_equal(look(fixture, "two"), 1);
    assert_int_equal(look(fixture, "two"), 2);
}

/* What hm-agent forget does. */
static void test_forget(void **state)
{
    struct fixture *fixture = *state;
    struct hm_range range = {50000, 50000};
    const struct hm_ports ports = {&range, 1};
    struct hm_port_book forgotten;

    assert_int_equal(
        hm_agent_port_book_forget(fixture->folder, ports, &fixture->arena, &forgotten, NULL),
        HM_OK); /* no book yet */
    assert_int_equal(forgotten.count, 0);
    (void)look(fixture, "one");
    assert_int_equal(look(fixture, "one"), 1);
    assert_int_equal(
        hm_agent_port_book_forget(fixture->folder, ports, &fixture->arena, &forgotten, NULL),
        HM_OK);
    assert_int_equal(forgotten.count, 1);
    assert_int_equal(forgotten.at[0].port, 50000);
    reopen(fixture);
    assert_int_equal(look(fixture, "one"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_readable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disorder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_writable, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
