/* server/config.h — what an administrator sets: collector.conf, "--set key=value", defaults.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "common/config/cli.h"
#include "common/config/config.h"

#define HM_SERVER_CONFIG_PATH "/etc/havenmaster/collector.conf"

struct hm_server_config {
    const char *data_dir;
    const char *listen;
    uint32_t port;
    const char *public_url;
    const char *cert_file;
    const char *key_file;
    const char *product_dir;
    const char *catalogue_dir;
    uint32_t interval_s;
    uint32_t silent_after_s; /* never 0 once loaded */
    uint32_t threads;
    uint32_t connections_max;
    uint32_t request_timeout_s;
    unsigned log_level;
    const char *user;
};

extern const struct hm_config_row hm_server_config_rows[];
extern const size_t hm_server_config_count;

/* The options that every verb takes: --config, --data, --set. */
extern const struct hm_cli_option hm_server_options[];
extern const size_t hm_server_options_count;

/* Defaults, then the file (--config; else HM_SERVER_CONFIG_PATH where it exists), then --set, then
 * --data. Texts are in the arena. */
enum hm_status hm_server_config_load(const struct hm_cli *cli, struct hm_arena *arena,
                                     struct hm_server_config *out_config,
                                     struct hm_err *err) HM_MUST_CHECK;
