/* tests/parity/config_tool.c — prints the agent's configuration table as JSON, for admx.py.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/config.h"

static const char *const type_names[] = {
    [HM_CONFIG_STRING] = "string",     [HM_CONFIG_U32] = "u32",   [HM_CONFIG_BOOL] = "bool",
    [HM_CONFIG_DURATION] = "duration", [HM_CONFIG_ENUM] = "enum", [HM_CONFIG_LIST] = "list",
};

int main(void)
{
    (void)printf("[");
    for (size_t i = 0; i < hm_agent_config_count; i++) {
        const struct hm_config_row *row = &hm_agent_config_rows[i];

        (void)printf("%s{\"key\":\"%s\",\"type\":\"%s\",\"min\":%u,\"max\":%u,\"names\":[",
                     i > 0 ? ",\n" : "", row->key, type_names[row->type], (unsigned)row->min,
                     (unsigned)row->max);
        for (unsigned name = 0; name < row->name_count; name++) {
            (void)printf("%s\"%s\"", name > 0 ? "," : "", row->names[name]);
        }
        (void)printf("]}");
    }
    (void)printf("]\n");
    return 0;
}
