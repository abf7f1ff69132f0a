/* server/catalogue/shelf.h — the catalogue as an immutable snapshot.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/wire/records.h"

struct hm_shelf;

/* Reads every *.json of the folders, later folders outrank earlier ones by product id (the
 * product's own, then the administrator's). */
enum hm_status hm_shelf_open(const char *const *folders, size_t folder_count,
                             struct hm_shelf **out_shelf, struct hm_err *err) HM_MUST_CHECK;
void hm_shelf_close(struct hm_shelf *shelf);

/* Borrowed until hm_shelf_close. */
const struct hm_catalogue *hm_shelf_catalogue(const struct hm_shelf *shelf);
/* The shipped catalogue's version and date; 0 and "" where catalogue.json is not there. */
const struct hm_catalogue_release *hm_shelf_release(const struct hm_shelf *shelf);
/* Names its content: another catalogue has another tag. */
const char *hm_shelf_tag(const struct hm_shelf *shelf);
/* "catalogue":[…]: the member of struct hm_desired as JSON text, encoded once. */
const char *hm_shelf_json(const struct hm_shelf *shelf, size_t *out_len);
