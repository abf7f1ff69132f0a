/* common/wire/records.h — the field tables of every document that travels or is stored.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each has a JSON Schema of the same name in schema/wire; the parity test holds them together. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/crypto/envelope.h"
#include "common/judge/judge.h"
#include "common/plan/outcome.h"
#include "common/wire/fields.h"

/* Documents of the domain. The structs are those of common/ports. */
extern const struct hm_record hm_record_inventory;  /* struct hm_inventory */
extern const struct hm_record hm_record_sample;     /* struct hm_sample */
extern const struct hm_record hm_record_findings;   /* struct hm_judgement: verdicts, findings,
                                                       unknown: the agent's own judgement */
extern const struct hm_record hm_record_catalogue;  /* struct hm_catalogue_release */
extern const struct hm_record hm_record_product;    /* struct hm_product: a catalogue file */
extern const struct hm_record hm_record_port_entry; /* struct hm_port_entry: inside an inventory */
extern const struct hm_record hm_record_service;    /* struct hm_service: likewise */
extern const struct hm_record hm_record_tcpip_values; /* struct hm_tcpip_values: likewise */
extern const struct hm_record hm_record_verdict;
extern const struct hm_record hm_record_finding;

/* Policies and what becomes of them. A policy is read strictly. */
extern const struct hm_record hm_record_policy;    /* struct hm_policy */
extern const struct hm_record hm_record_match;     /* struct hm_match: inside a policy */
extern const struct hm_record hm_record_plan;      /* struct hm_plan */
extern const struct hm_record hm_record_ledger;    /* struct hm_ledger: a file of the agent */
extern const struct hm_record hm_record_outcome;   /* struct hm_outcome_report */
extern const struct hm_record hm_record_plan_note; /* a row of plan and outcome */

/* hm-agent check --json. */
struct hm_check {
    struct hm_catalogue_release catalogue; /* by which it was judged; local products on top */
    struct hm_inventory inventory;
    struct hm_verdicts verdicts;
    struct hm_findings findings;
    struct hm_observed_list observed;
    bool incomplete;
    struct hm_strings unknown;
};
extern const struct hm_record hm_record_check;

/* host.json of hm-agent check --from, and of recorded hosts: what files of the system do not
 * tell. Members that are here outrank the files. */
struct hm_host_file {
    const char *name; /* host name; "" = the folder's name */
    bool has_os;
    struct hm_os os;
    bool has_services;
    struct hm_strings services;
    bool has_service_details;
    struct hm_services service_details;
    bool has_port_book;
    struct hm_port_book port_book;
    bool has_events;
    struct hm_event_counts events;
    bool has_boot_time; /* milliseconds, UTC */
    int64_t boot_time;
    bool has_tcpip_written; /* last write time of Tcpip\Parameters; as above */
    int64_t tcpip_written;
    bool has_listeners;
    struct hm_listeners listeners;
    bool has_labels;
    struct hm_strings labels; /* "site=paris" */
    bool has_boot_id;
    const char *boot_id;
    bool has_uptime_s; /* absent: the host is described as it is once it has settled */
    uint32_t uptime_s;
    bool has_exhaustion_events; /* counts since the last sample, 4227, 4231, 4266 */
    uint32_t event_4227;
    uint32_t event_4231;
    uint32_t event_4266;
    bool has_previous_boot;
    struct hm_inventory previous_boot; /* inventory before the last boot */
};
extern const struct hm_record hm_record_host_file;

/* POST /v1/enroll. The join token travels in the body, never in a URL. */
struct hm_enroll {
    const char *token;        /* "hmj_…" */
    const char *name;         /* host name */
    struct hm_strings labels; /* "site=paris" */
    const char *version;      /* of the agent */
};
struct hm_enrolled {
    const char *agent_id; /* 26 characters, see common/crypto/id.h */
    const char *secret;   /* "hma_…": the bearer token of this agent; shown once */
    uint32_t interval_s;
    bool has_trust_root; /* the fleet has one: the agent pins it */
    struct hm_envelope trust_root;
};
extern const struct hm_record hm_record_enroll;
extern const struct hm_record hm_record_enrolled;

/* POST /v1/checkin: newline-delimited JSON (application/x-ndjson). First line: this envelope.
 * Then one line for each document whose "bytes" is present, in the order inventory, findings,
 * outcome: compact JSON of exactly that many bytes, without a newline inside. The digest is over
 * exactly those bytes. A document without "bytes" is only named by digest. */
struct hm_document_ref {
    const char *digest; /* "blake2b-256:<64 hex>" */
    bool has_bytes;
    uint32_t bytes;
};
struct hm_documents {
    bool has_inventory;
    struct hm_document_ref inventory;
    bool has_findings;
    struct hm_document_ref findings;
    bool has_outcome;
    struct hm_document_ref outcome;
};
struct hm_checkin {
    const char *boot_id;
    uint64_t seq;        /* one higher with each check-in of a boot; a retry repeats it */
    const char *version; /* of the agent */
    const char *name;    /* host name now */
    struct hm_documents documents;
    bool has_sample;
    struct hm_sample sample;
    uint32_t unsent_dropped; /* reports this agent had to give up since the last answer */
};
struct hm_checked_in {
    uint32_t interval_s;
    const char *etag;       /* of the desired state */
    struct hm_strings need; /* "inventory", "findings": send these bodies next */
};
extern const struct hm_record hm_record_checkin;
extern const struct hm_record hm_record_checked_in;

/* GET /v1/desired[?catalogue=TAG]. The catalogue travels only when the agent's is another. */
struct hm_settings {
    uint32_t interval_s;
};
struct hm_desired {
    struct hm_settings settings;
    const char *catalogue_tag; /* opaque; what the agent names next time */
    bool has_catalogue;        /* false: the one with this tag, as before */
    struct hm_catalogue catalogue;
    struct hm_strings labels;  /* of this host, as the collector knows them */
    struct hm_envelopes trust; /* trust roots, oldest first: how to come from any to the newest */
    struct hm_envelopes policies; /* statements for this host, by policy name. One that is missing
                                     changes nothing: only a signed revision of mode retire takes
                                     back what a policy added */
};
extern const struct hm_record hm_record_desired;

/* RFC 9457 problem document; code is stable, status is the HTTP status. */
struct hm_problem {
    const char *type; /* "urn:havenmaster:problem:<code>" */
    const char *title;
    uint32_t status;
    const char *code;
    const char *detail;
    const char *request_id;
    const char *reenroll_token; /* only with code "clone_detected": a one-use join token */
};
extern const struct hm_record hm_record_problem;

/* What is signed, and the keys that sign. Envelopes are read with unknown members ignored (DSSE),
 * the other three strictly. See common/wire/signed.h. */
extern const struct hm_record hm_record_envelope;    /* struct hm_envelope */
extern const struct hm_record hm_record_signing_key; /* struct hm_signing_key */
extern const struct hm_record hm_record_trust_root;  /* struct hm_trust_root */
extern const struct hm_record hm_record_statement;   /* struct hm_statement */

/* "catalogue.json" beside the folder of products: the text up to its last '/' or '\\'. NULL on no
 * memory. */
const char *hm_record_catalogue_path(const char *product_dir, struct hm_arena *arena);

/* Every record above, for the parity test and the fuzzers. */
struct hm_record_row {
    const char *name;
    const struct hm_record *record;
};
extern const struct hm_record_row hm_records[];
extern const size_t hm_records_count;
