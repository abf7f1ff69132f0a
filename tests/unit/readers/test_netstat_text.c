/* tests/unit/readers/test_netstat_text.c — netstat -ano in many languages and code pages.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/netstat_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/fixture.h"

#define ARENA_BYTES (16u * 1024u * 1024u)
#define NAME_BYTES 128

static const char *const files[] = {
    "en.txt",         "en-lf.txt",    "en-quoted.txt", "de-cp850.txt",   "ko-cp949.txt",
    "zhcn-cp936.txt", "ja-cp932.txt", "ru-cp866.txt",  "pl-utf16le.txt",
};

/* What each of the files holds. */
/* clang-format off */
static const struct hm_socket rows[] = {
    {HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, "0.0.0.0", 135, "", 892, "", ""},
    {HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, "0.0.0.0", 445, "", 4, "", ""},
    {HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, "0.0.0.0", 9000, "", 3488, "", ""},
    {HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, "127.0.0.1", 2027, "127.0.0.1:9000", 6540, "", ""},
    {HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, "192.0.2.73", 3306, "198.51.100.163:443", 46132, "",
     ""},
    {HM_TCP, HM_IPV4, HM_SOCKET_TIME_WAIT, "192.0.2.73", 52311, "198.51.100.7:80", 0, "", ""},
    {HM_TCP, HM_IPV6, HM_SOCKET_LISTEN, "::", 9000, "", 3488, "", ""},
    {HM_TCP, HM_IPV6, HM_SOCKET_ESTABLISHED, "fe80::1c2:3d4%12", 49200, "[fe80::9%12]:445", 4, "",
     ""},
    {HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, "0.0.0.0", 53, "", 2040, "", ""},
    {HM_UDP, HM_IPV6, HM_SOCKET_LISTEN, "::1", 1900, "", 5012, "", ""},
};
/* clang-format on */

static void check_row(const struct hm_socket *got, const struct hm_socket *want)
{
    assert_int_equal(got->protocol, want->protocol);
    assert_int_equal(got->family, want->family);
    assert_int_equal(got->state, want->state);
    assert_string_equal(got->address, want->address);
    assert_int_equal(got->port, want->port);
    assert_string_equal(got->remote, want->remote);
    assert_int_equal(got->pid, want->pid);
    assert_string_equal(got->program, "");
    assert_string_equal(got->service, "");
}

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(files); i++) {
        char name[NAME_BYTES] = "netstat/";
        struct hm_sockets sockets;
        struct hm_arena arena;
        struct hm_err err;
        size_t len;
        char *text = hm_fixture_read(strcat(name, files[i]), &len);

        print_message("%s\n", files[i]);
        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_netstat_parse(text, len, &arena, &sockets, &err) != HM_OK) {
            fail_msg("%s: %s", files[i], err.text);
        }
        free(text); /* nothing may be borrowed from the input */
        assert_int_equal(sockets.count, HM_COUNT(rows));
        for (size_t k = 0; k < HM_COUNT(rows); k++) {
            check_row(&sockets.at[k], &rows[k]);
        }
        hm_arena_fini(&arena);
    }
}

struct text_case {
    const char *text;
    enum hm_status status;
    unsigned line;
    size_t rows;
};

/* clang-format off */
static const struct text_case texts[] = {
    {"TCP 0.0.0.0:80 0.0.0.0:0 4\n", HM_OK, 0, 1}, /* BOUND without a word */
    {"TCP 0.0.0.0:80 0.0.0.0:0 A B C 4", HM_OK, 0, 1},
    {"x\nTCP 1.2.3.4:80 5.6.7.8:9 W 0\ny: 5\nUDP [::]:1 *:* 7", HM_OK, 0, 2},
    {"", HM_EINVAL, 0, 0},
    {"Active Connections\n", HM_EINVAL, 1, 0},
    {"\nTCP\n", HM_EINVAL, 2, 0},
    {"UDP 0.0.0.0:53 *:*\n", HM_EINVAL, 1, 0},
    {"UDP 0.0.0.0:53 *:* WORD 4\n", HM_EINVAL, 1, 0},
    {"TCP 0.0.0.0:80 0.0.0.0:0 LISTENING\n", HM_EINVAL, 1, 0},
    {"TCP 0.0.0.0:http 0.0.0.0:0 LISTENING 4\n", HM_EINVAL, 1, 0},
    {"TCP 0.0.0.0:80 host:https ESTABLISHED 4\n", HM_EINVAL, 1, 0},
    {"TCP 0.0.0.0:65536 0.0.0.0:0 LISTENING 4\n", HM_EINVAL, 1, 0},
    {"TCP 0.0.0.0:80 0.0.0.0:0 LISTENING 4294967296\n", HM_EINVAL, 1, 0},
    {"TCP 0.0.0:80 0.0.0.0:0 LISTENING 4\n", HM_EINVAL, 1, 0},
    {"TCP 0.0.0.256:80 0.0.0.0:0 LISTENING 4\n", HM_EINVAL, 1, 0},
    {"TCP ::1:80 0.0.0.0:0 LISTENING 4\n", HM_EINVAL, 1, 0},
    {"TCP [::1]:80 0.0.0.0:0 LISTENING 4\n", HM_EINVAL, 1, 0},
    {"TCP []:80 [::]:0 LISTENING 4\n", HM_EINVAL, 1, 0},
    {"TCP [::1%eth0]:80 [::]:0 LISTENING 4\n", HM_EINVAL, 1, 0},
    {"TCP *:* *:* LISTENING 4\n", HM_EINVAL, 1, 0},
    {"TCP 0.0.0.0:80 0.0.0.0:0 LISTENING 4 4\n", HM_EINVAL, 1, 0},
    {"TCP 0.0.0.0:80 0.0.0.0:0 A B C D E F 4\n", HM_EINVAL, 1, 0},
    {"tcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 1/sshd\n", HM_EINVAL, 1, 0}, /* Linux */
    {"tcp6 0 0 :::22 :::* LISTEN 1/sshd\n", HM_EINVAL, 1, 0},
    {"UDP [::]:1 *:* 7\n...\nUDP [::]:2 *:* 7\n", HM_EINVAL, 2, 0},
};
/* clang-format on */

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        struct hm_sockets sockets = {NULL, 77};
        struct hm_arena arena;
        struct hm_err err = {0};

        print_message("%s\n", texts[i].text);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(
            hm_netstat_parse(texts[i].text, strlen(texts[i].text), &arena, &sockets, &err),
            texts[i].status);
        assert_int_equal(err.line, texts[i].line);
        assert_int_equal(sockets.count, texts[i].status == HM_OK ? texts[i].rows : 77);
        hm_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
