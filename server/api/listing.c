/* server/api/listing.c — what every list of the API shares: parameters in, cursor out.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/listing.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *base64url_encode(struct hm_arena *arena, const char *text)
{
    size_t len = strlen(text);
    char *out = hm_arena_alloc(arena, len / 3 * 4 + 5, 1);
    char *to = out;
    size_t i;

    for (i = 0; out != NULL && i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t bits = 0;
        size_t k;

        for (k = 0; k < 3; k++) {
            bits = bits << 8 | (k < have ? (unsigned char)text[i + k] : 0u);
        }
        for (k = 0; k <= have; k++) {
            *to++ = alphabet[bits >> (18 - 6 * k) & 63u];
        }
    }
    return out;
}

/* NULL when text is none. What was encoded has no NUL, so text is all there is. */
static char *base64url_decode(struct hm_arena *arena, const char *text)
{
    size_t len = strlen(text);
    char *out = hm_arena_alloc(arena, len / 4 * 3 + 4, 1);
    size_t put = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    size_t i;

    for (i = 0; out != NULL && i < len; i++) {
        const char *at = strchr(alphabet, text[i]);

        if (at == NULL) {
            return NULL;
        }
        bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffffffu;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[put++] = (char)(unsigned char)(bits >> have & 0xffu);
            if (out[put - 1] == '\0') {
                return NULL;
            }
        }
    }
    return len % 4 == 1 ? NULL : out;
}

const char *hm_listing_next(struct hm_req *req, const struct hm_listing *listing, const char *key)
{
    const char *plain =
        key == NULL ? NULL : hm_arena_printf(req->arena, "%s\n%s", listing->name, key);

    return plain == NULL ? NULL : base64url_encode(req->arena, plain);
}

const char *hm_listing_next_number(struct hm_req *req, const struct hm_listing *listing,
                                   int64_t key)
{
    return hm_listing_next(req, listing, hm_arena_printf(req->arena, "%lld", (long long)key));
}

static enum hm_status read_cursor(struct hm_req *req, const struct hm_listing *listing,
                                  const char **out_key, struct hm_err *err)
{
    const char *text = hm_req_query(req, "cursor");
    size_t len = strlen(listing->name);
    const char *plain;

    if (text == NULL) {
        *out_key = "";
        return HM_OK;
    }
    plain = strlen(text) > HM_LIMIT_CURSOR_BYTES ? NULL : base64url_decode(req->arena, text);
    if (plain == NULL || strncmp(plain, listing->name, len) != 0 || plain[len] != '\n' ||
        plain[len + 1] == '\0' || !hm_str_is_utf8(plain, strlen(plain))) {
        return hm_fail_code(err, HM_EINVAL, "bad_cursor",
                            "the cursor is not one that this list gave: start without it");
    }
    *out_key = plain + len + 1;
    return HM_OK;
}

enum hm_status hm_params_only(const struct hm_req *req, const char *const *names, size_t count,
                              struct hm_err *err)
{
    const char *given;
    size_t at;

    for (at = 0; (given = hm_req_query_name(req, at)) != NULL; at++) {
        size_t i = 0;

        while (i < count && strcmp(names[i], given) != 0) {
            i++;
        }
        if (i == count) {
            return hm_fail_code(err, HM_EINVAL, "unknown_parameter",
                                "there is no query parameter \"%.40s\" here; see /v1/openapi.json",
                                given);
        }
    }
    return HM_OK;
}

enum hm_status hm_params_at(const struct hm_req *req, int64_t *out_at_ms, struct hm_err *err)
{
    const char *text = hm_req_query(req, "at");

    if (text == NULL) {
        *out_at_ms = 0;
        return HM_OK;
    }
    if (!hm_clock_parse(text, strlen(text), out_at_ms) || *out_at_ms <= 0) {
        return hm_fail_code(err, HM_EINVAL, "bad_time",
                            "at=%.40s is no RFC 3339 time, as 2026-11-22T11:05:00Z is", text);
    }
    return HM_OK;
}

enum hm_status hm_listing_page(struct hm_req *req, const struct hm_listing *listing,
                               struct hm_page *out_page, struct hm_err *err)
{
    const char *names[6] = {"limit", "cursor"};
    const char *limit = hm_req_query(req, "limit");
    struct hm_page page = {.limit = HM_LISTING_LIMIT, .where = {.sql = ""}};
    uint32_t rows = 0;
    size_t count = 2;
    size_t i;
    enum hm_status st;

    if (listing->filter != NULL) {
        names[count++] = "filter";
    }
    if (listing->has_history) {
        names[count++] = "at";
    }
    for (i = 0; i < HM_COUNT(listing->extra) && listing->extra[i] != NULL; i++) {
        names[count++] = listing->extra[i];
    }
    st = hm_params_only(req, names, count, err);
    if (st == HM_OK && limit != NULL) {
        if (!hm_str_parse_u32(limit, strlen(limit), HM_LIMIT_PAGE_ROWS, &rows) || rows == 0) {
            return hm_fail_code(err, HM_EINVAL, "bad_limit", "limit is a number from 1 to %u",
                                HM_LIMIT_PAGE_ROWS);
        }
        page.limit = rows;
    }
    if (st == HM_OK) {
        st = read_cursor(req, listing, &page.after, err);
    }
    if (st == HM_OK && listing->has_history) {
        st = hm_params_at(req, &page.at_ms, err);
        page.has_at = page.at_ms != 0;
    }
    if (st == HM_OK && listing->filter != NULL) {
        st = hm_filter_compile(listing->filter, hm_req_query(req, "filter"), req->now_ms,
                               req->arena, &page.where, err);
    }
    if (st == HM_OK) {
        *out_page = page;
    }
    return st;
}
