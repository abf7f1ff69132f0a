/* agent/cli/reserve.c — hm-agent reserve: what policies reserve, put in force at a boot.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/cli/verbs.h"
#include "agent/platform/platform.h"

#define ARENA_BYTES (32u * 1024u * 1024u)

/* Early in a boot: no configuration, no state, no log; the unit's journal has the one line. */
static enum hm_status reserve(struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_platform_ops *ops = &hm_platform_native;
    struct hm_platform *platform = NULL;
    const char *text = "";
    enum hm_status st;

    if (ops->at_boot == NULL) {
        return hm_fail(err, HM_EUNSUPPORTED,
                       "this system keeps reserved ports over a boot by itself");
    }
    st = ops->open("", &platform, err);
    if (st == HM_OK) {
        st = ops->at_boot(platform, arena, &text, err);
        ops->close(platform);
    }
    if (st == HM_OK && text[0] != '\0') {
        (void)printf("%s\n", text);
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    struct hm_arena arena;
    struct hm_err err;
    enum hm_status st;

    hm_arena_init(&arena, ARENA_BYTES);
    st = reserve(&arena, &err);
    hm_arena_fini(&arena);
    if (st == HM_OK) {
        return HM_EXIT_OK;
    }
    return hm_cli_fail(cli, st == HM_EUNSUPPORTED ? HM_EXIT_USAGE : HM_EXIT_FAILED, &err);
}

const struct hm_cli_verb hm_verb_reserve = {
    .name = "reserve",
    .arguments = "",
    .help = "Linux: add what policies reserve to the running list; for the unit that runs at boot",
    .run = run,
};
