/* common/judge/need_text.c — a verdict in one sentence for people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need_text.h"

#include <string.h>

#include "common/base/str.h"
#include "common/judge/need_served.h"
#include "common/ports/line.h"

static const char *const protocol_titles[2] = {"TCP ", "UDP "};

bool hm_topic_is_many(struct hm_ports ports)
{
    return ports.count > 1 || (ports.count == 1 && ports.at[0].first != ports.at[0].last);
}

void hm_topic_put_families(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_strings *families = &topic->need->verdict.families;

    hm_line_put(line, " on ");
    hm_line_put_names(line, families->at, families->count);
}

static void put_dynamic(const struct hm_topic *topic, struct hm_line *line)
{
    hm_line_put(line, "the dynamic range");
    if (topic->stack->has_dynamic) {
        hm_line_put(line, " ");
        hm_line_put_range(line, topic->stack->dynamic);
    }
}

/* The row of the list that meets the ports, as the system shows it. */
static void put_row(struct hm_line *line, struct hm_ports rows, struct hm_ports ports)
{
    for (size_t i = 0; i < rows.count; i++) {
        if (hm_ports_overlap((struct hm_ports){&rows.at[i], 1}, ports)) {
            hm_line_put(line, " ");
            hm_line_put_range(line, rows.at[i]);
            return;
        }
    }
}

static void write_excluded(const struct hm_topic *topic, struct hm_line *line)
{
    hm_line_put(line, hm_topic_is_many(topic->main) ? " are" : " is");
    hm_line_put(line, " kept out of ");
    put_dynamic(topic, line);
    hm_topic_put_families(topic, line);
    hm_line_put(line, ": no other program is handed this port.");
}

/* Linux: bindresvport(3) takes a free one of these for a program of root. */
static const struct hm_range rresvport_range = {512, 1023};
static const struct hm_ports by_rresvport = {&rresvport_range, 1};

static void write_outside(const struct hm_topic *topic, struct hm_line *line)
{
    hm_line_put(line, hm_topic_is_many(topic->main) ? " lie" : " lies");
    hm_line_put(line, " outside ");
    put_dynamic(topic, line);
    hm_line_put(line, topic->facts->linux_host && hm_ports_overlap(topic->main, by_rresvport)
                          ? ": no program is handed this port by chance, but for those that ask "
                            "with bindresvport(3) (clients of NFS and NIS)."
                          : ": no program is handed this port by chance.");
}

static void write_own(const struct hm_topic *topic, struct hm_line *line)
{
    hm_line_put(line, hm_topic_is_many(topic->main) ? " are" : " is");
    hm_line_put(line, " reserved by the component that serves it");
    hm_topic_put_families(topic, line);
    hm_line_put(line, ".");
}

static void write_exposed(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_verdict *verdict = &topic->need->verdict;
    bool pool = verdict->protocol == HM_UDP && topic->facts->has_dns;
    bool many = hm_topic_is_many(topic->main);

    hm_line_put(line, many ? " lie in " : " lies in ");
    put_dynamic(topic, line);
    hm_line_put(line, many ? " and are not " : " and is not ");
    hm_line_put(line, topic->facts->linux_host ? "reserved" : "excluded");
    hm_topic_put_families(topic, line);
    hm_line_put(line, pool ? ": the DNS Server's socket pool or any other program"
                           : (verdict->protocol == HM_TCP ? ": any outgoing connection"
                                                          : ": any program that asks for a port"));
    if (topic->stack->blocks.count > 0) {
        hm_line_put(line, ", or a block that WinNAT or HNS reserves at each boot,");
    }
    if (topic->need->requirement->reserve_only) {
        hm_line_put(line, many ? " can be given one of them" : " can be given it");
        hm_line_put(line, ", and what uses the port then fails");
        if (topic->with_odds && verdict->odds_of_each && verdict->odds > 0) {
            hm_line_put(line,
                        verdict->odds_at_least ? " (for each port at least " : " (for each port ");
            hm_line_put_odds(line, verdict->odds);
            hm_line_put(line, " at the next start; that some port of them is taken is far more "
                              "probable)");
        }
        hm_line_put(line, ".");
        return;
    }
    hm_line_put(line, " can take it before the service starts");
    if (topic->need->requirement->starts_without) {
        hm_line_put(line, ", which then does not serve it");
    }
    if (topic->need->requirement->falls_back) {
        hm_line_put(line, ", which then uses another port, and firewall rules for this one do not "
                          "fit");
    }
    if (topic->with_odds && verdict->has_odds && verdict->odds <= 0) {
        hm_line_put(line, hm_need_is_in_use(topic->need) ? "" : "; nothing has taken it yet");
    } else if (topic->with_odds && verdict->has_odds) {
        hm_line_put(line, verdict->odds_at_least ? " (at least " : " (");
        hm_line_put_odds(line, verdict->odds);
        hm_line_put(line, " at the next start)");
    }
    hm_line_put(line, ".");
}

