"""Time lines for the netsh double (netsh_timeline.h): what appears after a boot, in an order and
with delays that a seed decides.

SPDX-License-Identifier: Apache-2.0
"""
import os
import random


class Timeline:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []

    def at(self, seconds, words):
        """Exactly then, counted from the boot. Returns when."""
        self.lines.append((seconds, words))
        return seconds

    def between(self, first, last, words):
        return self.at(self.random.uniform(first, last), words)

    def boot(self, first, last):
        """A server with IIS, WinRM and Windows NAT: all of it comes some time between the two, the
        settings of HTTP.sys cannot be read at first, and each command takes its time."""
        early = first + (last - first) / 3
        self.at(0, "set http-fails 1")
        self.at(0, f"set delay {self.random.randrange(50, 150)}")
        self.between(first, early, "set http-fails 0")
        self.between(early, last, "set delay 10")
        for port in (5985, 47001):
            self.between(first, last, f"http {port}")

    def moving_block(self, first, last, protocol, before, after):
        """A block that is there early, and is somewhere else later."""
        self.at(0, f"block {protocol} {before}")
        moved = self.between(first, last, f"block-gone {protocol} {before}")
        return self.at(moved, f"block {protocol} {after}")

    def text(self):
        lines = sorted(self.lines, key=lambda line: line[0])  # stable
        return "".join(f"{int(1000 * seconds)} {words}\n" for seconds, words in lines)


class Log:
    """What the double noted: (milliseconds since the boot, words) of runs and of events."""

    def __init__(self, path):
        self.path = path

    def lines(self):
        rows = []
        if not os.path.exists(self.path):
            return rows  # netsh has not been run yet
        with open(self.path, encoding="utf-8") as file:
            for line in file:
                ms, _, words = line.rstrip("\n").partition(" ")
                rows.append((int(ms), words))
        return rows

    def events(self):
        return [(ms, words[2:]) for ms, words in self.lines() if words.startswith("! ")]

    def runs(self):
        """Short: "add tcp ipv4 9955", "excluded tcp ipv4", "dynamic udp ipv6", "http urlacl"."""
        return [(ms, shorten(words)) for ms, words in self.lines() if not words.startswith("! ")]


def shorten(words):
    fields = words.split(" = ")[0].split()
    if fields[0] == "http":
        return "http " + fields[2]
    _, family, verb, what = fields[:4]
    named = dict(field.split("=", 1) for field in fields[4:] if "=" in field)
    protocol = named.get("protocol") or fields[4]
    if verb == "show":
        return f"{what.removesuffix('portrange').removesuffix('port')} {protocol} {family}"
    start = named.get("startport") or named.get("start") or ""
    return f"{verb} {protocol} {family} {start}"
