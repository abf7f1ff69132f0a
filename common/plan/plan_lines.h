/* common/plan/plan_lines.h — the list of a system in the making, and ReservedPorts' way with it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to planning. */
#pragma once

#include "common/plan/plan_build.h"

struct hm_plan_list {
    const struct hm_owned_list *before_owned; /* of the ledger */
    struct hm_ports listed;                   /* as it stands */
    struct hm_ports effective;                /* what is surely reserved by it */
    struct hm_ports claimed;                  /* what this plan adds */
    struct hm_ports needed;                   /* all that is ours afterwards */
    struct hm_owned_list owned;               /* likewise, with names */
    size_t owned_cap;
    uint32_t usable;
    uint32_t cost; /* usable ports that this plan takes so far */
};

/* false when the registry was not read. */
bool hm_plan_read_lines(struct hm_plan_build *b, struct hm_plan_list *list);

/* The action, if the value must change. was_owned: all that the ledger says is ours. */
void hm_plan_write_lines(struct hm_plan_build *b, const struct hm_plan_list *list,
                         struct hm_ports was_owned);
