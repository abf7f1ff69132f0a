/* agent/platform/recorded/registry.c — the registry exports of a recorded host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "agent/platform/windows_rules.h"
#include "common/readers/reg_text.h"

#define TCPIP_FILE "tcpip-parameters.reg"
#define DNS_FILE "dns-parameters.reg"
#define HNS_FILE "hns-state.reg"

#define TCPIP_KEY "Tcpip\\Parameters"
#define DNS_KEY "DNS\\Parameters"
#define HNS_KEY "hns\\State"

/* An export without the key tells nothing of its values. When it has no key at all (what regedit of
 * Windows 2000 writes for a key that is not there) it counts as missing; another key is a file that
 * was copied wrongly. Both leave file->there = false. */
static enum hm_status parse(struct hm_recorded *recorded, struct hm_recorded_file *file,
                            const char *key, const char *unknown, struct hm_reg *out_reg,
                            struct hm_err *err)
{
    enum hm_status st = hm_reg_parse(file->text, file->len, recorded->arena, out_reg, err);
    const char *other;

    if (st != HM_OK) {
        return hm_recorded_refused(recorded, file, HM_TEXT_REGISTRY, unknown, err);
    }
    other = hm_reg_other_set(out_reg, key);
    if (other != NULL) {
        const char *holds =
            hm_arena_printf(recorded->arena,
                            "%s, which may not be the control set in use (export the key of "
                            "CurrentControlSet)",
                            other);

        return holds == NULL ? hm_fail(err, HM_ENOMEM, "no memory for %s", file->name)
                             : hm_recorded_note(recorded, file, holds, unknown, err);
    }
    if (hm_reg_has_key(out_reg, key)) {
        return HM_OK;
    }
    if (out_reg->keys.count == 0) {
        file->there = false;
        return HM_OK;
    }
    return hm_recorded_note(recorded, file, out_reg->keys.at[0], unknown, err);
}

/* A value of the wrong type is a fact of the host: Windows does not read it, it is not set. */
static enum hm_status find(const struct hm_recorded *recorded, const struct hm_reg *reg,
                           const char *key, const char *name, enum hm_reg_type type,
                           struct hm_registry *registry, const struct hm_reg_value **out_value,
                           struct hm_err *err)
{
    const struct hm_reg_value *value = hm_reg_find(reg, key, name);

    if (value != NULL && value->type != type) {
        *out_value = NULL;
        return hm_windows_wrong_type(name, value->type, type, recorded->arena, registry, err);
    }
    *out_value = value;
    return HM_OK;
}

static enum hm_status find_dword(const struct hm_recorded *recorded, const struct hm_reg *reg,
                                 const char *key, const char *name, struct hm_registry *registry,
                                 bool *out_has, uint32_t *out_value, struct hm_err *err)
{
    const struct hm_reg_value *value = NULL;
    enum hm_status st = find(recorded, reg, key, name, HM_REG_DWORD, registry, &value, err);

    if (st == HM_OK) {
        *out_has = value != NULL;
        *out_value = value != NULL ? value->dword : 0;
    }
    return st;
}

static enum hm_status read_tcpip(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    struct hm_registry registry = {0};
    const struct hm_reg_value *lines = NULL;
    const char *unknown = "ReservedPorts, MaxUserPort and TcpTimedWaitDelay are unknown";
    struct hm_recorded_file file;
    struct hm_reg reg;
    enum hm_status st = hm_recorded_read(recorded, TCPIP_FILE, &file, err);

    if (st == HM_OK && file.there) {
        st = parse(recorded, &file, TCPIP_KEY, unknown, &reg, err);
    }
    if (st == HM_OK && !file.there) {
        return file.noted ? HM_OK : hm_recorded_missing(recorded, TCPIP_FILE, unknown, err);
    }
    if (st == HM_OK) {
        st = find_dword(recorded, &reg, TCPIP_KEY, "MaxUserPort", &registry,
                        &registry.has_max_user_port, &registry.max_user_port, err);
    }
    if (st == HM_OK) {
        st =
            find_dword(recorded, &reg, TCPIP_KEY, "TcpTimedWaitDelay", &registry,
                       &registry.has_tcp_timed_wait_delay_s, &registry.tcp_timed_wait_delay_s, err);
    }
    if (st == HM_OK) {
        st = find(recorded, &reg, TCPIP_KEY, "ReservedPorts", HM_REG_LINES, &registry, &lines, err);
    }
    if (st != HM_OK) {
        return st;
    }
    registry.has_reserved_ports = lines != NULL;
    if (lines != NULL) {
        registry.reserved_ports = lines->lines;
    }
    inventory->registry = registry;
    recorded->has_tcpip = true;
    return HM_OK;
}

