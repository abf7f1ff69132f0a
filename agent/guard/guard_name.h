/* agent/guard/guard_name.h — what the guard, the agent and the registry call things.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All of it is below HKEY_LOCAL_MACHINE in keys that only administrators may write: nothing that
 * another user makes (files, events, names of objects) has a say. */
#pragma once

#define HM_GUARD_NAME "HavenmasterGuard"
#define HM_GUARD_WIDE_NAME L"HavenmasterGuard"
#define HM_GUARD_PROGRAM L"hm-guard.exe"
#define HM_GUARDED_BY L"HavenmasterAgent" /* the service whose first pass is waited for */
#define HM_GUARDED_BY_NAME "HavenmasterAgent"

/* Volatile, so that it says something about this boot and no other: the value is there once the
 * agent's first pass of enforcement is done, whatever became of it. */
#define HM_GUARD_BOOT_KEY L"SOFTWARE\\HavenmasterBoot"
#define HM_GUARD_BOOT_VALUE L"FirstPass"

/* What Windows starts in safe mode; below it, in that mode only, the key "Option". */
#define HM_GUARD_SAFE_BOOT_KEY L"SYSTEM\\CurrentControlSet\\Control\\SafeBoot"

#define HM_GUARD_SERVICES_KEY L"SYSTEM\\CurrentControlSet\\Services"
#define HM_GUARDED_BY_KEY HM_GUARD_SERVICES_KEY L"\\" HM_GUARDED_BY
#define HM_GUARD_OWN_KEY HM_GUARD_SERVICES_KEY L"\\" HM_GUARD_WIDE_NAME
/* In the guard's own key: the guard ends, but runs first; written by what removes it. */
#define HM_GUARD_END_VALUE L"End"

#define HM_GUARD_WAIT_MS 20000 /* from its start; then it runs in every case */

/* "hm-guard.exe prove 123456789": it does nothing, and its exit status is the answer. So a program
 * shows that it is the guard, and that the system runs it here, before services depend on it. */
#define HM_GUARD_PROOF_WORD L"prove"
#define HM_GUARD_PROOF_DIGITS 9u
#define HM_GUARD_PROOF_MOST 0x1FFFFFFFu /* nine digits */
#define HM_GUARD_PROOF_ANSWER(number) ((number) ^ 0x15A7E5EDu)
