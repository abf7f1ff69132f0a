/* tests/unit/server/test_http_hold.c — held requests: wake, time-out, stop; limits of a server.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "tests/support/http_fixture.h"
#include "tests/support/tls_client.h"

#define TICKETS 256
#define CLIENTS 8
#define ROUNDS 60

/* Tickets that wait for the test's waker threads. */
struct shelf {
    pthread_mutex_t lock;
    struct hm_ticket *tickets[TICKETS];
    size_t count;
    _Atomic unsigned resumed;
    _Atomic unsigned stopped;
    _Atomic bool ending;
};

static enum hm_status resume(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct shelf *shelf = req->app;

    (void)atomic_fetch_add(&shelf->resumed, 1);
    if (req->stopping) {
        (void)atomic_fetch_add(&shelf->stopped, 1);
        return hm_fail_code(err, HM_EBUSY, "stopping", "the server stops");
    }
    (void)hm_buf_printf(&reply->body, "resumed %s %s", req->path, (const char *)req->state);
    return HM_OK;
}

static enum hm_status hold_for(struct hm_req *req, int64_t timeout_ms, struct hm_ticket **out)
{
    req->state = hm_arena_strdup(req->arena, "state");
    *out = hm_req_hold(req, timeout_ms, resume);
    return *out == NULL ? HM_ENOMEM : HM_OK;
}

/* Put on the shelf: somebody wakes it, or nobody. */
static enum hm_status hold(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const char *wait_ms = hm_req_query(req, "ms");
    struct shelf *shelf = req->app;
    struct hm_ticket *ticket;
    bool kept = false;

    (void)reply;
    if (hold_for(req, wait_ms == NULL ? 60000 : atoi(wait_ms), &ticket) != HM_OK) {
        return hm_fail(err, HM_ENOMEM, "no ticket");
    }
    (void)pthread_mutex_lock(&shelf->lock);
    if (shelf->count < TICKETS) {
        shelf->tickets[shelf->count++] = ticket;
        kept = true;
    }
    (void)pthread_mutex_unlock(&shelf->lock);
    if (!kept) {
        hm_ticket_wake(ticket);
    }
    return HM_OK;
}

/* Woken before the handler has returned. */
static enum hm_status hold_woken(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_ticket *ticket;

    (void)reply;
    if (hold_for(req, 60000, &ticket) != HM_OK) {
        return hm_fail(err, HM_ENOMEM, "no ticket");
    }
    hm_ticket_wake(ticket);
    return HM_OK;
}

static enum hm_status hold_dropped(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_ticket *ticket;

    (void)reply;
    if (hold_for(req, 200, &ticket) != HM_OK) {
        return hm_fail(err, HM_ENOMEM, "no ticket");
    }
    hm_ticket_drop(ticket);
    return HM_OK;
}

static enum hm_status hold_then_fail(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_ticket *ticket;

    (void)reply;
    if (hold_for(req, 60000, &ticket) == HM_OK) {
        hm_ticket_drop(ticket);
    }
    return hm_fail(err, HM_ECONFLICT, "changed its mind");
}

static enum hm_status resume_again(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_ticket *ticket = hm_req_hold(req, 100, resume);

    (void)reply;
    (void)err;
    hm_ticket_drop(ticket);
    return HM_OK;
}

static enum hm_status hold_twice(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_ticket *ticket = hm_req_hold(req, 100, resume_again);

    (void)reply;
    (void)err;
    req->state = hm_arena_strdup(req->arena, "twice");
    hm_ticket_drop(ticket);
    return HM_OK;
}

static enum hm_status echo(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)hm_buf_put(&reply->body, req->body, req->body_len);
    return hm_buf_status(&reply->body, err);
}

static const struct hm_route routes[] = {
    {"GET",  "/hold",  HM_ROLE_ANYONE, 0,       hold,           NULL},
    {"GET",  "/woken", HM_ROLE_ANYONE, 0,       hold_woken,     NULL},
    {"GET",  "/drop",  HM_ROLE_ANYONE, 0,       hold_dropped,   NULL},
    {"GET",  "/fail",  HM_ROLE_ANYONE, 0,       hold_then_fail, NULL},
    {"GET",  "/twice", HM_ROLE_ANYONE, 0,       hold_twice,     NULL},
    {"POST", "/echo",  HM_ROLE_ANYONE, 1 << 20, echo,           NULL},
};

