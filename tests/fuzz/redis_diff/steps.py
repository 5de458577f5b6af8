"""What is not one command with one reply: commands whose outcome is random or chosen by the server (checked by membership,
then mirrored), whole iterations, blocking, restarts, and the comparison of everything. A step answers None, or what differs."""
import signal
import time

from compare import content, is_error
from targets import NULL, Link, encode, parse
from words import DATABASES


class Context:
    """Both servers, their connections, and what both are told at the beginning of a connection."""

    def __init__(self, reference, orbit, judge):
        self.reference, self.orbit, self.judge = reference, orbit, judge
        self.resp3, self.db = False, 0
        self.links = None
        self.limits = []  # CONFIG SETs that a restart would forget

    def connect(self):
        if self.links:
            for link in self.links:
                link.close()
        self.links = [Link(s.port, self.resp3, self.db) for s in (self.reference, self.orbit)]

    @property
    def redis(self):
        return self.links[0]

    @property
    def ours(self):
        return self.links[1]

    def both(self, *argv):
        for link in self.links:
            link.send(encode(argv))
        replies = []
        for link in self.links:
            replies.append(parse(link.receive(), 0)[0])
        return replies

    def same(self, *argv):
        """None, or how the replies to this command differ."""
        a, b = self.both(*argv)
        if not self.judge.same(argv, a, b):
            return difference(argv, a, b)
        return None


def difference(argv, a, b):
    """Of long replies the part where they part."""
    left, right, at = repr(a), repr(b), 0
    if len(left) > 700 and len(right) > 700:
        at = next((i for i, (c, d) in enumerate(zip(left, right)) if c != d), 0)
        at = max(0, at - 100)
    where = " (from character %d)" % at if at else ""
    return "%s%s\n  redis: %s\n  orbit: %s" % (show(argv)[:2000], where, short(left[at:]), short(right[at:]))


def short(text, most=700):
    return text if len(text) <= most else text[:most] + "... (%d characters)" % len(text)


def show(argv):
    """As redis-cli takes it."""
    return " ".join(quoted(w) for w in argv)


def quoted(word):
    text = word.decode("latin-1") if isinstance(word, bytes) else str(word)
    if text and all(33 <= ord(c) < 127 and c not in "\"'\\" for c in text):
        return text
    return '"%s"' % "".join(c if 32 <= ord(c) < 127 and c not in "\"\\" else "\\x%02x" % ord(c) for c in text)


def cut(reply, most=700):
    return short(repr(reply), most)


# -- random outcomes ---------------------------------------------------------------------------------------------------------

def listed(reply):
    if reply is NULL:
        return []
    items = content(reply)
    return [reply] if items is None else items


def spop(x, key, count):
    argv = ["SPOP", key] + ([] if count is None else [count])
    before = x.redis.call("SCARD", key)
    popped = x.ours.call(*argv)
    if is_error(before):
        return None if popped == before else difference(argv, before, popped)
    members = listed(popped)
    removed = x.redis.call("SREM", key, *members) if members else 0
    if removed != len(members) or len(members) != min(before, 1 if count is None else count):
        return "%s: of %r members, %r came back, %r of them were there: %s" % (
            show(argv), before, len(members), removed, cut(popped))
    return x.same("SCARD", key)


def random_members(x, name, key, count, values):
    argv = [name, key] + ([] if count is None else [count]) + ([values] if values else [])
    have = x.redis.call({"S": "SCARD", "H": "HLEN", "Z": "ZCARD"}[name[0]], key)
    got = x.ours.call(*argv)
    if is_error(have):
        return None if got == have else difference(argv, have, got)
    items = listed(got)
    if values and items and not isinstance(items[0], list):
        items = [list(p) for p in zip(items[::2], items[1::2])]
    members = [i[0] if values else i for i in items]
    wanted = min(have, 1) if count is None else min(have, count) if count >= 0 else -count if have else 0
    if len(members) != wanted:
        return "%s: %d members, %d wanted of %d" % (show(argv), len(members), wanted, have)
    if (count is None or count >= 0) and len(set(members)) != len(members):
        return "%s: a member twice: %s" % (show(argv), cut(got))
    if not members:
        return None
    test = {"S": "SMISMEMBER", "H": "HMGET", "Z": "ZMSCORE"}[name[0]]
    found = x.redis.call(test, key, *members)
    if values:
        ok = found == [i[1] for i in items]
    else:
        ok = all(f not in (0, NULL) for f in found)
    return None if ok else "%s: not what the key holds: %s, %s" % (show(argv), cut(got), cut(found))


