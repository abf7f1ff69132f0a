/* common/ports/port_hazards.c — the port book: ports that must not be excluded, by what a host was
 * set up to serve or by what it showed. SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/port_book.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

#define HOW_BLOCK "a block of exactly this port"
#define HOW_EVENT "event 15005 of HTTP.sys"

struct maker {
    const struct hm_port_memo *memo;
    const struct hm_inventory *inventory;
    struct hm_arena *arena;
    struct hm_port_hazards made;
    size_t cap;
    struct hm_err *err;
};

/* All but how. */
static int compare_places(const struct hm_port_hazard *a, const struct hm_port_hazard *b)
{
    const int by[] = {
        (int)a->protocol - (int)b->protocol,
        (int)a->port - (int)b->port,
        (int)a->kind - (int)b->kind,
        (int)a->lasts - (int)b->lasts,
    };

    for (size_t i = 0; i < HM_COUNT(by); i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return 0;
}

/* Of equal places the newest comes first, then by text: the same input, the same book. */
static int compare(const void *a, const void *b)
{
    const struct hm_port_hazard *x = a;
    const struct hm_port_hazard *y = b;
    int by = compare_places(x, y);

    if (by == 0) {
        by = (x->last_boot < y->last_boot) - (x->last_boot > y->last_boot);
    }
    return by != 0 ? by : strcmp(x->how, y->how);
}

void hm_port_hazards_settle(struct hm_port_hazards *hazards)
{
    size_t left = 0;

    if (hazards->count > 1) {
        qsort(hazards->at, hazards->count, sizeof(*hazards->at), compare);
    }
    for (size_t i = 0; i < hazards->count && left < HM_LIMIT_HAZARDS; i++) {
        if (left == 0 || compare_places(&hazards->at[left - 1], &hazards->at[i]) != 0) {
            hazards->at[left++] = hazards->at[i];
        }
    }
    hazards->count = left;
}

static enum hm_status put(struct maker *maker, const struct hm_port_hazard *hazard)
{
    struct hm_port_hazards *made = &maker->made;

    if (hm_arena_grow(maker->arena, (void **)&made->at, made->count, &maker->cap,
                      sizeof(*made->at)) != 0) {
        return hm_fail(maker->err, HM_ENOMEM, "no memory for the port book");
    }
    made->at[made->count++] = *hazard;
    return HM_OK;
}

static enum hm_status put_settings(struct maker *maker)
{
    const struct hm_configured_list *list = &maker->inventory->configured;
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && maker->inventory->has_configured && i < list->count; i++) {
        const struct hm_configured *row = &list->at[i];
        const struct hm_port_hazard hazard = {
            .protocol = row->protocol,
            .port = row->port,
            .kind = row->kind,
            .how = hm_arena_printf(maker->arena, "%s %s", hm_configured_by_labels[row->by],
                                   row->subject == NULL ? "" : row->subject),
            .last_boot = maker->memo->boot,
        };

        if (row->port != 0 && hm_kind_forbids_exclusion(row->kind)) {
            st = hazard.how == NULL ? hm_fail(maker->err, HM_ENOMEM, "no memory for the port book")
                                    : put(maker, &hazard);
        }
    }
    return st;
}

/* Does a listener say what it is? Then the book has it, with its program. */
static bool is_known(const struct hm_inventory *inventory, enum hm_protocol protocol, uint16_t port)
{
    for (size_t i = 0; i < inventory->listeners.count; i++) {
        const struct hm_listener *row = &inventory->listeners.at[i];

        if (row->port == port && row->protocol == protocol &&
            hm_kind_forbids_exclusion(row->kind)) {
            return true;
        }
    }
    return false;
}

static enum hm_status put_blocks(struct maker *maker)
{
    const struct hm_stacks *stacks = &maker->inventory->stacks;
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];

        for (size_t k = 0; st == HM_OK && stack->has_runtime && k < stack->runtime.count; k++) {
            const struct hm_range row = stack->runtime.at[k];
            const struct hm_port_hazard hazard = {
                .protocol = stack->protocol,
                .port = row.first,
                .kind = HM_KIND_KERNEL,
                .how = HOW_BLOCK,
                .lasts = true,
                .last_boot = maker->memo->boot,
            };

            if (row.first == row.last && !is_known(maker->inventory, stack->protocol, row.first)) {
                st = put(maker, &hazard);
            }
        }
    }
    return st;
}

static enum hm_status put_failed(struct maker *maker, struct hm_ports failed)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < failed.count; i++) {
        for (uint32_t port = failed.at[i].first; st == HM_OK && port <= failed.at[i].last; port++) {
            const struct hm_port_hazard hazard = {
                .protocol = HM_TCP,
                .port = (uint16_t)port,
                .kind = HM_KIND_HTTPSYS,
                .how = HOW_EVENT,
                .lasts = true,
                .last_boot = maker->memo->boot,
            };

            st = put(maker, &hazard);
        }
    }
    return st;
}

/* As a rule a block inside the dynamic range is a random one. */
static bool is_random(const struct hm_inventory *inventory, const struct hm_port_hazard *hazard)
{
    for (unsigned i = 0; hazard->kind == HM_KIND_KERNEL && i < 2; i++) {
        const struct hm_stack *stack =
            hm_inventory_stack(inventory, hazard->protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        if (stack != NULL && stack->has_dynamic &&
            hm_range_contains(stack->dynamic, hazard->port)) {
            return true;
        }
    }
    return false;
}

static bool is_kept(const struct maker *maker, const struct hm_port_hazard *hazard, bool unread)
{
    if (!hazard->lasts) {
        return unread;
    }
    return !is_random(maker->inventory, hazard) ||
           maker->memo->boot - hazard->last_boot <= HM_PORT_BOOK_FORGET_CONTAINER;
}

static bool are_equal(const struct hm_port_hazards *a, const struct hm_port_hazards *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; equal && i < a->count; i++) {
        equal = compare(&a->at[i], &b->at[i]) == 0;
    }
    return equal;
}

enum hm_status hm_port_memo_note_hazards(struct hm_port_memo *memo,
                                         const struct hm_inventory *inventory, bool unread,
                                         struct hm_ports failed, struct hm_arena *arena,
                                         bool *out_changed, struct hm_err *err)
{
    struct maker maker = {.memo = memo, .inventory = inventory, .arena = arena, .err = err};
    enum hm_status st = HM_OK;

    *out_changed = false;
    if (inventory->os.family != HM_OS_WINDOWS || hm_os_is_legacy(&inventory->os) ||
        memo->boot == 0) {
        return HM_OK;
    }
    st = put_settings(&maker);
    if (st == HM_OK) {
        st = put_blocks(&maker);
    }
    if (st == HM_OK) {
        st = put_failed(&maker, failed);
    }
    for (size_t i = 0; st == HM_OK && i < memo->hazards.count; i++) {
        if (is_kept(&maker, &memo->hazards.at[i], unread)) {
            st = put(&maker, &memo->hazards.at[i]);
        }
    }
    if (st != HM_OK) {
        return st;
    }
    hm_port_hazards_settle(&maker.made);
    *out_changed = !are_equal(&maker.made, &memo->hazards);
    if (*out_changed) {
        memo->hazards = maker.made;
    }
    return HM_OK;
}
