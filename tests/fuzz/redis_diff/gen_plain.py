"""Random commands over keys, strings, bitmaps, HyperLogLogs, transactions and scripts. Each function answers one argv, or a
list of several that belong together. Random and order-dependent commands are steps.py's."""
from words import DATABASES, FAR, TYPES


def absolute_s(w):
    return str(FAR + w.rng.randrange(100000))


# -- strings ---------------------------------------------------------------------------------------------------------------

def set_(w):
    argv = ["SET", w.key("string"), w.value()]
    if w.chance(0.3):
        argv.append(w.pick(["NX", "XX", "GET", "KEEPTTL"]))
    if w.chance(0.1):
        argv.append(w.pick(["GET", "NX", "XX"]))
    if w.chance(0.2):
        option = w.pick(["EX", "PX", "EXAT", "PXAT"])
        argv += [option, {"EX": "5000", "PX": "7000000", "EXAT": absolute_s(w), "PXAT": absolute_s(w) + "123"}[option]]
    return argv


def getex(w):
    return ["GETEX", w.key("string")] + w.pick([[], ["PERSIST"], ["EX", "4000"], ["EXAT", absolute_s(w)], ["PX", "9000000"]])


def lcs(w):
    return ["LCS", w.key("string"), w.key("string")] + w.pick([[], ["LEN"], ["IDX"], ["IDX", "MINMATCHLEN", "3", "WITHMATCHLEN"]])


def mset(w):
    argv = [w.pick(["MSET", "MSETNX"])]
    for _ in range(w.upto(3)):
        argv += [w.key("string"), w.value()]
    return argv


STRING = [
    (6, lambda w: ["GET", w.key("string")]),
    (8, set_),
    (3, lambda w: [w.pick(["INCR", "DECR"]), w.key("string")]),
    (3, lambda w: [w.pick(["INCRBY", "DECRBY"]), w.key("string"), w.pick(["5", "-3", "100", "9223372036854775807", "x"])]),
    (2, lambda w: ["INCRBYFLOAT", w.key("string"), w.pick(["1.5", "-0.25", "3", "1e2", "inf", "0.1"])]),
    (3, lambda w: ["APPEND", w.key("string"), w.value()]),
    (3, lambda w: [w.pick(["GETRANGE", "SUBSTR"]), w.key("string"), w.index(), w.index()]),
    (2, lambda w: ["SETRANGE", w.key("string"), str(w.rng.randrange(200)), w.value()]),
    (2, lambda w: ["STRLEN", w.key("string")]),
    (2, lambda w: ["GETSET", w.key("string"), w.value()]),
    (1, lambda w: ["GETDEL", w.key("string")]),
    (2, getex),
    (2, lambda w: ["MGET"] + w.some_keys("string", 4)),
    (2, mset),
    (1, lambda w: ["SETNX", w.key("string"), w.value()]),
    (1, lambda w: ["SETEX", w.key("string"), w.pick(["3000", "0", "-1"]), w.value()]),
    (1, lambda w: ["PSETEX", w.key("string"), "8000000", w.value()]),
    (1, lcs),
]


# -- bitmaps ---------------------------------------------------------------------------------------------------------------

def bitop(w):
    op = w.pick(["AND", "OR", "XOR", "NOT"])
    return ["BITOP", op, w.key("bitmap")] + (w.some_keys("bitmap") if op != "NOT" else [w.key("bitmap")])


def bit_range(w):
    return w.pick([[], [w.index(), w.index()], [w.index(), w.index(), w.pick(["BYTE", "BIT"])]])


def bitfield(w):
    argv = [w.pick(["BITFIELD", "BITFIELD", "BITFIELD_RO"]), w.key("bitmap")]
    for _ in range(w.upto(3)):
        what = "GET" if argv[0] == "BITFIELD_RO" and w.chance(0.95) else w.pick(["GET", "SET", "INCRBY", "OVERFLOW"])
        place = [w.pick(["u8", "i5", "u1", "i64", "u63", "i16"]), w.pick(["0", "7", "#3", "100", "#10"])]
        if what == "OVERFLOW":
            argv += [what, w.pick(["WRAP", "SAT", "FAIL"])]
        elif what == "GET":
            argv += [what] + place
        else:
            argv += [what] + place + [str(w.rng.randrange(-300, 300))]
    return argv


