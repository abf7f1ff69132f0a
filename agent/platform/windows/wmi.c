/* agent/platform/windows/wmi.c — numbers of the instances of one WMI class.
 * SPDX-License-Identifier: Apache-2.0 */
#define COBJMACROS
#include "agent/platform/windows/windows.h"

#include <wbemcli.h>

#define NEXT_TIMEOUT_MS 5000

struct wmi {
    bool initialised;
    IWbemLocator *locator;
    IWbemServices *services;
    IEnumWbemClassObject *rows;
};

static void close_wmi(struct wmi *wmi)
{
    if (wmi->rows != NULL) {
        (void)IEnumWbemClassObject_Release(wmi->rows);
    }
    if (wmi->services != NULL) {
        (void)IWbemServices_Release(wmi->services);
    }
    if (wmi->locator != NULL) {
        (void)IWbemLocator_Release(wmi->locator);
    }
    if (wmi->initialised) {
        CoUninitialize();
    }
}

/* false when there is no such service, namespace or class: then WMI tells nothing. */
static bool open_wmi(const wchar_t *name_space, const wchar_t *query, struct wmi *wmi)
{
    BSTR where = SysAllocString(name_space);
    BSTR language = SysAllocString(L"WQL");
    BSTR text = SysAllocString(query);
    bool ok = where != NULL && language != NULL && text != NULL;

    if (ok) {
        wmi->initialised = SUCCEEDED(CoInitializeEx(NULL, COINIT_MULTITHREADED));
        ok = wmi->initialised &&
             SUCCEEDED(CoCreateInstance(&CLSID_WbemLocator, NULL, CLSCTX_INPROC_SERVER,
                                        &IID_IWbemLocator, (void **)&wmi->locator)) &&
             SUCCEEDED(IWbemLocator_ConnectServer(wmi->locator, where, NULL, NULL, NULL,
                                                  WBEM_FLAG_CONNECT_USE_MAX_WAIT, NULL, NULL,
                                                  &wmi->services));
    }
    if (ok) {
        /* Wine has no proxy here, and so nothing to set. */
        (void)CoSetProxyBlanket((IUnknown *)wmi->services, RPC_C_AUTHN_WINNT, RPC_C_AUTHZ_NONE,
                                NULL, RPC_C_AUTHN_LEVEL_CALL, RPC_C_IMP_LEVEL_IMPERSONATE, NULL,
                                EOAC_NONE);
        ok = SUCCEEDED(IWbemServices_ExecQuery(
            wmi->services, language, text, WBEM_FLAG_FORWARD_ONLY | WBEM_FLAG_RETURN_IMMEDIATELY,
            NULL, &wmi->rows));
    }
    SysFreeString(text);
    SysFreeString(language);
    SysFreeString(where);
    return ok;
}

static bool get_number(IWbemClassObject *row, const wchar_t *property, uint32_t *out)
{
    VARIANT value;
    bool ok = false;

    VariantInit(&value);
    if (SUCCEEDED(IWbemClassObject_Get(row, property, 0, &value, NULL, NULL)) &&
        (V_VT(&value) == VT_I4 || V_VT(&value) == VT_I2) &&
        (V_VT(&value) == VT_I4 ? V_I4(&value) : V_I2(&value)) >= 0) {
        *out = V_VT(&value) == VT_I4 ? (uint32_t)V_I4(&value) : (uint32_t)V_I2(&value);
        ok = true;
    }
    (void)VariantClear(&value);
    return ok;
}

static void add(struct hm_wmi_pairs *pairs, struct hm_wmi_pair pair)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (pairs->at[i].first == pair.first && pairs->at[i].second == pair.second) {
            return;
        }
    }
    if (pairs->count < HM_WMI_PAIRS_MAX) {
        pairs->at[pairs->count++] = pair;
    }
}

enum hm_status hm_wmi_list(const wchar_t *name_space, const wchar_t *query,
                           const wchar_t *first_property, const wchar_t *second_property,
                           struct hm_arena *arena, struct hm_wmi_pairs *out_pairs,
                           struct hm_err *err)
{
    struct hm_wmi_pairs pairs = {hm_arena_alloc(arena, HM_WMI_PAIRS_MAX, sizeof(*pairs.at)), 0};
    struct wmi wmi = {.initialised = false};
    IWbemClassObject *row = NULL;
    ULONG got = 0;

    if (pairs.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the answer of WMI");
    }
    if (open_wmi(name_space, query, &wmi)) {
        while (IEnumWbemClassObject_Next(wmi.rows, NEXT_TIMEOUT_MS, 1, &row, &got) ==
                   WBEM_S_NO_ERROR &&
               got == 1) {
            struct hm_wmi_pair pair;

            if (get_number(row, first_property, &pair.first) &&
                get_number(row, second_property, &pair.second)) {
                add(&pairs, pair);
            }
            (void)IWbemClassObject_Release(row);
        }
    }
    close_wmi(&wmi);
    *out_pairs = pairs;
    return HM_OK;
}
