/* agent/platform/linux/socket_units.c — which socket unit has a port that process 1 keeps?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Process 1 is in no service's control group, so that its listeners have no name. Their socket
 * units say their ports (ListenStream=, ListenDatagram= of systemd.socket(5)): one that the boot
 * starts comes before one that nobody enabled; where two services remain, nobody is named. */
#include "agent/platform/linux/units.h"

#include <string.h>

#include "common/base/str.h"

/* What the units make of one port. */
struct answer {
    char name[HM_LINUX_UNIT_NAME_BYTES];
    bool reached;
    bool several;
};

static bool listens_in(const struct hm_linux_unit *unit, const struct hm_linux_listen *listen,
                       enum hm_family family)
{
    const enum hm_families families = hm_linux_listen_families(unit, listen);

    return families == HM_FAMILIES_BOTH || (families == HM_FAMILIES_IPV4) == (family == HM_IPV4);
}

static void ask(const struct hm_linux_unit *unit, enum hm_protocol protocol, enum hm_family family,
                uint16_t port, struct answer *answer)
{
    char name[HM_LINUX_UNIT_NAME_BYTES];

    for (size_t i = 0; i < unit->listens_count && !unit->masked; i++) {
        if (unit->listens[i].protocol != protocol || unit->listens[i].port != port ||
            !listens_in(unit, &unit->listens[i], family) || !hm_linux_socket_starts(unit, name)) {
            continue;
        }
        if (answer->name[0] == '\0' || (unit->reached && !answer->reached)) {
            memcpy(answer->name, name, sizeof(name));
            answer->reached = unit->reached;
            answer->several = false;
        } else if (unit->reached == answer->reached && strcmp(answer->name, name) != 0) {
            answer->several = true;
        }
        return;
    }
}

/* All socket units of the host are read, also those that nothing starts at boot. */
static const char *name_of(struct hm_linux_units *units, enum hm_protocol protocol,
                           enum hm_family family, uint16_t port, struct hm_arena *arena)
{
    struct answer answer = {.name = ""};

    for (size_t i = 0; i < HM_LINUX_UNIT_FOLDERS; i++) {
        const struct hm_strings *names = hm_linux_units_names(units, i);

        for (size_t k = 0; k < names->count; k++) {
            if (hm_linux_unit_stem(names->at[k], ".socket") > 0) {
                (void)hm_linux_unit(units, names->at[k]);
            }
        }
    }
    for (size_t i = 0; i < hm_linux_units_count(units); i++) {
        ask(hm_linux_units_at(units, i), protocol, family, port, &answer);
    }
    return answer.several ? "" : hm_arena_strdup(arena, answer.name);
}

static bool is_process_1(const char *program, const char *service)
{
    return service[0] == '\0' && (strcmp(program, "systemd") == 0 || strcmp(program, "init") == 0);
}

enum hm_status hm_linux_name_socket_units(struct hm_linux_units *units, struct hm_arena *arena,
                                          struct hm_observation *seen, struct hm_err *err)
{
    const struct hm_listeners *listeners = &seen->inventory.listeners;

    for (size_t i = 0; i < listeners->count; i++) {
        struct hm_listener *one = &listeners->at[i];

        if (is_process_1(one->program, one->service)) {
            one->service = name_of(units, one->protocol, one->family, one->port, arena);
        }
        if (one->service == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the names of socket units");
        }
    }
    for (size_t i = 0; i < seen->sockets.count; i++) {
        struct hm_socket *one = &seen->sockets.at[i];

        if (one->state == HM_SOCKET_LISTEN && is_process_1(one->program, one->service)) {
            one->service = name_of(units, one->protocol, one->family, one->port, arena);
        }
        if (one->service == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the names of socket units");
        }
    }
    return HM_OK;
}
