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

/* Where an unseen reservation may come from (windows-ports.md 2.9). */
#define RESERVED_UNSEEN                                                                            \
    "When it ends with error 10013 again, something reserves the port that no list shows, as WSL " \
    "in mirrored mode and HNS do: a restart of the host ends that. Or the service is configured "  \
    "for another port."

/* As far as it says why the service is down: not of a part without which it starts. */
static enum hm_verdict_state told_by(const struct hm_need *need)
{
    return need->requirement->starts_without ? HM_SAFE : need->verdict.state;
}

/* Of a blocked port the remedy starts what is down by itself. */
static void put_remedy(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       struct hm_finding *finding, const struct hm_need *need,
                       const struct hm_service *service)
{
    const enum hm_verdict_state state = told_by(need);

    if (state == HM_BLOCKED && (need->verdict.reason == HM_REASON_RESERVER_EXCLUDED ||
                                need->verdict.reason == HM_REASON_SHARED_EXCLUDED)) {
        hm_remedy_unexclude(ctx, out, finding, need);
        return;
    }
    if (state == HM_BLOCKED) {
        hm_remedy_protect(ctx, out, finding, need, "");
        return;
    }
    finding->remedy = hm_finding_print(out, "Start the service; its own log says why it ended.%s",
                                       place_of(service));
    if (state == HM_EXPOSED) {
        hm_remedy_protect(ctx, out, finding, need, "");
        hm_remedy_own_steps(out, finding);
    }
    hm_remedy_start(ctx, out, finding, &need, 1);
}

/* "X starts by itself and does not run", for the start of a sentence. */
static const char *state_of(struct hm_finding_list *out, const struct hm_service *service)
{
    return hm_finding_print(
        out, "%s %s and does not run", service->name,
        service->start == HM_START_TRIGGERED ? "starts when an event of the system asks for it"
        : service->start == HM_START_MANUAL  ? "was started by a person or another program"
        : service->start == HM_START_DEPENDENCY
            ? "starts before a service that starts by itself and depends on it,"
            : "starts by itself");
}

/* XP and 2003: while the IPsec service is down, its driver lets nothing pass but what is exempt
 * (event 4292, KB956189). */
#define BLOCK_MODE                                                                                 \
    " Until it runs the IPsec driver is in block mode (event 4292, KB956189): this server drops "  \
    "nearly all traffic, Remote Desktop and the agent's included. Work at its console."

static const char *consequence_of(const struct hm_finding_ctx *ctx, const struct hm_need *need,
                                  const struct hm_service *service)
{
    const bool has_driver = ctx->facts->windows == 501 || ctx->facts->windows == 502;

    return has_driver && need->product != NULL && hm_str_equal(need->product->id, "ipsec") &&
                   service->start == HM_START_AUTOMATIC
               ? BLOCK_MODE
               : "";
}

static void put_blocked(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                        const struct hm_need *need, const struct hm_service *service)
{
    struct hm_finding *finding = put(ctx, out, need, service);

    if (hm_need_may_do_without(ctx->facts, need)) {
        finding->severity = HM_SEVERITY_MEDIUM;
    }
    finding->text = hm_finding_print(
        out, "%s. %s: %s%s%s", state_of(out, service), need->verdict.title, need->text,
        hm_need_dynamic_port_note(need), consequence_of(ctx, need, service));
    put_remedy(ctx, out, finding, need, service);
}

/* Another part of the product has the port, and nobody knows whether the service needs it. */
static void put_rival(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                      const struct hm_need *need, const struct hm_service *service)
{
    struct hm_finding *finding = put(ctx, out, need, service);

    finding->severity = HM_SEVERITY_MEDIUM;
    finding->text = hm_finding_print(out, "%s. %s: %s", state_of(out, service), need->verdict.title,
                                     need->text);
    hm_remedy_decide(
        out, finding,
        hm_finding_print(out,
                         "Read in the log of %s why it ended, and in its configuration "
                         "which port it needs. When it is the same one, give one of "
                         "the two another port, then start it.",
                         service->name));
}

/* What is seen of the ports that the service is known to need. */
static const char *seen_of(const struct hm_need *need, const struct hm_port_failure *failure)
{
    if (told_by(need) == HM_EXPOSED) {
        return "Nothing is seen that has a port which it is known to need, but any program may be "
               "given one again";
    }
    if (told_by(need) == HM_UNKNOWN && need->unexplained == NULL) {
        return "Whether something has a port that it needs is not known";
    }
    return failure->error != NULL && failure->error->reserved
               ? "Nothing is seen that has or reserves a port which it is known to need"
               : "Nothing is seen that has a port which it is known to need";
}

