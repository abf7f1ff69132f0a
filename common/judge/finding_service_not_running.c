/* common/judge/finding_service_not_running.c — a service that starts by itself is down, and its
 * port is the reason, or may have been.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Many services stop in order when there is nothing to do: one that is down is no finding by
 * itself. It is one when it cannot get a port now; when the system says that it failed; and when it
 * ended with the error of a bind, though nobody knows its port. */
#include "common/judge/finding_kinds.h"

#include "common/base/str.h"
#include "common/judge/port_errors.h"
#include "common/judge/remedy.h"
#include "common/judge/service_events.h"

#define ERROR_NEVER_STARTED 1077u /* nobody has started it since the boot */
#define ERROR_DISABLED 1058u      /* nobody may */
#define ERROR_DEPENDENCY 1068u    /* a service that it depends on did not start: that one speaks */
#define ERROR_LOGON 1069u         /* its account could not log on */
#define ERROR_DEPENDENCY 1068u    /* one that it depends on has failed */

/* Does the service manager's log say, since the boot, that it failed? */
static bool has_failed(const struct hm_finding_ctx *ctx, const struct hm_service *service)
{
    const struct hm_event_counts *events = ctx->input->events;

    for (size_t i = 0; events != NULL && i < events->count; i++) {
        const struct hm_service_event *row =
            hm_service_event_find(events->at[i].provider, events->at[i].id);

        if (row != NULL && row->failed &&
            hm_service_event_concerns(&events->at[i], service->name, "")) {
            return true;
        }
    }
    return false;
}

/* Does the service itself say, since the boot, that it did not get a port? An instance writes under
 * the name of its service. */
static bool says_port(const struct hm_finding_ctx *ctx, const struct hm_service *service)
{
    const struct hm_event_counts *events = ctx->input->events;

    for (size_t i = 0; events != NULL && i < events->count; i++) {
        const struct hm_service_event *row =
            hm_service_event_find(events->at[i].provider, events->at[i].id);

        if (row != NULL && row->by_port &&
            hm_str_equal_nocase(events->at[i].provider, service->name)) {
            return true;
        }
    }
    return false;
}

static struct hm_finding *put(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                              const struct hm_need *need, const struct hm_service *service)
{
    struct hm_finding *finding =
        hm_finding_put(out, hm_finding_print(out, "service %s", service->name));

    hm_finding_evidence(out, finding, "service", service->name);
    hm_finding_evidence(out, finding, "start", hm_service_start_names[service->start]);
    if (service->exit_code != 0) {
        hm_finding_evidence(out, finding, "exit_code",
                            hm_finding_print(out, "%u", (unsigned)service->exit_code));
    }
    hm_finding_describe(ctx, out, finding, need);
    return finding;
}

/* The steps that protect the port are shared with other findings of the product; to those of this
 * one a start is added. */
static void own_steps(struct hm_finding_list *out, struct hm_finding *finding)
{
    const struct hm_remedy_steps shared = finding->steps;

    finding->steps = (struct hm_remedy_steps){NULL, 0};
    for (size_t i = 0; i < shared.count; i++) {
        *hm_remedy_step(out, finding, shared.at[i].kind, "") = shared.at[i];
    }
}

/* Services of which it is known where their port is set. */
struct place {
    const char *service; /* "*" as in file names */
    const char *text;
};

/* SQL Server: "Configure a server to listen on a specific TCP port", "SQL Server Browser service":
 * a dynamic port that is taken is replaced by another. */
static const struct place places[] = {
    {"MSSQL$*",
     " SQL Server Configuration Manager shows it (protocols of the instance, TCP/IP, IPAll): a "
     "named instance with \"TCP Dynamic Ports\" takes another port when its own is taken, so look "
     "at "
     "\"TCP Port\"; its ERRORLOG names the port, too."                                 },
    {"MSSQLSERVER", " SQL Server Configuration Manager shows it (protocols of the instance, "
                    "TCP/IP, IPAll): it need "
                    "not be 1433; its ERRORLOG names the port, too."},
};

static const char *place_of(const struct hm_service *service)
{
    for (size_t i = 0; i < HM_COUNT(places); i++) {
        if (hm_str_glob_nocase(places[i].service, service->name)) {
            return places[i].text;
        }
    }
    return "";
}

