/* common/judge/remedy_services.h — may a remedy stop this service, what stops with it, and in which
 * order everything starts again.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to the remedies. A service is stopped only when all that depends on it is known, by the
 * recorded dependencies of the host or because nothing of a plain Windows depends on it. Only
 * services that ran are stopped, and every one of them is started again. The service that carries
 * the session is an exception: steps pasted one by one would cut the person off, so one line stops
 * and starts it also where something may depend on it that is not recorded; the step says so. */
#pragma once

#include "common/judge/finding_kind.h"

#define HM_REMEDY_SERVICES_MAX                                                                     \
    32u /* that one remedy stops: more is a maintenance, not a remedy                              \
         */

enum hm_stop {
    HM_STOP_CAN,      /* it stops, and what depends on it is known */
    HM_STOP_LAST,     /* it stops, but the person who types loses the connection */
    HM_STOP_UNKNOWN,  /* what depends on it was not recorded */
    HM_STOP_CLUSTER,  /* a failover cluster watches it, or what stops with it: a stop behind the
                         cluster's back counts as a failure */
    HM_STOP_TOOL,     /* a product's own tool stops it, or what stops with it: "net stop" would end
                         or leave behind more than the service */
    HM_STOP_DISABLED, /* it, or what depends on it, runs and is disabled: it would not start again
                       */
    HM_STOP_NEVER,    /* Windows does not work without it, or does not stop it */
    HM_STOP_NONE,     /* no service, or one whose name is not plain */
};

/* Services in an order, each once. */
struct hm_service_list {
    const char *at[HM_REMEDY_SERVICES_MAX];
    size_t count;
    bool cut; /* there were more */
};

/* Recorded dependencies of one host, turned round. Made once. */
struct hm_service_graph;
enum hm_status hm_service_graph_init(const struct hm_facts *facts, struct hm_arena *arena,
                                     struct hm_service_graph **out_graph,
                                     struct hm_err *err) HM_MUST_CHECK;

/* May the name enter a command line of this system? */
bool hm_service_is_plain(const struct hm_facts *facts, const char *name);

/* The quotation mark that belongs around it on a command line of Windows; "" none. */
const char *hm_service_quote(const char *name);

enum hm_stop hm_service_may_stop(const struct hm_service_graph *graph, const char *name);

/* Appends what runs and depends on the services of the list, directly or not; false when that is
 * not recorded in full. */
bool hm_service_add_dependents(const struct hm_service_graph *graph, struct hm_service_list *list);

/* Is all recorded that stops with it? Only of HM_STOP_LAST it may be false. */
bool hm_service_knows_dependents(const struct hm_service_graph *graph, const char *name);

/* Does a stop of it end the connection of the person who types? */
bool hm_service_is_session(const struct hm_service_graph *graph, const char *name);

/* False only when it is known not to run. */
bool hm_service_may_run(const struct hm_service_graph *graph, const char *name);

/* Does it need the other one, directly or not? Then its start starts that, too. */
bool hm_service_depends_on(const struct hm_service_graph *graph, const char *name,
                           const char *other);

void hm_service_list_put(struct hm_service_list *list, const char *name);
void hm_service_list_join(struct hm_service_list *list, const struct hm_service_list *more);
bool hm_service_list_has(const struct hm_service_list *list, const char *name);

/* The order in which to stop: before each target what runs and depends on it. Backwards it is the
 * order in which to start. Of targets that do not depend on each other the first stops first.
 * Targets that do not run are left out. after_boot: what runs then is what starts by itself. */
void hm_service_order(const struct hm_service_graph *graph, const struct hm_service_list *targets,
                      bool after_boot, struct hm_service_list *out_order);

/* Appends to down what depends on its services, starts by itself and does not run: it is down only
 * because they are. Each after what it depends on. */
void hm_service_add_dependents_down(const struct hm_service_graph *graph,
                                    struct hm_service_list *down);
