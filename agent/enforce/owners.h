/* agent/enforce/owners.h — rows of the ledger move to a policy that still wants them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. Where two policies want the same port the ledger names one of them. When
 * that one is over, what the other wants stays, and from then on is the other's: else nobody would
 * hold it when the other's document is lost, and its removal would be told of the wrong one. */
#pragma once

#include "agent/enforce/enforce_run.h"

/* The ledger with its rows where they belong now; *out_moved: it is another. Nothing is written. */
enum hm_status hm_owners_settle(struct hm_enforce_run *run, struct hm_ledger *out_ledger,
                                bool *out_moved, struct hm_err *err) HM_MUST_CHECK;
