/* server/cli/serve.c — hm-collector serve: a step table, then waiting for the end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"
#include "common/base/lifecycle.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/os/os.h"
#include "server/api/access.h"
#include "server/api/api.h"
#include "server/catalogue/shelf.h"
#include "server/cli/collector.h"
#include "server/fleet/fleet.h"
#include "server/http/privileges.h"
#include "server/janitor/janitor.h"
#include "server/plans/plans.h"
#include "server/rollout/rollout.h"

#define BODIES_IN_FLIGHT_BYTES (64u * 1024u * 1024u)
#define EXPIRY_WARNING_MS (30 * (int64_t)86400000)
#define PLAN_THREADS 2      /* beside the workers: a plan may not slow check-ins down much */
#define TOKENS_LOOK_MS 1000 /* for tokens made by "hm-collector token" meanwhile */

struct server {
    const struct hm_cli *cli;
    struct hm_desk desk;
    struct hm_os_lock *lock;
    struct hm_keypair keypair;
    struct hm_janitor *janitor;
    struct hm_app app;
};

static enum hm_status config_start(void *arg, struct hm_err *err)
{
    struct server *server = arg;
    enum hm_status st = hm_desk_open(server->cli, &server->desk, err);

    if (st == HM_OK) {
        hm_log_set_level((enum hm_log_level)server->desk.config.log_level);
        server->app.interval_s = server->desk.config.interval_s;
        server->app.silent_after_s = server->desk.config.silent_after_s;
        server->app.started_ms = hm_clock_now_ms();
        st = hm_os_stop_init(err);
    }
    if (st != HM_OK) {
        hm_desk_close(&server->desk);
    }
    return st;
}

static void config_stop(void *arg)
{
    hm_desk_close(&((struct server *)arg)->desk);
}

static void warn_of_expiry(const struct server *server)
{
    struct hm_certificate_facts facts;
    char until[HM_TIME_TEXT_BYTES];
    struct hm_log_line line;
    struct hm_arena arena;

    hm_arena_init(&arena, HM_LIMIT_API_BODY_BYTES);
    if (hm_certificates_facts(server->keypair.certificate_pem, &arena, &facts, NULL) == HM_OK &&
        facts.not_after_ms - server->app.started_ms < EXPIRY_WARNING_MS) {
        hm_log_begin(&line, HM_LOG_WARNING, "certificate_expires");
        hm_log_str(&line, "not_after", hm_clock_format(facts.not_after_ms, until));
        hm_log_end(&line);
    }
    hm_arena_fini(&arena);
}

/* While still root: the administrator's own key may be readable by root only. */
static enum hm_status certificate_start(void *arg, struct hm_err *err)
{
    struct server *server = arg;
    struct hm_desk *desk = &server->desk;
    enum hm_status st =
        hm_data_keypair(&desk->config, &desk->paths, &desk->arena, &server->keypair, err);

    if (st == HM_OK) {
        warn_of_expiry(server);
        st =
            hm_data_ca(&desk->paths, &desk->arena, &server->app.ca_pem, server->app.ca_sha256, err);
    }
    return st;
}

static enum hm_status listen_start(void *arg, struct hm_err *err)
{
    struct server *server = arg;
    const struct hm_server_config *config = &server->desk.config;
    const struct hm_http_server_options options = {
        .listen_address = config->listen,
        .port = (uint16_t)config->port,
        .certificate_pem = server->keypair.certificate_pem,
        .key_pem = server->keypair.key_pem,
        .threads = config->threads,
        .connections_max = config->connections_max,
        .idle_timeout_s = config->request_timeout_s,
        .bodies_in_flight_bytes = BODIES_IN_FLIGHT_BYTES,
        .routes = hm_routes,
        .route_count = hm_routes_count,
        .access = hm_api_access,
        .app = &server->app,
    };

    return hm_http_bind(&options, &server->app.http, err);
}

static void listen_stop(void *arg)
{
    struct server *server = arg;

    hm_http_stop(server->app.http); /* NULL when the step http ended it already */
    server->app.http = NULL;
}

static enum hm_status privileges_start(void *arg, struct hm_err *err)
{
    return hm_privileges_drop(((struct server *)arg)->desk.config.user, NULL, err);
}

/* Made once; everything that is signed names it. */
static enum hm_status make_fleet_id(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct server *server = arg;
    const char *id;

    return hm_fleet_id_ensure(session, server->app.started_ms, &server->desk.arena, &id, err);
}

static enum hm_status store_start(void *arg, struct hm_err *err)
{
    struct server *server = arg;
    struct hm_desk *desk = &server->desk;
    enum hm_status st = hm_os_lock(desk->paths.lock, &server->lock, err);

