/* common/ports/inventory.c — what an agent observed: order, and what follows from the facts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"
#include "common/ports/configured.h"
#include "common/ports/in_force.h"
#include "common/ports/port_book.h"
#include "common/ports/reserved_ports.h"

const char *const hm_os_family_names[2] = {"windows", "linux"};

const char *const hm_listener_kind_names[HM_KIND_COUNT] = {
    "socket", "httpsys", "quic", "rpc", "kernel", "container", "shared",
};

const char *const hm_service_start_names[HM_SERVICE_START_COUNT] = {
    "automatic", "delayed", "triggered", "cluster", "dependency", "manual", "disabled",
};
const char *const hm_entry_service_names[HM_ENTRY_SERVICE_COUNT] = {"unknown", "disabled", "gone"};

const char *const hm_in_force_names[HM_IN_FORCE_COUNT] = {
    "assumed",
    "written",
    "earlier",
    "unknown",
};

/* What differs between generations of Windows, by version number. */
struct generation {
    uint32_t major;
    uint32_t minor_first;
    uint32_t minor_last;
    bool legacy;
    bool needs_kb2665809;
    struct hm_range dynamic;
};

static const struct generation generations[] = {
    {4,  0, 0,  false, false, {1025, 5000}  }, /* NT 4.0: neither knob */
    {5,  0, 2,  true,  false, {1025, 5000}  }, /* 2000, XP, 2003 */
    {6,  0, 1,  false, true,  {49152, 65535}}, /* Vista, 2008, 7, 2008 R2 */
    {6,  2, 99, false, false, {49152, 65535}}, /* 8, 2012, 8.1, 2012 R2 */
    {10, 0, 99, false, false, {49152, 65535}}, /* 10, 11, 2016 and later */
};

static const struct hm_range linux_dynamic = {32768, 60999};

const struct hm_stack *hm_inventory_stack(const struct hm_inventory *inventory,
                                          enum hm_protocol protocol, enum hm_family family)
{
    for (size_t i = 0; i < inventory->stacks.count; i++) {
        const struct hm_stack *stack = &inventory->stacks.at[i];

        if (stack->protocol == protocol && stack->family == family) {
            return stack;
        }
    }
    return NULL;
}

enum hm_exclusion_effect hm_kind_exclusion_effect(enum hm_listener_kind kind)
{
    static const enum hm_exclusion_effect effects[HM_KIND_COUNT] = {
        [HM_KIND_SOCKET] = HM_EXCLUSION_PROTECTS,      [HM_KIND_HTTPSYS] = HM_EXCLUSION_BREAKS,
        [HM_KIND_QUIC] = HM_EXCLUSION_BREAKS,          [HM_KIND_RPC] = HM_EXCLUSION_PROTECTS,
        [HM_KIND_KERNEL] = HM_EXCLUSION_PROTECTS,      [HM_KIND_CONTAINER] = HM_EXCLUSION_BREAKS,
        [HM_KIND_SHARED] = HM_EXCLUSION_BREAKS_SECOND,
    };

    return effects[kind];
}

bool hm_kind_forbids_exclusion(enum hm_listener_kind kind)
{
    return hm_kind_exclusion_effect(kind) != HM_EXCLUSION_PROTECTS;
}

static bool is_hns_range(const struct hm_inventory *inventory, struct hm_range range,
                         bool *out_turned_off)
{
    const bool known = inventory->has_registry && inventory->registry.has_hns;
    const struct hm_hns_state *hns = &inventory->registry.hns;
    const uint32_t start = known && hns->start != 0 ? hns->start : HM_HNS_START;
    const uint32_t count = known && hns->count != 0 ? hns->count : HM_HNS_COUNT;

    *out_turned_off = known && !hns->enabled;
    return range.first == start && hm_range_count(range) == count;
}

enum hm_presence hm_hns_presence(const struct hm_inventory *inventory)
{
    const char *version = inventory->os.version == NULL ? "" : inventory->os.version;

    if (inventory->os.family != HM_OS_WINDOWS || strncmp(version, "10.", 3) != 0) {
        return HM_ABSENT;
    }
    if (inventory->has_registry && inventory->registry.has_hns) {
        return HM_PRESENT;
    }
    for (size_t i = 0; inventory->has_services && i < inventory->services.count; i++) {
        if (hm_str_equal_nocase(inventory->services.at[i], "hns")) {
            return HM_PRESENT;
        }
    }
    return inventory->has_services && !inventory->services_partial ? HM_ABSENT
                                                                   : HM_PRESENCE_UNKNOWN;
}

