/* server/store/row.h — what the entities share: list statements, texts kept as JSON lists.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/base/buf.h"
#include "common/ports/inventory.h"
#include "server/store/page.h"
#include "server/store/store.h"

/* A list is "SELECT columns FROM (inner) WHERE (filter) AND key after cursor ORDER BY key". */
struct hm_list {
    const char *columns;
    const char *inner_now; /* makes every column that filters may name */
    const char *inner_at;  /* as it was at HM_LIST_AT; NULL = no history */
    const char *key;       /* one column, unique */
    bool key_is_number;
    bool descending;
};
#define HM_LIST_AT "?at"

/* Of hosts h, in lists of what hosts have; a forgotten host is shown by its last name. */
#define HM_LIST_HOST_COLUMNS                                                                       \
    "COALESCE(h.name, (SELECT n.name FROM host_states n WHERE n.host_id = list_of.host_id "        \
    "ORDER BY n.valid_from_ms DESC LIMIT 1), '') AS host_name, "                                   \
    "COALESCE(h.labels, '[]') AS host_labels, COALESCE(h.os_family, '') AS host_os_family, "       \
    "COALESCE(h.silent_since_ms <> 0 OR h.cloned, 0) AS host_silent"
#define HM_LIST_HOST_JOIN " LEFT JOIN hosts h ON h.id = list_of.host_id "

/* The same as it was at HM_LIST_AT; labels have no history. */
#define HM_LIST_HOST_COLUMNS_AT                                                                    \
    "COALESCE(hs.name, h.name, '') AS host_name, COALESCE(h.labels, '[]') AS host_labels, "        \
    "COALESCE(hs.os_family, h.os_family, '') AS host_os_family, "                                  \
    "COALESCE(hs.silent_since_ms <> 0 OR hs.cloned, 0) AS host_silent"
#define HM_LIST_HOST_JOIN_AT                                                                       \
    HM_LIST_HOST_JOIN "LEFT JOIN host_states hs ON hs.host_id = list_of.host_id "                  \
                      "AND hs.valid_from_ms <= " HM_LIST_AT                                        \
                      " AND (hs.valid_to_ms IS NULL OR hs.valid_to_ms > " HM_LIST_AT ") "

/* Asks for limit + 1 rows. */
enum hm_status hm_list_query(struct hm_session *session, const struct hm_list *list,
                             const struct hm_page *page, hm_row_fn *fn, void *arg,
                             struct hm_err *err) HM_MUST_CHECK;

/* "[\"site=paris\"]". hm_strings_read is for columns that hm_strings_text made. */
const char *hm_strings_text(const struct hm_strings *strings, struct hm_arena *arena);
enum hm_status hm_strings_read(const char *text, struct hm_arena *arena,
                               struct hm_strings *out_strings, struct hm_err *err) HM_MUST_CHECK;

/* A blob column of exactly len bytes. */
enum hm_status hm_row_bytes(struct hm_stmt *row, int at, void *out, size_t len,
                            struct hm_err *err) HM_MUST_CHECK;