/* Of a blocked port the remedy starts what is down by itself. */
static void put_remedy(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       struct hm_finding *finding, const struct hm_need *need,
                       const struct hm_service *service)
{
    if (need->verdict.reason == HM_REASON_RESERVER_EXCLUDED ||
        need->verdict.reason == HM_REASON_SHARED_EXCLUDED) {
        hm_remedy_unexclude(ctx, out, finding, need);
        return;
    }
    if (need->verdict.state == HM_BLOCKED) {
        hm_remedy_protect(ctx, out, finding, need, "");
        return;
    }
    finding->remedy = hm_finding_print(out, "Start the service; its own log says why it ended.%s",
                                       place_of(service));
    if (need->verdict.state == HM_EXPOSED) {
        hm_remedy_protect(ctx, out, finding, need, "");
        own_steps(out, finding);
    }
    hm_remedy_start(ctx, out, finding, need);
}

static const char *starts_as(const struct hm_service *service)
{
    return service->start == HM_START_TRIGGERED ? "when an event of the system asks for it"
                                                : "by itself";
}

static void put_blocked(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                        const struct hm_need *need, const struct hm_service *service)
{
    struct hm_finding *finding = put(ctx, out, need, service);

    finding->text =
        hm_finding_print(out, "%s starts %s and does not run. %s: %s%s", service->name,
                         starts_as(service), need->verdict.title, need->text,
                         need->product == NULL && hm_str_glob_nocase("MSSQL$*", service->name)
                             ? " When its port is set as dynamic, it takes another one instead."
                             : "");
    put_remedy(ctx, out, finding, need, service);
}

static void put_failed(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       const struct hm_need *need, const struct hm_service *service)
{
    const struct hm_port_error *error = hm_port_error_find(ctx->facts, service->exit_code);
    struct hm_finding *finding = put(ctx, out, need, service);

    finding->severity = error != NULL && error->certain                      ? HM_SEVERITY_HIGH
                        : need->verdict.state == HM_EXPOSED || error != NULL ? HM_SEVERITY_MEDIUM
                                                                             : HM_SEVERITY_LOW;
    finding->text = hm_finding_print(
        out,
        "%s starts by itself and does not run: %s. Nothing holds a port now that it is known to "
        "need%s%s",
        service->name,
        error != NULL             ? hm_finding_print(out, "it ended with error %u (%s)",
                                                     (unsigned)service->exit_code, error->says)
        : says_port(ctx, service) ? "its log says that it did not get a port"
                                  : "the system's log says that it failed",
        need->verdict.state == HM_EXPOSED ? ", but any program may be given one again" : "",
        error != NULL || says_port(ctx, service)
            ? ": whoever had it may be gone, or the service is configured for another "
              "port."
            : ".");
    put_remedy(ctx, out, finding, need, service);
}

/* ---- services whose ports nobody knows ----------------------------------------------------- */

static void put_events(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       struct hm_finding *finding, const struct hm_service *service)
{
    const struct hm_event_counts *events = ctx->input->events;

    for (size_t i = 0; events != NULL && i < events->count; i++) {
        if (hm_service_event_concerns(&events->at[i], service->name, "")) {
            hm_finding_describe_event(out, finding, &events->at[i]);
        }
    }
}

/* Where to look for the port, and what then. */
static const char *advice_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                             const struct hm_service *service)
{
    const bool excluded = !ctx->facts->legacy;

    return hm_finding_print(
        out,
        "Find the port that %s needs: in its own configuration and log, or in its events in the "
        "event log.%s Look who has it with \"%s\"%s, free it and start the service. Then describe "
        "the service in a catalogue file of your own, so that its port is judged before the next "
        "start; an installed agent learns the port by itself once the service has run.",
        service->name, place_of(service), hm_remedy_list_sockets(ctx),
        excluded ? " and \"netsh int ipv4 show excludedportrange protocol=tcp\"" : "");
}

