"""Data of all types, and clients that go on changing them."""
import random
import threading

from orbit_client import Client, encode

BATCH = 500
PIPELINE = 20


def text(rng, most=60):
    return "%x" % rng.getrandbits(4 * rng.randint(1, most))


def pairs(rng, count, name="f"):
    return [w for i in range(count) for w in ("%s%d" % (name, rng.randrange(1000)), text(rng))]


def small(rng):
    return rng.choice((1, 1, 2, 3, 5, 8, 20))


def create(key, rng, n):
    """Commands that make one key; its type follows from n."""
    kind = n % 12
    if kind in (0, 1):
        return [("SET", key, text(rng))]
    if kind == 2:
        return [("SET", key, rng.randrange(1 << 40), "EX", rng.randint(3600, 86400))]
    if kind == 3:
        return [("RPUSH", key, *[text(rng) for _ in range(small(rng))])]
    if kind == 4:
        return [("HSET", key, *pairs(rng, small(rng)))]
    if kind == 5:
        return [("SADD", key, *[rng.randrange(1 << 20) for _ in range(small(rng))])]
    if kind == 6:
        return [("SADD", key, *[text(rng) for _ in range(small(rng))])]
    if kind == 7:
        return [("ZADD", key, *[w for _ in range(small(rng)) for w in (rng.randrange(-8000000, 8000000) / 8, text(rng))])]
    if kind == 8:
        return [("XADD", key, "%d-%d" % (i + 1, rng.randrange(5)), *pairs(rng, 2)) for i in range(small(rng))] + \
            [("XGROUP", "CREATE", key, "g", "0"), ("XREADGROUP", "GROUP", "g", "c", "COUNT", 2, "STREAMS", key, ">")]
    if kind == 9:
        return [("PFADD", key, *[text(rng) for _ in range(small(rng))])]
    if kind == 10:
        return [("SETBIT", key, rng.randrange(4000), 1), ("SETRANGE", key, rng.randrange(300), text(rng))]
    return [("GEOADD", key, rng.uniform(-170, 170), rng.uniform(-80, 80), text(rng)), ("PEXPIRE", key, rng.randint(10 ** 7, 10 ** 8))]


def large(prefix, rng, elements):
    """Collections that stand on pages of their own, and a value of some megabytes."""
    yield ("SET", prefix + "string", "x" * 3000000)
    for at in range(0, elements, 200):
        span = range(at, at + 200)
        yield ("RPUSH", prefix + "list", *[text(rng) for _ in span])
        yield ("HSET", prefix + "hash", *[w for i in span for w in ("f%d" % i, text(rng))])
        yield ("SADD", prefix + "set", *["m%d" % i for i in span])
        yield ("ZADD", prefix + "zset", *[w for i in span for w in (rng.randrange(-99, 99) / 8, "m%d" % i)])
        for i in span[:20]:
            yield ("XADD", prefix + "stream", "*", "n", i)


