"""A policy on this server: collector, agent and approvers as install.md and policies.md have them.

SPDX-License-Identifier: Apache-2.0
"""
import json

from checks import Judgement, check
from setup import OTHERS
import healthy

RESERVED = "/proc/sys/net/ipv4/ip_local_reserved_ports"
OURS = "41000-41003"
URL = "https://localhost:5830"
CA = "/var/lib/havenmaster/ca.pem"
POLICY = f"""\
name: ledger
owner: ledger team
reason: The ledger did not start after a patch day, its port was taken
review: 2036-01-31
mode: enforce
match: {{os_family: linux}}
reservations:
- protocol: tcp
  ports: {OURS}
watch_s: 0
"""


class Collector:
    """The collector of the machine, and who works with it."""

    def __init__(self, machine):
        self.machine = machine
        machine.shell("systemd-sysusers; install -d -o havenmaster -g havenmaster -m 700 "
                      "/var/lib/havenmaster; install -d /etc/havenmaster")
        made = json.loads(machine.run("runuser", "-u", "havenmaster", "--", "hm-collector", "init",
                                      "--name", "localhost", "--json"))
        self.tokens = {"admin": made["admin_token"]}
        machine.shell("systemctl daemon-reload; systemctl enable --now hm-collector 2>&1")
        machine.wait("the collector", 60, lambda: self.ask("admin", "hosts")[0] == 0)

    def ask(self, who, *words):
        return self.machine.ask("hmctl", *words, env={
            "HMCTL_COLLECTOR": URL, "HMCTL_TOKEN": self.tokens[who], "HMCTL_CA": CA,
            "HM_PASSPHRASE": "correct horse battery", "NO_COLOR": "1"})

    def ok(self, who, *words):
        code, out, errors = self.ask(who, *words)
        if code != 0:
            raise RuntimeError(f"hmctl {' '.join(words)}: {code} {out}{errors}")
        return out

    def json(self, who, *words):
        return json.loads(self.ok(who, *words, "--json"))

    def approvers(self):
        adds = []
        for name in ("anna", "ben"):
            self.tokens[name] = self.json("admin", "token", "new", name, "--role",
                                          "operator")["secret"]
            key = self.json("admin", "key", "new", name, "--out", f"/srv/{name}.key")
            adds += ["--add", f"{name}={key['public_key']}"]
        self.ok("admin", "trust", "new", *adds, "--threshold", "1", "--out", "/srv/root.json")
        self.ok("admin", "trust", "sign", "/srv/root.json", "--key", "/srv/anna.key", "--yes")
        self.ok("admin", "trust", "publish", "/srv/root.json")

    def approve(self, policy):
        self.ok("ben", "policy", "approve", policy, "--key", "/srv/ben.key", "--yes")

    def state(self):
        """(state, repairs) of the policy on this host."""
        rows = self.json("admin", "policy", "hosts", "ledger")["items"]
        return (rows[0]["state"], rows[0].get("repairs", 0)) if rows else ("", 0)

    def wait_state(self, wanted):
        self.machine.wait(f"the policy is {wanted}", 90, lambda: self.state()[0] == wanted, 0.5)


def enrol(machine, collector):
    token = collector.json("admin", "token", "new", "servers", "--uses", "5")["secret"]
    machine.put("/etc/havenmaster/agent.conf", f"collector = {URL}\ninterval = 5\n")
    machine.run("hm-agent", "enroll", "--token", token)
    machine.shell("systemctl enable --now hm-agent 2>&1")
    machine.wait("the host reports", 60,
                 lambda: collector.json("admin", "hosts")["items"][0]["verdict"] != "unknown", 0.5)
    host = collector.json("admin", "hosts")["items"][0]
    check("the collector shows a healthy host", host["verdict"] == "safe", host)
    rows = collector.json("admin", "verdicts")["items"]
    check("the agent in its sandbox sees what root sees", len(rows) > 50 and
          not [r for r in rows if r["verdict"]["state"] != "safe"],
          [r["verdict"] for r in rows if r["verdict"]["state"] != "safe"])


def ports(text):
    """A port list as a set."""
    found = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            found |= set(range(int(first), int(last or first) + 1))
    return found


class Host:
    """What an agent may change."""

    def __init__(self, machine):
        self.machine = machine
        self.before = self.look()

    def reserved(self):
        return ports(self.machine.read(RESERVED))

    def look(self):
        files = self.machine.shell("cd /etc/sysctl.d; sha256sum -- * | sort -k 2")
        return (self.machine.read(RESERVED), files,
                self.machine.read("/proc/sys/net/ipv4/ip_local_port_range"))

    def has(self, what, *lists):
        """Within a few seconds, exactly these are reserved."""
        wanted = set().union(*(ports(part) for part in lists))
        try:
            self.machine.wait(what, 20, lambda: self.reserved() == wanted, 0.5)
        except TimeoutError:
            pass
        check(what, self.reserved() == wanted, (self.machine.read(RESERVED), lists))


def lint(machine, collector):
    """L9: a policy for Linux is not measured by products of Windows."""
    machine.put("/srv/winrm.yaml", POLICY.replace(OURS, "47001,32843-32845"))
    code, out, errors = collector.ask("anna", "policy", "lint", "/srv/winrm.yaml")
    check("a Linux policy is not refused for ports of Windows (L9)", code == 0 and
          "Windows" not in out + errors and "SharePoint" not in out + errors, out + errors)
    machine.put("/srv/ledger.yaml", POLICY)
    code, out, errors = collector.ask("anna", "policy", "lint", "/srv/ledger.yaml")
    check("the policy has no error", code == 0, out + errors)


