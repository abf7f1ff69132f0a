#!/usr/bin/python3
"""The collector is killed with SIGKILL at random moments under load, 50 times.

Nothing that was acknowledged is missing, the database opens without repair, the event chain is
whole, agents carry on by themselves. HM_KILLS=N for another number, HM_SEED=N to repeat a run.
SPDX-License-Identifier: Apache-2.0
"""
import http.client
import json
import os
import random
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

KILLS = int(os.environ.get("HM_KILLS", "50"))
SEED = int(os.environ.get("HM_SEED", str(random.randrange(1 << 30))))
WRITERS = 6
AGENTS = 4


def inventory(name, turn):
    """A small inventory that is never the same twice."""
    return json.dumps({
        "os": {"family": "windows", "name": "Windows Server 2019", "version": "10.0.17763",
               "revision": 1, "arch": "x86_64", "locale": "en-US"},
        "stacks": [{"protocol": "tcp", "family": "ipv4", "dynamic": "49152-65535",
                    "administered": "", "runtime": ""}],
        "listeners": [],
        "services": [f"{name}-{turn}"]}, separators=(",", ":")).encode()


class Writer(threading.Thread):
    """An agent made by hand that remembers what the collector acknowledged."""

    def __init__(self, collector, number):
        super().__init__(daemon=True)
        self.collector = collector
        self.name_ = f"writer-{number}"
        self.id, self.secret = collector.enroll(self.name_)
        self.acknowledged = []
        self.refused = []
        self.stop = threading.Event()

    def run(self):
        turn = 0
        connection = None
        while not self.stop.is_set():
            turn += 1
            body = inventory(self.name_, turn)
            envelope = {"boot_id": "boot-1", "seq": turn, "version": "test", "name": self.name_,
                        "documents": {"inventory": {"digest": h.digest(body), "bytes": len(body)}}}
            while not self.stop.is_set():
                try:
                    if connection is None:
                        connection = http.client.HTTPSConnection(
                            "localhost", self.collector.port, timeout=20,
                            context=self.collector.context())
                    status, _, data = self.collector.call("POST", "/v1/checkin",
                                                          h.ndjson(envelope, body), self.secret,
                                                          connection=connection)
                except (OSError, http.client.HTTPException):
                    connection = None
                    time.sleep(0.05)
                    continue  # the same report again, as an agent does
                if 200 <= status < 300:
                    self.acknowledged.append(envelope["documents"]["inventory"]["digest"])
                    break
                if status != 503:
                    self.refused.append((status, data[:200]))
                    break
                time.sleep(0.05)


def start_agents(collector, folder):
    hosts = sorted(os.listdir(h.HOSTS))[:AGENTS]
    token = collector.join_token()
    return hosts, [h.Program("hm-agent", ["run", *h.agent_options(
        collector, folder, host, token=token, interval="1", host=os.path.join(h.HOSTS, host))],
        os.path.join(folder, f"agent-{host}.log")) for host in hosts]


def look_into(collector, writers):
    """After the last kill, with nothing running: the file itself."""
    path = os.path.join(collector.data, "collector.db")
    database = sqlite3.connect(path)
    h.check("integrity", database.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    h.check("foreign keys", database.execute("PRAGMA foreign_key_check").fetchall() == [])
    ids = [row[0] for row in database.execute("SELECT id FROM events ORDER BY id")]
    h.check("event ids without a gap", ids == list(range(1, len(ids) + 1)), ids[-3:])
    open_twice = database.execute(
        "SELECT host_id, kind, count(*) FROM host_documents WHERE valid_to_ms IS NULL "
        "GROUP BY 1, 2 HAVING count(*) > 1").fetchall()
    h.check("one open document a host and kind", open_twice == [], open_twice)
    database.close()
    return sum(len(w.acknowledged) for w in writers)


def all_there(collector, writers):
    for writer in writers:
        kept = {row["digest"] for row in collector.items(
            f"/v1/hosts/{writer.id}/history?limit=1000")}
        missing = [d for d in writer.acknowledged if d not in kept]
        h.check(f"{writer.name_}: all {len(writer.acknowledged)} acknowledged reports are kept",
                not missing, missing[:3])
        h.check(f"{writer.name_}: nothing was refused", not writer.refused, writer.refused[:3])
        h.check(f"{writer.name_}: acknowledged something", len(writer.acknowledged) > 0)


def main():
    chance = random.Random(SEED)
    print(f"{KILLS} kills, seed {SEED}")
    with h.Folder() as folder:
        collector = h.Collector(folder).start()
        hosts, agents = start_agents(collector, folder)
        writers = [Writer(collector, n) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        for kill in range(KILLS):
            before = sum(len(w.acknowledged) for w in writers)
            h.wait_until("reports are acknowledged", 60, lambda: sum(
                len(w.acknowledged) for w in writers) > before, 0.02)
            time.sleep(chance.random() * 0.5)
            collector.program.kill()
            collector.start()
            if kill % 10 == 9:
                print(f"  {kill + 1} kills, {sum(len(w.acknowledged) for w in writers)} reports")
        for writer in writers:
            writer.stop.set()
        for writer in writers:
            writer.join(60)
        all_there(collector, writers)

        since = time.time()
        def reported():
            rows = {r["name"]: r for r in collector.items("/v1/hosts")}
            # One that has enrolled and not yet reported has no last_seen.
            return all("last_seen" in rows.get(host, {}) and rows[host]["verdict"] in
                       ("safe", "exposed", "blocked", "unknown") and
                       time.strptime(rows[host]["last_seen"], "%Y-%m-%dT%H:%M:%SZ") >=
                       time.gmtime(since) for host in hosts)
        h.wait_until("all agents report by themselves", 120, reported, 0.5)
        h.check("no agent ended", all(a.child.poll() is None for a in agents))
        for agent in agents:
            h.check("agent stops cleanly", agent.stop() == 0)
        h.check("collector stops cleanly", collector.program.stop() == 0)
        print(f"  {look_into(collector, writers)} acknowledged reports looked up")
    h.finish()


main()
