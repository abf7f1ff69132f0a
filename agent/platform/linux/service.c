/* agent/platform/linux/service.c — service.h where systemd runs "hm-agent run" as it is.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/service.h"

const char hm_service_name[] = "";

static enum hm_status refuse(struct hm_err *err)
{
    return hm_fail(err, HM_EUNSUPPORTED,
                   "services of this kind exist on Windows only; here hm-agent.service of the "
                   "package runs \"hm-agent run\": systemctl enable --now hm-agent");
}

enum hm_status hm_service_install(const char *config, struct hm_arena *arena,
                                  struct hm_strings *out_warnings, struct hm_err *err)
{
    (void)config;
    (void)arena;
    (void)out_warnings;
    return refuse(err);
}

enum hm_status hm_service_stop(struct hm_err *err)
{
    return refuse(err);
}

enum hm_status hm_service_remove(struct hm_err *err)
{
    return refuse(err);
}

enum hm_status hm_service_run(int (*body)(void *app), void *app, int *out_status,
                              struct hm_err *err)
{
    (void)body;
    (void)app;
    (void)out_status;
    return refuse(err);
}

void hm_service_started(void)
{
}

void hm_event_log_write(uint16_t id, enum hm_log_level level, const char *text)
{
    (void)id;
    (void)level;
    (void)text;
}
