/* common/judge/remedy_makers.c — the product whose set-up made a dynamic range, by the catalogue.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_scope.h"

#include <string.h>

#include "common/ports/os_version.h"

/* 1024 and 1025 are one start: MaxUserPort has an end only. */
static bool is_range(const struct hm_effect *effect, struct hm_range range)
{
    const struct hm_range *made = effect->ports.at;

    return effect->what == HM_RANGE_MOVED && effect->ports.count == 1 && made->last == range.last &&
           (made->first == range.first || (made->first <= 1025 && made->first >= 1024 &&
                                           range.first <= 1025 && range.first >= 1024));
}

static bool is_for_windows(const struct hm_product *product)
{
    for (size_t i = 0; i < product->os.count; i++) {
        if (strcmp(product->os.at[i], "windows") == 0) {
            return true;
        }
    }
    return product->os.count == 0;
}

static enum hm_maker_seen is_seen(const struct hm_finding_ctx *ctx,
                                  const struct hm_product *product)
{
    const struct hm_inventory *inventory = ctx->input->inventory;

    if (hm_facts_detect(ctx->facts, &product->detect)) {
        return HM_MAKER_SEEN;
    }
    /* Where services may be missing from the list, its own may be there. */
    return (!inventory->has_services || inventory->services_partial) &&
                   product->detect.services.count > 0
               ? HM_MAKER_MAY_BE
               : HM_MAKER_NOT_SEEN;
}

/* Before another one: the product is seen, or the range alone tells. */
static bool is_better(const struct hm_range_maker *a, const struct hm_range_maker *b)
{
    return a->seen != b->seen ? a->seen < b->seen
                              : a->effect->distinctive && !b->effect->distinctive;
}

static void put_maker(struct hm_range_makers *makers, struct hm_range_maker maker)
{
    size_t at = makers->count < HM_RANGE_MAKERS ? makers->count++ : HM_RANGE_MAKERS;

    for (; at > 0 && is_better(&maker, &makers->at[at - 1]); at--) {
        if (at < HM_RANGE_MAKERS) {
            makers->at[at] = makers->at[at - 1];
        }
    }
    if (at < HM_RANGE_MAKERS) {
        makers->at[at] = maker;
    }
}

struct hm_range_makers hm_remedy_range_makers(const struct hm_finding_ctx *ctx,
                                              enum hm_protocol protocol, struct hm_range range)
{
    const struct hm_catalogue *catalogue = ctx->input->catalogue;
    struct hm_range_makers makers = {.count = 0};

    for (size_t i = 0; !ctx->facts->linux_host && catalogue != NULL && i < catalogue->count; i++) {
        const struct hm_product *product = &catalogue->at[i];

        for (size_t k = 0; is_for_windows(product) && k < product->effects.count; k++) {
            const struct hm_effect *effect = &product->effects.at[k];

            if (effect->protocol == protocol && is_range(effect, range) &&
                hm_os_within(&ctx->input->inventory->os, effect->version_min,
                             effect->version_max) != HM_WITHIN_NO) {
                put_maker(&makers, (struct hm_range_maker){effect, is_seen(ctx, product)});
            }
        }
    }
    return makers;
}

const char *hm_remedy_range_maker(const struct hm_finding_ctx *ctx, enum hm_protocol protocol,
                                  struct hm_range range)
{
    const struct hm_range_makers makers = hm_remedy_range_makers(ctx, protocol, range);

    for (size_t i = 0; i < makers.count; i++) {
        const struct hm_range_maker *maker = &makers.at[i];

        if (maker->effect->keep &&
            (maker->seen != HM_MAKER_NOT_SEEN || maker->effect->distinctive)) {
            return maker->effect->title;
        }
    }
    return NULL;
}
