#!/usr/bin/python3
"""Remedy closure: the commands that a finding prints are carried out on a model of the host, which
boots when the remedy says so and is judged again. The finding is gone, nothing is worse, nothing
new is at risk, and every service that ran, and the one that was down, runs.

remedies.py AGENT SOURCE [--host NAME] [--kind KIND] [--seeds N] [--verbose] [--jobs N]
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import collections
import multiprocessing
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import carry  # noqa: E402
import catalogue  # noqa: E402
import closure  # noqa: E402
import folder  # noqa: E402
import judging  # noqa: E402
import known  # noqa: E402
from hosts import all_hosts  # noqa: E402

RECORDED = ("tests/fixtures/hosts", "tests/fixtures/fleet")


def recorded(source):
    for place in RECORDED:
        for name in sorted(os.listdir(os.path.join(source, place))):
            yield name, os.path.join(source, place, name)


class Work:
    """What one process needs."""

    def __init__(self, options):
        self.options = options
        products = os.path.join(options.source, "schema/catalogue/products")
        self.catalogue = catalogue.Catalogue(products)
        self.agent = judging.Agent(options.agent, products, options.root)

    def host(self, name):
        for label, path in recorded(self.options.source):
            if label == name:
                host = folder.read(path, self.catalogue)
                host.name = name
                return host
        return all_hosts.make(name, self.catalogue)


WORK = None


def begin(options):
    global WORK
    WORK = Work(options)


def try_host(name):
    """(trials, kinds seen without commands)"""
    try:
        host = WORK.host(name)
        before = WORK.agent.judge(host)
        trials, silent = [], []
        for finding in before.findings:
            if WORK.options.kind and finding["kind"] != WORK.options.kind:
                continue
            if not carry.commands_of(finding):
                silent.append(finding["kind"])
                continue
            listed = " ".join(carry.commands_of(finding))
            both = closure.can_share(host) and "netsh" in listed and "show" not in listed
            for shared in ((False, True) if both else (False,)):
                trial = closure.try_finding(WORK.agent, host, before, finding, shared,
                                            WORK.options.seeds)
                if shared:
                    trial.problems = [f"families share: {p}" for p in trial.problems]
                trials.append(trial)
        if not WORK.options.kind:
            trials.append(closure.try_all(WORK.agent, host, before, WORK.options.seeds))
        return name, trials, silent, ""
    except Exception as error:  # a host that cannot be tried is a failure of the test
        import traceback
        return name, [], [], f"{error}\n{traceback.format_exc()}"


def merge(trials):
    """Both knobs of one finding are one row."""
    rows = {}
    for trial in trials:
        row = rows.setdefault(trial.key, trial)
        if row is not trial:
            plain = {p.replace("families share: ", "") for p in row.problems}
            row.problems += [p for p in trial.problems
                             if p.replace("families share: ", "") not in plain]
            row.reads_only = row.reads_only and trial.reads_only
    return list(rows.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("agent")
    parser.add_argument("source")
    parser.add_argument("--host")
    parser.add_argument("--kind")
    parser.add_argument("--seeds", type=int, default=closure.BOOT_SEEDS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--keep", help="write the host to this folder and stop")
    parser.add_argument("--table", action="store_true", help="print rows for known.py")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="proof-") as options.root:
        return run(options)


def run(options):
    names = [name for name, _ in recorded(options.source)] + all_hosts.names()
    names = [options.host] if options.host else names
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
        folder.write(Work(options).host(options.host), options.keep)
        return 0
    with multiprocessing.Pool(options.jobs, begin, (options,)) as pool:
        results = pool.map(try_host, names, chunksize=1)
    return report(options, results)


def report(options, results):
    trials, silent, wrong = [], collections.Counter(), 0
    for name, some, quiet, error in results:
        trials += merge(some)
        silent.update(quiet)
        if error:
            wrong += 1
            print(f"{name}: cannot be tried: {error}")
    seen_known = set()
    reads = collections.Counter(trial.kind for trial in trials if trial.reads_only)
    for trial in trials:
        reason = known.FAILURES.get(trial.key)
        if trial.problems and reason is None:
            wrong += 1
            print(f"{trial.host}: {trial.kind} ({trial.subject}):")
            for problem in trial.problems[:None if options.verbose else 6]:
                print(f"    {problem[:None if options.verbose else 300]}")
        elif reason is not None:
            seen_known.add(trial.key)
            if not trial.problems:
                wrong += 1
                print(f"{trial.host}: {trial.kind} ({trial.subject}): passes now; take its row out "
                      "of known.py")
    if options.table:
        for trial in trials:
            if trial.problems:
                print(f"    {trial.key!r}:\n        {trial.problems[0][:90]!r},")
    if not options.host and not options.kind:
        wrong += check_tables(options, silent, reads, seen_known)
    print(f"{len(results)} hosts, {len(trials)} remedies, {sum(t.commands for t in trials)} "
          f"commands; {sum(silent.values())} findings without a command, "
          f"{sum(reads.values())} that only list; {len(seen_known)} known failures, {wrong} wrong")
    return 1 if wrong else 0


def check_tables(options, silent, reads, seen_known):
    """No kind is forgotten, and no table has rows that nothing needs."""
    wrong = 0
    kinds = judging.kinds_of(options.source)
    for kind in kinds:
        if kind not in known.KINDS:
            wrong += 1
            print(f"{kind}: a new kind of finding; say in known.py what its remedy can do")
    for kind in known.KINDS:
        if kind not in kinds:
            wrong += 1
            print(f"{kind}: known.py has it, the program has not")
    for kind in list(silent) + list(reads):
        if kind in known.KINDS and not known.KINDS[kind]:
            wrong += 1
            print(f"{kind}: a finding without a command that changes anything; known.py gives no "
                  "reason why there is none")
    for key in known.FAILURES:
        if key not in seen_known:
            wrong += 1
            print(f"{key}: known.py has a failure that no host shows")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
