/* tests/unit/server/test_http_server.c — routes, access, bodies, limits, over real TLS.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "tests/support/http_fixture.h"
#include "tests/support/tls_client.h"

#define BODY_CAP 10000u
#define LARGE_BYTES 100000u

static enum hm_status echo(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)hm_buf_printf(&reply->body, "%zu:", req->body_len);
    (void)hm_buf_put(&reply->body, req->body, req->body_len < 100 ? req->body_len : 100);
    return hm_buf_status(&reply->body, err);
}

static enum hm_status show(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const char *at = hm_req_query(req, "at");

    (void)hm_buf_printf(&reply->body, "%s|%s|%s|%s|%s", req->path_arg[0],
                        req->path_arg[1] == NULL ? "-" : req->path_arg[1], at == NULL ? "-" : at,
                        req->who.name, req->peer);
    return hm_buf_status(&reply->body, err);
}

static enum hm_status large(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)req;
    for (size_t i = 0; i < LARGE_BYTES / 10; i++) {
        (void)hm_buf_puts(&reply->body, "0123456789");
    }
    (void)snprintf(reply->etag, sizeof(reply->etag), "\"large\"");
    return hm_buf_status(&reply->body, err);
}

static enum hm_status fail_busy(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)req;
    (void)reply;
    return hm_fail(err, HM_EBUSY, "not now");
}

static enum hm_status fail_teapot(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)req;
    reply->status = 418;
    (void)hm_buf_puts(&reply->body, "left over");
    return hm_fail_code(err, HM_EINVAL, "teapot", "short and stout");
}

static enum hm_status nothing(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)req;
    (void)err;
    reply->status = 204;
    return HM_OK;
}

static const struct hm_route routes[] = {
    {"GET",    "/open",           HM_ROLE_ANYONE, 0,        nothing,     NULL                  },
    {"POST",   "/echo",           HM_ROLE_ANYONE, BODY_CAP, echo,        NULL                  },
    {"POST",   "/checkin",        HM_ROLE_AGENT,  BODY_CAP, echo,        "application/x-ndjson"},
    {"GET",    "/hosts/{id}",     HM_ROLE_VIEWER, 0,        show,        NULL                  },
    {"DELETE", "/hosts/{id}",     HM_ROLE_ADMIN,  0,        nothing,     NULL                  },
    {"GET",    "/hosts/{id}/{b}", HM_ROLE_VIEWER, 0,        show,        NULL                  },
    {"GET",    "/large",          HM_ROLE_ANYONE, 0,        large,       NULL                  },
    {"GET",    "/busy",           HM_ROLE_ANYONE, 0,        fail_busy,   NULL                  },
    {"GET",    "/teapot",         HM_ROLE_ANYONE, 0,        fail_teapot, NULL                  },
};

static struct http_fixture fixture;

static int start(void **state)
{
    (void)state;
    hm_log_set_level(HM_LOG_ERROR);
    http_fixture_start(&fixture, (struct hm_http_server_options){.routes = routes,
                                                                 .route_count = HM_COUNT(routes)});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_fixture_stop(&fixture);
    return 0;
}

#define VIEWER "Authorization: Bearer viewer\r\n"
#define ADMIN "Authorization: bearer admin\r\n"
#define AGENT "Authorization: Bearer agent\r\n"
#define JSON "Content-Type: application/json; charset=utf-8\r\n"
#define NDJSON "Content-Type: application/x-ndjson\r\n"

static const struct answer_case {
    const char *method;
    const char *path;
    const char *headers;
    const char *body;
    unsigned status;
    const char *has; /* in the body */
} answers[] = {
    {"GET",    "/open",               "",                                      "",   204, ""                                      },
    {"GET",    "/nothing",            "",                                      "",   404, "\"code\":\"no_such_route\""            },
    {"GET",    "/open/",              "",                                      "",   404, "no_such_route"                         },
    {"GET",    "/hosts/",             VIEWER,                                  "",   404, "no_such_route"                         },
    {"GET",    "/../etc/passwd",      "",                                      "",   404, "no_such_route"                         },
    {"POST",   "/open",               JSON,                                    "{}", 405, "\"code\":\"method_not_allowed\""       },
    {"BREW",   "/echo",               "",                                      "",   405, "method_not_allowed"                    },
    {"HEAD",   "/echo",               "",                                      "",   405, ""                                      },
    {"POST",   "/echo",               JSON,                                    "{}", 200, "2:{}"                                  },
    {"POST",   "/echo",               "",                                      "",   200, "0:"                                    },
    {"POST",   "/echo",               "",                                      "{}", 415, "\"code\":\"unsupported_media_type\""   },
    {"POST",   "/echo",               "Content-Type: application/jsonx\r\n",   "{}", 415, "unsupported_media_type"                },
    {"POST",   "/echo",               JSON "Content-Encoding: br\r\n",         "{}", 415,
     "\"code\":\"unsupported_encoding\""                                                                                          },
    {"POST",   "/echo",               JSON "Content-Encoding: gzip\r\n",       "{}", 400, "\"code\":\"bad_encoding\""             },
    {"POST",   "/checkin",            AGENT NDJSON,                            "{}", 200, "2:{}"                                  },
    {"POST",   "/checkin",            AGENT JSON,                              "{}", 415, "unsupported_media_type"                },
    {"POST",   "/checkin",            NDJSON,                                  "{}", 401, "\"code\":\"unauthenticated\""          },
    {"POST",   "/checkin",            "Authorization: Basic agent\r\n" NDJSON, "{}", 401, "unauthenticated"                       },
    {"POST",   "/checkin",            ADMIN NDJSON,                            "{}", 403, "\"code\":\"forbidden\""                },
    {"GET",    "/hosts/mail01",       VIEWER,                                  "",   200, "mail01|-|-|viewer|127.0.0.1"           },
    {"GET",    "/hosts/m%2f%61l",     VIEWER,                                  "",   200, "m/al|-|-|viewer"                       },
    {"GET",    "/hosts/a/b?at=x+%79", VIEWER,                                  "",   200, "a|b|x y|viewer"                        },
    {"GET",    "/hosts/a%00b",        VIEWER,                                  "",   400, "\"code\":\"bad_url\""                  },
    {"GET",    "/hosts/a%ff",         VIEWER,                                  "",   400, "bad_url"                               },
    {"GET",    "/hosts/a%zz",         VIEWER,                                  "",   400, "bad_url"                               },
    {"GET",    "/hosts/a?at=%00",     VIEWER,                                  "",   400, "bad_url"                               },
    {"GET",    "/hosts/a?b=1&at=%f",  VIEWER,                                  "",   400, "bad_url"                               },
    {"GET",    "/hosts/mail01",       AGENT,                                   "",   403, "forbidden"                             },
    {"DELETE", "/hosts/mail01",       VIEWER,                                  "",   403, "forbidden"                             },
    {"DELETE", "/hosts/mail01",       ADMIN,                                   "",   204, ""                                      },
    {"DELETE", "/hosts/mail01",       ADMIN JSON,                              "{}", 400, "\"code\":\"body_not_allowed\""         },
    {"GET",    "/busy",               "",                                      "",   503, "\"code\":\"busy\""                     },
    {"GET",    "/teapot",             "",                                      "",   418, "\"code\":\"teapot\",\"detail\":\"short"},
};

