/* common/judge/remedy_fixed.c — what no command frees: a program listens on a required port by
 * choice, and a person decides; or it tries to connect from it, and a person waits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_scope.h"

#include <string.h>

#include "common/base/str.h"

/* Is the other need of a service of this scope, and blocked outside of it? */
static bool is_blocked_beside(const struct hm_remedy_scope *scope, const struct hm_need *other)
{
    const size_t *groups = scope->ctx->groups;
    const struct hm_need *needs = scope->ctx->needs;
    bool beside = false;

    if (!hm_need_is_permission(other) || other->verdict.state != HM_BLOCKED) {
        return false;
    }
    for (size_t i = 0; i < scope->count; i++) {
        const struct hm_need *need = scope->needs[i];

        if (need == other || groups[need - needs] == groups[other - needs]) {
            return false;
        }
        beside = beside || (hm_need_is_permission(need) &&
                            hm_str_equal_nocase(need->requirement->detect.services.at[0],
                                                other->requirement->detect.services.at[0]));
    }
    return beside;
}

const char *hm_remedy_also_blocked(const struct hm_remedy_scope *scope)
{
    const struct hm_finding_ctx *ctx = scope->ctx;

    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *other = &ctx->needs[i];

        if (is_blocked_beside(scope, other)) {
            return hm_finding_print(
                scope->list, " %s may need %s, too, which is not free either: see its finding.",
                other->requirement->detect.services.at[0],
                hm_finding_ports(scope->list, other->verdict.protocol, other->verdict.at_risk));
        }
    }
    return "";
}

const char *hm_remedy_starts_then(const struct hm_remedy_scope *scope)
{
    const char *also = hm_remedy_also_blocked(scope);

    if (scope->passive) {
        return " Only the cluster may start the product, on the node where it belongs.";
    }
    if (also[0] != '\0' || scope->later.count > 0) {
        return also;
    }
    return hm_remedy_names(scope, HM_BLOCK_FIXED)[0] != '\0' /* a person frees that one */
               ? ""
               : " The product then starts by itself.";
}

/* " The service A runs such a program.": those of the host that run the program of such a blocker
 * and are none of its product's; "" none. */
static const char *starters_of(const struct hm_remedy_scope *scope)
{
    const struct hm_services *details = &scope->ctx->input->inventory->service_details;
    struct hm_service_list names = {.count = 0};

    for (size_t i = 0; i < scope->blockers.count; i++) {
        const struct hm_blocker *one = &scope->blockers.at[i];

        for (size_t k = 0; one->stray && k < details->count; k++) {
            const struct hm_service *service = &details->at[k];

            if (service->has_runs && service->runs && !hm_str_equal(service->program, "") &&
                hm_str_equal_nocase(service->program, one->program)) {
                hm_service_list_put(&names, service->name);
            }
        }
    }
    return names.count == 0 ? ""
                            : hm_finding_print(scope->list, " (such a program is started by %s)",
                                               hm_remedy_list_services(scope->list, &names));
}

/* What such a holder is. */
enum fixed {
    FIXED_CHOSEN,   /* set up for the port, as far as is known */
    FIXED_APART,    /* likewise, on another address: both may have it */
    FIXED_STRAY,    /* by its name a program of the product, without a service */
    FIXED_NAMELESS, /* nobody knows */
    FIXED_UNSURE,   /* set up for the port, or given it by the kernel */
};

static enum fixed fixed_of(const struct hm_blocker *blocker)
{
    if (blocker->stray) {
        return FIXED_STRAY;
    }
    if (hm_str_equal(blocker->name, HM_REMEDY_NAMELESS)) {
        return FIXED_NAMELESS;
    }
    return blocker->unsure ? FIXED_UNSURE : blocker->apart ? FIXED_APART : FIXED_CHOSEN;
}

/* "v4tov4 0.0.0.0/1433", as the reader of the registry writes it. */
static bool is_proxy_entry(const struct hm_configured *row)
{
    const char *space = row->subject == NULL ? NULL : strchr(row->subject, ' ');

    return row->by == HM_BY_PORT_PROXY && space != NULL && strchr(space, '/') != NULL;
}

