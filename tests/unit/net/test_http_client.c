/* tests/unit/net/test_http_client.c — the HTTPS client against a server on loopback.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/net/http_client.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "tests/support/tls_peer.h"

#define CAP_BYTES (1u << 20)

struct fixture {
    struct tls_peer *peer;
    struct hm_http_client *client;
    struct hm_arena arena;
    int stop[2];
};

static struct hm_http_client *open_client(const char *url, const char *ca_path, int stop_fd)
{
    const struct hm_http_options options = {.base_url = url,
                                            .ca_path = ca_path,
                                            .user_agent = "test/1",
                                            .stop_fd = stop_fd,
                                            .reply_cap_bytes = CAP_BYTES,
                                            .connect_timeout_ms = 5000};
    struct hm_http_client *client = NULL;

    assert_int_equal(hm_http_open(&options, &client, NULL), HM_OK);
    return client;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    /* A proxy that is not there: who asked it would get no answer. */
    (void)setenv("https_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    hm_arena_init(&fixture->arena, 64u << 20);
    if (pipe(fixture->stop) != 0) {
        return -1;
    }
    fixture->peer = tls_peer_start(NULL, "localhost");
    fixture->client =
        open_client(tls_peer_url(fixture->peer), tls_peer_ca_path(fixture->peer), fixture->stop[0]);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    hm_http_close(fixture->client);
    hm_http_close(NULL);
    tls_peer_stop(fixture->peer);
    hm_arena_fini(&fixture->arena);
    (void)close(fixture->stop[0]);
    (void)close(fixture->stop[1]);
    free(fixture);
    return 0;
}

static enum hm_status get(struct fixture *fixture, const char *path, struct hm_http_reply *out,
                          struct hm_err *err)
{
    const struct hm_http_request request = {.method = "GET", .path = path, .timeout_ms = 20000};

    return hm_http_call(fixture->client, &request, &fixture->arena, out, err);
}

