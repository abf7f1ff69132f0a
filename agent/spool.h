/* agent/spool.h — what the agent must still know after a restart, in its state folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Documents are written before they are sent, the newest only: the latest state wins and nothing
 * queues up. state.json holds digests, what the collector has acknowledged, the boot and the
 * sequence numbers reserved. Every write is atomic and durable, and happens only when something
 * changed: an idle agent does not touch the disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

enum hm_spool_document {
    HM_SPOOL_INVENTORY,
    HM_SPOOL_FINDINGS,
    HM_SPOOL_OUTCOME,
    HM_SPOOL_DESIRED,       /* the collector's last word, without the catalogue */
    HM_SPOOL_CATALOGUE,     /* as it last came */
    HM_SPOOL_PREVIOUS_BOOT, /* last inventory of the boot before this one */
};
#define HM_SPOOL_COUNT 6

/* Numbers taken from the reserve at once; after a crash the rest of them is skipped. */
#define HM_SPOOL_SEQ_BLOCK 1000

struct hm_spool;

/* Makes the folder (0700), proves that it can be written, and reads what is there. A state.json
 * that cannot be read as such is set aside as state.json.broken. */
enum hm_status hm_spool_open(const char *folder, struct hm_spool **out_spool,
                             struct hm_err *err) HM_MUST_CHECK;
void hm_spool_close(struct hm_spool *spool); /* gives unused sequence numbers back */

/* Notices a new boot: the inventory of the last one becomes HM_SPOOL_PREVIOUS_BOOT, sequence
 * numbers start again. */
enum hm_status hm_spool_begin_boot(struct hm_spool *spool, const char *boot_id,
                                   struct hm_err *err) HM_MUST_CHECK;
const char *hm_spool_boot_id(const struct hm_spool *spool);

/* Has there been a port book? Where it is gone then, it was lost. Its id; "" not known. */
bool hm_spool_has_port_book(const struct hm_spool *spool);
const char *hm_spool_port_book_id(const struct hm_spool *spool);
enum hm_status hm_spool_note_port_book(struct hm_spool *spool, const char *id,
                                       struct hm_err *err) HM_MUST_CHECK;

/* A number that no earlier check-in of this boot had, and higher than all of them. */
enum hm_status hm_spool_next_seq(struct hm_spool *spool, uint64_t *out_seq,
                                 struct hm_err *err) HM_MUST_CHECK;

/* Replaces a document; no write when it is the same. tag: the collector's name for what it sent,
 * of the desired state (its ETag) and of the catalogue; else "". */
enum hm_status hm_spool_put(struct hm_spool *spool, enum hm_spool_document document,
                            const char *text, size_t len, const char *tag, int64_t now_ms,
                            struct hm_err *err) HM_MUST_CHECK;

/* HM_ENOENT when there is none, or when the file is not what was put there. */
enum hm_status hm_spool_get(const struct hm_spool *spool, enum hm_spool_document document,
                            struct hm_arena *arena, char **out_text, size_t *out_len,
                            struct hm_err *err) HM_MUST_CHECK;

/* As if the document had never been put: what was found broken is made or fetched again. */
void hm_spool_forget(struct hm_spool *spool, enum hm_spool_document document);

const char *hm_spool_digest(const struct hm_spool *spool, enum hm_spool_document document);
int64_t hm_spool_changed_ms(const struct hm_spool *spool, enum hm_spool_document document);
const char *hm_spool_etag(const struct hm_spool *spool);          /* desired state; "" none */
const char *hm_spool_catalogue_tag(const struct hm_spool *spool); /* "" none */

/* What the collector holds of this agent; "" nothing. hm_spool_acknowledge: NULL = as before. */
const char *hm_spool_acknowledged(const struct hm_spool *spool, enum hm_spool_document document);
enum hm_status hm_spool_acknowledge(struct hm_spool *spool, const char *inventory_digest,
                                    const char *findings_digest, const char *outcome_digest,
                                    struct hm_err *err) HM_MUST_CHECK;
