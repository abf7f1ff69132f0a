#!/usr/bin/python3
"""Rules about our files that a compiler does not check.

First line and licence, length, format, line ends of cmd scripts, words that say "later", paths of a
build machine, a list of files that are in no CMake list. Exit 1 with one line a breach.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import subprocess
import sys

LONGEST = 600
LONGER_ON_PURPOSE = {}  # path -> reason
LATER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
MACHINE = re.compile(r"(/wo" + r"rk/|/ro" + r"ot/|/ho" + r"me/[a-z])")
CODE = ("common", "agent", "server", "tests", "deploy", "schema")


def files(top):
    listed = subprocess.run(["git", "-C", top, "ls-files", "-co", "--exclude-standard", *CODE],
                            capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return [p for p in listed.stdout.splitlines() if os.path.exists(os.path.join(top, p))]
    return [os.path.relpath(os.path.join(d, n), top)
            for c in CODE for d, _, names in os.walk(os.path.join(top, c)) for n in names]


def check(top, path):
    if path.startswith(("tests/fixtures/", "tests/fuzz/corpus/")):
        return
    try:
        with open(os.path.join(top, path), encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError:
        yield 1, "not UTF-8"
        return
    lines = text.split("\n")
    if path.endswith((".c", ".h")):
        if not lines[0].startswith(f"/* {path} — "):
            yield 1, f'the first line must begin "/* {path} — "'
        if len(lines) > LONGEST and path not in LONGER_ON_PURPOSE:
            yield len(lines), f"longer than {LONGEST} lines: usually a second module hides in it"
        if path.endswith(".h") and "\n#pragma once\n" not in text:
            yield 1, "no #pragma once"
    if path.endswith((".c", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt", ".cmd", ".service")):
        if "SPDX-License-Identifier: Apache-2.0" not in text:
            yield 1, "no SPDX line"
        for number, line in enumerate(lines, 1):
            if LATER.search(line):
                yield number, "a word that says later"
    if path.endswith(".cmd"):  # where lines end with LF alone, cmd.exe may miss the label of a goto
        with open(os.path.join(top, path), "rb") as file:
            for number, line in enumerate(file.read().splitlines(keepends=True), 1):
                if not line.endswith(b"\r\n"):
                    yield number, "does not end with CR and LF"
                    break
    for number, line in enumerate(lines, 1):
        if MACHINE.search(line):
            yield number, "a path of one machine"


def main():
    top = sys.argv[1]
    found = 0
    all_files = files(top)
    for path in all_files:
        for number, rule in check(top, path):
            print(f"{path}:{number}: {rule}")
            found += 1
    ours = [os.path.join(top, p) for p in all_files if p.endswith((".c", ".h"))]
    form = subprocess.run(["clang-format", "--dry-run", "-Werror", *ours], capture_output=True,
                          text=True)
    if form.returncode != 0:
        wrong = sorted({line.split(":")[0] for line in form.stderr.splitlines() if ": error:" in line})
        for path in wrong or [form.stderr.strip()]:
            print(f"{os.path.relpath(path, top) if wrong else path}: not in our format: clang-format -i")
        found += max(len(wrong), 1)
    print(f"{len(all_files)} files, {found} breaches")
    return 1 if found or not ours else 0


sys.exit(main())
