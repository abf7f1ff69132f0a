/* server/http/body.h — bodies of requests, unpacked under a cap; replies, packed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The only user of zlib. The cap holds for what arrives and for what it unpacks to. Threads: one
 * body, one thread; a pack cache may be used by all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

struct hm_body {
    struct hm_buf text; /* unpacked so far */
    size_t raw_bytes;   /* arrived so far */
    void *unpacker;     /* NULL: not packed */
    bool ended;         /* the packed stream's own end was seen */
};

/* The buffer's memory may be one that was used before. */
enum hm_status hm_body_begin(struct hm_body *body, size_t cap_bytes, bool gzip,
                             struct hm_err *err) HM_MUST_CHECK;

/* HM_ETOOBIG with code "too_big" past the cap, HM_EINVAL with code "bad_encoding". */
enum hm_status hm_body_put(struct hm_body *body, const void *bytes, size_t len,
                           struct hm_err *err) HM_MUST_CHECK;

/* HM_EINVAL with code "bad_encoding" when the stream is not complete. */
enum hm_status hm_body_end(struct hm_body *body, struct hm_err *err) HM_MUST_CHECK;

/* Forgets the bytes and the unpacker; keep_bytes: most memory of the buffer to keep. */
void hm_body_reset(struct hm_body *body, size_t keep_bytes);

/* gzip forms of the replies that many ask for (the desired state), by ETag. */
struct hm_pack_cache;
enum hm_status hm_pack_cache_new(struct hm_pack_cache **out_cache,
                                 struct hm_err *err) HM_MUST_CHECK;
void hm_pack_cache_free(struct hm_pack_cache *cache);

/* Replaces *text by its gzip form; false, and unchanged, when that is not shorter or there is no
 * memory. etag "" is not kept in the cache. */
bool hm_body_pack(struct hm_pack_cache *cache, const char *etag, struct hm_buf *text);
