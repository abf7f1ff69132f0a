/* agent/platform/linux/units.h — systemd units as their files tell them; private to this folder and
 * its tests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files alone are read: nothing is asked over D-Bus, so that no right is needed, nothing waits for
 * process 1, and a folder can stand for a host. Sources: systemd.unit(5) (load path, drop-ins,
 * aliases, masks, .wants and .requires folders, Requires=, BindsTo=, PartOf=, Condition…=),
 * systemd.service(5) (Type=, RemainAfterExit=, ExecStart=), systemd.exec(5) (PAMName=,
 * TTYPath=), systemd.socket(5), systemd.path(5), systemd.timer(5), bootup(7) (default.target). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/platform/linux/watch.h"
#include "agent/platform/platform.h"
#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/inventory.h"

#define HM_LINUX_UNITS_MAX 8192u
#define HM_LINUX_UNIT_FILE_BYTES (256u * 1024u)
#define HM_LINUX_UNIT_NAME_BYTES 512 /* systemd's own limit is 255 */
#define HM_LINUX_UNIT_FOLDERS 13     /* of the load path */

/* Who makes the units and links of a folder. */
enum hm_linux_maker { HM_LINUX_BY_PERSON, HM_LINUX_BY_GENERATOR, HM_LINUX_BY_PACKAGE };

/* A port that a socket unit opens. */
struct hm_linux_listen {
    enum hm_protocol protocol;
    uint16_t port;
};

struct hm_linux_unit {
    const char *name; /* "nginx.service"; of an alias that of the unit itself */
    bool found;       /* its file was read */
    bool transient;   /* made by systemd-run: once stopped it is gone */
    bool unreadable;  /* it is there, and could not be */
    bool masked;      /* cannot be started: a link to /dev/null, or an empty file */
    /* By the way of the boot (hm_linux_units_boot): */
    bool reached;   /* started at each boot */
    bool chosen;    /* by a link that is not a package's own: somebody, or a preset, enabled it */
    bool generated; /* likewise, by a link that a generator made at boot */
    bool triggered; /* by a socket or path unit that is reached */
    bool timed;     /* by a timer */
    /* From its file and drop-ins: */
    bool has_exec;
    const char *program;   /* file name of ExecStart; "" unknown, or a shell */
    bool oneshot;          /* done when it ends */
    bool remains;          /* active without any process */
    bool conditions;       /* Condition…= may keep it from starting (one that asks for a path
                              counts as it is now) ... */
    bool asserts;          /* ... Assert…= too ... */
    bool bound;            /* ... and so may a device or mount it is bound to */
    bool session;          /* its processes may move to the session of a log-in */
    bool accepts;          /* a socket that starts an instance for each connection */
    const char *activates; /* a socket, path or timer: which unit; "" of the same name */
    struct hm_linux_listen *listens; /* a socket: in the order of its file */
    size_t listens_count;
    size_t listens_room;
    struct hm_strings pulls; /* units that are started with it */
    size_t pulls_room;
    struct hm_strings stops_with; /* services that stop it when they stop */
    size_t stops_room;
    bool deps_unknown; /* one of the above could not be understood */
};

struct hm_linux_units;

/* Units as the last look read them. Zeroed = none yet. As long as no file that was read has changed
 * (watch.h), they are not read again: a look at a host whose units stay costs a stat(2) a file. */
struct hm_linux_unit_cache {
    struct hm_arena arena;
    struct hm_linux_units *units; /* NULL none */
};
void hm_linux_unit_cache_fini(struct hm_linux_unit_cache *cache);

/* All units below root, those of the boot read and followed (hm_linux_units_boot). They belong to
 * the cache and are valid until the next call; scratch is for what is read meanwhile, until then.
 */
enum hm_status hm_linux_units_open(const char *root, struct hm_linux_unit_cache *cache,
                                   struct hm_arena *scratch, struct hm_linux_units **out_units,
                                   struct hm_err *err) HM_MUST_CHECK;

/* Can /etc/systemd/system be read? */
bool hm_linux_units_any(const struct hm_linux_units *units);

/* The unit of this name ("postgresql@15-main.service"), read once; one without a file has found
 * false. NULL on no memory, and past HM_LINUX_UNITS_MAX. */
struct hm_linux_unit *hm_linux_unit(struct hm_linux_units *units, const char *name);

/* Follows what a boot starts, from default.target (or the unit that the kernel's command line
 * names) over .wants and .requires folders and what the files say. */
enum hm_status hm_linux_units_boot(struct hm_linux_units *units, struct hm_err *err) HM_MUST_CHECK;

/* All units read so far, in the order in which they were. */
size_t hm_linux_units_count(const struct hm_linux_units *units);
struct hm_linux_unit *hm_linux_units_at(const struct hm_linux_units *units, size_t i);

/* Length of the name without the suffix; 0 when it does not end so. */
size_t hm_linux_unit_stem(const char *name, const char *suffix);

/* "postgresql@.service" of "postgresql@15-main.service"; false when it is no instance. */
bool hm_linux_unit_template(const char *name, char out[HM_LINUX_UNIT_NAME_BYTES]);

/* socket_units.c — names the services of listeners that process 1 has for a socket unit, in the
 * observation's listeners and sockets. */
enum hm_status hm_linux_name_socket_units(struct hm_linux_units *units, struct hm_arena *arena,
                                          struct hm_observation *seen,
                                          struct hm_err *err) HM_MUST_CHECK;

/* ---- for those who look at folders
 * ------------------------------------------------------------------ */

/* What is in "multi-user.target.wants" of one folder of the load path; false when it has none. */
bool hm_linux_units_links(struct hm_linux_units *units, const char *name, size_t folder,
                          struct hm_strings *out_names, enum hm_linux_maker *out_maker);
/* A link to /dev/null of a person's: nobody can start the unit. */
bool hm_linux_units_masks(const struct hm_linux_units *units, size_t folder, const char *name);
const struct hm_strings *hm_linux_units_names(const struct hm_linux_units *units, size_t folder);
const char *hm_linux_units_root(const struct hm_linux_units *units);
struct hm_arena *hm_linux_units_scratch(const struct hm_linux_units *units);

/* ---- unit_file.c, for units.c -------------------------------------------------------------- */

struct hm_linux_unit_source {
    const char *root;
    struct hm_arena *arena;
    struct hm_linux_watches *watches; /* paths that a condition asks for are added */
};

/* Reads one file into the unit; text is changed. false on no memory. */
bool hm_linux_unit_parse(struct hm_linux_unit *unit, const struct hm_linux_unit_source *source,
                         char *text, size_t len);
