/* agent/enforce/deadman.c — what is watched after a change, and when the change is undone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/deadman.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/str.h"

#define SHARING_VIOLATION 32u /* with it HTTP.sys refuses an address whose port is excluded */
#define HTTPSYS_EVENT 15005u
#define WATCH_MOST_MS 86400000 /* of a policy; where its length was not kept */

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

static bool has_failed(const struct hm_service *service)
{
    return service->has_runs && !service->runs && service->exit_code == SHARING_VIOLATION;
}

static bool is_httpsys_error(const struct hm_event_count *event)
{
    return event->id == HTTPSYS_EVENT &&
           (hm_str_equal_nocase(event->provider, "HTTP") ||
            hm_str_equal_nocase(event->provider, "Microsoft-Windows-HttpEvent"));
}

static uint32_t count_httpsys_errors(const struct hm_observation *seen)
{
    uint32_t count = 0;

    for (size_t i = 0; seen->has_events && i < seen->events.count; i++) {
        count += is_httpsys_error(&seen->events.at[i]) ? seen->events.at[i].count : 0;
    }
    return count;
}

/* As they are before the change. */
static enum hm_status note_failed(struct hm_enforce_run *run, struct hm_watch *watch,
                                  struct hm_err *err)
{
    const struct hm_observation *seen = run->pass->observation;
    const struct hm_services *services = services_of(seen);
    const char **names = (const char **)hm_arena_alloc(run->arena, services->count, sizeof(*names));

    if (names == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the services to watch");
    }
    watch->httpsys_errors = count_httpsys_errors(seen);
    watch->failed = (struct hm_strings){names, 0};
    for (size_t i = 0; i < services->count; i++) {
        if (has_failed(&services->at[i])) {
            names[watch->failed.count++] = services->at[i].name;
        }
    }
    return HM_OK;
}

/* ---- the start ----------------------------------------------------------------------------- */

static bool is_wanted(const struct hm_wants *wants, const struct hm_listener *listener)
{
    for (size_t i = 0; i < wants->count; i++) {
        const struct hm_want *want = &wants->at[i];

        if (want->protocol == listener->protocol &&
            hm_range_contains(want->range, listener->port)) {
            return true;
        }
    }
    return false;
}

