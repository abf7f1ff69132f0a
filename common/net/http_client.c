/* common/net/http_client.c — one kept HTTPS connection to one server.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One multi handle holds the connection between calls; one easy handle is set again for each. */
#include "common/net/http_client.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"

#define TRANSFER_BUFFER_BYTES 16384L
#define KEEPALIVE_IDLE_S 60L
#define IDLE_CONNECTION_S 900L
#define HEADER_LINE_BYTES 1024
#define CA_REPLY_BYTES (64u * 1024u)
#define CA_TIMEOUT_MS 30000

struct hm_http_client {
    CURL *easy;
    CURLM *multi;
    char *base_url;
    char *ca_path; /* NULL = the system's store */
    char *user_agent;
    int stop_fd;
    size_t reply_cap_bytes;
    int64_t connect_timeout_ms;
    char reason[CURL_ERROR_SIZE]; /* curl's own words for the last failure */
};

struct exchange {
    struct curl_slist *headers;
    struct hm_buf body;
};

enum hm_status hm_http_init(struct hm_err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return hm_fail(err, HM_EIO, "the HTTP library cannot be started");
    }
    return HM_OK;
}

static char *copy_text(const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);
    char *copy = text == NULL ? NULL : malloc(len + 1);

    if (copy != NULL) {
        memcpy(copy, text, len + 1);
    }
    return copy;
}

/* "10.0.0.1:5830", "[fd00::1]": a host that is no name. */
static bool is_address(const char *host)
{
    size_t len = strcspn(host, ":/");

    return host[0] == '[' || (len > 0 && strspn(host, "0123456789.") >= len);
}

/* TLS libraries of the Windows builds look for names alone in a certificate once there is a CA
 * file: what would fail at each contact, in words about trust, is told at once. */
static bool needs_name(void)
{
    static const char *const libraries[] = {"Schannel", "mbedTLS"};
    const char *used = curl_version_info(CURLVERSION_NOW)->ssl_version;

    for (size_t i = 0; i < HM_COUNT(libraries); i++) {
        if (used != NULL && strncmp(used, libraries[i], strlen(libraries[i])) == 0) {
            return true;
        }
    }
    return false;
}

enum hm_status hm_http_open(const struct hm_http_options *options,
                            struct hm_http_client **out_client, struct hm_err *err)
{
    static const char scheme[] = "https://";
    struct hm_http_client *client;

    if (strncmp(options->base_url, scheme, sizeof(scheme) - 1) != 0 ||
        strlen(options->base_url) == sizeof(scheme) - 1 ||
        strlen(options->base_url) > HM_LIMIT_URL_BYTES) {
        return hm_fail(err, HM_EINVAL,
                       "\"%.200s\" is not the address of a collector: https://HOST:PORT was "
                       "expected",
                       options->base_url);
    }
    if (options->ca_path != NULL && needs_name() &&
        is_address(options->base_url + sizeof(scheme) - 1)) {
        return hm_fail_code(err, HM_EINVAL, "address_not_name",
                            "\"%.200s\": with a CA of its own a collector must be called by its "
                            "name on Windows, the certificate is not held against an address; "
                            "write https://NAME:PORT with a name that the certificate carries",
                            options->base_url);
    }
    client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a connection");
    }
    client->easy = curl_easy_init();
    client->multi = curl_multi_init();
    client->base_url = copy_text(options->base_url);
    client->ca_path = copy_text(options->ca_path);
    client->user_agent = copy_text(options->user_agent);
    client->stop_fd = options->stop_fd;
    client->reply_cap_bytes = options->reply_cap_bytes;
    client->connect_timeout_ms = options->connect_timeout_ms;
    if (client->easy == NULL || client->multi == NULL || client->base_url == NULL ||
        (options->ca_path != NULL && client->ca_path == NULL) ||
        (options->user_agent != NULL && client->user_agent == NULL)) {
        hm_http_close(client);
        return hm_fail(err, HM_ENOMEM, "no memory for a connection");
    }
    for (size_t len = strlen(client->base_url); client->base_url[len - 1] == '/'; len--) {
        client->base_url[len - 1] = '\0';
    }
    (void)curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 1L);
    *out_client = client;
    return HM_OK;
}

