#!/usr/bin/python3
"""Reserved ports on a Linux host with systemd's unit: what others reserve, at whatever time and by
whatever file, is in force beside what a policy reserves, and their reloads are no repairs.

One network namespace with real sysctls, and folders of its own for settings and units; systemd itself
is stood in for by a folder, a boot by loading the files and the unit's command. Needs root.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

KEY = "net.ipv4.ip_local_reserved_ports"
VALUE = "/proc/sys/net/ipv4/ip_local_reserved_ports"
OURS = "40123,41000-41003"
FOREIGN = "8080,9000-9010"
UNIT = "havenmaster-reserve.service"
KEPT = "havenmaster-reserve.ports"
OLD = "zzzzzzzzz-havenmaster.conf"
POLICY = f"""\
name: payroll
owner: payroll team
reason: Payroll did not start after the patch day, its port was taken
review: 2036-01-31
mode: enforce
match:
  os_family: linux
reservations:
- protocol: tcp
  ports: {OURS}
watch_s: 0
"""


def ports(text):
    """A list as a set: the kernel prints one order, files have another."""
    out = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        out.update(range(int(first), int(last or first) + 1))
    return out


class Host:
    """Its own network, /etc/sysctl.d, /etc/sysctl.conf, /usr/lib/sysctl.d and /run."""

    def __init__(self, folder):
        self.folder = folder
        self.space = f"hm-res-{os.getpid()}"
        self.etc = os.path.join(folder, "etc")
        self.wants = os.path.join(folder, "run/systemd/system/sysinit.target.wants")
        for name in (self.etc, os.path.join(folder, "lib"), self.wants):
            os.makedirs(name)
        h.write_file(os.path.join(folder, "sysctl.conf"), "")
        h.write_file(os.path.join(folder, "run/systemd/system", UNIT), "[Service]\n")
        self.link(True)
        self.outer = ["ip", "netns", "exec", self.space]
        binds = "".join(f'mount --bind "{folder}/{name}" {where} && ' for name, where in (
            ("etc", "/etc/sysctl.d"), ("lib", "/usr/lib/sysctl.d"),
            ("sysctl.conf", "/etc/sysctl.conf"), ("run", "/run")))
        self.prefix = [*self.outer, "unshare", "--mount", "--propagation", "private", "sh", "-c",
                       binds + 'exec "$@"', "sh"]
        self.file("50-other.conf", f"{KEY} = {FOREIGN}\n")
        self.agent = None

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.space], check=True)
        subprocess.run([*self.outer, "ip", "link", "set", "lo", "up"], check=True)
        self.load()
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.space], check=False)

    def link(self, there):
        path = os.path.join(self.wants, UNIT)
        if os.path.lexists(path):
            os.remove(path)
        if there:
            os.symlink("../" + UNIT, path)

    def file(self, name, text):
        """Writes one of etc; without a text it goes."""
        path = os.path.join(self.etc, name)
        if text is None:
            os.remove(path)
        else:
            h.write_file(path, text)

    def run(self, *command):
        done = subprocess.run([*self.prefix, *command], capture_output=True, text=True, timeout=60)
        h.check(" ".join(command), done.returncode == 0, done.stdout + done.stderr)
        return done.stdout

    def running(self):
        return ports(self.run("cat", VALUE))

    def put(self, text):
        self.run("sh", "-c", f"echo '{text}' > {VALUE}")

    def load(self, *what):
        """As an administrator does it, restricted to the two settings of ports."""
        self.run("sysctl", "-q", *(what or ("--system", "--pattern", "^net.ipv4.ip_local_")))

    def boot(self):
        """The list of a boot, once the files are loaded and the unit has run."""
        self.put("")
        self.load()
        self.run(os.path.join(h.BIN, "hm-agent"), "reserve")
        return self.running()

    def look(self):
        files = {}
        for name in sorted(os.listdir(self.etc)):
            with open(os.path.join(self.etc, name), "rb") as file:
                files[name] = file.read()
        return self.run("cat", VALUE), files

    def names(self):
        return sorted(os.listdir(self.etc))

    def start(self, collector, interval):
        options = h.agent_options(collector, self.folder, "lx1", interval=interval,
                                  token=self.token)
        self.state = os.path.join(self.folder, "agent-lx1")
        self.agent = h.Program("hm-agent", ["run", *options], f"{self.folder}/agent.log",
                               prefix=self.prefix)

    def waits(self):
        """The agent watches settings while it waits for its next look, and not before the first."""
        folder = f"/proc/{self.agent.child.pid}/fd"
        return any("timerfd" in os.readlink(os.path.join(folder, name))
                   for name in os.listdir(folder))

    def status(self):
        return h.run("hm-agent", "status", "--set", f"state_dir={self.state}",
                     prefix=self.prefix)[1]

    def other_boot(self):
        """For the agent; the kernel of this machine stays up."""
        path = os.path.join(self.state, "enforce.json")
        with open(path, encoding="utf-8") as file:
            state = json.load(file)
        state["boot"]["boot_id"] = "the boot before"
        h.write_file(path, json.dumps(state))


def outcome(admin):
    rows = admin.items("policy", "hosts", "payroll")
    return (rows[0]["state"], rows[0].get("repairs", 0)) if rows else ("", 0)


def wait_running(host, expected, seconds=20):
    h.wait_until(f"in force: {expected}", seconds, lambda: host.running() == ports(expected), 0.1)


def others_are_in_force(host, collector, admin):
    """The agent looks once an hour here: only a reload makes it do something."""
    host.start(collector, "3600")
    h.wait_until("verified", 60, lambda: outcome(admin) == ("verified", 0), 0.2)
    h.check("nothing but our ports in a file that nobody else reads",
            host.names() == ["50-other.conf", KEPT], host.names())
    wait_running(host, f"{FOREIGN},{OURS}")
    h.check("status says what reserves them", UNIT in host.status(), host.status())

    host.file("50-other.conf", f"{KEY} = {FOREIGN},40500\n")
    host.load()
    wait_running(host, f"{FOREIGN},40500,{OURS}")
    host.file("~last.conf", f"{KEY} = 7000\n")
    host.load()
    wait_running(host, f"7000,{OURS}")
    host.load("-p", "/etc/sysctl.d/50-other.conf")
    wait_running(host, f"{FOREIGN},40500,{OURS}")
    h.write_file(os.path.join(host.folder, "sysctl.conf"), f"{KEY} = 5555\n")
    host.load()
    wait_running(host, f"5555,{OURS}")
    h.write_file(os.path.join(host.folder, "sysctl.conf"), "")
    host.file("~last.conf", None)
    host.load()
    wait_running(host, f"{FOREIGN},40500,{OURS}")
    h.check("nothing was repeated", host.names() == ["50-other.conf", KEPT], host.names())


def reloads_are_no_repairs(host, collector, admin):
    h.check("stops", host.agent.stop() == 0)
    host.start(collector, "1")
    for number in range(6):
        host.file("50-other.conf", f"{KEY} = {FOREIGN},{40500 + number}\n")
        host.load()
        wait_running(host, f"{FOREIGN},{40500 + number},{OURS}")
    h.wait_until("still verified", 20, lambda: outcome(admin) == ("verified", 0), 0.2)
    h.check("stops again", host.agent.stop() == 0)
    host.start(collector, "3600")
    h.wait_until("it has looked, and waits", 60, host.waits, 0.2)
    host.put("7777")  # no file says so, and nobody tells
    h.wait_until("what was undone is repaired within the hour", 90,
                 lambda: outcome(admin) == ("repaired", 1), 0.2)
    wait_running(host, f"7777,{OURS}")
    host.load()


def boots(host, collector, admin):
    host.agent.kill()  # also right after a reload, before it could do anything
    host.load()
    h.check("a later name does not matter", host.boot() == ports(f"{FOREIGN},40505,{OURS}"))
    host.file("50-other.conf", "net.ipv4.ip_local_reserved_po* = 3333\n")
    h.check("nor does a pattern", host.boot() == ports(f"3333,{OURS}"), host.running())
    h.check("reserve adds nothing twice",
            host.run(os.path.join(h.BIN, "hm-agent"), "reserve") == "")
    host.file("50-other.conf", f"{KEY} = {FOREIGN}\n")

    host.put(FOREIGN)  # the unit failed
    host.other_boot()
    host.start(collector, "1")
    wait_running(host, f"{FOREIGN},{OURS}")
    h.wait_until("status says that they were missing", 20,
                 lambda: "were missing after the boot" in host.status())
    h.check("that is no repair", outcome(admin) == ("repaired", 1), outcome(admin))
    h.check("boots without it end the message", host.agent.stop() == 0)


def upgrade(host, collector):
    """What a version before left: a file that repeats the ports of others and is read last."""
    host.file(KEPT, None)
    host.file(OLD, f"{KEY} = {FOREIGN},{OURS}\n")
    host.boot()
    host.other_boot()
    host.start(collector, "1")
    h.wait_until("its file goes", 30, lambda: host.names() == ["50-other.conf", KEPT])
    h.check("the ports stay", host.running() == ports(f"{FOREIGN},{OURS}"), host.running())
    h.check("no message", "were missing" not in host.status(), host.status())
    host.link(False)
    h.wait_until("without the unit the file is back", 30,
                 lambda: host.names() == ["50-other.conf", OLD])
    h.check("status says why", "sysinit.target does not start" in host.status(), host.status())
    host.file("50-other.conf", f"{KEY} = {FOREIGN},40600\n")
    wait_running(host, f"{FOREIGN},40600,{OURS}")
    host.load()
    h.check("there, too, theirs is in force", host.running() == ports(f"{FOREIGN},40600,{OURS}"))
    host.link(True)
    h.wait_until("and goes again", 30, lambda: host.names() == ["50-other.conf", KEPT])
    host.file("50-other.conf", f"{KEY} = {FOREIGN}\n")
    host.load()
    wait_running(host, f"{FOREIGN},{OURS}")


def main():
    with h.Folder() as folder, Host(folder) as host:
        before = host.look()
        collector = h.Collector(folder, prefix=host.outer)
        admin = collector.operator()
        collector.start(wait=False)
        h.wait_until("collector ready", 60, lambda: admin.run("hosts")[0] == 0, 0.3)
        host.token = json.loads(admin.ok("token", "new", "hosts", "--uses", "10",
                                         "--json"))["secret"]
        h.publish_trust(folder, admin, ["anna"], 1, "--single-operator")
        file = h.write_file(f"{folder}/payroll.yaml", POLICY)
        admin.ok("policy", "submit", file)
        h.approve(folder, admin, "payroll", "anna")
        admin.ok("policy", "activate", "payroll", "--yes")

        others_are_in_force(host, collector, admin)
        reloads_are_no_repairs(host, collector, admin)
        boots(host, collector, admin)
        upgrade(host, collector)

        admin.ok("policy", "retire", "payroll", "--comment", "payroll moved")
        h.approve(folder, admin, "payroll", "anna")
        h.wait_until("retired", 60, lambda: outcome(admin)[0] == "retired", 0.2)
        h.check("byte for byte as before", host.look() == before, (host.look(), before))
        h.check("agent stops cleanly", host.agent.stop() == 0, host.agent.output()[-500:])
        h.check("collector stops cleanly", collector.program.stop() == 0)
    h.finish()


main()
