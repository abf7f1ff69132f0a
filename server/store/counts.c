/* server/store/counts.c — how many rows of each sort, for metrics.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/counts.h"

struct counting {
    struct hm_arena *arena;
    hm_count_fn *fn;
    void *arg;
};

static enum hm_status pass_on(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct counting *counting = arg;
    const char *first = hm_row_text(row, 0, counting->arena);
    const char *second = hm_row_text(row, 1, counting->arena);

    if (first == NULL || second == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the counts");
    }
    counting->fn(counting->arg, first, second, hm_row_int(row, 2));
    return HM_OK;
}

enum hm_status hm_counts_hosts(struct hm_session *s, struct hm_arena *arena, hm_count_fn *fn,
                               void *arg, struct hm_err *err)
{
    struct counting counting = {arena, fn, arg};

    return hm_session_query(s, "SELECT verdict, '', count(*) FROM hosts GROUP BY verdict", NULL, 0,
                            pass_on, &counting, NULL, err);
}

enum hm_status hm_counts_findings(struct hm_session *s, struct hm_arena *arena, hm_count_fn *fn,
                                  void *arg, struct hm_err *err)
{
    struct counting counting = {arena, fn, arg};

    return hm_session_query(s,
                            "SELECT kind, severity, count(*) FROM findings "
                            "WHERE valid_to_ms IS NULL GROUP BY kind, severity "
                            "ORDER BY kind, severity",
                            NULL, 0, pass_on, &counting, NULL, err);
}

enum hm_status hm_counts_host_policies(struct hm_session *s, struct hm_arena *arena,
                                       hm_count_fn *fn, void *arg, struct hm_err *err)
{
    struct counting counting = {arena, fn, arg};

    return hm_session_query(s, "SELECT state, '', count(*) FROM host_policies GROUP BY state", NULL,
                            0, pass_on, &counting, NULL, err);
}

enum hm_status hm_counts_probe(struct hm_session *s, int64_t now_ms, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_int(now_ms - now_ms % HM_PROBE_EVERY_MS)};

    return hm_session_exec(s,
                           "INSERT INTO probe (id, at_ms) VALUES (1, $1) "
                           "ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms "
                           "WHERE probe.at_ms <> excluded.at_ms",
                           values, HM_COUNT(values), err);
}
