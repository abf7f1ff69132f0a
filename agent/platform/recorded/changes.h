/* agent/platform/recorded/changes.h — what was changed on a recorded host: an overlay beside its
 * files, and how its stack behaves; private to this folder and its tests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The files that describe the host are never written. changes.json, in the same folder, holds what
 * differs from them; it goes away when nothing does. A whole value (a list, a registry value, a
 * range) remembers what it was written over: once the file says something else, somebody changed
 * the host after us and the file is right. Deleting changes.json undoes everything at once.
 * model.json, optional and never written, makes the stack behave as some systems do. */
#pragma once

#include "common/plan/plan.h"

#define HM_RECORDED_CHANGES_FILE "changes.json"
#define HM_RECORDED_MODEL_FILE "model.json"

/* An exclusion, or a dynamic range. */
struct hm_recorded_row {
    enum hm_protocol protocol;
    enum hm_family family;
    struct hm_range range;
    struct hm_range over; /* dynamic ranges: what the file said */
};

struct hm_recorded_rows {
    struct hm_recorded_row *at;
    size_t count;
};

struct hm_recorded_list {
    struct hm_ports ports;
    struct hm_ports over;
};

/* The values of Tcpip\Parameters that are written. */
struct hm_recorded_values {
    bool has_reserved_ports;
    struct hm_strings reserved_ports;
    bool has_max_user_port;
    uint32_t max_user_port;
    bool has_tcp_timed_wait_delay_s;
    uint32_t tcp_timed_wait_delay_s;
};

/* 2000, XP and 2003: the value is there at once, and the stack looks at it when it starts. */
struct hm_recorded_registry {
    struct hm_recorded_values values;
    struct hm_recorded_values over;
    struct hm_recorded_values in_force; /* in the boot of boot_id; values in any later one */
    const char *boot_id;
};

struct hm_recorded_changes {
    struct hm_recorded_rows added;   /* administered exclusions */
    struct hm_recorded_rows removed; /* those of the files that were deleted */
    struct hm_recorded_rows ranges;
    bool has_reserved;
    struct hm_recorded_list reserved; /* Linux */
    bool has_registry;
    struct hm_recorded_registry registry;
    uint32_t faults_taken;
};

/* One scripted answer, in place of the model's. Each is taken once, in their order, by the first
 * action that it is about. */
struct hm_recorded_fault {
    enum hm_action_kind action;
    bool has_protocol;
    enum hm_protocol protocol;
    bool has_family;
    enum hm_family family;
    enum hm_status answer; /* "ok": the system says so */
    bool done;             /* it is carried out all the same */
};

struct hm_recorded_faults {
    struct hm_recorded_fault *at;
    size_t count;
};

struct hm_recorded_model {
    bool families_shared; /* one exclusion, one range is that of both families (2.7) */
    struct hm_recorded_faults faults;
};

struct hm_recorded;

/* Reads both files into recorded; neither is a fact of its own. */
enum hm_status hm_recorded_read_changes(struct hm_recorded *recorded,
                                        struct hm_err *err) HM_MUST_CHECK;
/* Puts changes.json in place, or takes it away when it says nothing. HM_EDENIED when the folder
 * cannot be written. */
enum hm_status hm_recorded_write_changes(const struct hm_recorded *recorded,
                                         struct hm_err *err) HM_MUST_CHECK;

/* Lays the changes over the registry, and over the stacks; what the files said goes to
 * recorded->filed. */
void hm_recorded_apply_registry(struct hm_recorded *recorded);
enum hm_status hm_recorded_apply_stacks(struct hm_recorded *recorded,
                                        struct hm_err *err) HM_MUST_CHECK;
bool hm_recorded_same_values(const struct hm_recorded_values *a,
                             const struct hm_recorded_values *b);
/* The registry with these values. */
void hm_recorded_put_values(const struct hm_recorded_values *values, struct hm_registry *registry);

/* model.c — change of platform.h: carries out one action on recorded->changes and writes them, or
 * refuses as the system would. */
enum hm_status hm_recorded_act(struct hm_recorded *recorded, const struct hm_action *action,
                               struct hm_err *err) HM_MUST_CHECK;

/* ephemeral.c — try_ephemeral of platform.h, from the facts. */
enum hm_status hm_recorded_try_ephemeral(const struct hm_recorded *recorded, const char **out_why,
                                         struct hm_err *err) HM_MUST_CHECK;