#define INSTANCES_NAMED 3u

/* "the service", or those of the host that have their names from a pattern: instances, of which a
 * host has several. Those that are down come alone where there are any. */
static void put_service(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_inventory *inventory = topic->facts->inventory;
    const struct hm_strings *patterns = &hm_need_names(topic->need)->services;
    const char *names[INSTANCES_NAMED];
    size_t count = 0;

    for (unsigned pass = 0; count == 0 && pass < 2; pass++) {
        for (size_t i = 0; i < inventory->services.count && count < INSTANCES_NAMED; i++) {
            const char *name = inventory->services.at[i];
            const struct hm_service *details = hm_inventory_service(inventory, name);
            bool down = details != NULL && details->has_runs && !details->runs;

            for (size_t k = 0; k < patterns->count && (down || pass == 1); k++) {
                if (strchr(patterns->at[k], '*') != NULL &&
                    hm_str_glob_nocase(patterns->at[k], name)) {
                    names[count++] = name;
                    break;
                }
            }
        }
    }
    if (count == 0 && hm_need_is_permission(topic->need)) {
        hm_line_put(line, patterns->count > 1 ? "one of " : "");
        hm_line_put_names(line, patterns->at, patterns->count);
    } else if (count == 0) {
        hm_line_put(line, "the service");
    } else {
        hm_line_put_names(line, names, count);
    }
}

/* Linux: a listener of one family or of one address keeps off a server that binds the same, or all;
 * one that is set up for others starts, and one of two families may do without one. */
static bool may_start(const struct hm_topic *topic)
{
    const struct hm_need *need = topic->need;
    const struct hm_holder *holder = &need->verdict.holder;
    const char *address = holder->address == NULL ? "" : holder->address;
    const bool of_one = address[0] != '\0' && !hm_str_equal(address, "0.0.0.0") &&
                        !hm_str_equal(address, "::") && !hm_str_equal(address, "*");

    return topic->facts->linux_host && holder->state == HM_SOCKET_LISTEN &&
           need->requirement->protocol == HM_TCP &&
           (of_one || (need->stacks[HM_IPV4].judged && need->stacks[HM_IPV6].judged &&
                       (need->stacks[HM_IPV4].state == HM_BLOCKED) !=
                           (need->stacks[HM_IPV6].state == HM_BLOCKED)));
}

/* What does not work while the port is held. */
static void put_loser(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_need *need = topic->need;
    const bool on_linux = topic->facts->linux_host;

    if (need->published && on_linux) {
        hm_line_put(line, "a container that is set up to publish it cannot start");
        return;
    }
    if (need->configured) {
        hm_line_put(line, on_linux ? need->requirement->title : "the site with this binding");
        hm_line_put(line, " cannot start");
        return;
    }
    if (need->verdict.kind == HM_KIND_HTTPSYS && hm_need_runs(topic->facts, need) == HM_RUNS_YES) {
        hm_line_put(line, "HTTP.sys cannot serve it for the product, which runs,");
    } else if (need->lost != NULL) {
        hm_need_put_lost(need->lost, line);
    } else if (hm_need_runs(topic->facts, need) == HM_RUNS_YES &&
               ((on_linux && need->verdict.holder.state == HM_SOCKET_LISTEN) ||
                hm_need_has_no_parts(topic->facts, need))) {
        hm_line_put(line, "the service, which runs, does not serve it");
    } else if (need->requirement->starts_without) {
        put_service(topic, line);
        hm_line_put(line, hm_need_may_do_without(topic->facts, need)
                              ? ", if it uses the port at all, can start without it, but not "
                                "serve it"
                              : " can start without it, but not serve it");
    } else {
        put_service(topic, line);
        hm_line_put(line, hm_need_may_do_without(topic->facts, need)
                              ? ", if it uses the port at all, does not get it, and may not start"
                          : may_start(topic) ? " may not start, or not serve all of its addresses,"
                                             : " cannot start");
    }
}

