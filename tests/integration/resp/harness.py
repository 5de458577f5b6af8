"""Starts servers in scratch directories and talks RESP to them."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

WAIT = 20.0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(what, test, seconds=WAIT):
    """Waits until test() is true; what says what was missing otherwise."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = test()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("did not happen in time: " + what)


class Reply(Exception):
    """An error reply."""


class Client:
    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(WAIT)
        self.file = sock.makefile("rb")

    @classmethod
    def tcp(cls, port, host="127.0.0.1"):
        return cls(socket.create_connection((host, port), WAIT))

    def send(self, data):
        self.sock.sendall(data)

    @staticmethod
    def encode(*words):
        out = [b"*%d\r\n" % len(words)]
        for w in words:
            w = w if isinstance(w, bytes) else str(w).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(w), w))
        return b"".join(out)

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise Reply(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            n = int(rest)
            return None if n < 0 else self.file.read(n + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        raise AssertionError("strange reply: %r" % line)

    def call(self, *words):
        self.send(self.encode(*words))
        return self.read()

    def closed(self):
        try:
            while self.sock.recv(65536):
                pass
            return True
        except (ConnectionResetError, BrokenPipeError):
            return True

    def close(self):
        self.file.close()
        self.sock.close()


class Server:
    program = "bin/orbit-server"

    def __init__(self, *options, directory=None, wait=True, stdin=None, env=None):
        self.own = directory is None
        self.dir = directory or tempfile.mkdtemp(prefix="orbit-resp-")
        self.port = free_port()
        self.log_path = os.path.join(self.dir, "log")
        words = [os.path.abspath(self.program), "--port", str(self.port), "--dir", self.dir, *options]
        self.log_start = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, cwd=self.dir,
                                            env={**os.environ, **(env or {})})
        if stdin is not None:
            self.process.stdin.write(stdin)
            self.process.stdin.close()
        if wait:
            self.wait_ready()

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("the server ended:\n" + self.log())
            return self.log().count("Ready to accept") > 0 and self.listening()
        eventually("Ready to accept connections", ready)

    def listening(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def log(self):
        """What this process has logged."""
        with open(self.log_path, errors="replace") as f:
            f.seek(self.log_start)
            return f.read()

    def client(self):
        return Client.tcp(self.port)

    def rss(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        return 0

    def stop(self, signum=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.process.wait(WAIT)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.own:
            shutil.rmtree(self.dir, ignore_errors=True)
