/* tests/load/push_fill.c — a fleet that has enrolled and reported, written into a collector's
 * store. SPDX-License-Identifier: Apache-2.0
 *
 * Enrolments are paced, so thousands of them would take minutes before anything is measured. Prints
 * one line a host: its bearer token, then its id.
 * Usage: push_fill DATABASE COUNT      (no collector may serve it meanwhile) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/crypto/secret.h"
#include "server/store/entities_policy.h"

#define BATCH 1000u

struct fill {
    unsigned from;
    unsigned to;
    struct hm_token tokens[BATCH];
};

static const char inventory[] =
    "{\"os\":{\"family\":\"windows\",\"name\":\"Windows Server 2019 Standard\",\"version\":"
    "\"10.0.17763\",\"revision\":5329,\"arch\":\"x86_64\",\"locale\":\"fr-FR\"},\"stacks\":[],"
    "\"services\":[\"DNS\",\"MSExchangePOP3BE\"]}";

static enum hm_status put_host(struct hm_session *s, struct hm_token *token, unsigned number,
                               int64_t now_ms, struct hm_err *err)
{
    static const char *labels[] = {"site=paris"};
    char name[32];
    char digest[HM_DIGEST_TEXT_BYTES];
    struct hm_agent_row agent = {.id = token->id, .join_token_id = "", .created_ms = now_ms};
    const struct hm_host_row row = {
        .id = token->id,
        .name = name,
        .labels = {labels, 1},
        .os_family = "windows",
        .os_name = "Windows Server 2019 Standard",
        .os_version = "10.0.17763",
        .agent_version = "load",
        .first_seen_ms = now_ms,
        .last_seen_ms = now_ms,
        .boot_id = "load-boot",
        .seq = 1,
        .inventory_digest = digest,
        .findings_digest = "",
        .outcome_digest = "",
        .sample_json = "",
    };
    enum hm_status st;

    (void)snprintf(name, sizeof(name), "load-%05u", number);
    hm_digest_text(inventory, sizeof(inventory) - 1, digest);
    hm_token_hash(token, agent.secret_hash);
    st = hm_agents_put(s, &agent, err);
    if (st == HM_OK) {
        st = hm_hosts_put(s, &row, now_ms, err);
    }
    if (st == HM_OK) {
        st = hm_documents_assign(s, token->id, "inventory", digest, now_ms, err);
    }
    return st == HM_OK ? hm_hosts_set_services(s, token->id, "DNS\nMSExchangePOP3BE", err) : st;
}

static enum hm_status put_hosts(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fill *fill = arg;
    const int64_t now_ms = hm_clock_now_ms();
    char digest[HM_DIGEST_TEXT_BYTES];
    enum hm_status st;

    hm_digest_text(inventory, sizeof(inventory) - 1, digest);
    st = hm_documents_put(s, digest, "inventory", inventory, sizeof(inventory) - 1, now_ms, err);
    for (unsigned i = fill->from; st == HM_OK && i < fill->to; i++) {
        hm_token_new("hma", now_ms, NULL, &fill->tokens[i - fill->from]);
        st = put_host(s, &fill->tokens[i - fill->from], i, now_ms, err);
    }
    return st;
}

int main(int argc, char **argv)
{
    static struct fill fill;
    struct hm_store *store;
    struct hm_store_options options = {.uri = argc > 1 ? argv[1] : NULL};
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    struct hm_err err;
    enum hm_status st;

    if (argc != 3 || count == 0) {
        (void)fprintf(stderr, "usage: push_fill DATABASE COUNT\n");
        return 2;
    }
    st = hm_crypto_init(&err);
    if (st == HM_OK) {
        st = hm_store_open(&options, &store, &err);
    }
    for (fill.from = 0; st == HM_OK && fill.from < count; fill.from = fill.to) {
        fill.to = count - fill.from > BATCH ? fill.from + BATCH : count;
        st = hm_store_write(store, put_hosts, &fill, &err);
        for (unsigned i = 0; st == HM_OK && i < fill.to - fill.from; i++) {
            char text[HM_TOKEN_TEXT_BYTES];

            hm_token_format(&fill.tokens[i], text);
            (void)printf("%s %s\n", text, fill.tokens[i].id);
        }
    }
    if (st != HM_OK) {
        (void)fprintf(stderr, "push_fill: %s\n", err.text);
        return 1;
    }
    hm_store_close(store);
    return 0;
}
