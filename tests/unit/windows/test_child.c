/* tests/unit/windows/test_child.c — programs started without a shell: quoting, status, limits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "tests/support/handle_count.h"

#define ARENA_BYTES (8u * 1024u * 1024u)
#define TIMEOUT_MS 20000
#define SHORT_MS 300
#define WORDS_MAX 4

struct fixture {
    struct hm_arena arena;
    wchar_t program[MAX_PATH];
    struct hm_child_result result;
    struct hm_err err;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    wchar_t *name;

    memset(&fixture, 0, sizeof(fixture));
    hm_arena_init(&fixture.arena, ARENA_BYTES);
    if (GetModuleFileNameW(NULL, fixture.program, MAX_PATH) == 0) {
        return -1;
    }
    name = wcsrchr(fixture.program, L'\\');
    if (name == NULL) {
        return -1;
    }
    (void)wcscpy(name + 1, L"child_double.exe");
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    hm_arena_fini(&fixture->arena);
    return 0;
}

static size_t count_words(const wchar_t *const *words)
{
    size_t count = 0;

    while (count < WORDS_MAX && words[count] != NULL) {
        count++;
    }
    return count;
}

static enum hm_status run(struct fixture *fixture, DWORD timeout_ms, const wchar_t *const *words)
{
    return hm_child_run(fixture->program, words, count_words(words), timeout_ms, &fixture->arena,
                        &fixture->result, &fixture->err);
}

struct quoting_case {
    const wchar_t *words[WORDS_MAX];
    const wchar_t *line;  /* after the program */
    const char *received; /* what the program got */
};

static const struct quoting_case quoting_cases[] = {
    {{L"echo", L"plain"},               L" echo plain",              "[plain]"           },
    {{L"echo", L""},                    L" echo \"\"",               "[]"                },
    {{L"echo", L"two words"},           L" echo \"two words\"",      "[two words]"       },
    {{L"echo", L"tab\there"},           L" echo \"tab\there\"",      "[tab\there]"       },
    {{L"echo", L"say \"hi\""},          L" echo \"say \\\"hi\\\"\"", "[say \"hi\"]"      },
    {{L"echo", L"C:\\a\\b"},            L" echo C:\\a\\b",           "[C:\\a\\b]"        },
    {{L"echo", L"C:\\a b\\"},           L" echo \"C:\\a b\\\\\"",    "[C:\\a b\\]"       },
    {{L"echo", L"\\\"x"},               L" echo \"\\\\\\\"x\"",      "[\\\"x]"           },
    {{L"echo", L"a\\\\ \\\\b"},         L" echo \"a\\\\ \\\\b\"",    "[a\\\\ \\\\b]"     },
    {{L"echo", L"%PATH%", L"a&b|c>d^"}, L" echo %PATH% a&b|c>d^",    "[%PATH%][a&b|c>d^]"},
    {{L"echo", L"protocol=tcp"},        L" echo protocol=tcp",       "[protocol=tcp]"    },
};

static void test_quoting(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(quoting_cases); i++) {
        const struct quoting_case *row = &quoting_cases[i];
        wchar_t line[512];

        print_message("%s\n", row->received);
        assert_int_equal(hm_child_command_line(L"C:\\p q.exe", row->words, count_words(row->words),
                                               line, HM_COUNT(line), &fixture->err),
                         HM_OK);
        assert_int_equal(wcsncmp(line, L"\"C:\\p q.exe\"", 12), 0);
        assert_int_equal(wcscmp(line + 12, row->line), 0);
        assert_int_equal(run(fixture, TIMEOUT_MS, row->words), HM_OK);
        assert_string_equal(fixture->result.output, row->received);
        assert_int_equal(fixture->result.len, strlen(row->received));
    }
}

static void test_long_line(void **state)
{
    static const wchar_t *const words[] = {L"0123456789"};
    struct fixture *fixture = *state;
    wchar_t line[32];

    /* "C" and a blank and ten letters and NUL */
    assert_int_equal(hm_child_command_line(L"C", words, 1, line, 15, &fixture->err), HM_OK);
    assert_int_equal(hm_child_command_line(L"C", words, 1, line, 14, &fixture->err), HM_ETOOBIG);
}

static void test_exit_status(void **state)
{
    static const wchar_t *const words[][WORDS_MAX] = {
        {L"exit", L"0"  },
        {L"exit", L"1"  },
        {L"exit", L"259"}, /* STILL_ACTIVE is a status like any other */
    };
    static const unsigned long statuses[] = {0, 1, 259};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(words); i++) {
        assert_int_equal(run(fixture, TIMEOUT_MS, words[i]), HM_OK);
        assert_int_equal(fixture->result.exit_status, statuses[i]);
        assert_string_equal(fixture->result.output, "on standard error");
    }
}

static void test_no_input(void **state)
{
    static const wchar_t *const words[WORDS_MAX] = {L"input"};
    struct fixture *fixture = *state;

    assert_int_equal(run(fixture, TIMEOUT_MS, words), HM_OK);
    assert_string_equal(fixture->result.output, "0");
}

static void test_time_limit(void **state)
{
    static const wchar_t *const words[WORDS_MAX] = {L"sleep", L"60000"};
    struct fixture *fixture = *state;
    int64_t begin_ms = hm_os_monotonic_ms();

    assert_int_equal(run(fixture, SHORT_MS, words), HM_EBUSY);
    assert_string_equal(fixture->err.code, "timed_out");
    assert_true(hm_os_monotonic_ms() - begin_ms < 10000);
}

static void test_much_output(void **state)
{
    static const wchar_t *const much[WORDS_MAX] = {L"flood", L"1048576"};
    static const wchar_t *const too_much[WORDS_MAX] = {L"flood", L"1048577"};
    struct fixture *fixture = *state;

    assert_int_equal(run(fixture, TIMEOUT_MS, much), HM_OK);
    assert_int_equal(fixture->result.len, HM_CHILD_OUTPUT_BYTES);
    assert_int_equal(run(fixture, TIMEOUT_MS, too_much), HM_ETOOBIG);
}

static void test_missing_program(void **state)
{
    static const wchar_t *const words[WORDS_MAX] = {L"echo"};
    struct fixture *fixture = *state;

    assert_int_equal(hm_child_run(L"C:\\no\\such.exe", words, 1, TIMEOUT_MS, &fixture->arena,
                                  &fixture->result, &fixture->err),
                     HM_ENOENT);
}

/* Each start and each failure gives back what it took. */
static void test_handles(void **state)
{
    static const wchar_t *const words[WORDS_MAX] = {L"exit", L"3"};
    static const wchar_t *const slow[WORDS_MAX] = {L"sleep", L"60000"};
    struct fixture *fixture = *state;
    unsigned before = 0;
    unsigned after = 0;

    for (int i = 0; i < 12; i++) {
        assert_int_equal(run(fixture, TIMEOUT_MS, words), HM_OK);
        if (i == 1) { /* what is made once is made */
            before = hm_handle_count();
        }
    }
    assert_int_equal(run(fixture, SHORT_MS, slow), HM_EBUSY);
    after = hm_handle_count();
    assert_true(before > 0);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quoting),         cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_exit_status),     cmocka_unit_test(test_no_input),
        cmocka_unit_test(test_time_limit),      cmocka_unit_test(test_much_output),
        cmocka_unit_test(test_missing_program), cmocka_unit_test(test_handles),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
