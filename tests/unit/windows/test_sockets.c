/* tests/unit/windows/test_sockets.c — rows of the system's tables, and sockets of our own in them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_BYTES (64u * 1024u * 1024u)
#define PORT(number) ((DWORD)(((number)&0xff) << 8 | (number) >> 8) | 0xabcd0000u)

static const char *of_lsass[] = {"Netlogon"};
static const char *of_svchost[] = {"CryptSvc", "Dnscache", "NlaSvc"};
static struct hm_windows_process processes_at[] = {
    {4,    "System",      "",         {NULL, 0}      },
    {700,  "lsass.exe",   "Netlogon", {of_lsass, 1}  },
    {1200, "svchost.exe", "",         {of_svchost, 3}},
};
static const struct hm_windows_processes processes = {processes_at, HM_COUNT(processes_at)};

static void fill_address(unsigned char *out, size_t len, unsigned char last)
{
    memset(out, 0, len);
    out[len - 1] = last;
}

static void test_rows(void **state)
{
    struct hm_socket_rows rows = {.processes = &processes};
    struct hm_arena arena;
    struct hm_err err;
    MIB_TCPROW_OWNER_MODULE tcp4 = {
        .dwState = MIB_TCP_STATE_LISTEN, .dwLocalPort = PORT(9955), .dwOwningPid = 700};
    MIB_TCP6ROW_OWNER_MODULE tcp6 = {.dwState = MIB_TCP_STATE_ESTAB,
                                     .dwLocalPort = PORT(50000),
                                     .dwRemotePort = PORT(3268),
                                     .dwOwningPid = 1200};
    MIB_UDPROW_OWNER_MODULE udp4 = {.dwLocalPort = PORT(53), .dwOwningPid = 9999};
    MIB_UDP6ROW_OWNER_MODULE udp6 = {.dwLocalPort = PORT(65535), .dwOwningPid = 4};
    struct hm_bound_row4 bound4 = {
        .address = {10, 0, 0, 1},
          .port = PORT(1234), .pid = 700
    };
    struct hm_bound_row6 bound6 = {.port = PORT(4321), .pid = 4};

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    rows.arena = &arena;
    fill_address(tcp6.ucLocalAddr, 16, 1);
    fill_address(tcp6.ucRemoteAddr, 16, 2);
    assert_int_equal(hm_socket_rows_add(&rows, HM_TCP, HM_IPV4, &tcp4, &err), HM_OK);
    assert_int_equal(hm_socket_rows_add(&rows, HM_TCP, HM_IPV6, &tcp6, &err), HM_OK);
    assert_int_equal(hm_socket_rows_add(&rows, HM_UDP, HM_IPV4, &udp4, &err), HM_OK);
    assert_int_equal(hm_socket_rows_add(&rows, HM_UDP, HM_IPV6, &udp6, &err), HM_OK);
    assert_int_equal(hm_socket_rows_add_bound(&rows, HM_IPV4, &bound4, &err), HM_OK);
    assert_int_equal(hm_socket_rows_add_bound(&rows, HM_IPV6, &bound6, &err), HM_OK);
    tcp4.dwState = MIB_TCP_STATE_TIME_WAIT;
    tcp4.dwOwningPid = 0;
    tcp4.dwRemotePort = PORT(25);
    assert_int_equal(hm_socket_rows_add(&rows, HM_TCP, HM_IPV4, &tcp4, &err), HM_OK);
    tcp4.dwState = MIB_TCP_STATE_DELETE_TCB;
    assert_int_equal(hm_socket_rows_add(&rows, HM_TCP, HM_IPV4, &tcp4, &err), HM_OK);
    udp4.dwLocalPort = 0;
    assert_int_equal(hm_socket_rows_add(&rows, HM_UDP, HM_IPV4, &udp4, &err), HM_OK);

    {
        static const struct hm_socket expected[] = {
            {HM_TCP,
             HM_IPV4,         HM_SOCKET_LISTEN,
             "0.0.0.0",                                         9955,
             "",                                                           700,
             "lsass.exe",                                                                  "Netlogon",
             false,                                                                                           {NULL, 0}},
            {HM_TCP,
             HM_IPV6,         HM_SOCKET_ESTABLISHED,
             "::1",                                             50000,
             "[::2]:3268",                                                 1200,
             "svchost.exe",                                                                "",
             false,                                                                                           {NULL, 0}},
            {HM_UDP, HM_IPV4, HM_SOCKET_LISTEN,      "0.0.0.0", 53,    "", 9999, "",       "",         false, {NULL, 0}},
            {HM_UDP, HM_IPV6, HM_SOCKET_LISTEN,      "::",      65535, "", 4,    "System", "",         false, {NULL, 0}},
            {HM_TCP,
             HM_IPV4,         HM_SOCKET_BOUND,
             "10.0.0.1",                                        1234,
             "",                                                           700,
             "lsass.exe",                                                                  "Netlogon",
             false,                                                                                           {NULL, 0}},
            {HM_TCP, HM_IPV6, HM_SOCKET_BOUND,       "::",      4321,  "", 4,    "System", "",         false, {NULL, 0}},
            {HM_TCP,
             HM_IPV4,         HM_SOCKET_TIME_WAIT,
             "0.0.0.0",                                         9955,
             "0.0.0.0:25",                                                 0,
             "",                                                                           "",
             false,                                                                                           {NULL, 0}},
        };

        assert_int_equal(rows.sockets.count, HM_COUNT(expected));
        for (size_t i = 0; i < HM_COUNT(expected); i++) {
            const struct hm_socket *socket = &rows.sockets.at[i];

            assert_int_equal(socket->protocol, expected[i].protocol);
            assert_int_equal(socket->family, expected[i].family);
            assert_int_equal(socket->state, expected[i].state);
            assert_string_equal(socket->address, expected[i].address);
            assert_int_equal(socket->port, expected[i].port);
            assert_string_equal(socket->remote, expected[i].remote);
            assert_int_equal(socket->pid, expected[i].pid);
            assert_string_equal(socket->program, expected[i].program);
            assert_string_equal(socket->service, expected[i].service);
            assert_int_equal(socket->hosted.count, socket->pid == 1200 ? 3 : 0);
        }
    }
    hm_arena_fini(&arena);
}

struct own_case {
    int family;
    int type;
    enum hm_protocol protocol;
    enum hm_family our_family;
    const char *address;
};

static const struct own_case own_cases[] = {
    {AF_INET,  SOCK_STREAM, HM_TCP, HM_IPV4, "127.0.0.1"},
    {AF_INET6, SOCK_STREAM, HM_TCP, HM_IPV6, "::1"      },
    {AF_INET,  SOCK_DGRAM,  HM_UDP, HM_IPV4, "127.0.0.1"},
    {AF_INET6, SOCK_DGRAM,  HM_UDP, HM_IPV6, "::1"      },
};

static SOCKET open_own(const struct own_case *row, uint16_t *out_port)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct sockaddr *address =
        row->family == AF_INET ? (struct sockaddr *)&in : (struct sockaddr *)&in6;
    int len = row->family == AF_INET ? (int)sizeof(in) : (int)sizeof(in6);
    SOCKET fd = socket(row->family, row->type, 0);
    u_long on = 1;
    char byte;

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in6.sin6_addr.s6_addr[15] = 1;
    assert_true(fd != INVALID_SOCKET);
    assert_int_equal(bind(fd, address, len), 0);
    assert_true(row->type != SOCK_STREAM || listen(fd, 1) == 0);
    assert_int_equal(getsockname(fd, address, &len), 0);
    *out_port = ntohs(row->family == AF_INET ? in.sin_port : in6.sin6_port);
    /* Wine knows whose a socket is once the process has asked something of it. */
    assert_int_equal(ioctlsocket(fd, (long)FIONBIO, &on), 0);
    (void)recv(fd, &byte, 1, 0);
    return fd;
}

