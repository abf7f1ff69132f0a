/* agent/platform/linux/cluster.c — the services that Pacemaker starts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Units of a cluster's resources are disabled: Pacemaker starts them, on one node or another. Which
 * they are stands in its configuration, <primitive class="systemd" type="etcd">; agents of OCF are
 * named as the unit of their server (nginx, mariadb), or as agent_units lists. Sources: Pacemaker
 * Explained, "Resource Properties"; the agents of ClusterLabs/resource-agents. */
#include "agent/platform/linux/units.h"

#include <string.h>

#include "agent/platform/linux/linux.h"
#include "common/base/limits.h"
#include "common/os/os.h"

#define CIB_FILE "/var/lib/pacemaker/cib/cib.xml"
#define ELEMENT "<primitive"

/* Agents whose server has units of other names; that a host has. */
static const char *const agent_units[][2] = {
    {"apache",           "apache2"        },
    {"apache",           "httpd"          },
    {"dhcpd",            "isc-dhcp-server"},
    {"galera",           "mariadb"        },
    {"mysql",            "mariadb"        },
    {"mysql",            "mysqld"         },
    {"nfsserver",        "nfs-server"     },
    {"pgsql",            "postgresql"     },
    {"pgsqlms",          "postgresql"     },
    {"rabbitmq-cluster", "rabbitmq-server"},
    {"redis",            "redis-server"   },
    {"Squid",            "squid"          },
};

/* The value of an attribute of the element; at NULL none. */
static struct hm_span attribute(struct hm_span element, const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 1; i + len + 2 <= element.len; i++) {
        const char *at = element.at + i;
        const char *end;

        if (memcmp(at, name, len) != 0 || strchr(" \t\r\n", at[-1]) == NULL || at[len] != '=' ||
            strchr("\"'", at[len + 1]) == NULL) {
            continue;
        }
        at += len + 2;
        end = memchr(at, at[-1], element.len - (size_t)(at - element.at));
        return end == NULL ? (struct hm_span){NULL, 0} : (struct hm_span){at, (size_t)(end - at)};
    }
    return (struct hm_span){NULL, 0};
}

static enum hm_status put_name(struct hm_strings *names, size_t *room, struct hm_span type,
                               struct hm_arena *arena)
{
    void *items = (void *)names->at;
    const char *name = hm_arena_printf(arena, "%.*s.service", (int)type.len, type.at);

    if (name == NULL || hm_arena_grow(arena, &items, names->count, room, sizeof(*names->at)) != 0) {
        return HM_ENOMEM;
    }
    names->at = (const char **)items;
    names->at[names->count++] = name;
    return HM_OK;
}

enum hm_status hm_linux_cluster_units(const char *root, struct hm_arena *arena,
                                      struct hm_strings *out_names, bool *out_known,
                                      struct hm_err *err)
{
    const char *path = hm_arena_printf(arena, "%s" CIB_FILE, root);
    struct hm_strings names = {NULL, 0};
    size_t room = 0;
    char *text = NULL;
    size_t len = 0;
    enum hm_status st =
        path == NULL ? HM_ENOMEM
                     : hm_os_read_file(path, HM_LIMIT_INPUT_FILE_BYTES, arena, &text, &len, NULL);

    *out_known = st == HM_OK;
    *out_names = names;
    if (st != HM_OK) {
        return st == HM_ENOMEM ? hm_fail(err, st, "no memory for the services of a cluster")
                               : HM_OK;
    }
    for (const char *at = strstr(text, ELEMENT);
         at != NULL && st == HM_OK && names.count < HM_LIMIT_SERVICES;
         at = strstr(at + 1, ELEMENT)) {
        const char *end = strchr(at, '>');
        const struct hm_span element = {at, end == NULL ? strlen(at) : (size_t)(end - at)};
        const struct hm_span type = attribute(element, "type");

        if (type.len > 0 && type.len <= HM_LIMIT_NAME_BYTES) {
            st = put_name(&names, &room, type, arena);
        }
        for (size_t i = 0; st == HM_OK && i < HM_COUNT(agent_units); i++) {
            const char *unit = agent_units[i][1];

            if (type.len == strlen(agent_units[i][0]) &&
                memcmp(type.at, agent_units[i][0], type.len) == 0) {
                st = put_name(&names, &room, (struct hm_span){unit, strlen(unit)}, arena);
            }
        }
    }
    *out_names = names;
    return st == HM_ENOMEM ? hm_fail(err, st, "no memory for the services of a cluster") : st;
}
