#!/usr/bin/python3
"""A manual page against what the program's --help says: verbs, usage lines, help, options.

SPDX-License-Identifier: Apache-2.0

manual.py PROGRAM PAGE
"""
import pathlib
import re
import subprocess
import sys

found = []


def run(*command):
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        found.append(f"{' '.join(command)}: exit {done.returncode}")
    return done.stdout


def rows(text, head):
    """Rows "  name  help" below a line; help that is on the next line is joined."""
    out = []
    for line in text.partition(f"\n{head}:\n")[2].splitlines():
        if not line.startswith("  "):
            break
        if line.startswith("    "):
            out[-1] = (out[-1][0], (out[-1][1] + " " + line.strip()).strip())
        else:
            name, _, help_text = line.strip().partition("  ")
            out.append((name, help_text.strip()))
    return out


def sections(text):
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def verb_names(program, name):
    """The words that are the verb, without its arguments."""
    for row, _ in rows(run(program, "--help"), "verbs"):
        words = [word for word in row.split() if re.fullmatch("[a-z-]+", word)]
        yield name, " ".join(words)


def check_options(where, page, wanted):
    written = re.findall(r"^- `(--[^`]*)`(?:, `-h`)? — (.*)$", page, flags=re.MULTILINE)
    for option in wanted:
        if option not in written:
            found.append(f"{where}: no line \"- `{option[0]}` — {option[1]}\"")
    for option in written:
        if option not in wanted:
            found.append(f"{where}: `{option[0]}` is not what --help says")


def check_verb(program, name, verb, page, shared):
    title = f"{name} {verb}"
    text = run(program, *verb.split(), "--help").splitlines()
    if title not in page:
        found.append(f"no section \"## {title}\"")
        return
    for line in (text[0].removeprefix("usage: "), text[2]):
        if line[1:] not in page[title]:
            found.append(f"{title}: the page lacks \"{line}\"")
    own = [row for row in rows("\n".join(text), "options") if row not in shared]
    check_options(title, page[title], own)


def main():
    program, path = sys.argv[1], pathlib.Path(sys.argv[2])
    name = pathlib.Path(program).name
    page = sections(path.read_text(encoding="utf-8"))
    usage = run(program, "--help")
    shared = rows(usage, "options of every verb")
    verbs = [verb for _, verb in verb_names(program, name)]
    for verb in verbs:
        check_verb(program, name, verb, page, shared)
    for title in page:
        if title.startswith(f"{name} ") and title.removeprefix(f"{name} ") not in verbs:
            found.append(f"\"## {title}\" is no verb")
    built_in = {"-h, --help", "--version"}
    common = "\n".join(line for line in page.get("Options of every verb", "").splitlines()
                       if not line.startswith(("- `--help`", "- `--version`")))
    check_options("Options of every verb", common, [row for row in shared if row[0] not in built_in])
    for line in found:
        print(f"{path.name}: {line}")
    print(f"{name}: {len(verbs)} verbs, {len(found)} differences")
    return 1 if found or not verbs else 0


sys.exit(main())
