/* agent/platform/windows/configured.c — what HTTP.sys, IIS, containers and services are set up to
 * serve.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sources: "netsh http show servicestate", "urlacl", "sslcert"; applicationHost.config (sites.c);
 * the Host Compute Network functions (endpoints.c); registry values (port_values.h). */
#include "agent/platform/windows/configured.h"

#include "agent/platform/windows_rules.h"
#include "common/ports/port_values.h"
#include "common/readers/http_config_text.h"
#include "common/readers/httpsys_text.h"

#define KEY_CHARS 128
#define UNKNOWN "what HTTP.sys and containers are set up to serve is not known whole"

enum hm_status hm_gathering_fault(struct hm_gathering *gathering, enum hm_status st,
                                  const char *source, const char *why)
{
    if (st == HM_ENOMEM) {
        return hm_fail(gathering->err, st, "no memory for the ports that are set up");
    }
    gathering->partial = true;
    return hm_notes_add(gathering->notes, gathering->err, "%s: %s: " UNKNOWN, source, why);
}

/* ---- HTTP.sys ------------------------------------------------------------------------------ */

static enum hm_status take_state(struct hm_gathering *gathering,
                                 const struct hm_netsh_http *listing, struct hm_ports *out_ports)
{
    static const char source[] = "netsh http show servicestate";
    struct hm_err why = {.text = ""};
    enum hm_status st;

    if (listing->fault != NULL) {
        return hm_gathering_fault(gathering, HM_EINVAL, source, listing->fault);
    }
    st = hm_httpsys_parse(listing->text, listing->len, gathering->make.arena, out_ports, &why);
    return st == HM_OK ? HM_OK : hm_gathering_fault(gathering, st, source, why.text);
}

static enum hm_status
take_list(struct hm_gathering *gathering, const struct hm_netsh_http *listing, const char *source,
          enum hm_status (*parse)(const char *text, size_t len, struct hm_configured_make *make,
                                  struct hm_err *err))
{
    if (listing->fault != NULL) {
        return hm_gathering_fault(gathering, HM_EINVAL, source, listing->fault);
    }
    gathering->any = true;
    return parse(listing->text, listing->len, &gathering->make, gathering->err);
}

/* The functions would start the service of the host networks: they are asked only where it runs. */
static bool has_networks(const struct hm_inventory *inventory)
{
    const struct hm_service *service = hm_inventory_service(inventory, "hns");

    return hm_windows_has_service(&inventory->services, "hns") &&
           (service == NULL || (service->has_runs && service->runs));
}

static enum hm_status take_networks(struct hm_gathering *gathering)
{
    struct hm_network network;
    const char *fault = hm_network_load(&network);
    enum hm_status st =
        fault == NULL ? hm_network_take_endpoints(&network, gathering)
                      : hm_gathering_fault(gathering, HM_EUNSUPPORTED, "computenetwork.dll", fault);

    hm_network_unload(&network);
    return st;
}

/* ---- the registry -------------------------------------------------------------------------- */

/* The tables of the domain are ASCII. */
static const wchar_t *wide(const char *text, wchar_t out[KEY_CHARS])
{
    size_t len = 0;

    for (; text[len] != '\0' && len + 1 < KEY_CHARS; len++) {
        out[len] = (wchar_t)(unsigned char)text[len];
    }
    out[len] = L'\0';
    return out;
}

static enum hm_status take_names(struct hm_gathering *gathering,
                                 const struct hm_port_key_names *names)
{
    struct hm_strings found = {NULL, 0};
    wchar_t key[KEY_CHARS];
    struct hm_err why = {.text = ""};
    enum hm_status st = HM_OK;

    if (!hm_registry_has_key(wide(names->key, key))) {
        return HM_OK;
    }
    st = hm_registry_names(key, gathering->make.arena, &found, &why);
    if (st != HM_OK) {
        return hm_gathering_fault(gathering, st, names->key, why.text);
    }
    gathering->any = true;
    for (size_t i = 0; i < found.count && st == HM_OK; i++) {
        bool port = true;

        st = hm_port_key_put(&gathering->make, names, found.at[i], &port, gathering->err);
        if (st == HM_OK && !port && found.at[i][0] != '\0') {
            st = hm_notes_add(gathering->notes, gathering->err,
                              "%s: the entry \"%s\" has no port from 1 to 65535 (address/port): "
                              "whether its service listens is not known",
                              names->key, found.at[i]);
        }
    }
    return st;
}

