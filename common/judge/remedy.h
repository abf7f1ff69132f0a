/* common/judge/remedy.h — how a finding is cured: ordered steps, with the exact commands for the
 * system it is about.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to the finding kinds. A kind says which requirement is to be protected, or adds steps of
 * its own; the engine finds what holds the ports, which services have to stop and start again, and
 * how this system reserves ports. The order is always: free, reserve, start; a boot where one is
 * needed; last what a person has to decide. hm_finding.commands and needs_reboot are filled from
 * the steps when the finding is sealed (finding.c).
 * A command is printed only when it can be pasted as it is: names from a host enter it only when
 * they are plain, and a command that is too long or one too many replaces all steps of the finding
 * by one that says so. */
#pragma once

#include "common/judge/finding_kind.h"

#define HM_REMEDY_TCPIP_KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"

/* Prepares what the remedies of one host share; once, before the kinds look. */
enum hm_status hm_remedy_prepare(struct hm_finding_ctx *ctx, struct hm_err *err) HM_MUST_CHECK;

/* ---- steps --------------------------------------------------------------------------------- */

/* Appends a step without commands, precondition and warning; never NULL. Valid until the next
 * step of the finding. text is borrowed. */
struct hm_remedy_step *hm_remedy_step(struct hm_finding_list *list, struct hm_finding *finding,
                                      enum hm_step_kind kind, const char *text);
void hm_remedy_command(struct hm_finding_list *list, struct hm_remedy_step *step, const char *fmt,
                       ...) HM_PRINTF(3, 4);
void hm_remedy_commands(struct hm_finding_list *list, struct hm_remedy_step *step,
                        const struct hm_strings *commands);

/* The steps of hm_remedy_protect are shared with other findings: makes them the finding's own, so
 * that a step can be added. */
void hm_remedy_own_steps(struct hm_finding_list *list, struct hm_finding *finding);

/* A remedy that is only this: a person decides or looks. Sets finding->remedy, too. */
void hm_remedy_decide(struct hm_finding_list *list, struct hm_finding *finding, const char *text);

/* "Restart the host": the step, with its warning. */
void hm_remedy_restart(struct hm_finding_list *list, struct hm_finding *finding, const char *text);

#define HM_REMEDY_NETSTAT_O_SINCE 501u /* netstat tells process ids: XP and later */

/* The command that lists what holds ports on this system: with ports that are bound and neither
 * listening nor connected where netstat can (10, 2016 and later), without process ids where it
 * cannot tell them (2000). */
const char *hm_remedy_list_sockets(const struct hm_finding_ctx *ctx);

/* Fills the finding's commands and needs_reboot from its steps. */
void hm_remedy_seal(struct hm_finding_list *list, struct hm_finding *finding);

/* ---- requirements -------------------------------------------------------------------------- */

/* May these ports be excluded, or would that break what listens there? */
bool hm_remedy_may_exclude(const struct hm_finding_ctx *ctx, const struct hm_need *need);

/* Cures an exposed or blocked need, with every other requirement at risk of its product and of the
 * products that require the same ports: whichever of their findings is read, the remedy is the
 * same. lead: a sentence to begin the summary with, "" none. */
void hm_remedy_protect(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_finding *finding, const struct hm_need *need, const char *lead);

/* What cures the finding is written already (hm_need_is_cured_by_boot): the host restarts, or Linux
 * is given the values of the next boot, and nothing that is written is advised again.
 * hm_remedy_protect does so by itself. held: somebody has the port, and only the boot ends that. */
void hm_remedy_boot(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                    struct hm_finding *finding, bool held);
/* The need's ports that the DNS Server's pool may take, or has; none without a pool. */
struct hm_ports hm_remedy_pool_reach(const struct hm_finding_ctx *ctx, const struct hm_need *need,
                                     struct hm_finding_list *list);

/* Ports of the protocol that must never be excluded on this host: of every listener that reserves
 * its port, seen now, seen in earlier boots, set up, or known to the catalogue, and those that the
 * agent remembers as hazards. */
struct hm_ports hm_remedy_untouchable(const struct hm_finding_ctx *ctx,
                                      struct hm_finding_list *list, enum hm_protocol protocol);

