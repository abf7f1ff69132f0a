#!/usr/bin/python3
"""The incidents that this product exists for, each told from before it happens until after it is
cured. At each moment the program says what is right, of the files that collect.cmd gathers and of
what an agent observes.

incidents.py AGENT SOURCE [--story NAME] [--view VIEW] [--keep FOLDER]
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import catalogue  # noqa: E402
import judging  # noqa: E402
import story  # noqa: E402
from stories import all_stories, known_faults  # noqa: E402


class Report:
    """What is wrong, but for the faults that are known; those must still be there."""

    def __init__(self):
        self.problems = []
        self.seen = set()

    def __call__(self, moment, view, problem):
        for row in known_faults.FAULTS:
            if row[:2] == (moment, view) and row[2] in problem:
                self.seen.add(row)
                return
        self.problems.append((moment, view, problem))

    def close(self):
        for row in known_faults.FAULTS:
            if row not in self.seen:
                self.problems.append((*row[:2], "passes now; take its row out of known_faults.py: "
                                      f"{row[2]}"))


def tell(options, agent, report):
    """How many moments there were."""
    moments = 0
    for name, (make, telling, *only) in all_stories.STORIES.items():
        if options.story not in (None, name):
            continue
        views = [one for one in (only or [story.VIEWS])[0] if options.view in (None, one)]
        one = story.Story(name, make(name, agent.catalogue), agent, views, report, options.keep)
        telling(one)
        moments += one.moments
    return moments


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("agent")
    parser.add_argument("source")
    parser.add_argument("--story")
    parser.add_argument("--view", choices=sorted(story.VIEWS))
    parser.add_argument("--keep", help="write the folders of all moments below this one")
    options = parser.parse_args()
    products = os.path.join(options.source, "schema/catalogue/products")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="proof-") as root:
        agent = judging.Agent(options.agent, products, root)
        agent.catalogue = catalogue.Catalogue(products)
        moments = tell(options, agent, report)
    if not options.story and not options.view:
        report.close()
    for moment, view, problem in report.problems:
        print(f"{moment}{', as ' + view if view else ''}: {problem}")
    print(f"{moments} moments, {len(report.seen)} known faults, {len(report.problems)} wrong")
    return 1 if report.problems or not moments else 0


if __name__ == "__main__":
    sys.exit(main())
