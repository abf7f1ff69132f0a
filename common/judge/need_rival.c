/* common/judge/need_rival.c — a service is down, and another part of its product has the port.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two instances or editions of one product want one port; or somebody started the product's program
 * by hand. Neither is the service that is down, though the names say that the port is the product's
 * own. Or the service of another product runs a program of that name (lmgrd.exe of any vendor).
 * That the two need the same port is certain when the service ended with the error of a bind,
 * and a question when it ended with another error. One that stopped in order, or that nobody has
 * started yet, may be the alternative that is not needed. */
#include "common/judge/need.h"

#include "common/base/str.h"
#include "common/judge/port_errors.h"

/* Does the need have names of its own, so that other services of the product are not meant? */
static bool has_own_names(const struct hm_need *need)
{
    const struct hm_detect *own = &need->requirement->detect;

    return need->product != NULL && (own->services.count > 0 || own->programs.count > 0);
}

static bool is_service_of(const struct hm_detect *names, const char *service)
{
    return !hm_str_equal(service, "") && hm_detect_owns(names, "", service);
}

static bool is_program_of(const struct hm_detect *names, const char *program)
{
    return !hm_str_equal(program, "") && hm_detect_owns(names, program, "");
}

/* Then every service of the product needs its port. */
static bool needs_one_port(const struct hm_product *product)
{
    size_t count = 0;

    for (size_t i = 0; product != NULL && i < product->requirements.count; i++) {
        count += !product->requirements.at[i].optional;
    }
    return count == 1;
}

static bool have_one_pattern(const struct hm_strings *patterns, const char *a, const char *b)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (hm_str_glob_nocase(patterns->at[i], a) && hm_str_glob_nocase(patterns->at[i], b)) {
            return true;
        }
    }
    return false;
}

/* The program; "" when it says nothing about what the process does. */
static const char *telling(const char *program)
{
    return hm_need_is_shared_host(program) ? "" : program;
}

/* Are the two instances or editions of the same thing? Other services of a product have another
 * program and ports of their own. */
static bool are_alike(const struct hm_need *need, const struct hm_service *down,
                      const char *service, const char *program)
{
    const struct hm_detect *names = hm_need_names(need);
    const char *mine = telling(down->program);

    program = telling(program);
    if (!hm_str_equal(mine, "") && hm_str_equal_nocase(mine, program)) {
        return true;
    }
    if (is_program_of(names, program) && needs_one_port(need->product) &&
        (hm_str_equal(mine, "") || is_program_of(names, mine))) {
        return true;
    }
    return (hm_str_equal(mine, "") || hm_str_equal(program, "")) &&
           have_one_pattern(&names->services, down->name, service);
}

/* Has the port book seen the service that is down on other ports only? Then it does not need this
 * one. */
static bool is_known_elsewhere(const struct hm_facts *facts, const struct hm_need *need,
                               const struct hm_service *down)
{
    const struct hm_inventory *inventory = facts->inventory;
    bool elsewhere = false;

    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];

        if (entry->protocol != need->requirement->protocol ||
            !hm_str_equal_nocase(entry->service, down->name)) {
            continue;
        }
        if (hm_ports_contains(need->requirement->ports, entry->port)) {
            return false;
        }
        elsewhere = true;
    }
    return elsewhere;
}

/* What the exit code makes of two that are alike. */
static enum hm_rival by_code(const struct hm_facts *facts, const struct hm_service *down)
{
    if (!hm_service_has_failed(down)) {
        return HM_RIVAL_NO;
    }
    return hm_port_error_find(facts, down->exit_code) != NULL ? HM_RIVAL_YES : HM_RIVAL_MAYBE;
}

/* The port is the need's own, and another service has it. Whatever the one that is down ended with:
 * both start at the next boot, and nobody knows whether both need it. */
static enum hm_rival by_own_port(const struct hm_facts *facts, const struct hm_service *down)
{
    return by_code(facts, down) == HM_RIVAL_YES ? HM_RIVAL_YES : HM_RIVAL_MAYBE;
}