struct world {
    struct http_fixture fixture;
    struct shelf shelf;
};

static struct world *start_world(struct hm_http_server_options options)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    (void)pthread_mutex_init(&world->shelf.lock, NULL);
    options.routes = routes;
    options.route_count = HM_COUNT(routes);
    options.app = &world->shelf;
    http_fixture_start(&world->fixture, options);
    return world;
}

static struct tls_client *connect_to(const struct world *world)
{
    return tls_open(world->fixture.port, world->fixture.ca.certificate_pem);
}

static size_t wake_all(struct shelf *shelf)
{
    size_t count;

    (void)pthread_mutex_lock(&shelf->lock);
    count = shelf->count;
    for (size_t i = 0; i < count; i++) {
        hm_ticket_wake(shelf->tickets[i]);
    }
    shelf->count = 0;
    (void)pthread_mutex_unlock(&shelf->lock);
    return count;
}

static void end_world(struct world *world)
{
    http_fixture_stop(&world->fixture);
    (void)wake_all(&world->shelf); /* after the end: must do no harm */
    (void)pthread_mutex_destroy(&world->shelf.lock);
    free(world);
}

static void wait_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)nanosleep(&pause, NULL);
}

static void wait_for_held(const struct world *world, uint64_t count)
{
    struct hm_http_stats stats = {0};

    for (int i = 0; i < 1000; i++) {
        hm_http_stats(world->fixture.http, &stats);
        if (stats.held == count) {
            return;
        }
        wait_ms(5);
    }
    fail_msg("%u held instead of %u", (unsigned)stats.held, (unsigned)count);
}

static void expect(struct tls_client *client, unsigned status, const char *has)
{
    struct tls_reply reply;

    tls_read(client, &reply, false, 20000);
    if (reply.status != status || strstr(reply.body, has) == NULL) {
        fail_msg("%u %s", reply.status, reply.body == NULL ? "" : reply.body);
    }
    tls_reply_fini(&reply);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void test_ways(void **state)
{
    struct world *world = start_world((struct hm_http_server_options){0});
    struct tls_client *client = connect_to(world);

    (void)state;
    (void)tls_send_text(client, GET("/hold"));
    wait_for_held(world, 1);
    assert_int_equal(wake_all(&world->shelf), 1);
    expect(client, 200, "resumed /hold state");
    (void)tls_send_text(client, GET("/hold?ms=150")); /* time-out, the wake comes later */
    expect(client, 200, "resumed /hold state");
    assert_int_equal(wake_all(&world->shelf), 1);
    (void)tls_send_text(client, GET("/woken"));
    expect(client, 200, "resumed /woken state");
    (void)tls_send_text(client, GET("/drop"));
    expect(client, 200, "resumed /drop state");
    (void)tls_send_text(client, GET("/fail"));
    expect(client, 409, "changed its mind");
    (void)tls_send_text(client, GET("/twice"));
    expect(client, 200, "resumed /twice twice");
    wait_for_held(world, 0);
    assert_int_equal(world->shelf.resumed, 5);
    tls_close(client);
    end_world(world);
}

static void test_stop_wakes(void **state)
{
    struct world *world = start_world((struct hm_http_server_options){0});
    struct tls_client *clients[CLIENTS];

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = connect_to(world);
        (void)tls_send_text(clients[i], GET("/hold"));
    }
    wait_for_held(world, CLIENTS);
    http_fixture_stop(&world->fixture);
    assert_int_equal(world->shelf.resumed, CLIENTS);
    assert_int_equal(world->shelf.stopped, CLIENTS);
    for (size_t i = 0; i < CLIENTS; i++) {
        expect(clients[i], 503, "stopping");
        tls_close(clients[i]);
    }
    world->fixture.http = NULL;
    end_world(world);
}

