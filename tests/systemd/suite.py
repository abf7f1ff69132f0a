#!/usr/bin/python3
"""A real systemd with the services of Debian's packages, and the agent on it; README.md has the story.

  suite.py ROOT STAGE WORK [PART…]   ROOT: of root.sh; STAGE: of cmake --install; WORK: emptied
SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import sys
import time
import traceback

sys.dont_write_bytecode = True
import checks  # noqa: E402
import faults  # noqa: E402
import healthy  # noqa: E402
import policies  # noqa: E402
import units  # noqa: E402
from machine import Machine  # noqa: E402
from services import NOT_RUN, SERVICES  # noqa: E402
from setup import set_up  # noqa: E402

PARTS = {"healthy": healthy.run, "faults": faults.run, "units": units.run,
         "policies": policies.run}


def main():
    root, stage, work, *parts = sys.argv[1:]
    began = time.monotonic()
    machine = Machine(os.path.abspath(root), os.path.abspath(work))
    machine.install(stage)
    os.makedirs(machine.upper + "/opt")
    shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), "squatter.py"),
                machine.upper + "/opt/squatter.py")
    set_up(machine)
    try:
        machine.start()
        for name in parts or PARTS:
            print(f"{name} … ({time.monotonic() - began:.0f} s)", flush=True)
            try:
                PARTS[name](machine)
            except (RuntimeError, TimeoutError, OSError, ValueError, KeyError, IndexError):
                checks.check(f"{name} comes to its end", False, traceback.format_exc())
    finally:
        machine.kill()
    for unit, why in NOT_RUN.items():
        print(f"not run: {unit}: {why}")
    checks.finish(f"{len(SERVICES)} services under systemd; not run: {', '.join(NOT_RUN)}")


main()
