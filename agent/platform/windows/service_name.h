/* agent/platform/windows/service_name.h — what the agent is called in services and event log.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define HM_SERVICE_NAME "HavenmasterAgent"
#define HM_SERVICE_WIDE_NAME L"HavenmasterAgent"
#define HM_EVENT_SOURCE L"Havenmaster"
