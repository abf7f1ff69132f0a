#!/usr/bin/python3
"""collect.cmd: when the host started is gathered on 2000 to 2003 only, by the script host, and
"hm-agent check" reads it; without the script host nothing is made up.

Wine's reg.exe cannot save a key, so tcpip-parameters.hiv is not made here.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wine as w  # noqa: E402
from wine import h  # noqa: E402

SCRIPT = os.path.join(h.SOURCE, "deploy/windows/collect.cmd")
TCPIP = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
CIM_TIME = re.compile(rb"^\d{14}\.\d{6}[+-]\d{3}\r\n$")


def collect(prefix):
    """The files that collect.cmd makes: name -> bytes."""
    drive = os.path.join(w.PREFIX, "drive_c")
    shutil.copy(SCRIPT, drive)
    shutil.rmtree(os.path.join(drive, "gathered"), ignore_errors=True)
    code, out, err = prefix.run("cmd", "/c", r"C:\collect.cmd C:\gathered")
    h.check("collect.cmd ends well", code == 0, f"{code} {out}{err}")
    top = os.path.join(drive, "gathered")
    folder = os.path.join(top, os.listdir(top)[0])
    files = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read()
    return folder, files


def legacy(prefix):
    prefix.version("2003")
    prefix.reg_write((TCPIP, {"ReservedPorts": ["1812-1813"]}))
    folder, files = collect(prefix)
    h.check("2003: a time in no language", CIM_TIME.match(files.get("boot-time.txt", b"")),
            files.get("boot-time.txt"))
    h.check("2003: the script is gone", "boot-time.vbs" not in files, sorted(files))
    if os.path.exists(os.path.join(folder, "netstat.txt")):  # Wine's has no rows without a network
        os.remove(os.path.join(folder, "netstat.txt"))
    code, out, err = h.run("hm-agent", "check", "--from", folder, "--product-dir", h.PRODUCTS)
    h.check("2003: the time is read", code in (0, 1) and "boot-time.txt is no time" not in out,
            f"{code} {out}{err}")
    h.check("2003: without the key's time the values are assumed to be in force",
            "they count as in force" in " ".join(out.split()), out)


def no_script_host(prefix):
    system = os.path.join(w.PREFIX, "drive_c/windows/system32/cscript.exe")
    os.rename(system, system + ".away")
    try:
        _, files = collect(prefix)
        h.check("no script host: no time", not [n for n in files if n.startswith("boot-time")],
                sorted(files))
    finally:
        os.rename(system + ".away", system)


def modern(prefix):
    prefix.version("2008r2")
    _, files = collect(prefix)
    h.check("2008 R2: no such file", "boot-time.txt" not in files, sorted(files))


def suite(prefix, _):
    legacy(prefix)
    no_script_host(prefix)
    modern(prefix)


w.main(suite)
