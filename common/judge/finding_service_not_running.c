/* common/judge/finding_service_not_running.c — a service that starts by itself is down, and its
 * port is the reason, or may have been.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Many services stop in order when there is nothing to do: one that is down is no finding by
 * itself. It is one when it cannot get a port now; and when the system says that it failed. */
#include "common/judge/finding_kinds.h"

#include "common/base/str.h"
#include "common/judge/remedy.h"
#include "common/judge/service_events.h"

/* Windows errors of a bind: access denied by a reservation, address in use; of HTTP.sys. */
static const uint32_t port_errors[] = {10013, 10048, 32};

static bool is_port_error(uint32_t code)
{
    for (size_t i = 0; i < HM_COUNT(port_errors); i++) {
        if (port_errors[i] == code) {
            return true;
        }
    }
    return false;
}

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

/* Of a blocked port the remedy starts what is down by itself. */
static void put_remedy(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       struct hm_finding *finding, const struct hm_need *need)
{
    if (need->verdict.state == HM_BLOCKED) {
        hm_remedy_protect(ctx, out, finding, need, "");
        return;
    }
    finding->remedy = "Start the service; its own log says why it ended.";
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

    finding->text = hm_finding_print(out, "%s starts %s and does not run. %s: %s", service->name,
                                     starts_as(service), need->verdict.title, need->text);
    put_remedy(ctx, out, finding, need);
}

static void put_failed(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       const struct hm_need *need, const struct hm_service *service)
{
    const bool by_port = is_port_error(service->exit_code);
    struct hm_finding *finding = put(ctx, out, need, service);

    finding->severity =
        need->verdict.state == HM_EXPOSED || by_port ? HM_SEVERITY_MEDIUM : HM_SEVERITY_LOW;
    finding->text = hm_finding_print(
        out, "%s starts by itself and does not run: %s. Nothing holds a port that it needs now%s",
        service->name,
        by_port ? "it ended with an error that means a taken port"
                : "the system's log says that it failed",
        need->verdict.state == HM_EXPOSED
            ? ", but any program may be given one again: whoever had it may be gone."
            : ".");
    put_remedy(ctx, out, finding, need);
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_service *service;

    for (unsigned blocked = 2; blocked-- > 0;) { /* of one service the blocked port speaks */
        for (size_t i = 0; i < ctx->count; i++) {
            const struct hm_need *need = &ctx->needs[i];
            size_t at = 0;

            if (need->product == NULL || hm_need_is_own(need) ||
                (need->verdict.state == HM_BLOCKED) != (blocked == 1)) {
                continue;
            }
            while ((service = hm_need_next_down(ctx->facts, need, blocked == 0, &at)) != NULL) {
                if (blocked == 1) {
                    put_blocked(ctx, out, need, service);
                } else if (is_port_error(service->exit_code) || has_failed(ctx, service)) {
                    put_failed(ctx, out, need, service);
                }
            }
        }
    }
}

const struct hm_finding_kind hm_finding_service_not_running = {
    .name = "service_not_running",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .help = "a service that starts by itself is down, and its port is or may be the reason",
};
