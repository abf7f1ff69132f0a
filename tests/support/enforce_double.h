/* tests/support/enforce_double.h — a made-up host that policies are enforced on.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The host of the plan model, changed as systems change it: an exclusion over a socket or a row is
 * refused. Each pass has an arena of its own, so what must outlive it cannot borrow from it. */
#pragma once

#include "agent/enforce/enforce.h"
#include "tests/support/plan_model.h"

struct hm_enforce_double {
    struct hm_model model; /* host, policies, limits, time, boot */
    char folder[64];
    const char *state_id; /* from the next restart on; NULL = not known */
    struct hm_enforcer *enforcer;
    struct hm_enforce_pass pass; /* of the last enforce_double_pass */
    struct hm_arena arena;       /* likewise */
    const struct hm_policy_refused *refused;
    size_t refused_count;
    struct hm_policies more; /* in place of the model's, when there are any */

    /* What the system does wrong. */
    bool both_families;    /* a change of ipv4 is one of ipv6 too */
    enum hm_status refuse; /* changes of refuse_family are answered so; HM_OK = none */
    enum hm_family refuse_family;
    const char *refuse_policy; /* NULL = of any */
    bool pretends;             /* changes are taken and not made */
    bool outrun;               /* somebody else makes each row just before we do */
    bool blind;                /* reread fails */
    bool no_ephemeral;
    bool lost;     /* what outlives a boot was changed by others */
    bool keeps;    /* the platform has the ops keep and reapply */
    bool reloaded; /* what is missing was taken out by a reload of others' settings */
    const char *hazards_unknown;
    struct hm_services idle; /* services that neither run nor start by themselves */
    bool urgent;             /* the next passes are */
    bool has_uptime;         /* a live host; since when it is up moves with enforce_double_wait */
    int64_t boot_ms;         /* when it booted, by the model's clock */
    unsigned changes;        /* that were asked for */
    void (*step)(const char *name, void *arg);
    void *step_arg;
    char order[512]; /* steps and changes as they came: "ledger_before change …" */
};

void enforce_double_init(struct hm_enforce_double *host, const char *windows_version);
void enforce_double_fini(struct hm_enforce_double *host);

/* Opens the enforcer again, as a restart does. */
void enforce_double_restart(struct hm_enforce_double *host);

/* The host boots now and is live from here on: another boot_id. */
void enforce_double_boot(struct hm_enforce_double *host, const char *boot_id);
void enforce_double_wait(struct hm_enforce_double *host, int64_t seconds);
/* Somebody sets the clock: no time passes. */
void enforce_double_set_clock(struct hm_enforce_double *host, int64_t by_seconds);
/* The newest revision of the last policy, otherwise equal. */
void enforce_double_revise(struct hm_enforce_double *host, enum hm_policy_mode mode);
/* Exclusions of tcp as the system has them. */
const char *enforce_double_rows(struct hm_enforce_double *host, enum hm_family family);

/* One pass, or a restore; HM_OK unless the pass itself failed. */
enum hm_status enforce_double_pass(struct hm_enforce_double *host);
enum hm_status enforce_double_restore(struct hm_enforce_double *host, struct hm_err *err);

/* "name/1 verified; other/1 waiting busy": the outcomes of the last pass. */
const char *enforce_double_states(struct hm_enforce_double *host);
const struct hm_outcome *enforce_double_outcome(const struct hm_enforce_double *host,
                                                const char *policy);
/* The report as it travels. */
const char *enforce_double_report(struct hm_enforce_double *host);
