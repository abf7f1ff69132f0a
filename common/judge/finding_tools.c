/* common/judge/finding_tools.c — what every finding kind uses to put its findings together.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kind.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/judge/holders.h"
#include "common/judge/remedy.h"
#include "common/judge/service_events.h"

static void fail(struct hm_finding_list *list, enum hm_status status)
{
    if (list->status == HM_OK) {
        list->status = status;
    }
}

void hm_finding_finish_last(struct hm_finding_list *list)
{
    if (list->open) {
        hm_remedy_seal(list, &list->at[list->count - 1]);
    }
    list->open = false;
}

struct hm_finding *hm_finding_put(struct hm_finding_list *list, const char *subject)
{
    struct hm_finding *finding = &list->spare;

    hm_finding_finish_last(list);
    if (list->count >= HM_LIMIT_FINDINGS) {
        fail(list, HM_ETOOBIG);
    } else if (hm_arena_grow(list->arena, (void **)&list->at, list->count, &list->cap,
                             sizeof(*list->at)) != 0) {
        fail(list, HM_ENOMEM);
    } else {
        finding = &list->at[list->count++];
        list->open = true;
    }
    memset(finding, 0, sizeof(*finding));
    finding->kind = list->kind->name;
    finding->severity = list->kind->severity;
    finding->subject = subject;
    finding->fingerprint = "";
    finding->text = "";
    finding->remedy = "";
    return finding;
}

static const char *kept(struct hm_finding_list *list, const char *text)
{
    if (text == NULL) {
        fail(list, HM_ENOMEM);
        return "";
    }
    return text;
}

const char *hm_finding_print(struct hm_finding_list *list, const char *fmt, ...)
{
    char text[HM_LIMIT_TEXT_BYTES];
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (len >= (int)sizeof(text)) {
        size_t end = sizeof(text) - 1;

        while (end > 0 && ((unsigned char)text[end - 1] & 0xc0) == 0x80) {
            end--; /* not inside a character */
        }
        end -= end > 0 && ((unsigned char)text[end - 1] & 0xc0) == 0xc0;
        text[end] = '\0';
    }
    return kept(list, hm_arena_strdup(list->arena, text));
}

const char *hm_finding_line(struct hm_finding_list *list, struct hm_line *line)
{
    return kept(list, hm_line_text(line, list->arena));
}

const char *hm_finding_list_ports(struct hm_finding_list *list, struct hm_ports ports)
{
    struct hm_line line;

    hm_line_init(&line);
    hm_line_put_ports(&line, ports);
    return hm_finding_line(list, &line);
}

const char *hm_finding_ports(struct hm_finding_list *list, enum hm_protocol protocol,
                             struct hm_ports ports)
{
    struct hm_line line;

    hm_line_init(&line);
    hm_line_put(&line, hm_protocol_names[protocol]);
    hm_line_put(&line, " ");
    hm_line_put_ports(&line, ports);
    return hm_finding_line(list, &line);
}

/* hm_arena_grow begins with room for eight and doubles: the count alone says when it is full. */
static bool is_full(size_t count)
{
    return count == 0 || (count >= 8 && (count & (count - 1)) == 0);
}

void hm_finding_evidence(struct hm_finding_list *list, struct hm_finding *finding, const char *name,
                         const char *value)
{
    struct hm_evidence_list *evidence = &finding->evidence;

    if (value == NULL || value[0] == '\0' || evidence->count >= HM_LIMIT_EVIDENCE) {
        return;
    }
    if (is_full(evidence->count)) {
        size_t cap = evidence->count;

        if (hm_arena_grow(list->arena, (void **)&evidence->at, evidence->count, &cap,
                          sizeof(*evidence->at)) != 0) {
            fail(list, HM_ENOMEM);
            return;
        }
    }
    evidence->at[evidence->count++] = (struct hm_evidence){name, value};
}

void hm_port_bag_put(struct hm_finding_list *list, struct hm_port_bag *bag, struct hm_ports ports)
{
    for (size_t i = 0; i < ports.count; i++) {
        if (hm_arena_grow(list->arena, (void **)&bag->at, bag->count, &bag->cap,
                          sizeof(*bag->at)) != 0) {
            fail(list, HM_ENOMEM);
            return;
        }
        bag->at[bag->count++] = ports.at[i];
    }
}

struct hm_ports hm_port_bag_set(struct hm_finding_list *list, const struct hm_port_bag *bag)
{
    struct hm_ports out = {NULL, 0};

    if (bag->count > 0 &&
        hm_ports_from_ranges(bag->at, bag->count, list->arena, &out, NULL) != HM_OK) {
        fail(list, HM_ENOMEM);
    }
    return out;
}

struct hm_ports hm_finding_union(struct hm_finding_list *list, struct hm_ports a, struct hm_ports b)
{
    struct hm_ports out = {NULL, 0};
    enum hm_status st = hm_ports_union(a, b, list->arena, &out, NULL);

