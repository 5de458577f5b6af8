#!/usr/bin/env python3
"""Integration tests of the RESP listener and of the server as a process.

  resp.py --server PROGRAM [WORD...]    WORD: run only tests whose name has it
"""
import argparse
import os
import random
import re
import resource
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time
import traceback

from harness import Client, Reply, Server, eventually

SANITIZED = os.environ.get("ORBIT_VARIANT") == "asan"


def error_of(client, *words):
    try:
        client.call(*words)
    except Reply as e:
        return str(e)
    raise AssertionError("no error: %r" % (words,))


# -- hostile clients ------------------------------------------------------------------------------

def test_half_command_and_hang_up():
    with Server() as s:
        other = s.client()
        whole = Client.encode("SET", "half", "x" * 1000)
        for cut in range(1, len(whole) - 1, 7):
            c = s.client()
            c.send(whole[:cut])
            c.close()
        assert other.call("EXISTS", "half") == 0
        assert other.call("PING") == b"PONG"
        eventually("the connections are gone", lambda: b"connected_clients:1\r" in other.call("INFO", "clients"))


def test_garbage_bytes():
    noise = random.Random(7)
    with Server() as s:
        other = s.client()
        for size in (1, 10, 1000, 100000):
            for first in (b"", b"*", b"$", b"*1\r\n", b"*2\r\n$3\r\nGET\r\n$", b"\x00\xff", b"*-1\r\n*"):
                c = s.client()
                try:
                    c.send(first + noise.randbytes(size))
                except OSError:
                    pass
                c.close()
                assert other.call("PING") == b"PONG"


def test_oversized_lengths():
    cases = {
        b"*3000000000\r\n": "invalid multibulk length",
        b"*99999999999999999999\r\n": "invalid multibulk length",
        b"*1\r\n$2000000000\r\n": "invalid bulk length",
        b"*1\r\n$-1\r\n": "invalid bulk length",
        b"*1\r\nfoo\r\n": "expected '$', got 'f'",
        b"a" * 70000: "too big inline request",
        b"*" + b"1" * 70000: "too big mbulk count string",
        b"*1\r\n$" + b"1" * 70000: "too big bulk count string",
        b"set \"a\r\n": "unbalanced quotes in request",
    }
    with Server() as s:
        for bad, text in cases.items():
            c = s.client()
            c.send(b"PING\r\n" + bad)
            assert c.read() == b"PONG"
            try:
                c.read()
                raise AssertionError("taken: %r" % bad[:20])
            except Reply as e:
                assert str(e) == "ERR Protocol error: " + text, str(e)
            assert c.closed()


def test_unauthenticated_clients_send_little():
    with Server("--requirepass", "secret") as s:
        for bad, text in ((b"*11\r\n", "unauthenticated multibulk length"),
                          (b"*1\r\n$16385\r\n", "unauthenticated bulk length")):
            c = s.client()
            c.send(bad)
            try:
                c.read()
                raise AssertionError("taken")
            except Reply as e:
                assert text in str(e)
        c = s.client()
        # The larger argument comes in the same packet as the password.
        c.send(Client.encode("AUTH", "secret") + Client.encode("SET", "k", "v" * 20000))
        assert c.read() == b"OK" and c.read() == b"OK"


def test_announced_length_costs_no_memory():
    with Server() as s:
        before = s.rss()
        held = [s.client() for _ in range(50)]
        for c in held:
            c.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n" + b"x" * 1000)
        assert s.client().call("PING") == b"PONG"
        if not SANITIZED:
            assert s.rss() - before < 50 * 1024 * 1024, s.rss() - before
        for c in held:
            c.close()


def test_slow_reader_is_closed_and_others_go_on():
    with Server("--client-output-buffer-limit", "normal 5mb 0 0") as s:
        good = s.client()
        good.call("SET", "big", "x" * 100000)
        slow = s.client()
        slow.call("CLIENT", "SETNAME", "slow")
        slow.send(Client.encode("GET", "big") * 400)
        worst = 0.0
        for _ in range(200):
            start = time.monotonic()
            assert good.call("PING") == b"PONG"
            worst = max(worst, time.monotonic() - start)
        assert worst < 1.0, worst
        eventually("the slow reader is closed", lambda: b"name=slow" not in good.call("CLIENT", "LIST"))
        assert "output buffer limits" in s.log()


