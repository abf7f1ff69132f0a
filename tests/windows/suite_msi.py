#!/usr/bin/python3
"""The installer under Wine: silent installation with properties, an upgrade that keeps an edited
configuration and a guarded service, a downgrade that is refused, and removal with and without what
the agent knows.

SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import suite_guard as guards  # noqa: E402
import suite_service as service  # noqa: E402
import wine as w  # noqa: E402
from wine import h  # noqa: E402

REFUSED = 1603 % 256  # a shell keeps eight bits of what msiexec says
CONF = os.path.join(service.DATA, "agent.conf")
NOTE = "# kept by hand: change 4711"


def build(folder, version):
    path = os.path.join(folder, f"agent-{version}.msi")
    subprocess.run([os.path.join(h.SOURCE, "deploy/packages/windows/build-msi.sh"), w.AGENT,
                    h.PRODUCTS, version, path], check=True, capture_output=True)
    return path


def windows_path(path):
    return "Z:" + path.replace("/", "\\")


def msiexec(prefix, folder, what, status, action, package, *properties):
    """Runs it silently; the log, for what must not be in there."""
    log = os.path.join(folder, what.replace(" ", "-") + ".log")
    code, out, err = prefix.run("msiexec", action, windows_path(package), "/qn", "/norestart",
                                *properties, "/l*v", windows_path(log))
    text = ""
    if os.path.exists(log):
        with open(log, "rb") as file:
            text = file.read().replace(b"\0", b"").decode(errors="replace")
    h.check(f"{what}: exit status {status}", code == status, f"{code} {out}{err}{text[-1500:]}")
    return text


def read_conf():
    with open(CONF, encoding="utf-8") as file:
        return file.read()


def runs(prefix, collector, what):
    h.wait_until(f"{what}: the service runs", 60, lambda: service.state(prefix) == "RUNNING")
    before = service.last_seen(collector)
    h.wait_until(f"{what}: and reports", 60, lambda: service.last_seen(collector) > before)


def guarded(prefix):
    """A host with a guarded service, and the process of the guard, which a restart would change."""
    host = guards.Host(prefix)
    host.make(guards.GUARDED, guards.OTHERS)
    host.must("guard add", "guard", "add", guards.GUARDED)
    process = host.tool("process", guards.NAME)
    h.check("the guard runs", host.state() == "RUNNING" and process != "0\n", process)
    return host, process


def untouched(host, process, what):
    """Nor by an upgrade: there Wine does not set UPGRADINGPRODUCTCODE, so msi_tables.py looks at the
    condition."""
    h.check(f"{what}: the guard was not stopped", host.tool("process", guards.NAME) == process and
            host.state() == "RUNNING", process)
    h.check(f"{what}: still guarded", guards.NAME in host.depends(), host.depends())
    host.must(f"{what}: the guard works", "guard", "list", says=f"{guards.GUARDED}: guarded")


def unguarded(host):
    h.check("uninstall: no dependency on the guard", host.depends() == guards.OTHERS, host.depends())
    h.check("uninstall: no guard", host.state() is None and not os.path.exists(guards.FOLDER) and
            not service.has_key(host.prefix, guards.RECORD), host.state())
    host.starts("uninstall", most_ms=guards.AT_ONCE_MS)
    host.tool("delete", guards.GUARDED)


def suite(prefix, folder):
    prefix.version("2019")
    service.clear(prefix)
    collector = h.Collector(folder, settings=["interval=1"]).start()
    packages = {version: build(folder, version) for version in ("0.1.0", "0.2.0")}
    token = collector.join_token()

    log = msiexec(prefix, folder, "install", 0, "/i", packages["0.1.0"],
                  f"COLLECTOR={collector.url}", f"TOKEN={token}", "LABELS=site=wine,role=test")
    runs(prefix, collector, "install")
    h.check("install: the catalogue is there", len(os.listdir(os.path.join(
        service.PROGRAM_FOLDER, "products"))) == len(os.listdir(h.PRODUCTS)))
    h.check("install: the collector is in agent.conf", collector.url in read_conf())
    h.check("install: the token is not", token not in read_conf())
    # Windows hides it here as well (MsiHiddenProperties, see msi_tables.py); Wine does not know how.
    told = [line for line in log.splitlines() if token in line and "Property(" not in line]
    h.check("install: no action tells it to the log", told == [], told)
    rows = collector.items("/v1/hosts")
    h.check("install: one host with its labels",
            len(rows) == 1 and sorted(rows[0]["labels"]) == ["role=test", "site=wine"], rows)
    identity = rows[0]["id"]

    with open(CONF, "a", encoding="utf-8") as file:
        file.write(f"\n{NOTE}\nlog_level = debug\n")
    edited = read_conf()
    msiexec(prefix, folder, "upgrade", 0, "/i", packages["0.2.0"])
    runs(prefix, collector, "upgrade")
    h.check("upgrade: the edited configuration stays, byte for byte", read_conf() == edited)
    msiexec(prefix, folder, "downgrade", REFUSED, "/i", packages["0.1.0"])
    runs(prefix, collector, "downgrade")
    h.check("downgrade: the configuration stays", read_conf() == edited)
    host, process = guarded(prefix)
    msiexec(prefix, folder, "new labels", 0, "/i", packages["0.2.0"], "REINSTALL=ALL",
            "LABELS=site=elsewhere")
    h.check("new labels: what was written by hand stays", NOTE in read_conf() and
            "log_level = debug" in read_conf(), read_conf())
    untouched(host, process, "repair")

    msiexec(prefix, folder, "uninstall", 0, "/x", packages["0.2.0"])
    h.check("uninstall: no service", service.state(prefix) is None)
    unguarded(host)
    h.check("uninstall: no program", not os.path.exists(os.path.join(
        service.PROGRAM_FOLDER, "hm-agent.exe")))
    h.check("uninstall: configuration and identity stay", os.path.exists(CONF) and
            os.listdir(os.path.join(service.DATA, "state")) != [])
    msiexec(prefix, folder, "install again", 0, "/i", packages["0.1.0"])
    runs(prefix, collector, "install again")
    rows = collector.items("/v1/hosts")
    h.check("install again: the same host", [row["id"] for row in rows] == [identity], rows)
    msiexec(prefix, folder, "remove all", 0, "/x", packages["0.1.0"], "REMOVESTATE=1")
    h.check("remove all: nothing is left", not os.path.exists(service.DATA) or
            [n for _, _, names in os.walk(service.DATA) for n in names] == [],
            list(os.walk(service.DATA)) if os.path.exists(service.DATA) else "")
    h.check("remove all: no service", service.state(prefix) is None)
    service.clear(prefix)
    collector.program.stop()


w.main(suite)
