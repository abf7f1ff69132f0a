/* tests/unit/ports/test_run_state.c — which services run, settled: days of a made-up host, whose
 * services stay, stop, crash and idle, as an agent sees it every few minutes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/run_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/digest.h"
#include "common/wire/records.h"
#include "tests/support/inventory_builder.h"

#define HOUR 3600
#define DAY (24 * HOUR)

/* One service over time: as usual until it changes, from then on up for up_s of each period_s. */
struct life {
    const char *name;
    enum hm_service_start start;
    bool usual;
    int64_t change_s; /* 0 from the boot on */
    int64_t period_s;
    int64_t up_s;
    bool nameless; /* the system does not tell one run from the next */
};

static bool is_up(const struct life *life, int64_t now_s, uint64_t *out_run)
{
    const int64_t since_s = now_s - life->change_s;

    *out_run = 1;
    if (since_s < 0) {
        return life->usual;
    }
    *out_run = (uint64_t)(2 + since_s / life->period_s);
    return since_s % life->period_s < life->up_s;
}

/* What is remembered between observations. */
struct memory {
    struct hm_run_memo memo;
    struct hm_run_row rows[4];
};

/* One observation at that second of the boot; the service as the inventory has it, or NULL. */
static const struct hm_service *observe(struct memory *memory, struct hm_arena *arena,
                                        const struct life *life, int64_t now_s,
                                        struct hm_inventory *inventory)
{
    struct hm_service row = {.name = "Own", .program = "own", .start = life->start};
    struct hm_run_instance instance = {.service = "Own"};
    const bool up = is_up(life, now_s, &instance.number);
    const bool listed = up || hm_service_starts_itself(&row);
    const struct hm_run_instances instances = {&instance, up && !life->nameless};
    const struct hm_run_look look = {"boot", now_s, &instances};
    const char *names[] = {"Own"};
    struct hm_run_memo memo;
    bool changed;

    row.has_runs = true;
    row.runs = up;
    row.exit_code = up ? 0 : 98;
    *inventory = (struct hm_inventory){
        .os = {HM_OS_LINUX, "", "6.1", 0, "x86_64", "C"},
        .has_services = true,
        .services = {names,          listed   },
        .has_service_details = true,
        .service_details = {&row,           listed        },
    };
    assert_int_equal(
        hm_run_memo_note(&memory->memo, &look, arena, inventory, &memo, &changed, NULL), HM_OK);
    assert_true(memo.rows.count <= 1);
    assert_int_equal(inventory->services.count, inventory->service_details.count);
    if (memo.rows.count > 0) {
        memory->rows[0] = memo.rows.at[0];
        memo.rows.at = memory->rows;
    }
    memory->memo = memo;
    return hm_inventory_service(inventory, "Own");
}

/* Would the judge say that the service is down, with its port held by somebody else? */
static bool is_found(const struct hm_inventory *inventory)
{
    struct hm_build *build = calloc(1, sizeof(*build));
    bool found;

    assert_non_null(build);
    hm_build_init(build, NULL);
    (void)hm_build_require(build, hm_build_product(build, "own", "Own", NULL), "port", HM_TCP,
                           "40000", HM_KIND_SOCKET);
    (void)hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 40000, "curl", "");
    build->inventory.has_services = true;
    build->inventory.services = inventory->services;
    build->inventory.has_service_details = true;
    build->inventory.service_details = inventory->service_details;
    hm_build_judge(build);
    found = hm_build_count_kind(build, "service_not_running") > 0;
    hm_build_fini(build);
    free(build);
    return found;
}

struct story {
    unsigned changes;       /* of the inventory's bytes, after the first */
    int64_t found_s;        /* when the finding first was there; 0 never */
    bool lost;              /* it was there and went away again */
    bool listed;            /* at the end */
    struct hm_service last; /* at the end */
};

static struct story live(const struct life *life, int64_t days)
{
    struct story story = {.changes = 0};
    struct memory memory = {.memo = {.boot_id = ""}};
    struct hm_arena arena;
    char digest[HM_DIGEST_TEXT_BYTES];
    char last[HM_DIGEST_TEXT_BYTES] = "";
    uint32_t random = 7;
    struct hm_buf json;

    hm_arena_init(&arena, 1u << 20);
    hm_buf_init(&json, 1u << 20);
    for (int64_t now_s = 20; now_s < days * DAY;) {
        struct hm_inventory seen;
        const struct hm_service *service = observe(&memory, &arena, life, now_s, &seen);
        bool found;

        hm_buf_reset(&json);
        assert_int_equal(hm_record_encode(&hm_record_inventory, &seen, &json, NULL), HM_OK);
        hm_digest_text(json.data, json.len, digest);
        if (strcmp(digest, last) != 0) {
            story.changes += last[0] != '\0';
            found = is_found(&seen);
            story.lost = story.lost || (story.found_s > 0 && !found);
            story.found_s = story.found_s == 0 && found ? now_s : story.found_s;
            (void)snprintf(last, sizeof(last), "%s", digest);
        }
        story.listed = service != NULL;
        story.last = service == NULL ? (struct hm_service){.name = ""} : *service;
        hm_arena_reset(&arena);
        random = random * 1664525u + 1013904223u; /* an agent does so, too: 270 to 300 s */
        now_s += 270 + (int64_t)(random >> 16) % 31;
    }
    hm_buf_fini(&json);
    hm_arena_fini(&arena);
    return story;
}

