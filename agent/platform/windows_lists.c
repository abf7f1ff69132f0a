/* agent/platform/windows_lists.c — which lists of a Windows host are due to be read again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows_lists.h"

#include <string.h>

#include "common/base/str.h"

#define SYSTEM_PID 4

static const int64_t marks_ms[] = {60000, 180000, 600000};

static const char *const key_services[] = {"W3SVC",     "WAS",   "winnat", "hns",
                                           "vmcompute", "WinRM", "docker"};

static bool has_passed_mark(const struct hm_lists_memo *memo, int64_t now_ms)
{
    bool passed = false;

    for (size_t i = 0; i < HM_COUNT(marks_ms); i++) {
        passed = passed || (memo->blocks_ms < marks_ms[i] && marks_ms[i] <= now_ms);
    }
    return passed;
}

unsigned hm_lists_due(const struct hm_lists_memo *memo, const struct hm_lists_now *now)
{
    const bool has_blocks = (memo->known & HM_LISTS_BLOCKS) == HM_LISTS_BLOCKS;
    unsigned due = (HM_LISTS_ALL & ~memo->known) | now->changed;

    if (memo->whole_ms != 0 && now->now_ms - memo->whole_ms >= HM_LISTS_PACE_MS) {
        due = HM_LISTS_ALL;
    }
    if (now->now_ms - memo->refused_ms >= memo->pause_ms) {
        due |= memo->refused;
    }
    due |= memo->absent & ~now->absent; /* the family is there now */
    if (has_blocks && (memo->signature != now->signature || has_passed_mark(memo, now->now_ms))) {
        due |= HM_LISTS_BLOCKS;
    }
    if (memo->http != HM_LISTS_HTTP_READ &&
        now->now_ms - memo->http_ms >=
            (memo->http == HM_LISTS_HTTP_HANGS ? HM_LISTS_HTTP_HANGS_MS : HM_LISTS_HTTP_RETRY_MS)) {
        due |= HM_LIST_HTTPSYS;
    }
    return now->asks_wmi ? due : due & ~HM_LIST_WMI;
}

void hm_lists_note_refused(struct hm_lists_memo *memo, unsigned asked, unsigned refused,
                           unsigned absent, int64_t began_ms, int64_t now_ms)
{
    const bool is_new = (refused & asked & ~memo->refused) != 0;
    const int64_t took_ms = now_ms - began_ms;
    int64_t pause_ms = is_new ? 0 : memo->pause_ms * 2;
    int64_t most_ms;

    memo->refused = refused;
    memo->absent = refused & ((asked & absent) | (memo->absent & ~asked));
    if (refused == 0) {
        memo->pause_ms = 0;
        return;
    }
    if ((asked & refused) == 0) {
        return;
    }
    pause_ms = pause_ms < HM_LISTS_RETRY_FIRST_MS ? HM_LISTS_RETRY_FIRST_MS : pause_ms;
    pause_ms = pause_ms < took_ms ? took_ms : pause_ms;
    most_ms = memo->absent == refused ? HM_LISTS_ABSENT_MOST_MS : HM_LISTS_RETRY_MOST_MS;
    memo->pause_ms = pause_ms < most_ms ? pause_ms : most_ms;
    memo->refused_ms = now_ms;
}

int64_t hm_lists_again_ms(const struct hm_lists_memo *memo, int64_t now_ms)
{
    const int64_t left_ms = memo->refused_ms + memo->pause_ms - now_ms;

    if (memo->refused == 0) {
        return 0;
    }
    return left_ms < 1 ? 1 : left_ms;
}

uint64_t hm_lists_signature(const struct hm_services *services, const struct hm_sockets *sockets)
{
    uint64_t ports = 0; /* a sum: the order of the table does not count */
    uint64_t hash = HM_HASH_START;

    for (size_t i = 0; i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];
        const unsigned row[] = {(unsigned)socket->family, socket->port};

        if (socket->protocol == HM_TCP && socket->state == HM_SOCKET_LISTEN &&
            socket->pid == SYSTEM_PID) {
            ports += hm_str_hash(HM_HASH_START, row, sizeof(row));
        }
    }
    hash = hm_str_hash(hash, &ports, sizeof(ports));
    for (size_t i = 0; i < HM_COUNT(key_services); i++) {
        unsigned run = 0;

        for (size_t k = 0; k < services->count; k++) {
            const struct hm_service *service = &services->at[k];

            if (hm_str_equal_nocase(service->name, key_services[i])) {
                run = service->has_runs ? 1u + service->runs : 0;
            }
        }
        hash = hm_str_hash(hash, &run, sizeof(run));
    }
    return hash;
}
