/* agent/platform/windows_services.h — services of a Windows host into its inventory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The live platform and the recorded one bring the rows, these rules make facts of them: the same
 * rows give the same facts, byte for byte. Pure. */
#pragma once

#include "agent/platform/notes.h"
#include "common/judge/judge.h"
#include "common/readers/service_rows.h"

/* Services of one log-on carry a new name each time, and their templates never run. */
bool hm_windows_is_user_service(uint32_t type);

/* Marks the rows that the failover cluster starts: those with a name of names. */
void hm_windows_mark_clustered(struct hm_service_rows *rows, const struct hm_strings *names);

/* Does the cluster service start or run here, so that it may start others? */
bool hm_windows_is_cluster_node(const struct hm_service_rows *rows);

/* The service manager's events name a service as people see it, in the language of the system: of
 * those that one row's display name matches alone, about becomes the name of the service; of those
 * that name a row's service themselves, too. */
void hm_windows_name_events(const struct hm_service_rows *rows, struct hm_event_counts *events);

/* Where the service manager was not asked: of rows that do not run, the error that their events,
 * named before, say they ended with becomes the exit code. */
void hm_windows_take_errors(struct hm_service_rows *rows, const struct hm_event_counts *events);

/* The installed services that neither run nor start by themselves: hm_observation.idle_services. */
enum hm_status hm_windows_idle_services(const struct hm_service_rows *rows, struct hm_arena *arena,
                                        struct hm_services *out_idle,
                                        struct hm_err *err) HM_MUST_CHECK;

/* Appends to services and service_details those that run, are being started or stopped, or start
 * by themselves; both lists are settled later. */
enum hm_status hm_windows_take_services(const struct hm_service_rows *rows, struct hm_arena *arena,
                                        struct hm_inventory *inventory,
                                        struct hm_err *err) HM_MUST_CHECK;
