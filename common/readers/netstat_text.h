/* common/readers/netstat_text.h — netstat of Windows (-ano, -an, -anob, -anb, -anoq) in any
 * language.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rows are known by their first word (TCP or UDP, the same in every language) and by shape:
 * local and remote "address:port", for TCP a state, and a process id, which all rows have or none.
 * LISTEN is known by the lack of a peer (remote port 0, or the address 0.0.0.0 or ::). With -q
 * ports that are bound and not listening look alike but for the translated state: the listening
 * one is the English word, or the one on the ports 135, 139 and 445; every other one is BOUND.
 * TIME_WAIT is known by process id 0, without process ids by its word or, in -b, by the lack of an
 * owner.
 *
 * -b: "[program]" below a row, and one line between them that is the name of a service. Never for
 * process id 4, whose sockets are the kernel's.
 *
 * Other lines are skipped when they have no such first word, and refused when they have one but
 * not the shape; a text without any row is refused. What the task list tells comes with
 * tasklist_text.h. */
#pragma once

#include "common/ports/sockets.h"

struct hm_netstat {
    struct hm_sockets sockets;
    bool has_pids;     /* -o; Windows 2000 has none */
    bool has_programs; /* -b */
    bool has_heading;  /* titles of columns above the rows: it was not filtered */
};

/* HM_EINVAL with line and reason. Everything lives in the arena. */
enum hm_status hm_netstat_parse(const char *text, size_t len, struct hm_arena *arena,
                                struct hm_netstat *out_netstat, struct hm_err *err) HM_MUST_CHECK;