void hm_http_close(struct hm_http_client *client)
{
    if (client == NULL) {
        return;
    }
    if (client->easy != NULL) {
        curl_easy_cleanup(client->easy);
    }
    if (client->multi != NULL) {
        (void)curl_multi_cleanup(client->multi);
    }
    free(client->base_url);
    free(client->ca_path);
    free(client->user_agent);
    free(client);
}

/* Takes what the server sends, after decompression; a short count makes curl give up. */
static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;

    return hm_buf_put(&exchange->body, bytes, size * count) ? size * count : 0;
}

static bool add_header(struct exchange *exchange, const char *name, const char *value)
{
    char line[HEADER_LINE_BYTES];
    struct curl_slist *longer;
    int put = snprintf(line, sizeof(line), "%s: %s", name, value);

    if (put < 0 || (size_t)put >= sizeof(line) || strpbrk(value, "\r\n") != NULL) {
        return false;
    }
    longer = curl_slist_append(exchange->headers, line);
    hm_crypto_wipe(line, sizeof(line));
    if (longer == NULL) {
        return false;
    }
    exchange->headers = longer;
    return true;
}

static enum hm_status make_headers(const struct hm_http_request *request, struct exchange *exchange,
                                   struct hm_err *err)
{
    /* "Name:" takes a header of curl's own away; every byte counts on an idle host. */
    struct curl_slist *own = curl_slist_append(NULL, "Accept:");
    char bearer[HEADER_LINE_BYTES];
    bool ok = own != NULL;

    exchange->headers = own;
    own = ok ? curl_slist_append(own, "Expect:") : NULL;
    ok = own != NULL;
    if (ok && request->bearer != NULL) {
        int put = snprintf(bearer, sizeof(bearer), "Bearer %s", request->bearer);

        ok = put > 0 && (size_t)put < sizeof(bearer) &&
             add_header(exchange, "Authorization", bearer);
        hm_crypto_wipe(bearer, sizeof(bearer));
    }
    if (ok && request->body != NULL) {
        ok = add_header(exchange, "Content-Type",
                        request->content_type != NULL ? request->content_type
                                                      : "application/octet-stream");
    }
    for (size_t i = 0; ok && i < request->header_count; i++) {
        ok = add_header(exchange, request->headers[i].name, request->headers[i].value);
    }
    if (!ok) {
        return hm_fail(err, HM_EINVAL, "a request header is too long, or holds a line end");
    }
    return HM_OK;
}

static void set_security(const struct hm_http_client *client)
{
    CURL *easy = client->easy;

    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* the environment's proxies do not count */
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    /* Windows asks for a revocation list that a private CA does not have. */
    (void)curl_easy_setopt(easy, CURLOPT_SSL_OPTIONS, (long)CURLSSLOPT_REVOKE_BEST_EFFORT);
    /* Only Windows' own TLS asks whether a certificate was revoked, and it takes "cannot tell" for
     * "yes": a private CA has no such list, a public one's may be out of reach. */
    (void)curl_easy_setopt(easy, CURLOPT_SSL_OPTIONS,
                           client->ca_path != NULL ? (long)CURLSSLOPT_NO_REVOKE
                                                   : (long)CURLSSLOPT_REVOKE_BEST_EFFORT);
    if (client->ca_path != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_path);
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* else the system's store is too */
    }
}

/* The Windows build has no zlib: an answer in gzip, asked for all the same, would be refused. */
static const char *encodings(void)
{
    return (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_LIBZ) != 0 ? "gzip" : NULL;
}

