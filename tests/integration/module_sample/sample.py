#!/usr/bin/env python3
"""modules/sample at work: its commands, store, engine, procedure, option and metric; limits, cancelling, unloading, a kill; and,
printed only, what a long query costs another client. Ends with `N passed, N failed`."""
import argparse
import os
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "utils"))
from orbit_client import Client, Pinger, Server, encode, latency_line

passed = failed = 0


def check(name, ok, seen=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
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


def test_commands(client):
    check("count", client.call("SAMPLE.COUNT", "k", "5") == 5 and client.call("SAMPLE.COUNT", "k") == 6)
    check("count errs", "WRONGTYPE" in (client.call("RPUSH", "l", "x") and error_of(client, "SAMPLE.COUNT", "l")))
    check("note", client.call("SAMPLE.NOTE", "a", "text\0more") == b"OK" and client.call("SAMPLE.NOTE", "a") == b"text\0more")
    check("no note", client.call("SAMPLE.NOTE", "b") is None)


def test_queries(client):
    answer = client.call("SAMPLE.QUERY", "RANGE 1 4")
    check("query", answer == [[b"n", b"square"], [[1, b"1"], [2, b"4"], [3, b"9"]]], answer)
    check("no rows", client.call("SAMPLE.QUERY", "RANGE 4 1") == [[b"n", b"square"], []])
    check("many rows", client.call("SAMPLE.QUERY", "RANGE 0 10000")[1][9999] == [9999, b"99980001"])
    text = error_of(client, "SAMPLE.QUERY", "RANGE 1")
    check("syntax", text == "ERR expected: RANGE from to [SLEEP ms]", text)
    text = error_of(client, "SAMPLE.QUERY", "RANGE 0 1000 SLEEP 10", "TIMEOUT", "50")
    check("time limit", text == "ERR the query exceeded its time limit of 50 ms", text)
    check("bad option", "syntax error" in error_of(client, "SAMPLE.QUERY", "RANGE 0 1", "WHAT"))
    check("arity", "wrong number" in error_of(client, "SAMPLE.QUERY"))
    client.call("MULTI")
    client.call("SAMPLE.QUERY", "RANGE 0 1")
    answer = error_of(client, "EXEC")
    check("not in MULTI", "cannot run in a transaction" in answer, answer)
    check("not in scripts", "not allowed from script" in error_of(client, "EVAL", "return redis.call('sample.query', 'RANGE 0 1')", "0"))
    check("digits", client.call("SAMPLE.DIGITS", "307") == [[b"digit"], [[7], [0], [3]]])
    check("digits errs", "is not of type integer" in error_of(client, "SAMPLE.DIGITS", "x"))
    check("digits in its own words", "not negative" in error_of(client, "SAMPLE.DIGITS", "-1"))


def test_limits(client):
    client.call("CONFIG", "SET", "query-memory", "1mb")
    text = error_of(client, "SAMPLE.QUERY", "RANGE 0 10000000")
    check("memory limit", text.startswith("OOM the answer is larger"), text)
    client.call("CONFIG", "SET", "query-memory", "256mb")
    check("option", client.call("CONFIG", "SET", "sample.max-rows", "2") == b"OK"
          and len(client.call("SAMPLE.QUERY", "RANGE 1 9")[1]) == 2)
    check("option is read", client.call("CONFIG", "GET", "sample.max*") == [b"sample.max-rows", b"2"])
    client.call("CONFIG", "SET", "sample.max-rows", "0")
    before = int(client.info("sample_rows_total"))
    client.call("SAMPLE.QUERY", "RANGE 0 100")
    check("metric", int(client.info("sample_rows_total")) == before + 100, client.info("sample_rows_total"))


def test_cancelling(client, module):
    other = Client(client.sock.getpeername()[1])
    other.send(encode("SAMPLE.QUERY", "RANGE 0 1000000 SLEEP 1000"))
    check("runs", wait_for(lambda: client.info("queries_running") == "1"))
    text = error_of(client, "MODULE", "UNLOAD", "sample")
    check("not unloaded meanwhile", "Please wait" in text, text)
    cancelled = int(client.info("queries_cancelled"))
    other.sock.close()
    other.file.close()
    check("ends with its client", wait_for(lambda: client.info("queries_running") == "0"))
    check("was cancelled", int(client.info("queries_cancelled")) == cancelled + 1)
    check("unload", client.call("MODULE", "UNLOAD", "sample") == b"OK")
    check("gone", "unknown command" in error_of(client, "SAMPLE.QUERY", "RANGE 0 1") and client.info("sample_rows_total") is None)
    check("load", client.call("MODULE", "LOAD", module) == b"OK")
    check("the store was kept", client.call("SAMPLE.NOTE", "a") == b"text\0more")


def test_kill(server, client):
    client.call("SAMPLE.NOTE", "killed", "yes")
    client.send(encode("SAMPLE.QUERY", "RANGE 0 1000000 SLEEP 1000"))
    server.stop(signal.SIGKILL)
    server.start()
    again = Client(server.port)
    check("notes survive", again.call("SAMPLE.NOTE", "killed") == b"yes")
    check("keys survive", again.call("GET", "k") == b"6")
    again.send(encode("SAMPLE.QUERY", "RANGE 0 1000000 SLEEP 1000"))
    time.sleep(0.05)
    begun = time.monotonic()
    server.stop()
    check("stops while a query runs", time.monotonic() - begun < 10 and server.process.returncode == 0, server.process.returncode)


def measure(server, client):
    """For people: PINGs of another client with and without two queries that use the processor without pause."""
    for name, busy in (("idle", 0), ("2 long queries", 2)):
        others = [Client(server.port) for _ in range(busy)]
        for other in others:
            other.send(encode("SAMPLE.QUERY", "RANGE 0 400000000", "TIMEOUT", "2000"))
        pinger = Pinger(server.port)
        pinger.start()
        time.sleep(1.5)
        print(f"PING beside {name}: {latency_line(pinger.stop())}")
        for other in others:
            other.sock.close()
            other.file.close()
        wait_for(lambda: client.info("queries_running") == "0")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--server", default="bin/orbit-server")
    p.add_argument("--module", default="bin/modules/sample.so")
    args = p.parse_args()
    module = os.path.abspath(args.module)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(args.server, folder, "--enable-module-command", "yes", "--loadmodule", module)
        server.start()
        client = Client(server.port)
        test_commands(client)
        test_queries(client)
        test_limits(client)
        test_cancelling(client, module)
        measure(server, client)
        test_kill(server, client)
        if failed:
            with open(server.log.name, encoding="utf-8", errors="replace") as f:
                print(f.read()[-3000:])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