static void write_held(const struct hm_topic *topic, struct hm_line *line)
{
    hm_line_put(line, hm_topic_is_many(topic->main) ? " are held" : " is held");
    hm_topic_put_families(topic, line);
    hm_line_put(line, " by ");
    hm_need_put_holder(line, &topic->need->verdict.holder);
    hm_line_put(line, ": ");
    put_loser(topic, line);
    hm_line_put(line,
                hm_topic_is_many(topic->main) ? " until they are free." : " until it is free.");
}

/* Another part of the product has the port, or a program with the name of one; and the product's
 * service is down. */
static void put_rival(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_need *need = topic->need;

    hm_line_put(line, hm_need_has_service(need, need->verdict.holder.service)
                          ? ", a part of the same product: whether "
                          : ", another service with a program of that name: whether ");
    hm_line_put(line, need->rival_of->name);
    hm_line_put(line, ", which is down, needs this port, too, is not known.");
}

static void write_unclear(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_verdict *verdict = &topic->need->verdict;

    hm_line_put(line, hm_topic_is_many(topic->main) ? " are held" : " is held");
    hm_topic_put_families(topic, line);
    hm_line_put(line, " by ");
    hm_need_put_holder(line, &verdict->holder);
    if (topic->need->rival_of != NULL) {
        put_rival(topic, line);
        return;
    }
    if (topic->need->published) {
        hm_line_put(line, ", and a container is set up to publish it: whether it ");
        hm_line_put(line, topic->facts->linux_host
                              ? "gets the port on another address is not known."
                              : "still is, or its endpoint is a leftover, is not known.");
        return;
    }
    if (topic->need->may_have_moved || hm_need_may_be_replaced(topic->facts, topic->need)) {
        hm_line_put(line, topic->need->may_have_moved &&
                                  hm_need_runs(topic->facts, topic->need) == HM_RUNS_NO
                              ? ", and the product, which does not run, was seen on another port "
                                "only: whether it needs this one is not known."
                          : topic->need->may_have_moved
                              ? ", and the product runs on another port: whether a service of it "
                                "needs this one, too, is not known."
                              : ", which is no part of the product, and the product serves another "
                                "port: whether it is set up for this one, too, is not known.");
        return;
    }
    hm_line_put(line, ", and the product runs: whether the program is a part of it, or keeps the "
                      "port from it, is not known.");
}

static void write_runtime(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_verdict *verdict = &topic->need->verdict;
    const char *fails = verdict->kind == HM_KIND_HTTPSYS ? "HTTP.sys refuses it with error 32."
                                                         : "a bind fails with error 10013.";

    hm_line_put(line, hm_topic_is_many(topic->main) ? " lie" : " lies");
    hm_line_put(line, " inside the runtime exclusion");
    put_row(line, topic->stack->runtime, verdict->at_risk);
    hm_topic_put_families(topic, line);
    if (!topic->need->published &&
        hm_configured_container(topic->facts, verdict->protocol, verdict->at_risk) != NULL) {
        hm_line_put(line, ": a container publishes the port, and ");
        hm_line_put(line, fails);
        return;
    }
    hm_line_put(line, ": a component such as WinNAT, HNS or HTTP.sys holds it, and ");
    hm_line_put(line, fails);
}

static void write_broken(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_verdict *verdict = &topic->need->verdict;

    hm_line_put(line, hm_topic_is_many(topic->main) ? " lie" : " lies");
    hm_line_put(line, " inside the administered exclusion");
    put_row(line, topic->stack->administered, verdict->at_risk);
    hm_topic_put_families(topic, line);
    if (verdict->reason == HM_REASON_SHARED_EXCLUDED) {
        hm_line_put(line, ": on this system the second program that shares it fails with error "
                          "10013 (KB3039044).");
        return;
    }
    hm_line_put(line, verdict->kind == HM_KIND_HTTPSYS
                          ? ": HTTP.sys cannot reserve an excluded port"
                          : ": its listener reserves the port, and an excluded one is refused");
    if (hm_need_site_is_stopped(topic->facts, topic->need)) {
        hm_line_put(line, "; the port is not served now, and a start of the web site fails with "
                          "error 32.");
        return;
    }
    hm_line_put(line,
                hm_need_runs(topic->facts, topic->need) == HM_RUNS_NO
                    ? "; a start of the service fails with error 32."
                    : "; the service runs until its next start and then fails with error 32.");
}