static void set_transfer(struct hm_http_client *client, const struct hm_http_request *request,
                         struct exchange *exchange)
{
    CURL *easy = client->easy;

    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, encodings());
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, client->reason);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a stop waits for no name server */
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_S);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_IDLE_S);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, TRANSFER_BUFFER_BYTES);
    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, TRANSFER_BUFFER_BYTES);
    if (request->body != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
    }
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* Sets the easy handle up for one exchange; end_exchange undoes it in any case. */
static enum hm_status begin_exchange(struct hm_http_client *client,
                                     const struct hm_http_request *request,
                                     struct exchange *exchange, struct hm_err *err)
{
    struct hm_buf url;
    enum hm_status st;

    exchange->headers = NULL;
    hm_buf_init(&exchange->body, client->reply_cap_bytes);
    hm_buf_init(&url, HM_LIMIT_URL_BYTES * 2);
    client->reason[0] = '\0';
    curl_easy_reset(client->easy);
    (void)hm_buf_printf(&url, "%s%s", client->base_url, request->path);
    st = hm_buf_status(&url, err);
    if (st != HM_OK) {
        goto done;
    }
    st = make_headers(request, exchange, err);
    if (st != HM_OK) {
        goto done;
    }
    set_security(client);
    set_transfer(client, request, exchange);
    if (curl_easy_setopt(client->easy, CURLOPT_URL, hm_buf_text(&url)) != CURLE_OK) {
        st = hm_fail(err, HM_ENOMEM, "no memory for a request");
    }
done:
    hm_buf_fini(&url);
    return st;
}

static void end_exchange(struct hm_http_client *client, struct exchange *exchange)
{
    curl_easy_reset(client->easy);
    for (struct curl_slist *row = exchange->headers; row != NULL; row = row->next) {
        hm_crypto_wipe(row->data, strlen(row->data));
    }
    curl_slist_free_all(exchange->headers);
    hm_buf_fini(&exchange->body);
}

static enum hm_status fail_transfer(const struct hm_http_client *client, CURLcode code,
                                    struct hm_err *err)
{
    static const struct {
        CURLcode code;
        const char *name;
        const char *text;
    } rows[] = {
        {CURLE_COULDNT_RESOLVE_HOST,     "name_not_found",
         "the host name is not known; check the address and DNS"                                  },
        {CURLE_COULDNT_CONNECT,          "refused",
         "no connection; is the collector running, and does a firewall stand between?"            },
        {CURLE_OPERATION_TIMEDOUT,       "timed_out",      "no answer in time; is the network up?"},
        {CURLE_PEER_FAILED_VERIFICATION, "certificate",
         "its certificate is not trusted, or is for another name; check the CA file and the "
         "address"                                                                                },
        {CURLE_SSL_CACERT_BADFILE,       "ca_file",
         "the CA file cannot be used; check its path and rights"                                  },
        {CURLE_SSL_CONNECT_ERROR,        "tls",
         "no TLS session, or it was cut off; is this an HTTPS port?"                              },
        {CURLE_URL_MALFORMAT,            "address",        "the address is malformed; check it"   },
    };
    const char *reason = client->reason[0] != '\0' ? client->reason : curl_easy_strerror(code);

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        if (rows[i].code == code) {
            return hm_fail_code(err, HM_EIO, rows[i].name, "%s: %s (%s)", client->base_url,
                                rows[i].text, reason);
        }
    }
    return hm_fail_code(err, HM_EIO, "broken_off", "%s: the exchange broke off (%s)",
                        client->base_url, reason);
}

static enum hm_status fail_stopped(const struct hm_http_client *client, struct hm_err *err)
{
    return hm_fail_code(err, HM_EBUSY, "stopped", "%s: given up, a stop was asked for",
                        client->base_url);
}

/* Runs the transfer to its end, or to the stop. */
static enum hm_status run(struct hm_http_client *client, CURLcode *out_code, struct hm_err *err)
{
    const int longest_wait_ms = 600000; /* curl shortens it to its own next deadline */
    int running = 1;

