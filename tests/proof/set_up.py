"""Ports that a recorded host is set up for: by its registry (port-values.txt, as "reg query" prints
it), and by settings files of servers (server-settings.txt).

SPDX-License-Identifier: Apache-2.0
"""
VALUES = {
    ("ntds\\parameters", "tcp/ip port"): "ntds_port",
    ("netlogon\\parameters", "dctcpipport"): "netlogon_port",
    ("ntfrs\\parameters", "rpc tcp/ip port assignment"): "frs_port",
    ("{d99e6e74-fc88-11d0-b498-00a0c90312f3}", "endpoints"): "ca_port",
    ("msexchangerpc\\parameterssystem", "tcp/ip port"): "exchange_rpc_port",
    ("msexchangeab\\parameters", "rpctcpport"): "address_book_port",
    ("printers\\rpc", "rpctcpport"): "spooler_port",
}


def numbers(kind, data):
    """Ports of a value; none where it is no port."""
    text = data.rsplit(",", 1)[-1] if kind == "REG_MULTI_SZ" else data
    pieces = [str(int(text, 16))] if kind == "REG_DWORD" else text.split(",")
    found = [int(piece) for piece in pieces if piece.strip().isdigit()]
    return [port for port in found if 0 < port < 65536]


def rows(text):
    """(key, name, type, data), in small letters but for the data."""
    key = ""
    for line in text.replace("\r", "").split("\n"):
        pieces = [piece.strip() for piece in line.strip().split("    ")]
        if line.startswith("HKEY_"):
            key = line.strip().lower()
        elif key and len(pieces) >= 2 and pieces[1].startswith("REG_"):
            yield key, pieces[0].lower(), pieces[1], pieces[2] if len(pieces) > 2 else ""


def files(host):
    """TCP ports by service, of settings files (server-settings.txt); none where one is set to open
    none, or could not be read."""
    raw = host.facts.get("raw", {}).get("server-settings.txt", b"").decode("utf-8", "replace")
    found = {}
    for line in raw.splitlines():
        pieces = line.split(maxsplit=2)
        if len(pieces) >= 2:
            found.setdefault(pieces[0], []).extend(int(one) for one in pieces[1:2] if one.isdigit())
    return found


def read(host):
    """(source, service or "", port) of each fixed port."""
    raw = host.facts.get("raw", {}).get("port-values.txt", b"").decode("ascii", "replace")
    found, services, on_all = [], {}, {}
    for key, name, kind, data in rows(raw):
        for (tail, value), by in VALUES.items():
            if key.endswith("\\" + tail) and name == value:
                found += [(by, "", port) for port in numbers(kind, data)]
        if key.endswith("\\instance names\\sql"):
            services[data.lower()] = "MSSQLSERVER" if name == "mssqlserver" else "MSSQL$" + name
        if key.endswith("\\supersocketnetlib\\tcp") and name == "listenonallips":
            on_all[key] = data == "0x1"
        if name == "tcpport" and "\\supersocketnetlib\\tcp\\" in key:
            tcp, address = key.rsplit("\\", 1)
            if (address == "ipall") == on_all.get(tcp, True):
                found += [("sql_port", services.get(tcp.split("\\")[-4], ""), port)
                          for port in numbers(kind, data)]
    return found
