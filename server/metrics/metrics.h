/* server/metrics/metrics.h — the collector's figures as OpenMetrics text.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Figures are asked of the parts when they are wanted; nothing is kept here. Threads: any. */
#pragma once

#include "server/app.h"
#include "server/http/http.h"

/* Appends the whole page with its "# EOF". Parts that are NULL in app are left out. */
enum hm_status hm_metrics_format(struct hm_app *app, const struct hm_route *routes,
                                 size_t route_count, struct hm_arena *arena, struct hm_buf *out,
                                 struct hm_err *err) HM_MUST_CHECK;
