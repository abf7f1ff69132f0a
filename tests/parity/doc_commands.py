#!/usr/bin/python3
"""Commands that documents and alerts name, against --help: each verb and each option exists.

SPDX-License-Identifier: Apache-2.0

doc_commands.py BIN_FOLDER SOURCE_FOLDER
"""
import pathlib
import re
import subprocess
import sys

PROGRAMS = ("hm-agent", "hm-collector", "hmctl")
WORD = r"[^\s`\"'|&;)]+"
COMMAND = re.compile(rf"(?:^|[\s`\"(])({'|'.join(PROGRAMS)})((?:[ ]{WORD})+)", re.MULTILINE)
found = []
helps = {}


def help_of(folder, program, *words):
    key = (program, *words)
    if key not in helps:
        done = subprocess.run([folder / program, *words, "--help"], check=False,
                              capture_output=True, text=True)
        helps[key] = done.stdout if done.returncode == 0 else ""
    return helps[key]


def verbs(folder, program):
    part = help_of(folder, program).partition("\nverbs:\n")[2].partition("\n\n")[0]
    for line in part.splitlines():
        words = []
        for word in re.split("  ", line.strip())[0].split():
            if not re.fullmatch("[a-z-]+", word):
                break
            words.append(word)
        if words and line.startswith("  ") and not line.startswith("    "):
            yield tuple(words)


def code_of(path):
    """Code of a document, so that prose which only begins with a program's name is left alone."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".md":
        return text
    blocks = re.findall(r"^```.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^    .*$", text, re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *indented, *re.findall(r"`([^`\n]+)`", prose)])


def check(folder, where, program, words):
    """False when it is no command: a drawing, or a prompt."""
    plain = [word for word in words if not word.startswith("-")]
    known = sorted(verbs(folder, program), key=len, reverse=True)
    verb = next((v for v in known if tuple(plain[:len(v)]) == v), None)
    if words[0].startswith("-"):
        verb = ()
    if verb is None and not re.fullmatch("[a-z]+", words[0]):
        return False
    if verb is None:
        found.append(f"{where}: {program} has no verb {words[0]}")
        return True
    text = help_of(folder, program, *verb) + help_of(folder, program)
    for word in words:
        option = re.match(r"--[a-z0-9-]+", word)
        if option and not re.search(rf"{option[0]}\b(?!-)", text):
            found.append(f"{where}: {program} {' '.join(verb)} has no option {option[0]}")
    return True


def main():
    folder, source = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    files = [source / "README.md", source / "CONTRIBUTING.md", source / "ARCHITECTURE.md",
             source / "deploy/quickstart.sh", source / "deploy/monitoring/alerts.yml",
             *sorted((source / "deploy").rglob("*.md"))]
    count = 0
    for path in files:
        for program, rest in COMMAND.findall(code_of(path)):
            count += check(folder, path.relative_to(source), program, rest.split())
    for line in sorted(set(found)):
        print(line)
    print(f"{count} commands, {len(set(found))} wrong")
    return 1 if found or count < 100 else 0


sys.exit(main())
