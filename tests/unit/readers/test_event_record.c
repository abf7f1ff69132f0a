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

#define ARENA_BYTES (1024u * 1024u)
#define ROOM 4096u
#define STRINGS_AT 26u
#define STRING_OFFSET_AT 36u

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

static void put(unsigned char *bytes, size_t at, uint32_t value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes[at + i] = (unsigned char)(value >> (8 * i));
    }
}

static size_t put_text(unsigned char *bytes, size_t at, const char *ascii)
{
    for (size_t i = 0; i <= strlen(ascii); i++) {
        put(bytes, at + 2 * i, (unsigned char)ascii[i], 2);
    }
    return at + 2 * (strlen(ascii) + 1);
}

/* As Windows lays it out: source, computer, strings, its length again. */
static size_t make_record(unsigned char bytes[ROOM], const char *source, uint32_t id,
                          const char *const *texts, size_t count)
{
    size_t at;

    memset(bytes, 0, ROOM);
    put(bytes, 4, 0x654c664c, 4);
    put(bytes, 8, 90412, 4);
    put(bytes, 12, 1426655564, 4);
    put(bytes, 16, 1426655565, 4);
    put(bytes, 20, id, 4);
    put(bytes, STRINGS_AT, (uint32_t)count, 2);
    at = put_text(bytes, 56, source);
    at = (put_text(bytes, at, "HOST") + 3) / 4 * 4;
    put(bytes, STRING_OFFSET_AT, (uint32_t)at, 4);
    for (size_t i = 0; i < count; i++) {
        at = put_text(bytes, at, texts[i]);
    }
    at = (at + 3) / 4 * 4 + 4;
    put(bytes, 0, (uint32_t)at, 4);
    put(bytes, at - 4, (uint32_t)at, 4);
    return at;
}

static void test_record(void **state)
{
    static const char *const texts[] = {"Microsoft Exchange POP3", "%%10048", "3", "4", "5"};
    unsigned char bytes[ROOM];
    const size_t length = make_record(bytes, "Service Control Manager", 0xc0001b6f, texts, 5);
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
    const size_t length = make_record(bytes, "EventLog", 0x80001775, NULL, 0);
    struct hm_logged_event event;
    struct hm_err err;

    (void)state;
    put(bytes, STRING_OFFSET_AT, 0xffffffff, 4); /* nobody follows it */
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
    length = make_record(bytes, "P", 1, texts, 1);
    assert_int_equal(hm_event_record_parse(bytes, length, &arena, &event, &err), HM_OK);
    assert_int_equal(strlen(event.texts[0]), HM_LIMIT_NAME_BYTES);
    assert_int_equal(event.texts[0][0], ' ');
}

static void test_bad_lengths(void **state)
{
    static const uint32_t lengths[] = {0, 4, 57, 4097, 0x7fffffff, 0xffffffff};
    unsigned char bytes[ROOM];
    const size_t length = make_record(bytes, "P", 1, NULL, 0);

    (void)state;
    assert_int_equal(hm_event_record_length(bytes, length - 1), 0);
    assert_int_equal(hm_event_record_length(bytes, 3), 0);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        put(bytes, 0, lengths[i], 4);
        assert_int_equal(hm_event_record_length(bytes, ROOM), 0);
    }
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
    const size_t length = make_record(bytes, "P", 1, texts, 1);
    struct hm_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        put(bytes, STRING_OFFSET_AT, offsets[i], 4);
        assert_int_equal(parse_exact(bytes, length, &err), HM_EINVAL);
    }
    put(bytes, STRING_OFFSET_AT, (uint32_t)length - 1, 4);
    assert_int_equal(parse_exact(bytes, length, &err), HM_EINVAL);
    memset(bytes + 56, 'x', length - 56); /* the source has no end */
    assert_int_equal(parse_exact(bytes, length, &err), HM_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_record, begin, end),
        cmocka_unit_test_setup_teardown(test_no_texts, begin, end),
        cmocka_unit_test_setup_teardown(test_long_text, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_lengths, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_offsets, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