/* Whoever is in the way of what is wanted there: that it goes is what the plan waits for. */
static bool is_in_the_way(const struct hm_enforce_run *run, const struct hm_listener *listener)
{
    for (size_t i = 0; i < run->plan.notes.count; i++) {
        const struct hm_plan_note *note = &run->plan.notes.at[i];

        if ((note->kind == HM_NOTE_TAKEN || note->kind == HM_NOTE_BUSY) && note->has_protocol &&
            note->protocol == listener->protocol && note->has_family &&
            note->family == listener->family && hm_ports_contains(note->ports, listener->port)) {
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

        if (is_wanted(&row->wants, listener) && !is_in_the_way(run, listener) &&
            !is_watched(&made, listener)) {
            st = put_watched(run->arena, &watched, &made, &cap, err);
        }
    }
    if (st == HM_OK) {
        *list = made;
    }
    return st;
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
    if (!row->has_watch) {
        row->watch = (struct hm_watch){.boot_id = run->boot_id};
        row->watch.ephemeral = gives_ephemeral(run, &known);
        st = note_failed(run, &row->watch, err);
    }
    if (st == HM_OK) {
        st = put_listeners(run, row, err);
    }
    if (st == HM_OK) {
        row->watch_is_new = !row->has_watch;
        row->has_watch = true;
        row->watch.until = run->now_ms + watch_s * 1000;
        row->watch.seconds = (uint32_t)watch_s;
    }
    return st;
}

/* ---- the looks ----------------------------------------------------------------------------- */

static void turn_off(struct hm_enforce_run *run, struct hm_enforce_row *row, const char *why)
{
    struct hm_log_line line;

    row->has_watch = false;
    row->off = why != NULL ? why : "It did harm within its watch time, so it is off here.";
    hm_log_begin(&line, HM_LOG_ERROR, "policy_turned_off");
    hm_log_str(&line, "policy", row->policy);
    hm_log_u64(&line, "revision", row->revision);
    hm_log_str(&line, "why", row->off);
    hm_log_end(&line);
    (void)run;
}

/* Has the policy an exclusion, of that port (0: of any)? */
static bool excludes(const struct hm_enforce_run *run, const struct hm_enforce_row *row,
                     uint16_t port)
{
    const struct hm_ledger_exclusions *ours = &run->ledger.exclusions;

    for (size_t i = 0; i < ours->count; i++) {
        if (hm_str_equal(ours->at[i].policy, row->policy) &&
            (port == 0 || hm_range_contains(ours->at[i].range, port))) {
            return true;
        }
    }
    return false;
}

/* "http://+:8080/", "0.0.0.0:443": the port; 0 when there is none to be seen. */
static uint16_t port_of(const char *address)
{
    const char *colon = strrchr(address, ':');
    const size_t len = colon != NULL ? strspn(colon + 1, "0123456789") : 0;
    uint32_t port = 0;

    if (len > 0 && hm_str_parse_u32(colon + 1, len, UINT16_MAX, &port)) {
        return (uint16_t)port;
    }
    return 0;
}

static void look_at_httpsys(struct hm_enforce_run *run, struct hm_enforce_row *row)
{
    const struct hm_observation *seen = run->pass->observation;

    if (count_httpsys_errors(seen) <= row->watch.httpsys_errors) {
        return;
    }
    for (size_t i = 0; i < seen->events.count; i++) {
        const struct hm_event_count *event = &seen->events.at[i];

        if (is_httpsys_error(event) && excludes(run, row, port_of(event->about))) {
            turn_off(run, row,
                     hm_arena_printf(run->arena,
                                     "After the change HTTP.sys could not serve %.200s (event "
                                     "15005): this revision is off here until a newer one.",
                                     event->about[0] != '\0' ? event->about : "an address"));
            return;
        }
    }
}

static bool had_failed(const struct hm_watch *watch, const char *service)
{
    for (size_t i = 0; i < watch->failed.count; i++) {
        if (hm_str_equal_nocase(watch->failed.at[i], service)) {
            return true;
        }
    }
    return false;
}

static void look_at_services(struct hm_enforce_run *run, struct hm_enforce_row *row)
{
    const struct hm_services *services = services_of(run->pass->observation);

    for (size_t i = 0; excludes(run, row, 0) && i < services->count; i++) {
        const struct hm_service *service = &services->at[i];

        if (has_failed(service) && !had_failed(&row->watch, service->name)) {
            turn_off(run, row,
                     hm_arena_printf(run->arena,
                                     "After the change the service %.200s ended with error 32, as "
                                     "one does whose port of HTTP.sys is excluded: this revision "
                                     "is off here until a newer one.",
                                     service->name));
            return;
        }
    }
}

/* The time of a pause is not counted. */
static void pause_watch(const struct hm_enforce_run *run, struct hm_watch *watch)
{
    const struct hm_observation *seen = run->pass->observation;
    bool paused = false;

    for (size_t i = 0; i < watch->listeners.count; i++) {
        const struct hm_watched *watched = &watch->listeners.at[i];

        paused = paused || (!is_present(seen, watched) && is_stopped(seen, watched));
    }
    if (watch->paused_at != 0 && run->now_ms > watch->paused_at) {
        watch->until += run->now_ms - watch->paused_at;
    }
    watch->paused_at = paused ? run->now_ms : 0;
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

static bool has_booted(const struct hm_enforce_run *run, const struct hm_watch *watch)
{
    return strcmp(watch->boot_id, run->boot_id) != 0;
}

static void settle_end(const struct hm_enforce_run *run, struct hm_watch *watch)
{
    const int64_t most_ms = watch->seconds != 0 ? (int64_t)watch->seconds * 1000 : WATCH_MOST_MS;

    if (watch->until - run->now_ms > most_ms) {
        watch->until = run->now_ms + most_ms;
    }
}

void hm_deadman_look(struct hm_enforce_run *run, int64_t *last_ms)
{
    const struct hm_enforce_rows *rows = &run->state.policies;
    const int64_t since_ms = run->now_ms - *last_ms;
    const bool counts = since_ms >= HM_DEADMAN_APART_MS || since_ms < 0;
    bool known = false;
    bool asked = false;
    bool gives = false;

    for (size_t i = 0; i < rows->count; i++) {
        struct hm_enforce_row *row = &rows->at[i];

        if (!row->has_watch) {
            continue;
        }
        if (has_booted(run, &row->watch)) {
            row->has_watch = false;
            continue;
        }
        settle_end(run, &row->watch);
        pause_watch(run, &row->watch);
        if (counts) {
            gives = asked ? gives : gives_ephemeral(run, &known);
            asked = true;
            look_at_ephemeral(run, row, known, gives);
        }
        if (counts && row->has_watch) {
            look_at_listeners(run, row);
        }
        if (row->has_watch) {
            look_at_httpsys(run, row);
        }
        if (row->has_watch) {
            look_at_services(run, row);
        }
        if (row->has_watch && row->watch.paused_at == 0 && run->now_ms >= row->watch.until &&
            !is_suspect(&row->watch)) {
            row->has_watch = false;
        }
    }
    if (counts && asked) {
        *last_ms = run->now_ms;
    }
}
