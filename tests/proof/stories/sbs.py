"""Incident I3: Small Business Server 2003, restarted after update 953230 (MS08-037). MaxUserPort is
60000, so the pool of the DNS Server lies over the ports of RADIUS, ActiveSync and IPsec.

SPDX-License-Identifier: Apache-2.0
"""
from hosts.build import Build
from stories.shared import BOOTED, DNS_SAFE, DOWN, HELD, IN_RANGE, KEY, POOL, RANGE_MOVED
from story import Expect

AUTH, ACCT = "ias-nps/radius-authentication", "ias-nps/radius-accounting"
AUTD, NAT = "exchange-2003-autd/autd", "ipsec/ike-nat-t"
TAKEN = {("udp", 1812), ("udp", 2883), ("udp", 4500)}
NEIGHBOURS = "reserved_ports_neighbours registry ReservedPorts"
ALL = {("udp", port) for port in (1645, 1646, 1701, 1812, 1813, 2883, 4500)} | {("tcp", 3389)}
# KB956189: what is there stays, neighbours are one range.
LINES = ["1433-1434", "1645-1646", "1701-1701", "1723-1723", "1812-1813", "2883-2883", "3389-3389",
         "4500-4500"]
SINGLE = "\\0".join(f"{port}-{port}" for port in (1645, 1646, 1701, 1723, 1812, 1813, 2883, 3389,
                                                  4500))

AT_RISK = Expect(
    verdicts={AUTH: "exposed", ACCT: "exposed", AUTD: "exposed", NAT: "exposed",
              "remote-desktop/rdp": "exposed", "rras-vpn/l2tp": "exposed",
              "rras-vpn/pptp": "exposed", "ipsec/ike": "safe", **DNS_SAFE},
    findings={POOL: "high", RANGE_MOVED: "low", f"{IN_RANGE} udp 1645,1812": "medium",
              f"{IN_RANGE} udp 1646,1813": "medium", f"{IN_RANGE} udp 2883": "medium",
              f"{IN_RANGE} udp 4500": "medium", f"{IN_RANGE} udp 1701": "medium",
              f"{IN_RANGE} tcp 3389": "", f"{IN_RANGE} tcp 1723": ""},
    says=("Not all is safe.",))
DURING = AT_RISK.but(
    verdicts={AUTH: "blocked", AUTD: "blocked", NAT: "blocked"},
    findings={f"{HELD} udp 1812": "high", f"{HELD} udp 2883": "high", f"{HELD} udp 4500": "high",
              f"{DOWN} IAS": "high", f"{DOWN} PolicyAgent": "high"},
    without=(f"{IN_RANGE} udp 1645,1812", f"{IN_RANGE} udp 2883", f"{IN_RANGE} udp 4500"),
    held={AUTH: (1812, "dns.exe"), AUTD: (2883, "dns.exe"), NAT: (4500, "dns.exe")})
EVENTS = {f"{DOWN} IAS": ("7023",), f"{DOWN} PolicyAgent": ("7023", "4292"),
          f"{HELD} udp 2883": ("3015", "3024")}
WAITS = {name: "exposed > safe" for name, state in AT_RISK.verdicts.items() if state == "exposed"}
WRITTEN = AT_RISK.but(verdicts=WAITS, says=("safe after the next boot",))
CURED = Expect(verdicts={name: "safe" for name in AT_RISK.verdicts}, findings={RANGE_MOVED: "low"},
               exit=0)
ASSUMED = CURED.but(says=("they count as in force",))  # nobody can know when they were written


def server(name, catalogue):
    b = Build(name, "2003", catalogue)
    b.host.os["name"] = "Windows Server 2003 for Small Business Server"
    b.terminal()
    b.dns()
    b.tcpip(MaxUserPort=60000, ReservedPorts=["1433-1434"])
    b.service("PolicyAgent", "lsass.exe", udp=[500, 4500], needs=["RpcSs"])
    b.service("IAS", "svchost.exe", udp=[1645, 1646, 1812, 1813], needs=["RpcSs"])
    b.service("IISADMIN", "inetinfo.exe", needs=["RpcSs"])
    b.service("RESvc", "inetinfo.exe", udp=[2883], needs=["IISADMIN"], shares="IISADMIN")
    b.service("RemoteAccess", "svchost.exe", needs=["RpcSs"])
    b.socket("udp", "ipv4", 1701, 4, kind="kernel", service="RemoteAccess")
    b.socket("tcp", "ipv4", 1723, 4, kind="kernel", service="RemoteAccess")
    b.clients(40)
    b.host.host_file.update(BOOTED)
    return b.done()


def update(story):
    """The restart of MS08-037. IAS and IPSEC Services end with 7023; the notifications of
    ActiveSync live in a service that runs on without them."""
    story.boot(TAKEN, taker="DNS", runs_without=["RESvc"])
    story.log("IPSec", 4292)
    story.log("Server ActiveSync", 3015)
    story.log("Server ActiveSync", 3024)


def tell(story):
    story.moment("before", AT_RISK)
    update(story)
    story.moment("during", DURING, agent=DURING.but(evidence=EVENTS))
    story.branch("by hand", by_hand)
    story.branch("restarted", restarted)
    story.branch("RADIUS first", radius_first)
    story.remedy(*POOL.split(" ", 1))
    story.runs("IAS", "PolicyAgent", "RESvc", "DNS")
    story.holds("ReservedPorts", LINES)
    story.moment("written", WRITTEN, collect=ASSUMED)
    story.boot()
    story.moment("after", CURED)
    story.boot(ALL, taker="DNS")
    story.moment("after the worst boot", CURED)


def restarted(story):
    """A restart without a cure: other ports are taken, or none."""
    story.boot()
    story.moment("after", AT_RISK)


def radius_first(story):
    """The remedy of one product: IPsec, which ended with a port error, stays down until the boot,
    though nothing has its port now; the value keeps the ports of all."""
    story.remedy(HELD, "udp 1812")
    story.runs("IAS", "DNS")
    story.holds("ReservedPorts", LINES)
    down = f"{DOWN} PolicyAgent"
    story.moment("written", WRITTEN.but(findings={down: ""}),
                 collect=ASSUMED.but(findings={down: "high"}, exit=1, verdicts={
                     "ipsec/ike": "unknown", "ipsec/ike-nat-t": "unknown"}))
    story.boot()
    story.moment("after", CURED)


def by_hand(story):
    """The ports of KB956189 as an administrator types them: each on a line of its own, so that the
    second one of neighbours is not reserved."""
    story.paste(f'reg add {KEY} /v ReservedPorts /t REG_MULTI_SZ /d "{SINGLE}" /f')
    kept = {name: state + " > safe" for name, state in DURING.verdicts.items()
            if state in ("exposed", "blocked") and name != ACCT}
    story.moment("written", DURING.but(verdicts=kept, findings={NEIGHBOURS: ""},
                                       says=("safe after the next boot",)))
    story.boot()
    story.moment("after", CURED.but(
        verdicts={ACCT: "exposed"}, exit=1,
        findings={NEIGHBOURS: "", POOL: "high", f"{IN_RANGE} udp 1646,1813": ""}))


STORIES = {"sbs-2003": (server, tell)}