static enum hm_status take_pool(struct hm_recorded *recorded, const struct hm_reg *reg,
                                struct hm_err *err)
{
    struct hm_registry *registry = &recorded->seen.inventory.registry;
    struct hm_windows_dns_values values = {0};
    const struct hm_reg_value *excluded = NULL;
    struct hm_err why;
    enum hm_status st = find_dword(recorded, reg, DNS_KEY, "SocketPoolSize", registry,
                                   &values.has_size, &values.size, err);

    if (st == HM_OK) {
        st = find(recorded, reg, DNS_KEY, "SocketPoolExcludedPortRanges", HM_REG_LINES, registry,
                  &excluded, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (excluded != NULL) {
        values.excluded = excluded->lines;
    }
    st = hm_windows_take_dns(&values, recorded->arena, registry, &why);
    if (st == HM_EINVAL) { /* what the host has set, and no damage of the file */
        return hm_notes_add(&recorded->notes, err,
                            "registry: %s: the size of the DNS Server's socket pool is unknown",
                            why.text);
    }
    return st == HM_OK ? HM_OK : hm_fail(err, st, "%s", why.text);
}

/* The DNS Server's key is only there where the service is; without a list of services the
 * export itself is the proof. */
static enum hm_status read_dns(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    bool running = hm_windows_has_service(&inventory->services, "DNS");
    const char *unknown = "the size of the DNS Server's socket pool is unknown";
    struct hm_recorded_file file;
    struct hm_reg reg;
    enum hm_status st = hm_recorded_read(recorded, DNS_FILE, &file, err);

    if (st == HM_OK && file.there) {
        st = parse(recorded, &file, DNS_KEY, unknown, &reg, err);
    }
    if (st == HM_OK && !file.there) {
        return running && !file.noted ? hm_recorded_missing(recorded, DNS_FILE, unknown, err)
                                      : HM_OK;
    }
    if (st != HM_OK || (inventory->has_services && !running)) {
        return st;
    }
    return take_pool(recorded, &reg, err);
}

static enum hm_status read_hns(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_registry *registry = &recorded->seen.inventory.registry;
    struct hm_windows_hns_values values = {0};
    const char *unknown = "the ports that HNS keeps are unknown";
    struct hm_recorded_file file;
    struct hm_reg reg;
    enum hm_status st = hm_recorded_read(recorded, HNS_FILE, &file, err);

    if (st != HM_OK || file.found == NULL) {
        return st; /* most hosts have no HNS: nothing is missing */
    }
    if (file.there) {
        st = parse(recorded, &file, HNS_KEY, unknown, &reg, err);
    }
    if (st == HM_OK && !file.there) {
        return file.noted ? HM_OK : hm_recorded_missing(recorded, HNS_FILE, unknown, err);
    }
    if (st == HM_OK) {
        st = find_dword(recorded, &reg, HNS_KEY, "EnableExcludedPortRange", registry,
                        &values.has_enabled, &values.enabled, err);
    }
    if (st == HM_OK) {
        st = find_dword(recorded, &reg, HNS_KEY, "ExcludedPortRangeStartPort", registry,
                        &values.has_start, &values.start, err);
    }
    if (st == HM_OK) {
        st = find_dword(recorded, &reg, HNS_KEY, "ExcludedPortRangePortCount", registry,
                        &values.has_count, &values.count, err);
    }
    if (st == HM_OK) {
        hm_windows_take_hns(&values, registry);
    }
    return st;
}

enum hm_status hm_recorded_registry(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    enum hm_status st = read_tcpip(recorded, err);

    if (st == HM_OK) {
        st = read_dns(recorded, err);
    }
    if (st == HM_OK) {
        st = read_hns(recorded, err);
    }
    if (st == HM_OK) {
        inventory->has_registry =
            hm_windows_has_registry(&inventory->os, &inventory->registry, recorded->has_tcpip);
    }
    return st;
}
