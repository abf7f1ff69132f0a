/* server/ingest/checkin.c — one check-in: envelope and bodies read and checked, then judged.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/checkin.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/plan/marks.h"
#include "common/ports/listener_ranges.h"
#include "server/catalogue/shelf.h"

const char *const hm_ingest_kinds[HM_FLEET_DOCUMENTS] = {"inventory", "findings", "outcome"};

enum { INVENTORY, FINDINGS, OUTCOME };

/* A stable code for a failure that has none. */
static enum hm_status with_code(enum hm_status st, const char *code, struct hm_err *err)
{
    if (st == HM_EINVAL && err != NULL && err->code[0] == '\0') {
        (void)hm_str_copy(err->code, sizeof(err->code), code);
    }
    return st;
}

/* ---- reading ------------------------------------------------------------------------------ */

static enum hm_status read_envelope(const char *body, size_t len, struct hm_arena *arena,
                                    struct hm_checkin *out_checkin, size_t *out_end,
                                    struct hm_err *err)
{
    const char *newline = memchr(body, '\n', len);
    size_t end = newline != NULL ? (size_t)(newline - body) : len;
    enum hm_status st;

    if (end > HM_LIMIT_ENVELOPE_BYTES) {
        return hm_fail_code(err, HM_ETOOBIG, "too_big",
                            "the first line has %zu bytes, at most %u are taken", end,
                            HM_LIMIT_ENVELOPE_BYTES);
    }
    st = hm_record_decode(&hm_record_checkin, body, end, false, arena, out_checkin, NULL, err);
    if (st != HM_OK) {
        return with_code(st, "bad_json", err);
    }
    *out_end = end;
    return HM_OK;
}

/* One named document; *at stands on the newline before its line. */
static enum hm_status read_piece(const char *kind, const struct hm_document_ref *ref,
                                 const char *body, size_t len, size_t *at,
                                 struct hm_ingest_piece *out_piece, struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];
    size_t start = *at + 1;

    out_piece->digest = ref->digest;
    if (!hm_digest_text_is_valid(ref->digest)) {
        return hm_fail_code(err, HM_EINVAL, "bad_digest",
                            "documents.%s.digest: write blake2b-256: and 64 lower-case hex digits",
                            kind);
    }
    if (!ref->has_bytes) {
        return HM_OK;
    }
    if (start > len || len - start < ref->bytes ||
        (start + ref->bytes < len && body[start + ref->bytes] != '\n') ||
        memchr(body + start, '\n', ref->bytes) != NULL) {
        return hm_fail_code(err, HM_EINVAL, "bad_length",
                            "documents.%s.bytes says %u, the line that follows is not so long",
                            kind, ref->bytes);
    }
    hm_digest_text(body + start, ref->bytes, digest);
    if (strcmp(digest, ref->digest) != 0) {
        return hm_fail_code(err, HM_EINVAL, "digest_mismatch",
                            "documents.%s: the body's digest is %s, not the one given", kind,
                            digest);
    }
    out_piece->body = body + start;
    out_piece->len = ref->bytes;
    *at = start + ref->bytes;
    return HM_OK;
}

static enum hm_status read_pieces(const char *body, size_t len, size_t at,
                                  const struct hm_checkin *checkin,
                                  struct hm_ingest_piece pieces[HM_FLEET_DOCUMENTS],
                                  struct hm_err *err)
{
    const struct hm_documents *documents = &checkin->documents;
    const struct {
        bool has;
        const struct hm_document_ref *ref;
    } refs[HM_FLEET_DOCUMENTS] = {
        {documents->has_inventory, &documents->inventory},
        {documents->has_findings,  &documents->findings },
        {documents->has_outcome,   &documents->outcome  },
    };

    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        if (refs[i].has) {
            enum hm_status st =
                read_piece(hm_ingest_kinds[i], refs[i].ref, body, len, &at, &pieces[i], err);

            if (st != HM_OK) {
                return st;
            }
        }
    }
    if (at + 1 < len) { /* one newline may end the last line */
        return hm_fail_code(err, HM_EINVAL, "bad_length",
                            "%zu bytes follow the last document that was announced", len - at - 1);
    }
    return HM_OK;
}

enum hm_status hm_ingest_read(const char *body, size_t len, struct hm_arena *arena,
                              struct hm_ingest *out_ingest, struct hm_err *err)
{
    struct hm_ingest ingest = {0};
    size_t end = 0;
    enum hm_status st = read_envelope(body, len, arena, &ingest.checkin, &end, err);

    if (st == HM_OK) {
        st = read_pieces(body, len, end, &ingest.checkin, ingest.pieces, err);
    }
    if (st != HM_OK) {
        return st;
    }
    ingest.report.boot_id = ingest.checkin.boot_id;
    ingest.report.seq = ingest.checkin.seq;
    ingest.report.name = ingest.checkin.name;
    ingest.report.version = ingest.checkin.version;
    ingest.report.bytes = len;
    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        ingest.report.digests[i] = ingest.pieces[i].digest;
    }
    *out_ingest = ingest;
    return HM_OK;
}

