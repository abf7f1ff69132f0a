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
    {HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, "0.0.0.0", 135, "", 892, "", "", false, {NULL, 0}},
    {HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, "0.0.0.0", 445, "", 4, "", "", false, {NULL, 0}},
    {HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, "0.0.0.0", 9000, "", 3488, "", "", false, {NULL, 0}},
    {HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, "127.0.0.1", 2027, "127.0.0.1:9000", 6540, "", "",
     false, {NULL, 0}},
    {HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, "192.0.2.73", 3306, "198.51.100.163:443", 46132, "",
     "", false, {NULL, 0}},
    {HM_TCP, HM_IPV4, HM_SOCKET_TIME_WAIT, "192.0.2.73", 52311, "198.51.100.7:80", 0, "", "", false,
     {NULL, 0}},
    {HM_TCP, HM_IPV6, HM_SOCKET_LISTEN, "::", 9000, "", 3488, "", "", false, {NULL, 0}},
    {HM_TCP, HM_IPV6, HM_SOCKET_ESTABLISHED, "fe80::1c2:3d4%12", 49200, "[fe80::9%12]:445", 4, "",
     "", false, {NULL, 0}},
    {HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, "0.0.0.0", 53, "", 2040, "", "", false, {NULL, 0}},
    {HM_UDP, HM_IPV6, HM_SOCKET_LISTEN, "::1", 1900, "", 5012, "", "", false, {NULL, 0}},
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
        struct hm_netstat netstat;
        struct hm_arena arena;
        struct hm_err err;
        size_t len;
        char *text = hm_fixture_read(strcat(name, files[i]), &len);

        print_message("%s\n", files[i]);
        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_netstat_parse(text, len, &arena, &netstat, &err) != HM_OK) {
            fail_msg("%s: %s", files[i], err.text);
        }
        free(text); /* nothing may be borrowed from the input */
        assert_true(netstat.has_pids);
        assert_false(netstat.has_programs);
        assert_int_equal(netstat.sockets.count, HM_COUNT(rows));
        for (size_t k = 0; k < HM_COUNT(rows); k++) {
            check_row(&netstat.sockets.at[k], &rows[k]);
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
    {"UDP 0.0.0.0:53 *:*\n", HM_OK, 0, 1}, /* without process ids */
    {"TCP 0.0.0.0:80 0.0.0.0:0 LISTENING\n", HM_OK, 0, 1},
    {"UDP 0.0.0.0:53 *:*\nUDP 0.0.0.0:54 *:* 4\n", HM_EINVAL, 1, 0}, /* some with, some without */
    {"TCP 0.0.0.0:80 0.0.0.0:0 LISTENING 4\nTCP 0.0.0.0:81 0.0.0.0:0 LIST\n", HM_EINVAL, 2, 0},
    {"UDP 0.0.0.0:53 *:* WORD\n", HM_EINVAL, 1, 0},
    {"UDP 0.0.0.0:53\n", HM_EINVAL, 1, 0},
    {"UDP 0.0.0.0:53 *:* WORD 4\n", HM_EINVAL, 1, 0},
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
    {"UDP [::]:1 *:* 7\n[...]\nUDP [::]:2 *:* 7\n", HM_EINVAL, 2, 0},
    {"UDP [::]:1 *:* 7\n-- More --\nUDP [::]:2 *:* 7\n", HM_EINVAL, 2, 0},
    {"UDP [::]:1 *:* 7\n [a.exe]\n [b.exe]\n", HM_EINVAL, 3, 0}, /* a row is missing */
    {" [a.exe]\nUDP [::]:1 *:* 7\n", HM_EINVAL, 1, 0},
    {"UDP [::]:1 *:* 7\n [ ]\n", HM_EINVAL, 2, 0},
    {"TCP 1.2.3.4:80 0.0.0.0:0 A 4\nTCP 1.2.3.4:81 0.0.0.0:0 B 4\n", HM_EINVAL, 0, 0},
};
/* clang-format on */

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        struct hm_netstat netstat = {
            .sockets = {NULL, 77}
        };
        struct hm_arena arena;
        struct hm_err err = {0};

        print_message("%s\n", texts[i].text);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(
            hm_netstat_parse(texts[i].text, strlen(texts[i].text), &arena, &netstat, &err),
            texts[i].status);
        assert_int_equal(err.line, texts[i].line);
        assert_int_equal(netstat.sockets.count, texts[i].status == HM_OK ? texts[i].rows : 77);
        hm_arena_fini(&arena);
    }
}

/* ---- what the state words say ---------------------------------------------------------------- */

#define MOST_ROWS 8

/* Rows, the states of the sockets in their order: l, e, t, b. */
struct state_case {
    const char *name;
    const char *text;
    const char *states;
};

