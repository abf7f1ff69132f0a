"""Commands as a person pastes them: into an elevated cmd.exe, or into a root shell.

A command that fails does not stop the next line: that is how pasting works. Every failure is kept.
A command that ends the person's own connection cuts off the lines that follow; the rest of its own
line is still carried out.
SPDX-License-Identifier: Apache-2.0
"""
import dataclasses
import re

import linux_tools
import truth
import windows_tools
from model import Already, Refused


LISTING = re.compile(r"\b(show|query|netstat|ss|tasklist|status|get-\w+)\b", re.I)


@dataclasses.dataclass
class Failure:
    command: str
    code: int
    text: str
    already: bool = False  # refused, since it is so already: nothing is missing

    def __str__(self):
        return f"{self.command}: {self.text} ({self.code})"


class Paste:
    """One person's session on one host."""

    def __init__(self, host, dice):
        self.host = host
        self.dice = dice
        self.failures = []
        self.reads_only = True
        self.lost = ""  # the connection that was cut
        self.restart = False  # a command asks for it
        self.pending = []  # what sc began and has not finished
        self.did = []  # (verb, object) of what succeeded

    def run(self, lines):
        for at, line in enumerate(lines):
            self.lost = ""
            self.run_line(line)
            if self.lost and at + 1 < len(lines):
                self.failures.append(Failure(line, -1, f"it ends the {self.lost} connection: "
                                             f"{len(lines) - at - 1} more lines are never pasted"))
                break
            if self.lost and self.is_still_lost():
                self.failures.append(Failure(line, -1, f"the {self.lost} service stays down: "
                                                       "nobody can connect any more"))
        self.settle()
        return self

    def is_still_lost(self):
        return any(self.host.service(name) is not None and not self.host.service(name).runs
                   for name, what in truth.SESSIONS.items() if what == self.lost)

    def settle(self):
        """What was begun in the background is over now."""
        while self.pending:
            what = self.pending.pop(0)
            try:
                what()
            except Refused as refusal:
                self.failures.append(Failure("in the background", refusal.code, refusal.text))

    def run_line(self, line):
        code = 0
        split = split_linux if self.host.linux else split_windows
        limit = 2047 if self.host.version == (5, 0) else 8191  # KB830473
        if not self.host.linux and len(line) > limit:
            self.failures.append(Failure(line[:60], -1, f"longer than {limit} characters"))
            return
        for operator, command in split(line):
            if (operator == "&&" and code != 0) or (operator == "||" and code == 0):
                continue
            code = self.run_command(command)

    def run_command(self, command):
        """One simple command; its exit code."""
        before = len(self.pending)
        already = False
        try:
            tools = linux_tools if self.host.linux else windows_tools
            tools.run(self, command)
            code, text = 0, ""
        except Already as refusal:
            code, text, already = refusal.code, refusal.text, True
        except Refused as refusal:
            code, text = refusal.code, refusal.text
        if code != 0:
            self.failures.append(Failure(command, code, text, already))
            self.reads_only = self.reads_only and LISTING.search(command) is not None
        for _ in range(before):  # while a command runs, what earlier ones began ends
            self.pending.pop(0)()
        return code

    def begin(self, what):
        self.pending.append(what)

    def stopped(self, names):
        for name in names:
            self.lost = truth.SESSIONS.get(name.lower(), self.lost)

    def changes(self, *what):
        self.reads_only = False
        self.did.append(what)


def split_windows(line):
    """cmd.exe: & && || outside of quotes, ^ escapes; (operator, command)."""
    return split(line, "^", '"', ("&&", "||", "&"))


def split_linux(line):
    return split(line, "\\", "'\"", ("&&", "||", ";"))


def split(line, escape, quotes, operators):
    found, text, operator, quote = [], "", "", ""
    at = 0
    while at < len(line):
        char = line[at]
        if quote:
            quote = "" if char == quote else quote
        elif char == escape and at + 1 < len(line):
            text += line[at:at + 2] if escape == "\\" else line[at + 1]
            at += 2
            continue
        elif char in quotes:
            quote = char
        else:
            found_operator = next((o for o in operators if line.startswith(o, at)), None)
            if found_operator:
                found.append((operator, text.strip()))
                operator, text = found_operator, ""
                at += len(found_operator)
                continue
        text += char
        at += 1
    found.append((operator, text.strip()))
    return [(o, t) for o, t in found if t]
