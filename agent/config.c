/* agent/config.c — what an administrator sets: agent.conf, "--set key=value", defaults.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define TOKEN_FILE_BYTES 4096u

#define ROW_STRING(key, standard, help)                                                            \
    {                                                                                              \
#key, HM_CONFIG_STRING, offsetof(struct hm_agent_config, key), 0, 0, standard, NULL, 0,    \
            help                                                                                   \
    }

const struct hm_config_row hm_agent_config_rows[] = {
    ROW_STRING(collector, "",
               "address of the collector, https://HOST:PORT; empty: judge here, report nowhere"),
    ROW_STRING(token, "", "join token for the first contact; better kept in token_file"),
    ROW_STRING(token_file, "",
               "file whose first line is the join token; it may be removed once enrolled"),
    ROW_STRING(ca_file, "",
               "CA certificates (PEM) that may vouch for the collector; empty: what the join "
               "token vouches for, else the system's store"),
    ROW_STRING(trust_root_file, "",
               "trust root of the fleet, as hmctl exports it: whose signatures count for policies; "
               "empty: the one that comes with the enrolment, or with the first desired state"),
    ROW_STRING(state_dir, HM_AGENT_STATE_DIR,
               "folder for the agent's identity and state; one agent, one folder"),
    ROW_STRING(name, "", "name to report; empty: the host's own"),
    {"labels",           HM_CONFIG_LIST,     offsetof(struct hm_agent_config, labels),           0, 0,     "",     NULL, 0,
                                                         "labels given at enrolment: site=paris, role=dns"                                                                                                                                                               },
    ROW_STRING(catalogue_dir, HM_AGENT_CATALOGUE_DIR,
               "products of your own, one JSON file each; may be absent"),
    ROW_STRING(product_dir, "",
               "shipped products, for the time before the collector has sent any; empty: as "
               "installed"),
    ROW_STRING(host, "", "folder of a recorded host to speak for; empty: this machine"),
    {"interval",         HM_CONFIG_DURATION, offsetof(struct hm_agent_config, interval_s),       0, 86400, "0",
                                                         NULL,                                                                                                               0,                            "time between two looks at the host; 0: as the collector says"},
    {"enforce",          HM_CONFIG_BOOL,     offsetof(struct hm_agent_config, enforce),          0, 0,     "on",   NULL, 0,
                                                         "off: no policy changes this host, and nothing is taken back"                                                                                                                                                   },
    {"never_ports",      HM_CONFIG_LIST,     offsetof(struct hm_agent_config, never_ports),      0, 0,     "",     NULL,
                                                         0,                                                                                                                                                "ports that no policy may touch here: 3389,5985-5986"         },
    {"policy_ports_max", HM_CONFIG_U32,      offsetof(struct hm_agent_config, policy_ports_max), 0,
                                                         65536,                                                                                                "0",    NULL, 0,
                                                         "most ports that one policy may reserve, of each protocol; 0: any number"                                                                                                                                       },
    {"log_level",        HM_CONFIG_ENUM,     offsetof(struct hm_agent_config, log_level),        0, 0,     "info",
                                                         hm_log_level_names,                                                                                                 HM_COUNT(hm_log_level_names), "least important event that is logged"                        },
};
const size_t hm_agent_config_count = HM_COUNT(hm_agent_config_rows);

static enum hm_status read_config_file(const char *path, bool named, struct hm_arena *arena,
                                       struct hm_agent_config *config, struct hm_err *err)
{
    enum hm_status st;
    char *text;
    size_t len;

    if (!named && !hm_os_exists(path)) {
        return HM_OK;
    }
    st = hm_os_read_file(path, HM_LIMIT_CONFIG_BYTES, arena, &text, &len, err);
    if (st != HM_OK) {
        return hm_fail(err, HM_EINVAL, "the configuration cannot be read: %s",
                       err != NULL ? err->text : path);
    }
    return hm_config_parse(hm_agent_config_rows, hm_agent_config_count, path, text, len, arena,
                           config, err);
}

static const struct hm_config_row *find_row(const char *key)
{
    for (size_t i = 0; i < hm_agent_config_count; i++) {
        if (hm_str_equal_nocase(hm_agent_config_rows[i].key, key)) { /* as the registry does */
            return &hm_agent_config_rows[i];
        }
    }
    return NULL;
}

enum hm_status hm_agent_config_enforce(const struct hm_host_settings *policy, const char *source,
                                       struct hm_arena *arena, struct hm_agent_config *config,
                                       struct hm_err *err)
{
    const char **ignored = hm_arena_alloc(arena, policy->count + 1, sizeof(*ignored));
    size_t count = 0;

