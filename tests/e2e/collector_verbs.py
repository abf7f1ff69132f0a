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


def check_operator_key(folder):
    data, key = os.path.join(folder, "single"), os.path.join(folder, "operator.key")

    def init(path, *words, passphrase="correct horse battery"):
        return h.run("hm-collector", "init", "--data", data, "--operator-key", path, "--json",
                     *words, env={**os.environ, "HM_PASSPHRASE": passphrase})

    for inside in ["single/op.key", "single/../single/op.key"]:
        code, _, err = init(os.path.join(folder, inside))
        h.check(f"init --operator-key {inside}: exit 2", code == 2 and "inside" in err, err)
    h.check("a short passphrase: exit 2", init(key, passphrase="short")[0] == 2)
    h.check("nothing was made", os.listdir(data) == [] and not os.path.exists(key))
    code, _, err = init(key, "--name", "x" * 300)
    h.check("a key that no fleet trusts is taken away", code != 0 and not os.path.exists(key), err)
    code, out, err = init(key, "--operator-name", "anna")
    h.check("init --operator-key: exit 0", code == 0, err)
    made = json.loads(out)
    h.check("the key is said", made["operator_key"] == key and made["operator_name"] == "anna")
    h.check("only its owner may read it", stat.S_IMODE(os.stat(key).st_mode) == 0o600)
    with open(key, encoding="utf-8") as text:
        sealed = json.load(text)
    h.check("it is sealed", sealed["key_id"] == made["key_id"] and "sealed" in sealed)
    check_modes(data, "with an operator key")
    kept = b"".join(open(os.path.join(data, name), "rb").read() for name in os.listdir(data))
    h.check("the collector keeps nothing of the private half",
            sealed["sealed"].encode() not in kept)
    again = os.path.join(folder, "again")
    code, _, err = h.run("hm-collector", "init", "--data", again, "--operator-key", key,
                         env={**os.environ, "HM_PASSPHRASE": "correct horse battery"})
    h.check("somebody's key is not written over", code == 1 and "there already" in err, err)


def main():
    with h.Folder() as folder:
        os.umask(0o022)
        check_operator_key(folder)
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
