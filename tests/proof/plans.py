#!/usr/bin/python3
"""Plan closure: what the agent's plan says for a policy is done on a model of the host, which boots
when something waits for that, and is judged again. What the policy reserves is safe, nothing is
worse, every service runs, and nothing is left to do.

The policies are those of the quickstart, and for each host one that reserves whatever is at risk.

plans.py AGENT POLICY_TOOL SOURCE [--host NAME] [--verbose] [--jobs N]
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import catalogue  # noqa: E402
import closure  # noqa: E402
import events  # noqa: E402
import folder  # noqa: E402
import judging  # noqa: E402
import known  # noqa: E402
import model  # noqa: E402
import ports  # noqa: E402
import remedies  # noqa: E402
from hosts import all_hosts  # noqa: E402

ACTION = re.compile(r"^  (add_exclusion|remove_exclusion|set_\w+)(?: (tcp|udp)/(ipv[46]))? ?"
                    r"(.*?)(, after a reboot)?$")
NOTE = re.compile(r"^  note (\w+)(?: (tcp|udp)(?:/(ipv[46]))?)? ?([0-9,-]*): ")
WAITS = ("busy", "taken", "waiting_reboot")
LINUX_FILE = "/etc/sysctl.d/zzzzzzzzz-havenmaster.conf"
ROUNDS = 3  # boots until nothing waits any more


class Plan:
    def __init__(self, text):
        self.text = text
        self.actions, self.notes = [], []
        for line in text.splitlines():
            action, note = ACTION.match(line), NOTE.match(line)
            if action:
                self.actions.append(action.groups())
            elif note:
                self.notes.append(note.groups())

    @property
    def waits(self):
        return any(note[0] in WAITS for note in self.notes) or any(a[4] for a in self.actions)


class Work(remedies.Work):
    def __init__(self, options):
        super().__init__(options)
        self.policies = os.path.join(options.source, "deploy/quickstart/policies")

    def plan(self, host, policies):
        folder.write(host, self.agent.scratch)
        done = subprocess.run([self.options.tool, self.agent.products, *policies, "--",
                               self.agent.scratch], capture_output=True, text=True)
        if "\nhost " not in done.stdout:
            raise RuntimeError(f"policy_tool: {done.stderr}{done.stdout}")
        return Plan(done.stdout[done.stdout.index("\nhost "):])


def policy_text(host, products):
    rows = "".join(f"  - product: {product}\n" for product in sorted(products))
    return (f"name: everything\nowner: test\nreason: whatever is at risk on {host.name}\n"
            f"review: 2036-01-31\nmode: enforce\nwatch_s: 0\nmatch:\n  hosts: [\"*\"]\n"
            f"reservations:\n{rows}")


def act(host, actions):
    """Does what a plan says; what the host refuses, as sentences."""
    problems = []
    for kind, protocol, family, value, _ in actions:
        try:
            for step in STEPS[kind](host, protocol, family, value):
                step()
        except model.Refused as refusal:
            problems.append(f"{kind} {protocol}/{family} {value}: {refusal}")
    return problems


def add(host, protocol, family, value):
    for first, last in ports.ranges(value):
        yield lambda a=first, b=last: host.add_row(protocol, family, a, b)


def remove(host, protocol, family, value):
    for first, last in ports.ranges(value):
        yield lambda a=first, b=last: host.delete_row(protocol, family, a, b)


def set_reserved(host, _protocol, _family, value):
    yield lambda: host.set_value(model.TCPIP, "ReservedPorts", "REG_MULTI_SZ", value.split())


def set_sysctl(host, _protocol, _family, value):
    yield lambda: keep_sysctl(host, model.RESERVED_NAME, value)


def set_range(host, protocol, family, value):
    first, last = ports.ranges(value)[0]
    if host.legacy:
        yield lambda: host.set_value(model.TCPIP, "MaxUserPort", "REG_DWORD", last)
    elif host.linux:
        yield lambda: keep_sysctl(host, model.RANGE_NAME, f"{first} {last}")
    else:
        yield lambda: host.set_dynamic(protocol, family, first, last - first + 1)


def set_delay(host, _protocol, _family, value):
    yield lambda: host.set_value(model.TCPIP, "TcpTimedWaitDelay", "REG_DWORD", int(value))


STEPS = {"add_exclusion": add, "remove_exclusion": remove, "set_reserved_ports": set_reserved,
         "set_sysctl_reserved": set_sysctl, "set_range": set_range,
         "set_timed_wait_delay": set_delay, "set_tcp_timed_wait_delay": set_delay}


def keep_sysctl(host, name, value):
    events.set_sysctl(host, name, value)
    lines = dict(line.split(" = ", 1) for line in host.files.get(LINUX_FILE, "").splitlines())
    lines[name] = value
    host.files[LINUX_FILE] = "".join(f"{n} = {v}\n" for n, v in lines.items())


def covered(plans, before):
    """Requirements at risk that the actions reserve wholly, but for those whose port another
    program wants for itself."""
    taken = {}
    for plan in plans:
        for kind, protocol, family, value, _ in plan.actions:
            if kind == "add_exclusion":
                taken.setdefault((protocol, family), set()).update(ports.numbers(value))
            elif kind in ("set_sysctl_reserved", "set_reserved_ports"):
                numbers = ports.numbers(value.replace(" ", ","))
                for key in ports.STACKS:
                    taken.setdefault(key, set()).update(numbers)
    return {key for key, verdict in before.verdicts.items()
            if before.state(key) != "safe" and not wants_it_too(verdict) and all(
                ports.numbers(verdict.get("at_risk") or verdict["ports"]) <=
                taken.get((verdict["protocol"], family), set()) for family in verdict["families"])}


def wants_it_too(verdict):
    return verdict["protocol"] == "tcp" and verdict.get("holder", {}).get("state") == "listen"


def waits_for_boot(judgement):
    """2000 to 2003: once the key is written, nobody who only reads the host knows which values are
    in force until its next boot. The agent, which remembers them, does."""
    return {key for key, verdict in judgement.verdicts.items()
            if verdict["state"] in ("unknown", "exposed") and verdict.get("after_boot") == "safe"}


class Case:
    """One set of policies on one host."""

    def __init__(self, work, host, before, label, policies):
        self.work, self.host, self.before = work, host, before
        self.policies = policies
        self.trial = closure.Trial(host.name, "plan", label)
        self.spared = judging.pairs(before, before.verdicts)
        self.plans = []

    def plan(self, now):
        self.plans.append(self.work.plan(now, self.policies))
        return self.plans[-1]

    def do(self, now, where):
        self.trial.add(where, act(now, self.plan(now).actions))

    def problems(self, now):
        """What is worse than it was, and which service does not run."""
        due = self.host.running()
        due = due if now.boots == self.host.boots else closure.after_boot(self.host, due)
        after = self.work.agent.judge(now)
        spared = waits_for_boot(after) if now.boots == self.host.boots and now.legacy else set()
        return judging.worse(self.before, after, spared) + closure.missing(now, due)

    def end(self, now):
        """The worst boot; what would go wrong in it without any policy is not the policy's."""
        about = covered(self.plans, self.before)
        wanted = judging.pairs(self.before, about | judging.protected(self.before))
        wanted = wanted if len(wanted) < closure.MOST_WANTED else set()
        self.trial.add("in the end", judging.unsafe(self.work.agent.judge(now), about))
        without = self.host.copy()
        for host in (without, now):
            events.boot(host, events.Dice(7, wanted - judging.pairs(self.before, about)
                                          if host is without else wanted, self.spared - wanted))
        usual = self.problems(without)
        self.trial.add("at a later boot", [p for p in self.problems(now) if p not in usual])
        self.trial.add("at a later boot", judging.unsafe(self.work.agent.judge(now), about))


