/* agent/platform/recorded/recorded.h — the parts of a host described by files; private to this
 * folder and its tests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A missing file makes its facts unknown, with a sentence in notes; a broken one is HM_EINVAL
 * with "folder/file:line: reason" (err->line keeps the line). Everything lives in the arena. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/platform/notes.h"
#include "agent/platform/platform.h"
#include "agent/platform/recorded/changes.h"
#include "common/ports/configured.h"
#include "common/readers/linux_sockets_text.h"
#include "common/readers/netstat_text.h"
#include "common/readers/reg_text.h"
#include "common/readers/sc_text.h"
#include "common/readers/tasklist_text.h"
#include "common/readers/text_kind.h"
#include "common/wire/records.h"

/* What deploy/windows/collect.cmd writes in place of a listing that netsh refused to give; the
 * exit status follows. */
#define HM_RECORDED_NETSH_FAILED "netsh failed: exit "

/* What it writes in place of events that cannot be read, and below those of the other logs for one
 * log ("Application log: ..."); the reason follows. */
#define HM_RECORDED_EVENTS_FAILED "events failed: "

/* One observation in the making. */
struct hm_recorded {
    const char *folder;
    struct hm_arena *arena;
    struct hm_notes notes;
    struct hm_host_file host; /* host.json; all unknown when there is none */
    struct hm_observation seen;
    struct hm_service_rows service_rows;  /* of services.txt or its like; for their paths */
    struct hm_sc_states service_states;   /* services-state.txt, with process ids */
    bool has_tcpip;                       /* tcpip-parameters.reg was read */
    const struct hm_tcpip_memory *memory; /* of the agent; NULL: nobody remembers */
    struct hm_sockets listening;          /* Linux: of a list of listeners alone */
    bool netstat_partial;                 /* rows were left out of it */
    unsigned files;                       /* how many of the known files are there */
    bool has_names;
    struct hm_strings names; /* of the folder */
    bool is_booting;         /* what is shown is of this boot, whatever the files say (boot.h) */
    struct hm_recorded_changes changes;
    struct hm_recorded_model model;
    struct hm_recorded_values filed_values;       /* as the files tell them */
    struct hm_stack filed_stacks[HM_STACK_COUNT]; /* likewise, as seen.inventory.stacks */
};

struct hm_recorded_file {
    const char *name;
    const char *found; /* the same as the folder writes it, "NETSTAT.TXT"; NULL = no such file */
    bool there;        /* it is, and has text */
    bool noted;        /* it has, but not its own: a sentence says so, and there is false */
    const char *text;  /* without byte order mark, UTF-16 as UTF-8; *.json is UTF-8 for certain */
    size_t len;
};

/* files.c — looks for a file, in any case of its letters; *out_name NULL = there is none. */
enum hm_status hm_recorded_find(struct hm_recorded *recorded, const char *name,
                                const char **out_name, struct hm_err *err) HM_MUST_CHECK;
/* Reads folder/name. Every file of a host is read here, so that every one may have every
 * encoding. A file that is not there, or has nothing in it, is HM_OK with there = false. */
enum hm_status hm_recorded_read(struct hm_recorded *recorded, const char *name,
                                struct hm_recorded_file *out_file,
                                struct hm_err *err) HM_MUST_CHECK;
/* Puts "folder/file:line: " before the text of a reader's error; returns its status. */
enum hm_status hm_recorded_broken(const struct hm_recorded *recorded, const char *name,
                                  struct hm_err *err);
/* "file holds something else: what is unknown"; file->noted from then on. */
enum hm_status hm_recorded_note(struct hm_recorded *recorded, struct hm_recorded_file *file,
                                const char *holds, const char *unknown,
                                struct hm_err *err) HM_MUST_CHECK;
/* After a reader's failure: a text of another kind than wanted leaves its facts unknown, with the
 * sentence "file holds a list of sockets (netstat): what is unknown", and is HM_OK with noted;
 * anything else is broken. */
enum hm_status hm_recorded_refused(struct hm_recorded *recorded, struct hm_recorded_file *file,
                                   enum hm_text_kind wanted, const char *unknown,
                                   struct hm_err *err) HM_MUST_CHECK;
