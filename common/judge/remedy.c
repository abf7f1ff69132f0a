/* common/judge/remedy.c — the exact commands that cure a finding, for the system it is about.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/reserved_ports.h"

/* Nobody types this: hundreds of ports. */
#define TOO_LONG                                                                                   \
    "Reserve the ports that the findings of this host name, beside those that are reserved now; "  \
    "together they are too many for one command line."
#define SYSCTL_NAME "net.ipv4.ip_local_reserved_ports"
#define SYSCTL_FILE "/etc/sysctl.d/99-reserved-ports.conf"
#define RANGE_MIN_PORTS 4096u /* a smaller dynamic range would soon be exhausted */
#define SERVICE_NAME_BYTES 128u

/* What an exclusion needs to be written for one system. */
struct wanted {
    const struct hm_finding_ctx *ctx;
    struct hm_finding_list *list;
    struct hm_finding *finding;
    enum hm_protocol protocol;
    const struct hm_ports *missing; /* by family */
    const char *lead;
};

static bool is_plain(const char *name)
{
    size_t len = name == NULL ? 0 : strlen(name);

    return len > 0 && len <= SERVICE_NAME_BYTES && name[0] != '-' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._@$-") ==
               len;
}

bool hm_remedy_service(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_finding *finding, const char *verb, const char *service)
{
    const char *quote = service != NULL && strchr(service, ' ') != NULL ? "\"" : "";

    if (!is_plain(service) || (ctx->facts->linux_host && strpbrk(service, " $") != NULL)) {
        return false;
    }
    hm_finding_command(list, finding, "%s %s %s%s%s", ctx->facts->linux_host ? "systemctl" : "net",
                       verb, quote, service, quote);
    return true;
}

bool hm_remedy_may_exclude(const struct hm_finding_ctx *ctx, const struct hm_need *need)
{
    static const bool breaks[HM_KIND_COUNT] = {
        [HM_KIND_HTTPSYS] = true,
        [HM_KIND_QUIC] = true,
        [HM_KIND_CONTAINER] = true,
        [HM_KIND_SHARED] = true,
    };

    if (ctx->facts->linux_host || ctx->facts->legacy) {
        return true; /* reserved ports hinder no explicit bind there */
    }
    return !breaks[need->verdict.kind] &&
           (need->requirement->safe_to_exclude != HM_EXCLUDE_NO || need->product == NULL);
}

static const char *join(struct hm_finding_list *list, const char *lead, const char *text)
{
    return lead[0] == '\0' ? text : hm_finding_print(list, "%s %s", lead, text);
}

/* The list as one word; NULL when it is too long for a command. */
static const char *whole_list(struct hm_finding_list *list, struct hm_ports ports)
{
    const char *text = hm_ports_text(ports, list->arena);

    if (text == NULL) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
    }
    return text == NULL || strlen(text) > HM_LIMIT_TEXT_BYTES / 2 ? NULL : text;
}

/* The value as reg add takes it: lines parted by \0, neighbours coalesced; NULL when too long. */
static const char *value_text(struct hm_finding_list *list, struct hm_ports ports)
{
    struct hm_strings lines;
    struct hm_line text;

    if (hm_reserved_ports_format(ports, list->arena, &lines, NULL) != HM_OK) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
        return NULL;
    }
    hm_line_init(&text);
    for (size_t i = 0; i < lines.count; i++) {
        hm_line_put(&text, i == 0 ? "" : "\\0");
        hm_line_put(&text, lines.at[i]);
    }
    return text.cut ? NULL : hm_finding_line(list, &text);
}

/* Where a write replaces the whole list, every finding's command names the ports of all of them:
 * whichever is run, and in whatever order, none undoes another. */
static struct hm_ports add_at_risk(const struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    struct hm_range *ranges;
    struct hm_ports all = {NULL, 0};
    size_t room = 0;
    size_t count = 0;

    for (size_t i = 0; i < ctx->count; i++) {
        room += ctx->needs[i].verdict.at_risk.count;
    }
    ranges = hm_arena_alloc(list->arena, room, sizeof(*ranges));
    if (ranges == NULL) {
        list->status = HM_ENOMEM;
        return all;
    }
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_verdict *verdict = &ctx->needs[i].verdict;

        if (verdict->reason == HM_REASON_IN_DYNAMIC || verdict->reason == HM_REASON_HELD) {
            memcpy(ranges + count, verdict->at_risk.at, verdict->at_risk.count * sizeof(*ranges));
            count += verdict->at_risk.count;
        }
    }
    if (hm_ports_from_ranges(ranges, count, list->arena, &all, NULL) != HM_OK) {
        list->status = HM_ENOMEM;
    }
    return all;
}

enum hm_status hm_remedy_prepare(struct hm_finding_ctx *ctx, struct hm_err *err)
{
    struct hm_finding_list list = {.arena = ctx->arena, .status = HM_OK};

