/* agent/platform/linux/compose.c — the files of a project of compose that a unit starts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Docker's records have what was started once. A service that has no container yet, or got a port
 * since, is in the files alone: those that Docker's labels name, or that the unit does
 * (docker-compose(1): compose.yaml before docker-compose.yml, and an override beside it). What the
 * files say in a way that is not read counts where Docker has no container of the service. So does
 * what variables say (docs.docker.com, "Set or change pre-defined environment variables"): other
 * files (COMPOSE_FILE), and which profiles start. They are the unit's, or of ".env" beside. */
#include "agent/platform/linux/units.h"

#include <string.h>
#include <sys/stat.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "common/readers/compose_ports_text.h"

#define FILES_MAX 16u

/* One project in the reading. */
struct project {
    const char *root;
    const struct hm_linux_unit *unit;
    const struct hm_linux_start *start;
    const struct hm_linux_docker *docker;
    struct hm_arena *arena;
    struct hm_linux_unit *ports; /* listens and hides_ports */
    size_t files;
    bool profiles; /* services with a profile may start */
};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the files of compose");
}

static bool has_container(const struct project *project, struct hm_span service)
{
    for (size_t i = 0; i < project->docker->count; i++) {
        const struct hm_linux_container *one = &project->docker->at[i];

        if (strlen(one->service) == service.len &&
            memcmp(one->service, service.at, service.len) == 0 &&
            hm_linux_docker_is(one, project->unit, project->start)) {
            return true;
        }
    }
    return false;
}

static enum hm_status take_text(struct project *project, struct hm_span text, struct hm_err *err)
{
    struct hm_compose compose;
    enum hm_status st = hm_compose_ports_parse(text, project->arena, &compose, err);

    for (size_t i = 0; st == HM_OK && i < compose.services_count; i++) {
        project->ports->hides_ports =
            project->ports->hides_ports ||
            (compose.services[i].unknown && !has_container(project, compose.services[i].name));
    }
    for (size_t i = 0; st == HM_OK && i < compose.ports_count; i++) {
        const struct hm_compose_service *service = &compose.services[compose.ports[i].service];
        const char *arguments =
            hm_arena_printf(project->arena, "run --publish %s image", compose.ports[i].value);

        if (service->has_profile && !has_container(project, service->name)) {
            project->ports->hides_ports = project->ports->hides_ports || project->profiles;
            continue; /* somebody starts it by its profile, if at all */
        }
        if (arguments == NULL ||
            !hm_linux_unit_publish(project->ports, "docker", false,
                                   (struct hm_span){arguments, strlen(arguments)},
                                   project->arena)) {
            return no_memory(err);
        }
    }
    project->ports->hides_ports = project->ports->hides_ports || (st == HM_OK && compose.more);
    return st;
}

/* Reads a file if it is there. */
static enum hm_status take_file(struct project *project, const char *path, struct hm_err *err)
{
    const char *full =
        path == NULL ? NULL : hm_arena_printf(project->arena, "%s%s", project->root, path);
    struct stat info;
    char *text;
    size_t len;
    enum hm_status st = HM_EIO;

    if (full == NULL) {
        return no_memory(err);
    }
    if (project->files >= FILES_MAX) {
        project->ports->hides_ports = true;
        return HM_OK;
    }
    if (stat(full, &info) != 0 || S_ISREG(info.st_mode)) { /* a pipe would block */
        st = hm_os_read_file(full, HM_LIMIT_CONFIG_BYTES, project->arena, &text, &len, NULL);
    }
    if (st == HM_OK) {
        project->files++;
        return take_text(project, (struct hm_span){text, len}, err);
    }
    project->ports->hides_ports = project->ports->hides_ports || st != HM_ENOENT;
    return st == HM_ENOMEM ? no_memory(err) : HM_OK;
}

/* "/srv/web/compose.yaml,/srv/web/compose.override.yaml" */
static enum hm_status take_list(struct project *project, const char *files, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    while (st == HM_OK && files[0] != '\0') {
        const size_t len = strcspn(files, ",");

        st = files[0] == '/' ? take_file(project, hm_arena_strndup(project->arena, files, len), err)
                             : HM_OK;
        files += len + (files[len] == ',');
    }
    return st;
}

