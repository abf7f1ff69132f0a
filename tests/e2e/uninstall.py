#!/usr/bin/python3
"""The chapter "Uninstall" of deploy/docs/install.md, its commands run as they stand there.

On Linux in a root folder of its own, into which the product was installed from an archive, with real
sysctls in a network namespace; the commands for Windows on a recorded host. Needs root.
SPDX-License-Identifier: Apache-2.0
"""
import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

RESERVED = "/proc/sys/net/ipv4/ip_local_reserved_ports"
POLICY = """\
name: {name}
owner: payroll team
reason: Payroll did not start after the patch day, its port was taken
review: 2036-01-31
mode: enforce
match:
  os_family: {family}
reservations:
- {{protocol: tcp, ports: "{ports}"}}
watch_s: 0
"""
# What a Linux machine has and this one must not be asked for.
SYSTEMCTL = """\
#!/tools/sh
case "$*" in
"disable --now hm-agent" | "disable --now hm-collector")
    read -r pid < /run/$3.pid; kill "$pid" 2>/dev/null
    while readlink "/proc/$pid/exe"; do sleep 0.1; done > /dev/null ;;
daemon-reload) ;;
*) echo "systemctl $*: not expected" >&2; exit 1 ;;
esac
"""
USERDEL = """\
#!/tools/sh
[ "$*" = havenmaster ]
"""


def chapter(title):
    """Language -> command blocks of one part of the chapter."""
    with open(os.path.join(h.SOURCE, "deploy/docs/install.md"), encoding="utf-8") as file:
        text = file.read().split("\n## Uninstall\n", 1)[1].split("\n## ", 1)[0]
    part = text.split(f"\n### {title}\n", 1)[1].split("\n### ", 1)[0]
    return [body for _, body in re.findall(r"```(sh|bat)\n(.*?)```", part, re.DOTALL)]


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


# ---- a Linux machine ----------------------------------------------------------------------------


class Machine:
    """A root folder with the product from an archive, in a network namespace of its own."""

    def __init__(self, folder):
        self.space = f"hm-out-{os.getpid()}"
        self.root = os.path.join(folder, "root")
        self.stage = os.path.join(folder, "stage")

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.space], check=True)
        self.outer = ["ip", "netns", "exec", self.space]
        subprocess.run([*self.outer, "ip", "link", "set", "lo", "up"], check=True)
        self.install()
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.space], check=False)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def install(self):
        subprocess.run(["cmake", "--install", os.path.dirname(os.path.abspath(h.BIN)), "--prefix",
                        "/usr"], check=True, capture_output=True,
                       env={**os.environ, "DESTDIR": self.stage})
        for name in ("dev", "proc", "tmp", "tools", "run", "lib64", "etc/sysctl.d", "etc/havenmaster",
                     "root"):
            os.makedirs(self.path(name))
        self.libraries = [*glob.glob("/usr/lib/*-linux-gnu"), "/lib64"]
        for library in self.libraries:
            os.makedirs(self.path(library[1:]), exist_ok=True)
        os.symlink("usr/lib", self.path("lib"))
        write(self.path("opt/systemctl"), SYSTEMCTL, 0o755)
        write(self.path("opt/userdel"), USERDEL, 0o755)
        write(self.path("etc/sysctl.d/50-other.conf"),
              "net.ipv4.ip_local_reserved_ports = 8080\n")
        archive = self.path("root/havenmaster.tar.gz")
        self.sh_outside(f"cd {shlex.quote(self.stage)} && find usr ! -type d | "
                        f"tar --owner=root --group=root -T - -czf {shlex.quote(archive)}")
        self.sh_outside(f"tar -C {shlex.quote(self.root)} -xzf {shlex.quote(archive)}")

    @staticmethod
    def sh_outside(command):
        subprocess.run(["sh", "-c", command], check=True, capture_output=True)

    def inside(self):
        """What puts a command into this machine: its files, its network."""
        mounts = [f"mount --rbind {shlex.quote(self.root)} {shlex.quote(self.root)}",
                  f"cd {shlex.quote(self.root)}", "mount -t proc proc proc || mount --rbind /proc proc",
                  "mount --rbind /dev dev", "mount --bind -o ro /usr/bin tools"]
        mounts += [f"mount --bind -o ro {path} .{path}" for path in self.libraries]
        return [*self.outer, "unshare", "--mount", "--propagation", "private", "sh", "-ec",
                " \n".join(mounts) + '\nexec chroot . /tools/env -i HOME=/root '
                'PATH=/opt:/usr/bin:/tools "$@"', "sh"]

    def run(self, *command):
        done = subprocess.run([*self.inside(), *command], capture_output=True, text=True,
                              timeout=120)
        return done.returncode, done.stdout + done.stderr

    def script(self, text):
        """As an administrator pastes it, beside the archive."""
        return self.run("sh", "-c", "cd /root\n" + text)

    def start(self, service, command):
        """A service as systemd would have it; its id is where the stand-in of systemctl looks."""
        file = self.path(f"run/{service}.pid")
        if os.path.exists(file):
            os.remove(file)
        child = subprocess.Popen([*self.inside(), "sh", "-c", f"echo $$ > /run/{service}.new; "
                                  f"mv /run/{service}.new /run/{service}.pid; exec {command}"])
        h.started.append(child)
        h.wait_until(f"{service} runs", 20, lambda: os.path.exists(file))
        return child

    def start_agent(self):
        return self.start("hm-agent", "hm-agent run > /run/log 2>&1")

    def settings(self):
        """All that a policy changes."""
        with open(self.path("etc/sysctl.d/50-other.conf"), encoding="ascii") as file:
            other = file.read()
        return self.run("cat", RESERVED)[1].strip(), os.listdir(self.path("etc/sysctl.d")), other

    def left(self):
        """Every file of the product that is there."""
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if folder != self.root or name != "tools"]
            found += [os.path.relpath(os.path.join(folder, name), self.root)
                      for name in [*files, *folders]
                      if re.search("havenmaster|hm-|hmctl", name)]
        return sorted(name for name in set(found)
                      if name != "root/havenmaster.tar.gz" and not name.startswith("run/"))