def randomkey(x):
    size, key = x.redis.call("DBSIZE"), x.ours.call("RANDOMKEY")
    if (key is NULL) != (size == 0) or (key is not NULL and x.redis.call("EXISTS", key) != 1):
        return "RANDOMKEY: %s of %r keys" % (cut(key), size)
    return None


def xadd_auto(x, key):
    got = x.ours.call("XADD", key, "*", "f", "v")
    if is_error(got):
        return x.same("XADD", key, "*", "f", "v")
    mirrored = x.redis.call("XADD", key, got, "f", "v")
    return None if mirrored == got else difference(["XADD", key, "*", "f", "v"], mirrored, got)


def trim_about(x, key, length):
    """How much `~` leaves is up to the server, but never less than asked for."""
    argv = ["XTRIM", key, "MAXLEN", "~", length]
    before = x.redis.call("XLEN", key)
    for link in x.links:
        got = link.call(*argv)
        after = link.call("XLEN", key)
        if not is_error(got) and (after != before - got or after < min(before, length)):
            return "%s: %r removed, %r before, %r after" % (show(argv), got, before, after)
    left = min(link.call("XLEN", key) for link in x.links) if not is_error(before) else 0
    x.both("XTRIM", key, "MAXLEN", left)
    return None if is_error(before) else x.same("XLEN", key)


# -- whole iterations --------------------------------------------------------------------------------------------------------

def iterate(link, argv):
    """Everything that a SCAN from 0 to 0 gives, or its error."""
    at = argv.index("CURSOR")
    cursor, seen = b"0", []
    for _ in range(200000):
        got = link.call(*argv[:at], cursor, *argv[at + 1:])
        if is_error(got):
            return got
        cursor, items = got
        if argv[0] in ("HSCAN", "ZSCAN"):
            items = list(zip(items[::2], items[1::2]))
        seen += items
        if cursor == b"0":
            return [list(i) if isinstance(i, tuple) else i for i in sorted(set(seen))]
    return "no end"


def scan(x, *argv):
    a, b = (iterate(link, list(argv)) for link in x.links)
    return None if x.judge.same(argv, a, b) else difference(argv, a, b)


# -- time ----------------------------------------------------------------------------------------------------------------------

def expire_now(x, key):
    x.both("PEXPIRE", key, 1)
    time.sleep(0.004)
    return x.same("TYPE", key)


def block(x, wait, push):
    """One client waits, another feeds it."""
    key = wait[1] if wait[0] != "BLMPOP" else wait[3]
    x.both("DEL", key)
    others = [Link(s.port, x.resp3, x.db) for s in (x.reference, x.orbit)]
    for link in others:
        link.sock.sendall(encode(["ECHO", "ready"]))
        link.sock.recv(100)
        link.sock.sendall(encode(wait))
    time.sleep(0.03)
    pushed = x.same(*push)
    replies = []
    for link in others:
        link.send(b"")
        replies.append(parse(link.receive(), 0)[0])
        link.close()
    if replies[0] != replies[1]:
        return difference(list(wait) + ["|"] + list(push), *replies)
    return pushed or x.same("EXISTS", key)


# -- payloads ------------------------------------------------------------------------------------------------------------------

def payload(x, key):
    """What DUMP gives restores on the other side, and means the same there."""
    dumps = x.both("DUMP", key)
    if is_error(dumps[0]) or is_error(dumps[1]) or NULL in dumps:
        return None if dumps[0] == dumps[1] else difference(["DUMP", key], *dumps)
    newest = x.reference.version >= (7, 1)
    pairs = [(x.redis, x.ours, dumps[0])] + ([(x.ours, x.redis, dumps[1])] if newest else [])
    for source, other, bytes_ in pairs:
        if source.call("COPY", key, "restored", "REPLACE") != 1:
            return "COPY %s restored REPLACE failed" % key
        got = other.call("RESTORE", "restored", "0", bytes_, "REPLACE")
        if is_error(got):
            return "RESTORE of the other side's DUMP of %s: %s" % (key, cut(got))
        source.call("PERSIST", "restored")
        bad = compare_key(x, b"restored", encoding=False)  # RESTORE chooses it anew
        if bad:
            return "after RESTORE of the other side's DUMP of %s: %s" % (key, bad)
    x.both("DEL", "restored")
    return None


