/* agent/spool.c — what the agent must still know after a restart, in its state folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Order of writes: a document's file first, then state.json with its digest. After a crash in
 * between the digests differ, the document counts as missing, and the next cycle makes it again. */
#include "agent/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "common/wire/fields.h"

#define FOLDER_MODE 0700u
#define PATH_BYTES 4096
#define TAG_BYTES 256 /* an ETag, or the name of a catalogue */
#define BOOT_ID_BYTES (HM_LIMIT_ID_BYTES + 1)
#define STATE_BYTES (16u * 1024u)
#define STATE_ARENA_BYTES (256u * 1024u)

/* state.json as it is written. */
struct state_row {
    const char *digest;
    const char *acknowledged;
    int64_t changed_ms;
};
struct state {
    const char *boot_id;
    uint64_t seq_reserved; /* no check-in of this boot has had this number or a higher one */
    const char *etag;
    const char *catalogue_tag;
    bool port_book;
    const char *port_book_id;
    struct state_row rows[HM_SPOOL_COUNT];
};

struct entry {
    char digest[HM_DIGEST_TEXT_BYTES];
    char acknowledged[HM_DIGEST_TEXT_BYTES];
    int64_t changed_ms;
};

struct hm_spool {
    char folder[PATH_BYTES];
    char boot_id[BOOT_ID_BYTES];
    char etag[TAG_BYTES];
    char catalogue_tag[TAG_BYTES];
    bool port_book;
    char port_book_id[HM_LIMIT_ID_BYTES + 1];
    uint64_t seq_next;
    uint64_t seq_reserved;
    struct entry entries[HM_SPOOL_COUNT];
};

static const char *const file_names[HM_SPOOL_COUNT] = {
    [HM_SPOOL_INVENTORY] = "inventory.json", [HM_SPOOL_FINDINGS] = "findings.json",
    [HM_SPOOL_OUTCOME] = "outcome.json",     [HM_SPOOL_DESIRED] = "desired.json",
    [HM_SPOOL_CATALOGUE] = "catalogue.json", [HM_SPOOL_PREVIOUS_BOOT] = "previous-boot.json",
};
static const char state_name[] = "state.json";

#define DIGEST_MAX (HM_DIGEST_TEXT_BYTES - 1)

static const struct hm_field row_fields[] = {
    HM_F(state_row, digest, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, DIGEST_MAX, "of the file"),
    HM_F(state_row, acknowledged, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, DIGEST_MAX,
         "what the collector holds"),
    HM_F(state_row, changed_ms, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "when it last changed"),
};
static const struct hm_record record_row = {"spool_row", sizeof(struct state_row), row_fields,
                                            HM_COUNT(row_fields)};

#define ROW(name, flags, at, help)                                                                 \
    {                                                                                              \
        name, HM_TYPE_RECORD, flags,                                                               \
            offsetof(struct state, rows) + (at) * sizeof(struct state_row), 0, 0, 0, NULL,         \
            &record_row, help                                                                      \
    }

static const struct hm_field state_fields[] = {
    HM_F(state, boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, BOOT_ID_BYTES - 1, "this boot"),
    HM_F(state, seq_reserved, HM_TYPE_U64, HM_FIELD_REQUIRED, 0, 0, "first number not reserved"),
    HM_F(state, etag, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, TAG_BYTES - 1, "of desired.json"),
    HM_F(state, catalogue_tag, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, TAG_BYTES - 1,
         "of catalogue.json"),
    HM_F(state, port_book, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "portbook.json was written once"),
    HM_F(state, port_book_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "that it has"),
    ROW("inventory", HM_FIELD_REQUIRED, HM_SPOOL_INVENTORY, "inventory.json"),
    ROW("findings", HM_FIELD_REQUIRED, HM_SPOOL_FINDINGS, "findings.json"),
    /* Version 0.1 wrote none of these two. */
    ROW("outcome", HM_FIELD_DEFAULT, HM_SPOOL_OUTCOME, "outcome.json"),
    ROW("catalogue", HM_FIELD_DEFAULT, HM_SPOOL_CATALOGUE, "catalogue.json"),
    ROW("desired", HM_FIELD_REQUIRED, HM_SPOOL_DESIRED, "desired.json"),
    ROW("previous_boot", HM_FIELD_REQUIRED, HM_SPOOL_PREVIOUS_BOOT, "previous-boot.json"),
};
static const struct hm_record record_state = {"spool", sizeof(struct state), state_fields,
                                              HM_COUNT(state_fields)};

