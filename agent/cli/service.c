/* agent/cli/service.c — hm-agent service install, remove, run: the agent as a Windows service.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/service.h"

#include <stdio.h>

#include "agent/cli/guard.h"
#include "agent/cli/verbs.h"
#include "agent/config.h"
#include "agent/events.h"
#include "agent/guarding.h"
#include "agent/platform/host.h"
#include "common/os/os.h"

#define ARENA_BYTES (4u * 1024u * 1024u)

static int fail(const struct hm_cli *cli, const struct hm_err *err)
{
    return hm_cli_fail(cli,
                       err->status == HM_EINVAL || err->status == HM_EUNSUPPORTED ? HM_EXIT_USAGE
                                                                                  : HM_EXIT_FAILED,
                       err);
}

/* What the service reads must not be anybody's to write. */
static enum hm_status own_folder(struct hm_arena *arena, struct hm_err *err)
{
    const char *folder;
    enum hm_status st = hm_agent_config_folder(HM_AGENT_CONFIG_PATH, arena, &folder, err);

    return st == HM_OK ? hm_host_own_folder(folder, err) : st;
}

static int install(const struct hm_cli *cli)
{
    const char *config = hm_cli_value(cli, "config");
    struct hm_strings warnings = {NULL, 0};
    struct hm_arena arena;
    struct hm_err err;
    int status = HM_EXIT_OK;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_service_install(config, &arena, &warnings, &err) != HM_OK ||
        (config == NULL && own_folder(&arena, &err) != HM_OK)) {
        status = fail(cli, &err);
    }
    for (size_t i = 0; i < warnings.count; i++) {
        (void)fprintf(stderr, "%s: warning: %s\n", cli->program, warnings.at[i]);
    }
    if (status == HM_EXIT_OK) {
        (void)printf("service %s is installed; \"sc start %s\" starts it, and so does the next "
                     "boot\n",
                     hm_service_name, hm_service_name);
    }
    hm_arena_fini(&arena);
    return status;
}

static int stop(const struct hm_cli *cli)
{
    struct hm_err err;

    if (hm_service_stop(&err) != HM_OK) {
        return fail(cli, &err);
    }
    (void)printf("service %s is stopped\n", hm_service_name);
    return HM_EXIT_OK;
}

static int remove_service(const struct hm_cli *cli)
{
    struct hm_err err;

    /* Again afterwards: somebody may have added one meanwhile, and without the agent nobody would
     * take it away. */
    if (hm_cli_remove_guards(&err) != HM_OK || hm_service_remove(&err) != HM_OK ||
        hm_cli_remove_guards(&err) != HM_OK) {
        return fail(cli, &err);
    }
    (void)printf("service %s is removed\n", hm_service_name);
    return HM_EXIT_OK;
}

static void note(void *ctx, enum hm_log_level level, const char *event, const char *details)
{
    hm_events_note(ctx, level, event, details);
}

static int body(void *app)
{
    const struct hm_cli *cli = app;
    const int status = hm_cli_run_agent(cli, hm_service_started);

    if (status != HM_EXIT_OK) {
        hm_service_started(); /* a service on its way up must not start others */
        hm_guarding_keep();
    }
    return status;
}

static int run(const struct hm_cli *cli)
{
    struct hm_events events = {.write = hm_event_log_write, .monotonic_ms = hm_os_monotonic_ms};
    int status = HM_EXIT_FAILED;
    struct hm_err err;
    enum hm_status st;

    hm_log_set_sink(note, &events);
    st = hm_service_run(body, (void *)cli, &status, &err);
    hm_log_set_sink(NULL, NULL);
    return st == HM_OK ? status : fail(cli, &err);
}

const struct hm_cli_verb hm_verb_service_install = {
    .name = "service install",
    .arguments = "",
    .help = "Windows: make the agent a service that starts at boot, or bring it up to date",
    .run = install,
};

const struct hm_cli_verb hm_verb_service_remove = {
    .name = "service remove",
    .arguments = "",
    .help = "Windows: stop the service and remove it",
    .run = remove_service,
};

const struct hm_cli_verb hm_verb_service_stop = {
    .name = "service stop",
    .arguments = "",
    .help = "Windows: stop the service and wait until its program can be replaced",
    .run = stop,
};

const struct hm_cli_verb hm_verb_service_run = {
    .name = "service run",
    .arguments = "",
    .help = "Windows: what the system starts; people use \"sc start HavenmasterAgent\"",
    .run = run,
};