def fill(node, count, elements=20000, seed=1):
    """count keys in three databases, and some large ones."""
    rng = random.Random(seed)
    client = node.client()
    for db, share in ((0, count - count // 5), (1, count // 10), (9, count // 10)):
        client.call("SELECT", db)
        for at in range(0, share, BATCH):
            commands = [c for n in range(at, min(at + BATCH, share)) for c in create("key:%d" % n, rng, n)]
            client.pipeline(b"".join(encode(*c) for c in commands), len(commands))
    client.call("SELECT", 0)
    for command in large("large:", rng, elements):
        client.call(*command)
    client.close()


FUNCTIONS = "#!lua name=load\nredis.register_function('bump', function(k, a) return redis.call('INCRBY', k[1], a[1]) end)"
SCRIPT = "for i, k in ipairs(KEYS) do redis.call('SET', k, redis.call('INCR', 'load:scripted') * i) end return #KEYS"


class Changes:
    """One writer's next commands. Keys of the several writers meet."""

    def __init__(self, seed, keys):
        self.rng, self.keys = random.Random(seed), keys
        self.kinds = [self.plain, self.plain, self.collections, self.collections, self.create, self.transaction, self.script,
                      self.streams, self.deadlines, self.large, self.rare]

    def key(self):
        return "key:%d" % self.rng.randrange(self.keys)

    def own(self, kind):
        return "load:%s:%d" % (kind, self.rng.randrange(50))

    def create(self):
        key = "key:%d" % self.rng.randrange(2 * self.keys)
        return [("DEL", key)] + create(key, self.rng, self.rng.randrange(12))

    def plain(self):
        r = self.rng
        return r.choice(([("INCRBY", self.own("n"), r.randrange(100))], [("INCRBYFLOAT", self.own("float"), r.uniform(0, 3))],
                         [("APPEND", self.own("text"), text(r))], [("GETSET", self.own("any"), text(r))],
                         [("BITFIELD", self.own("bits"), "INCRBY", "u8", "#%d" % r.randrange(99), 7)],
                         [("MSET", self.own("any"), 1, self.own("any"), 2)], [("GETDEL", self.key())], [("UNLINK", self.key())],
                         [("COPY", self.key(), self.own("copy"), "REPLACE")], [("PFMERGE", self.own("pf"), self.own("pf"))]))

    def collections(self):
        r = self.rng
        own = self.own
        return r.choice(([("LPUSH", own("list"), text(r), text(r)), ("LTRIM", own("list"), 0, 200)],
                         [("LMOVE", own("list"), own("list"), "LEFT", "RIGHT")], [("LINSERT", own("list"), "BEFORE", text(r), 1)],
                         [("RPOP", own("list"), 2)], [("SPOP", own("set"), 2)], [("SADD", own("set"), text(r), r.randrange(999))],
                         [("SMOVE", own("set"), own("set"), r.randrange(999))], [("SUNIONSTORE", own("union"), own("set"), own("set"))],
                         [("HSET", own("hash"), *pairs(r, 4))], [("HINCRBYFLOAT", own("hash"), "f", r.uniform(0, 1))],
                         [("HDEL", own("hash"), "f%d" % r.randrange(1000))], [("ZADD", own("zset"), "INCR", 1.5, text(r, 2))],
                         [("ZPOPMIN", own("zset"), 1)], [("ZRANGESTORE", own("part"), own("zset"), 0, 20)],
                         [("ZUNIONSTORE", own("sum"), 2, own("zset"), own("zset"), "WEIGHTS", 1, 0.5)],
                         [("SORT", own("set"), "ALPHA", "STORE", own("sorted"))],
                         [("GEOADD", own("geo"), r.uniform(-99, 99), r.uniform(-80, 80), text(r, 2))]))

    def transaction(self):
        return [("MULTI",), ("SET", "load:a", self.rng.random()), ("SPOP", self.own("set")), ("SELECT", self.rng.randrange(2)),
                ("INCR", "load:b"), ("SELECT", 0), ("EXEC",)]

    def script(self):
        return [("EVAL", SCRIPT, 2, self.own("any"), self.own("any")), ("FCALL", "bump", 1, self.own("n"), 3)]

    def streams(self):
        key = self.own("stream")
        return [("XADD", key, "MAXLEN", "~", 300, "*", *pairs(self.rng, 2)), ("XGROUP", "CREATE", key, "g", "$", "MKSTREAM"),
                ("XREADGROUP", "GROUP", "g", "c%d" % self.rng.randrange(3), "COUNT", 3, "STREAMS", key, ">"),
                ("XAUTOCLAIM", key, "g", "c9", 0, "0", "COUNT", 2), ("XTRIM", key, "MAXLEN", 250)]

    def deadlines(self):
        key = self.own("ttl")
        return self.rng.choice(([("SET", key, text(self.rng), "PX", self.rng.randint(1, 400))],
                                [("SADD", key + ":s", 1, 2, 3), ("PEXPIRE", key + ":s", self.rng.randint(0, 300))],
                                [("GETEX", key, "PX", self.rng.randint(1, 300))], [("PERSIST", key)], [("GET", key)],
                                [("EXPIRE", self.key(), self.rng.randint(5000, 9000), "NX")], [("EXPIRE", key, -1)]))

    def large(self):
        r = self.rng
        return r.choice(([("SETRANGE", "large:string", r.randrange(3000000), text(r))], [("LSET", "large:list", r.randrange(9000), text(r))],
                         [("HSET", "large:hash", "f%d" % r.randrange(40000), text(r))], [("SREM", "large:set", "m%d" % r.randrange(20000))],
                         [("ZINCRBY", "large:zset", 0.25, "m%d" % r.randrange(20000))], [("LPOP", "large:list")],
                         [("XADD", "large:stream", "*", "n", text(r))], [("ZREMRANGEBYRANK", "large:zset", 0, 3)]))

    def rare(self):
        r = self.rng
        if r.random() < 0.98:
            return self.plain()
        return r.choice(([("SELECT", 5), *create("five", r, r.randrange(8)), ("SELECT", 0)], [("SELECT", 5), ("FLUSHDB",), ("SELECT", 0)],
                         [("SWAPDB", 5, 6)], [("MOVE", self.key(), 7)], [("FUNCTION", "LOAD", "REPLACE", FUNCTIONS)],
                         [("RENAME", self.own("any"), self.own("any"))], [("PUBLISH", "channel", "x")]))

    def batch(self):
        commands = []
        while len(commands) < PIPELINE:
            commands += self.rng.choice(self.kinds)()
        return commands


class Writer(threading.Thread):
    """Sends changes until stop, or until the connection breaks; an error reply is as good as an answer. pause: seconds between
    two batches."""

    def __init__(self, port, seed, keys, pause):
        super().__init__(daemon=True)
        self.port, self.changes, self.rest = port, Changes(seed, keys), pause
        self.ended, self.gate, self.idle = threading.Event(), threading.Event(), threading.Event()
        self.gate.set()
        self.commands = 0

    def run(self):
        try:
            client = Client(self.port)
            while not self.ended.is_set():
                if not self.gate.is_set():
                    self.idle.set()
                    self.gate.wait()
                    self.idle.clear()
                    continue
                self.send(client, self.changes.batch())
                self.ended.wait(self.rest)
        except OSError:
            pass
        self.idle.set()

    def send(self, client, commands):
        client.send(b"".join(encode(*c) for c in commands))
        for _ in commands:
            try:
                client.reply()
            except RuntimeError:
                pass
            self.commands += 1


class Load:
    """Several writers."""

    def __init__(self, node, keys, writers=3, pause=0.002):
        self.writers = [Writer(node.socket, seed, keys, pause) for seed in range(1, writers + 1)]
        for w in self.writers:
            w.start()

    def hold(self):
        for w in self.writers:
            w.gate.clear()
        for w in self.writers:
            w.idle.wait(60)

    def go_on(self):
        for w in self.writers:
            w.idle.clear()
            w.gate.set()

    def stop(self):
        """How many commands were sent."""
        for w in self.writers:
            w.ended.set()
            w.gate.set()
        for w in self.writers:
            w.join(60)
        return sum(w.commands for w in self.writers)
