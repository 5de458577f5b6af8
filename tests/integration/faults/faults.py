#!/usr/bin/env python3
"""Broken disks and broken files: each must give a clear error or log line, leave other clients alone, and lose nothing that was
acknowledged. Ends with `N passed, N failed`."""
import argparse
import glob
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "utils"))
from orbit_client import Client, Server, encode, free_port

CASES = []
BINARY = None


def case(function):
    CASES.append(function)
    return function


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def fill(client, first, last, size=200):
    ids = range(first, last)
    client.pipeline(b"".join(encode("SET", "key:%d" % i, (b"%d:" % i).ljust(size, b"v")) for i in ids), len(ids))


def value_is_right(client, i, size=200):
    return client.call("GET", "key:%d" % i) == (b"%d:" % i).ljust(size, b"v")


def refused_start(folder, *options):
    """Output of a server that must not start."""
    done = subprocess.run([BINARY, "--dir", folder, "--port", str(free_port()), *options], capture_output=True, text=True,
                          timeout=60)
    expect(done.returncode != 0, "the server started")
    return done.stdout + done.stderr


def log_of(folder):
    with open(os.path.join(folder, "log"), errors="replace") as f:
        return f.read()


def flip(path, offset, mask=0x10):
    with open(path, "r+b") as f:
        f.seek(offset)
        byte = f.read(1)[0]
        f.seek(offset)
        f.write(bytes([byte ^ mask]))


def segments(folder):
    return sorted(glob.glob(folder + "/data/wal/*.wal"))


@case
def torn_last_frame_is_cut(folder):
    server = Server(BINARY, folder, "--fold-interval", "3600000")
    server.start()
    client = Client(server.port)
    for i in range(20):
        expect(client.call("SET", "k%d" % i, i) == b"OK", "SET")
    server.stop(signal.SIGKILL)
    last = segments(folder)[-1]
    os.truncate(last, os.path.getsize(last) - 3)
    server.start()
    client = Client(server.port)
    expect(client.call("GET", "k18") == b"18", "a whole frame was lost")
    expect(client.call("GET", "k19") is None, "half a frame was taken")
    expect("cut" in log_of(folder).lower(), "no log line about the cut")
    server.stop()


