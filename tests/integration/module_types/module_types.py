#!/usr/bin/env python3
"""Keys of a module's data type (journal.c): through folds, restarts and SIGKILL under load, without their module, in dumps.

Each writer appends the numbers 1, 2, 3... to keys of its own and now and then cuts them. After a kill each key must end with a
number between the newest acknowledged and the newest sent one, without a gap; and what the module keeps beside its keys, the count
of all appended numbers, must be the sum of them. Ends with `N passed, N failed`."""
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
from orbit_client import Client, Server, encode

WRITERS, KEYS, PIPELINE, LONGEST = 4, 12, 32, 3000


class Writer(threading.Thread):
    def __init__(self, number, port, state):
        super().__init__(daemon=True)
        self.number, self.port, self.state, self.error = number, port, state, None

    def run(self):
        rng = random.Random(os.urandom(8))
        try:
            client = Client(self.port)
            while True:
                words, acks = [], []
                for _ in range(PIPELINE):
                    key = "w%d:%d" % (self.number, rng.randrange(KEYS))
                    if rng.random() < 0.002:
                        words.append(encode("JOURNAL.CUT", key, rng.randrange(LONGEST)))
                        acks.append(None)
                    else:
                        n = self.state["sent"][key] = self.state["sent"].get(key, 0) + 1
                        words.append(encode("JOURNAL.ADD", key, n))
                        acks.append((key, n))
                client.send(b"".join(words))
                for ack in acks:
                    client.reply()
                    if ack:
                        self.state["acked"][ack[0]] = ack[1]
        except (ConnectionError, OSError):
            pass
        except Exception as e:
            self.error = repr(e)


def check(port, states):
    client, bad, total = Client(port), [], 0
    for state in states:
        for key, sent in state["sent"].items():
            acked = state["acked"].get(key, 0)
            got = client.call("JOURNAL.GET", key)
            last = got[-1] if got else 0
            if got != list(range(last - len(got) + 1, last + 1)):
                bad.append("%s: there is a gap" % key)
            if not acked <= last <= sent:
                bad.append("%s: acknowledged %d, sent %d, found %d" % (key, acked, sent, last))
            state["sent"][key] = state["acked"][key] = last
            total += last
    counted = client.call("JOURNAL.TOTAL")
    if counted != total:
        bad.append("the module counts %d numbers, its keys %d" % (counted, total))
    return bad


def crashes(server, rounds, seconds):
    states = [{"sent": {}, "acked": {}} for _ in range(WRITERS)]
    server.start()
    failed = 0
    for number in range(1, rounds + 1):
        writers = [Writer(i, server.port, s) for i, s in enumerate(states)]
        for w in writers:
            w.start()
        time.sleep(random.uniform(0.1, seconds))
        server.stop(signal.SIGKILL if number % 4 else signal.SIGTERM)
        for w in writers:
            w.join()
        took = server.start()
        bad = check(server.port, states) + [w.error for w in writers if w.error]
        print("round %d: %d numbers, restart %.0f ms, %d faults"
              % (number, sum(sum(s["acked"].values()) for s in states), took * 1000, len(bad)))
        for line in bad[:5]:
            print("  " + line)
        failed += bool(bad)
    server.stop(signal.SIGKILL)
    return failed


def expect(what, got, wanted):
    if got == wanted:
        return 0
    print("%s: expected %r, got %r" % (what, wanted, got))
    return 1


def error_of(client, *words):
    try:
        return client.call(*words)
    except RuntimeError as e:
        return str(e)


def without_the_module(binary, folder, module):
    """A value whose module is not there is kept."""
    server, failed = Server(binary, folder, *module), 0
    server.start()
    client = Client(server.port)
    for i in range(200):
        client.call("JOURNAL.ADD", "j", i)
    failed += expect("TYPE", client.call("TYPE", "j"), b"journal-t")
    failed += expect("SCAN TYPE", client.call("SCAN", 0, "COUNT", 1000, "TYPE", "journal-t"), [b"0", [b"j"]])
    failed += expect("COPY", client.call("COPY", "j", "k"), 1)
    digest, payload = client.call("DEBUG", "DIGEST-VALUE", "j"), client.call("DUMP", "j")
    failed += expect("digest of the copy", client.call("DEBUG", "DIGEST-VALUE", "k"), digest)
    failed += expect("a damaged payload", error_of(client, "RESTORE", "k", 0, payload[:-20] + payload[-10:], "REPLACE"),
                     "ERR DUMP payload version or checksum are wrong")
    failed += expect("k is still there", client.call("DEBUG", "DIGEST-VALUE", "k"), digest)
    server.stop()
    bare = Server(binary, folder)
    bare.start()
    client = Client(bare.port)
    failed += expect("TYPE of a stranger", client.call("TYPE", "j"), b"journal-t")
    failed += expect("DUMP of a stranger", client.call("DUMP", "j"), payload)
    failed += expect("RENAME of a stranger", client.call("RENAME", "j", "l"), b"OK")
    failed += expect("DEL of a stranger", client.call("DEL", "k"), 1)
    failed += expect("COPY names the type", "journal-t" in error_of(client, "COPY", "l", "m"), True)
    failed += expect("RESTORE of a stranger", error_of(client, "RESTORE", "x", 0, payload),
                     "ERR Bad data format")
    bare.stop(signal.SIGKILL)
    server.start()
    client = Client(server.port)
    failed += expect("back again", client.call("DEBUG", "DIGEST-VALUE", "l"), digest)
    failed += expect("the total", client.call("JOURNAL.TOTAL"), 200)
    failed += expect("RESTORE", client.call("RESTORE", "r", 0, payload), b"OK")
    failed += expect("DEBUG RELOAD", client.call("DEBUG", "RELOAD"), b"OK")
    failed += expect("after a reload", client.call("DEBUG", "DIGEST-VALUE", "r"), digest)
    failed += expect("the total after a reload", client.call("JOURNAL.TOTAL"), 200)
    failed += expect("UNLOAD", "data types" in error_of(client, "MODULE", "UNLOAD", "journal"), True)
    failed += expect("FLUSHALL", client.call("FLUSHALL"), b"OK")
    server.stop(signal.SIGKILL)
    server.start()
    failed += expect("after FLUSHALL", Client(server.port).call("JOURNAL.GET", "r"), [])
    server.stop()
    return failed


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--server", default="bin/orbit-server")
    args.add_argument("--module", required=True)
    args.add_argument("--rounds", type=int, default=6)
    args.add_argument("--seconds", type=float, default=1.0)
    args = args.parse_args()
    common = ["--enable-debug-command", "yes", "--enable-module-command", "yes"]
    runs, failed = 0, 0
    for setting in (["--loadmodule", args.module],
                    ["--loadmodule", args.module, "slow", "--module-object-cache", "100kb", "--fold-interval", "50"]):
        folder = tempfile.mkdtemp(prefix="orbit-types-")
        bad = crashes(Server(args.server, folder, *common, *setting), args.rounds, args.seconds)
        runs, failed = runs + args.rounds, failed + bad
        if not bad:
            shutil.rmtree(folder)
    folder = tempfile.mkdtemp(prefix="orbit-types-")
    bad = without_the_module(args.server, folder, common + ["--loadmodule", args.module])
    if not bad:
        shutil.rmtree(folder)
    print("%d passed, %d failed" % (runs + 1 - failed - bool(bad), failed + bool(bad)))
    sys.exit(1 if failed or bad else 0)


if __name__ == "__main__":
    main()