def test_slow_reader_gets_everything_in_the_end():
    with Server() as s:
        c = s.client()
        c.call("SET", "big", "y" * 1000000)
        c.send(Client.encode("GET", "big") * 30 + Client.encode("PING"))
        time.sleep(0.3)
        for _ in range(30):
            assert c.read() == b"y" * 1000000
        assert c.read() == b"PONG"


def test_a_client_that_never_stops_asking_gets_its_answers():
    """Its socket is full at times while new commands come in every tick. It goes on asking until it has got many answers: a
    server that only sends once the questions stop lets it ask until the time is up."""
    import threading
    with Server() as s:
        c = s.client()
        c.call("SET", "big", "z" * 5000)
        batch, enough, asked, answered = 10, 2000, [0], threading.Event()
        deadline = time.monotonic() + 20

        def ask():
            while not answered.is_set() and time.monotonic() < deadline:
                c.send(Client.encode("GET", "big") * batch)
                asked[0] += batch
        writer = threading.Thread(target=ask)
        writer.start()
        for _ in range(enough):
            assert len(c.read()) == 5000
        in_time = time.monotonic() < deadline
        answered.set()
        received = enough
        while writer.is_alive() or received < asked[0]:
            if received < asked[0]:
                assert len(c.read()) == 5000
                received += 1
        assert in_time, "answers came only after the questions"


def test_soft_output_limit():
    with Server("--client-output-buffer-limit", "pubsub 0 100kb 1") as s:
        pub, sub = s.client(), s.client()
        sub.call("SUBSCRIBE", "ch")
        gone = eventually("the subscriber is closed", lambda: pub.call("PUBLISH", "ch", "x" * 50000) == 0)
        assert gone


def test_pipelines_of_all_sizes():
    with Server() as s:
        c = s.client()
        noise = random.Random(3)
        want = []
        data = []
        for i in range(20000):
            v = b"%d" % noise.getrandbits(64) * noise.choice((1, 1, 1, 5, 200))
            data.append(Client.encode("SET", "k%d" % (i % 500), v) + Client.encode("GET", "k%d" % (i % 500)))
            want += [b"OK", v]
        text = b"".join(data)
        import threading
        writer = threading.Thread(target=c.send, args=(text,))
        writer.start()
        for w in want:
            assert c.read() == w
        writer.join()


def test_bytes_one_by_one():
    with Server() as s:
        c = s.client()
        for b in Client.encode("SET", "slow", "a\r\nb") + b"get slow\r\n" + b"\r\n" + b"PING\r\n":
            c.send(bytes([b]))
        assert [c.read(), c.read(), c.read()] == [b"OK", b"a\r\nb", b"PONG"]


def test_large_values():
    with Server() as s:
        c = s.client()
        big = os.urandom(1 << 20) * 40
        assert c.call("SET", "big", big) == b"OK"
        assert c.call("GET", "big") == big
        assert c.call("STRLEN", "big") == len(big)


def test_paused_clients_go_on_in_order():
    with Server() as s:
        boss, c, gone = s.client(), s.client(), s.client()
        boss.call("CLIENT", "PAUSE", "400", "WRITE")
        gone.send(Client.encode("SET", "gone", "1"))
        text = b"".join(Client.encode("SET", "k%d" % i, i) + Client.encode("GET", "k%d" % i) for i in range(1000))
        start = time.monotonic()
        c.send(Client.encode("PING") + text[:5000])
        assert c.read() == b"PONG"
        gone.close()
        c.send(text[5000:])
        for i in range(1000):
            assert c.read() == b"OK" and c.read() == b"%d" % i
        assert time.monotonic() - start > 0.3
        assert boss.call("EXISTS", "gone") == 0


