#!/usr/bin/env python3
"""The listener of modules/sample: logins, commands, queries that stream and that lose their client, limits, options, unloading,
and SIGTERM under load. Ends with `N passed, N failed`."""
import argparse
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "utils"))
from orbit_client import Client, Server, free_port

passed = failed = 0


def check(name, ok, seen=""):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print(f"FAIL {name}: {seen}")


def error_of(client, *words):
    try:
        return "no error: %r" % client.call(*words)
    except RuntimeError as e:
        return str(e)


def wait_for(what):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return False


class Line:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.sock.makefile("rb")

    def send(self, text):
        self.sock.sendall(text.encode() + b"\n")

    def read(self):
        try:
            return self.file.readline().decode().rstrip("\n")
        except ConnectionError:
            return ""

    def ask(self, text):
        self.send(text)
        return self.read()

    def close(self):
        self.file.close()
        self.sock.close()


def test_login(client, port):
    client.call("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+get")
    client.call("ACL", "SETUSER", "all", "on", ">secret", "~*", "&*", "+@all")
    client.call("ACL", "LOG", "RESET")
    line = Line(port)
    check("ping", line.ask("PING") == "+PONG")
    answer = line.ask("AUTH reader wrong")
    check("login refused", answer.startswith("-WRONGPASS"), answer)
    log = client.call("ACL", "LOG")
    check("stands in ACL LOG", len(log) == 1 and b"reader" in log[0] and b"auth" in log[0], log)
    check("login", line.ask("AUTH reader secret") == "+OK")
    check("in CLIENT LIST", b"user=reader" in client.call("CLIENT", "LIST"))
    answer = line.ask("SET k v")
    check("rules hold", answer.startswith("-NOPERM"), answer)
    answer = line.ask("QUERY RANGE 0 1")
    check("no queries for it", "need a user" in answer, answer)
    check("login again", line.ask("AUTH all secret") == "+OK")
    check("command", line.ask("SET k v") == "+OK" and client.call("GET", "k") == b"v")
    check("not over this", line.ask("SUBSCRIBE x").startswith("-ERR this command"))
    client.call("ACL", "DELUSER", "all")
    check("goes with its user", line.read() == "")
    line.close()


def test_commands(client, port):
    line = Line(port)
    line.sock.sendall(b"".join(b"INCR n\n" for _ in range(3000)))
    check("pipeline", [line.read() for _ in range(3000)] == ["+%d" % (i + 1) for i in range(3000)])
    line.send("BLPOP list 0")
    check("blocked", wait_for(lambda: client.info("blocked_clients") == "1"))
    client.call("RPUSH", "list", "x")
    check("woken", line.read() == "+")
    line.send("BLPOP list 0")
    wait_for(lambda: client.info("blocked_clients") == "1")
    line.close()
    check("goes while blocked", wait_for(lambda: client.info("blocked_clients") == "0"))
    line = Line(port)
    check("quit", line.ask("QUIT") == "+BYE" and line.read() == "")
    line.close()
    line = Line(port)
    try:
        line.sock.sendall(b"x" * 200000)
    except ConnectionError:
        pass
    check("endless line", line.read() == "")
    line.close()


def test_queries(client, port):
    line = Line(port)
    line.send("QUERY RANGE 0 100000")
    rows = [line.read() for _ in range(100001)]
    check("rows", rows[3] == "3\t9" and rows[99999].startswith("99999\t") and rows[-1] == "+rows", rows[-1])
    check("syntax", line.ask("QUERY x").startswith("-expected: RANGE"))
    before = int(client.info("sample_rows_total"))
    line.send("QUERY RANGE 0 50000000")
    time.sleep(1)
    seen = int(client.info("sample_rows_total"))
    time.sleep(0.5)
    check("waits for a slow reader", int(client.info("sample_rows_total")) - seen < 2000 and seen - before < 2000000, seen)
    check("runs", client.info("queries_running") == "1")
    cancelled = int(client.info("queries_cancelled"))
    line.close()
    check("ends with its client", wait_for(lambda: client.info("queries_running") == "0"))
    check("cancelled", int(client.info("queries_cancelled")) == cancelled + 1)
    line = Line(port)
    line.send("QUERY RANGE 0 1000000 SLEEP 1000")
    check("sleeps", wait_for(lambda: client.info("queries_running") == "1"))
    line.close()
    check("ends asleep", wait_for(lambda: client.info("queries_running") == "0"))


