/* tests/support/inventory_builder.h — a host made by hand: facts, catalogue, sockets; then judge
 * it. SPDX-License-Identifier: Apache-2.0
 *
 * Texts given are borrowed for the life of the builder. Whatever cannot work (a bad port list, no
 * room) ends the test at once. */
#pragma once

#include "common/judge/judge.h"

#define HM_BUILD_MAX 600

struct hm_build {
    struct hm_arena arena;
    struct hm_inventory inventory;
    struct hm_catalogue catalogue;
    struct hm_sockets sockets;
    bool has_sockets;
    struct hm_sample sample;
    bool has_sample;
    const struct hm_inventory *previous_boot;
    const struct hm_policy_marks *marks;
    struct hm_event_counts events;
    struct hm_port_hazards hazards; /* as an agent remembers; none */
    bool settings_unread;
    const char *reserved_behind;   /* as struct hm_judge_input has it */
    const char *range_behind;      /* likewise */
    struct hm_hidden_ports hidden; /* likewise */
    bool settings_mixed;           /* likewise */
    struct hm_judgement judgement; /* of the last hm_build_judge */
    struct hm_stack stacks[HM_STACK_COUNT];
    struct hm_listener listeners[HM_BUILD_MAX];
    const char *services[HM_BUILD_MAX];
    struct hm_service service_details[HM_BUILD_MAX];
    struct hm_port_entry port_entries[HM_BUILD_MAX];
    struct hm_configured configured_rows[HM_BUILD_MAX];
    const char *lines[HM_BUILD_MAX];
    struct hm_product products[HM_BUILD_MAX];
    struct hm_socket socket_rows[HM_BUILD_MAX];
    struct hm_sample_stack sample_rows[HM_STACK_COUNT];
    struct hm_event_count event_rows[8];
    struct hm_port_hazard hazard_rows[8];
};

/* A Windows of that version ("6.1.7601", "10.0.17763"), or Linux (NULL), with everything read:
 * default dynamic range, no exclusions, no listeners, no services, an empty registry; no sockets
 * and no sample. Legacy versions have IPv4 only. */
void hm_build_init(struct hm_build *build, const char *windows_version);
void hm_build_fini(struct hm_build *build);

struct hm_stack *hm_build_stack(struct hm_build *build, enum hm_protocol protocol,
                                enum hm_family family);
void hm_build_dynamic(struct hm_build *build, uint16_t first, uint16_t last); /* all stacks */
void hm_build_exclude(struct hm_build *build, enum hm_protocol protocol, enum hm_family family,
                      const char *ports);
void hm_build_runtime(struct hm_build *build, enum hm_protocol protocol, enum hm_family family,
                      const char *ports);
struct hm_ports hm_build_ports(struct hm_build *build, const char *ports);

void hm_build_service(struct hm_build *build, const char *name);
void hm_build_reserved(struct hm_build *build, const char *line);
void hm_build_listener(struct hm_build *build, enum hm_protocol protocol, enum hm_family family,
                       uint16_t port, const char *program, const char *service,
                       enum hm_listener_kind kind);
struct hm_socket *hm_build_socket(struct hm_build *build, enum hm_protocol protocol,
                                  enum hm_family family, enum hm_socket_state state, uint16_t port,
                                  const char *program, const char *service);
struct hm_sample_stack *hm_build_sample(struct hm_build *build, enum hm_protocol protocol,
                                        enum hm_family family, uint32_t usable, uint32_t in_use);

/* A product that is there when the service or the program is; NULL = not known by it. Both NULL:
 * always. Its requirements are added one by one. */
struct hm_product *hm_build_product(struct hm_build *build, const char *id, const char *service,
                                    const char *program);
struct hm_requirement *hm_build_require(struct hm_build *build, struct hm_product *product,
                                        const char *id, enum hm_protocol protocol,
                                        const char *ports, enum hm_listener_kind kind);

/* The product's set-up moves the range, as reported: its only effect. */
struct hm_effect *hm_build_effect(struct hm_build *build, struct hm_product *product,
                                  const char *title, const char *range);

/* Names with a '|' between them, for struct hm_detect and struct hm_companions. */
struct hm_strings hm_build_names(struct hm_build *build, const char *names);

/* What is known of a service beyond its name. */
struct hm_service *hm_build_service_runs(struct hm_build *build, const char *name, bool runs);

/* An entry of the port book, of both families. */
struct hm_port_entry *hm_build_remember(struct hm_build *build, enum hm_protocol protocol,
                                        uint16_t port, const char *program, const char *service,
                                        enum hm_listener_kind kind, uint32_t boots);

/* A port that HTTP.sys or a container is set up to serve; the list is known from then on. */
void hm_build_configured(struct hm_build *build, enum hm_protocol protocol, uint16_t port,
                         enum hm_listener_kind kind, enum hm_configured_by by, const char *subject);

/* Likewise, a setting of one of several services. */
void hm_build_set_up(struct hm_build *build, uint16_t tcp_port, enum hm_configured_by by,
                     const char *service);

/* An event of the system's logs, seen twice since the boot. */
void hm_build_event(struct hm_build *build, const char *provider, uint32_t id, const char *about);

/* As an agent remembers; how is kept by reference. */
void hm_build_hazard(struct hm_build *build, enum hm_protocol protocol, uint16_t port,
                     enum hm_listener_kind kind, const char *how, bool lasts);

/* Judges; the judgement is borrowed from the builder. */
const struct hm_judgement *hm_build_judge(struct hm_build *build);

/* NULL when there is none. subject NULL = any. */
const struct hm_verdict *hm_build_verdict(const struct hm_build *build, const char *product,
                                          const char *requirement);
const struct hm_finding *hm_build_finding(const struct hm_build *build, const char *kind,
                                          const char *subject);
size_t hm_build_count_kind(const struct hm_build *build, const char *kind);

/* The place of the command in the finding, or -1. */
int hm_build_command(const struct hm_finding *finding, const char *command);
const char *hm_build_evidence(const struct hm_finding *finding, const char *name);
