/* common/judge/default_urls.h — the URL reservations that a new Windows has.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to judging. They are there whether or not anybody serves them, and say nothing of a
 * program that is installed: each belongs to one service of Windows. Pure. */
#pragma once

#include "common/ports/inventory.h"

/* A reservation that every Windows, or a role of it, brings. */
struct hm_default_url {
    const char *url;     /* '*' as in file names */
    const char *service; /* that serves it; "" none, or nobody in particular */
};

/* The default that this row is; NULL when it is a reservation of somebody's own, or none. */
const struct hm_default_url *hm_default_url_find(const struct hm_configured *row);

/* May this service of the host be the one that the row is set up for? A default reservation is its
 * own service's alone. Any other one is its service's whose name the first part of its path
 * carries, or, where it carries none of services, that of any service that is no part of Windows.
 */
bool hm_default_url_may_serve(const struct hm_configured *row, const struct hm_service *service,
                              const struct hm_services *services);

/* Does the first part of the URL's path carry the name of the service, or one that its product is
 * known to reserve? "http://+:8099/acme/" and AcmeWcf; "/ReportServer/" and
 * SQLServerReportingServices. */
bool hm_url_names_service(const struct hm_configured *row, const char *service);

/* Does the URL have no path but "/"? Is it for HTTPS? Have two the same first part of a path? */
bool hm_url_is_bare(const struct hm_configured *row);
bool hm_url_is_https(const struct hm_configured *row);
bool hm_url_same_path(const struct hm_configured *a, const struct hm_configured *b);
