/* server/http/server.c — listening, the library's daemon, connections, the end.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "server/http/exchange.h"

#define BACKLOG 4096
#define POOL_BYTES 4096u       /* the library's memory of one connection */
#define SPARE_DESCRIPTORS 128u /* database, log, timers, epoll … */
#define STOP_WAIT_MS 10000     /* for answers under way */
#define STOP_LOOK_MS 5
#define CUT_GRACE_MS                                                                               \
    2000 /* the library itself ends idle connections first, with TLS's good-bye                    \
          */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* ---- connections ---------------------------------------------------------------------------- */

static int64_t conn_fire(struct hm_timer *timer, int64_t now_ms)
{
    struct hm_conn *conn =
        (struct hm_conn *)(void *)((char *)timer - offsetof(struct hm_conn, timer));
    const int64_t deadline_ms = atomic_load_explicit(&conn->deadline_ms, memory_order_relaxed);

    if (deadline_ms == 0) {
        return now_ms + hm_http_idle_ms(conn->http) + CUT_GRACE_MS;
    }
    if (now_ms < deadline_ms + CUT_GRACE_MS) {
        return deadline_ms + CUT_GRACE_MS;
    }
    (void)atomic_fetch_add_explicit(&conn->http->slow_cut, 1, memory_order_relaxed);
    (void)shutdown(conn->fd, SHUT_RDWR); /* its worker sees the end and closes it */
    return 0;
}

static void format_peer(const struct sockaddr *address, char out[48])
{
    char text[INET6_ADDRSTRLEN] = "";

    if (address != NULL && address->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, address, sizeof(v4));
        (void)inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    } else if (address != NULL && address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, address, sizeof(v6));
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
            (void)inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof(text));
        } else {
            (void)inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
        }
    }
    (void)hm_str_copy(out, 48, text);
}

static struct hm_conn *open_conn(struct hm_http *http, struct MHD_Connection *connection)
{
    struct hm_conn *conn = calloc(1, sizeof(*conn));
    const union MHD_ConnectionInfo *info;
    int64_t now_ms;

    if (conn == NULL) {
        return NULL;
    }
    conn->http = http;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    conn->fd = info->connect_fd;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    format_peer(info == NULL ? NULL : info->client_addr, conn->peer);
    now_ms = hm_os_monotonic_ms();
    atomic_init(&conn->deadline_ms, now_ms + hm_http_idle_ms(http));
    conn->timer.fire = conn_fire;
    (void)hm_timers_add(http->timers, &conn->timer, now_ms + hm_http_idle_ms(http) + CUT_GRACE_MS);
    return conn;
}

static void watch_connection(void *cls, struct MHD_Connection *connection, void **context,
                             enum MHD_ConnectionNotificationCode code)
{
    struct hm_http *http = cls;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        (void)atomic_fetch_add_explicit(&http->connections, 1, memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&http->connections_total, 1, memory_order_relaxed);
        *context = open_conn(http, connection);
    } else {
        struct hm_conn *conn = *context;

        (void)atomic_fetch_sub_explicit(&http->connections, 1, memory_order_relaxed);
        if (conn != NULL) {
            hm_timers_remove(http->timers, &conn->timer); /* before its descriptor is closed */
            free(conn);
        }
        *context = NULL;
    }
}

static enum MHD_Result accept_connection(void *cls, const struct sockaddr *address, socklen_t len)
{
    struct hm_http *http = cls;

    (void)address;
    (void)len;
    if (atomic_load_explicit(&http->connections, memory_order_relaxed) <
        http->options.connections_max) {
        return MHD_YES;
    }
    (void)atomic_fetch_add_explicit(&http->connections_over, 1, memory_order_relaxed);
    return MHD_NO;
}

/* ---- bind ----------------------------------------------------------------------------------- */

static enum hm_status listen_failed(const struct hm_http_server_options *options, const char *what,
                                    int reason, struct hm_err *err)
{
    return hm_fail(err, HM_EIO, "cannot %s %s port %u: %s%s", what, options->listen_address,
                   options->port, strerror(reason),
                   reason == EADDRINUSE ? "; \"ss -ltnp\" shows who has it; stop that, or set "
                                          "another port in collector.conf"
                   : reason == EADDRNOTAVAIL
                       ? "; set listen to an address of this host, or to :: for all"
                   : reason == EACCES ? "; ports below 1024 need root or CAP_NET_BIND_SERVICE"
                                      : "");
}