/* clang-format off */
static const struct state_case state_cases[] = {
    {"-anoq",
     "  TCP    0.0.0.0:3389           0.0.0.0:0              LISTENING       1200\r\n"
     "  TCP    0.0.0.0:49900          0.0.0.0:0              BOUND           2500\r\n"
     "  TCP    [::]:49901             [::]:0                 BOUND           2500\r\n"
     "  TCP    10.0.0.5:49902         10.0.0.9:3268          ESTABLISHED     2500\r\n", "lbbe"},
    {"-anoq in German, code page 850: port 135 tells",
     "  TCP    0.0.0.0:49900          0.0.0.0:0              GEBUNDEN        2500\r\n"
     "  TCP    0.0.0.0:135            0.0.0.0:0              ABH\x99REN         900\r\n"
     "  TCP    0.0.0.0:3389           0.0.0.0:0              ABH\x99REN         1200\r\n", "bll"},
    {"words of several parts: port 445 tells",
     "TCP 0.0.0.0:445 0.0.0.0:0 a  b 4\nTCP 0.0.0.0:8000 0.0.0.0:0 a c 9\n", "lb"},
    {"only BOUND", "TCP 0.0.0.0:49900 0.0.0.0:0 BOUND 9\n", "b"},
    {"no word beside LISTENING",
     "TCP 0.0.0.0:80 0.0.0.0:0 LISTENING 9\nTCP 0.0.0.0:81 0.0.0.0:0 9\n", "lb"},
    {"CLOSED is no listener either",
     "TCP 0.0.0.0:80 0.0.0.0:0 LISTENING 9\nTCP 0.0.0.0:81 0.0.0.0:0 CLOSED 9\n", "lb"},
    {"a random port for the peer that a listener has not (up to 2003)",
     "TCP 0.0.0.0:135 0.0.0.0:2096 LISTENING 9\nTCP [::]:135 [::]:43124 LISTENING 9\n", "ll"},
    {"no process ids (2000)",
     "TCP 0.0.0.0:135 0.0.0.0:0 LISTENING\nTCP 10.0.0.5:1030 10.0.0.9:139 ESTABLISHED\n"
     "TCP 10.0.0.5:1031 10.0.0.9:139 TIME_WAIT\nTCP 10.0.0.5:1032 10.0.0.9:139 WARTEND\n"
     "UDP 0.0.0.0:500 *:*\n", "lettl"},
};
/* clang-format on */

static void test_states(void **state)
{
    static const char letters[] = "letb";

    (void)state;
    for (size_t i = 0; i < HM_COUNT(state_cases); i++) {
        const struct state_case *row = &state_cases[i];
        char got[MOST_ROWS + 1] = "";
        struct hm_netstat netstat;
        struct hm_arena arena;
        struct hm_err err;

        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_netstat_parse(row->text, strlen(row->text), &arena, &netstat, &err) != HM_OK) {
            fail_msg("%s: %s", row->name, err.text);
        }
        assert_in_range(netstat.sockets.count, 1, MOST_ROWS);
        for (size_t k = 0; k < netstat.sockets.count; k++) {
            got[k] = letters[netstat.sockets.at[k].state];
        }
        if (strcmp(got, row->states) != 0) {
            fail_msg("%s: %s, not %s", row->name, got, row->states);
        }
        hm_arena_fini(&arena);
    }
}

/* ---- netstat -b ------------------------------------------------------------------------------ */

struct owner {
    uint16_t port;
    const char *program;
    const char *service;
};

struct owners_case {
    const char *file;
    bool has_pids;
    struct owner owners[6]; /* in the order of the rows; port 0 = no more */
};

static const struct owners_case owners_cases[] = {
    {"anob-en.txt",
     true,  {{135, "svchost.exe", "RpcSs"},
      {445, "", ""},
      {5357, "", ""}, /* process id 4: the kernel's, whatever service uses it */
      {49670, "spoolsv.exe", ""},
      {50123, "", ""},
      {123, "svchost.exe", "W32Time"}} },
    {"anb-de-cp850.txt",
     false, {{135, "svchost.exe", "RpcSs"},
      {445, "", ""},
      {9955, "Microsoft.Exchange.Pop3.exe", ""},
      {50123, "", ""},
      {50124, "b\x3fro.exe", ""},
      {123, "svchost.exe", "W32Time"}}},
    {"anb-xp-en.txt",
     true,  {{135, "svchost.exe", ""}, /* libraries on the way are no services */
      {445, "", ""},
      {1027, "alg.exe", ""},
      {1025, "svchost.exe", ""},
      {500, "lsass.exe", ""},
      {0, NULL, NULL}}                 },
};

static void test_owners(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(owners_cases); i++) {
        const struct owners_case *row = &owners_cases[i];
        char name[NAME_BYTES] = "netstat/";
        struct hm_netstat netstat;
        struct hm_arena arena;
        struct hm_err err;
        size_t len;
        char *text = hm_fixture_read(strcat(name, row->file), &len);

        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_netstat_parse(text, len, &arena, &netstat, &err) != HM_OK) {
            fail_msg("%s: %s", row->file, err.text);
        }
        free(text);
        assert_true(netstat.has_programs);
        assert_int_equal(netstat.has_pids, row->has_pids);
        for (size_t k = 0; k < netstat.sockets.count; k++) {
            const struct hm_socket *socket = &netstat.sockets.at[k];

            if (k >= HM_COUNT(row->owners) || socket->port != row->owners[k].port ||
                strcmp(socket->program, row->owners[k].program) != 0 ||
                strcmp(socket->service, row->owners[k].service) != 0) {
                fail_msg("%s: row %u is port %u of \"%s\", \"%s\"", row->file, (unsigned)k,
                         socket->port, socket->program, socket->service);
            }
        }
        assert_true(netstat.sockets.count == HM_COUNT(row->owners) ||
                    row->owners[netstat.sockets.count].port == 0);
        hm_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_owners),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
