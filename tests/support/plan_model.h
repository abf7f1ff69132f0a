/* tests/support/plan_model.h — a host made by hand that plans are made for and carried out on.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fails as the systems fail: an exclusion that meets a row or a socket, or a removal without its
 * row, ends the test. */
#pragma once

#include "common/plan/plan.h"
#include "tests/support/inventory_builder.h"

#define HM_MODEL_POLICIES_MAX 16

/* Versions for hm_model_init. */
#define SERVER_2019 "10.0.17763"
#define SERVER_2012R2 "6.3.9600"
#define SERVER_2008 "6.0.6003"
#define SERVER_2003 "5.2.3790"
#define WINDOWS_2000 "5.0.2195"
#define LINUX NULL

struct hm_model {
    struct hm_build host;
    const struct hm_policy *policies[HM_MODEL_POLICIES_MAX];
    size_t count;
    struct hm_ledger ledger;
    struct hm_local_limits limits;
    int64_t now_ms;
    bool clock_doubted;
    const char *boot_id;
    const struct hm_plan_readies *settling;   /* NULL: the host has settled */
    const struct hm_port_hazards *remembered; /* as in hm_plan_input */
    bool settings_unread;
    bool memory_lost;
    bool services_failed;
    struct hm_plan plan; /* of the last hm_model_plan */
};

/* windows_version as in hm_build_init. Time: Wednesday, 2026-11-25 12:00 UTC. */
void hm_model_init(struct hm_model *model, const char *windows_version);
void hm_model_fini(struct hm_model *model);

/* A policy of mode enforce for every host: name, and the rest of its JSON members
 * ("\"reservations\":[…]"); a later "mode" is not possible, use hm_model_document. */
struct hm_policy *hm_model_policy(struct hm_model *model, const char *name, const char *members);
struct hm_policy *hm_model_document(struct hm_model *model, const char *json);

/* tcp or udp ports in both families. */
struct hm_policy *hm_model_reserve(struct hm_model *model, const char *name, const char *protocol,
                                   const char *ports);

const struct hm_plan *hm_model_plan(struct hm_model *model);

/* Carries the last plan out, ledger first; then forgets what its notes say is no longer ours. */
void hm_model_apply(struct hm_model *model);

/* Plans, and carries it out. */
void hm_model_enforce(struct hm_model *model);

/* A host on which one policy "p" with these members has been enforced. */
void hm_model_start(struct hm_model *model, const char *windows_version, const char *members);

/* As hm_model_apply, killed after that many steps; an action has three: ledger before, change,
 * ledger after. True when it was killed before the end. */
bool hm_model_apply_some(struct hm_model *model, size_t steps);

/* The n-th note of that kind about that policy (NULL: any), or NULL. */
const struct hm_plan_note *hm_model_note(const struct hm_model *model, enum hm_plan_note_kind kind,
                                         const char *policy, size_t n);
size_t hm_model_count_notes(const struct hm_model *model, enum hm_plan_note_kind kind);

/* "add_exclusion tcp ipv4 9933; …": the actions in their order; lines and ranges as they are. */
const char *hm_model_actions(struct hm_model *model);

/* Plans, and compares the actions. A macro, so that a failure names the line of the test. */
#define HM_MODEL_EXPECT(model, expected)                                                           \
    do {                                                                                           \
        (void)hm_model_plan(model);                                                                \
        assert_string_equal(hm_model_actions(model), expected);                                    \
    } while (0)

/* The inventory as it travels. */
const char *hm_model_inventory(struct hm_model *model);
