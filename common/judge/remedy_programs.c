/* common/judge/remedy_programs.c — programs and connections that give up a port without a restart
 * of the host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_scope.h"

#include "common/base/str.h"

/* Does Windows end with the program, or several services of it? */
static bool is_of_system(const char *program)
{
    static const char *const programs[] = {
        "lsass.exe",    "lsaiso.exe",  "services.exe", "svchost.exe",     "wininit.exe",
        "winlogon.exe", "csrss.exe",   "smss.exe",     "System",          "Registry",
        "clussvc.exe",  "rhs.exe",     "vmms.exe",     "vmwp.exe",        "vmcompute.exe",
        "dockerd.exe",  "spoolsv.exe", "msdtc.exe",    "fontdrvhost.exe", "dwm.exe",
    };

    for (size_t i = 0; i < HM_COUNT(programs); i++) {
        if (hm_str_equal_nocase(program, programs[i])) {
            return true;
        }
    }
    return program[0] == '\0';
}

/* Does the kernel use the port for a connection to a share? */
static bool is_share(const struct hm_blocker *blocker)
{
    return hm_str_equal_nocase(blocker->program, "System") &&
           (hm_str_glob_nocase("*:445", blocker->remote) ||
            hm_str_glob_nocase("*:139", blocker->remote));
}

/* Of System only connections to shares have the ports: a step that says how they end. */
static bool end_shares(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    struct hm_service_list remotes = {.count = 0};

    for (size_t i = 0; i < scope->blockers.count; i++) {
        const struct hm_blocker *one = &scope->blockers.at[i];

        if (one->block != HM_BLOCK_BOOT) {
            continue;
        }
        if (!is_share(one)) {
            return false;
        }
        hm_service_list_put(&remotes, one->remote);
    }
    if (remotes.count == 0) {
        return false;
    }
    (void)hm_remedy_step(
        scope->list, finding, HM_STEP_DECIDE,
        hm_finding_print(
            scope->list,
            "The port is that of a connection of this host to shares of %s. It ends "
            "when nothing here uses them any more: \"net use\" lists "
            "those of a user, Get-SmbConnection all (since 2012). Then go on below: the restart "
            "is the last resort.",
            hm_remedy_list_services(scope->list, &remotes)));
    return true;
}

/* Programs without a service have a port: they end, or give it up, without a restart. Answers
 * whether there is one. */
static bool end_named(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    struct hm_service_list names = {.count = 0};
    bool worker = false;

    for (size_t i = 0; i < scope->blockers.count; i++) {
        const struct hm_blocker *one = &scope->blockers.at[i];

        if (one->block != HM_BLOCK_BOOT) {
            continue;
        }
        if (one->service[0] != '\0' || one->pid <= 4 || is_of_system(one->program)) {
            return false; /* a service that may not stop, or the kernel: only a restart is left */
        }
        worker = worker || hm_str_equal_nocase(one->program, "w3wp.exe");
        hm_service_list_put(
            &names, hm_finding_print(scope->list, "%s (pid %u)", one->name, (unsigned)one->pid));
    }
    if (names.count == 0) {
        return false;
    }
    (void)hm_remedy_step(
        scope->list, finding, HM_STEP_DECIDE,
        hm_finding_print(scope->list,
                         "End %s, or the connection that has the port%s. Then go on below: the "
                         "restart is the last resort.",
                         hm_remedy_list_services(scope->list, &names),
                         worker ? ": of w3wp.exe recycle the application pool in IIS Manager"
                                : ""));
    return true;
}

bool hm_remedy_end_programs(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    return end_shares(scope, finding) || end_named(scope, finding);
}
