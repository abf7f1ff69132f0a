"""Incident I1: a payroll service bureau. The DNS Server takes 2,500 random UDP ports at boot,
before the payroll services start, and two of those are 9469 and 9506.

SPDX-License-Identifier: Apache-2.0
"""
from hosts.build import Build
from stories.shared import BOOTED, DNS_SAFE, DOWN, HELD, IN_RANGE, KEY, POOL, RANGE_MOVED
from story import Expect

ADR, DEPLOY = "evolution-payroll/adr-client", "evolution-payroll/deployment-manager"
CONSOLE = "evolution-payroll/management-console"
NAT = "ipsec/ike-nat-t"
TAKEN = {("udp", 9469), ("udp", 9506)}
VALUE = "3343-3343\\09469-9469\\09506-9507"  # of the cure, added to what is there

AT_RISK = Expect(
    verdicts={ADR: "exposed", DEPLOY: "exposed", NAT: "exposed", "remote-desktop/rdp": "exposed",
              "ipsec/ike": "safe", **DNS_SAFE},
    findings={POOL: "high", RANGE_MOVED: "", f"{IN_RANGE} udp 9469": "medium",
              f"{IN_RANGE} udp 9506": "medium", f"{IN_RANGE} udp 4500": "medium",
              f"{IN_RANGE} tcp 3389": ""},
    says=("Not all is safe.",))
AFTER_BOOT = {ADR: "exposed > safe", DEPLOY: "exposed > safe", NAT: "exposed > safe",
              "remote-desktop/rdp": "exposed > safe"}
IN_FORCE = {ADR: "safe", DEPLOY: "safe", NAT: "safe", "remote-desktop/rdp": "safe"}
RISKS = (POOL, f"{IN_RANGE} udp 9469", f"{IN_RANGE} udp 9506", f"{IN_RANGE} udp 4500",
         f"{IN_RANGE} tcp 3389")
TAKEN_NOW = AT_RISK.but(
    verdicts={ADR: "blocked", DEPLOY: "blocked"},
    findings={f"{HELD} udp 9469": "high", f"{HELD} udp 9506": "high"},
    without=(f"{IN_RANGE} udp 9469", f"{IN_RANGE} udp 9506"),
    held={ADR: (9469, "dns.exe"), DEPLOY: (9506, "dns.exe")})
DOWN_NOW = TAKEN_NOW.but(findings={f"{DOWN} EvDRClient": "high", f"{DOWN} EvDeployMgr": "high"})
WRITTEN = AT_RISK.but(verdicts=AFTER_BOOT, says=("safe after the next boot",))
CURED = AT_RISK.but(verdicts=IN_FORCE, without=RISKS, exit=0, says=())
ASSUMED = CURED.but(says=("they count as in force",))  # nobody can know when they were written
UNDOCUMENTED = {"max_user_port_undocumented registry MaxUserPort": "medium"}
LINES = ["3343-3343", "3389-3389", "4500-4500", "9469-9469", "9506-9507"]


def bureau(system, max_user_port):
    def make(name, catalogue):
        b = Build(name, system, catalogue)
        b.terminal()
        b.dns()
        b.tcpip(MaxUserPort=max_user_port, ReservedPorts=["3343-3343"])
        b.service("PolicyAgent", "lsass.exe", udp=[500, 4500], needs=["RpcSs"])
        b.service("EvDRClient", "EvDRClient.exe", udp=[9469])
        b.service("EvDeployMgr", "EvDeployMgr.exe", udp=[9506])
        b.host.host_file.update(BOOTED)
        return b.done()
    return make


