/* agent/platform/linux/published.c — outer ports of containers, from the files of their engines.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Docker and Podman have a process that listens on a published port (docker-proxy or dockerd,
 * conmon, rootlessport, pasta), which the sockets show. Not so the port mappings of CNI plug-ins
 * (Kubernetes' hostPort): iptables or nftables send packets on, and no socket has the port. And a
 * container that is stopped shows nothing. What they are set up to publish stands in files:
 * - /var/lib/cni/results has one file for each container that runs (libcni, cache.go);
 * - /var/lib/docker/containers/ID/hostconfig.json stays as long as the container (PortBindings;
 *   docker.c finds those that a unit starts by name, or with compose);
 * - units that run a container name its ports (unit_publish.c). Podman keeps others in a database
 *   (podman.c).
 * Where there is none of it, nothing is known, as on most hosts. Ports of tunnels (wireguard.c),
 * of socket units (unit_ports.c) and of servers (server_settings.c) are in the same list. */
#include "agent/platform/linux/linux.h"

#include <string.h>

#include "agent/platform/linux/units.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "common/ports/configured.h"
#include "common/readers/hns_endpoints_text.h"

#define FILES_MAX 4096u

struct engine {
    const char *folder; /* NULL: there is none */
    const char *file;   /* in each folder below; "" the entries are the files */
};

#define CNI_FOLDER "/var/lib/cni/results"
#define DOCKER_FILE "/hostconfig.json"

/* What cannot be read is no row; *out_whole is then false. A container that goes meanwhile is no
 * loss. */
static enum hm_status take_file(const char *path, struct hm_configured_make *make,
                                bool *inout_whole, struct hm_err *err)
{
    char *text;
    size_t len;
    enum hm_status st =
        hm_os_read_file(path, HM_LIMIT_CONFIG_BYTES, make->arena, &text, &len, NULL);

    if (st == HM_OK) {
        st = hm_hns_endpoints_parse(text, len, make, NULL);
    }
    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "no memory for the published ports of containers");
    }
    *inout_whole = *inout_whole && (st == HM_OK || st == HM_ENOENT);
    return HM_OK;
}

static enum hm_status take_engine(const char *root, const struct engine *engine,
                                  struct hm_configured_make *make, bool *inout_any,
                                  bool *inout_whole, struct hm_err *err)
{
    const char *folder = hm_arena_printf(make->arena, "%s%s", root, engine->folder);
    struct hm_strings names = {NULL, 0};
    enum hm_status st =
        folder == NULL ? HM_ENOMEM : hm_os_list_folder(folder, make->arena, &names, NULL);

    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "no memory for the published ports of containers");
    }
    *inout_any = *inout_any || st == HM_OK || st == HM_EDENIED;
    *inout_whole = *inout_whole && st != HM_EDENIED && names.count <= FILES_MAX;
    for (size_t i = 0; st == HM_OK && i < names.count && i < FILES_MAX; i++) {
        const char *path =
            hm_arena_printf(make->arena, "%s/%s%s", folder, names.at[i], engine->file);

        if (path == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the published ports of containers");
        }
        st = take_file(path, make, inout_whole, err);
    }
    return st == HM_ENOMEM ? st : HM_OK;
}

enum hm_status hm_linux_docker_ports(const char *path, struct hm_configured_make *make,
                                     bool *inout_whole, struct hm_err *err)
{
    const char *file = hm_arena_printf(make->arena, "%s" DOCKER_FILE, path);

    return file == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the published ports of containers")
                        : take_file(file, make, inout_whole, err);
}

static bool has_service(const struct hm_inventory *inventory, const char *name)
{
    for (size_t i = 0; i < inventory->services.count; i++) {
        if (hm_str_equal(inventory->services.at[i], name)) {
            return true;
        }
    }
    return false;
}

/* *inout_whole becomes false where Docker is there and its folder is not found. */
static enum hm_status take_docker(const char *root, struct hm_inventory *inventory,
                                  struct hm_configured_make *make, bool *inout_any,
                                  bool *inout_whole, struct hm_err *err)
{
    bool any = false;
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < HM_LINUX_DOCKER_FOLDERS; i++) {
        struct engine engine = {NULL, DOCKER_FILE};

        st = hm_linux_docker_folder(root, i, make->arena, &engine.folder, inout_whole, err);
        if (st == HM_OK) {
            st = take_engine(root, &engine, make, &any, inout_whole, err);
        }
    }
    if (st == HM_OK && !any &&
        (has_service(inventory, "docker") || has_service(inventory, "snap.docker.dockerd"))) {
        any = true;
        *inout_whole = false;
    }
    *inout_any = *inout_any || any;
    return st;
}