/* The client goes away while it is held: the resume still runs, once. */
static void test_client_goes(void **state)
{
    struct world *world = start_world((struct hm_http_server_options){0});
    struct tls_client *client = connect_to(world);

    (void)state;
    (void)tls_send_text(client, GET("/hold"));
    wait_for_held(world, 1);
    tls_close(client);
    wait_ms(50);
    assert_int_equal(wake_all(&world->shelf), 1);
    wait_for_held(world, 0);
    for (int i = 0; i < 200 && atomic_load(&world->shelf.resumed) == 0; i++) {
        wait_ms(5);
    }
    assert_int_equal(world->shelf.resumed, 1);
    end_world(world);
}

static void *keep_waking(void *arg)
{
    struct shelf *shelf = arg;

    while (!atomic_load(&shelf->ending)) {
        (void)wake_all(shelf);
        wait_ms(1);
    }
    return NULL;
}

struct asker {
    struct world *world;
    unsigned answers;
};

/* Time-outs of a few ticks race with the wakers. */
static void *keep_asking(void *arg)
{
    static const char *const asks[] = {GET("/hold"), GET("/hold?ms=1"), GET("/woken"),
                                       GET("/hold?ms=100"), GET("/hold?ms=0")};
    struct asker *asker = arg;
    struct tls_client *client = connect_to(asker->world);

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct tls_reply reply;

        (void)tls_send_text(client, asks[i % HM_COUNT(asks)]);
        tls_read(client, &reply, false, 20000);
        asker->answers += reply.status == 200 ? 1 : 0;
        tls_reply_fini(&reply);
    }
    tls_close(client);
    return NULL;
}

static void test_many_at_once(void **state)
{
    struct world *world = start_world((struct hm_http_server_options){.threads = 3});
    struct asker askers[CLIENTS];
    pthread_t threads[CLIENTS];
    pthread_t wakers[2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&wakers[i], NULL, keep_waking, &world->shelf), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        askers[i] = (struct asker){.world = world};
        assert_int_equal(pthread_create(&threads[i], NULL, keep_asking, &askers[i]), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(askers[i].answers, ROUNDS);
    }
    atomic_store(&world->shelf.ending, true);
    for (size_t i = 0; i < 2; i++) {
        (void)pthread_join(wakers[i], NULL);
    }
    assert_int_equal(world->shelf.resumed, CLIENTS * ROUNDS);
    end_world(world);
}

static void *stop_world(void *arg)
{
    struct world *world = arg;

    wait_ms(150);
    http_fixture_stop(&world->fixture);
    return NULL;
}

/* Stop while requests come, are held and are woken: every hold is resumed, none is lost. */
static void test_stop_under_load(void **state)
{
    struct world *world = start_world((struct hm_http_server_options){.threads = 2});
    struct tls_client *clients[CLIENTS];
    pthread_t stopper;
    pthread_t waker;
    bool alive = true;

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = connect_to(world);
    }
    assert_int_equal(pthread_create(&waker, NULL, keep_waking, &world->shelf), 0);
    assert_int_equal(pthread_create(&stopper, NULL, stop_world, world), 0);
    while (alive) {
        for (size_t i = 0; i < CLIENTS; i++) {
            struct tls_reply reply;

            alive = tls_send_text(clients[i], GET("/hold")) && alive;
            tls_read(clients[i], &reply, false, 5000);
            alive = alive && reply.status == 200;
            tls_reply_fini(&reply);
        }
    }
    (void)pthread_join(stopper, NULL);
    atomic_store(&world->shelf.ending, true);
    (void)pthread_join(waker, NULL);
    for (size_t i = 0; i < CLIENTS; i++) {
        tls_close(clients[i]);
    }
    world->fixture.http = NULL;
    end_world(world);
}

#define JSON_HEAD "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

/* A byte now and then keeps no connection: neither in the head nor in the body. */
static void test_slow_senders(void **state)
{
    struct world *world = start_world((struct hm_http_server_options){.idle_timeout_s = 2});
    struct tls_client *head = connect_to(world);
    struct tls_client *body = connect_to(world);
    struct hm_http_stats stats;
    struct tls_reply reply;

    (void)state;
    (void)tls_send_text(head, "GET /ec");
    (void)tls_send_text(body, JSON_HEAD "Content-Length: 100\r\n\r\n");
    for (int i = 0; i < 14; i++) {
        wait_ms(500);
        (void)tls_send_text(head, "h");
        (void)tls_send_text(body, "b");
    }
    tls_read(head, &reply, false, 3000);
    assert_int_equal(reply.status, 0);
    assert_true(reply.closed);
    tls_reply_fini(&reply);
    tls_read(body, &reply, false, 3000);
    assert_int_equal(reply.status, 0);
    assert_true(reply.closed);
    tls_reply_fini(&reply);
    hm_http_stats(world->fixture.http, &stats);
    assert_int_equal(stats.slow_cut, 2);
    assert_int_equal(stats.bodies_in_flight_bytes, 0);
    tls_close(head);
    tls_close(body);
    end_world(world);
}

