/* agent/platform/service.h — the agent as a service of the system, and its event log.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Implemented in linux/ and windows/, chosen at link time. Linux: HM_EUNSUPPORTED with what to do
 * instead; systemd needs no help of ours. */
#pragma once

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/ports/inventory.h"

/* As the system's tools show it. */
extern const char hm_service_name[]; /* "HavenmasterAgent"; "" where there are no services */

/* Registers this very program as a service that runs "service run" at boot, before the services
 * that it protects; brings an existing one up to date; registers the event source. It is not
 * started here. config: of the "--config" option, NULL the standard one. out_warnings: settings
 * that this system does not take, a sentence each; the service works without them. */
enum hm_status hm_service_install(const char *config, struct hm_arena *arena,
                                  struct hm_strings *out_warnings,
                                  struct hm_err *err) HM_MUST_CHECK;

/* Stops it and waits until no process of this program is left but this one: only then can the
 * program be replaced. HM_OK also when it does not run, or when there is no such service. */
enum hm_status hm_service_stop(struct hm_err *err) HM_MUST_CHECK;

/* Stops it, waits for its end, and removes it with its event source. HM_OK also when there was
 * none. */
enum hm_status hm_service_remove(struct hm_err *err) HM_MUST_CHECK;

/* Called by the program that the system starts: runs body in the service's thread and answers
 * when it is over. body is asked to end through hm_os_stop_request; the service counts as started
 * once body calls hm_service_started, and its answer is the service's exit status.
 * HM_EUNSUPPORTED when a person started it. */
enum hm_status hm_service_run(int (*body)(void *app), void *app, int *out_status,
                              struct hm_err *err) HM_MUST_CHECK;
void hm_service_started(void);

/* Writes one entry of the event log, where there is one; what cannot be written is lost. */
void hm_event_log_write(uint16_t id, enum hm_log_level level, const char *text);
