/* common/judge/remedy_windows.c — ports kept free on Vista, 2008 and later: exclusions by netsh.
 * SPDX-License-Identifier: Apache-2.0
 *
 * netsh refuses a block of ports when a socket has one of them (error 32, windows-ports 2.3), even
 * the socket of the service that is to be protected. Whether a row of one family holds for the
 * other one, too, is not known (2.7), so a port counts as busy when it is busy in either. */
#include "common/judge/remedy_scope.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/judge/remedy_known.h"

#define ADD                                                                                        \
    "netsh int %s add excludedportrange protocol=%s startport=%u numberofports=%u "                \
    "store=persistent"
#define POLICY_WAITS                                                                               \
    "A policy for these ports does it without a person: the agent adds each exclusion as soon as " \
    "its port is free."

static const enum hm_family families[] = {HM_IPV4, HM_IPV6};

/* The wanted ports of a stack that are blocked like this. */
static struct hm_ports blocked_ports(const struct hm_remedy_scope *scope, enum hm_protocol protocol,
                                     enum hm_family family, enum hm_block block)
{
    return hm_finding_common(scope->list, scope->wanted.of[hm_stack_index(protocol, family)],
                             scope->blocked[protocol][block]);
}

/* The wanted ports of a stack that are free once scope->stop has stopped. */
static struct hm_ports free_ports(const struct hm_remedy_scope *scope, enum hm_protocol protocol,
                                  enum hm_family family)
{
    struct hm_ports ports = scope->wanted.of[hm_stack_index(protocol, family)];

    for (unsigned block = HM_BLOCK_LAST; block < HM_BLOCK_COUNT; block++) {
        ports = hm_finding_without(scope->list, ports, scope->blocked[protocol][block]);
    }
    return ports;
}

static struct hm_stack_ports table_of(const struct hm_remedy_scope *scope, enum hm_block block)
{
    struct hm_stack_ports table;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        enum hm_protocol protocol = i < 2 ? HM_TCP : HM_UDP;

        table.of[i] = block == HM_BLOCK_NONE
                          ? free_ports(scope, protocol, families[i % 2])
                          : blocked_ports(scope, protocol, families[i % 2], block);
    }
    return table;
}

static bool has_ports(const struct hm_stack_ports *table)
{
    bool any = false;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        any = any || table->of[i].count > 0;
    }
    return any;
}

/* "tcp 9933,9955 and udp 4011" */
static const char *list_table(struct hm_finding_list *list, const struct hm_stack_ports *table)
{
    struct hm_line line;
    bool any = false;

    hm_line_init(&line);
    for (unsigned p = 0; p < 2; p++) {
        struct hm_ports ports = hm_finding_union(list, table->of[2 * p], table->of[2 * p + 1]);

        if (ports.count > 0) {
            hm_line_put(&line, any ? " and " : "");
            hm_line_put(&line, hm_finding_ports(list, p == 0 ? HM_TCP : HM_UDP, ports));
            any = true;
        }
    }
    return hm_finding_line(list, &line);
}

struct hm_remedy_step *hm_remedy_reserve(struct hm_finding_list *list, struct hm_finding *finding,
                                         const struct hm_stack_ports *ports)
{
    struct hm_remedy_step *step;

    if (!has_ports(ports)) {
        return NULL;
    }
    step = hm_remedy_step(list, finding, HM_STEP_RESERVE,
                          hm_finding_print(list,
                                           "Exclude %s from the dynamic range, in each family that "
                                           "lacks it: it works at once and survives reboots.",
                                           list_table(list, ports)));
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        for (size_t at = 0; at < ports->of[i].count; at++) {
            struct hm_range range = ports->of[i].at[at];

            hm_remedy_command(list, step, ADD, hm_family_names[i % 2], hm_protocol_names[i / 2],
                              (unsigned)range.first, (unsigned)hm_range_count(range));
        }
    }
    return step;
}

/* ---- steps --------------------------------------------------------------------------------- */

