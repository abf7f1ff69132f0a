/* tests/unit/server/test_http_parts.c — router, timers and status mapping without a socket.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "server/http/request.h"
#include "server/http/router.h"
#include "server/http/status_map.h"
#include "tests/support/http_double.h"

static const struct hm_route routes[] = {
    {"GET",    "/a",            HM_ROLE_ANYONE, 0, NULL, NULL},
    {"POST",   "/a",            HM_ROLE_ANYONE, 1, NULL, NULL},
    {"GET",    "/a/{id}",       HM_ROLE_ANYONE, 0, NULL, NULL},
    {"GET",    "/a/fixed",      HM_ROLE_ANYONE, 0, NULL, NULL},
    {"DELETE", "/a/{id}/b/{c}", HM_ROLE_ANYONE, 0, NULL, NULL},
};

static const struct find_case {
    const char *method;
    const char *path;
    enum hm_router_answer answer;
    size_t route;
    const char *args[HM_ROUTE_ARGS];
    const char *allow;
} finds[] = {
    {"GET",    "/a",        HM_ROUTER_FOUND,     0, {NULL, NULL}, NULL             },
    {"HEAD",   "/a",        HM_ROUTER_FOUND,     0, {NULL, NULL}, NULL             },
    {"POST",   "/a",        HM_ROUTER_FOUND,     1, {NULL, NULL}, NULL             },
    {"PUT",    "/a",        HM_ROUTER_NO_METHOD, 0, {NULL, NULL}, "GET, HEAD, POST"},
    {"GET",    "/a/x",      HM_ROUTER_FOUND,     2, {"x", NULL},  NULL             },
    {"GET",    "/a/fixed",  HM_ROUTER_FOUND,     3, {NULL, NULL}, NULL             },
    {"GET",    "/a/",       HM_ROUTER_NO_PATH,   0, {NULL, NULL}, NULL             },
    {"GET",    "/a/x/",     HM_ROUTER_NO_PATH,   0, {NULL, NULL}, NULL             },
    {"DELETE", "/a/x/b/yz", HM_ROUTER_FOUND,     4, {"x", "yz"},  NULL             },
    {"HEAD",   "/a/x/b/yz", HM_ROUTER_NO_METHOD, 0, {NULL, NULL}, "DELETE"         },
    {"DELETE", "/a//b/y",   HM_ROUTER_NO_PATH,   0, {NULL, NULL}, NULL             },
    {"DELETE", "/a/x/b",    HM_ROUTER_NO_PATH,   0, {NULL, NULL}, NULL             },
    {"GET",    "",          HM_ROUTER_NO_PATH,   0, {NULL, NULL}, NULL             },
    {"GET",    "*",         HM_ROUTER_NO_PATH,   0, {NULL, NULL}, NULL             },
};

static void test_router(void **state)
{
    struct hm_router *router = NULL;

    (void)state;
    assert_int_equal(hm_router_new(routes, HM_COUNT(routes), &router, NULL), HM_OK);
    for (size_t i = 0; i < HM_COUNT(finds); i++) {
        const struct find_case *at = &finds[i];
        struct hm_router_match match;

        if (hm_router_find(router, at->method, at->path, &match) != at->answer) {
            fail_msg("%s %s", at->method, at->path);
        }
        if (at->answer == HM_ROUTER_FOUND) {
            assert_int_equal(match.route, at->route);
        }
        for (size_t arg = 0; at->answer == HM_ROUTER_FOUND && arg < HM_ROUTE_ARGS; arg++) {
            const char *wanted = at->args[arg] == NULL ? "" : at->args[arg];

            assert_int_equal(match.args[arg].len, strlen(wanted));
            assert_memory_equal(match.args[arg].at == NULL ? "" : match.args[arg].at, wanted,
                                strlen(wanted));
        }
        if (at->allow != NULL) {
            assert_string_equal(match.allow, at->allow);
        }
    }
    hm_router_free(router);
}

static void test_router_refuses(void **state)
{
    static const struct hm_route twice[] = {
        {"GET", "/a", HM_ROLE_ANYONE, 0, NULL, NULL},
        {"GET", "/a", HM_ROLE_ADMIN,  0, NULL, NULL},
    };
    static const struct hm_route rich[] = {
        {"GET", "/{a}/{b}/{c}", HM_ROLE_ANYONE, 0, NULL, NULL},
    };
    struct hm_router *router = NULL;

    (void)state;
    assert_int_equal(hm_router_new(twice, 2, &router, NULL), HM_EINVAL);
    assert_int_equal(hm_router_new(rich, 1, &router, NULL), HM_EINVAL);
    assert_null(router);
}

static void test_unescape(void **state)
{
    static const struct {
        const char *text;
        const char *plain; /* NULL: refused */
    } cases[] = {
        {"",          ""   },
        {"abc",       "abc"},
        {"%41%6a%6A", "Ajj"},
        {"a%2fb",     "a/b"},
        {"%c3%a9",    "é" },
        {"%",         NULL },
        {"%4",        NULL },
        {"a%4g",      NULL },
        {"%00",       NULL },
        {"%ff",       NULL },
    };
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, 65536);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const char *plain = hm_url_unescape(&arena, cases[i].text, strlen(cases[i].text));

        if (cases[i].plain == NULL) {
            assert_null(plain);
        } else {
            assert_non_null(plain);
            assert_string_equal(plain, cases[i].plain);
        }
    }
    hm_arena_fini(&arena);
}