/* Who only announces bodies must not keep out those who send them. */
static void test_announced_bodies_cost_nothing(void **state)
{
    struct world *world =
        start_world((struct hm_http_server_options){.bodies_in_flight_bytes = 1000});
    struct tls_client *idle[CLIENTS];
    struct tls_client *busy;
    struct hm_http_stats stats = {0};
    struct tls_reply reply;

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        idle[i] = connect_to(world);
        (void)tls_send_text(idle[i], JSON_HEAD "Content-Length: 900\r\n\r\n");
    }
    for (int i = 0; i < 1000 && stats.bodies_in_flight_bytes < CLIENTS; i++) {
        wait_ms(5);
        hm_http_stats(world->fixture.http, &stats);
    }
    assert_in_range(stats.bodies_in_flight_bytes, CLIENTS, 100);
    busy = connect_to(world);
    tls_call(busy, "POST", "/echo", "Content-Type: application/json\r\n", "0123456789", 10, &reply);
    assert_int_equal(reply.status, 200);
    tls_reply_fini(&reply);
    tls_close(busy);
    for (size_t i = 0; i < CLIENTS; i++) {
        tls_close(idle[i]);
    }
    end_world(world);
}

static void test_bodies_in_flight(void **state)
{
    struct world *world =
        start_world((struct hm_http_server_options){.bodies_in_flight_bytes = 1000});
    struct tls_client *first = connect_to(world);
    struct tls_client *second = connect_to(world);
    struct hm_http_stats stats = {0};
    struct tls_reply reply;
    char value[32];

    (void)state;
    (void)tls_send_text(first, JSON_HEAD "Content-Length: 900\r\n\r\nxx");
    for (int i = 0; i < 1000 && stats.bodies_in_flight_bytes != 900; i++) {
        wait_ms(5);
        hm_http_stats(world->fixture.http, &stats);
    }
    assert_int_equal(stats.bodies_in_flight_bytes, 900);
    tls_call(second, "POST", "/echo", "Content-Type: application/json\r\n",
             "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
             "567890123456789",
             100, &reply);
    assert_int_equal(reply.status, 200);
    tls_reply_fini(&reply);
    (void)tls_send_text(second, JSON_HEAD "Content-Length: 101\r\n\r\n");
    for (int i = 0; i < 101; i++) {
        (void)tls_send_text(second, "x");
    }
    tls_read(second, &reply, false, 5000);
    assert_int_equal(reply.status, 503);
    assert_in_range(atoi(tls_header(&reply, "Retry-After", value, sizeof(value))), 1, 60);
    tls_reply_fini(&reply);
    hm_http_stats(world->fixture.http, &stats);
    assert_int_equal(stats.bodies_over, 1);
    tls_close(first);
    tls_close(second);
    end_world(world);
}

static void test_connections_max(void **state)
{
    struct world *world = start_world((struct hm_http_server_options){.connections_max = CLIENTS});
    struct tls_client *clients[CLIENTS];
    struct hm_http_stats stats = {0};

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = connect_to(world);
    }
    assert_false(tls_is_taken(world->fixture.port));
    hm_http_stats(world->fixture.http, &stats);
    assert_int_equal(stats.connections, CLIENTS);
    assert_int_equal(stats.connections_over, 1);
    for (size_t i = 0; i < CLIENTS; i++) {
        tls_close(clients[i]);
    }
    end_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_stop_wakes),
        cmocka_unit_test(test_client_goes),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_stop_under_load),
        cmocka_unit_test(test_slow_senders),
        cmocka_unit_test(test_bodies_in_flight),
        cmocka_unit_test(test_announced_bodies_cost_nothing),
        cmocka_unit_test(test_connections_max),
    };

    hm_log_set_level(HM_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