def test_client_reply_off_and_skip():
    with Server() as s:
        c, other = s.client(), s.client()
        c.send(b"".join(Client.encode(*words) for words in (
            ("CLIENT", "REPLY", "SKIP"), ("SET", "a", "1"), ("GET", "a"), ("CLIENT", "REPLY", "OFF"), ("GET", "a"),
            ("SET", "a", "2"), ("CLIENT", "REPLY", "ON"), ("GET", "a"))))
        assert [c.read(), c.read(), c.read()] == [b"1", b"OK", b"2"]
        # Messages still come while answers are off.
        c.send(Client.encode("SUBSCRIBE", "ch"))
        c.read()
        c.send(Client.encode("RESET"))
        c.read()
        c.send(Client.encode("HELLO", "3"))
        eventually("HELLO is answered", lambda: b"modules" in c.file.readline())
        c.file.readline()
        c.send(Client.encode("SUBSCRIBE", "ch"))
        assert [c.file.readline() for _ in range(6)][0] == b">3\r\n"
        c.send(Client.encode("CLIENT", "REPLY", "OFF") + Client.encode("PING"))
        eventually("the message is delivered", lambda: other.call("PUBLISH", "ch", "m") == 1)
        assert [c.file.readline() for _ in range(7)][0] == b">3\r\n"


def test_query_buffer_limit():
    with Server("--client-query-buffer-limit", "1mb") as s:
        c = s.client()
        try:
            c.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n" + b"x" * 3000000)
        except OSError:
            pass
        assert c.closed()
        assert "max query buffer length" in s.log()


def test_idle_clients_are_closed_after_timeout():
    with Server("--timeout", "1") as s:
        idle, sub = s.client(), s.client()
        sub.call("SUBSCRIBE", "ch")
        assert idle.closed()
        s.client().call("PUBLISH", "ch", "m")
        assert sub.read() == [b"message", b"ch", b"m"]


def test_maxclients():
    with Server("--maxclients", "5") as s:
        held = [s.client()]
        eventually("the harness's own connection is gone",
                   lambda: b"connected_clients:1\r" in held[0].call("INFO", "clients"))
        held += [s.client() for _ in range(4)]
        for c in held:
            assert c.call("PING") == b"PONG"
        extra = s.client()
        try:
            extra.read()
            raise AssertionError("let in")
        except Reply as e:
            assert str(e) == "ERR max number of clients reached"
        held.pop().close()
        eventually("there is room again", lambda: try_ping(s))


def try_ping(s):
    try:
        return s.client().call("PING") == b"PONG"
    except (Reply, OSError):
        return False


def test_ten_thousand_idle_connections():
    want = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < want + 200:
        want = hard - 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(want + 200, hard) if hard > 0 else want + 200, hard))
    try:
        with Server("--tcp-backlog", "4096", "--maxclients", str(want + 10)) as s:
            c = s.client()
            c.call("PING")
            before = s.rss()
            held = [s.client() for _ in range(want)]
            eventually("all are connected",
                       lambda: int(re.search(rb"connected_clients:(\d+)", c.call("INFO", "clients"))[1]) == want + 1)
            grown = s.rss() - before
            if not SANITIZED:
                assert grown < 25 * 1024 * 1024, "%d bytes for %d connections" % (grown, want)
            # Each has used its buffers once; some seconds later they are given back.
            for k in held:
                assert k.call("PING") == b"PONG"
            start = time.monotonic()
            assert c.call("PING") == b"PONG"
            assert time.monotonic() - start < 0.5
            idle = re.compile(rb"qbuf=0 qbuf-free=0")
            eventually("buffers of idle clients are freed",
                       lambda: len(idle.findall(c.call("CLIENT", "LIST"))) >= want - 10)
            for k in held:
                k.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# -- listeners ------------------------------------------------------------------------------------

def test_unix_socket():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "sock")
        with Server("--unixsocket", path, "--unixsocketperm", "700") as s:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(path)
            c = Client(sock)
            assert c.call("PING") == b"PONG"
            assert ("addr=%s:0" % path).encode() in c.call("CLIENT", "LIST")
            assert "Ready to accept connections unix" in s.log()
            s.stop()
            assert not os.path.exists(path)


def test_bind_addresses():
    with Server("--bind", "127.0.0.1 -::1 -127.99.99.99") as s:
        assert s.client().call("PING") == b"PONG"
    with Server("--bind", "192.0.2.77", wait=False) as s:
        assert s.process.wait(20) == 1
        assert "192.0.2.77" in s.log() and "Failed listening on port" in s.log(), s.log()


def test_port_in_use():
    with Server() as first:
        with Server("--port", str(first.port), wait=False) as second:
            assert second.process.wait(20) == 1
            assert "Failed listening on port %d" % first.port in second.log(), second.log()


