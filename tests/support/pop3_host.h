/* tests/support/pop3_host.h — an Exchange host whose POP3 back end is down: the dynamic range lies
 * over tcp 9955, the port that it requires.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/support/inventory_builder.h"

/* The host without products and services; free it with pop3_host_free. */
struct hm_build *pop3_host_new(void);
void pop3_host_free(struct hm_build *build);

/* A product on tcp 9955 that is known by its service. */
struct hm_requirement *pop3_host_put_product(struct hm_build *build);

struct hm_service *pop3_host_put_down(struct hm_build *build, enum hm_service_start start);

/* The outgoing connection of lsass.exe that has the port. */
void pop3_host_put_holder(struct hm_build *build);
