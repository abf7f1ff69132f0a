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
#include "common/ports/configured.h"
#include "common/ports/inventory.h"

#define HM_LINUX_UNITS_MAX 8192u
#define HM_LINUX_UNIT_FILE_BYTES (256u * 1024u)
#define HM_LINUX_UNIT_NAME_BYTES 512 /* systemd's own limit is 255 */
#define HM_LINUX_WORD_BYTES 512
#define HM_LINUX_UNIT_FOLDERS 13 /* of the load path */

/* Who makes the units and links of a folder. */
enum hm_linux_maker { HM_LINUX_BY_PERSON, HM_LINUX_BY_GENERATOR, HM_LINUX_BY_PACKAGE };

/* Of a service: the setting that a command is of. */
enum hm_linux_command { HM_LINUX_EXEC_START, HM_LINUX_EXEC_PRE, HM_LINUX_EXEC_POST };
#define HM_LINUX_COMMANDS 3

/* A port that a socket unit opens, or that a container of a service is published on. */
struct hm_linux_listen {
    enum hm_protocol protocol;
    uint16_t port;
    enum hm_families families; /* of its address; hm_linux_listen_families */
    enum hm_linux_command command;
    const char *address; /* the only one on which it listens; "" any, or not known */
};

/* Containers that a unit starts without saying their ports, and that Docker keeps records of. */
enum hm_linux_start_by {
    HM_LINUX_START_NAME,    /* a container's name, or the first digits of its id */
    HM_LINUX_START_PROJECT, /* the project of compose with this name ... */
    HM_LINUX_START_FILE,    /* ... with this file among its own ... */
    HM_LINUX_START_FOLDER,  /* ... in this folder */
};
struct hm_linux_start {
    enum hm_linux_start_by by;
    const char *text; /* a path may count from the unit's folder; "" that folder itself */
    enum hm_linux_command command;
    bool profiles; /* of compose: services with a profile may start, too */
};

/* Settings of a service that set variables of its processes. */
enum hm_linux_environment {
    HM_LINUX_ENVIRONMENT,
    HM_LINUX_ENVIRONMENT_FILE,
    HM_LINUX_ENVIRONMENT_PASSED,
};
#define HM_LINUX_ENVIRONMENTS 3

