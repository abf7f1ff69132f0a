/* server/rollout/set.c — what many hosts are offered alike: encoded once, counted references.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

enum hm_status hm_offer_new(struct hm_buf *body, struct hm_offer **out_offer, struct hm_err *err)
{
    struct hm_offer *offer = calloc(1, sizeof(*offer));

    if (offer == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a desired state");
    }
    atomic_init(&offer->refs, 1);
    offer->body = *body;
    hm_buf_init(body, body->cap_bytes);
    hm_digest_text(offer->body.data, offer->body.len, offer->digest);
    *out_offer = offer;
    return HM_OK;
}

void hm_offer_drop(struct hm_offer *offer)
{
    if (offer != NULL && atomic_fetch_sub(&offer->refs, 1) == 1) {
        hm_buf_fini(&offer->body);
        free(offer);
    }
}

static enum hm_status write_etag(struct hm_desired_set *set, struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];
    struct hm_buf both;
    enum hm_status st;

    hm_buf_init(&both, HM_DIGEST_TEXT_BYTES + set->labels_len);
    hm_buf_puts(&both, set->offer->digest);
    hm_buf_put(&both, set->labels, set->labels_len);
    st = hm_buf_status(&both, err);
    if (st == HM_OK) {
        hm_digest_text(both.data, both.len, digest);
        (void)snprintf(set->etag, sizeof(set->etag), "\"%s\"", digest);
    }
    hm_buf_fini(&both);
    return st;
}

enum hm_status hm_desired_set_new(struct hm_offer *offer, const char *labels,
                                  struct hm_desired_set **out_set, struct hm_err *err)
{
    size_t len = strlen(labels);
    struct hm_desired_set *set = calloc(1, sizeof(*set) + len + 1);
    enum hm_status st;

    if (set == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a desired state");
    }
    atomic_init(&set->refs, 1);
    atomic_fetch_add(&offer->refs, 1);
    set->offer = offer;
    memcpy(set->labels, labels, len + 1);
    set->labels_len = strcmp(labels, "[]") == 0 ? 0 : len;
    st = write_etag(set, err);
    if (st != HM_OK) {
        hm_desired_set_drop(set);
        return st;
    }
    *out_set = set;
    return HM_OK;
}

struct hm_desired_set *hm_desired_set_keep(struct hm_desired_set *set)
{
    atomic_fetch_add(&set->refs, 1);
    return set;
}

void hm_desired_set_drop(struct hm_desired_set *set)
{
    if (set != NULL && atomic_fetch_sub(&set->refs, 1) == 1) {
        hm_offer_drop(set->offer);
        free(set);
    }
}

enum hm_status hm_desired_set_write(const struct hm_desired_set *set, const char *catalogue,
                                    size_t catalogue_len, struct hm_buf *out, struct hm_err *err)
{
    const struct hm_buf *body = &set->offer->body;

    hm_buf_put(out, body->data, body->len - 1); /* its members without the closing brace */
    if (set->labels_len > 0) {
        hm_buf_puts(out, ",\"labels\":");
        hm_buf_put(out, set->labels, set->labels_len);
    }
    if (catalogue != NULL) {
        hm_buf_putc(out, ',');
        hm_buf_put(out, catalogue, catalogue_len);
    }
    hm_buf_putc(out, '}');
    return hm_buf_status(out, err);
}
