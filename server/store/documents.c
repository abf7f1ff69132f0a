/* server/store/documents.c — tables "documents" and "host_documents": bodies by digest, and which
 * host had which when.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "server/store/row.h"

enum hm_status hm_documents_has(struct hm_session *s, const char *digest, bool *out_has,
                                struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(digest)};
    size_t rows = 0;
    enum hm_status st = hm_session_query(s, "SELECT 1 FROM documents WHERE digest = $1", values,
                                         HM_COUNT(values), NULL, NULL, &rows, err);

    if (st == HM_OK) {
        *out_has = rows > 0;
    }
    return st;
}

enum hm_status hm_documents_put(struct hm_session *s, const char *digest, const char *kind,
                                const void *bytes, size_t len, int64_t now_ms, struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_text(digest),
        hm_value_text(kind),
        hm_value_blob(bytes, len),
        hm_value_int(now_ms),
    };

    return hm_session_exec(s,
                           "INSERT INTO documents (digest, kind, body, created_ms) "
                           "VALUES ($1, $2, $3, $4) ON CONFLICT (digest) DO NOTHING",
                           values, HM_COUNT(values), err);
}

struct body {
    struct hm_arena *arena;
    const char *text;
    size_t len;
};

static enum hm_status read_body(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct body *body = arg;

    body->text = hm_row_text(row, 0, body->arena);
    body->len = (size_t)hm_row_int(row, 1);
    return body->text != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for a document");
}

enum hm_status hm_documents_get(struct hm_session *s, const char *digest, struct hm_arena *arena,
                                const char **out_text, size_t *out_len, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(digest)};
    struct body body = {.arena = arena};
    enum hm_status st =
        hm_session_query(s, "SELECT body, length(body) FROM documents WHERE digest = $1", values,
                         HM_COUNT(values), read_body, &body, NULL, err);

    if (st != HM_OK) {
        return st;
    }
    if (body.text == NULL) {
        return hm_fail_code(err, HM_ENOENT, "unknown_document", "no document with the digest %s",
                            digest);
    }
    *out_text = body.text;
    *out_len = body.len;
    return HM_OK;
}

enum hm_status hm_documents_assign(struct hm_session *s, const char *host_id, const char *kind,
                                   const char *digest, int64_t now_ms, struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_text(host_id),
        hm_value_text(kind),
        hm_value_text(digest),
        hm_value_int(now_ms),
    };
    /* Two changes in one millisecond, or a clock that went back: the newer one begins a millisecond
     * after the older, for what was acknowledged stays in the history. */
    enum hm_status st = hm_session_exec(
        s,
        "UPDATE host_documents SET valid_to_ms = "
        "CASE WHEN valid_from_ms >= $4 THEN valid_from_ms + 1 ELSE $4 END "
        "WHERE host_id = $1 AND kind = $2 AND valid_from_ms = (SELECT MAX(valid_from_ms) "
        "FROM host_documents WHERE host_id = $1 AND kind = $2) " /* not the whole history */
        "AND valid_to_ms IS NULL AND digest <> $3",
        values, HM_COUNT(values), err);

    if (st != HM_OK) {
        return st;
    }
    return hm_session_exec(
        s,
        "INSERT INTO host_documents (host_id, kind, valid_from_ms, digest) "
        "SELECT $1, $2, CASE WHEN newest >= $4 THEN newest + 1 ELSE $4 END, $3 FROM "
        "(SELECT MAX(valid_from_ms) AS newest FROM host_documents WHERE host_id = $1 "
        "AND kind = $2) AS latest "
        "WHERE NOT EXISTS (SELECT 1 FROM host_documents WHERE host_id = $1 AND kind = $2 "
        "AND valid_from_ms = newest AND digest = $3 AND valid_to_ms IS NULL)",
        values, HM_COUNT(values), err);
}

struct document_reader {
    struct hm_arena *arena;
    struct hm_document_row *at;
    size_t count;
    size_t room;
};

