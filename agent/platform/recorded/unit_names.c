/* agent/platform/recorded/unit_names.c — units of systemd by the names that the judge compares.
 * SPDX-License-Identifier: Apache-2.0
 *
 * systemctl prints "kubelet.service", and a person copies that into host.json. */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "common/base/str.h"

#define SUFFIX ".service"

static bool shorten(struct hm_arena *arena, const char **name)
{
    size_t len = *name == NULL ? 0 : strlen(*name);
    const size_t suffix = strlen(SUFFIX);

    if (len <= suffix || !hm_str_equal(*name + len - suffix, SUFFIX)) {
        return true;
    }
    *name = hm_arena_strndup(arena, *name, len - suffix);
    return *name != NULL;
}

static bool shorten_all(struct hm_arena *arena, const struct hm_strings *names)
{
    bool ok = true;

    for (size_t i = 0; ok && i < names->count; i++) {
        ok = shorten(arena, &names->at[i]);
    }
    return ok;
}

enum hm_status hm_recorded_unit_names(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_host_file *host = &recorded->host;
    struct hm_arena *arena = recorded->arena;
    bool ok = true;

    if (host->has_os && host->os.family == HM_OS_WINDOWS) {
        return HM_OK;
    }
    ok = shorten_all(arena, &host->services);
    for (size_t i = 0; ok && i < host->service_details.count; i++) {
        ok = shorten(arena, &host->service_details.at[i].name) &&
             shorten_all(arena, &host->service_details.at[i].depends_on);
    }
    for (size_t i = 0; ok && i < host->listeners.count; i++) {
        ok = shorten(arena, &host->listeners.at[i].service);
    }
    return ok ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for the names of units");
}