static enum hm_status take_port_value(struct hm_gathering *gathering,
                                      const struct hm_port_value *value)
{
    struct hm_err why = {.text = ""};
    wchar_t key[KEY_CHARS];
    wchar_t name[KEY_CHARS];
    bool found = false;
    uint32_t port = 0;
    enum hm_status st =
        hm_registry_u32(wide(value->key, key), wide(value->name, name), &found, &port, &why);

    if (st != HM_OK) {
        st = hm_gathering_fault(gathering, st, value->key, why.text);
        if (st == HM_OK) { /* not the default: nobody knows it */
            gathering->any = true;
            st = hm_port_value_put_invalid(&gathering->make, value, "could not be read",
                                           gathering->err);
        }
        return st;
    }
    if (!found) {
        return HM_OK;
    }
    gathering->any = true;
    st = hm_port_value_put(&gathering->make, value, port, gathering->err);
    if (st == HM_OK && (port == 0 || port > UINT16_MAX)) {
        st = hm_notes_add(
            gathering->notes, gathering->err,
            "%s: %s is 0x%x, which is no port: the port of the next start is not known", value->key,
            value->name, (unsigned)port);
    }
    return st;
}

/* More listeners of the same service, each with a key of its own. */
static enum hm_status take_others(struct hm_gathering *gathering, const struct hm_port_value *value)
{
    struct hm_strings keys = {NULL, 0};
    struct hm_err why = {.text = ""};
    wchar_t parent[KEY_CHARS];
    size_t count = 0;
    enum hm_status st = HM_OK;

    if (!hm_registry_has_key(wide(value->parent, parent))) {
        return HM_OK;
    }
    st = hm_registry_keys(parent, gathering->make.arena, &keys, &why);
    if (st != HM_OK) {
        return hm_gathering_fault(gathering, st, value->parent, why.text);
    }
    for (size_t i = 0; i < keys.count && count < HM_PORT_VALUE_OTHERS && st == HM_OK; i++) {
        if (hm_port_value_is_other(value, keys.at[i])) {
            const struct hm_port_value *other =
                hm_port_value_other(value, keys.at[i], gathering->make.arena);

            count++;
            st = other == NULL
                     ? hm_fail(gathering->err, HM_ENOMEM, "no memory for the ports that are set up")
                     : take_port_value(gathering, other);
        }
    }
    return st;
}

static enum hm_status take_port_values(struct hm_gathering *gathering)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < HM_PORT_VALUE_COUNT && st == HM_OK; i++) {
        st = take_port_value(gathering, &hm_port_values[i]);
        if (st == HM_OK) {
            st = take_others(gathering, &hm_port_values[i]);
        }
    }
    for (size_t i = 0; i < HM_PORT_KEY_COUNT && st == HM_OK; i++) {
        st = take_names(gathering, &hm_port_keys[i]);
    }
    return st == HM_OK ? hm_gathering_take_registry(gathering) : st;
}

enum hm_status hm_windows_port_values(struct hm_inventory *inventory, struct hm_notes *notes,
                                      struct hm_err *err)
{
    struct hm_gathering gathering = {.notes = notes, .err = err};
    enum hm_status st;

    hm_configured_begin(&gathering.make, &inventory->os, notes->arena);
    st = take_port_values(&gathering);
    if (st == HM_OK && gathering.any) {
        hm_configured_finish(&gathering.make, gathering.partial, inventory);
    }
    return st;
}

enum hm_status hm_windows_configured(const struct hm_netsh_http http[HM_NETSH_HTTP_LISTS],
                                     struct hm_sites *sites, struct hm_inventory *inventory,
                                     struct hm_notes *notes, struct hm_ports *out_httpsys,
                                     struct hm_err *err)
{
    struct hm_gathering gathering = {.notes = notes, .err = err};
    struct hm_ports httpsys = {NULL, 0};
    enum hm_status st;

    hm_configured_begin(&gathering.make, &inventory->os, notes->arena);
    st = take_state(&gathering, &http[HM_NETSH_SERVICE_STATE], &httpsys);
    if (st == HM_OK) {
        st = take_list(&gathering, &http[HM_NETSH_URLACL], "netsh http show urlacl",
                       hm_urlacl_parse);
    }
    if (st == HM_OK) {
        st = take_list(&gathering, &http[HM_NETSH_SSLCERT], "netsh http show sslcert",
                       hm_sslcert_parse);
    }
    if (st == HM_OK) {
        st = hm_sites_take(sites, &gathering);
    }
    if (st == HM_OK && has_networks(inventory)) {
        st = take_networks(&gathering);
    }
    if (st == HM_OK) {
        st = take_port_values(&gathering);
    }
    if (st != HM_OK) {
        return st;
    }
    if (gathering.any) {
        hm_configured_finish(&gathering.make, gathering.partial, inventory);
    }
    *out_httpsys = httpsys;
    return HM_OK;
}
