/* server/http/request.c — what handlers ask of a request, wherever it came from.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/http/request.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

const char *const hm_role_names[HM_ROLE_COUNT] = {"anyone",   "agent",    "viewer", "author",
                                                  "approver", "operator", "admin"};

static const struct hm_req_source *source_of(const struct hm_req *req)
{
    return *(const struct hm_req_source *const *)req->http_private;
}

const char *hm_req_query(const struct hm_req *req, const char *name)
{
    return source_of(req)->query(req, name);
}

const char *hm_req_query_name(const struct hm_req *req, size_t at)
{
    return source_of(req)->query_name(req, at);
}

const char *hm_req_header(const struct hm_req *req, const char *name)
{
    return source_of(req)->header(req, name);
}

struct hm_ticket *hm_req_hold(struct hm_req *req, int64_t timeout_ms, hm_handler *resume)
{
    return source_of(req)->hold(req, timeout_ms, resume);
}

enum hm_status hm_req_record(struct hm_req *req, const struct hm_record *record, void *out,
                             struct hm_err *err)
{
    enum hm_status st;

    if (req->body_len == 0) {
        return hm_fail_code(err, HM_EINVAL, "no_body", "the request has no body; send a JSON %s",
                            record->name);
    }
    st = hm_record_decode(record, req->body, req->body_len, true, req->arena, out, NULL, err);
    if (st == HM_EINVAL && err != NULL && err->code[0] == '\0') {
        (void)hm_str_copy(err->code, sizeof(err->code), "bad_json");
    }
    return st;
}

enum hm_status hm_reply_record(struct hm_reply *reply, const struct hm_record *record,
                               const void *in, struct hm_err *err)
{
    hm_buf_reset(&reply->body);
    return hm_record_encode(record, in, &reply->body, err);
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at;

    if (c >= 'A' && c <= 'F') {
        c = (char)(c - 'A' + 'a');
    }
    at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

const char *hm_url_unescape(struct hm_arena *arena, const char *text, size_t len)
{
    char *out = hm_arena_alloc(arena, len + 1, 1);
    size_t put = 0;

    for (size_t at = 0; out != NULL && at < len; at++) {
        int high;
        int low;

        if (text[at] != '%') {
            out[put++] = text[at];
            continue;
        }
        high = at + 2 < len ? hex_value(text[at + 1]) : -1;
        low = at + 2 < len ? hex_value(text[at + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            return NULL;
        }
        out[put++] = (char)(unsigned char)(high * 16 + low);
        at += 2;
    }
    return out != NULL && hm_str_is_utf8(out, put) ? out : NULL;
}
