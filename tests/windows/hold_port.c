/* tests/windows/hold_port.c — a program of Wine's own that holds a port: what takes a service's
 * port, or the service.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   hold_port PORT
 * Binds TCP 0.0.0.0:PORT and listens, prints "ready", ends when it is killed or after ten minutes.
 * Wine tells who owns a socket only once it was read from. Copied under the name that it shall
 * have. */
#include <winsock2.h>

#include <windows.h>

#include <stdio.h>
#include <wchar.h>

int wmain(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    u_long without_waiting = 1;
    WSADATA data;
    char byte;
    SOCKET made;

    if (argc != 2 || WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        return 2;
    }
    address.sin_port = htons((u_short)wcstoul(argv[1], NULL, 10));
    made = socket(AF_INET, SOCK_STREAM, 0);
    if (made == INVALID_SOCKET ||
        bind(made, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0 ||
        listen(made, 1) != 0) {
        (void)printf("error %d\n", WSAGetLastError());
        return 1;
    }
    (void)ioctlsocket(made, (long)FIONBIO, &without_waiting);
    (void)recv(made, &byte, 1, 0);
    (void)printf("ready\n");
    (void)fflush(stdout);
    Sleep(600000);
    return 0;
}
