/* agent/platform/recorded/times.c — when a recorded host of 2000 to 2003 started, and when its
 * Tcpip\Parameters was last written. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/recorded.h"

#include "agent/platform/windows_rules.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/readers/boot_text.h"

#define BOOT_FILE "boot-time.txt"
#define BOOT_DIFFERS_MS 120000 /* clocks and rounding differ by less */
#define HIVE_FILE "tcpip-parameters.hiv"

static enum hm_status read_boot(struct hm_recorded *recorded, struct hm_tcpip_times *times,
                                struct hm_err *err)
{
    struct hm_recorded_file file;
    enum hm_status st = hm_recorded_read(recorded, BOOT_FILE, &file, err);

    if (st == HM_OK && file.there) {
        times->has_boot = hm_cim_time_parse(file.text, file.len, &times->boot_ms);
        if (!times->has_boot) {
            st = hm_notes_add(&recorded->notes, err,
                              BOOT_FILE " is no time as 20080709040000.500000+120: when the host "
                                        "started is unknown");
        }
    }
    return st;
}

/* The one file that is no text. */
static enum hm_status read_hive(struct hm_recorded *recorded, struct hm_tcpip_times *times,
                                struct hm_err *err)
{
    const char *name;
    const char *path;
    int64_t filetime;
    char *bytes;
    size_t len;
    enum hm_status st = hm_recorded_find(recorded, HIVE_FILE, &name, err);

    if (st != HM_OK || name == NULL) {
        return st;
    }
    path = hm_arena_printf(recorded->arena, "%s/%s", recorded->folder, name);
    if (path == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to read " HIVE_FILE);
    }
    st = hm_os_read_file(path, HM_LIMIT_INPUT_FILE_BYTES, recorded->arena, &bytes, &len, err);
    if (st == HM_OK && hm_hive_root_written(bytes, len, &filetime)) {
        times->written_ms = hm_windows_unix_ms(filetime);
        times->has_written = times->written_ms > 0;
    }
    return st;
}

/* Two files that differ: the earlier start is the careful one, as more was written since then. */
static enum hm_status take_boot(struct hm_recorded *recorded, struct hm_tcpip_times *times,
                                struct hm_err *err)
{
    const int64_t told = recorded->host.boot_time;
    enum hm_status st = HM_OK;

    if (times->has_boot &&
        (told > times->boot_ms + BOOT_DIFFERS_MS || told < times->boot_ms - BOOT_DIFFERS_MS)) {
        st = hm_notes_add(&recorded->notes, err,
                          "host.json and " BOOT_FILE " name different starts of the host: the "
                          "earlier one counts; gather the files again");
        times->boot_ms = told < times->boot_ms ? told : times->boot_ms;
    } else {
        times->boot_ms = told;
    }
    times->has_boot = true;
    return st;
}

enum hm_status hm_recorded_times(struct hm_recorded *recorded, struct hm_tcpip_times *out_times,
                                 struct hm_err *err)
{
    const struct hm_host_file *host = &recorded->host;
    struct hm_tcpip_times times = {.has_boot = false};
    enum hm_status st = read_boot(recorded, &times, err);

    if (st == HM_OK) {
        st = read_hive(recorded, &times, err);
    }
    if (st == HM_OK && host->has_boot_time) {
        st = take_boot(recorded, &times, err);
    }
    if (host->has_tcpip_written) {
        times.has_written = true;
        times.written_ms = host->tcpip_written;
    }
    if (st == HM_OK) {
        *out_times = times;
    }
    return st;
}
