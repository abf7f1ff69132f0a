/* tests/unit/agent/test_agent_port_book.c — the port book on disk: kept, damaged, not writable.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/port_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/digest.h"
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
    struct hm_spool *spool;
    struct hm_port_book_past past;
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
    fixture->past = (struct hm_port_book_past){.has_been = false, .id = ""};
    return hm_crypto_init(NULL) == HM_OK &&
                   hm_spool_open(fixture->folder, &fixture->spool, NULL) == HM_OK &&
                   hm_agent_port_book_open(fixture->folder, &fixture->past, &fixture->book, NULL) ==
                       HM_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    hm_agent_port_book_close(fixture->book);
    hm_spool_close(fixture->spool);
    temp_folder_remove(fixture->folder);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static void reopen(struct fixture *fixture)
{
    hm_agent_port_book_close(fixture->book);
    fixture->book = NULL;
    assert_int_equal(hm_agent_port_book_open(fixture->folder, &fixture->past, &fixture->book, NULL),
                     HM_OK);
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

/* Book and copy. */
static void write_both(struct fixture *fixture, const char *text)
{
    char copy[160];

    (void)snprintf(copy, sizeof(copy), "%s.copy", fixture->path);
    assert_int_equal(hm_os_replace_file(fixture->path, text, strlen(text), true, NULL), HM_OK);
    assert_int_equal(hm_os_replace_file(copy, text, strlen(text), true, NULL), HM_OK);
}

static void remove_both(struct fixture *fixture)
{
    char copy[160];

    (void)snprintf(copy, sizeof(copy), "%s.copy", fixture->path);
    assert_int_equal(hm_os_remove_file(fixture->path, NULL), HM_OK);
    assert_int_equal(hm_os_remove_file(copy, NULL), HM_OK);
}

static void test_kept(void **state)
{
    struct fixture *fixture = *state;
    struct hm_port_hazards hazards;
    struct hm_port_book read;

    assert_int_equal(
        hm_agent_port_book_read(fixture->folder, &fixture->arena, &read, &hazards, NULL),
        HM_ENOENT);
    assert_int_equal(look(fixture, "one"), 0);
    reopen(fixture); /* between the two observations that make it count */
    assert_int_equal(look(fixture, "one"), 1);
    reopen(fixture);
    assert_int_equal(look(fixture, "two"), 1);
    assert_int_equal(look(fixture, "two"), 2);
    assert_int_equal(
        hm_agent_port_book_read(fixture->folder, &fixture->arena, &read, &hazards, NULL), HM_OK);
    assert_int_equal(read.count, 1);
    assert_int_equal(read.at[0].boots, 2);
    assert_int_equal(hazards.count, 0);
}

/* Damaged, or gone: what must not be excluded is known all the same. */
static void test_copy(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"", "{\"rows\":7}", NULL};
    struct hm_port_hazards hazards;
    struct hm_port_book read;
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
        assert_int_equal(
            hm_agent_port_book_read(fixture->folder, &fixture->arena, &read, &hazards, NULL),
            HM_OK);
        reopen(fixture);
        assert_true(hm_os_exists(broken));
        assert_int_equal(look(fixture, "one"), 1);
    }
    (void)look(fixture, "two"); /* both are written again */
    assert_int_equal(look(fixture, "two"), 2);
    assert_true(hm_os_exists(fixture->path));
}