    for (;;) {
        const int fds[] = {client->stop_fd, hm_os_meanwhile_fd()};
        struct curl_waitfd extra[HM_COUNT(fds)];
        unsigned extra_count = 0;
        const CURLMsg *message;
        int left;

        if (curl_multi_perform(client->multi, &running) != CURLM_OK) {
            return hm_fail(err, HM_EIO, "%s: the exchange cannot be run", client->base_url);
        }
        message = curl_multi_info_read(client->multi, &left);
        if (message != NULL && message->msg == CURLMSG_DONE) {
            *out_code = message->data.result;
            return HM_OK;
        }
        for (size_t i = 0; i < HM_COUNT(fds); i++) {
            if (fds[i] >= 0) {
                extra[extra_count++] =
                    (struct curl_waitfd){.fd = (curl_socket_t)fds[i], .events = CURL_WAIT_POLLIN};
            }
        }
        if (curl_multi_poll(client->multi, extra, extra_count, longest_wait_ms, NULL) != CURLM_OK) {
            return hm_fail(err, HM_EIO, "%s: the exchange cannot be waited for", client->base_url);
        }
        for (unsigned i = 0; i < extra_count; i++) {
            if (extra[i].revents == 0) {
                continue;
            }
            if (i == 0 && client->stop_fd >= 0) {
                return fail_stopped(client, err);
            }
            if (hm_os_meanwhile_run()) {
                return hm_fail_code(err, HM_EBUSY, "woken", "%s: given up, to look at the host",
                                    client->base_url);
            }
        }
    }
}

static enum hm_status perform(struct hm_http_client *client, const struct exchange *exchange,
                              struct hm_err *err)
{
    CURLcode code = CURLE_OK;
    enum hm_status st;

    if (curl_multi_add_handle(client->multi, client->easy) != CURLM_OK) {
        return hm_fail(err, HM_ENOMEM, "no memory for a request");
    }
    st = run(client, &code, err);
    (void)curl_multi_remove_handle(client->multi, client->easy);
    if (st == HM_OK && exchange->body.status != HM_OK) {
        st = hm_fail(err, exchange->body.status, "%s: the answer is longer than %zu bytes",
                     client->base_url, client->reply_cap_bytes);
    } else if (st == HM_OK && code != CURLE_OK) {
        st = fail_transfer(client, code, err);
    }
    return st;
}

static const char *copy_header(CURL *easy, const char *name, struct hm_arena *arena)
{
    struct curl_header *header;

    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return "";
    }
    return hm_arena_strdup(arena, header->value);
}