def test_limits(client, port):
    wait_for(lambda: "connections=0" in client.info("listener_line"))
    client.call("CONFIG", "SET", "sample.line-max-connections", "2")
    lines = [Line(port) for _ in range(2)]
    check("two", [x.ask("PING") for x in lines] == ["+PONG"] * 2)
    third = Line(port)
    check("no third", third.read() == "")
    third.close()
    check("counted", "connections=2" in client.info("listener_line") and "rejected=1" in client.info("listener_line"))
    client.call("CONFIG", "SET", "sample.line-max-connections", "100")
    client.call("CONFIG", "SET", "sample.line-idle-timeout", "1")
    check("idle", lines[0].read() == "" and lines[1].read() == "")
    client.call("CONFIG", "SET", "sample.line-idle-timeout", "0")
    for x in lines:
        x.close()


def test_options(client, server, port, module):
    other = free_port()
    text = error_of(client, "CONFIG", "SET", "sample.line-port", str(server.port))
    check("port in use", "no error" not in text, text)
    line = Line(port)
    check("former port stays", line.ask("PING") == "+PONG")
    check("move", client.call("CONFIG", "SET", "sample.line-port", str(other)) == b"OK")
    check("old clients stay", line.ask("PING") == "+PONG")
    text = error_of(client, "MODULE", "UNLOAD", "sample")
    check("not unloaded with clients", "clients are connected" in text, text)
    line.close()
    wait_for(lambda: "connections=0" in client.info("listener_line"))
    check("unload", client.call("MODULE", "UNLOAD", "sample") == b"OK" and client.info("listener_line") is None)
    check("load", client.call("MODULE", "LOADEX", module, "CONFIG", "sample.line-port", str(port)) == b"OK")
    line = Line(port)
    check("listens again", line.ask("PING") == "+PONG")
    line.close()


def test_tls(client, port, folder):
    check("no TLS without certificates", "no error" not in error_of(client, "CONFIG", "SET", "sample.line-tls", "yes"))
    if not shutil.which("openssl"):
        return
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=localhost"], check=True, capture_output=True)
    client.call("CONFIG", "SET", "tls-key-file", key, "tls-cert-file", cert, "tls-ca-cert-file", cert, "tls-auth-clients", "no")
    check("TLS on", client.call("CONFIG", "SET", "sample.line-tls", "yes") == b"OK")
    context = ssl.create_default_context(cafile=cert)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as raw, context.wrap_socket(raw, server_hostname="localhost") as s:
        f = s.makefile("rb")
        s.sendall(b"PING\nQUERY RANGE 0 100000\n")
        lines = [f.readline() for _ in range(100002)]
        check("over TLS", lines[0] == b"+PONG\n" and lines[-1] == b"+rows\n", lines[-1])
        f.close()
    plain = Line(port)
    check("plain is refused", plain.ask("PING") != "+PONG")
    plain.close()
    check("TLS off", client.call("CONFIG", "SET", "sample.line-tls", "no") == b"OK")


def test_stop(server, port):
    lines = [Line(port) for _ in range(20)]
    for i, x in enumerate(lines):
        x.send("QUERY RANGE 0 50000000" if i % 2 else "BLPOP nothing 0")
    lines[0].sock.sendall(b"INCR load\n" * 2000)
    time.sleep(0.3)
    begun = time.monotonic()
    server.stop()
    check("stops under load", time.monotonic() - begun < 10 and server.process.returncode == 0, server.process.returncode)
    for x in lines:
        x.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--server", default="bin/orbit-server")
    p.add_argument("--module", default="bin/modules/sample.so")
    args = p.parse_args()
    module = os.path.abspath(args.module)
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(args.server, folder, "--enable-module-command", "yes", "--loadmodule", module, "--sample.line-port", str(port))
        server.start()
        client = Client(server.port)
        test_login(client, port)
        test_commands(client, port)
        test_queries(client, port)
        test_limits(client, port)
        test_options(client, server, port, module)
        test_tls(client, port, folder)
        test_stop(server, port)
        if failed:
            with open(server.log.name, encoding="utf-8", errors="replace") as f:
                print(f.read()[-3000:])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
