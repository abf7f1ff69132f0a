/* agent/enforce/deadman.c — what is watched after a change, and when the change is undone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/deadman.h"

#include <string.h>

#include "agent/enforce/acquittal.h"
#include "agent/enforce/culprit.h"
#include "agent/enforce/failing.h"
#include "agent/enforce/recent.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/judge/service_events.h"

#define SHARING_VIOLATION 32u /* with it HTTP.sys refuses an address whose port is excluded */
#define HRESULT_OF_WIN32 0x80070000u /* services end with the same error in either form */
#define WATCH_MOST_S 86400u          /* of a policy; where its length was not kept */

static bool gives_ephemeral(struct hm_enforce_run *run, bool *out_known)
{
    const struct hm_platform_ops *ops = run->options->ops;
    const char *why = "";

    *out_known = ops->try_ephemeral != NULL &&
                 ops->try_ephemeral(run->options->platform, run->arena, &why, NULL) == HM_OK;
    return *out_known && why[0] == '\0';
}

static bool same_program(const char *a, const char *b)
{
    return hm_str_equal(a, "") || hm_str_equal(b, "") || hm_str_equal_nocase(a, b);
}

/* In the inventory, or among the sockets: what counts as a listener there depends on the range. */
static bool is_present(const struct hm_observation *seen, const struct hm_watched *watched)
{
    for (size_t i = 0; i < seen->inventory.listeners.count; i++) {
        const struct hm_listener *row = &seen->inventory.listeners.at[i];

        if (row->protocol == watched->protocol && row->family == watched->family &&
            row->port == watched->port && same_program(row->program, watched->program)) {
            return true;
        }
    }
    for (size_t i = 0; seen->has_sockets && i < seen->sockets.count; i++) {
        const struct hm_socket *row = &seen->sockets.at[i];

        if (row->state == HM_SOCKET_LISTEN && row->protocol == watched->protocol &&
            row->family == watched->family && row->port == watched->port &&
            same_program(row->program, watched->program)) {
            return true;
        }
    }
    return false;
}

/* ---- services and HTTP.sys ----------------------------------------------------------------- */

static const struct hm_services *services_of(const struct hm_observation *seen)
{
    return seen->has_services_now ? &seen->services_now : &seen->inventory.service_details;
}

static const struct hm_service *find_service(const struct hm_services *services, const char *name)
{
    for (size_t i = 0; i < services->count; i++) {
        if (hm_str_equal_nocase(services->at[i].name, name)) {
            return &services->at[i];
        }
    }
    return NULL;
}

/* In order, by a person, a script or a shutdown; or it is on its way. */
static bool is_stopped(const struct hm_observation *seen, const struct hm_watched *watched)
{
    const struct hm_service *service = find_service(services_of(seen), watched->service);

    if (service == NULL) {
        service = find_service(&seen->idle_services, watched->service);
    }
    return seen->inventory.os.family == HM_OS_WINDOWS && service != NULL &&
           (!service->has_runs || (!service->runs && service->exit_code == 0));
}

static bool has_failed(const struct hm_observation *seen, const struct hm_service *service)
{
    return seen->inventory.os.family == HM_OS_WINDOWS && service->has_runs && !service->runs &&
           (service->exit_code == SHARING_VIOLATION ||
            service->exit_code == (HRESULT_OF_WIN32 | SHARING_VIOLATION));
}

/* As they are before the change. */
static enum hm_status note_failed(struct hm_enforce_run *run, struct hm_enforce_row *row,
                                  struct hm_err *err)
{
    const struct hm_observation *seen = run->pass->observation;
    const struct hm_services *lists[] = {services_of(seen), &seen->idle_services};
    const char **names = (const char **)hm_arena_alloc(
        run->arena, lists[0]->count + lists[1]->count, sizeof(*names));

