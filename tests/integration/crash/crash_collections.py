"""Writers of lists, hashes, sets, sorted sets and streams for crash.py.

Each writer has keys of its own and remembers what it sent, in order. What a restart gives back must be what the keys held after
some number of those commands that is not below the acknowledged ones: of all the keys at once, for the log keeps the order. The
counts must be those of the contents, and both trees of a sorted set must tell the same."""
import os
import random
import threading

from orbit_client import Client, encode

PIPELINE = 32
FIELDS = 3000  # different members of the large collections


class Contents:
    """What one writer's keys hold."""

    def __init__(self):
        self.lists, self.hashes, self.sets, self.zsets, self.streams = {}, {}, {}, {}, {}

    def copy(self):
        other = Contents()
        for kind, keys in vars(self).items():
            setattr(other, kind, {k: v.copy() for k, v in keys.items()})
        return other

    def __eq__(self, other):
        return all({k: v for k, v in keys.items() if v} == {k: v for k, v in getattr(other, kind).items() if v}
                   for kind, keys in vars(self).items())


def pad(n):
    return "%d:%s" % (n, "x" * (n % 7 * 40))


class Commands:
    """Random commands with what they do to Contents. Each method answers (argv, effect)."""

    def __init__(self, number, rng):
        self.prefix, self.rng = "w%d:" % number, rng

    def key(self, kind):
        """Small ones stay packed, large ones become trees."""
        large = self.rng.random() < 0.6
        return self.prefix + kind + (":large" if large else ":small"), FIELDS if large else 20

    def push(self, n):
        key, _ = self.key("list")
        right = self.rng.random() < 0.5
        values = [pad(n + i) for i in range(self.rng.choice([1, 1, 5, 40]))]

        def effect(c):
            items = c.lists.setdefault(key, [])
            items[:] = items + values if right else values[::-1] + items
        return ["RPUSH" if right else "LPUSH", key] + values, effect

    def trim(self, n):
        key, most = self.key("list")

        def effect(c):
            items = c.lists.setdefault(key, [])
            items[:] = items[1:most]
        return ["LTRIM", key, "1", str(most - 1)], effect

    def pop(self, n):
        key, _ = self.key("list")
        count = self.rng.choice([1, 3, 30])

        def effect(c):
            items = c.lists.setdefault(key, [])
            items[:] = items[count:]
        return ["LPOP", key, str(count)], effect

    def hset(self, n):
        key, most = self.key("hash")
        pairs = {"f%d" % self.rng.randrange(most): pad(n + i) for i in range(self.rng.choice([1, 4]))}
        return ["HSET", key] + [w for p in pairs.items() for w in p], lambda c: c.hashes.setdefault(key, {}).update(pairs)

    def hdel(self, n):
        key, most = self.key("hash")
        fields = {"f%d" % self.rng.randrange(most) for _ in range(self.rng.choice([1, 8]))}

        def effect(c):
            for f in fields:
                c.hashes.setdefault(key, {}).pop(f, None)
        return ["HDEL", key] + list(fields), effect

    def members(self, most):
        text = self.rng.random() < 0.5
        return {("m%d" if text else "%d") % self.rng.randrange(most) for _ in range(self.rng.choice([1, 6]))}

    def sadd(self, n):
        key, most = self.key("set")
        members = self.members(most)
        return ["SADD", key] + list(members), lambda c: c.sets.setdefault(key, set()).update(members)

    def srem(self, n):
        key, most = self.key("set")
        members = self.members(most)
        return ["SREM", key] + list(members), lambda c: c.sets.setdefault(key, set()).difference_update(members)

    def zadd(self, n):
        key, most = self.key("zset")
        scores = {m: self.rng.randrange(1000) for m in self.members(most)}
        return (["ZADD", key] + [w for m, s in scores.items() for w in (s, m)],
                lambda c: c.zsets.setdefault(key, {}).update(scores))

    def zrem(self, n):
        key, most = self.key("zset")
        members = self.members(most)

        def effect(c):
            for m in members:
                c.zsets.setdefault(key, {}).pop(m, None)
        return ["ZREM", key] + list(members), effect

    def xadd(self, n):
        key, most = self.key("stream")
        entry = ("%d-1" % n, ["f", pad(n)])

        def effect(c):
            items = c.streams.setdefault(key, [])
            items.append(entry)
            del items[:-most]
        return ["XADD", key, "MAXLEN", str(most), entry[0]] + entry[1], effect

    def rename(self, n):
        key, _ = self.key("list")
        other = self.prefix + "list:moved"

        def effect(c):
            if c.lists.get(key):
                c.lists[other] = c.lists.pop(key)
        return ["EVAL", "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('RENAME', KEYS[1], KEYS[2]) end return 1",
                "2", key, other], effect

    def transaction(self, n):
        """One number in three types, or in none."""
        parts = [self.hset(n), self.sadd(n), self.zadd(n)]

        def effect(c):
            for _, one in parts:
                one(c)
        return [p for p, _ in parts], effect


