/* agent/enforce/deadman.h — what is watched after a change, and when the change is undone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. Before the first change for a policy the listeners on the ports that it
 * wants are remembered, and whether the host hands out ephemeral ports. For the policy's watch
 * time the host is looked at every HM_DEADMAN_LOOK_MS; a listener that is not there in two looks
 * in a row, or two in a row without an ephemeral port, turn that revision off on this host. It is
 * persistent. A boot ends the watch: it stops every listener by itself, and how long each takes to
 * come back nobody knows. The collector's silence is no reason for anything. A listener on a port
 * that is refused is not watched: nothing of it is changed.
 *
 * Windows only: HTTP.sys that cannot serve an address (event 15005), or a service that ends with
 * error 32, is harm as well, when it was not so before the change. To blame is the policy that has
 * excluded the port of that address, or a port of that service in the port book; where none is
 * known, one that has excluded a port which no plain socket is known to serve. For how long a
 * service counts: recent.h. A policy that is innocent of it counts again (acquittal.h). A listener
 * whose service was stopped in order, or is being started or stopped, is not lost: the watch of the
 * listeners pauses until the service runs again; that of the host does not.
 */
#pragma once

#include "agent/enforce/enforce_run.h"

#define HM_DEADMAN_LOOK_MS 30000
#define HM_DEADMAN_APART_MS 20000 /* looks closer than that count as one */
#define HM_DEADMAN_MISSES 2u

/* Begins or prolongs the row's watch; the caller makes it durable before the change. */
enum hm_status hm_deadman_begin(struct hm_enforce_run *run, struct hm_enforce_row *row,
                                struct hm_err *err);

/* A new revision keeps the watch of the one before, without listeners on ports that it does not
 * want any more. */
void hm_deadman_drop(struct hm_enforce_row *row);

/* One look for every row; sets off where a change has to be undone. last_s: of the look
 * before, kept by the caller; 0 at first. */
void hm_deadman_look(struct hm_enforce_run *run, uint64_t *last_s);
