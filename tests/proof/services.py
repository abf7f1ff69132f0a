"""The files that tell how services start and which run, as collect.cmd gathers them: services.txt
(reg query), services.reg (an export), services-state.txt (sc queryex). What runs is written again
as sc would say it; how a service starts stays as it was.

SPDX-License-Identifier: Apache-2.0
"""
import re

import texts

LISTING, EXPORT, STATE = "services.txt", "services.reg", "services-state.txt"
FILES = {LISTING, EXPORT, STATE}
KEY = re.compile(r"^HKEY_LOCAL_MACHINE\\SYSTEM\\[^\\]+\\Services\\([^\\]+)(\\TriggerInfo\\.*)?$",
                 re.I)
VALUE = re.compile(r"^\s+(\S+)(?:    |\t)REG_\w+(?:    |\t)(.*)$")
WIN32, OF_A_LOGON = 0x30, 0xc0
STARTS = {2: "automatic", 3: "manual", 4: "disabled"}
HEAD = re.compile(r"^\S[^:]*: ?(.*)$")
STOPPED, RUNNING = 1, 4


def read_listing(text):
    """key -> {value's name: text} of the keys of services and of their triggers."""
    keys, values = {}, None
    for line in text.replace("\r", "").split("\n"):
        if line.startswith("HKEY_"):
            values = keys.setdefault(line.strip(), {})
        else:
            match = VALUE.match(line)
            if match and values is not None:
                values[match.group(1)] = match.group(2).strip()
    return {key: {name: number(value) for name, value in values.items()}
            for key, values in keys.items()}


def number(value):
    return int(value, 16) if value.startswith("0x") else value


def read_export(text):
    return {key: {name: "\\0".join(value) if isinstance(value, list) else value
                  for name, (_, value) in values.items()}
            for key, values in texts.read_reg(text).items()}


def program_of(image):
    path = image.split('"')[1] if image.startswith('"') else \
        re.split(r"(?<=\.exe)\s", image, maxsplit=1, flags=re.I)[0]
    return path.rsplit("\\", 1)[-1].split(" ")[0] if not image.startswith('"') else \
        path.rsplit("\\", 1)[-1]


def read(text):
    """name -> (start, program, depends_on) of the files of a folder, {} when they do not tell."""
    if LISTING in text:
        keys = read_listing(text[LISTING][0])
    elif EXPORT in text:
        keys = read_export(text[EXPORT][0])
    else:
        return {}
    found, triggered = {}, set()
    for key, values in keys.items():
        match = KEY.match(key)
        if match and match.group(2) and values.get("Action") == 1:
            triggered.add(match.group(1))
        elif match and not match.group(2) and values.get("Type", 0) & WIN32 and \
                not values["Type"] & OF_A_LOGON and values.get("Start") in STARTS:
            start = STARTS[values["Start"]]
            if start == "automatic" and values.get("DelayedAutostart"):
                start = "delayed"
            found[match.group(1)] = [start, program_of(values.get("ImagePath", "")),
                                     [one for one in values.get("DependOnService", "").split("\\0")
                                      if one]]
    for name in triggered & set(found):
        if found[name][0] != "disabled":
            found[name][0] = "triggered"
    return found


def blocks(text):
    """Pieces of the listing: each begins with the head line of a service."""
    found = [[]]
    for line in text.replace("\r", "").split("\n"):
        if HEAD.match(line) and found[-1] and not found[-1][-1].strip():
            found.append([])
        found[-1].append(line)
    return found


def name_of(block):
    match = HEAD.match(block[0]) if block else None
    return match.group(1).strip() if match else ""


def value_lines(block):
    """Places of the lines that have a value."""
    return [i for i, line in enumerate(block) if line[:1] == " " and ":" in line]


def read_states(text):
    """name -> does it run?"""
    found = {}
    for block in blocks(text):
        lines = value_lines(block)
        if name_of(block) and len(lines) > 1:
            word = block[lines[1]].split(":", 1)[1].split()[0]
            found[name_of(block)] = int(word) != STOPPED
    return found


def put(block, place, value):
    block[place] = block[place].split(":", 1)[0] + ": " + value


def write_states(text, runs, pids):
    """The same listing; runs and pids: by name. A service that stopped did so in order."""
    was = read_states(text)
    out = []
    for block in blocks(text):
        name = name_of(block)
        if name in was and name in runs and runs[name] != was[name]:
            lines = value_lines(block)
            state = RUNNING if runs[name] else STOPPED
            put(block, lines[1], f"{state}  {'RUNNING' if runs[name] else 'STOPPED'} ")
            put(block, lines[2], "0  (0x0)")
            if len(lines) > 6:
                put(block, lines[6], str(pids.get(name, 0)) if runs[name] else "0")
            block = [line for line in block if not line.strip().startswith("(")]
        out += block
    return "\r\n".join(out)