/* Why it ended, as far as a port was the reason. */
static const char *reason_of(struct hm_finding_list *out, const struct hm_service *service,
                             const struct hm_port_failure *failure)
{
    if (failure->error == NULL) {
        return "its log says that it did not get a port";
    }
    if (failure->event == NULL) {
        return hm_finding_print(out, "it ended with error %u (%s)", (unsigned)failure->code,
                                failure->error->says);
    }
    return hm_finding_print(
        out, "the system's log says that it ended with error %u (%s), and %s",
        (unsigned)failure->code, failure->error->says,
        service->exit_code == 0
            ? "its state shows no error: whether it was started again since then, and stopped in "
              "order, is not known"
            : hm_finding_print(out, "its state shows another error (%u)",
                               (unsigned)service->exit_code));
}

static void put_failed(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       const struct hm_need *need, const struct hm_service *service)
{
    struct hm_port_failure failure = {.error = NULL};
    const bool by_port = hm_port_failure_of(ctx->facts, service, &failure);
    struct hm_finding *finding = put(ctx, out, need, service);
    const bool reserved = failure.error != NULL && failure.error->reserved;

    finding->severity = failure.error != NULL && failure.error->certain ? HM_SEVERITY_HIGH
                        : told_by(need) == HM_EXPOSED || by_port        ? HM_SEVERITY_MEDIUM
                                                                        : HM_SEVERITY_LOW;
    finding->text = hm_finding_print(
        out, "%s: %s. %s%s", state_of(out, service),
        by_port ? reason_of(out, service, &failure)
        : has_failed(ctx, service)
            ? "the system's log says that it failed"
            : hm_finding_print(out, "it ended with error %u", (unsigned)service->exit_code),
        seen_of(need, &failure),
        !by_port ? "."
        : reserved
            ? ": what reserved it may be gone or be in no list, or the service is configured for "
              "another port."
            : ": what had it may be gone, or the service is configured for another port.");
    finding->text =
        hm_finding_print(out, "%s%s", finding->text, consequence_of(ctx, need, service));
    put_remedy(ctx, out, finding, need, service);
    if (reserved) {
        (void)hm_remedy_step(out, finding, HM_STEP_DECIDE, RESERVED_UNSEEN);
    }
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

/* The port that an event of the service names, and who has it now; "" when none names one. */
static const char *told_port(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                             const struct hm_service *service)
{
    const struct hm_event_counts *events = ctx->input->events;
    const struct hm_sockets *sockets = ctx->input->sockets;
    uint16_t port = 0;

    for (size_t i = 0; events != NULL && i < events->count && port == 0; i++) {
        if (hm_str_equal_nocase(events->at[i].provider, service->name) &&
            !hm_service_event_port(&events->at[i], &port)) {
            port = 0;
        }
    }
    for (size_t i = 0; port != 0 && sockets != NULL && i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];

        if (socket->protocol == HM_TCP && socket->port == port &&
            !hm_socket_state_lingers(socket->state)) {
            return hm_finding_print(out, "TCP %u, which %s%s%s%s has now", (unsigned)port,
                                    hm_str_equal(socket->program, "")
                                        ? "a program without a name here"
                                        : socket->program,
                                    hm_str_equal(socket->service, "") ? "" : " (service ",
                                    socket->service, hm_str_equal(socket->service, "") ? "" : ")");
        }
    }
    return port == 0
               ? ""
               : hm_finding_print(out, "TCP %u, which nobody is seen to have now", (unsigned)port);
}

/* Where the system keeps what the service said, at the end of a sentence. */
static const char *log_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                          const struct hm_service *service)
{
    return ctx->facts->linux_host
               ? hm_finding_print(out, "the journal (\"journalctl -b -u %s\").", service->name)
               : "its events in the event log.";
}

/* Where to look for the port, and what then. */
static const char *advice_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                             const struct hm_service *service)
{
    const bool excluded = !ctx->facts->legacy && !ctx->facts->linux_host;
    const char *told = told_port(ctx, out, service);

    if (told[0] != '\0') {
        return hm_finding_print(
            out,
            "An event of %s names the port: %s. See \"%s\"%s for who has it, free it, exclude it "
            "from the dynamic range where it lies inside, and start the service. Then describe the "
            "service in a catalogue file of your own, so that its port is judged before the next "
            "start; an installed agent learns the port by itself once the service has run.",
            service->name, told, hm_remedy_list_sockets(ctx),
            excluded ? " and \"netsh int ipv4 show excludedportrange protocol=tcp\"" : "");
    }
    return hm_finding_print(
        out,
        "Find the port that %s needs: in its own configuration and log, or in %s%s Look who has it "
        "with \"%s\"%s, free it and start the service. Then describe "
        "the service in a catalogue file of your own, so that its port is judged before the next "
        "start; an installed agent learns the port by itself once the service has run.",
        service->name, log_of(ctx, out, service), place_of(service), hm_remedy_list_sockets(ctx),
        excluded ? " and \"netsh int ipv4 show excludedportrange protocol=tcp\"" : "");
}

