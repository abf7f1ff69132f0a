/* server/api/access.h — operator tokens in memory, so that a call of the API costs no SQL.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Threads: any. */
#pragma once

#include "common/base/err.h"
#include "server/store/store.h"

struct hm_operators;

/* Loads all operator tokens. */
enum hm_status hm_operators_open(struct hm_store *store, struct hm_operators **out_operators,
                                 struct hm_err *err) HM_MUST_CHECK;
void hm_operators_close(struct hm_operators *operators);

/* After the commit of a change of tokens: the next call loads them again. */
void hm_operators_changed(struct hm_operators *operators);
