/* common/crypto/base64.h — bytes as base64 text (RFC 4648), in an arena.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For what is public or sealed: the arena is not wiped. Threads: all are pure. */
#pragma once

#include "common/base/arena.h"
#include "common/base/str.h"

/* The standard alphabet, padded. NULL when there is no memory. */
char *hm_base64_encode(const void *bytes, size_t len, struct hm_arena *arena);

/* Either alphabet (not both in one text), padded, nothing around it, no stray bits at the end.
 * out_bytes lives in the arena; "" gives no bytes. */
enum hm_status hm_base64_decode(const char *text, struct hm_arena *arena, struct hm_span *out_bytes,
                                struct hm_err *err) HM_MUST_CHECK;