/* Every answer but the last leaves the connection open: all are asked on one. */
static void test_answers(void **state)
{
    struct tls_client *client = tls_open(fixture.port, fixture.ca.certificate_pem);
    char value[128];

    (void)state;
    for (size_t i = 0; i < HM_COUNT(answers); i++) {
        const struct answer_case *at = &answers[i];
        struct tls_reply reply;

        tls_call(client, at->method, at->path, at->headers, at->body, strlen(at->body), &reply);
        if (reply.status != at->status ||
            (reply.body != NULL && strstr(reply.body, at->has) == NULL)) {
            fail_msg("%s %s (row %zu): %u, %s", at->method, at->path, i, reply.status,
                     reply.body == NULL ? "" : reply.body);
        }
        assert_int_equal(strlen(tls_header(&reply, "X-Request-Id", value, sizeof(value))), 26);
        if (at->status >= 400 && strcmp(at->method, "HEAD") != 0) {
            assert_string_equal(tls_header(&reply, "Content-Type", value, sizeof(value)),
                                "application/problem+json");
            (void)tls_header(&reply, "X-Request-Id", value, sizeof(value));
            assert_non_null(strstr(reply.body, value));
        }
        assert_false(reply.closed);
        tls_reply_fini(&reply);
    }
    tls_close(client);
}

