/* common/judge/need_product.c — which products of the catalogue a host has.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include "common/base/str.h"

enum presence { ABSENT, BY_PROGRAM, PRESENT };

static bool fits_os(const struct hm_facts *facts, const struct hm_strings *os)
{
    const char *family = hm_os_family_names[facts->inventory->os.family];

    for (size_t i = 0; i < os->count; i++) {
        if (hm_str_equal_nocase(os->at[i], family)) {
            return true;
        }
    }
    return os->count == 0;
}

static enum presence presence_of(const struct hm_facts *facts, const struct hm_product *product)
{
    const struct hm_detect *detect = &product->detect;

    if (!fits_os(facts, &product->os)) {
        return ABSENT;
    }
    if (detect->always || hm_names_match(&facts->services, &detect->services)) {
        return PRESENT;
    }
    return hm_programs_match(&facts->programs, &detect->programs) ||
                   hm_programs_match(&facts->idle_programs, &detect->programs)
               ? BY_PROGRAM
               : ABSENT;
}

/* Is this listener a companion of the product, on one of its ports? */
static bool is_companion(const struct hm_product *product, const struct hm_listener *listener)
{
    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *row = &product->requirements.at[i];
        const struct hm_companions *both[] = {&product->companions, &row->companions};

        for (size_t j = 0; j < HM_COUNT(both); j++) {
            if (row->protocol == listener->protocol &&
                hm_ports_contains(row->ports, listener->port) &&
                (hm_companions_own(both[j], listener->program, listener->service) ||
                 hm_companions_share(both[j], listener->program))) {
                return true;
            }
        }
    }
    return false;
}

static bool is_embedded(const struct hm_catalogue *catalogue, const enum presence *presences,
                        const struct hm_listener *listener)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        if (presences[i] == PRESENT && is_companion(&catalogue->at[i], listener)) {
            return true;
        }
    }
    return false;
}

/* A database that another product brings is no sign of the database product: does the program
 * show anywhere but on ports of products that have it as a companion? */
static bool shows_apart(const struct hm_facts *facts, const enum presence *presences,
                        const struct hm_product *product)
{
    const struct hm_inventory *inventory = facts->inventory;
    bool listens = false;

    for (size_t i = 0; inventory->has_listeners && i < inventory->listeners.count; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[i];

        if (!hm_detect_owns(&product->detect, listener->program, "")) {
            continue;
        }
        listens = true;
        if (!is_embedded(facts->input->catalogue, presences, listener)) {
            return true;
        }
    }
    return !listens;
}

enum hm_status hm_needs_find_products(struct hm_facts *facts, struct hm_arena *arena,
                                      struct hm_err *err)
{
    const struct hm_catalogue *catalogue = facts->input->catalogue;
    size_t count = catalogue == NULL ? 0 : catalogue->count;
    enum presence *presences = hm_arena_alloc(arena, count, sizeof(*presences));

    facts->present = hm_arena_alloc(arena, count, sizeof(*facts->present));
    if (facts->present == NULL || presences == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the products of a host");
    }
    for (size_t i = 0; i < count; i++) {
        const struct hm_product *product = &catalogue->at[i];
        /* Then it requires nothing, and owns nothing. */
        const bool effects_only = product->requirements.count == 0 && product->effects.count > 0;

        presences[i] = effects_only ? ABSENT : presence_of(facts, product);
    }
    for (size_t i = 0; i < count; i++) {
        const struct hm_product *product = &catalogue->at[i];

        if (presences[i] == PRESENT ||
            (presences[i] == BY_PROGRAM && shows_apart(facts, presences, product))) {
            facts->present[facts->present_count++] = product;
        }
    }
    return HM_OK;
}
