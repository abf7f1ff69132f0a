/* tests/support/pop3_host.c — an Exchange host whose POP3 back end is down.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/pop3_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct hm_build *pop3_host_new(void)
{
    struct hm_build *build = calloc(1, sizeof(*build));

    assert_non_null(build);
    hm_build_init(build, "6.3.9600");
    hm_build_dynamic(build, 6005, 65534);
    return build;
}

void pop3_host_free(struct hm_build *build)
{
    hm_build_fini(build);
    free(build);
}

struct hm_requirement *pop3_host_put_product(struct hm_build *build)
{
    struct hm_product *product = hm_build_product(build, "pop3", "MSExchangePOP3BE", NULL);

    return hm_build_require(build, product, "back-end", HM_TCP, "9955", HM_KIND_SOCKET);
}

struct hm_service *pop3_host_put_down(struct hm_build *build, enum hm_service_start start)
{
    struct hm_service *service = hm_build_service_runs(build, "MSExchangePOP3BE", false);

    service->start = start;
    return service;
}

void pop3_host_put_holder(struct hm_build *build)
{
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 9955, "lsass.exe", "Netlogon")
        ->remote = "10.20.0.10:3268";
}
