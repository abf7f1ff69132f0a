/* common/judge/finding.h — one thing worth a person's attention on a host, and the kinds of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One kind, one file finding_<kind>.c, one row in finding.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/judge/verdict.h"

enum hm_severity { HM_SEVERITY_INFO, HM_SEVERITY_LOW, HM_SEVERITY_MEDIUM, HM_SEVERITY_HIGH };
extern const char *const hm_severity_names[4]; /* "info", "low", "medium", "high" */

struct hm_evidence {
    const char *name; /* "dynamic_range", "holder" */
    const char *value;
};

struct hm_evidence_list {
    struct hm_evidence *at;
    size_t count;
};

struct hm_finding {
    const char *kind;
    enum hm_severity severity;
    const char *fingerprint; /* 16 hex digits over kind and subject: stable while it lasts */
    const char *subject;     /* "tcp 9955", "registry MaxUserPort": what it is about */
    const char *text;        /* what is wrong and what it leads to, one or two sentences */
    struct hm_evidence_list evidence;
    bool counts;                /* the evidence holds counters: a change of it alone is no news */
    const char *remedy;         /* what to do, one or two sentences */
    struct hm_strings commands; /* the exact commands, in order; empty when there is none */
    bool needs_reboot;
};

struct hm_findings {
    struct hm_finding *at; /* sorted: severest first, then kind, subject */
    size_t count;
};
