#!/usr/bin/python3
"""A small fleet, as an operator sees it: real agents with recorded hosts, hmctl, history, silence,
clones, metrics.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

EXPOSED = "i2-exchange-2013-exposed"
CURED = "i2-exchange-2013-cured"


def main():
    with h.Folder() as folder:
        collector = h.Collector(folder, settings=["silent_after=6", "interval=1"]).start()
        env = {"HMCTL_COLLECTOR": collector.url, "HMCTL_TOKEN": collector.admin,
               "HMCTL_CA": collector.ca, "COLUMNS": "100", "NO_COLOR": "1"}

        def hmctl(*arguments, expect=0):
            code, out, err = h.run("hmctl", *arguments, env=env)
            h.check(f"hmctl {' '.join(arguments)}: exit {expect}", code == expect, f"{code} {err}")
            return out

        def rows(*arguments):
            return json.loads(hmctl(*arguments, "--json"))["items"]

        # A host whose files change while its agent runs: exposed now, cured later.
        host = os.path.join(folder, "mail01")
        shutil.copytree(os.path.join(h.HOSTS, EXPOSED), host)
        token = collector.join_token()
        options = h.agent_options(collector, folder, "mail01", token=token, host=host,
                                  interval="1", labels="site=paris")
        agent = h.Program("hm-agent", ["run", *options], os.path.join(folder, "mail01.log"))
        h.wait_until("first report", 60, lambda: any(
            r["verdict"] == "exposed" for r in collector.items("/v1/hosts")))

        h.check("filter by label", [r["name"] for r in rows(
            "hosts", "--filter", "label.site=paris verdict=exposed")] == ["mail01"])
        h.check("filter that fits nobody", rows("hosts", "--filter", "label.site=rome") == [])
        verdicts = rows("verdicts", "--filter", "host=mail01 state=exposed")
        h.check("9955 is told", any(v["verdict"]["ports"] == "9955" for v in verdicts), verdicts)
        table = hmctl("verdicts")
        h.check("the table fits 100 columns", all(len(line) <= 100 for line in table.splitlines()),
                max(table.splitlines(), key=len))
        h.check("and says what is exposed", "exposed" in table and "9955" in table, table)
        findings = rows("findings", "--filter", "host=mail01")
        h.check("findings carry commands", any("netsh" in c for f in findings
                                               for c in f["finding"].get("commands", [])))
        h.check("host page", "mail01" in hmctl("host", "mail01"))
        time.sleep(1.1)  # times on the wire have whole seconds
        before_cure = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        time.sleep(1.1)

        for name in os.listdir(os.path.join(h.HOSTS, CURED)):
            shutil.copy(os.path.join(h.HOSTS, CURED, name), host)
        h.wait_until("the cure is seen", 60, lambda: rows(
            "verdicts", "--filter", "host=mail01 state=exposed") == [])
        h.check("as it was then", any(v["verdict"]["ports"] == "9955" for v in rows(
            "verdicts", "--at", before_cure, "--filter", "host=mail01 state=exposed")))
        h.check("hosts as they were then", [r["verdict"] for r in rows(
            "hosts", "--at", before_cure)] == ["exposed"], rows("hosts", "--at", before_cure))
        h.check("history has both inventories", len([r for r in rows("history", "mail01")
                                                     if r["kind"] == "inventory"]) >= 2)
        kinds = {e["kind"] for e in rows("events")}
        h.check("first report and change are events",
                {"host_enrolled", "host_first_report", "verdict_changed"} <= kinds, kinds)

        code, out, _ = h.run("hm-agent", "status", *options)
        h.check("hm-agent status is content", code == 0 and collector.url in out, out)
        count = len(rows("catalogue"))
        h.check("and names the catalogue", f"{count} products, the collector's blake2b-256:" in out,
                (count, out))

        # Silence is never green, and ends by itself.
        h.check("agent stops cleanly", agent.stop() == 0)
        h.wait_until("silence is noticed", 60, lambda: [r["verdict"] for r in rows(
            "hosts", "--filter", "silent=true")] == ["unknown"])
        h.check("as a finding", any(f["finding"]["kind"] == "silent_host" for f in rows("findings")))
        agent = h.Program("hm-agent", ["run", *options], os.path.join(folder, "mail01.log"))
        h.wait_until("the host is back", 60, lambda: rows("hosts", "--filter", "silent=true") == []
                     and rows("hosts")[0]["verdict"] != "unknown")
        h.check("both are events", {"host_silent", "host_returned"} <=
                {e["kind"] for e in rows("events")})

        # A cloned machine: the same state folder, copied, another boot.
        agent.stop()
        twin_state = os.path.join(folder, "agent-twin")
        shutil.copytree(os.path.join(folder, "agent-mail01"), twin_state)
        twin_host = os.path.join(folder, "mail02")
        shutil.copytree(host, twin_host)
        for path, boot in ((host, "boot-a"), (twin_host, "boot-b")):
            file = os.path.join(path, "host.json")
            facts = json.load(open(file, encoding="utf-8"))
            facts["boot_id"] = boot
            facts["name"] = os.path.basename(path)
            json.dump(facts, open(file, "w", encoding="utf-8"))
        agent = h.Program("hm-agent", ["run", *options], os.path.join(folder, "mail01.log"))
        twin = h.Program("hm-agent", ["run", *h.agent_options(
            collector, folder, "twin", token=token, host=twin_host, interval="1")],
            os.path.join(folder, "twin.log"))
        h.wait_until("the clone is noticed", 90, lambda: any(
            e["kind"] == "clone_detected" for e in rows("events")))
        h.wait_until("both speak with identities of their own", 90, lambda: len(
            [r for r in collector.items("/v1/hosts") if r.get("cloned") is not True and
             r["verdict"] not in ("unknown",)]) >= 2)
        h.check("neither agent ended", agent.child.poll() is None and twin.child.poll() is None)

        status, _, data = collector.call("GET", "/metrics", token=collector.admin)
        h.check("metrics", status == 200 and b"havenmaster_" in data and data.endswith(b"# EOF\n"),
                data[-200:])
        h.check("no per-host series", b"mail01" not in data)
        h.check("openapi", json.loads(collector.call("GET", "/v1/openapi.json",
                                                     token=collector.admin)[2])["openapi"][:3] == "3.1")
        viewer = json.loads(hmctl("token", "new", "reader", "--role", "viewer", "--json"))["secret"]
        code, _, err = h.run("hmctl", "token", "new", "x", env={**env, "HMCTL_TOKEN": viewer})
        h.check("a viewer may not make tokens: exit 3", code == 3, f"{code} {err}")
        h.check("agents and collector stop cleanly", [agent.stop(), twin.stop(),
                                                      collector.program.stop()] == [0, 0, 0])
    h.finish()


main()
