/* agent/catalogue.h — the products an agent judges by: the collector's or the shipped ones, and
 * the administrator's own.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/requirement.h"

/* Every *.json of a folder, one product each, sorted by id; a product's id is its file name.
 * HM_ENOENT when the folder is not there; else the file that is wrong is named. */
enum hm_status hm_catalogue_load(const char *folder, struct hm_arena *arena,
                                 struct hm_catalogue *out_catalogue,
                                 struct hm_err *err) HM_MUST_CHECK;

/* Version and date of the shipped catalogue: catalogue.json beside product_dir. Zero and "" where
 * there is none, or none that can be read: it only tells people what they have. */
struct hm_catalogue_release hm_catalogue_release_of(const char *product_dir,
                                                    struct hm_arena *arena);

/* Both; of one id the second outranks the first. */
enum hm_status hm_catalogue_merge(const struct hm_catalogue *first,
                                  const struct hm_catalogue *second, struct hm_arena *arena,
                                  struct hm_catalogue *out_catalogue,
                                  struct hm_err *err) HM_MUST_CHECK;

/* The shipped products of product_dir with those of local_dir on top; a folder that is not there
 * counts as empty. HM_ENOENT when there is no product in either: nothing
 * could be judged, and everything would look safe. */
enum hm_status hm_catalogue_load_local(const char *product_dir, const char *local_dir,
                                       struct hm_arena *arena, struct hm_catalogue *out_catalogue,
                                       struct hm_err *err) HM_MUST_CHECK;
