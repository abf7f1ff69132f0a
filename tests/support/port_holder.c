/* tests/support/port_holder.c — binds one port and waits: a service, or what takes its port.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Usage: port_holder tcp|udp ADDRESS PORT. Prints "ready" once it has the port; ends on SIGTERM
 * or when its standard input is closed. The end-to-end tests copy it under the names they need. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    const struct sockaddr *address = (const struct sockaddr *)&v4;
    socklen_t len = sizeof(v4);
    int on = 1;
    int type;
    int fd;

    if (argc != 4) {
        (void)fprintf(stderr, "usage: port_holder tcp|udp ADDRESS PORT\n");
        return 2;
    }
    type = strcmp(argv[1], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM;
    v4.sin_port = htons((in_port_t)atoi(argv[3]));
    v6.sin6_port = v4.sin_port;
    if (inet_pton(AF_INET, argv[2], &v4.sin_addr) != 1) {
        if (inet_pton(AF_INET6, argv[2], &v6.sin6_addr) != 1) {
            (void)fprintf(stderr, "port_holder: %s is no address\n", argv[2]);
            return 2;
        }
        address = (const struct sockaddr *)&v6;
        len = sizeof(v6);
    }
    fd = socket(address->sa_family, type, 0);
    if (fd < 0 ||
        (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) ||
        bind(fd, address, len) != 0 || (type == SOCK_STREAM && listen(fd, 8) != 0)) {
        perror("port_holder");
        return 1;
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    for (char byte; read(STDIN_FILENO, &byte, 1) == 1;) {
    }
    return 0;
}
