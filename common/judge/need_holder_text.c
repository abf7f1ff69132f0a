/* common/judge/need_holder_text.c — who has a port, in the middle of a sentence for people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include "common/base/str.h"
#include "common/ports/line.h"

static void put_closed(struct hm_line *line, const struct hm_holder *holder)
{
    hm_line_put(line, "a connection to ");
    hm_line_put(line, holder->remote);
    hm_line_put(line, ", which its program has closed (");
    hm_line_put(line, holder->state == HM_SOCKET_TIME_WAIT
                          ? "TIME_WAIT, at most 60 seconds"
                          : "the other end has not answered, some minutes at most");
    hm_line_put(line, ")");
}

void hm_need_put_holder(struct hm_line *line, const struct hm_holder *holder)
{
    bool connected = !hm_str_equal(holder->remote, "");
    bool has_program = !hm_str_equal(holder->program, "");

    if (hm_socket_state_lingers(holder->state)) {
        put_closed(line, holder);
        return;
    }
    if (!has_program && hm_str_equal(holder->service, "")) {
        hm_line_put(line, "a program whose name could not be read");
    }
    hm_line_put(line, holder->program);
    if (!hm_str_equal(holder->service, "")) {
        hm_line_put(line, has_program ? " (service " : "service ");
        hm_line_put(line, holder->service);
        hm_line_put(line, has_program ? ")" : "");
    }
    if (connected) {
        hm_line_put(line, holder->connecting ? ", which tries to connect to "
                                             : ", which uses it for a connection to ");
        hm_line_put(line, holder->remote);
    } else if (holder->state == HM_SOCKET_BOUND) {
        hm_line_put(line, ", which has bound it");
    }
}

void hm_need_put_lingering(const struct hm_need *need, struct hm_line *line)
{
    const struct hm_strings *families = &need->verdict.families;

    hm_line_put(line, " may be blocked on ");
    hm_line_put_names(line, families->at, families->count);
    hm_line_put(line, " by ");
    hm_need_put_holder(line, &need->lingering);
    hm_line_put(line, ". A connection that a program of this host opened blocks every server until "
                      "then, and one that a server accepted only a server that does not set "
                      "SO_REUSEADDR: which of both it was is not known. Wait until it is gone, and "
                      "check again.");
}

void hm_need_note_lingering(const struct hm_need *need, struct hm_line *line)
{
    hm_line_put(line, " A closed connection still has it, for some minutes at most: until then a "
                      "service that does not set SO_REUSEADDR cannot start");
    hm_line_put(line, need->may_linger ? ", and if a program of this host opened the connection, "
                                         "no service can."
                                       : ".");
}
