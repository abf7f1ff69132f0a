/* agent/platform/linux/server_settings.c — the ports that settings files of this host's servers
 * say. SPDX-License-Identifier: Apache-2.0
 *
 * Which files a service reads follows from its name and its command line; what they say, from
 * common/readers/server_settings.h. */
#include "agent/platform/linux/server_settings.h"

#include <stdio.h>
#include <string.h>

#include "agent/platform/linux/linux.h"
#include "common/base/str.h"

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the settings of servers");
}

/* A file that the server must have. */
static bool take_must(struct hm_linux_server *server, const char *path)
{
    bool there;

    if (path[0] != '/') {
        server->skips = true;
        return true;
    }
    if (!hm_linux_server_file(server, path, &there)) {
        return false;
    }
    if (!there) {
        hm_linux_server_doubt(server, path, "is not there");
    }
    return true;
}

/* ---- the servers ----------------------------------------------------------------------------- */

/* The value of the last line that sets this name, in a file like one of a shell; empty: none. */
static bool read_value(struct hm_linux_server *server, const char *path, const char *name,
                       struct hm_span *out_value)
{
    const size_t len = strlen(name);
    struct hm_span rest;
    struct hm_span line;
    char *text;

    *out_value = (struct hm_span){"", 0};
    if (!hm_linux_server_read(server, path, &text, &rest.len)) {
        return false;
    }
    rest.at = text;
    while (text != NULL && hm_str_next_line(&rest, &line)) {
        line = hm_str_trim(line.at, line.len);
        if (line.len > len && memcmp(line.at, name, len) == 0) {
            *out_value = (struct hm_span){line.at + len, line.len - len};
        }
    }
    return true;
}

/* Such a value with options of the server is a doubt. */
static bool take_options(struct hm_linux_server *server, const char *path, const char *name)
{
    struct hm_span value;

    if (path == NULL || !read_value(server, path, name, &value)) {
        server->no_memory = true;
        return false;
    }
    if (value.len > 0 && memchr(value.at, '-', value.len) != NULL) {
        hm_linux_server_doubt(server, path, "has options for the server that are not read");
    }
    return true;
}

/* A variable of the unit that is a port for the server where neither its command line nor a file
 * says one. */
static bool take_variable(struct hm_linux_server *server, const char *name)
{
    enum hm_linux_variable found;
    const char *value;

    if (server->settings.fixed) {
        return true;
    }
    if (!hm_linux_unit_variable(server->root, server->unit, name, server->arena, &found, &value)) {
        server->no_memory = true;
        return false;
    }
    if (found == HM_LINUX_VARIABLE_UNCLEAR ||
        (found == HM_LINUX_VARIABLE_SET &&
         !hm_server_settings_default(&server->settings, (struct hm_span){value, strlen(value)}))) {
        hm_linux_server_doubt(server, server->unit->name,
                              "has a variable for the port, or a file with variables, that is not "
                              "read");
    }
    return true;
}

/* "PGPORT = '5433'" in the cluster's file of variables (pg_ctlcluster(1)). */
static bool take_environment(struct hm_linux_server *server, const char *path)
{
    struct hm_span value;

    if (path == NULL || !read_value(server, path, "PGPORT", &value)) {
        server->no_memory = true;
        return false;
    }
    value = hm_str_trim(value.at, value.len);
    if (value.len == 0 || value.at[0] != '=') {
        return true;
    }
    value = hm_str_trim(value.at + 1, value.len - 1);
    if (value.len > 1 && (value.at[0] == '\'' || value.at[0] == '"')) {
        const char *end = memchr(value.at + 1, value.at[0], value.len - 1);

        value.len = end == NULL ? 0 : (size_t)(end - value.at) - 1;
        value.at++;
    }
    if (!hm_server_settings_default(&server->settings, value)) {
        hm_linux_server_doubt(server, path, "has a PGPORT that is not a port");
    }
    return true;
}

