/* agent/port_book.h — the port book on disk: portbook.json in the state folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What it remembers is in common/ports/port_book.h. Ports that must not be excluded are nowhere
 * else while their services are down, so it is written twice: where portbook.json is missing or
 * damaged (then kept as portbook.json.broken), portbook.json.copy counts. Where both are, the agent
 * starts a new one, and ports count as required again after two boots. A book that cannot be read
 * just now is left alone and read later. It is written only when it changed. */
#pragma once

#include "agent/platform/platform.h"
#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/port_book.h"

struct hm_agent_port_book;

/* Reads the book of this state folder. Fails only for want of memory or a path that is too long. */
enum hm_status hm_agent_port_book_open(const char *state_dir, struct hm_agent_port_book **out_book,
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

/* Gives the inventory its port book as it is remembered, and notes nothing. */
enum hm_status hm_agent_port_book_give(const struct hm_agent_port_book *book,
                                       struct hm_arena *arena, struct hm_inventory *inventory,
                                       struct hm_err *err) HM_MUST_CHECK;

/* Says in the observation's port book which services are disabled or gone, where the platform
 * lists them (port_book.h of common/ports). */
void hm_agent_port_book_mark(struct hm_observation *observation);

/* Drops every entry of these ports, of both protocols, from the book of an agent that does not run
 * (the caller holds its lock); *out_forgotten says what was dropped. A book that is not there has
 * none; HM_EINVAL when it is damaged. */
enum hm_status hm_agent_port_book_forget(const char *state_dir, struct hm_ports ports,
                                         struct hm_arena *arena, struct hm_port_book *out_forgotten,
                                         struct hm_err *err) HM_MUST_CHECK;

/* The book of an agent that may be running, for "hm-agent check"; nothing is written. HM_ENOENT
 * when there is none, HM_EDENIED when this account may not read it, HM_EINVAL when it is damaged.
 */
enum hm_status hm_agent_port_book_read(const char *state_dir, struct hm_arena *arena,
                                       struct hm_port_book *out_book,
                                       struct hm_err *err) HM_MUST_CHECK;