/* Does the list have all that is at risk, in each family that has the verdict's state? */
static bool is_reserved(const struct hm_topic *topic, bool next)
{
    const struct hm_verdict *verdict = &topic->need->verdict;

    for (unsigned i = 0; i < 2; i++) {
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        const struct hm_stack_facts *stack =
            next ? hm_facts_next_stack(topic->facts, verdict->protocol, family)
                 : hm_facts_stack(topic->facts, verdict->protocol, family);

        if (topic->need->stacks[i].judged && topic->need->stacks[i].state == verdict->state &&
            !hm_ports_covers(stack->administered, verdict->at_risk)) {
            return false;
        }
    }
    return true;
}

/* What the next boot makes of it. */
static void write_after_boot(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_verdict *verdict = &topic->need->verdict;

    if (verdict->after_boot == HM_SAFE) {
        hm_line_put(line,
                    is_reserved(topic, false) ? " It is reserved, and a boot ends what holds it"
                    : is_reserved(topic, true)
                        ? " A reservation is written that counts after the next boot"
                    : !topic->need->awaits_boot
                        ? " The dynamic range does not reach it, and a boot ends what holds it"
                        : " Another dynamic range is written that counts after the next boot");
        hm_line_put(line, ": safe after the next boot.");
        return;
    }
    hm_line_put(line, verdict->reason == HM_REASON_EXCLUDED
                          ? " No setting keeps this reservation over a boot: "
                      : verdict->reason == HM_REASON_OWN_RESERVATION
                          ? " It holds the port only while it runs: "
                          : " What is written counts after the next boot: ");
    hm_line_put(line, hm_verdict_state_names[verdict->after_boot]);
    hm_line_put(line, " after the next boot.");
}

static void (*const writers[HM_REASON_COUNT])(const struct hm_topic *, struct hm_line *) = {
    [HM_REASON_EXCLUDED] = write_excluded,
    [HM_REASON_OUTSIDE_DYNAMIC] = write_outside,
    [HM_REASON_OWN_RESERVATION] = write_own,
    [HM_REASON_IN_DYNAMIC] = write_exposed,
    [HM_REASON_HELD] = write_held,
    [HM_REASON_RUNTIME_EXCLUSION] = write_runtime,
    [HM_REASON_RESERVER_EXCLUDED] = write_broken,
    [HM_REASON_SHARED_EXCLUDED] = write_broken,
    [HM_REASON_FACTS_MISSING] = hm_topic_put_unknown,
    [HM_REASON_PORT_UNKNOWN] = hm_topic_put_unknown,
    [HM_REASON_UNKNOWN_LISTENER] = write_unclear,
};

static bool write_title(struct hm_need *need, struct hm_arena *arena)
{
    const char *own = need->requirement->title;
    const char *product = need->product == NULL ? "" : need->product->title;
    struct hm_line line;

    if (own == NULL || product == NULL || product[0] == '\0' ||
        strncmp(own, product, strlen(product)) == 0) {
        need->verdict.title = own == NULL ? "" : own;
        return true;
    }
    hm_line_init(&line);
    hm_line_put(&line, product);
    hm_line_put(&line, ": ");
    hm_line_put(&line, own);
    need->verdict.title = hm_line_text(&line, arena);
    return need->verdict.title != NULL;
}

/* For an observed one the program or service is the product. */
static const char *product_of(const struct hm_need *need)
{
    const struct hm_detect *detect = &need->requirement->detect;

    if (need->product != NULL) {
        return need->product->id;
    }
    if (detect->services.count > 0) {
        return detect->services.at[0];
    }
    return detect->programs.count > 0 ? detect->programs.at[0]
           : need->published          ? "container"
                                      : "unknown";
}

