/* tests/support/tls_peer.c — an HTTPS server on loopback that behaves as its paths are named.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/tls_peer.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define REQUEST_BYTES 65536
#define BODY_BYTES (4u << 20)

struct tls_peer {
    int listener;
    pthread_t thread;
    char url[64];
    char ca_path[64];
    char sha256[65];
    char pem[8192];
    const char *priority;
    gnutls_certificate_credentials_t credentials;
    atomic_uint connections;
    atomic_uint requests;
};

/* Unlike assert it is there in every build. */
static void must(bool ok)
{
    if (!ok) {
        (void)fprintf(stderr, "tls_peer: the test's own server cannot work\n");
        abort();
    }
}

static void make_certificate(struct tls_peer *peer, const char *name)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    unsigned char hash[32];
    size_t size = sizeof(peer->pem);
    size_t hash_size = sizeof(hash);
    const unsigned char serial = 1;

    must(gnutls_x509_privkey_init(&key) == 0);
    must(gnutls_x509_crt_init(&crt) == 0);
    must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
    (void)gnutls_x509_crt_set_version(crt, 3);
    (void)gnutls_x509_crt_set_serial(crt, &serial, 1);
    (void)gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
    (void)gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 3600);
    (void)gnutls_x509_crt_set_dn(crt, "CN=test", NULL);
    (void)gnutls_x509_crt_set_basic_constraints(crt, 1, -1);
    (void)gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
                                               (unsigned)strlen(name), GNUTLS_FSAN_SET);
    (void)gnutls_x509_crt_set_key(crt, key);
    must(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) == 0);
    must(gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_PEM, peer->pem, &size) == 0);
    peer->pem[size] = '\0';
    must(gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &hash_size) == 0);
    for (size_t i = 0; i < sizeof(hash); i++) {
        (void)snprintf(peer->sha256 + 2 * i, 3, "%02x", hash[i]);
    }
    must(gnutls_certificate_allocate_credentials(&peer->credentials) == 0);
    must(gnutls_certificate_set_x509_key(peer->credentials, &crt, 1, key) == 0);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
}

static void write_ca(struct tls_peer *peer)
{
    int fd;

    (void)snprintf(peer->ca_path, sizeof(peer->ca_path), "/tmp/hm-test-ca-XXXXXX");
    fd = mkstemp(peer->ca_path);
    must(fd >= 0);
    must(write(fd, peer->pem, strlen(peer->pem)) == (ssize_t)strlen(peer->pem));
    (void)close(fd);
}

static void send_all(gnutls_session_t session, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t put = gnutls_record_send(session, at, len);

        if (put < 0) {
            return;
        }
        at += put;
        len -= (size_t)put;
    }
}

static void answer(gnutls_session_t session, const char *status, const char *headers,
                   const void *body, size_t len)
{
    char head[512];
    int put = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status,
                       len, headers);

    send_all(session, head, (size_t)put);
    send_all(session, body, len);
}

