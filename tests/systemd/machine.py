"""A machine of its own: Debian 12 whose process 1 is systemd, in name spaces.

SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import subprocess
import time

BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot.sh")


class Machine:
    """root: the Debian, never changed. work: a folder for what the machine changes, emptied first."""

    def __init__(self, root, work):
        self.root = root
        self.work = work
        self.upper = os.path.join(work, "upper")
        self.boots = None
        self.init = 0
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(self.upper)

    # ---- its files, while it is off ----------------------------------------------------------

    def write(self, path, text, mode=0o644):
        """A file of the machine; between two boots, or before the first."""
        full = self.upper + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(full, mode)

    def install(self, folder):
        """Copies a tree of files into the machine, as a package does."""
        shutil.copytree(folder, self.upper, symlinks=True, dirs_exist_ok=True)

    def original(self, path):
        """The text of a file as its package brought it."""
        with open(self.root + path, encoding="utf-8") as file:
            return file.read()

    def chroot(self, script):
        """Runs a script in the machine while it is off."""
        done = subprocess.run([BOOT, self.root, self.work, script], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{script[:60]}: {done.returncode} {done.stdout}{done.stderr}")
        return done.stdout

    # ---- power -------------------------------------------------------------------------------

    def start(self):
        with open(os.path.join(self.work, "boot.log"), "ab") as log:
            self.boots = subprocess.Popen([BOOT, self.root, self.work],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.init = self.wait("process 1", 30, self.find_init)
        self.wait("the end of the boot", 240, self.booted, 1)

    def find_init(self):
        if self.boots.poll() is not None:
            with open(os.path.join(self.work, "boot.log"), encoding="utf-8") as log:
                raise RuntimeError("the machine did not boot: " + log.read()[-1000:])
        pid = self.boots.pid
        for _ in range(2):  # boot.sh, unshare, process 1
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                children = file.read().split()
            if not children:
                return 0
            pid = int(children[0])
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return pid if file.read() == "systemd\n" else 0

    def booted(self):
        state = self.ask("systemctl", "is-system-running")[1].strip()
        return state if state in ("running", "degraded") else ""

    def stop(self):
        """Ends as a machine does: all services are stopped in order."""
        if self.boots and self.boots.poll() is None:
            self.ask("systemctl", "--no-block", "poweroff")
            try:
                self.boots.wait(120)
            except subprocess.TimeoutExpired:
                self.kill()
        self.boots = None

    def kill(self):
        if self.boots and self.boots.poll() is None:
            if self.init:
                os.kill(self.init, 9)
            else:
                self.boots.terminate()
            self.boots.wait(30)

    # ---- commands in it ----------------------------------------------------------------------

    def inside(self, *command, user="", env=None):
        """The command line that runs a command in the machine."""
        line = ["nsenter", f"--target={self.init}", "--all", "--root", "--wd", "/usr/bin/env", "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
        line += [f"{key}={value}" for key, value in (env or {}).items()]
        if user:
            line += ["setpriv", f"--reuid={user}", "--clear-groups", "--inh-caps=-all"]
        return [*line, *command]

    def ask(self, *command, user="", env=None, stdin="", timeout=120):
        """(exit status, standard output, standard error)"""
        done = subprocess.run(self.inside(*command, user=user, env=env), capture_output=True,
                              text=True, input=stdin, timeout=timeout, check=False)
        return done.returncode, done.stdout, done.stderr

    def run(self, *command, **options):
        """Standard output of a command that must succeed."""
        code, out, err = self.ask(*command, **options)
        if code != 0:
            raise RuntimeError(f"{' '.join(command)}: {code} {out}{err}")
        return out

    def shell(self, script, **options):
        return self.run("bash", "-euc", script, **options)

    def read(self, path):
        return self.run("cat", path)

    def put(self, path, text):
        """Writes a file while the machine runs."""
        self.run("dd", "status=none", f"of={path}", stdin=text)

    @staticmethod
    def wait(what, seconds, probe, pause=0.2):
        end = time.monotonic() + seconds
        while True:
            value = probe()
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(f"waited {seconds} s: {what}")
            time.sleep(pause)