/* Settings that were read are kept, in the copy, too; those of an observation without them stay. */
static void test_hazards(void **state)
{
    struct fixture *fixture = *state;
    struct hm_configured set_up = {.protocol = HM_TCP,
                                   .port = 50443,
                                   .kind = HM_KIND_HTTPSYS,
                                   .by = HM_BY_URL_RESERVATION,
                                   .subject = "http://+:50443/"};
    struct hm_observation seen = {
        .inventory = {.os = {.family = HM_OS_WINDOWS, .version = "10.0.17763"},
                      .has_listeners = true,
                      .has_configured = true,
                      .configured = {&set_up, 1}}
    };
    struct hm_event_count event = {
        .provider = "Microsoft-Windows-HttpEvent", .id = 15005, .count = 1, .about = "[::]:51088"};
    const struct hm_port_hazards *hazards;

    (void)look(fixture, "one");
    assert_int_equal(hm_agent_port_book_note_hazards(fixture->book, &seen, &fixture->arena, NULL),
                     HM_OK);
    assert_int_equal(hm_os_replace_file(fixture->path, "{", 1, true, NULL), HM_OK);
    reopen(fixture);
    (void)look(fixture, "one");
    seen.settings_unread = true;
    seen.inventory.has_configured = false;
    seen.has_events = true;
    seen.events = (struct hm_event_counts){&event, 1};
    assert_int_equal(hm_agent_port_book_note_hazards(fixture->book, &seen, &fixture->arena, NULL),
                     HM_OK);
    reopen(fixture);
    (void)look(fixture, "two");
    hazards = hm_agent_port_book_hazards(fixture->book);
    assert_int_equal(hazards->count, 2);
    assert_int_equal(hazards->at[0].port, 50443);
    assert_string_equal(hazards->at[0].how, "URL reservation http://+:50443/");
    assert_int_equal(hazards->at[1].port, 51088);
    assert_true(hazards->at[1].lasts);
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
    assert_int_equal(hm_agent_port_book_open(fixture->folder, &fixture->past, &fixture->book, NULL),
                     HM_OK);
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

/* Book and copy damaged: the memory is lost, which is not the same as an empty one; what was there
 * is kept for a person. */
static void test_damaged(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"", "{", "{\"rows\":7}", "\xff\xfe", "[]"};
    struct hm_port_hazards hazards;
    struct hm_port_book read;
    char broken[160];
    char broken_copy[170];
    char copy[160];

    (void)snprintf(broken, sizeof(broken), "%s.broken", fixture->path);
    (void)snprintf(broken_copy, sizeof(broken_copy), "%s.copy.broken", fixture->path);
    (void)snprintf(copy, sizeof(copy), "%s.copy", fixture->path);
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        assert_int_equal(hm_os_replace_file(fixture->path, texts[i], strlen(texts[i]), true, NULL),
                         HM_OK);
        assert_int_equal(hm_os_replace_file(copy, texts[i], strlen(texts[i]), true, NULL), HM_OK);
        assert_int_equal(
            hm_agent_port_book_read(fixture->folder, &fixture->arena, &read, &hazards, NULL),
            HM_EINVAL);
        reopen(fixture);
        assert_true(hm_os_exists(broken));
        assert_true(hm_os_exists(broken_copy));
        assert_true(hm_agent_port_book_is_lost(fixture->book));
        assert_int_equal(look(fixture, "one"), 0);
        assert_int_equal(look(fixture, "one"), 1);
        reopen(fixture);
        assert_true(hm_agent_port_book_is_lost(fixture->book));
        assert_int_equal(look(fixture, "one"), 1);
    }
}

/* A first installation has lost nothing; where there was a book, a deleted one is. */
static void test_deleted(void **state)
{
    struct fixture *fixture = *state;

    assert_false(hm_agent_port_book_is_lost(fixture->book));
    assert_false(hm_agent_port_book_is_kept(fixture->book));
    (void)look(fixture, "one");
    assert_true(hm_agent_port_book_is_kept(fixture->book));
    assert_false(hm_agent_port_book_is_lost(fixture->book));
    reopen(fixture);
    assert_true(hm_agent_port_book_is_kept(fixture->book));
    remove_both(fixture);
    hm_agent_port_book_close(fixture->book);
    fixture->book = NULL;
    fixture->past.has_been = true;
    assert_int_equal(hm_agent_port_book_open(fixture->folder, &fixture->past, &fixture->book, NULL),
                     HM_OK);
    assert_false(hm_agent_port_book_is_kept(fixture->book));
    assert_true(hm_agent_port_book_is_lost(fixture->book));
    (void)look(fixture, "one");
    reopen(fixture);
    assert_true(hm_agent_port_book_is_lost(fixture->book));
}

/* One observation of the host, so many seconds after the boot. */
static bool is_lost_after(struct fixture *fixture, const char *boot_id, unsigned uptime_s,
                          bool unread)
{
    struct hm_observation seen = {
        .inventory = {.os = {.family = HM_OS_WINDOWS, .version = "10.0.17763"},
                      .has_listeners = true,
                      .listeners = {&fixture->listener, 1}},
        .has_uptime = true,
        .uptime_s = uptime_s,
        .settings_unread = unread,
    };

    assert_int_equal(
        hm_agent_port_book_note(fixture->book, boot_id, &fixture->arena, &seen.inventory, NULL),
        HM_OK);
    assert_int_equal(hm_agent_port_book_note_hazards(fixture->book, &seen, &fixture->arena, NULL),
                     HM_OK);
    return hm_agent_port_book_is_lost(fixture->book);
}

