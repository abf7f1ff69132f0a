#!/usr/bin/python3
"""The quickstart as a newcomer runs it, in a folder with a space: a policy per incident lies ready,
and the README's five commands take a host from "exposed" to "verified".

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import re
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

QUICKSTART = os.path.join(h.SOURCE, "deploy/quickstart.sh")
POLICIES = sorted(name[:-len(".yaml")] for name in
                  os.listdir(os.path.join(h.SOURCE, "deploy/quickstart/policies")))
HOST = "i2-exchange-2013-stopped"


def quickstart(*arguments):
    done = subprocess.run([QUICKSTART, *arguments], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "HM_BIN_DIR": os.path.abspath(h.BIN)},
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def readme_commands():
    """The five commands of README.md, as they stand there."""
    with open(os.path.join(h.SOURCE, "README.md"), encoding="utf-8") as file:
        text = file.read()
    part = text.split("## From exposed to verified", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\$ (hmctl .*)$", part, re.MULTILINE)


class Shell:
    """A shell that has read the demonstration's "env"."""

    def __init__(self, folder):
        self.env = os.path.join(folder, "env")

    def run(self, command):
        done = subprocess.run(["bash", "-c", f". {shlex.quote(self.env)} && {command}"],
                              capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    def items(self, command):
        code, out = self.run(command + " --json")
        if code != 0:
            raise RuntimeError(f"{command}: {code} {out}")
        return json.loads(out)["items"]

    def verdicts(self, host):
        rows = self.items(f"hmctl verdicts --filter 'host={host}'")
        return {row["verdict"]["state"] for row in rows}

    def state(self, host, policy):
        for row in self.items(f"hmctl policy hosts {policy}"):
            if row["host"] == host:
                return row["state"]
        return ""


def children(folder):
    """Processes that were started for this folder, by what stands on their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().decode(errors="replace")
        except OSError:
            continue
        if folder in line and ("hm-agent" in line or "hm-collector" in line):
            found.append(line.replace("\0", " "))
    return found


def show_logs(folder):
    """What the programs said, without the lines of hosts on which all went well."""
    logs = os.path.join(folder, "log")
    for name in sorted(os.listdir(logs) if os.path.isdir(logs) else []):
        with open(os.path.join(logs, name), encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        if name.startswith("agent-") and any(" info reported " in line for line in lines):
            continue
        print(f"{name}:", *lines[-20:], sep="\n  ")


def test_start(folder, shell):
    code, out = quickstart("--dir", folder)
    if not h.check("quickstart starts", code == 0, out[-2000:]):
        show_logs(folder)
    h.check("it ends with the policies", all(name in out for name in POLICIES), out[-2000:])
    h.check("it says that this is a demonstration", "This is a demonstration" in out)
    h.check("its hint to stop names the folder",
            "--dir " + folder.replace(" ", "\\ ") + " --stop" in out, out[-800:])
    states = {row["name"]: row["state"] for row in shell.items("hmctl policies")}
    h.check("each policy is submitted", states == {name: "submitted" for name in POLICIES}, states)
    h.check("the incident host is exposed", "exposed" in shell.verdicts(HOST))


def test_five_commands(shell):
    commands = readme_commands()
    h.check("README.md has five commands", len(commands) == 5, commands)
    for number, command in enumerate(commands):
        if " approve " in command or " activate " in command:
            command += " --yes"  # nobody is at the terminal
        code, out = shell.run(command)
        h.check(f"command {number + 1}: {command}", code == 0, out)
        if " activate " in command:
            h.wait_until("verified", 60,
                         lambda: shell.state(HOST, "exchange-back-end") == "verified", 0.5)
    h.check("the last one shows it", HOST in out and "verified" in out, out)
    h.wait_until("safe", 60, lambda: shell.verdicts(HOST) == {"safe"}, 0.5)
    h.check("another host waits for its own services",
            shell.state("i2-exchange-2013-exposed", "exchange-back-end") == "waiting")


def test_reboot(folder, shell):
    """2003 looks at ReservedPorts when it starts."""
    name, host = "payroll-evolution", "i1-payroll-2003"
    for command in (f'approve {name} --key "$OPERATOR_KEY" --yes', f"activate {name} --yes"):
        code, out = shell.run(f"hmctl policy {command}")
        h.check(command, code == 0, out)
    h.wait_until("waiting for a reboot", 60, lambda: shell.state(host, name) == "waiting", 0.5)
    code, out = quickstart("--dir", folder, "--reboot", host)
    h.check("the host is restarted", code == 0, out)
    h.wait_until("verified after it", 60, lambda: shell.state(host, name) == "verified", 0.5)
    h.wait_until("safe after it", 60, lambda: shell.verdicts(host) == {"safe"}, 0.5)


def patch_day(shell, retired):
    """The commands of policies.md; a policy that is over is not among what is left to do."""
    with open(os.path.join(h.SOURCE, "deploy/docs/policies.md"), encoding="utf-8") as file:
        part = file.read().split("## After patch day", 1)[1].split("\n## ", 1)[0]
    block = re.search(r"```sh\n(.*?)```", part, re.DOTALL)[1]
    commands = [line for line in block.splitlines() if line.startswith("hmctl policy hosts")]
    h.check("policies.md has the command", len(commands) == 1, block)
    code, out = shell.run(commands[0])
    h.check("nothing retired is left to do", code == 0 and "retired" not in out and
            f"{HOST} " not in out, out)
    for asked in ("--retired", "--filter state=retired"):
        h.check(f"{asked} lists it", (HOST, retired) in [
            (row["host"], row["policy"]) for row in shell.items(f"hmctl policy hosts {asked}")])
    h.check("and by name", shell.state(HOST, retired) == "retired")


def test_retire(folder, shell):
    name = "exchange-back-end"
    for command in (f"retire {name} --comment 'the service moves'",
                    f'approve {name} --key "$OPERATOR_KEY" --yes'):
        code, out = shell.run(f"hmctl policy {command}")
        h.check(command, code == 0, out)
    h.wait_until("retired", 60, lambda: shell.state(HOST, name) == "retired", 0.5)
    patch_day(shell, name)
    h.check("nothing of it is left on the host",
            not os.path.exists(os.path.join(folder, "hosts", HOST, "changes.json")))


def test_no_report(folder):
    """A host whose agent cannot run is named, with what its log says."""
    name = "i3-sbs-2003"
    state = os.path.join(folder, "agents", name)
    quickstart("--dir", folder, "--stop")
    os.rename(state, state + ".away")
    with open(state, "w", encoding="utf-8"):
        pass
    code, out = quickstart("--dir", folder)
    h.check("it gives up", code != 0 and "17 of 18 hosts have reported" in out, out[-2000:])
    h.check("and names the host", f"not all agents reported: {name}\n" in out, out[-2000:])
    h.check("with the last line of its log", re.search(f"^  {name}: .*state_dir", out, re.MULTILINE),
            out[-2000:])


def test_again(folder, shell):
    """A second start changes no decision."""
    before = shell.items("hmctl policies")
    code, out = quickstart("--dir", folder)
    h.check("it starts again", code == 0, out[-2000:])
    h.check("decisions stay", [(row["name"], row["state"]) for row in before] ==
            [(row["name"], row["state"]) for row in shell.items("hmctl policies")])


def main():
    with h.Folder() as base:
        folder = os.path.join(base, "with space")
        shell = Shell(folder)
        try:
            test_start(folder, shell)
            test_five_commands(shell)
            test_reboot(folder, shell)
            test_retire(folder, shell)
            test_again(folder, shell)
            test_no_report(folder)
        finally:
            code, out = quickstart("--dir", folder, "--stop")
        h.check("it stops", code == 0, out)
        h.check("no process is left", not children(folder), children(folder))
    h.finish()


main()