/* Does the unit start the cluster as Debian's does, without options for the server? */
static bool is_plain_cluster(const struct hm_linux_server *server)
{
    const char *rest = server->unit->arguments;
    char word[HM_LINUX_WORD_BYTES];
    bool known;

    if (strcmp(server->unit->program, "pg_ctlcluster") != 0) {
        return false;
    }
    while (hm_linux_server_word(server, &rest, word, &known)) {
        if (!known || strcmp(word, "--") == 0 || strncmp(word, "-o", 2) == 0 ||
            strncmp(word, "--option", 8) == 0) {
            return false;
        }
    }
    return true;
}

/* Debian: postgresql@VERSION-CLUSTER reads /etc/postgresql/VERSION/CLUSTER (pg_createcluster(1)),
 * then what ALTER SYSTEM wrote into the data's folder. */
static bool take_postgresql(struct hm_linux_server *server)
{
    const char *at = strchr(server->service, '@');
    const char *dash = at == NULL ? NULL : strchr(at, '-');
    const char *folder;
    const char *path;
    bool there = true;

    if (dash == NULL || strpbrk(at, "/\\") != NULL || !is_plain_cluster(server)) {
        server->skips = true;
        return true;
    }
    folder = hm_arena_printf(server->arena, "/etc/postgresql/%.*s/%s", (int)(dash - at) - 1, at + 1,
                             dash + 1);
    path = folder == NULL ? NULL : hm_arena_printf(server->arena, "%s/postgresql.conf", folder);
    if (path == NULL) {
        server->no_memory = true;
        return false;
    }
    if (!take_variable(server, "PGPORT") ||
        !take_environment(server, hm_arena_printf(server->arena, "%s/environment", folder)) ||
        !take_must(server, path)) {
        return false;
    }
    if (server->settings.data[0] == '/') {
        path = hm_arena_printf(server->arena, "%s/postgresql.auto.conf", server->settings.data);
        if (path == NULL || !hm_linux_server_file(server, path, &there)) {
            server->no_memory = server->no_memory || path == NULL;
            return false;
        }
    }
    return take_options(server, hm_arena_printf(server->arena, "%s/pg_ctl.conf", folder),
                        "pg_ctl_options");
}

/* What SET PERSIST of MySQL 8 wrote into the folder of data: no file of this language. */
static bool take_persisted(struct hm_linux_server *server)
{
    static const char *const names[] = {"\"port\"", "\"bind_address\"", "\"skip_networking\""};
    const char *data = server->settings.data[0] == '\0' ? "/var/lib/mysql" : server->settings.data;
    const bool slash = data[strlen(data) - 1] == '/';
    const char *path =
        hm_arena_printf(server->arena, "%s%smysqld-auto.cnf", data, slash ? "" : "/");
    char *text;
    size_t len;

    if (strcmp(server->unit->program, "mariadbd") == 0) {
        return true;
    }
    if (data[0] != '/') {
        hm_linux_server_doubt(server, server->first == NULL ? server->unit->name : server->first,
                              "has a datadir that is not a full path");
        return true;
    }
    if (path == NULL || !hm_linux_server_read(server, path, &text, &len)) {
        server->no_memory = server->no_memory || path == NULL;
        return false;
    }
    for (size_t i = 0; text != NULL && i < HM_COUNT(names); i++) {
        if (strstr(text, names[i]) != NULL) {
            hm_linux_server_doubt(server, path, "has settings that are not read");
        }
    }
    return true;
}

static bool take_mysql(struct hm_linux_server *server)
{
    static const struct hm_linux_server_options options = {
        .port = {"--port",             "-P"        },
        .file = {                          "--defaults-file"                   },
        .data = {             "--datadir",            "-h"  },
        .flags = "?Vasv",
        .others = { "--extra", "--defaults-extra-file", "--defaults-group-suffix",
                 "--skip-networking", "--skip_networking", "--bind", "--no-defaults"},
        .variables = {               "$MYSQLD_OPTS",       "$_WSREP_",     "$MYSQLD_MULTI_INSTANCE"}
    };
    static const char *const usual[] = {"/etc/my.cnf", "/etc/mysql/my.cnf"};
    const char *at = strchr(server->service, '@');
    const char *file;
    bool any = false;

    server->settings.instance = at == NULL ? "" : at + 1;
    hm_linux_server_command(server, &options, &file);
    if (server->skips || !take_variable(server, "MYSQL_TCP_PORT")) {
        return server->skips;
    }
    if (file != NULL) {
        return take_must(server, file) && take_persisted(server);
    }
    for (size_t i = 0; i < HM_COUNT(usual); i++) {
        bool there;

        if (!hm_linux_server_file(server, usual[i], &there)) {
            return false;
        }
        any = any || there;
    }
    server->skips = !any;
    return server->skips || take_persisted(server);
}