/* Two boots that were seen whole end it; a restart of the agent is no boot. */
static void test_whole_again(void **state)
{
    struct fixture *fixture = *state;

    (void)look(fixture, "one");
    write_both(fixture, "");
    reopen(fixture);
    assert_true(is_lost_after(fixture, "two", 1300, true));
    assert_true(is_lost_after(fixture, "two", 1300, false));
    reopen(fixture);
    assert_true(is_lost_after(fixture, "two", 3000, false));
    assert_true(is_lost_after(fixture, "three", 1100, false));
    reopen(fixture);
    assert_false(is_lost_after(fixture, "three", 1200, false));
    reopen(fixture);
    assert_false(is_lost_after(fixture, "four", 10, true));
    write_both(fixture, "{"); /* once more: from the start */
    reopen(fixture);
    assert_true(is_lost_after(fixture, "five", 1200, false));
    assert_false(is_lost_after(fixture, "six", 1200, false));
}

/* What hm-agent forget --lost does. */
static void test_accepted(void **state)
{
    static const char *const texts[] = {"", "{\"rows\":", NULL};
    struct fixture *fixture = *state;
    bool was_lost = true;

    (void)look(fixture, "one");
    assert_int_equal(hm_agent_port_book_accept_loss(fixture->folder, &fixture->past,
                                                    &fixture->arena, &was_lost, NULL),
                     HM_OK);
    assert_false(was_lost);
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        if (texts[i] != NULL) {
            write_both(fixture, texts[i]);
        } else { /* the agent has started another one */
            write_both(fixture, "");
            reopen(fixture);
            (void)look(fixture, "three");
            assert_true(hm_agent_port_book_is_lost(fixture->book));
        }
        assert_int_equal(hm_agent_port_book_accept_loss(fixture->folder, &fixture->past,
                                                        &fixture->arena, &was_lost, NULL),
                         HM_OK);
        assert_true(was_lost);
        reopen(fixture);
        assert_false(hm_agent_port_book_is_lost(fixture->book));
        (void)look(fixture, "two");
        assert_false(hm_agent_port_book_is_lost(fixture->book));
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
    assert_int_equal(hm_agent_port_book_open(folder, &fixture->past, &fixture->book, NULL), HM_OK);
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

    assert_int_equal(hm_agent_port_book_forget(fixture->folder, &fixture->past, ports,
                                               &fixture->arena, &forgotten, NULL),
                     HM_OK); /* no book yet */
    assert_int_equal(forgotten.count, 0);
    (void)look(fixture, "one");
    assert_int_equal(look(fixture, "one"), 1);
    assert_int_equal(hm_agent_port_book_forget(fixture->folder, &fixture->past, ports,
                                               &fixture->arena, &forgotten, NULL),
                     HM_OK);
    assert_int_equal(forgotten.count, 1);
    assert_int_equal(forgotten.at[0].port, 50000);
    reopen(fixture);
    assert_int_equal(look(fixture, "one"), 0);
}

static void put(struct fixture *fixture, const char *name, const char *text)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
    assert_int_equal(hm_os_replace_file(path, text, strlen(text), true, NULL), HM_OK);
}

/* What else the state folder has says whether there was a book. */
static void test_past(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        bool has_been;
    } cases[] = {
        {"enforce.json",  "{\"held\":true,\"policies\":[]}",                                     false},
        {"enforce.json",
         "{\"policies\":[{\"policy\":\"a\",\"mode\":\"enforce\",\"state\":\"verified\",\"since\":"
         "\"2026-01-01T00:00:00Z\"}]}",                                                          true },
        {"enforce.json",  "{",                                                                   true },
        {"policies.json", "{}",                                                                  false},
        {"policies.json", "{\"policies\":[{\"policy\":\"a\",\"revision\":1,\"digest\":\"x\"}]}",
         true                                                                                         },
        {"policies.json", "{\"policies\":",                                                      true },
        {"ledger.json",   "{}",                                                                  true },
    };
    struct fixture *fixture = *state;
    struct hm_port_book_past past;
    char path[160];

    hm_agent_port_book_past(fixture->folder, fixture->spool, &past);
    assert_false(past.has_been);
    assert_string_equal(past.id, "");
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        put(fixture, cases[i].name, cases[i].text);
        hm_agent_port_book_past(fixture->folder, fixture->spool, &past);
        if (past.has_been != cases[i].has_been) {
            fail_msg("%s %s", cases[i].name, cases[i].text);
        }
        (void)snprintf(path, sizeof(path), "%s/%s", fixture->folder, cases[i].name);
        assert_int_equal(hm_os_remove_file(path, NULL), HM_OK);
    }
    assert_int_equal(hm_spool_note_port_book(fixture->spool, "abc", NULL), HM_OK);
    hm_spool_close(fixture->spool);
    fixture->spool = NULL;
    assert_int_equal(hm_spool_open(fixture->folder, &fixture->spool, NULL), HM_OK);
    hm_agent_port_book_past(fixture->folder, fixture->spool, &past);
    assert_true(past.has_been);
    assert_string_equal(past.id, "abc");
}

