/* agent/platform/linux/host.c — host.h where the package manager and its files do the work.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/host.h"

#include "common/os/os.h"

const char hm_host_policy_source[] = "";
const char hm_host_line_end[] = "\n";

enum hm_status hm_host_policy(struct hm_arena *arena, struct hm_host_settings *out_settings,
                              struct hm_err *err)
{
    (void)arena;
    (void)err;
    *out_settings = (struct hm_host_settings){NULL, 0};
    return HM_OK;
}

enum hm_status hm_host_own_folder(const char *path, struct hm_err *err)
{
    return hm_os_make_folder(path, 0755, err);
}

enum hm_status hm_host_ranges(struct hm_arena *arena, struct hm_range_opinions *out_opinions,
                              struct hm_err *err)
{
    (void)arena;
    (void)out_opinions;
    return hm_fail(err, HM_EUNSUPPORTED,
                   "this is for Windows; here \"sysctl net.ipv4.ip_local_port_range\" shows the "
                   "dynamic range");
}