static void test_status(void **state)
{
    const struct {
        unsigned set;
        enum hm_status st;
        const char *code;
        unsigned status;
    } cases[] = {
        {200, HM_OK,           "",                200},
        {201, HM_OK,           "",                201},
        {200, HM_EINVAL,       "",                400},
        {200, HM_EDENIED,      "unauthenticated", 401},
        {200, HM_EDENIED,      "forbidden",       403},
        {200, HM_ENOENT,       "",                404},
        {200, HM_ECONFLICT,    "",                409},
        {200, HM_ETOOBIG,      "",                413},
        {200, HM_EBUSY,        "",                503},
        {429, HM_EBUSY,        "",                429},
        {200, HM_EUNSUPPORTED, "",                501},
        {200, HM_EIO,          "",                500},
        {200, HM_ENOMEM,       "",                500},
        {201, HM_EIO,          "",                500},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_reply reply = {.status = cases[i].set};
        struct hm_err err = {.status = HM_OK};

        (void)hm_fail_code(&err, cases[i].st, cases[i].code, "x");
        assert_int_equal(hm_http_status(&reply, cases[i].st, &err), cases[i].status);
    }
}

/* ---- timers --------------------------------------------------------------------------------- */

struct alarm {
    struct hm_timer timer;
    int64_t again_ms;
    _Atomic unsigned fired;
    _Atomic unsigned after;
};

static int64_t fire(struct hm_timer *timer, int64_t now_ms)
{
    struct alarm *alarm = (struct alarm *)(void *)timer;

    (void)atomic_fetch_add(&alarm->fired, 1);
    return alarm->again_ms > 0 && alarm->fired < 3 ? now_ms + alarm->again_ms : 0;
}

static void after(struct hm_timer *timer)
{
    (void)atomic_fetch_add(&((struct alarm *)(void *)timer)->after, 1);
}

static void wait_for(_Atomic unsigned *count, unsigned wanted)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000000L};

    for (int i = 0; i < 1000 && atomic_load(count) < wanted; i++) {
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(atomic_load(count), wanted);
}