BITMAP = [
    (6, lambda w: ["SETBIT", w.key("bitmap"), str(w.rng.randrange(2000)), w.pick(["0", "1", "1"])]),
    (2, lambda w: ["GETBIT", w.key("bitmap"), str(w.rng.randrange(2000))]),
    (3, lambda w: ["BITCOUNT", w.key("bitmap")] + bit_range(w)),
    (3, lambda w: ["BITPOS", w.key("bitmap"), w.pick(["0", "1"])] + bit_range(w)),
    (2, bitop),
    (3, bitfield),
    (1, lambda w: ["GET", w.key("bitmap")]),
]

# -- HyperLogLog -----------------------------------------------------------------------------------------------------------

HLL = [
    (6, lambda w: ["PFADD", w.key("hll")] + [w.member() for _ in range(w.upto(30))]),
    (1, lambda w: ["PFADD", w.key("hll")]),
    (1, lambda w: ["PFADD", w.key("hll")] + ["e%d" % w.rng.randrange(1000000) for _ in range(w.upto(400))]),
    (3, lambda w: ["PFCOUNT"] + w.some_keys("hll")),
    (2, lambda w: ["PFMERGE", w.key("hll")] + w.some_keys("hll")),
    (1, lambda w: ["GET", w.key("hll")]),
    (1, lambda w: ["STRLEN", w.key("hll")]),
]


# -- keys ------------------------------------------------------------------------------------------------------------------

def copy(w):
    argv = ["COPY", w.any_key(), w.any_key()]
    if w.chance(0.3):
        argv += ["DB", str(w.rng.randrange(DATABASES + 1))]
    if w.chance(0.5):
        argv.append("REPLACE")
    return argv


