/* tests/fuzz/fuzz_judge.c — any inventory is judged, and what comes out is sound: sorted, within
 * the caps, at risk only what is required. The first byte chooses what else is known.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/judge/headroom.h"
#include "common/wire/records.h"

#define KNOWS_SOCKETS 1u
#define KNOWS_SAMPLE 2u
#define KNOWS_BEFORE 4u

static const struct hm_range ranges[] = {
    {80,    80   },
    {1812,  1813 },
    {8530,  8531 },
    {49152, 57500},
    {0,     65535},
};
static const char *services[] = {"DNS", "MSExchangePOP3BE", "Q*"};
static const char *programs[] = {"*.exe", "hm-collector", "System"};

/* One row: id, protocol, ranges of the table above, kind. */
#define NEED(name, proto, first, count, how)                                                       \
    {                                                                                              \
        .id = name, .title = name, .protocol = proto, .ports = {&ranges[first], count},            \
        .kind = how                                                                                \
    }

static struct hm_requirement requirements[] = {
    NEED("a", HM_TCP, 2, 1, HM_KIND_HTTPSYS),   NEED("b", HM_UDP, 1, 1, HM_KIND_SOCKET),
    NEED("c", HM_TCP, 3, 1, HM_KIND_SHARED),    NEED("d", HM_UDP, 4, 1, HM_KIND_QUIC),
    NEED("e", HM_TCP, 0, 4, HM_KIND_CONTAINER), NEED("f", HM_TCP, 0, 3, HM_KIND_SOCKET),
};

static struct hm_product products[2] = {
    {.id = "always",                .title = "" },
    {.id = "havenmaster-collector", .title = "x"},
};

/* The parts of the tables that differ from row to row. */
static void finish_catalogue(void)
{
    requirements[3].optional = true;
    requirements[4].families = HM_FAMILIES_IPV6;
    requirements[5].detect.services = (struct hm_strings){services, HM_COUNT(services)};
    products[0].detect.always = true;
    products[1].companions.shared_programs = (struct hm_strings){programs, 1};
    products[0].requirements = (struct hm_requirements){requirements, HM_COUNT(requirements)};
    products[1].detect.programs = (struct hm_strings){programs, HM_COUNT(programs)};
    products[1].requirements = (struct hm_requirements){requirements, 2};
}

static const struct hm_catalogue catalogue = {products, HM_COUNT(products)};

/* Each listener as a socket whose state and owner come from its port. */
static void make_sockets(const struct hm_inventory *inventory, struct hm_arena *arena,
                         struct hm_sockets *out)
{
    size_t count = inventory->has_listeners ? inventory->listeners.count : 0;

    out->at = hm_arena_alloc(arena, count, sizeof(*out->at));
    HM_MUST(out->at != NULL);
    for (size_t i = 0; i < count; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[i];
        enum hm_socket_state state = (enum hm_socket_state)(listener->port % 4);

        out->at[i] = (struct hm_socket){
            listener->protocol,
            listener->family,
            state,
            listener->address,
            listener->port,
            "10.0.0.1:80",
            listener->port,
            listener->program,
            listener->service,
            false,
            {NULL, 0}
        };
    }
    out->count = count;
}

static void check_verdicts(const struct hm_verdicts *verdicts)
{
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct hm_verdict *verdict = &verdicts->at[i];

        HM_MUST(i == 0 || verdicts->at[i - 1].state >= verdict->state);
        HM_MUST((verdict->state == HM_SAFE) == (verdict->at_risk.count == 0));
        HM_MUST(hm_ports_covers(verdict->ports, verdict->at_risk));
        HM_MUST(verdict->families.count >= 1 && verdict->families.count <= 2);
        HM_MUST(!verdict->has_odds || (verdict->odds >= 0.0 && verdict->odds <= 1.0));
        HM_MUST(!verdict->has_odds || verdict->state == HM_EXPOSED);
        HM_MUST(verdict->has_holder == (verdict->reason == HM_REASON_HELD ||
                                        verdict->reason == HM_REASON_UNKNOWN_LISTENER));
    }
}

static void check_findings(const struct hm_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        HM_MUST(i == 0 || findings->at[i - 1].severity >= findings->at[i].severity);
        HM_MUST(strlen(findings->at[i].fingerprint) == 16);
        HM_MUST(findings->at[i].text[0] != '\0' && findings->at[i].remedy[0] != '\0');
    }
}

/* What is judged can be sent: within every cap, UTF-8, read again without complaint. */
static void check_document(const struct hm_judgement *judgement, struct hm_arena *arena)
{
    struct hm_judgement again;
    struct hm_buf buf;
    struct hm_err err;

    hm_buf_init(&buf, HM_LIMIT_REPLY_BYTES);
    HM_MUST(hm_record_encode(&hm_record_findings, judgement, &buf, &err) == HM_OK);
    HM_MUST(hm_record_decode(&hm_record_findings, buf.data, buf.len, true, arena, &again, NULL,
                             &err) == HM_OK);
    HM_MUST(again.verdicts.count == judgement->verdicts.count);
    HM_MUST(again.findings.count == judgement->findings.count);
    hm_buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_inventory inventory;
    struct hm_judgement judgement;
    struct hm_judge_input input = {.inventory = &inventory, .catalogue = &catalogue};
    struct hm_sockets sockets;
    struct hm_sample sample = {.has_events = true, .event_4231 = 1};
    struct hm_arena arena;
    struct hm_err err;

    finish_catalogue();
    hm_arena_init(&arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    memset(&inventory, 0, sizeof(inventory));
    if (size == 0 || hm_record_decode(&hm_record_inventory, (const char *)data + 1, size - 1, false,
                                      &arena, &inventory, NULL, &err) != HM_OK) {
        goto done;
    }
    make_sockets(&inventory, &arena, &sockets);
    HM_MUST(hm_headroom_sample(&inventory, &sockets, &arena, &sample, &err) == HM_OK);
    input.sockets = (data[0] & KNOWS_SOCKETS) != 0 ? &sockets : NULL;
    input.sample = (data[0] & KNOWS_SAMPLE) != 0 ? &sample : NULL;
    input.previous_boot = (data[0] & KNOWS_BEFORE) != 0 ? &inventory : NULL;
    HM_MUST(hm_judge(&input, &arena, &judgement, &err) == HM_OK);
    check_verdicts(&judgement.verdicts);
    check_findings(&judgement.findings);
    check_document(&judgement, &arena);
done:
    hm_arena_fini(&arena);
    return 0;
}