def test_protected_mode():
    address = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
    address = [a for a in address if "." in a and not a.startswith("127.")]
    if not address:
        return
    with Server("--bind", "*") as s:
        outside = Client.tcp(s.port, address[0])
        try:
            outside.read()
            raise AssertionError("let in")
        except Reply as e:
            assert str(e).startswith("DENIED ") and "protected mode" in str(e)
        assert s.client().call("CONFIG", "SET", "protected-mode", "no") == b"OK"
        assert Client.tcp(s.port, address[0]).call("PING") == b"PONG"


def make_certificates(d):
    def run(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=d)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca",
        "-days", "30")
    for name in ("server", "alice"):
        run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        run("x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out",
            name + ".crt", "-days", "30")
    run("rsa", "-in", "server.key", "-aes256", "-passout", "pass:1234", "-out", "locked.key")


def tls_client(port, d, certificate=None, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(os.path.join(d, "ca.crt"))
    if certificate:
        context.load_cert_chain(os.path.join(d, certificate + ".crt"), os.path.join(d, certificate + ".key"))
    if version:
        context.minimum_version = context.maximum_version = version
    return Client(context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10)))


def tls_works(*args, **kwargs):
    try:
        return tls_client(*args, **kwargs).call("PING") == b"PONG"
    except (OSError, ConnectionError):
        return False


def test_tls():
    with tempfile.TemporaryDirectory() as d:
        make_certificates(d)
        port = socket.create_server(("127.0.0.1", 0))
        tls_port = port.getsockname()[1]
        port.close()
        path = lambda name: os.path.join(d, name)
        with Server("--tls-port", str(tls_port), "--tls-cert-file", path("server.crt"), "--tls-key-file",
                    path("server.key"), "--tls-ca-cert-file", path("ca.crt")) as s:
            plain = s.client()
            assert not tls_works(tls_port, d)
            assert tls_works(tls_port, d, "alice")
            c = tls_client(tls_port, d, "alice")
            big = os.urandom(3000000)
            c.send(Client.encode("SET", "k", big) + Client.encode("GET", "k") * 5)
            assert c.read() == b"OK"
            for _ in range(5):
                assert c.read() == big
            # many small commands in one record and across records
            c.send(Client.encode("PING") * 20000)
            for _ in range(20000):
                assert c.read() == b"PONG"
            raw = Client.tcp(tls_port)
            raw.send(Client.encode("PING"))
            assert raw.closed()
            plain.call("CONFIG", "SET", "tls-auth-clients", "optional")
            assert tls_works(tls_port, d)
            plain.call("CONFIG", "SET", "tls-auth-clients", "no")
            assert tls_works(tls_port, d)
            plain.call("CONFIG", "SET", "tls-protocols", "TLSv1.2")
            assert not tls_works(tls_port, d, version=ssl.TLSVersion.TLSv1_3)
            assert tls_works(tls_port, d, version=ssl.TLSVersion.TLSv1_2)
            assert "Unable to update TLS" in error_of(plain, "CONFIG", "SET", "tls-key-file", path("locked.key"))
            plain.call("CONFIG", "SET", "tls-key-file-pass", "1234")
            plain.call("CONFIG", "SET", "tls-key-file", path("locked.key"))
            assert tls_works(tls_port, d)
            assert c.call("PING") == b"PONG", "open connections stay"


