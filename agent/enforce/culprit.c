/* agent/enforce/culprit.c — whose exclusion a failure is because of.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/culprit.h"

#include "agent/enforce/failing.h"
#include "agent/enforce/recent.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/judge/service_events.h"
#include "common/ports/configured.h"

#define LOG_AGAIN_MS 30000

/* A change that was begun, and that the system does not show: the agent was stopped before it. */
static bool was_not_made(const struct hm_enforce_run *run, const struct hm_ledger_exclusion *entry)
{
    const struct hm_stack *stack =
        hm_inventory_stack(&run->pass->observation->inventory, entry->protocol, entry->family);

    return entry->pending && stack != NULL && stack->has_administered &&
           !hm_ports_overlap(stack->administered, (struct hm_ports){&entry->range, 1});
}

static bool covers(const struct hm_ledger_exclusion *entry, const struct hm_culprit_port *port)
{
    return (!port->has_protocol || entry->protocol == port->protocol) &&
           hm_range_contains(entry->range, port->port);
}

static const struct hm_policy *find_policy(const struct hm_enforce_run *run,
                                           const struct hm_enforce_row *row)
{
    const struct hm_policies *policies = &run->pass->policies;

    for (size_t i = 0; i < policies->count; i++) {
        if (hm_str_equal(policies->at[i]->name, row->policy)) {
            return policies->at[i];
        }
    }
    return NULL;
}

/* Would the policy add the exclusion, if no other one had? */
static bool requires(const struct hm_enforce_run *run, const struct hm_enforce_row *row,
                     const struct hm_ledger_exclusion *entry, uint16_t port)
{
    const struct hm_enforce_pass *pass = run->pass;
    const struct hm_policy *policy = find_policy(run, row);
    struct hm_wants wants = {NULL, 0};
    const char *missing = "";
    bool found = false;

    if (policy == NULL || policy->mode != HM_POLICY_ENFORCE || row->off[0] != '\0' ||
        !hm_policy_matches(policy, &pass->observation->inventory, &pass->labels, pass->host) ||
        hm_policy_wants(policy, pass->catalogue, run->arena, &wants, &missing, NULL) != HM_OK) {
        return false;
    }
    for (size_t i = 0; i < wants.count && !found; i++) {
        found = wants.at[i].protocol == entry->protocol &&
                hm_families_has(wants.at[i].families, entry->family) &&
                hm_range_contains(wants.at[i].range, port);
    }
    return found;
}

bool hm_culprit_of_port(const struct hm_enforce_run *run, const struct hm_enforce_row *row,
                        const struct hm_culprit_port *port)
{
    const struct hm_ledger_exclusions *ours = &run->ledger.exclusions;

    for (size_t i = 0; i < ours->count; i++) {
        const struct hm_ledger_exclusion *entry = &ours->at[i];

        if (covers(entry, port) && !was_not_made(run, entry) &&
            (hm_str_equal(entry->policy, row->policy) || requires(run, row, entry, port->port))) {
            return true;
        }
    }
    return false;
}

/* Ports that a plain socket is known to have, of any service: their exclusion breaks nobody. */
static enum hm_status find_plain(struct hm_enforce_run *run, enum hm_protocol protocol,
                                 struct hm_ports *out_ports, struct hm_err *err)
{
    const struct hm_inventory *inventory = &run->pass->observation->inventory;
    const size_t book = inventory->has_port_book ? inventory->port_book.count : 0;
    struct hm_range *at =
        hm_arena_alloc(run->arena, book + inventory->listeners.count, sizeof(*at));
    size_t count = 0;

    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the ports to watch");
    }
    for (size_t i = 0; i < book; i++) {
        const struct hm_port_entry *row = &inventory->port_book.at[i];

        if (row->protocol == protocol && row->kind == HM_KIND_SOCKET &&
            !hm_str_equal_nocase(row->program, "System")) {
            at[count++] = (struct hm_range){row->port, row->port};
        }
    }
    for (size_t i = 0; i < inventory->listeners.count; i++) {
        const struct hm_listener *row = &inventory->listeners.at[i];

        if (row->protocol == protocol && row->kind == HM_KIND_SOCKET &&
            !hm_str_equal_nocase(row->program, "System")) {
            at[count++] = (struct hm_range){row->port, row->port};
        }
    }
    return hm_ports_from_ranges(at, count, run->arena, out_ports, err);
}

