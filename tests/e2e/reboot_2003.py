#!/usr/bin/python3
"""A server of 2003 under an approved policy: exposed, then written (and still exposed, with the
range as full as before), then its boot, and only then safe. Also when somebody else writes the
values, and when the agent is restarted in between.

SPDX-License-Identifier: Apache-2.0
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

POLICY = "mail-2003-exhaustion"
FILE = os.path.join(h.SOURCE, "deploy/quickstart/policies", POLICY + ".yaml")
HOST = "i4-mail-2003"
WRITTEN = "i4-mail-2003-cured"  # its registry, as somebody else writes it


class Scene:
    def __init__(self, folder):
        self.folder = folder
        self.collector = h.Collector(folder, settings=["interval=1"]).start()
        self.admin = self.collector.operator()
        h.publish_trust(folder, self.admin, ["anna"], 1)
        self.hosts = {name: h.RecordedHost(self.collector, folder, os.path.join(h.HOSTS, HOST),
                                           name).start() for name in ("policy", "by-hand")}
        h.wait_until("both report", 60, lambda: len(self.admin.items("hosts")) == 2)

    def verdicts(self, name):
        rows = self.admin.items("verdicts", "--filter", f"host={name}")
        return {row["verdict"]["requirement"]: row["verdict"] for row in rows}

    def rdp(self, name):
        """(state now, state after the next boot)"""
        verdict = self.verdicts(name).get("rdp", {})
        return verdict.get("state"), verdict.get("after_boot")

    def is_full(self, name):
        return any(row["finding"]["kind"] == "low_headroom"
                   for row in self.admin.items("findings", "--filter", f"host={name}"))

    def table(self, name):
        return " ".join(self.admin.ok("host", name).split())

    def boot(self, name, day):
        host = self.hosts[name]
        old = b'"2006-05-02"' if day == 3 else f'"2006-05-{day - 1:02}"'.encode()
        host.edit("host.json", old, f'"2006-05-{day:02}"'.encode())


def by_policy(scene):
    name = "policy"
    h.check("exposed, and its range is nearly full",
            scene.rdp(name) == ("exposed", None) and scene.is_full(name), scene.verdicts(name))
    scene.admin.ok("policy", "submit", FILE)
    h.approve(scene.folder, scene.admin, POLICY, "anna")
    scene.admin.ok("policy", "activate", POLICY, "--yes")
    h.wait_until("written", 30, lambda: scene.rdp(name) == ("exposed", "safe"), 0.3)
    h.check("written, the range is as full as before", scene.is_full(name))
    h.check("the table says when it is safe", "safe after the next boot" in scene.table(name),
            scene.table(name))
    host = scene.hosts[name]
    h.check("the agent stops", host.stop() == 0)
    host.start()
    h.wait_until("the agent is back", 30, lambda: scene.rdp(name) == ("exposed", "safe"), 0.3)
    scene.boot(name, 3)
    h.wait_until("safe after the boot", 30, lambda: scene.rdp(name) == ("safe", None), 0.3)
    h.wait_until("and no longer full", 30, lambda: not scene.is_full(name), 0.3)
    h.wait_until("verified", 30, lambda: {r["host"]: r["state"] for r in scene.admin.items(
        "policy", "hosts", POLICY)}.get(name) == "verified", 0.3)


def by_hand(scene):
    """No policy, and no file says when the values were written: the agent has seen it."""
    name = "by-hand"
    host = scene.hosts[name]
    with open(os.path.join(h.HOSTS, WRITTEN, "tcpip-parameters.reg"), "rb") as file:
        data = file.read()
    with open(os.path.join(host.path, "tcpip-parameters.reg"), "wb") as file:
        file.write(data)
    h.wait_until("written by hand", 30, lambda: scene.rdp(name) == ("exposed", "safe"), 0.3)
    h.check("written by hand, the range is as full as before", scene.is_full(name))
    scene.boot(name, 3)
    h.wait_until("safe after its boot", 30, lambda: scene.rdp(name) == ("safe", None), 0.3)


def main():
    with h.Folder() as folder:
        scene = Scene(folder)
        by_hand(scene)
        by_policy(scene)
        for host in scene.hosts.values():
            h.check("agent stops cleanly", host.stop() == 0)
        h.check("collector stops cleanly", scene.collector.program.stop() == 0)
    h.finish()


main()
