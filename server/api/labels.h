/* server/api/labels.h — labels of hosts: "site=paris".
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/inventory.h"

/* Each is NAME=VALUE: name of letters, digits, '.', '_', '-'; value not empty. HM_EINVAL, code
 * "bad_label". */
enum hm_status hm_labels_check(const struct hm_strings *labels, struct hm_err *err) HM_MUST_CHECK;

/* A copy that owes nothing to where it came from. */
enum hm_status hm_labels_copy(const struct hm_strings *labels, struct hm_arena *arena,
                              struct hm_strings *out_labels, struct hm_err *err) HM_MUST_CHECK;

/* All of first, and those of second whose name first does not have; sorted. Borrows the texts. */
enum hm_status hm_labels_merge(const struct hm_strings *first, const struct hm_strings *second,
                               struct hm_arena *arena, struct hm_strings *out_labels,
                               struct hm_err *err) HM_MUST_CHECK;
