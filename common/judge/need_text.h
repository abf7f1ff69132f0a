/* common/judge/need_text.h — the parts of the sentence of a verdict.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to judging: each file of need_text_*.c writes one kind of sentence. */
#pragma once

#include "common/judge/need.h"
#include "common/ports/line.h"

/* What the sentence is about, and the stack that decided it. Borrowed. */
struct hm_topic {
    const struct hm_facts *facts;
    const struct hm_need *need;
    const struct hm_stack_facts *stack;
    struct hm_ports main;   /* that the reason of the verdict is about */
    struct hm_ports unsure; /* the others at risk */
    bool with_odds;
};

/* More than one port: the sentence has a plural. */
bool hm_topic_is_many(struct hm_ports ports);

/* " on IPv4 and IPv6": the families of the verdict. */
void hm_topic_put_families(const struct hm_topic *topic, struct hm_line *line);

/* Goes on after the ports: why nobody knows whether they are safe. */
void hm_topic_put_unknown(const struct hm_topic *topic, struct hm_line *line);

/* Is nothing else missing than what the socket of a closed connection was set? */
bool hm_topic_only_lingers(const struct hm_topic *topic);
