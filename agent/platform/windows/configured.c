/* agent/platform/windows/configured.c — what HTTP.sys, IIS and containers are set up to serve.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sources: "netsh http show servicestate", "urlacl", "sslcert"; applicationHost.config, of which
 * the agent keeps ports and names of sites and nothing else; the Host Compute Network functions
 * (Microsoft Learn, HcnEnumerateEndpoints, HcnQueryEndpointProperties), where computenetwork.dll is
 * there. */
#include "agent/platform/windows/windows.h"

#include <objbase.h>
#include <stdio.h>
#include <string.h>

#include "agent/platform/windows_rules.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"
#include "common/ports/configured.h"
#include "common/readers/hns_endpoints_text.h"
#include "common/readers/http_config_text.h"
#include "common/readers/httpsys_text.h"
#include "common/readers/iis_bindings_text.h"

#define SITES_FILE L"\\inetsrv\\config\\applicationHost.config"
#define NETWORK_LIBRARY L"\\computenetwork.dll"
#define ENDPOINTS_MAX 4096u
#define GUID_CHARS 36u
#define UNKNOWN "what HTTP.sys and containers are set up to serve is not known whole"

struct gathering {
    struct hm_configured_make make;
    struct hm_notes *notes;
    bool any;     /* a source was read */
    bool partial; /* one that is there was not */
    struct hm_err *err;
};

/* A source that could not be read is a sentence; lack of memory is an error. */
static enum hm_status fault(struct gathering *gathering, enum hm_status st, const char *source,
                            const char *why)
{
    if (st == HM_ENOMEM) {
        return hm_fail(gathering->err, st, "no memory for the ports that are set up");
    }
    gathering->partial = true;
    return hm_notes_add(gathering->notes, gathering->err, "%s: %s: " UNKNOWN, source, why);
}

/* ---- HTTP.sys ------------------------------------------------------------------------------ */

static enum hm_status take_state(struct gathering *gathering, const struct hm_netsh_http *listing,
                                 struct hm_ports *out_ports)
{
    static const char source[] = "netsh http show servicestate";
    struct hm_err why = {.text = ""};
    enum hm_status st;

    if (listing->fault != NULL) {
        return fault(gathering, HM_EINVAL, source, listing->fault);
    }
    st = hm_httpsys_parse(listing->text, listing->len, gathering->make.arena, out_ports, &why);
    return st == HM_OK ? HM_OK : fault(gathering, st, source, why.text);
}

static enum hm_status
take_list(struct gathering *gathering, const struct hm_netsh_http *listing, const char *source,
          enum hm_status (*parse)(const char *text, size_t len, struct hm_configured_make *make,
                                  struct hm_err *err))
{
    if (listing->fault != NULL) {
        return fault(gathering, HM_EINVAL, source, listing->fault);
    }
    gathering->any = true;
    return parse(listing->text, listing->len, &gathering->make, gathering->err);
}

/* ---- IIS ----------------------------------------------------------------------------------- */

static enum hm_status take_sites(struct gathering *gathering)
{
    wchar_t wide[MAX_PATH + HM_COUNT(SITES_FILE)];
    const UINT room = GetSystemDirectoryW(wide, MAX_PATH);
    struct hm_err why = {.text = ""};
    const char *path;
    char *text;
    size_t len;
    enum hm_status st;

    if (room == 0 || room >= MAX_PATH) {
        return fault(gathering, HM_EINVAL, "applicationHost.config",
                     "the system directory is unknown");
    }
    memcpy(wide + room, SITES_FILE, sizeof(SITES_FILE));
    path = hm_windows_utf8(gathering->make.arena, wide);
    if (path == NULL) {
        return hm_fail(gathering->err, HM_ENOMEM, "no memory for the bindings of web sites");
    }
    st = hm_os_read_file(path, HM_LIMIT_INPUT_FILE_BYTES, gathering->make.arena, &text, &len, &why);
    if (st == HM_ENOENT) {
        return HM_OK; /* no IIS */
    }
    if (st != HM_OK) {
        return fault(gathering, st, "applicationHost.config", why.text);
    }
    gathering->any = true;
    st = hm_iis_bindings_parse(text, len, &gathering->make, gathering->err);
    if (st == HM_OK && gathering->make.doubt != NULL) {
        st = fault(gathering, HM_EINVAL, "applicationHost.config", gathering->make.doubt);
        gathering->make.doubt = NULL;
    }
    return st;
}

/* ---- containers ---------------------------------------------------------------------------- */

typedef HRESULT WINAPI enumerate_fn(PCWSTR query, PWSTR *out_endpoints, PWSTR *out_error);
typedef HRESULT WINAPI open_fn(REFGUID id, void **out_endpoint, PWSTR *out_error);
typedef HRESULT WINAPI query_fn(void *endpoint, PCWSTR query, PWSTR *out_properties,
                                PWSTR *out_error);
typedef HRESULT WINAPI close_fn(void *endpoint);

struct network {
    HMODULE library;
    enumerate_fn *enumerate;
    open_fn *open;
    query_fn *query;
    close_fn *close;
};