    if (!ctx->facts->linux_host && !ctx->facts->legacy) {
        return HM_OK; /* rows are added one by one there */
    }
    ctx->reserve = add_at_risk(ctx, &list);
    if (ctx->facts->legacy) {
        ctx->reserve = hm_finding_union(&list, ctx->reserve, hm_remedy_listed(ctx, &list));
    }
    for (unsigned i = 0; ctx->facts->linux_host && i < HM_STACK_COUNT; i++) {
        ctx->reserve = hm_finding_union(&list, ctx->reserve, ctx->facts->stacks[i].administered);
    }
    ctx->reserve_text =
        ctx->facts->legacy ? value_text(&list, ctx->reserve) : whole_list(&list, ctx->reserve);
    if (list.status != HM_OK) {
        return hm_fail(err, list.status, "no memory for the remedies of a host");
    }
    return HM_OK;
}

static bool is_in_reserve(const struct wanted *wanted)
{
    return hm_ports_covers(wanted->ctx->reserve, wanted->missing[0]) &&
           hm_ports_covers(wanted->ctx->reserve, wanted->missing[1]);
}

static struct hm_ports add_missing(const struct wanted *wanted)
{
    struct hm_finding_list *list = wanted->list;

    if (is_in_reserve(wanted)) {
        return wanted->ctx->reserve;
    }
    return hm_finding_union(list, wanted->ctx->reserve,
                            hm_finding_union(list, wanted->missing[0], wanted->missing[1]));
}

static void exclude_linux(const struct wanted *wanted)
{
    struct hm_finding_list *list = wanted->list;
    const char *text =
        is_in_reserve(wanted) ? wanted->ctx->reserve_text : whole_list(list, add_missing(wanted));

    wanted->finding->remedy = join(
        list, wanted->lead,
        text == NULL
            ? TOO_LONG
            : "Reserve the ports. As a write replaces the whole list, the one below has what is "
              "reserved now and every port of this host that is at risk. It works at once and the "
              "file keeps it; make sure that no other file sets the same name.");
    if (text != NULL) {
        hm_finding_command(list, wanted->finding, "sysctl -w %s=%s", SYSCTL_NAME, text);
        hm_finding_command(list, wanted->finding, "echo '%s = %s' > %s", SYSCTL_NAME, text,
                           SYSCTL_FILE);
    }
}

struct hm_ports hm_remedy_listed(const struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    const struct hm_registry *registry = &ctx->input->inventory->registry;
    struct hm_ports all = {NULL, 0};

    if (!ctx->input->inventory->has_registry || !registry->has_reserved_ports) {
        return all;
    }
    for (size_t i = 0; i < registry->reserved_ports.count; i++) {
        const char *line = registry->reserved_ports.at[i];
        struct hm_span text = hm_str_trim(line, strlen(line));
        struct hm_ports one;

        if (text.len > 0 && hm_ports_parse(text.at, text.len, list->arena, &one, NULL) == HM_OK) {
            all = hm_finding_union(list, all, one);
        }
    }
    return all;
}

static void exclude_legacy(const struct wanted *wanted)
{
    struct hm_finding_list *list = wanted->list;
    const char *text =
        is_in_reserve(wanted) ? wanted->ctx->reserve_text : value_text(list, add_missing(wanted));
    wanted->finding->remedy = join(
        list, wanted->lead,
        "Reserve the ports in the registry: the value below keeps the lines that are there and "
        "has every port of this host that is at risk, neighbours as one range (on separate "
        "lines only the first is reserved). It works after a reboot.");
    wanted->finding->needs_reboot = true;
    if (text != NULL) {
        hm_finding_command(list, wanted->finding,
                           "reg add %s /v ReservedPorts /t REG_MULTI_SZ /d \"%s\" /f",
                           HM_REMEDY_TCPIP_KEY, text);
    }
}

/* The services that listen on the ports now: netsh refuses a block with a busy port. */
static size_t find_busy(const struct wanted *wanted, const char *names[], size_t room,
                        bool *out_nameless)
{
    const struct hm_facts *facts = wanted->ctx->facts;
    size_t count = 0;

    *out_nameless = false;
    for (unsigned i = 0; i < 2; i++) {
        struct hm_port_cursor cursor = {0, 0, 0};
        const struct hm_listener *listener;

        while ((listener = hm_facts_next_listener(facts, wanted->protocol, wanted->missing[i],
                                                  &cursor)) != NULL) {
            size_t at = 0;

            if (!is_plain(listener->service)) {
                *out_nameless = true;
                continue;
            }
            while (at < count && !hm_str_equal_nocase(names[at], listener->service)) {
                at++;
            }
            if (at == count && count < room) {
                names[count++] = listener->service;
            }
        }
    }
    return count;
}

static void add_exclusions(const struct wanted *wanted)
{
    for (unsigned i = 0; i < 2; i++) {
        for (size_t at = 0; at < wanted->missing[i].count; at++) {
            struct hm_range range = wanted->missing[i].at[at];

            hm_finding_command(wanted->list, wanted->finding,
                               "netsh int %s add excludedportrange protocol=%s startport=%u "
                               "numberofports=%u store=persistent",
                               hm_family_names[i], hm_protocol_names[wanted->protocol],
                               (unsigned)range.first, (unsigned)hm_range_count(range));
        }
    }
}

