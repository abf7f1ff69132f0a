/* tests/unit/readers/test_linux_sockets_text.c — netstat and ss of Linux.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/linux_sockets_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_BYTES (1024u * 1024u)
#define NETSTAT                                                                                    \
    "Active Internet connections (servers and established)\n"                                      \
    "Proto Recv-Q Send-Q Local Address           Foreign Address         State       "             \
    "PID/Program name\n"
#define SS "Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process\n"

struct row {
    const char *text;
    const char *says; /* protocol family state address port remote pid program */
};

/* clang-format off */
static const struct row rows[] = {
    {NETSTAT "tcp        0      0 0.0.0.0:22   0.0.0.0:*   LISTEN      812/sshd\n",
     "tcp ipv4 listen 0.0.0.0 22 - 812 sshd"},
    {NETSTAT "tcp6       0      0 :::80        :::*        LISTEN      900/nginx: master p\n",
     "tcp ipv6 listen :: 80 - 900 nginx|tcp ipv4 listen 0.0.0.0 80 - 900 nginx"},
    {NETSTAT "tcp        0      0 10.0.0.7:6379  10.0.0.9:443  ESTABLISHED 2201/python3\n",
     "tcp ipv4 established 10.0.0.7 6379 10.0.0.9:443 2201 python3"},
    {NETSTAT "tcp        0      1 10.0.0.7:40001 10.0.0.9:443  TIME_WAIT   -\n",
     "tcp ipv4 time_wait 10.0.0.7 40001 10.0.0.9:443 0 "},
    {NETSTAT "udp        0      0 0.0.0.0:68   0.0.0.0:*               500/dhclient\n",
     "udp ipv4 listen 0.0.0.0 68 - 500 dhclient"},
    {NETSTAT "udp6       0      0 fe80::1:546  :::*                    -\n"
     "unix  2      [ ACC ]     STREAM     LISTENING     18321    1/init   /run/x\n",
     "udp ipv6 listen fe80::1 546 - 0 "},
    {NETSTAT "udp        0      0 10.0.0.7:51000  10.0.0.2:53  ESTABLISHED 77/named\n",
     "udp ipv4 established 10.0.0.7 51000 10.0.0.2:53 77 named"},
    {NETSTAT "tcp        0      0 0.0.0.0:22   0.0.0.0:*   LISTEN\n",
     "tcp ipv4 listen 0.0.0.0 22 - 0 "},
    {SS "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=812,fd=3))\n",
     "tcp ipv4 listen 0.0.0.0 22 - 812 sshd"},
    {SS "tcp LISTEN 0 4096 *:2379 *:* users:((\"node\",pid=2201,fd=20))\n",
     "tcp ipv6 listen :: 2379 - 2201 node|tcp ipv4 listen 0.0.0.0 2379 - 2201 node"},
    {SS "tcp LISTEN 0 4096 [::]:2379 [::]:* users:((\"node\",pid=2201,fd=20))\n",
     "tcp ipv6 listen :: 2379 - 2201 node"}, /* IPV6_V6ONLY */
    {SS "udp UNCONN 0 0 *:123 *:*\n", "udp ipv6 listen :: 123 - 0 |udp ipv4 listen 0.0.0.0 123 - 0 "},
    {SS "tcp LISTEN 0 128 *:22 *:*\ntcp LISTEN 0 128 :::23 :::*\n", /* before 4.17 */
     "tcp ipv4 listen 0.0.0.0 22 - 0 |tcp ipv6 listen :: 23 - 0 |tcp ipv4 listen 0.0.0.0 23 - 0 "},
    {SS "tcp ESTAB 0 0 [::ffff:10.0.0.7]:5432 [::ffff:10.0.0.9]:50111\n",
     "tcp ipv4 established 10.0.0.7 5432 10.0.0.9:50111 0 "},
    {SS "tcp UNCONN 0 0 10.0.0.7:5432 0.0.0.0:*\n", "tcp ipv4 bound 10.0.0.7 5432 - 0 "},
    {SS "tcp LISTEN 0 511 [::1]:631 [::]:* users:((\"systemd\",pid=1,fd=40),(\"cupsd\",pid=9,fd=7))\n",
     "tcp ipv6 listen ::1 631 - 9 cupsd"},
    {SS "udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:((\"systemd-resolve\",pid=400,fd=12))\n",
     "udp ipv4 listen 127.0.0.53 53 - 400 systemd-resolve"},
    {SS "udp UNCONN 0 0 [fe80::a]%eth0:546 *:*\n", "udp ipv6 listen fe80::a 546 - 0 "},
    {SS "tcp TIME-WAIT 0 0 10.0.0.7:40001 10.0.0.9:443\n",
     "tcp ipv4 time_wait 10.0.0.7 40001 10.0.0.9:443 0 "},
    {SS "tcp LAST-ACK 0 1 10.0.0.7:40003 10.0.0.9:443\n",
     "tcp ipv4 closing 10.0.0.7 40003 10.0.0.9:443 0 "},
    {SS "tcp FIN-WAIT-1 0 1 10.0.0.7:40004 10.0.0.9:443 users:((\"curl\",pid=5,fd=3))\n",
     "tcp ipv4 established 10.0.0.7 40004 10.0.0.9:443 5 curl"}, /* closed halfway */
    {NETSTAT "tcp        0      1 10.0.0.7:40005 10.0.0.9:443  FIN_WAIT2   -\n",
     "tcp ipv4 closing 10.0.0.7 40005 10.0.0.9:443 0 "},
    {SS "tcp SYN-SENT 0 1 10.0.0.7:40002 10.0.0.9:443 users:((\"curl\",pid=5,fd=3))\n",
     "tcp ipv4 established 10.0.0.7 40002 10.0.0.9:443 5 curl"},
};
/* clang-format on */

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hm_linux_listing listing;
        const struct hm_socket *one;
        struct hm_arena arena;
        struct hm_err err;
        char said[512];
        size_t len = 0;

        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_linux_sockets_parse(rows[i].text, strlen(rows[i].text), &arena, &listing, &err) !=
            HM_OK) {
            fail_msg("%s: %s", rows[i].text, err.text);
        }
        for (size_t k = 0; k < listing.sockets.count; k++) {
            one = &listing.sockets.at[k];
            len += (size_t)snprintf(
                said + len, sizeof(said) - len, "%s%s %s %s %s %u %s %u %s", k == 0 ? "" : "|",
                hm_protocol_names[one->protocol], hm_family_names[one->family],
                hm_socket_state_names[one->state], one->address, (unsigned)one->port,
                one->remote[0] == '\0' ? "-" : one->remote, (unsigned)one->pid, one->program);
            assert_true(len < sizeof(said));
        }
        one = &listing.sockets.at[0];
        assert_string_equal(said, rows[i].says);
        assert_string_equal(one->service, "");
        assert_int_equal(one->connecting, strstr(rows[i].text, "SYN-SENT") != NULL);
        assert_int_equal(listing.has_programs, one->program[0] != '\0');
        assert_int_equal(listing.has_connections, one->state != HM_SOCKET_LISTEN);
        hm_arena_fini(&arena);
    }
}