/* What a boot starts although nothing says its ports: Podman has them in a database. */
static enum hm_status note_podman(const char *root, const struct hm_inventory *inventory,
                                  struct hm_notes *notes, bool *inout_any, bool *inout_whole,
                                  struct hm_err *err)
{
    enum hm_linux_containers containers;
    enum hm_status st;

    if (!has_service(inventory, HM_LINUX_PODMAN_RESTART)) {
        return HM_OK;
    }
    st = hm_linux_podman_containers(root, notes->arena, &containers, err);
    if (st != HM_OK || containers == HM_LINUX_CONTAINERS_NONE) {
        return st;
    }
    *inout_any = true;
    *inout_whole = false;
    return hm_notes_add(
        notes, err,
        containers == HM_LINUX_CONTAINERS_SOME
            ? "published ports of containers that Podman starts again at boot (podman-restart): "
              "they are in its database, which is not read; \"podman ps -a\" shows them"
            : "published ports of containers that Podman starts again at boot (podman-restart): "
              "it could not be read whether there are any (storage.conf, and containers.json in "
              "/var/lib/containers/storage); run it as root");
}

enum hm_status hm_linux_published(const char *root, struct hm_linux_units *units,
                                  struct hm_notes *notes, struct hm_inventory *inventory,
                                  struct hm_err *err)
{
    static const struct engine cni = {CNI_FOLDER, ""};
    struct hm_configured_make make;
    bool any = false;
    bool whole = true;
    bool tunnels = true;
    const char *hiding = "";
    bool podman = true;
    bool users = true;
    enum hm_status st = HM_OK;

    hm_configured_begin(&make, &inventory->os, notes->arena);
    st = take_engine(root, &cni, &make, &any, &whole, err);
    if (st == HM_OK) {
        st = take_docker(root, inventory, &make, &any, &whole, err);
    }
    if (st == HM_OK) {
        st = hm_linux_unit_ports(root, units, &inventory->service_details, &make, &any, &hiding,
                                 err);
    }
    if (st == HM_OK && units != NULL) {
        st = hm_linux_server_settings(root, units, &inventory->service_details, &make, &any, err);
    }
    if (st == HM_OK && units != NULL) {
        st = hm_linux_tunnels(units, &inventory->service_details, &make, &any, err);
    }
    if (st == HM_OK) {
        st = hm_linux_wireguard(root, &make, &any, &tunnels, err);
    }
    if (st == HM_OK) {
        st = hm_linux_podman_users(root, &make, &any, &users, err);
    }
    if (st == HM_OK) {
        st = note_podman(root, inventory, notes, &any, &podman, err);
    }
    if (st != HM_OK || !any) {
        return st;
    }
    hm_configured_finish(&make, !whole || !tunnels || hiding[0] != '\0' || !podman || !users,
                         inventory);
    if (!users) {
        st =
            hm_notes_add(notes, err,
                         "published ports of containers that services of users start at boot "
                         "(loginctl enable-linger): not all of them are known; \"podman ps -a\" as "
                         "that user shows them");
    }
    if (st == HM_OK && !whole) {
        st = hm_notes_add(notes, err,
                          "published ports of containers: not all files of Docker and CNI could be "
                          "read (/var/lib/docker, or data-root of /etc/docker/daemon.json, and "
                          "/var/lib/cni); run it as root");
    }
    if (st == HM_OK && hiding[0] != '\0') {
        st = hm_notes_add(notes, err,
                          "published ports of containers: %s%s starts one and does not say all of "
                          "its ports, it is not known that it runs, and Docker has no record of "
                          "it; \"podman ps -a\" or \"docker ps -a\" shows them",
                          strchr(hiding, ',') == NULL ? "" : "each of ", hiding);
    }
    return st != HM_OK || tunnels
               ? st
               : hm_notes_add(notes, err,
                              "ports of WireGuard: not all files of tunnels (/etc/wireguard, "
                              "/etc/systemd/network, NetworkManager's connections) could be read; "
                              "run it as root");
}