static void test_own_sockets(void **state)
{
    struct hm_windows_services none = {0};
    struct hm_windows_processes live;
    struct hm_sockets sockets;
    struct hm_arena arena;
    struct hm_err err;
    WSADATA data;

    (void)state;
    assert_int_equal(WSAStartup(MAKEWORD(2, 2), &data), 0);
    for (size_t i = 0; i < HM_COUNT(own_cases); i++) {
        const struct own_case *row = &own_cases[i];
        const struct hm_socket *found = NULL;
        uint16_t port;
        SOCKET fd = open_own(row, &port);

        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_windows_processes(&none, &arena, &live, &err), HM_OK);
        assert_non_null(hm_windows_find_process(&live, GetCurrentProcessId()));
        assert_int_equal(hm_windows_sockets(&live, &arena, &sockets, &err), HM_OK);
        for (size_t j = 0; j < sockets.count; j++) {
            if (sockets.at[j].protocol == row->protocol &&
                sockets.at[j].family == row->our_family && sockets.at[j].port == port) {
                found = &sockets.at[j];
            }
        }
        assert_non_null(found);
        assert_int_equal(found->state, HM_SOCKET_LISTEN);
        assert_string_equal(found->address, row->address);
        assert_string_equal(found->remote, "");
        if (found->pid != 0) { /* Wine never tells it of TCP over IPv6 */
            assert_int_equal(found->pid, GetCurrentProcessId());
            assert_string_equal(found->program, "test_windows_sockets.exe");
        } else {
            assert_true(row->family == AF_INET6);
        }
        hm_arena_fini(&arena);
        assert_int_equal(closesocket(fd), 0);
    }
    assert_int_equal(WSACleanup(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_own_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
