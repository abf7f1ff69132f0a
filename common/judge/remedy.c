/* common/judge/remedy.c — steps of a remedy, and the way from a requirement to them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_scope.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/judge/remedy_known.h"

static void fail(struct hm_finding_list *list)
{
    list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
}

/* hm_arena_grow begins with room for eight and doubles: the count alone says when it is full. */
static bool is_full(size_t count)
{
    return count == 0 || (count >= 8 && (count & (count - 1)) == 0);
}

struct hm_remedy_step *hm_remedy_step(struct hm_finding_list *list, struct hm_finding *finding,
                                      enum hm_step_kind kind, const char *text)
{
    struct hm_remedy_steps *steps = &finding->steps;
    struct hm_remedy_step *step = &list->spare_step;

    if (steps->count >= HM_LIMIT_STEPS) {
        list->cut = true;
    } else if (is_full(steps->count)) {
        size_t cap = steps->count;

        if (hm_arena_grow(list->arena, (void **)&steps->at, steps->count, &cap,
                          sizeof(*steps->at)) != 0) {
            fail(list);
        } else {
            step = &steps->at[steps->count++];
        }
    } else {
        step = &steps->at[steps->count++];
    }
    *step = (struct hm_remedy_step){.kind = kind, .text = text, .precondition = "", .warning = ""};
    return step;
}

void hm_remedy_own_steps(struct hm_finding_list *list, struct hm_finding *finding)
{
    const struct hm_remedy_steps shared = finding->steps;

    finding->steps = (struct hm_remedy_steps){NULL, 0};
    for (size_t i = 0; i < shared.count; i++) {
        *hm_remedy_step(list, finding, shared.at[i].kind, "") = shared.at[i];
    }
}

static void put_command(struct hm_finding_list *list, struct hm_remedy_step *step, const char *text)
{
    struct hm_strings *commands = &step->commands;

    if (commands->count >= HM_LIMIT_COMMANDS) {
        list->cut = true;
        return;
    }
    if (is_full(commands->count)) {
        size_t cap = commands->count;

        if (hm_arena_grow(list->arena, (void **)&commands->at, commands->count, &cap,
                          sizeof(*commands->at)) != 0) {
            fail(list);
            return;
        }
    }
    commands->at[commands->count++] = text;
}

void hm_remedy_command(struct hm_finding_list *list, struct hm_remedy_step *step, const char *fmt,
                       ...)
{
    char text[HM_LIMIT_TEXT_BYTES];
    const char *kept;
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(text)) {
        list->cut = true; /* half a command is worse than none */
        return;
    }
    kept = hm_arena_strdup(list->arena, text);
    if (kept == NULL) {
        fail(list);
        return;
    }
    put_command(list, step, kept);
}

void hm_remedy_commands(struct hm_finding_list *list, struct hm_remedy_step *step,
                        const struct hm_strings *commands)
{
    for (size_t i = 0; i < commands->count; i++) {
        put_command(list, step, commands->at[i]);
    }
}

void hm_remedy_decide(struct hm_finding_list *list, struct hm_finding *finding, const char *text)
{
    finding->remedy = text;
    (void)hm_remedy_step(list, finding, HM_STEP_DECIDE, text);
}

const char *hm_remedy_list_sockets(const struct hm_finding_ctx *ctx)
{
    if (ctx->facts->linux_host) {
        return "ss -tuanp";
    }
    if (ctx->facts->windows >= HM_REMEDY_NETSTAT_Q_SINCE) {
        return "netstat -anoq";
    }
    return ctx->facts->windows == 0 || ctx->facts->windows >= HM_REMEDY_NETSTAT_O_SINCE
               ? "netstat -ano"
               : "netstat -an";
}

void hm_remedy_restart(struct hm_finding_list *list, struct hm_finding *finding, const char *text)
{
    hm_remedy_step(list, finding, HM_STEP_BOOT, text)->warning = list->boot_warning;
}

/* All or nothing: a part of the commands would leave ports open, or services stopped. */
static void drop_steps(struct hm_finding_list *list, struct hm_finding *finding)
{
    finding->steps = (struct hm_remedy_steps){NULL, 0};
    hm_remedy_decide(list, finding,
                     "The commands of this remedy are too many or too long to be typed. Give the "
                     "ports that the findings of this host name to a policy: the agent reserves "
                     "them, beside what is reserved now.");
}

void hm_remedy_seal(struct hm_finding_list *list, struct hm_finding *finding)
{
    size_t room = 0;

    for (size_t i = 0; i < finding->steps.count; i++) {
        room += finding->steps.at[i].commands.count;
    }
    if (list->cut || room > HM_LIMIT_COMMANDS) {
        drop_steps(list, finding);
        room = 0;
    }
    list->cut = false;
    finding->commands.at = hm_arena_alloc(list->arena, room, sizeof(*finding->commands.at));
    if (finding->commands.at == NULL) {
        fail(list);
        return;
    }
    for (size_t i = 0; i < finding->steps.count; i++) {
        const struct hm_remedy_step *step = &finding->steps.at[i];

        for (size_t k = 0; k < step->commands.count; k++) {
            finding->commands.at[finding->commands.count++] = step->commands.at[k];
        }
        finding->needs_reboot = finding->needs_reboot || step->kind == HM_STEP_BOOT;
    }
}

