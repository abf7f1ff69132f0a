/* agent/platform/windows/watch.c — has anything changed that netsh's listings depend on?
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <stdlib.h>

#include "common/os/os.h"
#include "common/os/windows_text.h"

#ifndef KEY_WOW64_64KEY
#define KEY_WOW64_64KEY 0x0100
#endif

#define ASLEEP_MS 5000 /* the two clocks drift by less */
#define NSI_KEY L"SYSTEM\\CurrentControlSet\\Control\\Nsi\\"

static const struct {
    const wchar_t *name;
    unsigned lists; /* that can look different when it changed */
} keys[] = {
    {L"SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters", HM_LISTS_ALL   },
    {L"SYSTEM\\CurrentControlSet\\Services\\hns\\State",        HM_LISTS_BLOCKS},
 /* UrlAclInfo, SslBindingInfo */
    {L"SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters",  HM_LIST_HTTPSYS},
    {NSI_KEY L"{eb004a03-9b1a-11d4-9123-0050047759bc}\\29",     HM_LISTS_TCP   },
    {NSI_KEY L"{eb004a02-9b1a-11d4-9123-0050047759bc}\\5",      HM_LISTS_UDP   },
};

struct watched {
    HKEY key;     /* NULL while there is no such key */
    HANDLE event; /* set once by the next change */
};

struct hm_watch {
    struct watched keys[HM_COUNT(keys)];
    bool has_clocks;
    int64_t monotonic_ms; /* counts while the machine sleeps, the other does not */
    int64_t awake_ms;
};

typedef BOOL WINAPI query_awake_time(ULONGLONG *out_100ns);

hm_windows_function hm_windows_lookup(const wchar_t *library, const char *name)
{
    HMODULE module = GetModuleHandleW(library);

    return module == NULL ? NULL : (hm_windows_function)GetProcAddress(module, name);
}

enum hm_status hm_watch_open(struct hm_watch **out_watch, struct hm_err *err)
{
    struct hm_watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to watch the registry");
    }
    for (size_t i = 0; i < HM_COUNT(keys); i++) {
        watch->keys[i].event = CreateEventW(NULL, FALSE, FALSE, NULL);
        if (watch->keys[i].event == NULL) {
            hm_watch_close(watch);
            return hm_windows_fail(err, "the registry cannot be watched", GetLastError());
        }
    }
    *out_watch = watch;
    return HM_OK;
}

static void close_key(struct watched *watched)
{
    if (watched->key != NULL) {
        (void)RegCloseKey(watched->key);
        watched->key = NULL;
    }
}

void hm_watch_close(struct hm_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    for (size_t i = 0; i < HM_COUNT(keys); i++) {
        close_key(&watch->keys[i]);
        if (watch->keys[i].event != NULL) {
            (void)CloseHandle(watch->keys[i].event);
        }
    }
    free(watch);
}

/* One notification is for one change: asks for the next. false when the key is not there. */
static bool arm(struct watched *watched)
{
    return RegNotifyChangeKeyValue(watched->key, TRUE,
                                   REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET,
                                   watched->event, TRUE) == ERROR_SUCCESS;
}

static bool key_changed(struct watched *watched, const wchar_t *name)
{
    if (watched->key != NULL) {
        if (WaitForSingleObject(watched->event, 0) != WAIT_OBJECT_0) {
            return false;
        }
        if (!arm(watched)) { /* it was removed */
            close_key(watched);
        }
        return true;
    }
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, name, 0, KEY_NOTIFY | KEY_WOW64_64KEY, &watched->key) !=
        ERROR_SUCCESS) {
        watched->key = NULL;
        return false;
    }
    if (!arm(watched)) {
        close_key(watched);
    }
    return true; /* it appeared */
}

static bool was_asleep(struct hm_watch *watch)
{
    query_awake_time *query =
        (query_awake_time *)hm_windows_lookup(L"kernel32.dll", "QueryUnbiasedInterruptTime");
    const int64_t now_ms = hm_os_monotonic_ms();
    ULONGLONG awake_100ns = 0;
    int64_t awake_ms;
    bool asleep;

    if (query == NULL || !query(&awake_100ns)) {
        return false;
    }
    awake_ms = (int64_t)(awake_100ns / 10000);
    asleep =
        watch->has_clocks && now_ms - watch->monotonic_ms > awake_ms - watch->awake_ms + ASLEEP_MS;
    watch->has_clocks = true;
    watch->monotonic_ms = now_ms;
    watch->awake_ms = awake_ms;
    return asleep;
}

unsigned hm_watch_changed(struct hm_watch *watch)
{
    unsigned changed = was_asleep(watch) ? HM_LISTS_ALL : 0;

    for (size_t i = 0; i < HM_COUNT(keys); i++) {
        if (key_changed(&watch->keys[i], keys[i].name)) {
            changed |= keys[i].lists;
        }
    }
    return changed;
}
