/* tests/unit/readers/test_reg_text.c — registry exports: encodings, types, damage.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/reg_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/fixture.h"

#define ARENA_BYTES (16u * 1024u * 1024u)
#define NAME_BYTES 128
#define V5 "Windows Registry Editor Version 5.00\r\n\r\n"
#define KEY "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters]\r\n"
#define TCPIP "Services\\Tcpip\\Parameters"

static const char *const files[] = {"tcpip-utf16le.reg", "tcpip-utf8.reg", "tcpip-utf8bom.reg"};

static void check_file(const struct hm_reg *reg)
{
    static const char *const lines[] = {"9469-9469", "9506-9507", "1645-1646", "1812-1813"};
    const struct hm_reg_value *value = hm_reg_find(reg, TCPIP, "ReservedPorts");

    assert_non_null(value);
    assert_int_equal(value->type, HM_REG_LINES);
    assert_int_equal(value->lines.count, HM_COUNT(lines));
    for (size_t i = 0; i < HM_COUNT(lines); i++) {
        assert_string_equal(value->lines.at[i], lines[i]);
    }
    value = hm_reg_find(reg, TCPIP, "maxuserport");
    assert_non_null(value);
    assert_int_equal(value->type, HM_REG_DWORD);
    assert_int_equal(value->dword, 60000);
    assert_int_equal(hm_reg_find(reg, TCPIP, "TcpTimedWaitDelay")->dword, 60);
    assert_string_equal(hm_reg_find(reg, TCPIP, "DataBasePath")->text, "%SystemRoot%");
    assert_string_equal(hm_reg_find(reg, TCPIP, "Domain")->text, "");
    assert_string_equal(hm_reg_find(reg, TCPIP, "Hostname")->text, "mail\"01\\x");
    assert_string_equal(hm_reg_find(reg, TCPIP, "")->text, "default");
    assert_int_equal(hm_reg_find(reg, TCPIP, "Bytes")->type, HM_REG_BYTES);
    assert_int_equal(hm_reg_find(reg, TCPIP, "Qword")->type, HM_REG_BYTES);
    assert_int_equal(hm_reg_find(reg, TCPIP, "Empty")->lines.count, 0);
    assert_null(hm_reg_find(reg, TCPIP, "Gone"));
    assert_int_equal(hm_reg_find(reg, TCPIP "\\Interfaces", "MaxUserPort")->dword, 5000);
    assert_int_equal(
        hm_reg_find(reg, "CurrentControlSet\\Services\\DNS\\Parameters", "SocketPoolSize")->dword,
        2500);
    assert_int_equal(hm_reg_find(reg, "DNS\\Parameters", "SocketPoolSize")->dword, 2500);
    assert_null(hm_reg_find(reg, "S\\Parameters", "SocketPoolSize")); /* whole components only */
    assert_null(hm_reg_find(reg, "DNS", "SocketPoolSize"));
    assert_null(hm_reg_find(reg, "Other\\DNS\\Parameters", "SocketPoolSize"));
}

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(files); i++) {
        char name[NAME_BYTES] = "reg/";
        struct hm_reg reg;
        struct hm_arena arena;
        struct hm_err err;
        size_t len;
        char *text = hm_fixture_read(strcat(name, files[i]), &len);

        print_message("%s\n", files[i]);
        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_reg_parse(text, len, &arena, &reg, &err) != HM_OK) {
            fail_msg("%s: %s", files[i], err.text);
        }
        free(text); /* nothing may be borrowed from the input */
        check_file(&reg);
        hm_arena_fini(&arena);
    }
}

static void test_regedit4(void **state)
{
    const struct hm_reg_value *value;
    struct hm_reg reg;
    struct hm_arena arena;
    size_t len;
    char *text = hm_fixture_read("reg/tcpip-regedit4.reg", &len);

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_reg_parse(text, len, &arena, &reg, NULL), HM_OK);
    free(text);
    value = hm_reg_find(&reg, TCPIP, "ReservedPorts");
    assert_non_null(value);
    assert_int_equal(value->lines.count, 2);
    assert_string_equal(value->lines.at[0], "9469-9469");
    assert_string_equal(value->lines.at[1], "9506-9507");
    assert_int_equal(hm_reg_find(&reg, TCPIP, "MaxUserPort")->dword, 65535);
    assert_string_equal(hm_reg_find(&reg, TCPIP, "Besitzer")->text, "M?ller");
    hm_arena_fini(&arena);
}

struct text_case {
    const char *text;
    enum hm_status status;
    unsigned line;
    size_t count;
};