static void list_for_dns(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    struct hm_ports all =
        hm_finding_union(scope->list, scope->ctx->facts->dns.excluded, scope->ctx->pool);
    const char *dns = "DNS";
    struct hm_remedy_step *step;
    struct hm_line line;

    if (scope->pool.count == 0) {
        return;
    }
    hm_line_init(&line);
    for (size_t i = 0; i < all.count; i++) { /* a single port is written as a range, too */
        hm_line_put(&line, " ");
        hm_line_put_u32(&line, all.at[i].first);
        hm_line_put(&line, "-");
        hm_line_put_u32(&line, all.at[i].last);
    }
    step = hm_remedy_step(scope->list, finding, HM_STEP_SET,
                          "Tell the DNS Server to leave these ports out of its pool of random "
                          "ports. The list has what it leaves out now and every port of this host "
                          "at risk, and counts when the DNS Server starts again.");
    if (!hm_names_match(&scope->ctx->facts->running, &(const struct hm_strings){&dns, 1})) {
        step->precondition = "The DNS Server runs: dnscmd talks to it.";
    }
    if (line.cut) {
        scope->list->cut = true;
    } else {
        hm_remedy_command(scope->list, step, "dnscmd /Config /SocketPoolExcludedPortRanges%.*s",
                          (int)line.len, line.text);
    }
}

static void let_ask(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    struct hm_remedy_step *step;

    if (!scope->asks) {
        return;
    }
    step = hm_remedy_step(scope->list, finding, HM_STEP_SET,
                          "Let Windows Deployment Services ask Windows for free ports "
                          "(UdpPortPolicy 0): they need no range then. It counts when the service "
                          "starts again.");
    step->warning = "The ports are any of the dynamic range then: a firewall rule that names the "
                    "range no longer fits.";
    hm_remedy_command(scope->list, step,
                      "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\WDSServer\\Parameters /v "
                      "UdpPortPolicy /t REG_DWORD /d 0 /f");
}

static const char *stop_text(const struct hm_remedy_scope *scope,
                             const struct hm_service_list *stops,
                             const struct hm_stack_ports *table)
{
    if (hm_service_list_has(stops, "winnat")) {
        return "so that it gives its block of ports back and leaves out what is excluded when it "
               "starts";
    }
    if (!has_ports(table) && scope->asks && scope->holders.count == 0) {
        return "so that it reads the setting when it starts";
    }
    if (!has_ports(table)) {
        return scope->pool.count > 0 || scope->repools
                   ? "so that it takes another pool when it starts"
                   : "so that the port is free for its service";
    }
    return scope->owners.count > 0
               ? "as netsh refuses a port that is in use, even by the service that needs it"
               : "as netsh refuses a port that is in use";
}

static struct hm_remedy_step *last_step(const struct hm_remedy_scope *scope,
                                        struct hm_finding *finding,
                                        const struct hm_stack_ports *table)
{
    const char *names = hm_remedy_list_services(scope->list, &scope->last);
    const char *text =
        has_ports(table)
            ? hm_finding_print(scope->list, "Exclude %s while %s is stopped for a moment.",
                               list_table(scope->list, table), names)
            : hm_finding_print(scope->list,
                               "Restart %s, which tries for its port again when it starts.", names);

    const bool session = hm_service_is_session(scope->ctx->services, scope->last.at[0]);

    return hm_remedy_step(
        scope->list, finding, has_ports(table) ? HM_STEP_RESERVE : HM_STEP_START,
        hm_finding_print(scope->list, "%s It is one line, to be pasted whole into cmd.exe%s", text,
                         session ? ": it continues when the session is cut off." : "."));
}

/* What is cut off, and what stops with it and has to be started by hand. */
static const char *last_warning(const struct hm_remedy_scope *scope)
{
    const char *warning = hm_service_warning(scope->last.at[0]);

    for (size_t i = 0; i < scope->last.count; i++) {
        const char *name = scope->last.at[i];

        if (!hm_service_knows_dependents(scope->ctx->services, name)) {
            return hm_finding_print(scope->list,
                                    "%s Services that depend on %s stop, too: which ones is not "
                                    "recorded here, and this line starts only those that it "
                                    "names. Note before which of those that \"sc.exe enumdepend "
                                    "%s\" lists run, and start them afterwards.",
                                    warning, name, name);
        }
    }
    return warning;
}

