/* tests/boots/sequence.c — several boots of one host, with an agent that keeps its state folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/boots/boots.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cycle.h"
#include "common/base/limits.h"
#include "common/os/os.h"

#define FIRST_STEP 2 /* after system and config, which are the process's own */
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
#define FIRST_LOOK_MS 1000
#define LOOKS_MOST 100
#define SETTLED_MS INT64_C(600000)

static _Noreturn void die(const char *what, const struct hm_err *err)
{
    (void)fprintf(stderr, "boot_proof: %s: %s\n", what, err->text);
    exit(2);
}

/* ---- chance: splitmix64, apart from that of the boot ----------------------------------------- */

static uint64_t chance;

static uint64_t draw_64(void)
{
    uint64_t z = chance += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool happens(unsigned percent)
{
    return draw_64() % 100 < percent;
}

static int64_t between_ms(int64_t from_ms, int64_t to_ms)
{
    return from_ms + (int64_t)(draw_64() % (uint64_t)(to_ms - from_ms + 1));
}

/* ---- the world's clock ----------------------------------------------------------------------- */

#define YEARS_MS INT64_C(630720000000)
#define AHEAD_MS INT64_C(90000)

static struct {
    int64_t ms;
    bool is_ahead;   /* the clock of the host, early in this boot: by twenty years */
    int64_t jump_ms; /* … or from jump_at_ms since the boot to its end, by so much; 0 it is right */
    int64_t jump_at_ms;
    int64_t end_ms; /* the agent is stopped then */
    struct boots_sequence *sequence;
} world;

static int64_t world_ms(void)
{
    return world.ms;
}

static int64_t wall_ms(void)
{
    const int64_t uptime = boots_uptime_ms(world.sequence);

    return world.ms + (world.is_ahead && uptime < AHEAD_MS ? YEARS_MS : 0) +
           (uptime >= world.jump_at_ms ? world.jump_ms : 0);
}

static bool world_is_stopped(void)
{
    return world.ms >= world.end_ms;
}

/* The agent sleeps after each of its looks. */
static bool world_sleep(int64_t ms)
{
    world.sequence->has_looked = true;
    boots_check_look(world.sequence);
    world.sequence->has_looked = false;
    world.ms += ms < 1 ? 1 : ms;
    world.ms = world.ms > world.end_ms ? world.end_ms : world.ms;
    return world_is_stopped();
}

static uint32_t world_random(void)
{
    return (uint32_t)draw_64();
}

static const struct hm_agent_clock world_clock = {
    .now_ms = wall_ms,
    .monotonic_ms = world_ms,
    .sleep_ms = world_sleep,
    .is_stopped = world_is_stopped,
    .random = world_random,
};

static int64_t uptime_ms(void *arg)
{
    return boots_uptime_ms(arg);
}

static void pass_ms(void *arg, int64_t ms)
{
    (void)arg;
    world.ms += ms;
}

int64_t boots_uptime_ms(const struct boots_sequence *sequence)
{
    return world.ms - sequence->booted_ms;
}

/* ---- the agent ------------------------------------------------------------------------------- */

static void set_rule(struct boots_sequence *sequence, struct hm_agent *agent)
{
    const struct hm_enforcer_options options = {
        .state_dir = agent->config.state_dir,
        .ops = agent->platform_ops,
        .platform = agent->platform,
        .now_ms = agent->clock->now_ms,
        .skips_settling = true,
    };
    struct hm_err err;

    if (!sequence->options->rule_off) {
        return;
    }
    hm_enforcer_close(agent->enforcer);
    agent->enforcer = NULL;
    if (hm_enforcer_open(&options, &agent->enforcer, &err) != HM_OK) {
        die("enforcer", &err);
    }
}

/* Its own steps but the catalogue, which is read once for all. */
static void start_agent(struct boots_sequence *sequence, struct hm_agent *agent)
{
    const struct hm_boot_clock clock = {uptime_ms, pass_ms, sequence};
    struct hm_err err;

    memset(agent, 0, sizeof(*agent));
    agent->clock = &world_clock;
    hm_arena_init(&agent->arena, 1u << 20);
    if (hm_agent_config_load(NULL, &agent->arena, &agent->config, &err) != HM_OK) {
        die("configuration", &err);
    }
    agent->config.state_dir = sequence->state;
    agent->config.host = sequence->files;
    agent->config.collector = "";
    for (size_t i = FIRST_STEP; i < HM_AGENT_STEPS_TO_ENROLL; i++) {
        if (hm_agent_steps[i].start(agent, &err) != HM_OK) {
            die(hm_agent_steps[i].name, &err);
        }
    }
    agent->catalogue = *sequence->host->catalogue;
    hm_boot_attach(agent->platform, sequence->boot, &clock);
    set_rule(sequence, agent);
    sequence->agent = agent;
}

static void stop_agent(struct boots_sequence *sequence)
{
    struct hm_agent *agent = sequence->agent;

    for (size_t i = HM_AGENT_STEPS_TO_ENROLL; i > FIRST_STEP; i--) {
        if (hm_agent_steps[i - 1].stop != NULL) {
            hm_agent_steps[i - 1].stop(agent);
        }
    }
    hm_arena_fini(&agent->arena);
    sequence->agent = NULL;
}

/* Approved and delivered, while the agent does not run. */
static void deliver(struct boots_sequence *sequence)
{
    struct hm_agent_policies *policies;
    struct hm_signers people;
    struct hm_trust_root root;
    struct hm_envelope pinned;
    struct hm_desired desired;
    struct hm_err err;
    bool changed = false;

    hm_signers_init(&people);
    root = hm_signers_root(&people, 1, 1);
    desired = (struct hm_desired){
        .policies = {boots_statements(sequence->host, &people), sequence->host->policies_count}
    };
    if (hm_agent_policies_open(sequence->state, "", &policies, &err) != HM_OK ||
        hm_trust_root_encode(&root, &people.arena, &pinned, &err) != HM_OK ||
        !hm_signers_sign(&people, HM_ANNA, &pinned) ||
        hm_agent_policies_pin(policies, &pinned, &err) != HM_OK ||
        hm_agent_policies_take(policies, &desired, world.ms, &changed, &err) != HM_OK) {
        die("policies", &err);
    }
    if (hm_agent_policies_all(policies)->count != sequence->host->policies_count) {
        size_t count;
        const struct hm_policy_refused *refused = hm_agent_policies_refused(policies, &count);

        (void)fprintf(stderr, "boot_proof: %s: policies were refused: %s: %s\n",
                      sequence->host->name, count > 0 ? refused->policy : "",
                      count > 0 ? refused->text : "");
        exit(2);
    }
    hm_agent_policies_close(policies);
    hm_signers_fini(&people);
    sequence->is_delivered = true;
}

/* ---- one boot -------------------------------------------------------------------------------- */

/* Lets the agent run from now to that time since the boot. */
static void run_agent(struct boots_sequence *sequence, int64_t to_ms)
{
    struct hm_agent agent;

    world.end_ms = sequence->booted_ms + to_ms;
    if (world.ms >= world.end_ms) {
        return;
    }
    start_agent(sequence, &agent);
    hm_cycle_run(&agent);
    boots_check_look(sequence);
    if (boots_uptime_ms(sequence) >= SETTLED_MS + MINUTE_MS) {
        if (agent.has_report) {
            boots_check_settled(sequence);
        } else {
            boots_breach(sequence, "the agent has no report");
        }
    }
    if (agent.has_report) {
        boots_take_claims(sequence);
    }
    stop_agent(sequence);
}

/* What somebody installed and removed again: it has a port of a policy in some boots. */
static const struct hm_boot_extra squatter = {
    .protocol = HM_TCP,
    .port = 54000,
    .kind = HM_KIND_SOCKET,
    .service = "",
    .program = "squatter.exe",
};

/* Blocks so wide that a port which is not reserved is lost in one boot of a few. */
static const struct hm_boot_extra wide[] = {
    {.protocol = HM_TCP,
     .kind = HM_KIND_CONTAINER,
     .service = "",
     .program = "",
     .block_ports = 2000},
    {.protocol = HM_TCP,
     .kind = HM_KIND_CONTAINER,
     .service = "",
     .program = "",
     .block_ports = 1500},
    {.protocol = HM_UDP,
     .kind = HM_KIND_CONTAINER,
     .service = "",
     .program = "",
     .block_ports = 3000},
};

#define LATE_MAX 6u /* services of one boot */

static const char *draw_service(const struct boots_host *host)
{
    const struct hm_services *services = &host->settled->inventory.service_details;
    const bool own = host->extras_count == 0 || happens(50);
    const size_t most = own ? services->count : host->extras_count;
    const size_t at = most == 0 ? 0 : (size_t)(draw_64() % most);

    return most == 0 ? "" : own ? services->at[at].name : host->extras[at].service;
}

/* In some boots a service is late; in others many are, and wide blocks come before them. */
static void put_guests(struct boots_sequence *sequence, struct hm_boot_options *options,
                       struct hm_boot_time late[LATE_MAX])
{
    struct boots_host *host = sequence->host;
    const bool is_crowded = happens(25);

    if (sequence->variant.only_a1) {
        return;
    }
    options->times = late;
    options->times_count = is_crowded ? LATE_MAX : happens(30) ? 1u : 0u;
    for (size_t i = 0; i < options->times_count; i++) {
        late[i] = (struct hm_boot_time){draw_service(host),
                                        between_ms(MINUTE_MS, (happens(10) ? 15 : 9) * MINUTE_MS)};
    }
    if (host->is_modern && happens(30)) {
        host->extras[options->extras_count++] = squatter;
    }
    for (size_t i = 0; host->is_modern && is_crowded && i < HM_COUNT(wide); i++) {
        host->extras[options->extras_count++] = wide[i];
    }
}

#define LATE_SERVICE "Console" /* of host.c */
#define LATE_BOOT 3u

/* Somebody has stopped a service for a while, after the agent has seen the host whole. */
static const char *draw_idle(const struct boots_sequence *sequence)
{
    const struct boots_host *host = sequence->host;
    const struct hm_services *services = &host->settled->inventory.service_details;
    const size_t most = host->extras_count + (happens(30) ? services->count : 0);
    const size_t at = most == 0 ? 0 : (size_t)(draw_64() % most);

    if (sequence->variant.comes_late) {
        return sequence->number < LATE_BOOT ? LATE_SERVICE : NULL;
    }
    if (!happens(20) || !sequence->has_seen || most == 0) {
        return NULL;
    }
    return at < host->extras_count ? host->extras[at].service
                                   : services->at[at - host->extras_count].name;
}

/* Somebody sets the clock while the agent runs, or a virtual machine gets a wrong one. */
static void draw_jump(const struct boots_sequence *sequence)
{
    static const int64_t jumps[] = {3 * HOUR_MS, -3 * HOUR_MS, 50 * HOUR_MS, YEARS_MS, -YEARS_MS};

    world.jump_ms = 0;
    world.jump_at_ms = 0;
    if (sequence->number > 1 && happens(12) && !sequence->variant.only_a1) {
        world.jump_ms = jumps[draw_64() % HM_COUNT(jumps)];
        world.jump_at_ms = between_ms(20000, 12 * MINUTE_MS);
    }
}

static void begin_boot(struct boots_sequence *sequence, struct hm_arena *arena)
{
    struct boots_host *host = sequence->host;
    struct hm_boot_options options = {
        .seed = draw_64(),
        .boot_id = hm_arena_printf(arena, "boot-%u-%016" PRIx64, sequence->number, draw_64()),
        .booted_ms = world.ms,
        .extras = host->extras,
        .extras_count = host->extras_count,
        .idle = draw_idle(sequence),
        .asked = {host->asked[0], host->asked[1]},
        .has_asked = true,
        .is_denied = happens(3) && !sequence->variant.only_a1,
        .hides_settings =
            sequence->variant.hides_settings || (sequence->variant.hides_some && happens(40)),
        .settings_ms =
            sequence->variant.hides_some && happens(50) ? between_ms(MINUTE_MS, 14 * MINUTE_MS) : 0,
        .is_slow = happens(15),
    };
    const struct hm_boot_clock clock = {uptime_ms, NULL, sequence};
    struct hm_boot_time late[LATE_MAX];
    struct hm_err err;

    put_guests(sequence, &options, late);
    draw_jump(sequence);
    world.is_ahead = sequence->number > 2 && happens(6) && !sequence->variant.only_a1;
    sequence->booted_ms = world.ms;
    sequence->boot_id = options.boot_id;
    sequence->is_denied = options.is_denied;
    if (hm_boot_begin(host->files, &options, &sequence->boot, &err) != HM_OK) {
        die(host->name, &err);
    }
    hm_boot_attach(sequence->eyes, sequence->boot, &clock);
    boots_check_begin(sequence);
}

/* A slow host takes its time for it. */
static void look_once(struct boots_sequence *sequence)
{
    char path[BOOTS_PATH + 32];

    (void)snprintf(path, sizeof(path), "%s/portbook.json", sequence->state);
    for (unsigned i = 0; i < LOOKS_MOST && !hm_os_exists(path); i++) {
        run_agent(sequence, boots_uptime_ms(sequence) + FIRST_LOOK_MS);
    }
}

/* Most agents start within seconds, some late, and some are restarted. */
static void live(struct boots_sequence *sequence)
{
    const int64_t end_ms = happens(15) ? between_ms(20000, 9 * MINUTE_MS)
                                       : between_ms(SETTLED_MS + 2 * MINUTE_MS, 25 * MINUTE_MS);
    const bool first = sequence->number == 1 && !sequence->variant.only_a1;
    const bool at_once =
        sequence->number == 1 && happens(first ? 50 : 100) && !sequence->variant.only_judges;

    world.ms += happens(80) ? between_ms(2000, 45000) : between_ms(45000, 12 * MINUTE_MS);
    if (at_once) { /* otherwise the agent sees a boot without them first */
        look_once(sequence);
        deliver(sequence);
    }
    if (happens(10)) {
        run_agent(sequence, boots_uptime_ms(sequence) + between_ms(500, 5 * MINUTE_MS));
        world.ms += between_ms(500, MINUTE_MS);
    }
    if (!sequence->is_delivered && sequence->number > 1 && !sequence->variant.only_judges) {
        look_once(sequence); /* where the host was off before its agent had started */
        deliver(sequence);
    }
    run_agent(sequence, end_ms);
    if (boots_uptime_ms(sequence) < end_ms) {
        world.ms = sequence->booted_ms + end_ms;
    }
    boots_check_end(sequence);
}

/* ---- a sequence ------------------------------------------------------------------------------ */

static void make_folders(struct boots_sequence *sequence)
{
    const char *root = hm_os_exists("/dev/shm") ? "/dev/shm" : "/tmp"; /* no disk: fewer waits */
    struct hm_err err;

    /* Not by the number of the process: one that was killed may have left a folder. */
    (void)snprintf(sequence->folder, sizeof(sequence->folder), "%s/hm-boots-XXXXXX", root);
    if (mkdtemp(sequence->folder) == NULL) {
        (void)hm_fail(&err, HM_EIO, "%s: no folder can be made there", root);
        die("a folder for the test", &err);
    }
    (void)snprintf(sequence->state, sizeof(sequence->state), "%.400s/state", sequence->folder);
    (void)snprintf(sequence->files, sizeof(sequence->files), "%.400s/%s", sequence->folder,
                   sequence->host->name);
    if (hm_os_make_folder(sequence->state, 0700, &err) != HM_OK ||
        hm_os_make_folder(sequence->files, 0700, &err) != HM_OK) {
        die("a folder for the test", &err);
    }
}

static void remove_files(const char *folder)
{
    struct hm_strings names;
    struct hm_arena arena;

    hm_arena_init(&arena, 1u << 20);
    if (hm_os_list_folder(folder, &arena, &names, NULL) == HM_OK) {
        for (size_t i = 0; i < names.count; i++) {
            if (hm_os_remove_file(hm_arena_printf(&arena, "%s/%s", folder, names.at[i]), NULL) !=
                HM_OK) {
                (void)fprintf(stderr, "boot_proof: %s stays in %s\n", names.at[i], folder);
            }
        }
    }
    hm_arena_fini(&arena);
    (void)rmdir(folder);
}

void boots_run(struct boots_host *host, uint64_t seed, const struct boots_variant *variant,
               const struct boots_options *options, struct boots_counts *counts)
{
    static struct boots_sequence sequence; /* some hundred kilobytes */
    struct hm_arena arena;
    struct hm_err err;

    memset(&sequence, 0, sizeof(sequence));
    sequence.host = host;
    sequence.options = options;
    sequence.counts = counts;
    sequence.variant = *variant;
    sequence.seed = seed;
    chance = seed;
    hm_arena_init(&arena, 1u << 20);
    boots_host_vary(host, variant);
    make_folders(&sequence);
    world.ms = HM_SIGNERS_NOW_MS;
    world.sequence = &sequence;
    if (hm_platform_recorded.open(sequence.files, &sequence.eyes, &err) != HM_OK) {
        die(host->name, &err);
    }
    for (sequence.number = 1; sequence.number <= options->boots; sequence.number++) {
        begin_boot(&sequence, &arena);
        live(&sequence);
        counts->boots++;
        hm_boot_end(sequence.boot);
        sequence.boot = NULL;
        if (variant->loses_book && happens(40)) {
            boots_lose_book(&sequence, draw_64());
        }
        world.ms += between_ms(5000, 3 * MINUTE_MS); /* it is off */
    }
    hm_platform_recorded.close(sequence.eyes);
    remove_files(sequence.state);
    remove_files(sequence.files);
    (void)rmdir(sequence.folder);
    hm_arena_fini(&arena);
}
