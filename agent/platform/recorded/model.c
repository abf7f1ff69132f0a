/* agent/platform/recorded/model.c — a small model of the port stacks that also fails as they fail.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Modern Windows: an exclusion that meets any row, or a port that a socket has, is refused (error
 * 32); only a row marked with * goes away, and only with exactly its bounds; a range starts at
 * 1024 or later and has 255 ports or more. 2000 to 2003: registry values, taken as they are. */
#include "agent/platform/recorded/changes.h"

#include <string.h>

#include "agent/platform/recorded/recorded.h"

#define RANGE_FIRST 1024u /* also Linux's ip_unprivileged_port_start */
#define RANGE_PORTS 255u
#define LEGACY_WITHOUT "this system has no such thing"

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for what changes");
}

static enum hm_status unsupported(const struct hm_action *action, const char *why,
                                  struct hm_err *err)
{
    return hm_fail(err, HM_EUNSUPPORTED, "%s: %s", hm_action_kind_names[action->kind], why);
}

static bool same_range(struct hm_range a, struct hm_range b)
{
    return a.first == b.first && a.last == b.last;
}

static bool is_legacy(const struct hm_recorded *recorded)
{
    return hm_os_is_legacy(&recorded->seen.inventory.os);
}

static bool is_linux(const struct hm_recorded *recorded)
{
    return recorded->seen.inventory.os.family == HM_OS_LINUX;
}

/* Is the stack one that the action is about? */
static bool concerns(const struct hm_recorded *recorded, const struct hm_action *action,
                     const struct hm_stack *stack)
{
    return !action->has_protocol || (stack->protocol == action->protocol &&
                                     (recorded->model.families_shared || !action->has_family ||
                                      stack->family == action->family));
}

/* ---- rows of the overlay ------------------------------------------------------------------- */

static enum hm_status put_row(struct hm_recorded *recorded, struct hm_recorded_rows *rows,
                              struct hm_recorded_row row, struct hm_err *err)
{
    struct hm_recorded_row *more = hm_arena_alloc(recorded->arena, rows->count + 1, sizeof(*more));

    if (more == NULL) {
        return no_memory(err);
    }
    if (rows->count > 0) {
        memcpy(more, rows->at, rows->count * sizeof(*more));
    }
    more[rows->count] = row;
    *rows = (struct hm_recorded_rows){more, rows->count + 1};
    return HM_OK;
}

/* True when it was there. range NULL: whatever the range. */
static bool drop_row(struct hm_recorded_rows *rows, const struct hm_stack *stack,
                     const struct hm_range *range)
{
    size_t left = 0;
    bool found = false;

    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_recorded_row row = rows->at[i];

        if (row.protocol == stack->protocol && row.family == stack->family &&
            (range == NULL || same_range(row.range, *range))) {
            found = true;
        } else {
            rows->at[left++] = row;
        }
    }
    rows->count = left;
    return found;
}

/* ---- exclusions ---------------------------------------------------------------------------- */

static enum hm_status check_exclusion(const struct hm_recorded *recorded,
                                      const struct hm_action *action, struct hm_err *err)
{
    const struct hm_inventory *inventory = &recorded->seen.inventory;
    const struct hm_stack *stack = hm_inventory_stack(inventory, action->protocol, action->family);

    if (is_linux(recorded) || is_legacy(recorded)) {
        return unsupported(action, LEGACY_WITHOUT, err);
    }
    if (!action->has_protocol || !action->has_family || action->ports.count != 1 ||
        action->ports.at[0].first == 0) {
        return hm_fail(err, HM_EUNSUPPORTED, "an exclusion is one range of ports of one stack");
    }
    if (stack == NULL || !stack->has_administered || !stack->has_runtime) {
        return unsupported(action, "the files do not have its exclusions", err);
    }
    return stack->exclusions_unsupported ? unsupported(action, "KB2665809 is not there", err)
                                         : HM_OK;
}