/* One pasted line: a Remote Desktop session is cut off when its service stops, but its programs go
 * on (the Local Session Manager keeps them), so a command interpreter that has read the whole line
 * finishes it. Lines pasted one by one would stay in a clipboard that is gone. */
static void reserve_last(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const struct hm_stack_ports table = table_of(scope, HM_BLOCK_LAST);
    struct hm_service_list order;
    struct hm_remedy_step *step;
    char text[HM_LIMIT_TEXT_BYTES];
    size_t len = 0;

    if (!has_ports(&table) && !scope->restart_last) {
        return;
    }
    hm_service_order(scope->ctx->services, &scope->last, scope->booted, &order);
    if (scope->booted) { /* with what runs beside it now: most of that starts by hand */
        struct hm_service_list now;

        hm_service_order(scope->ctx->services, &scope->last, false, &now);
        hm_service_list_join(&now, &order);
        order = now;
    }
    for (size_t i = 0; i < scope->last.count && len < sizeof(text); i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%snet stop %s /y",
                                i == 0 ? "" : " & ", scope->last.at[i]);
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        for (size_t at = 0; at < table.of[i].count && len < sizeof(text); at++) {
            struct hm_range range = table.of[i].at[at];

            len += (size_t)snprintf(text + len, sizeof(text) - len, " & " ADD,
                                    hm_family_names[i % 2], hm_protocol_names[i / 2],
                                    (unsigned)range.first, (unsigned)hm_range_count(range));
        }
    }
    for (size_t i = order.count; i > 0 && len < sizeof(text); i--) {
        const char *quote = hm_service_quote(order.at[i - 1]);

        len += (size_t)snprintf(text + len, sizeof(text) - len, " & net start %s%s%s", quote,
                                order.at[i - 1], quote);
    }
    step = last_step(scope, finding, &table);
    step->precondition = finding->steps.count > 1 ? "The steps above are done." : "";
    step->warning = last_warning(scope);
    if (len >= sizeof(text)) {
        scope->list->cut = true;
    } else {
        hm_remedy_command(scope->list, step, "%s", text);
    }
}

/* Somebody has a port who may not be stopped: a boot ends that, and the product has all its ports
 * then, so it stops for the moment. */
static void reserve_after_boot(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    struct hm_finding_list *list = scope->list;
    struct hm_stack_ports table;

    if (hm_remedy_needs_hotfix(scope)) {
        if (scope->down.count > 0) { /* that runs again at once, hotfix or not */
            hm_remedy_stop_services(scope, finding, &scope->holders,
                                    scope->repools ? "so that it takes another pool when it starts"
                                                   : "so that the port is free for its service");
            hm_remedy_start_services(scope, finding, &scope->down, &scope->holders);
        }
        (void)hm_remedy_step(list, finding, HM_STEP_DECIDE,
                             "Install hotfix KB2665809: without it this system has no command to "
                             "exclude ports, and does not read ReservedPorts.");
        hm_remedy_restart(list, finding, "Restart the host: the hotfix works from then on.");
    } else {
        bool tried = hm_remedy_end_programs(scope, finding);

        hm_remedy_restart(list, finding,
                          hm_finding_print(list,
                                           "Restart the host: no command may stop %s, and a "
                                           "restart ends what has the port.%s",
                                           hm_remedy_names(scope, HM_BLOCK_BOOT),
                                           hm_remedy_starts_then(scope)));
        if (tried) {
            finding->steps.at[finding->steps.count - 1].precondition =
                "Somebody has the port all the same.";
        }
    }
    scope->booted = true;
    if (scope->own_is_stuck || !has_ports(&scope->wanted)) {
        return;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        enum hm_protocol protocol = i < 2 ? HM_TCP : HM_UDP;

        table.of[i] = scope->wanted.of[i];
        table.of[i] =
            hm_finding_without(list, table.of[i], scope->blocked[protocol][HM_BLOCK_LAST]);
        table.of[i] = hm_finding_without(list, table.of[i], scope->blocked[protocol][HM_BLOCK_OWN]);
        table.of[i] =
            hm_finding_without(list, table.of[i], scope->blocked[protocol][HM_BLOCK_DISABLED]);
        table.of[i] =
            hm_finding_without(list, table.of[i], scope->blocked[protocol][HM_BLOCK_FIXED]);
    }
    hm_remedy_stop_services(scope, finding, &scope->own,
                            "as the ports are in use again after the restart, and netsh refuses "
                            "such a port");
    (void)hm_remedy_reserve(list, finding, &table);
    hm_remedy_start_services(scope, finding, &scope->later, &scope->own);
}

