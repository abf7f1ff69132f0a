/* server/main.c — hm-collector.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/collector.h"

int main(int argc, char **argv)
{
    return hm_cli_main(&hm_collector_program, NULL, argc, argv);
}
