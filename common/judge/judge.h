/* common/judge/judge.h — facts in, verdicts and findings out. The agent, hm-agent check and the
 * collector judge with this one function.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure: no clock, no input or output; everything returned lives in the arena or borrows from
 * the input. Threads: safe, each with its own arena. */
#pragma once

#include "common/judge/finding.h"
#include "common/judge/policy_marks.h"
#include "common/ports/port_book.h"

/* A listing that the system refused, or that cannot be read for certain. */
struct hm_refusal {
    const char *command; /* "netsh interface ipv4 show dynamicport tcp" */
    const char *reason;  /* "exit status 1", "line 4: …", "no answer within 20 s" */
    const char *bytes;   /* what it printed instead, of any code page; the first are evidence */
    size_t len;
};
#define HM_REFUSAL_BYTES 512u

struct hm_refusals {
    struct hm_refusal *at;
    size_t count;
};

/* A dynamic range as another interface of the same system tells it. */
struct hm_range_opinion {
    enum hm_protocol protocol; /* it does not tell families apart */
    const char *source;        /* "WMI class MSFT_NetTCPSetting" */
    struct hm_range range;
};

struct hm_range_opinions {
    const struct hm_range_opinion *at;
    size_t count;
};

/* Events of one provider and number since the boot, as evidence: Service Control Manager 7023,
 * 7024, and those of products. Numbers and names are the same in every language. */
struct hm_event_count {
    const char *provider; /* "Service Control Manager", "IAS" */
    uint32_t id;
    uint32_t count;
    const char *about; /* the service, by its name where that is known, otherwise as people see it;
                          of HTTP.sys the address; "" none */
    const char *service; /* as the event itself names the service that about shows; NULL none. Never
                            sent, nor error: settled where the events are read */
    uint32_t error;      /* the service ended with it; 0 none */
};

struct hm_event_counts {
    struct hm_event_count *at;
    size_t count;
};

struct hm_judge_input {
    const struct hm_inventory *inventory;
    const struct hm_catalogue *catalogue;
    const struct hm_sockets *sockets;         /* NULL = unknown */
    const struct hm_sample *sample;           /* NULL = unknown */
    const struct hm_inventory *previous_boot; /* last inventory of an earlier boot, or NULL */
    const struct hm_refusals *refusals;       /* NULL = none */
    const struct hm_range_opinions *opinions; /* NULL = none */
    const struct hm_event_counts *events;     /* NULL = unknown */
    const struct hm_policy_marks *marks;      /* NULL = no policy has set anything */
    const struct hm_port_hazards *hazards;    /* that the agent remembers; NULL = none */
    const char *reserved_behind; /* Linux: the file of others in sysctl.d that reserves ports, too,
                                    and is read after the one of a remedy; "" none; NULL unknown */
    const char *range_behind;    /* likewise, of the dynamic range */
    struct hm_hidden_ports hidden; /* by the file of a remedy, or by any other */
    bool settings_mixed;  /* Linux: a file that a remedy writes has other settings or comments */
    bool settings_unread; /* of HTTP.sys, IIS or containers: hazards of settings count, too */
    bool foretells; /* the inventory is what something will make of a host: the error that a service
                       ended with before says nothing of it */
};

/* Why a listener is not a requirement. */
enum hm_observed_why {
    HM_OBSERVED_ONE_BOOT,      /* the port book saw it in one boot: it may be random */
    HM_OBSERVED_NO_PORT_BOOK,  /* nobody has watched this host over boots: likewise */
    HM_OBSERVED_RPC_ENDPOINT,  /* asks for any port and tells the endpoint mapper */
    HM_OBSERVED_CLIENT_SOCKET, /* UDP of a program that is no service */
    HM_OBSERVED_DISABLED,      /* the port book saw it; its service is disabled now */
    HM_OBSERVED_GONE,          /* likewise; its service is not installed any more */
    HM_OBSERVED_OPTIONAL,      /* of a product that is down; nothing shows that it uses them here */
    HM_OBSERVED_FALLS_BACK,    /* its service asks for it again, and takes any other in its place */
};
#define HM_OBSERVED_WHY_COUNT 8
extern const char *const hm_observed_why_names[HM_OBSERVED_WHY_COUNT];

/* Listeners inside the dynamic range whose port may be random, and ports that nobody needs now.
 * They change no verdict and no exit status; none is dropped without a row. */
struct hm_observed {
    const char *name; /* service, or program; product of an optional one */
    enum hm_protocol protocol;
    struct hm_ports ports;
    enum hm_observed_why why;
};

struct hm_observed_list {
    struct hm_observed *at; /* sorted: why, name, protocol */
    size_t count;
};

struct hm_judgement {
    struct hm_verdicts verdicts;
    struct hm_findings findings;
    struct hm_observed_list observed;
    bool lacks_rows[2]; /* by protocol: services that are not seen to run need it, and a Windows
                           showed no socket of it: the list of sockets is not whole */
    bool incomplete;    /* a fact is missing without which nothing may be called all safe:
                           services that do not run, listeners; or some were not judged, as there
                           are too many */
    struct hm_strings unknown; /* facts that were missing, one sentence each; filled by callers
                                  that know their sources (agent platforms) and by hm_judge */
};

enum hm_status hm_judge(const struct hm_judge_input *input, struct hm_arena *arena,
                        struct hm_judgement *out_judgement, struct hm_err *err) HM_MUST_CHECK;

/* May a script continue? Every verdict is safe, no finding is high, and nothing is incomplete. */
bool hm_judgement_is_safe(const struct hm_judgement *judgement);

/* Why a judgement of this inventory is incomplete, one constant sentence each; 0 = it is complete.
 * lacks_rows: of the judgement.
 * They are among the sentences of unknown, too. */
#define HM_INCOMPLETE_MAX 7u
size_t hm_judge_incomplete(const struct hm_inventory *inventory, const bool lacks_rows[2],
                           const char *out_texts[HM_INCOMPLETE_MAX]);

/* 2000 to 2003: does the judgement count values as in force of which nobody knows whether the host
 * was restarted since they were written? A text that says "all safe" has to say so, too. */
bool hm_judge_is_assumed(const struct hm_inventory *inventory);

/* Linux: does a verdict count on a reservation, or on a range, of which nobody knows whether the
 * next boot keeps it? A text that says "all safe" has to say so, too. */
bool hm_judgement_is_until_boot(const struct hm_judgement *judgement,
                                const struct hm_inventory *inventory);

/* 2000 to 2003: were values written since the boot, or does a socket contradict them, so that
 * nobody knows which are in force? ReservedPorts counts as not in force then. */
bool hm_judge_is_doubted(const struct hm_inventory *inventory);

/* The worst state of all; HM_SAFE when there is no requirement at all. */
enum hm_verdict_state hm_judgement_worst(const struct hm_judgement *judgement);
