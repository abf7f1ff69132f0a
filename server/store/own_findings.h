/* server/store/own_findings.h — findings that the collector itself makes.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/judge/finding.h"

enum hm_own_finding_kind { HM_OWN_CLONED_AGENT, HM_OWN_SILENT_HOST, HM_OWN_DELIVERY_REFUSED };
#define HM_OWN_FINDING_COUNT 3

/* Static texts only: a plain value. */
struct hm_finding hm_own_finding(enum hm_own_finding_kind kind);

bool hm_own_finding_is(const char *kind);
