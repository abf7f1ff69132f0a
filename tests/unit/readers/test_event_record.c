/* tests/unit/readers/test_event_record.c — records of ReadEventLog, byte by byte: Wine has no
 * events to read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/event_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/event_record.h"

#define ARENA_BYTES (1024u * 1024u)
#define ROOM EVENT_RECORD_ROOM
#define NOW 1426655564u

static struct hm_arena arena;

static int begin(void **state)
{
    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    return 0;
}

static int end(void **state)
{
    (void)state;
    hm_arena_fini(&arena);
    return 0;
}

static void test_record(void **state)
{
    static const char *const texts[] = {"Microsoft Exchange POP3", "%%10048", "3", "4", "5"};
    unsigned char bytes[ROOM];
    const size_t length =
        event_record_make(bytes, "Service Control Manager", 0xc0001b6f, 90412, NOW, texts, 5);
    struct hm_logged_event event;
    struct hm_err err;

    (void)state;
    assert_int_equal(hm_event_record_length(bytes, ROOM), length);
    assert_int_equal(hm_event_record_length(bytes, length), length);
    assert_int_equal(hm_event_record_parse(bytes, length, &arena, &event, &err), HM_OK);
    assert_string_equal(event.provider, "Service Control Manager");
    assert_int_equal(event.id, 7023); /* without severity and facility */
    assert_int_equal(event.record, 90412);
    assert_true(event.has_time);
    assert_int_equal(event.time_ms, 1426655564000);
    assert_int_equal(event.text_count, HM_EVENT_TEXTS);
    assert_string_equal(event.texts[0], "Microsoft Exchange POP3");
    assert_string_equal(event.texts[1], "%%10048");
}

static void test_no_texts(void **state)
{
    unsigned char bytes[ROOM];
    const size_t length = event_record_make(bytes, "EventLog", 0x80001775, 90412, NOW, NULL, 0);
    struct hm_logged_event event;
    struct hm_err err;

    (void)state;
    event_record_put(bytes, EVENT_RECORD_STRING_OFFSET, 0xffffffff, 4); /* nobody follows it */
    assert_int_equal(hm_event_record_parse(bytes, length, &arena, &event, &err), HM_OK);
    assert_int_equal(event.id, 6005);
    assert_int_equal(event.text_count, 0);
}

static void test_long_text(void **state)
{
    char text[1024];
    const char *const texts[] = {text};
    unsigned char bytes[ROOM];
    struct hm_logged_event event;
    struct hm_err err;
    size_t length;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[0] = '\n';
    text[sizeof(text) - 1] = '\0';
    length = event_record_make(bytes, "P", 1, 90412, NOW, texts, 1);
    assert_int_equal(hm_event_record_parse(bytes, length, &arena, &event, &err), HM_OK);
    assert_int_equal(strlen(event.texts[0]), HM_LIMIT_NAME_BYTES);
    assert_int_equal(event.texts[0][0], ' ');
}

static void test_bad_lengths(void **state)
{
    static const uint32_t lengths[] = {0, 4, 57, 4097, 0x7fffffff, 0xffffffff};
    unsigned char bytes[ROOM];
    const size_t length = event_record_make(bytes, "P", 1, 90412, NOW, NULL, 0);

    (void)state;
    assert_int_equal(hm_event_record_length(bytes, length - 1), 0);
    assert_int_equal(hm_event_record_length(bytes, 3), 0);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        event_record_put(bytes, 0, lengths[i], 4);
        assert_int_equal(hm_event_record_length(bytes, ROOM), 0);
    }
}

/* An event of nobody is none: a provider is never "". */
static void test_no_source(void **state)
{
    unsigned char bytes[ROOM];
    const size_t length = event_record_make(bytes, "", 1, 90412, NOW, NULL, 0);
    struct hm_logged_event event;
    struct hm_err err;

    (void)state;
    assert_int_equal(hm_event_record_parse(bytes, length, &arena, &event, &err), HM_EINVAL);
    assert_non_null(strstr(err.text, "no source"));
}

/* In memory of exactly its size: the sanitizer sees a read past the end. */
static enum hm_status parse_exact(const unsigned char *bytes, size_t length, struct hm_err *err)
{
    struct hm_logged_event event;
    unsigned char *exact = malloc(length);
    enum hm_status st;

    assert_non_null(exact);
    memcpy(exact, bytes, length);
    st = hm_event_record_parse(exact, length, &arena, &event, err);
    free(exact);
    return st;
}

static void test_bad_offsets(void **state)
{
    static const char *const texts[] = {"one"};
    static const uint32_t offsets[] = {0x7fffffff, 0xfffffffe, 0xffffffff};
    unsigned char bytes[ROOM];
    const size_t length = event_record_make(bytes, "P", 1, 90412, NOW, texts, 1);
    struct hm_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        event_record_put(bytes, EVENT_RECORD_STRING_OFFSET, offsets[i], 4);
        assert_int_equal(parse_exact(bytes, length, &err), HM_EINVAL);
    }
    event_record_put(bytes, EVENT_RECORD_STRING_OFFSET, (uint32_t)length - 1, 4);
    assert_int_equal(parse_exact(bytes, length, &err), HM_EINVAL);
    memset(bytes + EVENT_RECORD_SOURCE, 'x',
           length - EVENT_RECORD_SOURCE); /* the source has no end */
    assert_int_equal(parse_exact(bytes, length, &err), HM_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_record, begin, end),
        cmocka_unit_test_setup_teardown(test_no_texts, begin, end),
        cmocka_unit_test_setup_teardown(test_no_source, begin, end),
        cmocka_unit_test_setup_teardown(test_long_text, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_lengths, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_offsets, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
