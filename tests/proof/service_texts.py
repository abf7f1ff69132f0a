"""What Windows tools say of services: reg query, a registry export, sc qc, sc queryex, net start.

Labels are translated, so lines are known by their place, and of a value its number counts.
SPDX-License-Identifier: Apache-2.0
"""
import re

import texts

SERVICES = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\"
PROCESS = 0x30  # a service of its own, or one in a shared process; the others are drivers
USER = 0xc0  # made for each person who logs on
STARTS = {2: "automatic", 3: "manual", 4: "disabled"}


def program_of(image):
    """"C:\\Windows\\system32\\svchost.exe -k netsvcs" as "svchost.exe"."""
    match = re.match(r'\s*"([^"]+)"|\s*(.*?\.exe)\b|\s*(\S+)', image, re.I)
    path = next((part for part in match.groups() if part), "") if match else ""
    return path.replace("/", "\\").rpartition("\\")[2]


def read_query(text):
    """Outputs of "reg query KEY /s /v NAME", one after the other: key -> {name: (type, value)}."""
    keys, values = {}, None
    for line in text.replace("\r", "").split("\n"):
        match = re.match(r"\s+(.+?)(?: {4}|\t)(REG_\w+)(?: {4}|\t)?(.*)$", line)
        if line.startswith("HKEY_"):
            key = re.sub(r"\\ControlSet\d+\\", r"\\CurrentControlSet\\", line.strip())
            values = keys.setdefault(key, {})
        elif match and values is not None:
            name, kind, data = match.groups()
            value = int(data, 16) if kind == "REG_DWORD" else \
                [part for part in data.split("\\0") if part] if kind == "REG_MULTI_SZ" else data
            values[name] = (kind, value)
    return keys


def rows_from_keys(keys):
    """name -> {"start", "program", "depends_on", "display"} of what is a service."""
    found, triggered = {}, set()
    for key, values in keys.items():
        if not key.lower().startswith(SERVICES.lower()):
            continue
        name, _, rest = key[len(SERVICES):].partition("\\")
        values = {label.lower(): value for label, (_, value) in values.items()}
        if rest.lower().startswith("triggerinfo\\") and values.get("action") == 1:
            triggered.add(name.lower())
        kind = values.get("type")
        if rest or not isinstance(kind, int) or not kind & PROCESS or kind & USER:
            continue
        start = STARTS.get(values.get("start"), "manual")
        found[name] = {
            "start": "delayed" if start == "automatic" and values.get("delayedautostart")
            else start, "program": program_of(values.get("imagepath", "")),
            "depends_on": [one for one in values.get("dependonservice") or []
                           if not one.startswith("+")],
            "display": values.get("displayname", "")}
    for name, row in found.items():
        if row["start"] != "disabled" and name.lower() in triggered:
            row["start"] = "triggered"
    return found


def read_config(text):
    """Outputs of "sc qc NAME": a line that is not indented begins one; its lines by their place."""
    found = {}
    for block in blocks(text):
        lines = [line for line in block["lines"] if ":" in line]
        numbers = [re.search(r":\s*([0-9a-fA-F]+)\b", line) for line in lines]
        if len(lines) < 4 or numbers[0] is None or numbers[1] is None:
            continue
        rest = block["lines"][8:] if len(block["lines"]) > 8 else []
        needs = [line.partition(":")[2].strip() for line in rest[:-1]]
        start = STARTS.get(int(numbers[1].group(1)), "manual")
        found[block["name"]] = {"start": start, "depends_on": [one for one in needs if one],
                                "program": program_of(lines[3].partition(":")[2].strip()),
                                "display": ""}
    return found


def blocks(text):
    """Blocks of sc: {"name", "head": lines that are not indented, "lines": indented ones}."""
    found = []
    for line in text.replace("\r", "").split("\n"):
        if not line.strip():
            if found and found[-1]["lines"]:
                found.append({"name": "", "head": [], "lines": []})
        elif not line[0].isspace() and ":" in line:
            if not found or found[-1]["lines"]:
                found.append({"name": "", "head": [], "lines": []})
            found[-1]["head"].append(line)
            found[-1]["name"] = found[-1]["name"] or line.partition(":")[2].strip()
        elif line[0].isspace() and found:
            found[-1]["lines"].append(line)
    return [block for block in found if block["name"] and block["lines"]]


def state_of(block):
    """(state, process id); 1 is stopped."""
    state = re.search(r":\s*(\d+)", block["lines"][1])
    pid = re.search(r":\s*(\d+)\s*$", block["lines"][-2]) if len(block["lines"]) > 6 else None
    return int(state.group(1)), int(pid.group(1)) if pid else 0


def read_states(text):
    return {block["name"]: state_of(block) for block in blocks(text)}


def write_states(text, now):
    """The listing with what has changed; now: name -> (runs, pid)."""
    out = [""]
    for block in blocks(text):
        state, pid = state_of(block)
        runs, new_pid = now.get(block["name"].lower(), (state != 1, pid))
        lines = block["lines"]
        if runs != (state != 1) or new_pid != pid:
            kind = lines[0]
            lines = [kind, "        STATE              : " + ("4  RUNNING " if runs else
                                                              "1  STOPPED ")]
            if runs:
                lines.append(" " * 32 + "(STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)")
            lines += ["        WIN32_EXIT_CODE    : 0  (0x0)",
                      "        SERVICE_EXIT_CODE  : 0  (0x0)", "        CHECKPOINT         : 0x0",
                      "        WAIT_HINT          : 0x0",
                      f"        PID                : {new_pid if runs else 0}",
                      "        FLAGS              : "]
        out += [*block["head"], *lines, ""]
    return "\r\n".join(out) + "\r\n"


def write_running(names):
    """net start"""
    return "\r\n".join(["These Windows services are started:", "",
                        *(f"   {name}" for name in sorted(names)), "",
                        "The command completed successfully.", "", ""])


def clustered(keys):
    """Services that a failover cluster starts: of its resources, private values name them."""
    found = set()
    for key, values in keys.items():
        if "\\cluster\\resources\\" in key.lower():
            for name, (_, value) in values.items():
                if name.lower() in ("servicename", "instancename") and isinstance(value, str):
                    found.add(value.lower())
                    found.add(("MSSQL$" + value).lower() if value.upper() != "MSSQLSERVER"
                              else value.lower())
    return found


def read_rows(text):
    """From services.reg, an export of the whole key or of parts of it."""
    return rows_from_keys(texts.read_reg(text))