bool hm_hns_keeps(const struct hm_inventory *inventory, struct hm_range range)
{
    bool turned_off;

    return hm_hns_presence(inventory) == HM_PRESENT &&
           is_hns_range(inventory, range, &turned_off) && !turned_off;
}

bool hm_hns_may_keep(const struct hm_inventory *inventory, struct hm_range range)
{
    bool turned_off;

    return hm_hns_presence(inventory) == HM_PRESENCE_UNKNOWN &&
           is_hns_range(inventory, range, &turned_off);
}

bool hm_hns_kept(const struct hm_inventory *inventory, struct hm_range range)
{
    bool turned_off;

    return hm_hns_presence(inventory) == HM_PRESENT &&
           is_hns_range(inventory, range, &turned_off) && turned_off;
}

bool hm_port_is_of_driver(uint16_t port)
{
    /* NetBIOS, SMB (5445 over iWARP), NFS and its port mapper, PPTP. */
    static const uint16_t ports[] = {111, 139, 445, 1723, 2049, 5445};

    for (size_t i = 0; i < HM_COUNT(ports); i++) {
        if (ports[i] == port) {
            return true;
        }
    }
    return false;
}

const struct hm_service *hm_inventory_service(const struct hm_inventory *inventory,
                                              const char *name)
{
    for (size_t i = 0; inventory->has_service_details && i < inventory->service_details.count;
         i++) {
        if (hm_str_equal_nocase(inventory->service_details.at[i].name, name)) {
            return &inventory->service_details.at[i];
        }
    }
    return NULL;
}

bool hm_service_starts_itself(const struct hm_service *service)
{
    return service->start != HM_START_MANUAL && service->start != HM_START_DISABLED;
}

#define ERROR_DISABLED 1058u
#define ERROR_DEPENDENCY 1068u
#define ERROR_LOGON 1069u
#define ERROR_NEVER_STARTED 1077u

bool hm_service_has_failed(const struct hm_service *service)
{
    switch (service->exit_code) {
    case 0:
    case ERROR_DISABLED:
    case ERROR_DEPENDENCY:
    case ERROR_LOGON:
    case ERROR_NEVER_STARTED:
        return false;
    default:
        return service->has_runs && !service->runs;
    }
}