/* Does the service of port proxies have the port for this entry? */
static bool is_held_for(const struct hm_blocker *blocker, const struct hm_configured *row)
{
    return blocker->block == HM_BLOCK_FIXED && blocker->protocol == HM_TCP &&
           (hm_str_equal_nocase(blocker->name, "iphlpsvc") ||
            hm_str_equal_nocase(blocker->name, "6to4")) &&
           is_proxy_entry(row) && row->port >= blocker->range.first &&
           row->port <= blocker->range.last;
}

static bool has_proxy(const struct hm_remedy_scope *scope, const struct hm_blocker *blocker)
{
    const struct hm_inventory *inventory = scope->ctx->input->inventory;

    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count; i++) {
        if (is_held_for(blocker, &inventory->configured.at[i])) {
            return true;
        }
    }
    return false;
}

static void decide_proxy(struct hm_remedy_scope *scope, struct hm_finding *finding,
                         const struct hm_configured *row)
{
    const char *address = strchr(row->subject, ' ');
    const char *slash = strrchr(row->subject, '/');

    (void)hm_remedy_step(
        scope->list, finding, HM_STEP_DECIDE,
        hm_finding_print(
            scope->list,
            "An entry of \"netsh interface portproxy\" has the port: %s. Where nobody "
            "needs it, \"netsh interface portproxy delete %.*s listenport=%u "
            "listenaddress=%.*s\" removes it at once; then start the service. Otherwise "
            "give one of the two another port.",
            row->subject, (int)(address - row->subject), row->subject, (unsigned)row->port,
            (int)(slash - address - 1), address + 1));
}

static void decide_proxies(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const struct hm_inventory *inventory = scope->ctx->input->inventory;

    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count; i++) {
        const struct hm_configured *row = &inventory->configured.at[i];
        bool held = false;

        for (size_t k = 0; k < scope->blockers.count; k++) {
            held = held || is_held_for(&scope->blockers.at[k], row);
        }
        if (held) {
            decide_proxy(scope, finding, row);
        }
    }
}

static struct hm_service_list list_of(const struct hm_remedy_scope *scope, enum fixed fixed)
{
    struct hm_service_list names = {.count = 0};

    for (size_t i = 0; i < scope->blockers.count; i++) {
        const struct hm_blocker *one = &scope->blockers.at[i];

        if (one->block == HM_BLOCK_FIXED && fixed_of(one) == fixed && !has_proxy(scope, one) &&
            hm_ports_overlap((struct hm_ports){&one->range, 1},
                             scope->blocked[one->protocol][HM_BLOCK_FIXED])) {
            hm_service_list_put(&names, one->name[0] == '\0' ? "an unnamed process" : one->name);
        }
    }
    return names;
}

static const char *names_of(const struct hm_remedy_scope *scope, enum fixed fixed)
{
    const struct hm_service_list names = list_of(scope, fixed);

    return hm_remedy_list_services(scope->list, &names);
}

/* netstat of Windows 2000 shows no process ids, and nothing else there does. */
static const char *how_to_find(const struct hm_remedy_scope *scope)
{
    const unsigned windows = scope->ctx->facts->windows;

    if (windows != 0 && windows < HM_REMEDY_NETSTAT_O_SINCE) {
        return "by stopping one after the other the programs that may have it, and looking at "
               "\"netstat -an\": this system shows no process id of a port. When none of them has "
               "it, only a restart of the host ends it.";
    }
    return hm_finding_print(scope->list,
                            "with \"%s\" as an administrator. When no program has its process id, "
                            "only a restart of the host ends it.",
                            hm_remedy_list_sockets(scope->ctx));
}

/* Linux: a listener in the dynamic range of which nobody knows whether it chose its port. To try it
 * is safe once the port is reserved, and tells. */
static void decide_unsure(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const struct hm_service_list names = list_of(scope, FIXED_UNSURE);
    const bool many = names.count > 1;

    if (names.count == 0) {
        return;
    }
    (void)hm_remedy_step(
        scope->list, finding, HM_STEP_DECIDE,
        hm_finding_print(
            scope->list,
            "%s %s on the port, which lies in the dynamic range: whether %s set up for "
            "it, or %s given it by chance, is not known. Once the port is reserved, "
            "restart %s when nobody needs %s: a program that was given the port gets "
            "another one, and the port is free. One that has this port again is set "
            "up for it: then give one of the two another port.%s",
            hm_remedy_list_services(scope->list, &names), many ? "listen" : "listens",
            many ? "they are" : "it is", many ? "were" : "was", many ? "them" : "it",
            many ? "them" : "it", hm_remedy_also_blocked(scope)));
}

