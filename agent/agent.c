/* agent/agent.c — one agent: the steps that start and stop it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "agent/obey.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/crypto/digest.h"

#define LONG_ARENA_BYTES (8u * 1024u * 1024u)
#define LOCK_TRIES 5 /* "status" takes the lock for a moment */
#define LOCK_PAUSE_MS 100

static uint32_t random_u32(void)
{
    uint32_t value;

    hm_crypto_random(&value, sizeof(value));
    return value;
}

const struct hm_agent_clock hm_agent_real_clock = {
    .now_ms = hm_clock_now_ms,
    .monotonic_ms = hm_os_monotonic_ms,
    .sleep_ms = hm_os_sleep_ms,
    .is_stopped = hm_os_stop_requested,
    .random = random_u32,
};

uint32_t hm_agent_interval_s(const struct hm_agent *agent)
{
    if (agent->config.interval_s != 0) {
        return agent->config.interval_s;
    }
    if (agent->uplink.interval_s != 0) {
        return agent->uplink.interval_s;
    }
    return agent->identity.interval_s != 0 ? agent->identity.interval_s : HM_AGENT_INTERVAL_S;
}

/* ---- steps --------------------------------------------------------------------------------- */

static enum hm_status start_system(void *app, struct hm_err *err)
{
    enum hm_status st;

    (void)app;
    st = hm_crypto_init(err);
    if (st == HM_OK) {
        st = hm_http_init(err);
    }
    if (st == HM_OK) {
        st = hm_os_stop_init(err);
    }
    return st;
}

static void log_ignored(const struct hm_strings *ignored)
{
    for (size_t i = 0; i < ignored->count; i++) {
        struct hm_log_line line;

        hm_log_begin(&line, HM_LOG_WARNING, "policy_value_ignored");
        hm_log_str(&line, "text", ignored->at[i]);
        hm_log_end(&line);
    }
}

static enum hm_status start_config(void *app, struct hm_err *err)
{
    struct hm_agent *agent = app;
    enum hm_status st;

    hm_arena_init(&agent->arena, LONG_ARENA_BYTES);
    st = hm_agent_config_load(agent->cli, &agent->arena, &agent->config, err);
    if (st == HM_OK) {
        hm_log_set_level((enum hm_log_level)agent->config.log_level);
        log_ignored(&agent->config.ignored);
        if (agent->collector != NULL) {
            agent->config.collector = agent->collector;
        }
    } else {
        hm_arena_fini(&agent->arena);
    }
    return st;
}

static void stop_config(void *app)
{
    struct hm_agent *agent = app;

    hm_arena_fini(&agent->arena);
}

static enum hm_status take_lock(struct hm_agent *agent, struct hm_err *err)
{
    const char *path = hm_arena_printf(&agent->arena, "%s/lock", agent->config.state_dir);
    enum hm_status st;

    if (path == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the agent's state");
    }
    st = hm_os_lock(path, &agent->lock, err);
    for (int i = 0; st == HM_EBUSY && i < LOCK_TRIES && !agent->clock->sleep_ms(LOCK_PAUSE_MS);
         i++) {
        st = hm_os_lock(path, &agent->lock, err);
    }
    if (st == HM_EBUSY) {
        hm_err_prefix(err, "an agent with this state is running; stop it, or give this one "
                           "another state_dir");
    }
    return st;
}

static void stop_state(void *app)
{
    struct hm_agent *agent = app;

    hm_agent_runs_close(agent->runs);
    hm_agent_tcpip_close(agent->tcpip);
    hm_agent_port_book_close(agent->port_book);
    hm_spool_close(agent->spool);
    hm_os_unlock(agent->lock);
    agent->runs = NULL;
    agent->tcpip = NULL;
    agent->port_book = NULL;
    agent->spool = NULL;
    agent->lock = NULL;
}

static enum hm_status start_state(void *app, struct hm_err *err)
{
    struct hm_agent *agent = app;
    struct hm_port_book_past past;
    enum hm_status st;