bool hm_service_is_wanted(const struct hm_service *service)
{
    return hm_service_starts_itself(service) ||
           (service->start == HM_START_MANUAL && hm_service_has_failed(service));
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int compare_listeners(const void *a, const void *b)
{
    const struct hm_listener *x = a;
    const struct hm_listener *y = b;
    const int by[] = {
        (int)x->protocol - (int)y->protocol,  (int)x->family - (int)y->family,
        (int)x->port - (int)y->port,          compare_text(x->address, y->address),
        compare_text(x->program, y->program), compare_text(x->service, y->service),
        (int)x->kind - (int)y->kind,
    };

    for (size_t i = 0; i < HM_COUNT(by); i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return 0;
}

static int compare_strings(const void *a, const void *b)
{
    return compare_text(*(const char *const *)a, *(const char *const *)b);
}

static int compare_services(const void *a, const void *b)
{
    const struct hm_service *x = a;
    const struct hm_service *y = b;

    return compare_text(x->name, y->name);
}

/* Sorts, then drops items that compare equal to the one before; returns how many are left. */
static size_t sort_unique(void *items, size_t count, size_t size,
                          int (*compare)(const void *, const void *))
{
    char *at = items;
    size_t left = 1;

    if (count < 2) {
        return count;
    }
    qsort(at, count, size, compare);
    for (size_t i = 1; i < count; i++) {
        if (compare(at + (left - 1) * size, at + i * size) != 0) {
            if (left != i) {
                memcpy(at + left * size, at + i * size, size);
            }
            left++;
        }
    }
    return left;
}

void hm_inventory_settle(struct hm_inventory *inventory)
{
    struct hm_listeners *listeners = &inventory->listeners;
    struct hm_strings *services = &inventory->services;
    struct hm_services *details = &inventory->service_details;

    listeners->count =
        sort_unique(listeners->at, listeners->count, sizeof(*listeners->at), compare_listeners);
    services->count =
        sort_unique(services->at, services->count, sizeof(*services->at), compare_strings);
    details->count =
        sort_unique(details->at, details->count, sizeof(*details->at), compare_services);
    for (size_t i = 0; i < details->count; i++) {
        struct hm_strings *names = &details->at[i].depends_on;

        names->count = sort_unique(names->at, names->count, sizeof(*names->at), compare_strings);
    }
    hm_port_book_settle(&inventory->port_book);
    if (!hm_configured_settle(&inventory->configured, &inventory->stacks)) {
        inventory->configured_partial = true;
        inventory->bindings_known = false;
    }
}

/* Takes decimal digits off the text; false when there are none. */
static bool take_number(const char **text, uint32_t *out_value)
{
    size_t len = strspn(*text, "0123456789");

    if (!hm_str_parse_u32(*text, len, UINT32_MAX, out_value)) {
        return false;
    }
    *text += len;
    return true;
}

/* The row for a Windows version "major.minor…", or NULL. */
static const struct generation *find_generation(const struct hm_os *os)
{
    const char *at = os->version == NULL ? "" : os->version;
    uint32_t major;
    uint32_t minor;

    if (os->family != HM_OS_WINDOWS || !take_number(&at, &major) || *at++ != '.' ||
        !take_number(&at, &minor) || (*at != '\0' && *at != '.')) {
        return NULL;
    }
    for (size_t i = 0; i < HM_COUNT(generations); i++) {
        const struct generation *row = &generations[i];

        if (row->major == major && minor >= row->minor_first && minor <= row->minor_last) {
            return row;
        }
    }
    return NULL;
}

bool hm_os_is_legacy(const struct hm_os *os)
{
    const struct generation *row = find_generation(os);

    return row != NULL && row->legacy;
}

bool hm_os_needs_kb2665809(const struct hm_os *os)
{
    const struct generation *row = find_generation(os);

    return row != NULL && row->needs_kb2665809;
}

bool hm_os_default_dynamic(const struct hm_os *os, struct hm_range *out_range)
{
    const struct generation *row = find_generation(os);

    if (os->family == HM_OS_LINUX) {
        *out_range = linux_dynamic;
        return true;
    }
    if (row != NULL) {
        *out_range = row->dynamic;
    }
    return row != NULL;
}

/* What ReservedPorts surely keeps out. Windows ignores lines that it cannot read, so they are
 * left out here; whoever wants to complain of them parses the whole value. */
static enum hm_status legacy_excluded(const struct hm_strings *lines, struct hm_arena *arena,
                                      struct hm_ports *out_ports, struct hm_err *err)
{
    struct hm_strings good = {hm_arena_alloc(arena, lines->count, sizeof(*good.at)), 0};
    struct hm_ports listed;

    if (good.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for %zu ReservedPorts lines", lines->count);
    }
    for (size_t i = 0; i < lines->count; i++) {
        struct hm_strings one = {&lines->at[i], 1};
        struct hm_ports effective;
        enum hm_status st = hm_reserved_ports_parse(&one, arena, &listed, &effective, err);

        if (st == HM_OK) {
            good.at[good.count++] = lines->at[i];
        } else if (st != HM_EINVAL) {
            return st;
        }
    }
    return hm_reserved_ports_parse(&good, arena, &listed, out_ports, err);
}

enum hm_status hm_inventory_excluded(const struct hm_inventory *inventory,
                                     enum hm_protocol protocol, enum hm_family family,
                                     struct hm_arena *arena, bool *out_known,
                                     struct hm_ports *out_excluded, struct hm_err *err)
{
    const struct hm_stack *stack = hm_inventory_stack(inventory, protocol, family);
    bool legacy = hm_os_is_legacy(&inventory->os);
    struct hm_ports excluded = {NULL, 0};
    bool known = false;
    enum hm_status st = HM_OK;

    if (stack != NULL) {
        const struct hm_ports none = {NULL, 0};

        /* Linux has one list and no holders: its rows are all administered. */
        known = stack->exclusions_unsupported ||
                (stack->has_administered &&
                 (stack->has_runtime || inventory->os.family == HM_OS_LINUX));
        st = hm_ports_union(stack->has_administered ? stack->administered : none,
                            stack->has_runtime ? stack->runtime : none, arena, &excluded, err);
    }
    if (st == HM_OK && legacy) {
        struct hm_tcpip_values values;

        known = inventory->has_registry; /* no other means exists there */
        /* Where nobody knows which lines are in force, none of them surely reserves a port. */
        if (known && hm_registry_in_force(&inventory->registry, &values) &&
            values.has_reserved_ports) {
            struct hm_ports reserved;

            st = legacy_excluded(&values.reserved_ports, arena, &reserved, err);
            if (st == HM_OK) {
                st = hm_ports_union(excluded, reserved, arena, &excluded, err);
            }
        }
    }
    if (st == HM_OK) {
        *out_known = known;
        *out_excluded = excluded;
    }
    return st;
}