static enum hm_status resolve(const struct hm_http_server_options *options,
                              struct addrinfo **out_found, struct hm_err *err)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM};
    char service[8];

    (void)snprintf(service, sizeof(service), "%u", options->port);
    if (getaddrinfo(options->listen_address, service, &hints, out_found) != 0) {
        return hm_fail(err, HM_EINVAL,
                       "listen: \"%s\" is not an IP address; use 0.0.0.0, :: (both families) or "
                       "an address of this host",
                       options->listen_address);
    }
    return HM_OK;
}

static enum hm_status open_listener(struct hm_http *http, struct hm_err *err)
{
    struct addrinfo *found = NULL;
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } bound = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t bound_len = sizeof(bound);
    const int on = 1;
    const int off = 0;
    int fd = -1;
    enum hm_status st = resolve(&http->options, &found, err);

    if (st != HM_OK) {
        return st;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (fd >= 0 && found->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (fd < 0 && errno == EAFNOSUPPORT && strcmp(http->options.listen_address, "::") == 0) {
        freeaddrinfo(found);
        http->options.listen_address = "0.0.0.0"; /* a host without IPv6 */
        return open_listener(http, err);
    }
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &bound.any, &bound_len) != 0) {
        st = listen_failed(&http->options, "listen on", errno, err);
        if (fd >= 0) {
            (void)close(fd);
        }
    } else {
        http->listen_fd = fd;
        http->port =
            ntohs(bound.any.sa_family == AF_INET6 ? bound.ipv6.sin6_port : bound.ipv4.sin_port);
    }
    freeaddrinfo(found);
    return st;
}

/* Each connection is a descriptor: takes what the system allows, and says so when that is less. */
static void fit_descriptors(struct hm_http *http)
{
    const rlim_t wanted = (rlim_t)http->options.connections_max + SPARE_DESCRIPTORS;
    struct hm_log_line line;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted && limit.rlim_cur > 2 * SPARE_DESCRIPTORS) {
        http->options.connections_max = (unsigned)(limit.rlim_cur - SPARE_DESCRIPTORS);
        hm_log_begin(&line, HM_LOG_WARNING, "connections_max_lowered");
        hm_log_u64(&line, "connections_max", http->options.connections_max);
        hm_log_u64(&line, "open_files_limit", limit.rlim_cur);
        hm_log_end(&line);
    }
}

static void free_http(struct hm_http *http)
{
    hm_timers_stop(http->timers);
    if (http->listen_fd >= 0) {
        (void)close(http->listen_fd);
    }
    hm_exchange_pool_fini(http);
    hm_pack_cache_free(http->packs);
    hm_router_free(http->router);
    (void)pthread_mutex_destroy(&http->pool_lock);
    free(http->answers);
    free(http);
}

enum hm_status hm_http_bind(const struct hm_http_server_options *options, struct hm_http **out_http,
                            struct hm_err *err)
{
    struct hm_http *http = calloc(1, sizeof(*http));
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    enum hm_status st;

    if (http == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the HTTP server");
    }
    (void)pthread_mutex_init(&http->pool_lock, NULL);
    http->options = *options;
    http->listen_fd = -1;
    http->threads = options->threads > 0 ? options->threads : cores > 0 ? (unsigned)cores : 1;
    http->answers = calloc(options->route_count + 1, sizeof(*http->answers));
    st = http->answers == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the HTTP server") : HM_OK;
    if (st == HM_OK) {
        st = hm_router_new(options->routes, options->route_count, &http->router, err);
    }
    if (st == HM_OK) {
        st = hm_pack_cache_new(&http->packs, err);
    }
    if (st == HM_OK) {
        st = open_listener(http, err);
    }
    if (st != HM_OK) {
        free_http(http);
        return st;
    }
    if (getrandom(&http->instance, sizeof(http->instance), GRND_NONBLOCK) < 0) {
        http->instance = 0; /* only marks request ids */
    }
    fit_descriptors(http);
    *out_http = http;
    return HM_OK;
}

/* ---- serve and stop ------------------------------------------------------------------------- */

