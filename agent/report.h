/* agent/report.h — the documents of a report, as large as a collector takes them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A host with very many listeners or findings reports all the same: what does not fit into
 * HM_LIMIT_DOCUMENT_BYTES is left out, and a sentence among what is not known says so. */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/judge/judge.h"

/* json: emptied first. *out_note: the sentence, in the arena; "" when all is there. */
enum hm_status hm_report_inventory(const struct hm_inventory *inventory, struct hm_arena *arena,
                                   struct hm_buf *json, const char **out_note,
                                   struct hm_err *err) HM_MUST_CHECK;

/* Cuts the judgement itself where it has to. note: of hm_report_inventory; "" none. */
enum hm_status hm_report_findings(struct hm_judgement *judgement, const char *note,
                                  struct hm_arena *arena, struct hm_buf *json,
                                  struct hm_err *err) HM_MUST_CHECK;