static void test_headers(void **state)
{
    struct tls_client *client = tls_open(fixture.port, fixture.ca.certificate_pem);
    struct tls_reply reply;
    char value[128];

    (void)state;
    tls_call(client, "PUT", "/hosts/x", "", "", 0, &reply);
    assert_string_equal(tls_header(&reply, "Allow", value, sizeof(value)), "GET, HEAD, DELETE");
    tls_reply_fini(&reply);
    tls_call(client, "GET", "/hosts/x", "", "", 0, &reply);
    assert_string_equal(tls_header(&reply, "WWW-Authenticate", value, sizeof(value)), "Bearer");
    tls_reply_fini(&reply);
    tls_call(client, "GET", "/hosts/x", VIEWER, "", 0, &reply);
    assert_string_equal(tls_header(&reply, "Cache-Control", value, sizeof(value)), "no-store");
    tls_reply_fini(&reply);
    tls_call(client, "GET", "/busy", "", "", 0, &reply);
    assert_in_range(atoi(tls_header(&reply, "Retry-After", value, sizeof(value))), 1, 60);
    tls_reply_fini(&reply);
    tls_call(client, "HEAD", "/large", "", "", 0, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(tls_header(&reply, "Content-Length", value, sizeof(value)), "100000");
    assert_string_equal(tls_header(&reply, "ETag", value, sizeof(value)), "\"large\"");
    tls_reply_fini(&reply);
    tls_close(client);
}

static size_t gunzip(const char *data, size_t len, char *out, size_t room)
{
    z_stream stream = {0};

    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    (void)inflateEnd(&stream);
    return room - stream.avail_out;
}

static char *gzip(const char *data, size_t len, size_t *out_len)
{
    z_stream stream = {0};
    char *out = malloc(len + 1000);

    assert_non_null(out);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)(len + 1000);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *out_len = len + 1000 - stream.avail_out;
    (void)deflateEnd(&stream);
    return out;
}

/* Twice: the second time from the cache. */
static void test_packed_reply(void **state)
{
    struct tls_client *client = tls_open(fixture.port, fixture.ca.certificate_pem);
    static char plain[LARGE_BYTES + 1];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct tls_reply reply;
        char value[32];

        tls_call(client, "GET", "/large", "Accept-Encoding: deflate, gzip\r\n", "", 0, &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(tls_header(&reply, "Content-Encoding", value, sizeof(value)), "gzip");
        assert_in_range(reply.body_len, 100, LARGE_BYTES / 20);
        assert_int_equal(gunzip(reply.body, reply.body_len, plain, sizeof(plain)), LARGE_BYTES);
        assert_memory_equal(plain + LARGE_BYTES - 10, "0123456789", 10);
        tls_reply_fini(&reply);
    }
    tls_close(client);
}

static const struct body_case {
    size_t bytes; /* before packing */
    bool packed;
    size_t cut; /* bytes taken off the end */
    unsigned status;
    const char *has;
} bodies[] = {
    {5000,             true,  0, 200, "5000:"       },
    {BODY_CAP,         false, 0, 200, "10000:"      },
    {BODY_CAP,         true,  0, 200, "10000:"      },
    {BODY_CAP + 1,     false, 0, 413, "too_big"     },
    {BODY_CAP + 1,     true,  0, 413, "too_big"     },
    {8u * 1024 * 1024, true,  0, 413, "too_big"     }, /* a bomb: 8 KB on the wire */
    {5000,             true,  3, 400, "bad_encoding"},
    {1024u * 1024,     false, 0, 413, "too_big"     },
};

