#!/usr/bin/env python3
"""Sends the same random commands to a redis-server and to Orbit and compares every reply; Orbit is stopped, killed and made to
read everything back from its store in between.

    redis_diff.py [--seed N] [--commands N] [--redis PROGRAM | --redis-port N] [--orbit PROGRAM | --orbit-port N]

An episode is some thousand commands on empty databases; its seed is SEED:NUMBER. When replies differ the episode is reduced to
the shortest sequence that still shows it, and that is printed. Ends with `N passed, N failed` (episodes)."""
import argparse
import os
import shutil
import sys
import tempfile
import time

import gen_collections
import gen_plain
from compare import Judge
from shrink import shrink
from steps import LOW, STEPS, Context, cut, difference, show
from targets import Orbit, Reference, encode, parse
from words import DATABASES, PROFILES, TYPES, Words

TABLES = {"string": gen_plain.STRING, "bitmap": gen_plain.BITMAP, "hll": gen_plain.HLL, "list": gen_collections.LIST,
          "hash": gen_collections.HASH, "set": gen_collections.SET, "zset": gen_collections.ZSET, "geo": gen_collections.GEO,
          "lex": gen_collections.LEX, "stream": gen_collections.STREAM}
BATCH = 150
EPISODE = 8000


def weighted(table):
    """The functions of a table, each as often as its weight in tenths."""
    return [f for weight, f in table for _ in range(max(1, round(weight * 10)))]


class Generator:
    def __init__(self, seed, types, without, restarts, newest):
        self.without = without
        rng_profile = ["small", "small", "tiny", "large", "huge"]
        self.w = Words(seed, "small", types, newest, False)
        profile = self.w.pick(rng_profile)
        self.restarts = restarts and self.w.chance(0.6)
        self.w = Words(seed + profile, profile, types, newest, self.restarts)
        self.resp3 = self.w.chance(0.3)
        self.low = self.w.chance(0.3)
        tables = [weighted(TABLES[t]) for t in types]
        self.choices = [tables[i] for i in range(len(types)) for _ in range(2)] + [weighted(gen_plain.KEYS)]
        if "EVAL" not in without:
            self.choices.append(weighted(gen_plain.SCRIPT))

    def one(self):
        """The argvs of one thing to do."""
        while True:
            group = self.any_one()
            if not any(argv[0].upper() in self.without for argv in group):
                return group

    def any_one(self):
        w = self.w
        argv = w.pick(w.pick(self.choices))(w)
        if argv[0] == "MULTI*":
            return [["MULTI"], argv[1], ["EXEC"]]
        if isinstance(argv[0], list):
            return argv
        if argv[0] == "SELECT":
            return [argv]
        if w.chance(0.025):
            argv = w.spoil(argv)
        argv[0] = w.case(argv[0])
        return [argv]

    def transaction(self):
        w = self.w
        inner = [a for _ in range(w.upto(5)) for a in self.one() if a[0] not in ("MULTI", "EXEC", "SELECT")]
        return [["MULTI"]] + inner + [w.pick([["EXEC"]] * 9 + [["DISCARD"]])]

    def step(self):
        """One of steps.py, as (name, arguments)."""
        w, t = self.w, self.w.types
        ways = [("randomkey", ()), ("expire_now", (w.any_key(),)), ("scan", ("SCAN", "CURSOR") + self.scan_options(True)),
                ("payload", (w.any_key(),))]
        if w.chance(0.05):
            ways = [("compare_all", ())]
        elif self.restarts and w.chance(0.05):
            ways = [("restart", (w.pick(["kill", "term"]),)), ("reload", ())]
        else:
            for kind, size in (("set", "S"), ("hash", "H"), ("zset", "Z")):
                if kind in t:
                    name = {"S": "SRANDMEMBER", "H": "HRANDFIELD", "Z": "ZRANDMEMBER"}[size]
                    count = w.pick([None, 0, 1, 5, 1000, -1, -20])
                    extra = {"S": "", "H": "WITHVALUES", "Z": ""}[size] if count is not None and w.chance(0.4) else ""
                    ways += [("random_members", (name, w.key(kind), count, extra)),
                             ("scan", (size + "SCAN", w.key(kind), "CURSOR") + self.scan_options(False))]
            if "set" in t:
                ways += [("spop", (w.key("set"), w.pick([None, None, 0, 1, 3, 50])))] * 2
            if "stream" in t:
                ways += [("xadd_auto", ("xauto%d" % w.rng.randrange(2),)), ("trim_about", (w.key("stream"), w.pick([0, 5, 50])))]
            ways += [("block", b) for b in self.blocking()]
        return w.pick(ways)

    def scan_options(self, types):
        w, argv = self.w, []
        if w.chance(0.4):
            argv += ["MATCH", w.pick(["*1*", "m*", "?1", "[0-9]*", "*"])]
        if w.chance(0.5):
            argv += ["COUNT", str(w.pick([30, 1000] if w.bulk else [1, 3, 10, 1000]))]
        if types and w.chance(0.3):
            argv += ["TYPE", w.pick(["string", "list", "zset", "hash", "set", "stream"])]
        return tuple(argv)

    def blocking(self):
        t, ways = self.w.types, []
        if "list" in t:
            ways += [(["BLPOP", "bl", "5"], ["RPUSH", "bl", "a", "b"]), (["BRPOP", "bl", "5"], ["RPUSH", "bl", "a", "b"]),
                     (["BLMOVE", "bl", "bl2", "LEFT", "RIGHT", "5"], ["RPUSH", "bl", "a"]),
                     (["BLMPOP", "5", "1", "bl", "LEFT", "COUNT", "3"], ["RPUSH", "bl", "a", "b"])]
        if "zset" in t:
            ways += [(["BZPOPMIN", "bz", "5"], ["ZADD", "bz", "1", "a", "2", "b"])]
        return ways

    def episode(self, commands):
        """Entries: ("commands", [argv...]) that belong together, and ("step", name, arguments)."""
        yield "step", "begin", (self.resp3,)
        if self.low:
            yield "step", "set_limits", tuple(LOW)
        made = 0
        while made < commands:
            for _ in range(BATCH):
                group = self.transaction() if self.w.chance(0.03) else self.one()
                made += len(group)
                yield "commands", group
            yield "step", "select", (self.w.db,)
            for _ in range(self.w.upto(3)):
                step = self.step()
                if step[0] not in self.without:
                    yield ("step",) + step
                made += 2
        yield "step", "compare_all", ()