/* Nobody knows its ports: what it says itself counts. */
static void put_unknown(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                        const struct hm_service *service)
{
    const struct hm_port_error *error = hm_port_error_find(ctx->facts, service->exit_code);
    struct hm_finding *finding =
        hm_finding_put(out, hm_finding_print(out, "service %s", service->name));

    hm_finding_evidence(out, finding, "service", service->name);
    hm_finding_evidence(out, finding, "start", hm_service_start_names[service->start]);
    hm_finding_evidence(out, finding, "program", service->program);
    hm_finding_evidence(out, finding, "exit_code",
                        hm_finding_print(out, "%u", (unsigned)service->exit_code));
    put_events(ctx, out, finding, service);
    if (error == NULL && !says_port(ctx, service)) {
        finding->severity = HM_SEVERITY_LOW;
        finding->text = hm_finding_print(
            out,
            "%s starts %s and does not run: it ended with error %u. Which port it needs is not "
            "known here, nor whether one was taken.",
            service->name, starts_as(service), (unsigned)service->exit_code);
        hm_remedy_decide(out, finding,
                         hm_finding_print(out,
                                          "Read in the log of %s or in the event log why it "
                                          "ended. When a port was the reason, describe the service "
                                          "in a catalogue file of your own.",
                                          service->name));
        return;
    }
    finding->severity = error == NULL || error->certain ? HM_SEVERITY_HIGH : HM_SEVERITY_MEDIUM;
    finding->text = hm_finding_print(
        out,
        "%s starts %s and does not run: %s. Which port that is, is not known here: neither the "
        "catalogue nor the port book has a port of it that is held now.",
        service->name, starts_as(service),
        error != NULL ? hm_finding_print(out, "it ended with error %u (%s)",
                                         (unsigned)service->exit_code, error->says)
                      : "its log says that it did not get a port");
    hm_remedy_decide(out, finding, advice_of(ctx, out, service));
}

/* A cluster may have started it on another node; one that nobody has started ended with nothing. */
static bool has_ended(const struct hm_service *service)
{
    return service->has_runs && !service->runs && hm_service_starts_itself(service) &&
           service->start != HM_START_CLUSTER && service->exit_code != 0 &&
           service->exit_code != ERROR_NEVER_STARTED && service->exit_code != ERROR_DISABLED &&
           service->exit_code != ERROR_DEPENDENCY && service->exit_code != ERROR_LOGON;
}

/* The services of requirements that are judged: their own findings speak, or have nothing to say.
 */
static void mark_judged(const struct hm_finding_ctx *ctx, bool *out_judged)
{
    const struct hm_services *details = &ctx->input->inventory->service_details;

    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_service *service;
        size_t at = 0;

        while ((service = hm_need_next_down(ctx->facts, &ctx->needs[i], false, &at)) != NULL) {
            out_judged[service - details->at] = true;
        }
    }
}

/* The one that it depends on is the one to look at. */
static bool waits_for_another(const struct hm_finding_ctx *ctx, const struct hm_service *service)
{
    for (size_t i = 0; i < service->depends_on.count; i++) {
        const struct hm_service *needed =
            hm_inventory_service(ctx->input->inventory, service->depends_on.at[i]);

        if (needed != NULL && needed->has_runs && !needed->runs) {
            return service->exit_code == ERROR_DEPENDENCY;
        }
    }
    return false;
}

/* A triggered service that ended with another error does so when it finds nothing to do. */
static bool is_telling(const struct hm_finding_ctx *ctx, const struct hm_service *service)
{
    return has_ended(service) && !waits_for_another(ctx, service) &&
           (service->start != HM_START_TRIGGERED ||
            hm_port_error_find(ctx->facts, service->exit_code) != NULL);
}

static void look_at_the_rest(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_services *details = &ctx->input->inventory->service_details;
    bool *judged = NULL;

    for (size_t i = 0; ctx->input->inventory->has_service_details && i < details->count; i++) {
        if (!is_telling(ctx, &details->at[i])) {
            continue;
        }
        if (judged == NULL) {
            judged = hm_arena_alloc(out->arena, details->count, sizeof(*judged));
            if (judged == NULL) {
                out->status = out->status == HM_OK ? HM_ENOMEM : out->status;
                return;
            }
            mark_judged(ctx, judged);
        }
        if (!judged[i]) {
            put_unknown(ctx, out, &details->at[i]);
        }
    }
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_service *service;

    for (unsigned blocked = 2; blocked-- > 0;) { /* of one service the blocked port speaks */
        for (size_t i = 0; i < ctx->count; i++) {
            const struct hm_need *need = &ctx->needs[i];
            size_t at = 0;

            if ((need->product == NULL && !need->remembered) || hm_need_is_own(need) ||
                (need->verdict.state == HM_BLOCKED) != (blocked == 1)) {
                continue;
            }
            while ((service = hm_need_next_down(ctx->facts, need, blocked == 0, &at)) != NULL) {
                if (blocked == 1) {
                    put_blocked(ctx, out, need, service);
                } else if (hm_port_error_find(ctx->facts, service->exit_code) != NULL ||
                           says_port(ctx, service) || has_failed(ctx, service)) {
                    put_failed(ctx, out, need, service);
                }
            }
        }
    }
    look_at_the_rest(ctx, out);
}

const struct hm_finding_kind hm_finding_service_not_running = {
    .name = "service_not_running",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .help = "a service that starts by itself is down, and its port is or may be the reason",
};
