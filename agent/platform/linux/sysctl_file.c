/* agent/platform/linux/sysctl_file.c — what outlives a boot, in files of our own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/readers/sysctl_ports.h"

#define OWN_FOLDER "/etc/sysctl.d"
#define OWN_TEXT_BYTES (2u * HM_LINUX_SYSCTL_BYTES)

static const char header[] =
    "# Made by hm-agent: policies of Havenmaster keep these ports. It is written again when they\n"
    "# change, and removed when none is left. Ports that other files reserve are repeated here,\n"
    "# because the last file that sets the value wins.\n";

static const char range_header[] =
    "# Made by hm-agent: a policy of Havenmaster keeps this range. It is written again when that\n"
    "# changes, and removed with it.\n";

static const char boot_header[] =
    "# Made by hm-agent: policies of Havenmaster keep these ports. It is written again when they\n"
    "# change, and removed when none is left. No loader of sysctl.d reads it:\n"
    "# " HM_LINUX_BOOT_UNIT " adds these ports to the list after systemd-sysctl.\n";

static enum hm_status path_below(const char *root, const char *name, char out[HM_LINUX_PATH_BYTES],
                                 struct hm_err *err)
{
    int put = snprintf(out, HM_LINUX_PATH_BYTES, "%s%s", root, name);

    return put > 0 && (size_t)put < HM_LINUX_PATH_BYTES
               ? HM_OK
               : hm_fail(err, HM_EINVAL, "%s: the path is too long", root);
}

/* ---- bytes --------------------------------------------------------------------------------- */

static enum hm_status save_one(const char *root, const char *name, struct hm_arena *arena,
                               struct hm_linux_sysctl_bytes *out_bytes, struct hm_err *err)
{
    char path[HM_LINUX_PATH_BYTES];
    char *text;
    size_t len;
    enum hm_status st = path_below(root, name, path, err);

    if (st == HM_OK) {
        st = hm_os_read_file(path, HM_LIMIT_INPUT_FILE_BYTES, arena, &text, &len, err);
    }
    if (st == HM_ENOENT) {
        *out_bytes = (struct hm_linux_sysctl_bytes){NULL, 0};
        return HM_OK;
    }
    if (st == HM_OK) {
        *out_bytes = (struct hm_linux_sysctl_bytes){text, len};
    }
    return st;
}

/* "Permission denied" helps nobody who does not know what the file is for. */
static enum hm_status explain(const char *folder, enum hm_status st, struct hm_err *err)
{
    char why[HM_ERR_TEXT_MAX];

    if (st == HM_OK || access(folder, W_OK) == 0 ||
        (errno != EACCES && errno != EPERM && errno != EROFS)) {
        return st;
    }
    (void)snprintf(why, sizeof(why), "%s", strerror(errno));
    return hm_fail(err, HM_EDENIED,
                   "%s: %s: reserved ports and ranges are kept there for the next boot; run the "
                   "agent as root, and let its unit write there (ReadWritePaths=)",
                   folder, why);
}

/* With what a crash may have left of an earlier try. */
static enum hm_status remove_own(const char *path, struct hm_err *err)
{
    char temporary[HM_LINUX_PATH_BYTES + sizeof(".tmp")];
    enum hm_status st;

    (void)snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    st = hm_os_remove_file(temporary, err);
    return st == HM_OK || st == HM_ENOENT ? hm_os_remove_file(path, err) : st;
}

