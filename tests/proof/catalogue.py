"""The product catalogue: which service binds which ports when it starts.

SPDX-License-Identifier: Apache-2.0
"""
import fnmatch
import json
import os

import ports
import truth

MOST_PORTS = 64  # a larger requirement is a pool, of which a service takes some


def matches(pattern, name):
    return fnmatch.fnmatchcase(name.lower(), pattern.lower())


class Catalogue:
    def __init__(self, folder):
        self.products = []
        self.by_family = {}
        self.by_port = {}
        for name in sorted(os.listdir(folder)):
            if name.endswith(".json"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    self.products.append(json.load(file))

    def rows(self, host):
        """Requirements that this system can have: (product, requirement, services, programs)."""
        family = "linux" if host.linux else "windows"
        if family not in self.by_family:
            self.by_family[family] = list(self.list_rows(family))
        return self.by_family[family]

    def list_rows(self, family):
        for product in self.products:
            if family not in (product.get("os") or [family]):
                continue
            for row in product["requirements"]:
                own = row.get("detect", {})
                all_of = product.get("detect", {})
                programs = own.get("programs", []) + all_of.get("programs", [])
                for one in (row.get("companions", {}), product.get("companions", {})):
                    programs = programs + one.get("programs", []) + one.get("shared_programs", [])
                yield (product, row, own.get("services") or all_of.get("services", []), programs)

    def at(self, host, protocol, port):
        """Rows of one port."""
        family = "linux" if host.linux else "windows"
        if family not in self.by_port:
            index = self.by_port[family] = {}
            for row in self.rows(host):
                for number in ports.numbers(row[1]["ports"]):
                    index.setdefault((row[1]["protocol"], number), []).append(row)
        return self.by_port[family].get((protocol, port), [])

    def binds(self, host, service):
        """(protocol, family, port, kind) that the service requires, by the catalogue."""
        found = []
        for product, row, services, _ in self.rows(host):
            first = next((one for pattern in services for one in host.services.values()
                          if matches(pattern, one.name)), None)
            if row.get("optional") or row.get("reserve_only") or first is not service or \
                    product.get("in_every_windows"):
                continue
            numbers = ports.numbers(row["ports"])
            for family in host.families() if len(numbers) <= MOST_PORTS else ():
                if row.get("families", "both") in ("both", family):
                    found += [(row["protocol"], family, port, row["kind"]) for port in numbers]
        return found

    def is_chosen(self, host, protocol, service):
        """Does an administrator choose the ports of this service? Then its listener has one."""
        return any("port_from" in row and row["protocol"] == protocol and
                   any(matches(pattern, service) for pattern in services)
                   for _, row, services, _ in self.rows(host))

    def service_of(self, host, protocol, port, program):
        """The service of this host whose listener this is, None when nobody knows."""
        for _, _, services, programs in self.at(host, protocol, port):
            for pattern in services:
                for one in host.services.values():
                    if one.runs and matches(pattern, one.name) and (
                            program in ("", "System", one.program) or
                            program.lower() == one.program.lower() or
                            any(matches(p, program) for p in programs) or
                            one.name in truth.WORKERS.get(program.lower(), [])):
                        return one
        return None

    def is_required(self, host, protocol, port, program):
        """Is this a port that the program needs, rather than one that it was given?"""
        return self.service_of(host, protocol, port, program) is not None or any(
            matches(pattern, program) for _, _, _, programs in self.at(host, protocol, port)
            for pattern in programs)

    def kind_of(self, host, protocol, port):
        """How products hold this port."""
        return {row["kind"] for _, row, _, _ in self.at(host, protocol, port)}
