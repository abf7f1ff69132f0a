#!/usr/bin/python3
"""Documents that comments cite are in the tree, with the section that is named.

"windows-ports 2.1" needs a heading "2.1" in deploy/docs/windows-ports.md; "policies.md" needs a
file of that name. Exit 1 with one line for each citation that leads nowhere.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import sys

FACTS = "deploy/docs/windows-ports.md"
READ = ("agent", "common", "server", "schema", "tests", "deploy")
SKIP = ("tests/fixtures/", "tests/fuzz/corpus/")
TYPES = (".c", ".h", ".py", ".sh", ".cmd", ".json", ".sql", ".yaml", ".txt", ".service", ".md")
# "windows-ports 2.1, 2.9" and "windows-ports.md 2.1 to 2.3" and "windows-ports section 7"
SECTIONS = re.compile(r"windows-ports(?:\.md)?(?: sections?)? ((?:\d+(?:\.\d+)?(?:, | to | and )?)+)")
OUTSIDE = re.compile(r"\b(?:design section|design rule|enforcement rule|write-up)\b")  # not in the tree
OF_A_HOST = "EXPECT.md"  # a file that a recorded host may have
DOCUMENT = re.compile(r"(?<![\w./*{}-])((?:[\w.-]+/)*[\w-]+\.md)\b")


def sections_of(text):
    return set(re.findall(r"^#+ (\d+(?:\.\d+)?)\.? ", text, re.M))


def breaches(path, text, sections, documents):
    for number, line in enumerate(text.split("\n"), 1):
        for match in SECTIONS.finditer(line):
            for section in re.findall(r"\d+(?:\.\d+)?", match.group(1)):
                if section not in sections:
                    yield f"{path}:{number}: windows-ports has no section {section}"
        if OUTSIDE.search(line) and not path.startswith("schema/"):
            yield f"{path}:{number}: cites a document that is not in the tree"
        for match in DOCUMENT.finditer(line):
            if os.path.basename(match.group(1)) not in documents | {OF_A_HOST}:
                yield f"{path}:{number}: there is no {match.group(1)}"


def self_test():
    sections, documents = sections_of("# T\n## 2. A\n### 2.1 B\n"), {"policies.md", "windows-ports.md"}
    good = ["(windows-ports 2.1)", "windows-ports.md 2, 2.1", "see docs/policies.md", "*.md"]
    bad = ["(windows-ports 2.2)", "windows-ports section 9", "windows-ports 2.1 to 2.4", "gone.md", "design section 4"]
    assert not [b for line in good for b in breaches("x", line, sections, documents)]
    for line in bad:
        assert list(breaches("x", line, sections, documents)), line


def main():
    self_test()
    top = sys.argv[1]
    paths = [os.path.relpath(os.path.join(folder, name), top)
             for part in READ for folder, _, names in os.walk(os.path.join(top, part))
             for name in names]
    documents = {os.path.basename(p) for p in paths if p.endswith(".md")}
    documents |= {name for name in os.listdir(top) if name.endswith(".md")}
    with open(os.path.join(top, FACTS), encoding="utf-8") as file:
        sections = sections_of(file.read())
    found = []
    for path in sorted(paths):
        if path.endswith(TYPES) and not path.startswith(SKIP) and not path.endswith("citations.py"):
            with open(os.path.join(top, path), encoding="utf-8", errors="replace") as file:
                found += breaches(path, file.read(), sections, documents)
    print("\n".join(found + [f"{len(sections)} sections, {len(found)} breaches"]))
    return 1 if found or not sections else 0


sys.exit(main())