/* "file is missing: what is unknown", or "file is empty: ..." */
enum hm_status hm_recorded_missing(struct hm_recorded *recorded, const char *name,
                                   const char *unknown, struct hm_err *err) HM_MUST_CHECK;

/* Did netsh refuse? Then the file holds the one line that collect.cmd writes. */
bool hm_recorded_netsh_failed(const struct hm_recorded_file *file);

/* registry_ports.c — ports of SQL Server and of RPC servers in that listing, into the list. */
enum hm_status hm_recorded_registry_ports(struct hm_recorded *recorded, const char *file,
                                          const struct hm_reg *reg, struct hm_configured_make *make,
                                          struct hm_err *err) HM_MUST_CHECK;

/* port_values.c — port-values.txt or port-values.reg into the list; *out_there: one was read. */
enum hm_status hm_recorded_port_values(struct hm_recorded *recorded,
                                       struct hm_configured_make *make, bool *out_there,
                                       struct hm_err *err) HM_MUST_CHECK;

/* configured.c — http-urlacl.txt, http-sslcert.txt, iis-bindings.txt, hns-endpoints.json, and what
 * port_values.c reads. */
enum hm_status hm_recorded_configured(struct hm_recorded *recorded,
                                      struct hm_err *err) HM_MUST_CHECK;
/* Likewise of Linux: published ports of containers. */
enum hm_status hm_recorded_published(struct hm_recorded *recorded,
                                     struct hm_err *err) HM_MUST_CHECK;

/* registry.c — tcpip-parameters.reg, dns-parameters.reg, hns-state.reg. After services. */
enum hm_status hm_recorded_registry(struct hm_recorded *recorded, struct hm_err *err) HM_MUST_CHECK;

/* stacks.c — the eight netsh files; on 2000, XP and 2003 from MaxUserPort; on Linux from
 * sysctl.txt. After the registry. */
enum hm_status hm_recorded_stacks(struct hm_recorded *recorded, struct hm_err *err) HM_MUST_CHECK;

/* times.c — host.json's boot_time and tcpip_written, or boot-time.txt and tcpip-parameters.hiv. */
enum hm_status hm_recorded_times(struct hm_recorded *recorded, struct hm_tcpip_times *out_times,
                                 struct hm_err *err) HM_MUST_CHECK;

/* legacy.c — 2000, XP and 2003: what is in force, by host.json's times, by what was changed in this
 * boot, by what the agent remembers, and by the sockets. After the sockets. */
enum hm_status hm_recorded_legacy_stacks(struct hm_recorded *recorded,
                                         struct hm_err *err) HM_MUST_CHECK;

/* events.c — events of host.json and of events.xml, by the names that people see. Before services,
 * which give them their names. */
enum hm_status hm_recorded_events(struct hm_recorded *recorded, struct hm_err *err) HM_MUST_CHECK;
/* Says so where a service that starts by itself does not run, nothing tells whether it has failed,
 * and no events are there. After the inventory is settled. */
enum hm_status hm_recorded_events_missing(struct hm_recorded *recorded,
                                          struct hm_err *err) HM_MUST_CHECK;

/* unit_names.c — takes ".service" off the names in host.json of a Linux host. */
enum hm_status hm_recorded_unit_names(struct hm_recorded *recorded,
                                      struct hm_err *err) HM_MUST_CHECK;

/* services.c — services of host.json and of the files that tell how services start, which run, and
 * which a failover cluster starts. After tasks. */
enum hm_status hm_recorded_services(struct hm_recorded *recorded, const struct hm_tasks *tasks,
                                    struct hm_err *err) HM_MUST_CHECK;

/* sockets.c — netstat.txt and tasklist.csv. Tasks first; sockets after services, whose process ids
 * name those that tasklist does not; listeners last: which sockets are any
 * depends on the stacks. */
enum hm_status hm_recorded_tasks(struct hm_recorded *recorded, struct hm_tasks *out_tasks,
                                 struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_recorded_sockets(struct hm_recorded *recorded, const struct hm_tasks *tasks,
                                   struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_recorded_listeners(struct hm_recorded *recorded,
                                     struct hm_err *err) HM_MUST_CHECK;
