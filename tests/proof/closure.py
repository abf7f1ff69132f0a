"""One remedy on one host: paste it, boot when it says so, judge again.

SPDX-License-Identifier: Apache-2.0
"""
import dataclasses

import carry
import events
import judging
import known
import model
import ports

BOOT_SEEDS = 4  # ordinary boots beside the worst one
MOST_WANTED = 4096
MAY_FAIL = {"exclusions_unsupported": "the listing works once the hotfix is there"}
PRODUCT = ("required_in_dynamic", "required_in_runtime_exclusion", "required_port_held",
           "family_gap", "protocol_gap")  # kinds that cure all ports of a product at once
KEEPS = {  # kinds whose remedy takes something away that was reserved
    "reserver_excluded": "an administered row that stops a reserver is deleted",
    "reserved_ports_ignored": "the system does not read the value",
}


@dataclasses.dataclass
class Trial:
    """What happened when one remedy was carried out."""
    host: str
    kind: str
    subject: str
    problems: list = dataclasses.field(default_factory=list)
    commands: int = 0
    reads_only: bool = False

    def add(self, where, problems):
        self.problems += [f"{where}: {problem}" for problem in problems
                          if f"{where}: {problem}" not in self.problems]

    @property
    def key(self):
        return self.host, self.kind, self.subject


def counted(host, failures):
    """Where one exclusion is that of both families, the second add answers 32 and the second delete
    1168: that is known and harmless (2.7)."""
    return [str(failure) for failure in failures
            if not (failure.already and host.families_shared and "netsh" in failure.command)]


def can_share(host):
    """Can this be a host whose families share rows and ranges? Then its listings are equal."""
    return not host.linux and not host.legacy and all(
        host.stacks.get((protocol, "ipv4")) is not None and
        host.stacks.get((protocol, "ipv6")) is not None and
        host.stacks[(protocol, "ipv4")].ports(True) == host.stacks[(protocol, "ipv6")].ports(True)
        and host.dynamic(protocol, "ipv4") == host.dynamic(protocol, "ipv6")
        for protocol in ("tcp", "udp"))


def reserved(host):
    """What administrators and other products reserved."""
    if host.linux or host.legacy:
        kept = {("any", port) for port in host.reserved("tcp", "ipv4")}
        if host.legacy:
            kept |= {("written", port) for port in _written(host)}
        return kept
    return {(key, port) for key, stack in host.stacks.items() for port in stack.ports(True)}


def _written(host):
    return ports.reserved_by_lines(host.value(model.TCPIP, "ReservedPorts") or [])


def services_due(host, finding, before):
    """Services that must run after the remedy: those that ran, and the one whose port was held."""
    due = host.running()
    for key in judging.named(finding, before):
        if before.state(key) != "blocked":
            continue
        verdict = before.verdicts[key]
        for service in host.services.values():
            if not service.runs and events.starts_itself(service, False) and any(
                    (bind.protocol, bind.port) in judging.pairs(before, [key])
                    for bind in service.binds) and verdict.get("origin") != "observed":
                due.add(service.name)
    return due


def after_boot(host, due):
    """Of those, the ones that a boot starts."""
    return {name for name in due if events.starts_itself(host.service(name), True) or
            (host.service(name).driver and name in host.running())}


def givable(host, pairs):
    """Required ports that the model would give to anybody who asks, whatever the agent says."""
    found = []
    for protocol, family in ports.STACKS:
        dynamic = host.dynamic(protocol, family) if family in host.families() else None
        if dynamic is not None:
            closed = host.reserved(protocol, family)
            found += [f"{protocol} {port} on {family} can be given to any program"
                      for kind, port in sorted(pairs) if kind == protocol and
                      dynamic[0] <= port <= dynamic[1] and port not in closed]
    return found


def missing(host, due):
    return [f"the service {name} does not run" for name in sorted(due - host.running())]