    agent->status.catalogue = "";
    st = hm_os_make_folder(agent->config.state_dir, 0700, err);
    if (st != HM_OK) {
        hm_err_prefix(err, "the agent cannot keep its state, set state_dir to a folder it may "
                           "write");
        return st;
    }
    st = take_lock(agent, err);
    if (st == HM_OK) {
        st = hm_spool_open(agent->config.state_dir, &agent->spool, err);
    }
    if (st == HM_OK) {
        hm_agent_port_book_past(agent->config.state_dir, agent->spool, &past);
        agent->has_run = past.has_been;
        st = hm_agent_port_book_open(agent->config.state_dir, &past, &agent->port_book, err);
    }
    if (st == HM_OK) {
        st = hm_agent_tcpip_open(agent->config.state_dir, &agent->tcpip, err);
    }
    if (st == HM_OK) {
        st = hm_agent_runs_open(agent->config.state_dir, &agent->runs, err);
    }
    if (st != HM_OK) {
        stop_state(agent);
    }
    return st;
}

static enum hm_status start_platform(void *app, struct hm_err *err)
{
    struct hm_agent *agent = app;

    if (agent->platform_ops == NULL) {
        agent->platform_ops =
            agent->config.host[0] != '\0' ? &hm_platform_recorded : &hm_platform_native;
    }
    hm_arena_init(&agent->cycle_arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    hm_buf_init(&agent->inventory_json, HM_LIMIT_DOCUMENT_BYTES);
    hm_buf_init(&agent->findings_json, HM_LIMIT_DOCUMENT_BYTES);
    hm_buf_init(&agent->outcome_json, HM_LIMIT_DOCUMENT_BYTES);
    return agent->platform_ops->open(agent->config.host, &agent->platform, err);
}

static void stop_platform(void *app)
{
    struct hm_agent *agent = app;

    agent->platform_ops->close(agent->platform);
    hm_buf_fini(&agent->inventory_json);
    hm_buf_fini(&agent->findings_json);
    hm_buf_fini(&agent->outcome_json);
    hm_arena_fini(&agent->cycle_arena);
}

static enum hm_status start_enforcer(void *app, struct hm_err *err)
{
    struct hm_agent *agent = app;
    struct hm_enforcer_options options = {
        .state_dir = agent->config.state_dir,
        .state_id = hm_agent_port_book_id(agent->port_book),
        .ops = agent->platform_ops,
        .platform = agent->platform,
        .now_ms = agent->clock->now_ms,
        .tried = agent->tried,
    };
    enum hm_status st = hm_agent_config_limits(&agent->config, &agent->arena, &options.limits, err);

    return st == HM_OK ? hm_enforcer_open(&options, &agent->enforcer, err) : st;
}

static void stop_enforcer(void *app)
{
    struct hm_agent *agent = app;

    hm_enforcer_close(agent->enforcer);
    agent->enforcer = NULL;
}

static enum hm_status start_identity(void *app, struct hm_err *err)
{
    struct hm_agent *agent = app;

    return hm_identity_load(agent->config.state_dir, &agent->identity, err);
}

static void stop_identity(void *app)
{
    struct hm_agent *agent = app;

    hm_identity_fini(&agent->identity);
}

enum hm_status hm_agent_take_desired(struct hm_agent *agent, bool *out_changed, struct hm_err *err)
{
    struct hm_desired desired;
    struct hm_arena arena;
    enum hm_status st;
    char *text;
    size_t len;

    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    st = hm_spool_get(agent->spool, HM_SPOOL_DESIRED, &arena, &text, &len, err);
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_desired, text, len, false, &arena, &desired, NULL, err);
    }
    if (st != HM_OK) {
        const bool had_one = hm_spool_digest(agent->spool, HM_SPOOL_DESIRED)[0] != '\0';

        if (had_one && err != NULL) {
            hm_log_failure(HM_LOG_WARNING, "desired_state_lost", err);
        }
        hm_spool_forget(agent->spool, HM_SPOOL_DESIRED); /* fetched again */
        st = HM_ENOENT;
        goto done;
    }
    agent->uplink.interval_s = desired.settings.interval_s;
    st = hm_uplink_stored(hm_agent_policies_take(agent->policies, &desired,
                                                 hm_agent_expiry_ms(agent, agent->clock->now_ms()),
                                                 out_changed, err),
                          err);
    if (st != HM_OK) {
        hm_spool_forget(agent->spool, HM_SPOOL_DESIRED); /* not to be told that it is unchanged */
    }
