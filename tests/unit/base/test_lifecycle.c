/* tests/unit/base/test_lifecycle.c — steps start in order and stop in reverse.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/lifecycle.h"

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct trace {
    char text[64];
    enum hm_status second; /* what the second step answers */
};

static void note(struct trace *trace, const char *what)
{
    strcat(trace->text, what);
}

static enum hm_status start_a(void *app, struct hm_err *err)
{
    (void)err;
    note(app, "a");
    return HM_OK;
}

static enum hm_status start_b(void *app, struct hm_err *err)
{
    struct trace *trace = app;

    note(trace, "b");
    return trace->second == HM_OK ? HM_OK : hm_fail(err, trace->second, "as told");
}

static void stop_a(void *app)
{
    note(app, "A");
}

static void stop_b(void *app)
{
    note(app, "B");
}

static int wait_seven(void *app)
{
    note(app, "w");
    return 7;
}

static const struct hm_step steps[] = {
    {"a", start_a, stop_a},
    {"n", start_a, NULL  },
    {"b", start_b, stop_b},
};

static void test_order(void **state)
{
    static const struct {
        enum hm_status second;
        int result;
        const char *trace;
    } rows[] = {
        {HM_OK,     7, "aabwBA"},
        {HM_EIO,    1, "aabA"  },
        {HM_EINVAL, 2, "aabA"  },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct trace trace = {"", rows[i].second};

        assert_int_equal(hm_lifecycle_run(steps, HM_COUNT(steps), &trace, wait_seven),
                         rows[i].result);
        assert_string_equal(trace.text, rows[i].trace);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
