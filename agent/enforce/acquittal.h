/* agent/enforce/acquittal.h — when a policy that was turned off is innocent after all.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement, for the dead-man. A service can end with error 32 for a reason of its
 * own: a file that another program has open is one. Where the port book knows its port as that of a
 * plain socket, the policy that excludes this port is suspected last, and then rolled back all the
 * same. It counts again when nothing of it was left, no exclusion of this agent covers the port,
 * nobody has the port, and the service was started again and ended with error 32 again: in a later
 * boot, or with one more event of the service manager. The service did not run in between: one that
 * ran shows that the policy was the reason. A port of HTTP.sys, of QUIC or of nobody known acquits
 * no policy: there the same error also says that somebody else has the port, which may be because
 * the policy is gone. What HTTP.sys itself says does: see below. */
#pragma once

#include "agent/enforce/enforce_run.h"

/* Of a row that is off and has a blame. service: as it is now, NULL it is not known; failed: did it
 * end with error 32? */
void hm_acquittal_look(struct hm_enforce_run *run, struct hm_enforce_row *row,
                       const struct hm_service *service,
                       bool (*failed)(const struct hm_observation *seen,
                                      const struct hm_service *service));

/* Of a row that is off by suspicion alone (guessed_boot_id): in that boot, until the event log was
 * read ten minutes later, HTTP.sys may name a port that it could not have and that the policy does
 * not want. Had the log been readable before, the policy had not been suspected. */
void hm_acquittal_look_at_guess(struct hm_enforce_run *run, struct hm_enforce_row *row);

/* The text of a row that counts, with what it is innocent of. */
const char *hm_acquittal_text(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                              const char *text);