def tell_2003(story, more=None):
    """more: findings that are there all the time."""
    story.moment("before", AT_RISK.but(findings=more))
    story.boot(TAKEN, taker="DNS")
    during = DOWN_NOW.but(findings=more)
    story.moment("during", during, agent=during.but(evidence={f"{DOWN} EvDRClient": ("7023",)}))
    story.branch("by hand", lambda branch: by_hand(branch, more))
    story.remedy(HELD, "udp 9469")
    story.runs("EvDRClient", "EvDeployMgr", "DNS")
    story.holds("ReservedPorts", LINES)
    story.moment("written", WRITTEN.but(findings=more), collect=ASSUMED.but(findings=more))
    story.boot()
    story.moment("after", CURED.but(findings=more))
    story.boot(TAKEN | {("udp", 4500), ("tcp", 3389)}, taker="DNS")
    story.moment("after the worst boot", CURED.but(findings=more))


def tell_isa(story):
    """KB956189: ISA Server writes 65535, one more than is documented."""
    tell_2003(story, UNDOCUMENTED)


def by_hand(story, more):
    """The value of the cure is written while the services are down; nobody restarts anything.
    The pool has the ports until then."""
    story.paste(f'reg add {KEY} /v ReservedPorts /t REG_MULTI_SZ /d "{VALUE}" /f')
    story.moment("written", DOWN_NOW.but(
        verdicts={ADR: "blocked > safe", DEPLOY: "blocked > safe"}, findings=more,
        says=("safe after the next boot",)))
    story.boot()
    story.moment("after", AT_RISK.but(
        verdicts={ADR: "safe", DEPLOY: "safe"}, findings=more, without=(f"{IN_RANGE} udp 9469",
                                                         f"{IN_RANGE} udp 9506")))


def runs_without(story):
    """The same, where the services run on without their ports and nobody can talk to them."""
    story.moment("before", AT_RISK)
    story.boot(TAKEN, taker="DNS", runs_without=["EvDRClient", "EvDeployMgr"])
    story.moment("during", TAKEN_NOW)
    story.remedy(*POOL.split(" ", 1))
    story.moment("written", WRITTEN, collect=ASSUMED)
    story.boot()
    story.moment("after", CURED)


def console(story):
    """The console is a program that somebody opens; it needs 9507 while it is open."""
    story.open("EviMgmtCon.exe", "udp", 9507)
    before = AT_RISK.but(verdicts={CONSOLE: "exposed"}, findings={f"{IN_RANGE} udp 9507": "medium"})
    story.moment("before", before)
    story.remedy(*POOL.split(" ", 1))
    story.holds("ReservedPorts", LINES)
    story.moment("written", before.but(verdicts={**AFTER_BOOT, CONSOLE: "exposed > safe"},
                                       says=("safe after the next boot",)),
                 collect=ASSUMED.but(verdicts={CONSOLE: "safe"}))
    story.boot()
    story.moment("after", CURED.but(verdicts={CONSOLE: "safe"}))


def tell_2000(story):
    """Nobody can say who has a port, as netstat has no process ids and there is no tasklist; so no
    remedy stops anything, and the services come back with the boot."""
    story.moment("before", AT_RISK)
    story.boot(TAKEN, taker="DNS")
    story.moment("during", DOWN_NOW.but(held={ADR: (9469, ""), DEPLOY: (9506, "")}))
    story.remedy(*POOL.split(" ", 1))
    story.holds("ReservedPorts", LINES)
    story.moment("written", ASSUMED.but(
        verdicts={ADR: "blocked", DEPLOY: "blocked"}, exit=1,
        findings={f"{HELD} udp 9469": "high", f"{HELD} udp 9506": "high", RANGE_MOVED: "medium",
                  f"{DOWN} EvDRClient": "high", f"{DOWN} EvDeployMgr": "high"}))
    story.boot()
    story.moment("after", CURED)
    story.boot(TAKEN | {("udp", 4500), ("tcp", 3389)}, taker="DNS")
    story.moment("after the worst boot", CURED)


STORIES = {
    "payroll-2000": (bureau("2000", 65534), tell_2000, ("collect",)),
    "payroll-2003": (bureau("2003", 65534), tell_2003),
    "payroll-2003-without-ports": (bureau("2003", 65534), runs_without),
    "payroll-2003-console": (bureau("2003", 65534), console),
    "payroll-2003-isa": (bureau("2003", 65535), tell_isa),
}
