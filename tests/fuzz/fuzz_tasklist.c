/* tests/fuzz/fuzz_tasklist.c — tasklist: accepted tasks are sorted, whole and UTF-8.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/str.h"
#include "common/readers/tasklist_text.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

static void check_task(const struct hm_task *task)
{
    struct hm_socket socket = {.pid = task->pid, .program = "", .service = ""};
    struct hm_sockets sockets = {&socket, 1};
    struct hm_task copy = *task;
    const struct hm_tasks tasks = {&copy, 1};

    HM_MUST(task->program[0] != '\0' && hm_str_is_utf8(task->program, strlen(task->program)));
    for (size_t i = 0; i < task->services.count; i++) {
        const char *name = task->services.at[i];

        HM_MUST(name[0] != '\0' && strpbrk(name, "/\\,") == NULL);
        HM_MUST(hm_str_is_utf8(name, strlen(name)));
    }
    hm_tasks_name_sockets(&tasks, &sockets);
    HM_MUST(socket.program == (task->pid == 0 ? socket.program : task->program));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_err err = {0};
    struct hm_arena arena;
    struct hm_tasks tasks;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_tasklist_parse((const char *)data, size, &arena, &tasks, &err) == HM_OK) {
        HM_MUST(tasks.count > 0);
        for (size_t i = 0; i < tasks.count; i++) {
            HM_MUST(i == 0 || tasks.at[i].pid > tasks.at[i - 1].pid);
            check_task(&tasks.at[i]);
        }
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    hm_arena_fini(&arena);
    return 0;
}
