"""Incident I2: Exchange 2013 with both roles. Set-up moved the dynamic range to 6005-65534; while
the services restart after a cumulative update, connections of lsass.exe to a global catalog get
9955 and 9933 as their own ports, and the POP3 and IMAP4 back ends stay down.

SPDX-License-Identifier: Apache-2.0
"""
from hosts.build import Build
from stories.shared import KEY, RANGE_MOVED
from story import Expect

POP3, IMAP4 = "exchange-2013-back-end/pop3-back-end", "exchange-2013-back-end/imap4-back-end"
UNSUPPORTED = "exclusions_unsupported hotfix KB2665809"
IN_RANGE, HELD = "required_in_dynamic", "required_port_held"
DOWN = "service_not_running service"
GC = "10.20.0.10:3268"
PORTS = {("tcp", 9955), ("tcp", 9933)}
BOOTED = {"boot_time": "2014-06-02T22:10:00Z", "tcpip_written": "2014-03-01T10:00:00Z"}

SAFE = {"remote-desktop/rdp": "safe", "remote-desktop/rdp-udp": "safe", "winrm/http": "safe",
        "winrm/local": "safe > exposed"}  # HTTP.sys has to be there again
AT_RISK = Expect(
    verdicts={POP3: "exposed", IMAP4: "exposed", **SAFE},
    findings={RANGE_MOVED: "medium", f"{IN_RANGE} tcp 9955": "medium",
              f"{IN_RANGE} tcp 9933": "medium"},
    says=("Not all is safe.",))
DURING = Expect(
    verdicts={POP3: "blocked", IMAP4: "blocked", **SAFE},
    findings={RANGE_MOVED: "medium", f"{HELD} tcp 9955": "high", f"{HELD} tcp 9933": "high",
              f"{DOWN} MSExchangePOP3BE": "high", f"{DOWN} MSExchangeIMAP4BE": "high"},
    held={POP3: (9955, "lsass.exe"), IMAP4: (9933, "lsass.exe")},
    evidence={f"{HELD} tcp 9955": (GC,), f"{HELD} tcp 9933": (GC,)},
    says=("Not all is safe.", "lsass.exe"))
# Where nobody can list exclusions, nobody knows that HTTP.sys keeps a port for itself.
UNKEPT = {UNSUPPORTED: "high", f"{IN_RANGE} tcp 47001": ""}
CURED = Expect(verdicts={POP3: "safe", IMAP4: "safe", **SAFE}, findings={RANGE_MOVED: "low"},
               exit=0)


def server(system, hotfix=True):
    def make(name, catalogue):
        b = Build(name, system, catalogue, tcp=(6005, 65534))
        b.terminal()
        b.service("Netlogon", "lsass.exe", needs=["lanmanserver"])
        topology = "MSExchangeADTopology"
        b.service(topology, "Microsoft.Exchange.Directory.TopologyService.exe", needs=["RpcSs"])
        for kind, back in (("Pop3", 9955), ("Imap4", 9933)):
            front = {"Pop3": (110, 995), "Imap4": (143, 993)}[kind]
            program, worker = f"Microsoft.Exchange.{kind}Service.exe", \
                f"Microsoft.Exchange.{kind}.exe"
            b.service(f"MSExchange{kind}", program, tcp=front, needs=[topology], worker=worker)
            b.service(f"MSExchange{kind.upper()}BE", program, tcp=[back], needs=[topology],
                      worker=worker)
        b.service("MSExchangeIS", "Microsoft.Exchange.Store.Service.exe", needs=[topology])
        b.clients(120)
        if not hotfix:
            for stack in b.host.stacks.values():
                stack.listed = False
        b.host.host_file.update(BOOTED)
        return b.done()
    return make


def update(story):
    """A cumulative update restarts the services; lsass.exe is faster."""
    for service, port in (("MSExchangePOP3BE", 9955), ("MSExchangeIMAP4BE", 9933)):
        story.stop(service)
        story.connect("Netlogon", port, GC)
        story.start_fails(service)


def tell(story):
    story.moment("before", AT_RISK)
    update(story)
    story.moment("during", DURING)
    story.branch("restarted", restarted)
    story.branch("one family", one_family)
    story.remedy(HELD, "tcp 9955")
    story.boot()
    story.moment("after", CURED)
    story.boot(PORTS, taker="Netlogon")
    story.moment("after the worst boot", CURED)
    update_again(story)


def update_again(story):
    """The next cumulative update finds the ports excluded: lsass.exe is never given them."""
    for service in ("MSExchangePOP3BE", "MSExchangeIMAP4BE"):
        story.stop(service)
    story.moment("during the next update", CURED)
    story.run("MSExchangePOP3BE", "MSExchangeIMAP4BE")


def restarted(story):
    """A restart alone hides the cause."""
    story.boot()
    story.moment("after", AT_RISK)


def one_family(story):
    """An administrator restarts first, and then knows ipv4 only."""
    story.boot()
    for service in ("MSExchangePOP3BE", "MSExchangeIMAP4BE"):
        story.stop(service)
    for port in (9955, 9933):
        story.paste("netsh int ipv4 add excludedportrange protocol=tcp "
                    f"startport={port} numberofports=1")
    story.run("MSExchangePOP3BE", "MSExchangeIMAP4BE")
    story.moment("after", AT_RISK.but(
        findings={"family_gap tcp 9955": "", "family_gap tcp 9933": ""},
        without=(f"{IN_RANGE} tcp 9955", f"{IN_RANGE} tcp 9933")))


def before_update(story):
    """The administrator asks before the update, and pastes what is printed."""
    story.moment("before", AT_RISK)
    story.remedy(IN_RANGE, "tcp 9955")
    story.moment("after", CURED)
    for service in ("MSExchangePOP3BE", "MSExchangeIMAP4BE"):
        story.stop(service)
    story.run("MSExchangePOP3BE", "MSExchangeIMAP4BE")
    story.boot(PORTS, taker="Netlogon")
    story.moment("after the worst boot", CURED)


def no_hotfix(story):
    """2008 R2 without KB2665809: netsh has no exclusions, and ReservedPorts is not read."""
    before = AT_RISK.but(findings=UNKEPT, verdicts={"winrm/local": "exposed"}, says=("KB2665809",))
    story.moment("before", before)
    story.branch("as on 2003", as_on_2003)
    update(story)
    during = DURING.but(findings=UNKEPT, verdicts={"winrm/local": "exposed"},
                        says=("KB2665809", "lsass.exe"))
    story.moment("during", during)
    story.remedy(HELD, "tcp 9955")
    story.boot()
    story.moment("after", CURED)
    story.boot(PORTS, taker="Netlogon")
    story.moment("after the worst boot", CURED)


def as_on_2003(story):
    story.paste(f'reg add {KEY} /v ReservedPorts /t REG_MULTI_SZ /d "9933-9933\\09955-9955" /f')
    story.boot()
    story.moment("after", AT_RISK.but(
        findings={**UNKEPT, "reserved_ports_ignored registry ReservedPorts": ""},
        verdicts={"winrm/local": "exposed"}))


STORIES = {
    "exchange-2012r2": (server("2012r2"), tell),
    "exchange-2012r2-asked-before": (server("2012r2"), before_update),
    "exchange-2012": (server("2012"), tell),
    "exchange-2008r2": (server("2008r2"), tell),
    "exchange-2008r2-no-hotfix": (server("2008r2", hotfix=False), no_hotfix),
}
