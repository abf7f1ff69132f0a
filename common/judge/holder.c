/* common/judge/holder.c — who has a port now, and is that the service the port is for?
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/holder.h"

#include <string.h>

#include "common/base/str.h"
#include "common/judge/need.h"

#define DNS_PORT 53u

struct hm_holders {
    struct hm_judge_input input;
    struct hm_facts facts;
    struct hm_needs needs;
};

enum hm_status hm_holders_open(const struct hm_judge_input *input, const struct hm_ports wanted[2],
                               struct hm_arena *arena, struct hm_holders **out_holders,
                               struct hm_err *err)
{
    struct hm_holders *holders = hm_arena_alloc(arena, 1, sizeof(*holders));
    enum hm_status st;

    if (holders == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the holders of ports");
    }
    memset(holders, 0, sizeof(*holders));
    holders->input = *input;
    st = hm_facts_init(&holders->input, arena, &holders->facts, err);
    if (st == HM_OK) {
        st = hm_needs_list(&holders->facts, arena, &holders->needs, err);
    }
    for (unsigned i = 0; st == HM_OK && i < 2; i++) {
        hm_portbits_put_ports(holders->facts.required[i], wanted[i]);
    }
    if (st == HM_OK) {
        st = hm_facts_index_sockets(&holders->facts, arena, err);
    }
    if (st == HM_OK) {
        *out_holders = holders;
    }
    return st;
}

/* ---- the sockets on one port --------------------------------------------------------------- */

struct asked {
    const struct hm_holders *holders;
    enum hm_protocol protocol;
    enum hm_family family;
    struct hm_range range; /* one port */
};

/* The next holder; listeners of the inventory where the sockets are not known. TIME_WAIT holds
 * nothing. */
static bool next_holder(const struct asked *asked, struct hm_port_cursor *cursor,
                        enum hm_family *out_family, struct hm_holder *out_holder)
{
    const struct hm_facts *facts = &asked->holders->facts;
    const struct hm_ports ports = {&asked->range, 1};
    const struct hm_listener *listener;
    const struct hm_socket *socket;

    if (facts->input->sockets == NULL) {
        listener = hm_facts_next_listener(facts, asked->protocol, ports, cursor);
        if (listener == NULL) {
            return false;
        }
        *out_family = listener->family;
        *out_holder = hm_holder_of_listener(listener);
        return true;
    }
    do {
        socket = hm_facts_next_socket(facts, asked->protocol, ports, cursor);
    } while (socket != NULL && socket->state == HM_SOCKET_TIME_WAIT);
    if (socket == NULL) {
        return false;
    }
    *out_family = socket->family;
    *out_holder = hm_holder_of_socket(socket);
    return true;
}

static const char *text(const char *maybe)
{
    return maybe == NULL ? "" : maybe;
}

static int compare(const struct hm_holder *a, const struct hm_holder *b)
{
    int by = (a->state == HM_SOCKET_LISTEN ? 0 : 1) - (b->state == HM_SOCKET_LISTEN ? 0 : 1);

    by = by != 0 ? by : strcmp(text(a->program), text(b->program));
    by = by != 0 ? by : strcmp(text(a->service), text(b->service));
    return by != 0 ? by : strcmp(text(a->remote), text(b->remote));
}

static bool has_names_of(const struct hm_holder *holder, const struct hm_holder *like)
{
    return like == NULL || (hm_str_equal_nocase(text(holder->program), text(like->program)) &&
                            hm_str_equal(holder->service, like->service));
}

/* Of several holders, with the names of like (NULL: any), the one that is always named. */
static bool find_first(const struct asked *asked, const struct hm_holder *like,
                       struct hm_holder *out_holder)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    struct hm_holder first = {.program = ""};
    struct hm_holder holder;
    enum hm_family family;
    bool found = false;

    while (next_holder(asked, &cursor, &family, &holder)) {
        if (family == asked->family && has_names_of(&holder, like) &&
            (!found || compare(&holder, &first) < 0)) {
            first = holder;
            found = true;
        }
    }
    if (found) {
        *out_holder = first;
    }
    return found;
}

/* ---- whose --------------------------------------------------------------------------------- */

struct answer {
    enum hm_whose whose; /* HM_WHOSE_NOBODY: no requirement has the port */
    struct hm_holder holder;
};

static bool is_own(const struct asked *asked, const struct hm_need *need)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    struct hm_holder holder;
    enum hm_family family;
    bool own = false;

    while (!own && next_holder(asked, &cursor, &family, &holder)) {
        own = hm_need_owner_of(&asked->holders->facts, need, &holder) == HM_OWNER_SELF;
    }
    return own;
}

