/* common/ports/listener_ranges.h — the listeners of a document: neighbouring ports in one row.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A host may have tens of thousands of listeners: published port ranges of containers (one
 * docker-proxy a port), media and FTP servers. Where they are more than HM_LISTENERS_PLAIN, a
 * document has one row for neighbouring ports whose listeners are alike in all else; last is then
 * the last of them. In memory each port has its own row. Pure; everything lives in the arena, texts
 * are borrowed. Threads: safe. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/inventory.h"

#define HM_LISTENERS_PLAIN 1024u

/* For writing. listeners: sorted. */
enum hm_status hm_listeners_to_rows(const struct hm_listeners *listeners, struct hm_arena *arena,
                                    struct hm_listeners *out_rows,
                                    struct hm_err *err) HM_MUST_CHECK;

/* For reading: sorted again, each port alone. HM_EINVAL: a row ends before it begins. HM_ETOOBIG:
 * more than HM_LIMIT_LISTENERS_OPENED. Without a range nothing is copied. */
enum hm_status hm_listeners_from_rows(const struct hm_listeners *rows, struct hm_arena *arena,
                                      struct hm_listeners *out_listeners,
                                      struct hm_err *err) HM_MUST_CHECK;

/* For a document that would be too large: the count of rows that matter most, sorted. First those
 * whose kind forbids an exclusion, then one row of each program and service, then the others by
 * their ports. In place. */
void hm_listeners_cut(struct hm_listeners *rows, size_t count);
