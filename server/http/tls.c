/* server/http/tls.c — head and body of a small answer as one TLS record.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/http/tls.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    return info == NULL ? NULL : info->tls_session;
}

void hm_tls_collect(struct MHD_Connection *connection)
{
    gnutls_session_t session = session_of(connection);

    if (session != NULL) {
        gnutls_record_cork(session);
    }
}

bool hm_tls_flush(struct MHD_Connection *connection, int fd)
{
    gnutls_session_t session = session_of(connection);
    const int off = 0;

    /* The library has corked the socket for a body that was to follow the head. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
    return session == NULL || gnutls_record_uncork(session, 0) >= 0;
}
