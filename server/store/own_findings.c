/* server/store/own_findings.c — findings that the collector itself makes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/own_findings.h"

#include <string.h>

/* One row a kind, by enum hm_own_finding_kind. fingerprint: as finding.c makes it, over kind and
 * subject; the test holds them together. */
static const struct hm_finding findings[HM_OWN_FINDING_COUNT] = {
    {.kind = "cloned_agent",
     .severity = HM_SEVERITY_HIGH,
     .fingerprint = "4d1d5594dfaa0d09",
     .subject = "agent identity",
     .text = "Two machines report with one agent identity: one is a copy of the other. Neither is "
             "believed until it has an identity of its own.",                                  .remedy = "Each machine enrols again by itself with its next check-in. Then remove this host. "
               "Before an image is made of a machine, delete the agent's state folder."},
    {.kind = "silent_host",
     .severity = HM_SEVERITY_MEDIUM,
     .fingerprint = "d1067b65ecf31bda",
     .subject = "agent",
     .text = "The host no longer reports: what it showed last is no proof of what it is now.",
     .remedy = "See whether the machine is up, whether its agent runs (hm-agent status), and "
               "whether it reaches the collector."                                                                                                  },
    {.kind = "delivery_refused",
     .severity = HM_SEVERITY_HIGH,
     .fingerprint = "80ff7b3d9dc2d807",
     .subject = "agent",
     .text = "The agent refused what this collector delivered, and goes on with what it had.",
     .remedy = "The agent's log says what was refused and why. When nobody has a reason for it, "
               "the collector's database may have been edited: compare it with a backup."                                                           },
};

struct hm_finding hm_own_finding(enum hm_own_finding_kind kind)
{
    return findings[kind];
}

bool hm_own_finding_is(const char *kind)
{
    for (size_t i = 0; i < HM_OWN_FINDING_COUNT; i++) {
        if (strcmp(findings[i].kind, kind) == 0) {
            return true;
        }
    }
    return false;
}
