/* agent/platform/windows/change.c — one action of a plan, carried out by netsh or in the registry.
 * SPDX-License-Identifier: Apache-2.0
 *
 * netsh's exit status says only whether it took the change; netsh is localised, and most failures
 * have the same status. What a refusal means is told by the lists that it shows afterwards. */
#include "agent/platform/windows/windows.h"

#include <stdio.h>

#include "common/os/windows_text.h"

/* Another change that runs, or a socket that is open for a moment, is gone soon. */
#define TRIES 3
#define RETRY_MS 200

#define MAX_USER_PORT L"MaxUserPort"
#define RESERVED_PORTS L"ReservedPorts"
#define TIMED_WAIT_DELAY L"TcpTimedWaitDelay"
#define WORDS_MAX 8
#define DYNAMIC_START_MIN 1024u /* documented is 1025; 1024 is seen to be taken */
#define DYNAMIC_COUNT_MIN 255u

struct change {
    struct hm_netsh *netsh;
    const struct hm_os *os;
    const struct hm_action *action;
    DWORD timeout_ms;
    struct hm_arena *arena;
    struct hm_range range; /* of ports, that it is about */
    const char *command;   /* for people */
};

typedef enum hm_status carry_out(struct change *change, struct hm_err *err);

/* Is whoever runs this in the group whose members netsh obeys? Also true where that cannot be
 * told. LocalSystem is. */
static bool is_administrator(void)
{
    BYTE group[SECURITY_MAX_SID_SIZE];
    DWORD len = sizeof(group);
    BOOL member = TRUE;

    if (CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, group, &len) &&
        !CheckTokenMembership(NULL, group, &member)) {
        member = TRUE;
    }
    return member;
}

/* ---- what a refusal means ------------------------------------------------------------------ */

static enum hm_status explain_add(const struct change *change, unsigned long exit_status,
                                  const struct hm_stack *stack, bool *out_final, struct hm_err *err)
{
    const struct hm_ports wanted = {&change->range, 1};

    *out_final = true;
    if (hm_ports_overlap(stack->administered, wanted)) {
        return hm_fail(err, HM_ECONFLICT, "%s: an exclusion covers ports of it already",
                       change->command);
    }
    if (hm_ports_overlap(stack->runtime, wanted)) {
        return hm_fail(err, HM_EBUSY,
                       "%s: a component (HTTP.sys, WinNAT, HNS) holds ports of it in a block of "
                       "its own",
                       change->command);
    }
    *out_final = false;
    return hm_fail(err, HM_EBUSY,
                   "%s: refused for now with exit status %lu: a socket has one of the ports, "
                   "another change runs, or this account may not do it",
                   change->command, exit_status);
}

static enum hm_status explain_remove(const struct change *change, unsigned long exit_status,
                                     const struct hm_stack *stack, bool *out_final,
                                     struct hm_err *err)
{
    const struct hm_range *row = hm_ports_find(stack->administered, change->range.first);

    *out_final =
        row == NULL || row->first != change->range.first || row->last != change->range.last;
    return *out_final ? hm_fail(err, HM_ECONFLICT, "%s: no exclusion has exactly these bounds",
                                change->command)
                      : hm_fail(err, HM_EBUSY, "%s: refused for now with exit status %lu",
                                change->command, exit_status);
}

