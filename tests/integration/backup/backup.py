#!/usr/bin/env python3
"""Backups of a running server, and what is restored from them. Ends with `N passed, N failed`."""
import argparse
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "utils"))
import orbit_client
from orbit_client import Client, encode

CASES, SERVERS = [], []
BINARY = CLI = None


class Server(orbit_client.Server):
    def __init__(self, folder, *options):
        super().__init__(BINARY, folder, "--enable-debug-command", "local", *options)
        SERVERS.append(self)


def end_servers():
    for server in SERVERS:
        if hasattr(server, "process") and server.process.poll() is None:
            server.stop(signal.SIGKILL)
        server.log.close()
    SERVERS.clear()


def case(function):
    CASES.append(function)
    return function


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def cli(*words, port=None, status=0):
    """Output of orbit-cli, which must end with that status."""
    done = subprocess.run([CLI, *(["-p", str(port)] if port else []), *map(str, words)], capture_output=True, text=True, timeout=300)
    text = done.stdout + done.stderr
    expect(done.returncode == status, "orbit-cli %s: status %d: %s" % (" ".join(map(str, words)), done.returncode, text))
    return text


def backup(server, *options):
    """Folder of a new backup."""
    return cli("backup", *options, port=server.port).splitlines()[0]


def backups(folder):
    return sorted(n for n in os.listdir(folder + "/backups") if n != "LOCK")


def fill(client, first, last, size=200):
    for i in range(first, last, 1000):
        ids = range(i, min(i + 1000, last))
        client.pipeline(b"".join(encode("SET", "key:%d" % i, (b"%d:" % i).ljust(size, b"v")) for i in ids), len(ids))


def fill_types(client):
    for i in range(2000):
        client.call("RPUSH", "list", "element-%d" % i)
        client.call("HSET", "hash", "field-%d" % i, "value-%d" % i)
        client.call("ZADD", "zset", i, "member-%d" % i)
    client.call("XADD", "stream", "*", "a", "1")
    client.call("SADD", "set", *range(500))
    client.call("SELECT", 3)
    client.call("SET", "other-db", "1", "EX", 10000)
    client.call("SELECT", 0)


def digest(client):
    return client.call("DEBUG", "DIGEST")


def last_seq(client):
    return int(client.info("log_last_seq"))


def flip(path, offset, mask=0x10):
    with open(path, "r+b") as f:
        f.seek(offset)
        byte = f.read(1)[0]
        f.seek(offset)
        f.write(bytes([byte ^ mask]))


def on_data(folder, data, *options):
    """A server on a restored data directory."""
    home = tempfile.mkdtemp(dir=folder)
    server = Server(home, "--data-dir", data, *options)
    server.start()
    return server


class Writers:
    """Clients that SET ever new keys and remember when each was sent and acknowledged."""

    def __init__(self, port, n=4):
        self.port, self.over, self.done = port, False, [[] for _ in range(n)]
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, which):
        client, i = Client(self.port), 0
        try:
            while not self.over:
                words = [("w%d:%d" % (which, i + k), "v%d" % (i + k)) for k in range(8)]
                sent = time.monotonic()
                client.pipeline(b"".join(encode("SET", *w) for w in words), len(words))
                acked = time.monotonic()
                self.done[which] += [(w[0], w[1].encode(), sent, acked) for w in words]
                i += 8
        except (OSError, ConnectionError):
            pass

    def stop(self):
        self.over = True
        for t in self.threads:
            t.join()
        return [w for one in self.done for w in one]


def check_writes(client, writes, begun, ended):
    """Everything acknowledged before begun is there, nothing sent after ended."""
    before = [w for w in writes if w[3] < begun]
    after = [w for w in writes if w[2] > ended]
    expect(before and after, "%d writes before, %d after" % (len(before), len(after)))
    lost = wrong = 0
    for i in range(0, len(before), 1000):
        part = before[i:i + 1000]
        got = client.pipeline(b"".join(encode("GET", w[0]) for w in part), len(part))
        lost += sum(g != w[1] for g, w in zip(got, part))
    for i in range(0, len(after), 1000):
        part = after[i:i + 1000]
        got = client.pipeline(b"".join(encode("EXISTS", w[0]) for w in part), len(part))
        wrong += sum(got)
    expect(lost == 0, "%d of %d acknowledged writes are lost" % (lost, len(before)))
    expect(wrong == 0, "%d of %d later writes are there" % (wrong, len(after)))


def sequence_before(command, log):
    hits = [json.loads(line) for line in cli("--json", "find-in-log", command, "--log", log).splitlines()]
    expect(len(hits) == 1, "%d hits" % len(hits))
    return hits[0]["before"]


