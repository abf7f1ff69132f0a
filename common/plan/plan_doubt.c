/* common/plan/plan_doubt.c — ports that may be those of HTTP.sys although nothing shows it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_build.h"

#include "common/base/str.h"

/* While settings are unread, a free port is either surely that of a plain socket, or it waits. */
#define TEXT_UNREAD                                                                                \
    "What HTTP.sys, IIS or containers are set up to serve cannot be read here now (\"hm-agent "    \
    "check\" lists it under NOT KNOWN), and nothing shows that a plain socket serves this port: "  \
    "it may be one of HTTP.sys, which fails with error 32 at its next start when its port is "     \
    "excluded. It is added once the settings can be read."
#define TEXT_FAILED                                                                                \
    "A service that starts automatically has failed since the boot, and nothing shows who serves " \
    "this port: it may be one of that service by HTTP.sys. Until ten minutes after the boot such " \
    "ports are left alone."

bool hm_plan_is_in_doubt(const struct hm_plan_build *b)
{
    return b->input->settings_unread || b->input->services_failed;
}

/* Does the host have it? That every Windows has it says nothing. */
static bool is_on_host(const struct hm_product *product, const struct hm_inventory *inventory)
{
    struct hm_detect detect = product->detect;

    detect.always = false;
    return hm_detect_matches(&detect, inventory);
}

static bool is_plain_requirement(const struct hm_plan_build *b, const struct hm_requirement *row)
{
    return row->kind == HM_KIND_SOCKET && hm_requirement_may_exclude(row) &&
           hm_ports_overlap(b->wanted[row->protocol], row->ports);
}

static void put_product(struct hm_plan_build *b, const struct hm_product *product)
{
    bool asked = false;

    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *row = &product->requirements.at[i];

        if (!is_plain_requirement(b, row)) {
            continue;
        }
        if (!asked && !is_on_host(product, b->input->inventory)) {
            return;
        }
        asked = true;
        b->plain[row->protocol] = hm_plan_union(b, b->plain[row->protocol], row->ports);
    }
}

/* Is it the port of a product, and the product's own listener? */
static bool is_of_product(const struct hm_plan_build *b, const struct hm_port_entry *entry)
{
    const struct hm_catalogue *catalogue = b->input->catalogue;

    for (size_t i = 0; catalogue != NULL && i < catalogue->count; i++) {
        const struct hm_product *product = &catalogue->at[i];

        for (size_t k = 0; k < product->requirements.count; k++) {
            const struct hm_requirement *row = &product->requirements.at[k];

            if (row->protocol == entry->protocol && row->kind == HM_KIND_SOCKET &&
                hm_ports_contains(row->ports, entry->port) &&
                (hm_detect_owns(&product->detect, entry->program, entry->service) ||
                 hm_detect_owns(&row->detect, entry->program, entry->service))) {
                return true;
            }
        }
    }
    return false;
}

/* One that had the port in several boots needs it; who had it once may have been a guest. While
 * settings are unread even that is not enough: a program may hold the port of a URL for years. */
static bool is_plain_entry(const struct hm_plan_build *b, const struct hm_port_entry *row)
{
    if (b->input->settings_unread && !is_of_product(b, row)) {
        return false;
    }
    return row->kind == HM_KIND_SOCKET && row->boots >= HM_PORT_BOOK_FIXED &&
           !hm_str_equal(row->program, "") && !hm_str_equal_nocase(row->program, "System") &&
           hm_ports_contains(b->wanted[row->protocol], row->port);
}

void hm_plan_find_plain(struct hm_plan_build *b)
{
    const struct hm_catalogue *catalogue = b->input->catalogue;
    const struct hm_inventory *inventory = b->input->inventory;

    if (!hm_plan_is_in_doubt(b)) {
        return;
    }
    for (size_t i = 0; b->status == HM_OK && catalogue != NULL && i < catalogue->count; i++) {
        put_product(b, &catalogue->at[i]);
    }
    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *row = &inventory->port_book.at[i];

        if (is_plain_entry(b, row)) {
            b->plain[row->protocol] =
                hm_plan_union(b, b->plain[row->protocol],
                              hm_plan_one(b, (struct hm_range){row->port, row->port}));
        }
    }
}

void hm_plan_say_doubt(struct hm_plan_build *b, struct hm_plan_note *note)
{
    if (b->input->settings_unread) {
        hm_plan_refuse(b, note, HM_REFUSE_FACTS_MISSING, TEXT_UNREAD);
    } else {
        note->kind = HM_NOTE_WAITING_SETTLING;
        note->text = TEXT_FAILED;
    }
}