def test_tls_to_the_master():
    def link(c):
        return b"master_link_status:up" in c.call("INFO", "replication")

    with tempfile.TemporaryDirectory() as d, tempfile.TemporaryDirectory() as other:
        make_certificates(d)
        make_certificates(other)
        port = socket.create_server(("127.0.0.1", 0))
        tls_port = port.getsockname()[1]
        port.close()
        path = lambda name: os.path.join(d, name)
        ours = ["--tls-cert-file", path("server.crt"), "--tls-key-file", path("server.key"), "--tls-ca-cert-file",
                path("ca.crt")]
        with Server("--tls-port", str(tls_port), *ours) as master, \
                Server("--tls-replication", "yes", *ours) as replica:
            m, r = master.client(), replica.client()
            big = os.urandom(3000000)
            m.call("SET", "before", big)
            r.call("REPLICAOF", "127.0.0.1", str(tls_port))
            eventually("the link", lambda: link(r))
            assert r.call("GET", "before") == big
            m.call("SET", "after", big)
            eventually("the change", lambda: r.call("GET", "after") == big)
            # Another certificate of its own, which has a key with a passphrase.
            r.call("CONFIG", "SET", "tls-client-cert-file", path("server.crt"), "tls-client-key-file", path("locked.key"))
            r.call("REPLICAOF", "NO", "ONE")
            r.call("REPLICAOF", "127.0.0.1", str(tls_port))
            eventually("the reason in the log", lambda: "Failed to load private key" in replica.log())
            r.call("CONFIG", "SET", "tls-client-key-file-pass", "1234")
            eventually("the link", lambda: link(r))
            # A master that nobody vouches for is not followed.
            r.call("REPLICAOF", "NO", "ONE")
            r.call("CONFIG", "SET", "tls-ca-cert-file", os.path.join(other, "ca.crt"))
            r.call("REPLICAOF", "127.0.0.1", str(tls_port))
            eventually("the reason in the log", lambda: "certificate verify failed" in replica.log())
            assert not link(r)
            # Nor is anybody followed in the clear.
            r.call("REPLICAOF", "127.0.0.1", str(master.port))
            eventually("the reason in the log", lambda: "wrong version number" in replica.log() or "record" in replica.log())
            assert not link(r)


# -- the process ----------------------------------------------------------------------------------

def test_data_survives_sigterm_and_kill():
    with tempfile.TemporaryDirectory() as d:
        for i, signum in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGKILL)):
            with Server(directory=d) as s:
                c = s.client()
                for k in range(i):
                    assert c.call("GET", "key%d" % k) == b"v%d" % k
                assert c.call("SET", "key%d" % i, "v%d" % i) == b"OK"
                status = s.stop(signum)
                assert status == (-9 if signum == signal.SIGKILL else 0), status
                if signum != signal.SIGKILL:
                    assert "bye bye" in s.log()
        with Server(directory=d) as s:
            assert s.client().call("DBSIZE") == 4


def pipeline_until_refused(c, round_number):
    """One pipeline of SET, GET and ECHO; returns what was acknowledged, and whether something was refused."""
    acknowledged, refused, data, asked = {}, 0, [], []
    for i in range(40):
        key, value = "k%d:%d" % (round_number, i), b"%d" % i * 5000
        data.append(Client.encode("SET", key, value) + Client.encode("GET", key) + Client.encode("ECHO", "e%d" % i))
        asked.append((key, value, b"e%d" % i))
    c.send(b"".join(data))
    for key, value, echo in asked:
        for want in (b"OK", value, echo):
            try:
                got = c.read()
                absent = want == value and key not in acknowledged and got is None
                assert got == want or absent, "out of step: %r" % got
                if want == b"OK":
                    acknowledged[key] = value
            except Reply as e:
                assert "MISCONF" in str(e), str(e)
                refused += 1
    return acknowledged, refused


def test_failed_log_write_answers_every_command_of_the_tick():
    """The log cannot grow any more in the middle of pipelines: each command still gets one reply, none is a false OK."""
    with tempfile.TemporaryDirectory() as d:
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, old[1]))
        try:
            s = Server("--fold-interval", "3600000", directory=d)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        with s:
            c, reader, kept, refused = s.client(), s.client(), {}, 0
            for i in range(200):
                acknowledged, refused = pipeline_until_refused(c, i)
                kept.update(acknowledged)
                if refused:
                    break
            assert refused, "the limit was never met"
            assert reader.call("ECHO", "x") == b"x"
            assert reader.call("GET", next(iter(kept))) == next(iter(kept.values()))
            assert "MISCONF" in error_of(reader, "SET", "a", "b")
            s.stop(signal.SIGKILL)
        with Server(directory=d) as s:
            c = s.client()
            for key, value in kept.items():
                assert c.call("GET", key) == value, key


def write_long_log(d, count):
    with Server("--fold-interval", "3600000", "--log-fold-size", "1gb", "--dirty-memory", "1gb", directory=d) as s:
        c = s.client()
        for start in range(0, count, 10000):
            c.send(b"".join(Client.encode("SET", "k%d" % i, "v%d" % i) for i in range(start, start + 10000)))
            for _ in range(10000):
                assert c.read() == b"OK"
        s.stop(signal.SIGKILL)


