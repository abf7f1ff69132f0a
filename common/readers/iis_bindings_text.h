/* common/readers/iis_bindings_text.h — web sites of IIS and their ports.
 * SPDX-License-Identifier: Apache-2.0
 *
 * applicationHost.config whole, or the lines with "<site ", "<sites " and "<binding " that findstr
 * takes out of it. Of a binding of protocol http, https or ftp the port of
 * bindingInformation="address:port:host" counts, of net.tcp that of "port:host"; the latter two are
 * no ports of HTTP.sys but sockets of ftpsvc and of the Net.Tcp Port Sharing Service. Others have
 * no port. Bindings of a site with serverAutoStart="false" are manual, and the FTP bindings of a
 * site whose <ftpServer> has it. Comments are skipped: in a whole
 * file, which begins with <configuration>, to their "-->"; one without it sets make->doubt. In an
 * extract a comment ends with its line, as the line with the "-->" may not be in it: what such a
 * comment holds counts. Sites that are encrypted or in another file (configSource) set make->doubt,
 * too, and so does an entity ("&name;") in a name or binding that is none of the five of XML and no
 * number.
 *
 * text is any bytes, len of them, borrowed for the call. Rows go into *make, with their subjects in
 * make's arena. HM_ENOMEM is the only error. Threads: pure.
 *
 * With shared configuration, IIS does not use its own applicationHost.config but that of a folder
 * which redirection.config beside it names (IIS configuration reference, "Configuration Redirection
 * <configurationRedirection>"). */
#pragma once

#include "common/ports/configured.h"

enum hm_status hm_iis_bindings_parse(const char *text, size_t len, struct hm_configured_make *make,
                                     struct hm_err *err) HM_MUST_CHECK;

struct hm_iis_redirection {
    bool enabled;        /* what is not "false" counts as enabled */
    struct hm_span path; /* of the folder, piece of the text; empty: it could not be read */
    const char *doubt;   /* why neither is known, static text; NULL: they are */
};

/* redirection.config whole, any bytes. It holds a password, too: only the path is taken. */
void hm_iis_redirection_parse(const char *text, size_t len,
                              struct hm_iis_redirection *out_redirection);