/* Always a failure. *out_final: trying at once again is in vain. */
static enum hm_status explain(const struct change *change, unsigned long exit_status,
                              bool *out_final, struct hm_err *err)
{
    const struct hm_action *action = change->action;
    struct hm_stack stack = {.has_dynamic = false};
    struct hm_err why;
    enum hm_status st;

    *out_final = true;
    if (!is_administrator()) {
        return hm_fail(err, HM_EDENIED,
                       "%s: exit status %lu; only members of Administrators may do it, elevated: "
                       "run the agent as its service does",
                       change->command, exit_status);
    }
    if (action->kind == HM_ACTION_SET_RANGE) {
        *out_final = false;
        return hm_fail(err, HM_EBUSY, "%s: refused for now with exit status %lu", change->command,
                       exit_status);
    }
    st = hm_netsh_list(change->netsh, change->os, hm_stack_index(action->protocol, action->family),
                       change->arena, &stack, &why);
    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "%s", why.text);
    }
    if (st != HM_OK) {
        return hm_fail(err, HM_EBUSY, "%s: exit status %lu, and the exclusions are not shown: %s",
                       change->command, exit_status, why.text);
    }
    if (stack.exclusions_unsupported) {
        return hm_fail(err, HM_EUNSUPPORTED,
                       "%s: this system has no exclusions; install hotfix KB2665809",
                       change->command);
    }
    return action->kind == HM_ACTION_ADD_EXCLUSION
               ? explain_add(change, exit_status, &stack, out_final, err)
               : explain_remove(change, exit_status, &stack, out_final, err);
}

/* ---- netsh --------------------------------------------------------------------------------- */

/* persistent is effective at once and outlives a boot. */
static enum hm_status run_netsh(struct change *change, const wchar_t *verb, const wchar_t *object,
                                struct hm_err *err)
{
    static const wchar_t *const families[] = {L"ipv4", L"ipv6"};
    static const wchar_t *const protocols[] = {L"protocol=tcp", L"protocol=udp"};
    wchar_t start[32];
    wchar_t count[32];
    const wchar_t *const words[WORDS_MAX] = {
        L"interface",
        families[change->action->family],
        verb,
        object,
        protocols[change->action->protocol],
        start,
        count,
        L"store=persistent",
    };

    change->command = hm_arena_printf(
        change->arena, "netsh interface %s %ls %ls %ls startport=%u numberofports=%u",
        hm_family_names[change->action->family], verb, object, words[4],
        (unsigned)change->range.first, (unsigned)hm_range_count(change->range));
    if (change->command == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to run netsh");
    }
    (void)swprintf(start, HM_COUNT(start), L"startport=%u", (unsigned)change->range.first);
    (void)swprintf(count, HM_COUNT(count), L"numberofports=%u",
                   (unsigned)hm_range_count(change->range));
    for (unsigned tries = 1;; tries++) {
        unsigned long exit_status = 0;
        bool final = true;
        enum hm_status st = hm_netsh_change(change->netsh, words, WORDS_MAX,
                                            hm_windows_action_lists(change->action),
                                            change->timeout_ms, change->arena, &exit_status, err);

        if (st != HM_OK) {
            hm_err_prefix(err, "%s", change->command);
            return st;
        }
        if (exit_status == 0) {
            return HM_OK;
        }
        st = explain(change, exit_status, &final, err);
        if (final || tries == TRIES) {
            return st;
        }
        Sleep(RETRY_MS);
    }
}

static enum hm_status take_exclusion(struct change *change, struct hm_err *err)
{
    const struct hm_action *action = change->action;

    if (!action->has_protocol || !action->has_family || action->ports.count != 1) {
        return hm_fail(err, HM_EINVAL, "an exclusion is one range of one protocol and family");
    }
    change->range = action->ports.at[0];
    return HM_OK;
}

static enum hm_status add_exclusion(struct change *change, struct hm_err *err)
{
    enum hm_status st = take_exclusion(change, err);

    return st == HM_OK ? run_netsh(change, L"add", L"excludedportrange", err) : st;
}

static enum hm_status remove_exclusion(struct change *change, struct hm_err *err)
{
    enum hm_status st = take_exclusion(change, err);

    return st == HM_OK ? run_netsh(change, L"delete", L"excludedportrange", err) : st;
}

static enum hm_status set_dynamic_range(struct change *change, struct hm_err *err)
{
    const struct hm_action *action = change->action;

    if (!action->has_protocol || !action->has_family || !action->has_range) {
        return hm_fail(err, HM_EINVAL, "a dynamic range is one of one protocol and family");
    }
    change->range = action->range;
    if (change->range.first < DYNAMIC_START_MIN ||
        hm_range_count(change->range) < DYNAMIC_COUNT_MIN) {
        return hm_fail(err, HM_EUNSUPPORTED,
                       "dynamic range %u-%u: the system takes none that starts below %u or has "
                       "fewer than %u ports",
                       (unsigned)change->range.first, (unsigned)change->range.last,
                       DYNAMIC_START_MIN, DYNAMIC_COUNT_MIN);
    }
    return run_netsh(change, L"set", L"dynamicport", err);
}

