"""The story of one host, told on the model: what happens to it, and what must be said of it at each
moment, whether collect.cmd or an agent gathered the facts.

SPDX-License-Identifier: Apache-2.0
"""
import dataclasses
import os
import subprocess

import carry
import closure
import events
import gather
import model
import ports
import shell

VIEWS = {"collect": gather.collect, "agent": gather.observe}
ALL_SAFE = "All safe. "
UNTIL_BOOT = "All safe until the next boot; what is exposed then is marked above. "
ASSUMED = "All safe, if the host was restarted since the registry values were written. "
SCM = "Service Control Manager"


@dataclasses.dataclass(frozen=True)
class Expect:
    """What is right at one moment.

    verdicts: "product/requirement" -> "state", or "state > state after the next boot". All of them.
    held: "product/requirement" -> (port, program that has it, "" where nobody can know).
    findings: "kind subject" -> severity, "" when any is right. All but those in may_find.
    evidence: "kind subject" -> texts that its evidence must have.
    says: texts that the listing for people has.
    """
    verdicts: dict
    findings: dict
    held: dict = dataclasses.field(default_factory=dict)
    evidence: dict = dataclasses.field(default_factory=dict)
    exit: int = 1
    says: tuple = ()

    def but(self, verdicts=None, findings=None, without=(), **other):
        """The same with some rows otherwise."""
        kept = {key: value for key, value in self.findings.items() if key not in without}
        return dataclasses.replace(self, verdicts={**self.verdicts, **(verdicts or {})},
                                   findings={**kept, **(findings or {})}, **other)