/* Has the policy an exclusion of a port that nobody is known to serve by a plain socket? */
bool hm_culprit_of_unknown(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                           bool of_httpsys)
{
    const bool tcp_alone = of_httpsys && !hm_os_has_http3(&run->pass->observation->inventory.os);
    const struct hm_ledger_exclusions *ours = &run->ledger.exclusions;
    struct hm_ports plain[2] = {
        {NULL, 0},
        {NULL, 0}
    };

    if (find_plain(run, HM_TCP, &plain[HM_TCP], NULL) != HM_OK ||
        find_plain(run, HM_UDP, &plain[HM_UDP], NULL) != HM_OK) {
        return false;
    }
    for (size_t i = 0; i < ours->count; i++) {
        if (hm_str_equal(ours->at[i].policy, row->policy) && !was_not_made(run, &ours->at[i]) &&
            (!tcp_alone || ours->at[i].protocol == HM_TCP) &&
            !hm_ports_covers(plain[ours->at[i].protocol],
                             (struct hm_ports){&ours->at[i].range, 1})) {
            return true;
        }
    }
    return false;
}

static bool has_name(const struct hm_strings *names, const char *service)
{
    for (size_t i = 0; i < names->count; i++) {
        if (hm_str_equal_nocase(names->at[i], service)) {
            return true;
        }
    }
    return false;
}

/* ---- what HTTP.sys says --------------------------------------------------------------------- */

static bool is_same(const struct hm_watched_error *error, const struct hm_event_count *event)
{
    return hm_str_equal_nocase(error->provider, event->provider) &&
           hm_str_equal_nocase(error->address, event->about);
}

struct hm_watched_error *hm_culprit_find_error(const struct hm_watched_errors *errors,
                                               const struct hm_event_count *event)
{
    for (size_t i = 0; i < errors->count; i++) {
        if (is_same(&errors->at[i], event)) {
            return &errors->at[i];
        }
    }
    return NULL;
}

enum hm_status hm_culprit_note_errors(struct hm_enforce_run *run,
                                      struct hm_watched_errors *out_errors, struct hm_err *err)
{
    const struct hm_observation *seen = run->pass->observation;
    const size_t most = seen->has_events ? seen->events.count : 0;
    struct hm_watched_errors errors = {hm_arena_alloc(run->arena, most, sizeof(*errors.at)), 0};

    if (errors.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the events to watch");
    }
    for (size_t i = 0; i < most; i++) {
        const struct hm_event_count *event = &seen->events.at[i];

        if (hm_service_event_is_httpsys(event)) {
            errors.at[errors.count++] = (struct hm_watched_error){
                event->provider, event->about == NULL ? "" : event->about, event->count};
        }
    }
    *out_errors = errors;
    return HM_OK;
}

static const struct hm_event_count *find_event(const struct hm_observation *seen,
                                               const struct hm_watched_error *error)
{
    for (size_t i = 0; i < seen->events.count; i++) {
        if (hm_service_event_is_httpsys(&seen->events.at[i]) &&
            is_same(error, &seen->events.at[i])) {
            return &seen->events.at[i];
        }
    }
    return NULL;
}

bool hm_culprit_port_of(const struct hm_enforce_run *run, const struct hm_event_count *event,
                        struct hm_culprit_port *out_port)
{
    const struct hm_os *os = &run->pass->observation->inventory.os;

    *out_port = (struct hm_culprit_port){.has_protocol = !hm_os_has_http3(os), .protocol = HM_TCP};
    return hm_service_event_port(event, &out_port->port);
}

