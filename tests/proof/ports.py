"""Port lists as text and as sets.

SPDX-License-Identifier: Apache-2.0
"""

STACKS = (("tcp", "ipv4"), ("tcp", "ipv6"), ("udp", "ipv4"), ("udp", "ipv6"))
FAMILIES = ("ipv4", "ipv6")
LAST = 65535


def ranges(text):
    """"1433,5000-5010" as [(1433, 1433), (5000, 5010)]."""
    found = []
    for piece in text.replace(" ", "").split(","):
        if piece:
            first, _, last = piece.partition("-")
            found.append((int(first), int(last or first)))
    return found


def numbers(text):
    """"1433,5000-5010" as a set."""
    found = set()
    for first, last in ranges(text):
        found.update(range(first, last + 1))
    return found


def joined(ports):
    """A set as ranges, neighbours as one."""
    rows = []
    for port in sorted(ports):
        if rows and rows[-1][1] == port - 1:
            rows[-1] = (rows[-1][0], port)
        else:
            rows.append((port, port))
    return rows


def text(ports):
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in joined(ports))


def reserved_by_lines(lines):
    """What ReservedPorts of Windows 2000 to 2003 keeps (windows-ports 3.1): ranges x-y only, and of
    neighbours on separate lines only the first one surely."""
    rows = []
    for line in lines:
        first, dash, last = line.strip().partition("-")
        if dash and first.strip().isdigit() and last.strip().isdigit():
            row = (int(first), int(last))
            if 0 < row[0] <= row[1] <= LAST:
                rows.append(row)
    kept = set()
    previous = None
    for row in sorted(rows):
        if previous is None or row[0] != previous[1] + 1:
            kept.update(range(row[0], row[1] + 1))
        previous = row
    return kept
