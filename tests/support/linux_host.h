/* tests/support/linux_host.h — a Linux system below a folder of its own, and its platform.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/platform/linux/linux.h"

#define RESERVED "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define RANGE "/proc/sys/net/ipv4/ip_local_port_range"
#define KEY "net.ipv4.ip_local_reserved_ports = "

struct linux_host {
    char root[256];
    struct hm_arena arena;
    struct hm_platform *platform;
    struct hm_err err;
};

/* Set-up and tear-down of cmocka; *state is the host. */
int linux_host_start(void **state);
int linux_host_stop(void **state);

/* A path below the root; text of a file: NULL = there is none. */
const char *linux_host_at(struct linux_host *host, const char *path);
void linux_host_put(struct linux_host *host, const char *path, const char *text);
const char *linux_host_get(struct linux_host *host, const char *path);

struct hm_ports linux_host_ports(struct linux_host *host, const char *text);
struct hm_owned_list linux_host_owned(struct linux_host *host, const char *text);
/* ours: ports that policies added; "" none. */
struct hm_ledger linux_host_ledger(struct linux_host *host, const char *ours);

enum hm_status linux_host_reserve(struct linux_host *host, const char *list, const char *ours);
enum hm_status linux_host_set_range(struct linux_host *host, uint16_t first, uint16_t last,
                                    bool restores);
/* True when something of ours would not have outlived a boot. */
bool linux_host_keep(struct linux_host *host, const char *ours);
/* What a file of ours says behind its comment; "" when there is none. */
const char *linux_host_kept_in(struct linux_host *host, const char *path);
const char *linux_host_kept(struct linux_host *host); /* in HM_LINUX_SYSCTL_FILE */

/* systemd runs, and its unit reserves our ports at each boot. */
void linux_host_install_unit(struct linux_host *host);