/* clang-format off */
static const struct text_case texts[] = {
    {V5, HM_OK, 0, 0},
    {"\r\nREGEDIT4\r\n", HM_OK, 0, 0},
    {V5 "; a comment\r\n" KEY "; another\r\n", HM_OK, 0, 0},
    {V5 KEY "\"a\"=\"two\r\nlines\"\r\n\"b\"=dword:1\r\n", HM_OK, 0, 2},
    {V5 KEY "\"a\" = dword:00000001 \r\n", HM_OK, 0, 1},
    {V5 KEY "\"a\"=dword:1\r\n\"A\"=-\r\n", HM_OK, 0, 0},
    {V5 KEY "\"a\"=dword:1\r\n[-HKEY_LOCAL_MACHINE\\SYSTEM]\r\n", HM_OK, 0, 0},
    {V5 KEY "\"a\"=dword:1\r\n[-HKEY_LOCAL_MACHINE\\SYS]\r\n", HM_OK, 0, 1},
    {V5 KEY "\"a\"=hex(ffff0012):01\r\n", HM_OK, 0, 1},
    {V5 KEY "\"a\"=hex:\r\n", HM_OK, 0, 1},
    {V5 KEY "\"a\"=hex(7):31,00\r\n\r\n", HM_OK, 0, 1}, /* without its NULs, and not cut here */
    {V5 KEY "\"a\"=hex(7):31,00\r\n\"b\"=dword:1\r\n", HM_OK, 0, 2},
    {V5 KEY "\"a\"=hex(7):31,00,00,00,00,00", HM_OK, 0, 1},
    {V5 KEY "\"a\"=hex(7):00,00", HM_OK, 0, 1},
    {V5 KEY "\"a\"=hex(7):", HM_OK, 0, 1},
    {V5 KEY "\"a\"=dword:00001388", HM_OK, 0, 1},
    {"REGEDIT4\r\n" KEY "\"a\"=hex(7):31,00,00", HM_OK, 0, 1},
    {V5 "[HKEY\\with [brackets]]\r\n@=\"\"\r\n", HM_OK, 0, 1},
    {"", HM_EINVAL, 0, 0},
    {"ERROR: The system was unable to find the specified registry key or value.\r\n", HM_EINVAL,
     1, 0},
    {"\r\nWindows Registry Editor Version 6.00\r\n", HM_EINVAL, 2, 0},
    {V5 "\"a\"=dword:1\r\n", HM_EINVAL, 3, 0},
    {V5 "[-HKEY_X]\r\n\"a\"=dword:1\r\n", HM_EINVAL, 4, 0},
    {V5 "[HKEY_X\r\n", HM_EINVAL, 3, 0},
    {V5 "[]\r\n", HM_EINVAL, 3, 0},
    {V5 KEY "\"a\"=dword:123456789\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=dword:\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=dword:xyz\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=qword:1\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a=dword:1\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=\"open\r\n\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=\"x\" y\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=hex(7):3\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=hex(7):31\r\n", HM_EINVAL, 4, 0}, /* half a character */
    {V5 KEY "\"a\"=hex(7):31,00\r\n", HM_EINVAL, 4, 0}, /* cut: a list ends in two NULs */
    {V5 KEY "\"a\"=hex(7):31,00", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=hex(7):31,00,00,00", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=hex(7):31,00,\\\r\n  00,00", HM_EINVAL, 5, 0},
    {"REGEDIT4\r\n" KEY "\"a\"=hex(7):31,00", HM_EINVAL, 3, 0},
    {V5 KEY "\"a\"=dword:0000", HM_EINVAL, 4, 0}, /* 5000 may have been fffe */
    {V5 KEY "\"a\"=hex(7):31,00,\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=hex(7):31 00\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=hex(7):31,00,\\\r\n  32\r\n", HM_EINVAL, 5, 0},
    {V5 KEY "\"a\"=hex(7):31,00,\\\r\n", HM_EINVAL, 4, 0}, /* cut */
    {V5 KEY "\"a\"=hex(7:31,00\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=hex(z):31,00\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "\"a\"=hexadecimal\r\n", HM_EINVAL, 4, 0},
    {V5 KEY "what is this\r\n", HM_EINVAL, 4, 0},
};
/* clang-format on */

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        struct hm_reg reg = {.count = 77};
        struct hm_arena arena;
        struct hm_err err = {0};

        print_message("case %zu: %s\n", i, texts[i].text);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_reg_parse(texts[i].text, strlen(texts[i].text), &arena, &reg, &err),
                         texts[i].status);
        assert_int_equal(err.line, texts[i].line);
        assert_int_equal(reg.count, texts[i].status == HM_OK ? texts[i].count : 77);
        hm_arena_fini(&arena);
    }
}

static void test_last_value_wins(void **state)
{
    const char text[] = V5 KEY "\"a\"=dword:1\r\n\"a\"=dword:2\r\n";
    struct hm_reg reg;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_reg_parse(text, strlen(text), &arena, &reg, NULL), HM_OK);
    assert_int_equal(hm_reg_find(&reg, "Parameters", "a")->dword, 2);
    hm_arena_fini(&arena);
}

static void test_text_over_lines(void **state)
{
    const char text[] = V5 KEY "\"a\"=\"two\r\n\\\"lines\\\"\"\r\n";
    struct hm_reg reg;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_reg_parse(text, strlen(text), &arena, &reg, NULL), HM_OK);
    assert_string_equal(reg.at[0].text, "two\r\n\"lines\"");
    hm_arena_fini(&arena);
}

static void test_keys(void **state)
{
    const char text[] =
        V5 KEY "\r\n[HKEY_LOCAL_MACHINE\\A\\Empty]\r\n[-HKEY_LOCAL_MACHINE\\A\\Gone]";
    struct hm_reg reg;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_reg_parse(text, strlen(text), &arena, &reg, NULL), HM_OK);
    assert_int_equal(reg.count, 0);
    assert_true(hm_reg_has_key(&reg, "a\\empty"));
    assert_true(hm_reg_has_key(&reg, "Parameters"));
    assert_false(hm_reg_has_key(&reg, "Parameters\\Empty"));
    assert_false(hm_reg_has_key(&reg, "A\\Gone"));
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),           cmocka_unit_test(test_regedit4),
        cmocka_unit_test(test_texts),           cmocka_unit_test(test_last_value_wins),
        cmocka_unit_test(test_text_over_lines), cmocka_unit_test(test_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
