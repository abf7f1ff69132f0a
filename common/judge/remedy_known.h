/* common/judge/remedy_known.h — services of the systems themselves: may they stop, and what a stop
 * interrupts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to the remedies. The rows are constant; the caller never frees them. */
#pragma once

#include "common/judge/remedy_services.h"

enum hm_service_rule {
    HM_RULE_SYSTEM,  /* of the system itself: no product's service is among what it depends on */
    HM_RULE_NEVER,   /* likewise; it cannot be stopped, or not without harm to the whole host */
    HM_RULE_LEAF,    /* likewise; nothing of a plain system depends on it, so it may be stopped */
    HM_RULE_SESSION, /* likewise; it carries the connection of an administrator */
    HM_RULE_REMOTE,  /* likewise; but nothing starts it when an administrator connects */
};

struct hm_service_known {
    const char *name; /* "*" as in file names */
    enum hm_service_rule rule;
    const char *warning;
};

/* The row of a service of the host's system; NULL for a service of a product. */
const struct hm_service_known *hm_service_known(const struct hm_facts *facts, const char *name);

/* How a person stops and starts a product whose service must not be stopped without it, with the
 * product's own tool; NULL where a stop of the service is one of the product. */
const char *hm_service_own_tool(const struct hm_facts *facts, const char *name);

/* What is interrupted while it is stopped, one sentence; "" when nothing special is known. */
const char *hm_service_warning(const char *name);