/* ---- preparing ---------------------------------------------------------------------------- */

/* The request may be answered and gone before the writer is done. */
static enum hm_status copy_texts(struct hm_ingest *ingest, struct hm_arena *arena,
                                 struct hm_err *err)
{
    struct hm_fleet_report *report = &ingest->report;
    const char **texts[] = {
        &ingest->host_id,        &ingest->peer,          &report->boot_id,
        &report->name,           &report->version,       &report->digests[0],
        &report->digests[1],     &report->digests[2],    &ingest->pieces[0].body,
        &ingest->pieces[1].body, &ingest->pieces[2].body};
    size_t bodies = HM_COUNT(texts) - HM_FLEET_DOCUMENTS;

    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        if (*texts[i] != NULL) {
            *texts[i] = i < bodies
                            ? hm_arena_strdup(arena, *texts[i])
                            : hm_arena_strndup(arena, *texts[i], ingest->pieces[i - bodies].len);
            if (*texts[i] == NULL) {
                return hm_fail(err, HM_ENOMEM, "no memory for a check-in");
            }
        }
    }
    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        ingest->pieces[i].digest = report->digests[i];
    }
    return HM_OK;
}

static enum hm_status write_sample(struct hm_ingest *ingest, struct hm_err *err)
{
    struct hm_buf text;
    enum hm_status st = HM_OK;

    ingest->sample_json = "";
    if (!ingest->checkin.has_sample) {
        return HM_OK;
    }
    hm_buf_init(&text, HM_LIMIT_ENVELOPE_BYTES);
    st = hm_record_encode(&hm_record_sample, &ingest->checkin.sample, &text, err);
    if (st == HM_OK) {
        ingest->sample_json = hm_arena_strdup(ingest->arena, hm_buf_text(&text));
        if (ingest->sample_json == NULL) {
            st = hm_fail(err, HM_ENOMEM, "no memory for a sample");
        }
    }
    hm_buf_fini(&text);
    return st;
}

/* The digest that the host has after this report; "" none. */
static const char *digest_now(const struct hm_ingest *ingest, size_t kind)
{
    const char *named = ingest->pieces[kind].digest;

    return named != NULL && !ingest->report.missing[kind] ? named : ingest->known.digests[kind];
}

static bool has_changed(const struct hm_ingest *ingest, size_t kind)
{
    return strcmp(digest_now(ingest, kind), ingest->known.digests[kind]) != 0;
}

/* Is this document read? An outcome is, when it is a new one; of the other two one new one is
 * judged with the other. */
static bool is_needed(const struct hm_ingest *ingest, size_t kind)
{
    return kind == OUTCOME ? has_changed(ingest, OUTCOME)
                           : has_changed(ingest, INVENTORY) || has_changed(ingest, FINDINGS);
}

struct fetch {
    struct hm_ingest *ingest;
    struct hm_ingest_piece found[HM_FLEET_DOCUMENTS];
};

/* Documents that are named but not sent, and those that the judgement needs besides. */
static enum hm_status fetch_bodies(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fetch *fetch = arg;
    struct hm_ingest *ingest = fetch->ingest;

    bool needed[HM_FLEET_DOCUMENTS];

    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        needed[i] = is_needed(ingest, i); /* by what is named: one may turn out to be missing */
    }
    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        struct hm_ingest_piece *found = &fetch->found[i];
        const char *digest = digest_now(ingest, i);
        enum hm_status st = HM_ENOENT;

        if (!needed[i] || ingest->pieces[i].body != NULL || digest[0] == '\0') {
            continue;
        }
        st = hm_documents_get(s, digest, ingest->arena, &found->body, &found->len, err);
        if (st == HM_ENOENT) {
            ingest->report.missing[i] = ingest->pieces[i].digest != NULL;
        } else if (st != HM_OK) {
            return st;
        }
    }
    return HM_OK;
}

static enum hm_status decode_piece(struct hm_ingest *ingest, size_t kind,
                                   const struct hm_ingest_piece *piece, struct hm_err *err)
{
    const struct {
        const struct hm_record *record;
        void *out;
        bool *has;
    } rows[HM_FLEET_DOCUMENTS] = {
        {&hm_record_inventory, &ingest->inventory, &ingest->has_inventory},
        {&hm_record_findings,  &ingest->findings,  &ingest->has_findings },
        {&hm_record_outcome,   &ingest->outcome,   &ingest->has_outcome  },
    };
    enum hm_status st = hm_record_decode(rows[kind].record, piece->body, piece->len, false,
                                         ingest->arena, rows[kind].out, NULL, err);

    if (st == HM_OK && rows[kind].out == &ingest->inventory) {
        st = hm_listeners_from_rows(&ingest->inventory.listeners, ingest->arena,
                                    &ingest->inventory.listeners, err);
    }
    if (st != HM_OK) {
        if (err != NULL) {
            err->code[0] = '\0';
        }
        hm_err_prefix(err, "document %s", hm_ingest_kinds[kind]);
        return with_code(st, "bad_document", err);
    }
    *rows[kind].has = is_needed(ingest, kind);
    return HM_OK;
}