def states(admin):
    return {(row["host"], row["policy"]): row["state"] for row in admin.items("policy", "hosts")}


def put_policy(folder, admin, name, family, ports):
    file = h.write_file(f"{folder}/{name}.yaml", POLICY.format(name=name, family=family, ports=ports))
    admin.ok("policy", "submit", file)
    h.approve(folder, admin, name, "anna")
    admin.ok("policy", "activate", name, "--yes")


def enrol(machine, collector, admin):
    write(machine.path("etc/havenmaster/agent.conf"), "\n".join([
        f"collector = {collector.url}", f"token = {collector.join_token()}", "name = lx1",
        "interval = 1", "product_dir = /usr/share/havenmaster/catalogue/products", ""]))
    os.makedirs(machine.path("var/lib/havenmaster-agent"), exist_ok=True)
    agent = machine.start_agent()
    h.wait_until("the policy is verified", 60,
                 lambda: states(admin).get(("lx1", "keep-linux")) == "verified", 0.2)
    return agent


def on_linux(folder, machine, collector, admin):
    """The agent's part, without and with its first step."""
    (commands,) = chapter("An agent on Linux")
    before = machine.settings()
    agent = enrol(machine, collector, admin)
    h.check("the policy has changed the host", "40123" in machine.settings()[0],
            machine.settings())

    # As the document warns: the state is deleted, and nobody takes the reservation out.
    code, out = machine.run("systemctl", "disable", "--now", "hm-agent")
    agent.wait(20)
    shutil.move(machine.path("var/lib/havenmaster-agent"), f"{folder}/kept")
    code, out = machine.run("hm-agent", "restore")
    h.check("without the state the reservation stays",
            "40123" in machine.settings()[0] and len(machine.settings()[1]) == 2,
            (code, out, machine.settings()))
    shutil.rmtree(machine.path("var/lib/havenmaster-agent"), ignore_errors=True)
    shutil.move(f"{folder}/kept", machine.path("var/lib/havenmaster-agent"))

    # Where erase cannot put everything back, no file goes: the ledger is damaged.
    ledger = machine.path("var/lib/havenmaster-agent/ledger.json")
    shutil.copy(ledger, f"{folder}/ledger.json")
    h.write_file(ledger, "{")
    agent = machine.start_agent()
    code, out = machine.script(commands)
    agent.wait(20)
    h.check("a failed erase ends it", code != 0 and "nothing was erased" in out, (code, out))
    h.check("and every program is there", os.path.exists(machine.path("usr/bin/hm-agent")))
    shutil.copy(f"{folder}/ledger.json", ledger)

    agent = machine.start_agent()
    code, out = machine.script(commands)
    agent.wait(20)
    h.check("the commands succeed", code == 0, (code, out))
    h.check("every setting is as before", machine.settings() == before,
            (machine.settings(), before))
    h.check("no file of the product is left", machine.left() == [], machine.left())