/* Has the agent excluded it, for any policy? */
static bool is_excluded(const struct hm_enforce_run *run, const struct hm_event_count *event)
{
    struct hm_culprit_port port;
    const bool named = hm_culprit_port_of(run, event, &port);
    bool excluded = false;

    for (size_t i = 0; named && !excluded && i < run->ledger.exclusions.count; i++) {
        excluded = covers(&run->ledger.exclusions.at[i], &port);
    }
    return excluded;
}

/* An address that is named again while its port is excluded is not one of before any more. Fewer
 * events in the boot of the change: records, or the whole log, are gone. */
static void settle_errors(const struct hm_enforce_run *run, struct hm_enforce_row *row)
{
    const struct hm_observation *seen = run->pass->observation;
    const bool same_boot = hm_str_equal(row->changed_boot_id, run->boot_id);
    struct hm_watched_errors *errors = &row->errors_before;
    size_t left = 0;

    for (size_t i = 0; seen->has_events && i < errors->count; i++) {
        struct hm_watched_error error = errors->at[i];
        const struct hm_event_count *event = find_event(seen, &error);
        const uint32_t count = event == NULL ? 0 : event->count;
        const bool again = count > (same_boot ? error.count : 0);

        error.count = same_boot && count < error.count ? count : error.count;
        if (!again || !is_excluded(run, event)) {
            errors->at[left++] = error;
        }
    }
    errors->count = seen->has_events ? left : errors->count;
}

/* Does HTTP.sys itself say which port it could not have? Then nobody is guessed at. What it said
 * before the change, too, is of something else. */
static bool is_port_named(const struct hm_enforce_run *run, const struct hm_enforce_row *row)
{
    const struct hm_observation *seen = run->pass->observation;
    uint16_t port = 0;
    bool named = false;

    for (size_t i = 0; seen->has_events && i < seen->events.count; i++) {
        const struct hm_event_count *event = &seen->events.at[i];

        named =
            named || (hm_service_event_is_httpsys(event) && hm_service_event_port(event, &port) &&
                      hm_culprit_find_error(&row->errors_before, event) == NULL);
    }
    return named;
}

enum hm_named hm_culprit_named(struct hm_enforce_run *run, const struct hm_enforce_row *row)
{
    const struct hm_observation *seen = run->pass->observation;
    const struct hm_policy *policy = find_policy(run, row);
    struct hm_wants wants = {NULL, 0};
    const char *missing = "";
    enum hm_named named = HM_NAMED_NONE;

    if (!seen->has_events || policy == NULL || policy->revision != row->revision ||
        hm_policy_wants(policy, run->pass->catalogue, run->arena, &wants, &missing, NULL) !=
            HM_OK ||
        missing[0] != '\0') {
        return HM_NAMED_NONE;
    }
    for (size_t i = 0; i < seen->events.count; i++) {
        const struct hm_event_count *event = &seen->events.at[i];
        struct hm_culprit_port port;

        if (!hm_service_event_is_httpsys(event) || !hm_culprit_port_of(run, event, &port) ||
            hm_culprit_find_error(&row->errors_before, event) != NULL) {
            continue;
        }
        named = named == HM_NAMED_NONE ? HM_NAMED_ANOTHER : named;
        for (size_t k = 0; k < wants.count; k++) {
            if ((!port.has_protocol || wants.at[k].protocol == port.protocol) &&
                hm_range_contains(wants.at[k].range, port.port)) {
                named = HM_NAMED_ITS_OWN;
            }
        }
    }
    return named;
}

/* How the port book knows a service. */
struct served {
    bool special; /* a port that is not that of a plain socket: what can end with error 32 */
    const struct hm_port_entry *held_special; /* of these, one that the policy holds */
    const struct hm_port_entry *held_plain;
};

static bool is_plain(const struct hm_port_entry *entry)
{
    return entry->kind == HM_KIND_SOCKET && !hm_str_equal_nocase(entry->program, "System");
}

