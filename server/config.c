/* server/config.c — what an administrator sets: collector.conf, "--set key=value", defaults.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/config.h"

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/os/os.h"

#define SILENT_INTERVALS 3

#define ROW_STRING(key, standard, help)                                                            \
    {                                                                                              \
#key, HM_CONFIG_STRING, offsetof(struct hm_server_config, key), 0, 0, standard, NULL, 0,   \
            help                                                                                   \
    }
#define ROW_U32(key, min, max, standard, help)                                                     \
    {                                                                                              \
#key, HM_CONFIG_U32, offsetof(struct hm_server_config, key), min, max, standard, NULL, 0,  \
            help                                                                                   \
    }
#define ROW_DURATION(key, min, max, standard, help)                                                \
    {                                                                                              \
#key, HM_CONFIG_DURATION, offsetof(struct hm_server_config, key##_s), min, max, standard,  \
            NULL, 0, help                                                                          \
    }

const struct hm_config_row hm_server_config_rows[] = {
    ROW_STRING(data_dir, "/var/lib/havenmaster",
               "folder of database, CA and keys; made by \"hm-collector init\""),
    ROW_STRING(listen, "::",
               "address to listen on: 0.0.0.0 (IPv4), :: (IPv4 and IPv6) or one of this host's"),
    ROW_U32(port, 1, 65535, "5830",
            "port to listen on; the default is outside every system's dynamic range"),
    ROW_STRING(public_url, "",
               "address under which agents and people reach this collector; empty: "
               "https://<host name>:<port>"),
    ROW_STRING(cert_file, "", "certificate chain (PEM) of your own; empty: the one that init made"),
    ROW_STRING(key_file, "", "its private key (PEM, without password)"),
    ROW_STRING(product_dir, "", "shipped products, one JSON file each; empty: as installed"),
    ROW_STRING(catalogue_dir, "/etc/havenmaster/catalogue.d",
               "products of your own, which outrank the shipped ones; may be absent"),
    ROW_DURATION(interval, 1, 86400, "300", "time between two reports of an agent"),
    ROW_DURATION(silent_after, 0, 604800, "0",
                 "a host that has not reported for this long is silent; 0: three intervals"),
    ROW_U32(threads, 0, 256, "0", "worker threads; 0: one for each processor"),
    ROW_U32(connections_max, 16, 4000000, "100000",
            "connections at once; lowered to what the system's open files limit allows"),
    ROW_DURATION(request_timeout, 1, 3600, "75",
                 "most time for sending a request, and between two requests"),
    {"log_level", HM_CONFIG_ENUM, offsetof(struct hm_server_config, log_level), 0, 0, "info",
       hm_log_level_names, HM_COUNT(hm_log_level_names), "least important event that is logged"},
    ROW_STRING(user, "",
               "account to become when started as root, once the port is open; empty: stay"),
};
const size_t hm_server_config_count = HM_COUNT(hm_server_config_rows);

const struct hm_cli_option hm_server_options[] = {
    {"config", "FILE",         "settings; default " HM_SERVER_CONFIG_PATH      },
    {"data",   "FOLDER",       "data folder; the same as --set data_dir=FOLDER"},
    {"set",    "KEY=VALUE…", "one setting, over the file"                    },
};
const size_t hm_server_options_count = HM_COUNT(hm_server_options);

static enum hm_status read_file(const char *named, struct hm_arena *arena,
                                struct hm_server_config *config, struct hm_err *err)
{
    const char *path = named != NULL ? named : HM_SERVER_CONFIG_PATH;
    char *text;
    size_t len;

    if (named == NULL && !hm_os_exists(path)) {
        return HM_OK;
    }
    if (hm_os_read_file(path, HM_LIMIT_CONFIG_BYTES, arena, &text, &len, err) != HM_OK) {
        hm_err_prefix(err, "the configuration cannot be read");
        return err == NULL ? HM_EINVAL : (err->status = HM_EINVAL);
    }
    return hm_config_parse(hm_server_config_rows, hm_server_config_count, path, text, len, arena,
                           config, err);
}

/* What one row cannot see. */
static enum hm_status complete(struct hm_server_config *config, struct hm_arena *arena,
                               struct hm_err *err)
{
    if ((config->cert_file[0] == '\0') != (config->key_file[0] == '\0')) {
        return hm_fail(err, HM_EINVAL, "cert_file and key_file belong together: set both or none");
    }
    if (config->silent_after_s == 0) {
        config->silent_after_s = SILENT_INTERVALS * config->interval_s;
    }
    if (config->product_dir[0] == '\0') {
        config->product_dir = HM_PRODUCT_DIR;
    }
    if (config->public_url[0] == '\0') {
        config->public_url =
            hm_arena_printf(arena, "https://%s:%u", hm_os_host_name(arena), config->port);
    }
    return config->public_url == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the configuration")
                                      : HM_OK;
}

enum hm_status hm_server_config_load(const struct hm_cli *cli, struct hm_arena *arena,
                                     struct hm_server_config *out_config, struct hm_err *err)
{
    const char *settings = hm_cli_value(cli, "set");
    const char *data_dir = hm_cli_value(cli, "data");
    struct hm_server_config config = {.data_dir = ""};
    enum hm_status st =
        hm_config_defaults(hm_server_config_rows, hm_server_config_count, arena, &config, err);

    if (st == HM_OK) {
        st = read_file(hm_cli_value(cli, "config"), arena, &config, err);
    }
    if (st == HM_OK && settings != NULL) {
        st = hm_config_set_all(hm_server_config_rows, hm_server_config_count, settings, "--set",
                               arena, &config, err);
    }
    if (st == HM_OK && data_dir != NULL) {
        st = hm_config_set(hm_server_config_rows, hm_server_config_count, "data_dir", data_dir,
                           "--data", arena, &config, err);
    }
    if (st == HM_OK) {
        st = complete(&config, arena, err);
    }
    if (st == HM_OK) {
        *out_config = config;
    }
    return st;
}