struct hm_linux_unit {
    const char *name; /* "nginx.service"; of an alias that of the unit itself */
    bool found;       /* its file was read */
    bool transient;   /* made by systemd-run: once stopped it is gone */
    bool unreadable;  /* it is there, and could not be */
    bool masked;      /* cannot be started: a link to /dev/null, or an empty file */
    /* By the way of the boot (hm_linux_units_boot): */
    bool reached;   /* started at each boot */
    bool chosen;    /* by a link that is not a package's own: somebody, or a preset, enabled it, or
                       a service that needs it; or a person's file names it */
    bool generated; /* likewise, by a link that a generator made at boot */
    bool triggered; /* by a socket or path unit that is reached */
    bool timed;     /* by a timer ... */
    bool scheduled; /* ... that is reached, and that somebody enabled */
    /* From its file and drop-ins: */
    bool has_exec;
    const char *program;   /* file name of ExecStart; "" unknown, or a shell */
    const char *arguments; /* behind it, as its file has them; "" none, or not known */
    bool options_unread;   /* a variable of its own (Environment=) has options for it */
    bool oneshot;          /* done when it ends */
    bool remains;          /* active without any process */
    bool conditions;       /* Condition…= may keep it from starting (one that asks for a path
                              counts as it is now) ... */
    bool asserts;          /* ... Assert…= too ... */
    bool bound;            /* ... and so may a device or mount it is bound to */
    bool session;          /* its processes may move to the session of a log-in */
    bool accepts;          /* a socket that starts an instance for each connection */
    bool ipv6_only;        /* a socket: BindIPv6Only=ipv6-only, or the system's default */
    const char *activates; /* a socket, path or timer: which unit; "" of the same name */
    struct hm_linux_listen *listens; /* a socket: in the order of its file; a service that runs a
                                        container: its outer ports */
    size_t listens_count;
    size_t listens_room;
    bool hides_ports; /* a service: it starts a container, and not all of its ports are known */
    bool hides_by[HM_LINUX_COMMANDS]; /* which of its commands do */
    struct hm_linux_start *starts;    /* a service: the containers of Docker that it starts */
    size_t starts_count;
    size_t starts_room;
    const char *folder; /* WorkingDirectory=; "" none, or not known */
    struct hm_strings environment[HM_LINUX_ENVIRONMENTS]; /* as the lines have them */
    size_t environment_room[HM_LINUX_ENVIRONMENTS];
    struct hm_strings pulls; /* units that are started with it */
    size_t pulls_room;
    struct hm_strings chosen_pulls; /* those of them that a file of a person's names */
    size_t chosen_room;
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

/* cluster.c — the units that a cluster's resources name; *out_known false when its configuration
 * cannot be read. */
enum hm_status hm_linux_cluster_units(const char *root, struct hm_arena *arena,
                                      struct hm_strings *out_names, bool *out_known,
                                      struct hm_err *err) HM_MUST_CHECK;

/* sap.c — the units that the instances of SAP would have which sapinit starts
 * ("SAPPRD_00.service"); *out_known false when one of them is not understood, or the file cannot be
 * read. */
enum hm_status hm_linux_sap_instances(const char *root, struct hm_arena *arena,
                                      struct hm_strings *out_names, bool *out_known,
                                      struct hm_err *err) HM_MUST_CHECK;

/* socket_units.c — names the services of listeners that process 1 has for a socket unit, in the
 * observation's listeners and sockets. */
enum hm_status hm_linux_name_socket_units(struct hm_linux_units *units, struct hm_arena *arena,
                                          struct hm_observation *seen,
                                          struct hm_err *err) HM_MUST_CHECK;

/* unit_environment.c — the variable as the service's processes get it: value in the arena; ""
 * unless it is set. Unclear: a file could not be read, or the manager's own is passed. false: no
 * memory. */
enum hm_linux_variable {
    HM_LINUX_VARIABLE_UNSET,
    HM_LINUX_VARIABLE_SET,
    HM_LINUX_VARIABLE_UNCLEAR,
};
bool hm_linux_unit_variable(const char *root, const struct hm_linux_unit *unit, const char *name,
                            struct hm_arena *arena, enum hm_linux_variable *out,
                            const char **out_value) HM_MUST_CHECK;

/* Podman's service that starts containers again at boot, in a host's list of services. */
#define HM_LINUX_PODMAN_RESTART "podman-restart"

/* server_settings.c — adds the ports that settings files of PostgreSQL, MySQL and MariaDB, Redis
 * and Valkey, SSH and Memcached say, of services that are listed. Where such a file cannot be read
 * or is not understood, the row has port 0 and says so; where it is not known which file a service
 * reads, there is no row. *inout_any becomes true when there is a row. */
enum hm_status hm_linux_server_settings(const char *root, struct hm_linux_units *units,
                                        const struct hm_services *listed,
                                        struct hm_configured_make *make, bool *inout_any,
                                        struct hm_err *err) HM_MUST_CHECK;

/* tunnels.c — adds the ports that listed services forward by their command line: ssh, autossh,
 * socat. *inout_any becomes true when there is one. */
enum hm_status hm_linux_tunnels(struct hm_linux_units *units, const struct hm_services *listed,
                                struct hm_configured_make *make, bool *inout_any,
                                struct hm_err *err) HM_MUST_CHECK;

/* podman.c — does Podman (of root) have containers, that run or not? Their ports are in a
 * database, which of them there are in a file. */
enum hm_linux_containers {
    HM_LINUX_CONTAINERS_NONE,
    HM_LINUX_CONTAINERS_SOME,
    HM_LINUX_CONTAINERS_UNREAD,
};
enum hm_status hm_linux_podman_containers(const char *root, struct hm_arena *arena,
                                          enum hm_linux_containers *out,
                                          struct hm_err *err) HM_MUST_CHECK;

/* podman_users.c — adds the ports of containers that services of users start at boot (loginctl
 * enable-linger). *inout_any becomes true when there is one, *inout_whole false when not all of
 * their ports are known. */
enum hm_status hm_linux_podman_users(const char *root, struct hm_configured_make *make,
                                     bool *inout_any, bool *inout_whole,
                                     struct hm_err *err) HM_MUST_CHECK;

/* docker.c — what Docker keeps of its containers, that run or not. */
#define HM_LINUX_DOCKER_FOLDERS 2
/* The folder of containers, without the root: Docker's own, or that of its package for snap.
 * *inout_known becomes false when a settings file may name another one and cannot be read. */
enum hm_status hm_linux_docker_folder(const char *root, size_t i, struct hm_arena *arena,
                                      const char **out_folder, bool *inout_known,
                                      struct hm_err *err) HM_MUST_CHECK;

struct hm_linux_container {
    const char *path; /* of its folder, with the root */
    const char *id;
    const char *name;
    const char *project; /* of compose: name, folder, files with a comma between them; "" none */
    const char *folder;
    const char *files;
    const char *service; /* its name in these files; "" none */
};
struct hm_linux_docker {
    struct hm_linux_container *at;
    size_t count;
    size_t room;
};
enum hm_status hm_linux_docker_open(const char *root, struct hm_arena *arena,
                                    struct hm_linux_docker *out_docker,
                                    struct hm_err *err) HM_MUST_CHECK;

/* Is this the container, or one of the project, that a unit starts? */
bool hm_linux_docker_is(const struct hm_linux_container *container,
                        const struct hm_linux_unit *unit, const struct hm_linux_start *start);

/* The path from the root, without "." and ".."; false: not known. */
bool hm_linux_clean_path(const char *folder, const char *path, char out[HM_LINUX_WORD_BYTES]);

/* compose.c — ports in the files of a project of compose: listens of out_ports, whose hides_ports
 * says that not all are known. *out_read: a file was read. */
enum hm_status hm_linux_compose(const char *root, const struct hm_linux_unit *unit,
                                const struct hm_linux_start *start,
                                const struct hm_linux_docker *docker, struct hm_arena *arena,
                                struct hm_linux_unit *out_ports, bool *out_read,
                                struct hm_err *err) HM_MUST_CHECK;

/* published.c — adds the ports of a container whose folder is at path; *inout_whole becomes false
 * where they cannot be read. */
enum hm_status hm_linux_docker_ports(const char *path, struct hm_configured_make *make,
                                     bool *inout_whole, struct hm_err *err) HM_MUST_CHECK;

/* unit_ports.c — adds the ports of socket units that a boot starts, and of containers that listed
 * services start, to what the host is set up to serve. *inout_any becomes true when there is one,
 * *out_hiding the units, with commas between them, that are not known to run and whose containers'
 * ports neither they nor records of Docker say ("" none); not podman-restart (published.c). */
enum hm_status hm_linux_unit_ports(const char *root, struct hm_linux_units *units,
                                   const struct hm_services *listed,
                                   struct hm_configured_make *make, bool *inout_any,
                                   const char **out_hiding, struct hm_err *err) HM_MUST_CHECK;

/* Families of all addresses of one of a unit's ports. */
enum hm_families hm_linux_listen_families(const struct hm_linux_unit *unit,
                                          const struct hm_linux_listen *listen);

/* unit_publish.c — of the address of a published port or of a socket unit: "127.0.0.1", "[::1]"; ""
 * is any. "[::]" may take IPv4, too. */
enum hm_families hm_linux_address_families(struct hm_span address);

/* The address where it is a single one, without brackets, in the arena; "" otherwise; NULL: no
 * memory. Not one of IPv4 inside of IPv6. */
const char *hm_linux_listen_address(struct hm_span text, struct hm_arena *arena);

/* Sets address and families of a row for this port of the unit. */
void hm_linux_listen_place(const struct hm_linux_unit *unit, const struct hm_linux_listen *listen,
                           struct hm_configured *inout_row);

/* What a socket unit starts, without ".service": "epmd" of epmd.socket; of one that starts an
 * instance for each connection its own name. False: nothing that can be named. */
bool hm_linux_socket_starts(const struct hm_linux_unit *unit, char out[HM_LINUX_UNIT_NAME_BYTES]);

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
    bool by_person;                   /* who made the file */
};