static bool is_unsupported(const struct hm_facts *facts)
{
    bool any = false;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        any = any || facts->stacks[i].unsupported;
    }
    return any;
}

static void exclude_modern(const struct wanted *wanted)
{
    struct hm_finding_list *list = wanted->list;
    const char *busy[4];
    bool nameless;
    size_t count = find_busy(wanted, busy, HM_COUNT(busy), &nameless);
    bool unsupported = is_unsupported(wanted->ctx->facts);
    struct hm_line line;

    hm_line_init(&line);
    hm_line_put(&line, wanted->lead);
    hm_line_put(&line, wanted->lead[0] == '\0' ? "" : " ");
    if (unsupported) {
        hm_line_put(&line, "Install hotfix KB2665809 and reboot first: without it this system has "
                           "no such command. ");
        wanted->finding->needs_reboot = true;
    }
    hm_line_put(&line, "Exclude the ports from the dynamic range, in each family that lacks it; it "
                       "works at once and survives reboots.");
    if (count > 0 || nameless) {
        hm_line_put(&line, " netsh refuses a port that is in use, even by its own service: stop ");
        hm_line_put_names(&line, busy, count);
        hm_line_put(&line, count > 0 && nameless ? " and what else listens there" : "");
        hm_line_put(&line, count == 0 ? "what listens there" : "");
        hm_line_put(&line, " for the moment.");
    }
    wanted->finding->remedy = hm_finding_line(list, &line);
    for (size_t i = 0; i < count; i++) {
        (void)hm_remedy_service(wanted->ctx, list, wanted->finding, "stop", busy[i]);
    }
    add_exclusions(wanted);
    for (size_t i = count; i > 0; i--) {
        (void)hm_remedy_service(wanted->ctx, list, wanted->finding, "start", busy[i - 1]);
    }
}

void hm_remedy_exclude(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_finding *finding, enum hm_protocol protocol,
                       const struct hm_ports missing[2], const char *lead)
{
    const struct wanted wanted = {ctx, list, finding, protocol, missing, lead};

    if (ctx->facts->linux_host) {
        exclude_linux(&wanted);
    } else if (ctx->facts->legacy) {
        exclude_legacy(&wanted);
    } else {
        exclude_modern(&wanted);
    }
}

void hm_remedy_set_range(struct hm_finding_list *list, struct hm_finding *finding,
                         enum hm_protocol protocol, enum hm_family family, struct hm_range range)
{
    hm_finding_command(list, finding,
                       "netsh int %s set dynamicportrange protocol=%s startport=%u "
                       "numberofports=%u store=persistent",
                       hm_family_names[family], hm_protocol_names[protocol], (unsigned)range.first,
                       (unsigned)hm_range_count(range));
}

/* The system's default when that is off the ports, else the larger side of them. */
static bool pick_range(const struct hm_finding_ctx *ctx, struct hm_ports ports,
                       struct hm_range *out_range)
{
    struct hm_range range;
    uint32_t first = ports.at[0].first;
    uint32_t last = ports.at[ports.count - 1].last;

    if (!hm_os_default_dynamic(&ctx->input->inventory->os, &range)) {
        return false;
    }
    if (!hm_ports_overlap(ports, (struct hm_ports){&range, 1})) {
        *out_range = range;
        return true;
    }
    if (range.last >= last + RANGE_MIN_PORTS) {
        *out_range = (struct hm_range){(uint16_t)(last + 1), range.last};
        return true;
    }
    if (first >= range.first + RANGE_MIN_PORTS) {
        *out_range = (struct hm_range){range.first, (uint16_t)(first - 1)};
        return true;
    }
    return false;
}

void hm_remedy_move(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                    struct hm_finding *finding, enum hm_protocol protocol, struct hm_ports ports,
                    const char *lead)
{
    struct hm_range range;

    finding->remedy =
        join(list, lead,
             "Never exclude this port: its listener would fail at its next start. Move the dynamic "
             "range off it, or the service to a port outside. A moved range also moves the RPC "
             "endpoints, so check firewall rules; WinNAT blocks follow after a reboot.");
    if (ports.count == 0 || !pick_range(ctx, ports, &range)) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, protocol, family);

        if (stack->has_dynamic && hm_ports_overlap(ports, (struct hm_ports){&stack->dynamic, 1})) {
            hm_remedy_set_range(list, finding, protocol, family, range);
        }
    }
}

void hm_remedy_protect(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_finding *finding, const struct hm_need *need, const char *lead)
{
    struct hm_ports missing[2] = {
        {NULL, 0},
        {NULL, 0}
    };

    if (hm_need_is_cured_by_boot(need)) {
        hm_remedy_boot(list, finding);
        return;
    }
    if (!hm_remedy_may_exclude(ctx, need)) {
        hm_remedy_move(ctx, list, finding, need->verdict.protocol, need->verdict.at_risk, lead);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, need->verdict.protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        if (need->stacks[i].judged && need->stacks[i].reason != HM_REASON_OUTSIDE_DYNAMIC) {
            missing[i] = hm_finding_without(list, need->verdict.at_risk, stack->administered);
        }
    }
    hm_remedy_exclude(ctx, list, finding, need->verdict.protocol, missing, lead);
}
