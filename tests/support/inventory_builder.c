/* tests/support/inventory_builder.c — a host made by hand: facts, catalogue, sockets; then judge
 * it. SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/inventory_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (64u * 1024u * 1024u)

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "inventory builder: %s\n", what);
        abort();
    }
}

void hm_build_init(struct hm_build *build, const char *windows_version)
{
    memset(build, 0, sizeof(*build));
    hm_arena_init(&build->arena, ARENA_BYTES);
    build->inventory = (struct hm_inventory){
        .os = {.family = windows_version == NULL ? HM_OS_LINUX : HM_OS_WINDOWS,
               .name = windows_version == NULL ? "Debian 12" : "Windows Server",
               .version = windows_version == NULL ? "6.1.0-21-amd64" : windows_version,
               .arch = "x86_64",
               .locale = "en-US"},
        .stacks = {build->stacks,                                                0                                                    },
        .has_registry = windows_version != NULL,
        .has_listeners = true,
        .listeners = {build->listeners,                                                   0      },
        .has_services = true,
        .services = {build->services,                                                0},
    };
    build->inventory.registry.reserved_ports.at = build->lines;
    build->catalogue.at = build->products;
    build->sockets.at = build->socket_rows;
    build->sample.stacks.at = build->sample_rows;
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        struct hm_stack *stack = &build->stacks[build->inventory.stacks.count];

        if (i % 2 == 1 && hm_os_is_legacy(&build->inventory.os)) {
            continue;
        }
        stack->protocol = i < 2 ? HM_TCP : HM_UDP;
        stack->family = i % 2 == 0 ? HM_IPV4 : HM_IPV6;
        stack->has_dynamic = hm_os_default_dynamic(&build->inventory.os, &stack->dynamic);
        stack->has_administered = true;
        stack->has_runtime = true;
        build->inventory.stacks.count++;
    }
}

void hm_build_fini(struct hm_build *build)
{
    hm_arena_fini(&build->arena);
}

struct hm_stack *hm_build_stack(struct hm_build *build, enum hm_protocol protocol,
                                enum hm_family family)
{
    for (size_t i = 0; i < build->inventory.stacks.count; i++) {
        if (build->stacks[i].protocol == protocol && build->stacks[i].family == family) {
            return &build->stacks[i];
        }
    }
    must(false, "no such stack");
    return NULL;
}

void hm_build_dynamic(struct hm_build *build, uint16_t first, uint16_t last)
{
    for (size_t i = 0; i < build->inventory.stacks.count; i++) {
        build->stacks[i].has_dynamic = true;
        build->stacks[i].dynamic = (struct hm_range){first, last};
    }
}

struct hm_ports hm_build_ports(struct hm_build *build, const char *ports)
{
    struct hm_ports out;

    must(hm_ports_parse_kept(ports, strlen(ports), &build->arena, &out, NULL) == HM_OK,
         "bad port list");
    return out;
}

void hm_build_exclude(struct hm_build *build, enum hm_protocol protocol, enum hm_family family,
                      const char *ports)
{
    hm_build_stack(build, protocol, family)->administered = hm_build_ports(build, ports);
}

void hm_build_runtime(struct hm_build *build, enum hm_protocol protocol, enum hm_family family,
                      const char *ports)
{
    hm_build_stack(build, protocol, family)->runtime = hm_build_ports(build, ports);
}

void hm_build_service(struct hm_build *build, const char *name)
{
    must(build->inventory.services.count < HM_BUILD_MAX, "too many services");
    build->services[build->inventory.services.count++] = name;
}

void hm_build_reserved(struct hm_build *build, const char *line)
{
    struct hm_registry *registry = &build->inventory.registry;

    must(registry->reserved_ports.count < HM_BUILD_MAX, "too many lines");
    registry->has_reserved_ports = true;
    build->lines[registry->reserved_ports.count++] = line;
}

void hm_build_listener(struct hm_build *build, enum hm_protocol protocol, enum hm_family family,
                       uint16_t port, const char *program, const char *service,
                       enum hm_listener_kind kind)
{
    must(build->inventory.listeners.count < HM_BUILD_MAX, "too many listeners");
    build->listeners[build->inventory.listeners.count++] = (struct hm_listener){
        .protocol = protocol,
        .family = family,
        .address = family == HM_IPV4 ? "0.0.0.0" : "::",
        .port = port,
        .program = program,
        .service = service,
        .kind = kind,
    };
}

struct hm_socket *hm_build_socket(struct hm_build *build, enum hm_protocol protocol,
                                  enum hm_family family, enum hm_socket_state state, uint16_t port,
                                  const char *program, const char *service)
{
    struct hm_socket *row = &build->socket_rows[build->sockets.count];

    must(build->sockets.count < HM_BUILD_MAX, "too many sockets");
    build->sockets.count++;
    build->has_sockets = true;
    *row = (struct hm_socket){
        .protocol = protocol,
        .family = family,
        .state = state,
        .address = family == HM_IPV4 ? "0.0.0.0" : "::",
        .port = port,
        .remote = "",
        .program = program,
        .service = service,
    };
    return row;
}

struct hm_sample_stack *hm_build_sample(struct hm_build *build, enum hm_protocol protocol,
                                        enum hm_family family, uint32_t usable, uint32_t in_use)
{
    struct hm_sample_stack *row = &build->sample_rows[build->sample.stacks.count];

    must(build->sample.stacks.count < HM_STACK_COUNT, "too many sample rows");
    build->sample.stacks.count++;
    build->has_sample = true;
    *row = (struct hm_sample_stack){
        .protocol = protocol,
        .family = family,
        .usable = usable,
        .in_use = in_use,
        .free_blocks = 100,
    };
    return row;
}

static struct hm_strings one(struct hm_build *build, const char *text)
{
    struct hm_strings out = {NULL, 0};

    if (text != NULL) {
        out.at = hm_arena_alloc(&build->arena, 1, sizeof(*out.at));
        must(out.at != NULL, "no memory");
        out.at[0] = text;
        out.count = 1;
    }
    return out;
}

struct hm_strings hm_build_names(struct hm_build *build, const char *names)
{
    struct hm_strings out = {hm_arena_alloc(&build->arena, strlen(names) + 1, sizeof(*out.at)), 0};

    must(out.at != NULL, "no memory");
    while (names[0] != '\0') {
        size_t len = strcspn(names, "|");

        out.at[out.count] = hm_arena_strndup(&build->arena, names, len);
        must(out.at[out.count++] != NULL, "no memory");
        names += names[len] == '|' ? len + 1 : len;
    }
    return out;
}

struct hm_service *hm_build_service_runs(struct hm_build *build, const char *name, bool runs)
{
    struct hm_services *list = &build->inventory.service_details;
    struct hm_service *row = &build->service_details[list->count];

    must(list->count < HM_BUILD_MAX, "too many services");
    hm_build_service(build, name);
    build->inventory.has_service_details = true;
    list->at = build->service_details;
    list->count++;
    *row = (struct hm_service){.name = name, .program = "", .has_runs = true, .runs = runs};
    return row;
}

struct hm_port_entry *hm_build_remember(struct hm_build *build, enum hm_protocol protocol,
                                        uint16_t port, const char *program, const char *service,
                                        enum hm_listener_kind kind, uint32_t boots)
{
    struct hm_port_book *book = &build->inventory.port_book;
    struct hm_port_entry *row = &build->port_entries[book->count];

    must(book->count < HM_BUILD_MAX, "too many entries of the port book");
    build->inventory.has_port_book = true;
    book->at = build->port_entries;
    book->count++;
    *row = (struct hm_port_entry){.protocol = protocol,
                                  .port = port,
                                  .program = program,
                                  .service = service,
                                  .kind = kind,
                                  .boots = boots};
    return row;
}

void hm_build_configured(struct hm_build *build, enum hm_protocol protocol, uint16_t port,
                         enum hm_listener_kind kind, enum hm_configured_by by, const char *subject)
{
    struct hm_configured_list *list = &build->inventory.configured;

    must(list->count < HM_BUILD_MAX, "too many ports that are set up");
    build->inventory.has_configured = true;
    list->at = build->configured_rows;
    list->at[list->count++] = (struct hm_configured){
        .protocol = protocol, .port = port, .kind = kind, .by = by, .subject = subject};
}

void hm_build_set_up(struct hm_build *build, uint16_t tcp_port, enum hm_configured_by by,
                     const char *service)
{
    struct hm_configured_list *list = &build->inventory.configured;

    hm_build_configured(build, HM_TCP, tcp_port, HM_KIND_SOCKET, by, "a value");
    list->at[list->count - 1].service = service;
}

struct hm_product *hm_build_product(struct hm_build *build, const char *id, const char *service,
                                    const char *program)
{
    struct hm_product *product = &build->products[build->catalogue.count];

    must(build->catalogue.count < HM_BUILD_MAX, "too many products");
    build->catalogue.count++;
    *product = (struct hm_product){
        .id = id,
        .title = id,
        .vendor = "",
        .detect = {one(build, service), one(build, program), service == NULL && program == NULL},
        .note = "",
    };
    return product;
}

struct hm_requirement *hm_build_require(struct hm_build *build, struct hm_product *product,
                                        const char *id, enum hm_protocol protocol,
                                        const char *ports, enum hm_listener_kind kind)
{
    struct hm_requirements *list = &product->requirements;
    struct hm_requirement *more = hm_arena_alloc(&build->arena, list->count + 1, sizeof(*more));

    must(more != NULL, "no memory");
    if (list->count > 0) {
        memcpy(more, list->at, list->count * sizeof(*more));
    }
    list->at = more;
    more += list->count++;
    *more = (struct hm_requirement){
        .id = id,
        .title = id,
        .protocol = protocol,
        .ports = hm_build_ports(build, ports),
        .kind = kind,
        .source = "test",
    };
    return more;
}

struct hm_effect *hm_build_effect(struct hm_build *build, struct hm_product *product,
                                  const char *title, const char *range)
{
    struct hm_effect *effect = hm_arena_alloc(&build->arena, 1, sizeof(*effect));

    must(effect != NULL, "no memory");
    *effect = (struct hm_effect){
        .id = "range",
        .title = title,
        .what = HM_RANGE_MOVED,
        .protocol = HM_TCP,
        .ports = hm_build_ports(build, range),
        .version_min = "",
        .version_max = "",
        .source = "KB1",
        .url = "https://example.org/kb1",
        .seen = "",
        .confidence = HM_CONF_REPORTED,
        .note = "",
    };
    product->effects = (struct hm_effects){effect, 1};
    return effect;
}

void hm_build_event(struct hm_build *build, const char *provider, uint32_t id, const char *about)
{
    must(build->events.count < HM_COUNT(build->event_rows), "too many events");
    build->events.at = build->event_rows;
    build->event_rows[build->events.count++] =
        (struct hm_event_count){.provider = provider, .id = id, .count = 2, .about = about};
}

void hm_build_hazard(struct hm_build *build, enum hm_protocol protocol, uint16_t port,
                     enum hm_listener_kind kind, const char *how, bool lasts)
{
    must(build->hazards.count < HM_COUNT(build->hazard_rows), "too many hazards");
    build->hazards.at = build->hazard_rows;
    build->hazard_rows[build->hazards.count++] = (struct hm_port_hazard){
        .protocol = protocol, .port = port, .kind = kind, .how = how, .lasts = lasts};
}

const struct hm_judgement *hm_build_judge(struct hm_build *build)
{
    struct hm_judge_input input = {
        .inventory = &build->inventory,
        .catalogue = &build->catalogue,
        .sockets = build->has_sockets ? &build->sockets : NULL,
        .sample = build->has_sample ? &build->sample : NULL,
        .previous_boot = build->previous_boot,
        .marks = build->marks,
        .events = build->events.count > 0 ? &build->events : NULL,
        .hazards = &build->hazards,
        .settings_unread = build->settings_unread,
        .reserved_behind = build->reserved_behind,
        .range_behind = build->range_behind,
        .hidden = build->hidden,
        .settings_mixed = build->settings_mixed,
    };
    struct hm_err err;

    hm_inventory_settle(&build->inventory);
    if (hm_judge(&input, &build->arena, &build->judgement, &err) != HM_OK) {
        must(false, err.text);
    }
    return &build->judgement;
}

const struct hm_verdict *hm_build_verdict(const struct hm_build *build, const char *product,
                                          const char *requirement)
{
    const struct hm_verdicts *verdicts = &build->judgement.verdicts;

    for (size_t i = 0; i < verdicts->count; i++) {
        if (strcmp(verdicts->at[i].product, product) == 0 &&
            (requirement == NULL || strcmp(verdicts->at[i].requirement, requirement) == 0)) {
            return &verdicts->at[i];
        }
    }
    return NULL;
}

const struct hm_finding *hm_build_finding(const struct hm_build *build, const char *kind,
                                          const char *subject)
{
    const struct hm_findings *findings = &build->judgement.findings;

    for (size_t i = 0; i < findings->count; i++) {
        if (strcmp(findings->at[i].kind, kind) == 0 &&
            (subject == NULL || strcmp(findings->at[i].subject, subject) == 0)) {
            return &findings->at[i];
        }
    }
    return NULL;
}

size_t hm_build_count_kind(const struct hm_build *build, const char *kind)
{
    size_t count = 0;

    for (size_t i = 0; i < build->judgement.findings.count; i++) {
        count += strcmp(build->judgement.findings.at[i].kind, kind) == 0;
    }
    return count;
}

int hm_build_command(const struct hm_finding *finding, const char *command)
{
    for (size_t i = 0; i < finding->commands.count; i++) {
        if (strcmp(finding->commands.at[i], command) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *hm_build_evidence(const struct hm_finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->evidence.count; i++) {
        if (strcmp(finding->evidence.at[i].name, name) == 0) {
            return finding->evidence.at[i].value;
        }
    }
    return NULL;
}
