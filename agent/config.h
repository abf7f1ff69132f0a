/* agent/config.h — what an administrator sets: agent.conf, "--set key=value", defaults.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plain data in the caller's arena. The file is read first, then "--set", then what the system's
 * own management enforces (hm_host_policy), which nobody on the host can outrank; a missing file
 * at the standard path is fine, a missing file that was named is not. The build gives the standard
 * paths (agent/CMakeLists.txt). */
#pragma once

#include <stdint.h>

#include "agent/platform/host.h"
#include "common/config/cli.h"
#include "common/config/config.h"
#include "common/plan/plan.h"

struct hm_agent_config {
    const char *collector; /* "https://collector.example:5830"; "" = judge here, report nowhere */
    const char *token;     /* join token; "" none */
    const char *token_file;
    const char *trust_root_file; /* "" = the one that comes with the enrolment, or after it */
    const char *ca_file;         /* "" = what the join token vouches for, else the system's store */
    const char *state_dir;
    const char *name; /* "" = the host's own */
    struct hm_strings labels;
    const char *catalogue_dir;     /* an administrator's own products; may be absent */
    const char *product_dir;       /* shipped products; never "" after hm_agent_config_load */
    const char *host;              /* "" = this machine; else the folder of a recorded one */
    uint32_t interval_s;           /* 0 = as the collector says */
    bool enforce;                  /* false = nothing is changed or taken back here */
    struct hm_strings never_ports; /* as written; hm_agent_config_limits reads them */
    uint32_t policy_ports_max;     /* 0 = no limit */
    unsigned log_level;            /* enum hm_log_level */

    /* Not a setting: what the system's policy says and this agent does not take, a sentence each.
     */
    struct hm_strings ignored;
};

extern const struct hm_config_row hm_agent_config_rows[];
extern const size_t hm_agent_config_count;

/* Defaults, file, "--set", policy. cli NULL = defaults only. HM_EINVAL with file and line. */
enum hm_status hm_agent_config_load(const struct hm_cli *cli, struct hm_arena *arena,
                                    struct hm_agent_config *out_config,
                                    struct hm_err *err) HM_MUST_CHECK;

/* Applies a policy. A name that this version does not know, and the join token (any user may read
 * a policy), only become a sentence in ignored: one policy serves many versions. A value out of
 * range is HM_EINVAL. */
enum hm_status hm_agent_config_enforce(const struct hm_host_settings *policy, const char *source,
                                       struct hm_arena *arena, struct hm_agent_config *config,
                                       struct hm_err *err) HM_MUST_CHECK;

/* What outranks every policy, in the arena. HM_EINVAL names the piece of never_ports. */
enum hm_status hm_agent_config_limits(const struct hm_agent_config *config, struct hm_arena *arena,
                                      struct hm_local_limits *out_limits,
                                      struct hm_err *err) HM_MUST_CHECK;

/* Folder of a configuration file, without a slash at its end; "." when path has none. */
enum hm_status hm_agent_config_folder(const char *path, struct hm_arena *arena,
                                      const char **out_folder, struct hm_err *err) HM_MUST_CHECK;

/* The join token of "token" or of the first line of "token_file"; "" when neither is set or the
 * file is not there (an installer may remove it once it was used). In the arena. */
enum hm_status hm_agent_config_token(const struct hm_agent_config *config, struct hm_arena *arena,
                                     const char **out_token, struct hm_err *err) HM_MUST_CHECK;
