#!/usr/bin/python3
"""hm-agent's verbs by hand, without a collector: wrong folders, ports and systems are refused.

SPDX-License-Identifier: Apache-2.0
"""
import fcntl
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402


class Agent:
    """One state folder, with a recorded host in place of this machine."""

    def __init__(self, folder, name):
        self.state = os.path.join(folder, "agent-" + name)
        self.options = h.agent_options(None, folder, name,
                                       host=os.path.join(h.HOSTS, "i2-exchange-2013-stopped"))

    def verb(self, *words):
        return h.run("hm-agent", *words, *self.options)


def check_restore(folder):
    never = os.path.join(folder, "never")
    for words in (["restore"], ["restore", "--resume"], ["forget", "8443"]):
        code, out, err = h.run("hm-agent", *words, "--set", f"state_dir={never}")
        h.check(f"{words}: a folder without state is refused", code == 1 and out == "" and
                f"{never}: no agent has kept its state there" in err, (code, out, err))
        h.check("and not made", not os.path.exists(never))
    agent = Agent(folder, "restored")
    agent.verb("once")
    with open(os.path.join(agent.state, "lock"), "rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for words in (["restore"], ["forget", "8443"]):
            code, out, err = agent.verb(*words)
            h.check(f"{words}: refused while an agent runs", code == 1 and out == "" and
                    err.startswith("hm-agent: an agent with this state is running; stop it first")
                    and "another state_dir" not in err, (code, out, err))
    code, out, err = agent.verb("restore")
    h.check("restore where nothing was added", code == 0 and
            "this agent had added nothing" in out, (code, out, err))


def check_status(folder):
    agent = Agent(folder, "asked")
    agent.verb("once")
    code, out, _ = agent.verb("status")
    with open(os.path.join(h.PRODUCTS, "../catalogue.json"), encoding="utf-8") as file:
        release = json.load(file)
    count = len([name for name in os.listdir(h.PRODUCTS) if name.endswith(".json")])
    h.check("status names the installed catalogue", code == 1 and
            f"{count} products, as installed: version {release['version']} of {release['date']}\n"
            in out, out)


def check_forget(folder):
    agent = Agent(folder, "forgetful")
    agent.verb("once")
    for words, says in ((["0"], "0 is not a port"), (["0-65535"], "0 is not a port"),
                        (["1-65535"], "confirm with --yes"), (["1-1001"], "confirm with --yes")):
        code, out, err = agent.verb("forget", *words)
        h.check(f"forget {words}: refused", code == 2 and out == "" and says in err,
                (code, out, err))
    code, out, err = agent.verb("forget", "8443,9000-9010")
    h.check("ports that are not in the book", code == 0 and
            out == "not in the port book: 8443,9000-9010\n", (code, out, err))
    code, out, err = agent.verb("forget", "--yes", "1-65535")
    h.check("all of them, with --yes", code == 0 and "not in the port book: " in out,
            (code, out, err))
    for words in ([], ["--lost", "8443"]):
        code, out, err = agent.verb("forget", *words)
        h.check(f"forget {words}: refused", code == 2 and "either PORTS or --lost" in err,
                (code, out, err))
    code, out, err = agent.verb("forget", "--lost")
    h.check("forget --lost: it is not", code == 0 and out == "the port book is not lost\n",
            (code, out, err))
    for name in ("portbook.json", "portbook.json.copy"):
        with open(os.path.join(agent.state, name), "w", encoding="ascii"):
            pass
    code, out, err = agent.verb("forget", "8443")
    h.check("forget PORTS of a damaged book", code == 1 and out == "" and
            "hm-agent forget --lost" in err, (code, out, err))
    agent.verb("once")
    for says in ("the agent continues without the port book that was lost\n",
                 "the port book is not lost\n"):
        code, out, err = agent.verb("forget", "--lost")
        h.check("forget --lost", code == 0 and out == says, (code, out, err))


def check_from(folder):
    nowhere = os.path.join(folder, "nowhere")
    code, out, err = h.run("hm-agent", "check", "--from", nowhere, "--set",
                           f"product_dir={nowhere}-products", "--set",
                           f"catalogue_dir={nowhere}-catalogue")
    h.check("check --from a folder that is missing", code == 3 and out == "" and nowhere + ":" in
            err and "catalogue" not in err, (code, out, err))
    code, out, err = h.run("hm-agent", "check", "--from",
                           os.path.join(h.HOSTS, "i2-exchange-2013-stopped"), "--set",
                           f"product_dir={nowhere}-products", "--set",
                           f"catalogue_dir={nowhere}-catalogue")
    h.check("no catalogue: what to do", code == 3 and "--product-dir" in err, (code, out, err))


def check_own_collector(folder):
    """A collector on a port of its own choice says nothing of 5830."""
    for port, told in ((5830, True), (5831, False), (40831, False)):
        host = os.path.join(folder, f"collector-{port}")
        shutil.copytree(os.path.join(h.HOSTS, "linux-web"), host)
        path = os.path.join(host, "host.json")
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
        facts["services"].append("hm-collector")
        facts["listeners"].append({"protocol": "tcp", "family": "ipv4", "address": "0.0.0.0",
                                   "port": port, "program": "hm-collector",
                                   "service": "hm-collector", "kind": "socket"})
        with open(path, "w", encoding="utf-8") as file:
            json.dump(facts, file)
        _, out, err = h.run("hm-agent", "check", "--from", host, "--product-dir", h.PRODUCTS)
        h.check(f"a collector on {port}", ("tcp 5830" in out) == told and
                (port != 40831 or "tcp 40831" in out), (out, err))


def check_help():
    whole = h.run("hm-agent", "--help")
    h.check("help", h.run("hm-agent", "help") == whole and whole[0] == 0, whole)
    for words in (["guard", "--help"], ["guard", "-h"], ["help", "guard"]):
        code, out, err = h.run("hm-agent", *words)
        h.check(f"{words}", code == 0 and "guard add SERVICE" in out and "guard list" in out and
                "forget" not in out, (code, out, err))
    code, out, err = h.run("hm-agent", "guard", "add", "--help")
    h.check("guard add --help", "elevated" in out and "20 seconds" in out and "Refused" in out,
            (code, out, err))
    code, out, err = h.run("hm-agent", "help", "forget")
    h.check("help forget", code == 0 and "Refused while the agent runs" in out and
            "inventory.port_book" in out, (code, out, err))
    for words in (["guard", "list"], ["guard", "add", "DNS"], ["service", "install"]):
        code, out, err = h.run("hm-agent", *words)
        h.check(f"{words}: not on this system", code == 2 and "on Windows only" in err,
                (code, out, err))


def main():
    with h.Folder() as folder:
        check_restore(folder)
        check_status(folder)
        check_forget(folder)
        check_from(folder)
        check_own_collector(folder)
        check_help()
    h.finish()


if __name__ == "__main__":
    main()