static bool take_redis(struct hm_linux_server *server)
{
    static const struct hm_linux_server_options options = {
        .port = {"--port"    },
        .others = { "--tls-port", "--bind", "--include", "--cluster"},
        .bare_file = true
    };
    const char *file;

    hm_linux_server_command(server, &options, &file);
    server->skips = server->skips || file == NULL;
    return server->skips || take_must(server, file);
}

/* ssh.socket, where a boot starts it, listens in place of the server. */
static bool take_socket(struct hm_linux_server *server, struct hm_linux_units *units)
{
    for (size_t i = 0; i < hm_linux_units_count(units); i++) {
        const struct hm_linux_unit *unit = hm_linux_units_at(units, i);
        char name[HM_LINUX_UNIT_NAME_BYTES];

        if (unit->reached && !unit->masked && unit->listens_count > 0 &&
            hm_linux_socket_starts(unit, name) && strcmp(name, server->service) == 0) {
            for (size_t k = 0; k < unit->listens_count; k++) {
                char port[8];

                (void)snprintf(port, sizeof(port), "%u", (unsigned)unit->listens[k].port);
                (void)hm_server_settings_fix(&server->settings,
                                             (struct hm_span){port, strlen(port)});
            }
            server->first = unit->name;
            return true;
        }
    }
    return false;
}

static bool take_ssh(struct hm_linux_server *server, struct hm_linux_units *units)
{
    static const struct hm_linux_server_options options = {.port = {"-p"},
                                                           .file = {"-f"},
                                                           .flags = "46DGQRTdeiqrt",
                                                           .others = {"-o"},
                                                           .variables = {"$SSHD_OPTS"}};
    const char *file;

    if (take_socket(server, units)) {
        return true;
    }
    if (!take_options(server, "/etc/default/ssh", "SSHD_OPTS")) {
        return false;
    }
    hm_linux_server_command(server, &options, &file);
    return server->skips || take_must(server, file == NULL ? "/etc/ssh/sshd_config" : file);
}

/* Debian's wrapper reads its options from a file. */
static bool take_memcached(struct hm_linux_server *server)
{
    static const struct hm_linux_server_options options = {.bare_file = true};
    const char *file;

    if (strstr(server->unit->program, "wrapper") == NULL) {
        server->skips = true;
        return true;
    }
    hm_linux_server_command(server, &options, &file);
    server->skips = server->skips || file == NULL;
    return server->skips || take_must(server, file);
}

static const struct {
    const char *name; /* "redis-server" is also "redis-server@NAME" */
    enum hm_server_kind kind;
} servers[] = {
    {"mariadb",       HM_SERVER_MYSQL     },
    {"memcached",     HM_SERVER_MEMCACHED },
    {"mysql",         HM_SERVER_MYSQL     },
    {"mysqld",        HM_SERVER_MYSQL     },
    {"postgresql",    HM_SERVER_POSTGRESQL},
    {"redis",         HM_SERVER_REDIS     },
    {"redis-server",  HM_SERVER_REDIS     },
    {"ssh",           HM_SERVER_SSH       },
    {"sshd",          HM_SERVER_SSH       },
    {"valkey",        HM_SERVER_REDIS     },
    {"valkey-server", HM_SERVER_REDIS     },
};

