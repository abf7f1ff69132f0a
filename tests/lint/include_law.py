#!/usr/bin/python3
"""Walks every #include of our C code against the include law (ARCHITECTURE.md).

Exit 0 and one line when all is lawful; else one line a breach, "file:line: rule", and exit 1.
--self-test feeds breaches that must be found.
SPDX-License-Identifier: Apache-2.0
"""
import fnmatch
import os
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
ROOTS = ("common", "agent", "server", "tests")

# Folder -> folders whose headers it may include (its own is always allowed). The longest
# matching prefix on the left counts; a name on the right covers its subfolders.
BASE = ("common/base",)
COMMON = ("common",)
DOMAIN = ("common/ports", "common/readers", "common/judge", "common/plan")
ALLOWED = {
    "common/base": (),
    "common/ports": BASE,
    "common/readers": BASE + ("common/ports",),
    "common/judge": BASE + ("common/ports",),
    "common/plan": BASE + ("common/ports", "common/judge"),
    "common/config": BASE + ("common/ports",),
    "common/crypto": BASE,
    "common/os": BASE + ("common/ports",),
    "common/wire": BASE + DOMAIN + ("common/crypto",),
    "common/net": BASE + DOMAIN + ("common/wire", "common/crypto", "common/os"),
    "agent": COMMON + ("agent",),
    "agent/guard": (),
    "agent/platform": BASE + DOMAIN + ("common/os", "common/wire", "common/crypto",
                                       "agent/platform", "agent/guard"),
    "server": COMMON + ("server",),
    "server/http": BASE + ("common/ports", "common/wire", "common/crypto", "common/os"),
    "server/store": BASE + DOMAIN + ("common/wire", "common/crypto", "common/os"),
    "server/metrics": COMMON + ("server/store", "server/fleet", "server/http", "server/rollout",
                                "server/app.h"),
    "server/catalogue": COMMON + ("server/store",),
    "server/fleet": COMMON + ("server/store", "server/http"),
    "server/ingest": COMMON + ("server/store", "server/http", "server/fleet", "server/catalogue",
                               "server/app.h"),
    "server/janitor": COMMON + ("server/store", "server/fleet", "server/app.h"),
    "server/api": COMMON + ("server/store", "server/http", "server/fleet", "server/catalogue",
                            "server/ingest", "server/metrics", "server/policy", "server/rollout",
                            "server/plans", "server/app.h"),
    "server/policy": COMMON + ("server/store", "server/app.h"),
    "server/rollout": COMMON + ("server/store", "server/fleet", "server/catalogue", "server/http",
                                "server/app.h"),
    "server/plans": COMMON + ("server/store", "server/catalogue"),
    "server/hmctl": COMMON + ("server/hmctl",),
    "tests": COMMON + ("agent", "server", "tests"),
}

# Third-party header -> the only files that may include it.
FENCES = {
    "microhttpd.h": ("server/http/*",),
    "curl/*": ("common/net/*",),
    "jansson.h": ("common/wire/json.c", "common/wire/json.h", "common/wire/fields.c",
                  "common/wire/fields_values.c"),
    "sodium.h": ("common/crypto/*",),
    "sqlite3.h": ("server/store/db_sqlite.c",),
    "gnutls/*": ("server/http/certificates.c", "server/http/tls.c"),
    "yaml.h": ("server/hmctl/yaml.c",),
    "zlib.h": ("server/http/body.c",),
    "windows.h": ("common/os/windows*", "agent/platform/windows/*", "agent/guard/*"),
    "cmocka.h": ("tests/*",),
}
# Tests that speak to a library on purpose: benchmarks and a client of their own.
TEST_FENCES_OPEN = ("tests/load/*", "tests/support/*", "tests/unit/*", "tests/windows/*")

