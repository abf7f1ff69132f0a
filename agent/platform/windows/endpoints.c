/* agent/platform/windows/endpoints.c — ports of containers, from the Host Compute Network.
 * SPDX-License-Identifier: Apache-2.0
 *
 * computenetwork.dll: Windows 10 1809, Server 2019 and later. HRESULT values: Microsoft Learn,
 * "HCN error codes". */
#include "agent/platform/windows/configured.h"

#include <objbase.h>
#include <stdio.h>
#include <string.h>

#include "common/os/windows_text.h"
#include "common/readers/hns_endpoints_text.h"

#define NETWORK_LIBRARY L"\\computenetwork.dll"
#define ENDPOINTS_MAX 4096u
#define GUID_CHARS 36u
#define ENDPOINT_NOT_FOUND ((HRESULT)0x803b0002L) /* HCN_E_ENDPOINT_NOT_FOUND */

void hm_network_unload(struct hm_network *network)
{
    if (network->library != NULL) {
        (void)FreeLibrary(network->library);
        network->library = NULL;
    }
}

static hm_windows_function find_function(const struct hm_network *network, const char *name)
{
    return (hm_windows_function)GetProcAddress(network->library, name);
}

const char *hm_network_load(struct hm_network *out_network)
{
    wchar_t path[MAX_PATH + HM_COUNT(NETWORK_LIBRARY)];
    const UINT room = GetSystemDirectoryW(path, MAX_PATH);
    struct hm_network network = {.library = NULL};

    *out_network = network;
    if (room == 0 || room >= MAX_PATH) {
        return "the system directory is unknown";
    }
    memcpy(path + room, NETWORK_LIBRARY, sizeof(NETWORK_LIBRARY));
    network.library = LoadLibraryExW(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (network.library == NULL) {
        return "the Host Network Service runs, and this library of it could not be loaded";
    }
    network.enumerate = (hm_network_enumerate_fn *)find_function(&network, "HcnEnumerateEndpoints");
    network.open = (hm_network_open_fn *)find_function(&network, "HcnOpenEndpoint");
    network.query = (hm_network_query_fn *)find_function(&network, "HcnQueryEndpointProperties");
    network.close = (hm_network_close_fn *)find_function(&network, "HcnCloseEndpoint");
    *out_network = network;
    return network.enumerate != NULL && network.open != NULL && network.query != NULL &&
                   network.close != NULL
               ? NULL
               : "it lacks the functions for endpoints";
}

static enum hm_status refused(struct hm_gathering *gathering, const char *source, HRESULT code)
{
    char why[32];

    (void)snprintf(why, sizeof(why), "error 0x%08lx", (unsigned long)code);
    return hm_gathering_fault(gathering, HM_EIO, source, why);
}

static bool is_gone(HRESULT code)
{
    return code == ENDPOINT_NOT_FOUND || code == HRESULT_FROM_WIN32(ERROR_NOT_FOUND);
}

static enum hm_status take_properties(struct hm_gathering *gathering, const wchar_t *properties)
{
    struct hm_err why = {.text = ""};
    const char *text = hm_windows_utf8(gathering->make.arena, properties);
    enum hm_status st;

    if (text == NULL) {
        return hm_fail(gathering->err, HM_ENOMEM, "no memory for the ports of containers");
    }
    st = hm_hns_endpoints_parse(text, strlen(text), &gathering->make, &why);
    return st == HM_OK ? HM_OK
                       : hm_gathering_fault(gathering, st, "HcnQueryEndpointProperties", why.text);
}

static enum hm_status query_endpoint(struct hm_gathering *gathering,
                                     const struct hm_network *network, void *endpoint,
                                     HRESULT *out_code)
{
    PWSTR properties = NULL;
    PWSTR error = NULL;
    enum hm_status st = HM_OK;
    HRESULT code = network->query(endpoint, L"{}", &properties, &error);

    if (code == S_OK && properties == NULL) {
        code = E_POINTER;
    }
    if (code == S_OK) {
        gathering->any = true;
        st = take_properties(gathering, properties);
    }
    CoTaskMemFree(properties);
    CoTaskMemFree(error);
    *out_code = code;
    return st;
}

/* *out_source: of the function that failed with *out_code. */
static enum hm_status take_endpoint(struct hm_gathering *gathering,
                                    const struct hm_network *network, const wchar_t *id,
                                    const char **out_source, HRESULT *out_code)
{
    wchar_t braced[GUID_CHARS + 3];
    PWSTR error = NULL;
    void *endpoint = NULL;
    enum hm_status st = HM_OK;
    GUID guid;

    (void)swprintf(braced, HM_COUNT(braced), L"{%.*ls}", (int)GUID_CHARS, id);
    *out_source = "HcnEnumerateEndpoints";
    *out_code = CLSIDFromString(braced, &guid);
    if (*out_code != S_OK) {
        return HM_OK;
    }
    *out_source = "HcnOpenEndpoint";
    *out_code = network->open(&guid, &endpoint, &error);
    CoTaskMemFree(error);
    if (*out_code == S_OK) {
        *out_source = "HcnQueryEndpointProperties";
        st = query_endpoint(gathering, network, endpoint, out_code);
        (void)network->close(endpoint);
    }
    return st;
}

/* The list is JSON: ["5d2b...", "..."]. */
static enum hm_status take_ids(struct hm_gathering *gathering, const struct hm_network *network,
                               const wchar_t *ids)
{
    enum hm_status st = HM_OK;
    unsigned count = 0;
    bool failed = false;

    for (const wchar_t *at = wcschr(ids, L'"'); at != NULL && st == HM_OK; at = wcschr(at, L'"')) {
        const wchar_t *end = wcschr(at + 1, L'"');

        if (end == NULL) {
            break;
        }
        if ((size_t)(end - at) == GUID_CHARS + 1 && count++ < ENDPOINTS_MAX) {
            const char *source;
            HRESULT code;

            st = take_endpoint(gathering, network, at + 1, &source, &code);
            if (st == HM_OK && code != S_OK && !is_gone(code) && !failed) {
                failed = true; /* one sentence, however many endpoints fail */
                st = refused(gathering, source, code);
            }
        }
        at = end + 1;
    }
    return st == HM_OK && count > ENDPOINTS_MAX
               ? hm_gathering_fault(gathering, HM_ETOOBIG, "HcnEnumerateEndpoints",
                                    "too many endpoints")
               : st;
}

enum hm_status hm_network_take_endpoints(const struct hm_network *network,
                                         struct hm_gathering *gathering)
{
    PWSTR ids = NULL;
    PWSTR error = NULL;
    const HRESULT code = network->enumerate(L"{}", &ids, &error);
    const enum hm_status st =
        code == S_OK && ids != NULL
            ? take_ids(gathering, network, ids)
            : refused(gathering, "HcnEnumerateEndpoints", code == S_OK ? E_POINTER : code);

    CoTaskMemFree(ids);
    CoTaskMemFree(error);
    return st;
}
