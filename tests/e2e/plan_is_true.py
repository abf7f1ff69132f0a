#!/usr/bin/python3
"""What a plan says is what then happens: every demonstration host, the policies of the quickstart
and two that meet everybody, one after the other; then all of it is taken back, to the last byte.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

PROPOSED = os.path.join(h.SOURCE, "deploy/quickstart/policies")
FLEETS = (h.HOSTS, os.path.join(h.SOURCE, "tests/fixtures/fleet"))
MORE = {
    "everywhere": """\
match:
  hosts: ["*"]
reservations:
- protocol: tcp
  ports: 20000-20003,21000
- protocol: udp
  families: ipv4
  ports: "20010"
""",
    "range-back": """\
match:
  os_family: windows
  version_min: "6.1"
  services: [MSExchangePOP3BE]
ranges:
- protocol: tcp
  range: 49152-65535
- protocol: udp
  range: 50000-65535
"""}
REBOOTED = "i1-payroll-2003"
SETTLED = ("verified", "repaired", "waiting", "refused", "failed")
STAYS = ("taken", "busy", "refused", "waiting_window", "audit_only")  # notes that the agent repeats


def ports(text):
    """A port list as a set."""
    found = set()
    for piece in text.split(","):
        if piece.strip():
            first, _, last = piece.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    return found


def facts(inventory):
    """What actions change, in a form that they can be applied to."""
    stacks = {(s["protocol"], s["family"]): {"rows": ports(s.get("administered", "")),
                                             "range": s.get("dynamic", "")}
              for s in inventory.get("stacks", [])}
    registry = inventory.get("registry", {})
    return {"stacks": stacks, "reserved": registry.get("reserved_ports"),
            "max_user_port": registry.get("max_user_port"),
            "timed_wait_delay": registry.get("tcp_timed_wait_delay_s")}


def meant(action, stacks):
    return [stack for key, stack in stacks.items() if "protocol" not in action or
            key == (action["protocol"], action["family"])]


def remove_exclusion(action, now):
    for stack in meant(action, now["stacks"]):
        stack["rows"] -= ports(action["ports"])


def add_exclusion(action, now):
    for stack in meant(action, now["stacks"]):
        stack["rows"] |= ports(action["ports"])


def set_reserved_ports(action, now):
    now["reserved"] = None if action.get("unset") else action["lines"]


def set_sysctl_reserved(action, now):
    for stack in now["stacks"].values():
        stack["rows"] = ports(action.get("ports", ""))


def set_range(action, now):
    if action.get("needs_reboot"):
        last = action["range"].split("-")[1]
        now["max_user_port"] = None if action.get("unset") else int(last)
        return # written; the range in force is another after the next boot
    for stack in meant(action, now["stacks"]):
        stack["range"] = action["range"]


def set_timed_wait_delay(action, now):
    now["timed_wait_delay"] = action.get("timed_wait_delay_s")  # absent: the value is deleted


CARRY_OUT = {f.__name__: f for f in (remove_exclusion, add_exclusion, set_reserved_ports,
                                     set_sysctl_reserved, set_range, set_timed_wait_delay)}


def notes_of(policy, rows):
    """A plan speaks of all that is live; this of one."""
    return sorted((n["kind"], n.get("code", ""), n.get("protocol", ""), n.get("family", ""),
                   n.get("ports", n.get("range", "")), n.get("holder", {}).get("program", ""))
                  for n in rows if n["kind"] in STAYS and n["policy"] == policy)


class Scene:
    def __init__(self, folder):
        self.folder = folder
        self.collector = h.Collector(folder, settings=["interval=1", "silent_after=60"]).start()
        self.admin = self.collector.operator()
        h.publish_trust(folder, self.admin, ["anna"], 1)
        self.hosts = {}
        for place in FLEETS:
            for name in sorted(os.listdir(place)):
                self.hosts[name] = h.RecordedHost(self.collector, folder,
                                                  os.path.join(place, name), name).start()
        h.wait_until("all report", 120, lambda: len(self.admin.items("hosts")) == len(self.hosts),
                     0.5)
        self.ids = {row["name"]: row["id"] for row in self.admin.items("hosts")}
        self.before = {name: host.look() for name, host in self.hosts.items()}
        self.first = self.inventories()

    def inventory(self, name):
        status, _, body = self.collector.call("GET", f"/v1/hosts/{self.ids[name]}/inventory",
                                              token=self.collector.admin)
        if status != 200:
            raise RuntimeError(f"inventory of {name}: {status} {body[:200]}")
        # The agent remembers listeners under any policy.
        # What the agent has learned meanwhile is no change of the host: its port book, and which
        # values it saw in force.
        seen = {**json.loads(body), "port_book": None}
        seen["registry"] = {key: value for key, value in seen.get("registry", {}).items()
                            if key not in ("in_force", "earlier")}
        return json.dumps(seen)

    def inventories(self):
        return {name: self.inventory(name) for name in self.hosts}

    def plan(self, *arguments):
        return {row["host"]: row["plan"] for row in
                self.admin.json("policy", "plan", *arguments)["hosts"]}

    def rows(self, policy):
        return {row["host"]: row for row in self.admin.items("policy", "hosts", policy)}

    def check_happened(self, what, plan, before):
        """Each host is what it was and the plan's actions, and nothing else."""
        wanted = {}
        for name, body in before.items():
            wanted[name] = facts(json.loads(body))
            for action in plan.get(name, {}).get("actions", []):
                CARRY_OUT[action["kind"]](action, wanted[name])

        def differing():
            return {name: (facts(json.loads(body)), wanted[name])
                    for name, body in self.inventories().items()
                    if facts(json.loads(body)) != wanted[name]}
        try:
            h.wait_until("inventories", 15, lambda: not differing(), 0.5)
        except TimeoutError:
            pass
        wrong = differing()
        h.check(f"{what}: each host did what its plan says, and no other did anything",
                not wrong, str(wrong)[:1500])

    def activate(self, policy, file):
        """Planned, done, compared."""
        plan = self.plan(file)
        before = self.inventories()
        self.admin.ok("policy", "submit", file)
        h.approve(self.folder, self.admin, policy, "anna")
        h.check(f"{policy}: stored, it has the same plan", same_actions(plan, self.plan(policy)))
        self.admin.ok("policy", "activate", policy, "--yes")
        try:
            h.wait_until(policy, 60, lambda: set(self.rows(policy)) == set(plan) and all(
                row["state"] in SETTLED for row in self.rows(policy).values()), 0.5)
        except TimeoutError:
            pass
        rows = self.rows(policy)
        h.check(f"{policy}: those that were planned for have it, no other",
                set(rows) == set(plan), (sorted(rows), sorted(plan)))
        self.check_happened(policy, plan, before)
        for name, row in rows.items():
            said = notes_of(policy, plan[name]["notes"])
            told = notes_of(policy, row.get("notes", []))
            h.check(f"{policy} on {name}: what was not done, and why", told == said, (told, said))
            h.check(f"{policy} on {name}: {row['state']} is what the plan lets expect",
                    row["state"] == expected_state(policy, plan[name]), (row, plan[name]))

    def is_over(self, name, row, plan):
        """Retired; where it was in force on 2003, it waits for the boot that ends it."""
        waits = name == REBOOTED and any(
            action.get("needs_reboot") for action in plan.get(name, {}).get("actions", []))
        return (row["state"], row.get("why")) == (
            ("waiting", "reboot") if waits else ("retired", None))

    def retire(self, policy):
        plan = self.plan(policy, "--retire")
        before = self.inventories()
        had = set(self.rows(policy))
        self.admin.ok("policy", "retire", policy, "--comment", "over")
        h.approve(self.folder, self.admin, policy, "anna")
        try:
            h.wait_until(policy, 60, lambda: all(
                self.is_over(name, row, plan) for name, row in self.rows(policy).items()), 0.5)
        except TimeoutError:
            pass
        rows = self.rows(policy)
        h.check(f"{policy}: retired everywhere, or until the boot", set(rows) == had and all(
            self.is_over(name, row, plan) for name, row in rows.items()), str(rows)[:1500])
        self.check_happened(policy + " --retire", plan, before)