static int64_t date_of(CURL *easy)
{
    struct curl_header *header;
    time_t at = -1;

    if (curl_easy_header(easy, "Date", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        at = curl_getdate(header->value, NULL);
    }
    return at > 0 ? (int64_t)at * 1000 : 0;
}

static enum hm_status take_reply(const struct hm_http_client *client,
                                 const struct exchange *exchange, struct hm_arena *arena,
                                 struct hm_http_reply *out, struct hm_err *err)
{
    struct curl_header *header;
    curl_off_t retry_after_s = 0;
    long status = 0;
    struct hm_http_reply reply = {.retry_after_s = -1};

    (void)curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    reply.status = (unsigned)status;
    reply.date_ms = date_of(client->easy);
    reply.body_len = exchange->body.len;
    reply.body = hm_arena_strndup(arena, hm_buf_text(&exchange->body), exchange->body.len);
    reply.content_type = copy_header(client->easy, "Content-Type", arena);
    reply.etag = copy_header(client->easy, "ETag", arena);
    if (curl_easy_header(client->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
        curl_easy_getinfo(client->easy, CURLINFO_RETRY_AFTER, &retry_after_s) == CURLE_OK) {
        reply.retry_after_s = retry_after_s;
    }
    if (reply.body == NULL || reply.content_type == NULL || reply.etag == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for an answer of %zu bytes", reply.body_len);
    }
    *out = reply;
    return HM_OK;
}

enum hm_status hm_http_call(struct hm_http_client *client, const struct hm_http_request *request,
                            struct hm_arena *arena, struct hm_http_reply *out_reply,
                            struct hm_err *err)
{
    struct exchange exchange;
    enum hm_status st;

    st = begin_exchange(client, request, &exchange, err);
    if (st != HM_OK) {
        goto done;
    }
    st = perform(client, &exchange, err);
    if (st == HM_OK) {
        st = take_reply(client, &exchange, arena, out_reply, err);
    }
done:
    end_exchange(client, &exchange);
    return st;
}

/* The certificate that the fingerprint vouches for, and nothing that came along with it. */
static enum hm_status check_ca(const struct hm_http_client *client,
                               const struct hm_http_reply *reply, const char *ca_sha256,
                               struct hm_arena *arena, const char **out_pem, struct hm_err *err)
{
    char sha256[HM_SHA256_TEXT_BYTES];
    struct hm_span certificate;
    const char *pem;
    enum hm_status st;

    if (reply->status != 200) {
        return hm_fail(err, HM_EIO, "%s/v1/ca: answered %u; is this a collector?", client->base_url,
                       reply->status);
    }
    st = hm_digest_pem_sha256(reply->body, reply->body_len, sha256, &certificate, err);
    if (st != HM_OK) {
        hm_err_prefix(err, "%s/v1/ca", client->base_url);
        return st;
    }
    if (strlen(ca_sha256) != sizeof(sha256) - 1 ||
        !hm_crypto_equal(sha256, ca_sha256, sizeof(sha256) - 1)) {
        return hm_fail_code(err, HM_EDENIED, "fingerprint",
                            "%s: its CA certificate is not the one with the SHA-256 that was given "
                            "(a join token ends with it); is the address right, and is the token "
                            "or digest this collector's?",
                            client->base_url);
    }
    pem = hm_arena_printf(arena, "%.*s\n", (int)certificate.len, certificate.at);
    if (pem == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a certificate");
    }
    *out_pem = pem;
    return HM_OK;
}

enum hm_status hm_http_fetch_ca(const char *base_url, const char *ca_sha256, const char *user_agent,
                                struct hm_arena *arena, const char **out_pem, struct hm_err *err)
{
    const struct hm_http_options options = {
        .base_url = base_url,
        .user_agent = user_agent,
        .stop_fd = hm_os_stop_fd(),
        .reply_cap_bytes = CA_REPLY_BYTES,
        .connect_timeout_ms = CA_TIMEOUT_MS,
    };
    const struct hm_http_request request = {
        .method = "GET", .path = "/v1/ca", .timeout_ms = CA_TIMEOUT_MS};
    struct hm_http_client *client;
    struct hm_http_reply reply;
    struct exchange exchange;
    enum hm_status st;

    st = hm_http_open(&options, &client, err);
    if (st != HM_OK) {
        return st;
    }
    st = begin_exchange(client, &request, &exchange, err);
    if (st != HM_OK) {
        goto done;
    }
    /* What comes is public and proven by the fingerprint; the connection ends with this call. */
    (void)curl_easy_setopt(client->easy, CURLOPT_SSL_VERIFYPEER, 0L);
    (void)curl_easy_setopt(client->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    st = perform(client, &exchange, err);
    if (st == HM_OK) {
        st = take_reply(client, &exchange, arena, &reply, err);
    }
    if (st == HM_OK) {
        st = check_ca(client, &reply, ca_sha256, arena, out_pem, err);
    }
done:
    end_exchange(client, &exchange);
    hm_http_close(client);
    return st;
}

const char *hm_http_escape(struct hm_arena *arena, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char hex[] = "0123456789ABCDEF";
    char *out = hm_arena_alloc(arena, strlen(text) * 3 + 1, 1);
    char *at = out;

    if (out == NULL) {
        return NULL;
    }
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (strchr(plain, *text) != NULL) {
            *at++ = *text;
        } else {
            *at++ = '%';
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
        }
    }
    *at = '\0';
    return out;
}