/* ---- services ------------------------------------------------------------------------------ */

const char *hm_remedy_list_services(struct hm_finding_list *list,
                                    const struct hm_service_list *services)
{
    struct hm_line line;

    hm_line_init(&line);
    hm_line_put_names(&line, services->at, services->count);
    return hm_finding_line(list, &line);
}

#define CMD_WARNING "Type it in cmd.exe: PowerShell takes what follows a $ for a variable."

void hm_remedy_service_command(const struct hm_remedy_scope *scope, struct hm_remedy_step *step,
                               const char *verb, const char *service)
{
    const char *quote = hm_service_quote(service);

    hm_remedy_command(scope->list, step, "%s %s %s%s%s",
                      scope->ctx->facts->linux_host ? "systemctl" : "net", verb, quote, service,
                      quote);
    if (!scope->ctx->facts->linux_host && strchr(service, '$') != NULL &&
        (step->warning == NULL || strstr(step->warning, CMD_WARNING) == NULL)) {
        step->warning = step->warning == NULL || step->warning[0] == '\0'
                            ? CMD_WARNING
                            : hm_finding_print(scope->list, "%s " CMD_WARNING, step->warning);
    }
}

/* What is interrupted: what is known of each, or that its clients wait. */
static const char *warn_of(const struct hm_remedy_scope *scope, const struct hm_service_list *stops)
{
    struct hm_service_list others = {.count = 0};
    struct hm_line line;

    hm_line_init(&line);
    for (size_t i = 0; i < stops->count; i++) {
        const char *warning = scope->ctx->facts->linux_host ? "" : hm_service_warning(stops->at[i]);

        if (warning[0] == '\0') {
            hm_service_list_put(&others, stops->at[i]);
        } else {
            hm_line_put(&line, line.len > 0 ? " " : "");
            hm_line_put(&line, warning);
        }
    }
    if (others.count > 0) {
        hm_line_put(&line, line.len > 0 ? " " : "");
        hm_line_put(&line, "Whoever uses ");
        hm_line_put_names(&line, others.at, others.count);
        hm_line_put(&line, others.count > 1 ? " waits until they run again."
                                            : " waits until it runs again.");
    }
    return hm_finding_line(scope->list, &line);
}

void hm_remedy_stop_services(struct hm_remedy_scope *scope, struct hm_finding *finding,
                             const struct hm_service_list *targets, const char *text)
{
    struct hm_service_list order;
    struct hm_service_list dependents = {.count = 0};
    struct hm_service_list named = {.count = 0};
    struct hm_remedy_step *step;
    struct hm_line line;

    hm_service_order(scope->ctx->services, targets, scope->booted, &order);
    if (order.count == 0) {
        return;
    }
    for (size_t i = 0; i < order.count; i++) {
        hm_service_list_put(hm_service_list_has(targets, order.at[i]) ? &named : &dependents,
                            order.at[i]);
    }
    hm_line_init(&line);
    hm_line_put(&line, "Stop ");
    hm_line_put_names(&line, named.at, named.count);
    hm_line_put(&line, ", ");
    hm_line_put(&line, text);
    hm_line_put(&line, ".");
    if (dependents.count > 0) {
        hm_line_put(&line, " What depends on it stops first: ");
        hm_line_put_names(&line, dependents.at, dependents.count);
        hm_line_put(&line, ".");
    }
    step = hm_remedy_step(scope->list, finding, HM_STEP_FREE, hm_finding_line(scope->list, &line));
    step->warning = warn_of(scope, &order);
    for (size_t i = 0; i < order.count; i++) {
        hm_remedy_service_command(scope, step, "stop", order.at[i]);
    }
}

/* Has the start of one of these started it already, as they depend on it? */
static bool is_started(const struct hm_remedy_scope *scope, const struct hm_service_list *started,
                       const char *service)
{
    for (size_t i = 0; i < started->count; i++) {
        if (hm_service_depends_on(scope->ctx->services, started->at[i], service)) {
            return true;
        }
    }
    return false;
}

