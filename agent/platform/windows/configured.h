/* agent/platform/windows/configured.h — sources of what is set up to be served; private to this
 * folder and its tests.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/platform/windows/windows.h"
#include "common/ports/configured.h"

/* The list in the making. */
struct hm_gathering {
    struct hm_configured_make make;
    struct hm_notes *notes;
    bool any;     /* a source was read */
    bool partial; /* one that is there was not */
    struct hm_err *err;
};

/* A source that could not be read is a sentence, and the list is partial; lack of memory is an
 * error. */
enum hm_status hm_gathering_fault(struct hm_gathering *gathering, enum hm_status st,
                                  const char *source, const char *why) HM_MUST_CHECK;

/* registry_ports.c — ports of SQL Server and of RPC servers (registry_ports.h) into the list. */
enum hm_status hm_gathering_take_registry(struct hm_gathering *gathering) HM_MUST_CHECK;

/* sites.c — bindings of IIS into the list. applicationHost.config may hold passwords: its bytes are
 * wiped once they are parsed, and it is read again only when its write time or size changed. Where
 * redirection.config names a shared one, that is read; one that cannot be read makes the list
 * partial, and what was read of it before stays. */
enum hm_status hm_sites_take(struct hm_sites *sites, struct hm_gathering *gathering) HM_MUST_CHECK;

/* endpoints.c — the Host Compute Network functions (Microsoft Learn, HcnEnumerateEndpoints). Texts
 * that they answer are the caller's: CoTaskMemFree. */
typedef HRESULT WINAPI hm_network_enumerate_fn(PCWSTR query, PWSTR *out_ids, PWSTR *out_error);
typedef HRESULT WINAPI hm_network_open_fn(REFGUID id, void **out_endpoint, PWSTR *out_error);
typedef HRESULT WINAPI hm_network_query_fn(void *endpoint, PCWSTR query, PWSTR *out_properties,
                                           PWSTR *out_error);
typedef HRESULT WINAPI hm_network_close_fn(void *endpoint);

struct hm_network {
    HMODULE library;
    hm_network_enumerate_fn *enumerate;
    hm_network_open_fn *open;
    hm_network_query_fn *query;
    hm_network_close_fn *close;
};

/* NULL, or why there are no such functions. Only the library of the system is loaded. */
const char *hm_network_load(struct hm_network *out_network) HM_MUST_CHECK;
void hm_network_unload(struct hm_network *network);

/* Ports of containers into the list. An endpoint that is not found went away since it was listed;
 * any other failure makes the list partial. */
enum hm_status hm_network_take_endpoints(const struct hm_network *network,
                                         struct hm_gathering *gathering) HM_MUST_CHECK;
