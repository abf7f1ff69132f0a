/* server/catalogue/shelf.h — the catalogue as an immutable snapshot, and the desired state made
 * of it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/wire/records.h"

struct hm_shelf;

/* Reads every *.json of the folders, later folders outrank earlier ones by product id (the
 * product's own, then the administrator's). Encodes the desired document once. */
enum hm_status hm_shelf_open(const char *const *folders, size_t folder_count, uint32_t interval_s,
                             struct hm_shelf **out_shelf, struct hm_err *err) HM_MUST_CHECK;
void hm_shelf_close(struct hm_shelf *shelf);

/* Borrowed until hm_shelf_close. */
const struct hm_catalogue *hm_shelf_catalogue(const struct hm_shelf *shelf);
/* The body of GET /v1/desired and its ETag (with quotes), the same for every host for now. */
const char *hm_shelf_desired(const struct hm_shelf *shelf, size_t *out_len);
const char *hm_shelf_etag(const struct hm_shelf *shelf);