static enum hm_status read_document(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct document_reader *reader = arg;
    struct hm_document_row *document;

    if (hm_arena_grow(reader->arena, (void **)&reader->at, reader->count, &reader->room,
                      sizeof(*reader->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of documents");
    }
    document = &reader->at[reader->count++];
    *document = (struct hm_document_row){
        .host_id = hm_row_text(row, 0, reader->arena),
        .kind = hm_row_text(row, 1, reader->arena),
        .digest = hm_row_text(row, 2, reader->arena),
        .valid_from_ms = hm_row_int(row, 3),
        .valid_to_ms = hm_row_int(row, 4),
        .size_bytes = (uint64_t)hm_row_int(row, 5),
    };
    if (document->host_id == NULL || document->kind == NULL || document->digest == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of documents");
    }
    return HM_OK;
}

#define DOCUMENT_COLUMNS                                                                           \
    "SELECT h.host_id, h.kind, h.digest, h.valid_from_ms, h.valid_to_ms, length(d.body) "          \
    "FROM host_documents h JOIN documents d ON d.digest = h.digest "

enum hm_status hm_documents_at(struct hm_session *s, const char *host_id, const char *kind,
                               int64_t at_ms, struct hm_arena *arena,
                               struct hm_document_row *out_row, struct hm_err *err)
{
    const struct hm_value values[] = {
        hm_value_text(host_id),
        hm_value_text(kind),
        hm_value_int(at_ms == 0 ? INT64_MAX : at_ms),
    };
    struct document_reader reader = {.arena = arena};
    enum hm_status st =
        hm_session_query(s,
                         DOCUMENT_COLUMNS "WHERE h.host_id = $1 AND h.kind = $2 "
                                          "AND h.valid_from_ms <= $3 "
                                          "AND (h.valid_to_ms IS NULL OR h.valid_to_ms > $3)",
                         values, HM_COUNT(values), read_document, &reader, NULL, err);

    if (st != HM_OK) {
        return st;
    }
    if (reader.count == 0) {
        return hm_fail_code(err, HM_ENOENT, "unknown_document", "the host had no %s then", kind);
    }
    *out_row = reader.at[0];
    return HM_OK;
}

/* "<valid_from_ms>:<kind>" */
static enum hm_status read_after(const char *after, int64_t *out_ms, const char **out_kind,
                                 struct hm_err *err)
{
    const char *colon = strchr(after, ':');
    uint64_t ms = 0;

    if (after[0] == '\0') {
        *out_ms = INT64_MAX;
        *out_kind = "";
        return HM_OK;
    }
    if (colon == NULL || !hm_str_parse_u64(after, (size_t)(colon - after), INT64_MAX, &ms)) {
        return hm_fail_code(err, HM_EINVAL, "bad_cursor",
                            "the cursor is not one of this list: start without it");
    }
    *out_ms = (int64_t)ms;
    *out_kind = colon + 1;
    return HM_OK;
}

enum hm_status hm_documents_history(struct hm_session *s, const char *host_id,
                                    const struct hm_page *page, struct hm_arena *arena,
                                    struct hm_document_rows *out_rows, struct hm_err *err)
{
    struct document_reader reader = {.arena = arena};
    struct hm_value values[4];
    int64_t after_ms = 0;
    const char *after_kind = "";
    enum hm_status st =
        read_after(page->after != NULL ? page->after : "", &after_ms, &after_kind, err);

    if (st != HM_OK) {
        return st;
    }
    values[0] = hm_value_text(host_id);
    values[1] = hm_value_int(after_ms);
    values[2] = hm_value_text(after_kind);
    values[3] = hm_value_int((int64_t)page->limit + 1);
    st = hm_session_query(s,
                          DOCUMENT_COLUMNS "WHERE h.host_id = $1 AND (h.valid_from_ms < $2 "
                                           "OR (h.valid_from_ms = $2 AND h.kind > $3)) "
                                           "ORDER BY h.valid_from_ms DESC, h.kind LIMIT $4",
                          values, HM_COUNT(values), read_document, &reader, NULL, err);
    if (st == HM_OK) {
        *out_rows = (struct hm_document_rows){reader.at, reader.count};
    }
    return st;
}
