"""Faults that are known: (moment, view, part of the problem). One that is gone fails the test, too.

The service manager's events name a service as people see it ("IPSEC Services"), and inventories do
not have that name: the event is not found for PolicyAgent.
SPDX-License-Identifier: Apache-2.0
"""

FAULTS = {
    ("payroll-2003: during", "agent", 'service_not_running service EvDRClient has no "7023"'),
    ("payroll-2003-isa: during", "agent", 'service_not_running service EvDRClient has no "7023"'),
    ("sbs-2003: during", "agent", 'service_not_running service IAS has no "7023"'),
    ("sbs-2003: during", "agent", 'service_not_running service PolicyAgent has no "7023"'),
    ("sbs-2003, RADIUS first: written", "agent", "service_not_running service PolicyAgent"),
}
