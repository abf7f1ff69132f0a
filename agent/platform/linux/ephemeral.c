/* agent/platform/linux/ephemeral.c — does a program that asks for any port still get one?
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Asks and gives it back at once. 0, or the error number. */
static int ask(enum hm_protocol protocol, enum hm_family family)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    const int on = 1;
    int number = 0;
    int fd = socket(family == HM_IPV4 ? AF_INET : AF_INET6,
                    (protocol == HM_TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return errno;
    }
    if (family == HM_IPV4) {
        number = bind(fd, (const struct sockaddr *)&four, sizeof(four)) == 0 ? 0 : errno;
    } else {
        /* of IPv6 alone: that IPv4 has a port to give is another question */
        number = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0 &&
                         bind(fd, (const struct sockaddr *)&six, sizeof(six)) == 0
                     ? 0
                     : errno;
    }
    (void)close(fd);
    return number;
}

static bool is_absent(int number)
{
    return number == EAFNOSUPPORT || number == EPROTONOSUPPORT || number == EADDRNOTAVAIL;
}

enum hm_status hm_linux_try_ephemeral(struct hm_arena *arena, const char **out_why,
                                      struct hm_err *err)
{
    const char *why = "";

    for (unsigned i = 0; why != NULL && i < HM_STACK_COUNT; i++) {
        enum hm_protocol protocol = i < 2 ? HM_TCP : HM_UDP;
        enum hm_family family = i % 2 == 0 ? HM_IPV4 : HM_IPV6;
        int number = ask(protocol, family);

        if (number == 0 || is_absent(number)) {
            continue;
        }
        if (number != EADDRINUSE) {
            return hm_fail(err, HM_EIO, "asking for a port of %s over %s: %s",
                           hm_protocol_names[protocol], hm_family_names[family], strerror(number));
        }
        why = hm_arena_printf(arena, "%s%s%s over %s", why,
                              why[0] == '\0' ? "no port is left of " : ", ",
                              hm_protocol_names[protocol], hm_family_names[family]);
    }
    if (why == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to tell which stacks have no port left");
    }
    *out_why = why;
    return HM_OK;
}