/* Nobody knows its ports: what it says itself counts. */
static void put_unknown(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                        const struct hm_service *service)
{
    struct hm_port_failure failure = {.error = NULL};
    const bool by_port = hm_port_failure_of(ctx->facts, service, &failure);
    const char *told;
    struct hm_finding *finding =
        hm_finding_put(out, hm_finding_print(out, "service %s", service->name));

    hm_finding_evidence(out, finding, "service", service->name);
    hm_finding_evidence(out, finding, "start", hm_service_start_names[service->start]);
    hm_finding_evidence(out, finding, "program", service->program);
    hm_finding_evidence(out, finding, "exit_code",
                        hm_finding_print(out, "%u", (unsigned)service->exit_code));
    put_events(ctx, out, finding, service);
    if (!by_port) {
        finding->severity = HM_SEVERITY_LOW;
        finding->text = hm_finding_print(
            out,
            "%s: it ended with error %u. Which port it needs is not known here, nor whether one "
            "was taken.",
            state_of(out, service), (unsigned)service->exit_code);
        hm_remedy_decide(out, finding,
                         hm_finding_print(out,
                                          "Read why it ended: in the log of %s or in %s "
                                          "When a port was the reason, describe the service "
                                          "in a catalogue file of your own.",
                                          service->name, log_of(ctx, out, service)));
        return;
    }
    finding->severity =
        failure.error == NULL || failure.error->certain ? HM_SEVERITY_HIGH : HM_SEVERITY_MEDIUM;
    told = told_port(ctx, out, service);
    finding->text = hm_finding_print(
        out, "%s: %s. %s%s.", state_of(out, service), reason_of(out, service, &failure),
        told[0] != '\0' ? "Its event names the port: "
                        : "Which port that is, is not known here: neither the catalogue nor the "
                          "port book has a port of it that is held now",
        told);
    hm_remedy_decide(out, finding, advice_of(ctx, out, service));
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

/* A cluster may have started it on another node; one that nobody has started ended with nothing. A
 * triggered service that ended with another error does so when it finds nothing to do; of a manual
 * one, the person who started it has seen the error. */
static bool is_telling(const struct hm_finding_ctx *ctx, const struct hm_service *service)
{
    struct hm_port_failure failure = {.error = NULL};
    const bool by_port = hm_port_failure_of(ctx->facts, service, &failure);

    if (!hm_service_is_wanted(service) || service->start == HM_START_CLUSTER ||
        !service->has_runs || service->runs || !(by_port || hm_service_has_failed(service))) {
        return false;
    }
    switch (service->start) {
    case HM_START_TRIGGERED:
        return failure.error != NULL;
    case HM_START_MANUAL:
        return failure.error != NULL && failure.error->certain;
    default:
        return true;
    }
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

static void put_one(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                    const struct hm_need *need, const struct hm_service *service)
{
    struct hm_port_failure failure = {.error = NULL};
    const bool by_port = hm_port_failure_of(ctx->facts, service, &failure);

    if (told_by(need) == HM_BLOCKED) {
        put_blocked(ctx, out, need, service);
    } else if (need->rival_of == service && told_by(need) == HM_UNKNOWN) {
        put_rival(ctx, out, need, service);
    } else if (by_port || (service->start != HM_START_TRIGGERED && has_failed(ctx, service)) ||
               is_telling(ctx, service)) {
        put_failed(ctx, out, need, service);
    }
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    static const enum hm_verdict_state worst_first[] = {HM_BLOCKED, HM_EXPOSED, HM_UNKNOWN,
                                                        HM_SAFE};
    const struct hm_service *service;

    /* Of one service the worst requirement speaks. */
    for (size_t state = 0; state < HM_COUNT(worst_first); state++) {
        for (size_t i = 0; i < ctx->count; i++) {
            const struct hm_need *need = &ctx->needs[i];
            size_t at = 0;

            if ((need->product == NULL && !need->remembered && !need->configured) ||
                hm_need_is_own(need) || told_by(need) != worst_first[state]) {
                continue;
            }
            while ((service = hm_need_next_down(ctx->facts, need, false, &at)) != NULL) {
                put_one(ctx, out, need, service);
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