# -- the server under test -------------------------------------------------------------------------------------------------------

def restart(x, how):
    if x.orbit.restarts:
        x.orbit.restart(signal.SIGKILL if how == "kill" else signal.SIGTERM, x.limits)
        x.connect()
    return None


def reload(x):
    """Both read their data back; encodings are chosen anew."""
    for link in x.links:
        got = link.call("DEBUG", "RELOAD")
        if got != (b"+", b"OK"):
            return "DEBUG RELOAD: %s" % cut(got)
    return None


def set_limits(x, *pairs):
    x.limits = list(pairs)
    for name, value in pairs:
        for link in x.links:
            link.call("CONFIG", "SET", name, value)  # 7.0 lacks one of them
    return None


def begin(x, resp3):
    """The beginning of an episode: nothing in the databases, everything at its default."""
    x.resp3, x.db, x.limits = resp3, 0, []
    x.connect()
    for link in x.links:
        link.call("FLUSHALL")
        for name, value in DEFAULTS:
            link.call("CONFIG", "SET", name, value)
    return None


DEFAULTS = [("hash-max-listpack-entries", 128), ("hash-max-listpack-value", 64), ("zset-max-listpack-entries", 128),
            ("zset-max-listpack-value", 64), ("set-max-intset-entries", 512), ("set-max-listpack-entries", 128),
            ("set-max-listpack-value", 64), ("list-max-listpack-size", -2), ("stream-node-max-entries", 100),
            ("hll-sparse-max-bytes", 3000)]
LOW = [(name, value) for name, value in zip((n for n, _ in DEFAULTS), (6, 20, 6, 20, 5, 6, 20, 7, 4, 200))]

# -- everything --------------------------------------------------------------------------------------------------------------------

CONTENT = {b"string": ["GET"], b"list": ["LRANGE", None, "0", "-1"], b"hash": ["HGETALL"], b"set": ["SMEMBERS"],
           b"zset": ["ZRANGE", None, "0", "-1", "WITHSCORES"], b"stream": ["XRANGE", None, "-", "+"]}
LENGTH = {b"string": "STRLEN", b"list": "LLEN", b"hash": "HLEN", b"set": "SCARD", b"zset": "ZCARD", b"stream": "XLEN"}


def compare_key(x, key, encoding=True):
    types = x.both("TYPE", key)
    if types[0] != types[1]:
        return difference(["TYPE", key], *types)
    kind = types[0][1]
    if kind == b"none":
        return None
    command = CONTENT[kind]
    bad = x.same(command[0], key, *command[2:]) or x.same(LENGTH[kind], key) or x.same("PEXPIRETIME", key)
    if encoding:
        bad = bad or x.same("OBJECT", "ENCODING", key)
    if kind == b"stream":
        bad = bad or x.same("XINFO", "STREAM", key, "FULL", "COUNT", "0")
    return bad


def compare_all(x):
    bad = None
    for db in range(DATABASES):
        x.both("SELECT", db)
        a, b = (sorted(link.call("KEYS", "*")) for link in x.links)
        if a != b:
            bad = bad or "KEYS in database %d\n  only redis: %s\n  only orbit: %s" % (
                db, cut(sorted(set(a) - set(b))), cut(sorted(set(b) - set(a))))
        bad = bad or x.same("DBSIZE")
        for key in a:
            bad = bad or compare_key(x, key)
        if bad:
            break
    x.both("SELECT", x.db)
    return bad


def select(x, db):
    x.db = db
    x.both("SELECT", db)
    return None


STEPS = {f.__name__: f for f in (spop, random_members, randomkey, xadd_auto, trim_about, scan, expire_now, block, payload, restart,
                                 reload, set_limits, begin, compare_all, select)}
