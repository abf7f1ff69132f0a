"""What the Windows suites share: the Wine prefix, the netsh double's state, the cross-built agent.

A suite runs in a network namespace of its own, so that the only sockets that Wine sees are those
of the suite. Only processes started here, and those of this prefix, are ended.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import harness as h  # noqa: E402

# The cross-built programs and the double; HM_BIN_DIR has the native ones.
WINDOWS = os.path.abspath(os.environ.get("HM_WINDOWS_DIR", "build/mingw"))
AGENT = os.path.join(WINDOWS, "bin/hm-agent.exe")
AGENT_2003 = os.path.join(os.path.abspath(os.environ.get("HM_WINDOWS_2003_DIR", "build/mingw2003")),
                          "bin/hm-agent.exe")
NETSH = os.path.join(WINDOWS, "tests/windows/netsh.exe")
PREFIX = os.path.abspath(os.environ.get("WINEPREFIX", "build/windows-prefix"))
VERSIONS = {"2003": "5.2.3790", "2008r2": "6.1.7601", "2012r2": "6.3.9600", "2016": "10.0.14393",
            "2019": "10.0.17763", "2022": "10.0.20348"}
DOUBLE = r"HKEY_LOCAL_MACHINE\SOFTWARE\NetshDouble"
NSI = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Nsi"  # where the double keeps exclusions, too
STACKS = [(family, protocol) for protocol in ("tcp", "udp") for family in ("ipv4", "ipv6")]


clock = []  # in front of every command: the time since the boot that Boot makes
LISTINGS = 11  # runs of netsh for everything: eight, and the three of HTTP.sys
BLOCKS = 7  # for the lists that no registry key shows: exclusions, and those of HTTP.sys


def uptime_s():
    with open("/proc/uptime", encoding="ascii") as file:
        return float(file.read().split()[0])


def blocks_due(since_s):
    """Runs of netsh that the age of the boot asks for: at 1, 3 and 10 minutes."""
    return BLOCKS * sum(since_s < mark <= uptime_s() for mark in (60, 180, 600))


def environment(**more):
    env = {**os.environ, "WINEPREFIX": PREFIX, "WINEDEBUG": "-all", **more}
    env.pop("DISPLAY", None)
    return env


def own_network():
    """Runs this suite again, in a network namespace with nothing but loopback, and where Wine can do
    with the addresses that it gets."""
    if os.environ.get("HM_OWN_NETWORK") != "1":
        os.environ["HM_OWN_NETWORK"] = "1"
        os.execvp("unshare", ["unshare", "--net", os.path.join(HERE, "fixed.sh"),
                              sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def reg_value(value):
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"dword:{value:08x}"
    if isinstance(value, list):
        data = ("\0".join(value) + "\0\0").encode("utf-16-le")
        return "hex(7):" + ",".join(f"{byte:02x}" for byte in data)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Prefix:
    """The prefix while a suite uses it; its Wine programs end with the suite."""

    def __enter__(self):
        self.script("stop")
        self.script("make", NETSH)
        self.script("start")
        self.reset_double()
        self.reg_write((NSI, None))
        return self

    def __exit__(self, *_):
        self.script("stop")

    @staticmethod
    def script(verb, *arguments):
        done = subprocess.run([*clock, os.path.join(HERE, "prefix.sh"), verb, PREFIX, *arguments],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"prefix.sh {verb}: {done.stdout}{done.stderr}")

    def version(self, name, product=None, revision=0):
        self.script("version", name, *([product, str(revision)] if product else []))

    @staticmethod
    def run(program, *arguments, timeout=180, **env):
        """(exit status, standard output, standard error); line ends as everywhere else. A bare name is
        a program of Windows: Wine would start a second one, start.exe, to find it."""
        if not re.search(r"[/\\]", program):
            program = rf"C:\windows\system32\{program}.exe"
        done = subprocess.run([*clock, "wine", program, *arguments], capture_output=True,
                              stdin=subprocess.DEVNULL, env=environment(**env), timeout=timeout)
        text = [part.replace(b"\r\n", b"\n") for part in (done.stdout, done.stderr)]
        return done.returncode, text[0].decode(errors="replace"), text[1].decode(errors="replace")

    def check(self, *arguments, **env):
        """What "check --json" of the Windows agent says, and the bytes of it."""
        code, out, err = self.run(AGENT, "check", "--json", "--product-dir", h.PRODUCTS,
                                  *arguments, **env)
        if code not in (0, 1) or not out.endswith("}\n"):
            raise RuntimeError(f"check {' '.join(arguments)}: {code} {out[-500:]}{err}")
        return json.loads(out)

    def reg_import(self, path):
        code, out, err = self.run("reg", "import", path)
        if code != 0:
            raise RuntimeError(f"reg import {path}: {code} {out}{err}")

    def reg_write(self, *keys):
        """Each (key, values); values None removes the key with all that is in it."""
        lines = ["Windows Registry Editor Version 5.00", ""]
        for key, values in keys:
            lines.append(f"[{'-' if values is None else ''}{key}]")
            lines += [f'"{name}"={reg_value(value)}' for name, value in (values or {}).items()]
            lines.append("")
        path = os.path.join(PREFIX, "suite.reg")
        with open(path, "wb") as file:
            file.write(b"\xff\xfe" + "\r\n".join(lines).encode("utf-16-le"))
        self.reg_import(path)

    def reset_double(self, **state):
        self.reg_write((DOUBLE, None), (DOUBLE, {k.replace("_", "-"): v for k, v in state.items()}))

    def double(self, **state):
        self.reg_write((DOUBLE, {k.replace("_", "-"): v for k, v in state.items()}))

    def reg_query(self, key, name):
        """(type, text) of a value as "reg query" shows it; ("", "") when it is not there."""
        _, out, _ = self.run("reg", "query", key.replace("HKEY_LOCAL_MACHINE", "HKLM"), "/v", name)
        for line in out.splitlines():
            fields = line.strip().split("    ", 2)
            if fields[0] == name and len(fields) >= 2:
                return fields[1], fields[2] if len(fields) > 2 else ""
        return "", ""

    def reg_lines(self, key, name):
        """Of a REG_MULTI_SZ; None when it is not there."""
        kind, text = self.reg_query(key, name)
        return None if kind != "REG_MULTI_SZ" else [line for line in text.split("\\0") if line]

    def double_value(self, name):
        return self.reg_query(DOUBLE, name)[1]

    def calls(self):
        """How often netsh has been run since reset_double."""
        _, out, _ = self.run("reg", "query", DOUBLE.replace("HKEY_LOCAL_MACHINE", "HKLM"), "/v",
                             "calls")
        return int(out.split()[-1], 16) if "REG_DWORD" in out else 0


class Boot:
    """Wine, and all that runs in it, started again with a clock of its own, by which the system
    booted so many seconds ago: a time namespace. Volatile registry keys are gone, as after a boot;
    what the time of day is stays as it is."""

    def __init__(self, prefix, seconds):
        self.prefix = prefix
        self.seconds = seconds

    def __enter__(self):
        self.prefix.script("stop")
        self.shift = int(self.seconds - uptime_s())
        self.holder = subprocess.Popen(
            ["unshare", "--time", "--boottime", str(self.shift), "--monotonic", str(self.shift),
             "--fork", "--kill-child", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        h.started.append(self.holder)
        # its child is in the new namespace, once the clock is set
        child = h.wait_until("a clock of its own", 10, lambda: children(self.holder.pid))[0]
        clock[:] = ["nsenter", f"--time=/proc/{child}/ns/time"]
        self.started_ms = int(1000 * (time.time() - self.uptime_s()))
        self.prefix.script("start")
        return self

    def uptime_s(self):
        return uptime_s() + self.shift

    def wait(self, seconds):
        """Until so many seconds after the boot."""
        time.sleep(max(0.0, seconds - self.uptime_s()))

    def __exit__(self, *_):
        self.prefix.script("stop")
        clock.clear()
        self.holder.kill()
        self.holder.wait()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


class Agent:
    """hm-agent.exe run: a process of its own, whose id is that of the Windows process."""

    def __init__(self, collector, folder, name, program=AGENT, **settings):
        options = h.agent_options(collector, folder, name, **settings)
        self.state = os.path.join(folder, "agent-" + name)
        self.log_path = os.path.join(folder, f"agent-{name}.log")
        self.log = open(self.log_path, "ab")
        self.child = subprocess.Popen([*clock, "wine", program, "run", *options], stdin=subprocess.DEVNULL,
                                      stdout=self.log, stderr=self.log, env=environment())

    def output(self):
        with open(self.log_path, "rb") as file:
            return file.read().decode(errors="replace")

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        self.log.close()

    def stop(self, seconds=60):
        """Wine hands SIGINT on as Ctrl+C."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.log.close()
        return code


def once(prefix, collector, folder, name, **settings):
    """One cycle: (exit status, standard output, standard error)."""
    options = h.agent_options(collector, folder, name, **settings)
    return prefix.run(AGENT, "once", *options)


def main(suite):
    """Runs suite(prefix, folder) in a network of its own and says how it went."""
    own_network()
    with h.Folder() as folder, Prefix() as prefix:
        suite(prefix, folder)
    h.finish()
