/* server/store/entities.h — the records that the store keeps. One file an entity holds the SQL.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All functions run inside a session (hm_store_read, or a job). Rows are in the caller's arena.
 * Times are milliseconds since 1970 UTC. History is intervals: valid_from <= t < valid_to, open
 * end = NULL.
 *
 * Columns that struct hm_page.where may name, by list (the members below by the same names;
 * times are in ms, yes/no is 1/0):
 *   hosts     id name labels os_family os_name os_version agent_version verdict silent_since_ms
 *             cloned first_seen_ms last_seen_ms safe unknown exposed blocked findings_high
 *             findings_medium findings_low incomplete
 *   verdicts  id host_id host_name host_labels host_silent host_os_family product requirement
 *             title protocol ports kind origin state reason odds holder judged_by valid_from_ms
 *   findings  id host_id host_name host_labels host_silent host_os_family kind severity subject
 *             fingerprint needs_reboot valid_from_ms
 *   events    id at_ms kind host_id host_name actor peer
 *   tokens    id kind name role created_ms expires_ms uses_left revoked
 * labels and host_labels are a JSON list, ["site=paris"]; with page.at they are those of now, all
 * else is as it was then.
 * events and tokens have no history: page.at is HM_EINVAL, code "no_history". */
#pragma once

#include "common/crypto/digest.h"
#include "common/crypto/id.h"
#include "common/wire/records.h"
#include "server/store/page.h"
#include "server/store/store.h"