static void test_refused(void **state)
{
    static const char *const texts[] = {
        "",
        NETSTAT,
        NETSTAT "tcp        0      0 0.0.0.0:ssh   0.0.0.0:*   LISTEN      812/sshd\n",
        NETSTAT "tcp        0      0 localhost:22  0.0.0.0:*   LISTEN      812/sshd\n",
        NETSTAT "tcp        0      0 0.0.0.0:22\n",
        SS "tcp LISTEN 0 128 0.0.0.0:22\n",
        SS "tcp LISTEN 0 128 0.0.0.0:99999 0.0.0.0:*\n",
        "  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       900\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hm_linux_listing listing;
        struct hm_arena arena;
        struct hm_err err;

        print_message("%zu\n", i);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_linux_sockets_parse(texts[i], strlen(texts[i]), &arena, &listing, &err),
                         HM_EINVAL);
        assert_non_null(strstr(err.text, "ss -tuanp"));
        hm_arena_fini(&arena);
    }
}

/* Cut anywhere: read up to there, or refused. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t len = 0; len < strlen(rows[i].text); len++) {
            struct hm_linux_listing listing;
            struct hm_arena arena;

            hm_arena_init(&arena, ARENA_BYTES);
            if (hm_linux_sockets_parse(rows[i].text, len, &arena, &listing, NULL) == HM_OK) {
                assert_in_range(listing.sockets.count, 1, 3);
            }
            hm_arena_fini(&arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