def expire(w):
    """GT and LT only against far-away absolute times, which no two runs see differently."""
    name = w.pick(["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "EXPIREAT", "PEXPIREAT"])
    flag = w.pick([[], [], ["NX"], ["XX"], ["GT"], ["LT"], ["XX", "GT"], ["NX", "GT"], ["zz"]])
    if "GT" in flag or "LT" in flag:
        name = w.pick(["EXPIREAT", "PEXPIREAT"])
    when = {"EXPIRE": "6000", "PEXPIRE": "5000000", "EXPIREAT": absolute_s(w), "PEXPIREAT": absolute_s(w) + "500"}[name]
    if w.chance(0.05) and not flag:
        when = w.pick(["0", "-1", "9223372036854775807", "1.5"])
    return [name, w.any_key(), when] + flag


def switch(w):
    w.db = w.rng.randrange(DATABASES)
    return ["SELECT", str(w.db)]


def sort_options(w, store):
    argv = []
    if w.chance(0.4):
        argv += ["BY", w.pick(["s*", "h*->m1", "nosort", "s*->f", "*", "z*"])]
    if w.chance(0.3):
        argv += ["LIMIT", str(w.rng.randrange(-1, 4)), str(w.rng.randrange(-1, 10))]
    for _ in range(w.pick([0, 0, 1, 2])):
        argv += ["GET", w.pick(["#", "s*", "h*->m2", "nothing", "*"])]
    if w.chance(0.6) and not (store and "BY" in argv):
        argv.append("ALPHA")
    if w.chance(0.4):
        argv.append(w.pick(["ASC", "DESC"]))
    if store:
        argv += ["STORE", w.key("list")]
    return argv


def sort(w):
    """Of a copy, because Redis changes the encoding of a sorted set that it sorts."""
    kind = w.pick([k for k in ("list", "zset", "set") if k in w.types] or ["string"])
    store = w.chance(0.2)
    name = "SORT" if store else w.pick(["SORT", "SORT", "SORT_RO"])
    return [["COPY", w.key(kind), "sorted", "REPLACE"], [name, "sorted"] + sort_options(w, store)]


KEYS = [
    (4, lambda w: [w.pick(["DEL", "UNLINK"])] + [w.any_key() for _ in range(w.upto(2))]),
    (4, lambda w: [w.pick(["EXISTS", "TOUCH"])] + [w.any_key() for _ in range(w.upto(3))]),
    (3, lambda w: ["TYPE", w.any_key()]),
    (4, lambda w: ["OBJECT", "ENCODING", w.any_key()]),
    (2, lambda w: ["RENAME", w.any_key(), w.any_key()]),
    (2, lambda w: ["RENAMENX", w.any_key(), w.any_key()]),
    (4, copy),
    (1, lambda w: ["MOVE", w.any_key(), str(w.rng.randrange(DATABASES + 1))]),
    (6, expire),
    (2, lambda w: ["PERSIST", w.any_key()]),
    (5, lambda w: [w.pick(["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"]), w.any_key()]),
    (1, lambda w: ["KEYS", w.pick(["*", "l*", "?1", "[a-m]*", "x[^0]", "nothing"])]),
    (2, lambda w: ["DBSIZE"]),
    (2, switch),
    (0.3, lambda w: ["SWAPDB", str(w.rng.randrange(DATABASES)), str(w.rng.randrange(DATABASES))]),
    (0.1, lambda w: ["FLUSHDB"] + w.pick([[], ["SYNC"], ["ASYNC"]])),
    (5, sort),
    (0.3, lambda w: [w.pick(["NOSUCH", "GETT", "OBJECT", "XGROUP"]), w.any_key(), "x"]),
]

# -- scripts ---------------------------------------------------------------------------------------------------------------

# Text, keys. Each is deterministic and touches what its keys name.
SCRIPTS = [
    ("return redis.call('TYPE', KEYS[1])", ["any"]),
    ("return redis.pcall('INCR', KEYS[1])", ["string"]),
    ("return redis.call('INCR', KEYS[1])", ["string"]),
    ("return {redis.call('LPUSH', KEYS[1], ARGV[1]), redis.call('LLEN', KEYS[1])}", ["list"]),
    ("local n = redis.call('LLEN', KEYS[1]); if n > 5 then redis.call('LTRIM', KEYS[1], 0, 4) end; return n", ["list"]),
    ("redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]); return redis.call('HGET', KEYS[1], ARGV[1])", ["hash"]),
    ("redis.call('SADD', KEYS[1], ARGV[1]); return redis.call('SISMEMBER', KEYS[1], ARGV[1])", ["set"]),
    ("return redis.call('ZINCRBY', KEYS[1], 2, ARGV[1])", ["zset"]),
    ("return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')", ["zset"]),
    ("return {1, 2.9, 'three', {4, false}, true}", []),
    ("return {KEYS[1], ARGV[1], ARGV[2], #KEYS, #ARGV}", ["any"]),
    ("return redis.error_reply('MINE not today')", []),
    ("return redis.status_reply('FINE')", []),
    ("return tostring(cjson.encode({1, 2, {a = ARGV[1]}}))", []),
    ("return redis.sha1hex(ARGV[1])", []),
    ("for i = 1, 10 do redis.call('RPUSH', KEYS[1], i) end; return redis.call('LRANGE', KEYS[1], -10, -1)", ["list"]),
    ("redis.call('SET', KEYS[1], ARGV[1]); error('after a write')", ["string"]),
]


def evaluate(w):
    text, kinds = w.pick(SCRIPTS)
    if not all(k == "any" or k in w.types for k in kinds):
        text, kinds = SCRIPTS[0]
    keys = [w.any_key() if k == "any" else w.key(k) for k in kinds]
    arguments = ["m%d" % w.rng.randrange(20), str(w.rng.randrange(100))]
    return [w.pick(["EVAL", "EVAL", "EVAL_RO"]), text, str(len(keys))] + keys + arguments


SCRIPT = [(1, evaluate)]


def known_type(key):
    return next((t for t, p in TYPES.items() if key.startswith(p)), None)
