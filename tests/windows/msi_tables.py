#!/usr/bin/python3
"""Builds the installer and looks into its tables: what an administrator relies on, with no Windows.

SPDX-License-Identifier: Apache-2.0

msi_tables.py BUILD-MSI.SH HM-AGENT.EXE PRODUCTS-FOLDER
"""
import pathlib
import re
import subprocess
import sys
import tempfile

UPGRADE_CODE = "{9B5C1F60-6C1D-4C1E-9E0B-5B0E0C6E3A51}"
HIDE_TARGET = 8192
found = []


def expect(right, text):
    if not right:
        found.append(text)


def table(msi, name):
    """Rows as dictionaries; the three lines of heading give the columns."""
    out = subprocess.run(["msiinfo", "export", msi, name], check=True, capture_output=True,
                         text=True).stdout.replace("\r", "").splitlines()
    columns = out[0].split("\t")
    return [dict(zip(columns, line.split("\t"))) for line in out[3:] if line]


def build(script, exe, products, version, folder):
    msi = str(pathlib.Path(folder) / f"{version}.msi")
    subprocess.run([script, exe, products, version, msi], check=True, stdout=subprocess.DEVNULL)
    return msi


def check_properties(msi, version):
    have = {row["Property"]: row["Value"] for row in table(msi, "Property")}
    expect(have["UpgradeCode"] == UPGRADE_CODE, "the UpgradeCode changed: no upgrade would be one")
    expect(have["ProductVersion"] == version, f"version {have['ProductVersion']}, not {version}")
    expect(have.get("ALLUSERS") == "1", "not for the whole machine")
    secure = have["SecureCustomProperties"].split(";")
    for name in ("COLLECTOR", "TOKEN", "LABELS", "REMOVESTATE", "KEEPRESERVATIONS", "GUARDED"):
        expect(name in secure, f"{name} does not reach the elevated part")
        expect(name not in have, f"{name} has a value of its own")
    expect("TOKEN" in have["MsiHiddenProperties"].split(";"), "the token would be logged")
    return have["ProductCode"]


def check_actions(msi):
    types = {row["Action"]: int(row["Type"]) for row in table(msi, "CustomAction")}
    expect(types["Configure"] & HIDE_TARGET, "the token would be logged with the command line")
    for name, kind in types.items():
        expect(kind & 1024 and kind & 2048, f"{name} does not run as the system")
    at = {row["Action"]: int(row["Sequence"]) for row in table(msi, "InstallExecuteSequence")}
    order = ["InstallInitialize", "RemoveExistingProducts", "StopServices", "AwaitEnd", "RemoveGuards", "EraseState",
             "EraseStateOnly", "DeleteServices", "RemoveFiles", "InstallFiles", "Configure",
             "InstallServices", "TuneService", "StartServices", "InstallFinalize"]
    for before, after in zip(order, order[1:]):
        expect(at[before] < at[after], f"{before} does not come before {after}")
    conditions = {row["Action"]: row["Condition"] for row in table(msi, "InstallExecuteSequence")}
    for name, keeps in (("EraseState", 'NOT KEEPRESERVATIONS="1"'), ("EraseStateOnly", 'AND KEEPRESERVATIONS="1"')):
        expect("NOT UPGRADINGPRODUCTCODE" in conditions[name], "an upgrade would erase the state")
        expect('REMOVESTATE="1"' in conditions[name] and keeps in conditions[name], f"{name}: {conditions[name]}")
        expect(types[name] & 64 == 0, f"{name} that is refused would not undo the uninstall")
    expect(types["RemoveGuards"] & 64 == 0, "RemoveGuards that fails would not undo the uninstall")
    expect(conditions["RemoveGuards"] == 'REMOVE~="ALL" AND GUARDED AND NOT UPGRADINGPRODUCTCODE',
           f"guards: {conditions['RemoveGuards']}: an upgrade or repair must not remove them")


def check_guard(msi):
    """The package brings the program and touches nothing of the service that runs a copy of it."""
    services = {row["Name"] for name in ("ServiceInstall", "ServiceControl") for row in table(msi, name)}
    expect(services == {"HavenmasterAgent"}, f"the package acts on other services: {services}")
    files = {row["FileName"].split("|")[-1]: row["Component_"] for row in table(msi, "File")}
    expect(files.get("hm-guard.exe") == "Guard", f"hm-guard.exe: {files.get('hm-guard.exe')}")
    search = [row for row in table(msi, "AppSearch") if row["Property"] == "GUARDED"]
    where = [row for row in table(msi, "RegLocator") if search and row["Signature_"] == search[0]["Signature_"]]
    expect(len(where) == 1 and where[0]["Key"] == r"SOFTWARE\HavenmasterGuard" and
           int(where[0]["Type"]) == 0x12, f"GUARDED is looked for in {where}")


def check_upgrade(msi, version):
    rows = {row["ActionProperty"]: row for row in table(msi, "Upgrade")}
    older, newer = rows["WIX_UPGRADE_DETECTED"], rows["WIX_DOWNGRADE_DETECTED"]
    expect(older["VersionMax"] == version and int(older["Attributes"]) & 512,
           "a package of the same version does not replace the old one")
    expect(newer["VersionMin"] == version and int(newer["Attributes"]) & 2,
           "a newer version would not be noticed")
    expect(any("WIX_DOWNGRADE_DETECTED" in row["Condition"] for row in table(msi, "LaunchCondition")),
           "a downgrade is not refused")


def check_service(msi):
    service = table(msi, "ServiceInstall")[0]
    expect((service["Name"], service["StartType"], service["Arguments"]) ==
           ("HavenmasterAgent", "2", "service run"), f"service: {service}")
    expect(int(table(msi, "ServiceControl")[0]["Event"]) == 0x01 | 0x02 | 0x20 | 0x80,
           "the service is not started, stopped and removed as it should be")


def check_components(first, second, products):
    one, two = ({row["Component"]: row["ComponentId"] for row in table(msi, "Component")}
                for msi in (first, second))
    expect(one == two, "a component has another identifier in another version")
    expect(len(set(one.values())) == len(one), "two components share an identifier")
    count = len(list(pathlib.Path(products).glob("*.json")))
    expect(len(one) == count + 4, f"{len(one)} components for {count} products")
    for value in one.values():
        expect(re.fullmatch(r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}", value),
               f"{value} is no identifier")


def main():
    script, exe, products = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        first = build(script, exe, products, "1.2.3", folder)
        second = build(script, exe, products, "1.2.4", folder)
        codes = {check_properties(first, "1.2.3"), check_properties(second, "1.2.4")}
        expect(len(codes) == 2, "two versions share a ProductCode")
        check_actions(first)
        check_guard(first)
        check_upgrade(first, "1.2.3")
        check_service(first)
        check_components(first, second, products)
        bad = subprocess.run([script, exe, products, "1.2", f"{folder}/bad.msi"], check=False,
                             capture_output=True)
        expect(bad.returncode == 2, "version 1.2 is not refused")
    for line in found:
        print(line)
    print(f"installer: {len(found)} differences")
    return 1 if found else 0


sys.exit(main())