/* Some of the ports lie in a runtime exclusion, and nothing shows whose it is. */
static void write_unsure(const struct hm_topic *topic, struct hm_line *line)
{
    hm_line_put(line, " ");
    hm_line_put(line, protocol_titles[topic->need->verdict.protocol]);
    hm_line_put_ports(line, topic->unsure);
    hm_line_put(line, hm_topic_is_many(topic->unsure) ? " lie" : " lies");
    hm_line_put(line, " in a runtime exclusion: whether it is the product's own is not known, as "
                      "the listeners could not be read.");
}

/* Which of the ports at risk the sentence is about, and which have one of their own. */
static enum hm_status split(struct hm_topic *topic, struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_need *need = topic->need;
    const struct hm_verdict *verdict = &need->verdict;
    struct hm_ports main = {NULL, 0};
    enum hm_status st = HM_OK;

    for (unsigned i = 0; i < 2 && st == HM_OK && verdict->state != HM_SAFE; i++) {
        const struct hm_need_stack *stack = &need->stacks[i];
        struct hm_ports rest;

        if (!stack->judged || stack->state != verdict->state) {
            continue;
        }
        st = hm_ports_subtract(stack->at_risk, stack->unsure, arena, &rest, err);
        if (st == HM_OK) {
            st = hm_ports_union(main, rest, arena, &main, err);
        }
    }
    topic->main = verdict->state == HM_SAFE ? verdict->ports : verdict->at_risk;
    if (st != HM_OK || main.count == 0) {
        return st;
    }
    topic->main = main;
    return hm_ports_subtract(verdict->at_risk, main, arena, &topic->unsure, err);
}

static const char *write(const struct hm_topic *topic, struct hm_arena *arena)
{
    const struct hm_verdict *verdict = &topic->need->verdict;
    struct hm_line line;

    hm_line_init(&line);
    hm_line_put(&line, protocol_titles[verdict->protocol]);
    hm_line_put_ports(&line, topic->main);
    writers[verdict->reason](topic, &line);
    if (topic->unsure.count > 0) {
        write_unsure(topic, &line);
    }
    for (unsigned i = 0; i < 2 && verdict->reason != HM_REASON_UNKNOWN_LISTENER; i++) {
        if (topic->need->stacks[i].unclear.count > 0) {
            hm_line_put(&line, " ");
            hm_need_put_holder(&line, &topic->need->stacks[i].unclear_holder);
            if (topic->need->rival_of != NULL) {
                hm_line_put(&line, " has it now");
                put_rival(topic, &line);
                break;
            }
            hm_line_put(&line, " listens there now; whether it is a part of the product is not "
                               "known.");
            break;
        }
    }
    if (topic->need->lingers && !hm_topic_only_lingers(topic) && verdict->state != HM_BLOCKED) {
        hm_need_note_lingering(topic->need, &line);
    }
    if (topic->need->unread_owner) {
        hm_line_put(&line, topic->need->unread_unit
                               ? " It is in use now by a socket unit; \"systemctl list-sockets\" "
                                 "says which service it starts."
                               : " It is in use now; whether by its own service could not be "
                                 "read.");
    }
    if (verdict->has_after_boot) {
        write_after_boot(topic, &line);
    }
    return hm_line_text(&line, arena);
}

enum hm_status hm_need_write(const struct hm_facts *facts, struct hm_need *need,
                             struct hm_arena *arena, struct hm_err *err)
{
    struct hm_verdict *verdict = &need->verdict;
    struct hm_topic topic = {.facts = facts, .need = need};
    enum hm_status st;

    topic.stack = hm_facts_stack(facts, verdict->protocol, HM_IPV4);
    for (unsigned i = 2; i > 0; i--) { /* the first family that has the verdict's reason */
        const struct hm_need_stack *stack = &need->stacks[i - 1];

        if (stack->judged && stack->state == verdict->state && stack->reason == verdict->reason) {
            topic.stack = hm_facts_stack(facts, verdict->protocol, i == 1 ? HM_IPV4 : HM_IPV6);
        }
    }
    verdict->product = product_of(need);
    st = split(&topic, arena, err);
    if (st != HM_OK) {
        return st;
    }
    need->text = write(&topic, arena);
    topic.with_odds = true;
    verdict->text = verdict->has_odds ? write(&topic, arena) : need->text;
    if (need->text == NULL || verdict->text == NULL || !write_title(need, arena)) {
        return hm_fail(err, HM_ENOMEM, "no memory for a verdict");
    }
    return HM_OK;
}
