"""What the Windows suites with policies share: a collector with a trust root and an approver, and
programs that hold ports.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import shutil
import subprocess

import wine as w
from wine import h

TOOLS = os.path.join(w.WINDOWS, "tests/windows")


class World:
    """A collector with a trust root whose approver is not the author."""

    def __init__(self, prefix, folder):
        self.prefix = prefix
        self.folder = folder
        self.collector = h.Collector(folder, settings=["interval=1"]).start()
        self.env = {"HMCTL_COLLECTOR": self.collector.url, "HMCTL_CA": self.collector.ca,
                    "HMCTL_TOKEN": self.collector.admin, "NO_COLOR": "1", "COLUMNS": "160",
                    "HM_PASSPHRASE": h.PASSPHRASE}
        self.key = h.key_file(folder, "anna")
        root = os.path.join(folder, "root.json")
        self.hmctl("trust", "new", "--add", f"anna={h.forge('public', 'anna')}", "--threshold",
                   "1", "--out", root)
        self.hmctl("trust", "sign", root, "--key", self.key, "--yes")
        self.hmctl("trust", "publish", root)

    def hmctl(self, *arguments, code=0):
        got, out, err = h.run("hmctl", *arguments, env=self.env)
        if not h.check(f"hmctl {' '.join(arguments)}", got == code, f"{got} {out}{err}"):
            raise RuntimeError("the next steps need it")
        return out if code == 0 else out + err

    def document(self, name, match, reservations, **more):
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"name": name, "owner": "mail team", "reason": "Kept for its service.",
                       "review": "2030-01-01T00:00:00Z", "match": match, "mode": "enforce",
                       "reservations": reservations, **more}, file)
        return path

    def activate(self, path):
        name = os.path.basename(path).removesuffix(".json")
        self.hmctl("policy", "submit", path)
        self.hmctl("policy", "approve", name, "--key", self.key, "--yes")
        self.hmctl("policy", "activate", name, "--yes")
        return name

    def retire(self, name):
        self.hmctl("policy", "retire", name, "--comment", "no longer needed")
        self.hmctl("policy", "approve", name, "--key", self.key, "--yes")

    def row(self, host, policy):
        rows = self.collector.items(f"/v1/host-policies?filter=host%3D{host}")
        return next((row for row in rows if row["policy"] == policy), None)

    def wait(self, host, policy, state, detail="", seconds=90):
        """The row once it is in this state, for this reason."""
        seen = [None]

        def probe():
            row = seen[0] = self.row(host, policy)
            return row if row and row["state"] == state and (
                not detail or detail in (row.get("why"), row.get("code"))) else None
        try:
            row = h.wait_until(f"{host}: {policy} {state} {detail}", seconds, probe)
        except TimeoutError:
            h.check(f"{host}: {policy} is {state} {detail}", False, seen[0])
            raise
        h.check(f"{host}: {policy} is {state} {detail}", True)
        return row

    def rows(self, protocol="tcp"):
        """What netsh would show, by family."""
        return [self.prefix.double_value(f"excluded-{protocol}-{family}")
                for family in ("ipv4", "ipv6")]


class Holder:
    """A program of Wine's own that has a port."""

    def __init__(self, folder, name, port):
        program = os.path.join(folder, name)
        shutil.copy(os.path.join(TOOLS, "hold_port.exe"), program)
        self.child = subprocess.Popen([*w.clock, "wine", program, str(port)], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, env=w.environment())
        h.started.append(self.child)
        line = self.child.stdout.readline().decode().strip()
        if line != "ready":
            raise RuntimeError(f"{name} did not get port {port}: {line}")

    def stop(self):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()