/* Escapes are left alone: request.c knows more than one kind of harm in them. */
static size_t keep_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct hm_http *http)
{
    const struct hm_http_server_options *options = &http->options;
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME;
    /* The library divides its limit among the workers; ours is for all: accept_connection. */
    const unsigned limit = options->connections_max < UINT32_MAX / 2 / http->threads
                               ? options->connections_max * http->threads + http->threads
                               : UINT32_MAX;

    return MHD_start_daemon(
        flags, 0, accept_connection, http, hm_dispatch, http, /* then name, value … */
        MHD_OPTION_LISTEN_SOCKET, http->listen_fd,            /* */
        MHD_OPTION_THREAD_POOL_SIZE, http->threads > 1 ? http->threads : 0u,
        MHD_OPTION_CONNECTION_LIMIT, limit,                       /* */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,   /* */
        MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s,   /* */
        MHD_OPTION_NOTIFY_COMPLETED, hm_dispatch_completed, http, /* */
        MHD_OPTION_NOTIFY_CONNECTION, watch_connection, http,     /* */
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL,         /* */
        MHD_OPTION_STRICT_FOR_CLIENT, 1,                          /* */
        MHD_OPTION_HTTPS_MEM_CERT, options->certificate_pem,      /* */
        MHD_OPTION_HTTPS_MEM_KEY, options->key_pem,               /* */
        MHD_OPTION_HTTPS_PRIORITIES,
        options->tls_priorities == NULL ? TLS_PRIORITIES : options->tls_priorities, MHD_OPTION_END);
}

enum hm_status hm_http_serve(struct hm_http *http, struct hm_err *err)
{
    enum hm_status st = hm_timers_start(&http->timers, err);

    if (st != HM_OK) {
        return st;
    }
    http->daemon = start_daemon(http);
    if (http->daemon == NULL) {
        return hm_fail(err, HM_EIO,
                       "the HTTPS server does not start: certificate, key or TLS settings are "
                       "not accepted, or the system has no more descriptors or threads");
    }
    return HM_OK;
}

static void wait_for_answers(const struct hm_http *http)
{
    const int64_t until_ms = hm_os_monotonic_ms() + STOP_WAIT_MS;
    const struct timespec look = {.tv_nsec = STOP_LOOK_MS * 1000000L};

    while (atomic_load_explicit(&http->active, memory_order_acquire) > 0 &&
           hm_os_monotonic_ms() < until_ms) {
        (void)nanosleep(&look, NULL);
    }
}

void hm_http_stop(struct hm_http *http)
{
    if (http == NULL) {
        return;
    }
    if (http->daemon != NULL) {
        atomic_store(&http->stopping, true);
        if (MHD_quiesce_daemon(http->daemon) == MHD_INVALID_SOCKET) {
            http->listen_fd = -1; /* the library keeps it, and closes it below */
        }
        hm_timers_expire(http->timers);
        wait_for_answers(http);
        MHD_stop_daemon(http->daemon);
    }
    free_http(http);
}

uint16_t hm_http_port(const struct hm_http *http)
{
    return http->port;
}

/* ---- figures -------------------------------------------------------------------------------- */

void hm_http_stats(const struct hm_http *http, struct hm_http_stats *out_stats)
{
    *out_stats = (struct hm_http_stats){
        .connections = atomic_load_explicit(&http->connections, memory_order_relaxed),
        .connections_total = atomic_load_explicit(&http->connections_total, memory_order_relaxed),
        .connections_over = atomic_load_explicit(&http->connections_over, memory_order_relaxed),
        .slow_cut = atomic_load_explicit(&http->slow_cut, memory_order_relaxed),
        .held = atomic_load_explicit(&http->held, memory_order_relaxed),
        .bodies_in_flight_bytes =
            atomic_load_explicit(&http->in_flight_bytes, memory_order_relaxed),
        .bodies_over = atomic_load_explicit(&http->bodies_over, memory_order_relaxed),
    };
}

uint64_t hm_http_answers(const struct hm_http *http, size_t route, unsigned status_class)
{
    if (route > http->options.route_count || status_class >= HM_CLASS_COUNT) {
        return 0;
    }
    return atomic_load_explicit(&http->answers[route][status_class], memory_order_relaxed);
}
