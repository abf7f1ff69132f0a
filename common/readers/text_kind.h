/* common/readers/text_kind.h — what a text is that its reader refuses: perhaps another file's.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For people who copy files by hand: "netstat.txt holds a list of processes" helps, "line 1: no
 * row" does not. Threads: pure. */
#pragma once

#include "common/base/str.h"

enum hm_text_kind {
    HM_TEXT_UNKNOWN,
    HM_TEXT_JSON,
    HM_TEXT_REGISTRY,
    HM_TEXT_DYNAMIC,        /* netsh interface ... show dynamicport */
    HM_TEXT_EXCLUDED,       /* netsh interface ... show excludedportrange */
    HM_TEXT_NETSTAT,        /* of Windows */
    HM_TEXT_TASKLIST,       /* tasklist /svc /fo csv */
    HM_TEXT_TASKLIST_OTHER, /* tasklist in another format, or with other columns */
    HM_TEXT_SYSCTL,
    HM_TEXT_SYSCTL_VALUE, /* without its name */
    HM_TEXT_DENIED,       /* no listing: what a tool says to a user who may not */
    HM_TEXT_POWERSHELL,   /* properties of an object, as "Name : value" */
};
#define HM_TEXT_KIND_COUNT 12

/* For people: "a list of sockets (netstat)". */
extern const char *const hm_text_kind_names[HM_TEXT_KIND_COUNT];

/* text is decoded. Certain or HM_TEXT_UNKNOWN: the kind's reader takes the whole of it. */
enum hm_text_kind hm_text_kind(struct hm_span text);
