/* common/base/limits.h — every cap on something that a remote party or a file sizes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One name a cap, bytes unless the name says otherwise. Over a cap is HM_ETOOBIG, never a cut. */
#pragma once

#define HM_LIMIT_INPUT_FILE_BYTES (8u * 1024u * 1024u) /* one file given to hm-agent check */
#define HM_LIMIT_NETSTAT_FILE_BYTES                                                                \
    (48u * 1024u * 1024u) /* its netstat.txt: HM_LIMIT_SOCKETS rows of 80 characters in UTF-16 */
#define HM_LIMIT_CHECK_ARENA_BYTES                                                                 \
    (512u * 1024u * 1024u) /* hm-agent check; 250,000 rows of netstat take 126 MB */
#define HM_LIMIT_CONFIG_BYTES (256u * 1024u) /* agent.conf, collector.conf */

/* The wire. Before and after decompression alike. */
#define HM_LIMIT_ENROLL_BYTES (16u * 1024u)
#define HM_LIMIT_CHECKIN_BYTES (1024u * 1024u) /* envelope and all document bodies together */
#define HM_LIMIT_ENVELOPE_BYTES (16u * 1024u)  /* first line of a check-in */
#define HM_LIMIT_DOCUMENT_BYTES (512u * 1024u) /* one document body */
#define HM_LIMIT_DESIRED_BYTES (4u * 1024u * 1024u)
#define HM_LIMIT_API_BODY_BYTES (256u * 1024u) /* operator POST bodies */
#define HM_LIMIT_REPLY_BYTES (32u * 1024u * 1024u)
#define HM_LIMIT_JSON_DEPTH 32u /* nesting of any JSON we read */
#define HM_LIMIT_URL_BYTES 4096u
#define HM_LIMIT_FILTER_BYTES 1024u
#define HM_LIMIT_PAGE_ROWS 1000u
#define HM_LIMIT_CURSOR_BYTES 1024u
#define HM_LIMIT_WAIT_S 600u /* longest held request (RFC 7240 wait) */