static enum hm_status take_folder(struct project *project, const char *folder, struct hm_err *err)
{
    static const char *const names[] = {"compose.yaml", "compose.yml", "docker-compose.yaml",
                                        "docker-compose.yml"};
    static const char *const more[] = {"compose.override.yaml", "compose.override.yml",
                                       "docker-compose.override.yaml",
                                       "docker-compose.override.yml"};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(names) && project->files == 0; i++) {
        st = take_file(project, hm_arena_printf(project->arena, "%s/%s", folder, names[i]), err);
    }
    for (size_t i = 0; st == HM_OK && i < HM_COUNT(more) && project->files == 1; i++) {
        st = take_file(project, hm_arena_printf(project->arena, "%s/%s", folder, more[i]), err);
    }
    return st;
}

/* Does the unit, or the file ".env" of the folder ("" not known), set the variable? */
static enum hm_status find_variable(struct project *project, const char *folder, const char *name,
                                    bool *out_set, struct hm_err *err)
{
    const char *file = folder[0] == '\0' ? "" : hm_arena_printf(project->arena, "%s/.env", folder);
    struct hm_linux_unit with = *project->unit;
    enum hm_linux_variable found;
    const char *value;

    *out_set = false;
    if (file == NULL || !hm_linux_unit_variable(project->root, project->unit, name, project->arena,
                                                &found, &value)) {
        return no_memory(err);
    }
    *out_set = found == HM_LINUX_VARIABLE_UNCLEAR || value[0] != '\0';
    if (*out_set || file[0] == '\0') {
        return HM_OK;
    }
    with.environment[HM_LINUX_ENVIRONMENT_FILE] = (struct hm_strings){&file, 1};
    if (!hm_linux_unit_variable(project->root, &with, name, project->arena, &found, &value)) {
        return no_memory(err);
    }
    *out_set = found == HM_LINUX_VARIABLE_UNCLEAR || value[0] != '\0';
    return HM_OK;
}

/* The project's folder, or that of its file; "" not known. */
static const char *folder_of(const struct project *project, char path[HM_LINUX_WORD_BYTES])
{
    const struct hm_linux_start *start = project->start;

    if (start->by == HM_LINUX_START_PROJECT ||
        !hm_linux_clean_path(project->unit->folder, start->text, path)) {
        return project->unit->folder;
    }
    if (start->by == HM_LINUX_START_FILE) {
        *strrchr(path, '/') = '\0';
    }
    return path;
}

static enum hm_status take_variables(struct project *project, bool recorded, struct hm_err *err)
{
    static const char *const names[] = {"COMPOSE_PROFILES", "COMPOSE_FILE"};
    char path[HM_LINUX_WORD_BYTES];
    const char *folder = folder_of(project, path);
    enum hm_status st = HM_OK;
    bool set[HM_COUNT(names)] = {false, false};

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(names); i++) {
        st = find_variable(project, folder, names[i], &set[i], err);
    }
    project->profiles = project->start->profiles || set[0];
    project->ports->hides_ports =
        project->ports->hides_ports ||
        (set[1] && !recorded && project->start->by != HM_LINUX_START_FILE);
    return st;
}

enum hm_status hm_linux_compose(const char *root, const struct hm_linux_unit *unit,
                                const struct hm_linux_start *start,
                                const struct hm_linux_docker *docker, struct hm_arena *arena,
                                struct hm_linux_unit *out_ports, bool *out_read, struct hm_err *err)
{
    struct project project = {.root = root,
                              .unit = unit,
                              .start = start,
                              .docker = docker,
                              .arena = arena,
                              .ports = out_ports};
    char path[HM_LINUX_WORD_BYTES];
    const char *files = "";
    enum hm_status st = HM_OK;

    *out_ports = (struct hm_linux_unit){.name = unit->name, .folder = ""};
    for (size_t i = 0; i < docker->count && files[0] == '\0'; i++) {
        files = hm_linux_docker_is(&docker->at[i], unit, start) ? docker->at[i].files : files;
    }
    if (start->by == HM_LINUX_START_NAME) {
        *out_read = false;
        return HM_OK;
    }
    st = take_variables(&project, files[0] != '\0', err);
    if (st != HM_OK) {
        return st;
    }
    if (files[0] != '\0') {
        st = take_list(&project, files, err);
    } else if (start->by == HM_LINUX_START_FILE &&
               hm_linux_clean_path(unit->folder, start->text, path)) {
        st = take_file(&project, path, err);
    } else if (start->by == HM_LINUX_START_FOLDER &&
               hm_linux_clean_path(unit->folder, start->text, path)) {
        st = take_folder(&project, path, err);
    }
    *out_read = project.files > 0;
    return st;
}
