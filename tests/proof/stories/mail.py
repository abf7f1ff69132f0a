"""Incident I4: a mail server with 1,500 mailboxes on Windows Server 2003. The load of 500 POP3
users leaves thousands of connections in TIME_WAIT, and the small range runs out.

SPDX-License-Identifier: Apache-2.0
"""
import events
import model
from hosts.build import Build
from stories.shared import BOOTED, IN_RANGE, KEY, RANGE_MOVED
from story import Expect

RDP = "remote-desktop/rdp"
HEADROOM = "low_headroom tcp dynamic range"
EVENTS = "exhaustion_events tcp ports exhausted"
MAIL = {"mdaemon/smtp": "safe", "mdaemon/pop3": "safe", "mdaemon/imap": "safe"}

QUIET = Expect(verdicts={RDP: "exposed", **MAIL}, findings={f"{IN_RANGE} tcp 3389": ""},
               says=("Not all is safe.",))
FULL = QUIET.but(findings={HEADROOM: "high"})


def server(name, catalogue):
    b = Build(name, "2003", catalogue)
    b.host.os["name"] = "Windows Server 2003 Web Edition"
    b.terminal()
    b.service("MDaemon", "MDaemon.exe", tcp=[25, 110, 143])
    b.clients(300, 500)
    b.host.host_file.update(BOOTED)
    return b.done()


def peak(story, closed):
    """So many more connections are closed and stay in TIME_WAIT."""
    host = story.host
    dice = story.dice()
    address = next(one.address for one in host.sockets if one.remote)
    for port in dice.ports(host, "tcp", "ipv4", closed):
        host.sockets.append(model.Socket("tcp", "ipv4", address, port, 0, events.CLIENT,
                                         "time_wait", random=True))
        host.load.append(model.Client("tcp", "ipv4", address, events.CLIENT, "time_wait"))


def tell(story):
    story.moment("before", QUIET)
    peak(story, 2800)
    story.exhausted(4231, 17)
    story.moment("during", FULL, agent=FULL.but(findings={EVENTS: "high"}))
    story.branch("shorter", shorter)
    story.branch("larger", larger)
    story.remedy(*HEADROOM.split(" ", 1))
    story.holds("ReservedPorts", ["3389-3389"])
    story.holds("MaxUserPort", 65534)
    story.holds("TcpTimedWaitDelay", 60)
    story.exhausted(4231, 3)
    written = FULL.but(verdicts={RDP: "exposed > safe"}, says=("safe after the next boot",))
    story.moment("written", written, agent=written.but(findings={EVENTS: "high"}))
    story.boot()
    story.moment("after", QUIET.but(verdicts={RDP: "safe"}, findings={RANGE_MOVED: "low"},
                                    without=(f"{IN_RANGE} tcp 3389",), exit=0, says=()))


def shorter(story):
    """TcpTimedWaitDelay alone: a quarter of the closed connections waits."""
    story.paste(f"reg add {KEY} /v TcpTimedWaitDelay /t REG_DWORD /d 60 /f")
    story.moment("written", FULL, agent=FULL.but(findings={EVENTS: "high"}))
    story.boot()
    story.moment("after", QUIET)


def larger(story):
    """MaxUserPort alone, the first half of the cure: nothing is better before the boot, and nothing is
    reserved after it."""
    story.paste(f"reg add {KEY} /v MaxUserPort /t REG_DWORD /d 65534 /f")
    story.moment("written", FULL, agent=FULL.but(findings={EVENTS: "high"}))
    story.boot()
    story.moment("after", QUIET.but(findings={RANGE_MOVED: "low"}))


STORIES = {"mail-2003": (server, tell)}
