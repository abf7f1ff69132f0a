/* server/store/compliance.c — how many hosts are as their policies want them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities_policy.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/map.h"
#include "server/store/row.h"

/* From best to worst; the numbers in STANDING. */
enum standing { COMPLIANT, AUDIT, EXCEPTED, PENDING, NONCOMPLIANT, UNKNOWN };

/* Of one row of host_policies. A host that nobody hears of is unknown, whatever it said last. */
#define STANDING                                                                                   \
    "CASE WHEN h.silent_since_ms <> 0 OR h.cloned <> 0 THEN 5 "                                    \
    "WHEN p.state IN ('verified', 'repaired') THEN 0 "                                             \
    "WHEN p.mode = 'audit' AND p.state = 'waiting' THEN 1 "                                        \
    "WHEN EXISTS (SELECT 1 FROM exceptions e WHERE e.host_id = p.host_id "                         \
    "AND e.policy IN ('', p.policy) AND e.revoked = 0 AND e.expires_ms > $1) THEN 2 "              \
    "WHEN p.state IN ('failed', 'refused') THEN 4 ELSE 3 END"
/* A host may report any name; what nobody here knows must not become a row of the fleet's. */
#define IS_OURS "(p.offered_ms <> 0 OR EXISTS (SELECT 1 FROM policies q WHERE q.name = p.policy))"
#define STANDINGS(labels, where)                                                                   \
    "(SELECT p.policy AS policy, p.host_id AS host_id, " labels " AS labels, " STANDING            \
    " AS standing, p.failing_since_ms AS failing_ms FROM host_policies p "                         \
    "JOIN hosts h ON h.id = p.host_id WHERE p.state <> 'retired' AND " IS_OURS where               \
    ") AS standings"
#define FAILING "MIN(CASE WHEN standing IN (3, 4) AND failing_ms <> 0 THEN failing_ms END)"

/* Columns: policy, labels, standing, hosts, failing since. */
#define BY_POLICY(labels, where)                                                                   \
    "SELECT policy, labels, standing, count(*), " FAILING                                          \
    " FROM " STANDINGS(labels, where) " GROUP BY policy, labels, standing"
#define TOGETHER(labels)                                                                           \
    "SELECT '', labels, standing, count(*), MIN(failing_ms) FROM (SELECT host_id, labels, "        \
    "MAX(standing) AS standing, " FAILING " AS failing_ms FROM " STANDINGS(                        \
        labels, "") " GROUP BY host_id, labels) AS hosts_once GROUP BY labels, standing"
#define ONE_POLICY " AND p.policy = $2"

/* By whether there is a label. */
static const char *const all_sql[2] = {BY_POLICY("''", ""), BY_POLICY("h.labels", "")};
static const char *const one_sql[2] = {BY_POLICY("''", ONE_POLICY),
                                       BY_POLICY("h.labels", ONE_POLICY)};
static const char *const together_sql[2] = {TOGETHER("''"), TOGETHER("h.labels")};

struct counting {
    const char *label;       /* NULL: none */
    struct hm_arena *arena;  /* of the answer */
    struct hm_arena scratch; /* of one row */
    struct hm_map by_name;   /* "policy\ngroup" */
    struct hm_compliance_row **rows;
    size_t count;
    size_t room;
};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for compliance");
}

static enum hm_status find_group(struct counting *c, const char *labels, const char **out_group,
                                 struct hm_err *err)
{
    size_t len = c->label != NULL ? strlen(c->label) : 0;
    struct hm_strings list = {NULL, 0};
    enum hm_status st = HM_OK;

    *out_group = "";
    if (c->label != NULL) {
        st = hm_strings_read(labels, &c->scratch, &list, err);
    }
    for (size_t i = 0; st == HM_OK && i < list.count; i++) {
        if (strncmp(list.at[i], c->label, len) == 0 && list.at[i][len] == '=') {
            *out_group = list.at[i] + len + 1;
            break;
        }
    }
    return st;
}

static enum hm_status find_row(struct counting *c, const char *policy, const char *group,
                               struct hm_compliance_row **out_row, struct hm_err *err)
{
    const char *name = hm_arena_printf(&c->scratch, "%s\n%s", policy, group);
    struct hm_compliance_row *row = name != NULL ? hm_map_get(&c->by_name, name) : NULL;

