/* tests/support/finding_checks.c — what every test of a finding kind asks for.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/finding_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct hm_build *new_build(const char *version)
{
    struct hm_build *build = malloc(sizeof(*build));

    assert_non_null(build);
    hm_build_init(build, version);
    return build;
}

void free_build(struct hm_build *build)
{
    hm_build_fini(build);
    free(build);
}

const struct hm_finding *must_find(struct hm_build *build, const char *kind, const char *subject,
                                   const char *const *commands)
{
    const struct hm_finding *finding;
    size_t count = 0;

    hm_build_judge(build);
    finding = hm_build_finding(build, kind, subject);
    if (finding == NULL) {
        print_error("no %s about %s\n", kind, subject);
    }
    assert_non_null(finding);
    for (size_t i = 0; i < finding->commands.count; i++) {
        if (commands[i] == NULL || strcmp(commands[i], finding->commands.at[i]) != 0) {
            print_error("%s: %s\n", kind, finding->commands.at[i]);
        }
    }
    while (commands[count] != NULL) {
        count++;
    }
    assert_int_equal(finding->commands.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(finding->commands.at[i], commands[i]);
    }
    assert_int_equal(strlen(finding->fingerprint), 16);
    assert_true(finding->text[0] != '\0' && finding->remedy[0] != '\0');
    return finding;
}

void must_miss(struct hm_build *build, const char *kind)
{
    hm_build_judge(build);
    assert_null(hm_build_finding(build, kind, NULL));
}

struct hm_requirement *require(struct hm_build *build, enum hm_protocol protocol, const char *ports,
                               enum hm_listener_kind kind)
{
    struct hm_product *product = hm_build_product(build, "product", "Own", "own.exe");

    hm_build_service(build, "Own");
    return hm_build_require(build, product, "port", protocol, ports, kind);
}

struct hm_service *service_row(struct hm_build *build, const char *name, bool runs,
                               const char *depends_on)
{
    struct hm_service *row = hm_build_service_runs(build, name, runs);
    const char **names = hm_arena_alloc(&build->arena, 1, sizeof(*names));

    assert_non_null(names);
    names[0] = depends_on;
    row->has_depends_on = true;
    row->depends_on = (struct hm_strings){names, depends_on == NULL ? 0 : 1};
    return row;
}

const char *kinds_of(const struct hm_finding *finding)
{
    static char text[512];

    text[0] = '\0';
    for (size_t i = 0; i < finding->steps.count; i++) {
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i == 0 ? "" : " ",
                       hm_step_kind_names[finding->steps.at[i].kind]);
    }
    return text;
}