class CollectionWriter(threading.Thread):
    """Writes until the connection breaks. state: contents (of what is acknowledged), doubtful (effects sent since), n."""

    def __init__(self, number, port, state):
        super().__init__(daemon=True)
        self.number, self.port, self.state = number, port, state
        self.error = None

    def batch(self, commands, rng):
        ways = [commands.push] * 4 + [commands.pop] * 3 + [commands.trim, commands.rename] + [commands.hset] * 4 + \
            [commands.hdel] * 2 + [commands.sadd] * 4 + [commands.srem] * 2 + [commands.zadd] * 4 + [commands.zrem] * 2 + \
            [commands.xadd] * 4 + [commands.transaction] * 3
        out = []
        for _ in range(PIPELINE):
            self.state["n"] += 50  # more than a command adds
            way = rng.choice(ways)
            argv, effect = way(self.state["n"])
            if isinstance(argv[0], list):
                sent, replies = encode("MULTI") + b"".join(encode(*a) for a in argv) + encode("EXEC"), len(argv) + 2
            else:
                sent, replies = encode(*argv), 1
            out.append((sent, replies, effect))
        return out

    def run(self):
        rng = random.Random(os.urandom(8))
        commands, state = Commands(self.number, rng), self.state
        try:
            client = Client(self.port)
            while True:
                batch = self.batch(commands, rng)
                state["doubtful"] += [effect for _, _, effect in batch]
                client.send(b"".join(sent for sent, _, _ in batch))
                for _, replies, _ in batch:
                    for _ in range(replies):
                        client.reply()
                    state["doubtful"].pop(0)(state["contents"])
        except (ConnectionError, OSError):
            pass
        except Exception as e:  # an error reply, or a fault of this script: never silent
            self.error = repr(e)


def new_state():
    return {"contents": Contents(), "doubtful": [], "n": 0}


def text(items):
    return [i.decode() for i in items]


def read(client, number, bad):
    """What the server holds; counts and indexes that do not fit go to bad."""
    found = Contents()

    def count(command, key, n):
        told = client.call(command, key)
        if told != n:
            bad.append("%s %s says %r, there are %d" % (command, key, told, n))

    for size in ("small", "large", "moved"):
        key = "w%d:list:%s" % (number, size)
        found.lists[key] = text(client.call("LRANGE", key, 0, -1))
        count("LLEN", key, len(found.lists[key]))
    for size in ("small", "large"):
        key = "w%d:hash:%s" % (number, size)
        flat = text(client.call("HGETALL", key))
        found.hashes[key] = dict(zip(flat[::2], flat[1::2]))
        count("HLEN", key, len(flat) // 2)
        key = "w%d:set:%s" % (number, size)
        members = text(client.call("SMEMBERS", key))
        found.sets[key] = set(members)
        count("SCARD", key, len(members))
        read_zset(client, "w%d:zset:%s" % (number, size), found, count, bad)
        key = "w%d:stream:%s" % (number, size)
        found.streams[key] = [(i.decode(), text(f)) for i, f in client.call("XRANGE", key, "-", "+")]
        count("XLEN", key, len(found.streams[key]))
    return found


def read_zset(client, key, found, count, bad):
    flat = text(client.call("ZRANGE", key, 0, -1, "WITHSCORES"))
    members, scores = flat[::2], [int(s) for s in flat[1::2]]
    found.zsets[key] = dict(zip(members, scores))
    count("ZCARD", key, len(members))
    if not members:
        return
    if sorted(zip(scores, [m.encode() for m in members])) != list(zip(scores, [m.encode() for m in members])):
        bad.append("%s is out of order" % key)
    if [s and int(s) for s in client.call("ZMSCORE", key, *members)] != scores:
        bad.append("%s: ZMSCORE and ZRANGE differ" % key)
    middle = len(members) // 2
    if client.call("ZRANK", key, members[middle]) != middle:
        bad.append("%s: ZRANK of the member at %d" % (key, middle))


def check(port, states):
    """Faults; the states then hold what was found."""
    client, bad = Client(port), []
    for number, state in enumerate(states):
        try:
            found = read(client, number, bad)
        except RuntimeError as e:
            bad.append("writer %d: %s" % (number, e))
            continue
        candidate = state["contents"].copy()
        doubtful = list(state["doubtful"])
        while candidate != found and doubtful:
            doubtful.pop(0)(candidate)
        if candidate != found:
            bad.append("collections of writer %d: after none of %d commands in doubt; %s" % (
                number, len(state["doubtful"]), where(state["contents"], found)))
        state["contents"], state["doubtful"] = found, []
    return bad


def where(known, found):
    """Which keys are not as acknowledged, for the eye."""
    return ", ".join(sorted(k for kind, keys in vars(found).items() for k, v in keys.items()
                            if v != (getattr(known, kind).get(k) or type(v)())))
