/* agent/main.c — hm-agent: the verbs are in agent/cli, the steps of a running one in agent.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/verbs.h"
#include "common/os/os.h"

int main(int argc, char **argv)
{
    hm_os_arguments(&argc, &argv);
    return hm_cli_main(&hm_agent_program, NULL, argc, argv);
}