@case
def flipped_frame_stops_the_start_and_is_repaired(folder):
    server = Server(BINARY, folder, "--fold-interval", "3600000")
    server.start()
    client = Client(server.port)
    for i in range(50):
        client.call("SET", "k%d" % i, "value-%d" % i)
    server.stop(signal.SIGKILL)
    path = segments(folder)[-1]
    flip(path, os.path.getsize(path) // 2)
    text = refused_start(folder)
    expect("check-wal" in text and os.path.basename(path) in text, "the message does not name segment and repair: " + text[-400:])
    check = subprocess.run([BINARY, "check-wal", "--data-dir", folder + "/data"], capture_output=True, text=True)
    expect(check.returncode != 0, "check-wal finds nothing")
    fix = subprocess.run([BINARY, "check-wal", "--fix", "--data-dir", folder + "/data"], capture_output=True, text=True)
    expect(fix.returncode == 0, "check-wal --fix: " + fix.stdout + fix.stderr)
    server.start()
    client = Client(server.port)
    expect(client.call("GET", "k0") == b"value-0", "what was before the damage is lost")
    expect(client.call("GET", "k49") is None, "what was behind the damage was taken")
    server.stop()


@case
def corrupted_table_file(folder):
    server = Server(BINARY, folder, "--record-cache-memory", "1mb", "--block-cache-memory", "1mb")
    server.start()
    client = Client(server.port)
    for start in range(0, 60000, 1000):
        fill(client, start, start + 1000)
    server.stop()
    server.start()  # what stood in the store's own log becomes a table file
    server.stop()
    tables = glob.glob(folder + "/data/redis/rocksdb/*.sst")
    expect(tables, "no table file was written")
    table = max(tables, key=os.path.getsize)
    rng = random.Random(1)
    for _ in range(20):
        flip(table, rng.randrange(os.path.getsize(table) // 2))
    server.start()
    client, errors, right, wrong = Client(server.port), 0, 0, 0
    for i in range(0, 60000, 25):
        try:
            if value_is_right(client, i):
                right += 1
            else:
                wrong += 1
        except RuntimeError as e:
            expect(str(e).startswith("ERR"), "odd error %s" % e)
            expect(".sst" not in str(e), "the error names a file")
            errors += 1
    expect(wrong == 0, "%d wrong answers" % wrong)
    expect(errors > 0 and right > 0, "%d errors, %d right answers" % (errors, right))
    expect(client.call("PING") == b"PONG", "PING")
    expect(client.call("SET", "fresh", "1") == b"OK", "SET")
    server.stop()


@case
def full_disk(folder):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True).returncode != 0:
        return "needs the right to mount a small file system"
    try:
        run_full_disk(folder)
    finally:
        subprocess.run(["umount", "-l", folder])


def run_full_disk(folder):
    server = Server(BINARY, folder, "--log-segment-size", "1mb", "--log-retention", "0", "--block-cache-memory", "1mb")
    server.start()
    client, other, acked, refused = Client(server.port), Client(server.port), [], 0
    other.call("SET", "other", "here")
    for i in range(200000):
        try:
            if client.call("SET", "key:%d" % i, os.urandom(600).hex()) == b"OK":
                acked.append(i)
        except RuntimeError as e:
            expect("MISCONF" in str(e), "odd error: %s" % e)
            expect("space" in str(e).lower(), "the error does not name the cause: %s" % e)
            refused += 1
            if refused > 20:
                break
    expect(refused > 0, "the disk never got full")
    expect(other.call("GET", "other") == b"here", "reads do not go on")
    server.stop(signal.SIGKILL)
    try:
        with open(folder + "/ballast", "wb") as f:
            while True:
                f.write(bytes(4096))
                f.flush()
    except OSError:
        pass
    text = refused_start(folder)
    expect("space" in text.lower(), "the refused start does not name the cause: %s" % text[-400:])
    expect("BUG REPORT" not in text, "the start crashed")
    os.remove(folder + "/ballast")
    subprocess.run(["mount", "-o", "remount,size=512m", folder], check=True)
    server.start()
    client = Client(server.port)
    missing = [i for i in acked if client.call("EXISTS", "key:%d" % i) != 1]
    expect(not missing, "%d of %d acknowledged keys are lost" % (len(missing), len(acked)))
    expect(client.call("SET", "again", "1") == b"OK", "writes do not work again")
    server.stop()


@case
def full_disk_writes_come_back_without_restart(folder):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True).returncode != 0:
        return "needs the right to mount a small file system"
    try:
        server = Server(BINARY, folder, "--block-cache-memory", "1mb")
        server.start()
        client = Client(server.port)
        client.call("SET", "a", "1")
        with open(folder + "/ballast", "wb") as f:
            try:
                while True:
                    f.write(bytes(65536))
                    f.flush()
            except OSError:
                pass
        refused = False
        for i in range(2000):
            try:
                client.call("SET", "b", os.urandom(2000).hex())
            except RuntimeError as e:
                refused = "MISCONF" in str(e)
                break
        expect(refused, "writes are not refused on a full disk")
        expect(client.call("GET", "a") == b"1", "reads do not go on")
        os.unlink(folder + "/ballast")
        for _ in range(100):
            try:
                if client.call("SET", "c", "1") == b"OK":
                    break
            except RuntimeError:
                time.sleep(0.1)
        else:
            raise AssertionError("writes stay refused")
        server.stop()
    finally:
        subprocess.run(["umount", "-l", folder])


@case
def locked_directory(folder):
    server = Server(BINARY, folder)
    server.start()
    text = refused_start(folder)
    expect("lock" in text.lower() or "another process" in text.lower() or "in use" in text.lower(), "the message: " + text[-300:])
    expect(Client(server.port).call("PING") == b"PONG", "the first server suffers")
    server.stop()


@case
def newer_format(folder):
    server = Server(BINARY, folder)
    server.start()
    server.stop()
    names = [p for p in glob.glob(folder + "/data/*") if os.path.isfile(p) and "format" in os.path.basename(p).lower()]
    expect(names, "no format file in the data root")
    with open(names[0], "w") as f:
        f.write("999\n")
    text = refused_start(folder)
    expect("newer" in text and "orbit-migrate" in text, "the message: " + text[-300:])


@case
def unknown_config_line(folder):
    with open(folder + "/bad.conf", "w") as f:
        f.write("port 0\nno-such-thing yes\n")
    done = subprocess.run([BINARY, folder + "/bad.conf"], capture_output=True, text=True, timeout=20)
    expect(done.returncode != 0, "it started")
    expect("no-such-thing" in done.stdout + done.stderr and "line 2" in done.stdout + done.stderr, "the message: " + done.stderr[-300:])


@case
def file_size_limit(folder):
    """The log hits the process's limit for files: an I/O error like any other, no signal."""
    server = Server(BINARY, folder)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, old[1]))
    try:
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    client, refused = Client(server.port), 0
    for i in range(20000):
        try:
            client.call("SET", "key:%d" % (i % 10), "x" * 1000)
        except RuntimeError as e:
            expect("MISCONF" in str(e), str(e))
            refused += 1
            break
    expect(refused, "the limit was never met")
    expect(client.call("GET", "key:1") is not None, "reads do not go on")
    server.stop(signal.SIGKILL)


@case
def woken_clients_fail_with_their_tick(folder):
    """What a blocked client was given by a command whose effects cannot be logged is not acknowledged either."""
    server = Server(BINARY, folder)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, old[1]))
    try:
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    client, waiter = Client(server.port), Client(server.port)
    for i in range(2000):
        waiter.send(encode("BLPOP", "queue", "0"))
        while client.info("blocked_clients") != "1":
            time.sleep(0.001)
        answers = []
        client.send(encode("RPUSH", "queue", "x" * 10000))
        for c in (client, waiter):
            try:
                answers.append("ok" if c.reply() else "nothing")
            except RuntimeError as e:
                answers.append(str(e)[:7])
        if answers != ["ok", "ok"]:
            break
    expect(answers == ["MISCONF", "MISCONF"], "pusher and waiter were told %s" % answers)
    server.stop(signal.SIGKILL)


def main():
    global BINARY
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--server", default="bin/orbit-server")
    args.add_argument("names", nargs="*")
    args = args.parse_args()
    BINARY = os.path.abspath(args.server)
    passed = failed = 0
    for function in CASES:
        if args.names and function.__name__ not in args.names:
            continue
        folder = tempfile.mkdtemp(prefix="orbit-fault-")
        try:
            skipped = function(folder)
            print("%s %s" % ("skip" if skipped else "ok  ", function.__name__) + (": " + skipped if skipped else ""))
            passed += not skipped
        except Exception as e:
            failed += 1
            print("FAIL %s: %r" % (function.__name__, e))
            print("     " + "     ".join(log_of(folder).splitlines(True)[-8:]) if os.path.exists(folder + "/log") else "")
        finally:
            subprocess.run(["pkill", "-KILL", "-f", folder])
            shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