static void answer_gzip(gnutls_session_t session, char fill, size_t len)
{
    unsigned char *plain = malloc(len);
    unsigned char *packed = malloc(len + 1024);
    z_stream stream = {.next_in = plain,
                       .avail_in = (unsigned)len,
                       .next_out = packed,
                       .avail_out = (unsigned)len + 1024};

    must(plain != NULL && packed != NULL);
    memset(plain, fill, len);
    must(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    must(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    answer(session, "200 OK", "Content-Encoding: gzip\r\n", packed, stream.total_out);
    (void)deflateEnd(&stream);
    free(plain);
    free(packed);
}

/* Until the client goes away. */
static void hold(gnutls_session_t session)
{
    char byte;

    while (gnutls_record_recv(session, &byte, 1) > 0) {
    }
}

/* false = the connection is over. */
static bool serve(struct tls_peer *peer, gnutls_session_t session, const char *request, size_t len)
{
    char path[64] = "";
    static char big[BODY_BYTES / 2];

    (void)sscanf(request, "%*s %63s", path);
    if (strcmp(path, "/plain") == 0) {
        answer(session, "200 OK",
               "ETag: \"e1\"\r\nContent-Type: text/plain\r\n"
               "Date: Sun, 09 Sep 2001 01:46:40 GMT\r\n",
               "hello", 5);
    } else if (strncmp(path, "/echo", 5) == 0) {
        answer(session, "200 OK", "", request, len);
    } else if (strcmp(path, "/gzip") == 0) {
        answer_gzip(session, 'z', 5000);
    } else if (strcmp(path, "/bomb") == 0) {
        answer_gzip(session, 0, BODY_BYTES);
    } else if (strcmp(path, "/long") == 0) {
        answer(session, "200 OK", "", big, sizeof(big));
    } else if (strcmp(path, "/redirect") == 0) {
        answer(session, "302 Found", "Location: /plain\r\n", "", 0);
    } else if (strcmp(path, "/busy") == 0) {
        answer(session, "503 Busy", "Retry-After: 7\r\n", "later", 5);
    } else if (strcmp(path, "/empty") == 0) {
        send_all(session, "HTTP/1.1 304 Not Modified\r\n\r\n", 29);
    } else if (strcmp(path, "/hold") == 0) {
        hold(session);
        return false;
    } else if (strcmp(path, "/v1/ca") == 0) {
        char both[2 * sizeof(peer->pem)]; /* what stands behind the first must not be believed */

        (void)snprintf(both, sizeof(both), "%s%s", peer->pem, peer->pem);
        answer(session, "200 OK", "", both, strlen(both));
    } else {
        return false;
    }
    return true;
}

/* Length of a whole request at the start of text; 0 while it is not whole. */
static size_t request_len(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    size_t len;

    if (end == NULL) {
        return 0;
    }
    len = (size_t)(end + 4 - text);
    if (length != NULL && length < end) {
        len += strtoul(length + 16, NULL, 10);
    }
    return strlen(text) >= len ? len : 0;
}

static void converse(struct tls_peer *peer, gnutls_session_t session)
{
    static char text[REQUEST_BYTES];
    size_t have = 0;

    for (;;) {
        size_t len = request_len(text);

        if (len > 0) {
            bool more;

            atomic_fetch_add(&peer->requests, 1);
            more = serve(peer, session, text, len);
            memmove(text, text + len, have - len + 1);
            have -= len;
            if (!more) {
                break;
            }
        } else {
            ssize_t got = gnutls_record_recv(session, text + have, sizeof(text) - 1 - have);

            if (got <= 0) {
                break;
            }
            have += (size_t)got;
            text[have] = '\0';
        }
    }
    text[0] = '\0';
}

static void one_connection(struct tls_peer *peer, int socket)
{
    gnutls_session_t session;

    must(gnutls_init(&session, GNUTLS_SERVER) == 0);
    must(gnutls_priority_set_direct(session, peer->priority, NULL) == 0);
    (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, peer->credentials);
    gnutls_transport_set_int(session, socket);
    if (gnutls_handshake(session) == 0) {
        atomic_fetch_add(&peer->connections, 1);
        converse(peer, session);
    }
    gnutls_deinit(session);
    (void)close(socket);
}

static void *accept_all(void *arg)
{
    struct tls_peer *peer = arg;
    int socket;

    while ((socket = accept(peer->listener, NULL, NULL)) >= 0) {
        one_connection(peer, socket);
    }
    return NULL;
}

struct tls_peer *tls_peer_start(const char *priority, const char *name)
{
    struct tls_peer *peer = calloc(1, sizeof(*peer));
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    must(peer != NULL);
    peer->priority = priority != NULL ? priority : "NORMAL";
    make_certificate(peer, name);
    write_ca(peer);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    must(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    must(listen(peer->listener, 16) == 0);
    must(getsockname(peer->listener, (struct sockaddr *)&address, &len) == 0);
    (void)snprintf(peer->url, sizeof(peer->url), "https://localhost:%u", ntohs(address.sin_port));
    must(pthread_create(&peer->thread, NULL, accept_all, peer) == 0);
    return peer;
}

/* Clients are closed by then: the thread waits in accept only. */
void tls_peer_stop(struct tls_peer *peer)
{
    (void)shutdown(peer->listener, SHUT_RDWR);
    (void)pthread_join(peer->thread, NULL);
    (void)close(peer->listener);
    (void)unlink(peer->ca_path);
    gnutls_certificate_free_credentials(peer->credentials);
    free(peer);
}

const char *tls_peer_url(const struct tls_peer *peer)
{
    return peer->url;
}

const char *tls_peer_ca_path(const struct tls_peer *peer)
{
    return peer->ca_path;
}

const char *tls_peer_sha256(const struct tls_peer *peer)
{
    return peer->sha256;
}

unsigned tls_peer_connections(struct tls_peer *peer)
{
    return atomic_load(&peer->connections);
}

unsigned tls_peer_requests(struct tls_peer *peer)
{
    return atomic_load(&peer->requests);
}
