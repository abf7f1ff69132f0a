/* common/readers/hns_endpoints_text.h — endpoints of the Host Network Service as JSON: outer ports
 * of containers. SPDX-License-Identifier: Apache-2.0
 *
 * Of Linux, the same in other words: the bindings of Docker (hostconfig.json: {"PortBindings":
 * {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}}) and the port mappings of CNI plug-ins
 * (/var/lib/cni/results: {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}). Port 0 or ""
 * is any port, and no row. Several texts may follow one another.
 *
 * What "Get-HnsEndpoint | ConvertTo-Json" and HcnQueryEndpointProperties give. Wherever it stands,
 * an object with a number ExternalPort is a policy of an endpoint: {"Type": "NAT", "Protocol":
 * "TCP", "InternalPort": 80, "ExternalPort": 8080}, or, in HCN's form, the Settings of
 * {"Type": "PortMapping", "Settings": {"Protocol": 6, ...}}. One without a protocol counts for TCP
 * and UDP. {"EndpointsCut": true} is collect.cmd's mark that there were more than it takes.
 *
 * text is any bytes, len of them, borrowed for the call. Rows go into *make (HM_BY_PUBLISHED_PORT,
 * without an InternalPort HM_BY_HNS_ENDPOINT), each with its subject in make's arena; over
 * HM_LIMIT_CONFIGURED_READ rows make->cut is set. Threads: pure. */
#pragma once

#include "common/ports/configured.h"

/* HM_EINVAL with line and reason when the text is no JSON of objects or lists, is cut, or is deeper
 * than HM_LIMIT_JSON_DEPTH; HM_ENOMEM. On both *make has the rows above the damage. Sets
 * make->doubt at the mark. */
enum hm_status hm_hns_endpoints_parse(const char *text, size_t len, struct hm_configured_make *make,
                                      struct hm_err *err) HM_MUST_CHECK;