static bool find_server(const char *service, enum hm_server_kind *out_kind)
{
    const size_t len = strcspn(service, "@");

    for (size_t i = 0; i < HM_COUNT(servers); i++) {
        if (strlen(servers[i].name) == len && memcmp(servers[i].name, service, len) == 0) {
            *out_kind = servers[i].kind;
            return true;
        }
    }
    return false;
}

static bool take_server(struct hm_linux_server *server, struct hm_linux_units *units)
{
    switch (server->settings.kind) {
    case HM_SERVER_POSTGRESQL:
        return take_postgresql(server);
    case HM_SERVER_MYSQL:
        return take_mysql(server);
    case HM_SERVER_REDIS:
        return take_redis(server);
    case HM_SERVER_SSH:
        return take_ssh(server, units);
    case HM_SERVER_MEMCACHED:
        return take_memcached(server);
    }
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static enum hm_status put_row(struct hm_configured_make *make, const char *service,
                              enum hm_configured_by by, uint16_t port, enum hm_families families,
                              const char *subject, bool *inout_any, struct hm_err *err)
{
    const struct hm_configured row = {.protocol = HM_TCP,
                                      .port = port,
                                      .kind = HM_KIND_SOCKET,
                                      .by = by,
                                      .families = families,
                                      .service = service};

    if (subject == NULL) {
        return no_memory(err);
    }
    *inout_any = true;
    return hm_configured_put(make, &row, (struct hm_span){subject, strlen(subject)}, err);
}

static enum hm_status put_rows(const struct hm_linux_server *server, const char *service,
                               struct hm_configured_make *make, bool *inout_any, struct hm_err *err)
{
    const char *file = server->first == NULL ? "" : server->first;
    struct hm_server_ports ports;
    enum hm_status st = HM_OK;

    if (server->doubt != NULL) {
        return put_row(make, service, HM_BY_SETTINGS_PORT, 0, HM_FAMILIES_BOTH,
                       hm_arena_printf(make->arena, "%s %s", server->doubt_file, server->doubt),
                       inout_any, err);
    }
    hm_server_settings_finish(&server->settings, &ports);
    if (ports.count == 0) {
        return put_row(make, service, HM_BY_SETTINGS_NO_PORT, 0, HM_FAMILIES_BOTH, file, inout_any,
                       err);
    }
    for (size_t i = 0; st == HM_OK && i < ports.count; i++) {
        st = put_row(make, service, HM_BY_SETTINGS_PORT, ports.at[i], ports.families, file,
                     inout_any, err);
    }
    return st;
}

/* Debian's postgresql.service has no server ("ExecStart=/bin/true"): the clusters start with it. */
static bool is_umbrella(const struct hm_linux_unit *unit, enum hm_server_kind kind)
{
    return kind == HM_SERVER_POSTGRESQL && unit->oneshot && unit->remains;
}

enum hm_status hm_linux_server_settings(const char *root, struct hm_linux_units *units,
                                        const struct hm_services *listed,
                                        struct hm_configured_make *make, bool *inout_any,
                                        struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < listed->count; i++) {
        const char *service = listed->at[i].name;
        struct hm_linux_server server = {.root = root, .service = service, .arena = make->arena};
        char name[HM_LINUX_UNIT_NAME_BYTES];
        enum hm_server_kind kind;

        if (!find_server(service, &kind)) {
            continue;
        }
        (void)snprintf(name, sizeof(name), "%s.service", service);
        server.unit = hm_linux_unit(units, name);
        if (server.unit == NULL || !server.unit->found) {
            continue;
        }
        hm_server_settings_init(&server.settings, kind);
        server.settings.include = hm_linux_server_include;
        server.settings.with = &server;
        if (is_umbrella(server.unit, kind)) {
            st = put_row(make, service, HM_BY_SETTINGS_NO_PORT, 0, HM_FAMILIES_BOTH,
                         "starts the clusters", inout_any, err);
            continue;
        }
        if (!take_server(&server, units) || server.no_memory) {
            return no_memory(err);
        }
        st = server.skips ? HM_OK : put_rows(&server, service, make, inout_any, err);
    }
    return st;
}