static struct served look_up(const struct hm_enforce_run *run, const struct hm_enforce_row *row,
                             const char *service)
{
    const struct hm_inventory *inventory = &run->pass->observation->inventory;
    struct served served = {false, NULL, NULL};

    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];
        const struct hm_culprit_port port = {true, entry->protocol, entry->port, false};
        const bool plain = is_plain(entry);
        const struct hm_port_entry **held = plain ? &served.held_plain : &served.held_special;

        if (hm_str_equal_nocase(entry->service, service)) {
            served.special = served.special || !plain;
            if (*held == NULL && hm_culprit_of_port(run, row, &port)) {
                *held = entry;
            }
        }
    }
    return served;
}

/* Of a service none of whose known ports can be what it failed of. One that failed before the
 * change did not fail of it: no clock says so, which may have jumped, but what was noted then. */
static bool is_suspect(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                       const char *service)
{
    return !is_port_named(run, row) && !has_name(&row->failing_before, service) &&
           hm_culprit_of_unknown(run, row, false);
}

/* Another policy, which would be looked at for this service, too. */
static bool is_another_suspect(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                               const char *service)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        const struct hm_enforce_row *other = &run->state.policies.at[i];

        if (other != row && other->off[0] == '\0' && other->recent &&
            hm_recent_service(run, other, service) && !has_name(&other->failed_before, service) &&
            is_suspect(run, other, service)) {
            return true;
        }
    }
    return false;
}

bool hm_culprit_of_service(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                           const char *service, bool *out_named, struct hm_culprit_port *out_port)
{
    const struct served served = look_up(run, row, service);
    const struct hm_port_entry *held = served.held_special;

    *out_named = false;
    if (held == NULL && hm_recent_log_awaited(run)) {
        hm_run_again(run, LOG_AGAIN_MS);
        return false;
    }
    if (held == NULL && !served.special && served.held_plain != NULL &&
        !is_suspect(run, row, service) && !is_another_suspect(run, row, service)) {
        held = served.held_plain; /* what the port book takes for a plain socket may be more */
    }
    *out_named = held != NULL;
    if (held != NULL) {
        *out_port =
            (struct hm_culprit_port){true, held->protocol, held->port, held != served.held_special};
        return true;
    }
    return !served.special && is_suspect(run, row, service);
}

/* ---- services that keep failing ------------------------------------------------------------ */

static bool is_failing(const struct hm_failing_list *list, const char *service)
{
    for (size_t i = 0; i < list->count; i++) {
        if (hm_str_equal_nocase(list->at[i].service, service)) {
            return true;
        }
    }
    return false;
}

/* One that ran since the change is known to work with it. */
static void drop_running(struct hm_strings *names, const struct hm_failing_list *failing)
{
    size_t count = 0;

    for (size_t i = 0; i < names->count; i++) {
        if (is_failing(failing, names->at[i])) {
            names->at[count++] = names->at[i];
        }
    }
    names->count = count;
}

static bool lacks_before(const struct hm_enforce_row *row)
{
    return !row->knows_before && !hm_str_equal(row->changed_boot_id, "");
}

/* Of a row of an older version, see enforce_state.h: beside the services that it noted, those that
 * failed before the change, or do so now and it had looked at them. */
static void make_up_before(struct hm_enforce_run *run, struct hm_enforce_row *row)
{
    const struct hm_failing_list *failing = &run->state.failing;
    const struct hm_strings noted[] = {row->failed_before, row->failing_before};
    const bool same_boot = hm_str_equal(row->changed_boot_id, run->boot_id);
    const char **names = (const char **)hm_arena_alloc(
        run->arena, noted[0].count + noted[1].count + failing->count, sizeof(*names));
    size_t count = 0;

    if (names == NULL) {
        return;
    }
    for (size_t k = 0; k < HM_COUNT(noted); k++) {
        for (size_t i = 0; i < noted[k].count; i++) {
            names[count++] = noted[k].at[i];
        }
    }
    for (size_t i = 0; i < failing->count; i++) {
        if (same_boot || failing->at[i].since < row->changed_at) {
            names[count++] = failing->at[i].service;
        }
    }
    count = count < HM_LIMIT_SERVICES ? count : HM_LIMIT_SERVICES;
    row->failing_before = (struct hm_strings){names, count};
    row->knows_before = true;
}