/* Names of services have no line ends; one that had would be two. */
static enum hm_status write_services(struct hm_ingest *ingest, struct hm_err *err)
{
    const struct hm_strings *services = &ingest->inventory.services;
    struct hm_buf text;
    enum hm_status st;

    if (!ingest->new_inventory || !ingest->inventory.has_services) {
        return HM_OK;
    }
    hm_buf_init(&text, HM_LIMIT_DOCUMENT_BYTES);
    for (size_t i = 0; i < services->count; i++) {
        hm_buf_printf(&text, "%s%s", i > 0 ? "\n" : "", services->at[i]);
    }
    st = hm_buf_status(&text, err);
    if (st == HM_OK) {
        ingest->services = hm_arena_strdup(ingest->arena, hm_buf_text(&text));
        if (ingest->services == NULL) {
            st = hm_fail(err, HM_ENOMEM, "no memory for a host's services");
        }
    }
    hm_buf_fini(&text);
    return st;
}

static enum hm_status judge(struct hm_ingest *ingest, struct hm_err *err)
{
    struct hm_policy_marks marks = {NULL, 0};
    const struct hm_judge_input input = {
        .inventory = &ingest->inventory,
        .catalogue = hm_shelf_catalogue(ingest->app->shelf),
        .sample = ingest->checkin.has_sample ? &ingest->checkin.sample : NULL,
        .marks = &marks,
    };
    struct hm_verdicts *verdicts = &ingest->own.verdicts;
    size_t kept = 0;
    enum hm_status st = HM_OK;

    if (ingest->has_outcome) {
        st = hm_plan_marks(&ingest->outcome, ingest->arena, &marks, err);
    }
    if (st == HM_OK && ingest->has_inventory) {
        st = hm_judge(&input, ingest->arena, &ingest->own, err);
    }
    /* What a host runs, its own agent has seen better. */
    for (size_t i = 0; st == HM_OK && ingest->has_findings && i < verdicts->count; i++) {
        if (verdicts->at[i].origin == HM_ORIGIN_CATALOGUE) {
            verdicts->at[kept++] = verdicts->at[i];
        }
    }
    if (st == HM_OK && ingest->has_findings) {
        verdicts->count = kept;
    }
    return st;
}

/* Is there a document that the host has, or says that it has, and did not send? */
static bool has_to_fetch(const struct hm_ingest *ingest)
{
    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        if (is_needed(ingest, i) && ingest->pieces[i].body == NULL &&
            digest_now(ingest, i)[0] != '\0') {
            return true;
        }
    }
    return false;
}

enum hm_status hm_ingest_prepare(struct hm_ingest *ingest, struct hm_arena *arena,
                                 struct hm_err *err)
{
    struct fetch fetch = {.ingest = ingest};
    enum hm_status st;

    ingest->arena = arena;
    st = copy_texts(ingest, arena, err);
    if (st == HM_OK) {
        st = write_sample(ingest, err);
    }
    if (st == HM_OK && has_to_fetch(ingest)) {
        st = hm_store_read(ingest->app->store, fetch_bodies, &fetch, err);
    }
    ingest->judged = is_needed(ingest, INVENTORY);
    ingest->new_inventory = has_changed(ingest, INVENTORY);
    for (size_t i = 0; st == HM_OK && i < HM_FLEET_DOCUMENTS; i++) {
        const struct hm_ingest_piece *piece =
            ingest->pieces[i].body != NULL ? &ingest->pieces[i] : &fetch.found[i];

        if (piece->body != NULL && (is_needed(ingest, i) || ingest->pieces[i].body != NULL)) {
            st = decode_piece(ingest, i, piece, err);
        }
    }
    if (st == HM_OK) {
        st = write_services(ingest, err);
    }
    if (st == HM_OK && ingest->judged) {
        st = judge(ingest, err);
    }
    return st;
}

void hm_ingest_end(struct hm_ingest *ingest, bool committed)
{
    hm_fleet_report_end(ingest->app->fleet, ingest->host, committed ? &ingest->report : NULL,
                        ingest->now_ms);
}

size_t hm_ingest_need(const struct hm_ingest *ingest, const char **out_names)
{
    size_t count = 0;

    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        if (ingest->report.missing[i]) {
            out_names[count++] = hm_ingest_kinds[i];
        }
    }
    return count;
}