/* What holds the ports stops, they are excluded, and everything starts again. */
static void reserve_now(struct hm_remedy_scope *scope, struct hm_finding *finding,
                        const struct hm_service_list *stops)
{
    const struct hm_stack_ports table = table_of(scope, HM_BLOCK_NONE);

    hm_remedy_stop_services(scope, finding, stops, stop_text(scope, stops, &table));
    (void)hm_remedy_reserve(scope->list, finding, &table);
    hm_remedy_start_services(scope, finding, &scope->down, stops);
}

static void decide_fixed(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const char *names = hm_remedy_names(scope, HM_BLOCK_FIXED);

    if (hm_str_equal(names, HM_REMEDY_CONTAINER)) {
        (void)hm_remedy_step(
            scope->list, finding, HM_STEP_DECIDE,
            "A container publishes the port: \"docker ps\" (\"crictl ps\", \"hnsdiag list "
            "endpoints\") shows which. Publish it on another port, or give the service another; an "
            "exclusion does not help, and a restart of HNS or of the host brings it back. An "
            "endpoint that no container has is a leftover: remove it.");
        return;
    }
    if (!hm_str_equal(names, "HTTP.sys")) {
        hm_remedy_decide_fixed(scope, finding);
        return;
    }
    (void)hm_remedy_step(scope->list, finding, HM_STEP_DECIDE,
                         "A single port, or a few, are usually an HTTP.sys registration: \"netsh "
                         "http show servicestate view=requestq\" lists the URL and its owner. Give "
                         "one of the two another port; an exclusion does not help.");
}

static void decide_disabled(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const struct hm_stack_ports table = table_of(scope, HM_BLOCK_DISABLED);

    if (has_ports(&table)) {
        (void)hm_remedy_step(
            scope->list, finding, HM_STEP_DECIDE,
            hm_finding_print(scope->list,
                             "%s has %s. It, or a service that depends on it, runs and is "
                             "disabled: whoever stops it cannot start it again. Find out why it is "
                             "disabled; then give it a start type, or stop it for good.",
                             hm_remedy_names(scope, HM_BLOCK_DISABLED),
                             list_table(scope->list, &table)));
    }
}

/* Ports of the product that no command may free, also after a restart of the host: a person stops
 * and starts it, in a maintenance. */