void hm_culprit_note_failing(struct hm_enforce_run *run, const struct hm_services *const lists[2],
                             bool (*failed)(const struct hm_observation *seen,
                                            const struct hm_service *service))
{
    const struct hm_observation *seen = run->pass->observation;
    struct hm_failing_list *old = &run->state.failing;
    struct hm_failing *at =
        hm_arena_alloc(run->arena, old->count + lists[0]->count + lists[1]->count, sizeof(*at));
    size_t count = 0;

    if (at == NULL) {
        return;
    }
    for (size_t i = 0; i < old->count; i++) {
        const struct hm_service *service = hm_failing_find(lists, old->at[i].service);

        if (service == NULL || !service->has_runs || !service->runs) {
            at[count++] = old->at[i];
        }
    }
    *old = (struct hm_failing_list){at, count};
    hm_failing_look(run, lists, failed);
    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        if (lacks_before(row) && hm_culprit_note_errors(run, &row->errors_before, NULL) != HM_OK) {
            return;
        }
        drop_running(&row->failing_before, old);
        if (row->knows_before) {
            drop_running(&row->failed_before, old);
        }
        settle_errors(run, row);
    }
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->count && count < HM_LIMIT_SERVICES; i++) {
            const struct hm_service *service = &lists[k]->at[i];

            if (failed(seen, service) && !is_failing(old, service->name)) {
                at[count++] = (struct hm_failing){
                    .service = service->name, .since = run->now_ms, .boot_id = ""};
                old->count = count;
            }
        }
    }
    for (size_t i = 0; i < run->state.policies.count; i++) {
        if (lacks_before(&run->state.policies.at[i])) {
            make_up_before(run, &run->state.policies.at[i]);
        }
    }
}

/* Had this agent excluded its port when HTTP.sys named it? Whose policy that is noted what it had
 * named before. */
static bool is_because_of_us(const struct hm_enforce_run *run, const struct hm_event_count *event)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        const struct hm_enforce_row *row = &run->state.policies.at[i];
        struct hm_culprit_port port;

        if (hm_culprit_port_of(run, event, &port) && hm_culprit_of_port(run, row, &port)) {
            return hm_culprit_find_error(&row->errors_before, event) == NULL;
        }
    }
    return false;
}

/* What this agent has excluded by then explains failures after the change, too. */
static void drop_excluded(const struct hm_enforce_run *run, struct hm_watched_errors *errors)
{
    size_t left = 0;

    for (size_t i = 0; i < errors->count; i++) {
        const struct hm_event_count *event = find_event(run->pass->observation, &errors->at[i]);

        if (event == NULL || !is_because_of_us(run, event)) {
            errors->at[left++] = errors->at[i];
        }
    }
    errors->count = left;
}

enum hm_status hm_culprit_note_before(struct hm_enforce_run *run, struct hm_enforce_row *row,
                                      struct hm_err *err)
{
    const struct hm_failing_list *failing = &run->state.failing;
    const char **names = (const char **)hm_arena_alloc(run->arena, failing->count, sizeof(*names));
    enum hm_status st;

    if (names == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the services to watch");
    }
    for (size_t i = 0; i < failing->count; i++) {
        names[i] = failing->at[i].service;
    }
    row->failing_before = (struct hm_strings){names, failing->count};
    row->knows_before = true;
    st = hm_culprit_note_errors(run, &row->errors_before, err);
    if (st == HM_OK) {
        drop_excluded(run, &row->errors_before);
    }
    return st;
}