C17 = {h + ".h" for h in """assert complex ctype errno fenv float inttypes iso646 limits locale math
setjmp signal stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath
threads time uchar wchar wctype""".split()}
SYSTEM_HEADERS_IN = ("common/os/*", "agent/platform/linux/*", "agent/platform/windows/*",
                     "server/http/*", "common/net/*", "tests/*")
# Threads are POSIX on the collector, which is built for Linux only.
THREADS_IN = ("server/*",)


def allowed_for(path):
    best = ""
    for prefix in ALLOWED:
        if path.startswith(prefix + "/") and len(prefix) > len(best):
            best = prefix
    return best


def breaches(path, lines):
    home = allowed_for(path)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        own, system = match.groups()
        if own:
            if own.split("/")[0] not in ROOTS:
                yield number, f'"{own}": includes are written from the root'
                continue
            if os.path.basename(own) == "main.h":
                yield number, "nothing includes main"
            target = os.path.dirname(own)
            ok = (target + "/").startswith(home + "/") or any(
                own == name or (target + "/").startswith(name + "/") for name in ALLOWED[home])
            if not ok:
                yield number, f'{home or path} may not include "{own}"'
            continue
        fence = next((f for f in FENCES if fnmatch.fnmatch(system, f)), None)
        if fence:
            where = FENCES[fence]
            if path.startswith("tests/"):
                where = where + TEST_FENCES_OPEN
            if not any(fnmatch.fnmatch(path, w) for w in where):
                yield number, f"<{system}> belongs to {', '.join(FENCES[fence])} only"
        elif system not in C17:
            if system == "pthread.h" and any(fnmatch.fnmatch(path, w) for w in THREADS_IN):
                continue
            if not any(fnmatch.fnmatch(path, w) for w in SYSTEM_HEADERS_IN):
                yield number, f"<{system}>: operating-system headers live in platform folders only"


def self_test():
    bad = (
        ("common/ports/portset.c", '#include "common/os/os.h"'),
        ("common/ports/portset.c", "#include <unistd.h>"),
        ("common/ports/portset.c", '#include "common/judge/judge.h"'),
        ("common/readers/netsh_text.c", '#include "common/judge/facts.h"'),
        ("common/judge/remedy.c", '#include "common/plan/policy.h"'),
        ("common/base/err.c", '#include "agent/config.h"'),
        ("agent/cycle.c", '#include "server/store/store.h"'),
        ("agent/cycle.c", "#include <jansson.h>"),
        ("agent/platform/linux/stacks.c", '#include "agent/cycle.h"'),
        ("agent/guard/guard.c", '#include "common/os/os.h"'),
        ("server/http/router.c", '#include "server/store/store.h"'),
        ("server/hmctl/hosts.c", '#include "server/store/entities.h"'),
        ("server/api/hosts.c", "#include <microhttpd.h>"),
        ("server/store/hosts.c", "#include <sqlite3.h>"),
        ("server/api/hosts.c", '#include "agent/config.h"'),
        ("server/api/hosts.c", '#include "hosts.h"'),
        ("common/wire/records.c", "#include <curl/curl.h>"),
    )
    missed = [f"{path}: {line}" for path, line in bad if not list(breaches(path, [line]))]
    good = ("server/api/hosts.c", '#include "server/store/entities.h"')
    if list(breaches(good[0], [good[1]])):
        missed.append(f"refused what is lawful: {good[1]}")
    for line in missed:
        print("self-test missed:", line)
    return 1 if missed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    top = sys.argv[1]
    found = checked = 0
    for root in ROOTS:
        for folder, _, files in os.walk(os.path.join(top, root)):
            for name in sorted(files):
                if not name.endswith((".c", ".h")):
                    continue
                full = os.path.join(folder, name)
                path = os.path.relpath(full, top)
                checked += 1
                with open(full, encoding="utf-8") as file:
                    for number, rule in breaches(path, file):
                        print(f"{path}:{number}: {rule}")
                        found += 1
    print(f"{checked} files, {found} breaches of the include law")
    return 1 if found or not checked else 0


sys.exit(main())