static void reserve_in_maintenance(struct hm_remedy_scope *scope, struct hm_finding *finding,
                                   const struct hm_stack_ports *table, bool moved)
{
    struct hm_finding_list *list = scope->list;
    struct hm_service_list clustered = {.count = 0};
    struct hm_service_list others = {.count = 0};
    const char *names =
        scope->stuck.count == 0 ? "the product" : hm_remedy_list_services(list, &scope->stuck);
    struct hm_remedy_step *step;

    if (!has_ports(table) && !scope->restart) {
        return;
    }
    for (size_t i = 0; i < scope->stuck.count; i++) {
        hm_service_list_put(hm_service_may_stop(scope->ctx->services, scope->stuck.at[i]) ==
                                    HM_STOP_CLUSTER
                                ? &clustered
                                : &others,
                            scope->stuck.at[i]);
    }
    step = hm_remedy_step(
        list, finding, HM_STEP_FREE,
        hm_finding_print(list, "%sIn the next maintenance %s %s",
                         moved ? "Exclusions last, also when somebody moves the range again. " : "",
                         hm_remedy_how_to_stop(scope, &clustered, &others),
                         has_ports(table) ? "netsh refuses a port that is in use. " POLICY_WAITS
                                          : "It tries for its port again when it starts."));
    step->warning = hm_remedy_maintenance_warning(scope, &clustered);
    step = hm_remedy_reserve(list, finding, table);
    if (step != NULL) {
        step->precondition =
            hm_finding_print(list, "%s %s stopped.", names, scope->stuck.count > 1 ? "are" : "is");
    }
    step = hm_remedy_step(list, finding, HM_STEP_START,
                          hm_finding_print(list, "%s %s again, and what stopped with it%s%s.",
                                           others.count > 0 || scope->stuck.count == 0
                                               ? "Start"
                                               : "Bring the resource online "
                                                 "that runs",
                                           names, scope->late.count > 0 ? "; before that " : "",
                                           hm_remedy_list_services(list, &scope->late)));
    for (size_t i = 0; i < scope->late.count; i++) {
        hm_remedy_service_command(scope, step, "start", scope->late.at[i]);
    }
}

/* What is left for a maintenance: after a restart the product has all its ports. */
static struct hm_stack_ports left_for_maintenance(const struct hm_remedy_scope *scope)
{
    struct hm_stack_ports table = table_of(scope, HM_BLOCK_OWN);

    for (unsigned i = 0; hm_remedy_needs_boot(scope) && scope->own_is_stuck && i < HM_STACK_COUNT;
         i++) { /* but for those that the one line for the session excludes */
        table.of[i] = hm_finding_without(scope->list, scope->wanted.of[i],
                                         scope->blocked[i < 2 ? HM_TCP : HM_UDP][HM_BLOCK_LAST]);
    }
    return table;
}

/* Ports that no command can free now are outside the system's default range: then that range is
 * the cure without a stop. */
static bool set_range_back(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const struct hm_stack_ports own = table_of(scope, HM_BLOCK_OWN);
    const struct hm_stack_ports disabled = table_of(scope, HM_BLOCK_DISABLED);

    if ((!has_ports(&own) && !has_ports(&disabled) && !hm_remedy_cannot_exclude(scope) &&
         !(hm_remedy_needs_boot(scope) && scope->own_is_stuck)) ||
        !hm_remedy_range_helps(scope)) {
        return false;
    }
    hm_remedy_set_back(scope->ctx, scope->list, finding);
    memset(&scope->wanted, 0, sizeof(scope->wanted)); /* nothing is left to be excluded */
    memset(&scope->owners, 0, sizeof(scope->owners));
    if (!scope->restart_last) {
        memset(&scope->last, 0, sizeof(scope->last));
    }
    scope->repools = scope->pool.count > 0 && !hm_remedy_has_blocked(scope);
    scope->pool = (struct hm_ports){NULL, 0};
    return true;
}

/* Do exclusions have all that is held? */
static bool is_excluded(const struct hm_remedy_scope *scope)
{
    for (size_t i = 0; i < scope->count; i++) {
        const struct hm_need *need = scope->needs[i];

        for (unsigned f = 0; f < 2; f++) {
            if (need->stacks[f].judged && need->stacks[f].state == HM_BLOCKED &&
                !hm_ports_covers(
                    hm_facts_stack(scope->ctx->facts, need->verdict.protocol, families[f])
                        ->administered,
                    need->stacks[f].at_risk)) {
                return false;
            }
        }
    }
    return true;
}

