/* common/readers/tasklist_text.h — "tasklist /svc /fo csv" in any language.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Three quoted fields a row: image name, process id, services. The heading is the first row if
 * its second field is no number. A process without services carries a translated "N/A"; it is
 * known without its wording: it is what the processes 0 and 4 carry (the kernel's own, they
 * never hold services), or what several processes carry, or what holds a slash. */
#pragma once

#include "common/ports/sockets.h"

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

/* Fills program and service of the sockets from the tasks by process id. A process that hosts
 * several services gives its sockets the service only when netstat -b named one of them, otherwise
 * the list of them. A socket
 * that no task is found for keeps what netstat -b told; without process ids, the service of its
 * program where only one process runs that. */
void hm_tasks_name_sockets(const struct hm_tasks *tasks, struct hm_sockets *sockets);
