/* server/store/filter_lists.c — what each list can be filtered by; one row a field.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "server/store/filter.h"

#include "common/judge/finding.h"
#include "server/store/entities_policy.h"

static const struct hm_enum states = {hm_verdict_state_names, 4};
static const struct hm_enum reasons = {hm_verdict_reason_names, HM_REASON_COUNT};
static const struct hm_enum severities = {hm_severity_names, 4};
static const struct hm_enum kinds = {hm_listener_kind_names, HM_KIND_COUNT};
static const struct hm_enum origins = {hm_verdict_origin_names, 2};
static const struct hm_enum protocols = {hm_protocol_names, 2};
static const struct hm_enum os_families = {hm_os_family_names, 2};

static const struct hm_enum modes = {hm_policy_mode_names, HM_POLICY_MODE_COUNT};
static const struct hm_enum revision_states = {hm_revision_state_names, HM_REVISION_STATE_COUNT};
static const struct hm_enum host_states = {hm_host_policy_state_names, HM_HOST_POLICY_STATE_COUNT};
static const struct hm_enum whys = {hm_outcome_why_names, HM_OUTCOME_WHY_COUNT};
static const struct hm_enum codes = {hm_refusal_code_names, HM_REFUSAL_CODE_COUNT};

static const struct hm_filter_field host_fields[] = {
    {"name",          HM_FILTER_TEXT,   "name",               NULL,         "host name"                               },
    {"id",            HM_FILTER_TEXT,   "id",                 NULL,         "agent id"                                },
    {"label",         HM_FILTER_LABEL,  "labels",             NULL,         "label.NAME: the value of one label"      },
    {"os",            HM_FILTER_TEXT,   "os_name",            NULL,         "system, \"Windows Server 2019 Standard\""},
    {"os_family",     HM_FILTER_NAME,   "os_family",          &os_families, "windows or linux"                        },
    {"os_version",    HM_FILTER_TEXT,   "os_version",         NULL,         "\"10.0.17763\""                          },
    {"agent_version", HM_FILTER_TEXT,   "agent_version",      NULL,         "of hm-agent"                             },
    {"verdict",       HM_FILTER_NAME,   "verdict",            &states,      "worst of all its requirements"           },
    {"silent",        HM_FILTER_BOOL,   "silent_since_ms<>0", NULL,         "no longer reports"                       },
    {"cloned",        HM_FILTER_BOOL,   "cloned<>0",          NULL,         "its identity is used by two machines"    },
    {"incomplete",    HM_FILTER_BOOL,   "incomplete<>0",      NULL,         "facts are missing: not called safe"      },
    {"safe",          HM_FILTER_NUMBER, "safe",               NULL,         "requirements that are safe"              },
    {"unknown",       HM_FILTER_NUMBER, "unknown",            NULL,         "unknown ones"                            },
    {"exposed",       HM_FILTER_NUMBER, "exposed",            NULL,         "exposed ones"                            },
    {"blocked",       HM_FILTER_NUMBER, "blocked",            NULL,         "blocked ones"                            },
    {"high",          HM_FILTER_NUMBER, "findings_high",      NULL,         "findings of high severity"               },
    {"medium",        HM_FILTER_NUMBER, "findings_medium",    NULL,         "of medium severity"                      },
    {"low",           HM_FILTER_NUMBER, "findings_low",       NULL,         "of low severity"                         },
    {"first_seen",    HM_FILTER_TIME,   "first_seen_ms",      NULL,         "first report"                            },
    {"last_seen",     HM_FILTER_TIME,   "last_seen_ms",       NULL,         "newest report"                           },
};

static const struct hm_filter_field verdict_fields[] = {
    {"host",        HM_FILTER_TEXT,   "host_name",      NULL,         "host name"                           },
    {"host_id",     HM_FILTER_TEXT,   "host_id",        NULL,         "agent id"                            },
    {"label",       HM_FILTER_LABEL,  "host_labels",    NULL,         "label.NAME: a label of the host"     },
    {"silent",      HM_FILTER_BOOL,   "host_silent<>0", NULL,         "of a host that no longer reports"    },
    {"os_family",   HM_FILTER_NAME,   "host_os_family", &os_families, "windows or linux"                    },
    {"state",       HM_FILTER_NAME,   "state",          &states,      "safe, unknown, exposed, blocked"     },
    {"reason",      HM_FILTER_NAME,   "reason",         &reasons,     "why it has this state"               },
    {"product",     HM_FILTER_TEXT,   "product",        NULL,         "product id"                          },
    {"requirement", HM_FILTER_TEXT,   "requirement",    NULL,         "requirement id"                      },
    {"title",       HM_FILTER_TEXT,   "title",          NULL,         "\"Exchange 2013 POP3 back end\""     },
    {"protocol",    HM_FILTER_NAME,   "protocol",       &protocols,   "tcp or udp"                          },
    {"ports",       HM_FILTER_TEXT,   "ports",          NULL,         "port list, \"9955\" or \"9933,9955\""},
    {"kind",        HM_FILTER_NAME,   "kind",           &kinds,       "how it listens"                      },
    {"origin",      HM_FILTER_NAME,   "origin",         &origins,     "catalogue or observed"               },
    {"odds",        HM_FILTER_NUMBER, "odds",           NULL,         "chance that a port is taken, 0 to 1" },
    {"holder",      HM_FILTER_TEXT,   "holder",         NULL,         "program that holds a port"           },
    {"judged_by",   HM_FILTER_TEXT,   "judged_by",      NULL,         "agent or collector"                  },
    {"since",       HM_FILTER_TIME,   "valid_from_ms",  NULL,         "start of this state"                 },
};

static const struct hm_filter_field finding_fields[] = {
    {"host",         HM_FILTER_TEXT,  "host_name",       NULL,         "host name"                       },
    {"host_id",      HM_FILTER_TEXT,  "host_id",         NULL,         "agent id"                        },
    {"label",        HM_FILTER_LABEL, "host_labels",     NULL,         "label.NAME: a label of the host" },
    {"silent",       HM_FILTER_BOOL,  "host_silent<>0",  NULL,         "of a host that no longer reports"},
    {"silent",       HM_FILTER_BOOL,  "host_silent<>0",  NULL,         "of a host that no longer reports"},
    {"os_family",    HM_FILTER_NAME,  "host_os_family",  &os_families, "windows or linux"                },
    {"kind",         HM_FILTER_TEXT,  "kind",            NULL,         "\"family_gap\""                  },
    {"severity",     HM_FILTER_NAME,  "severity",        &severities,  "info, low, medium, high"         },
    {"subject",      HM_FILTER_TEXT,  "subject",         NULL,         "\"tcp 9955\""                    },
    {"fingerprint",  HM_FILTER_TEXT,  "fingerprint",     NULL,         "stable id of the finding"        },
    {"needs_reboot", HM_FILTER_BOOL,  "needs_reboot<>0", NULL,         "the remedy needs a reboot"       },
    {"since",        HM_FILTER_TIME,  "valid_from_ms",   NULL,         "when it was first found"         },
};

static const struct hm_filter_field event_fields[] = {
    {"kind",    HM_FILTER_TEXT,   "kind",      NULL, "\"verdict_changed\"" },
    {"host",    HM_FILTER_TEXT,   "host_name", NULL, "host name"           },
    {"host_id", HM_FILTER_TEXT,   "host_id",   NULL, "agent id"            },
    {"actor",   HM_FILTER_TEXT,   "actor",     NULL, "\"token anna\""      },
    {"peer",    HM_FILTER_TEXT,   "peer",      NULL, "address it came from"},
    {"id",      HM_FILTER_NUMBER, "id",        NULL, "number of the event" },
    {"at",      HM_FILTER_TIME,   "at_ms",     NULL, "when"                },
};

static const struct hm_filter_field token_fields[] = {
    {"id",        HM_FILTER_TEXT,   "id",         NULL, "token id"            },
    {"kind",      HM_FILTER_TEXT,   "kind",       NULL, "join or operator"    },
    {"name",      HM_FILTER_TEXT,   "name",       NULL, "\"laptop-anna\""     },
    {"role",      HM_FILTER_TEXT,   "role",       NULL, "of an operator token"},
    {"uses_left", HM_FILTER_NUMBER, "uses_left",  NULL, "of a join token"     },
    {"revoked",   HM_FILTER_BOOL,   "revoked<>0", NULL, "no longer taken"     },
    {"created",   HM_FILTER_TIME,   "created_ms", NULL, "when it was made"    },
    {"expires",   HM_FILTER_TIME,   "expires_ms", NULL, "when it ends"        },
};

static const struct hm_filter_field policy_fields[] = {
    {"name",       HM_FILTER_TEXT,   "name",       NULL,             "policy"                                 },
    {"owner",      HM_FILTER_TEXT,   "owner",      NULL,             "who answers for it"                     },
    {"mode",       HM_FILTER_NAME,   "mode",       &modes,           "audit, enforce or retire"               },
    {"state",      HM_FILTER_NAME,   "state",      &revision_states, "of the newest revision"                 },
    {"live",       HM_FILTER_BOOL,   "live<>0",    NULL,             "a revision is active, paused or retired"},
    {"live_state", HM_FILTER_NAME,   "live_state", &revision_states, "active, paused or retired"              },
    {"revision",   HM_FILTER_NUMBER, "newest",     NULL,             "the newest"                             },
    {"review",     HM_FILTER_TIME,   "review_ms",  NULL,             "by when somebody looks at it again"     },
    {"changed",    HM_FILTER_TIME,   "changed_ms", NULL,             "newest change"                          },
    {"ends",       HM_FILTER_TIME,   "ends_ms",    NULL,             "when the live revision's approval ends" },
};

static const struct hm_filter_field host_policy_fields[] = {
    {"host",      HM_FILTER_TEXT,   "host_name",        NULL,         "host name"                           },
    {"host_id",   HM_FILTER_TEXT,   "host_id",          NULL,         "agent id"                            },
    {"label",     HM_FILTER_LABEL,  "host_labels",      NULL,         "label.NAME: a label of the host"     },
    {"silent",    HM_FILTER_BOOL,   "host_silent<>0",   NULL,         "of a host that no longer reports"    },
    {"os_family", HM_FILTER_NAME,   "host_os_family",   &os_families, "windows or linux"                    },
    {"policy",    HM_FILTER_TEXT,   "policy",           NULL,         "its name"                            },
    {"revision",  HM_FILTER_NUMBER, "revision",         NULL,         "of the policy"                       },
    {"mode",      HM_FILTER_NAME,   "mode",             &modes,       "audit, enforce or retire"            },
    {"state",     HM_FILTER_NAME,   "state",            &host_states, "how far the host is with it"         },
    {"why",       HM_FILTER_NAME,   "why",              &whys,        "what a waiting one waits for"        },
    {"code",      HM_FILTER_NAME,   "code",             &codes,       "why a refused one was refused"       },
    {"excepted",  HM_FILTER_BOOL,   "excepted<>0",      NULL,         "an exception counts now"             },
    {"repairs",   HM_FILTER_NUMBER, "repairs",          NULL,         "times that drift was undone"         },
    {"offered",   HM_FILTER_TIME,   "offered_ms",       NULL,         "when it was offered"                 },
    {"verified",  HM_FILTER_TIME,   "verified_ms",      NULL,         "when it was first verified"          },
    {"failing",   HM_FILTER_TIME,   "failing_since_ms", NULL,         "since when it is not as it should be"},
};

static const struct hm_filter_field exception_fields[] = {
    {"id",       HM_FILTER_TEXT,  "id",          NULL, "exception id"                   },
    {"policy",   HM_FILTER_TEXT,  "policy",      NULL, "its name, \"\" of every policy" },
    {"host",     HM_FILTER_TEXT,  "host_name",   NULL, "host name"                      },
    {"host_id",  HM_FILTER_TEXT,  "host_id",     NULL, "agent id"                       },
    {"label",    HM_FILTER_LABEL, "host_labels", NULL, "label.NAME: a label of the host"},
    {"approver", HM_FILTER_TEXT,  "approver",    NULL, "who answers for it"             },
    {"expires",  HM_FILTER_TIME,  "expires_ms",  NULL, "when it ends"                   },
    {"revoked",  HM_FILTER_BOOL,  "revoked<>0",  NULL, "no longer counts"               },
};

#define LIST(list, fields)                                                                         \
    const struct hm_filter_list hm_filter_##list = {#list, fields, HM_COUNT(fields)}

LIST(hosts, host_fields);
LIST(verdicts, verdict_fields);
LIST(findings, finding_fields);
LIST(events, event_fields);
LIST(tokens, token_fields);
LIST(policies, policy_fields);
LIST(host_policies, host_policy_fields);
LIST(exceptions, exception_fields);

const struct hm_filter_list *const hm_filter_lists[] = {
    &hm_filter_events, &hm_filter_exceptions, &hm_filter_findings, &hm_filter_host_policies,
    &hm_filter_hosts,  &hm_filter_policies,   &hm_filter_tokens,   &hm_filter_verdicts,
};
const size_t hm_filter_lists_count = HM_COUNT(hm_filter_lists);
