#!/usr/bin/env python3
"""Runs each client's script against a redis-server and against Orbit and compares what they print, line by line; then BullMQ
against Orbit. Ends with `N passed, N failed` (calls)."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "utils"))
from orbit_client import Client, Server, free_port

LIMIT_S = 180


def start_redis(folder):
    port = free_port()
    process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
                               stdout=subprocess.DEVNULL)
    for _ in range(500):
        try:
            Client(port)
            return port, process
        except OSError:
            time.sleep(0.02)
    sys.exit("the redis-server does not start")


def python_with_redis():
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python) and subprocess.run([python, "-c", "import redis"], capture_output=True).returncode == 0:
            return python
    return None


def scripts(folder):
    """(name, command or None, reason why there is none)"""
    python = python_with_redis()
    yield "python3-redis", python and [python, os.path.join(HERE, "python_redis.py")], "python3-redis is not installed"
    program = os.path.join(folder, "hiredis_calls")
    built = subprocess.run([os.environ.get("CC_TEST", "cc"), "-O1", "-o", program, os.path.join(HERE, "hiredis_calls.c"),
                            "-lhiredis"], capture_output=True).returncode == 0
    yield "hiredis", [program] if built else None, "no compiler or no libhiredis-dev"
    node = shutil.which("node")
    modules = os.path.join(os.environ["NODE_PATH"], "ioredis")
    ready = node and os.path.isdir(modules)
    for name, words in (("ioredis", ["ioredis.js"]), ("node-redis", ["node_redis.js"]), ("node-redis RESP3", ["node_redis.js"])):
        command = [node, os.path.join(HERE, words[0])] if ready else None
        yield name, command, "deps/clients has not been run"


def output(command, port, more):
    try:
        done = subprocess.run(command + [str(port)] + more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S)
    except subprocess.TimeoutExpired as e:
        return (e.stdout or b"").decode("utf-8", "replace").splitlines() + ["stopped after %d s" % LIMIT_S]
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return lines + (["ended with status %d" % done.returncode] if done.returncode else [])


def compare(name, redis, orbit):
    """How many lines are equal and how many are not."""
    same = sum(a == b for a, b in zip(redis, orbit))
    different = max(len(redis), len(orbit)) - same
    print("%-18s %d calls, %d differ" % (name, len(redis), different))
    for a, b in [(a, b) for a, b in zip(redis, orbit) if a != b][:10]:
        print("  redis: %s\n  orbit: %s" % (a[:500], b[:500]))
    for extra in orbit[len(redis):len(redis) + 3] + redis[len(orbit):len(orbit) + 3]:
        print("  only on one side: %s" % extra[:500])
    return same, different


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--server", default="bin/orbit-server")
    args.add_argument("--port", type=int, default=0, help="a server under test that runs already")
    args.add_argument("--jobs", type=int, default=1000, help="jobs of the BullMQ run")
    args = args.parse_args()
    os.environ.setdefault("NODE_PATH", os.path.join(
        os.environ.get("ORBIT_CLIENTS") or os.path.expanduser("~/.cache/orbit-test-clients"), "node_modules"))
    folder = tempfile.mkdtemp(prefix="orbit-clients-")
    redis_port, redis = start_redis(folder)
    server = None if args.port else Server(args.server, folder)
    if server:
        server.start()
    port = args.port or server.port
    passed = failed = left_out = 0
    try:
        for name, command, reason in scripts(folder):
            if not command:
                print("%-18s left out: %s" % (name, reason))
                left_out += 1
                continue
            more = ["3"] if name.endswith("RESP3") else []
            same, different = compare(name, output(command, redis_port, more), output(command, port, more))
            passed, failed = passed + same, failed + different
        if os.path.isdir(os.path.join(os.environ["NODE_PATH"], "bullmq")):
            lines = output([shutil.which("node"), os.path.join(HERE, "bullmq.js")], port, [str(args.jobs)])
            words = lines[-1].split() if lines else []
            ok = len(words) == 4 and words[1] == "passed," and words[2] == "0"
            print("%-18s %d jobs: %s" % ("bullmq", args.jobs, "; ".join(lines)[:1500]))
            passed, failed = passed + ok, failed + (not ok)
    finally:
        redis.kill()
        redis.wait()
        if server:
            server.stop()
    if passed + failed == 0:
        print("no client is installed: run deps/clients")
        sys.exit(77)
    print("%d passed, %d failed" % (passed, failed))
    if not failed:
        shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