/* Reads one file into the unit; text is changed. false on no memory. */
bool hm_linux_unit_parse(struct hm_linux_unit *unit, const struct hm_linux_unit_source *source,
                         char *text, size_t len);

/* A word of a unit file with its specifiers filled in; false when one is not known here, or it is
 * too long. */
bool hm_linux_unit_expand(const char *name, struct hm_span word, char out[HM_LINUX_WORD_BYTES]);

/* unit_environment.c — a line of such a setting; an empty one removes those before it. false on no
 * memory. */
bool hm_linux_unit_put_environment(struct hm_linux_unit *unit, enum hm_linux_environment kind,
                                   struct hm_span value, struct hm_arena *arena);

/* unit_publish.c — adds the outer ports in the arguments of podman or docker, which program is, or
 * the containers of Docker that they start; of other programs nothing. Of a wrapper (a shell, env)
 * it is only seen that its arguments start a container. false on no memory. */
bool hm_linux_unit_publish(struct hm_linux_unit *unit, const char *program, bool wrapper,
                           struct hm_span arguments, struct hm_arena *arena);

/* unit_ports.c — an empty line of a setting: removes what its commands before it start and publish.
 */
void hm_linux_unit_unpublish(struct hm_linux_unit *unit, enum hm_linux_command command);
