/* tests/support/api_double.c — an operator who calls handlers of a collector without a socket.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/api_double.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"

#define WAIT_MS 20000
#define QUERY_BYTES 4096

static void put_query(struct hm_http_double *call, char *text)
{
    char *at = text;

    while (*at != '\0') {
        char *name = at;
        char *value = name + strcspn(name, "=");
        size_t len;

        assert_true(*value == '=');
        *value++ = '\0';
        len = strcspn(value, "&");
        at = value + len + (value[len] == '&');
        value[len] = '\0';
        hm_http_double_query(call, name, value);
    }
}

unsigned api_double_call(struct api_double *api, hm_handler *handler, const char *arg,
                         const char *query, const char *body)
{
    char text[QUERY_BYTES];
    struct hm_http_double call;

    hm_http_double_init(&call, "GET", "/", api->app, api->now_ms);
    call.req.path_arg[0] = arg;
    call.req.path_arg[1] = api->arg2;
    call.req.who.role = api->role;
    (void)hm_str_copy(call.req.who.id, sizeof(call.req.who.id), "01cccccccccccccccccccccccc");
    (void)snprintf(call.req.who.name, sizeof(call.req.who.name), "token %s",
                   api->operator_name == NULL ? "tester" : api->operator_name);
    assert_true(hm_str_copy(text, sizeof(text), query == NULL ? "" : query));
    put_query(&call, text);
    if (body != NULL) {
        hm_http_double_body(&call, body, strlen(body));
    }
    (void)hm_http_double_call(&call, handler);
    while (hm_http_double_held(&call)) {
        bool woken = false;

        (void)hm_http_double_wait(&call, WAIT_MS, &woken);
        assert_true(woken);
    }
    api->status = hm_http_double_status(&call);
    api->code[0] = '\0';
    api->text[0] = '\0';
    if (call.status != HM_OK) {
        (void)hm_str_copy(api->code, sizeof(api->code), hm_err_code(&call.err));
        (void)hm_str_copy(api->text, sizeof(api->text), call.err.text);
    }
    (void)hm_str_copy(api->etag, sizeof(api->etag), call.reply.etag);
    assert_true(hm_str_copy(api->body, sizeof(api->body),
                            call.status == HM_OK ? hm_buf_text(&call.reply.body) : ""));
    hm_http_double_fini(&call);
    return api->status;
}

void api_double_member(const struct api_double *api, const char *name, char *out, size_t size)
{
    char mark[64];
    const char *at;
    size_t len;

    (void)snprintf(mark, sizeof(mark), "\"%s\":\"", name);
    at = strstr(api->body, mark);
    out[0] = '\0';
    if (at != NULL) {
        at += strlen(mark);
        len = strcspn(at, "\"");
        assert_true(len < size);
        memcpy(out, at, len);
        out[len] = '\0';
    }
}