    if (names == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the services to watch");
    }
    row->failed_before = (struct hm_strings){names, 0};
    for (size_t k = 0; k < HM_COUNT(lists); k++) {
        for (size_t i = 0; i < lists[k]->count; i++) {
            if (has_failed(seen, &lists[k]->at[i])) {
                names[row->failed_before.count++] = lists[k]->at[i].name;
            }
        }
    }
    return HM_OK;
}

/* ---- the start ----------------------------------------------------------------------------- */

static bool is_wanted(const struct hm_wants *wants, enum hm_protocol protocol, uint16_t port)
{
    for (size_t i = 0; i < wants->count; i++) {
        const struct hm_want *want = &wants->at[i];

        if (want->protocol == protocol && hm_range_contains(want->range, port)) {
            return true;
        }
    }
    return false;
}

void hm_deadman_drop(struct hm_enforce_row *row)
{
    struct hm_watched_list *list = &row->watch.listeners;
    size_t left = 0;

    if (!row->has_watch || row->wants_unknown) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (is_wanted(&row->wants, list->at[i].protocol, list->at[i].port)) {
            list->at[left++] = list->at[i];
        }
    }
    list->count = left;
}

/* Whoever is in the way of what is wanted there: that it goes is what the plan waits for. And a
 * port that is refused is not changed. */
static bool is_no_part(const struct hm_enforce_run *run, const struct hm_enforce_row *row,
                       const struct hm_listener *listener)
{
    for (size_t i = 0; i < run->plan.notes.count; i++) {
        const struct hm_plan_note *note = &run->plan.notes.at[i];
        const bool refused =
            note->kind == HM_NOTE_REFUSED && hm_str_equal(note->policy, row->policy);

        if ((note->kind == HM_NOTE_TAKEN || note->kind == HM_NOTE_BUSY || refused) &&
            note->has_protocol && note->protocol == listener->protocol &&
            (note->has_family ? note->family == listener->family : refused) &&
            hm_ports_contains(note->ports, listener->port)) {
            return true;
        }
    }
    return false;
}

static bool is_watched(const struct hm_watched_list *list, const struct hm_listener *listener)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_watched *row = &list->at[i];

        if (row->protocol == listener->protocol && row->family == listener->family &&
            row->port == listener->port && same_program(row->program, listener->program)) {
            return true;
        }
    }
    return false;
}

static enum hm_status put_watched(struct hm_arena *arena, const struct hm_watched *watched,
                                  struct hm_watched_list *list, size_t *cap, struct hm_err *err)
{
    if (hm_arena_grow(arena, (void **)&list->at, list->count, cap, sizeof(*list->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the listeners to watch");
    }
    list->at[list->count++] = *watched;
    return HM_OK;
}

/* Those of now that are not watched yet; one row a port, whatever the addresses. */
static enum hm_status put_listeners(struct hm_enforce_run *run, struct hm_enforce_row *row,
                                    struct hm_err *err)
{
    const struct hm_listeners *all = &run->pass->observation->inventory.listeners;
    struct hm_watched_list *list = &row->watch.listeners;
    size_t cap = 0;
    struct hm_watched_list made = {NULL, 0};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < list->count; i++) {
        st = put_watched(run->arena, &list->at[i], &made, &cap, err);
    }
    for (size_t i = 0; st == HM_OK && i < all->count; i++) {
        const struct hm_listener *listener = &all->at[i];
        const struct hm_watched watched = {listener->protocol, listener->family,  listener->port,
                                           listener->program,  listener->service, 0};

        if (is_wanted(&row->wants, listener->protocol, listener->port) &&
            !is_no_part(run, row, listener) && !is_watched(&made, listener)) {
            st = put_watched(run->arena, &watched, &made, &cap, err);
        }
    }
    if (st == HM_OK) {
        *list = made;
    }
    return st;
}

static bool has_booted(const struct hm_enforce_run *run, const struct hm_watch *watch)
{
    return strcmp(watch->boot_id, run->boot_id) != 0;
}

enum hm_status hm_deadman_begin(struct hm_enforce_run *run, struct hm_enforce_row *row,
                                struct hm_err *err)
{
    const int64_t watch_s = row->chosen != NULL ? (int64_t)hm_policy_watch_s(row->chosen) : 0;
    bool known = false;
    enum hm_status st = HM_OK;