def at_the_collector(machine, collector, admin):
    (commands,) = chapter("The host at the collector")
    h.check("the host is known", "lx1" in admin.ok("hosts"))
    write(machine.path("root/ca.pem"), open(collector.ca, encoding="ascii").read())
    tools = machine.stage + "/usr/bin"
    done = subprocess.run([*machine.outer, "bash", "-ec", commands.replace("mail01", "lx1")],
                          capture_output=True, text=True, timeout=60,
                          env={**os.environ, **admin.env, "PATH": f"{tools}:{os.environ['PATH']}"})
    h.check("the commands succeed", done.returncode == 0, done.stdout + done.stderr)
    h.check("the host is gone", "lx1" not in admin.ok("hosts"), admin.ok("hosts"))


def collector_part(machine):
    """Only what it removes: this collector runs elsewhere."""
    (commands,) = chapter("The collector")
    Machine.sh_outside(f"tar -C {shlex.quote(machine.root)} -xzf "
                       f"{shlex.quote(machine.path('root/havenmaster.tar.gz'))}")
    write(machine.path("etc/havenmaster/collector.conf"), "")
    write(machine.path("var/lib/havenmaster/collector.db"), "")
    child = machine.start("hm-collector", "sleep 600")
    code, out = machine.script(commands)
    child.wait(20)
    h.check("the collector's commands succeed", code == 0, (code, out))
    h.check("nothing of it is left", machine.left() == [], machine.left())


# ---- a recorded Windows ---------------------------------------------------------------------------


def on_windows(folder, machine, collector, admin):
    """The commands without the MSI; rmdir and cd have nothing to act on."""
    _, commands = chapter("An agent on Windows")
    host = h.RecordedHost(collector, folder, "i2-exchange-2013-stopped", name="win1")
    config = h.write_file(f"{folder}/win1.conf", "\n".join(
        option.replace("=", " = ", 1) for option in host.options[1::2]) + "\n")
    before = host.look()
    host.agent = h.Program("hm-agent", ["run", "--config", config], host.log, prefix=machine.outer)
    h.wait_until("the policy is verified", 60,
                 lambda: states(admin).get(("win1", "keep-windows")) == "verified", 0.2)
    h.check("the policy has changed the host", host.look() != before)
    done = []
    for line in commands.splitlines():
        for command in line.split(" && "):
            words = command.split()
            if words[:3] == ["hm-agent", "service", "stop"]:
                h.check("the agent stops", host.stop() == 0)
            elif words[:2] == ["hm-agent", "erase"]:
                code, out, err = h.run("hm-agent", *words[1:], "--config", config)
                h.check("erase succeeds", code == 0, out + err)
            elif words[:1] not in (["cd"], ["rmdir"]) and words != ["hm-agent", "service", "remove"]:
                h.check("every command is known here", False, command)
            done.append(words[0] if words[0] != "hm-agent" else words[-1] if
                        words[1] == "service" else words[1])
    h.check("erase comes before anything is deleted",
            done == ["cd", "stop", "erase", "remove", "cd", "rmdir"], done)
    h.check("the host is as before", host.look() == before)
    h.check("no state is left", not os.path.exists(host.state), host.state)


def main():
    with h.Folder() as folder, Machine(folder) as machine:
        collector = h.Collector(folder, prefix=machine.outer)
        admin = collector.operator()
        collector.start(wait=False)
        h.wait_until("collector ready", 60, lambda: admin.run("hosts")[0] == 0, 0.3)
        token = json.loads(admin.ok("token", "new", "hosts", "--uses", "10", "--json"))["secret"]
        collector.join_token = lambda: token  # the namespace is closed to this process
        h.publish_trust(folder, admin, ["anna"], 1, "--single-operator")
        put_policy(folder, admin, "keep-linux", "linux", "40123,41000-41003")
        put_policy(folder, admin, "keep-windows", "windows", "50123")
        on_linux(folder, machine, collector, admin)
        at_the_collector(machine, collector, admin)
        on_windows(folder, machine, collector, admin)
        collector_part(machine)
        h.check("collector stops cleanly", collector.program.stop() == 0)
    h.finish()


main()