static void test_timers(void **state)
{
    const struct hm_timer timer = {.fire = fire, .after = after};
    struct alarm soon = {.timer = timer};
    struct alarm past = {.timer = timer};
    struct alarm again = {.timer = timer, .again_ms = 50};
    struct alarm removed = {.timer = timer};
    struct alarm late = {.timer = timer};
    struct alarm forgotten = {.timer = timer};
    struct hm_timers *timers = NULL;
    int64_t now_ms = hm_os_monotonic_ms();

    (void)state;
    late.timer.expires = true;
    assert_int_equal(hm_timers_start(&timers, NULL), HM_OK);
    assert_true(hm_timers_add(timers, &removed.timer, now_ms + 150));
    assert_true(hm_timers_add(timers, &soon.timer, now_ms + 150));
    assert_true(hm_timers_add(timers, &past.timer, now_ms - 100000));
    assert_true(hm_timers_add(timers, &again.timer, now_ms + 10));
    assert_true(hm_timers_add(timers, &late.timer, now_ms + 3600000)); /* rounds ahead */
    assert_true(hm_timers_add(timers, &forgotten.timer, now_ms + 3600000));
    hm_timers_remove(timers, &removed.timer);
    hm_timers_remove(timers, &removed.timer);
    wait_for(&again.after, 1);
    assert_int_equal(again.fired, 3);
    wait_for(&soon.after, 1);
    wait_for(&past.after, 1);
    assert_int_equal(late.fired, 0);
    hm_timers_expire(timers);
    assert_int_equal(late.after, 1);
    assert_false(hm_timers_add(timers, &late.timer, now_ms));
    assert_true(hm_timers_add(timers, &soon.timer, now_ms + 10));
    wait_for(&soon.after, 2);
    hm_timers_stop(timers);
    assert_int_equal(removed.fired, 0);
    assert_int_equal(forgotten.fired, 0);
}

/* ---- the double: what handler tests stand on ------------------------------------------------ */

static enum hm_status resumed(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)err;
    (void)hm_buf_puts(&reply->body, req->stopping ? "stopping" : "resumed");
    return HM_OK;
}

static enum hm_status hold(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_ticket **shelf = req->app;

    (void)reply;
    *shelf = hm_req_hold(req, 1234, resumed);
    return *shelf == NULL ? hm_fail(err, HM_ENOMEM, "no ticket") : HM_OK;
}

static void *wake(void *arg)
{
    hm_ticket_wake(arg);
    return NULL;
}

static void test_double(void **state)
{
    struct hm_ticket *ticket = NULL;
    struct hm_http_double call;
    pthread_t thread;
    bool woken = false;

    (void)state;
    hm_http_double_init(&call, "GET", "/v1/x", &ticket, 1000);
    hm_http_double_query(&call, "q", "1");
    hm_http_double_header(&call, "If-None-Match", "\"x\"");
    assert_string_equal(hm_req_query(&call.req, "q"), "1");
    assert_null(hm_req_query(&call.req, "r"));
    assert_string_equal(hm_req_header(&call.req, "if-none-match"), "\"x\"");
    assert_int_equal(hm_http_double_call(&call, hold), HM_OK);
    assert_true(hm_http_double_held(&call));
    assert_int_equal(call.hold_timeout_ms, 1234);
    assert_int_equal(pthread_create(&thread, NULL, wake, ticket), 0);
    assert_int_equal(hm_http_double_wait(&call, 10000, &woken), HM_OK);
    (void)pthread_join(thread, NULL);
    assert_true(woken);
    assert_false(hm_http_double_held(&call));
    assert_string_equal(hm_buf_text(&call.reply.body), "resumed");
    hm_buf_reset(&call.reply.body);
    assert_int_equal(hm_http_double_call(&call, hold), HM_OK);
    assert_int_equal(hm_http_double_resume(&call, true), HM_OK);
    assert_string_equal(hm_buf_text(&call.reply.body), "stopping");
    hm_ticket_wake(ticket);
    assert_int_equal(hm_http_double_status(&call), 200);
    hm_http_double_fini(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_router),   cmocka_unit_test(test_router_refuses),
        cmocka_unit_test(test_unescape), cmocka_unit_test(test_status),
        cmocka_unit_test(test_timers),   cmocka_unit_test(test_double),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
