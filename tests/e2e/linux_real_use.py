#!/usr/bin/python3
"""Real use on Linux, in a network namespace of its own: exposed, reserved, safe, taken, blocked.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

PORT = 40123
RESERVED = "net.ipv4.ip_local_reserved_ports"


class Namespace:
    def __init__(self):
        self.name = f"hm-e2e-{os.getpid()}"

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.prefix = ["ip", "netns", "exec", self.name]
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    def run(self, *command):
        subprocess.run([*self.prefix, *command], check=True, capture_output=True)


class Holder:
    """The port, held by a program of the given name."""

    def __init__(self, space, folder, name, address="0.0.0.0", port=PORT):
        self.path = os.path.join(folder, name)
        shutil.copy(os.path.join(h.BIN, "port_holder"), self.path)
        self.child = subprocess.Popen([*space.prefix, self.path, "tcp", address, str(port)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name} could not take port {port}")

    def stop(self):
        self.child.stdin.close()
        self.child.wait(10)


def write_product(folder):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "payroll.json"), "w", encoding="utf-8") as file:
        json.dump({"id": "payroll", "title": "Payroll", "vendor": "us", "os": ["linux"],
                   "detect": {"always": True, "programs": ["payroll-svc"]},
                   "requirements": [{"id": "api", "title": "API", "protocol": "tcp",
                                     "families": "ipv4", "ports": str(PORT), "kind": "socket",
                                     "safe_to_exclude": "yes", "source": "our own manual",
                                     "confidence": "documented"}]}, file)


def verdict_of(space, catalogue):
    """(exit status, the payroll verdict) of hm-agent check in the namespace."""
    code, out, err = h.run("hm-agent", "check", "--json", "--catalogue", catalogue,
                           "--product-dir", h.PRODUCTS, prefix=space.prefix)
    if code > 1:
        raise RuntimeError(f"check: {code} {err}")
    rows = [v for v in json.loads(out)["verdicts"] if v["product"] == "payroll"]
    return code, rows[0] if rows else {"state": "no verdict"}


def check_alone(space, folder, catalogue):
    own = Holder(space, folder, "payroll-svc")
    code, verdict = verdict_of(space, catalogue)
    h.check("in the dynamic range: exposed", verdict["state"] == "exposed", verdict)
    h.check("exit 1 while something is at risk", code == 1, code)
    h.check("odds are told", 0 <= verdict.get("odds", -1) < 1, verdict)

    space.run("sysctl", "-w", f"{RESERVED}={PORT}")
    code, verdict = verdict_of(space, catalogue)
    h.check("reserved: safe", verdict["state"] == "safe", verdict)
    booted = os.path.isdir("/run/systemd/system")
    h.check("and nothing else is at risk: exit 0; 1 where systemd does not run the system",
            code == (0 if booted else 1), code)

    own.stop()
    intruder = Holder(space, folder, "intruder")
    code, verdict = verdict_of(space, catalogue)
    h.check("taken by a foreign process: blocked", verdict["state"] == "blocked", verdict)
    h.check("which is named", verdict.get("holder", {}).get("program") == "intruder", verdict)
    h.check("with its process id", verdict.get("holder", {}).get("pid", 0) > 0, verdict)
    h.check("exit 1", code == 1, code)
    intruder.stop()
    space.run("sysctl", "-w", f"{RESERVED}=")


def observed_without_catalogue(space, folder):
    """A listener that no catalogue knows, in the dynamic range: listed as perhaps random at first,
    a requirement once the port book has seen it in two boots."""
    own = Holder(space, folder, "unlisted-svc", port=41234)
    options = h.agent_options(None, folder, "book")
    book = os.path.join(folder, "agent-book", "portbook.json")

    def check():
        code, out, err = h.run("hm-agent", "check", "--json", *options, prefix=space.prefix)
        said = json.loads(out)
        return ([v["state"] for v in said["verdicts"] if v["ports"] == "41234"],
                [o["why"] for o in said.get("observed", []) if o["ports"] == "41234"])

    def observe_twice():
        for _ in range(2):
            h.run("hm-agent", "once", *options, prefix=space.prefix)
        with open(book, encoding="utf-8") as file:
            return json.load(file)

    h.check("seen once by nobody's book: listed, not judged", check() == ([], ["no_port_book"]),
            check())
    kept = observe_twice()
    h.check("the port book remembers it after two observations",
            [r["entry"]["boots"] for r in kept["rows"] if r["entry"]["port"] == 41234] == [1], kept)
    h.check("seen in one boot: listed, not judged", check() == ([], ["one_boot"]), check())
    kept["boot_id"] = "the boot before"
    with open(book, "w", encoding="utf-8") as file:
        json.dump(kept, file)
    observe_twice()
    h.check("seen in two boots: required, and exposed", check() == (["exposed"], []), check())
    own.stop()
    h.check("down, and remembered", check() == (["exposed"], []), check())
    intruder = Holder(space, folder, "intruder", port=41234)
    h.check("down while another program has its port: blocked", check()[0] == ["blocked"], check())
    intruder.stop()


def through_the_collector(space, folder, catalogue):
    collector = h.Collector(folder, prefix=space.prefix)
    # Requests of this test go into the namespace, too.
    def hmctl(*arguments):
        return h.run("hmctl", *arguments, prefix=space.prefix, env={
            "HMCTL_COLLECTOR": collector.url, "HMCTL_TOKEN": collector.admin,
            "HMCTL_CA": collector.ca})

    collector.start(wait=False)
    h.wait_until("collector ready", 60, lambda: hmctl("hosts", "--json")[0] == 0, 0.3)
    code, out, err = hmctl("token", "new", "netns", "--json")
    if not h.check("join token", code == 0, out + err):
        return
    token = json.loads(out)["secret"]
    agent = h.Program("hm-agent", ["run", *h.agent_options(
        collector, folder, "netns-host", token=token, interval="1", catalogue_dir=catalogue)],
        os.path.join(folder, "agent.log"), prefix=space.prefix)

    def state():
        code, out, _ = hmctl("verdicts", "--json", "--filter", "product=payroll")
        rows = json.loads(out)["items"] if code == 0 and out else []
        return rows[0]["verdict"] if rows else {"state": "none yet"}

    own = Holder(space, folder, "payroll-svc")
    h.wait_until("hmctl shows exposed", 60, lambda: state()["state"] == "exposed", 0.3)
    space.run("sysctl", "-w", f"{RESERVED}={PORT}")
    h.wait_until("hmctl shows safe", 60, lambda: state()["state"] == "safe", 0.3)
    own.stop()
    intruder = Holder(space, folder, "intruder")
    h.wait_until("hmctl shows blocked", 60, lambda: state()["state"] == "blocked", 0.3)
    h.check("hmctl names the holder", "intruder" in json.dumps(state()), state())
    intruder.stop()
    h.wait_until("and safe again", 60, lambda: state()["state"] == "safe", 0.3)
    code, out, _ = hmctl("events", "--json", "--filter", "kind=verdict_changed")
    h.check("each change is an event", code == 0 and len(json.loads(out)["items"]) >= 3, out[:500])
    h.check("agent stops cleanly", agent.stop() == 0)
    h.check("collector stops cleanly", collector.program.stop() == 0)


def main():
    with h.Folder() as folder, Namespace() as space:
        catalogue = os.path.join(folder, "catalogue.d")
        write_product(catalogue)
        check_alone(space, folder, catalogue)
        observed_without_catalogue(space, folder)
        through_the_collector(space, folder, catalogue)
    h.finish()


main()