/* Is it no service of the product, as far as the catalogue knows, so that the name of its program
 * alone speaks for the product? It may be an instance under a name of its own, or another product.
 */
static bool is_stranger(const struct hm_need *need, const char *service)
{
    return need->product != NULL && !hm_need_has_service(need, service);
}

/* Is it a companion of the product that another product's service runs? */
static bool is_lent(const struct hm_facts *facts, const struct hm_need *need, const char *program,
                    const char *service)
{
    return !is_service_of(hm_need_names(need), service) &&
           hm_need_companion(facts, need, program, service, HM_SOCKET_LISTEN) == HM_OWNER_SELF &&
           hm_need_is_run_by_other(facts, need, program, service);
}

static enum hm_rival of_service(const struct hm_facts *facts, const struct hm_need *need,
                                const struct hm_service *down, const char *program,
                                const char *service)
{
    const struct hm_service *details = hm_inventory_service(facts->inventory, service);

    if (has_own_names(need) && !is_service_of(hm_need_names(need), service)) {
        if (hm_need_clash(facts, need, service) != NULL) {
            return HM_RIVAL_YES; /* their settings say so */
        }
        return by_own_port(facts, down);
    }
    if (is_stranger(need, service) || is_lent(facts, need, program, service)) {
        return by_own_port(facts, down);
    }
    if (details != NULL && !hm_str_equal(telling(details->program), "")) {
        program = details->program; /* a child may have another name */
    }
    return are_alike(need, down, service, program) ? by_code(facts, down) : HM_RIVAL_NO;
}

/* A process without a service: a child of one that runs, or started by hand. */
static enum hm_rival of_program(const struct hm_facts *facts, const struct hm_need *need,
                                const struct hm_service *down)
{
    const struct hm_services *details = &facts->inventory->service_details;
    const struct hm_detect *names = hm_need_names(need);
    enum hm_rival rival = HM_RIVAL_YES;

    for (size_t i = 0; i < details->count; i++) {
        const struct hm_service *other = &details->at[i];

        if (!other->has_runs || !other->runs) {
            continue;
        }
        if (is_service_of(names, other->name)) {
            if (are_alike(need, down, other->name, other->program)) {
                return by_code(facts, down);
            }
            rival = HM_RIVAL_NO;
        } else if (rival == HM_RIVAL_YES && need->product != NULL &&
                   is_service_of(&need->product->detect, other->name)) {
            rival = by_own_port(facts, down);
        }
    }
    return rival;
}

/* One that an event starts stops by itself when there is nothing to do. */
static bool is_missed(const struct hm_facts *facts, const struct hm_service *down)
{
    return down->start != HM_START_TRIGGERED || hm_port_error_find(facts, down->exit_code) != NULL;
}

enum hm_rival hm_need_rival(const struct hm_facts *facts, const struct hm_need *need,
                            const char *program, const char *service,
                            const struct hm_service **out_down)
{
    const struct hm_detect *names = hm_need_names(need);
    enum hm_rival worst = HM_RIVAL_NO;
    const struct hm_service *down;
    size_t at = 0;

    *out_down = NULL;
    if ((hm_str_equal(service, "") && hm_need_is_shared_host(program)) ||
        names->services.count == 0 || !hm_names_match(&facts->stopped, &names->services)) {
        return HM_RIVAL_NO;
    }
    while ((down = hm_need_next_down(facts, need, false, &at)) != NULL) {
        enum hm_rival rival;

        if (hm_str_equal_nocase(down->name, service)) {
            *out_down = NULL;
            return HM_RIVAL_NO; /* it runs after all */
        }
        if (!is_missed(facts, down) || is_known_elsewhere(facts, need, down)) {
            continue;
        }
        rival = hm_str_equal(service, "") ? of_program(facts, need, down)
                                          : of_service(facts, need, down, program, service);
        if (rival > worst) {
            worst = rival;
            *out_down = down;
        }
    }
    return worst;
}
