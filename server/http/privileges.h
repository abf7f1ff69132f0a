/* server/http/privileges.h — from root to an account that may do little.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Beside the listener because that is what root was needed for. */
#pragma once

#include "common/base/err.h"

/* When the process is root and user is not "": becomes that account for good, with its groups;
 * nothing otherwise. folder, when not NULL, is given to the account first. HM_EINVAL when there
 * is no such account. In any case files made from here on are the account's alone (umask 077), also
 * in a folder that others may enter. Before any thread is started. */
enum hm_status hm_privileges_drop(const char *user, const char *folder,
                                  struct hm_err *err) HM_MUST_CHECK;
