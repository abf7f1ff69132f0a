/* agent/enforce/failing.h — services that failed because of a policy, and fail again.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement, for the dead-man. A service that failed since before a change did not
 * fail because of it. One whose failure the dead-man has put down to a policy is an exception: a
 * newer revision, or another policy with the same port, may come before anybody has started it
 * again. It counts as failing from before only until it fails again: in a later boot, after it was
 * seen in another state, or with one more event of the service manager. Not for a policy that has
 * been found innocent of it. */
#pragma once

#include "agent/enforce/enforce_run.h"

/* NULL: in neither list. */
const struct hm_service *hm_failing_find(const struct hm_services *const lists[2],
                                         const char *name);

/* Events of this boot that the service failed. */
uint32_t hm_failing_count(const struct hm_observation *seen, const char *service);

/* A policy was turned off because of it. */
void hm_failing_blamed(struct hm_enforce_run *run, const char *service);

/* Of this pass; failed: did it end with error 32? */
void hm_failing_look(struct hm_enforce_run *run, const struct hm_services *const lists[2],
                     bool (*failed)(const struct hm_observation *seen,
                                    const struct hm_service *service));