static void path_of(const struct hm_spool *spool, const char *name, char out[PATH_BYTES + 32])
{
    (void)snprintf(out, PATH_BYTES + 32, "%s/%s", spool->folder, name);
}

static enum hm_status save(const struct hm_spool *spool, struct hm_err *err)
{
    struct state state = {
        spool->boot_id,   spool->seq_reserved, spool->etag,   spool->catalogue_tag,
        spool->port_book, spool->port_book_id, {{"", "", 0}},
    };
    char path[PATH_BYTES + 32];
    struct hm_buf json;
    enum hm_status st;

    for (size_t i = 0; i < HM_SPOOL_COUNT; i++) {
        state.rows[i].digest = spool->entries[i].digest;
        state.rows[i].acknowledged = spool->entries[i].acknowledged;
        state.rows[i].changed_ms = spool->entries[i].changed_ms;
    }
    hm_buf_init(&json, STATE_BYTES);
    st = hm_record_encode_pretty(&record_state, &state, &json, err);
    if (st != HM_OK) {
        goto done;
    }
    path_of(spool, state_name, path);
    st = hm_os_replace_file(path, json.data, json.len, true, err);
done:
    hm_buf_fini(&json);
    return st;
}

static void take_state(struct hm_spool *spool, const struct state *state)
{
    (void)hm_str_copy(spool->boot_id, sizeof(spool->boot_id), state->boot_id);
    (void)hm_str_copy(spool->etag, sizeof(spool->etag), state->etag);
    (void)hm_str_copy(spool->catalogue_tag, sizeof(spool->catalogue_tag), state->catalogue_tag);
    spool->port_book = state->port_book;
    (void)hm_str_copy(spool->port_book_id, sizeof(spool->port_book_id), state->port_book_id);
    spool->seq_reserved = state->seq_reserved;
    spool->seq_next = state->seq_reserved;
    for (size_t i = 0; i < HM_SPOOL_COUNT; i++) {
        struct entry *entry = &spool->entries[i];

        (void)hm_str_copy(entry->digest, sizeof(entry->digest), state->rows[i].digest);
        (void)hm_str_copy(entry->acknowledged, sizeof(entry->acknowledged),
                          state->rows[i].acknowledged);
        entry->changed_ms = state->rows[i].changed_ms;
    }
}

/* A broken state must not keep the agent from its work: all it costs is one full report. */
static enum hm_status set_aside(const struct hm_spool *spool, const char *text, size_t len,
                                const struct hm_err *why, struct hm_err *err)
{
    char path[PATH_BYTES + 32];

    hm_log_failure(HM_LOG_WARNING, "state_set_aside", why);
    path_of(spool, "state.json.broken", path);
    return hm_os_replace_file(path, text, len, true, err);
}

static enum hm_status load(struct hm_spool *spool, struct hm_err *err)
{
    char path[PATH_BYTES + 32];
    struct hm_arena arena;
    struct state state = {.boot_id = "", .port_book_id = ""};
    struct hm_err why;
    enum hm_status st;
    char *text;
    size_t len;

    hm_arena_init(&arena, STATE_ARENA_BYTES);
    path_of(spool, state_name, path);
    st = hm_os_read_file(path, STATE_BYTES, &arena, &text, &len, err);
    if (st != HM_OK) {
        st = st == HM_ENOENT ? HM_OK : st;
        goto done;
    }
    st = hm_record_decode(&record_state, text, len, false, &arena, &state, NULL, &why);
    if (st == HM_OK) {
        take_state(spool, &state);
    } else {
        hm_err_prefix(&why, "%s", path);
        st = set_aside(spool, text, len, &why, err);
    }
done:
    hm_arena_fini(&arena);
    return st;
}

enum hm_status hm_spool_open(const char *folder, struct hm_spool **out_spool, struct hm_err *err)
{
    struct hm_spool *spool = calloc(1, sizeof(*spool));
    enum hm_status st;

