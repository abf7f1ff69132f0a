/* common/wire/records.c — the list of all documents.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/records.h"

const struct hm_record_row hm_records[] = {
    {"catalogue",   &hm_record_catalogue  },
    {"check",       &hm_record_check      },
    {"checked_in",  &hm_record_checked_in },
    {"checkin",     &hm_record_checkin    },
    {"desired",     &hm_record_desired    },
    {"enroll",      &hm_record_enroll     },
    {"enrolled",    &hm_record_enrolled   },
    {"envelope",    &hm_record_envelope   },
    {"finding",     &hm_record_finding    },
    {"findings",    &hm_record_findings   },
    {"host_file",   &hm_record_host_file  },
    {"inventory",   &hm_record_inventory  },
    {"ledger",      &hm_record_ledger     },
    {"outcome",     &hm_record_outcome    },
    {"plan",        &hm_record_plan       },
    {"policy",      &hm_record_policy     },
    {"problem",     &hm_record_problem    },
    {"product",     &hm_record_product    },
    {"sample",      &hm_record_sample     },
    {"signing_key", &hm_record_signing_key},
    {"statement",   &hm_record_statement  },
    {"trust_root",  &hm_record_trust_root },
    {"verdict",     &hm_record_verdict    },
};
const size_t hm_records_count = HM_COUNT(hm_records);
