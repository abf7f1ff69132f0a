/* agent/agent.h — one agent: what it is made of, and the steps that start and stop it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread. Set to zero but for cli and clock, then run by hm_lifecycle_run with
 * hm_agent_steps. */
#pragma once

#include "agent/catalogue.h"
#include "agent/config.h"
#include "agent/enforce/enforce.h"
#include "agent/expiry_clock.h"
#include "agent/platform/platform.h"
#include "agent/policies.h"
#include "agent/port_book.h"
#include "agent/run_memory.h"
#include "agent/status.h"
#include "agent/tcpip_memory.h"
#include "agent/uplink.h"
#include "common/base/lifecycle.h"
#include "common/os/os.h"

/* Time and chance come in from outside. */
#define HM_AGENT_INTERVAL_S 300
#define HM_HOST_NAME_BYTES 256

struct hm_agent_clock {
    int64_t (*now_ms)(void);
    int64_t (*monotonic_ms)(void);
    bool (*sleep_ms)(int64_t ms); /* true = a stop was asked for */
    bool (*is_stopped)(void);
    uint32_t (*random)(void);
};
extern const struct hm_agent_clock hm_agent_real_clock;

/* How "hm-agent restore" is told of each change. */
typedef void hm_agent_tried(const struct hm_action *action, const char *failed, void *arg);

struct hm_agent {
    const struct hm_cli *cli; /* NULL = defaults */
    const char *collector;    /* outranks the configuration's; NULL = it counts */
    const struct hm_agent_clock *clock;
    struct hm_arena arena; /* what lives as long as the agent */
    struct hm_agent_config config;
    struct hm_os_lock *lock;
    struct hm_spool *spool;
    struct hm_agent_port_book *port_book;
    struct hm_agent_tcpip *tcpip;
    struct hm_agent_runs *runs;
    hm_agent_tried *tried; /* NULL = nobody asks */
    const struct hm_platform_ops *platform_ops;
    struct hm_platform *platform;
    struct hm_enforcer *enforcer;
    struct hm_arena catalogue_arena;
    struct hm_catalogue catalogue;
    struct hm_identity identity;
    struct hm_agent_policies *policies;
    struct hm_uplink uplink; /* transport.ops NULL = no collector is configured */

    struct hm_arena cycle_arena;       /* of one look, until its report is acknowledged */
    struct hm_observation observation; /* the last look's; in cycle_arena */
    int64_t observed_ms;               /* when it began */
    bool looked;                       /* once at least, since the agent was started */
    bool may_wake;                     /* it waits for nothing but the next look */
    bool woken;                        /* … which is due now */
    int64_t watched_ms;                /* monotonic: since when that wait is watched */
    bool guard_told;                   /* that the first pass is done */
    bool guard_again;                  /* the first one did not know who listens */
    struct hm_judgement judgement;     /* likewise */
    struct hm_policy_marks marks;      /* likewise: what policies have set, and will set */
    struct hm_buf inventory_json;
    struct hm_buf findings_json;
    struct hm_buf outcome_json; /* empty: nothing is enforced, nothing is told of it */
    struct hm_report report;
    bool has_report; /* not acknowledged yet */
    char name[HM_HOST_NAME_BYTES];

    int64_t again_in_ms;            /* after the last look; 0 = whenever */
    struct hm_backoff look_backoff; /* of looks that failed */

    bool has_run; /* an agent did, with this state folder */
    bool has_expiry_clock;
    struct hm_expiry_clock expiry_clock;
    struct hm_agent_status status; /* its texts: identity, report, errors */
    struct hm_err last_error;
    struct hm_err obey_error;    /* why policies could not be enforced at all; "" they could */
    struct hm_err look_error;    /* text "" = the newest look worked */
    struct hm_err desired_error; /* why the newest desired state as a whole was refused; "" not */
    int64_t status_saved_ms;     /* monotonic */
    bool status_changed;
};

/* system, config, state (folder and lock), platform, enforcer, identity, policies, uplink; and,
 * only needed where something is judged, catalogue. */
extern const struct hm_step hm_agent_steps[];
#define HM_AGENT_STEPS 9
#define HM_AGENT_STEPS_TO_ENROLL 8
#define HM_AGENT_STEPS_TO_RESTORE 5

/* The catalogue to judge by: the collector's, or else the shipped one; local products on top. On
 * a failure the last one stays. */
enum hm_status hm_agent_load_catalogue(struct hm_agent *agent, struct hm_err *err) HM_MUST_CHECK;

/* The desired state as the spool keeps it: its settings and policies count from then on. HM_ENOENT
 * when there is none that can be read; else it fails only when the policies cannot be kept. */
enum hm_status hm_agent_take_desired(struct hm_agent *agent, bool *out_changed,
                                     struct hm_err *err) HM_MUST_CHECK;

/* Seconds between two looks: configuration, collector, enrolment, 300. */
uint32_t hm_agent_interval_s(const struct hm_agent *agent);
