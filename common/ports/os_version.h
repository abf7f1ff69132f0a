/* common/ports/os_version.h — versions of operating systems, and bounds for them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A version is numbers with dots: "10.0.17763". A bound has as many of them as matter: "10.0" as
 * the highest includes 10.0.17763. Pure. Threads: safe. */
#pragma once

#include "common/ports/inventory.h"

/* Below, equal to or above the bound, in as many numbers as the bound has: -1, 0, 1. */
int hm_version_compare(const char *version, const char *bound);

enum hm_within { HM_WITHIN_NO, HM_WITHIN_YES, HM_WITHIN_UNKNOWN };

/* Does the version lie within the bounds? "" is no bound. HM_WITHIN_UNKNOWN: the version is not
 * known, and there is a bound. */
enum hm_within hm_os_within(const struct hm_os *os, const char *lowest, const char *highest);
