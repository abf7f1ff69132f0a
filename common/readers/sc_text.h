/* common/readers/sc_text.h — what "sc queryex" and "sc qc" print, in any language.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Labels are translated (SERVICE_NAME is NOMBRE_SERVICIO in Spanish), so they are not read: a line
 * that is not indented begins a service, indented ones are known by their place, and of a value
 * its number counts ("4  RUNNING"). */
#pragma once

#include "common/ports/sockets.h"
#include "common/readers/service_rows.h"

/* A service as "sc queryex type= service state= all" lists it. */
struct hm_sc_state {
    const char *name;
    const char *display; /* "" when only one service was asked for */
    uint32_t type;
    uint32_t state;     /* HM_SERVICE_STOPPED 1, start pending 2, … running 4, … paused 7 */
    uint32_t exit_code; /* Win32, or its own where sc says 1066: service-specific error */
    uint32_t pid;       /* 0 none, or of "sc query", which does not show it */
};

struct hm_sc_states {
    struct hm_sc_state *at; /* sorted by name without case, each once */
    size_t count;
    bool cut; /* sc had more to say than its buffer held, or the file ends too early */
};

/* HM_EINVAL with the line when it is no such listing. */
enum hm_status hm_sc_query_parse(const char *text, size_t len, struct hm_arena *arena,
                                 struct hm_sc_states *out_states, struct hm_err *err) HM_MUST_CHECK;

/* NULL when it is not listed; case folded. */
const struct hm_sc_state *hm_sc_states_find(const struct hm_sc_states *states, const char *name);

/* Fills the service of the sockets whose process holds one of the services, and hosted where it
 * holds several; those that have either keep it. */
enum hm_status hm_sc_states_name_sockets(const struct hm_sc_states *states,
                                         struct hm_sockets *sockets, struct hm_arena *arena,
                                         struct hm_err *err) HM_MUST_CHECK;

/* The outputs of "sc qc NAME", one after the other. It does not show triggers. */
enum hm_status hm_sc_config_parse(const char *text, size_t len, struct hm_arena *arena,
                                  struct hm_service_rows *out_rows,
                                  struct hm_err *err) HM_MUST_CHECK;
