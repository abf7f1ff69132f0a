/* tests/support/tls_client.c — raw bytes over TLS to loopback, for what no HTTP library sends.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/tls_client.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct tls_client {
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    int fd;
    char *data; /* received, not yet taken */
    size_t len;
    bool closed;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "tls_client: %s\n", what);
        abort();
    }
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void shake_hands(struct tls_client *client, const char *ca_pem)
{
    const gnutls_datum_t ca = {(unsigned char *)(uintptr_t)ca_pem, (unsigned)strlen(ca_pem)};
    int result;

    must(gnutls_certificate_allocate_credentials(&client->credentials) == 0, "no memory");
    must(gnutls_certificate_set_x509_trust_mem(client->credentials, &ca, GNUTLS_X509_FMT_PEM) == 1,
         "the CA is not read");
    must(gnutls_init(&client->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) == 0, "no memory");
    must(gnutls_set_default_priority(client->session) == 0, "no priorities");
    must(gnutls_credentials_set(client->session, GNUTLS_CRD_CERTIFICATE, client->credentials) == 0,
         "no credentials");
    gnutls_session_set_verify_cert(client->session, "localhost", 0);
    gnutls_transport_set_int(client->session, client->fd);
    do {
        result = gnutls_handshake(client->session);
    } while (result < 0 && !gnutls_error_is_fatal(result));
    must(result == 0, gnutls_strerror(result));
}

static int connect_to(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0, "no socket");
    must(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "nobody listens");
    return fd;
}

struct tls_client *tls_open(uint16_t port, const char *ca_pem)
{
    struct tls_client *client = calloc(1, sizeof(*client));

    must(client != NULL, "no memory");
    client->fd = connect_to(port);
    shake_hands(client, ca_pem);
    return client;
}

bool tls_is_taken(uint16_t port)
{
    int fd = connect_to(port);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    bool taken = poll(&ready, 1, 2000) == 0; /* a server that takes it waits for us to speak */

    (void)close(fd);
    return taken;
}

void tls_close(struct tls_client *client)
{
    if (client == NULL) {
        return;
    }
    (void)gnutls_bye(client->session, GNUTLS_SHUT_WR);
    gnutls_deinit(client->session);
    gnutls_certificate_free_credentials(client->credentials);
    (void)close(client->fd);
    free(client->data);
    free(client);
}

bool tls_send(struct tls_client *client, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t sent = gnutls_record_send(client->session, at, len);

        if (sent < 0 && !gnutls_error_is_fatal((int)sent)) {
            continue;
        }
        if (sent <= 0) {
            client->closed = true;
            return false;
        }
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool tls_send_text(struct tls_client *client, const char *text)
{
    return tls_send(client, text, strlen(text));
}

/* More bytes; false at the end, or when time is up. */
static bool receive(struct tls_client *client, int64_t until_ms)
{
    char piece[16384];
    ssize_t got;

    while (!client->closed) {
        struct pollfd ready = {.fd = client->fd, .events = POLLIN};
        int64_t left_ms = until_ms - now_ms();

        if (gnutls_record_check_pending(client->session) == 0 &&
            (left_ms <= 0 || poll(&ready, 1, (int)left_ms) <= 0)) {
            return false;
        }
        got = gnutls_record_recv(client->session, piece, sizeof(piece));
        if (got > 0) {
            client->data = realloc(client->data, client->len + (size_t)got + 1);
            must(client->data != NULL, "no memory");
            memcpy(client->data + client->len, piece, (size_t)got);
            client->len += (size_t)got;
            client->data[client->len] = '\0';
            return true;
        }
        client->closed = got == 0 || gnutls_error_is_fatal((int)got);
    }
    return false;
}

static void take(struct tls_client *client, size_t len)
{
    memmove(client->data, client->data + len, client->len - len + 1);
    client->len -= len;
}

static size_t head_len(const struct tls_client *client)
{
    const char *end = client->data == NULL ? NULL : strstr(client->data, "\r\n\r\n");

    return end == NULL ? 0 : (size_t)(end - client->data) + 4;
}

const char *tls_header(const struct tls_reply *reply, const char *name, char *out, size_t size)
{
    const char *line = reply->head;
    const size_t len = strlen(name);

    out[0] = '\0';
    while ((line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *value = line + len + 1 + strspn(line + len + 1, " ");

            (void)snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
            break;
        }
    }
    return out;
}

static bool read_head(struct tls_client *client, struct tls_reply *out_reply, int64_t until_ms)
{
    size_t len;

    do {
        while ((len = head_len(client)) == 0) {
            if (!receive(client, until_ms)) {
                return false;
            }
        }
        must(len < sizeof(out_reply->head), "the answer's head is too large");
        memcpy(out_reply->head, client->data, len);
        out_reply->head[len] = '\0';
        take(client, len);
        out_reply->status = (unsigned)strtoul(out_reply->head + 9, NULL, 10);
    } while (out_reply->status == 100);
    return true;
}

void tls_read(struct tls_client *client, struct tls_reply *out_reply, bool no_body,
              int64_t timeout_ms)
{
    const int64_t until_ms = now_ms() + timeout_ms;
    char value[32];
    size_t len = 0;

    memset(out_reply, 0, sizeof(*out_reply));
    if (read_head(client, out_reply, until_ms) && !no_body) {
        len = strtoul(tls_header(out_reply, "Content-Length", value, sizeof(value)), NULL, 10);
        while (client->len < len && receive(client, until_ms)) {
        }
        len = client->len < len ? client->len : len;
        out_reply->body = calloc(1, len + 1);
        must(out_reply->body != NULL, "no memory");
        if (len > 0) {
            memcpy(out_reply->body, client->data, len);
            take(client, len);
        }
        out_reply->body_len = len;
    }
    out_reply->closed = client->closed;
}

void tls_reply_fini(struct tls_reply *reply)
{
    free(reply->body);
    reply->body = NULL;
}

void tls_call(struct tls_client *client, const char *method, const char *path, const char *headers,
              const void *body, size_t body_len, struct tls_reply *out_reply)
{
    char length[64] = "";
    char head[16384];

    if (body_len > 0 || strcmp(method, "POST") == 0) {
        (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", body_len);
    }
    must((size_t)snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n",
                          method, path, headers, length) < sizeof(head),
         "the request's head is too large");
    if (tls_send_text(client, head) && body_len > 0) {
        (void)tls_send(client, body, body_len);
    }
    client->closed = false; /* an answer may be there although sending failed */
    tls_read(client, out_reply, strcmp(method, "HEAD") == 0, 20000);
}
