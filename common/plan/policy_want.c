/* common/plan/policy_want.c — from a policy's reservations to the ranges that it wants.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/policy.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

struct maker {
    const struct hm_policy *policy;
    struct hm_arena *arena;
    struct hm_wants wants;
    size_t cap;
    const char *missing_product;
    struct hm_err *err;
};

bool hm_requirement_may_exclude(const struct hm_requirement *requirement)
{
    return !hm_kind_forbids_exclusion(requirement->kind) &&
           requirement->safe_to_exclude != HM_EXCLUDE_NO;
}

bool hm_families_has(enum hm_families families, enum hm_family family)
{
    return families == HM_FAMILIES_BOTH || (families == HM_FAMILIES_IPV4) == (family == HM_IPV4);
}

const struct hm_product *hm_catalogue_product(const struct hm_catalogue *catalogue, const char *id)
{
    for (size_t i = 0; catalogue != NULL && i < catalogue->count; i++) {
        if (hm_str_equal(catalogue->at[i].id, id)) {
            return &catalogue->at[i];
        }
    }
    return NULL;
}

static enum hm_status put_ports(struct maker *maker, enum hm_protocol protocol,
                                enum hm_families families, struct hm_ports ports,
                                const char *product)
{
    for (size_t i = 0; i < ports.count; i++) {
        if (maker->wants.count >= HM_LIMIT_WANTS) {
            return hm_fail(maker->err, HM_ETOOBIG,
                           "policy %s wants more than %u ranges of ports; join neighbours, or part "
                           "the policy",
                           maker->policy->name, HM_LIMIT_WANTS);
        }
        if (hm_arena_grow(maker->arena, (void **)&maker->wants.at, maker->wants.count, &maker->cap,
                          sizeof(*maker->wants.at)) != 0) {
            return hm_fail(maker->err, HM_ENOMEM, "no memory for what policy %s wants",
                           maker->policy->name);
        }
        maker->wants.at[maker->wants.count++] =
            (struct hm_want){maker->policy, protocol, families, ports.at[i], product};
    }
    return HM_OK;
}

/* Both sides name families: what is left; false when nothing is. */
static bool common_families(enum hm_families a, enum hm_families b, enum hm_families *out)
{
    *out = a == HM_FAMILIES_BOTH ? b : a;
    return a == HM_FAMILIES_BOTH || b == HM_FAMILIES_BOTH || a == b;
}

static enum hm_status put_product(struct maker *maker, const struct hm_reservation *reservation,
                                  const struct hm_catalogue *catalogue)
{
    const struct hm_product *product = hm_catalogue_product(catalogue, reservation->product);
    enum hm_status st = HM_OK;

    if (product == NULL) {
        maker->missing_product = reservation->product;
        return HM_OK;
    }
    for (size_t i = 0; st == HM_OK && i < product->requirements.count; i++) {
        const struct hm_requirement *row = &product->requirements.at[i];
        enum hm_families families;

        if ((reservation->has_protocol && reservation->protocol != row->protocol) ||
            (!hm_str_equal(reservation->requirement, "") &&
             !hm_str_equal(reservation->requirement, row->id)) ||
            !hm_requirement_may_exclude(row) ||
            !common_families(reservation->families, row->families, &families)) {
            continue;
        }
        st = put_ports(maker, row->protocol, families, row->ports, product->id);
    }
    return st;
}

static int compare_wants(const void *a, const void *b)
{
    const struct hm_want *x = a;
    const struct hm_want *y = b;
    const int by[] = {
        (int)x->protocol - (int)y->protocol,
        (int)x->range.first - (int)y->range.first,
        (int)x->range.last - (int)y->range.last,
        (int)x->families - (int)y->families,
        (int)y->policy->mode - (int)x->policy->mode,
        strcmp(x->policy->name, y->policy->name),
        strcmp(x->product, y->product),
    };

    for (size_t i = 0; i < HM_COUNT(by); i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return 0;
}

void hm_wants_sort(struct hm_wants *wants)
{
    if (wants->count > 1) {
        qsort(wants->at, wants->count, sizeof(*wants->at), compare_wants);
    }
}

enum hm_status hm_policy_wants(const struct hm_policy *policy, const struct hm_catalogue *catalogue,
                               struct hm_arena *arena, struct hm_wants *out_wants,
                               const char **out_missing_product, struct hm_err *err)
{
    struct maker maker = {.policy = policy, .arena = arena, .missing_product = "", .err = err};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < policy->reservations.count; i++) {
        const struct hm_reservation *row = &policy->reservations.at[i];

        st = hm_str_equal(row->product, "")
                 ? put_ports(&maker, row->protocol, row->families, row->ports, "")
                 : put_product(&maker, row, catalogue);
    }
    if (st == HM_OK) {
        hm_wants_sort(&maker.wants);
        *out_wants = maker.wants;
        *out_missing_product = maker.missing_product;
    }
    return st;
}
