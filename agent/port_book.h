/* agent/port_book.h — the port book on disk: portbook.json in the state folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What it remembers is in common/ports/port_book.h. Ports that must not be excluded are nowhere
 * else while their services are down, so it is written twice: where portbook.json is missing or
 * damaged (then kept as portbook.json.broken), portbook.json.copy counts. The copy is written after
 * the book is on disk. A book carries a random id that state.json knows, too: one with another id,
 * or without one, is somebody else's and counts as damaged. Where neither can be read, or both are
 * gone although there was a book, the memory is lost: the agent starts a new one, which says so,
 * and policies add no new exclusions until it has seen some boots whole (hm_port_memo_note_whole)
 * or a person accepts the loss. A book that cannot be read just now is left alone and read later.
 * It is written only when it changed. */
#pragma once

#include "agent/platform/platform.h"
#include "agent/spool.h"
#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/ports/port_book.h"

struct hm_agent_port_book;

/* What the rest of the state folder says of the book. */
struct hm_port_book_past {
    bool has_been;  /* there has been one: where it is gone, it was lost */
    const char *id; /* that it must have; "" any, as a state of an older version has none */
    char enforce_id[HM_LIMIT_ID_BYTES + 1]; /* of enforce.json: what a book that knows no other gets
                                               ("" a random one) */
};

/* spool: that of the same folder, and out->id lives as long as it. What is damaged counts as
 * something: it was written. */
void hm_agent_port_book_past(const char *state_dir, const struct hm_spool *spool,
                             struct hm_port_book_past *out);

/* Reads the book of this state folder; past is copied. Fails only for want of memory or a path
 * that is too long. After hm_crypto_init. */
enum hm_status hm_agent_port_book_open(const char *state_dir, const struct hm_port_book_past *past,
                                       struct hm_agent_port_book **out_book,
                                       struct hm_err *err) HM_MUST_CHECK;
void hm_agent_port_book_close(struct hm_agent_port_book *book);

/* HM_OK, or why the book cannot be read: then what must not be excluded is not known. Tries again.
 */
enum hm_status hm_agent_port_book_check(struct hm_agent_port_book *book,
                                        struct hm_err *err) HM_MUST_CHECK;

/* Notes what this observation shows and gives the inventory its port book, in arena; an inventory
 * that brings one of its own (a recorded host) keeps it. A book that cannot be saved is logged,
 * once as long as the reason stays, and works in memory; one that cannot be read gets and gives
 * nothing. */
enum hm_status hm_agent_port_book_note(struct hm_agent_port_book *book, const char *boot_id,
                                       struct hm_arena *arena, struct hm_inventory *inventory,
                                       struct hm_err *err) HM_MUST_CHECK;

/* Then: notes the ports that must not be excluded by what the host is set up to serve, by its
 * blocks and by events of HTTP.sys. An observation that has not all settings keeps those that are
 * remembered. As above where the book cannot be read or saved. */
enum hm_status hm_agent_port_book_note_hazards(struct hm_agent_port_book *book,
                                               const struct hm_observation *seen,
                                               struct hm_arena *arena,
                                               struct hm_err *err) HM_MUST_CHECK;

/* Is what it remembers too little, as an earlier book was lost? */
bool hm_agent_port_book_is_lost(const struct hm_agent_port_book *book);

/* Is it on disk, with its id? Then the next start expects one. */
bool hm_agent_port_book_is_kept(const struct hm_agent_port_book *book);
const char *hm_agent_port_book_id(const struct hm_agent_port_book *book);

/* As remembered; until the next call that notes something. */
const struct hm_port_hazards *hm_agent_port_book_hazards(const struct hm_agent_port_book *book);

/* Gives the inventory its port book as it is remembered, and notes nothing. */
enum hm_status hm_agent_port_book_give(const struct hm_agent_port_book *book,
                                       struct hm_arena *arena, struct hm_inventory *inventory,
                                       struct hm_err *err) HM_MUST_CHECK;

/* Says in the observation's port book which services are disabled or gone, where the platform
 * lists them (port_book.h of common/ports). */
void hm_agent_port_book_mark(struct hm_observation *observation);

/* Drops every entry of these ports, of both protocols, from the book of an agent that does not run
 * (the caller holds its lock); *out_forgotten says what was dropped. Where there never was a book
 * there is none; HM_ECONFLICT when it is damaged, gone or another agent's. */
enum hm_status hm_agent_port_book_forget(const char *state_dir,
                                         const struct hm_port_book_past *past,
                                         struct hm_ports ports, struct hm_arena *arena,
                                         struct hm_port_book *out_forgotten,
                                         struct hm_err *err) HM_MUST_CHECK;

/* A person says that the memory that was lost is not needed (the caller holds the agent's lock):
 * where the book is damaged, another agent's, gone although there was one, or says that it was
 * lost, one is written that does not. *out_was_lost says whether it was so. */
enum hm_status hm_agent_port_book_accept_loss(const char *state_dir,
                                              const struct hm_port_book_past *past,
                                              struct hm_arena *arena, bool *out_was_lost,
                                              struct hm_err *err) HM_MUST_CHECK;

/* The book of an agent that may be running, for "hm-agent check"; nothing is written. HM_ENOENT
 * when there is none, HM_EDENIED when this account may not read it, HM_EINVAL when it is damaged.
 */
enum hm_status hm_agent_port_book_read(const char *state_dir, struct hm_arena *arena,
                                       struct hm_port_book *out_book,
                                       struct hm_port_hazards *out_hazards,
                                       struct hm_err *err) HM_MUST_CHECK;