def flatten(groups):
    """(argv, inner commands of an EXEC or None) for each reply, in order."""
    out = []
    for group in groups:
        inner = group[1:-1] if group[0][0] == "MULTI" else None
        for argv in group:
            out.append((argv, None))
        if inner is not None:
            out[-1] = (group[-1], inner)
    return out


class Runner:
    def __init__(self, context):
        self.x = context
        self.commands = 0
        self.detail = None

    def exchange(self, groups):
        """Sends these commands to both; None, or (number of the group that differs, text)."""
        x = self.x
        payload = b"".join(encode(argv) for group in groups for argv in group)
        for link in x.links:
            link.send(payload)
        a, b = [link.receive() for link in x.links]
        replies = sum(len(g) for g in groups)
        self.commands += replies
        if a == b:
            return None
        i = j = 0
        for number, (argv, inner) in enumerate(flatten(groups)):
            left, i = parse(a, i)
            right, j = parse(b, j)
            if left == right:
                continue
            if inner is not None and isinstance(left, list):
                inner = self.accepted_inner(groups, number, inner, left)
            if not x.judge.same(argv, left, right, inner):
                return number, difference(argv, left, right)
        return None

    @staticmethod
    def accepted_inner(groups, number, inner, left):
        """The commands that were queued: those that MULTI refused have no reply in EXEC."""
        return inner if len(inner) == len(left) else None

    def run(self, entries):
        """None, or the text of the first difference. Entries is any iterable; what was run is in self.history."""
        self.history, pending = [], []
        for entry in entries:
            self.history.append(entry)
            if entry[0] == "commands":
                pending.append(entry[1])
                if len(pending) < BATCH:
                    continue
            bad = self.flush(pending)
            pending = []
            if not bad and entry[0] == "step":
                bad = self.guarded(lambda: STEPS[entry[1]](self.x, *entry[2]))
            if bad:
                return bad
        return self.flush(pending)

    def flush(self, pending):
        if not pending:
            return None
        found = self.guarded(lambda: self.exchange(pending))
        return found[1] if isinstance(found, tuple) else found

    def guarded(self, work):
        """A server that is gone or answers nonsense is a difference too."""
        try:
            return work()
        except (OSError, ValueError) as e:
            server = self.x.orbit.server
            if server and server.process.poll() is not None:
                text = "orbit-server ended with status %d; log: %s" % (server.process.returncode, server.log.name)
                self.x.orbit.begin_anew()
                self.x.connect()
                return text
            self.x.connect()
            return "%s: %s" % (type(e).__name__, e)


