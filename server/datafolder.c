/* server/datafolder.c — what lies in the data folder, and how a verb gets at it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/datafolder.h"

#include "common/base/limits.h"
#include "common/os/os.h"

#define QUEUE_BYTES (256u * 1024u * 1024u) /* reports waiting for the writer */

enum hm_status hm_data_paths(const struct hm_server_config *config, struct hm_arena *arena,
                             struct hm_data_paths *out_paths, struct hm_err *err)
{
    const char *folder = config->data_dir;
    const struct hm_data_paths paths = {
        .folder = folder,
        .ca = hm_arena_printf(arena, "%s/ca.pem", folder),
        .ca_key = hm_arena_printf(arena, "%s/ca-key.pem", folder),
        .server = hm_arena_printf(arena, "%s/server.pem", folder),
        .server_key = hm_arena_printf(arena, "%s/server-key.pem", folder),
        .database = hm_arena_printf(arena, "%s/collector.db", folder),
        .lock = hm_arena_printf(arena, "%s/collector.lock", folder),
    };

    if (folder[0] == '\0') {
        return hm_fail(err, HM_EINVAL, "data_dir is empty; set it to the data folder");
    }
    if (paths.ca == NULL || paths.ca_key == NULL || paths.server == NULL ||
        paths.server_key == NULL || paths.database == NULL || paths.lock == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the paths of the data folder");
    }
    *out_paths = paths;
    return HM_OK;
}

bool hm_data_is_made(const struct hm_data_paths *paths)
{
    return hm_os_exists(paths->database);
}

enum hm_status hm_data_open_store(const struct hm_data_paths *paths, struct hm_arena *arena,
                                  struct hm_store **out_store, struct hm_err *err)
{
    const struct hm_store_options options = {
        .uri = hm_arena_printf(arena, "sqlite:%s", paths->database),
        .queue_bytes_max = QUEUE_BYTES,
    };

    if (!hm_data_is_made(paths)) {
        return hm_fail(err, HM_ENOENT,
                       "%s: no collector's data here (or it may not be read); make it with "
                       "\"hm-collector init --data %s\"",
                       paths->folder, paths->folder);
    }
    if (options.uri == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the path of the database");
    }
    return hm_store_open(&options, out_store, err);
}

enum hm_status hm_data_keypair(const struct hm_server_config *config,
                               const struct hm_data_paths *paths, struct hm_arena *arena,
                               struct hm_keypair *out_pair, struct hm_err *err)
{
    const bool own = config->cert_file[0] != '\0';
    const char *certificate_path = own ? config->cert_file : paths->server;
    const char *key_path = own ? config->key_file : paths->server_key;
    struct hm_keypair pair;
    char *certificate;
    char *key;
    size_t len;
    enum hm_status st =
        hm_os_read_file(certificate_path, HM_LIMIT_CONFIG_BYTES, arena, &certificate, &len, err);

    if (st == HM_OK) {
        st = hm_os_read_file(key_path, HM_LIMIT_CONFIG_BYTES, arena, &key, &len, err);
    }
    if (st != HM_OK) {
        if (!own && !hm_data_is_made(paths)) {
            return hm_fail(err, HM_ENOENT,
                           "%s: no collector's data here (or it may not be read); make it with "
                           "\"hm-collector init --data %s\"",
                           paths->folder, paths->folder);
        }
        if (!own && st == HM_ENOENT) {
            hm_err_prefix(err, "%s is not whole, restore it from a backup", paths->folder);
        }
        return st;
    }
    pair = (struct hm_keypair){certificate, key};
    st = hm_certificates_check_pair(&pair, err);
    if (st != HM_OK) {
        hm_err_prefix(err, "%s, %s", certificate_path, key_path);
        return st;
    }
    *out_pair = pair;
    return HM_OK;
}

enum hm_status hm_data_ca(const struct hm_data_paths *paths, struct hm_arena *arena,
                          const char **out_pem, char out_sha256[HM_SHA256_HEX_BYTES],
                          struct hm_err *err)
{
    char *pem;
    size_t len;
    enum hm_status st;

    if (!hm_os_exists(paths->ca)) {
        *out_pem = "";
        out_sha256[0] = '\0';
        return HM_OK;
    }
    st = hm_os_read_file(paths->ca, HM_LIMIT_CONFIG_BYTES, arena, &pem, &len, err);
    if (st == HM_OK) {
        st = hm_certificates_sha256(pem, out_sha256, err);
    }
    if (st == HM_OK) {
        *out_pem = pem;
    }
    return st;
}
