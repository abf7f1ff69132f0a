"""What the end-to-end tests share: programs as a user starts them, and a raw TLS client.

Only processes started here are ended, by their id. Everything lives in one temporary folder.
SPDX-License-Identifier: Apache-2.0
"""
import atexit
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

BIN = os.environ.get("HM_BIN_DIR", "build/release/bin")
SOURCE = os.environ.get("HM_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
PRODUCTS = os.path.join(SOURCE, "schema/catalogue/products")
HOSTS = os.path.join(SOURCE, "tests/fixtures/hosts")

passed = 0
failed = 0


def check(what, condition, detail=""):
    """One assertion; the run goes on so that one fault does not hide the next."""
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what}" + (f": {detail}" if detail != "" else ""))
    return condition


def finish():
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if failed == 0 and passed > 0 else 1)


def wait_until(what, seconds, probe, pause=0.1):
    """The value of probe once it is true; a loud failure when it stays false. Only a bound for
    what must happen anyway: no test measures time."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s: {what}")
        time.sleep(pause)


def free_port():
    """Outside the dynamic range: there, another test's connection could be given it meanwhile."""
    while True:
        port = random.randrange(15000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def digest(body):
    return "blake2b-256:" + hashlib.blake2b(body, digest_size=32).hexdigest()


def ndjson(envelope, *bodies):
    return b"\n".join([json.dumps(envelope).encode(), *bodies])


class Folder:
    """A temporary folder, kept when the test fails so that it can be looked at."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="hm-e2e-")
        return self.path

    def __exit__(self, kind, value, trace):
        if kind is None and failed == 0:
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            print(f"kept for a look: {self.path}")


started = []


@atexit.register
def end_what_is_left():
    """A test that gave up in the middle leaves nothing running."""
    for child in started:
        if child.poll() is None:
            child.kill()
            child.wait()


class Program:
    """A child process with its output in a file."""

    def __init__(self, name, arguments, log, env=None, prefix=()):
        self.log_path = log
        self.log = open(log, "ab")
        self.child = subprocess.Popen([*prefix, os.path.join(BIN, name), *arguments],
                                      stdin=subprocess.DEVNULL, stdout=self.log,
                                      stderr=self.log, env={**os.environ, **(env or {})})
        started.append(self.child)

    def output(self):
        with open(self.log_path, "rb") as file:
            return file.read().decode(errors="replace")

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        self.log.close()

    def stop(self, seconds=20):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.log.close()
        return code


def run(name, *arguments, env=None, stdin=None, prefix=()):
    """Runs a program to its end: (exit status, standard output, standard error)."""
    done = subprocess.run([*prefix, os.path.join(BIN, name), *arguments], capture_output=True,
                          text=True, env={**os.environ, **(env or {})}, input=stdin, timeout=120)
    return done.returncode, done.stdout, done.stderr


class Collector:
    """A collector of its own on loopback."""

    def __init__(self, folder, settings=(), prefix=()):
        self.folder = folder
        self.data = os.path.join(folder, "collector")
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.settings = [f"port={self.port}", "listen=127.0.0.1", f"product_dir={PRODUCTS}",
                         f"public_url={self.url}", *settings]
        self.prefix = prefix
        self.program = None
        code, out, err = run("hm-collector", "init", "--data", self.data, "--name", "localhost",
                             "--json", prefix=prefix)
        if code != 0:
            raise RuntimeError(f"init failed ({code}): {out}{err}")
        self.facts = json.loads(out)
        self.admin = self.facts["admin_token"]
        self.ca = os.path.join(self.data, "ca.pem")

    def start(self, wait=True):
        options = []
        for setting in self.settings:
            options += ["--set", setting]
        self.program = Program("hm-collector", ["serve", "--data", self.data, *options],
                               os.path.join(self.folder, "collector.log"), prefix=self.prefix)
        if wait:
            self.wait_ready()
        return self

    def ready(self):
        if self.program.child.poll() is not None:
            raise RuntimeError("collector ended: " + self.program.output()[-2000:])
        try:
            return self.call("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def wait_ready(self):
        wait_until("collector ready", 60, self.ready)

    def context(self):
        return ssl.create_default_context(cafile=self.ca)

    def connect(self, timeout=30):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout)
        return self.context().wrap_socket(raw, server_hostname="localhost")

    def call(self, method, path, body=None, token=None, headers=None, connection=None):
        """(status, headers, body bytes); opens a connection unless one is given."""
        own = connection is None
        if own:
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=60,
                                                     context=self.context())
        fields = dict(headers or {})
        if token:
            fields["Authorization"] = f"Bearer {token}"
        if body is not None and "Content-Type" not in fields:
            fields["Content-Type"] = ("application/x-ndjson" if path == "/v1/checkin"
                                      else "application/json")
        connection.request(method, path, body, fields)
        reply = connection.getresponse()
        data = reply.read()
        if own:
            connection.close()
        return reply.status, reply.headers, data

    def api(self, path, method="GET", body=None):
        status, _, data = self.call(method, path, None if body is None else json.dumps(body),
                                    self.admin)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {data[:500]}")
        return json.loads(data) if data else None

    def items(self, path):
        """All rows of a list, page by page."""
        rows, cursor = [], ""
        while True:
            joint = "&" if "?" in path else "?"
            page = self.api(path + (f"{joint}cursor={cursor}" if cursor else ""))
            rows += page["items"]
            cursor = page.get("next", "")
            if not cursor:
                return rows

    def operator(self, name=None, role="operator", env=None):
        """hmctl in the hands of a person of this name; without one, of the admin."""
        token = self.admin
        if name:
            token = self.api("/v1/tokens", "POST", {"kind": "operator", "name": name,
                                                    "role": role})["secret"]
        return Operator(self.url, self.ca, token, self.prefix, env)

    def join_token(self, uses=1000):
        return self.api("/v1/tokens", "POST", {"kind": "join", "name": "test", "uses": uses,
                                               "valid_s": 3600})["secret"]

    def enroll(self, name, token=None):
        """(agent id, bearer token) of an agent made by hand."""
        status, _, data = self.call("POST", "/v1/enroll", json.dumps(
            {"token": token or self.join_token(), "name": name, "labels": [], "version": "test"}))
        if status >= 300:
            raise RuntimeError(f"enrol: {status} {data[:500]}")
        reply = json.loads(data)
        return reply["agent_id"], reply["secret"]


PASSPHRASE = "correct horse battery"


class Operator:
    """hmctl with one person's token."""

    def __init__(self, url, ca, token, prefix=(), env=None):
        self.prefix = prefix
        self.env = {"HMCTL_COLLECTOR": url, "HMCTL_TOKEN": token, "HMCTL_CA": ca,
                    "HM_PASSPHRASE": PASSPHRASE, "NO_COLOR": "1", **(env or {})}

    def run(self, *arguments):
        return run("hmctl", *arguments, env=self.env, prefix=self.prefix)

    def ok(self, *arguments):
        code, out, err = self.run(*arguments)
        if code != 0:
            raise RuntimeError(f"hmctl {' '.join(arguments)}: {code} {out}{err}")
        return out

    def refused(self, *arguments):
        """What it says when it does not do it; "" when it did."""
        code, out, err = self.run(*arguments)
        return out + err if code != 0 else ""

    def json(self, *arguments):
        return json.loads(self.ok(*arguments, "--json"))

    def items(self, *arguments):
        return self.json(*arguments)["items"]


# ---- people with keys ---------------------------------------------------------------------------


def forge(*words, body=b""):
    """What the product does not make, by tests/support/forge.c."""
    return subprocess.run([os.path.join(BIN, "forge"), *words], input=body, check=True,
                          capture_output=True).stdout.decode().strip()


def key_file(folder, who):
    """One of the people of forge as an approver: a key file that opens in no time."""
    path = os.path.join(folder, who + ".key")
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as file:
            file.write(forge("key", who, PASSPHRASE))
    return path


def publish_trust(folder, admin, names, threshold, *options, signers=None):
    """The fleet's next trust root, signed by signers: those of the old one and of the new one."""
    root = os.path.join(folder, f"root-{time.monotonic_ns()}.json")
    adds = []
    for name in names:
        adds += ["--add", f"{name}={forge('public', name)}"]
    admin.ok("trust", "new", *adds, "--threshold", str(threshold), *options, "--out", root)
    for name in signers or names:
        admin.ok("trust", "sign", root, "--key", key_file(folder, name), "--yes")
    admin.ok("trust", "publish", root)
    return root


def approve(folder, operator, policy, *names):
    for name in names:
        operator.ok("policy", "approve", policy, "--key", key_file(folder, name), "--yes")


def write_file(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


# ---- recorded hosts -----------------------------------------------------------------------------


class RecordedHost:
    """A copy of a recorded host, and an agent that speaks for it, enforcing on it."""

    def __init__(self, collector, folder, fixture, name=None, **settings):
        self.name = name or fixture
        self.path = os.path.join(folder, "host-" + self.name)
        shutil.copytree(os.path.join(HOSTS, fixture), self.path)
        self.log = os.path.join(folder, self.name + ".log")
        self.options = agent_options(collector, folder, self.name, host=self.path,
                                     **{"token": collector.join_token(), "interval": "1",
                                        **settings})
        self.state = os.path.join(folder, "agent-" + self.name)
        self.agent = None

    def start(self, *more):
        self.agent = Program("hm-agent", ["run", *self.options, *more], self.log)
        return self

    def stop(self):
        return self.agent.stop()

    def verb(self, name, *arguments):
        return run("hm-agent", name, *arguments, *self.options)

    def changes(self):
        """What is on this host beside what was recorded; b"" when nothing is."""
        try:
            with open(os.path.join(self.path, "changes.json"), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def look(self):
        """Every file of the host: what an agent may change is among them."""
        files = {}
        for name in sorted(os.listdir(self.path)):
            with open(os.path.join(self.path, name), "rb") as file:
                files[name] = file.read()
        return files

    def edit(self, name, old, new):
        """Somebody changes a file of the host."""
        path = os.path.join(self.path, name)
        with open(path, "rb") as file:
            text = file.read()
        if old not in text:
            raise ValueError(f"{path} has no {old!r}")
        with open(path + ".new", "wb") as file:
            file.write(text.replace(old, new))
        os.replace(path + ".new", path)

    def outcome(self):
        """The newest outcome that the agent has spooled for the collector."""
        with open(os.path.join(self.state, "outcome.json"), "rb") as file:
            return json.load(file)


def agent_options(collector, folder, name, **settings):
    """Command line of an agent whose whole state is below folder."""
    state = os.path.join(folder, "agent-" + name)
    os.makedirs(state, exist_ok=True)
    given = {"collector": collector.url if collector else "", "state_dir": state, "name": name,
             "product_dir": PRODUCTS, "catalogue_dir": os.path.join(state, "catalogue.d"),
             **settings}
    options = []
    for key, value in given.items():
        if value != "":
            options += ["--set", f"{key}={value}"]
    return options
