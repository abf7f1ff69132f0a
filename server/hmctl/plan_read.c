/* server/hmctl/plan_read.c — options of the verbs that plan.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/plan_read.h"

#include <string.h>

#include "common/base/str.h"

enum hm_status hm_ctl_plan_scope(const struct hm_cli *cli, const char **out_host,
                                 const char **out_filter, struct hm_plan_view *view,
                                 struct hm_err *err)
{
    const char *host = hm_cli_value(cli, "host");
    const char *filter = hm_cli_value(cli, "where");
    const char *limit = hm_cli_value(cli, "limit");
    uint32_t rows = 0;

    if (limit != NULL && (!hm_str_parse_u32(limit, strlen(limit), INT32_MAX, &rows) || rows == 0)) {
        return hm_fail(err, HM_EINVAL, "--limit %s is no number of hosts", limit);
    }
    *out_host = host == NULL ? "" : host;
    *out_filter = filter == NULL ? "" : filter;
    view->one_host = host != NULL;
    view->only = hm_cli_value(cli, "only");
    view->limit = rows;
    return HM_OK;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* What stands before the colon: "tcp", "udp/ipv6". */
static enum hm_status read_stack(const char *text, size_t len, struct hm_reservation *out,
                                 struct hm_err *err)
{
    const char *slash = memchr(text, '/', len);
    const size_t protocol_len = slash == NULL ? len : (size_t)(slash - text);
    const char *family = slash == NULL ? "" : slash + 1;
    const size_t family_len = slash == NULL ? 0 : len - protocol_len - 1;

    out->has_protocol = true;
    out->protocol = is_word(text, protocol_len, "udp") ? HM_UDP : HM_TCP;
    out->families = HM_FAMILIES_BOTH;
    if (is_word(family, family_len, "ipv4")) {
        out->families = HM_FAMILIES_IPV4;
    } else if (is_word(family, family_len, "ipv6")) {
        out->families = HM_FAMILIES_IPV6;
    } else if (slash != NULL) {
        return hm_fail(err, HM_EINVAL, "%.*s: the family is ipv4 or ipv6", (int)len, text);
    }
    if (!is_word(text, protocol_len, hm_protocol_names[out->protocol])) {
        return hm_fail(err, HM_EINVAL, "%.*s: the protocol is tcp or udp, as in tcp:9955", (int)len,
                       text);
    }
    return HM_OK;
}

enum hm_status hm_ctl_read_reservation(const char *text, size_t len, struct hm_arena *arena,
                                       struct hm_reservation *out, struct hm_err *err)
{
    const char *colon = memchr(text, ':', len);
    const size_t stack_len = colon == NULL ? len : (size_t)(colon - text);
    struct hm_reservation reservation = {.product = "", .requirement = ""};
    enum hm_status st = read_stack(text, stack_len, &reservation, err);

    if (st == HM_OK && (colon == NULL || stack_len + 1 == len)) {
        st = hm_fail(err, HM_EINVAL, "%.*s: which ports? write tcp:9933,9955", (int)len, text);
    }
    if (st == HM_OK) {
        st = hm_ports_parse(colon + 1, len - stack_len - 1, arena, &reservation.ports, err);
    }
    if (st == HM_OK) {
        *out = reservation;
    }
    return st;
}

enum hm_status hm_ctl_read_range(const char *text, size_t len, struct hm_policy_range *out,
                                 struct hm_err *err)
{
    const char *colon = memchr(text, ':', len);
    const size_t stack_len = colon == NULL ? len : (size_t)(colon - text);
    struct hm_reservation stack = {.product = ""};
    enum hm_status st = read_stack(text, stack_len, &stack, err);

    if (st == HM_OK && (colon == NULL || stack.families != HM_FAMILIES_BOTH)) {
        st = hm_fail(err, HM_EINVAL,
                     "%.*s: a dynamic range is set for both families; write tcp:49152-65535",
                     (int)len, text);
    }
    if (st == HM_OK) {
        st = hm_range_parse(colon + 1, len - stack_len - 1, &out->range, err);
    }
    if (st == HM_OK) {
        out->protocol = stack.protocol;
        out->headroom_min = 0;
    }
    return st;
}
