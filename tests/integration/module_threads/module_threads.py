#!/usr/bin/env python3
"""A module with threads (threads.c): what they did under the lock and a client was told survives SIGKILL while other clients are
served; clients that wait go away, are timed out and unblocked; the server ends while threads fight for the lock; a child has
nothing of the server's and ends with it. Ends with `N passed, N failed`."""
import argparse
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "utils"))
from orbit_client import Client, Server, encode

ROUNDS, CLIENTS, PIPELINE, SECONDS = 3, 4, 16, 1.0
passed = failed = 0


def check(name, ok, seen=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {seen}")


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def load(port, words, key, acked):
    """Sends until the server dies; acked[key] is the highest number that was answered."""
    data = encode(words, key) * PIPELINE
    try:
        client = Client(port)
        while True:
            for n in client.pipeline(data, PIPELINE):
                acked[key] = max(acked.get(key, 0), n)
    except (ConnectionError, OSError):
        pass


def test_kill(server):
    acked = {}
    for number in range(ROUNDS):
        server.start()
        client = Client(server.port)
        for key, n in acked.items():
            found = int(client.call("GET", key) or 0)
            check(f"round {number}, {key}", found >= n, f"told {n}, found {found}")
        threads = [threading.Thread(target=load, args=(server.port, words, f"{words}:{i}", acked))
                   for i in range(CLIENTS) for words in ("THREADS.INCR", "INCR")]
        for t in threads:
            t.start()
        slowest, end = 0.0, time.monotonic() + SECONDS
        while time.monotonic() < end:
            begun = time.monotonic()
            client.call("PING")
            slowest = max(slowest, time.monotonic() - begun)
        check("others are served", slowest < 1.0, slowest)
        server.stop(signal.SIGKILL)
        for t in threads:
            t.join()
    check("threads were answered", all(acked.get(f"THREADS.INCR:{i}", 0) > 0 for i in range(CLIENTS)), acked)


def test_waiting(server):
    server.start()
    client, other = Client(server.port), Client(server.port)
    check("timeout", other.call("THREADS.WAIT", 50) == b"timeout")
    check("timeout is told", client.call("THREADS.EVENTS") == [0, 1], client.call("THREADS.EVENTS"))
    number = other.call("CLIENT", "ID")
    other.send(encode("THREADS.WAIT", 0))
    until(lambda: client.info("blocked_clients") == "1")
    check("unblocked", client.call("CLIENT", "UNBLOCK", number, "ERROR") == 1)
    try:
        seen = other.reply()
    except RuntimeError as e:
        seen = str(e)
    check("unblocked with an error", str(seen).startswith("UNBLOCKED"), seen)
    other.send(encode("THREADS.WAIT", 0))
    until(lambda: client.info("blocked_clients") == "1")
    before = client.call("THREADS.EVENTS")[0]
    other.file.close()
    other.sock.close()
    check("disconnection is told", until(lambda: client.call("THREADS.EVENTS")[0] == before + 1), client.call("THREADS.EVENTS"))
    check("nobody waits", client.info("blocked_clients") == "0")
    lost = Client(server.port)
    lost.send(encode("THREADS.INCR", "lost") * 50)
    lost.file.close()
    lost.sock.close()
    check("work for who has gone is harmless", client.call("PING") == b"PONG")


def test_end(server):
    client = Client(server.port)
    client.call("THREADS.FIGHT")
    check("fights", until(lambda: int(client.call("GET", "fights") or 0) > 100), client.call("GET", "fights"))
    waiting = Client(server.port)
    waiting.send(encode("THREADS.WAIT", 0) + encode("THREADS.INCR", "last"))
    server.process.send_signal(signal.SIGTERM)
    try:
        status = server.process.wait(20)
    except Exception as e:
        status = repr(e)
        server.stop(signal.SIGKILL)
    check("ends while threads fight", status == 0, status)


def is_there(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().split(") ")[1][0] != "Z"
    except OSError:
        return False


def held(pid):
    """What a process has open of the server's. A descriptor that is closed meanwhile is not held; a process that has gone raises."""
    files = []
    for n in os.listdir(f"/proc/{pid}/fd"):
        try:
            files.append(os.readlink(f"/proc/{pid}/fd/{n}"))
        except FileNotFoundError:
            pass
    return [f for f in files if f.startswith(("socket:", "anon_inode:")) or "/data/" in f]


def test_child(server):
    for how in (signal.SIGTERM, signal.SIGKILL):
        server.start()
        child = Client(server.port).call("THREADS.FORK")
        check("a child holds nothing of the server's", until(lambda: not held(child)), held(child))
        server.stop(how)
        check(f"a child ends with the server ({how.name})", until(lambda: not is_there(child)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--folder", required=True)
    args = parser.parse_args()
    server = Server(args.server, args.folder, "--loadmodule", f"{args.folder}/threads.so")
    test_kill(server)
    test_waiting(server)
    test_end(server)
    test_child(server)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