@case
def flushall_by_mistake_under_load(folder):
    server = Server(folder, "--log-segment-size", "1mb", "--fold-interval", "200")
    server.start()
    fill(Client(server.port), 0, 20000)
    writers = Writers(server.port)
    time.sleep(0.5)
    made = backup(server)
    time.sleep(0.5)
    begun = time.monotonic()
    Client(server.port).call("FLUSHALL")
    ended = time.monotonic()
    time.sleep(1)
    server.stop(signal.SIGKILL)
    writes = writers.stop()
    seq = sequence_before("FLUSHALL", folder + "/data/wal")
    cli("verify", "--backup", made)
    out = cli("restore", "--backup", made, "--to-sequence", seq)
    expect("before-restore" in out, "the former data is not named: " + out)
    server.start()
    client = Client(server.port)
    check_writes(client, writes, begun, ended)
    expect(client.call("EXISTS", "key:0", "key:19999") == 2, "keys of before the load")
    expect(client.call("SET", "again", "1") == b"OK", "SET")
    server.stop()
    aside = glob.glob(folder + "/data.before-restore-*")
    expect(len(aside) == 1, "the former data is not there")
    kept = on_data(folder, aside[0])
    client = Client(kept.port)
    late = [w for w in writes if w[2] > ended]
    expect(client.call("GET", late[0][0]) == late[0][1], "what was moved aside is not whole")
    kept.stop()


@case
def flushall_undone_by_time_from_an_incremental(folder):
    """By what the backups hold alone: full, incremental, and the machine is lost."""
    server = Server(folder, "--log-segment-size", "1mb")
    server.start()
    writers = Writers(server.port, 2)
    time.sleep(0.3)
    full = backup(server)
    time.sleep(0.5)
    begun = time.monotonic()
    at = time.time()
    time.sleep(0.01)
    Client(server.port).call("FLUSHALL")
    ended = time.monotonic()
    time.sleep(0.3)
    incremental = backup(server, "--incremental")
    server.stop(signal.SIGKILL)
    writes = writers.stop()
    shutil.rmtree(folder + "/data")
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) + ".%03dZ" % (at % 1 * 1000)
    text = cli("restore", "--backup", full, "--to-time", when, status=1)
    expect("--log" in text, "the refusal does not say what is missing: " + text)
    cli("restore", "--backup", incremental, "--to-time", when)
    server.start()
    check_writes(Client(server.port), writes, begun - 0.002, ended)
    server.stop()


@case
def restore_by_sequence(folder):
    server = Server(folder, "--log-segment-size", "64kb")
    server.start()
    client, digests = Client(server.port), []
    fill_types(client)
    full = backup(server, "--output", "base")
    digests.append((last_seq(client), digest(client)))
    last = full
    for i in range(4):
        fill(client, i * 1000, i * 1000 + 1000)
        client.call("LPOP", "list", 10)
        client.call("DEL", "key:%d" % i)
        digests.append((last_seq(client), digest(client)))
        if i < 2:
            last = backup(server, "--incremental")
            expect(backup(server, "--incremental", "--output", "none-%d" % i), "an incremental of nothing")
            last = folder + "/backups/none-%d" % i
    client.call("SET", "too", "late")
    expect("after base" in cli("list-backups", port=server.port), "list-backups")
    text = cli("restore", "--backup", full, status=1)
    expect("stop it" in text, "a server that runs: " + text)
    server.stop(signal.SIGKILL)
    log = folder + "/data/wal"
    for i, (seq, want) in enumerate(digests):
        data = "%s/restored-%d" % (folder, i)
        cli("restore", "--backup", full if i == 0 else last, *([] if i == 0 else ["--to-sequence", seq]), "--data-dir", data,
            *(["--log", log] if i > 2 else []))
        restored = on_data(folder, data)
        got = Client(restored.port)
        expect(digest(got) == want, "digest %d of sequence %d" % (i, seq))
        expect(got.call("GET", "too") is None, "too late")
        restored.stop()
    cli("restore", "--backup", last, "--to-latest", "--log", log, "--data-dir", folder + "/latest")
    restored = on_data(folder, folder + "/latest")
    expect(Client(restored.port).call("GET", "too") == b"late", "the latest")
    restored.stop()
    text = cli("restore", "--backup", full, "--to-sequence", digests[0][0] - 1, "--data-dir", folder + "/x", status=1)
    expect("earlier full backup" in text, text)
    text = cli("restore", "--backup", last, "--to-sequence", digests[4][0] + 10 ** 6, "--log", log, "--data-dir", folder + "/x", status=1)
    expect("before the target" in text, text)
    expect(not glob.glob(folder + "/x*"), "a refused restore left something")