    if (spool == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the agent's state");
    }
    if (!hm_str_copy(spool->folder, sizeof(spool->folder), folder)) {
        st = hm_fail(err, HM_EINVAL, "%.200s…: the path is too long", folder);
        goto done;
    }
    st = hm_os_make_folder(folder, FOLDER_MODE, err);
    if (st == HM_OK) {
        st = load(spool, err);
    }
    if (st == HM_OK) {
        st = save(spool, err); /* the proof */
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "the agent cannot keep its state, and does not start: free some space "
                           "where the disk is full, or set state_dir to a folder it may write");
    }
done:
    if (st != HM_OK) {
        free(spool);
        return st;
    }
    *out_spool = spool;
    return HM_OK;
}

void hm_spool_close(struct hm_spool *spool)
{
    struct hm_err err;

    if (spool == NULL) {
        return;
    }
    if (spool->seq_next != spool->seq_reserved) {
        spool->seq_reserved = spool->seq_next;
        if (save(spool, &err) != HM_OK) {
            hm_log_failure(HM_LOG_WARNING, "state_not_saved", &err);
        }
    }
    free(spool);
}

enum hm_status hm_spool_begin_boot(struct hm_spool *spool, const char *boot_id, struct hm_err *err)
{
    struct hm_spool before = *spool;
    enum hm_status st = HM_OK;
    struct hm_arena arena;
    char *text;
    size_t len;

    if (strcmp(spool->boot_id, boot_id) == 0) {
        return HM_OK;
    }
    if (strlen(boot_id) >= sizeof(spool->boot_id)) {
        return hm_fail(err, HM_EINVAL, "the boot id is longer than %u bytes", HM_LIMIT_ID_BYTES);
    }
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    if (spool->boot_id[0] != '\0' &&
        hm_spool_get(spool, HM_SPOOL_INVENTORY, &arena, &text, &len, NULL) == HM_OK) {
        st = hm_spool_put(spool, HM_SPOOL_PREVIOUS_BOOT, text, len, "",
                          spool->entries[HM_SPOOL_INVENTORY].changed_ms, err);
    }
    if (st == HM_OK) {
        (void)hm_str_copy(spool->boot_id, sizeof(spool->boot_id), boot_id);
        spool->seq_next = 1;
        spool->seq_reserved = 1;
        st = save(spool, err);
    }
    if (st != HM_OK) {
        *spool = before;
    }
    hm_arena_fini(&arena);
    return st;
}

bool hm_spool_has_port_book(const struct hm_spool *spool)
{
    return spool->port_book;
}

const char *hm_spool_port_book_id(const struct hm_spool *spool)
{
    return spool->port_book_id;
}

enum hm_status hm_spool_note_port_book(struct hm_spool *spool, const char *id, struct hm_err *err)
{
    const struct hm_spool before = *spool;
    enum hm_status st = HM_OK;

    if (!spool->port_book || strcmp(spool->port_book_id, id) != 0) {
        spool->port_book = true;
        (void)hm_str_copy(spool->port_book_id, sizeof(spool->port_book_id), id);
        st = save(spool, err);
    }
    if (st != HM_OK) {
        *spool = before;
    }
    return st;
}

const char *hm_spool_boot_id(const struct hm_spool *spool)
{
    return spool->boot_id;
}

enum hm_status hm_spool_next_seq(struct hm_spool *spool, uint64_t *out_seq, struct hm_err *err)
{
    if (spool->seq_next >= spool->seq_reserved) {
        uint64_t before = spool->seq_reserved;
        enum hm_status st;

        spool->seq_reserved = spool->seq_next + HM_SPOOL_SEQ_BLOCK;
        st = save(spool, err);
        if (st != HM_OK) {
            spool->seq_reserved = before;
            return st;
        }
    }
    *out_seq = spool->seq_next++;
    return HM_OK;
}

/* Of TAG_BYTES; NULL for a document that has none. */
static char *tag_of(struct hm_spool *spool, enum hm_spool_document document)
{
    if (document == HM_SPOOL_DESIRED) {
        return spool->etag;
    }
    return document == HM_SPOOL_CATALOGUE ? spool->catalogue_tag : NULL;
}