static void test_bodies(void **state)
{
    struct tls_client *client = tls_open(fixture.port, fixture.ca.certificate_pem);

    (void)state;
    for (size_t i = 0; i < HM_COUNT(bodies); i++) {
        char *data = calloc(1, bodies[i].bytes);
        size_t len = bodies[i].bytes;
        struct tls_reply reply;
        char *packed;

        assert_non_null(data);
        memset(data, 'x', len);
        packed = bodies[i].packed ? gzip(data, len, &len) : NULL;
        tls_call(client, "POST", "/echo",
                 bodies[i].packed ? JSON "Content-Encoding: gzip\r\n" : JSON,
                 packed != NULL ? packed : data, len - bodies[i].cut, &reply);
        if (reply.status != bodies[i].status || strstr(reply.body, bodies[i].has) == NULL) {
            fail_msg("row %zu: %u %s", i, reply.status, reply.body == NULL ? "" : reply.body);
        }
        assert_false(reply.closed); /* refused, and the connection goes on */
        tls_reply_fini(&reply);
        free(packed);
        free(data);
    }
    tls_close(client);
}

static void ask_raw(const char *text, unsigned status)
{
    struct tls_client *client = tls_open(fixture.port, fixture.ca.certificate_pem);
    struct tls_reply reply;

    (void)tls_send_text(client, text);
    tls_read(client, &reply, false, 5000);
    if (reply.status != status) {
        fail_msg("%.60s: %u instead of %u", text, reply.status, status);
    }
    tls_reply_fini(&reply);
    tls_close(client);
}

#define POST_ECHO "POST /echo HTTP/1.1\r\nHost: x\r\n" JSON

static void test_raw(void **state)
{
    static char text[20000];

    (void)state;
    ask_raw(POST_ECHO "Content-Length: 4294967296\r\n\r\n", 413); /* at once, unread */
    ask_raw(POST_ECHO "Content-Length: 20000\r\nExpect: 100-continue\r\n\r\n", 413);
    ask_raw(POST_ECHO "Content-Length: ten\r\n\r\n", 400);
    ask_raw(POST_ECHO "Content-Length: -1\r\n\r\n", 400);
    ask_raw(POST_ECHO "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200);
    ask_raw(POST_ECHO "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc", 200);
    ask_raw("GET /open HTTP/1.1\r\n\r\n", 400); /* no Host */
    ask_raw("GET /teapot HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 418);
    ask_raw("GET /teapot HTTP/1.0\r\n\r\n", 418);
    memset(text, 'a', sizeof(text) - 1);
    memcpy(text, "GET /", 5);
    ask_raw(text, 414);
    memcpy(text, "GET /open HTTP/1.1\r\nX: ", 23);
    ask_raw(text, 431);
}

/* What operators send fits: a filter of the largest size, escaped. */
static void test_long_query(void **state)
{
    struct tls_client *client = tls_open(fixture.port, fixture.ca.certificate_pem);
    char path[2200] = "/hosts/a?at=";
    struct tls_reply reply;

    (void)state;
    memset(path + strlen(path), 'f', 2000);
    tls_call(client, "GET", path, VIEWER "User-Agent: hmctl/0.1.0\r\nAccept: */*\r\n", "", 0,
             &reply);
    assert_int_equal(reply.status, 200);
    tls_reply_fini(&reply);
    tls_close(client);
}

static void test_figures(void **state)
{
    struct hm_http_stats stats;

    (void)state;
    hm_http_stats(fixture.http, &stats);
    assert_int_equal(stats.bodies_in_flight_bytes, 0);
    assert_int_equal(stats.held, 0);
    assert_true(stats.connections_total >= 5);
    assert_true(hm_http_answers(fixture.http, 0, 2) >= 1);
    assert_true(hm_http_answers(fixture.http, 1, 4) >= 4);
    assert_true(hm_http_answers(fixture.http, HM_COUNT(routes), 4) >= 4);
    assert_int_equal(hm_http_answers(fixture.http, HM_COUNT(routes) + 1, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),      cmocka_unit_test(test_headers),
        cmocka_unit_test(test_packed_reply), cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_raw),          cmocka_unit_test(test_long_query),
        cmocka_unit_test(test_figures),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