/* ---- the registry -------------------------------------------------------------------------- */

static enum hm_status set_max_user_port(struct change *change, struct hm_err *err)
{
    const struct hm_action *action = change->action;

    if (!action->unset && !action->has_range) {
        return hm_fail(err, HM_EINVAL, "MaxUserPort: no range is given");
    }
    return action->unset
               ? hm_registry_remove_u32(HM_WINDOWS_TCPIP_KEY, MAX_USER_PORT, err)
               : hm_registry_set_u32(HM_WINDOWS_TCPIP_KEY, MAX_USER_PORT, action->range.last, err);
}

static enum hm_status set_timed_wait_delay(struct change *change, struct hm_err *err)
{
    const struct hm_action *action = change->action;

    if (action->unset == action->has_timed_wait_delay_s) {
        return hm_fail(err, HM_EINVAL, "TcpTimedWaitDelay: give a value, or that there is none");
    }
    return action->unset ? hm_registry_remove_u32(HM_WINDOWS_TCPIP_KEY, TIMED_WAIT_DELAY, err)
                         : hm_registry_set_u32(HM_WINDOWS_TCPIP_KEY, TIMED_WAIT_DELAY,
                                               action->timed_wait_delay_s, err);
}

static enum hm_status set_reserved_ports(struct change *change, struct hm_err *err)
{
    const struct hm_strings *lines = &change->action->lines;

    if (change->action->unset || (lines->count == 0 && change->action->before_unset)) {
        return hm_registry_remove_lines(HM_WINDOWS_TCPIP_KEY, RESERVED_PORTS, change->arena, err);
    }
    return hm_registry_set_lines(HM_WINDOWS_TCPIP_KEY, RESERVED_PORTS, lines, change->arena, err);
}

static carry_out *const modern[HM_ACTION_KIND_COUNT] = {
    [HM_ACTION_REMOVE_EXCLUSION] = remove_exclusion,
    [HM_ACTION_ADD_EXCLUSION] = add_exclusion,
    [HM_ACTION_SET_RANGE] = set_dynamic_range,
    [HM_ACTION_SET_TIMED_WAIT_DELAY] = set_timed_wait_delay, /* after an upgrade: put back */
};

static carry_out *const legacy[HM_ACTION_KIND_COUNT] = {
    [HM_ACTION_SET_RESERVED_PORTS] = set_reserved_ports,
    [HM_ACTION_SET_RANGE] = set_max_user_port,
    [HM_ACTION_SET_TIMED_WAIT_DELAY] = set_timed_wait_delay,
};

unsigned hm_windows_action_lists(const struct hm_action *action)
{
    const unsigned of_protocol = action->protocol == HM_TCP ? HM_LISTS_TCP : HM_LISTS_UDP;

    switch (action->kind) {
    case HM_ACTION_ADD_EXCLUSION:
    case HM_ACTION_REMOVE_EXCLUSION:
        return of_protocol & HM_LISTS_BLOCKS;
    case HM_ACTION_SET_RANGE:
        return of_protocol & ~HM_LISTS_BLOCKS;
    default:
        return 0; /* the registry shows it */
    }
}

enum hm_status hm_windows_change(struct hm_netsh *netsh, const struct hm_os *os,
                                 const struct hm_action *action, DWORD timeout_ms,
                                 struct hm_arena *arena, struct hm_err *err)
{
    struct change change = {
        netsh, os, action, timeout_ms, arena, {0, 0},
             ""
    };
    carry_out *const act = hm_os_is_legacy(os) ? legacy[action->kind] : modern[action->kind];

    return act != NULL ? act(&change, err)
                       : hm_fail(err, HM_EUNSUPPORTED, "%s: not on this version of Windows",
                                 hm_action_kind_names[action->kind]);
}
