/* common/judge/remedy.h — the exact commands that cure a finding, for the system it is about.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to the finding kinds. Each function sets the finding's remedy, appends its commands
 * and says whether a reboot is due. Names from a host enter a command only when they are plain:
 * an operator may paste it. */
#pragma once

#include "common/judge/finding_kind.h"

/* Fills ctx->reserve and its text; once, before the kinds look. */
enum hm_status hm_remedy_prepare(struct hm_finding_ctx *ctx, struct hm_err *err) HM_MUST_CHECK;

/* May these ports be excluded, or would that break what listens there? */
bool hm_remedy_may_exclude(const struct hm_finding_ctx *ctx, const struct hm_need *need);

/* Keeps ports out of the dynamic range: an exclusion for each family that lacks it (missing, by
 * enum hm_family), the merged ReservedPorts of a legacy system, the merged list of Linux.
 * lead: a sentence to begin with, "" none. */
void hm_remedy_exclude(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_finding *finding, enum hm_protocol protocol,
                       const struct hm_ports missing[2], const char *lead);

/* Moves the dynamic range off ports that must not be excluded. */
void hm_remedy_move(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                    struct hm_finding *finding, enum hm_protocol protocol, struct hm_ports ports,
                    const char *lead);

/* Whichever of the two is right for an exposed need. */
void hm_remedy_protect(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_finding *finding, const struct hm_need *need, const char *lead);

/* What cures the finding is written already (hm_need_is_cured_by_boot): the host restarts, and
 * nothing that is written is advised again. hm_remedy_protect does so by itself. */
void hm_remedy_boot(struct hm_finding_list *list, struct hm_finding *finding);

/* netsh set dynamicportrange for one stack. */
void hm_remedy_set_range(struct hm_finding_list *list, struct hm_finding *finding,
                         enum hm_protocol protocol, enum hm_family family, struct hm_range range);

/* "net stop NAME", "systemctl stop NAME"; false when the name is not plain or empty. */
bool hm_remedy_service(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_finding *finding, const char *verb, const char *service);

/* What ReservedPorts says, with the lone ports that Windows ignores as ranges. */
struct hm_ports hm_remedy_listed(const struct hm_finding_ctx *ctx, struct hm_finding_list *list);

#define HM_REMEDY_TCPIP_KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