class Task:
    """Findings of one host that have one remedy, and what must hold once it is carried out."""

    def __init__(self, agent, host, before, findings):
        self.agent, self.host, self.before, self.finding = agent, host, before, findings[0]
        self.fingerprints = {finding["fingerprint"] for finding in findings}
        self.cures = not (carry.is_left_to_person(self.finding) and (
            host.name, self.finding["kind"], self.finding["subject"]) in known.DECIDED)
        self.keeps = all(finding["kind"] not in KEEPS for finding in findings)
        self.about = set()
        for finding in findings:
            about = judging.named(finding, before)
            self.about |= about
            if finding["kind"] in PRODUCT:
                self.about |= judging.of_products(before, about)
        wanted = judging.pairs(before, self.about | judging.protected(before))
        self.spared = judging.pairs(before, before.verdicts) - wanted
        self.wanted = wanted if len(wanted) < MOST_WANTED else set()
        self.due = host.running()
        if self.cures:
            self.due = self.due.union(*(services_due(host, one, before) for one in findings))
        self.rows = reserved(host)
        self.ports = judging.pairs(before, self.about) if self.cures else set()
        self.trials = [Trial(host.name, finding["kind"], finding["subject"],
                             commands=len(carry.commands_of(finding))) for finding in findings]

    def add(self, where, problems):
        for trial in self.trials:
            trial.add(where, problems)

    def due_after(self, booted):
        return after_boot(self.host, self.due) if booted else self.due


def by_remedy(findings):
    """Findings with one and the same remedy are tried together."""
    groups = {}
    for finding in findings:
        steps = [[kind, what.get("text", "") if kind == "boot" else what]
                 for kind, what in carry.steps_of(finding)]
        groups.setdefault(repr((steps, finding["kind"] in MAY_FAIL)), []).append(finding)
    return list(groups.values())


def without_doubles(findings):
    """A remedy that is printed for several findings is printed once, and so pasted once."""
    return [group[0] for group in by_remedy(findings)]


def disagreement(finding):
    """The list of commands and the steps are one and the same."""
    steps = finding.get("steps") or []
    commands = [command for step in steps for command in step.get("commands", [])]
    boots = any(step["kind"] == "boot" for step in steps)
    if steps and commands != finding.get("commands", []):
        yield "commands are not those of the steps"
    if steps and boots != finding.get("needs_reboot", False):
        yield "needs_reboot does not say what the steps say"


def try_remedy(agent, host, before, findings, shared=False, seeds=BOOT_SEEDS):
    """Every check of the remedy that these findings have; a Trial for each."""
    task = Task(agent, host, before, findings)
    finding = findings[0]
    task.add("as printed", disagreement(finding))
    for seed in range(seeds + 1):
        worst = seed == 0
        now = host.copy()
        now.families_shared = shared
        dice = events.Dice(seed, task.wanted, task.spared)
        boots = events.Dice(100 + seed, task.wanted if worst and carry.ends_with_boot(finding)
                            else (), task.spared)
        failures, reads, booted = carry.carry_out(
            now, finding, dice, boots,
            lambda waiting, stopped: check_waiting(task, waiting, stopped))
        if not (reads and finding["kind"] in MAY_FAIL):
            task.add("paste", counted(now, failures))
        if reads:
            for trial in task.trials:
                trial.reads_only = True
            break
        check_cured(task, now, booted)
        if worst:
            apply_again(task, now, (dice, boots))
            survive(task, now, events.Dice(7, task.wanted, task.spared))
        if not booted and seed >= 1:
            break
    return task.trials


def check_waiting(task, host, stopped):
    """Before the boot that makes a written value count, nothing may look safe because of it; and
    where something was stopped for it, the service that was down runs already."""
    if stopped:
        task.add("before the boot", missing(host, task.due))
    if not host.legacy or "boot_time" not in host.host_file or not host.written:
        return
    after = task.agent.judge(host)
    task.add("before the boot", [
        f"{judging.describe(key)} was exposed and is safe, and nothing has happened yet"
        for key in sorted(task.about)
        if task.before.state(key) == "exposed" and after.state(key) == "safe"])