def answers_while_loading(s, stop):
    """What PING answers from the start on, until it is stop."""
    seen = set()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            c = s.client()
            while True:
                try:
                    seen.add(c.call("PING").decode())
                except Reply as e:
                    seen.add(str(e).split()[0])
                if stop in seen:
                    return seen
        except OSError:
            if s.process.poll() is not None:
                return seen
    raise AssertionError("never answered %s" % stop)


def test_loading():
    count = 200000
    with tempfile.TemporaryDirectory() as d:
        write_long_log(d, count)
        with Server(directory=d, wait=False) as s:
            assert answers_while_loading(s, "PONG") == {"LOADING", "PONG"}
            c = s.client()
            assert c.call("DBSIZE") == count
            assert c.call("GET", "k%d" % (count - 1)) == b"v%d" % (count - 1)
            assert s.log().index("Server initialized") < s.log().index("Ready to accept")


def test_stop_while_loading():
    with tempfile.TemporaryDirectory() as d:
        write_long_log(d, 200000)
        for how in ("signal", "command"):
            with Server(directory=d, wait=False) as s:
                answers_while_loading(s, "LOADING")
                if how == "signal":
                    s.process.send_signal(signal.SIGTERM)
                else:
                    s.client().send(Client.encode("SHUTDOWN", "NOSAVE"))
                assert s.process.wait(20) == 0
        with Server(directory=d) as s:
            assert s.client().call("DBSIZE") == 200000


def test_shutdown_command():
    with tempfile.TemporaryDirectory() as d:
        with Server(directory=d) as s:
            c = s.client()
            c.send(Client.encode("SET", "a", "1") + Client.encode("SHUTDOWN"))
            assert c.read() == b"OK"
            assert c.closed()
            assert s.process.wait(20) == 0
        with Server(directory=d) as s:
            assert s.client().call("GET", "a") == b"1"
            assert "No shutdown in progress" in error_of(s.client(), "SHUTDOWN", "ABORT")


def test_two_servers_on_one_directory():
    with tempfile.TemporaryDirectory() as d:
        with Server(directory=d) as first:
            with Server("--data-dir", os.path.join(d, "data"), wait=False) as second:
                assert second.process.wait(20) == 1
                assert "is in use by another server (process %d)" % first.process.pid in second.log(), second.log()
            assert first.client().call("PING") == b"PONG"


def test_bad_data_directories():
    with tempfile.TemporaryDirectory() as d:
        file = os.path.join(d, "file")
        open(file, "w").close()
        for data, text in ((file, "Not a directory"), (os.path.join(d, "no", "where"), "No such file or directory")):
            with Server("--data-dir", data, wait=False) as s:
                assert s.process.wait(20) == 1
                assert text in s.log() and data in s.log(), s.log()
        newer = os.path.join(d, "newer")
        os.mkdir(newer)
        with open(os.path.join(newer, "format"), "w") as f:
            f.write("99\n")
        with Server("--data-dir", newer, wait=False) as s:
            assert s.process.wait(20) == 1
            assert "format 99" in s.log() and "orbit-migrate" in s.log(), s.log()


def test_read_only_data_directory():
    if os.geteuid() != 0:
        return
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        data = os.path.join(d, "data")
        os.mkdir(data, 0o500)
        words = [os.path.abspath(Server.program), "--port", "0", "--data-dir", data]
        run = subprocess.run(words, capture_output=True, text=True, timeout=20, cwd="/", check=False,
                             preexec_fn=lambda: (os.setgroups([]), os.setgid(65534), os.setuid(65534)))
        out = run.stdout + run.stderr
        assert run.returncode == 1 and "Permission denied" in out and data in out, out


def output_of(*words, stdin=None):
    run = subprocess.run([os.path.abspath(Server.program), *words], capture_output=True, text=True, input=stdin, timeout=20,
                         check=False)
    return run.returncode, run.stdout + run.stderr


def test_command_line():
    assert "Redis 7.2.5" in output_of("--version")[1]
    assert "Usage:" in output_of("--help")[1]
    with tempfile.TemporaryDirectory() as d:
        data = os.path.join(d, "root")
        status, text = output_of("init", "--data-dir", data)
        assert status == 0 and data in text, text
        assert stat.S_IMODE(os.stat(data).st_mode) == 0o750
        status, text = output_of("check-wal", "--data-dir", os.path.join(d, "nothing"))
        assert text, text
        with open(os.path.join(d, "bad.conf"), "w") as f:
            f.write("port 0\nno-such-option 1\n")
        status, text = output_of(os.path.join(d, "bad.conf"))
        assert status == 1 and "no-such-option" in text and "2" in text and "FATAL CONFIG" in text, text
        status, text = output_of("--port", "abc")
        assert status == 1 and "argument couldn't be parsed into an integer" in text, text