/* On another address: in nobody's way, but only Linux reserves a port that is in use. */
static void decide_apart(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const struct hm_service_list names = list_of(scope, FIXED_APART);
    const char *text = hm_remedy_list_services(scope->list, &names);
    const bool many = names.count > 1;

    if (names.count == 0) {
        return;
    }
    (void)hm_remedy_step(
        scope->list, finding, HM_STEP_DECIDE,
        scope->ctx->facts->linux_host
            ? hm_finding_print(scope->list,
                               "%s %s on the port on another address, so that both may have it: "
                               "nothing is to be stopped.",
                               text, many ? "listen" : "listens")
            : hm_finding_print(scope->list,
                               "%s %s on the port on another address, so that both may have it. "
                               "But netsh refuses a port that is in use on any address: in the "
                               "next maintenance stop %s, exclude the port, and start again what "
                               "was stopped; or give one of the two another port.",
                               text, many ? "listen" : "listens", many ? "them" : "it"));
}

void hm_remedy_decide_fixed(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const char *chosen = names_of(scope, FIXED_CHOSEN);
    const char *stray = names_of(scope, FIXED_STRAY);

    decide_proxies(scope, finding);
    if (chosen[0] != '\0') {
        (void)hm_remedy_step(
            scope->list, finding, HM_STEP_DECIDE,
            hm_finding_print(scope->list,
                             "%s %s on the port, as far as is known by choice: two programs "
                             "are set up for one port. Give one of the two another port; stopping "
                             "one only moves the fault to it.%s",
                             chosen, list_of(scope, FIXED_CHOSEN).count > 1 ? "listen" : "listens",
                             hm_remedy_also_blocked(scope)));
    }
    decide_apart(scope, finding);
    decide_unsure(scope, finding);
    if (stray[0] != '\0') {
        (void)hm_remedy_step(
            scope->list, finding, HM_STEP_DECIDE,
            hm_finding_print(
                scope->list,
                "%s has the name of a program of the product, and its service did not start it. "
                "Another service that brings a copy of it may have%s, or a person, or it was left "
                "when the service ended. Look at its path and at its parent process. When another "
                "service starts it, two programs are set up for one port: give one of the two "
                "another port. Otherwise end it in the way in which it was started, once nobody "
                "uses it; then start the service.",
                stray, starters_of(scope)));
    }
    if (names_of(scope, FIXED_NAMELESS)[0] != '\0') {
        (void)hm_remedy_step(
            scope->list, finding, HM_STEP_DECIDE,
            hm_finding_print(
                scope->list,
                "Nothing is known of the process that listens on the port: it may be "
                "set up for it, or have inherited it from one that ended. Find it %s When it is "
                "set up for the port, give one of the two another port.",
                how_to_find(scope)));
    }
}

/* Windows gives up after 3 + 6 + 12 s (TcpMaxConnectRetransmissions 2), Linux after 127 s (tcp(7),
 * tcp_syn_retries 6). */
void hm_remedy_wait(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    const char *names = hm_remedy_names(scope, HM_BLOCK_NONE);

    if (hm_str_equal(names, HM_REMEDY_CLOSED)) {
        (void)hm_remedy_step(scope->list, finding, HM_STEP_FREE,
                             "Wait: the connection that has the port is closed, and the kernel "
                             "drops it by itself, in TIME_WAIT after 60 seconds, otherwise within "
                             "some minutes. Look again before the steps below.");
    } else if (names[0] != '\0') {
        (void)hm_remedy_step(
            scope->list, finding, HM_STEP_FREE,
            hm_finding_print(
                scope->list,
                "Wait %s: %s tries to connect to a host that has not answered yet. When "
                "the attempt ends, the port is free. Look again before the steps below.",
                scope->ctx->facts->linux_host ? "two minutes" : "half a minute", names));
    }
}
