/* agent/platform/windows_guard.c — which services may be guarded.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows_guard.h"

#include <string.h>

#include "agent/guard/guard_name.h"
#include "common/base/str.h"

#define GROUP_MARK '+'
#define DRIVER_TYPES 0x0Fu /* kernel, file system, adapter, recogniser */
#define USER_TYPES 0xC0u   /* template and instance of a log-on's services */
#define AUTO_START 2u
#define NOT_LISTED SIZE_MAX
#define QUOTED_BYTES 6u /* of one character, at most */

/* What the agent's first pass asks (netsh, WMI, the event log, the service manager), what a log-on
 * and an installation need, and what everything on the network waits for. */
static const char *const needed[] = {HM_GUARDED_BY_NAME,
                                     HM_GUARD_NAME,
                                     "RpcSs",
                                     "RpcEptMapper",
                                     "DcomLaunch",
                                     "EventLog",
                                     "PlugPlay",
                                     "Power",
                                     "SamSs",
                                     "LSM",
                                     "Tcpip",
                                     "Tcpip6",
                                     "AFD",
                                     "NetBT",
                                     "nsi",
                                     "nsiproxy",
                                     "Dhcp",
                                     "Dnscache",
                                     "HTTP",
                                     "BFE",
                                     "MpsSvc",
                                     "Winmgmt",
                                     "ProfSvc",
                                     "gpsvc",
                                     "UserManager",
                                     "CryptSvc",
                                     "msiserver"};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
}

static size_t find(const struct hm_guard_host *host, const char *name)
{
    size_t i = 0;

    while (i < host->count && !hm_str_equal_nocase(host->at[i].name, name)) {
        i++;
    }
    return i;
}

const struct hm_guard_service *hm_guard_find(const struct hm_guard_host *host, const char *name)
{
    const size_t i = find(host, name);

    return i < host->count ? &host->at[i] : NULL;
}

/* ---- who needs whom ------------------------------------------------------------------------- */

/* For each service the one that reached it first; NULL: nobody has. */
struct reach {
    const struct hm_guard_host *host;
    const char **by;
    size_t *todo; /* services whose needs are still to be followed */
    size_t todo_count;
};

static enum hm_status begin(const struct hm_guard_host *host, struct hm_arena *arena,
                            struct reach *out, struct hm_err *err)
{
    struct reach reach = {.host = host};

    reach.by = (const char **)hm_arena_alloc(arena, host->count + 1, sizeof(*reach.by));
    reach.todo = hm_arena_alloc(arena, host->count + 1, sizeof(*reach.todo));
    if (reach.by == NULL || reach.todo == NULL) {
        return no_memory(err);
    }
    *out = reach;
    return HM_OK;
}

static void reach_one(struct reach *reach, size_t at, const char *by)
{
    if (at < reach->host->count && reach->by[at] == NULL) {
        reach->by[at] = by;
        reach->todo[reach->todo_count++] = at;
    }
}

static void reach_group(struct reach *reach, const char *group, const char *by)
{
    for (size_t i = 0; i < reach->host->count; i++) {
        if (hm_str_equal_nocase(reach->host->at[i].group, group)) {
            reach_one(reach, i, by);
        }
    }
}

/* All that the service at this place needs, itself included. */
static void follow(struct reach *reach, size_t from)
{
    const char *by = from < reach->host->count ? reach->host->at[from].name : "";

    reach_one(reach, from, by);
    while (reach->todo_count > 0) {
        const struct hm_guard_service *service = &reach->host->at[reach->todo[--reach->todo_count]];

        for (size_t i = 0; i < service->needs.count; i++) {
            const char *name = service->needs.at[i];

            if (name[0] == GROUP_MARK) {
                reach_group(reach, name + 1, by);
            } else {
                reach_one(reach, find(reach->host, name), by);
            }
        }
    }
}

/* ---- refusals ------------------------------------------------------------------------------- */

static size_t group_place(const struct hm_guard_host *host, const char *group)
{
    for (size_t i = 0; group[0] != '\0' && i < host->group_order.count; i++) {
        if (hm_str_equal_nocase(host->group_order.at[i], group)) {
            return i;
        }
    }
    return NOT_LISTED;
}

/* In a group that Windows starts before that of the agent, or together with it. Nothing without a
 * listed group is. */
static bool is_early(const struct hm_guard_host *host, const struct hm_guard_service *service)
{
    const struct hm_guard_service *agent = hm_guard_find(host, HM_GUARDED_BY_NAME);
    const size_t own = group_place(host, service->group);

    return own != NOT_LISTED && (agent == NULL || own <= group_place(host, agent->group));
}

static enum hm_status check_kind(const struct hm_guard_service *service, struct hm_err *err)
{
    if ((service->type & DRIVER_TYPES) != 0 || service->start < AUTO_START) {
        return hm_fail(err, HM_ECONFLICT,
                       "%s is a driver, or starts with the system itself: no service can be "
                       "started before it",
                       service->name);
    }
    if ((service->type & USER_TYPES) != 0) {
        return hm_fail(err, HM_ECONFLICT,
                       "%s is a service of one log-on: it has another name in each, and starts "
                       "long after the boot",
                       service->name);
    }
    return HM_OK;
}

enum hm_status hm_guard_check(const struct hm_guard_host *host, const char *service,
                              struct hm_arena *arena, struct hm_err *err)
{
    const size_t at = find(host, service);
    struct reach reach;
    enum hm_status st;

