/* server/metrics/metrics_list.h — every metric: one line each; name and help are that line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * X(id, name, kind, help). Prefix havenmaster_, base units, counters end in _total when written,
 * infos in _info. No series per host and none per port. */
#pragma once

#define HM_METRICS_LIST(X)                                                                         \
    X(BUILD, "build", "info", "Version of hm-collector.")                                          \
    X(HOSTS, "hosts", "gauge", "Hosts by verdict; a silent host counts as unknown.")               \
    X(SILENT, "silent_hosts", "gauge", "Hosts that no longer report.")                             \
    X(FINDINGS, "findings", "gauge", "Open findings by kind and severity.")                        \
    X(LIVE, "live_policies", "gauge", "Revisions of policies that are offered to hosts.")          \
    X(ENDS, "approval_ends_time_seconds", "gauge",                                                 \
      "When the first approval of a live policy ends, in seconds since 1970; 0 = there is none.")  \
    X(OFFERED, "host_policies", "gauge", "Policies that hosts were offered or have, by state.")    \
    X(COMPLIANCE, "compliance_hosts", "gauge",                                                     \
      "Hosts by where they stand with their policies; a silent host counts as unknown.")           \
    X(BACKLOG, "rollout_waiting_hosts", "gauge",                                                   \
      "Hosts that a change has still to be decided for.")                                          \
    X(PASSES, "rollout_passes", "counter", "Passes over the whole fleet.")                         \
    X(CHECKINS, "checkins", "counter", "Check-ins by result.")                                     \
    X(HELD, "held_requests", "gauge", "Requests of agents that wait for a change.")                \
    X(JOBS, "store_jobs", "counter", "Writes that were committed.")                                \
    X(BATCHES, "store_batches", "counter", "Transactions that committed them.")                    \
    X(WAITING, "store_queue_jobs", "gauge", "Writes that wait for the writer.")                    \
    X(WAITING_BYTES, "store_queue_bytes", "gauge", "Their size.")                                  \
    X(REQUESTS, "http_requests", "counter", "Answers by method, route and status class.")          \
    X(CONNECTIONS, "http_connections", "gauge", "Open connections.")                               \
    X(ACCEPTED, "http_connections_accepted", "counter", "Connections accepted.")                   \
    X(OVER, "http_connections_refused", "counter", "Connections closed at once: too many.")        \
    X(SLOW, "http_slow_clients", "counter", "Connections cut because the other end was too slow.") \
    X(IN_FLIGHT, "http_bodies_in_flight_bytes", "gauge", "Request bodies in memory.")              \
    X(SHED, "http_bodies_refused", "counter", "Requests answered 503: too many bodies in flight.") \
    X(CPU, "process_cpu_seconds", "counter", "CPU time of the process.")                           \
    X(MEMORY, "process_resident_memory_bytes", "gauge", "Resident memory.")                        \
    X(FDS, "process_open_fds", "gauge", "Open file descriptors.")                                  \
    X(START, "process_start_time_seconds", "gauge", "Start, in seconds since 1970.")
