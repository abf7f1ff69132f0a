/* common/ports/port_book.h — the port book: the agent's memory of the listeners that a host showed,
 * over its boots. SPDX-License-Identifier: Apache-2.0
 *
 * Two questions need it. A service that is down: which port did it have? A port inside the dynamic
 * range: does its program need this very port, or was it given one at random? A program that has
 * the same port in HM_PORT_BOOK_FIXED boots needs it.
 *
 * Pure: no clock, no file; all memory comes from the caller's arena. A listener counts once two
 * observations of a boot in a row show it, so that a socket of one moment leaves no trace; on
 * Windows one observation is enough for a kind that forbids an exclusion, except for a container
 * inside the dynamic range. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/inventory.h"

/* One remembered listener, with what only its keeper needs. */
struct hm_port_memory {
    struct hm_port_entry entry;
    uint32_t last_boot; /* number of the boot in which it was last confirmed; 0 = never yet */
    bool pending;       /* the newest observation of this boot showed it for the first time */
};

struct hm_port_memories {
    struct hm_port_memory *at;
    size_t count;
};

/* A port that must not be excluded, by what the host is set up to serve or by what it showed. */
struct hm_port_hazard {
    enum hm_protocol protocol;
    uint16_t port;
    enum hm_listener_kind kind; /* HM_KIND_KERNEL: of a component that nobody can name */
    const char *how;            /* for people: "IIS binding http *:8080:", "event 15005" */
    bool lasts;                 /* no setting says so: it stays until hm_port_memo_forget */
    uint32_t last_boot;         /* number of the boot in which it was last seen */
};

struct hm_port_hazards {
    struct hm_port_hazard *at; /* sorted: protocol, port, kind, lasts; each once */
    size_t count;
};

/* The book as it is kept on disk. */
struct hm_port_memo {
    const char *id;      /* of the state that it belongs to, as the agent made it; "" none yet */
    const char *boot_id; /* of the newest boot; "" none yet */
    uint32_t boot;       /* its number, from 1 */
    struct hm_port_memories rows;
    struct hm_port_hazards hazards;
    /* An earlier book was lost, and this one does not yet know what must not be excluded. */
    bool lost;
    uint32_t whole_boots; /* since then, see hm_port_memo_note_whole */
    uint32_t whole_boot;  /* number of the newest of them; 0 = none */
};

/* Boots after which an entry that nothing confirmed is dropped: one that was seen once, one of a
 * fixed port, one of a container inside the dynamic range, whose port is as a rule a random one.
 * Any other whose kind forbids an exclusion stays until hm_port_memo_forget. */
#define HM_PORT_BOOK_FORGET_ONCE 3u
#define HM_PORT_BOOK_FORGET_FIXED 10u
#define HM_PORT_BOOK_FORGET_CONTAINER 10u

/* A book that was lost counts as complete after so many boots that were seen whole: so many seconds
 * after the boot, with all settings. */
#define HM_PORT_BOOK_WHOLE_BOOTS 2u
#define HM_PORT_BOOK_WHOLE_S 1200

/* Entries that an inventory carries at most. Those whose kind forbids an exclusion come first, up
 * to a quota for each kind; then, of all kinds, the ones seen in most boots. */
#define HM_PORT_BOOK_REPORTED 1024u

/* Writes one observation into the book. inventory: settled; without listeners nothing happens.
 * *out_changed: the book differs and must be saved. HM_ENOMEM leaves the book as it was. */
enum hm_status hm_port_memo_note(struct hm_port_memo *memo, const struct hm_inventory *inventory,
                                 const char *boot_id, struct hm_arena *arena, bool *out_changed,
                                 struct hm_err *err) HM_MUST_CHECK;

/* Hazards of one observation, of a modern Windows; after hm_port_memo_note of the same one.
 * Settings that were read stay remembered until all of them are read again (unread = false) and no
 * longer have them. Blocks of exactly one port are those of components that reserve their port, and
 * events of HTTP.sys (15005) name ports that it could not have: neither is in any setting. Over
 * HM_LIMIT_HAZARDS those with the highest ports are dropped. */
enum hm_status hm_port_memo_note_hazards(struct hm_port_memo *memo,
                                         const struct hm_inventory *inventory, bool unread,
                                         struct hm_ports failed, struct hm_arena *arena,
                                         bool *out_changed, struct hm_err *err) HM_MUST_CHECK;

/* Where the book was lost, after the two above: an observation uptime_s seconds after the boot,
 * with listeners and with all settings (unless unread), makes the boot one that was seen whole.
 * *out_changed: as above. */
void hm_port_memo_note_whole(struct hm_port_memo *memo, const struct hm_inventory *inventory,
                             int64_t uptime_s, bool unread, bool *out_changed);

/* The confirmed entries, as an inventory carries them; borrows their texts. */
enum hm_status hm_port_memo_list(const struct hm_port_memo *memo, struct hm_arena *arena,
                                 struct hm_port_book *out_book, struct hm_err *err) HM_MUST_CHECK;

/* Drops every entry and hazard of these ports; *out_forgotten: what was dropped, in the arena; a
 * hazard with its how as program. */
enum hm_status hm_port_memo_forget(struct hm_port_memo *memo, struct hm_ports ports,
                                   struct hm_arena *arena, struct hm_port_book *out_forgotten,
                                   struct hm_err *err) HM_MUST_CHECK;

/* Has the book seen this program (by service where it has one) on this port in at least boots
 * boots? */
bool hm_port_book_saw(const struct hm_port_book *book, enum hm_protocol protocol, uint16_t port,
                      const char *program, const char *service, uint32_t boots);

/* Says of each entry of the inventory's port book whether its service is disabled or no longer
 * there. idle: services that are installed and neither run nor start by themselves; is_whole: with
 * those of the inventory, every installed service is known. Without that nothing is gone. */
void hm_port_book_mark(struct hm_inventory *inventory, const struct hm_services *idle,
                       bool is_whole);

/* Is it an entry whose service needs no port now? */
bool hm_port_entry_is_retired(const struct hm_port_entry *entry);

/* The order of a book: protocol, port, program, service. Equal entries are one listener, whatever
 * kind it was seen with. */
int hm_port_entry_compare(const struct hm_port_entry *a, const struct hm_port_entry *b);

/* Sorts, and makes one entry of those that are equal: both families, most boots, and the kind that
 * says more ("socket" is also what a system says that cannot tell). In place. */
void hm_port_book_settle(struct hm_port_book *book);

/* Sorts and drops doubles; in place. */
void hm_port_hazards_settle(struct hm_port_hazards *hazards);

/* The same for a book read from disk. */
void hm_port_memo_settle(struct hm_port_memo *memo);

/* Is the entry about what a listener with these names is? By service where both have one. */
bool hm_port_entry_is_of(const struct hm_port_entry *entry, const char *program,
                         const char *service);
