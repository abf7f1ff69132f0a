/* common/judge/remedy_makers.c — dynamic ranges that a product's set-up makes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_scope.h"

#include "common/base/str.h"

/* Ranges that a product's set-up makes, and makes again with its next update (windows-ports 1.5).
 */
struct maker {
    struct hm_range range;
    const char *service; /* one that is on such a host; NULL: the range alone tells */
    const char *text;
};

static const struct maker makers[] = {
    {{6005, 65534},
     NULL,                            "Exchange set-up sets this range (start 6005, 59530 ports), and sets it "
     "again with each cumulative update"                                                         },
    {{6005, 59530},  NULL,            "Exchange set-up sets this range, and sets it again with each update"},
    {{1025, 60000},  "MSExchange*",   "Exchange 2007 set-up sets this range"                               },
    {{1024, 60000},
     "MSExchange*",                   "Exchange 2003 and Small Business Server set MaxUserPort to 60000"   },
    {{1024, 65534},  "Fwsrv",         "ISA Server sets MaxUserPort"                                        },
    {{10000, 65535}, "Fwsrv",         "Forefront TMG sets this range"                                      },
    {{33000, 65535}, "kubelet",       "AKS sets this range on its Windows nodes"                           },
    {{16385, 65535}, "kubelet",       "AKS sets this range on its Windows nodes"                           },
    {{49152, 65534}, "FabricHostSvc", "Service Fabric sets this range"                                     },
};

/* Where services may be missing from the list, it may be there: the range is left alone then. */
static bool may_have_service(const struct hm_finding_ctx *ctx, const char *pattern)
{
    const struct hm_inventory *inventory = ctx->input->inventory;

    if (!inventory->has_services || inventory->services_partial) {
        return true;
    }
    for (size_t i = 0; inventory->has_services && i < inventory->services.count; i++) {
        if (hm_str_glob_nocase(pattern, inventory->services.at[i])) {
            return true;
        }
    }
    return false;
}

const char *hm_remedy_range_maker(const struct hm_finding_ctx *ctx, struct hm_range range)
{
    for (size_t i = 0; !ctx->facts->linux_host && i < HM_COUNT(makers); i++) {
        if (makers[i].range.first == range.first && makers[i].range.last == range.last &&
            (makers[i].service == NULL || may_have_service(ctx, makers[i].service))) {
            return makers[i].text;
        }
    }
    return NULL;
}
