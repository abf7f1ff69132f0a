/* common/judge/need_instances.c — products with ports of this host: a requirement for each
 * instance. SPDX-License-Identifier: Apache-2.0
 *
 * Instances of a product are services of it, told apart by a number at the end of their names
 * (SAPPRD_07), or by settings that each of them has (MSSQL$PAYROLL, postgresql@15-main). */
#include "common/judge/need.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/numbered.h"
#include "common/ports/os_version.h"

/* The requirements of a product in the making. */
struct maker {
    const struct hm_facts *facts;
    const struct hm_product *product; /* of the catalogue */
    struct hm_arena *arena;
    struct hm_err *err;
    struct hm_requirement *rows;
    size_t count;
    size_t cap;
    size_t cut;
};

static enum hm_status no_memory(const struct maker *maker)
{
    return hm_fail(maker->err, HM_ENOMEM, "no memory for the products of a host");
}

static enum hm_status put_row(struct maker *maker, const struct hm_requirement *row)
{
    if (hm_arena_grow(maker->arena, (void **)&maker->rows, maker->count, &maker->cap,
                      sizeof(*maker->rows)) != 0) {
        return no_memory(maker);
    }
    maker->rows[maker->count++] = *row;
    return HM_OK;
}

static int compare_names(const void *a, const void *b)
{
    return hm_str_compare_nocase(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the services, drops doubles and those over the limit. */
static void settle(struct maker *maker, struct hm_strings *services)
{
    size_t left = 0;

    if (services->count > 1) {
        qsort(services->at, services->count, sizeof(*services->at), compare_names);
    }
    for (size_t i = 0; i < services->count; i++) {
        if (left > 0 && hm_str_equal_nocase(services->at[left - 1], services->at[i])) {
            continue;
        }
        services->at[left++] = services->at[i];
    }
    services->count = left;
    if (left > HM_LIMIT_INSTANCES) {
        maker->cut += left - HM_LIMIT_INSTANCES;
        services->count = HM_LIMIT_INSTANCES;
    }
}

#define TWIN_BYTES 8 /* "-64" behind an id */

static bool has_id(const struct maker *maker, const char *id)
{
    for (size_t i = 0; i < maker->count; i++) {
        if (strcmp(maker->rows[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

/* "engine-mssql-payroll": of the requirement and its service. Of names that differ in other signs
 * or late only, the second has "-2" at its end: a verdict must not stand for two instances. */
static const char *id_of(struct maker *maker, const struct hm_requirement *row, const char *service)
{
    char *id = hm_arena_printf(maker->arena, "%s-%s", row->id, service);
    const char *own = id;

    for (size_t i = strlen(row->id); id != NULL && id[i] != '\0'; i++) {
        const char c = id[i] >= 'A' && id[i] <= 'Z' ? (char)(id[i] | 0x20) : id[i];

        id[i] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
    }
    if (id != NULL && strlen(id) > HM_LIMIT_NAME_BYTES - TWIN_BYTES) {
        id[HM_LIMIT_NAME_BYTES - TWIN_BYTES] = '\0';
    }
    for (unsigned n = 2; own != NULL && has_id(maker, own); n++) {
        own = hm_arena_printf(maker->arena, "%s-%u", id, n);
    }
    return own;
}

static bool is_pattern(const char *name)
{
    return strpbrk(name, "*?") != NULL;
}

/* Is it a part that companions serve, where there are any? That the service of the instance is down
 * says nothing of it then. */
static bool is_of_companions(const struct hm_requirement *row)
{
    return row->optional && row->companions.programs.count > 0 && row->detect.services.count == 0 &&
           row->detect.programs.count == 0;
}

/* A copy of the row for one of several instances. That of the only one keeps its names. */
static enum hm_status make_instance(struct maker *maker, const struct hm_requirement *row,
                                    const char *service, struct hm_requirement *out)
{
    const struct hm_strings *named = &row->detect.services;
    const char **names = hm_arena_alloc(maker->arena, 1, sizeof(*names));

    *out = *row;
    if (names == NULL) {
        return no_memory(maker);
    }
    names[0] = service;
    if (!is_of_companions(row)) {
        out->detect.services = (struct hm_strings){names, 1};
    }
    out->of_instance = true;
    if (named->count != 1 || is_pattern(named->at[0])) {
        out->id = id_of(maker, row, service);
        out->title = hm_arena_printf(maker->arena, "%s, %s", row->title, service);
    }
    return out->id == NULL || out->title == NULL ? no_memory(maker) : HM_OK;
}

static enum hm_status put_numbered(struct maker *maker, const struct hm_requirement *row)
{
    const struct hm_names *all = &maker->facts->services;
    struct hm_strings found = {hm_arena_alloc(maker->arena, all->count, sizeof(*found.at)), 0};
    char number[3];
    enum hm_status st = found.at == NULL ? no_memory(maker) : HM_OK;

    for (size_t i = 0; i < all->count && st == HM_OK; i++) {
        if (hm_numbered_fits(&row->numbered, all->at[i], number)) {
            found.at[found.count++] = all->at[i];
        }
    }
    settle(maker, &found);
    for (size_t i = 0; i < found.count && st == HM_OK; i++) {
        struct hm_requirement made;

        if (!hm_numbered_fits(&row->numbered, found.at[i], number)) {
            continue;
        }
        st = make_instance(maker, row, found.at[i], &made);
        if (st == HM_OK) {
            st = hm_numbered_ports(&row->numbered, number, maker->arena, &made.ports, maker->err);
        }
        if (st == HM_EINVAL) { /* a rule that hm_product_check refuses */
            return HM_OK;
        }
        made.ports_by = "the number of its service";
        if (st == HM_OK) {
            st = hm_need_observe_instance(maker->facts, maker->product, found.at[i], &made,
                                          maker->arena, maker->err);
        }
        st = st == HM_OK ? put_row(maker, &made) : st;
    }
    return st;
}

/* Is it the product's by its program alone, and wanted? Its name is of no product. A line with a
 * port of its own then speaks of the product. */
static bool is_own_name(const struct maker *maker, const struct hm_requirement *row,
                        const char *name)
{
    const struct hm_service *service = hm_inventory_service(maker->facts->inventory, name);
    const struct hm_detect programs = {.programs = row->detect.programs.count > 0
                                                       ? row->detect.programs
                                                       : maker->product->detect.programs};

    return row->port_from == HM_BY_SETTINGS_PORT && service != NULL &&
           ((service->has_runs && service->runs) || hm_service_is_wanted(service)) &&
           !hm_need_is_shared_host(service->program) &&
           hm_detect_owns(&programs, service->program, "") &&
           !hm_need_is_claimed(maker->facts->input->catalogue, name);
}

/* The services of the row that settings of the host name. */
static enum hm_status find_set_up(struct maker *maker, const struct hm_requirement *row,
                                  struct hm_strings *out)
{
    const struct hm_inventory *inventory = maker->facts->inventory;
    const size_t count = inventory->has_configured ? inventory->configured.count : 0;
    const struct hm_detect *detect =
        row->detect.services.count > 0 ? &row->detect : &maker->product->detect;

    *out = (struct hm_strings){hm_arena_alloc(maker->arena, count, sizeof(*out->at)), 0};
    if (out->at == NULL) {
        return no_memory(maker);
    }
    for (size_t i = 0; i < count; i++) {
        const struct hm_configured *one = &inventory->configured.at[i];

        if (one->by == row->port_from && one->protocol == row->protocol &&
            (hm_detect_owns(detect, "", one->service) || is_own_name(maker, row, one->service))) {
            out->at[out->count++] = one->service;
        }
    }
    settle(maker, out);
    return HM_OK;
}

/* Is it down, and the product's by its program alone? Its name is of no product. */
static bool is_unnamed(const struct maker *maker, const struct hm_requirement *row,
                       const char *name)
{
    const struct hm_service *service = hm_inventory_service(maker->facts->inventory, name);
    const struct hm_detect programs = {.programs = row->detect.programs.count > 0
                                                       ? row->detect.programs
                                                       : maker->product->detect.programs};

    return service != NULL && service->has_runs && !service->runs &&
           hm_service_is_wanted(service) && !hm_need_is_shared_host(service->program) &&
           hm_detect_owns(&programs, service->program, "") &&
           !hm_need_is_claimed(maker->facts->input->catalogue, name);
}

/* The services of the row that no settings file is known of, where some are known of others. */
static enum hm_status find_unsaid(struct maker *maker, const struct hm_requirement *row,
                                  struct hm_strings *out)
{
    const struct hm_inventory *inventory = maker->facts->inventory;
    const struct hm_names *all = &maker->facts->services;
    const struct hm_detect *detect =
        row->detect.services.count > 0 ? &row->detect : &maker->product->detect;

    *out = (struct hm_strings){hm_arena_alloc(maker->arena, all->count, sizeof(*out->at)), 0};
    if (out->at == NULL) {
        return no_memory(maker);
    }
    for (size_t i = 0; i < all->count && inventory->has_configured; i++) {
        bool said = !hm_detect_owns(detect, "", all->at[i]) && !is_unnamed(maker, row, all->at[i]);

        for (size_t k = 0; k < inventory->configured.count && !said; k++) {
            const struct hm_configured *one = &inventory->configured.at[k];

            said = (one->by == HM_BY_SETTINGS_PORT || one->by == HM_BY_SETTINGS_NO_PORT) &&
                   hm_str_equal_nocase(one->service, all->at[i]);
        }
        if (!said) {
            out->at[out->count++] = all->at[i];
        }
    }
    settle(maker, out);
    return HM_OK;
}

/* Is an instance of the row known to have no fixed port, or none at all? Then it has not the
 * default either. */
static bool is_given_one(const struct maker *maker, const struct hm_requirement *row)
{
    static const struct {
        enum hm_configured_by chosen;
        enum hm_configured_by given;
        bool of_service; /* its row names the service */
    } settings[] = {
        {HM_BY_SQL_PORT,        HM_BY_SQL_DYNAMIC_PORT,      true },
        {HM_BY_WIREGUARD_PORT,  HM_BY_WIREGUARD_GIVEN_PORT,  true },
        {HM_BY_DEPLOYMENT_PORT, HM_BY_DEPLOYMENT_GIVEN_PORT, false},
        {HM_BY_SETTINGS_PORT,   HM_BY_SETTINGS_NO_PORT,      true },
    };
    const struct hm_inventory *inventory = maker->facts->inventory;
    const size_t count = inventory->has_configured ? inventory->configured.count : 0;
    const struct hm_detect *detect =
        row->detect.services.count > 0 ? &row->detect : &maker->product->detect;

    if (row->port_from == HM_BY_WIREGUARD_PORT && inventory->configured_partial) {
        return false; /* a file that could not be read may be of a tunnel on the usual port */
    }
    for (size_t k = 0; k < HM_COUNT(settings); k++) {
        for (size_t i = 0; row->port_from == settings[k].chosen && i < count; i++) {
            const struct hm_configured *one = &inventory->configured.at[i];

            if (one->by == settings[k].given &&
                (!settings[k].of_service || hm_detect_owns(detect, "", one->service) ||
                 is_own_name(maker, row, one->service))) {
                return true;
            }
        }
    }
    return false;
}

/* The services of the row with a setting that was not gathered. */
static enum hm_status find_unread(struct maker *maker, const struct hm_requirement *row,
                                  struct hm_strings *out)
{
    const struct hm_names *all = &maker->facts->services;
    const struct hm_detect *detect =
        row->detect.services.count > 0 ? &row->detect : &maker->product->detect;

    *out = (struct hm_strings){hm_arena_alloc(maker->arena, all->count, sizeof(*out->at)), 0};
    if (out->at == NULL) {
        return no_memory(maker);
    }
    for (size_t i = 0; i < all->count; i++) {
        if (hm_detect_owns(detect, "", all->at[i]) &&
            hm_need_is_unread(maker->facts, row, all->at[i])) {
            out->at[out->count++] = all->at[i];
        }
    }
    settle(maker, out);
    return HM_OK;
}

static enum hm_status put_unread(struct maker *maker, const struct hm_requirement *row,
                                 const struct hm_strings *services)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < services->count && st == HM_OK; i++) {
        struct hm_requirement made = *row;

        if (row->port_from == HM_BY_SQL_PORT) {
            st = make_instance(maker, row, services->at[i], &made);
        }
        if (st == HM_OK) {
            st = hm_need_guess_ports(maker->facts, maker->product, services->at[i], NULL, &made,
                                     maker->arena, maker->err);
        }
        st = st == HM_OK ? put_row(maker, &made) : st;
    }
    return st;
}

/* Beside a DNS Server whose pool leaves the whole range of Windows Deployment Services out they
 * find a free port of it, as they do without a DNS Server. */
static bool is_left_by_pool(const struct maker *maker, const struct hm_requirement *made)
{
    return made->port_from == HM_BY_DEPLOYMENT_PORT && made->port_doubt == NULL &&
           maker->facts->has_dns && hm_ports_covers(maker->facts->dns.excluded, made->ports);
}

/* Settings files of servers: a part for each service. That of the only one keeps its names; a
 * service whose files are not known has the catalogue's ports. */
static enum hm_status put_from_files(struct maker *maker, const struct hm_requirement *row)
{
    struct hm_strings said;
    struct hm_strings unsaid;
    struct hm_requirement made;
    enum hm_status st = find_set_up(maker, row, &said);

    if (st == HM_OK) {
        st = find_unsaid(maker, row, &unsaid);
    }
    if (st != HM_OK) {
        return st;
    }
    if (said.count == 0) {
        return unsaid.count == 0 && is_given_one(maker, row) ? HM_OK : put_row(maker, row);
    }
    for (size_t i = 0; i < said.count + unsaid.count && st == HM_OK; i++) {
        const char *service = i < said.count ? said.at[i] : unsaid.at[i - said.count];

        st = make_instance(maker, row, service, &made);
        if (st == HM_OK && i < said.count) {
            st = hm_need_choose_ports(maker->facts, maker->product, service, &made, maker->arena,
                                      maker->err);
            made.optional = made.optional && made.port_unread != NULL; /* it is set up */
        }
        if (said.count + unsaid.count == 1) {
            made.id = row->id;
            made.title = row->title;
            made.detect.programs = row->detect.services.count + row->detect.programs.count > 0
                                       ? row->detect.programs
                                       : maker->product->detect.programs;
        }
        st = st == HM_OK ? put_row(maker, &made) : st;
    }
    return st;
}

static enum hm_status put_chosen(struct maker *maker, const struct hm_requirement *row)
{
    struct hm_strings services;
    struct hm_strings unread = {NULL, 0};
    struct hm_requirement made = *row;
    enum hm_status st = find_set_up(maker, row, &services);

    if (st == HM_OK) {
        st = find_unread(maker, row, &unread);
    }
    if (st == HM_OK && unread.count > 0) {
        st = put_unread(maker, row, &unread);
    }
    if (st == HM_OK && services.count == 0 && (unread.count > 0 || is_given_one(maker, row))) {
        return HM_OK;
    }
    if (st == HM_OK && services.count == 0) {
        st =
            hm_need_choose_ports(maker->facts, maker->product, "", &made, maker->arena, maker->err);
        return st == HM_OK && !is_left_by_pool(maker, &made) ? put_row(maker, &made) : st;
    }
    for (size_t i = 0; i < services.count && st == HM_OK; i++) {
        st = make_instance(maker, row, services.at[i], &made);
        made.optional = made.optional && row->port_from != HM_BY_WIREGUARD_PORT; /* it is set up */
        if (st == HM_OK) {
            st = hm_need_choose_ports(maker->facts, maker->product, services.at[i], &made,
                                      maker->arena, maker->err);
        }
        st = st == HM_OK ? put_row(maker, &made) : st;
    }
    return st;
}

/* Has this host's version of the system the requirement? One that nobody knows may have it. */
static bool is_of_version(const struct hm_facts *facts, const struct hm_requirement *row)
{
    return hm_os_within(&facts->inventory->os, row->version_min, row->version_max) != HM_WITHIN_NO;
}

/* Are the requirements of the product those of this host as they stand? */
static bool is_settled(const struct hm_facts *facts, const struct hm_product *product)
{
    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *row = &product->requirements.at[i];

        if (row->has_port_from || row->has_numbered || !is_of_version(facts, row)) {
            return false;
        }
    }
    return true;
}

static enum hm_status make_product(struct maker *maker, const struct hm_product **inout)
{
    struct hm_product *made = hm_arena_alloc(maker->arena, 1, sizeof(*made));
    enum hm_status st = made == NULL ? no_memory(maker) : HM_OK;

    maker->product = *inout;
    for (size_t i = 0; i < maker->product->requirements.count && st == HM_OK; i++) {
        const struct hm_requirement *row = &maker->product->requirements.at[i];

        if (!is_of_version(maker->facts, row)) {
            continue;
        }
        st = row->has_numbered                       ? put_numbered(maker, row)
             : !row->has_port_from                   ? put_row(maker, row)
             : row->port_from == HM_BY_SETTINGS_PORT ? put_from_files(maker, row)
                                                     : put_chosen(maker, row);
    }
    if (st == HM_OK) {
        *made = *maker->product;
        made->requirements = (struct hm_requirements){maker->rows, maker->count};
        *inout = made;
    }
    return st;
}

enum hm_status hm_needs_find_instances(struct hm_facts *facts, struct hm_arena *arena,
                                       size_t *out_cut, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    *out_cut = 0;
    for (size_t i = 0; i < facts->present_count && st == HM_OK; i++) {
        struct maker maker = {.facts = facts, .arena = arena, .err = err};

        if (!is_settled(facts, facts->present[i])) {
            st = make_product(&maker, &facts->present[i]);
            *out_cut += maker.cut;
        }
    }
    return st;
}
