/* server/http/checks.c — what the head of a request alone decides: route, access, body's form.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "server/http/exchange.h"

static enum hm_status find_route(struct hm_exchange *exchange, struct hm_router_match *out_match,
                                 struct hm_err *err)
{
    const struct hm_http *http = exchange->http;
    const struct hm_req *req = &exchange->req;

    switch (hm_router_find(http->router, req->method, req->path, out_match)) {
    case HM_ROUTER_NO_PATH:
        return hm_fail_code(err, HM_ENOENT, "no_such_route",
                            "there is nothing here; /v1/openapi.json lists every path");
    case HM_ROUTER_NO_METHOD:
        exchange->allow = out_match->allow;
        exchange->reply.status = 405;
        return hm_fail_code(err, HM_EINVAL, "method_not_allowed", "this path takes %s",
                            out_match->allow);
    case HM_ROUTER_FOUND:
        break;
    }
    exchange->route_at = out_match->route;
    exchange->route = &http->options.routes[out_match->route];
    return HM_OK;
}

static enum hm_status bad_url(struct hm_err *err)
{
    return hm_fail_code(err, HM_EINVAL, "bad_url",
                        "the path or query has a broken escape, a NUL or is not UTF-8");
}

struct look {
    struct hm_arena *arena;
    bool bad;
};

static enum MHD_Result look_at_argument(void *cls, enum MHD_ValueKind kind, const char *key,
                                        size_t key_len, const char *value, size_t value_len)
{
    struct look *look = cls;

    (void)kind;
    if (value == NULL) {
        value_len = 0;
    }
    look->bad = look->bad || strlen(key) != key_len || !hm_str_is_utf8(key, key_len) ||
                (value_len > 0 && hm_url_unescape(look->arena, value, value_len) == NULL);
    return MHD_YES;
}

static enum hm_status unescape_url(struct hm_exchange *exchange,
                                   const struct hm_router_match *match, struct hm_err *err)
{
    struct look look = {.arena = exchange->req.arena};

    for (size_t i = 0; i < HM_ROUTE_ARGS; i++) {
        exchange->req.path_arg[i] = NULL;
        if (match->args[i].at != NULL) {
            exchange->req.path_arg[i] =
                hm_url_unescape(exchange->req.arena, match->args[i].at, match->args[i].len);
            if (exchange->req.path_arg[i] == NULL) {
                return bad_url(err);
            }
        }
    }
    (void)MHD_get_connection_values_n(exchange->connection, MHD_GET_ARGUMENT_KIND, look_at_argument,
                                      &look);
    if (look.bad) {
        return bad_url(err);
    }
    return HM_OK;
}

static bool starts_with(const char *text, const char *prefix)
{
    while (*prefix != '\0') {
        const char folded = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;

        if (folded != *prefix) {
            return false;
        }
        text++;
        prefix++;
    }
    return true;
}

static enum hm_status check_access(struct hm_exchange *exchange, struct hm_err *err)
{
    static const char scheme[] = "bearer ";
    const struct hm_http_server_options *options = &exchange->http->options;
    const char *bearer;

    memset(&exchange->req.who, 0, sizeof(exchange->req.who));
    if (exchange->route->role == HM_ROLE_ANYONE) {
        return HM_OK;
    }
    bearer = hm_exchange_header(exchange, MHD_HTTP_HEADER_AUTHORIZATION);
    if (bearer != NULL) {
        bearer = starts_with(bearer, scheme) ? bearer + sizeof(scheme) - 1 : NULL;
    }
    return options->access(options->app, bearer, exchange->route->role, exchange->req.now_ms,
                           &exchange->req.who, err);
}

/* "application/json; charset=utf-8" is application/json. */
static bool is_type(const char *value, const char *type)
{
    return value != NULL && starts_with(value, type) && strchr("; \t", value[strlen(type)]) != NULL;
}

static enum hm_status check_form(struct hm_exchange *exchange, bool *out_gzip, struct hm_err *err)
{
    const char *type = exchange->route->body_type;
    const char *encoding = hm_exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_ENCODING);

    if (type == NULL) {
        type = "application/json";
    }
    if (!is_type(hm_exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE), type)) {
        exchange->reply.status = 415;
        return hm_fail_code(err, HM_EINVAL, "unsupported_media_type",
                            "the body must have the Content-Type %s", type);
    }
    *out_gzip = encoding != NULL && hm_str_equal_nocase(encoding, "gzip");
    if (encoding != NULL && !*out_gzip && !hm_str_equal_nocase(encoding, "identity")) {
        exchange->reply.status = 415;
        return hm_fail_code(err, HM_EINVAL, "unsupported_encoding",
                            "the body's Content-Encoding must be gzip or none");
    }
    return HM_OK;
}

static enum hm_status check_size(struct hm_exchange *exchange, size_t announced, struct hm_err *err)
{
    if (announced > exchange->route->body_cap) {
        return hm_fail_code(err, HM_ETOOBIG, "too_big",
                            "the body has %zu bytes; %zu are taken here", announced,
                            exchange->route->body_cap);
    }
    if (!hm_exchange_charge(exchange, 1)) { /* the rest as it comes: who only announces is cheap */
        return hm_fail_code(err, HM_EBUSY, "busy",
                            "too many requests are being received; try again later");
    }
    return HM_OK;
}

static enum hm_status check_body(struct hm_exchange *exchange, struct hm_err *err)
{
    bool gzip = false;
    enum hm_status st;

    if (!exchange->has_body) {
        return HM_OK;
    }
    if (exchange->route->body_cap == 0) {
        return hm_fail_code(err, HM_EINVAL, "body_not_allowed", "this request takes no body");
    }
    st = check_form(exchange, &gzip, err);
    if (st == HM_OK) {
        st = check_size(exchange, exchange->announced_bytes, err);
    }
    if (st == HM_OK) {
        st = hm_body_begin(&exchange->body, exchange->route->body_cap, gzip, err);
    }
    return st;
}

/* The library has already refused what is no number and what contradicts itself. */
static void look_for_body(struct hm_exchange *exchange)
{
    const char *length = hm_exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);

    exchange->announced_bytes = length == NULL ? 0 : (size_t)strtoull(length, NULL, 10);
    exchange->has_body = exchange->announced_bytes > 0 ||
                         hm_exchange_header(exchange, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

enum hm_status hm_exchange_check(struct hm_exchange *exchange, struct hm_err *err)
{
    struct hm_router_match match;
    enum hm_status st;

    look_for_body(exchange);
    st = find_route(exchange, &match, err);
    if (st == HM_OK) {
        st = unescape_url(exchange, &match, err);
    }
    if (st == HM_OK) {
        st = check_access(exchange, err);
    }
    if (st == HM_OK) {
        st = check_body(exchange, err);
    }
    return st;
}
