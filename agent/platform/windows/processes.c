/* agent/platform/windows/processes.c — every process by id, with what lives in it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A snapshot names every process, also those that may not be opened. */
#include "agent/platform/windows/windows.h"

#include <stdlib.h>
#include <tlhelp32.h>

#include "common/base/limits.h"
#include "common/os/windows_text.h"

static int compare(const void *a, const void *b)
{
    const uint32_t x = ((const struct hm_windows_process *)a)->pid;
    const uint32_t y = ((const struct hm_windows_process *)b)->pid;

    return x < y ? -1 : x > y;
}

static enum hm_status take(HANDLE snapshot, struct hm_arena *arena,
                           struct hm_windows_processes *out, struct hm_err *err)
{
    struct hm_windows_processes processes = {NULL, 0};
    PROCESSENTRY32W entry = {.dwSize = sizeof(entry)};
    size_t room = 0;

    for (BOOL more = Process32FirstW(snapshot, &entry); more;
         more = Process32NextW(snapshot, &entry)) {
        void *items = processes.at;
        struct hm_windows_process process = {.pid = (uint32_t)entry.th32ProcessID, .service = ""};

        process.program = hm_windows_utf8(arena, entry.szExeFile);
        if (processes.count >= HM_LIMIT_TASKS) {
            return hm_fail(err, HM_ETOOBIG, "more than %u processes", HM_LIMIT_TASKS);
        }
        if (process.program == NULL ||
            hm_arena_grow(arena, &items, processes.count, &room, sizeof(*processes.at)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory for the list of processes");
        }
        processes.at = items;
        processes.at[processes.count++] = process;
    }
    if (processes.count > 1) {
        qsort(processes.at, processes.count, sizeof(*processes.at), compare);
    }
    *out = processes;
    return HM_OK;
}

static struct hm_windows_process *find(const struct hm_windows_processes *processes, uint32_t pid)
{
    const struct hm_windows_process key = {.pid = pid};

    return processes->count == 0
               ? NULL
               : bsearch(&key, processes->at, processes->count, sizeof(*processes->at), compare);
}

const struct hm_windows_process *
hm_windows_find_process(const struct hm_windows_processes *processes, uint32_t pid)
{
    return find(processes, pid);
}

/* Counts first, so that each list gets the room that it needs. */
static enum hm_status place_services(const struct hm_windows_services *services,
                                     const struct hm_windows_processes *processes,
                                     struct hm_arena *arena, struct hm_err *err)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < services->count; i++) {
            const uint32_t pid = services->at[i].pid;
            struct hm_windows_process *process = pid == 0 ? NULL : find(processes, pid);

            if (process == NULL) {
                continue;
            }
            if (pass == 1) {
                process->services.at[process->services.count] = services->at[i].name;
            }
            process->services.count++;
            process->service = process->services.count == 1 ? services->at[i].name : "";
        }
        for (size_t i = 0; pass == 0 && i < processes->count; i++) {
            struct hm_strings *places = &processes->at[i].services;

            places->at = hm_arena_alloc(arena, places->count, sizeof(*places->at));
            if (places->at == NULL) {
                return hm_fail(err, HM_ENOMEM, "no memory for the services of processes");
            }
            places->count = 0;
        }
    }
    return HM_OK;
}

enum hm_status hm_windows_processes(const struct hm_windows_services *services,
                                    struct hm_arena *arena,
                                    struct hm_windows_processes *out_processes, struct hm_err *err)
{
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    enum hm_status st;

    if (snapshot == INVALID_HANDLE_VALUE) {
        return hm_windows_fail(err, "processes cannot be listed", GetLastError());
    }
    st = take(snapshot, arena, out_processes, err);
    (void)CloseHandle(snapshot);
    return st == HM_OK ? place_services(services, out_processes, arena, err) : st;
}
