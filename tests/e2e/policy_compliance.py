#!/usr/bin/python3
"""How far hosts are, and who may say so: taken ports, drift, silence, exceptions, pause, restore,
edits, rejections, and approvers who change.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

NAME = "pop3-back-end"
POLICY = """\
name: pop3-back-end
owner: {owner}
reason: POP3 did not start after the patch day
review: 2036-01-31
mode: enforce
match:
  labels: [role=mail]
reservations:
- protocol: tcp
  ports: {ports}
watch_s: 0
"""
HELD = b"  TCP    10.20.0.21:9955        10.20.0.10:3268        ESTABLISHED     720\r\n"


class Scene:
    def __init__(self, folder):
        self.folder = folder
        self.collector = h.Collector(folder, settings=["interval=1", "silent_after=8"]).start()
        self.admin = self.collector.operator()
        self.author = self.collector.operator("olga", "author")
        self.approver = self.collector.operator("boris", "approver")
        self.people = ["anna", "boris"]
        h.publish_trust(folder, self.admin, self.people, 2)
        self.hosts = {}
        self.add("mail01", "i2-exchange-2013-held", "paris")
        self.add("mail02", "i2-exchange-2013-stopped", "rome")
        self.add("mail03", "i2-exchange-2013-stopped", "rome")
        self.add("web01", "linux-web", "lyon")
        h.wait_until("all report", 60, lambda: len(self.admin.items("hosts")) == 4)

    def add(self, name, fixture, site):
        host = h.RecordedHost(self.collector, self.folder, fixture, name, labels=f"site={site}")
        self.hosts[name] = host.start()
        return host

    def write(self, owner="mail team", ports="9955"):
        return h.write_file(f"{self.folder}/{NAME}.yaml", POLICY.format(owner=owner, ports=ports))

    def row(self, host):
        rows = [row for row in self.admin.items("policy", "hosts", NAME) if row["host"] == host]
        return rows[0] if rows else {"state": "none"}

    def wait(self, host, state, revision=None):
        try:
            h.wait_until(f"{state} on {host}", 30, lambda: self.row(host)["state"] == state and (
                revision is None or self.row(host)["revision"] == revision), 0.2)
        except TimeoutError:
            pass
        row = self.row(host)
        h.check(f"{host} gets to {state}", row["state"] == state and
                (revision is None or row["revision"] == revision), row)
        return row

    def counts(self, *options):
        answer = self.admin.json("compliance", *options)
        shown = ("hosts", "compliant", "pending", "noncompliant", "unknown", "excepted")

        def short(row):
            return tuple(row[key] for key in shown)
        return short(answer["fleet"]), {(row["policy"], row.get("group", "")): short(row)
                                        for row in answer["items"]}

    def proved(self):
        return self.admin.run("compliance", "--check")[0] == 0

    def approve(self, *people):
        h.approve(self.folder, self.admin, NAME, *(people or self.people))

    def newest(self):
        return self.admin.json("policy", "show", NAME)


def life(scene):
    """Draft to active: edits void approvals, a rejection says why, revisions differ visibly."""
    scene.author.ok("policy", "submit", scene.write("mail taem"))
    scene.approve("anna")
    said = scene.admin.refused("policy", "activate", NAME, "--yes")
    h.check("one signature of two is not enough", said != "", said)
    text = scene.admin.ok("policy", "show", NAME)
    h.check("and is shown", "1 of 2" in text or "anna" in text, text)
    scene.author.ok("policy", "submit", scene.write())
    newest = scene.newest()["newest"]
    h.check("an edit is a new revision without signatures", newest["revision"] == 2 and
            not newest.get("approvals") and not newest["envelope"]["signatures"], newest)
    text = scene.admin.ok("policy", "diff", NAME, "1", "2")
    h.check("the difference is shown", "-owner: mail taem" in text.replace("- owner", "-owner") and
            "+owner: mail team" in text.replace("+ owner", "+owner") and "9955" not in [
                line[1:].strip() for line in text.splitlines() if line[:1] in "+-"], text)
    said = scene.author.refused("policy", "approve", NAME, "--key",
                                h.key_file(scene.folder, "anna"), "--yes")
    h.check("an author may not bring signatures", said != "", said)
    h.check("a rejection needs a comment", scene.approver.refused("policy", "reject", NAME) != "")
    scene.approver.ok("policy", "reject", NAME, "--comment", "not before the freeze is over")
    text = scene.author.ok("policy", "show", NAME)
    h.check("a rejection says why", "rejected" in text and "freeze" in text, text)
    h.check("and is an event", any("freeze" in row.get("why", "") for row in
                                   scene.admin.items("events")))
    said = scene.admin.refused("policy", "approve", NAME, "--key",
                               h.key_file(scene.folder, "anna"), "--yes")
    h.check("what is rejected takes no signature", said != "", said)
    scene.author.ok("policy", "submit", scene.write("mail  team"))
    scene.approve()
    h.check("nothing has happened to any host", all(
        host.changes() == b"" for host in scene.hosts.values()))
    scene.admin.ok("policy", "activate", NAME, "--yes")


def busy(scene):
    scene.wait("mail02", "verified", 3)
    scene.wait("mail03", "verified", 3)
    row = scene.wait("mail01", "waiting", 3)
    holders = [note["holder"] for note in row.get("notes", []) if "holder" in note]
    h.check("it waits for a port that another program has", row.get("why") == "taken", row)
    h.check("and names the holder", any(x["program"] == "lsass.exe" for x in holders), row)
    h.check("and since when it fails", row.get("failing_since", "") != "", row)
    text = scene.admin.ok("policy", "hosts", NAME)
    h.check("hmctl says both", "waiting (taken)" in text and "9955: lsass.exe has it" in text, text)
    h.check("counts of the fleet", scene.counts()[0] == (3, 2, 1, 0, 0, 0), scene.counts())
    h.check("counts by policy", scene.counts()[1] == {(NAME, ""): (3, 2, 1, 0, 0, 0)},
            scene.counts())
    by_site = scene.counts("--label", "site")[1]
    h.check("counts by label", by_site == {(NAME, "paris"): (1, 0, 1, 0, 0, 0),
                                           (NAME, "rome"): (2, 2, 0, 0, 0, 0)}, by_site)
    h.check("not proved", not scene.proved())
    since = scene.row("mail01")["failing_since"]
    h.check("failing since is in the counts", scene.admin.json("compliance")["fleet"].get(
        "failing_since") == since, scene.admin.json("compliance"))


def exceptions(scene):
    for what, options in {
            "without a reason": ["--expires", "30d"],
            "without an end": ["--reason", "vendor case"],
            "for two years": ["--reason", "vendor case", "--expires", "730d"],
            "that is over": ["--reason", "vendor case", "--expires", "2020-01-01T00:00:00Z"]
    }.items():
        said = scene.approver.refused("exception", "new", "mail01", "--policy", NAME, *options)
        h.check(f"no exception {what}", said != "", said)
    said = scene.author.refused("exception", "new", "mail01", "--reason", "r", "--expires", "30d")
    h.check("an author may not except", said != "", said)
    scene.approver.ok("exception", "new", "mail01", "--policy", NAME, "--reason",
                      "vendor case 4711", "--expires", "30d")
    h.check("excepted, not compliant", scene.counts()[0] == (3, 2, 0, 0, 0, 1), scene.counts())
    h.check("that is proved", scene.proved(), scene.admin.run("compliance", "--check"))
    rows = scene.admin.items("exception", "list")
    h.check("with reason, approver and end", (rows[0]["reason"], rows[0]["approver"]) == (
        "vendor case 4711", "boris") and rows[0]["expires"] > rows[0]["created"], rows)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    scene.approver.ok("exception", "revoke", rows[0]["id"])
    h.check("revoked: pending again", scene.counts()[0] == (3, 2, 1, 0, 0, 0), scene.counts())
    scene.approver.ok("exception", "new", "mail01", "--reason", "for a moment", "--expires", soon)
    h.wait_until("an exception ends by itself", 15,
                 lambda: scene.counts()[0] == (3, 2, 1, 0, 0, 0), 0.3)
    h.check("both are kept", len(scene.admin.items("exception", "list")) == 2)


def freed(scene):
    """The holder goes away: nobody has to do anything."""
    scene.hosts["mail01"].edit("netstat.txt", HELD, b"")
    row = scene.wait("mail01", "verified", 3)
    h.check("it fails no longer", "failing_since" not in row, row)
    h.check("both families have it", scene.hosts["mail01"].changes().count(b'"9955"') == 2,
            scene.hosts["mail01"].changes())
    h.check("all is proved", scene.counts()[0] == (3, 3, 0, 0, 0, 0) and scene.proved(),
            scene.counts())


def drift(scene):
    host = scene.hosts["mail02"]
    shown = host.changes()
    for times in (1, 2):
        os.remove(os.path.join(host.path, "changes.json"))
        h.wait_until("repaired", 30, lambda n=times: scene.row("mail02").get("repairs") == n, 0.2)
        h.check("repaired is told", scene.row("mail02")["state"] == "repaired", scene.row("mail02"))
        h.check("and is what was there", host.changes() == shown, host.changes())
    events = scene.admin.items("events", "--filter", "kind=policy_repaired")
    h.check("each repair is an event", len(events) == 2, events)
    h.check("repaired counts as compliant", scene.counts()[0] == (3, 3, 0, 0, 0, 0),
            scene.counts())


def silence(scene):
    scene.hosts["mail03"].stop()
    h.wait_until("silent", 60, lambda: scene.counts()[0][4] == 1, 0.3)
    h.check("a silent host is unknown, never compliant", scene.counts()[0] == (3, 2, 0, 0, 1, 0),
            scene.counts())
    h.check("not proved", not scene.proved())
    h.check("hmctl says what it was", "unknown, was verified" in scene.admin.ok(
        "policy", "hosts", NAME))
    scene.approver.ok("exception", "new", "mail03", "--reason", "in repair", "--expires", "1d")
    h.check("no exception makes it green", scene.counts()[0] == (3, 2, 0, 0, 1, 0), scene.counts())
    scene.hosts["mail03"].start()
    h.wait_until("back", 30, lambda: scene.counts()[0] == (3, 3, 0, 0, 0, 0), 0.3)


def pause(scene):
    scene.admin.ok("policy", "pause", NAME, "--comment", "freeze")
    before = {name: scene.hosts[name].changes() for name in ("mail02", "mail03", "web01")}
    late = scene.add("mail04", "i2-exchange-2013-stopped", "oslo")
    h.wait_until("it reports", 30, lambda: len(scene.admin.items("hosts")) == 5)
    os.remove(os.path.join(scene.hosts["mail01"].path, "changes.json"))
    row = h.wait_until("who has it keeps it, and repairs it", 30, lambda: scene.row("mail01").get(
        "repairs") == 1 and scene.row("mail01"), 0.2)
    h.check("repaired while paused", row["state"] == "repaired" and
            scene.hosts["mail01"].changes().count(b'"9955"') == 2, row)
    h.check("nothing was taken back",
            {name: scene.hosts[name].changes() for name in before} == before)
    h.check("a host that comes meanwhile is not offered it",
            scene.row("mail04")["state"] == "none" and late.changes() == b"", scene.row("mail04"))
    said = scene.admin.refused("policy", "pause", NAME)
    h.check("paused is paused", said != "", said)
    scene.admin.ok("policy", "resume", NAME, "--yes")
    scene.wait("mail04", "verified", 3)


def restore(scene):
    """What an administrator of the host does when all else fails."""
    host = scene.hosts["mail04"]
    host.stop()
    code, out, err = host.verb("restore")
    h.check("restore takes all back", code == 0 and "as it was before" in out and
            host.changes() == b"", (code, out, err, host.changes()))
    code, out, err = host.verb("status")
    h.check("its status is not healthy, and says so", code == 1 and
            'NOT healthy: nothing is enforced since "hm-agent restore"' in out and
            "as they stood before" in out, (code, out, err))
    host.start()
    row = scene.wait("mail04", "refused", 3)
    h.check("held until the administrator ends it", row.get("code") == "local_limit" and
            host.changes() == b"", row)
    h.check("it counts as not compliant", scene.counts()[0] == (4, 3, 0, 1, 0, 0), scene.counts())
    h.check("not proved", not scene.proved())
    host.stop()
    code, out, err = host.verb("restore", "--resume")
    h.check("resume", code == 0, (code, out, err))
    host.start()
    scene.wait("mail04", "verified", 3)
    h.check("compliant again", scene.counts()[0] == (4, 4, 0, 0, 0, 0), scene.counts())


def rotation(scene):
    """Anna leaves, then Boris; one agent is away meanwhile."""
    away = scene.hosts["mail02"]
    away.stop()
    shown = away.changes()
    h.publish_trust(scene.folder, scene.admin, ["chloe"], 2, "--remove", "anna=left",
                    signers=["anna", "boris", "chloe"])
    root = os.path.join(scene.folder, "short.json")
    scene.admin.ok("trust", "new", "--add", f"david={h.forge('public', 'david')}", "--remove",
                   "boris=left", "--threshold", "2", "--out", root)
    for name in ("chloe", "david"):
        scene.admin.ok("trust", "sign", root, "--key", h.key_file(scene.folder, name), "--yes")
    said = scene.admin.refused("trust", "publish", root)
    h.check("a root that the old threshold did not sign is refused", said != "", said)
    h.publish_trust(scene.folder, scene.admin, ["david"], 2, "--remove", "boris=left",
                    signers=["boris", "chloe", "david"])
    away.start()
    h.wait_until("the old agent follows both steps", 30,
                 lambda: away.outcome()["trust_version"] == 3, 0.1)
    h.check("what it had counts on", away.changes() == shown and
            scene.row("mail02")["state"] in ("verified", "repaired"), scene.row("mail02"))

    late = scene.add("mail05", "i2-exchange-2013-stopped", "oslo")
    row = scene.wait("mail05", "refused")
    h.check("a host to come refuses the old signatures", row.get("code") in (
        "threshold", "unknown_key") and late.changes() == b"", row)
    scene.approve("chloe", "david")
    scene.wait("mail05", "verified", 3)

    scene.author.ok("policy", "submit", scene.write(ports="9933,9955"))
    said = scene.admin.refused("policy", "approve", NAME, "--key",
                               h.key_file(scene.folder, "anna"), "--yes")
    h.check("who has left signs nothing", "unknown_key" in said or "no approver" in said, said)
    scene.approve("chloe", "david")
    scene.admin.ok("policy", "activate", NAME, "--yes")
    for name in ("mail02", "mail04", "mail05"):
        scene.wait(name, "verified", 4)
    h.check("and the host has it", b'"9933"' in away.changes(), away.changes())


def main():
    with h.Folder() as folder:
        scene = Scene(folder)
        for step in (life, busy, exceptions, freed, drift, silence, pause, restore, rotation):
            start = time.monotonic()
            step(scene)
            if os.environ.get("HM_TIMES"):
                print(f"{step.__name__}: {time.monotonic() - start:.1f} s")
        for name, host in scene.hosts.items():
            h.check(f"{name}: agent stops cleanly", host.stop() == 0)
        h.check("collector stops cleanly", scene.collector.program.stop() == 0)
        code, out, err = h.run("hm-collector", "verify", "--data", scene.collector.data, "--json")
        h.check("the events fit their chain", code == 0 and json.loads(out)["events"] > 20,
                (code, out, err))
    h.finish()


main()