    if (watch_s == 0 || row->watch_is_new) {
        return HM_OK;
    }
    row->has_watch = row->has_watch && !has_booted(run, &row->watch);
    if (!row->has_watch) {
        row->watch = (struct hm_watch){.boot_id = run->boot_id};
        row->watch.ephemeral = gives_ephemeral(run, &known);
        st = note_failed(run, row, err);
    }
    if (st == HM_OK && !row->has_watch) {
        st = hm_culprit_note_errors(run, &row->watch.errors, err);
    }
    if (st == HM_OK) {
        st = hm_culprit_note_before(run, row, err);
    }
    if (st == HM_OK) {
        st = put_listeners(run, row, err);
    }
    if (st == HM_OK) {
        row->changed_boot_id = run->boot_id;
        row->changed_at = run->now_ms;
        row->changed_s = hm_run_boot_s(run);
        row->changed_number = run->state.boot.number;
        row->watch_is_new = !row->has_watch;
        row->has_watch = true;
        row->watch.until = run->now_ms + watch_s * 1000;
        row->watch.until_s = hm_run_boot_s(run) + (uint64_t)watch_s;
        row->watch.host_until_s = row->watch.until_s;
        row->watch.seconds = (uint32_t)watch_s;
    }
    return st;
}

/* ---- the looks ----------------------------------------------------------------------------- */

static void turn_off(struct hm_enforce_run *run, struct hm_enforce_row *row, const char *why)
{
    struct hm_log_line line;

    row->has_watch = false;
    row->has_blame = false;
    row->guessed_boot_id = "";
    row->guessed_of = "";
    row->off = why != NULL ? why : "It did harm within its watch time, so it is off here.";
    hm_log_begin(&line, HM_LOG_ERROR, "policy_turned_off");
    hm_log_str(&line, "policy", row->policy);
    hm_log_u64(&line, "revision", row->revision);
    hm_log_str(&line, "why", row->off);
    hm_log_end(&line);
    (void)run;
}

/* Every other policy that requires the exclusion, too: it would keep what does the harm. */
static void turn_off_holders(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                             const struct hm_culprit_port *port)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *other = &run->state.policies.at[i];

        if (other != row && other->off[0] == '\0' && hm_culprit_of_port(run, other, port)) {
            turn_off(run, other, row->off);
            other->has_blame = row->has_blame;
            other->blame = row->blame;
        }
    }
}

static void look_at_httpsys(struct hm_enforce_run *run, struct hm_enforce_row *row)
{
    const struct hm_observation *seen = run->pass->observation;

    for (size_t i = 0; seen->has_events && i < seen->events.count; i++) {
        const struct hm_event_count *event = &seen->events.at[i];
        struct hm_culprit_port port;
        struct hm_watched_error *before;
        bool named;

        if (!hm_service_event_is_httpsys(event)) {
            continue;
        }
        before = hm_culprit_find_error(&row->watch.errors, event);
        if (before != NULL && event->count <= before->count) {
            before->count = event->count; /* fewer: the log was cleared */
            continue;
        }
        named = hm_culprit_port_of(run, event, &port);
        if (named ? hm_culprit_of_port(run, row, &port) : hm_culprit_of_unknown(run, row, true)) {
            turn_off(run, row,
                     hm_arena_printf(run->arena,
                                     "After the change HTTP.sys could not serve %.200s (event "
                                     "15005): this revision is off here until a newer one.",
                                     hm_str_equal(event->about, "") ? "an address" : event->about));
            if (named) {
                turn_off_holders(run, row, &port);
            }
            return;
        }
    }
}

static bool had_failed(const struct hm_enforce_row *row, const char *service)
{
    for (size_t i = 0; i < row->failed_before.count; i++) {
        if (hm_str_equal_nocase(row->failed_before.at[i], service)) {
            return true;
        }
    }
    return false;
}