/* Whole, but of another state folder: as if it were gone. */
static void test_foreign(void **state)
{
    static const char *const texts[] = {
        BOOK,
        "{\"id\":\"other\",\"boot_id\":\"other\",\"boot\":40,\"rows\":[]}",
    };
    struct fixture *fixture = *state;
    char id[80];
    char copy[160];
    bool was_lost = false;

    (void)look(fixture, "one");
    (void)snprintf(id, sizeof(id), "%s", hm_agent_port_book_id(fixture->book));
    assert_int_equal(strlen(id), 32);
    reopen(fixture); /* a state that does not know it, as of an older version */
    assert_string_equal(hm_agent_port_book_id(fixture->book), id);
    fixture->past = (struct hm_port_book_past){.has_been = true, .id = id};
    reopen(fixture);
    assert_false(hm_agent_port_book_is_lost(fixture->book));
    assert_true(hm_agent_port_book_is_kept(fixture->book));
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        write_both(fixture, texts[i]);
        reopen(fixture);
        assert_true(hm_agent_port_book_is_lost(fixture->book));
        assert_int_equal(look(fixture, "two"), 0);
        reopen(fixture);
        assert_true(hm_agent_port_book_is_lost(fixture->book));
        assert_string_equal(hm_agent_port_book_id(fixture->book), id);
        write_both(fixture, texts[i]);
        assert_int_equal(hm_agent_port_book_accept_loss(fixture->folder, &fixture->past,
                                                        &fixture->arena, &was_lost, NULL),
                         HM_OK);
        assert_true(was_lost);
        reopen(fixture);
        assert_false(hm_agent_port_book_is_lost(fixture->book));
    }
    (void)look(fixture, "three");
    (void)look(fixture, "three");
    (void)snprintf(copy, sizeof(copy), "%s.copy", fixture->path);
    assert_int_equal(hm_os_replace_file(fixture->path, BOOK, strlen(BOOK), true, NULL), HM_OK);
    reopen(fixture); /* the copy is the agent's own */
    assert_false(hm_agent_port_book_is_lost(fixture->book));
    assert_int_equal(look(fixture, "three"), 1);
}

/* A book of an older version has no id: it is believed once, and gets one. */
static void test_older(void **state)
{
    struct fixture *fixture = *state;
    char id[80];

    fixture->past.has_been = true;
    write_both(fixture, BOOK);
    reopen(fixture);
    assert_false(hm_agent_port_book_is_lost(fixture->book));
    assert_false(hm_agent_port_book_is_kept(fixture->book)); /* not with its id */
    assert_int_equal(look(fixture, "one"), 3);
    assert_true(hm_agent_port_book_is_kept(fixture->book));
    (void)snprintf(id, sizeof(id), "%s", hm_agent_port_book_id(fixture->book));
    fixture->past.id = id;
    reopen(fixture);
    assert_false(hm_agent_port_book_is_lost(fixture->book));
    assert_int_equal(look(fixture, "one"), 3);
}

/* hm-agent forget where there is nothing to forget it from. */
static void test_forget_lost(void **state)
{
    struct fixture *fixture = *state;
    struct hm_range range = {50000, 50000};
    const struct hm_ports ports = {&range, 1};
    struct hm_port_book forgotten;
    bool was_lost = true;
    struct hm_err err;

    assert_int_equal(hm_agent_port_book_accept_loss(fixture->folder, &fixture->past,
                                                    &fixture->arena, &was_lost, NULL),
                     HM_OK);
    assert_false(was_lost);
    assert_false(hm_os_exists(fixture->path));
    fixture->past.has_been = true;
    for (size_t i = 0; i < 2; i++) { /* gone, damaged */
        assert_int_equal(hm_agent_port_book_forget(fixture->folder, &fixture->past, ports,
                                                   &fixture->arena, &forgotten, &err),
                         HM_ECONFLICT);
        assert_int_equal(err.status, HM_ECONFLICT);
        assert_non_null(strstr(err.text, "hm-agent forget --lost"));
        write_both(fixture, "{");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_past, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_older, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forget_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hazards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_readable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whole_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disorder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_writable, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