/* ---- agents.c: identities that may speak -------------------------------------------------- */
enum hm_agent_state { HM_AGENT_ACTIVE, HM_AGENT_CLONED, HM_AGENT_REVOKED };
struct hm_agent_row {
    const char *id;
    unsigned char secret_hash[HM_DIGEST_BYTES];
    enum hm_agent_state state;
    const char *join_token_id;
    int64_t created_ms;
};
enum hm_status hm_agents_put(struct hm_session *s, const struct hm_agent_row *row,
                             struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_agents_set_state(struct hm_session *s, const char *id, enum hm_agent_state state,
                                   struct hm_err *err) HM_MUST_CHECK;

/* ---- hosts.c: one row an agent: where it stands now --------------------------------------- */
struct hm_host_row {
    const char *id; /* = agent id */
    const char *name;
    struct hm_strings labels; /* "site=paris" */
    const char *os_family;
    const char *os_name;
    const char *os_version;
    const char *agent_version;
    int64_t first_seen_ms; /* of the first accepted check-in; 0 = enrolled, not yet seen */
    int64_t last_seen_ms;  /* as flushed; the fleet's own value is newer */
    const char *boot_id;
    uint64_t seq;
    int64_t silent_since_ms; /* 0 = not silent */
    bool cloned;
    const char *inventory_digest; /* "" none yet */
    const char *findings_digest;
    const char *outcome_digest;
    const char *verdict; /* worst: "safe", "unknown", "exposed", "blocked"; a silent, cloned
                            or never judged host is "unknown", and so is an incomplete one
                            instead of "safe" */
    uint32_t safe;       /* requirements by state */
    uint32_t unknown;
    uint32_t exposed;
    uint32_t blocked;
    uint32_t findings_high;
    uint32_t findings_medium;
    uint32_t findings_low;
    const char *sample_json; /* last sample that came with a change; "" none */
    bool incomplete;         /* facts are missing without which nothing may be called safe */
};
struct hm_host_rows {
    struct hm_host_row *at;
    size_t count;
};
enum hm_status hm_hosts_put(struct hm_session *s, const struct hm_host_row *row, int64_t now_ms,
                            struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_hosts_get(struct hm_session *s, const char *id_or_name, struct hm_arena *arena,
                            struct hm_host_row *out_row, struct hm_err *err) HM_MUST_CHECK;
/* For whoever has an id: a host may be called as another one's id is. */
enum hm_status hm_hosts_get_by_id(struct hm_session *s, const char *id, struct hm_arena *arena,
                                  struct hm_host_row *out_row, struct hm_err *err) HM_MUST_CHECK;
/* By id; page.at is answered from host history (name, verdict and counts as they were). */
enum hm_status hm_hosts_list(struct hm_session *s, const struct hm_page *page,
                             struct hm_arena *arena, struct hm_host_rows *out_rows,
                             struct hm_err *err) HM_MUST_CHECK;
/* Forgets the host as of now: closes its intervals, revokes its agent; its past stays. The
 * caller tells the fleet (hm_fleet_set_state). */
enum hm_status hm_hosts_remove(struct hm_session *s, const char *id, int64_t now_ms,
                               struct hm_err *err) HM_MUST_CHECK;
/* What verdict says, from the counts and flags above. */
const char *hm_hosts_verdict(const struct hm_host_row *row);
/* Counts the host's open findings into row (high, medium, low). */
enum hm_status hm_hosts_count_findings(struct hm_session *s, struct hm_host_row *row,
                                       struct hm_err *err) HM_MUST_CHECK;
/* What the fleet knows better than the row; touches no history. */
enum hm_status hm_hosts_touch(struct hm_session *s, const char *id, int64_t last_seen_ms,
                              uint64_t seq, struct hm_err *err) HM_MUST_CHECK;
/* Every agent with its host row, in no order; strings are valid during the call. row.id is "" for
 * an agent that has no host any more. */
typedef enum hm_status hm_agent_fn(const struct hm_agent_row *agent, const struct hm_host_row *host,
                                   void *arg, struct hm_err *err);
enum hm_status hm_agents_each(struct hm_session *s, hm_agent_fn *fn, void *arg,
                              struct hm_err *err) HM_MUST_CHECK;

/* ---- documents.c: bodies by digest, and which host had which when -------------------------- */
enum hm_status hm_documents_has(struct hm_session *s, const char *digest, bool *out_has,
                                struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_documents_put(struct hm_session *s, const char *digest, const char *kind,
                                const void *bytes, size_t len, int64_t now_ms,
                                struct hm_err *err) HM_MUST_CHECK;
/* HM_ENOENT when no such body is kept. */
enum hm_status hm_documents_get(struct hm_session *s, const char *digest, struct hm_arena *arena,
                                const char **out_text, size_t *out_len,
                                struct hm_err *err) HM_MUST_CHECK;
/* Closes the host's open interval of this kind and opens one. */
enum hm_status hm_documents_assign(struct hm_session *s, const char *host_id, const char *kind,
                                   const char *digest, int64_t now_ms,
                                   struct hm_err *err) HM_MUST_CHECK;
struct hm_document_row {
    const char *host_id;
    const char *kind; /* "inventory", "findings", "outcome" */
    const char *digest;
    int64_t valid_from_ms;
    int64_t valid_to_ms; /* 0 = still */
    uint64_t size_bytes;
};
struct hm_document_rows {
    struct hm_document_row *at;
    size_t count;
};
/* The document of a kind that was valid at at_ms (0 = now); HM_ENOENT when none was. */
enum hm_status hm_documents_at(struct hm_session *s, const char *host_id, const char *kind,
                               int64_t at_ms, struct hm_arena *arena,
                               struct hm_document_row *out_row, struct hm_err *err) HM_MUST_CHECK;
/* A host's history, newest first; page.after is "<valid_from_ms>:<kind>". */
enum hm_status hm_documents_history(struct hm_session *s, const char *host_id,
                                    const struct hm_page *page, struct hm_arena *arena,
                                    struct hm_document_rows *out_rows,
                                    struct hm_err *err) HM_MUST_CHECK;

/* ---- verdicts.c and findings.c: what was judged, as intervals ------------------------------ */
struct hm_verdict_row {
    int64_t id; /* key and order of the list */
    const char *host_id;
    const char *host_name; /* these two as they were then, where page.at is asked */
    bool host_silent;
    struct hm_verdict verdict;
    const char *judged_by; /* "agent", "collector" */
    int64_t valid_from_ms; /* since when it has this state, reason and holder */
    int64_t valid_to_ms;
};
struct hm_verdict_rows {
    struct hm_verdict_row *at;
    size_t count;
};
/* Makes the host's open rows equal to verdicts: unchanged ones stay, others are closed or
 * opened. Appends an event for each change of state ("verdict_changed") unless first is set. */
enum hm_status hm_verdicts_replace(struct hm_session *s, const char *host_id,
                                   const struct hm_verdicts *verdicts, const char *judged_by,
                                   bool first, int64_t now_ms, struct hm_err *err) HM_MUST_CHECK;
/* As above for what several judges said: of equal requirements the first part wins. out_counts
 * holds requirements by state. */
struct hm_verdict_part {
    const struct hm_verdicts *verdicts;
    const char *judged_by;
};
enum hm_status hm_verdicts_replace_parts(struct hm_session *s, const char *host_id,
                                         const struct hm_verdict_part *parts, size_t part_count,
                                         bool first, int64_t now_ms, uint32_t out_counts[4],
                                         struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_verdicts_list(struct hm_session *s, const struct hm_page *page,
                                struct hm_arena *arena, struct hm_verdict_rows *out_rows,
                                struct hm_err *err) HM_MUST_CHECK;

struct hm_finding_row {
    int64_t id;
    const char *host_id;
    const char *host_name; /* these two as they were then, where page.at is asked */
    bool host_silent;
    struct hm_finding finding;
    int64_t valid_from_ms;
    int64_t valid_to_ms;
};
struct hm_finding_rows {
    struct hm_finding_row *at;
    size_t count;
};
/* As for verdicts; by fingerprint. The collector's own kinds (own_findings.c) are left alone by the
 * first and set one by one by the second. */
enum hm_status hm_findings_replace(struct hm_session *s, const char *host_id,
                                   const struct hm_findings *findings, bool first, int64_t now_ms,
                                   struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_findings_set(struct hm_session *s, const char *host_id,
                               const struct hm_finding *finding, bool present, int64_t now_ms,
                               struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_findings_list(struct hm_session *s, const struct hm_page *page,
                                struct hm_arena *arena, struct hm_finding_rows *out_rows,
                                struct hm_err *err) HM_MUST_CHECK;

/* ---- events.c: append-only, hash-chained ---------------------------------------------------- */
struct hm_event {
    int64_t id; /* 1, 2, 3 … without gaps */
    int64_t at_ms;
    const char *kind;    /* "host_first_report", "host_silent", "token_created" … */
    const char *host_id; /* "" none */
    const char *host_name;
    const char *actor;  /* "agent mail01", "token laptop-anna", "collector" */
    const char *peer;   /* address; "" none */
    const char *before; /* JSON or text; "" none */
    const char *after;
    const char *why;
    const char *hash; /* BLAKE2b-256 over the previous hash and this row, hex */
};
struct hm_events {
    struct hm_event *at;
    size_t count;
};
/* Fills id and hash itself. */
enum hm_status hm_events_append(struct hm_session *s, const struct hm_event *event,
                                struct hm_err *err) HM_MUST_CHECK;
/* Ascending by id after page.after (a decimal id). newest_first turns it round. */
enum hm_status hm_events_list(struct hm_session *s, const struct hm_page *page, bool newest_first,
                              struct hm_arena *arena, struct hm_events *out_events,
                              struct hm_err *err) HM_MUST_CHECK;
/* Walks the whole chain: HM_OK, or HM_ECONFLICT, code "broken_chain", with the first id that does
 * not fit. */
enum hm_status hm_events_verify(struct hm_session *s, struct hm_err *err) HM_MUST_CHECK;
/* One event that somebody wrote down elsewhere. A chain alone cannot show that its end was cut off,
 * nor that all of it was made again; with the mark of an earlier look it can. */
struct hm_event_mark {
    int64_t id; /* 0 = none */
    char hash[2 * HM_DIGEST_BYTES + 1];
};
/* As above; known may be NULL; out_last is the mark of the newest event. */
enum hm_status hm_events_verify_since(struct hm_session *s, const struct hm_event_mark *known,
                                      struct hm_event_mark *out_last,
                                      struct hm_err *err) HM_MUST_CHECK;

/* ---- tokens.c: join tokens and operator tokens ---------------------------------------------- */
struct hm_token_row {
    const char *id;
    const char *kind;         /* "join", "operator" */
    const char *name;         /* "laptop-anna" */
    const char *role;         /* operator: "viewer" … "admin"; join: "" */
    struct hm_strings labels; /* join: given to every host that enrols with it */
    unsigned char secret_hash[HM_DIGEST_BYTES];
    int64_t created_ms;
    int64_t expires_ms; /* 0 = never (operator tokens only) */
    uint32_t uses_left; /* join */
    bool revoked;
};
struct hm_token_rows {
    struct hm_token_row *at;
    size_t count;
};
enum hm_status hm_tokens_put(struct hm_session *s, const struct hm_token_row *row,
                             struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_tokens_get(struct hm_session *s, const char *id, struct hm_arena *arena,
                             struct hm_token_row *out_row, struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_tokens_list(struct hm_session *s, const struct hm_page *page,
                              struct hm_arena *arena, struct hm_token_rows *out_rows,
                              struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_tokens_revoke(struct hm_session *s, const char *id,
                                struct hm_err *err) HM_MUST_CHECK;
/* Forgets join tokens that expired before before_ms: nobody can use them, and they are many. */
enum hm_status hm_tokens_purge(struct hm_session *s, int64_t before_ms,
                               struct hm_err *err) HM_MUST_CHECK;
/* Takes one use off a join token: HM_EDENIED with code "expired_token", "used_token",
 * "revoked_token" or "unknown_token". */
enum hm_status hm_tokens_check(struct hm_session *s, const char *id,
                               const unsigned char secret_hash[HM_DIGEST_BYTES], int64_t now_ms,
                               struct hm_arena *arena, struct hm_token_row *out_row,
                               struct hm_err *err) HM_MUST_CHECK; /* takes nothing */
enum hm_status hm_tokens_use(struct hm_session *s, const char *id,
                             const unsigned char secret_hash[HM_DIGEST_BYTES], int64_t now_ms,
                             struct hm_arena *arena, struct hm_token_row *out_row,
                             struct hm_err *err) HM_MUST_CHECK;