static void unload_network(struct network *network)
{
    if (network->library != NULL) {
        (void)FreeLibrary(network->library);
    }
}

static hm_windows_function find_function(const struct network *network, const char *name)
{
    return (hm_windows_function)GetProcAddress(network->library, name);
}

/* False where this Windows has no such network. Only the library of the system is loaded. */
static bool load_network(struct network *out)
{
    wchar_t path[MAX_PATH + HM_COUNT(NETWORK_LIBRARY)];
    const UINT room = GetSystemDirectoryW(path, MAX_PATH);

    *out = (struct network){.library = NULL};
    if (room == 0 || room >= MAX_PATH) {
        return false;
    }
    memcpy(path + room, NETWORK_LIBRARY, sizeof(NETWORK_LIBRARY));
    out->library = LoadLibraryExW(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (out->library == NULL) {
        return false;
    }
    out->enumerate = (enumerate_fn *)find_function(out, "HcnEnumerateEndpoints");
    out->open = (open_fn *)find_function(out, "HcnOpenEndpoint");
    out->query = (query_fn *)find_function(out, "HcnQueryEndpointProperties");
    out->close = (close_fn *)find_function(out, "HcnCloseEndpoint");
    return out->enumerate != NULL && out->open != NULL && out->query != NULL && out->close != NULL;
}

static enum hm_status take_properties(struct gathering *gathering, const wchar_t *properties)
{
    struct hm_err why = {.text = ""};
    const char *text = hm_windows_utf8(gathering->make.arena, properties);
    enum hm_status st;

    if (text == NULL) {
        return hm_fail(gathering->err, HM_ENOMEM, "no memory for the ports of containers");
    }
    st = hm_hns_endpoints_parse(text, strlen(text), &gathering->make, &why);
    return st == HM_OK ? HM_OK : fault(gathering, st, "HcnQueryEndpointProperties", why.text);
}

/* An endpoint that went away since it was listed has no ports any more. */
static enum hm_status take_endpoint(struct gathering *gathering, const struct network *network,
                                    const wchar_t *id)
{
    wchar_t braced[GUID_CHARS + 3];
    PWSTR properties = NULL;
    PWSTR error = NULL;
    void *endpoint = NULL;
    enum hm_status st = HM_OK;
    GUID guid;

    (void)swprintf(braced, HM_COUNT(braced), L"{%.*ls}", (int)GUID_CHARS, id);
    if (CLSIDFromString(braced, &guid) != S_OK) {
        return HM_OK;
    }
    if (network->open(&guid, &endpoint, &error) == S_OK) {
        if (network->query(endpoint, L"{}", &properties, &error) == S_OK && properties != NULL) {
            gathering->any = true;
            st = take_properties(gathering, properties);
        }
        (void)network->close(endpoint);
    }
    CoTaskMemFree(properties);
    CoTaskMemFree(error);
    return st;
}

/* The functions would start the service of the host networks: they are asked only where it runs. */
static bool has_networks(const struct hm_inventory *inventory)
{
    const struct hm_service *service = hm_inventory_service(inventory, "hns");

    return hm_windows_has_service(&inventory->services, "hns") &&
           (service == NULL || (service->has_runs && service->runs));
}

/* The list is JSON: ["5d2b...", "..."]. */
static enum hm_status take_endpoints(struct gathering *gathering,
                                     const struct hm_inventory *inventory)
{
    struct network network;
    PWSTR ids = NULL;
    PWSTR error = NULL;
    enum hm_status st = HM_OK;
    unsigned count = 0;

    if (!has_networks(inventory)) {
        return HM_OK;
    }
    if (!load_network(&network)) {
        unload_network(&network);
        return HM_OK;
    }
    if (network.enumerate(L"{}", &ids, &error) != S_OK || ids == NULL) {
        st = fault(gathering, HM_EINVAL, "HcnEnumerateEndpoints", "refused");
    } else {
        for (const wchar_t *at = wcschr(ids, L'"'); at != NULL && st == HM_OK;
             at = wcschr(at, L'"')) {
            const wchar_t *end = wcschr(at + 1, L'"');

            if (end == NULL) {
                break;
            }
            if ((size_t)(end - at) == GUID_CHARS + 1 && count++ < ENDPOINTS_MAX) {
                st = take_endpoint(gathering, &network, at + 1);
            }
            at = end + 1;
        }
        if (st == HM_OK && count > ENDPOINTS_MAX) {
            st = fault(gathering, HM_ETOOBIG, "HcnEnumerateEndpoints", "too many endpoints");
        }
    }
    CoTaskMemFree(ids);
    CoTaskMemFree(error);
    unload_network(&network);
    return st;
}

/* -------------------------------------------------------------------------------------------- */

enum hm_status hm_windows_configured(const struct hm_netsh_http http[HM_NETSH_HTTP_LISTS],
                                     struct hm_inventory *inventory, struct hm_notes *notes,
                                     struct hm_ports *out_httpsys, struct hm_err *err)
{
    struct gathering gathering = {.notes = notes, .err = err};
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
        st = take_sites(&gathering);
    }
    if (st == HM_OK) {
        st = take_endpoints(&gathering, inventory);
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
