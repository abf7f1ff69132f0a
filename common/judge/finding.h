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

/* One step of a remedy. Steps are in order: free what holds the port, reserve, start again. */
enum hm_step_kind {
    HM_STEP_FREE,    /* something gives up a port: a service stops, an exclusion is deleted */
    HM_STEP_RESERVE, /* ports are kept from being handed out */
    HM_STEP_SET,     /* another setting is changed: a dynamic range, a registry value */
    HM_STEP_START,   /* services that were stopped, or were down, start again */
    HM_STEP_BOOT,    /* the host restarts: what was written is in force then */
    HM_STEP_DECIDE,  /* a person decides or looks: there is no command for it */
};
#define HM_STEP_KIND_COUNT 6
extern const char *const hm_step_kind_names[HM_STEP_KIND_COUNT];

struct hm_remedy_step {
    enum hm_step_kind kind;
    const char *text;           /* what this step does and why, one or two sentences */
    const char *precondition;   /* what must be so before it; "" nothing */
    const char *warning;        /* what it interrupts or costs; "" nothing */
    struct hm_strings commands; /* the exact commands, in order; empty for HM_STEP_DECIDE */
};

struct hm_remedy_steps {
    struct hm_remedy_step *at;
    size_t count;
};

struct hm_finding {
    const char *kind;
    enum hm_severity severity;
    const char *fingerprint; /* 16 hex digits over kind and subject: stable while it lasts */
    const char *subject;     /* "tcp 9955", "registry MaxUserPort": what it is about */
    const char *text;        /* what is wrong and what it leads to, one or two sentences */
    struct hm_evidence_list evidence;
    bool counts;        /* the evidence holds counters: a change of it alone is not reported */
    const char *remedy; /* what to do, one or two sentences */
    struct hm_remedy_steps steps; /* how to do it, in order */
    struct hm_strings commands; /* the commands of all steps, in order; empty when there is none */
    bool needs_reboot;
};

struct hm_findings {
    struct hm_finding *at; /* sorted: severest first, then kind, subject */
    size_t count;
};

/* The finding before the one at this place that has the very same steps; NULL when there is none.
 * Findings of one product share them, and they must not be carried out twice. */
const struct hm_finding *hm_findings_same_remedy(const struct hm_findings *findings, size_t at);

/* The first finding before the one at this place whose remedy does all that this one's does: every
 * command of it, every restart, every decision in the same words, under no other condition; NULL
 * when there is none, or when this one has no command. Carried out again, netsh would refuse its
 * rows (error 32). */
const struct hm_finding *hm_findings_wider_remedy(const struct hm_findings *findings, size_t at);

/* Remedies of one host may share some of their steps only. The first finding before the one at this
 * place that has the very same step, commands included, and the place of the step in it; NULL when
 * there is none. is_hidden: findings whose steps nobody sees, by place. */
const struct hm_finding *hm_findings_same_step(const struct hm_findings *findings,
                                               const bool *is_hidden, size_t at,
                                               const struct hm_remedy_step *step,
                                               size_t *out_place);
