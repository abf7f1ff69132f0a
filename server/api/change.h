/* server/api/change.h — a write asked for over HTTP: queued, held, answered after the commit.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The worker thread is free meanwhile. What the job needs lives in the change's own arena, since
 * the request may be gone (time-out, shutdown) before the writer is done. */
#pragma once

#include "server/http/http.h"
#include "server/store/store.h"

#define HM_CHANGE_WAIT_MS 30000

struct hm_change;

/* A change with room of size zeroed bytes for the caller's own data. NULL on no memory. */
struct hm_change *hm_change_new(size_t size);
void hm_change_free(struct hm_change *change); /* one that was never submitted */
void *hm_change_data(struct hm_change *change);
struct hm_arena *hm_change_arena(struct hm_change *change);

/* Before hm_change_submit, where they matter: failed is called with the data, on the writer
 * thread or at once, when the change was not stored; bytes is what it weighs in the queue. */
void hm_change_on_failure(struct hm_change *change, void (*failed)(void *data));
void hm_change_set_bytes(struct hm_change *change, size_t bytes);

/* Takes the change over. run gets the data as its arg, on the writer thread, with arena of the
 * change to use; committed (or NULL) is called with it after the commit, on the writer thread,
 * and must not block. Then answer is called on a worker with req->state = the data; a failed run
 * becomes the answer by itself. */
enum hm_status hm_change_submit(struct hm_change *change, struct hm_req *req,
                                struct hm_store *store, hm_session_fn *run,
                                void (*committed)(void *data), hm_handler *answer,
                                struct hm_err *err) HM_MUST_CHECK;
