/* common/plan/plan_hazard.c — ports of this host that must not be excluded (windows-ports 2.1).
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_build.h"

#include "common/base/str.h"

const enum hm_refusal_code hm_plan_hazard_codes[HM_PLAN_HAZARDS] = {
    HM_REFUSE_HTTPSYS, HM_REFUSE_QUIC, HM_REFUSE_SHARED, HM_REFUSE_CONTAINER, HM_REFUSE_UNSAFE,
};

static const enum hm_refusal_code codes[HM_KIND_COUNT] = {
    [HM_KIND_HTTPSYS] = HM_REFUSE_HTTPSYS,
    [HM_KIND_QUIC] = HM_REFUSE_QUIC,
    [HM_KIND_CONTAINER] = HM_REFUSE_CONTAINER,
    [HM_KIND_SHARED] = HM_REFUSE_SHARED,
};

static void put(struct hm_plan_build *b, enum hm_refusal_code code, enum hm_protocol protocol,
                struct hm_ports ports)
{
    for (unsigned i = 0; i < HM_PLAN_HAZARDS; i++) {
        if (hm_plan_hazard_codes[i] == code) {
            b->hazards[protocol][i] = hm_plan_union(b, b->hazards[protocol][i], ports);
        }
    }
}

static void look_at_listeners(struct hm_plan_build *b)
{
    const struct hm_inventory *inventory = b->input->inventory;

    for (size_t i = 0; inventory->has_listeners && i < inventory->listeners.count; i++) {
        const struct hm_listener *row = &inventory->listeners.at[i];

        if (codes[row->kind] != HM_REFUSE_NONE &&
            hm_ports_contains(b->wanted[row->protocol], row->port)) {
            put(b, codes[row->kind], row->protocol,
                hm_plan_one(b, (struct hm_range){row->port, row->port}));
        }
    }
}

static bool is_for(const struct hm_product *product, enum hm_os_family family)
{
    bool found = product->os.count == 0;

    for (size_t i = 0; i < product->os.count && !found; i++) {
        found = hm_str_equal(product->os.at[i], hm_os_family_names[family]);
    }
    return found;
}

static bool has_part(const struct hm_requirement *row, const struct hm_inventory *inventory)
{
    const struct hm_detect *detect = &row->detect;

    return (detect->services.count == 0 && detect->programs.count == 0) ||
           hm_detect_matches(detect, inventory);
}

/* Detection is dear, so it comes last: most products want none of these ports. */
static void look_at_product(struct hm_plan_build *b, const struct hm_product *product)
{
    const struct hm_inventory *inventory = b->input->inventory;
    bool asked = false;

    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *row = &product->requirements.at[i];

        if (hm_requirement_may_exclude(row) ||
            !hm_ports_overlap(b->wanted[row->protocol], row->ports)) {
            continue;
        }
        if (!asked && (!is_for(product, inventory->os.family) ||
                       !hm_detect_matches(&product->detect, inventory))) {
            return;
        }
        asked = true;
        if (has_part(row, inventory)) {
            put(b, codes[row->kind] != HM_REFUSE_NONE ? codes[row->kind] : HM_REFUSE_UNSAFE,
                row->protocol, row->ports);
        }
    }
}

void hm_plan_find_hazards(struct hm_plan_build *b)
{
    const struct hm_catalogue *catalogue = b->input->catalogue;

    look_at_listeners(b);
    for (size_t i = 0; b->status == HM_OK && catalogue != NULL && i < catalogue->count; i++) {
        look_at_product(b, &catalogue->at[i]);
    }
}
