/* tests/unit/server/test_events_chain.c — a row changed or removed behind our back is noticed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/entities.h"

static enum hm_status append_five(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    for (int i = 0; i < 5; i++) {
        const struct hm_event event = {.at_ms = 1000 + i,
                                       .kind = "verdict_changed",
                                       .host_id = "h1",
                                       .host_name = "mail01",
                                       .actor = "collector",
                                       .before = "exposed",
                                       .after = "safe"};

        assert_int_equal(hm_events_append(s, &event, err), HM_OK);
    }
    return HM_OK;
}

static enum hm_status tamper(struct hm_session *s, void *arg, struct hm_err *err)
{
    static const char *const free_hands[] = {"DROP TRIGGER events_no_update",
                                             "DROP TRIGGER events_no_delete"};

    for (size_t i = 0; i < HM_COUNT(free_hands); i++) {
        assert_int_equal(hm_session_exec(s, free_hands[i], NULL, 0, err), HM_OK);
    }
    return hm_session_exec(s, arg, NULL, 0, err);
}

static enum hm_status touch(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_session_exec(s, arg, NULL, 0, err);
}

static enum hm_status verify(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    return hm_events_verify(s, err);
}

static struct hm_store *open_with_events(void)
{
    const struct hm_store_options options = {.uri = "sqlite::memory:"};
    struct hm_store *store = NULL;

    assert_int_equal(hm_crypto_init(NULL), HM_OK);
    assert_int_equal(hm_store_open(&options, &store, NULL), HM_OK);
    assert_int_equal(hm_store_write(store, append_five, NULL, NULL), HM_OK);
    assert_int_equal(hm_store_read(store, verify, NULL, NULL), HM_OK);
    return store;
}

static void test_tampering_is_noticed(void **state)
{
    static const struct {
        const char *sql;
        const char *first; /* id that does not fit */
    } cases[] = {
        {"UPDATE events SET \"after\" = 'blocked' WHERE id = 3",                         "event 3 "},
        {"UPDATE events SET at_ms = at_ms + 1 WHERE id = 5",                             "event 5 "},
        {"UPDATE events SET host_id = '', host_name = 'h1mail01'",                       "event 1 "},
        {"DELETE FROM events WHERE id = 2",                                              "event 2 "},
        {"DELETE FROM events WHERE id = 1",                                              "event 1 "},
        {"UPDATE events SET hash = (SELECT hash FROM events WHERE id = 4) WHERE id = 2",
         "event 2 "                                                                                },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_store *store = open_with_events();
        struct hm_err err = {0};

        assert_int_equal(hm_store_write(store, tamper, (void *)(uintptr_t)cases[i].sql, NULL),
                         HM_OK);
        assert_int_equal(hm_store_read(store, verify, NULL, &err), HM_ECONFLICT);
        assert_string_equal(hm_err_code(&err), "broken_chain");
        assert_int_equal(strncmp(err.text, cases[i].first, strlen(cases[i].first)), 0);
        hm_store_close(store);
    }
}

static void test_append_only(void **state)
{
    static const char *const statements[] = {"UPDATE events SET why = 'x' WHERE id = 3",
                                             "DELETE FROM events WHERE id = 5"};
    struct hm_store *store = open_with_events();

    (void)state;
    for (size_t i = 0; i < HM_COUNT(statements); i++) {
        assert_int_not_equal(hm_store_write(store, touch, (void *)(uintptr_t)statements[i], NULL),
                             HM_OK);
    }
    assert_int_equal(hm_store_read(store, verify, NULL, NULL), HM_OK);
    hm_store_close(store);
}

struct marks {
    const struct hm_event_mark *known;
    struct hm_event_mark last;
};

static enum hm_status verify_since(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct marks *marks = arg;

    return hm_events_verify_since(s, marks->known, &marks->last, err);
}

/* What the chain itself cannot show: its end is gone, or all of it is another one. */
static void test_a_noted_event_anchors_the_chain(void **state)
{
    struct hm_store *store = open_with_events();
    struct marks marks = {NULL, {0}};
    struct hm_event_mark noted;
    struct hm_err err = {0};

    (void)state;
    assert_int_equal(hm_store_read(store, verify_since, &marks, NULL), HM_OK);
    assert_int_equal(marks.last.id, 5);
    noted = marks.last;
    marks.known = &noted;
    assert_int_equal(hm_store_write(store, append_five, NULL, NULL), HM_OK);
    assert_int_equal(hm_store_read(store, verify_since, &marks, NULL), HM_OK);
    assert_int_equal(marks.last.id, 10);
    noted.hash[0] = noted.hash[0] == '0' ? '1' : '0';
    assert_int_equal(hm_store_read(store, verify_since, &marks, &err), HM_ECONFLICT);
    assert_string_equal(hm_err_code(&err), "broken_chain");
    noted = marks.last;
    assert_int_equal(hm_store_write(store, tamper, "DELETE FROM events WHERE id > 4", NULL), HM_OK);
    assert_int_equal(hm_store_read(store, verify, NULL, NULL), HM_OK);
    assert_int_equal(hm_store_read(store, verify_since, &marks, &err), HM_ECONFLICT);
    assert_string_equal(hm_err_code(&err), "broken_chain");
    hm_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tampering_is_noticed),
        cmocka_unit_test(test_append_only),
        cmocka_unit_test(test_a_noted_event_anchors_the_chain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
