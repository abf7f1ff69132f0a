/* common/readers/hns_endpoints_text.h — endpoints of the Host Network Service as JSON: outer ports
 * of containers. SPDX-License-Identifier: Apache-2.0
 *
 * What "Get-HnsEndpoint | ConvertTo-Json" and HcnQueryEndpointProperties give. Wherever it stands,
 * an object with a number ExternalPort is a policy of an endpoint: {"Type": "NAT", "Protocol":
 * "TCP", "InternalPort": 80, "ExternalPort": 8080}, or, in HCN's form, the Settings of
 * {"Type": "PortMapping", "Settings": {"Protocol": 6, ...}}. One without a protocol counts for TCP
 * and UDP. Threads: pure. */
#pragma once

#include "common/ports/configured.h"

/* HM_EINVAL with line and reason when the text is no JSON of objects or lists. */
enum hm_status hm_hns_endpoints_parse(const char *text, size_t len, struct hm_configured_make *make,
                                      struct hm_err *err) HM_MUST_CHECK;
