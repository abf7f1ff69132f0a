"""A host with a guarded service, for suite_guard.py.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import suite_service as service  # noqa: E402
import wine as w  # noqa: E402
from wine import h  # noqa: E402

TOOL = os.path.join(w.WINDOWS, "tests/windows/service_tool.exe")
GUARD = os.path.join(w.WINDOWS, "bin/hm-guard.exe")
GUARDED = "Guarded Service"
ABOVE = "AboveIt"  # depends on it
OTHERS = ["RpcSs", "PlugPlay", "+Group Nobody Knows"]
NAME = "HavenmasterGuard"
FOLDER = os.path.join(service.DRIVE, "Program Files/Havenmaster Guard")
PROGRAM = os.path.join(FOLDER, "hm-guard.exe")
AGENT = os.path.join(service.PROGRAM_FOLDER, "hm-agent.exe")
AGENT_KEY = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\HavenmasterAgent"
GUARD_KEY = rf"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\{NAME}"
BOOT_KEY = r"HKEY_LOCAL_MACHINE\SOFTWARE\HavenmasterBoot"
HOST_NAME = "guard-host"
SAFE_BOOT = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SafeBoot"
RECORD = r"HKLM\SOFTWARE\HavenmasterGuard"
ALREADY_THERE = 1073  # ERROR_SERVICE_EXISTS
WAIT_MS = 20000
AT_ONCE_MS = WAIT_MS // 2  # nobody waited for it, on a machine that is busy with other things
SLACK_MS = 6000  # of a busy test machine


class Host:
    """A host with the agent installed, and one service that is to be guarded."""

    def __init__(self, prefix):
        self.prefix = prefix

    def tool(self, *arguments, expect=0):
        code, out, err = self.prefix.run(TOOL, *arguments)
        if expect is not None and code != expect:
            raise RuntimeError(f"service_tool {' '.join(arguments)}: {code} {out}{err}")
        return out

    def agent(self, *arguments):
        code, out, err = self.prefix.run(service.PROGRAM, *arguments)
        return code, out + err

    def must(self, what, *arguments, code=0, says=""):
        got, text = self.agent(*arguments)
        h.check(what, got == code and says in text, f"{got} {text}")
        return text

    def depends(self, name=GUARDED):
        return self.tool("depends", name).splitlines()

    def state(self, name=NAME):
        code, out, _ = self.prefix.run("sc", "query", name)
        words = [line.split() for line in out.splitlines() if "STATE" in line]
        return words[0][-1] if code == 0 and words else None

    def make(self, name, needs):
        """An automatic service that is stopped, also where an earlier run left it."""
        code, out, err = self.prefix.run(TOOL, "create", name, "2")
        if code != 0 and f"error {ALREADY_THERE}" not in err:
            raise RuntimeError(f"service_tool create {name}: {code} {out}{err}")
        self.tool("depend", name, *needs)
        self.tool("stop", name, expect=None)

    def boot(self, agent=True):
        """Volatile keys and all programs are gone; the agent starts unless it is told not to. What
        Wine starts by itself without regard to dependencies is stopped again."""
        self.prefix.reg_write((BOOT_KEY, None))  # "reg import" makes keys that outlive a boot
        self.prefix.script("stop")
        if not agent:
            self.set_agent_start(3)
        self.prefix.script("start")
        if not agent:
            self.set_agent_start(2)  # as the guard finds it at a boot: it is to start, and does not
        self.tool("stop", GUARDED, expect=None)
        self.tool("stop", ABOVE, expect=None)

    def set_agent_start(self, value):
        """Without Wine's service manager, which reads it at its start only."""
        if value == 3:
            path = os.path.join(w.PREFIX, "system.reg")
            with open(path, encoding="utf-8") as file:
                text = file.read()
            at = text.index("Services\\\\HavenmasterAgent]")
            text = text[:at] + text[at:].replace('"Start"=dword:00000002', '"Start"=dword:00000003', 1)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        else:
            self.prefix.reg_write((AGENT_KEY, {"Start": value}))

    def start(self, name=GUARDED):
        """(milliseconds or None, what was said), as Windows starts it."""
        code, out, _ = self.prefix.run(TOOL, "start", name)
        found = re.match(r"RUNNING after (\d+) ms", out)
        return (int(found.group(1)) if code == 0 and found else None), out.strip()

    def fresh(self):
        """As after "guard add", the agent running, its first pass done."""
        self.prefix.reg_write((BOOT_KEY, None))
        self.prefix.script("stop")
        os.makedirs(service.PROGRAM_FOLDER, exist_ok=True)
        shutil.copy(w.AGENT, AGENT)
        shutil.copy(GUARD, service.PROGRAM_FOLDER)
        state = os.path.join(service.DATA, "state")
        if os.path.isfile(state):
            os.remove(state)
        self.prefix.script("start")
        self.must("installed", "service", "install")
        self.prefix.reg_write((service.POLICY, None), (service.POLICY, {"interval": "1s"}))
        self.prefix.run("sc", "start", "HavenmasterAgent")
        self.make(GUARDED, OTHERS)
        self.make(ABOVE, [GUARDED])
        self.must("guarded", "guard", "add", GUARDED, says="sc config")
        h.wait_until("the first pass is done", 60, lambda: self.prefix.reg_query(
            BOOT_KEY, "FirstPass")[1] == "0x1")

    def starts(self, what, least_ms=0, most_ms=WAIT_MS + SLACK_MS):
        took, said = self.start()
        h.check(f"{what}: the service starts", took is not None and least_ms <= took <= most_ms, said)
        self.tool("stop", GUARDED, expect=None)

    def runs_by_itself(self, what):
        h.wait_until(f"{what}: the agent starts the service", 60,
                     lambda: self.state(GUARDED) == "RUNNING")
        h.check(f"{what}: and what depends on it", h.wait_until(
            "above", 60, lambda: self.state(ABOVE) == "RUNNING") is not None)
        h.check(f"{what}: no dependency but the others is left", self.depends() == OTHERS,
                self.depends())

    def fails(self, what, error):
        """Windows does not start it, nor what depends on it: 1068 or 1075."""
        took, said = self.start(ABOVE)
        h.check(f"{what}: what depends on it does not start either", took is None and
                said.startswith("error 1068"), said)
        took, said = self.start()
        h.check(f"{what}: Windows says {error}", took is None and said.startswith(f"error {error}"),
                said)

    def fails_until_healed(self, what, error):
        """… and an agent that is alive may have been quicker than this test."""
        took, said = self.start()
        h.check(f"{what}: Windows says {error}, or the agent was quicker", took is not None or
                said.startswith(f"error {error}"), said)

    def released(self, what):
        h.wait_until(f"{what}: the dependency is removed", 60, lambda: self.depends() == OTHERS)

    def end_agent(self):
        self.must("the agent is stopped", "service", "stop")
