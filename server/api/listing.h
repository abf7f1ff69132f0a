/* server/api/listing.h — what every list of the API shares: parameters in, cursor out.
 * SPDX-License-Identifier: Apache-2.0
 *
 * ?limit= (1 to HM_LIMIT_PAGE_ROWS, standard 100), ?cursor=, ?filter=, ?at= (RFC 3339). A cursor
 * is opaque to clients: base64url of the list's name and the key of the last row. Threads: pure. */
#pragma once

#include "server/http/http.h"
#include "server/store/filter.h"

#define HM_LISTING_LIMIT 100u

struct hm_listing {
    const char *name;                    /* in the cursor: one of another list is refused */
    const struct hm_filter_list *filter; /* NULL = takes none */
    bool has_history;                    /* takes at */
    const char *extra[2];                /* parameters of its own; NULL none */
};

/* HM_EINVAL: unknown_parameter, bad_limit, bad_cursor, bad_time, bad_filter. */
enum hm_status hm_listing_page(struct hm_req *req, const struct hm_listing *listing,
                               struct hm_page *out_page, struct hm_err *err) HM_MUST_CHECK;

/* Cursor behind the row with this key; NULL on no memory (and for a NULL key). */
const char *hm_listing_next(struct hm_req *req, const struct hm_listing *listing, const char *key);
const char *hm_listing_next_number(struct hm_req *req, const struct hm_listing *listing,
                                   int64_t key);

/* Refuses every query parameter that is not among names. */
enum hm_status hm_params_only(const struct hm_req *req, const char *const *names, size_t count,
                              struct hm_err *err) HM_MUST_CHECK;

/* ?at=; *out_at_ms is 0 when it is absent. */
enum hm_status hm_params_at(const struct hm_req *req, int64_t *out_at_ms,
                            struct hm_err *err) HM_MUST_CHECK;
