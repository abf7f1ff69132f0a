/* server/hmctl/main.c — hmctl: every operator action, through the same API as everyone.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "common/net/http_client.h"
#include "server/hmctl/verbs.h"

int main(int argc, char **argv)
{
    struct hm_err err;
    int status;

    if (hm_http_init(&err) != HM_OK) {
        (void)fprintf(stderr, "hmctl: %s\n", err.text);
        return 1;
    }
    status = hm_cli_main(&hm_ctl_program, NULL, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "hmctl: the output could not be written whole\n");
        return 1;
    }
    return status;
}