/* What one requirement says; where two share a port, its own service is no stranger there. */
static enum hm_status ask_requirement(const struct asked *asked, const struct hm_product *product,
                                      const struct hm_requirement *requirement,
                                      struct hm_arena *arena, struct answer *inout,
                                      struct hm_err *err)
{
    struct hm_requirement one = *requirement;
    struct hm_need need = {.product = product, .requirement = &one};
    struct hm_need_held held;
    enum hm_status st;

    if (requirement->protocol != asked->protocol ||
        !hm_ports_contains(requirement->ports, asked->range.first) ||
        inout->whose == HM_WHOSE_OWN) {
        return HM_OK;
    }
    one.ports = (struct hm_ports){&asked->range, 1};
    st = hm_need_held(&asked->holders->facts, &need, asked->family, false, arena, &held, err);
    if (st != HM_OK) {
        return st;
    }
    if (is_own(asked, &need)) {
        inout->whose = held.ports.count > 0 ? HM_WHOSE_FOREIGN : HM_WHOSE_OWN;
    } else {
        inout->whose = held.ports.count > 0 || inout->whose == HM_WHOSE_FOREIGN ? HM_WHOSE_FOREIGN
                                                                                : HM_WHOSE_UNKNOWN;
    }
    if (held.ports.count > 0) {
        inout->holder = held.holder;
    }
    return HM_OK;
}

static enum hm_status ask_all(const struct asked *asked, const char *product,
                              struct hm_arena *arena, struct answer *inout, struct hm_err *err)
{
    const struct hm_catalogue *catalogue = asked->holders->input.catalogue;
    const struct hm_needs *needs = &asked->holders->needs;
    enum hm_status st = HM_OK;

    if (product[0] == '\0') {
        for (size_t i = 0; st == HM_OK && i < needs->count; i++) {
            if (needs->at[i].product != NULL) {
                st = ask_requirement(asked, needs->at[i].product, needs->at[i].requirement, arena,
                                     inout, err);
            }
        }
        return st;
    }
    for (size_t i = 0; catalogue != NULL && i < catalogue->count; i++) {
        const struct hm_product *row = &catalogue->at[i];

        for (size_t k = 0;
             st == HM_OK && strcmp(row->id, product) == 0 && k < row->requirements.count; k++) {
            st = ask_requirement(asked, row, &row->requirements.at[k], arena, inout, err);
        }
    }
    return st;
}

/* One of the random sockets of the DNS Server (KB956188). */
static bool is_dns_pool(const struct asked *asked, const struct hm_holder *holder)
{
    return asked->protocol == HM_UDP && asked->holders->facts.has_dns && holder->port != DNS_PORT &&
           (hm_str_equal_nocase(holder->program, "dns.exe") ||
            hm_str_equal(holder->service, "DNS"));
}

static bool somebody_listens(const struct asked *asked)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    struct hm_holder holder;
    enum hm_family family;

    while (next_holder(asked, &cursor, &family, &holder)) {
        if (holder.state == HM_SOCKET_LISTEN) {
            return true;
        }
    }
    return false;
}

/* No requirement has the port. A connection where nobody listens is somebody's outgoing one. */
static enum hm_whose guess(const struct asked *asked, const struct hm_holder *holder)
{
    return is_dns_pool(asked, holder) || !somebody_listens(asked) ? HM_WHOSE_FOREIGN
                                                                  : HM_WHOSE_UNKNOWN;
}

enum hm_status hm_holders_find(const struct hm_holders *holders, const char *product,
                               enum hm_protocol protocol, enum hm_family family, uint16_t port,
                               struct hm_arena *arena, enum hm_whose *out_whose,
                               struct hm_holder *out_holder, struct hm_err *err)
{
    const struct asked asked = {
        holders, protocol, family, {port, port}
    };
    struct answer answer = {.whose = HM_WHOSE_NOBODY};
    struct hm_holder first;
    enum hm_status st;

    if (!find_first(&asked, NULL, &first)) {
        *out_whose = HM_WHOSE_NOBODY;
        return HM_OK;
    }
    st = ask_all(&asked, product, arena, &answer, err);
    if (st != HM_OK) {
        return st;
    }
    if (answer.whose == HM_WHOSE_NOBODY) {
        answer.whose = guess(&asked, &first);
    } else if (answer.whose == HM_WHOSE_FOREIGN) {
        (void)find_first(&asked, &answer.holder, &first);
    }
    *out_whose = answer.whose;
    *out_holder = first;
    return HM_OK;
}
