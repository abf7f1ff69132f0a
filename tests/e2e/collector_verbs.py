#!/usr/bin/python3
"""hm-collector's verbs on the data folder: who may read it, tokens, the chain of events.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import sqlite3
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

PUBLIC = {"ca.pem", "server.pem"}  # certificates are no secret


def check_modes(data, when):
    for name in sorted(os.listdir(data)):
        mode = stat.S_IMODE(os.stat(os.path.join(data, name)).st_mode)
        h.check(f"{when}: {name} is the collector's own", name in PUBLIC or mode & 0o077 == 0,
                oct(mode))


def check_labels(verb):
    for label, status in [("site=paris", 0), ("site", 2), ("=x", 2), ("site=", 2),
                          ("a b=c", 2)]:
        code, _, err = verb("token", "new", "x", "--label", label)
        h.check(f"token new --label {label}: exit {status}", code == status, f"{code} {err}")


def check_chain(collector, verb):
    code, out, err = verb("verify", "--json")
    mark = json.loads(out)["last"]
    h.check("the chain holds while it is served", code == 0, err)
    collector.enroll("later01")
    code, out, err = verb("verify", "--since", mark)
    h.check("the noted event is still there", code == 0, out + err)
    h.check("the last event is printed", out.strip().splitlines()[-1].split(":")[0] == str(
        json.loads(verb("verify", "--json")[1])["events"]), out)
    for wrong in ["x", "1", mark + "0", "0" + mark[mark.index(":"):]]:
        h.check(f"--since {wrong[:12]}: exit 2", verb("verify", "--since", wrong)[0] == 2)
    collector.program.stop()
    database = sqlite3.connect(os.path.join(collector.data, "collector.db"))
    database.execute("DROP TRIGGER events_no_delete")
    database.execute("DROP TRIGGER events_no_update")
    database.execute("DELETE FROM events WHERE id >= ?", (int(mark.split(":")[0]),))
    database.commit()
    h.check("an end that was cut off shows by the noted event only",
            verb("verify")[0] == 0 and verb("verify", "--since", mark)[0] == 1)
    database.execute("UPDATE events SET actor = 'nobody' WHERE id = 1")
    database.commit()
    database.close()
    code, out, err = verb("verify")
    h.check("a changed event is named", code == 1 and "event 1 " in err, f"{code} {out}{err}")


def main():
    with h.Folder() as folder:
        os.umask(0o022)
        os.mkdir(os.path.join(folder, "collector"), 0o755)  # an administrator made it
        collector = h.Collector(folder).start()

        def verb(*words):
            return h.run("hm-collector", *words, "--data", collector.data)

        try:
            check_modes(collector.data, "while serving")
            check_labels(verb)
            check_chain(collector, verb)
        finally:
            collector.program.kill()
    h.finish()


if __name__ == "__main__":
    main()
