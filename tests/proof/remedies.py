#!/usr/bin/python3
"""Remedy closure: the commands that a finding prints are carried out on a model of the host, which
boots when the remedy says so and is judged again. The finding is gone, nothing is worse, nothing
new is at risk, and every service that ran, and the one that was down, runs.

remedies.py AGENT SOURCE [--host NAME] [--kind KIND] [--seeds N] [--verbose] [--jobs N]
SPDX-License-Identifier: Apache-2.0
"""
import argparse
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
import says  # noqa: E402
from hosts import all_hosts  # noqa: E402

RECORDED = ("tests/fixtures/hosts", "tests/fixtures/fleet", "tests/fixtures/cases")


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
                return host.freeze()
        return all_hosts.make(name, self.catalogue).freeze()


WORK = None


def begin(options):
    global WORK
    WORK = Work(options)


def try_host(name):
    """(name, trials, findings that are left to a person, what went wrong)"""
    try:
        host = WORK.host(name)
        before = WORK.agent.judge(host)
        trials = []
        findings = [finding for finding in before.findings
                    if WORK.options.kind in (None, finding["kind"])]
        silent = [(name, one["kind"], one["subject"]) for one in findings
                  if not carry.steps_of(one) or carry.is_left_to_person(one)]
        for group in closure.by_remedy([one for one in findings if carry.steps_of(one)]):
            listed = " ".join(carry.commands_of(group[0]))
            both = closure.can_share(host) and "netsh" in listed and "show" not in listed
            for shared in ((False, True) if both else (False,)):
                for trial in closure.try_remedy(WORK.agent, host, before, group, shared,
                                                WORK.options.seeds):
                    if shared:
                        trial.problems = [f"families share: {p}" for p in trial.problems]
                    trials.append(trial)
        if not WORK.options.kind:
            trials.append(closure.Trial(name, "all", "what they say",
                                        says.check(name, before.findings)))
            trials.append(closure.try_all(WORK.agent, host, before, WORK.options.seeds))
            trials.append(closure.try_all(WORK.agent, host, before, 1, backwards=True))
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
    trials, left, wrong = [], set(), 0
    for name, some, quiet, error in results:
        trials += merge(some)
        left.update(quiet)
        if error:
            wrong += 1
            print(f"{name}: cannot be tried: {error}")
    seen_known = set()
    left |= {trial.key for trial in trials if trial.reads_only and trial.kind != "all"}
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
        wrong += check_tables(options, left, seen_known, {trial.kind for trial in trials})
    print(f"{len(results)} hosts, {len(trials)} remedies, {sum(t.commands for t in trials)} "
          f"commands; {len(left)} findings are left to a person; {len(seen_known)} known failures, "
          f"{wrong} wrong")
    return 1 if wrong else 0


def check_tables(options, left, seen_known, tried):
    """No kind is forgotten, and no table has rows that nothing needs."""
    kinds = judging.kinds_of(options.source)
    wrong = [f"{kind}: a new kind of finding; say in known.py whether its remedy closes"
             for kind in kinds if kind not in known.CLOSES and kind not in known.ADVICE]
    shown = tried | {key[1] for key in left}
    wrong += [f"{kind}: no host shows this kind of finding; make one in hosts/"
              for kind in kinds if kind not in shown and kind not in known.UNSEEN]
    wrong += [f"{kind}: known.py says that no host can show it, and one does"
              for kind in known.UNSEEN if kind in shown]
    wrong += [f"{kind}: known.py has this kind, the program has not"
              for kind in (*known.CLOSES, *known.ADVICE) if kind not in kinds]
    wrong += [f"{key}: has no command that closes it; say in known.py why there is none"
              for key in sorted(left) if key[1] not in known.ADVICE and key not in known.DECIDED]
    wrong += [f"{key}: known.py says that it is left to a person, and it is not"
              for key in known.DECIDED if key not in left]
    wrong += [f"{key}: known.py has a failure that no host shows"
              for key in known.FAILURES if key not in seen_known]
    for line in wrong:
        print(line)
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