static void look_at_services(struct hm_enforce_run *run, struct hm_enforce_row *row)
{
    const struct hm_observation *seen = run->pass->observation;
    const struct hm_services *lists[] = {services_of(seen), &seen->idle_services};
    const struct hm_service *failed = NULL;
    struct hm_culprit_port port = {.has_protocol = false};
    bool named = false;

    for (size_t k = 0; k < HM_COUNT(lists); k++) {
        for (size_t i = 0; failed == NULL && i < lists[k]->count; i++) {
            const struct hm_service *service = &lists[k]->at[i];

            failed = has_failed(seen, service) && !had_failed(row, service->name) &&
                             hm_recent_service(run, row, service->name) &&
                             hm_culprit_of_service(run, row, service->name, &named, &port)
                         ? service
                         : NULL;
        }
    }
    if (failed != NULL) {
        turn_off(run, row,
                 hm_arena_printf(
                     run->arena,
                     "After the change the service %.200s ended with error 32, as one "
                     "does whose port of HTTP.sys is excluded: this revision is off "
                     "here until a newer one%s.",
                     failed->name,
                     !named ? ", unless HTTP.sys names a port within minutes that it does not want"
                     : port.is_plain ? ", or until that service ends so without it, too"
                                     : ""));
    }
    if (failed != NULL) {
        hm_failing_blamed(run, failed->name);
    }
    if (failed != NULL && named && port.is_plain) {
        row->has_blame = true;
        row->blame = (struct hm_blame){failed->name, port.protocol, port.port, "", 0};
    }
    if (failed != NULL && named) {
        turn_off_holders(run, row, &port);
    } else if (failed != NULL) {
        row->guessed_boot_id = run->boot_id;
        row->guessed_s = hm_run_boot_s(run);
        row->guessed_of = failed->name;
    }
}

/* The time of a pause is not counted, for the listeners: a service may stay stopped for weeks, and
 * what happens to others by then is not because of the change. */
static void pause_watch(const struct hm_enforce_run *run, struct hm_watch *watch)
{
    const struct hm_observation *seen = run->pass->observation;
    const uint64_t now_s = hm_run_boot_s(run);
    bool paused = false;

    for (size_t i = 0; i < watch->listeners.count; i++) {
        const struct hm_watched *watched = &watch->listeners.at[i];

        paused = paused || (!is_present(seen, watched) && is_stopped(seen, watched));
    }
    if (watch->paused_s != 0 && now_s > watch->paused_s) {
        watch->until_s += now_s - watch->paused_s;
    }
    watch->paused_s = paused ? now_s : 0;
}

static void look_at_listeners(struct hm_enforce_run *run, struct hm_enforce_row *row)
{
    const struct hm_observation *seen = run->pass->observation;

    for (size_t i = 0; seen->inventory.has_listeners && i < row->watch.listeners.count; i++) {
        struct hm_watched *watched = &row->watch.listeners.at[i];

        if (!is_present(seen, watched) && is_stopped(seen, watched)) {
            continue;
        }
        watched->misses = is_present(seen, watched) ? 0 : watched->misses + 1;
        if (watched->misses >= HM_DEADMAN_MISSES) {
            turn_off(run, row,
                     hm_arena_printf(run->arena,
                                     "After the change the listener %s/%s %u%s%s was lost: this "
                                     "revision is off here until a newer one.",
                                     hm_protocol_names[watched->protocol],
                                     hm_family_names[watched->family], (unsigned)watched->port,
                                     watched->program[0] != '\0' ? " of " : "", watched->program));
            return;
        }
    }
}

static void look_at_ephemeral(struct hm_enforce_run *run, struct hm_enforce_row *row, bool known,
                              bool gives)
{
    if (!row->watch.ephemeral || !known) {
        return;
    }
    row->watch.ephemeral_misses = gives ? 0 : row->watch.ephemeral_misses + 1;
    if (row->watch.ephemeral_misses >= HM_DEADMAN_MISSES) {
        turn_off(run, row,
                 "After the change this host handed out no ephemeral ports: this revision is off "
                 "here until a newer one.");
    }
}

