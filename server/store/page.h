/* server/store/page.h — what every list of the store takes: a filter and a place to go on from.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lists are keyset-paged: rows after the cursor in the list's one order, so a page neither
 * repeats nor loses a row that stays while rows around it come and go. */
#pragma once

#include "server/store/db.h"

/* A compiled filter: SQL over the list's own column names, with $1…$n for its values. */
struct hm_where {
    const char *sql; /* "" = everything */
    const struct hm_value *values;
    size_t count;
};

struct hm_page {
    struct hm_where where;
    bool has_at;
    int64_t at_ms;     /* as it was then; lists without history refuse it */
    const char *after; /* key of the last row of the page before; "" = from the start */
    unsigned limit;    /* 1 to HM_LIMIT_PAGE_ROWS; lists fetch limit + 1 to know of more */
};