@case
def kill_while_backing_up(folder):
    server = Server(folder, "--record-cache-memory", "16mb", "--fold-interval", "100")
    server.start()
    fill(Client(server.port), 0, 60000, 1000)
    first = backup(server)
    for delay in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5):
        writers = Writers(server.port, 2)
        time.sleep(0.2)
        Client(server.port).call("ORBIT-BACKUP", "FULL")
        time.sleep(delay)
        now = time.monotonic()
        server.stop(signal.SIGKILL)
        writes = writers.stop()
        server.start()
        client = Client(server.port)
        missing = sum(client.call("GET", w[0]) != w[1] for w in writes if w[3] < now)
        expect(missing == 0, "%d acknowledged writes are lost" % missing)
        expect(not glob.glob(folder + "/backups/*.part"), "half a backup is left")
        expect(not os.path.exists(folder + "/data/checkpoint.tmp"), "a checkpoint is left")
        client.call("FLUSHALL")
        fill(client, 0, 60000, 1000)
    for name in backups(folder):
        cli("verify", "--backup", folder + "/backups/" + name)
    server.stop()
    cli("restore", "--backup", first, "--data-dir", folder + "/restored")
    restored = on_data(folder, folder + "/restored")
    expect(Client(restored.port).call("DBSIZE") == 60000, "keys")
    restored.stop()


@case
def damage_is_found_and_named(folder):
    server = Server(folder)
    server.start()
    client = Client(server.port)
    fill(client, 0, 5000)
    full = backup(server)
    fill(client, 5000, 6000)
    incremental = backup(server, "--incremental")
    server.stop()
    names = [full + "/data/format", *glob.glob(full + "/data/redis/rocksdb/*"), *glob.glob(full + "/data/wal/*"),
             *glob.glob(incremental + "/data/wal/*"), full + "/MANIFEST", incremental + "/MANIFEST"]
    expect(len(names) > 7, "few files: %s" % names)
    for path in names:
        shutil.copy2(path, folder + "/good")
        os.replace(folder + "/good", path)  # no hard link to the store's own file any more
        for offset in {0, os.path.getsize(path) // 2, os.path.getsize(path) - 1}:
            flip(path, offset)
            text = cli("verify", "--backup", incremental, status=1)
            expect(os.path.basename(path) in text or "goes on from" in text, "%s is not named: %s" % (path, text))
            text = cli("restore", "--backup", incremental, status=1)
            expect("damaged" in text or "manifest" in text or "goes on" in text or "format" in text, "odd refusal: " + text)
            flip(path, offset)
    os.rename(names[1], folder + "/gone")
    expect("missing" in cli("verify", "--backup", full, status=1), "a missing file")
    os.rename(folder + "/gone", names[1])
    cli("verify", "--backup", incremental)
    expect(not glob.glob(folder + "/data.*"), "a refused restore left something")
    server.start()
    expect(Client(server.port).call("DBSIZE") == 6000, "the data was touched by a refused restore")
    server.stop()


@case
def full_disk_while_backing_up(folder):
    os.mkdir(folder + "/backups")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder + "/backups"], capture_output=True).returncode != 0:
        return "needs the right to mount a small file system"
    try:
        server = Server(folder, "--log-retention", "0")
        server.start()
        client = Client(server.port)
        fill_types(client)
        for i in range(2000):
            client.call("SET", "big:%d" % i, os.urandom(8000))
        writers = Writers(server.port, 2)
        text = cli("backup", port=server.port, status=1)
        expect("space" in text.lower(), "the cause is not named: " + text)
        expect(backups(folder) == [], "half a backup is left: %s" % backups(folder))
        expect(not os.path.exists(folder + "/data/checkpoint.tmp"), "a checkpoint is left")
        expect(client.info("storage_health") == "healthy" and client.info("backup_last_status") == "err", "INFO")
        expect(client.call("SET", "fresh", "1") == b"OK", "SET")
        writes = writers.stop()
        expect(writes, "nothing was written meanwhile")
        subprocess.run(["mount", "-o", "remount,size=512m", folder + "/backups"], check=True)
        made = backup(server)  # another file system: copied, not linked
        want = digest(client)
        cli("verify", "--backup", made)
        server.stop()
        cli("restore", "--backup", made)
        server.start()
        expect(digest(Client(server.port)) == want, "digest")
        server.stop()
    finally:
        subprocess.run(["umount", "-l", folder + "/backups"])


