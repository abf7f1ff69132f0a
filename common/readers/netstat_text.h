/* common/readers/netstat_text.h — "netstat -ano" of Windows in any language.
 * SPDX-License-Identifier: Apache-2.0
 *
 * netstat: rows are known by their first word (TCP or UDP, the same in every language) and by
 * shape: local and remote "address:port", for TCP a state word that is never matched, and a
 * process id. LISTEN is known by a remote port of 0; TIME_WAIT by process id 0 with a remote
 * port; a TCP row "0.0.0.0:port 0.0.0.0:0" whose state is absent (netstat -q "BOUND") is taken
 * as LISTEN as the text cannot tell. Other lines are skipped when they have no such first word,
 * and refused when they have one but not the shape; a text without any row is refused. Programs
 * and services come from tasklist_text.h. */
#pragma once

#include "common/ports/sockets.h"

enum hm_status hm_netstat_parse(const char *text, size_t len, struct hm_arena *arena,
                                struct hm_sockets *out_sockets, struct hm_err *err) HM_MUST_CHECK;