static void test_answers(void **state)
{
    static const struct {
        const char *path;
        unsigned status;
        size_t len;
        int64_t retry_after_s;
        const char *etag;
        const char *type;
    } rows[] = {
        {"/plain",    200, 5,    -1, "\"e1\"", "text/plain"},
        {"/gzip",     200, 5000, -1, "",       ""          },
        {"/redirect", 302, 0,    -1, "",       ""          },
        {"/busy",     503, 5,    7,  "",       ""          },
        {"/empty",    304, 0,    -1, "",       ""          },
        {"/plain",    200, 5,    -1, "\"e1\"", "text/plain"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_http_reply reply;

        assert_int_equal(get(fixture, rows[i].path, &reply, NULL), HM_OK);
        assert_int_equal(reply.status, rows[i].status);
        assert_int_equal(reply.body_len, rows[i].len);
        assert_int_equal(reply.body[reply.body_len], '\0');
        assert_int_equal(reply.retry_after_s, rows[i].retry_after_s);
        assert_string_equal(reply.etag, rows[i].etag);
        assert_string_equal(reply.content_type, rows[i].type);
        assert_int_equal(reply.date_ms,
                         rows[i].len == 5 && rows[i].status == 200 ? 1000000000000 : 0);
    }
    assert_int_equal(tls_peer_connections(fixture->peer), 1);
    assert_int_equal(tls_peer_requests(fixture->peer), HM_COUNT(rows));
}

static void test_what_is_sent(void **state)
{
    struct fixture *fixture = *state;
    const struct hm_http_header headers[] = {
        {"Prefer",        "wait=5"},
        {"If-None-Match", "\"x\"" },
    };
    const struct hm_http_request request = {.method = "POST",
                                            .path = "/echo?a=b",
                                            .bearer = "hma_secret",
                                            .content_type = "application/json",
                                            .body = "{}",
                                            .body_len = 2,
                                            .headers = headers,
                                            .header_count = 2,
                                            .timeout_ms = 20000};
    static const char *const want[] = {
        "POST /echo?a=b HTTP/1.1\r\n",
        "\r\nAuthorization: Bearer hma_secret\r\n",
        "\r\nContent-Type: application/json\r\n",
        "\r\nContent-Length: 2\r\n",
        "\r\nPrefer: wait=5\r\n",
        "\r\nIf-None-Match: \"x\"\r\n",
        "\r\nAccept-Encoding: gzip\r\n",
        "\r\nUser-Agent: test/1\r\n",
        "\r\n\r\n{}",
    };
    struct hm_http_reply reply;

    assert_int_equal(hm_http_call(fixture->client, &request, &fixture->arena, &reply, NULL), HM_OK);
    for (size_t i = 0; i < HM_COUNT(want); i++) {
        assert_non_null(strstr(reply.body, want[i]));
    }
    assert_null(strstr(reply.body, "Accept:"));
    assert_null(strstr(reply.body, "Expect:"));
    /* Nothing of it stays for the next request. */
    assert_int_equal(get(fixture, "/echo", &reply, NULL), HM_OK);
    assert_null(strstr(reply.body, "hma_secret"));
    assert_null(strstr(reply.body, "Content-"));
    assert_non_null(strstr(reply.body, "GET /echo HTTP/1.1\r\n"));
}

static void test_no_line_end_in_headers(void **state)
{
    struct fixture *fixture = *state;
    const struct hm_http_header header = {"If-None-Match", "a\r\nX-Evil: 1"};
    struct hm_http_request request = {.method = "GET",
                                      .path = "/echo",
                                      .headers = &header,
                                      .header_count = 1,
                                      .timeout_ms = 20000};
    struct hm_http_reply reply;

    assert_int_equal(hm_http_call(fixture->client, &request, &fixture->arena, &reply, NULL),
                     HM_EINVAL);
    request.header_count = 0;
    request.bearer = "a\nb";
    assert_int_equal(hm_http_call(fixture->client, &request, &fixture->arena, &reply, NULL),
                     HM_EINVAL);
    assert_int_equal(tls_peer_requests(fixture->peer), 0);
}

static void test_long_answers_are_refused(void **state)
{
    static const char *const paths[] = {"/bomb", "/long"};
    struct fixture *fixture = *state;
    struct hm_http_reply reply;

    for (size_t i = 0; i < HM_COUNT(paths); i++) {
        assert_int_equal(get(fixture, paths[i], &reply, NULL), HM_ETOOBIG);
    }
    assert_int_equal(get(fixture, "/plain", &reply, NULL), HM_OK);
}

static void test_connection_that_breaks(void **state)
{
    struct fixture *fixture = *state;
    struct hm_http_reply reply;
    struct hm_err err;

    assert_int_equal(get(fixture, "/close", &reply, &err), HM_EIO);
    assert_non_null(strstr(err.text, tls_peer_url(fixture->peer)));
    assert_int_equal(get(fixture, "/plain", &reply, &err), HM_OK);
}

static void test_time_out(void **state)
{
    struct fixture *fixture = *state;
    const struct hm_http_request request = {.method = "GET", .path = "/hold", .timeout_ms = 200};
    struct hm_http_reply reply;
    struct hm_err err;

    assert_int_equal(hm_http_call(fixture->client, &request, &fixture->arena, &reply, &err),
                     HM_EIO);
    assert_string_equal(hm_err_code(&err), "timed_out");
}

static void *stop_soon(void *arg)
{
    struct fixture *fixture = arg;

    (void)usleep(100000);
    return write(fixture->stop[1], "x", 1) == 1 ? NULL : arg;
}

static void test_stop_ends_a_held_request(void **state)
{
    struct fixture *fixture = *state;
    int64_t began_ms = hm_os_monotonic_ms();
    struct hm_http_reply reply;
    struct hm_err err;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, stop_soon, fixture), 0);
    assert_int_equal(get(fixture, "/hold", &reply, &err), HM_EBUSY);
    assert_string_equal(hm_err_code(&err), "stopped");
    assert_in_range(hm_os_monotonic_ms() - began_ms, 50, 5000);
    (void)pthread_join(thread, NULL);
}

static void test_only_the_ca_vouches(void **state)
{
    struct fixture *fixture = *state;
    struct tls_peer *stranger;
    struct hm_http_reply reply;
    struct hm_err err;

    hm_http_close(fixture->client);
    fixture->client = open_client(tls_peer_url(fixture->peer), NULL, -1);
    assert_int_equal(get(fixture, "/plain", &reply, &err), HM_EIO);
    assert_string_equal(hm_err_code(&err), "certificate");
    hm_http_close(fixture->client);
    fixture->client = open_client(tls_peer_url(fixture->peer), "/no/such/ca.pem", -1);
    assert_int_equal(get(fixture, "/plain", &reply, &err), HM_EIO);
    hm_http_close(fixture->client);
    stranger = tls_peer_start(NULL, "elsewhere.example");
    fixture->client = open_client(tls_peer_url(stranger), tls_peer_ca_path(stranger), -1);
    assert_int_equal(get(fixture, "/plain", &reply, &err), HM_EIO);
    assert_string_equal(hm_err_code(&err), "certificate");
    assert_int_equal(tls_peer_requests(stranger) + tls_peer_requests(fixture->peer), 0);
    hm_http_close(fixture->client);
    fixture->client = NULL;
    tls_peer_stop(stranger);
}

