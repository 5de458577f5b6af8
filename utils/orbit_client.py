"""What the measuring scripts share: a plain RESP client, a server under test, a pinger, percentiles."""
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def encode(*words):
    out = [b"*%d\r\n" % len(words)]
    for w in words:
        w = w if isinstance(w, bytes) else str(w).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(w), w))
    return b"".join(out)


class Client:
    """Of a port on loopback, or of the path of a unix socket."""

    def __init__(self, port, timeout=120):
        if isinstance(port, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(port)
        else:
            self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb", buffering=1 << 16)

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            if rest == b"-1":
                return None
            data = self.file.read(int(rest) + 2)
            if len(data) != int(rest) + 2:
                raise ConnectionError("closed")
            return data[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        raise RuntimeError("odd reply %r" % line)

    def call(self, *words):
        self.send(encode(*words))
        return self.reply()

    def pipeline(self, data, replies):
        self.send(data)
        return [self.reply() for _ in range(replies)]

    def info(self, field):
        for line in self.call("INFO", "everything").decode().splitlines():
            if line.startswith(field + ":"):
                return line.split(":", 1)[1]
        return None


class Server:
    def __init__(self, binary, folder, *options):
        self.command = [os.path.abspath(binary), "--dir", folder, "--bind", "127.0.0.1", *options]
        self.port = free_port()
        self.log = open(os.path.join(folder, "log"), "ab")

    def start(self):
        """Seconds from the start of the process to the first PONG."""
        begun = time.monotonic()
        self.process = subprocess.Popen(self.command + ["--port", str(self.port)], stdout=self.log, stderr=self.log)
        while self.process.poll() is None and time.monotonic() - begun < 120:
            try:
                if Client(self.port).call("PING") == b"PONG":
                    return time.monotonic() - begun
            except (OSError, RuntimeError):
                time.sleep(0.005)
        sys.exit("the server does not start, see %s" % self.log.name)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()

    def rss(self):
        """Resident bytes: now, highest."""
        with open("/proc/%d/status" % self.process.pid) as f:
            fields = dict(line.split(":", 1) for line in f)
        return int(fields["VmRSS"].split()[0]) * 1024, int(fields["VmHWM"].split()[0]) * 1024


def ping_until(port, pipe):
    """The measuring process must not wait for the processor itself, so it asks for a better priority than the load's."""
    try:
        os.nice(-15)
    except OSError:
        pass
    client, times = Client(port), []
    try:
        while not pipe.poll():
            begun = time.perf_counter()
            client.call("PING")
            times.append((time.perf_counter() - begun) * 1000)
            time.sleep(0.002)
    except OSError:
        pass
    pipe.send(times)


class Pinger:
    """An idle client in a process of its own: one PING every 2 ms. stop answers the milliseconds each took."""

    def __init__(self, port):
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=ping_until, args=(port, other), daemon=True)

    def start(self):
        self.process.start()

    def stop(self):
        self.pipe.send("stop")
        times = self.pipe.recv()
        self.process.join()
        return times


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))] if values else float("nan")


def latency_line(times):
    return "p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, max %.2f ms (%d PINGs)" % (
        percentile(times, 50), percentile(times, 99), percentile(times, 99.9), max(times), len(times))


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()
