/* server/ingest/checkin.h — one check-in: read, checked, judged, stored, acknowledged.
 * SPDX-License-Identifier: Apache-2.0
 *
 * In this order: hm_ingest_read on the request's body; hm_fleet_report_begin; when that says
 * "changed": hm_ingest_prepare on the worker, hm_ingest_store on the writer, hm_ingest_end once
 * whatever came of it. Threads: one check-in, one thread at a time. */
#pragma once

#include "common/wire/records.h"
#include "server/app.h"
#include "server/fleet/fleet.h"

extern const char *const hm_ingest_kinds[HM_FLEET_DOCUMENTS]; /* "inventory", … */

struct hm_ingest_piece {
    const char *digest; /* NULL = not named */
    const char *body;   /* NULL = not sent */
    size_t len;
};

struct hm_ingest {
    const struct hm_app *app;
    struct hm_fleet_host *host;
    const char *host_id;
    const char *peer;
    int64_t now_ms;
    struct hm_checkin checkin;
    struct hm_ingest_piece pieces[HM_FLEET_DOCUMENTS];
    struct hm_fleet_report report; /* of checkin, for the fleet */
    struct hm_fleet_known known;

    /* From hm_ingest_prepare. */
    struct hm_arena *arena;
    bool judged; /* inventory or findings are others than before: what follows counts */
    bool has_inventory;
    struct hm_inventory inventory;
    bool new_inventory;   /* another one than before */
    const char *services; /* of the new inventory, one a line; NULL = it does not tell */
    bool has_outcome;     /* it is another one than before */
    struct hm_outcome_report outcome;
    bool has_findings;
    struct hm_judgement findings; /* the agent's own judgement */
    struct hm_judgement own;      /* the collector's */
    const char *sample_json;

    /* From hm_ingest_store: what policies match by may have changed to this, name and services. */
    bool matched_anew;
    const char *os_family;
    const char *os_version;
};

/* Envelope and bodies: sizes, digests. Borrows from body and arena. Codes: "bad_json",
 * "bad_length", "bad_digest", "digest_mismatch", "too_big". */
enum hm_status hm_ingest_read(const char *body, size_t len, struct hm_arena *arena,
                              struct hm_ingest *out_ingest, struct hm_err *err) HM_MUST_CHECK;

/* Copies what it needs into arena, decodes, fetches what was only named, judges. Code
 * "bad_document" with the document's name and the member's path. */
enum hm_status hm_ingest_prepare(struct hm_ingest *ingest, struct hm_arena *arena,
                                 struct hm_err *err) HM_MUST_CHECK;

/* Everything that the report changes. May run again when the transaction is retried. */
enum hm_status hm_ingest_store(struct hm_session *s, struct hm_ingest *ingest,
                               struct hm_err *err) HM_MUST_CHECK;

/* Tells the fleet: committed or not. */
void hm_ingest_end(struct hm_ingest *ingest, bool committed);

/* Names of the documents that the agent must send; at most HM_FLEET_DOCUMENTS. */
size_t hm_ingest_need(const struct hm_ingest *ingest, const char **out_names);