    if (st != HM_OK) {
        fail(list, st == HM_ETOOBIG ? HM_ENOMEM : st);
    }
    return out;
}

struct hm_ports hm_finding_without(struct hm_finding_list *list, struct hm_ports a,
                                   struct hm_ports b)
{
    struct hm_ports out = {NULL, 0};
    enum hm_status st = hm_ports_subtract(a, b, list->arena, &out, NULL);

    if (st != HM_OK) {
        fail(list, st == HM_ETOOBIG ? HM_ENOMEM : st);
    }
    return out;
}

struct hm_ports hm_finding_common(struct hm_finding_list *list, struct hm_ports a,
                                  struct hm_ports b)
{
    struct hm_ports out = {NULL, 0};
    enum hm_status st = hm_ports_intersect(a, b, list->arena, &out, NULL);

    if (st != HM_OK) {
        fail(list, st == HM_ETOOBIG ? HM_ENOMEM : st);
    }
    return out;
}

bool hm_need_is_own(const struct hm_need *need)
{
    return need->product != NULL && (hm_str_equal(need->product->id, "havenmaster-collector") ||
                                     hm_str_equal(need->product->id, "havenmaster-agent"));
}

const char *hm_need_dynamic_port_note(const struct hm_need *need)
{
    const struct hm_strings *services = &need->requirement->detect.services;

    return need->product == NULL && services->count > 0 &&
                   hm_str_glob_nocase("MSSQL$*", services->at[0])
               ? " When its port is set as dynamic, it takes another one instead."
               : "";
}

static bool is_exposed(const struct hm_need_stack *stack)
{
    return stack->judged && stack->state == HM_EXPOSED;
}

bool hm_need_is_family_gap(const struct hm_finding_ctx *ctx, const struct hm_need *need)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_need_stack *stack = &need->stacks[i];
        enum hm_family other = i == 0 ? HM_IPV6 : HM_IPV4;

        if (need->verdict.state == HM_EXPOSED && is_exposed(stack) && need->stacks[1 - i].judged &&
            !is_exposed(&need->stacks[1 - i]) &&
            hm_ports_covers(hm_facts_stack(ctx->facts, need->verdict.protocol, other)->administered,
                            stack->at_risk)) {
            return true;
        }
    }
    return false;
}

bool hm_need_is_protocol_gap(const struct hm_finding_ctx *ctx, const struct hm_need *need)
{
    enum hm_protocol other = need->verdict.protocol == HM_TCP ? HM_UDP : HM_TCP;

    if (need->verdict.state != HM_EXPOSED || ctx->facts->linux_host || ctx->facts->legacy) {
        return false; /* one list serves both protocols there */
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, other, i == 0 ? HM_IPV4 : HM_IPV6);

        if (is_exposed(&need->stacks[i]) &&
            !hm_ports_covers(stack->administered, need->stacks[i].at_risk)) {
            return false;
        }
    }
    return true;
}

static void describe_ranges(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                            struct hm_finding *finding, const struct hm_need *need)
{
    for (unsigned i = 0; i < 2; i++) {
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, need->verdict.protocol, family);

        if (need->stacks[i].judged && stack->has_dynamic) {
            hm_finding_evidence(
                list, finding, "dynamic_range",
                hm_finding_print(list, "%s/%s %u-%u", hm_protocol_names[need->verdict.protocol],
                                 hm_family_names[family], (unsigned)stack->dynamic.first,
                                 (unsigned)stack->dynamic.last));
        }
    }
}

void hm_finding_describe_holder(struct hm_finding_list *list, struct hm_finding *finding,
                                const struct hm_holder *holder)
{
    finding->counts = true; /* another process id alone is no change */
    hm_finding_evidence(list, finding, "holder", holder->program);
    hm_finding_evidence(list, finding, "holder_service", holder->service);
    hm_finding_evidence(list, finding, "holder_state", hm_socket_state_names[holder->state]);
    hm_finding_evidence(list, finding, "holder_port",
                        hm_finding_print(list, "%u", (unsigned)holder->port));
    hm_finding_evidence(list, finding, "holder_remote", holder->remote);
    if (holder->pid != 0) {
        hm_finding_evidence(list, finding, "holder_pid",
                            hm_finding_print(list, "%u", (unsigned)holder->pid));
    }
}

void hm_finding_describe_event(struct hm_finding_list *list, struct hm_finding *finding,
                               const struct hm_event_count *event)
{
    const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);
    uint16_t port;

    if (row == NULL) {
        return;
    }
    finding->counts = true;
    hm_finding_evidence(
        list, finding, "event",
        hm_finding_print(
            list, "%s %u, %u time%s since the boot: %s%s", event->provider, (unsigned)event->id,
            (unsigned)event->count, event->count == 1 ? "" : "s", row->says,
            row->by_port && !hm_service_event_port(event, &port) ? " (no port is recorded with it)"
                                                                 : ""));
}

