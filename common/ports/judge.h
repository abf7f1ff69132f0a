/* common/ports/judge.h — facts in, verdicts and findings out. The agent, hm-agent check and the
 * collector judge with this one function.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure: no clock, no input or output; everything returned lives in the arena or borrows from
 * the input. Threads: safe, each with its own arena. */
#pragma once

#include "common/ports/finding.h"

struct hm_judge_input {
    const struct hm_inventory *inventory;
    const struct hm_catalogue *catalogue;
    const struct hm_sockets *sockets;         /* NULL = unknown */
    const struct hm_sample *sample;           /* NULL = unknown */
    const struct hm_inventory *previous_boot; /* last inventory of an earlier boot, or NULL */
};

struct hm_judgement {
    struct hm_verdicts verdicts;
    struct hm_findings findings;
    struct hm_strings unknown; /* facts that were missing, one sentence each; filled by callers
                                  that know their sources (agent platforms) and by hm_judge */
};

enum hm_status hm_judge(const struct hm_judge_input *input, struct hm_arena *arena,
                        struct hm_judgement *out_judgement, struct hm_err *err) HM_MUST_CHECK;

/* The worst state of all; HM_SAFE when there is no requirement at all. */
enum hm_verdict_state hm_judgement_worst(const struct hm_judgement *judgement);
