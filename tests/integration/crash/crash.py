#!/usr/bin/env python3
"""Kills the server with SIGKILL under pipelining writers, starts it again, and looks for every acknowledged write.

Each writer of strings has keys of its own and keeps, for each, the newest acknowledged value and the newest sent one. After a
kill the key must hold a value between the two. MULTI/EXEC writes the same number to two keys: they must be equal. Writers of
collections are crash_collections.py's. Prints one line a round and ends with `N passed, N failed`."""
import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "utils"))
import crash_collections
from orbit_client import Client, Server, encode

WRITERS = 6
COLLECTION_WRITERS = 4
PIPELINE = 32
KEYS = 200


class Writer(threading.Thread):
    """Writes until the connection breaks. acked and sent map a key to a number."""

    def __init__(self, number, port, state):
        super().__init__(daemon=True)
        self.number, self.port, self.state = number, port, state
        self.error = None

    def batch(self, rng):
        commands, effects = [], []
        for _ in range(PIPELINE):
            kind = rng.randrange(4)
            n = self.state["n"] = self.state["n"] + 1
            if kind == 0:
                key = "w%d:set:%d" % (self.number, rng.randrange(KEYS))
                commands.append((encode("SET", key, n), 1))
                effects.append({key: n})
            elif kind == 1:
                key = "w%d:count" % self.number
                self.state["incr"] += 1
                commands.append((encode("INCR", key), 1))
                effects.append({key: self.state["incr"]})
            elif kind == 2:
                a, b = "w%d:a" % self.number, "w%d:b" % self.number
                commands.append((encode("MULTI") + encode("SET", a, n) + encode("SET", b, n) + encode("EXEC"), 4))
                effects.append({a: n, b: n})
            else:
                key = "w%d:ttl:%d" % (self.number, rng.randrange(KEYS))
                commands.append((encode("SET", key, n) + encode("EXPIRE", key, 100000), 2))
                effects.append({key: n})
        return commands, effects

    def run(self):
        rng = random.Random(os.urandom(8))
        try:
            client = Client(self.port)
            while True:
                commands, effects = self.batch(rng)
                for effect in effects:
                    self.state["sent"].update(effect)
                client.send(b"".join(c for c, _ in commands))
                for (_, replies), effect in zip(commands, effects):
                    for _ in range(replies):
                        client.reply()
                    self.state["acked"].update(effect)
        except (ConnectionError, OSError):
            pass
        except Exception as e:  # an error reply, or a fault of this script: never silent
            self.error = repr(e)


def check(port, states):
    """Lost writes, torn transactions, lost expiries."""
    client, bad = Client(port), []
    for number, state in enumerate(states):
        for key, sent in state["sent"].items():
            acked = state["acked"].get(key, 0)
            got = client.call("GET", key)
            value = int(got) if got is not None else 0
            if not acked <= value <= sent:
                bad.append("%s: acknowledged %d, sent %d, found %d" % (key, acked, sent, value))
            if ":ttl:" in key and acked and client.call("TTL", key) <= 0 and value == acked:
                bad.append("%s: the expiry is lost" % key)
        if client.call("GET", "w%d:a" % number) != client.call("GET", "w%d:b" % number):
            bad.append("writer %d: half a transaction" % number)
    return bad


def settle(port, states):
    """What was in doubt is known now."""
    client = Client(port)
    for number, state in enumerate(states):
        for key in list(state["sent"]):
            got = client.call("GET", key)
            state["sent"][key] = state["acked"][key] = int(got) if got is not None else 0
        state["incr"] = state["sent"].get("w%d:count" % number, 0)


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--server", default="bin/orbit-server")
    args.add_argument("--rounds", type=int, default=50)
    args.add_argument("--seconds", type=float, default=1.0, help="longest time between start and kill")
    args.add_argument("options", nargs="*", help="further options of the server")
    args = args.parse_args()
    folder = tempfile.mkdtemp(prefix="orbit-crash-")
    server = Server(args.server, folder, *args.options)
    states = [{"sent": {}, "acked": {}, "n": 0, "incr": 0} for _ in range(WRITERS)]
    collections = [crash_collections.new_state() for _ in range(COLLECTION_WRITERS)]
    failed, writes = 0, 0
    server.start()
    for round_number in range(1, args.rounds + 1):
        writers = [Writer(i, server.port, s) for i, s in enumerate(states)]
        writers += [crash_collections.CollectionWriter(i, server.port, s) for i, s in enumerate(collections)]
        for w in writers:
            w.start()
        time.sleep(random.uniform(0.1, args.seconds))
        server.stop(signal.SIGKILL)
        for w in writers:
            w.join()
        took = server.start()
        bad = check(server.port, states) + crash_collections.check(server.port, collections)
        bad += [w.error for w in writers if w.error]
        settle(server.port, states)
        total = sum(s["n"] for s in states) + sum(s["n"] // 50 for s in collections)
        if not any(s["acked"] for s in states) or not any(s["contents"].lists for s in collections):
            bad.append("nothing was acknowledged")
        print("round %d: %d commands, restart %.0f ms, %d faults" % (round_number, total - writes, took * 1000, len(bad)))
        writes = total
        for line in bad[:5]:
            print("  " + line)
        failed += bool(bad)
    server.stop(signal.SIGKILL)
    print("%d passed, %d failed" % (args.rounds - failed, failed))
    if not failed:
        shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
