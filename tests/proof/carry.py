"""A remedy as a person carries it out: pastes, boots, and what is done by hand.

SPDX-License-Identifier: Apache-2.0
"""
import re

import events
import model
import shell

HOTFIX = "KB2665809"
STOPPED = re.compile(r"\b(is|are) stopped\.")


def steps_of(finding):
    """Pairs (kind, what): "paste" with its commands, "boot", and what a person does by hand for a
    precondition that something is stopped: "free" before the commands, "start" after them. Commands
    of neighbouring steps are one paste."""
    done = []
    for step in finding.get("steps") or []:
        if step["kind"] == "boot":
            done.append(("boot", step))
        elif STOPPED.search(step.get("precondition", "")):
            done += [("free", step["precondition"]), ("paste", list(step["commands"])),
                     ("start", step["precondition"])]
        elif step.get("commands"):
            if done and done[-1][0] == "paste":
                done[-1][1].extend(step["commands"])
            else:
                done.append(("paste", list(step["commands"])))
    if not finding.get("steps") and finding.get("commands"):
        done.append(("paste", list(finding["commands"])))
    if finding.get("needs_reboot") and not any(kind == "boot" for kind, _ in done):
        done.append(("boot", {}))
    return done


def commands_of(finding):
    return [command for kind, what in steps_of(finding) if kind == "paste" for command in what]


def is_left_to_person(finding):
    """It says that a person decides, and nothing in it frees the port."""
    kinds = {step["kind"] for step in finding.get("steps") or []}
    return "decide" in kinds and not kinds & {"boot", "free"} and \
        not any(kind == "free" for kind, _ in steps_of(finding))


def ends_with_boot(finding):
    """Nothing is left to do after the boot: it may be the worst one."""
    kinds = [kind for kind, _ in steps_of(finding)]
    return "boot" not in kinds or set(kinds[kinds.index("boot"):]) == {"boot"}


def carry_out(host, finding, dice, boot_dice, waiting=lambda _host, _stopped: None):
    """Answers the failures, whether nothing was changed, and whether the host booted. waiting
    is called with the host, and whether commands have stopped services, before each boot."""
    failures, reads, booted, ran, stopped = [], True, False, host.running(), False
    if any(HOTFIX in step.get("text", "") + step.get("precondition", "")
           for step in finding.get("steps") or []):
        host.facts["hotfix"] = True
    for kind, what in steps_of(finding):
        if kind == "boot":
            failures += left_stopped(host, ran)
            waiting(host, stopped)
            events.boot(host, boot_dice)
            booted, ran, reads = True, host.running(), False
        elif kind == "paste":
            paste = shell.Paste(host, dice).run(what)
            failures += paste.failures
            reads = reads and paste.reads_only
            stopped = stopped or any(verb[0] == "stop" for verb in paste.did)
            if paste.restart:
                failures += left_stopped(host, ran)
                events.boot(host, boot_dice)
                booted, ran = True, host.running()
        elif kind == "free":
            free_by_hand(host, what)
        else:
            start_by_hand(host, ran, dice)
    return failures, reads, booted


def left_stopped(host, ran):
    return [shell.Failure("before the boot", -1, f"{name} is left stopped")
            for name in sorted(ran - host.running())]


def is_named(name, text):
    return re.search(r"(?<![\w$])" + re.escape(name) + r"(?![\w$])", text, re.I) is not None


def free_by_hand(host, text):
    """A person stops what the text names, and what depends on it."""
    for service in list(host.services.values()):
        if service.runs and is_named(service.name, text) and model.stoppable(host, service):
            events.stop(host, service)


def start_by_hand(host, ran, dice):
    """A person starts what ran before."""
    for service in list(host.services.values()):
        if not service.runs and service.name in ran:
            try:
                events.start(host, service, dice)
            except model.Refused:
                pass
