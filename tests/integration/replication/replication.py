#!/usr/bin/env python3
"""Replication between Orbit and real peers: redis-server, redis-sentinel, SIGKILL, broken networks.

Ends with `N passed, N failed`; exit status 1 when something failed. WORD chooses parts: peers, killed,
sentinel, settings, network. The servers of REDIS_SERVERS (paths, separated by colons) are peers; else redis-server of PATH."""
import argparse
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Report, Settings

PARTS = ("peers", "killed", "sentinel", "settings", "network")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--server", default="bin/orbit-server")
    args.add_argument("--full", action="store_true", help="full size: 2 million keys, 20 failovers, 50 kills, a cut of 60 s")
    args.add_argument("parts", nargs="*", metavar="WORD", choices=[*PARTS, []])
    args = args.parse_args()
    redis = [p for p in os.environ.get("REDIS_SERVERS", "redis-server").split(":") if shutil.which(p)]
    folder = tempfile.mkdtemp(prefix="orbit-replication-")
    report, settings = Report(), Settings(args.server, redis, folder, args.full)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not redis:
        report.note("no redis-server: what needs one is left out")
    try:
        for part in args.parts or PARTS:
            begun = time.monotonic()
            print("-- %s" % part, flush=True)
            importlib.import_module("part_" + part).run(report, settings)
            settings.end()
            report.note("%s: %.0f s" % (part, time.monotonic() - begun))
    finally:
        settings.end()
    print("%d passed, %d failed" % (report.passed, report.failed))
    if report.failed:
        print("the servers' files: %s" % folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