static enum hm_status set_one(const char *root, const char *name,
                              const struct hm_linux_sysctl_bytes *bytes, struct hm_err *err)
{
    char path[HM_LINUX_PATH_BYTES];
    char folder[HM_LINUX_PATH_BYTES];
    enum hm_status st = path_below(root, name, path, err);

    if (st == HM_OK) {
        st = path_below(root, OWN_FOLDER, folder, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (bytes->text == NULL) {
        return hm_os_exists(path) ? explain(folder, remove_own(path, err), err) : HM_OK;
    }
    st = hm_os_make_folder(folder, 0755, err);
    if (st == HM_OK) {
        st = hm_os_replace_file(path, bytes->text, bytes->len, false, err);
    }
    return explain(folder, st, err);
}

static bool same_bytes(const struct hm_linux_sysctl_bytes *a, const struct hm_linux_sysctl_bytes *b)
{
    if (a->text == NULL || b->text == NULL) {
        return a->text == b->text;
    }
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

enum hm_status hm_linux_kept_save(const char *root, struct hm_arena *arena,
                                  struct hm_linux_kept_bytes *out_bytes, struct hm_err *err)
{
    enum hm_status st = save_one(root, HM_LINUX_SYSCTL_FILE, arena, &out_bytes->conf, err);

    return st == HM_OK ? save_one(root, HM_LINUX_BOOT_FILE, arena, &out_bytes->boot, err) : st;
}

/* The file that is there comes before the one that goes: cut off between the two, both count. */
enum hm_status hm_linux_kept_set(const char *root, const struct hm_linux_kept_bytes *bytes,
                                 struct hm_err *err)
{
    const bool boot_first = bytes->boot.text != NULL;
    enum hm_status st = boot_first ? set_one(root, HM_LINUX_BOOT_FILE, &bytes->boot, err) : HM_OK;

    if (st == HM_OK) {
        st = set_one(root, HM_LINUX_SYSCTL_FILE, &bytes->conf, err);
    }
    return st == HM_OK && !boot_first ? set_one(root, HM_LINUX_BOOT_FILE, &bytes->boot, err) : st;
}

/* ---- what they say ------------------------------------------------------------------------- */

/* Lines that are broken say nothing. */
static enum hm_status parse(const struct hm_linux_sysctl_bytes *bytes, struct hm_arena *arena,
                            struct hm_sysctl_ports *out, struct hm_err *err)
{
    struct hm_sysctl_ports ports = {0};
    enum hm_status st = HM_OK;

    if (bytes->text != NULL) {
        st = hm_sysctl_take_settings((struct hm_span){bytes->text, bytes->len}, arena, &ports, err);
    }
    *out = ports;
    return st;
}

enum hm_status hm_linux_boot_file_get(const char *root, struct hm_arena *arena,
                                      struct hm_linux_kept *out_kept, struct hm_err *err)
{
    struct hm_linux_sysctl_bytes bytes;
    struct hm_sysctl_ports says = {0};
    enum hm_status st = save_one(root, HM_LINUX_BOOT_FILE, arena, &bytes, err);

    if (st == HM_OK) {
        st = parse(&bytes, arena, &says, err);
    }
    if (st == HM_OK) {
        *out_kept = (struct hm_linux_kept){.owned = says.reserved,
                                           .has_range = says.has_range,
                                           .range = says.range,
                                           .damaged = says.refused};
    }
    return st;
}

static enum hm_status read_kept(const struct hm_linux_kept_bytes *bytes, struct hm_arena *arena,
                                struct hm_linux_kept *out_kept, struct hm_err *err)
{
    struct hm_sysctl_ports conf = {0};
    struct hm_sysctl_ports boot = {0};
    struct hm_linux_kept kept = {.has_range = false};
    enum hm_status st = parse(&bytes->conf, arena, &conf, err);

    if (st == HM_OK) {
        st = parse(&bytes->boot, arena, &boot, err);
    }
    if (st == HM_OK) {
        st = hm_ports_union(conf.reserved, boot.reserved, arena, &kept.owned, err);
    }
    kept.has_range = conf.has_range || boot.has_range;
    kept.range = boot.has_range ? boot.range : conf.range;
    *out_kept = kept;
    return st;
}

/* The ports of others that the file in sysctl.d repeats are not ours. */
enum hm_status hm_linux_kept_get(const char *root, struct hm_arena *arena,
                                 struct hm_linux_kept *out_kept, struct hm_err *err)
{
    struct hm_linux_kept_bytes bytes;
    struct hm_ports others = {NULL, 0};
    enum hm_status st = hm_linux_kept_save(root, arena, &bytes, err);

    if (st == HM_OK) {
        st = read_kept(&bytes, arena, out_kept, err);
    }
    if (st == HM_OK && bytes.conf.text != NULL) {
        st = hm_linux_sysctl_others(root, arena, &others, err);
    }
    return st == HM_OK ? hm_ports_subtract(out_kept->owned, others, arena, &out_kept->owned, err)
                       : st;
}

/* ---- what they are to say ------------------------------------------------------------------ */

static void put_range(const struct hm_linux_kept *kept, struct hm_buf *out)
{
    if (kept->has_range) {
        (void)hm_buf_printf(out, "net.ipv4.ip_local_port_range = %u %u\n",
                            (unsigned)kept->range.first, (unsigned)kept->range.last);
    }
}

static enum hm_status format(const struct hm_linux_kept *kept, struct hm_ports others,
                             struct hm_arena *arena, struct hm_buf *out, struct hm_err *err)
{
    struct hm_ports added;
    enum hm_status st = hm_ports_subtract(kept->owned, others, arena, &added, err);

    if (st != HM_OK) {
        return st;
    }
    (void)hm_buf_puts(out, header);
    if (kept->owned.count > 0) {
        (void)hm_buf_puts(out, "net.ipv4.ip_local_reserved_ports = ");
        (void)hm_ports_format(others, out);
        (void)hm_buf_puts(out, others.count > 0 && added.count > 0 ? "," : "");
        (void)hm_ports_format(added, out);
        (void)hm_buf_putc(out, '\n');
    }
    put_range(kept, out);
    return hm_buf_status(out, err);
}

/* For the unit: ours alone. */
static enum hm_status format_boot(const struct hm_linux_kept *kept, struct hm_buf *out,
                                  struct hm_err *err)
{
    (void)hm_buf_puts(out, boot_header);
    if (kept->owned.count > 0) {
        (void)hm_buf_puts(out, "net.ipv4.ip_local_reserved_ports = ");
        (void)hm_ports_format(kept->owned, out);
        (void)hm_buf_putc(out, '\n');
    }
    put_range(kept, out);
    return hm_buf_status(out, err);
}

static enum hm_status format_range(const struct hm_linux_kept *kept, struct hm_buf *out,
                                   struct hm_err *err)
{
    (void)hm_buf_puts(out, range_header);
    put_range(kept, out);
    return hm_buf_status(out, err);
}

static bool lacks(const struct hm_linux_kept *was, const struct hm_linux_kept *kept,
                  struct hm_arena *arena)
{
    struct hm_ports missing = {NULL, 0};

    if (kept->has_range && (!was->has_range || was->range.first != kept->range.first ||
                            was->range.last != kept->range.last)) {
        return true;
    }
    return hm_ports_subtract(kept->owned, was->owned, arena, &missing, NULL) != HM_OK ||
           missing.count > 0;
}

/* Ports that files of others reserve, and that our file, which is read last, did not repeat. */
static enum hm_status find_hidden(const struct hm_linux_kept_bytes *before, struct hm_ports others,
                                  struct hm_arena *arena, struct hm_ports *out, struct hm_err *err)
{
    struct hm_sysctl_ports conf = {0};
    enum hm_status st = parse(&before->conf, arena, &conf, err);

    *out = (struct hm_ports){NULL, 0};
    return st == HM_OK && conf.has_reserved
               ? hm_ports_subtract(others, conf.reserved, arena, out, err)
               : st;
}

enum hm_status hm_linux_kept_put(const char *root, const struct hm_linux_kept *kept,
                                 struct hm_arena *arena, struct hm_linux_put *out_put,
                                 struct hm_err *err)
{
    const bool is_kept = kept->owned.count > 0 || kept->has_range;
    struct hm_linux_put put = {.how = ""};
    struct hm_linux_kept_bytes before;
    struct hm_linux_kept_bytes after = {
        {NULL, 0},
        {NULL, 0}
    };
    struct hm_ports others = {NULL, 0};
    struct hm_linux_kept was;
    struct hm_buf conf;
    struct hm_buf boot;
    bool by_unit = false;
    enum hm_status st;

    hm_buf_init(&conf, OWN_TEXT_BYTES);
    hm_buf_init(&boot, OWN_TEXT_BYTES);
    st = hm_linux_boot_unit(root, arena, &by_unit, &put.how, err);
    by_unit = by_unit && !kept->stays;
    if (st == HM_OK) {
        st = hm_linux_kept_save(root, arena, &before, err);
    }
    if (st == HM_OK && !by_unit && kept->owned.count > 0) {
        st = hm_linux_sysctl_others(root, arena, &others, err);
    }
    if (st == HM_OK) {
        st = read_kept(&before, arena, &was, err);
    }
    if (st == HM_OK && is_kept && by_unit) {
        st = format_boot(kept, &boot, err);
        after.boot = (struct hm_linux_sysctl_bytes){hm_buf_text(&boot), boot.len};
    }
    if (st == HM_OK && is_kept && (!by_unit || kept->has_range)) {
        st = by_unit ? format_range(kept, &conf, err) : format(kept, others, arena, &conf, err);
        after.conf = (struct hm_linux_sysctl_bytes){hm_buf_text(&conf), conf.len};
    }
    put.changed = st == HM_OK && (!same_bytes(&before.conf, &after.conf) ||
                                  !same_bytes(&before.boot, &after.boot));
    if (st == HM_OK && put.changed) {
        st = hm_linux_kept_set(root, &after, err);
    }
    if (st == HM_OK && !by_unit && kept->owned.count > 0) {
        st = find_hidden(&before, others, arena, &put.hidden, err);
    }
    if (st == HM_OK) {
        put.lacked = lacks(&was, kept, arena);
        put.by_unit = by_unit;
        *out_put = put;
    }
    hm_buf_fini(&conf);
    hm_buf_fini(&boot);
    return st;
}