def print_entry(entry):
    if entry[0] == "commands":
        for argv in entry[1]:
            print("    " + show(argv))
    else:
        print("    # %s %s" % (entry[1], " ".join(cut(a, 200) for a in entry[2])))


def parse_args():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seed", default=None, help="any text; default: from the clock")
    p.add_argument("--commands", type=int, default=100000)
    p.add_argument("--episode", type=int, default=EPISODE, help="commands per episode")
    p.add_argument("--first", type=int, default=0, help="number of the first episode")
    p.add_argument("--types", default=",".join(TYPES), help="default: %(default)s")
    p.add_argument("--without", default="", help="commands (SORT,EVAL) and steps (payload) to leave out")
    p.add_argument("--no-restarts", action="store_true", help="neither restarts nor cache drops")
    p.add_argument("--redis", default=shutil.which("redis-server"), help="program of the reference, default: redis-server")
    p.add_argument("--redis-port", type=int, default=0, help="a reference that runs already")
    p.add_argument("--orbit", default="bin/orbit-server")
    p.add_argument("--orbit-port", type=int, default=0, help="a server under test that runs already: it is not restarted")
    p.add_argument("--keep-going", type=int, default=1, metavar="N", help="end after N differences (default 1)")
    p.add_argument("--no-shrink", action="store_true")
    p.add_argument("options", nargs="*", help="further options of Orbit, behind --")
    return p.parse_args()


def main():
    args = parse_args()
    os.environ["LC_ALL"] = "C"  # SORT ALPHA follows the locale
    if not args.redis and not args.redis_port:
        print("no redis-server to compare with")
        sys.exit(77)
    seed = args.seed or "%d" % time.time()
    folder = tempfile.mkdtemp(prefix="orbit-diff-")
    options = args.options or ["--record-cache-memory", "1mb"]
    reference = Reference(args.redis, args.redis_port, folder)
    orbit = Orbit(args.orbit, args.orbit_port, folder, options)
    judge = Judge(reference.version)
    context = Context(reference, orbit, judge)
    runner = Runner(context)
    types = args.types.split(",")
    print("seed %s, redis %s on port %d, orbit on port %d" % (seed, ".".join(map(str, reference.version)), reference.port,
                                                            orbit.port), flush=True)
    passed = failed = 0
    number = args.first
    begun = time.monotonic()
    try:
        while runner.commands < args.commands and failed < args.keep_going:
            generator = Generator("%s:%d" % (seed, number), types, args.without.split(","),
                                  orbit.restarts and not args.no_restarts, reference.version >= (7, 1))
            bad = runner.run(generator.episode(args.episode))
            number += 1
            if not bad:
                passed += 1
                continue
            failed += 1
            print("episode %d differs: %s" % (number - 1, bad), flush=True)
            if not args.no_shrink:
                least, text = shrink(runner, runner.history, bad)
                print("  shortest sequence (%d entries), then: %s" % (len(least), text))
                for entry in least:
                    print_entry(entry)
            sys.stdout.flush()
    finally:
        orbit.stop()
        reference.stop()
    seconds = time.monotonic() - begun
    print("%d commands in %d s" % (runner.commands, seconds))
    for name, count, reason in judge.report():
        print("accepted %d: %s: %s" % (count, name, reason))
    print("%d passed, %d failed" % (passed, failed))
    if not failed:
        shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
