#!/usr/bin/python3
"""The Group Policy template against the agent's configuration table, and its texts against it.

SPDX-License-Identifier: Apache-2.0

admx.py CONFIG-TOOL FOLDER-OF-THE-TEMPLATE
"""
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

NS = "{http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions}"
KEY = "SOFTWARE\\Policies\\Havenmaster"
# A secret has no place where any user can read it.
SECRET = {"token"}
ELEMENT = {"string": "text", "list": "text", "u32": "decimal", "duration": "decimal",
           "bool": "boolean", "enum": "enum"}
CONTROL = {"text": "textBox", "decimal": "decimalTextBox", "boolean": "checkBox",
           "enum": "dropdownList"}
found = []


def tag(node):
    return node.tag.removeprefix(NS)


def check_element(row, policy, element):
    name = row["key"]
    if element.get("valueName") != name or policy.get("key") != KEY:
        found.append(f"{name}: is written to {policy.get('key')}, value {element.get('valueName')}")
    if tag(element) != ELEMENT[row["type"]]:
        found.append(f"{name}: a {row['type']} is no <{tag(element)}>")
    if tag(element) == "decimal":
        limits = [int(element.get("minValue", 0)), int(element.get("maxValue", 9999))]
        if limits != [row["min"], row["max"]]:
            found.append(f"{name}: limits {limits}, the agent has {[row['min'], row['max']]}")
    if tag(element) == "enum":
        values = [node.text for node in element.iter(NS + "string")]
        if values != row["names"]:
            found.append(f"{name}: values {values}, the agent has {row['names']}")


def check_policies(rows, policies):
    wanted = {row["key"]: row for row in rows if row["key"] not in SECRET}
    for policy in policies:
        name = policy.get("name")
        elements = list(policy.find(NS + "elements"))
        if policy.get("class") != "Machine":
            found.append(f"{name}: not a policy of the computer")
        if name not in wanted or len(elements) != 1:
            found.append(f"{name}: no key of the agent's configuration that a policy may set")
            continue
        check_element(wanted.pop(name), policy, elements[0])
    for name in wanted:
        found.append(f"{name}: the template has no policy for this key")


def check_texts(admx, policies, path):
    text = path.parent.name + "/" + path.name
    root = xml.parse(path).getroot()
    strings = {node.get("id"): node.text for node in root.iter(NS + "string")}
    controls = {node.get("id"): node for node in root.iter(NS + "presentation")}
    used = re.findall(r"\$\(string\.(\w+)\)", admx)
    shown = re.findall(r"\$\(presentation\.(\w+)\)", admx)
    for have, want, what in ((set(strings), set(used), "string"),
                             (set(controls), set(shown), "presentation")):
        for name in sorted(have ^ want):
            found.append(f"{text}: {what} {name} is {'missing' if name in want else 'not used'}")
    for name, value in strings.items():
        if not (value or "").strip():
            found.append(f"{text}: string {name} is empty")
    for policy in policies:
        element = policy.find(NS + "elements")[0]
        control = controls.get(policy.get("name"))
        if control is None or len(control) != 1:
            continue
        if control[0].get("refId") != element.get("id") or tag(control[0]) != CONTROL[tag(element)]:
            found.append(f"{text}: presentation {policy.get('name')} does not fit its element")
    return strings


def main():
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    rows = json.loads(subprocess.run([tool], check=True, capture_output=True, text=True).stdout)
    admx = (folder / "havenmaster.admx").read_text(encoding="utf-8")
    policies = list(xml.fromstring(admx.encode()).iter(NS + "policy"))
    check_policies(rows, policies)
    languages = {path.parent.name: check_texts(admx, policies, path)
                 for path in sorted(folder.glob("*/havenmaster.adml"))}
    if "en-US" not in languages:
        found.append("no en-US texts: Windows falls back on them")
    for line in found:
        print(line)
    print(f"{len(policies)} policies, {len(languages)} languages, {len(found)} differences")
    return 1 if found or not policies else 0


sys.exit(main())
