/* common/ports/netstat_text.h — "netstat -ano" and "tasklist /svc /fo csv" in any language.
 * SPDX-License-Identifier: Apache-2.0
 *
 * netstat: rows are known by their first word (TCP or UDP, the same in every language) and by
 * shape: local and remote "address:port", for TCP a state word that is never matched, and a
 * process id. LISTEN is known by a remote port of 0; TIME_WAIT by process id 0 with a remote
 * port; a TCP row "0.0.0.0:port 0.0.0.0:0" whose state is absent (netstat -q "BOUND") is taken
 * as LISTEN as the text cannot tell. Other lines are skipped when they have no such first word,
 * and refused when they have one but not the shape. */
#pragma once

#include "common/ports/sockets.h"

enum hm_status hm_netstat_parse(const char *text, size_t len, struct hm_arena *arena,
                                struct hm_sockets *out_sockets, struct hm_err *err) HM_MUST_CHECK;

/* One row of tasklist /svc /fo csv: "image","pid","service,service" ("N/A", translated, when
 * there is none: known by the absence of any name that could be a service; see the .c file). */
struct hm_task {
    const char *program;
    uint32_t pid;
    struct hm_strings services;
};

struct hm_tasks {
    struct hm_task *at; /* sorted by pid */
    size_t count;
};

enum hm_status hm_tasklist_parse(const char *text, size_t len, struct hm_arena *arena,
                                 struct hm_tasks *out_tasks, struct hm_err *err) HM_MUST_CHECK;

/* Fills program and service of the sockets from the tasks by process id; a process that hosts
 * several services gives its sockets the service only when it hosts exactly one. */
void hm_tasks_name_sockets(const struct hm_tasks *tasks, struct hm_sockets *sockets);
