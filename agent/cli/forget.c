/* agent/cli/forget.c — hm-agent forget: what the port book remembers of ports, gone.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/cli/kept_state.h"
#include "agent/cli/verbs.h"
#include "agent/config.h"
#include "agent/port_book.h"

#define ARENA_BYTES (32u * 1024u * 1024u)

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
    if (forgotten->count == 0) {
        (void)printf("the port book has none of these ports\n");
    }
}

static enum hm_status forget(const struct hm_cli *cli, struct hm_arena *arena, struct hm_err *err)
{
    const char *text = cli->arguments[0];
    struct hm_port_book forgotten = {NULL, 0};
    struct hm_os_lock *lock = NULL;
    struct hm_agent_config config;
    struct hm_ports ports;
    enum hm_status st = hm_ports_parse(text, strlen(text), arena, &ports, err);

    if (st == HM_OK) {
        st = hm_agent_config_load(cli, arena, &config, err);
    }
    if (st == HM_OK) {
        st = hm_cli_take_state(config.state_dir, arena, &lock, err);
    }
    if (st == HM_OK) {
        st = hm_agent_port_book_forget(config.state_dir, ports, arena, &forgotten, err);
    }
    hm_os_unlock(lock);
    if (st == HM_OK) {
        print_forgotten(&forgotten);
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
    .arguments = "PORTS",
    .min_arguments = 1,
    .max_arguments = 1,
    .help = "forget what listened on these ports in earlier boots, so that they may be excluded",
    .details =
        "Refused while the agent runs: stop it, run this, start it again. \"hm-agent check "
        "--json\"\nshows the port book (inventory.port_book), to an account that may read the "
        "agent's state.\n",
    .run = run,
};