    for (size_t i = 0; ignored != NULL && i < policy->count; i++) {
        const struct hm_config_row *row = find_row(policy->at[i].key);
        const bool secret = row != NULL && hm_str_equal(row->key, "token");
        enum hm_status st = HM_OK;

        if (row != NULL && !secret) {
            st = hm_config_set(hm_agent_config_rows, hm_agent_config_count, row->key,
                               policy->at[i].value, source, arena, config, err);
            if (st != HM_OK) {
                return st;
            }
            continue;
        }
        ignored[count] = hm_arena_printf(arena, "%s: %s %s", source, policy->at[i].key,
                                         secret ? "is not taken from here, where any user can read "
                                                  "it; use token_file"
                                                : "is no key that this version knows");
        if (ignored[count++] == NULL) {
            ignored = NULL;
        }
    }
    if (ignored == NULL) {
        return hm_fail(err, HM_ENOMEM, "%s: no memory left", source);
    }
    config->ignored = (struct hm_strings){ignored, count};
    return HM_OK;
}

static enum hm_status read_policy(struct hm_arena *arena, struct hm_agent_config *config,
                                  struct hm_err *err)
{
    struct hm_host_settings policy;
    enum hm_status st = hm_host_policy(arena, &policy, err);

    return st != HM_OK
               ? st
               : hm_agent_config_enforce(&policy, hm_host_policy_source, arena, config, err);
}

enum hm_status hm_agent_config_load(const struct hm_cli *cli, struct hm_arena *arena,
                                    struct hm_agent_config *out_config, struct hm_err *err)
{
    const char *path = cli != NULL ? hm_cli_value(cli, "config") : NULL;
    const char *set = cli != NULL ? hm_cli_value(cli, "set") : NULL;
    struct hm_agent_config config = {.collector = ""};
    struct hm_local_limits limits;
    enum hm_status st;

    st = hm_config_defaults(hm_agent_config_rows, hm_agent_config_count, arena, &config, err);
    if (st == HM_OK && cli != NULL) {
        st = read_config_file(path != NULL ? path : HM_AGENT_CONFIG_PATH, path != NULL, arena,
                              &config, err);
    }
    if (st == HM_OK && set != NULL) {
        st = hm_config_set_all(hm_agent_config_rows, hm_agent_config_count, set, "--set", arena,
                               &config, err);
    }
    if (st == HM_OK && cli != NULL) {
        st = read_policy(arena, &config, err);
    }
    if (st == HM_OK) {
        st = hm_agent_config_limits(&config, arena, &limits, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (config.product_dir[0] == '\0') {
        config.product_dir = HM_PRODUCT_DIR;
    }
    *out_config = config;
    return HM_OK;
}

enum hm_status hm_agent_config_limits(const struct hm_agent_config *config, struct hm_arena *arena,
                                      struct hm_local_limits *out_limits, struct hm_err *err)
{
    struct hm_local_limits limits = {
        .enforce_off = !config->enforce,
        .policy_ports_max = config->policy_ports_max,
    };
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < config->never_ports.count; i++) {
        const char *piece = config->never_ports.at[i];
        struct hm_ports ports;

        st = hm_ports_parse(piece, strlen(piece), arena, &ports, err);
        if (st == HM_OK) {
            st = hm_ports_union(limits.never, ports, arena, &limits.never, err);
        }
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "never_ports");
        return st;
    }
    *out_limits = limits;
    return HM_OK;
}

enum hm_status hm_agent_config_folder(const char *path, struct hm_arena *arena,
                                      const char **out_folder, struct hm_err *err)
{
    size_t len = strlen(path);
    const char *folder;

    while (len > 0 && strchr("/\\", path[len - 1]) == NULL) {
        len--;
    }
    folder = len == 0 ? "." : hm_arena_strndup(arena, path, len > 1 ? len - 1 : 1);
    if (folder == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a path");
    }
    *out_folder = folder;
    return HM_OK;
}

enum hm_status hm_agent_config_token(const struct hm_agent_config *config, struct hm_arena *arena,
                                     const char **out_token, struct hm_err *err)
{
    struct hm_span line;
    enum hm_status st;
    const char *text;
    size_t len;

    if (config->token[0] != '\0' || config->token_file[0] == '\0' ||
        !hm_os_exists(config->token_file)) {
        *out_token = config->token;
        return HM_OK;
    }
    st = hm_os_read_text(config->token_file, TOKEN_FILE_BYTES, arena, &text, &len, err);
    if (st != HM_OK) {
        return st;
    }
    line = hm_str_trim(text, strcspn(text, "\r\n"));
    *out_token = hm_arena_strndup(arena, line.at, line.len);
    return *out_token != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for a token");
}
