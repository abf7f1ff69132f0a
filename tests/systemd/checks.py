"""What the checks of this suite share: counting, and what the agent says of the machine.

SPDX-License-Identifier: Apache-2.0
"""
import json
import sys

passed = 0
failed = 0
AT_RISK = ("blocked", "exposed", "unknown")


def check(what, condition, detail=""):
    """One claim; the run goes on, so that one fault does not hide the next."""
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what}" + (f": {str(detail)[:3000]}" if detail != "" else ""), flush=True)
    return bool(condition)


def finish(summary):
    print(f"{summary}; {passed} passed, {failed} failed")
    sys.exit(0 if failed == 0 and passed > 0 else 1)


class Judgement:
    """What "hm-agent check" says, asked by root or by another user."""

    def __init__(self, machine, user=""):
        self.code, self.text, self.errors = machine.ask("hm-agent", "check", "--json", user=user)
        said = json.loads(self.text) if self.text else {}
        self.verdicts = said.get("verdicts", [])
        self.findings = said.get("findings", [])
        self.observed = said.get("observed", [])

    def states(self):
        """(product, requirement, protocol, ports) -> state"""
        return {(v["product"], v["requirement"], v["protocol"], v["ports"]): v["state"]
                for v in self.verdicts}

    def at_risk(self):
        return sorted((*key, state) for key, state in self.states().items() if state in AT_RISK)

    def of(self, product):
        return [v for v in self.verdicts if v["product"] == product]

    def kinds(self):
        """Findings that ask for something, each as kind and subject."""
        return sorted((f["kind"], f["subject"]) for f in self.findings if f["severity"] != "info")

    def commands(self):
        return [c for f in self.findings for c in f.get("commands", [])]


def listeners(machine):
    """{"tcp/22", …}: what the kernel shows."""
    found = set()
    for line in machine.run("ss", "-Htuln").splitlines():
        protocol, _, _, _, local, *_ = line.split()
        found.add(f"{protocol}/{local.rsplit(':', 1)[1]}")
    return found
