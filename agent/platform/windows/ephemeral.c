/* agent/platform/windows/ephemeral.c — does a program that asks for any port still get one, and is
 * a family of addresses there at all? SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <ws2tcpip.h>

#include "common/os/windows_text.h"

/* The system has no such stack: nothing is wrong with its ports. */
static bool is_absent(int number)
{
    return number == WSAEAFNOSUPPORT || number == WSAEPROTONOSUPPORT ||
           number == WSAEADDRNOTAVAIL || number == WSAEPROVIDERFAILEDINIT;
}

/* Windows' number of the failure, 0 = a port was had, or there is no such stack. */
static int try_stack(enum hm_protocol protocol, enum hm_family family)
{
    const struct sockaddr_in any4 = {.sin_family = AF_INET};
    const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
    const struct sockaddr *any = family == HM_IPV4 ? (const struct sockaddr *)(const void *)&any4
                                                   : (const struct sockaddr *)(const void *)&any6;
    SOCKET made = socket(family == HM_IPV4 ? AF_INET : AF_INET6,
                         protocol == HM_TCP ? SOCK_STREAM : SOCK_DGRAM, 0);
    int number = 0;

    if (made == INVALID_SOCKET) {
        number = WSAGetLastError();
    } else {
        if (bind(made, any, family == HM_IPV4 ? sizeof(any4) : sizeof(any6)) != 0) {
            number = WSAGetLastError();
        }
        (void)closesocket(made);
    }
    return is_absent(number) ? 0 : number;
}

bool hm_windows_has_family(enum hm_family family)
{
    WSADATA data;
    SOCKET made;
    bool has = true;

    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        return true;
    }
    made = socket(family == HM_IPV4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    if (made == INVALID_SOCKET) {
        has = WSAGetLastError() != WSAEAFNOSUPPORT;
    } else {
        (void)closesocket(made);
    }
    (void)WSACleanup();
    return has;
}

enum hm_status hm_windows_try_ephemeral(struct hm_arena *arena, const char **out_why,
                                        struct hm_err *err)
{
    const char *why = "";
    WSADATA data;
    int number = WSAStartup(MAKEWORD(2, 2), &data);

    if (number != 0) {
        return hm_windows_fail(err, "Winsock", (unsigned long)number);
    }
    for (unsigned i = 0; why != NULL && i < HM_STACK_COUNT; i++) {
        const enum hm_protocol protocol = i < 2 ? HM_TCP : HM_UDP;
        const enum hm_family family = i % 2 == 0 ? HM_IPV4 : HM_IPV6;

        number = try_stack(protocol, family);
        if (number != 0) {
            why = hm_arena_printf(arena, "%s%s%s/%s (error %d)", why,
                                  why[0] == '\0' ? "a program that asks for any port gets none: "
                                                 : ", ",
                                  hm_protocol_names[protocol], hm_family_names[family], number);
        }
    }
    (void)WSACleanup();
    if (why == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to ask for a port");
    }
    *out_why = why;
    return HM_OK;
}
