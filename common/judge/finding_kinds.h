/* common/judge/finding_kinds.h — one line a kind; each is defined in finding_<kind>.c.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/judge/finding_kind.h"

extern const struct hm_finding_kind hm_finding_dns_pool_overlap;
extern const struct hm_finding_kind hm_finding_dynamic_range_moved;
extern const struct hm_finding_kind hm_finding_exclusions_shifted;
extern const struct hm_finding_kind hm_finding_exclusions_unsupported;
extern const struct hm_finding_kind hm_finding_exhaustion_events;
extern const struct hm_finding_kind hm_finding_family_gap;
extern const struct hm_finding_kind hm_finding_few_free_blocks;
extern const struct hm_finding_kind hm_finding_listing_refused;
extern const struct hm_finding_kind hm_finding_lost_at_boot;
extern const struct hm_finding_kind hm_finding_low_headroom;
extern const struct hm_finding_kind hm_finding_max_user_port_set;
extern const struct hm_finding_kind hm_finding_max_user_port_undocumented;
extern const struct hm_finding_kind hm_finding_own_port_at_risk;
extern const struct hm_finding_kind hm_finding_protocol_gap;
extern const struct hm_finding_kind hm_finding_range_contradicted;
extern const struct hm_finding_kind hm_finding_range_sources_differ;
extern const struct hm_finding_kind hm_finding_required_in_dynamic;
extern const struct hm_finding_kind hm_finding_required_in_runtime_exclusion;
extern const struct hm_finding_kind hm_finding_required_port_held;
extern const struct hm_finding_kind hm_finding_required_port_not_served;
extern const struct hm_finding_kind hm_finding_reservation_excluded;
extern const struct hm_finding_kind hm_finding_reserved_ports_ignored;
extern const struct hm_finding_kind hm_finding_reserved_ports_neighbours;
extern const struct hm_finding_kind hm_finding_reserver_excluded;
extern const struct hm_finding_kind hm_finding_service_not_running;
extern const struct hm_finding_kind hm_finding_unknown_listener_on_required_port;
extern const struct hm_finding_kind hm_finding_value_type_wrong;
