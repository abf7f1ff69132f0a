"""events.xml as collect.cmd makes it: what wevtutil prints, or its script on 2000 to 2003.

SPDX-License-Identifier: Apache-2.0
"""
import datetime
from xml.sax.saxutils import escape

SCM = "Service Control Manager"
SCM_MORE = " Guid='{555908d1-a6d7-4695-8e1e-26931d2012f4}' EventSourceName='" + SCM + "'"
NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
LOGS = ("System", "Application")
SYSTEM = (SCM, "IPSec", "EventLog", "HTTP", "Microsoft-Windows-HttpEvent")
REASONS = {7023: "%%10048", 7024: "%%10048"}
BOOT = datetime.datetime(2015, 3, 18, 5, 1, 2)
BOOT_RECORD = 90100


def quoted(text):
    return escape(text, {"'": "&apos;"})


def ascii_only(text):
    return "".join(c if ord(c) < 127 else f"&#{ord(c)};" for c in quoted(text))


def event(row, number, when, log, legacy):
    texts = [row["about"]] if row.get("about") else []
    texts += [REASONS[row["id"]]] if row["id"] in REASONS else []
    if legacy:
        data = "".join(f"<Data>{ascii_only(text)}</Data>" for text in texts)
        return (f"<Event><System><Provider Name='{ascii_only(row['provider'])}'/>"
                f"<EventID>{row['id']}</EventID>"
                f"<TimeCreated SystemTime='{when:%Y%m%d%H%M%S}.000000+000'/>"
                f"<EventRecordID>{number}</EventRecordID><Channel>{log}</Channel></System>"
                f"<EventData>{data}</EventData></Event>\r\n")
    data = "".join(f"<Data Name='param{at}'>{quoted(text)}</Data>"
                   for at, text in enumerate(texts, 1))
    more = SCM_MORE if row["provider"] == SCM else ""
    return (f"<Event xmlns='{NAMESPACE}'><System><Provider Name='{quoted(row['provider'])}'{more}/>"
            f"<EventID Qualifiers='49152'>{row['id']}</EventID><Version>0</Version><Level>2</Level>"
            "<Task>0</Task><Opcode>0</Opcode><Keywords>0x8080000000000000</Keywords>"
            f"<TimeCreated SystemTime='{when:%Y-%m-%dT%H:%M:%S}.000000000Z'/>"
            f"<EventRecordID>{number}</EventRecordID><Correlation/>"
            f"<Execution ProcessID='0' ThreadID='0'/><Channel>{log}</Channel>"
            "<Computer>host.example</Computer><Security/></System>"
            f"<EventData>{data}</EventData></Event>\r\n")


def of_log(log, rows, legacy):
    """Newest first; System with the event of the boot, and one of the boot before that must not
    count."""
    parts, at = [], BOOT_RECORD
    if log == "System":
        before = BOOT - datetime.timedelta(hours=6)
        parts = [event({"provider": SCM, "id": 7034, "about": "Print Spooler"}, at - 90, before, log,
                       legacy),
                 event({"provider": "EventLog", "id": 6005}, at, BOOT, log, legacy)]
    for row in rows:
        for _ in range(row.get("count", 1)):
            at += 1
            when = BOOT + datetime.timedelta(seconds=40 + 5 * (at - BOOT_RECORD))
            parts.append(event(row, at, when, log, legacy))
    return "".join(reversed(parts))


def log(name, rows):
    """What wevtutil prints for one log."""
    return f"<Events>\r\n{of_log(name, rows, False)}</Events>\r\n".encode("utf-16-le")


def write(rows, legacy):
    """The bytes of events.xml."""
    own = {name: [row for row in rows if (row["provider"] in SYSTEM) == (name == "System")]
           for name in LOGS}
    if legacy:
        return ("<Events>\r\n" + "".join(of_log(name, own[name], True) for name in LOGS) +
                "</Events>\r\n").encode("ascii")
    return b"".join(log(name, own[name]) for name in LOGS)