def reserve(machine, collector, host):
    collector.ok("anna", "policy", "submit", "/srv/ledger.yaml", "--comment", "patch day")
    collector.approve("ledger")
    collector.ok("admin", "policy", "activate", "ledger", "--yes")
    collector.wait_state("verified")
    host.has("ours are added to theirs", OTHERS, OURS)
    machine.run("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=1024 65535")
    found = Judgement(machine)
    check("a remedy beside a policy does not list the policy's ports (L11)",
          found.commands() and not [c for c in found.commands() if OURS in c],
          [c[:300] for c in found.commands() if OURS in c])
    machine.run("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=32768 60999")


def edits_of_others(machine, collector, host):
    """L2, L7: what others reserve is in force; it is no disturbance of ours."""
    other = "/etc/sysctl.d/50-other.conf"
    machine.ask("sysctl", "--system")
    host.has("after sysctl --system both are there", OTHERS, OURS)
    machine.put(other, f"net.ipv4.ip_local_reserved_ports = {OTHERS},40500\n")
    machine.ask("sysctl", "--system")
    host.has("what others add to their file is in force at once (L2)", OTHERS, "40500", OURS)
    machine.put("/etc/sysctl.d/70-cloud.conf", "net.ipv4.ip_local_reserved_ports = 5555\n")
    machine.run("systemctl", "restart", "systemd-sysctl")
    host.has("a file that is added later counts as without us (L2)", "5555", OURS)
    machine.run("rm", "/etc/sysctl.d/70-cloud.conf")
    machine.put(other, f"net.ipv4.ip_local_reserved_ports = {OTHERS}\n")
    machine.ask("sysctl", "--system")
    host.has("what others remove is gone (L2)", OTHERS, OURS)
    check("nobody undid anything (L7)", collector.state() == ("verified", 0), collector.state())


def drift(machine, collector, host):
    machine.run("sysctl", "-q", "-w", f"net.ipv4.ip_local_reserved_ports={OTHERS}")
    host.has("ours, removed by hand, are back", OTHERS, OURS)
    check("the policy is in force", collector.state()[0] in ("verified", "repaired"),
          collector.state())


def boots(machine, host, what, theirs):
    machine.start()
    early = machine.read("/run/reserved-early")
    check(f"{what}: reserved before the first service", ports(early) == ports(theirs) | ports(OURS),
          early)
    host.has(f"{what}: and afterwards", theirs, OURS)


def reboot(machine, host):
    """In force before a service starts; also beside files that sort last, or that use a pattern."""
    other, last = "/etc/sysctl.d/50-other.conf", "/etc/sysctl.d/zzzzzzzzzzzz-last.conf"
    machine.stop()
    boots(machine, host, "a boot", OTHERS)
    machine.put(last, "net.ipv4.ip_local_reserved_ports = 6666\n")
    machine.kill()  # the power fails
    boots(machine, host, "a file that is read last (L12)", "6666")
    machine.run("mv", other, "/srv/")  # systemd applies a pattern to what no file names
    machine.put(last, "net.ipv4.ip_local_reserved_po* = 3333\n")
    machine.kill()
    boots(machine, host, "a pattern in a file (L12)", "3333")
    machine.run("rm", last)
    machine.run("mv", "/srv/50-other.conf", other)
    machine.ask("sysctl", "--system")
    host.has("without that file theirs are back", OTHERS, OURS)
    healthy.wait_for_services(machine)
    healthy.nothing_at_risk(machine, "after three boots")


def retire(machine, collector, host):
    collector.ok("anna", "policy", "retire", "ledger", "--comment", "the ledger moved")
    collector.approve("ledger")
    collector.wait_state("retired")
    check("retired: byte for byte as before", host.look() == host.before,
          (host.look(), host.before))


def erase(machine, collector, host):
    """L3: with a live policy, as the chapter Uninstall has it."""
    machine.put("/srv/again.yaml", POLICY.replace("name: ledger", "name: again"))
    collector.ok("anna", "policy", "submit", "/srv/again.yaml")
    collector.approve("again")
    collector.ok("admin", "policy", "activate", "again", "--yes")
    host.has("reserved again", OTHERS, OURS)
    machine.ask("systemctl", "disable", "--now", "hm-agent")
    check("erase wants to be sure", machine.ask("hm-agent", "erase")[0] != 0)
    check("erase works", machine.ask("hm-agent", "erase", "--yes")[0] == 0)
    check("erased: byte for byte as before (L3)", host.look() == host.before,
          (host.look(), host.before))
    check("nothing of ours is left to start (L3)",
          machine.ask("systemctl", "start", "havenmaster-reserve")[0] == 0 and
          host.look() == host.before, host.look())


def run(machine):
    host = Host(machine)
    collector = Collector(machine)
    collector.approvers()
    enrol(machine, collector)
    check("an agent alone changes nothing", host.look() == host.before, host.look())
    lint(machine, collector)
    reserve(machine, collector, host)
    edits_of_others(machine, collector, host)
    drift(machine, collector, host)
    reboot(machine, host)
    retire(machine, collector, host)
    erase(machine, collector, host)