def test_config_from_stdin_and_file():
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "a.conf"), "w") as f:
            f.write("maxclients 77\ntimeout 5\n")
        with Server("-", stdin=b"maxclients 123\n", directory=d) as s:
            assert s.client().call("CONFIG", "GET", "maxclients")[1] == b"123"


def test_check_wal():
    with tempfile.TemporaryDirectory() as d:
        with Server(directory=d) as s:
            s.client().call("SET", "a", "b")
            status, text = output_of("check-wal", "--dir", d)
            assert status == 1 and "in use" in text, text
            s.stop(signal.SIGKILL)
        status, text = output_of("check-wal", "--dir", d)
        assert status == 0, text


def test_pidfile_and_ignored_signals():
    with tempfile.TemporaryDirectory() as d:
        pidfile = os.path.join(d, "pid")
        with Server("--pidfile", pidfile, directory=d) as s:
            eventually("pid file", lambda: os.path.exists(pidfile))
            with open(pidfile) as f:
                assert int(f.read()) == s.process.pid
            for ignored in (signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1):
                s.process.send_signal(ignored)
            assert s.client().call("PING") == b"PONG"
            s.stop()
            assert not os.path.exists(pidfile)


def test_second_sigint_ends_at_once():
    with Server("--enable-debug-command", "yes") as s:
        c = s.client()
        # A signal ends one sleep, so there are several.
        c.send(Client.encode("DEBUG", "SLEEP", "20") * 5)
        time.sleep(0.3)
        s.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        s.process.send_signal(signal.SIGINT)
        assert s.process.wait(5) == 1
        assert "You insist" in s.log()


def test_daemonize():
    with tempfile.TemporaryDirectory() as d:
        pidfile, log = os.path.join(d, "pid"), os.path.join(d, "server.log")
        with Server("--daemonize", "yes", "--pidfile", pidfile, "--logfile", log, directory=d, wait=False) as s:
            assert s.process.wait(20) == 0
            eventually("it answers", s.listening)
            eventually("pid file", lambda: os.path.exists(pidfile) and os.path.getsize(pidfile))
            with open(pidfile) as f:
                pid = int(f.read())
            assert s.client().call("SET", "a", "b") == b"OK"
            os.kill(pid, signal.SIGTERM)
            eventually("it ends", lambda: not os.path.exists(pidfile) and not os.path.exists("/proc/%d" % pid))


def test_systemd_notification():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "notify")
        inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        inbox.bind(path)
        inbox.settimeout(20)
        with Server("--supervised", "auto", directory=d, env={"NOTIFY_SOCKET": path}) as s:
            assert b"READY=1" in inbox.recv(1000)
            s.stop()
            assert b"STOPPING=1" in inbox.recv(1000)


def test_crash_report():
    if SANITIZED:
        return
    with Server("--enable-debug-command", "yes") as s:
        s.process.send_signal(signal.SIGSEGV)
        assert s.process.wait(20) == -signal.SIGSEGV
        log = s.log()
        assert "REDIS BUG REPORT START" in log and "crashed by signal: 11" in log and "STACK TRACE" in log, log


def test_process_title():
    with Server("--proc-title-template", "{title} on {port}") as s:
        def title():
            with open("/proc/%d/cmdline" % s.process.pid, "rb") as f:
                return f.read().rstrip(b"\0").decode()
        eventually("title", lambda: title().endswith("orbit-server on %d" % s.port))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", default=Server.program)
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    Server.program = os.path.abspath(args.server)
    passed = failed = 0
    for name, test in sorted(globals().items()):
        if not name.startswith("test_") or (args.words and not any(w in name for w in args.words)):
            continue
        start = time.monotonic()
        try:
            test()
            passed += 1
            print("ok   %s (%.1f s)" % (name, time.monotonic() - start), flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print("FAIL %s" % name)
            traceback.print_exc(file=sys.stdout)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
