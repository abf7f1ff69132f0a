/* common/readers/compose_ports_text.h — published ports in a file of compose.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Not a reader of all YAML: lines, indents, lists of "ports:" in the short and the long form. What
 * is written in another way leaves a doubt. Source: the Compose Specification, "ports". */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define HM_COMPOSE_SERVICES_MAX 128u
#define HM_COMPOSE_PORTS_MAX 512u

struct hm_compose_port {
    const char *value; /* "[address:]outer:inner[/protocol]", as "docker run --publish" takes it */
    size_t service;    /* its place in the list */
};

struct hm_compose_service {
    struct hm_span name; /* borrowed from the text */
    bool has_profile;    /* started only when its profile is asked for */
    bool unknown;        /* not all of its ports are understood */
};

struct hm_compose {
    struct hm_compose_service *services;
    size_t services_count;
    struct hm_compose_port *ports;
    size_t ports_count;
    bool more; /* other files belong to it, or it was not read whole */
};

/* Any bytes are a text. Fails for want of memory only. */
enum hm_status hm_compose_ports_parse(struct hm_span text, struct hm_arena *arena,
                                      struct hm_compose *out_compose,
                                      struct hm_err *err) HM_MUST_CHECK;
