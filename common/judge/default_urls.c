/* common/judge/default_urls.c — the URL reservations that a new Windows has.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/default_urls.h"

#include <string.h>

#include "common/base/str.h"
#include "common/judge/need.h"

/* "netsh http show urlacl" of new hosts from Vista to Server 2025. Two paths of one port belong to
 * different services, so that a program's own path on it is no default. */
static const struct hm_default_url defaults[] = {
    {"*:80/Temporary_Listen_Addresses/*",            ""             },
    {"*:80/116B50EB-ECE2-41ac-8429-9F9E963361B7/*",  "PeerDistSvc"  }, /* BranchCache */
    {"*:80/0131501b-d67f-491b-9a40-c4bf27bcb4d4/*",  "PeerDistSvc"  },
    {"*:443/C574AC30-5794-4AEE-B1BB-6651C5315029/*", "PeerDistSvc"  },
    {"*:443/sra_{*",                                 "SstpSvc"      },
    {"*:2869/*",                                     "SSDPSRV"      },
    {"*:3387/rdp/*",                                 "TermService"  },
    {"*:3392/rdp/*",                                 "TermService"  },
    {"*:5357/*",                                     "FDResPub"     }, /* WSDAPI */
    {"*:5358/*",                                     "FDResPub"     },
    {"*:5985/wsman/*",                               "WinRM"        },
    {"*:5986/wsman/*",                               "WinRM"        },
    {"*:10243/WMPNSSv4/*",                           "WMPNetworkSvc"},
    {"*:10244/*",                                    ""             }, /* Media Center */
    {"*:10245/WMPNSSv4/*",                           "WMPNetworkSvc"},
    {"*:10246/MDEServer/*",                          ""             },
    {"*:10247/apps/*",                               ""             },
    {"*:47001/wsman/*",                              "WinRM"        },
};

const struct hm_default_url *hm_default_url_find(const struct hm_configured *row)
{
    for (size_t i = 0;
         row->by == HM_BY_URL_RESERVATION && row->subject != NULL && i < HM_COUNT(defaults); i++) {
        if (hm_str_glob_nocase(defaults[i].url, row->subject)) {
            return &defaults[i];
        }
    }
    return NULL;
}

/* ---- whose URL it is ----------------------------------------------------------------------- */

#define PATH_BYTES 64u      /* of the paths below, with room */
#define NAME_LETTERS_MIN 3u /* "api" and shorter words of a path are no names */

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* How many letters and digits the beginnings of the two have in common; *out_all: that is all of
 * the word or of the name. */
static size_t common_letters(struct hm_span word, const char *name, bool *out_all)
{
    size_t at = 0;
    size_t same = 0;

    for (;;) {
        while (at < word.len && !is_letter(word.at[at])) {
            at++;
        }
        while (*name != '\0' && !is_letter(*name)) {
            name++;
        }
        if (at == word.len || *name == '\0') {
            *out_all = true;
            return same;
        }
        if (folded(word.at[at]) != folded(*name)) {
            *out_all = false;
            return same;
        }
        at++;
        name++;
        same++;
    }
}

/* The first part of the path; empty when there is none. */
static struct hm_span first_of_path(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host == NULL ? NULL : strchr(host + 3, '/');

    return path == NULL ? (struct hm_span){url, 0}
                        : (struct hm_span){path + 1, strcspn(path + 1, "/ ")};
}

/* "URLs in configuration files (report server)": the paths that Reporting Services and Power BI
 * Report Server reserve at first; an instance adds its name. */
static const struct product_url {
    const char *path;    /* '*' as in file names */
    const char *service; /* likewise */
} product_urls[] = {
    {"ReportServer",   "SQLServerReportingServices"},
    {"ReportServer_*", "SQLServerReportingServices"},
    {"Reports",        "SQLServerReportingServices"},
    {"Reports_*",      "SQLServerReportingServices"},
    {"ReportServer",   "PowerBIReportServer"       },
    {"Reports",        "PowerBIReportServer"       },
    {"PowerBI",        "PowerBIReportServer"       },
    {"wopi",           "PowerBIReportServer"       },
    {"Reports",        "ReportServer"              },
    {"Reports_*",      "ReportServer$*"            },
};

static struct hm_span path_of(const struct hm_configured *row)
{
    return row->by == HM_BY_URL_RESERVATION && row->subject != NULL ? first_of_path(row->subject)
                                                                    : (struct hm_span){"", 0};
}

static bool is_of_product(struct hm_span path, const char *service)
{
    char word[PATH_BYTES];

    if (path.len >= sizeof(word)) {
        return false;
    }
    memcpy(word, path.at, path.len);
    word[path.len] = '\0';
    for (size_t i = 0; i < HM_COUNT(product_urls); i++) {
        if (hm_str_glob_nocase(product_urls[i].path, word) &&
            hm_str_glob_nocase(product_urls[i].service, service)) {
            return true;
        }
    }
    return false;
}

bool hm_url_names_service(const struct hm_configured *row, const char *service)
{
    const struct hm_span word = path_of(row);
    bool all = false;

    return (common_letters(word, service, &all) >= NAME_LETTERS_MIN && all) ||
           is_of_product(word, service);
}

bool hm_url_is_bare(const struct hm_configured *row)
{
    return path_of(row).len == 0;
}

bool hm_url_is_https(const struct hm_configured *row)
{
    return row->by == HM_BY_URL_RESERVATION && row->subject != NULL &&
           hm_str_glob_nocase("https://*", row->subject);
}

bool hm_url_same_path(const struct hm_configured *a, const struct hm_configured *b)
{
    const struct hm_span x = path_of(a);
    const struct hm_span y = path_of(b);

    for (size_t i = 0; x.len == y.len && i < x.len; i++) {
        if (folded(x.at[i]) != folded(y.at[i])) {
            return false;
        }
    }
    return x.len == y.len;
}

bool hm_default_url_may_serve(const struct hm_configured *row, const struct hm_service *service,
                              const struct hm_services *services)
{
    const struct hm_default_url *own = hm_default_url_find(row);

    if (own != NULL) {
        return hm_str_equal_nocase(own->service, service->name);
    }
    if (hm_url_names_service(row, service->name)) {
        return true;
    }
    for (size_t i = 0; i < services->count; i++) {
        if (hm_url_names_service(row, services->at[i].name)) {
            return false;
        }
    }
    return !hm_need_is_system_program(service->program);
}