/* TIME_WAIT holds nothing. */
static bool is_held(const struct hm_recorded *recorded, const struct hm_stack *stack,
                    struct hm_range range, unsigned *out_port)
{
    const struct hm_sockets *sockets = &recorded->seen.sockets;
    const struct hm_listeners *listeners = &recorded->seen.inventory.listeners;

    for (size_t i = 0; i < sockets->count; i++) {
        const struct hm_socket *row = &sockets->at[i];

        if (row->protocol == stack->protocol && row->family == stack->family &&
            row->state != HM_SOCKET_TIME_WAIT && hm_range_contains(range, row->port)) {
            *out_port = row->port;
            return true;
        }
    }
    for (size_t i = 0; i < listeners->count; i++) {
        const struct hm_listener *row = &listeners->at[i];

        if (row->protocol == stack->protocol && row->family == stack->family &&
            hm_range_contains(range, row->port)) {
            *out_port = row->port;
            return true;
        }
    }
    return false;
}

static enum hm_status check_free(const struct hm_recorded *recorded, const struct hm_stack *stack,
                                 const struct hm_action *action, struct hm_err *err)
{
    struct hm_range range = action->ports.at[0];
    unsigned port;

    if (hm_ports_overlap(stack->administered, action->ports) ||
        hm_ports_overlap(stack->runtime, action->ports)) {
        return hm_fail(err, HM_EBUSY, "error 32: %u-%u meets a row that is there", range.first,
                       range.last);
    }
    if (is_held(recorded, stack, range, &port)) {
        return hm_fail(err, HM_EBUSY,
                       "error 32: port %u is in use; it is free once netstat.txt and host.json "
                       "do not show it any more",
                       port);
    }
    return HM_OK;
}

static enum hm_status add_exclusion(struct hm_recorded *recorded, const struct hm_action *action,
                                    struct hm_err *err)
{
    const struct hm_stacks *stacks = &recorded->seen.inventory.stacks;
    enum hm_status st = check_exclusion(recorded, action, err);

    for (size_t i = 0; st == HM_OK && i < stacks->count; i++) {
        if (concerns(recorded, action, &stacks->at[i])) {
            st = check_free(recorded, &stacks->at[i], action, err);
        }
    }
    for (size_t i = 0; st == HM_OK && i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];

        if (concerns(recorded, action, stack) &&
            !drop_row(&recorded->changes.removed, stack, action->ports.at)) {
            st = put_row(recorded, &recorded->changes.added,
                         (struct hm_recorded_row){
                             .protocol = stack->protocol,
                             .family = stack->family,
                             .range = action->ports.at[0],
                         },
                         err);
        }
    }
    return st;
}

static bool shows(struct hm_ports rows, struct hm_range range)
{
    const struct hm_range *row = hm_ports_find(rows, range.first);

    return row != NULL && same_range(*row, range);
}

static enum hm_status remove_exclusion(struct hm_recorded *recorded, const struct hm_action *action,
                                       struct hm_err *err)
{
    const struct hm_stacks *stacks = &recorded->seen.inventory.stacks;
    enum hm_status st = check_exclusion(recorded, action, err);
    const struct hm_stack *asked =
        hm_inventory_stack(&recorded->seen.inventory, action->protocol, action->family);

    if (st == HM_OK && shows(asked->runtime, action->ports.at[0])) {
        return hm_fail(err, HM_ECONFLICT, "error 5: %u-%u is held by a component, without *",
                       action->ports.at[0].first, action->ports.at[0].last);
    }
    if (st == HM_OK && !shows(asked->administered, action->ports.at[0])) {
        return hm_fail(err, HM_ECONFLICT, "error 1168: there is no row with exactly %u-%u",
                       action->ports.at[0].first, action->ports.at[0].last);
    }
    for (size_t i = 0; st == HM_OK && i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];