/* Records. */
#define HM_LIMIT_NAME_BYTES 255u /* product, service, program, host, label */
#define HM_LIMIT_TEXT_BYTES 2048u
#define HM_LIMIT_ADDRESS_BYTES 80u /* one address, with a zone or port */
#define HM_LIMIT_ID_BYTES 64u      /* agent id, boot id, fingerprint, version */
#define HM_LIMIT_TOKEN_BYTES 191u  /* tokens (a join token has 139), digests, ETags */
#define HM_LIMIT_INTERVAL_S 86400u
#define HM_LIMIT_LISTENERS 8192u          /* rows of one document, each of one port or several */
#define HM_LIMIT_LISTENERS_OPENED 131072u /* of one document, each port by itself */
#define HM_LIMIT_SERVICES 4096u
#define HM_LIMIT_DEPENDENCIES 64u       /* services that one service depends on */
#define HM_LIMIT_PORT_BOOK 4096u        /* listeners that an agent remembers */
#define HM_LIMIT_SYSCTL_NAME_BYTES 255u /* a name or pattern in a file of sysctl.d */
#define HM_LIMIT_SYSCTL_SETTINGS 1024u  /* different names and patterns of the port settings */
#define HM_LIMIT_CONFIGURED 1024u       /* ports that are set up to be served, of one inventory */
#define HM_LIMIT_HAZARDS 4096u          /* ports that must not be excluded, in the agent's memory */
#define HM_LIMIT_CONFIGURED_READ 65536u /* as read, before doubles are dropped */
#define HM_LIMIT_SUBJECT_BYTES 96u      /* what such a port is for */
#define HM_LIMIT_OBSERVED 1024u         /* rows of listeners that may be random */
#define HM_LIMIT_EVENT_COUNTS 256u
#define HM_LIMIT_LOGGED_EVENTS 65536u /* of one file of a Windows event log */
#define HM_LIMIT_STEPS 64u            /* of one remedy */
#define HM_LIMIT_SOCKETS 262144u
#define HM_LIMIT_TASKS 65536u
#define HM_LIMIT_REG_VALUES 65536u
#define HM_LIMIT_RANGES 32768u /* ranges in one port list: no list needs more */
#define HM_LIMIT_RESERVED_LINES 4096u
#define HM_LIMIT_WRONG_TYPES 16u /* registry values of a wrong type */
#define HM_LIMIT_VERDICTS 4096u
#define HM_LIMIT_FINDINGS 4096u
#define HM_LIMIT_EVIDENCE 64u
#define HM_LIMIT_COMMANDS 256u
#define HM_LIMIT_PRODUCTS 4096u
#define HM_LIMIT_EFFECTS 64u
#define HM_LIMIT_PRODUCT_VERSION 1000000u
#define HM_LIMIT_DATE_BYTES 10u    /* "2026-11-30" */
#define HM_LIMIT_REQUIREMENTS 256u /* of one product */
#define HM_LIMIT_INSTANCES 64u /* of a product on one host, that numbers or settings tell apart */
#define HM_LIMIT_NUMBERED_PORTS 8u /* that the number of one instance makes, of one requirement */
#define HM_LIMIT_LABELS 64u
#define HM_LIMIT_RESERVATIONS 256u   /* of one policy */
#define HM_LIMIT_MATCHES 64u         /* children of one node of a match tree */
#define HM_LIMIT_WANTS 1024u         /* ranges of ports that all policies want of one host */
#define HM_LIMIT_POLICIES 256u       /* of one host */
#define HM_LIMIT_POLICIES_KEPT 4096u /* that one host has ever taken */
#define HM_LIMIT_PLAN_ROWS 65536u    /* actions, or notes, of one plan; rows of a ledger */
#define HM_LIMIT_TOKEN_USES 1000000u
#define HM_LIMIT_TOKEN_VALID_S (10u * 366u * 86400u)

/* What is signed. Sizes are of the JSON text; an envelope carries its statement as base64. */
#define HM_LIMIT_APPROVERS 32u
#define HM_LIMIT_TRUST_ROOTS 64u                           /* the newest that are handed on */
#define HM_LIMIT_SIGNATURES 32u                            /* of one envelope */
#define HM_LIMIT_POLICY_BYTES (32u * 1024u)                /* one policy document */
#define HM_LIMIT_SIGNED_BODY_BYTES (96u * 1024u)           /* one statement or trust root */
#define HM_LIMIT_SIGNED_BYTES (192u * 1024u)               /* one envelope */
#define HM_LIMIT_MATCH_BYTES (16u * 1024u)                 /* whom a policy is for */
#define HM_LIMIT_STATEMENT_VALID_S (400u * 86400u)         /* until when a statement counts */
#define HM_LIMIT_POLICIES_FILE_BYTES (16u * 1024u * 1024u) /* policies.json of an agent */
#define HM_LIMIT_KEY_FILE_BYTES (16u * 1024u)
#define HM_LIMIT_PASSPHRASE_MIN_BYTES 8u
#define HM_LIMIT_PASSPHRASE_BYTES 1024u
#define HM_LIMIT_KDF_OPS 16u /* Argon2id: passes, and KiB of memory */
#define HM_LIMIT_KDF_KIB_MIN 8u
#define HM_LIMIT_KDF_KIB (1024u * 1024u)

/* Arenas: what one request, one cycle, one check may use. */
#define HM_LIMIT_REQUEST_ARENA_BYTES (64u * 1024u * 1024u)
#define HM_LIMIT_CYCLE_ARENA_BYTES (64u * 1024u * 1024u)
#define HM_LIMIT_PLAN_ARENA_BYTES (256u * 1024u * 1024u) /* one page, or the list, of a plan */
