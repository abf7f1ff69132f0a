/* tests/support/windows_services.h — a service as the service manager answers.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/readers/service_rows.h"

/* The row that a live Windows makes of the answers about this service, whose run state and
 * dependencies must be known. Everything lives in the arena; a failure ends the test. */
struct hm_service_row hm_test_service_row(const struct hm_service *service, struct hm_arena *arena);
