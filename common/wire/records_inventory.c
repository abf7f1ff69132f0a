/* common/wire/records_inventory.c — what a host shows: inventory, sample, host.json.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/records_shared.h"

const struct hm_enum hm_enum_protocol = {hm_protocol_names, 2};
const struct hm_enum hm_enum_family = {hm_family_names, 2};
const struct hm_enum hm_enum_os_family = {hm_os_family_names, 2};
const struct hm_enum hm_enum_listener_kind = {hm_listener_kind_names, HM_KIND_COUNT};
static const struct hm_enum entry_service = {hm_entry_service_names, HM_ENTRY_SERVICE_COUNT};
static const struct hm_enum configured_by = {hm_configured_by_names, HM_CONFIGURED_BY_COUNT};
static const struct hm_enum families = {hm_families_names, 3};
static const struct hm_enum service_start = {hm_service_start_names, HM_SERVICE_START_COUNT};
static const struct hm_enum in_force = {hm_in_force_names, HM_IN_FORCE_COUNT};
const struct hm_enum hm_enum_socket_state = {hm_socket_state_names, HM_SOCKET_STATE_COUNT};

static const struct hm_field os_fields[] = {
    HM_F_ENUM(hm_os, family, HM_FIELD_REQUIRED, &hm_enum_os_family, "kind of operating system"),
    HM_F(hm_os, name, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "product name, as the system gives it"),
    HM_F(hm_os, version, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "Windows: major.minor.build; Linux: kernel release"),
    HM_F(hm_os, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "Windows: update build revision"),
    HM_F(hm_os, arch, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES, "processor"),
    HM_F(hm_os, locale, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "language of the system: fr-FR"),
};
const struct hm_record hm_record_os = HM_RECORD("os", hm_os, os_fields);

static const struct hm_field stack_fields[] = {
    HM_F_ENUM(hm_stack, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol, "tcp or udp"),
    HM_F_ENUM(hm_stack, family, HM_FIELD_REQUIRED, &hm_enum_family, "ipv4 or ipv6"),
    HM_F_OPT(hm_stack, dynamic, HM_TYPE_RANGE, 0, 0,
             "where a port is taken when a program asks for any"),
    HM_F_OPT(hm_stack, administered, HM_TYPE_PORTS, 0, 0,
             "exclusions that an administrator made: a plain bind still works"),
    HM_F_OPT(hm_stack, runtime, HM_TYPE_PORTS, 0, 0,
             "exclusions that a component holds: others get error 10013"),
    HM_F(hm_stack, exclusions_unsupported, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the system has no exclusion command"),
    HM_F_OPT(hm_stack, next_dynamic, HM_TYPE_RANGE, 0, 0,
             "the dynamic range after the next boot, where it differs"),
    HM_F_OPT(hm_stack, next_administered, HM_TYPE_PORTS, 0, 0,
             "administered exclusions after the next boot, where they differ"),
    HM_F(hm_stack, next_unknown, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "what the next boot makes of the values is not known (Linux)"),
};
static const struct hm_record record_stack = HM_RECORD("stack", hm_stack, stack_fields);

static const struct hm_field dns_pool_fields[] = {
    HM_F(hm_dns_pool, size, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0, "UDP sockets of each family"),
    HM_F(hm_dns_pool, excluded, HM_TYPE_PORTS, HM_FIELD_WRITTEN, 0, 0,
         "ports that the pool leaves alone"),
};
static const struct hm_record record_dns_pool =
    HM_RECORD("dns_socket_pool", hm_dns_pool, dns_pool_fields);

static const struct hm_field hns_fields[] = {
    HM_F(hm_hns_state, enabled, HM_TYPE_BOOL, HM_FIELD_REQUIRED, 0, 0, "EnableExcludedPortRange"),
    HM_F(hm_hns_state, start, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 65535,
         "ExcludedPortRangeStartPort"),
    HM_F(hm_hns_state, count, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 65536,
         "ExcludedPortRangePortCount"),
};
static const struct hm_record record_hns = HM_RECORD("hns", hm_hns_state, hns_fields);

static const struct hm_field tcpip_fields[] = {
    HM_F_OPT(hm_tcpip_values, reserved_ports, HM_TYPE_STRINGS, 0, HM_LIMIT_RESERVED_LINES,
             "lines of ReservedPorts, as they stand"),
    HM_F_OPT(hm_tcpip_values, max_user_port, HM_TYPE_U32, 0, 0, "MaxUserPort"),
    HM_F_OPT(hm_tcpip_values, tcp_timed_wait_delay_s, HM_TYPE_U32, 0, 0, "TcpTimedWaitDelay"),
};
const struct hm_record hm_record_tcpip_values =
    HM_RECORD("tcpip_values", hm_tcpip_values, tcpip_fields);

static const struct hm_field registry_fields[] = {
    HM_F_OPT(hm_registry, reserved_ports, HM_TYPE_STRINGS, 0, HM_LIMIT_RESERVED_LINES,
             "lines of ReservedPorts, as they stand"),
    HM_F_OPT(hm_registry, max_user_port, HM_TYPE_U32, 0, 0, "MaxUserPort"),
    HM_F_OPT(hm_registry, tcp_timed_wait_delay_s, HM_TYPE_U32, 0, 0, "TcpTimedWaitDelay"),
    HM_F_ENUM(hm_registry, in_force, HM_FIELD_DEFAULT, &in_force,
              "whether the running system uses these three values"),
    HM_F(hm_registry, contradicted, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "they were written before the boot, and a socket has a reserved port all the same"),
    HM_F(hm_registry, range_contradicted, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "a socket of this boot had a port outside the range that MaxUserPort makes"),
    HM_F_RECORD_OPT(hm_registry, earlier, &hm_record_tcpip_values,
                    "the three values that it uses, when in_force is earlier"),
    HM_F_RECORD_OPT(hm_registry, dns_socket_pool, &record_dns_pool, "pool of the DNS Server"),
    HM_F_RECORD_OPT(hm_registry, hns, &record_hns, "Host Network Service"),
    HM_F(hm_registry, wrong_types, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_WRONG_TYPES,
         "values that do not count, as the system does not read their type"),
};
static const struct hm_record record_registry = HM_RECORD("registry", hm_registry, registry_fields);

static const struct hm_field listener_fields[] = {
    HM_F_ENUM(hm_listener, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol, "tcp or udp"),
    HM_F_ENUM(hm_listener, family, HM_FIELD_REQUIRED, &hm_enum_family, "ipv4 or ipv6"),
    HM_F(hm_listener, address, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_ADDRESS_BYTES,
         "local address"),
    HM_F(hm_listener, port, HM_TYPE_U16, HM_FIELD_REQUIRED, 0, 65535, "local port"),
    HM_F(hm_listener, program, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "file name without folder"),
    HM_F(hm_listener, service, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "Windows service or systemd unit"),
    HM_F_ENUM(hm_listener, kind, HM_FIELD_WRITTEN, &hm_enum_listener_kind,
              "how the port is held; absent is socket"),
    HM_F(hm_listener, last, HM_TYPE_U16, HM_FIELD_DEFAULT, 0, 65535,
         "last of neighbouring ports with such a listener each; absent: port alone"),
};
const struct hm_record hm_record_listener = HM_RECORD("listener", hm_listener, listener_fields);

static const struct hm_field service_fields[] = {
    HM_F(hm_service, name, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "name of the service, not for display"),
    HM_F(hm_service, program, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "file name without folder"),
    HM_F_ENUM(hm_service, start, HM_FIELD_DEFAULT, &service_start, "how it starts"),
    HM_F_OPT(hm_service, runs, HM_TYPE_BOOL, 0, 0, "whether it runs once the host has settled"),
    HM_F(hm_service, exit_code, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "error of one that does not run; 0 stopped in order, or unknown"),
    HM_F_OPT(hm_service, depends_on, HM_TYPE_STRINGS, 0, HM_LIMIT_DEPENDENCIES,
             "services that must run before it"),
};
const struct hm_record hm_record_service = HM_RECORD("service", hm_service, service_fields);

static const struct hm_field port_entry_fields[] = {
    HM_F_ENUM(hm_port_entry, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol, "tcp or udp"),
    HM_F_ENUM(hm_port_entry, families, HM_FIELD_DEFAULT, &families, "in which it was seen"),
    HM_F(hm_port_entry, port, HM_TYPE_U16, HM_FIELD_REQUIRED, 0, 65535, "local port"),
    HM_F(hm_port_entry, program, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "file name without folder"),
    HM_F(hm_port_entry, service, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "Windows service or systemd unit"),
    HM_F_ENUM(hm_port_entry, kind, HM_FIELD_DEFAULT, &hm_enum_listener_kind,
              "how the port was held"),
    HM_F(hm_port_entry, boots, HM_TYPE_U32, HM_FIELD_REQUIRED, 1, HM_PORT_BOOK_BOOTS,
         "boots in which it was seen"),
    HM_F_ENUM(hm_port_entry, service_state, HM_FIELD_DEFAULT, &entry_service,
              "whether its service is disabled, or no longer there"),
};
const struct hm_record hm_record_port_entry =
    HM_RECORD("port_entry", hm_port_entry, port_entry_fields);

static const struct hm_field configured_fields[] = {
    HM_F_ENUM(hm_configured, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol, "tcp or udp"),
    HM_F(hm_configured, port, HM_TYPE_U16, HM_FIELD_REQUIRED, 0, 65535,
         "local port; 0: the value that says it is no port"),
    HM_F_ENUM(hm_configured, kind, HM_FIELD_REQUIRED, &hm_enum_listener_kind,
              "how it will be held"),
    HM_F_ENUM(hm_configured, by, HM_FIELD_REQUIRED, &configured_by, "which setting says so"),
    HM_F_ENUM(hm_configured, families, HM_FIELD_DEFAULT, &families, "in which it is served"),
    HM_F(hm_configured, address, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ADDRESS_BYTES,
         "on which alone it is served; absent: on any"),
    HM_F(hm_configured, manual, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "its web site does not start by itself"),
    HM_F(hm_configured, service, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "of several services with the same setting, the one that it is for"),
    HM_F(hm_configured, subject, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_SUBJECT_BYTES,
         "URL, address and port, or site"),
};
static const struct hm_record record_configured =
    HM_RECORD("configured", hm_configured, configured_fields);

static const struct hm_field inventory_fields[] = {
    HM_F_RECORD(hm_inventory, os, HM_FIELD_REQUIRED, &hm_record_os, "operating system"),
    HM_F_RECORDS(hm_inventory, stacks, HM_FIELD_REQUIRED, HM_STACK_COUNT, &record_stack,
                 "the (protocol, family) pairs; a missing one is unknown"),
    HM_F_RECORD_OPT(hm_inventory, registry, &record_registry,
                    "values that are set; absent when nobody read them"),
    HM_F_RECORDS_OPT(hm_inventory, listeners, HM_LIMIT_LISTENERS, &hm_record_listener,
                     "who listens where; absent when unknown"),
    HM_F(hm_inventory, owners_partial, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "programs of other users' listeners could not be read"),
    HM_F(hm_inventory, listeners_partial, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the list of listeners was cut or filtered: some are missing"),
    HM_F_OPT(
        hm_inventory, services, HM_TYPE_STRINGS, 0, HM_LIMIT_SERVICES,
        "services that run, start by themselves, or whose last start failed; absent when unknown"),
    HM_F(hm_inventory, services_partial, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "services that do not run could not be read"),
    HM_F_RECORDS_OPT(hm_inventory, service_details, HM_LIMIT_SERVICES, &hm_record_service,
                     "start type, state and dependencies; absent when unknown"),
    HM_F_RECORDS_OPT(hm_inventory, port_book, HM_LIMIT_PORT_BOOK, &hm_record_port_entry,
                     "listeners seen over boots; absent when nobody keeps one"),
    HM_F_RECORDS_OPT(hm_inventory, configured, HM_LIMIT_CONFIGURED, &record_configured,
                     "ports that components are set up to serve; absent when unknown"),
    HM_F(hm_inventory, configured_partial, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "one of the sources of configured could not be read"),
    HM_F(hm_inventory, bindings_known, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "all bindings of IIS are in configured, although it is partial"),
};
const struct hm_record hm_record_inventory = HM_RECORD("inventory", hm_inventory, inventory_fields);

static const struct hm_field sample_stack_fields[] = {
    HM_F_ENUM(hm_sample_stack, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol, "tcp or udp"),
    HM_F_ENUM(hm_sample_stack, family, HM_FIELD_REQUIRED, &hm_enum_family, "ipv4 or ipv6"),
    HM_F(hm_sample_stack, usable, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0,
         "ports of the dynamic range without exclusions"),
    HM_F(hm_sample_stack, in_use, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0,
         "distinct local ports in use inside usable"),
    HM_F(hm_sample_stack, established, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0, "live connections"),
    HM_F(hm_sample_stack, time_wait, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0, "in TIME_WAIT"),
    HM_F(hm_sample_stack, bound, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0,
         "bound, neither listening nor connected"),
    HM_F(hm_sample_stack, free_blocks, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0,
         "wholly free, aligned blocks of 64 ports"),
};
static const struct hm_record record_sample_stack =
    HM_RECORD("sample_stack", hm_sample_stack, sample_stack_fields);

static const struct hm_field sample_fields[] = {
    HM_F_RECORDS(hm_sample, stacks, HM_FIELD_REQUIRED, HM_STACK_COUNT, &record_sample_stack,
                 "counters of now, one row a stack"),
    HM_F_OPT_AS(hm_sample, event_4227, has_events, HM_TYPE_U32,
                "TIME_WAIT collisions since the last sample"),
    HM_F_OPT_AS(hm_sample, event_4231, has_events, HM_TYPE_U32,
                "TCP port exhaustions since the last sample"),
    HM_F_OPT_AS(hm_sample, event_4266, has_events, HM_TYPE_U32,
                "UDP port exhaustions since the last sample"),
};
const struct hm_record hm_record_sample = HM_RECORD("sample", hm_sample, sample_fields);

static const struct hm_field event_count_fields[] = {
    HM_F(hm_event_count, provider, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "source of the event: Service Control Manager"),
    HM_F(hm_event_count, id, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 65535, "number of the event"),
    HM_F(hm_event_count, count, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0, "how often since the boot"),
    HM_F(hm_event_count, about, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "first text of the event: a service"),
};
static const struct hm_record record_event_count =
    HM_RECORD("event_count", hm_event_count, event_count_fields);

static const struct hm_field host_file_fields[] = {
    HM_F(hm_host_file, name, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "host name; absent: the folder's name"),
    HM_F_RECORD_OPT(hm_host_file, os, &hm_record_os, "operating system"),
    HM_F_OPT(hm_host_file, services, HM_TYPE_STRINGS, 0, HM_LIMIT_SERVICES,
             "services that run, start by themselves, or whose last start failed"),
    HM_F_RECORDS_OPT(hm_host_file, service_details, HM_LIMIT_SERVICES, &hm_record_service,
                     "start type, state and dependencies"),
    HM_F_RECORDS_OPT(hm_host_file, port_book, HM_LIMIT_PORT_BOOK, &hm_record_port_entry,
                     "listeners seen over boots"),
    HM_F_RECORDS_OPT(hm_host_file, events, HM_LIMIT_EVENT_COUNTS, &record_event_count,
                     "events of services and products since the boot"),
    HM_F_OPT(hm_host_file, boot_time, HM_TYPE_TIME, 0, 0, "when the system started"),
    HM_F_OPT(hm_host_file, tcpip_written, HM_TYPE_TIME, 0, 0,
             "last write time of Tcpip\\Parameters"),
    HM_F_RECORDS_OPT(hm_host_file, listeners, HM_LIMIT_LISTENERS, &hm_record_listener,
                     "who listens where"),
    HM_F_OPT(hm_host_file, labels, HM_TYPE_STRINGS, 0, HM_LIMIT_LABELS, "site=paris"),
    HM_F_OPT(hm_host_file, boot_id, HM_TYPE_STRING, 0, HM_LIMIT_ID_BYTES,
             "changes with every boot"),
    HM_F_OPT(hm_host_file, uptime_s, HM_TYPE_U32, 0, 0,
             "seconds since the boot; absent: the host has settled since then"),
    HM_F_OPT_AS(hm_host_file, event_4227, has_exhaustion_events, HM_TYPE_U32,
                "TIME_WAIT collisions since the last sample"),
    HM_F_OPT_AS(hm_host_file, event_4231, has_exhaustion_events, HM_TYPE_U32,
                "TCP port exhaustions since the last sample"),
    HM_F_OPT_AS(hm_host_file, event_4266, has_exhaustion_events, HM_TYPE_U32,
                "UDP port exhaustions since the last sample"),
    HM_F_RECORD_OPT(hm_host_file, previous_boot, &hm_record_inventory,
                    "inventory before the last boot"),
};
const struct hm_record hm_record_host_file = HM_RECORD("host_file", hm_host_file, host_file_fields);
