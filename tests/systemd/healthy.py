"""The healthy server: what runs is known, and nothing is at risk.

SPDX-License-Identifier: Apache-2.0
"""
from checks import Judgement, check, listeners
from services import SERVICES


def wait_for_services(machine):
    """All are active, and listen on their ports."""
    wanted = {port for row in SERVICES for port in row.ports.split()}
    units = [row.unit for row in SERVICES]

    def all_up():
        states = machine.ask("systemctl", "is-active", *units)[1].split()
        return states.count("active") == len(units) and wanted <= listeners(machine)

    try:
        machine.wait("all services", 120, all_up, 1)
    except TimeoutError:
        pass
    states = machine.ask("systemctl", "is-active", *units)[1].split()
    for row, state in zip(SERVICES, states):
        missing = set(row.ports.split()) - listeners(machine)
        check(f"{row.unit} ({row.package}) runs and listens", state == "active" and not missing,
              (state, missing, machine.ask("journalctl", "-u", row.unit, "-n", "5")[1]))
    return states.count("active")


def nothing_at_risk(machine, when):
    found = Judgement(machine)
    check(f"{when}: no blocked, no exposed, no unknown (L1, L4)", not found.at_risk(),
          found.at_risk())
    check(f"{when}: nothing to do", not found.kinds(), found.kinds())
    check(f"{when}: exit status 0", found.code == 0, (found.code, found.errors))
    return found


def products_are_known(judgement):
    """L14: each product that runs has a verdict."""
    for product in sorted({row.product for row in SERVICES if row.product}):
        check(f"{product} is recognised (L14)", judgement.of(product),
              sorted({v["product"] for v in judgement.verdicts}))


def restart_everything(machine, before):
    """L4: random ports are others afterwards; the judgement is the same."""
    units = [row.unit for row in SERVICES if row.unit not in ("cockpit.socket", "epmd")]
    given = {o["ports"] for o in before.observed}
    code, _, errors = machine.ask("systemctl", "restart", *units, timeout=300)
    check("everything restarts", code == 0, errors)
    wait_for_services(machine)
    after = nothing_at_risk(machine, "after a restart of every service")
    check("some random ports are others now", given != {o["ports"] for o in after.observed},
          (given, after.observed))
    check("the same verdicts as before", after.states() == before.states(),
          set(after.states().items()) ^ set(before.states().items()))


def run(machine):
    active = wait_for_services(machine)
    check("at least 20 services run", active >= 20, active)
    judgement = nothing_at_risk(machine, "the healthy server")
    products_are_known(judgement)
    restart_everything(machine, judgement)
    return active