    if (name != NULL && row == NULL) {
        if (c->count == HM_LIMIT_COMPLIANCE_ROWS) {
            return hm_fail_code(err, HM_ETOOBIG, "too_many_groups",
                                "more than %u groups: take a label with fewer values, or one "
                                "policy",
                                HM_LIMIT_COMPLIANCE_ROWS);
        }
        name = hm_arena_strdup(c->arena, name);
        row = hm_arena_alloc(c->arena, 1, sizeof(*row));
        if (name != NULL && row != NULL) {
            row->policy = hm_arena_strdup(c->arena, policy);
            row->group = hm_arena_strdup(c->arena, group);
        }
        if (name == NULL || row == NULL || row->policy == NULL || row->group == NULL ||
            hm_arena_grow(c->arena, (void **)&c->rows, c->count, &c->room, sizeof(*c->rows)) != 0 ||
            hm_map_put(&c->by_name, name, row, NULL) != HM_OK) {
            return no_memory(err);
        }
        c->rows[c->count++] = row;
    }
    *out_row = row;
    return row != NULL ? HM_OK : no_memory(err);
}

static enum hm_status add_count(struct hm_stmt *stmt, void *arg, struct hm_err *err)
{
    struct counting *c = arg;
    struct hm_compliance_row *row = NULL;
    int64_t standing = hm_row_int(stmt, 2);
    uint64_t hosts = (uint64_t)hm_row_int(stmt, 3);
    int64_t failing_ms = hm_row_int(stmt, 4); /* NULL is 0 */
    const char *policy;
    const char *labels;
    const char *group;
    enum hm_status st;

    hm_arena_reset(&c->scratch);
    policy = hm_row_text(stmt, 0, &c->scratch);
    labels = hm_row_text(stmt, 1, &c->scratch);
    if (policy == NULL || labels == NULL) {
        return no_memory(err);
    }
    st = find_group(c, labels, &group, err);
    if (st == HM_OK) {
        st = find_row(c, policy, group, &row, err);
    }
    if (st == HM_OK) {
        uint64_t *const counts[] = {
            [COMPLIANT] = &row->compliant,       [AUDIT] = &row->audit,
            [EXCEPTED] = &row->excepted,         [PENDING] = &row->pending,
            [NONCOMPLIANT] = &row->noncompliant, [UNKNOWN] = &row->unknown,
        };

        row->hosts += hosts;
        *counts[standing] += hosts;
        if (failing_ms != 0 && (row->failing_since_ms == 0 || failing_ms < row->failing_since_ms)) {
            row->failing_since_ms = failing_ms;
        }
    }
    return st;
}

static int compare_rows(const void *a, const void *b)
{
    const struct hm_compliance_row *one = a;
    const struct hm_compliance_row *other = b;
    int by_policy = strcmp(one->policy, other->policy);

    return by_policy != 0 ? by_policy : strcmp(one->group, other->group);
}

static enum hm_status make_rows(const struct counting *c, struct hm_compliance_rows *out_rows,
                                struct hm_err *err)
{
    struct hm_compliance_row *rows = hm_arena_alloc(c->arena, c->count, sizeof(*rows));

    if (rows == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < c->count; i++) {
        rows[i] = *c->rows[i];
    }
    if (c->count > 0) {
        qsort(rows, c->count, sizeof(*rows), compare_rows);
    }
    *out_rows = (struct hm_compliance_rows){rows, c->count};
    return HM_OK;
}

enum hm_status hm_compliance_count(struct hm_session *s,
                                   const struct hm_compliance_question *question,
                                   struct hm_arena *arena, struct hm_compliance_rows *out_rows,
                                   struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_int(question->now_ms),
                                      hm_value_text(question->policy)};
    struct counting c = {.label = question->label, .arena = arena};
    size_t by = question->label != NULL ? 1 : 0;
    enum hm_status st;

    hm_arena_init(&c.scratch, HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_map_init(&c.by_name);
    if (question->policy != NULL) {
        st = hm_session_query(s, one_sql[by], values, 2, add_count, &c, NULL, err);
    } else {
        st = hm_session_query(s, all_sql[by], values, 1, add_count, &c, NULL, err);
        if (st == HM_OK && question->fleet) {
            st = hm_session_query(s, together_sql[by], values, 1, add_count, &c, NULL, err);
        }
    }
    if (st == HM_OK) {
        st = make_rows(&c, out_rows, err);
    }
    hm_map_fini(&c.by_name);
    hm_arena_fini(&c.scratch);
    return st;
}