def try_policies(work, host, before, label, policies):
    case = Case(work, host, before, label, policies)
    now = host.copy()
    case.do(now, "at once")
    if " no policy" in case.plans[0].text.splitlines()[1]:
        return None
    case.trial.add("at once", case.problems(now))
    held = any(before.state(key) == "blocked" for key in covered(case.plans, before))
    for turn in range(ROUNDS):
        if not case.plans[-1].waits and not held:
            break
        held = False
        events.boot(now, events.Dice(turn, (), case.spared),
                    lambda early: case.do(early, "early in the boot"))
        case.do(now, "later in the boot")
        case.trial.add("after a boot", case.problems(now))
        left = case.plan(now)
        case.trial.add("after a boot", [f"something is left to do: {row}" for row in left.actions])
    case.trial.commands = sum(len(plan.actions) for plan in case.plans)
    case.end(now)
    return case.trial


WORK = None


def begin(options):
    global WORK
    WORK = Work(options)


def try_host(name):
    try:
        host = WORK.host(name)
        before = WORK.agent.judge(host)
        proposed = [os.path.join(WORK.policies, file) for file in sorted(os.listdir(WORK.policies))]
        trials = [try_policies(WORK, host, before, "quickstart", proposed)]
        products = {key[0] for key in before.verdicts if before.state(key) in (
            "exposed", "blocked") and key[0] not in ("", "observed")}
        if products:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(policy_text(host, products))
                file.flush()
                trials.append(try_policies(WORK, host, before, "everything", [file.name]))
        return name, [trial for trial in trials if trial is not None], ""
    except Exception as error:  # a host that cannot be tried is a failure of the test
        import traceback
        return name, [], f"{error}\n{traceback.format_exc()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("agent")
    parser.add_argument("tool")
    parser.add_argument("source")
    parser.add_argument("--host")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="proof-") as options.root:
        return run(options)


def run(options):
    names = [name for name, _ in remedies.recorded(options.source)] + all_hosts.names()
    names = [options.host] if options.host else names
    with multiprocessing.Pool(options.jobs, begin, (options,)) as pool:
        results = pool.map(try_host, names, chunksize=1)
    trials = [trial for _, some, _ in results for trial in some]
    wrong = 0
    for name, _, error in results:
        if error:
            wrong += 1
            print(f"{name}: cannot be tried: {error}")
    for trial in trials:
        reason = known.PLAN_FAILURES.get(trial.key)
        if bool(trial.problems) != (reason is not None):
            wrong += 1
            print(f"{trial.host}: policy {trial.subject}:" +
                  ("" if trial.problems else " passes now; take its row out of known.py"))
            for problem in trial.problems[:None if options.verbose else 6]:
                print(f"    {problem[:None if options.verbose else 300]}")
    if not options.host:
        for key in set(known.PLAN_FAILURES) - {trial.key for trial in trials}:
            wrong += 1
            print(f"{key}: known.py has a failure that no host shows")
    print(f"{len(results)} hosts, {len(trials)} plans, {sum(t.commands for t in trials)} actions; "
          f"{len(known.PLAN_FAILURES)} known failures, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