class Story:
    """One host over time. report(moment, view, problem) is called for all that is wrong."""

    def __init__(self, name, host, agent, views, report, keep=None):
        self.name, self.host, self.agent, self.report = name, host, agent, report
        self.views, self.keep = views, keep
        self.moments = 0
        self.last = {}  # view -> judgement of the last moment
        self.pending = None  # steps of a remedy that wait for a boot
        self.required = {(row["protocol"], port) for _, row, _, _ in agent.catalogue.rows(host)
                         for port in ports.numbers(row["ports"])}

    # ---- what happens ----------------------------------------------------------------------

    def dice(self, seed=1, wanted=(), taker=""):
        return events.Dice(seed, wanted, self.required - set(wanted), taker)

    def boot(self, wanted=(), taker="", runs_without=()):
        """wanted: (protocol, port) pairs that the service taker gets before others start.
        runs_without: services that run though they did not get their ports."""
        had = {name: list(self.host.service(name).binds) for name in runs_without}
        for name in runs_without:
            self.host.service(name).binds = [
                bind for bind in had[name] if (bind.protocol, bind.port) not in set(wanted)]
        failed = events.boot(self.host, self.dice(3 + self.moments, wanted, taker))
        for name in runs_without:
            self.host.service(name).binds = had[name]
        self.host.facts.pop("exhaustion", None)
        self.failed(failed)
        steps, self.pending = self.pending or [], None
        self.carry(steps)
        if self.pending is not None:
            self.report(self.name, "", "the remedy asks for a second restart")

    def failed(self, failed):
        """Services that did not start: the service manager's log and exit codes have them."""
        self.host.facts["exit_codes"] = {name: gather.ADDRESS_IN_USE for name in failed
                                         if self.host.service(name)}
        self.host.facts["events"] = [
            {"provider": SCM, "id": 7023, "count": 1,
             "about": gather.display(self.host.service(name))}
            for name in sorted(failed) if self.host.service(name)]

    def log(self, provider, number, count=1, about=""):
        row = {"provider": provider, "id": number, "count": count}
        self.host.facts.setdefault("events", []).append({**row, "about": about} if about else row)

    def stop(self, name):
        events.stop(self.host, self.host.service(name))

    def exhausted(self, number, count):
        """Event of Tcpip."""
        self.host.facts.setdefault("exhaustion", {})[f"event_{number}"] = count

    def run(self, *names):
        for name in names:
            events.start(self.host, self.host.service(name), self.dice())

    def start_fails(self, name):
        """The service manager's log and the exit code have it."""
        service = self.host.service(name)
        try:
            events.start(self.host, service, self.dice())
            self.report(self.name, "", f"{name} starts, and should not")
        except model.Refused:
            self.host.facts.setdefault("exit_codes", {})[name] = gather.ADDRESS_IN_USE
            self.log(SCM, 7024, about=gather.display(service))

    def open(self, program, protocol, port):
        """A person starts a program, which listens; after a boot it is opened again."""
        pid = self.host.add_process(program)
        bind = model.Bind(protocol, "ipv4", "0.0.0.0", port, "socket")
        self.host.sockets.append(model.Socket(protocol, "ipv4", bind.address, port, pid))
        self.host.orphans.append((bind, program))

    def connect(self, name, port, remote):
        """An outgoing connection of that service gets this port as its own."""
        service = self.host.service(name)
        address = next(one.address for one in self.host.sockets if one.remote)
        self.host.sockets.append(model.Socket(
            "tcp", "ipv4", address, port, service.pid, remote, "connection",
            service=service.name, random=True))

    def paste(self, *lines):
        """Commands of an administrator who asks nobody."""
        return shell.Paste(self.host, self.dice()).run(lines).failures

    def branch(self, name, telling):
        """Another way that things could go from here."""
        other = Story(f"{self.name}, {name}", self.host.copy(), self.agent, self.views, self.report,
                      self.keep)
        other.last = dict(self.last)
        telling(other)
        self.moments += other.moments

    def runs(self, *names):
        for name in set(names) - self.host.running():
            self.report(self.name, "", f"{name} does not run")

    def holds(self, name, value):
        """A value of Tcpip\\Parameters."""
        got = self.host.value(model.TCPIP, name)
        if got != value:
            self.report(self.name, "", f"{name} is {got}, not {value}")

    def remedy(self, kind, subject):
        """What that finding printed at the last moment is done, up to the boot that it asks for:
        the rest follows the next boot(). All views print the same."""
        found = []
        for view, said in self.last.items():
            found += [one for one in said.findings
                      if (one["kind"], one["subject"]) == (kind, subject)]
            if not found:
                self.report(f"{self.name}: remedy", view, f"there is no {kind} ({subject})")
                return
            if found[-1].get("steps") != found[0].get("steps"):
                self.report(f"{self.name}: remedy", view, f"{kind} ({subject}) has other steps")
        if any(carry.HOTFIX in step.get("text", "") + step.get("precondition", "")
               for step in found[0].get("steps", [])):
            self.host.facts["hotfix"] = True
        self.carry(carry.steps_of(found[0]))

    def carry(self, steps):
        self.pending = None
        for at, (kind, what) in enumerate(steps):
            if kind == "boot":
                self.pending = steps[at + 1:]
                return
            if kind == "paste":
                for failure in shell.Paste(self.host, self.dice()).run(what).failures:
                    if not failure.already:
                        self.report(f"{self.name}: remedy", "", str(failure))
            elif kind == "free":
                carry.free_by_hand(self.host, what)
            else:
                carry.start_by_hand(self.host, set(self.host.services), self.dice())

    # ---- what must be said -----------------------------------------------------------------

    def moment(self, name, expect, **by_view):
        """by_view: what is right for one view, where it is not the same for all."""
        self.moments += 1
        for view in self.views:
            path = self.agent.scratch if not self.keep else os.path.join(
                self.keep, "-".join(f"{self.name} {name} {view}".replace(",", "").split()))
            os.makedirs(path, exist_ok=True)
            VIEWS[view](self.host, path)
            said = self.agent.judge_folder(path)
            text, code = self.print(path)
            self.last[view] = said
            assumed = view == "collect" and self.host.legacy and bool(
                {"ReservedPorts", "MaxUserPort", "TcpTimedWaitDelay"} &
                set(self.host.registry.get(model.TCPIP, {})))
            for problem in check(self.host, said, text, code, by_view.get(view, expect), assumed):
                self.report(f"{self.name}: {name}", view, problem)

    def print(self, path):
        done = subprocess.run([self.agent.program, "check", "--product-dir", self.agent.products,
                               "--catalogue", self.agent.none, "--from", path],
                              capture_output=True, text=True, env={"NO_COLOR": "1"})
        return done.stdout, done.returncode


