#!/usr/bin/python3
"""A collector that lies: its database is edited by hand, and a real agent refuses each lie, tells of
it, goes on with the last good policy and takes the next honest one.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import concurrent.futures
import json
import os
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

STATEMENT = "application/vnd.havenmaster.statement+json"
TRUST_ROOT = "application/vnd.havenmaster.trust-root+json"
NAME = "pop3-back-end"
FAR = "2036-01-31T00:00:00Z"
PAST = "2026-01-31T00:00:00Z"
POLICY = """\
name: pop3-back-end
owner: mail team
reason: {reason}
review: 2036-01-31
mode: enforce
match:
  labels: [role=mail]
reservations:
- protocol: tcp
  ports: {ports}
watch_s: 0
"""
GOOD_PORTS = "9933,9955"
EVIL_PORTS = "20500-20599"


def pack(body):
    return base64.b64encode(json.dumps(body).encode()).decode()


def unpack(envelope):
    return json.loads(base64.b64decode(envelope["payload"]))


def signed(body, *people, kind=STATEMENT):
    return json.loads(h.forge("sign", kind, *people, body=json.dumps(body).encode()))


class Attacker:
    """Whoever can write the collector's database."""

    def __init__(self, collector):
        self.collector = collector
        self.file = os.path.join(collector.data, "collector.db")

    def open(self):
        db = sqlite3.connect(self.file)
        triggers = [row[0] for row in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in triggers:
            db.execute(f'DROP TRIGGER "{name}"')
        return db

    def push(self, revision, envelope, document):
        """A revision that nobody approved, made active."""
        with self.open() as db:
            text = json.dumps(document)
            db.execute(
                "INSERT INTO policy_revisions VALUES (?, ?, 'active', 'enforce', ?, ?, 'olga', ?, "
                "'', 1, 1, 1, 1, 1, ?)", (NAME, revision, text, h.digest(text.encode()),
                                          json.dumps(envelope), 4000000000000))
            db.execute("UPDATE policy_revisions SET state = 'superseded' WHERE policy = ? AND "
                       "revision < ?", (NAME, revision))
            db.execute("UPDATE policies SET newest = ?, state = 'active', live = ?, "
                       "live_state = 'active' WHERE name = ?", (revision, revision, NAME))
        db.close()


class Scene:
    """One fleet, one host; two people must sign."""

    def __init__(self, folder):
        self.folder = folder
        self.collector = h.Collector(folder, settings=["interval=1", "silent_after=30"]).start()
        self.admin = self.collector.operator()
        self.author = self.collector.operator("olga")
        h.publish_trust(folder, self.admin, ["anna", "boris"], 2)
        self.fleet = self.admin.json("trust", "show")["fleet"]
        self.host = h.RecordedHost(self.collector, folder, "i2-exchange-2013-stopped", "mail01",
                                   never_ports="20000-20099", policy_ports_max="200").start()
        h.wait_until("the host reports", 60, lambda: self.admin.items("hosts"))
        self.attacker = Attacker(self.collector)
        self.revision = 0  # the newest that is in the database
        self.last_good = 0
        self.signers = ["anna", "boris"]

    def document(self, ports=EVIL_PORTS, revision=None):
        return {"name": NAME, "revision": revision or self.revision + 1, "owner": "mail team",
                "reason": "lie", "review": FAR, "match": {"labels": ["role=mail"]},
                "mode": "enforce", "reservations": [{"protocol": "tcp", "ports": ports}],
                "watch_s": 0}

    def statement(self, document, **others):
        text = json.dumps(document)
        said = {"fleet": self.fleet, "policy": NAME, "revision": document["revision"],
                "digest": h.digest(text.encode()), "content": text,
                "match": json.dumps(document["match"], separators=(",", ":")), "author": "olga",
                "expires": FAR}
        said.update(others)
        return said

    def rows(self):
        return {row["policy"]: row for row in self.admin.items("policy", "hosts")}

    def good(self, what, ports=GOOD_PORTS):
        """An honest revision, the honest way."""
        file = h.write_file(f"{self.folder}/{NAME}.yaml", POLICY.format(reason=what, ports=ports))
        self.author.ok("policy", "submit", file)
        h.approve(self.folder, self.admin, NAME, *self.signers)
        self.admin.ok("policy", "activate", NAME, "--yes")
        self.revision = self.admin.json("policy", "show", NAME)["policy"]["newest"]
        return self.revision

    def verified(self, revision):
        row = self.rows().get(NAME, {})
        return row.get("revision") == revision and row.get("state") in ("verified", "repaired")

    def good_gets_through(self, what):
        revision = self.good(what)
        try:
            h.wait_until("verified", 30, lambda: self.verified(revision), 0.2)
        except TimeoutError:
            pass
        h.check(f"after \"{what}\" a good revision gets through", self.verified(revision),
                self.rows())
        self.last_good = revision

    def restart(self, change):
        self.collector.program.stop()
        change()
        self.collector.start()

    def refusals(self):
        """What the agent tells: {(revision, code)}, and of the whole."""
        outcome = self.host.outcome()
        rows = {(row["revision"], row["code"]) for row in outcome["policies"]
                if row["state"] == "refused"}
        return rows, outcome.get("refused", "")

    def events(self):
        """Codes of the refusals that the collector has heard of."""
        rows = self.admin.items("events", "--filter", "kind=policy_refused")
        return [json.loads(row["after"]).get("code") if isinstance(row["after"], str)
                else row["after"].get("code") for row in rows]


def lie(scene, what, code, envelope, document=None, told=None):
    """Pushes it; told: the revision that the agent names, when it is another."""
    document = document or scene.document()
    revision = scene.revision + 1
    before = scene.host.changes()
    heard = scene.events().count(code)
    scene.restart(lambda: scene.attacker.push(revision, envelope, document))
    scene.revision = revision
    wanted = (told or revision, code)
    try:
        h.wait_until(what, 30, lambda: wanted in scene.refusals()[0], 0.1)
        h.wait_until("event", 15, lambda: scene.events().count(code) > heard, 0.2)
    except TimeoutError:
        pass
    h.check(f"{what}: refused with {code}", wanted in scene.refusals()[0], scene.refusals())
    h.check(f"{what}: is an event", scene.events().count(code) > heard, scene.events())
    row = scene.rows().get(NAME, {})
    h.check(f"{what}: hmctl says so", (row.get("state"), row.get("code")) == ("refused", code), row)
    h.check(f"{what}: compliance is not proved",
            scene.admin.run("compliance", "--check")[0] != 0)
    h.check(f"{what}: the last good policy is in force",
            scene.host.changes() == before and b"9955" in before,
            (scene.host.changes(), before))
    h.check(f"{what}: as the agent says", [
        row["state"] for row in scene.host.outcome()["policies"]
        if row["revision"] == scene.last_good and row["policy"] == NAME][-1:] in (
            ["verified"], ["repaired"]), scene.host.outcome()["policies"])
    scene.good_gets_through(what)


def lies_about_signatures(scene):
    statement = scene.statement(scene.document())
    lie(scene, "unsigned", "unsigned", signed(statement))
    statement = scene.statement(scene.document())
    lie(scene, "signed by strangers", "unknown_key", signed(statement, "chloe", "david"))
    statement = scene.statement(scene.document())
    lie(scene, "one signature short", "threshold", signed(statement, "boris"))
    statement = scene.statement(scene.document())
    twice = signed(statement, "boris")
    twice["signatures"] *= 2
    lie(scene, "one signature twice", "threshold", twice)
    stranger = signed(scene.statement(scene.document()), "boris", "chloe")
    lie(scene, "an approver and a stranger", "threshold", stranger)


def lies_about_content(scene):
    statement = scene.statement(scene.document())
    lie(scene, "expired", "expired", signed({**statement, "expires": PAST}, "anna", "boris"))
    statement = scene.statement(scene.document())
    lie(scene, "for another fleet", "wrong_fleet", signed(
        {**statement, "fleet": "01jz0000000000000000000000"}, "anna", "boris"))
    statement = scene.statement(scene.document())
    lie(scene, "another kind of document", "wrong_type", signed(statement, "anna", "boris",
                                                                kind=TRUST_ROOT))
    statement = scene.statement(scene.document())
    relabelled = signed(statement, "anna", "boris", kind=TRUST_ROOT)
    relabelled["payloadType"] = STATEMENT
    lie(scene, "relabelled", "altered", relabelled)
    for what, change in {
            "match altered": lambda s: {**s, "match": '{"hosts":["*"]}'},
            "content altered": lambda s: {**s, "content": s["content"].replace("20500", "20501")},
            "expiry altered": lambda s: {**s, "expires": "2035-01-31T00:00:00Z"}}.items():
        envelope = signed(scene.statement(scene.document()), "anna", "boris")
        envelope["payload"] = pack(change(unpack(envelope)))
        lie(scene, what, "altered", envelope)


def lies_about_the_past(scene):
    """What was honest once."""
    with sqlite3.connect(scene.attacker.file) as db:
        envelope, document = db.execute("SELECT envelope, document FROM policy_revisions WHERE "
                                        "policy = ? AND revision = 1", (NAME,)).fetchone()
    db.close()
    lie(scene, "replayed", "replayed", json.loads(envelope), json.loads(document), told=1)


def findings(scene):
    return [row["finding"]["text"] for row in scene.admin.items(
        "findings", "--filter", "host=mail01")
        if row["finding"]["kind"] == "delivery_refused"]


def lies_in_place(scene):
    """The live revision's own row: the agent has what it has, and tells of the rest."""
    before = scene.host.changes()
    with sqlite3.connect(scene.attacker.file) as db:
        kept = db.execute("SELECT envelope FROM policy_revisions WHERE policy = ? AND "
                          "revision = ?", (NAME, scene.revision)).fetchone()[0]
    db.close()
    bare = {**json.loads(kept), "signatures": []}
    junk = {**json.loads(kept), "payload": "bm90aGluZw=="}
    for what, envelope in (("signatures taken off", bare), ("something unreadable", junk)):
        def change(text=json.dumps(envelope)):
            with scene.attacker.open() as db:
                db.execute("UPDATE policy_revisions SET envelope = ? WHERE policy = ? AND "
                           "revision = ?", (text, NAME, scene.revision))
            db.close()
        scene.restart(change)
        try:
            h.wait_until(what, 30, lambda: findings(scene), 0.2)
        except TimeoutError:
            pass
        h.check(f"{what}: a finding", findings(scene), scene.host.outcome())
        h.check(f"{what}: the last good policy is in force", scene.host.changes() == before,
                scene.host.changes())
        scene.good_gets_through(what)
        h.wait_until(f"{what}: the finding goes away", 30, lambda: not findings(scene), 0.2)


def widened(scene):
    """A good policy for other hosts, offered to this one."""
    name = "web-only"
    text = POLICY.format(reason="web", ports="20500").replace(NAME, name).replace(
        "role=mail", "role=web")
    scene.author.ok("policy", "submit", h.write_file(f"{scene.folder}/{name}.yaml", text))
    h.approve(scene.folder, scene.admin, name, "anna", "boris")
    scene.admin.ok("policy", "activate", name, "--yes")
    before = scene.host.changes()

    def change():
        with scene.attacker.open() as db:
            db.execute("UPDATE policy_revisions SET document = replace(document, 'role=web', "
                       "'role=mail') WHERE policy = ?", (name,))
        db.close()
    scene.restart(change)
    h.wait_until("the host has got it", 30, lambda: "policy_taken policy=" + name in
                 scene.host.agent.output(), 0.1)
    scene.good_gets_through("a policy for others")
    h.check("a policy for others does nothing here", scene.host.changes() == before,
            scene.host.changes())
    h.check("and does not count as obeyed", scene.rows().get(name, {}).get("state") not in (
        "verified", "applied"), scene.rows())


def over_the_limits(scene):
    """Signed by everybody, and still more than this host's administrator allows."""
    before = scene.host.changes()
    for what, ports in (("too many ports", "9933,9955,20100-20399"),
                        ("ports never to touch", "9933,9955,20007")):
        revision = scene.good(what, ports)
        h.wait_until(what, 30, lambda wanted=(revision, "local_limit"):
                     wanted in scene.refusals()[0], 0.1)
        h.wait_until("reported", 30, lambda: scene.rows()[NAME].get("code") == "local_limit", 0.2)
        h.check(f"{what}: what was in force still is", scene.host.changes() == before,
                scene.host.changes())
        scene.good_gets_through(what)


def restored(scene, what, sql):
    """Rows that are gone, or another's: nothing happens to the host. Then the database is as it
    was, and the next honest revision gets through."""
    backup = scene.folder + "/backup.db"
    before = scene.host.changes()
    outcomes = [row["state"] for row in scene.host.outcome()["policies"]]

    def change():
        with sqlite3.connect(scene.attacker.file) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        shutil.copy(scene.attacker.file, backup)
        with scene.attacker.open() as db:
            for line in sql:
                db.execute(*line)
        db.close()

    def restore():
        for end in ("-wal", "-shm"):
            if os.path.exists(scene.attacker.file + end):
                os.remove(scene.attacker.file + end)
        shutil.copy(backup, scene.attacker.file)

    scene.restart(change)
    seen = scene.admin.items("hosts")[0]["last_seen"]
    h.wait_until("the agent has heard it", 30,
                 lambda: scene.admin.items("hosts")[0]["last_seen"] > seen, 0.2)
    h.check(f"{what}: takes nothing back", scene.host.changes() == before, scene.host.changes())
    h.check(f"{what}: the agent goes on", [
        row["state"] for row in scene.host.outcome()["policies"]] == outcomes,
        scene.host.outcome()["policies"])
    scene.restart(restore)
    scene.good_gets_through(what)


def own_trust(scene):
    """The attacker's own approvers in the collector, and a policy that they signed."""
    people = [{"name": name, "public_key": h.forge("public", name)} for name in ("chloe", "david")]
    root = {"version": 1, "fleet": scene.fleet, "threshold": 1, "approvers": people}
    document = scene.document()
    text = json.dumps(document)
    lies = [signed({**root, "version": v}, "chloe", "david", kind=TRUST_ROOT) for v in (1, 2)]
    envelope = signed(scene.statement(document), "chloe")
    return [("DELETE FROM trust_roots",)] + [
        ("INSERT INTO trust_roots VALUES (?, ?, 'admin', 1)", (v + 1, json.dumps(lies[v])))
        for v in (0, 1)] + [
        ("INSERT INTO policy_revisions VALUES (?, ?, 'active', 'enforce', ?, ?, 'olga', ?, '', 1, "
         "1, 1, 1, 1, ?)", (NAME, document["revision"], text, h.digest(text.encode()),
                            json.dumps(envelope), 4000000000000))]


def whole_database(scene):
    restored(scene, "policies deleted", [
        ("DELETE FROM policy_approvals",), ("DELETE FROM policy_revisions",),
        ("DELETE FROM host_policies",), ("DELETE FROM policies",)])
    restored(scene, "trust roots deleted", [("DELETE FROM trust_roots",)])
    before = scene.host.changes()
    kept = os.path.join(scene.folder, "kept.db")
    scene.collector.program.stop()
    with sqlite3.connect(scene.attacker.file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    shutil.copy(scene.attacker.file, kept)
    lines = own_trust(scene)
    with scene.attacker.open() as db:
        for line in lines:
            db.execute(*line)
    db.close()
    scene.collector.start()
    wanted = (scene.revision + 1, "unknown_key")
    h.wait_until("the attacker's own trust root", 30, lambda: wanted in scene.refusals()[0], 0.1)
    h.check("the attacker's trust root is not taken", scene.host.outcome()["trust_version"] == 1 and
            scene.host.changes() == before, (scene.host.outcome(), scene.host.changes()))
    h.check("the agent's log says so", "trust_root_refused" in scene.host.agent.output())
    h.check("the collector knows that it was refused", h.wait_until(
        "row", 15, lambda: scene.rows().get(NAME, {}).get("code") == "unknown_key", 0.2))
    scene.collector.program.stop()
    for end in ("-wal", "-shm"):
        if os.path.exists(scene.attacker.file + end):
            os.remove(scene.attacker.file + end)
    shutil.copy(kept, scene.attacker.file)
    scene.collector.start()
    scene.good_gets_through("the attacker's own trust root")


def lies_of_authors(scene):
    """One signature is enough now, but not the author's own."""
    h.publish_trust(scene.folder, scene.admin, [], 1, signers=["anna", "boris"])
    h.wait_until("the agent follows the new trust root", 30,
                 lambda: scene.host.outcome()["trust_version"] == 2, 0.1)
    scene.signers = ["boris"]
    key_id = signed({}, "anna")["signatures"][0]["keyid"]
    for what, said in {"author as only approver": {"author": "anna"},
                       "author in capitals": {"author": "ANNA"},
                       "author by key": {"author_key_id": key_id}}.items():
        lie(scene, what, "author_only", signed(scene.statement(scene.document(), **said), "anna"))


def agent_restart(scene):
    """Nothing of all that is remembered wrongly."""
    before = scene.host.changes()
    scene.host.stop()
    scene.host.start()
    scene.good_gets_through("a restart of the agent")
    h.check("restarted agent: same system", scene.host.changes() == before, scene.host.changes())


def play(scene, *steps):
    first = scene.good("first", "9955")
    h.wait_until("verified", 60, lambda: scene.verified(first), 0.2)
    scene.good_gets_through("more ports")
    h.check("both ports are there", b'"9933"' in scene.host.changes() and
            b'"9955"' in scene.host.changes(), scene.host.changes())
    for step in steps:
        step(scene)
    h.check("agent stops cleanly", scene.host.stop() == 0)
    h.check("collector stops cleanly", scene.collector.program.stop() == 0)


def main():
    # Two fleets at once: each lie costs the agent's own pauses, not the machine.
    parts = ((lies_about_signatures, lies_about_the_past, lies_in_place, widened, over_the_limits),
             (lies_about_content, whole_database, lies_of_authors, agent_restart))
    with h.Folder() as folder, concurrent.futures.ThreadPoolExecutor(len(parts)) as pool:
        scenes = []
        for number in range(len(parts)):
            os.makedirs(f"{folder}/{number}")
            scenes.append(Scene(f"{folder}/{number}"))
        for played in [pool.submit(play, scene, *steps) for scene, steps in zip(scenes, parts)]:
            played.result()
    h.finish()


if __name__ == "__main__":
    main()