done:
    hm_arena_fini(&arena);
    return st;
}

/* What was delivered right before a crash may not have been taken yet. */
static enum hm_status start_policies(void *app, struct hm_err *err)
{
    struct hm_agent *agent = app;
    struct hm_err why;
    bool changed;
    enum hm_status st;

    st = hm_agent_policies_open(agent->config.state_dir, agent->config.trust_root_file,
                                &agent->policies, err);
    if (st != HM_OK) {
        return st;
    }
    st = hm_agent_take_desired(agent, &changed, &why);
    if (st != HM_OK && st != HM_ENOENT) {
        hm_log_failure(HM_LOG_ERROR, "policies_not_kept", &why);
    }
    (void)hm_agent_policies_expire(agent->policies,
                                   hm_agent_expiry_ms(agent, agent->clock->now_ms()));
    return HM_OK;
}

static void stop_policies(void *app)
{
    struct hm_agent *agent = app;

    hm_agent_policies_close(agent->policies);
    agent->policies = NULL;
}

static enum hm_status start_uplink(void *app, struct hm_err *err)
{
    struct hm_agent *agent = app;
    struct hm_uplink *uplink = &agent->uplink;
    const char *ca_path;
    enum hm_status st;

    uplink->identity = &agent->identity;
    uplink->spool = agent->spool;
    uplink->random = agent->clock->random;
    if (agent->config.collector[0] == '\0') {
        hm_log_event(HM_LOG_WARNING, "no_collector_configured");
        return HM_OK;
    }
    st = hm_identity_ca_path(&agent->config, &agent->arena, &ca_path, err);
    if (st == HM_OK) {
        st = hm_transport_open(agent->config.collector, ca_path, &uplink->transport, err);
    }
    return st;
}

static void stop_uplink(void *app)
{
    struct hm_agent *agent = app;

    hm_transport_close(&agent->uplink.transport);
}

/* The collector's from the spool; false when there is none that can be read. Then what stands in
 * its name goes too: the next delivery is a whole one. */
static bool load_fleet(struct hm_agent *agent, struct hm_arena *arena, struct hm_catalogue *out)
{
    const bool had_one = hm_spool_digest(agent->spool, HM_SPOOL_CATALOGUE)[0] != '\0';
    struct hm_desired desired;
    struct hm_arena scratch; /* the document, which is larger than what is kept of it */
    struct hm_err err;
    enum hm_status st;
    char *text;
    size_t len;

    hm_arena_init(&scratch, HM_LIMIT_CYCLE_ARENA_BYTES);
    st = hm_spool_get(agent->spool, HM_SPOOL_CATALOGUE, &scratch, &text, &len, &err);
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_desired, text, len, false, arena, &desired, NULL, &err);
    }
    hm_arena_fini(&scratch);
    if (st != HM_OK) {
        if (had_one) {
            hm_log_failure(HM_LOG_WARNING, "catalogue_lost", &err);
            hm_spool_forget(agent->spool, HM_SPOOL_CATALOGUE);
            hm_spool_forget(agent->spool, HM_SPOOL_DESIRED);
        }
        return false;
    }
    *out = desired.catalogue;
    return true;
}