        if (concerns(recorded, action, stack) && shows(stack->administered, action->ports.at[0]) &&
            !drop_row(&recorded->changes.added, stack, action->ports.at)) {
            st = put_row(recorded, &recorded->changes.removed,
                         (struct hm_recorded_row){
                             .protocol = stack->protocol,
                             .family = stack->family,
                             .range = action->ports.at[0],
                         },
                         err);
        }
    }
    return st;
}

/* ---- whole values -------------------------------------------------------------------------- */

/* The values as they are, to be changed. Those of this boot keep what counts until the next. */
static struct hm_recorded_values *open_registry(struct hm_recorded *recorded)
{
    struct hm_recorded_registry *registry = &recorded->changes.registry;
    const struct hm_recorded_values *now =
        recorded->changes.has_registry ? &registry->values : &recorded->filed_values;
    bool same_boot =
        recorded->changes.has_registry && strcmp(registry->boot_id, recorded->seen.boot_id) == 0;

    *registry = (struct hm_recorded_registry){
        .values = *now,
        .over = recorded->filed_values,
        .in_force = same_boot ? registry->in_force : *now,
        .boot_id = recorded->seen.boot_id,
    };
    return &registry->values;
}

static void close_registry(struct hm_recorded *recorded)
{
    struct hm_recorded_registry *registry = &recorded->changes.registry;

    recorded->changes.has_registry = !hm_recorded_same_values(&registry->values, &registry->over) ||
                                     !hm_recorded_same_values(&registry->in_force, &registry->over);
}

static enum hm_status set_reserved_ports(struct hm_recorded *recorded,
                                         const struct hm_action *action, struct hm_err *err)
{
    struct hm_recorded_values *values;

    if (!is_legacy(recorded) || !recorded->has_tcpip) {
        return unsupported(action, LEGACY_WITHOUT, err);
    }
    values = open_registry(recorded);
    values->has_reserved_ports = !action->unset;
    values->reserved_ports = action->unset ? (struct hm_strings){NULL, 0} : action->lines;
    close_registry(recorded);
    return HM_OK;
}

static enum hm_status set_max_user_port(struct hm_recorded *recorded,
                                        const struct hm_action *action, struct hm_err *err)
{
    struct hm_recorded_values *values;

    if (!recorded->has_tcpip) {
        return unsupported(action, "the files do not have Tcpip\\Parameters", err);
    }
    values = open_registry(recorded);
    values->has_max_user_port = !action->unset;
    values->max_user_port = action->unset ? 0 : action->range.last;
    close_registry(recorded);
    return HM_OK;
}

/* On later systems the value can be written, too: what it does there is another matter. */
static enum hm_status set_timed_wait_delay(struct hm_recorded *recorded,
                                           const struct hm_action *action, struct hm_err *err)
{
    struct hm_recorded_values *values;

    if (!recorded->has_tcpip) {
        return unsupported(action, "the files do not have Tcpip\\Parameters", err);
    }
    values = open_registry(recorded);
    values->has_tcp_timed_wait_delay_s = action->has_timed_wait_delay_s;
    values->tcp_timed_wait_delay_s = action->timed_wait_delay_s;
    close_registry(recorded);
    return HM_OK;
}

static enum hm_status set_range(struct hm_recorded *recorded, const struct hm_action *action,
                                struct hm_err *err)
{
    const struct hm_stacks *stacks = &recorded->seen.inventory.stacks;
    bool any = false;
    enum hm_status st = HM_OK;

