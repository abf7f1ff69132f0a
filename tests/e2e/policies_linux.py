#!/usr/bin/python3
"""Policies on Linux, three hosts with real sysctls: planned, approved by a second key, applied,
repaired, retired; byte for byte as before.

Each host is a network namespace with an /etc/sysctl.d of its own; the collector is in a fourth.
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
KEY = "ip_local_reserved_ports"
HUB = "10.77.0.1"
FOREIGN = "8080,9000-9010"
POLICY = """\
name: payroll
owner: payroll team
reason: Payroll did not start after the patch day, its port was taken
review: 2036-01-31
mode: enforce
match:
  labels: [role=pay]
reservations:
- protocol: tcp
  ports: 40123,41000-41003
watch_s: 0
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Network:
    """A bridge in a namespace of its own, and hosts that hang on it."""

    def __init__(self, folder):
        self.folder = folder
        self.tag = f"hm{os.getpid() % 100000}"
        self.hub = f"{self.tag}-hub"
        self.names = [self.hub]

    def __enter__(self):
        run("ip", "netns", "add", self.hub)
        run("ip", "-n", self.hub, "link", "set", "lo", "up")
        run("ip", "-n", self.hub, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", self.hub, "addr", "add", f"{HUB}/24", "dev", "br0")
        run("ip", "-n", self.hub, "link", "set", "br0", "up")
        return self

    def __exit__(self, *_):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False)

    def add(self, number):
        name = f"{self.tag}-{number}"
        veth = f"v{self.tag}{number}"[:15]
        run("ip", "netns", "add", name)
        self.names.append(name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", veth,
            "netns", self.hub)
        run("ip", "-n", self.hub, "link", "set", veth, "master", "br0", "up")
        run("ip", "-n", name, "addr", "add", f"10.77.0.{number + 10}/24", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        return name


class Host:
    """One Linux host: its own sysctls, its own /etc/sysctl.d."""

    def __init__(self, network, number, name, labels):
        self.name = name
        self.labels = labels
        self.space = network.add(number)
        self.etc = os.path.join(network.folder, "etc-" + name)
        os.makedirs(self.etc)
        with open(os.path.join(self.etc, "50-other.conf"), "w", encoding="ascii") as file:
            file.write(f"# another package's\nnet.ipv4.{KEY} = {FOREIGN}\n")
        self.prefix = ["ip", "netns", "exec", self.space, "unshare", "--mount", "--propagation",
                       "private", "sh", "-c", f'mount --bind "{self.etc}" /etc/sysctl.d && '
                       'exec "$@"', "sh"]
        self.write(FOREIGN)
        self.before = self.look()

    def read(self):
        return run(*self.prefix, "cat", f"/proc/sys/net/ipv4/{KEY}").strip()

    def write(self, ports):
        run(*self.prefix, "sh", "-c", f"echo '{ports}' > /proc/sys/net/ipv4/{KEY}")

    def look(self):
        """All that an agent may change."""
        files = {}
        for name in sorted(os.listdir(self.etc)):
            with open(os.path.join(self.etc, name), "rb") as file:
                files[name] = file.read()
        range_now = run(*self.prefix, "cat", "/proc/sys/net/ipv4/ip_local_port_range")
        return self.read(), range_now, files

    def boot(self):
        """What the system would do with the files at its next boot: the setting afterwards."""
        now = self.read()
        run(*self.prefix, "sh", "-c", f"echo > /proc/sys/net/ipv4/{KEY}; "
            "for f in /etc/sysctl.d/*.conf; do sysctl -q -p $f; done")
        after = self.read()
        self.write(now)
        return after


def remember(state, program):
    """The agent's port book after earlier boots: a port that nobody catalogued is required once the
    same program had it in two of them."""
    os.makedirs(state, mode=0o700)
    entry = {"protocol": "tcp", "families": "ipv4", "port": PORT, "program": program, "boots": 2}
    with open(os.path.join(state, "portbook.json"), "w", encoding="ascii") as file:
        json.dump({"boot_id": "the boot before", "boot": 2,
                   "rows": [{"entry": entry, "last_boot": 2}]}, file)


def start_collector(network):
    """hm-collector on the hub, with two approvers to come."""
    data = os.path.join(network.folder, "collector")
    prefix = ["ip", "netns", "exec", network.hub]
    code, out, err = h.run("hm-collector", "init", "--data", data, "--name", HUB, "--json",
                           prefix=prefix)
    if code != 0:
        raise RuntimeError(f"init: {code} {out}{err}")
    settings = []
    for setting in (f"listen={HUB}", "port=5830", f"product_dir={h.PRODUCTS}",
                    f"public_url=https://{HUB}:5830", "silent_after_s=10"):
        settings += ["--set", setting]
    program = h.Program("hm-collector", ["serve", "--data", data, *settings],
                        os.path.join(network.folder, "collector.log"), prefix=prefix)
    return program, json.loads(out), os.path.join(data, "ca.pem"), prefix


def operator(prefix, ca, token):
    return h.Operator(f"https://{HUB}:5830", ca, token, prefix)


def enrol_approvers(folder, admin):
    """Anna and Ben; one signature is enough, but not the author's own."""
    adds = []
    for name in ("anna", "ben"):
        out = json.loads(admin.ok("key", "new", name, "--out", f"{folder}/{name}.key", "--json"))
        adds += ["--add", f"{name}={out['public_key']}"]
    root = f"{folder}/root.json"
    admin.ok("trust", "new", *adds, "--threshold", "1", "--out", root)
    admin.ok("trust", "sign", root, "--key", f"{folder}/anna.key", "--yes")
    admin.ok("trust", "publish", root)
    h.check("the trust root counts", "anna" in admin.ok("trust", "show"))


def states(admin):
    """Host -> (state, repairs) of the policy."""
    rows = admin.json("policy", "hosts", "payroll")["items"]
    return {row["host"]: (row["state"], row.get("repairs", 0)) for row in rows}


def wait_state(admin, hosts, wanted):
    h.wait_until(f"{wanted} on {', '.join(hosts)}", 60,
                 lambda: all(states(admin).get(x, ("", 0))[0] == wanted for x in hosts), 0.2)


def verdict(admin, host):
    rows = admin.json("verdicts", "--filter", f'host={host} ports="{PORT}"')["items"]
    return rows[0]["verdict"]["state"] if rows else "none"


def plan_and_approve(folder, admin, author, ben):
    file = f"{folder}/payroll.yaml"
    with open(file, "w", encoding="ascii") as out:
        out.write(POLICY)
    h.check("lint finds no error", author.run("policy", "lint", file)[0] == 0,
            author.run("policy", "lint", file))
    plan = author.json("policy", "plan", file)
    counts = plan["plan"]["counts"]
    h.check("two of three hosts are meant", (counts["matched"], counts["hosts"]) == (2, 3), counts)
    author.ok("policy", "submit", file, "--comment", "patch day")
    code, out, err = author.run("policy", "activate", "payroll", "--yes")
    h.check("what is not approved cannot be activated", code != 0, out + err)
    code, out, err = author.run("policy", "approve", "payroll", "--key", f"{folder}/anna.key",
                                "--yes")
    state = admin.json("policy", "show", "payroll")["policy"]["state"]
    h.check("its author alone cannot approve it", state == "submitted", (code, out, err, state))
    text = ben.ok("policy", "approve", "payroll", "--key", f"{folder}/ben.key", "--yes")
    h.check("the approver sees what is signed", "40123" in text and "payroll team" in text, text)
    h.check("a second key approves", "approved" in text, text)
    return {row["host"]: row["plan"] for row in plan["hosts"]}


def reserved_by(plan):
    rows = [a for a in plan["actions"] if a["kind"] == "set_sysctl_reserved"]
    return rows[0]["ports"] if rows else None


def main():
    with h.Folder() as folder, Network(folder) as network:
        hosts = [Host(network, 1, "pay1", "role=pay"), Host(network, 2, "pay2", "role=pay"),
                 Host(network, 3, "web1", "role=web")]
        program, facts, ca, prefix = start_collector(network)
        admin = operator(prefix, ca, facts["admin_token"])
        h.wait_until("collector ready", 60, lambda: admin.run("hosts")[0] == 0, 0.2)
        tokens = {name: json.loads(admin.ok("token", "new", name, "--role", "operator",
                                            "--json"))["secret"] for name in ("anna", "ben")}
        author, ben = (operator(prefix, ca, tokens[name]) for name in ("anna", "ben"))
        enrol_approvers(folder, admin)
        join = json.loads(admin.ok("token", "new", "--uses", "10", "hosts", "--json"))["secret"]
        services, agents = [], []
        for host in hosts:
            state = f"{folder}/agent-{host.name}"
            copy = f"{folder}/payroll-svc-{host.name}"
            shutil.copy(os.path.join(h.BIN, "port_holder"), copy)
            services.append(subprocess.Popen(
                [*host.prefix, copy, "tcp", "0.0.0.0", str(PORT)], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True))
            services[-1].stdout.readline()
            remember(state, os.path.basename(copy))
            options = []
            for key, value in {"collector": f"https://{HUB}:5830", "token": join,
                               "state_dir": state, "name": host.name, "labels": host.labels,
                               "product_dir": h.PRODUCTS, "interval": "2",
                               "catalogue_dir": f"{folder}/none"}.items():
                options += ["--set", f"{key}={value}"]
            agents.append(h.Program("hm-agent", ["run", *options], f"{folder}/{host.name}.log",
                                    prefix=host.prefix))
        h.wait_until("all report", 60, lambda: len(admin.json("hosts")["items"]) == 3 and all(
            x["verdict"] != "unknown" for x in admin.json("hosts")["items"]), 0.2)
        for host in hosts:
            h.check(f"{host.name} is exposed", verdict(admin, host.name) == "exposed",
                    verdict(admin, host.name))

        plans = plan_and_approve(folder, admin, author, ben)
        h.check("nothing has happened yet", all(x.look() == x.before for x in hosts))
        admin.ok("policy", "activate", "payroll", "--yes")
        wait_state(admin, ["pay1", "pay2"], "verified")
        for host in hosts[:2]:
            h.check(f"{host.name}: what the plan said is what is there",
                    host.read() == reserved_by(plans[host.name]),
                    (host.read(), plans[host.name]))
            h.check(f"{host.name}: and at its next boot", host.boot() == host.read(),
                    (host.boot(), host.read(), host.look()))
            h.check(f"{host.name}: foreign entries are there",
                    host.read().startswith(FOREIGN), host.read())
            h.wait_until("safe", 30, lambda x=host: verdict(admin, x.name) == "safe", 0.2)
        h.check("a host tells of its policies", "payroll" in admin.ok("host", "pay1"),
                admin.ok("host", "pay1"))
        h.check("web1 is as before", hosts[2].look() == hosts[2].before, hosts[2].look())
        h.check("compliance is proved", admin.run("compliance", "--check")[0] == 0,
                admin.run("compliance"))

        hosts[0].write(FOREIGN)
        h.wait_until("repaired", 60, lambda: states(admin)["pay1"] == ("repaired", 1), 0.2)
        h.check("repaired is what was there", hosts[0].read() == reserved_by(plans["pay1"]))
        h.check("and an event", admin.json("events", "--filter", "kind=policy_repaired")["items"])

        code, out, err = h.run("hm-agent", "status", "--set", f"state_dir={folder}/agent-pay1",
                               prefix=hosts[0].prefix)
        h.check("the agent tells of its policies", "payroll" in out, (code, out, err))

        author.ok("policy", "retire", "payroll", "--comment", "payroll moved")
        h.check("not before it is signed", hosts[0].look() != hosts[0].before)
        ben.ok("policy", "approve", "payroll", "--key", f"{folder}/ben.key", "--yes")
        wait_state(admin, ["pay1", "pay2"], "retired")
        for host in hosts:
            h.check(f"{host.name}: byte for byte as before", host.look() == host.before,
                    (host.look(), host.before))

        with open(f"{folder}/brief.yaml", "w", encoding="ascii") as file:
            file.write(POLICY.replace("name: payroll", "name: brief"))
        author.ok("policy", "submit", f"{folder}/brief.yaml", "--valid", "15s")
        ben.ok("policy", "approve", "brief", "--key", f"{folder}/ben.key", "--yes")
        author.ok("policy", "activate", "brief", "--yes")
        h.wait_until("an approval that has ended is no proof", 60,
                     lambda: "ended" in admin.run("compliance", "--check")[2], 0.3)
        h.wait_until("hosts have taken it back", 60,
                     lambda: all(x.look() == x.before for x in hosts), 0.3)

        h.check("the event chain holds", admin.json("events", "--limit", "1") is not None)
        for agent in agents:
            h.check("agent stops cleanly", agent.stop() == 0, agent.output()[-500:])
        for service in services:
            service.stdin.close()
            service.wait(10)
        h.check("collector stops cleanly", program.stop() == 0, program.output()[-500:])
    h.finish()


main()
