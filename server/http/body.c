/* server/http/body.c — bodies of requests, unpacked under a cap; replies, packed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/http/body.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/base/str.h"

#define GZIP_WINDOW (15 + 16) /* zlib: largest window, gzip wrapping only */
#define PACK_LEVEL 4
#define PACK_MEMORY 8
#define CACHE_ROWS 8
#define CACHE_KEY_BYTES 128

enum hm_status hm_body_begin(struct hm_body *body, size_t cap_bytes, bool gzip, struct hm_err *err)
{
    z_stream *stream;

    hm_buf_reset(&body->text);
    body->text.cap_bytes = cap_bytes;
    body->raw_bytes = 0;
    body->ended = false;
    if (!gzip) {
        return HM_OK;
    }
    stream = calloc(1, sizeof(*stream));
    if (stream == NULL || inflateInit2(stream, GZIP_WINDOW) != Z_OK) {
        free(stream);
        return hm_fail(err, HM_ENOMEM, "no memory to unpack the body");
    }
    body->unpacker = stream;
    return HM_OK;
}

static enum hm_status too_big(const struct hm_body *body, struct hm_err *err)
{
    return hm_fail_code(err, HM_ETOOBIG, "too_big",
                        "the body is over the %zu bytes that are taken here", body->text.cap_bytes);
}

static enum hm_status put_plain(struct hm_body *body, const void *bytes, size_t len,
                                struct hm_err *err)
{
    if (hm_buf_put(&body->text, bytes, len)) {
        return HM_OK;
    }
    return body->text.status == HM_ETOOBIG ? too_big(body, err)
                                           : hm_fail(err, HM_ENOMEM, "no memory for the body");
}

static enum hm_status bad_gzip(struct hm_err *err, const char *why)
{
    return hm_fail_code(err, HM_EINVAL, "bad_encoding", "the body is not one gzip stream: %s", why);
}

static enum hm_status put_packed(struct hm_body *body, const void *bytes, size_t len,
                                 struct hm_err *err)
{
    z_stream *stream = body->unpacker;
    unsigned char piece[4096];

    stream->next_in = (Bytef *)(uintptr_t)bytes; /* zlib's own type lacks the const */
    stream->avail_in = (uInt)len;
    while (stream->avail_in > 0) {
        enum hm_status st;
        int result;

        if (body->ended) {
            return bad_gzip(err, "bytes follow its end");
        }
        stream->next_out = piece;
        stream->avail_out = sizeof(piece);
        result = inflate(stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return bad_gzip(err, stream->msg != NULL ? stream->msg : "broken");
        }
        st = put_plain(body, piece, sizeof(piece) - stream->avail_out, err);
        if (st != HM_OK) {
            return st;
        }
        body->ended = result == Z_STREAM_END;
    }
    return HM_OK;
}

enum hm_status hm_body_put(struct hm_body *body, const void *bytes, size_t len, struct hm_err *err)
{
    if (len > body->text.cap_bytes - body->raw_bytes) {
        return too_big(body, err);
    }
    body->raw_bytes += len;
    if (body->unpacker == NULL) {
        return put_plain(body, bytes, len, err);
    }
    return put_packed(body, bytes, len, err);
}

/* What zlib still held back when a piece of output was exactly full. */
static enum hm_status drain(struct hm_body *body, struct hm_err *err)
{
    z_stream *stream = body->unpacker;
    enum hm_status st = HM_OK;
    int result = Z_OK;

    stream->next_in = NULL;
    stream->avail_in = 0;
    while (st == HM_OK && result == Z_OK && !body->ended) {
        unsigned char piece[4096];

        stream->next_out = piece;
        stream->avail_out = sizeof(piece);
        result = inflate(stream, Z_NO_FLUSH);
        st = put_plain(body, piece, sizeof(piece) - stream->avail_out, err);
        body->ended = result == Z_STREAM_END;
    }
    return st;
}

enum hm_status hm_body_end(struct hm_body *body, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (body->unpacker != NULL) {
        st = drain(body, err);
        if (st == HM_OK && !body->ended) {
            st = bad_gzip(err, "it is cut short");
        }
    }
    return st;
}

void hm_body_reset(struct hm_body *body, size_t keep_bytes)
{
    if (body->unpacker != NULL) {
        (void)inflateEnd(body->unpacker);
        free(body->unpacker);
        body->unpacker = NULL;
    }
    if (body->text.room > keep_bytes) {
        hm_buf_fini(&body->text);
    }
    hm_buf_reset(&body->text);
}

struct packed {
    char etag[CACHE_KEY_BYTES];
    size_t plain_len;
    char *data;
    size_t len;
};

struct hm_pack_cache {
    pthread_mutex_t lock;
    size_t next; /* row to be replaced */
    struct packed rows[CACHE_ROWS];
};

enum hm_status hm_pack_cache_new(struct hm_pack_cache **out_cache, struct hm_err *err)
{
    struct hm_pack_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the cache of packed replies");
    }
    (void)pthread_mutex_init(&cache->lock, NULL);
    *out_cache = cache;
    return HM_OK;
}

void hm_pack_cache_free(struct hm_pack_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < CACHE_ROWS; i++) {
        free(cache->rows[i].data);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static bool take_cached(struct hm_pack_cache *cache, const char *etag, struct hm_buf *text)
{
    bool found = false;

    (void)pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; !found && i < CACHE_ROWS; i++) {
        const struct packed *row = &cache->rows[i];

        if (row->data != NULL && row->plain_len == text->len && strcmp(row->etag, etag) == 0) {
            hm_buf_reset(text);
            found = hm_buf_put(text, row->data, row->len); /* shorter than what was there */
        }
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return found;
}

static void keep(struct hm_pack_cache *cache, const char *etag, size_t plain_len, const void *data,
                 size_t len)
{
    char *copy = malloc(len);
    struct packed *row;

    if (copy == NULL) {
        return;
    }
    memcpy(copy, data, len);
    (void)pthread_mutex_lock(&cache->lock);
    row = &cache->rows[cache->next];
    cache->next = (cache->next + 1) % CACHE_ROWS;
    free(row->data);
    (void)hm_str_copy(row->etag, sizeof(row->etag), etag);
    row->plain_len = plain_len;
    row->data = copy;
    row->len = len;
    (void)pthread_mutex_unlock(&cache->lock);
}

static size_t pack(const struct hm_buf *text, unsigned char *out, size_t room)
{
    z_stream stream = {0};
    size_t len = 0;

    if (deflateInit2(&stream, PACK_LEVEL, Z_DEFLATED, GZIP_WINDOW, PACK_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return 0;
    }
    stream.next_in = (Bytef *)text->data;
    stream.avail_in = (uInt)text->len;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    if (deflate(&stream, Z_FINISH) == Z_STREAM_END) {
        len = room - stream.avail_out;
    }
    (void)deflateEnd(&stream);
    return len;
}

bool hm_body_pack(struct hm_pack_cache *cache, const char *etag, struct hm_buf *text)
{
    const size_t plain_len = text->len;
    unsigned char *out;
    size_t len;

    if (etag[0] != '\0' && take_cached(cache, etag, text)) {
        return true;
    }
    out = malloc(plain_len);
    len = out == NULL ? 0 : pack(text, out, plain_len);
    if (len > 0) {
        hm_buf_reset(text);
        (void)hm_buf_put(text, out, len); /* shorter than what was there: cannot fail */
        if (etag[0] != '\0') {
            keep(cache, etag, plain_len, out, len);
        }
    }
    free(out);
    return len > 0;
}