/* Does another requirement of the product say why the event came? */
static bool is_blocked_beside(const struct hm_finding_ctx *ctx, const struct hm_need *need)
{
    for (size_t i = 0; need->product != NULL && i < ctx->count; i++) {
        const struct hm_need *other = &ctx->needs[i];

        if (other != need && other->product == need->product &&
            other->verdict.state == HM_BLOCKED) {
            return true;
        }
    }
    return false;
}

/* An event that names a port is about that port. One that names none may be about any of the
 * product, but for those that are free while another one is not. */
static bool is_about_port(const struct hm_finding_ctx *ctx, const struct hm_event_count *event,
                          const struct hm_need *need)
{
    uint16_t port;

    if (hm_service_event_port(event, &port)) {
        return hm_ports_contains(need->verdict.ports, port);
    }
    return need->verdict.state != HM_EXPOSED || !is_blocked_beside(ctx, need);
}

/* What the system's logs say of the product and of its services that are down. */
static void describe_events(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                            struct hm_finding *finding, const struct hm_need *need)
{
    const struct hm_event_counts *events = ctx->input->events;
    const char *product = need->product == NULL ? "" : need->product->id;

    for (size_t i = 0; events != NULL && i < events->count; i++) {
        const struct hm_event_count *event = &events->at[i];
        const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);
        bool concerns = hm_service_event_concerns(event, "", product);
        const struct hm_service *service;
        size_t at = 0;

        while (!concerns && (service = hm_need_next_down(ctx->facts, need, false, &at)) != NULL) {
            concerns = hm_service_event_concerns(event, service->name, product);
        }
        concerns = concerns || (row != NULL && row->kind == HM_KIND_HTTPSYS &&
                                need->verdict.kind == HM_KIND_HTTPSYS);
        if ((concerns && is_about_port(ctx, event, need)) || event == need->lost) {
            hm_finding_describe_event(list, finding, event);
        }
    }
}

void hm_finding_describe(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                         struct hm_finding *finding, const struct hm_need *need)
{
    const struct hm_verdict *verdict = &need->verdict;
    struct hm_line line;

    hm_finding_evidence(list, finding, "requirement", verdict->title);
    hm_line_init(&line);
    hm_line_put_names(&line, verdict->families.at, verdict->families.count);
    hm_finding_evidence(list, finding, "families", hm_finding_line(list, &line));
    describe_ranges(ctx, list, finding, need);
    if (verdict->has_odds) {
        finding->counts = true;
        hm_line_init(&line);
        if (verdict->odds > 0) {
            hm_line_put(&line, verdict->odds_of_each ? "each port " : "");
            hm_line_put(&line, verdict->odds_at_least ? "at least " : "");
            hm_line_put_odds(&line, verdict->odds);
        } else {
            hm_line_put(&line, hm_need_is_in_use(need) ? "somebody has it now"
                                                       : "nothing has taken it yet");
        }
        hm_finding_evidence(list, finding, "odds", hm_finding_line(list, &line));
    }
    if (verdict->has_holder) {
        hm_finding_describe_holder(list, finding, &verdict->holder);
    }
    describe_events(ctx, list, finding, need);
    hm_finding_evidence(list, finding, "source", need->requirement->source);
    if (need->requirement->ports_by != NULL) {
        hm_finding_evidence(list, finding, "ports_known_by", need->requirement->ports_by);
    }
}

#define HOLDERS_SHOWN 3

const char *hm_finding_holders(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                               struct hm_finding *finding, enum hm_protocol protocol,
                               uint32_t in_use)
{
    struct hm_port_holder holders[HOLDERS_SHOWN];
    size_t count = 0;
    enum hm_status st =
        hm_holders_list(ctx->facts, protocol, list->arena, holders, HOLDERS_SHOWN, &count, NULL);

    if (st != HM_OK) {
        fail(list, st);
        return "";
    }
    for (size_t i = 0; i < count; i++) {
        hm_finding_evidence(list, finding, "holder",
                            hm_finding_print(list, "%s: %u port%s", holders[i].name,
                                             (unsigned)holders[i].ports,
                                             holders[i].ports == 1 ? "" : "s"));
    }
    if (count == 0 || in_use == 0) {
        return "";
    }
    if (2 * holders[0].ports <= in_use) {
        return hm_finding_print(list, " The largest part (%u) %s.", (unsigned)holders[0].ports,
                                hm_str_equal(holders[0].name, "TIME_WAIT")
                                    ? "waits in TIME_WAIT, without an owner"
                                    : hm_finding_print(list, "is held by %s", holders[0].name));
    }
    if (hm_str_equal(holders[0].name, "TIME_WAIT")) {
        return hm_finding_print(list,
                                " Most of them (%u) wait in TIME_WAIT after connections that were "
                                "closed; they have no owner.",
                                (unsigned)holders[0].ports);
    }
    return hm_finding_print(list, " Most of them (%u) %s held by %s.", (unsigned)holders[0].ports,
                            holders[0].ports == 1 ? "is" : "are", holders[0].name);
}