# ---- checks --------------------------------------------------------------------------------------

def check(host, said, text, code, expect, assumed):
    """assumed: nobody can know of these files whether the host was restarted since."""
    yield from check_verdicts(said, expect)
    yield from check_findings(said, expect)
    lost = any(row.get("after_boot") in ("exposed", "blocked") for row in said.verdicts.values())
    yield from check_listing(text, code, expect, ASSUMED if assumed else
                             UNTIL_BOOT if lost else ALL_SAFE)
    yield from check_truth(host, said)


def label(verdict):
    return f"{verdict['product']}/{verdict['requirement']}"


def describe(verdict):
    after = verdict.get("after_boot", "")
    return verdict["state"] + (f" > {after}" if after else "")


def check_verdicts(said, expect):
    got = {label(one): one for one in said.document["verdicts"]}
    for name, state in expect.verdicts.items():
        if name not in got:
            yield f"{name} is not judged; it is {state}"
        elif describe(got[name]) != state:
            yield f"{name} is {state}, not {describe(got[name])}: {got[name]['text']}"
    for name in sorted(set(got) - set(expect.verdicts)):
        yield f"{name} is judged ({describe(got[name])}: {got[name]['text']})"
    for name, (port, program) in expect.held.items():
        holder = got.get(name, {}).get("holder", {})
        if (holder.get("port"), holder.get("program", "")) != (port, program):
            yield f"{name}: {port} is held by {program or 'an unknown program'}, not by {holder}"


def title(finding):
    return f"{finding['kind']} {finding['subject']}"


def check_findings(said, expect):
    got = {title(one): one for one in said.findings}
    for name, severity in expect.findings.items():
        if name not in got:
            yield f"the finding {name} is missing"
        elif severity and got[name]["severity"] != severity:
            yield f"the finding {name} is {severity}, not {got[name]['severity']}"
    for name in sorted(set(got) - set(expect.findings)):
        yield f"there is a finding {name}: {got[name]['text']}"
    for name, wanted in expect.evidence.items():
        shown = " | ".join(f"{row['name']}: {row['value']}" for row in got[name]["evidence"]) \
            if name in got else ""
        for piece in wanted:
            if piece not in shown:
                yield f"the evidence of {name} has no \"{piece}\": {shown}"


def check_listing(text, code, expect, all_safe):
    if code != expect.exit:
        yield f"the exit status is {expect.exit}, not {code}"
    if expect.exit == 0 and all_safe not in text:
        yield f"\"{all_safe}\" is not printed"
    if expect.exit != 0 and "All safe" in text:
        yield "\"All safe\" is printed"
    flat = " ".join(text.split())
    yield from (f"the listing does not say \"{piece}\"" for piece in expect.says
                if piece not in flat)


def check_truth(host, said):
    """Whatever the table of the story says: no service that would not start now is called safe, and
    nothing is safe that the stack would give away."""
    safe = [one for one in said.document["verdicts"] if one["state"] == "safe"]
    closed = {(one["protocol"], port): label(one) for one in safe
              for port in ports.numbers(one["ports"])}
    for service in host.services.values():
        if service.runs or not events.starts_itself(service, False):
            continue
        for bind in service.binds:
            refusal = host.why_no_bind(bind)
            if refusal is not None and (bind.protocol, bind.port) in closed:
                yield f"{closed[(bind.protocol, bind.port)]} is safe, and {service.name} cannot " \
                      f"start: {refusal.text}"
    if not host.written:
        yield from (f"safe, and {what}" for what in closure.givable(host, set(closed)))