static bool is_suspect(const struct hm_watch *watch)
{
    bool suspect = watch->ephemeral_misses > 0;

    for (size_t i = 0; i < watch->listeners.count; i++) {
        suspect = suspect || watch->listeners.at[i].misses > 0;
    }
    return suspect;
}

/* Of an older version it begins again; and where a described host's clock was set back. */
static void settle_end(const struct hm_enforce_run *run, struct hm_watch *watch)
{
    const uint64_t most_s =
        hm_run_boot_s(run) + (watch->seconds != 0 ? watch->seconds : WATCH_MOST_S);

    if (watch->until_s == 0) {
        watch->until_s = watch->host_until_s = most_s;
    }
    watch->until_s = watch->until_s < most_s ? watch->until_s : most_s;
    watch->host_until_s = watch->host_until_s < most_s ? watch->host_until_s : most_s;
}

/* Of one look: is it far enough from the one before to count, and are ephemeral ports given? */
struct look {
    bool counts;
    bool looked; /* at a watch */
    bool asked;  /* for an ephemeral port */
    bool known;
    bool gives;
};

/* What may happen to anybody on the host. */
static void look_at_host(struct hm_enforce_run *run, struct hm_enforce_row *row, struct look *look)
{
    if (look->counts) {
        look->gives = look->asked ? look->gives : gives_ephemeral(run, &look->known);
        look->asked = true;
        look_at_ephemeral(run, row, look->known, look->gives);
    }
    if (row->has_watch) {
        look_at_httpsys(run, row);
    }
}

static void look_at_row(struct hm_enforce_run *run, struct hm_enforce_row *row, struct look *look)
{
    struct hm_watch *watch = &row->watch;
    const uint64_t now_s = hm_run_boot_s(run);

    settle_end(run, watch);
    pause_watch(run, watch);
    if (watch->host_until_s != 0) {
        look_at_host(run, row, look);
        if (now_s >= watch->host_until_s && watch->ephemeral_misses == 0) {
            watch->host_until_s = 0;
        }
    }
    if (look->counts && row->has_watch) {
        look_at_listeners(run, row);
    }
    look->looked = true;
    if (row->has_watch && watch->paused_s == 0 && now_s >= watch->until_s && !is_suspect(watch)) {
        row->has_watch = false;
    }
}

void hm_deadman_look(struct hm_enforce_run *run, uint64_t *last_s)
{
    const struct hm_enforce_rows *rows = &run->state.policies;
    const uint64_t now_s = hm_run_boot_s(run);
    struct look look = {.counts = *last_s == 0 || now_s < *last_s ||
                                  now_s - *last_s >= HM_DEADMAN_APART_MS / 1000};
    const struct hm_observation *seen = run->pass->observation;
    const struct hm_services *const lists[2] = {services_of(seen), &seen->idle_services};

    hm_culprit_note_failing(run, lists, has_failed);
    hm_recent_note(run, lists, has_failed);
    for (size_t i = 0; i < rows->count; i++) {
        rows->at[i].recent = hm_recent_row(run, &rows->at[i]);
    }
    for (size_t i = 0; i < rows->count; i++) {
        struct hm_enforce_row *row = &rows->at[i];

        row->has_watch = row->has_watch && !has_booted(run, &row->watch);
        if (row->has_watch) {
            look_at_row(run, row, &look);
        }
        if (row->off[0] != '\0' && row->has_blame) {
            hm_acquittal_look(run, row, hm_failing_find(lists, row->blame.service), has_failed);
        }
        if (row->off[0] != '\0' && !hm_str_equal(row->guessed_boot_id, "")) {
            hm_acquittal_look_at_guess(run, row);
        }
        if (row->off[0] == '\0' && row->recent) {
            look_at_services(run, row);
        }
    }
    if (look.counts && look.looked) {
        *last_s = now_s;
    }
}
