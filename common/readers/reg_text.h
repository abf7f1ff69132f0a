/* common/readers/reg_text.h — registry exports: REGEDIT4 and "Windows Registry Editor
 * Version 5.00". SPDX-License-Identifier: Apache-2.0
 *
 * UTF-16LE with byte order mark, or UTF-8 (with or without mark), or REGEDIT4 in an ANSI code
 * page (bytes over 0x7f only survive in text that is not looked at). Values: "text", dword:,
 * hex:, hex(2):, hex(7): with continuation lines, hex(4):, hex(b):, deletions ("-"). */
#pragma once

#include "common/ports/inventory.h"

enum hm_reg_type { HM_REG_TEXT, HM_REG_DWORD, HM_REG_LINES, HM_REG_BYTES };

struct hm_reg_value {
    const char *key;  /* "HKEY_LOCAL_MACHINE\\SYSTEM\\…" as written */
    const char *name; /* "" for the default value '@' */
    enum hm_reg_type type;
    const char *text;        /* HM_REG_TEXT and REG_EXPAND_SZ, UTF-8 */
    uint32_t dword;          /* HM_REG_DWORD */
    struct hm_strings lines; /* HM_REG_LINES: REG_MULTI_SZ, UTF-8 */
};

struct hm_reg {
    struct hm_reg_value *at;
    size_t count;
    struct hm_strings keys; /* that are there, with values or without, as written */
    size_t ends;            /* lines with which reg query ends ("End of search"), one a query */
    bool open;              /* the last query has no such line, though others have */
};

enum hm_status hm_reg_parse(const char *text, size_t len, struct hm_arena *arena,
                            struct hm_reg *out_reg, struct hm_err *err) HM_MUST_CHECK;

/* Finds by the last key components ("Tcpip\\Parameters") and value name, ASCII case folded;
 * NULL when absent. ControlSet001 and CurrentControlSet are the same here, but where a text has
 * several of them the current one counts. */
const struct hm_reg_value *hm_reg_find(const struct hm_reg *reg, const char *key_tail,
                                       const char *name);

/* The key as it is written when it is only there in a numbered control set (ControlSet001) of which
 * nothing says that it is the current one (SYSTEM\\Select, Current); NULL otherwise. */
const char *hm_reg_other_set(const struct hm_reg *reg, const char *key_tail);

/* Is there such a key at all? An export of another key tells nothing about its values. */
bool hm_reg_has_key(const struct hm_reg *reg, const char *key_tail);
