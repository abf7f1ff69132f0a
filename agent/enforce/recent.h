/* agent/enforce/recent.h — for how long a change may be why a service fails.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement, for the dead-man. An exclusion may break a service at its next start
 * alone, when the watch is over. In the boot of the change a week counts, by the seconds of that
 * boot. Later boots count for each service until one of them is over in which it was started, five
 * at most: in a boot of a few minutes, or one that nobody started it in, nothing can be seen. One
 * that fails while the event log cannot be read yet was not started either, as nobody was blamed.
 */
#pragma once

#include "agent/enforce/enforce_run.h"

/* Does the last change of the policy still count? Forgets it when it is over. */
bool hm_recent_row(const struct hm_enforce_run *run, struct hm_enforce_row *row);

/* … for that service, too? */
bool hm_recent_service(const struct hm_enforce_run *run, const struct hm_enforce_row *row,
                       const char *service);

/* Of this pass: which services have been started in this boot; failed: did it end with error 32? */
void hm_recent_note(struct hm_enforce_run *run, const struct hm_services *const lists[2],
                    bool (*failed)(const struct hm_observation *seen,
                                   const struct hm_service *service));

/* Early in a boot the event log may not be readable yet, which may name the port. */
bool hm_recent_log_awaited(const struct hm_enforce_run *run);
