/* agent/cli/ranges.c — hm-agent ranges: the dynamic ranges as WMI tells them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/cli/verbs.h"
#include "agent/platform/host.h"

#define ARENA_BYTES (1024u * 1024u)

static int run(const struct hm_cli *cli)
{
    struct hm_range_opinions opinions = {NULL, 0};
    struct hm_arena arena;
    struct hm_err err;
    enum hm_status st;

    hm_arena_init(&arena, ARENA_BYTES);
    st = hm_host_ranges(&arena, &opinions, &err);
    for (size_t i = 0; st == HM_OK && i < opinions.count; i++) {
        const struct hm_range_opinion *told = &opinions.at[i];

        (void)printf("%s %u-%u\n", hm_protocol_names[told->protocol], told->range.first,
                     told->range.last);
    }
    hm_arena_fini(&arena);
    return st == HM_OK ? HM_EXIT_OK : hm_cli_fail(cli, HM_EXIT_FAILED, &err);
}

const struct hm_cli_verb hm_verb_ranges = {
    .name = "ranges",
    .arguments = "",
    .help = "Windows: the dynamic ranges as WMI tells them; the agent asks this beside netsh",
    .run = run,
};