struct life_case {
    struct life life;
    int64_t days;
    unsigned changes; /* at most */
    int64_t after_s;  /* the finding is there after that second ... */
    int64_t until_s;  /* ... and before this one; 0: it never is */
    bool listed;
    int runs; /* at the end: 1 yes, 0 no, -1 unknown, -2 no or unknown */
};

#define ALWAYS (1000 * (int64_t)DAY)

/* clang-format off */
static const struct life_case life_cases[] = {
    {{"stays up",               HM_START_AUTOMATIC, true,  0,        ALWAYS, ALWAYS, false}, 2, 1, 0, 0, true, 1},
    {{"never comes up",         HM_START_AUTOMATIC, false, 0,        ALWAYS, 0, false}, 2, 1, HM_RUN_KNOWN_S, HOUR, true, 0},
    {{"delayed, 4 minutes",     HM_START_DELAYED,   false, 240,      ALWAYS, ALWAYS, false}, 2, 1, 0, 0, true, 1},
    {{"goes down",              HM_START_AUTOMATIC, true,  5 * HOUR, ALWAYS, 0, false}, 2, 2, 5 * HOUR + HM_RUN_SETTLE_S, 6 * HOUR, true, 0},
    {{"restarted once",         HM_START_AUTOMATIC, true,  5 * HOUR, ALWAYS, ALWAYS, false}, 2, 1, 0, 0, true, 1},
    {{"crashes from the boot",  HM_START_AUTOMATIC, true,  0,        7, 2, false}, 7, 1, HM_RUN_KNOWN_S, HOUR, true, 0},
    {{"crashes, long attempts", HM_START_AUTOMATIC, true,  0,        100, 99, false}, 7, 1, 0, ALWAYS, true, -2},
    {{"begins to crash",        HM_START_AUTOMATIC, true,  5 * HOUR, 7, 2, false}, 7, 2, 5 * HOUR, 6 * HOUR, true, 0},
    {{"begins, long attempts",  HM_START_AUTOMATIC, true,  5 * HOUR, 100, 99, false}, 7, 3, 5 * HOUR, ALWAYS, true, -2},
    {{"crashes, no instances",  HM_START_AUTOMATIC, true,  5 * HOUR, 10, 5, true}, 7, 20, 5 * HOUR, ALWAYS, true, -2},
    {{"triggered, short",       HM_START_TRIGGERED, false, HOUR,     900, 60, false}, 7, 1, HM_RUN_KNOWN_S, HOUR, true, 0},
    {{"triggered, hourly",      HM_START_TRIGGERED, false, HOUR,     HOUR, 1200, false}, 7, 6, HM_RUN_KNOWN_S, HOUR, true, -2},
    {{"triggered, long",        HM_START_TRIGGERED, false, HOUR,     4 * HOUR, 2 * HOUR, false}, 30, 8, HM_RUN_KNOWN_S, HOUR, true, -2},
    {{"manual, stays up",       HM_START_MANUAL,    true,  0,        ALWAYS, ALWAYS, false}, 2, 1, 0, 0, true, 1},
    {{"manual, short",          HM_START_MANUAL,    false, HOUR,     900, 60, false}, 7, 0, 0, 0, false, 0},
    {{"manual, every night",    HM_START_MANUAL,    false, HOUR,     DAY, HOUR, false}, 30, 6, 0, 0, false, 0},
    {{"manual, stops",          HM_START_MANUAL,    true,  5 * HOUR, ALWAYS, 0, false}, 2, 2, 0, 0, false, 0},
};
/* clang-format on */

static void test_lives(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(life_cases); i++) {
        const struct life_case *row = &life_cases[i];
        struct story story;
        int runs;

        story = live(&row->life, row->days);
        runs = !story.last.has_runs ? -1 : story.last.runs;
        print_message("%s: %u changes, found at %lld s, runs %d\n", row->life.name, story.changes,
                      (long long)story.found_s, runs);
        assert_true(story.changes <= row->changes);
        assert_int_equal(story.listed, row->listed);
        if (row->listed) {
            assert_true(row->runs == -2 ? runs <= 0 : runs == row->runs);
        }
        if (row->until_s == 0) {
            assert_int_equal(story.found_s, 0);
        } else if (row->until_s != ALWAYS) {
            assert_in_range(story.found_s, row->after_s, row->until_s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
