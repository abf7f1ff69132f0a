/* common/readers/server_settings.h — the TCP ports that a server's own settings files say.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A server that is down shows no listener; its settings say which port it asks for at its next
 * start. One state is fed with all files of one server, in the order in which it reads them; the
 * caller reads files, also those that include lines name. Any bytes are a text: what is not
 * understood leaves a doubt where it may be about ports. Pure; the texts are borrowed for the call.
 *
 * Sources: PostgreSQL manual, "Setting Parameters" and "Connections and Authentication"; MySQL
 * manual, "Using Option Files"; MariaDB, "Configuring MariaDB with Option Files"; redis.conf as
 * shipped; sshd_config(5); memcached(1). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/ports/inventory.h"

enum hm_server_kind {
    HM_SERVER_POSTGRESQL,
    HM_SERVER_MYSQL, /* and MariaDB */
    HM_SERVER_REDIS, /* and Valkey */
    HM_SERVER_SSH,
    HM_SERVER_MEMCACHED,
};
#define HM_SERVER_KINDS 5

/* What an include line names. A relative path counts from the folder of the file, of SSH from
 * /etc/ssh. */
enum hm_server_include {
    HM_INCLUDE_FILE,    /* a file that must be there */
    HM_INCLUDE_IF_ANY,  /* a file that need not be there */
    HM_INCLUDE_FOLDER,  /* the files of a folder that the server takes: "*.conf", "*.cnf" */
    HM_INCLUDE_PATTERN, /* files by a pattern of glob(7) */
};

#define HM_SERVER_PORTS_MAX 16u
#define HM_SERVER_DATA_BYTES 256u

struct hm_server_settings {
    enum hm_server_kind kind;
    const char *instance; /* MySQL: of "mariadb@NAME" the name, which some groups have; "" none */
    /* Reads such files by hm_server_settings_take; false: give up (no memory). */
    bool (*include)(void *with, enum hm_server_include how, struct hm_span path);
    void *with;
    /* Told by the files so far: */
    uint16_t ports[HM_SERVER_PORTS_MAX]; /* 0: the server opens none */
    size_t ports_count;
    uint16_t own[HM_SERVER_PORTS_MAX]; /* ports of addresses that have one of their own */
    size_t own_count;
    size_t addresses; /* on which it listens, as far as they are said ... */
    size_t plain;     /* ... of them without a port of their own */
    bool ipv4;        /* one of them is of IPv4 */
    bool ipv6;
    bool any_family; /* one may be of both */
    bool no_address; /* it is said that there is none */
    bool closed;     /* the network, or TCP, is off */
    uint16_t second; /* Redis: of TLS; MariaDB: for administrators; 0 none */
    uint16_t bus;    /* Redis: the port of its cluster */
    bool clusters;
    bool tls_cluster;                /* Redis: the cluster's port follows from that of TLS */
    uint32_t one_family;             /* SSH: 4, 6 */
    bool conditional;                /* SSH: behind a Match that is not for all */
    char data[HM_SERVER_DATA_BYTES]; /* PostgreSQL: data_directory; MySQL: datadir; "" not said */
    bool data_fixed;                 /* the command line said it: files do not change it */
    bool fixed;                      /* the command line said the port: files do not change it */
    const char *doubt;               /* static text; NULL: all of it was understood */
};

void hm_server_settings_init(struct hm_server_settings *settings, enum hm_server_kind kind);

/* One file. false: the callback gave up. */
bool hm_server_settings_take(struct hm_server_settings *settings, struct hm_span text);

/* A port of a variable, before any file: what files and the command line say counts more. False: it
 * would count, and is none. */
bool hm_server_settings_default(struct hm_server_settings *settings, struct hm_span port);

/* A port of the command line. False: it is none. */
bool hm_server_settings_fix(struct hm_server_settings *settings, struct hm_span port);

/* The folder of data, unless the command line said another. Too long a one is a doubt. */
void hm_server_settings_data(struct hm_server_settings *settings, struct hm_span path);

/* What all of it comes to. count 0: the server opens no TCP port. families: of its addresses. */
struct hm_server_ports {
    uint16_t at[HM_SERVER_PORTS_MAX * 2 + 2];
    size_t count;
    enum hm_families families;
};
void hm_server_settings_finish(const struct hm_server_settings *settings,
                               struct hm_server_ports *out_ports);

/* ---- server_settings_files.c, for server_settings.c ------------------------------------------ */

bool hm_server_take_postgresql(struct hm_server_settings *settings, struct hm_span text);
bool hm_server_take_mysql(struct hm_server_settings *settings, struct hm_span text);
bool hm_server_take_redis(struct hm_server_settings *settings, struct hm_span text);
bool hm_server_take_ssh(struct hm_server_settings *settings, struct hm_span text);
bool hm_server_take_memcached(struct hm_server_settings *settings, struct hm_span text);

/* Is the word this name, in any letters? */
bool hm_server_is(struct hm_span word, const char *name);
/* Replaces the ports by this one, or adds it. What is no port is a doubt. */
void hm_server_set_port(struct hm_server_settings *settings, struct hm_span value);
void hm_server_add_port(struct hm_server_settings *settings, struct hm_span value);
/* Forgets all addresses; adds one without a port. */
void hm_server_clear_addresses(struct hm_server_settings *settings);
void hm_server_add_address(struct hm_server_settings *settings, struct hm_span address);
/* Adds "host", "host:port", "[v6]:port", "v6". */
void hm_server_add_listen(struct hm_server_settings *settings, struct hm_span value);