    if (st == HM_EBUSY) {
        return hm_fail(err, HM_EBUSY, "%s: another hm-collector serves this data folder",
                       desk->paths.folder);
    }
    if (st == HM_OK) {
        st = hm_data_open_store(&desk->paths, &desk->arena, &server->app.store, err);
    }
    if (st == HM_OK) {
        st = hm_store_write(server->app.store, make_fleet_id, server, err);
    }
    if (st != HM_OK) {
        hm_store_close(server->app.store);
        server->app.store = NULL;
        hm_os_unlock(server->lock);
        server->lock = NULL;
    }
    return st;
}

static void store_stop(void *arg)
{
    struct server *server = arg;

    hm_store_close(server->app.store);
    hm_os_unlock(server->lock);
}

static enum hm_status catalogue_start(void *arg, struct hm_err *err)
{
    struct server *server = arg;
    const struct hm_server_config *config = &server->desk.config;
    const char *folders[2] = {config->product_dir};
    size_t count = 1;

    if (config->catalogue_dir[0] != '\0' && hm_os_exists(config->catalogue_dir)) {
        folders[count++] = config->catalogue_dir;
    }
    return hm_shelf_open(folders, count, &server->app.shelf, err);
}

static void catalogue_stop(void *arg)
{
    hm_shelf_close(((struct server *)arg)->app.shelf);
}

static enum hm_status fleet_start(void *arg, struct hm_err *err)
{
    struct server *server = arg;

    return hm_fleet_open(server->app.store, &server->app.fleet, err);
}

static void fleet_stop(void *arg)
{
    hm_fleet_close(((struct server *)arg)->app.fleet);
}

static enum hm_status rollout_start(void *arg, struct hm_err *err)
{
    struct hm_app *app = &((struct server *)arg)->app;

    return hm_rollout_open(app->store, app->fleet, app->shelf, app->interval_s, &app->rollout, err);
}

static void rollout_stop(void *arg)
{
    hm_rollout_close(((struct server *)arg)->app.rollout);
}

static enum hm_status operators_start(void *arg, struct hm_err *err)
{
    struct server *server = arg;

    return hm_operators_open(server->app.store, &server->app.operators, err);
}

static void operators_stop(void *arg)
{
    hm_operators_close(((struct server *)arg)->app.operators);
}

static enum hm_status plans_start(void *arg, struct hm_err *err)
{
    struct server *server = arg;

    return hm_plans_open(server->app.store, server->app.shelf, PLAN_THREADS, &server->app.plans,
                         err);
}

static void plans_stop(void *arg)
{
    hm_plans_close(((struct server *)arg)->app.plans);
}

static enum hm_status janitor_start(void *arg, struct hm_err *err)
{
    struct server *server = arg;

    return hm_janitor_start(&server->app, &server->janitor, err);
}

static void janitor_stop(void *arg)
{
    hm_janitor_stop(((struct server *)arg)->janitor);
}

static enum hm_status http_start(void *arg, struct hm_err *err)
{
    return hm_http_serve(((struct server *)arg)->app.http, err);
}

static const struct hm_step steps[] = {
    {"config",      config_start,      config_stop   },
    {"certificate", certificate_start, NULL          },
    {"listen",      listen_start,      listen_stop   }, /* bind; nothing is read yet */
    {"privileges",  privileges_start,  NULL          }, /* before any foreign byte */
    {"store",       store_start,       store_stop    }, /* connect, migrate */
    {"catalogue",   catalogue_start,   catalogue_stop},
    {"fleet",       fleet_start,       fleet_stop    },
    {"rollout",     rollout_start,     rollout_stop  }, /* who is offered what */
    {"operators",   operators_start,   operators_stop},
    {"plans",       plans_start,       plans_stop    },
    {"janitor",     janitor_start,     janitor_stop  },
    {"http",        http_start,        listen_stop   },
};

static int wait_for_stop(void *arg)
{
    struct server *server = arg;
    struct hm_log_line line;

    hm_log_begin(&line, HM_LOG_INFO, "ready");
    hm_log_str(&line, "listen", server->desk.config.listen);
    hm_log_u64(&line, "port", hm_http_port(server->app.http));
    hm_log_str(&line, "url", server->desk.config.public_url);
    hm_log_str(&line, "data", server->desk.paths.folder);
    hm_log_end(&line);
    while (!hm_os_sleep_ms(TOKENS_LOOK_MS)) {
        hm_operators_changed(server->app.operators);
    }
    hm_log_event(HM_LOG_INFO, "stopping");
    return 0;
}

static int run(const struct hm_cli *cli)
{
    struct server server = {.cli = cli};

    return hm_lifecycle_run(steps, HM_COUNT(steps), &server, wait_for_stop);
}

const struct hm_cli_verb hm_verb_serve = {
    .name = "serve",
    .arguments = "",
    .help = "take reports and answer, until stopped",
    .run = run,
};
