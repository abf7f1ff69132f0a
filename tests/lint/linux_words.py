#!/usr/bin/python3
"""What hm-agent check says of a Linux host speaks of Linux: no word of Windows in its golden files.

linux_words.py SOURCE
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import sys

WORDS = re.compile(r"HTTP\.sys|\bnetsh\b|\bWindows\b|\bRPC\b|\bHNS\b|\bWinNAT\b|excludedportrange|"
                   r"\bevent log\b|\berror (?:32|10013|10048)\b|\.exe\b|\bregistry\b|\bKB\d{5,}|"
                   r"ReservedPorts|MaxUserPort|\bnetstat -a|\bsvchost\b", re.I)
# Facts of the host, not words of this program; and a file of the folder that is named.
FACTS = re.compile(r'"(?:program|service|name)": "[^"]*"|rpc[.-]?\w+|- source: .*|"value": "[^"]*"')


def linux_hosts(fixtures):
    for place in ("hosts", "fleet", "cases"):
        for name in sorted(os.listdir(os.path.join(fixtures, place))):
            if os.path.exists(os.path.join(fixtures, place, name, "sysctl.txt")):
                yield name


def main():
    fixtures = os.path.join(sys.argv[1], "tests/fixtures")
    wrong = hosts = 0
    for name in linux_hosts(fixtures):
        hosts += 1
        for ending in ("txt", "json"):
            path = os.path.join(fixtures, "golden", f"{name}.{ending}")
            with open(path, encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    found = WORDS.search(FACTS.sub("", line))
                    if found:
                        print(f"{path}:{number}: \"{found.group()}\" of a Linux host")
                        wrong += 1
    print(f"{hosts} Linux hosts, {wrong} words of Windows")
    sys.exit(1 if wrong or hosts == 0 else 0)


main()