/* Only the one that was installed says its version; the collector's has a name. */
static const char *describe_catalogue(const struct hm_agent *agent, size_t products, bool of_fleet,
                                      struct hm_arena *arena)
{
    const struct hm_catalogue_release release =
        of_fleet ? (struct hm_catalogue_release){0, "", ""}
                 : hm_catalogue_release_of(agent->config.product_dir, arena);
    const char *text = of_fleet ? hm_arena_printf(arena, "%zu products, the collector's %.24s",
                                                  products, hm_spool_catalogue_tag(agent->spool))
                       : release.version > 0
                           ? hm_arena_printf(arena, "%zu products, as installed: version %u of %s",
                                             products, release.version, release.date)
                           : hm_arena_printf(arena, "%zu products, as installed", products);

    return text == NULL ? "" : text;
}

/* *out_of_fleet: it is the collector's. */
static enum hm_status read_catalogue(struct hm_agent *agent, struct hm_arena *arena,
                                     struct hm_catalogue *out, bool *out_of_fleet,
                                     struct hm_err *err)
{
    const struct hm_agent_config *config = &agent->config;
    struct hm_catalogue local = {NULL, 0};
    struct hm_catalogue fleet;
    enum hm_status st;

    *out_of_fleet = load_fleet(agent, arena, &fleet);
    if (!*out_of_fleet) {
        return hm_catalogue_load_local(config->product_dir, config->catalogue_dir, arena, out, err);
    }
    st = hm_catalogue_load(config->catalogue_dir, arena, &local, err);
    if (st != HM_OK && st != HM_ENOENT) {
        return st;
    }
    return hm_catalogue_merge(&fleet, &local, arena, out, err);
}

enum hm_status hm_agent_load_catalogue(struct hm_agent *agent, struct hm_err *err)
{
    struct hm_catalogue catalogue;
    struct hm_arena arena;
    bool of_fleet;
    enum hm_status st;

    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    st = read_catalogue(agent, &arena, &catalogue, &of_fleet, err);
    if (st != HM_OK) {
        hm_arena_fini(&arena);
        return st;
    }
    hm_arena_fini(&agent->catalogue_arena);
    agent->status.catalogue = describe_catalogue(agent, catalogue.count, of_fleet, &arena);
    agent->status_changed = true;
    agent->catalogue_arena = arena;
    agent->catalogue = catalogue;
    return HM_OK;
}

static enum hm_status start_catalogue(void *app, struct hm_err *err)
{
    struct hm_agent *agent = app;
    struct hm_err why;
    enum hm_status st;

    hm_arena_init(&agent->catalogue_arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    if (hm_spool_digest(agent->spool, HM_SPOOL_CATALOGUE)[0] == '\0') {
        hm_spool_forget(agent->spool, HM_SPOOL_DESIRED); /* version 0.1 kept both in one */
    }
    st = hm_agent_load_catalogue(agent, &why);
    if (st == HM_ENOENT) {
        /* Listeners are judged without a catalogue too; the collector sends one. */
        hm_log_failure(HM_LOG_WARNING, "no_catalogue_yet", &why);
        return HM_OK;
    }
    return st == HM_OK ? HM_OK : hm_fail_code(err, st, why.code, "%s", why.text);
}

static void stop_catalogue(void *app)
{
    struct hm_agent *agent = app;

    agent->status.catalogue = "";
    hm_arena_fini(&agent->catalogue_arena);
}

const struct hm_step hm_agent_steps[HM_AGENT_STEPS] = {
    {"system",    start_system,    NULL          },
    {"config",    start_config,    stop_config   },
    {"state",     start_state,     stop_state    },
    {"platform",  start_platform,  stop_platform },
    {"enforcer",  start_enforcer,  stop_enforcer },
    {"identity",  start_identity,  stop_identity },
    {"policies",  start_policies,  stop_policies },
    {"uplink",    start_uplink,    stop_uplink   },
    {"catalogue", start_catalogue, stop_catalogue},
};
