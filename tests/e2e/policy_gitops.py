#!/usr/bin/python3
"""Policies from a folder: planned, applied exactly as planned or not at all, pruned with care; what
is wrong is told by file, line and name, and stops nothing else.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

POLICY = """\
name: {name}
owner: mail team
reason: {reason}
review: 2036-01-31
mode: enforce
match:
  labels: [{label}]
reservations:
- protocol: tcp
  ports: {ports}
watch_s: 0
"""


class Scene:
    def __init__(self, folder):
        self.folder = folder
        self.repository = os.path.join(folder, "policies")
        os.makedirs(self.repository)
        self.collector = h.Collector(folder, settings=["interval=1"]).start()
        self.admin = self.collector.operator()
        self.author = self.collector.operator("olga")
        h.publish_trust(folder, self.admin, ["anna"], 1)
        self.hosts = [h.RecordedHost(self.collector, folder, fixture, name).start()
                      for fixture, name in (("i2-exchange-2013-stopped", "mail01"),
                                            ("linux-web", "web01"))]
        h.wait_until("both report", 60, lambda: len(self.admin.items("hosts")) == 2)

    def write(self, name, ports="9955", label="role=mail", reason="patch day", file=None):
        return h.write_file(os.path.join(self.repository, file or name + ".yaml"),
                            POLICY.format(name=name, ports=ports, label=label, reason=reason))

    def remove(self, *names):
        for name in names:
            os.remove(os.path.join(self.repository, name))

    def plan(self, *options):
        return self.author.json("plan", self.repository, *options)

    def apply(self, digest, *options):
        return self.author.ok("apply", self.repository, "--plan", digest, *options)

    def apply_as_it_is(self, *options):
        """Plans and applies; hosts may report in between, and then the plan is another one."""
        def attempt():
            code, out, err = self.author.run("apply", self.repository, "--plan",
                                             self.plan("--prune")["plan"], "--prune", *options)
            if code != 0 and "another one now" not in err:
                raise RuntimeError(f"apply: {code} {out}{err}")
            return code == 0
        h.wait_until("a plan that stays", 30, attempt)

    def states(self):
        return {row["name"]: (row["state"], row["newest"]) for row in self.admin.items("policies")}

    def make_live(self, *names):
        for name in names:
            h.approve(self.folder, self.admin, name, "anna")
            if self.states()[name][0] == "approved":
                self.admin.ok("policy", "activate", name, "--yes")

    def host_state(self, policy):
        return {row["host"]: row["state"] for row in self.admin.items(
            "policy", "hosts", policy)}


def wrong_files(scene):
    """Nothing of a folder with a fault is applied, and the fault has a place."""
    cases = {
        "no YAML": ("name: x\n  owner: [", "line 2"),
        "unknown member": (POLICY.format(name="x", ports="1", label="a=b", reason="r") +
                           "watch: 3\n", "watch: "),
        "wrong type": ("name: x\nowner: mail\nreason: r\nreview: soon\n", "review: "),
        "ports that are none": (POLICY.format(name="x", ports="70000", label="a=b", reason="r"),
                                "reservations[0].ports: "),
        "no owner": ("name: x\nreason: r\nreview: 2036-01-31\nmode: enforce\n", "owner"),
        "another name": (POLICY.format(name="y", ports="9955", label="a=b", reason="r"), "alike"),
    }
    for what, (text, place) in cases.items():
        path = h.write_file(os.path.join(scene.repository, "x.yaml"), text)
        said = scene.author.refused("plan", scene.repository)
        h.check(f"{what}: refused, with its file", path in said, said)
        h.check(f"{what}: and its place", place in said, said)
        h.check(f"{what}: one line, no trace", "\n" not in said.strip(), said)
        h.check(f"{what}: not applied either", scene.author.refused(
            "apply", scene.repository, "--yes") != "")
        scene.remove("x.yaml")
    missing = os.path.join(scene.folder, "missing.yaml")
    code, out, err = scene.author.run("policy", "submit", missing)
    h.check("a missing file is wrong usage, as a bad one is", code == 2 and missing in err,
            (code, err))
    h.check("nothing came of all that", scene.states() == {}, scene.states())


def plan_and_apply(scene):
    scene.write("pop3-back-end")
    scene.write("web", ports="33060", label="role=web")
    h.write_file(os.path.join(scene.repository, "README.md"), "not a policy")
    text = scene.author.ok("plan", scene.repository)
    h.check("the plan counts hosts", "create  pop3-back-end: 1 hosts meant, 1 would be changed"
            in text, text)
    digest = scene.plan()["plan"]
    h.check("text and JSON name the same plan", digest in text, text)
    h.check("a plan changes nothing", scene.states() == {} and all(
        host.changes() == b"" for host in scene.hosts))

    scene.write("web", ports="33060-33061", label="role=web")
    said = scene.author.refused("apply", scene.repository, "--plan", digest)
    h.check("a file changed since: refused", "another one now" in said and scene.states() == {},
            said)
    digest = scene.plan()["plan"]
    scene.author.ok("policy", "submit", h.write_file(scene.folder + "/other.yaml", POLICY.format(
        name="other", ports="7000", label="role=none", reason="another person")))
    said = scene.author.refused("apply", scene.repository, "--plan", digest)
    h.check("a policy changed since: refused", "another one now" in said, said)
    digest = scene.plan()["plan"]
    scene.apply(digest, "--comment", "commit 4711")
    h.check("both are submitted", scene.states() == {
        "pop3-back-end": ("submitted", 1), "web": ("submitted", 1), "other": ("submitted", 1)},
        scene.states())
    said = scene.author.refused("policy", "submit", h.write_file(
        scene.folder + "/other.yaml", POLICY.format(
            name="other", ports="49152-65535", label="role=none", reason="a slip")))
    h.check("a submission with an error is refused", said != "", said)
    h.check("and what waits for approval still waits", scene.states()["other"] ==
            ("submitted", 1), scene.states())
    h.check("approving stays with people", all(host.changes() == b"" for host in scene.hosts))
    h.check("the commit is in the events", any("commit 4711" == row.get("why") for row in
                                               scene.admin.items("events")))
    plan = scene.plan()
    h.check("applied twice: nothing more to do", plan["changes"] == 0, plan)
    scene.apply(plan["plan"])
    h.check("and nothing is", scene.states()["web"] == ("submitted", 1), scene.states())
    scene.make_live("pop3-back-end", "web")
    h.wait_until("verified", 60, lambda: scene.host_state("pop3-back-end") == {
        "mail01": "verified"} and scene.host_state("web") == {"web01": "verified"}, 0.2)
    h.check("a host changed since: refused, too", "another one now" in hosts_count(scene))


def hosts_count(scene):
    """The plan of a change rests on what hosts report."""
    scene.write("web", ports="33062", label="role=web")
    digest = scene.plan()["plan"]
    scene.hosts[1].edit("sysctl.txt", b"reserved_ports = ", b"reserved_ports = 33062")
    h.wait_until("the host reports it", 30, lambda: scene.plan()["plan"] != digest, 0.3)
    said = scene.author.refused("apply", scene.repository, "--plan", digest)
    scene.hosts[1].edit("sysctl.txt", b"reserved_ports = 33062", b"reserved_ports = ")
    h.wait_until("what was there is done again", 30,
                 lambda: b'"over": ""' in scene.hosts[1].changes())
    scene.write("web", ports="33060-33061", label="role=web")
    return said


def export(scene):
    folder = os.path.join(scene.folder, "exported")
    scene.author.ok("export", folder)
    h.check("one file a policy", sorted(os.listdir(folder)) == [
        "other.yaml", "pop3-back-end.yaml", "web.yaml"], os.listdir(folder))
    plan = scene.author.json("plan", folder)
    h.check("what was exported differs in nothing", plan["changes"] == 0, plan)
    with open(os.path.join(folder, "web.yaml"), encoding="utf-8") as file:
        text = file.read()
    h.check("names, not ids; no revision", "name: web" in text and "revision" not in text, text)
    os.remove(os.path.join(folder, "other.yaml"))
    h.check("without --prune nothing is deleted", scene.author.json("plan", folder)["changes"] == 0)


def prune(scene):
    left = scene.author.ok("plan", scene.repository)
    h.check("what has no file is shown as left", "left    other" in left, left)
    plan = scene.plan("--prune")
    h.check("with --prune it is a change", plan["changes"] == 1, plan)
    scene.apply(plan["plan"], "--prune")
    h.check("never live: withdrawn", scene.states()["other"][0] == "withdrawn", scene.states())

    scene.remove("web.yaml")
    digest = scene.plan("--prune")["plan"]  # the share is looked at before the digest
    said = scene.author.refused("apply", scene.repository, "--plan", digest, "--prune")
    h.check("a deletion that changes half the fleet stops", "1 of 2 hosts" in said, said)
    h.check("and changes nothing", scene.states()["web"][0] == "active", scene.states())
    said = scene.author.refused("apply", scene.repository, "--plan", digest, "--prune",
                                "--max-share", "49")
    h.check("one percent too few stops too", "49 %" in said, said)
    scene.apply_as_it_is("--max-share", "50", "--comment", "web moved")
    h.check("a live one waits for a signature", scene.states()["web"] == ("submitted", 2),
            scene.states())
    h.check("nothing is taken back before", scene.hosts[1].changes() != b"")
    h.approve(scene.folder, scene.admin, "web", "anna")
    h.wait_until("retired", 60, lambda: scene.host_state("web") == {"web01": "retired"}, 0.2)
    h.check("taken back", scene.hosts[1].changes() == b"", scene.hosts[1].changes())
    h.check("the other one stays", scene.host_state("pop3-back-end") == {"mail01": "verified"} and
            b"9955" in scene.hosts[0].changes())
    h.check("over and done", scene.plan("--prune")["changes"] == 0, scene.plan("--prune"))


def dropped(scene):
    """What came to nothing does not hide what is live."""
    name, folder = "pop3-back-end", os.path.join(scene.folder, "dropped")
    scene.author.ok("policy", "submit", h.write_file(scene.folder + "/pop3.yaml", POLICY.format(
        name=name, ports="9956", label="role=mail", reason="a second thought")))
    scene.author.ok("policy", "withdraw", name)
    h.check("a withdrawn revision is no change", scene.plan("--prune")["changes"] == 0)
    scene.author.ok("policy", "retire", name, "--comment", "gone")
    scene.author.ok("export", folder)
    h.check("what is being retired has no file", not os.path.exists(f"{folder}/{name}.yaml"))
    scene.admin.ok("policy", "reject", name, "--comment", "not gone")
    h.check("a retirement that was sent back is no change", scene.plan("--prune")["changes"] == 0)
    scene.author.ok("export", folder)
    with open(f"{folder}/{name}.yaml", encoding="utf-8") as file:
        text = file.read()
    h.check("what is live is exported", "9955" in text and "mode: enforce" in text, text)


def prune_all_at_once(scene):
    """Two deletions of half the fleet each are not two small ones."""
    scene.write("web-two", ports="33070", label="role=web")
    scene.apply(scene.plan()["plan"])
    scene.make_live("web-two")
    h.wait_until("verified", 60, lambda: scene.host_state("web-two") == {"web01": "verified"}, 0.2)
    scene.remove("web-two.yaml", "pop3-back-end.yaml")
    digest = scene.plan("--prune")["plan"]
    said = scene.author.refused("apply", scene.repository, "--plan", digest, "--prune",
                                "--max-share", "50")
    h.check("together they are too much", "2 of 2 hosts" in said and "web-two" in said and
            "pop3-back-end" in said, said)
    h.check("and stay", {"web-two", "pop3-back-end"} <= {
        row["name"] for row in scene.admin.items("policies") if row.get("live_state") == "active"},
        scene.states())
    scene.write("web-two", ports="33070", label="role=web")
    scene.write("pop3-back-end")
    h.check("the files again: nothing to do", scene.plan("--prune")["changes"] == 0)


def withdrawn_over_live(scene):
    """What was proposed and withdrawn hides nothing of what is in force."""
    scene.write("web-two", ports="33071", label="role=web")
    applied = json.loads(scene.apply(scene.plan()["plan"], "--json"))["applied"]
    h.check("apply --json tells what was done", applied == [
        {"policy": "web-two", "revision": 2, "state": "submitted"}], applied)
    scene.author.ok("policy", "withdraw", "web-two")
    scene.write("web-two", ports="33070", label="role=web")
    h.check("the file says what is live", scene.plan("--prune")["changes"] == 0, scene.plan())
    folder = os.path.join(scene.folder, "exported-again")
    names = scene.author.json("export", folder)["policies"]
    h.check("it is exported, as it is live", "web-two" in names and "33070" in open(
        os.path.join(folder, "web-two.yaml"), encoding="utf-8").read(), names)
    h.check("a policy that is being retired is not", "web" not in names, names)
    scene.remove("web-two.yaml")
    plan = scene.plan("--prune")
    h.check("and without its file it goes", plan["changes"] == 1, plan)
    scene.apply(plan["plan"], "--prune", "--max-share", "50")
    h.check("by being retired", scene.states()["web-two"] == ("submitted", 3), scene.states())
    h.check("once", scene.plan("--prune")["changes"] == 0, scene.plan("--prune"))
    h.check("nothing is done, and said as JSON", scene.author.json(
        "apply", scene.repository, "--prune", "--yes")["applied"] == [])


def stored_draft(scene):
    """Stored and not submitted, as a run that broke off leaves it: the next run goes on."""
    scene.write("drafted", ports="7100")
    scene.collector.api("/v1/policies/drafted", "PUT", {
        "name": "drafted", "owner": "mail team", "reason": "patch day",
        "review": "2036-01-31T00:00:00Z", "mode": "enforce", "match": {"labels": ["role=mail"]},
        "reservations": [{"protocol": "tcp", "ports": "7100"}], "watch_s": 0})
    h.check("a draft", scene.states()["drafted"] == ("draft", 1), scene.states())
    plan = scene.plan()
    h.check("it still has to be submitted", plan["changes"] == 1, plan)
    scene.apply(plan["plan"])
    h.check("and is", scene.states()["drafted"] == ("submitted", 1), scene.states())
    scene.author.ok("policy", "withdraw", "drafted")
    scene.remove("drafted.yaml")


def valid_json(scene):
    """--json is JSON, whatever is done and however it is called."""
    secret = h.write_file(scene.folder + "/pass", "a good passphrase\n")
    key = scene.folder + "/odd.key"
    made = scene.author.json("key", "new", 'o"dd', "--out", key, "--passphrase-file", secret)
    h.check("a key's name is a text", made["name"] == 'o"dd', made)
    root = scene.folder + "/next.json"
    made = scene.admin.json("trust", "new", "--add", "odd=" + made["public_key"], "--out", root)
    h.check("trust new", made == {"file": root, "version": 2, "signatures": 0}, made)
    said = scene.admin.refused("trust", "sign", root, "--key", key, "--passphrase-file", secret,
                               "--json")
    h.check("nothing is signed unseen", "--yes" in said, said)
    made = scene.admin.json("trust", "sign", root, "--key", key, "--passphrase-file", secret,
                            "--yes")
    h.check("trust sign", made["signatures"] == 1, made)
    made = scene.admin.json("exception", "new", "mail01", "--reason", "r", "--expires", "30d")
    said = scene.admin.refused("policy", "hosts", "nix")
    h.check("a mistyped policy is no empty list", "no policy" in said, said)
    gone = scene.admin.json("exception", "revoke", made["id"])
    h.check("exception revoke", gone == {"revoked": made["id"]}, gone)


def lint(scene):
    scene.write("wide", ports="1-60000")
    code, out, err = scene.author.run("plan", scene.repository)
    h.check("lint errors are shown with the plan", code != 0 and "error" in out, out + err)
    said = scene.author.refused("apply", scene.repository, "--yes")
    h.check("and keep apply from it", said != "" and "wide" not in scene.states(), said)
    scene.remove("wide.yaml")
    file = h.write_file(scene.folder + "/winrm.yaml", POLICY.format(
        name="winrm", ports="5985", label="role=mail", reason="r"))
    said = scene.author.refused("policy", "submit", file)
    h.check("a port that must not be excluded is refused at submission",
            "must_not_exclude" in said and "5985" in said, said)
    h.check("lint alone says so, too", "must_not_exclude" in scene.author.refused(
        "policy", "lint", file))


def contradiction(scene):
    """Two ranges for the same hosts: neither the lint nor the submission lets the second pass."""
    for name, last in (("range-a", "60000"), ("range-b", "61000")):
        text = POLICY.format(name=name, ports="x", label="role=mail", reason="r").split(
            "reservations:")[0] + f"ranges:\n- protocol: tcp\n  range: 20000-{last}\n"
        h.write_file(f"{scene.folder}/{name}.yaml", text)
    scene.author.ok("policy", "submit", scene.folder + "/range-a.yaml")
    said = scene.author.refused("policy", "submit", scene.folder + "/range-b.yaml")
    h.check("contradicting policies: refused with both names",
            "range-a" in said and "range-b" in said, said)
    h.check("it is no more than a draft", scene.states().get("range-b", ("draft", 1))[0] == "draft",
            scene.states())
    for name in ("range-a", "range-b"):
        if name in scene.states():
            scene.author.ok("policy", "withdraw", name)


def one_bad_document(scene):
    """A document in the database that is none: neither collector nor agent minds the others."""
    scene.write("imap", ports="9933")
    scene.write("broken", ports="7777")
    scene.write("forged", ports="7778")
    scene.apply(scene.plan()["plan"])
    scene.make_live("broken", "forged")
    h.wait_until("both are there", 60, lambda: [scene.host_state(x) for x in (
        "broken", "forged")] == [{"mail01": "verified"}] * 2, 0.2)
    before = scene.hosts[0].changes()
    scene.collector.program.stop()
    with sqlite3.connect(os.path.join(scene.collector.data, "collector.db")) as db:
        db.execute("DROP TRIGGER policy_revisions_fixed")
        db.execute("UPDATE policy_revisions SET document = '{\"name\":' WHERE policy = 'broken'")
        envelope = json.loads(db.execute("SELECT envelope FROM policy_revisions WHERE policy = "
                                         "'forged'").fetchone()[0])
        envelope["payload"] = "bm8="
        db.execute("UPDATE policy_revisions SET envelope = ? WHERE policy = 'forged'",
                   (json.dumps(envelope),))
    db.close()
    scene.collector.start()
    scene.make_live("imap")
    h.wait_until("the good one is verified all the same", 60,
                 lambda: scene.host_state("imap") == {"mail01": "verified"}, 0.2)
    shown = scene.hosts[0].changes()
    h.check("and in force beside the others", all(port in shown for port in (
        b'"9933"', b'"9955"', b'"7777"', b'"7778"')), (before, shown))
    h.check("the collector's log names the bad one", "policy_not_offered" in
            scene.collector.program.output())
    h.check("the refusal is a finding", any(
        row["finding"]["kind"] == "delivery_refused" for row in scene.admin.items("findings")))
    h.check("lists still work", {"broken", "forged", "imap"} <= set(scene.states()))


def main():
    with h.Folder() as folder:
        scene = Scene(folder)
        for step in (wrong_files, plan_and_apply, export, prune, dropped, prune_all_at_once,
                     withdrawn_over_live, stored_draft, valid_json, lint, contradiction,
                     one_bad_document):
            step(scene)
        for host in scene.hosts:
            h.check(f"{host.name}: agent stops cleanly", host.stop() == 0)
        h.check("collector stops cleanly", scene.collector.program.stop() == 0)
    h.finish()


main()