    if (is_legacy(recorded)) {
        return set_max_user_port(recorded, action, err);
    }
    if (!action->has_range || is_linux(recorded) == action->has_protocol ||
        action->has_protocol != action->has_family) {
        return unsupported(action, "Windows has one range a stack, Linux one for all", err);
    }
    if (action->range.first < RANGE_FIRST ||
        (!is_linux(recorded) && hm_range_count(action->range) < RANGE_PORTS)) {
        return hm_fail(err, HM_EUNSUPPORTED,
                       "error 87: a range starts at %u or later and has %u ports or more",
                       RANGE_FIRST, RANGE_PORTS);
    }
    for (size_t i = 0; st == HM_OK && i < stacks->count; i++) {
        struct hm_range filed = recorded->filed_stacks[i].dynamic;
        const struct hm_stack *stack = &stacks->at[i];

        if (!stack->has_dynamic || !concerns(recorded, action, stack)) {
            continue;
        }
        any = true;
        (void)drop_row(&recorded->changes.ranges, stack, NULL);
        if (!same_range(filed, action->range)) {
            st = put_row(
                recorded, &recorded->changes.ranges,
                (struct hm_recorded_row){stack->protocol, stack->family, action->range, filed},
                err);
        }
    }
    return st != HM_OK || any ? st : unsupported(action, "the files do not have its range", err);
}

static enum hm_status set_sysctl(struct hm_recorded *recorded, const struct hm_action *action,
                                 struct hm_err *err)
{
    struct hm_recorded_changes *changes = &recorded->changes;
    const struct hm_stack *filed = &recorded->filed_stacks[0];

    if (!is_linux(recorded) || recorded->seen.inventory.stacks.count == 0 ||
        !filed->has_administered) {
        return unsupported(action, LEGACY_WITHOUT, err);
    }
    changes->reserved = (struct hm_recorded_list){action->ports, filed->administered};
    changes->has_reserved = !hm_ports_equal(action->ports, filed->administered);
    return HM_OK;
}

/* ---- actions ------------------------------------------------------------------------------- */

static enum hm_status (*const acts[HM_ACTION_KIND_COUNT])(struct hm_recorded *recorded,
                                                          const struct hm_action *action,
                                                          struct hm_err *err) = {
    [HM_ACTION_REMOVE_EXCLUSION] = remove_exclusion,
    [HM_ACTION_ADD_EXCLUSION] = add_exclusion,
    [HM_ACTION_SET_RESERVED_PORTS] = set_reserved_ports,
    [HM_ACTION_SET_SYSCTL_RESERVED] = set_sysctl,
    [HM_ACTION_SET_RANGE] = set_range,
    [HM_ACTION_SET_TIMED_WAIT_DELAY] = set_timed_wait_delay,
};

/* The next scripted answer, when it is about this action; NULL otherwise. */
static const struct hm_recorded_fault *take_fault(struct hm_recorded *recorded,
                                                  const struct hm_action *action)
{
    const struct hm_recorded_faults *faults = &recorded->model.faults;
    const struct hm_recorded_fault *fault;

    if (recorded->changes.faults_taken >= faults->count) {
        return NULL;
    }
    fault = &faults->at[recorded->changes.faults_taken];
    if (fault->action != action->kind ||
        (fault->has_protocol && (!action->has_protocol || fault->protocol != action->protocol)) ||
        (fault->has_family && (!action->has_family || fault->family != action->family))) {
        return NULL;
    }
    recorded->changes.faults_taken++;
    return fault;
}

enum hm_status hm_recorded_act(struct hm_recorded *recorded, const struct hm_action *action,
                               struct hm_err *err)
{
    const struct hm_recorded_fault *fault = take_fault(recorded, action);
    enum hm_status st = HM_OK;

    if (fault == NULL || fault->done) {
        st = acts[action->kind](recorded, action, err);
    }
    if (st == HM_OK || fault != NULL) {
        struct hm_err why;
        enum hm_status written = hm_recorded_write_changes(recorded, &why);

        if (written != HM_OK) {
            return hm_fail(err, written, "%s", why.text);
        }
    }
    if (fault != NULL && fault->answer != HM_OK) {
        return hm_fail(err, fault->answer, HM_RECORDED_MODEL_FILE ": fault %u",
                       (unsigned)recorded->changes.faults_taken);
    }
    return st;
}