/* Does what the agent remembers of this port forbid to exclude it now? As in plans. */
bool hm_remedy_hazard_counts(const struct hm_finding_ctx *ctx, const struct hm_port_hazard *hazard);

/* The same for the products of all needs at risk that meet the condition. */
typedef bool hm_remedy_meets(const struct hm_finding_ctx *ctx, const struct hm_need *need,
                             struct hm_finding_list *list, const void *arg);
void hm_remedy_protect_all(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                           struct hm_finding *finding, hm_remedy_meets *meets, const void *arg);

/* Ports by stack. */
struct hm_stack_ports {
    struct hm_ports of[HM_STACK_COUNT]; /* by hm_stack_index */
};

/* Keeps ports that are no requirement's out of the dynamic range. Those that are in use now have a
 * step of their own. */
void hm_remedy_exclude(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_finding *finding, const struct hm_stack_ports *missing);

/* Deletes the exclusions over a need that they break (HM_REASON_RESERVER_EXCLUDED and
 * HM_REASON_SHARED_EXCLUDED), with all others that the same rows break, and starts what is down. In
 * finding_reserver_excluded.c. */
void hm_remedy_unexclude(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                         struct hm_finding *finding, const struct hm_need *need);

/* Starts the services of the needs that are known to be down, although they start by themselves. */
void hm_remedy_start(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                     struct hm_finding *finding, const struct hm_need *const *needs, size_t count);

/* ---- ranges and registry values ------------------------------------------------------------ */

/* Moves the dynamic range off ports that must not be excluded; nothing for those outside it. False:
 * the range stays, and a step says why. */
bool hm_remedy_move(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                    struct hm_finding *finding, enum hm_protocol protocol, struct hm_ports ports);

/* Sets every moved range back to the system's default, or says why that would do harm. Where ports
 * cannot be excluded, the largest part of the default that is off those at risk. */
void hm_remedy_set_back(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                        struct hm_finding *finding);

/* Does hm_remedy_set_back have commands for a range? */
bool hm_remedy_can_set_back(const struct hm_finding_ctx *ctx, struct hm_finding_list *list);

/* Has the host no command to exclude ports of the protocol, as hotfix KB2665809 is missing? */
bool hm_remedy_lacks_exclusions(const struct hm_finding_ctx *ctx, enum hm_protocol protocol);

/* Are there ports that cannot be excluded, as hotfix KB2665809 is missing, so that the range is
 * moved off them rather than set back? */
bool hm_remedy_moves_off(const struct hm_finding_ctx *ctx);

/* netsh set dynamicportrange for one stack. */
void hm_remedy_set_range(struct hm_finding_list *list, struct hm_remedy_step *step,
                         enum hm_protocol protocol, enum hm_family family, struct hm_range range);

/* Writes a DWORD of Tcpip\Parameters (value NULL deletes it): reg.exe, or regedit where there is
 * no reg.exe (Windows 2000). */
void hm_remedy_set_value(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                         struct hm_remedy_step *step, const char *name, const uint32_t *value);

/* The policy that set the stack's dynamic range to what it is; NULL when none did. */
const struct hm_policy_mark *hm_remedy_range_mark(const struct hm_finding_ctx *ctx,
                                                  enum hm_protocol protocol, enum hm_family family);

/* Is the range another than the system's default? Off by one is no move. */
bool hm_remedy_is_moved(const struct hm_stack_facts *stack, struct hm_range usual);

/* Is the stack's range the one that the remedies set, as the default has ports that must not be
 * excluded? Then it was moved on purpose, and stays. stack: as of hm_stack_index. */
bool hm_remedy_is_moved_off(const struct hm_finding_ctx *ctx, unsigned stack);

/* The value of ReservedPorts with what is there and ports: the step, without the boot. */
void hm_remedy_write_reserved(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                              struct hm_finding *finding, struct hm_ports ports);

/* What ReservedPorts says, with the lone ports that Windows ignores as ranges. */
struct hm_ports hm_remedy_listed(const struct hm_finding_ctx *ctx, struct hm_finding_list *list);
