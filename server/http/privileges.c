/* server/http/privileges.c — from root to an account that may do little.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/http/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum hm_status hm_privileges_drop(const char *user, const char *folder, struct hm_err *err)
{
    const struct passwd *account;

    (void)umask(S_IRWXG | S_IRWXO);
    if (user[0] == '\0' || geteuid() != 0) {
        return HM_OK;
    }
    account = getpwnam(user);
    if (account == NULL) {
        return hm_fail(err, HM_EINVAL,
                       "user: there is no account \"%s\"; make one (\"useradd --system %s\") or "
                       "leave user empty",
                       user, user);
    }
    if (folder != NULL && chown(folder, account->pw_uid, account->pw_gid) != 0) {
        return hm_fail(err, HM_EIO, "%s: cannot be given to %s: %s", folder, user, strerror(errno));
    }
    if (initgroups(user, account->pw_gid) != 0 || setgid(account->pw_gid) != 0 ||
        setuid(account->pw_uid) != 0 || setuid(0) == 0) {
        return hm_fail(err, HM_EIO, "cannot become %s: %s", user, strerror(errno));
    }
    return HM_OK;
}
