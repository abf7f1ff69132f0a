/* common/judge/verdict.c — the names of states, reasons and origins, and who has a port.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/verdict.h"

const char *const hm_verdict_state_names[4] = {"safe", "unknown", "exposed", "blocked"};

const char *const hm_verdict_reason_names[HM_REASON_COUNT] = {
    "excluded",      "outside_dynamic",   "own_reservation",   "in_dynamic",
    "held",          "runtime_exclusion", "reserver_excluded", "shared_excluded",
    "facts_missing", "unknown_listener",  "port_unknown",
};

const char *const hm_verdict_origin_names[2] = {"catalogue", "observed"};

const char *hm_verdict_after_boot_text(const struct hm_verdict *verdict)
{
    static const char *const texts[4] = {
        [HM_SAFE] = "safe after the next boot",
        [HM_UNKNOWN] = "unknown after the next boot",
        [HM_EXPOSED] = "exposed after the next boot",
        [HM_BLOCKED] = "blocked after the next boot",
    };

    return verdict->has_after_boot ? texts[verdict->after_boot] : "";
}

struct hm_holder hm_holder_of_socket(const struct hm_socket *socket)
{
    return (struct hm_holder){
        .program = socket->program,
        .service = socket->service,
        .pid = socket->pid,
        .state = socket->state,
        .port = socket->port,
        .remote = socket->remote,
        .connecting = socket->connecting,
        .hosted = socket->hosted,
        .address = socket->address,
    };
}

struct hm_holder hm_holder_of_listener(const struct hm_listener *listener)
{
    return (struct hm_holder){
        .program = listener->program,
        .service = listener->service,
        .state = HM_SOCKET_LISTEN,
        .port = listener->port,
        .remote = "",
        .hosted = listener->hosted,
        .address = listener->address,
    };
}
