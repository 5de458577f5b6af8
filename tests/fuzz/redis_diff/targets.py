"""The two servers: started here, spoken to through one pipelined connection each."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "utils"))
from orbit_client import Server, free_port


class Tagged(tuple):
    """A reply that is neither bulk, integer nor array: (type byte, content)."""


NULL = Tagged((b"_", None))
NULL_ARRAY = Tagged((b"*", None))


def parse(data, at):
    """The reply that begins at `at`, and where the next one begins."""
    kind = data[at]
    end = data.index(b"\r\n", at)
    line = data[at + 1:end]
    at = end + 2
    if kind == 36:  # $
        n = int(line)
        if n < 0:
            return NULL, at
        return data[at:at + n], at + n + 2
    if kind == 58:  # :
        return int(line), at
    if kind == 42:  # *
        n = int(line)
        if n < 0:
            return NULL_ARRAY, at
        out = []
        for _ in range(n):
            item, at = parse(data, at)
            out.append(item)
        return out, at
    if kind in b"+-,#(":
        return Tagged((bytes([kind]), line)), at
    if kind == 95:  # _
        return NULL, at
    if kind in b"~>":
        out = []
        for _ in range(int(line)):
            item, at = parse(data, at)
            out.append(item)
        return Tagged((bytes([kind]), out)), at
    if kind == 37:  # %
        out = []
        for _ in range(2 * int(line)):
            item, at = parse(data, at)
            out.append(item)
        return Tagged((b"%", out)), at
    if kind == 61:  # =
        n = int(line)
        return Tagged((b"=", data[at:at + n])), at + n + 2
    raise ValueError("odd reply %r" % data[at - 20:at + 20])


def encode(argv):
    out = [b"*%d\r\n" % len(argv)]
    for w in argv:
        if not isinstance(w, bytes):
            w = str(w).encode("latin-1")
        out.append(b"$%d\r\n%s\r\n" % (len(w), w))
    return b"".join(out)


class Link:
    """A connection. exchange sends many commands and answers the bytes of all their replies."""

    def __init__(self, port, resp3=False, db=0):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.serial = 0
        if resp3:
            self.call("HELLO", "3")
        if db:
            self.call("SELECT", db)

    def send(self, payload):
        """Ends with an ECHO of its own, so that the end of the replies is known without parsing them."""
        self.serial += 1
        self.mark = b"end-of-batch-%d" % self.serial
        self.sock.sendall(payload + encode(["ECHO", self.mark]))

    def receive(self):
        tail = b"$%d\r\n%s\r\n" % (len(self.mark), self.mark)
        parts, last = [], b""
        while not last.endswith(tail):
            got = self.sock.recv(1 << 20)
            if not got:
                raise ConnectionError("the server closed the connection")
            parts.append(got)
            last = got if len(got) >= len(tail) else (last + got)[-2 * len(tail):]
        return b"".join(parts)[:-len(tail)]

    def call(self, *argv):
        self.send(encode(argv))
        data = self.receive()
        reply, at = parse(data, 0)
        if at != len(data):
            raise ValueError("more than one reply to %r" % (argv,))
        return reply

    def close(self):
        self.sock.close()


class Reference:
    """A redis-server of our own, or one that runs already."""

    def __init__(self, program, port, folder):
        self.name = "redis"
        self.process = None
        self.port = port
        if not port:
            self.port = free_port()
            self.process = subprocess.Popen(
                [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder,
                 "--enable-debug-command", "yes"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait()
        info = Link(self.port).call("INFO", "server").decode()
        self.version = tuple(int(n) for n in info.split("redis_version:", 1)[1].split()[0].split("."))

    def wait(self):
        begun = time.monotonic()
        while time.monotonic() - begun < 60:
            try:
                if Link(self.port).call("PING") == (b"+", b"PONG"):
                    return
            except OSError:
                time.sleep(0.02)
        sys.exit("the reference server does not answer on port %d" % self.port)

    def alive(self):
        return self.process is None or self.process.poll() is None

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


class Orbit:
    """The server under test. restarts: it was started here and may be stopped and killed."""

    def __init__(self, program, port, folder, options):
        self.name = "orbit"
        self.server = None
        self.port, self.folder = port, folder
        if not port:
            self.server = Server(program, folder, "--enable-debug-command", "yes", *options)
            self.server.start()
            self.port = self.server.port
            self.command = self.server.command

    @property
    def restarts(self):
        return self.server is not None

    def restart(self, how, settings):
        """The new process begins with these settings, because reading the log back goes by them."""
        self.server.stop(how)
        self.server.command = self.command + [w for name, value in settings for w in ("--" + name, str(value))]
        try:
            self.server.start()
        except SystemExit as e:
            raise OSError(e)

    def begin_anew(self):
        """After it has ended, or would not start: with nothing in its folder but the log."""
        shutil.rmtree(os.path.join(self.folder, "data"), ignore_errors=True)
        self.server.command = self.command
        self.server.start()

    def stop(self):
        if self.server and self.server.process.poll() is None:
            self.server.stop(signal.SIGKILL)