def check_cured(task, now, booted):
    where = "after the boot" if booted else "after the commands"
    after = task.agent.judge(now)
    if task.cures and task.fingerprints & after.fingerprints:
        task.add(where, ["the finding is still there"])
    task.add(where, judging.worse(task.before, after))
    task.add(where, judging.unsafe(after, task.about) if task.cures else [])
    task.add(where, givable(now, task.ports))
    if task.finding["kind"] == "dynamic_range_moved" and now.legacy and \
            now.dynamic("tcp", "ipv4")[1] != model.LEGACY_LAST:
        task.add(where, ["the range that is in force is the moved one"])
    task.add(where, missing(now, task.due_after(booted)))
    lost = task.rows - reserved(now)
    if lost and task.keeps:
        task.add(where, [f"no longer reserved: {sorted(lost)[:5]}"])


def apply_again(task, now, dices):
    """A second time it may complain, and must do no harm."""
    first = task.agent.judge(now)
    again = now.copy()
    running = again.running()
    _, _, booted = carry.carry_out(again, task.finding, *dices)
    second = task.agent.judge(again)
    task.add("a second time", judging.worse(first, second))
    task.add("a second time", missing(again, after_boot(now, running) if booted else running))


def survive(task, now, dice):
    """The worst boot afterwards: what was cured stays cured."""
    host = now.copy()
    failed = events.boot(host, dice)
    after = task.agent.judge(host)
    if task.cures and task.fingerprints & after.fingerprints:
        task.add("at a later boot", ["the finding is back"])
    task.add("at a later boot", judging.worse(task.before, after))
    task.add("at a later boot", judging.unsafe(after, task.about) if task.cures else [])
    task.add("at a later boot", givable(host, task.ports))
    task.add("at a later boot", [f"{problem}: {failed.get(problem.split()[2], '')}"
                                 for problem in missing(host, task.due_after(True))])


def try_all(agent, host, before, seeds=BOOT_SEEDS, shared=False, backwards=False):
    """All remedies of a host, pasted in the order in which they are printed, or backwards: none
    undoes another, whichever comes last."""
    trial = Trial(host.name, "all", "backwards" if backwards else "in the order printed")
    able = without_doubles([f for f in before.findings if carry.steps_of(f)])
    able = able[::-1] if backwards else able
    due = host.running()
    about = set()
    for finding in able:
        if not carry.is_left_to_person(finding):
            due |= services_due(host, finding, before)
            about |= judging.named(finding, before)
    wanted = judging.pairs(before, about | judging.protected(before))
    spared = judging.pairs(before, before.verdicts) - wanted
    for seed in range(seeds + 1):
        now = host.copy()
        now.families_shared = shared
        dice = events.Dice(seed, wanted, spared)
        any_boot, changed = False, False
        for finding in able:
            failures, reads, booted = carry.carry_out(now, finding, dice,
                                                      events.Dice(100 + seed, (), spared))
            if reads and finding["kind"] in MAY_FAIL:
                failures = []
            trial.add("paste", [str(f) for f in failures if not f.already])
            changed = changed or not reads
            any_boot = any_boot or booted
        trial.commands = sum(len(carry.commands_of(f)) for f in able)
        if not changed:
            trial.reads_only = True
            break
        if any_boot:
            events.boot(now, events.Dice(200 + seed, wanted if seed == 0 else (), spared))
        after = agent.judge(now)
        where = "after the boot" if any_boot else "after the commands"
        trial.add(where, judging.worse(before, after))
        trial.add(where, judging.unsafe(after, about))
        trial.add(where, missing(now, after_boot(host, due) if any_boot else due))
        if not any_boot and seed >= 1:
            break
    return trial
