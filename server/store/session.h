/* server/store/session.h — one connection and its prepared statements; private to the store.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Threads: one session, one thread at a time. */
#pragma once

#include "server/store/store.h"

#define HM_SESSION_STATEMENTS 256u /* power of two, well over the number of static statements */

struct hm_session_slot {
    const char *sql; /* key: the pointer */
    struct hm_stmt *stmt;
    bool busy; /* a row function asked for the same statement again */
};

struct hm_session {
    const struct hm_db_driver *driver;
    struct hm_db *db;
    size_t statements;
    struct hm_session_slot slots[HM_SESSION_STATEMENTS];
};

enum hm_status hm_session_open(const char *uri, struct hm_session **out_session,
                               struct hm_err *err) HM_MUST_CHECK;
void hm_session_close(struct hm_session *session);
