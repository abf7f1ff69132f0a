/* agent/cli/forget.c — hm-agent forget: what the port book remembers of ports, gone.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/cli/kept_state.h"
#include "agent/cli/verbs.h"
#include "agent/config.h"
#include "agent/port_book.h"

#define ARENA_BYTES (32u * 1024u * 1024u)
#define MOST_PORTS 1000u /* without --yes */

static const struct hm_cli_option options[] = {
    {"yes",  NULL, "also where PORTS are more than 1000, which may be the whole port book"     },
    {"lost", NULL, "instead of PORTS: add new exclusions again although the port book was lost"},
};

static enum hm_status check_ports(const struct hm_cli *cli, struct hm_ports ports,
                                  struct hm_err *err)
{
    if (hm_ports_contains(ports, 0)) {
        return hm_fail(err, HM_EINVAL, "0 is not a port: PORTS are from 1 to 65535");
    }
    if (hm_ports_count(ports) > MOST_PORTS && hm_cli_value(cli, "yes") == NULL) {
        return hm_fail(err, HM_EINVAL,
                       "these are %u ports: what the port book knows of them would be lost, and "
                       "with it what must not be excluded; confirm with --yes",
                       (unsigned)hm_ports_count(ports));
    }
    return HM_OK;
}

/* Those of the list that the port book did not have. */
static enum hm_status print_absent(const struct hm_port_book *forgotten, struct hm_ports ports,
                                   struct hm_arena *arena, struct hm_err *err)
{
    struct hm_range *at = hm_arena_alloc(arena, forgotten->count, sizeof(*at));
    struct hm_ports had;
    struct hm_ports absent;
    enum hm_status st;

    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port book");
    }
    for (size_t i = 0; i < forgotten->count; i++) {
        at[i] = (struct hm_range){forgotten->at[i].port, forgotten->at[i].port};
    }
    st = hm_ports_from_ranges(at, forgotten->count, arena, &had, err);
    if (st == HM_OK) {
        st = hm_ports_subtract(ports, had, arena, &absent, err);
    }
    if (st == HM_OK && absent.count > 0) {
        const char *text = hm_ports_text(absent, arena);

        (void)printf("not in the port book: %s\n", text != NULL ? text : "other ports");
    }
    return st;
}

static void print_forgotten(const struct hm_port_book *forgotten)
{
    for (size_t i = 0; i < forgotten->count; i++) {
        const struct hm_port_entry *row = &forgotten->at[i];

        (void)printf("forgotten: %s %u, %s, of %s\n", hm_protocol_names[row->protocol],
                     (unsigned)row->port, hm_listener_kind_names[row->kind],
                     row->service[0] != '\0'   ? row->service
                     : row->program[0] != '\0' ? row->program
                                               : "an endpoint");
    }
}

static enum hm_status accept_loss(const struct hm_agent_config *config,
                                  const struct hm_port_book_past *past, struct hm_arena *arena,
                                  struct hm_err *err)
{
    bool was_lost = false;
    enum hm_status st =
        hm_agent_port_book_accept_loss(config->state_dir, past, arena, &was_lost, err);

    if (st == HM_OK) {
        (void)printf(was_lost ? "the agent continues without the port book that was lost\n"
                              : "the port book is not lost\n");
    }
    return st;
}

static enum hm_status forget(const struct hm_cli *cli, struct hm_arena *arena, struct hm_err *err)
{
    const bool lost = hm_cli_value(cli, "lost") != NULL;
    struct hm_port_book forgotten = {NULL, 0};
    struct hm_os_lock *lock = NULL;
    struct hm_spool *spool = NULL;
    struct hm_port_book_past past;
    struct hm_agent_config config;
    struct hm_ports ports = {NULL, 0};
    enum hm_status st = HM_OK;

    if ((cli->argument_count > 0) == lost) {
        return hm_fail(err, HM_EINVAL, "give either PORTS or --lost");
    }
    if (!lost) {
        st = hm_ports_parse(cli->arguments[0], strlen(cli->arguments[0]), arena, &ports, err);
    }
    if (st == HM_OK && !lost) {
        st = check_ports(cli, ports, err);
    }
    if (st == HM_OK) {
        st = hm_agent_config_load(cli, arena, &config, err);
    }
    if (st == HM_OK) {
        st = hm_cli_take_state(config.state_dir, arena, &lock, err);
    }
    if (st == HM_OK) {
        st = hm_spool_open(config.state_dir, &spool, err);
    }
    if (st == HM_OK) {
        hm_agent_port_book_past(config.state_dir, spool, &past);
        st = lost ? accept_loss(&config, &past, arena, err)
                  : hm_agent_port_book_forget(config.state_dir, &past, ports, arena, &forgotten,
                                              err);
    }
    hm_spool_close(spool);
    hm_os_unlock(lock);
    if (st == HM_OK && !lost) {
        print_forgotten(&forgotten);
        st = print_absent(&forgotten, ports, arena, err);
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    struct hm_arena arena;
    struct hm_err err;
    enum hm_status st;
    int status = HM_EXIT_OK;

    hm_arena_init(&arena, ARENA_BYTES);
    st = forget(cli, &arena, &err);
    if (st != HM_OK) {
        status = hm_cli_fail(cli, st == HM_EINVAL ? HM_EXIT_USAGE : HM_EXIT_FAILED, &err);
    }
    hm_arena_fini(&arena);
    return status;
}

const struct hm_cli_verb hm_verb_forget = {
    .name = "forget",
    .arguments = "[PORTS]",
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "forget what listened on these ports in earlier boots, so that they may be excluded",
    .details =
        "Refused while the agent runs: stop it, run this, start it again. \"hm-agent check "
        "--json\"\nshows the port book (inventory.port_book), to an account that may read the "
        "agent's state. --lost is for a host whose port book was damaged or deleted (event\n"
        "port_book_lost), where nobody has to fear for a port that an earlier boot showed.\n",
    .run = run,
};
