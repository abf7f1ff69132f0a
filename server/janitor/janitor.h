/* server/janitor/janitor.h — the thread for periodic work: silent hosts, last_seen, wake-ups.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/app.h"

#include "common/base/err.h"

struct hm_janitor;

/* Starts the thread; app->store, app->fleet and app->silent_after_s are used. */
enum hm_status hm_janitor_start(struct hm_app *app, struct hm_janitor **out_janitor,
                                struct hm_err *err) HM_MUST_CHECK;

/* Ends the thread and writes what is not flushed yet. After the HTTP server, before the fleet. */
void hm_janitor_stop(struct hm_janitor *janitor);