static void test_old_tls_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct tls_peer *old = tls_peer_start("NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT", "localhost");
    struct hm_http_reply reply;

    hm_http_close(fixture->client);
    fixture->client = open_client(tls_peer_url(old), tls_peer_ca_path(old), -1);
    assert_int_equal(get(fixture, "/plain", &reply, NULL), HM_EIO);
    assert_int_equal(tls_peer_connections(old), 0);
    hm_http_close(fixture->client);
    fixture->client = NULL;
    tls_peer_stop(old);
}

static void test_addresses(void **state)
{
    static const char *const wrong[] = {"",         "http://localhost:1", "localhost",
                                        "https://", "HTTPS://localhost",  "file:///etc/passwd",
                                        "ftp://x"};
    struct fixture *fixture = *state;
    struct hm_http_client *client;
    struct hm_http_reply reply;
    struct hm_err err;
    char url[128];

    for (size_t i = 0; i < HM_COUNT(wrong); i++) {
        const struct hm_http_options options = {.base_url = wrong[i], .stop_fd = -1};

        assert_int_equal(hm_http_open(&options, &client, &err), HM_EINVAL);
    }
    hm_http_close(fixture->client);
    (void)snprintf(url, sizeof(url), "%s/", tls_peer_url(fixture->peer));
    fixture->client = open_client(url, tls_peer_ca_path(fixture->peer), -1);
    assert_int_equal(get(fixture, "/plain", &reply, &err), HM_OK);
    hm_http_close(fixture->client);
    fixture->client = open_client("https://localhost:1", NULL, -1);
    assert_int_equal(get(fixture, "/plain", &reply, &err), HM_EIO);
    assert_string_equal(hm_err_code(&err), "refused");
}

static void test_first_contact(void **state)
{
    struct fixture *fixture = *state;
    char other[65];
    char sha256[HM_SHA256_TEXT_BYTES];
    struct hm_span certificate;
    const char *pem = NULL;
    struct hm_err err;

    hm_http_close(fixture->client);
    fixture->client = NULL;
    assert_int_equal(hm_http_fetch_ca(tls_peer_url(fixture->peer), tls_peer_sha256(fixture->peer),
                                      "test/1", &fixture->arena, &pem, &err),
                     HM_OK);
    assert_int_equal(hm_digest_pem_sha256(pem, strlen(pem), sha256, &certificate, NULL), HM_OK);
    assert_string_equal(sha256, tls_peer_sha256(fixture->peer));
    assert_int_equal(certificate.len + 1, strlen(pem)); /* the second certificate is not there */
    memcpy(other, sha256, sizeof(other));
    other[63] = other[63] == '0' ? '1' : '0';
    pem = NULL;
    assert_int_equal(
        hm_http_fetch_ca(tls_peer_url(fixture->peer), other, "test/1", &fixture->arena, &pem, &err),
        HM_EDENIED);
    assert_int_equal(
        hm_http_fetch_ca(tls_peer_url(fixture->peer), "", "test/1", &fixture->arena, &pem, &err),
        HM_EDENIED);
    assert_null(pem);
}

static void test_escape(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(hm_http_escape(&fixture->arena, "aZ09-._~"), "aZ09-._~");
    assert_string_equal(hm_http_escape(&fixture->arena, "a b/c?d=\xc3\xa9%"),
                        "a%20b%2Fc%3Fd%3D%C3%A9%25");
    assert_string_equal(hm_http_escape(&fixture->arena, ""), "");
}

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK && hm_http_init(NULL) == HM_OK ? 0 : -1;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_answers),
        CASE(test_what_is_sent),
        CASE(test_no_line_end_in_headers),
        CASE(test_long_answers_are_refused),
        CASE(test_connection_that_breaks),
        CASE(test_time_out),
        CASE(test_stop_ends_a_held_request),
        CASE(test_only_the_ca_vouches),
        CASE(test_old_tls_is_refused),
        CASE(test_addresses),
        CASE(test_first_contact),
        CASE(test_escape),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