    if (at == host->count) {
        return hm_fail(err, HM_ENOENT,
                       "%s: there is no such service; \"sc query\" lists the names (SERVICE_NAME)",
                       service);
    }
    st = check_kind(&host->at[at], err);
    if (st == HM_OK) {
        st = begin(host, arena, &reach, err);
    }
    if (st != HM_OK) {
        return st;
    }
    for (size_t i = 0; i < HM_COUNT(needed); i++) {
        follow(&reach, find(host, needed[i]));
    }
    if (reach.by[at] != NULL) {
        const bool itself = reach.by[at] == host->at[at].name;

        return hm_fail(err, HM_ECONFLICT,
                       "%s must not wait for the agent: %s%sthe agent's first pass, or Windows "
                       "itself, needs %s to start",
                       host->at[at].name, itself ? "" : reach.by[at],
                       itself ? "" : " depends on it, and ", itself ? "it" : "that");
    }
    for (size_t i = 0; i < host->count; i++) {
        if (host->at[i].start <= AUTO_START && is_early(host, &host->at[i])) {
            follow(&reach, i);
        }
    }
    if (reach.by[at] != NULL || is_early(host, &host->at[at])) {
        const struct hm_guard_service *early =
            reach.by[at] != NULL ? hm_guard_find(host, reach.by[at]) : &host->at[at];

        return hm_fail(err, HM_ECONFLICT,
                       "%s would keep the boot waiting, and then start without the agent all the "
                       "same: Windows starts %s (load order group %s) before the agent",
                       host->at[at].name, early->name, early->group);
    }
    return HM_OK;
}

/* ---- after the guard failed ----------------------------------------------------------------- */

static bool needs_one_of(const struct hm_guard_host *host, const bool *in, size_t at)
{
    const struct hm_strings *needs = &host->at[at].needs;

    for (size_t i = 0; i < needs->count; i++) {
        const char *name = needs->at[i];

        for (size_t k = 0; k < host->count; k++) {
            if (in[k] &&
                hm_str_equal_nocase(name[0] == GROUP_MARK ? host->at[k].group : host->at[k].name,
                                    name[0] == GROUP_MARK ? name + 1 : name)) {
                return true;
            }
        }
    }
    return false;
}

enum hm_status hm_guard_dependents(const struct hm_guard_host *host,
                                   const struct hm_strings *services, struct hm_arena *arena,
                                   struct hm_strings *out_names, struct hm_err *err)
{
    const char **names = (const char **)hm_arena_alloc(arena, host->count + 1, sizeof(*names));
    bool *in = hm_arena_alloc(arena, host->count + 1, sizeof(*in));
    size_t count = 0;
    bool grew = true;

    if (names == NULL || in == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < services->count; i++) {
        in[find(host, services->at[i])] = true;
    }
    while (grew) {
        grew = false;
        for (size_t i = 0; i < host->count; i++) {
            if (!in[i] && needs_one_of(host, in, i)) {
                in[i] = true;
                grew = true;
            }
        }
    }
    for (size_t i = 0; i < host->count; i++) {
        if (in[i] && host->at[i].start == AUTO_START && (host->at[i].type & DRIVER_TYPES) == 0) {
            names[count++] = host->at[i].name;
        }
    }
    *out_names = (struct hm_strings){names, count};
    return HM_OK;
}

/* ---- commands that are printed -------------------------------------------------------------- */

/* For cmd.exe, which looks for % before quotes and does not know a quote that is escaped inside
 * others, and then for the program, which does: both stand outside of the quotes, behind a caret.
 * Sources: Microsoft Learn, "cmd", "Parsing C command-line arguments". */
const char *hm_guard_quote(const char *text, struct hm_arena *arena)
{
    const size_t room = strlen(text) * QUOTED_BYTES + sizeof("\"\"");
    char *out = hm_arena_alloc(arena, room, 1);
    size_t slashes = 0;
    size_t len = 0;

    if (out == NULL) {
        return NULL;
    }
    out[len++] = '"';
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"') {
            for (; slashes > 0; slashes--) {
                out[len++] = '\\'; /* those before a quote count twice */
            }
            memcpy(out + len, "\"\\^\"\"", 5);
            len += 5;
        } else if (*at == '%') {
            for (; slashes > 0; slashes--) {
                out[len++] = '\\';
            }
            memcpy(out + len, "\"^%\"", 4);
            len += 4;
        } else {
            out[len++] = *at;
        }
        slashes = *at == '\\' ? slashes + 1 : 0;
    }
    for (; slashes > 0; slashes--) {
        out[len++] = '\\';
    }
    out[len++] = '"';
    out[len] = '\0';
    return out;
}

const char *hm_guard_command(const char *service, const struct hm_strings *needs,
                             struct hm_arena *arena)
{
    const char *name = hm_guard_quote(service, arena);
    const char *list = needs->count == 0 ? "/" : "";

    for (size_t i = 0; list != NULL && i < needs->count; i++) {
        list = hm_arena_printf(arena, "%s%s%s", list, i == 0 ? "" : "/", needs->at[i]);
    }
    list = list == NULL ? NULL : hm_guard_quote(list, arena);
    return name == NULL || list == NULL
               ? NULL
               : hm_arena_printf(arena, "sc config %s depend= %s", name, list);
}
