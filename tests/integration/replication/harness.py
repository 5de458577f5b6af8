"""What the replication tests share: nodes (Orbit, redis-server, redis-sentinel), waiting, comparing, counting."""
import os
import signal
import subprocess
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "utils"))
from orbit_client import Client, free_port


class Report:
    """Counts what was looked at; says at once what is wrong."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, ok, text):
        self.passed += bool(ok)
        self.failed += not ok
        print("%s %s" % ("ok  " if ok else "FAIL", text), flush=True)
        return ok

    def note(self, text):
        print("     " + text, flush=True)


class Settings:
    """What the tests are run with: the binaries, the size, a folder of their own."""

    def __init__(self, orbit, redis, folder, full):
        self.orbit, self.redis, self.folder, self.full = orbit, redis, folder, full
        self.nodes = []

    def size(self, small, full):
        return full if self.full else small

    def new_orbit(self, name, *options, **more):
        return self._add(Node(name, [self.orbit], self.folder, "--enable-debug-command", "yes", *options, **more))

    def new_redis(self, binary, name, *options, **more):
        """redis-server begins its dumps at once, and keeps an AOF, as Orbit keeps its log."""
        if version_of(binary) >= (7, 0):
            options = ("--enable-debug-command", "yes") + options
        return self._add(Node(name, [binary], self.folder, "--repl-diskless-sync-delay", "0", "--save", "", "--appendonly",
                              "yes", *options, **more))

    def _add(self, node):
        self.nodes.append(node)
        return node

    def end(self):
        for node in self.nodes:
            node.stop(signal.SIGKILL)
        self.nodes = []


def version_of(binary):
    text = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    for word in text.split():
        if word.startswith("v="):
            return tuple(int(n) for n in word[2:].split(".")[:2])
    return 0, 0


class Node:
    """One server: a folder, a port, a unix socket beside (reached across network namespaces). wrap: words in front of it."""

    def __init__(self, name, command, folder, *options, wrap=(), bind="127.0.0.1", env=None):
        self.name, self.port, self.process = name, free_port(), None
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.socket = os.path.join(self.folder, "sock")
        self.config = os.path.join(self.folder, "conf")
        words = ["--port", str(self.port), "--bind", bind, "--dir", self.folder, "--unixsocket", self.socket, *options]
        with open(self.config, "w") as f:
            f.write(as_config(words))
        self.command = [*wrap, os.path.abspath(command[0]) if "/" in command[0] else command[0], *command[1:], self.config]
        self.env = dict(os.environ, **env) if env else None
        self.log = os.path.join(self.folder, "log")

    def launch(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=self.env)

    def start(self, seconds=60):
        """Until it answers; it may still be loading."""
        self.launch()
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.client(timeout=2).call("PING")
                return self
            except RuntimeError as e:
                if str(e).startswith(("LOADING", "MASTERDOWN")):
                    return self
                raise
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("%s does not start, see %s" % (self.name, self.log))

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait()

    def kill(self):
        self.stop(signal.SIGKILL)

    def client(self, timeout=120):
        return Client(self.socket, timeout)

    def call(self, *words):
        client = self.client()
        try:
            return client.call(*words)
        finally:
            client.close()

    def info(self, field):
        client = self.client()
        try:
            return client.info(field)
        finally:
            client.close()

    def number(self, field):
        return int(self.info(field))

    def logged(self, text):
        with open(self.log, errors="replace") as f:
            return sum(text in line for line in f)


def as_config(words):
    """The lines of a configuration file that say what the words of a command line say."""
    lines = []
    for word in words:
        if word.startswith("--"):
            lines.append(word[2:])
        else:
            lines[-1] += " " + (word if word else '""')
    return "\n".join(lines) + "\n"


def wait_for(what, seconds, step=0.02):
    """The first true answer of what, or its last one; an error of the connection is an answer not yet given."""
    until = time.monotonic() + seconds
    answer = None
    while True:
        try:
            answer = what()
        except (OSError, RuntimeError):
            answer = None
        if answer or time.monotonic() > until:
            return answer
        time.sleep(step)


def in_step(master, replica):
    """The link is up, and everything of the stream so far is there."""
    return replica.info("master_link_status") == "up" and \
        replica.number("slave_repl_offset") >= master.number("master_repl_offset")


def wait_in_step(master, replica, seconds=60):
    return wait_for(lambda: in_step(master, replica), seconds, 0.05)


def scan(client):
    """All names of the selected database. What is due is deleted by it."""
    cursor = b"0"
    while True:
        cursor, names = client.call("SCAN", cursor, "COUNT", 1000)
        yield from names
        if cursor == b"0":
            return


def delete_due(node):
    """A redis-server takes its time over the few keys among many whose time has come, and its digest counts them until then."""
    client = node.client()
    for db in range(16):
        client.call("SELECT", db)
        for _ in scan(client):
            pass
    client.close()


def same_digest(master, replica, seconds=20):
    """Nobody writes."""
    def compare():
        if not in_step(master, replica):
            return False
        digests = [node.call("DEBUG", "DIGEST") for node in (master, replica)]
        if digests[0] == digests[1]:
            return digests[0] != b"0" * 40
        delete_due(master)
        return False
    return bool(wait_for(compare, seconds, 0.3))


def differences(master, replica, most=5):
    """A few keys that are not the same, for the report."""
    found = []
    a, b = master.client(), replica.client()
    for db in range(16):
        a.call("SELECT", db)
        b.call("SELECT", db)
        keys = {}
        for side, client in enumerate((a, b)):
            for name in scan(client):
                keys[name] = keys.get(name, 0) | 1 << side
        for name, sides in keys.items():
            if sides != 3:
                found.append("db %d %r only in %s" % (db, name, (master.name, replica.name)[sides - 1]))
            elif a.call("DEBUG", "DIGEST-VALUE", name) != b.call("DEBUG", "DIGEST-VALUE", name):
                found.append("db %d %r differs" % (db, name))
            if len(found) >= most:
                return found
    return found


def check_same(report, master, replica, text, seconds=20):
    if report.check(same_digest(master, replica, seconds), text):
        return True
    try:
        for line in differences(master, replica):
            report.note(line)
    except (OSError, RuntimeError) as e:
        report.note("cannot compare: %s" % e)
    return False