static const char *summary_of(struct hm_remedy_scope *scope, const struct hm_service_list *stops,
                              bool moved, bool maintained, bool may_move)
{
    struct hm_finding_list *list = scope->list;
    struct hm_line line;

    hm_line_init(&line);
    if (hm_str_equal(hm_remedy_names(scope, HM_BLOCK_FIXED), HM_REMEDY_CONTAINER)) {
        hm_line_put(&line, "A container has the port: one of the two must be given another. ");
    }
    if (scope->asks) {
        hm_line_put(&line, "Let Windows Deployment Services ask Windows for free ports, instead of "
                           "a range of their own. ");
    }
    if (scope->asks && !moved && !has_ports(&scope->wanted) && !hm_remedy_has_blocked(scope) &&
        scope->unwanted[0].count + scope->unwanted[1].count == 0) {
        return hm_finding_print(list, "%.*s", (int)(line.len - 1), line.text);
    }
    if (moved) {
        hm_line_put(&line, hm_remedy_moves_off(scope->ctx)
                               ? "Move the dynamic range off the ports"
                               : "Set the dynamic range back to the system's default: the ports "
                                 "are outside it");
        hm_line_put(&line, maintained ? ", and nothing has to be stopped for that. Exclude them in "
                                        "the next maintenance, so that they stay free when "
                                        "somebody moves the range again."
                                      : ", and none of them has to be excluded.");
    } else if (has_ports(&scope->wanted)) {
        hm_line_put(&line, "Exclude ");
        hm_line_put(&line, list_table(list, &scope->wanted));
        hm_line_put(&line, " from the dynamic range, in each family that lacks it");
        hm_line_put(&line, stops->count + scope->last.count > 0
                               ? ", while what has a port is stopped for a moment."
                               : ".");
    } else if (scope->unwanted[0].count + scope->unwanted[1].count > 0) {
        hm_line_put(&line, may_move ? "Move the dynamic range off the port. Never exclude it: its "
                                      "listener would fail at its next start."
                                    : "Never exclude the port: its listener would fail at its next "
                                      "start. The dynamic range stays as it is.");
    } else {
        hm_line_put(&line,
                    is_excluded(scope)
                        ? "The port is excluded already, so nobody is handed it; what has it "
                          "now must give it up."
                        : "The port is outside the dynamic range, so nobody is handed it by "
                          "chance; what has it now must give it up.");
    }
    return hm_finding_line(list, &line);
}

void hm_remedy_windows(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const struct hm_stack_ports none = {{{NULL, 0}}};
    const struct hm_stack_ports left = hm_remedy_needs_hotfix(scope) && hm_remedy_range_helps(scope)
                                           ? none
                                           : left_for_maintenance(scope);
    const bool moved = set_range_back(scope, finding);
    struct hm_service_list stops = {.count = 0};
    bool may_move = true;
    uint32_t room;

    if (!moved && !hm_remedy_leaves_room(scope->ctx, scope->list, &scope->wanted, &room)) {
        finding->remedy = HM_REMEDY_ROOM_TEXT;
        (void)hm_remedy_make_room(scope->ctx, scope->list, finding, &scope->wanted, room);
        return;
    }
    /* Backwards, the product starts before those that had its ports. */
    hm_service_list_join(&stops, &scope->holders);
    hm_service_list_join(&stops, &scope->again);
    hm_service_list_join(&stops, &scope->owners);
    hm_remedy_wait(scope, finding);
    let_ask(scope, finding);
    list_for_dns(scope, finding);
    for (unsigned p = 0; p < 2 && !moved; p++) {
        may_move = hm_remedy_move(scope->ctx, scope->list, finding, p == 0 ? HM_TCP : HM_UDP,
                                  scope->unwanted[p]) &&
                   may_move;
    }
    if (!moved) {
        hm_remedy_name_remembered(scope, finding);
    }
    finding->remedy = summary_of(scope, &stops, moved, has_ports(&left), may_move);
    if (hm_remedy_needs_boot(scope)) {
        decide_fixed(scope, finding); /* first: what starts at the boot would fail again */
        reserve_after_boot(scope, finding);
    } else {
        reserve_now(scope, finding, &stops);
    }
    reserve_last(scope, finding);
    if (!scope->booted) {
        decide_fixed(scope, finding);
    }
    if (!moved) {
        decide_disabled(scope, finding);
    }
    reserve_in_maintenance(scope, finding, &left, moved);
}