enum hm_status hm_spool_put(struct hm_spool *spool, enum hm_spool_document document,
                            const char *text, size_t len, const char *tag, int64_t now_ms,
                            struct hm_err *err)
{
    char *const old_tag = tag_of(spool, document);
    struct hm_spool before = *spool;
    char path[PATH_BYTES + 32];
    char digest[HM_DIGEST_TEXT_BYTES];
    struct entry *entry = &spool->entries[document];
    enum hm_status st;

    hm_digest_text(text, len, digest);
    if (strcmp(entry->digest, digest) == 0 && (old_tag == NULL || strcmp(old_tag, tag) == 0)) {
        return HM_OK;
    }
    path_of(spool, file_names[document], path);
    st = hm_os_replace_file(path, text, len, true, err);
    if (st != HM_OK) {
        return st;
    }
    memcpy(entry->digest, digest, sizeof(digest));
    entry->changed_ms = now_ms;
    if (old_tag != NULL && !hm_str_copy(old_tag, TAG_BYTES, tag)) {
        old_tag[0] = '\0'; /* no tag: it is fetched again, never taken for another */
    }
    st = save(spool, err);
    if (st != HM_OK) {
        *spool = before;
    }
    return st;
}

enum hm_status hm_spool_get(const struct hm_spool *spool, enum hm_spool_document document,
                            struct hm_arena *arena, char **out_text, size_t *out_len,
                            struct hm_err *err)
{
    char path[PATH_BYTES + 32];
    char digest[HM_DIGEST_TEXT_BYTES];
    enum hm_status st;
    char *text;
    size_t len;

    path_of(spool, file_names[document], path);
    if (spool->entries[document].digest[0] == '\0') {
        return hm_fail(err, HM_ENOENT, "%s: not there yet", path);
    }
    st = hm_os_read_file(path, HM_LIMIT_DESIRED_BYTES, arena, &text, &len, err);
    if (st != HM_OK) {
        return st;
    }
    hm_digest_text(text, len, digest);
    if (strcmp(digest, spool->entries[document].digest) != 0) {
        return hm_fail(err, HM_ENOENT, "%s: not what the agent wrote there", path);
    }
    *out_text = text;
    *out_len = len;
    return HM_OK;
}

void hm_spool_forget(struct hm_spool *spool, enum hm_spool_document document)
{
    memset(&spool->entries[document], 0, sizeof(spool->entries[document]));
    if (tag_of(spool, document) != NULL) {
        tag_of(spool, document)[0] = '\0';
    }
}

const char *hm_spool_digest(const struct hm_spool *spool, enum hm_spool_document document)
{
    return spool->entries[document].digest;
}

int64_t hm_spool_changed_ms(const struct hm_spool *spool, enum hm_spool_document document)
{
    return spool->entries[document].changed_ms;
}

const char *hm_spool_etag(const struct hm_spool *spool)
{
    return spool->etag;
}

const char *hm_spool_catalogue_tag(const struct hm_spool *spool)
{
    return spool->catalogue_tag;
}

const char *hm_spool_acknowledged(const struct hm_spool *spool, enum hm_spool_document document)
{
    return spool->entries[document].acknowledged;
}

static bool acknowledge_one(struct entry *entry, const char *digest)
{
    if (digest == NULL || strcmp(entry->acknowledged, digest) == 0) {
        return false;
    }
    (void)hm_str_copy(entry->acknowledged, sizeof(entry->acknowledged), digest);
    return true;
}

enum hm_status hm_spool_acknowledge(struct hm_spool *spool, const char *inventory_digest,
                                    const char *findings_digest, const char *outcome_digest,
                                    struct hm_err *err)
{
    struct hm_spool before = *spool;
    bool changed = acknowledge_one(&spool->entries[HM_SPOOL_INVENTORY], inventory_digest);
    enum hm_status st = HM_OK;

    changed = acknowledge_one(&spool->entries[HM_SPOOL_FINDINGS], findings_digest) || changed;
    changed = acknowledge_one(&spool->entries[HM_SPOOL_OUTCOME], outcome_digest) || changed;
    if (changed) {
        st = save(spool, err);
    }
    if (st != HM_OK) {
        *spool = before;
    }
    return st;
}