void hm_remedy_start_services(struct hm_remedy_scope *scope, struct hm_finding *finding,
                              const struct hm_service_list *down,
                              const struct hm_service_list *targets)
{
    const struct hm_service_list none = {.count = 0};
    struct hm_service_list order = none;
    struct hm_remedy_step *step;
    struct hm_line line;
    bool winnat;

    down = down == NULL ? &none : down;
    hm_service_order(scope->ctx->services, targets, scope->booted, &order);
    if (order.count + down->count == 0) {
        return;
    }
    winnat = hm_service_list_has(&order, "winnat"); /* error 32 when another took what it needs */
    hm_line_init(&line);
    hm_line_put(&line, winnat ? "Start winnat again" : "Start ");
    if (down->count > 0) {
        hm_line_put(&line, winnat ? ", then " : "");
        hm_line_put_names(&line, down->at, down->count);
        hm_line_put(&line, down->count == 1 ? ", which is down" : ", which are down");
    }
    if (order.count > (winnat ? 1u : 0u)) {
        hm_line_put(&line, winnat || down->count > 0
                               ? ", then what else was stopped, in the reverse order."
                               : "again what was stopped, in the reverse order.");
    } else {
        hm_line_put(&line, ".");
    }
    step = hm_remedy_step(scope->list, finding, HM_STEP_START, hm_finding_line(scope->list, &line));
    if (winnat) {
        hm_remedy_service_command(scope, step, "start", "winnat");
    }
    for (size_t i = 0; i < down->count; i++) {
        hm_remedy_service_command(scope, step, "start", down->at[i]);
    }
    for (size_t i = order.count; i > 0; i--) {
        if (!hm_str_equal_nocase(order.at[i - 1], "winnat") &&
            !hm_service_list_has(down, order.at[i - 1]) &&
            !is_started(scope, down, order.at[i - 1])) {
            hm_remedy_service_command(scope, step, "start", order.at[i - 1]);
        }
    }
}

/* ---- requirements -------------------------------------------------------------------------- */

bool hm_remedy_may_exclude(const struct hm_finding_ctx *ctx, const struct hm_need *need)
{
    if (ctx->facts->linux_host || ctx->facts->legacy) {
        return true; /* reserved ports hinder no explicit bind there */
    }
    return !hm_kind_forbids_exclusion(need->verdict.kind) &&
           (need->requirement->safe_to_exclude != HM_EXCLUDE_NO || need->product == NULL);
}

static void cure(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    if (scope->ctx->facts->linux_host) {
        hm_remedy_linux(scope, finding);
    } else if (scope->ctx->facts->legacy) {
        hm_remedy_legacy(scope, finding);
    } else {
        hm_remedy_windows(scope, finding);
    }
}

/* Made once for a group: a host may have a thousand findings of one. */
struct hm_remedy_made {
    bool done;
    const char *remedy;
    struct hm_remedy_steps steps;
    bool cut;
};

static struct hm_remedy_made *made_of(const struct hm_finding_ctx *ctx,
                                      struct hm_finding_list *list, const struct hm_need *need)
{
    const struct hm_need *group = hm_remedy_group_of(ctx, need);

    if (group == NULL) {
        return NULL;
    }
    if (list->made == NULL) {
        list->made = hm_arena_alloc(list->arena, ctx->count, sizeof(*list->made));
    }
    if (list->made == NULL) {
        fail(list);
        return NULL;
    }
    if (list->made[group - ctx->needs] == NULL) {
        list->made[group - ctx->needs] =
            hm_arena_alloc(list->arena, 1, sizeof(struct hm_remedy_made));
    }
    return list->made[group - ctx->needs];
}

/* A policy that will do it is named first: who waits for it needs no command. */
static void name_policy(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                        struct hm_finding *finding, const struct hm_need *need, const char *rest)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_policy_mark *mark =
            hm_policy_mark_find(ctx->input->marks, HM_MARK_PORTS, true, need->verdict.protocol,
                                i == 0 ? HM_IPV4 : HM_IPV6, need->requirement->ports);

        if (mark != NULL && need->stacks[i].judged) {
            finding->remedy = hm_finding_print(
                list, "Policy %s will reserve %s %s%s. %s", mark->policy,
                hm_finding_ports(list, need->verdict.protocol,
                                 hm_finding_common(list, mark->ports, need->requirement->ports)),
                mark->when, rest, finding->remedy);
            return;
        }
    }
}

void hm_remedy_protect(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_finding *finding, const struct hm_need *need, const char *lead)
{
    struct hm_remedy_made *made = NULL;

    if (hm_need_is_cured_by_boot(need)) {
        hm_remedy_boot(ctx, list, finding, need->verdict.state == HM_BLOCKED);
        name_policy(ctx, list, finding, need, "");
        return;
    }
    made = made_of(ctx, list, need);
    if (made == NULL || !made->done) {
        struct hm_remedy_scope scope;

        hm_remedy_scope_of(ctx, list, need, &scope);
        cure(&scope, finding);
        if (made != NULL) {
            *made = (struct hm_remedy_made){true, finding->remedy, finding->steps, list->cut};
        }
    } else {
        finding->remedy = made->remedy;
        finding->steps = made->steps;
        list->cut = made->cut;
    }
    if (lead[0] != '\0') {
        finding->remedy = hm_finding_print(list, "%s %s", lead, finding->remedy);
    }
    name_policy(ctx, list, finding, need, "; the steps do it by hand");
}

void hm_remedy_protect_all(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                           struct hm_finding *finding, hm_remedy_meets *meets, const void *arg)
{
    struct hm_remedy_scope scope;

    hm_remedy_scope_of_all(ctx, list, meets, arg, &scope);
    if (scope.count == 0) {
        hm_remedy_boot(ctx, list, finding, false);
    } else {
        cure(&scope, finding);
    }
}