@case
def histories_are_not_mixed(folder):
    server = Server(folder, "--log-segment-size", "64kb", "--log-retention", "0", "--fold-interval", "100")
    server.start()
    client = Client(server.port)
    expect("full one first" in cli("backup", "--incremental", port=server.port, status=1), "no full backup yet")
    client.call("SET", "a", "1")
    made = backup(server)
    fill(client, 0, 3000)
    deadline = time.monotonic() + 10
    while int(client.info("log_first_seq")) == 0 and time.monotonic() < deadline:
        client.call("SET", "b", os.urandom(40000))
        time.sleep(0.05)
    text = cli("backup", "--incremental", port=server.port, status=1)
    expect("log-retention" in text, "a log that is gone: " + text)
    client.call("CONFIG", "SET", "log-retention", "64mb")
    backup(server)
    client.call("SET", "c", "1")
    backup(server, "--incremental")
    client.call("DEBUG", "RELOAD")
    text = cli("backup", "--incremental", port=server.port, status=1)
    expect("full one first" in text, "a data set that was replaced: " + text)
    before = client.info("master_replid")
    server.stop()
    cli("restore", "--backup", made)
    server.start()
    client = Client(server.port)
    expect(client.call("GET", "a") == b"1" and client.call("DBSIZE") == 1, "what was restored")
    expect(client.info("master_replid") != before, "a replica would take this for the same stream")
    text = cli("backup", "--incremental", port=server.port, status=1)
    expect("full one first" in text, "the log of a restored server: " + text)
    server.stop()
    text = cli("restore", "--backup", made, "--to-latest", "--log", folder + "/data/wal", "--data-dir", folder + "/x", status=1)
    expect("not the one of this backup" in text, "the log of another history: " + text)


@case
def what_is_refused(folder):
    server = Server(folder, "--backup-dir", "")
    server.start()
    client = Client(server.port)
    expect("backup-dir" in cli("backup", port=server.port, status=1), "no folder")
    server.stop()
    server = Server(folder)
    server.start()
    for name in ("../x", "/tmp/x", ".x", "a/b", "x.part", "LOCK", "n" * 101):
        expect("name" in cli("backup", "--output", name, port=server.port, status=1), name)
    backup(server, "--output", "one")
    expect("already" in cli("backup", "--output", "one", port=server.port, status=1), "the same name")
    cli("backup", "--protocol", "mysql", port=server.port, status=2)
    try:
        Client(server.port).call("CONFIG", "SET", "backup-dir", "/tmp")
        raise AssertionError("backup-dir can be set by a client")
    except RuntimeError:
        pass
    expect("no backup" in cli("restore", "--backup", folder + "/none", status=1), "none")
    cli("restore", status=2)
    cli("verify", status=2)
    server.stop()


@case
def other_providers_and_no_log(folder):
    for provider, options in (("lsm_tree", []), ("cow_btree", []), ("rocksdb", ["--appendonly", "no"])):
        home = "%s/%s%d" % (folder, provider, len(options))
        os.mkdir(home)
        server = Server(home, "--storage-provider", provider, *options)
        server.start()
        client = Client(server.port)
        fill_types(client)
        fill(client, 0, 5000)
        made, want = backup(server), digest(client)
        if options:
            expect("appendonly" in cli("backup", "--incremental", port=server.port, status=1), "incremental without a log")
        else:
            client.call("SET", "more", "1")
            made, want = backup(server, "--incremental"), digest(client)
        cli("verify", "--backup", made)
        client.call("FLUSHALL")
        server.stop()
        cli("restore", "--backup", made)
        server.start()
        expect(digest(Client(server.port)) == want, provider)
        server.stop()
    home = folder + "/memory"
    os.mkdir(home)
    server = Server(home, "--storage-provider", "memory")
    server.start()
    expect("BGSAVE" in cli("backup", port=server.port, status=1), "memory")
    server.stop()


def main():
    global BINARY, CLI
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="bin/orbit-server")
    parser.add_argument("--cli", default="bin/orbit-cli")
    parser.add_argument("case", nargs="*")
    args = parser.parse_args()
    BINARY, CLI = os.path.abspath(args.server), os.path.abspath(args.cli)
    passed = failed = 0
    for function in CASES:
        if args.case and function.__name__ not in args.case:
            continue
        folder = tempfile.mkdtemp(prefix="orbit-backup-")
        begun = time.monotonic()
        try:
            skipped = function(folder)
            print("%s %s (%.1f s)" % ("skip" if skipped else "ok  ", function.__name__, time.monotonic() - begun), skipped or "")
            passed += 1
        except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as e:
            failed += 1
            print("FAIL %s: %s" % (function.__name__, e))
            for log in glob.glob(folder + "/log") + glob.glob(folder + "/*/log"):
                with open(log, errors="replace") as f:
                    print("".join(f.readlines()[-15:]))
        finally:
            end_servers()
            shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
