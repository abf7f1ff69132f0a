"""Texts that Windows tools print and write: read as a folder has them, written in English.

SPDX-License-Identifier: Apache-2.0
"""
import csv
import io
import re

ROW = re.compile(r"^\s*(\d+)\s+(\d+)\s*(\*?)\s*$", re.M)
NUMBER = re.compile(r"(\d+)\s*$", re.M)
REFUSED = "netsh failed: exit "


def decode(raw):
    """Text and the encoding to write it with again."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16"), "utf-8"
    if raw.startswith(b"\xef\xbb\xbf"):
        return raw.decode("utf-8-sig"), "utf-8"
    return raw.decode("latin-1"), "latin-1"


# ---- netsh ---------------------------------------------------------------------------------------

def read_dynamic(text):
    first, count = (int(n) for n in NUMBER.findall(text)[-2:])
    return first, first + count - 1


def write_dynamic(protocol, dynamic):
    return (f"\r\nProtocol {protocol} Dynamic Port Range\r\n---------------------------------\r\n"
            f"Start Port      : {dynamic[0]}\r\nNumber of Ports : {dynamic[1] - dynamic[0] + 1}\r\n"
            "\r\n")


def read_excluded(text):
    return [(int(a), int(b), star == "*") for a, b, star in ROW.findall(text.replace("\r", ""))]


def write_excluded(protocol, rows):
    lines = ["", f"Protocol {protocol} Port Exclusion Ranges", "", "Start Port    End Port      ",
             "----------    --------      "]
    lines += [f"{a:>10}  {b:>10}      {'*' if star else ' '}".rstrip() for a, b, star in rows]
    return "\r\n".join(lines + ["", "* - Administered port exclusions.", "", ""])


# ---- netstat and tasklist ------------------------------------------------------------------------

def split_end(text):
    """"[::1]:80" as ("::1", 80); "*:*" as ("", 0)."""
    address, _, port = text.rpartition(":")
    address = address.strip("[]")
    return ("" if address == "*" else address), int(port) if port.isdigit() else 0


def read_netstat(text):
    """(protocol, family, address, port, remote, word, pid or None)"""
    return [row[:7] for row in read_netstat_b(text)]


def read_netstat_b(text):
    """The same with service and program, which netstat -b has on lines of their own."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0] not in ("TCP", "UDP") or len(words) < 3 or ":" not in words[1]:
            bracket = re.match(r"\s*\[(.+)\]\s*$", line)
            if found and bracket:
                found[-1] = found[-1][:8] + (bracket.group(1),)
            elif found and len(words) == 1:
                found[-1] = found[-1][:7] + (words[0], "")
            continue
        address, port = split_end(words[1])
        remote_address, remote_port = split_end(words[2])
        rest = words[3:]
        pid = int(rest.pop()) if rest and rest[-1].isdigit() else None
        found.append((words[0].lower(), "ipv6" if words[1].startswith("[") else "ipv4", address,
                      port, f"{words[2]}" if remote_port else "", " ".join(rest), pid, "", ""))
    return found


def end(family, address, port):
    return f"[{address}]:{port}" if family == "ipv6" else f"{address}:{port}"


def write_netstat(rows, pids):
    """rows: (protocol, family, address, port, remote, word, pid, lines below it)"""
    lines = ["", "Active Connections", "",
             "  Proto  Local Address          Foreign Address        State" +
             ("           PID" if pids else "")]
    for protocol, family, address, port, remote, word, pid, below in rows:
        nothing = "*:*" if protocol == "udp" else end(family, "::" if family == "ipv6" else
                                                      "0.0.0.0", 0)
        line = (f"  {protocol.upper()}    {end(family, address, port):<22} "
                f"{remote or nothing:<22} {word:<15}")
        lines.append(line + (f" {pid}" if pids else ""))
        lines += below
    return "\r\n".join(lines + [""])


def read_tasklist(text):
    """Rows (program, pid, services), and the word for none."""
    rows = [row for row in csv.reader(io.StringIO(text)) if len(row) >= 3 and row[1].isdigit()]
    none = {row[2] for row in rows if row[1] in ("0", "4")}
    return [(row[0], int(row[1]), [] if row[2] in none or "/" in row[2] else row[2].split(","))
            for row in rows], next(iter(none), "N/A")


def write_tasklist(rows, none):
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(["Image Name", "PID", "Services"])
    for program, pid, services in rows:
        writer.writerow([program, pid, ",".join(services) if services else none])
    return out.getvalue()


# ---- registry exports ----------------------------------------------------------------------------

def unquote(text):
    return re.sub(r"\\(.)", r"\1", text)


def read_reg(text):
    """key -> {name: (type, value)}; what an import does not know raises ValueError."""
    lines = text.replace("\r", "").replace("\\\n", "").split("\n")
    wide = not lines[0].startswith("REGEDIT4")
    if wide and not lines[0].startswith("Windows Registry Editor Version 5.00"):
        raise ValueError("not a registry file")
    keys = {}
    values = None
    for line in lines[1:]:
        line = line.strip()
        if line.startswith("["):
            key = line[1:-1].replace("\\ControlSet001\\", "\\CurrentControlSet\\")
            values = keys.setdefault(key, {})
        elif line and not line.startswith(";"):
            match = re.match(r'(?:"((?:[^"\\]|\\.)*)"|@)\s*=\s*(.*)$', line)
            if match is None or values is None:
                raise ValueError(line)
            values[unquote(match.group(1) or "")] = read_reg_value(match.group(2), wide)
    return keys


def read_reg_value(text, wide):
    if text.startswith('"'):
        return "REG_SZ", unquote(text[1:text.rindex('"')])
    if text.startswith("dword:"):
        return "REG_DWORD", int(text[6:], 16)
    if text == "-":
        return None, None
    kind, _, data = text.partition(":")
    raw = bytes(int(piece, 16) for piece in data.replace(" ", "").split(",") if piece)
    names = {"hex(7)": "REG_MULTI_SZ", "hex(2)": "REG_EXPAND_SZ", "hex": "REG_BINARY"}
    if kind in ("hex(7)", "hex(2)"):
        value = raw.decode("utf-16-le" if wide else "latin-1", "replace")
        if kind == "hex(7)" and value and not value.endswith("\0\0"):
            raise ValueError("a list of lines without its end")
        value = [piece for piece in value.split("\0") if piece] if kind == "hex(7)" else \
            value.rstrip("\0")
        return names[kind], value
    return names.get(kind, kind), raw


def hexadecimal(raw):
    return ",".join(f"{byte:02x}" for byte in raw)


def write_reg(keys):
    lines = ["Windows Registry Editor Version 5.00", ""]
    for key, values in keys.items():
        lines.append(f"[{key}]")
        for name, (kind, value) in values.items():
            label = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' if name else "@"
            if kind == "REG_SZ":
                data = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            elif kind == "REG_DWORD":
                data = f"dword:{value:08x}"
            elif kind == "REG_MULTI_SZ":
                data = "hex(7):" + hexadecimal(
                    "".join(line + "\0" for line in [*value, ""]).encode("utf-16-le"))
            elif kind == "REG_EXPAND_SZ":
                data = "hex(2):" + hexadecimal((value + "\0").encode("utf-16-le"))
            else:
                data = ("hex" if kind == "REG_BINARY" else kind) + ":" + hexadecimal(value)
            lines.append(f"{label}={data}")
        lines.append("")
    return ("\ufeff" + "\r\n".join(lines + [""])).encode("utf-16-le")