def same_actions(one, other):
    def short(plans):
        return {name: [{**a, "revision": 0, "owned": 0} for a in plan["actions"]]
                for name, plan in plans.items()}
    return short(one) == short(other)


def expected_state(policy, plan):
    kinds = {note["kind"] for note in plan["notes"] if note["policy"] == policy}
    if kinds & {"taken", "busy", "waiting_reboot"} or any(
            action.get("needs_reboot") for action in plan["actions"]):
        return "waiting"
    return "refused" if "refused" in kinds else "verified"


def write_policies(folder):
    files = {}
    for name in sorted(os.listdir(PROPOSED)):
        files[name[:-len(".yaml")]] = os.path.join(PROPOSED, name)
    for name, rest in MORE.items():
        files[name] = h.write_file(f"{folder}/{name}.yaml", (
            f"name: {name}\nowner: test\nreason: test\nreview: 2036-01-31\nmode: enforce\n"
            "watch_s: 0\n") + rest)
    return files


def reboot(scene, policy):
    """2003 reads its values at boot: then, and not before, they are in force."""
    host = scene.hosts[REBOOTED]
    h.check("before its boot it waits", scene.rows(policy)[REBOOTED].get("why") == "reboot",
            scene.rows(policy)[REBOOTED])
    shutil.copy(os.path.join(host.path, "host.json"), scene.folder)
    host.edit("host.json", b'"2007-03-05"', b'"2007-03-06"')
    h.wait_until("verified after its boot", 30,
                 lambda: scene.rows(policy)[REBOOTED]["state"] == "verified", 0.3)


def main():
    with h.Folder() as folder:
        scene = Scene(folder)
        files = write_policies(folder)
        for policy, file in files.items():
            scene.activate(policy, file)
        reboot(scene, "payroll-evolution")
        live = scene.plan()
        h.check("what is live asks for nothing more", all(
            not plan["actions"] for plan in live.values()), str(live)[:1500])
        for policy in files:
            scene.retire(policy)
        host = scene.hosts[REBOOTED]
        host.edit("host.json", b'"2007-03-06"', b'"2007-03-05"')
        for policy in files:
            h.wait_until(f"{policy}: retired after the boot", 30, lambda: all(
                row["state"] == "retired" for row in scene.rows(policy).values()), 0.3)
        h.wait_until("all inventories are as they were", 15,
                     lambda: scene.inventories() == scene.first, 0.5)
        for name, host in scene.hosts.items():
            after = host.look()
            if name == REBOOTED:  # what is in force until the next boot is remembered
                after.pop("changes.json", None)
            h.check(f"{name}: byte for byte as before", after == scene.before[name], [
                file for file in after if after[file] != scene.before[name].get(file)])
            h.check(f"{name}: agent stops cleanly", host.stop() == 0)
        h.check("collector stops cleanly", scene.collector.program.stop() == 0)
    h.finish()


main()
