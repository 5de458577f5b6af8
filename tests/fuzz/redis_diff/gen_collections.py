"""Random commands over lists, hashes, sets, sorted sets, geo and streams."""


def several(w, make, most):
    return [make() for _ in range(w.upto(most))]


def many(w):
    """How many elements to add at once."""
    return 200 if w.bulk else 6


# -- lists -----------------------------------------------------------------------------------------------------------------

def element(w):
    return w.member() if w.chance(0.8) else w.value()


def lpos(w):
    argv = ["LPOS", w.key("list"), element(w)]
    if w.chance(0.4):
        argv += ["RANK", w.pick(["1", "2", "-1", "-3", "0"])]
    if w.chance(0.4):
        argv += ["COUNT", w.count()]
    if w.chance(0.3):
        argv += ["MAXLEN", w.pick(["0", "5", "100"])]
    return argv


def side(w):
    return w.pick(["LEFT", "RIGHT"])


def lmpop(w, name):
    keys = w.some_keys("list")
    return name + [str(len(keys))] + keys + [side(w)] + w.pick([[], ["COUNT", w.count()]])


LIST = [
    (8, lambda w: [w.pick(["LPUSH", "RPUSH"]), w.key("list")] + several(w, lambda: element(w), many(w))),
    (2, lambda w: [w.pick(["LPUSHX", "RPUSHX"]), w.key("list"), element(w)]),
    (5, lambda w: [w.pick(["LPOP", "RPOP"]), w.key("list")] + w.pick([[], [], [w.count()]])),
    (2, lambda w: ["LLEN", w.key("list")]),
    (5, lambda w: ["LRANGE", w.key("list"), w.index(), w.index()]),
    (1, lambda w: ["LRANGE", w.key("list"), "0", "-1"]),
    (3, lambda w: ["LINDEX", w.key("list"), w.index()]),
    (3, lambda w: ["LSET", w.key("list"), w.index(), element(w)]),
    (3, lambda w: ["LINSERT", w.key("list"), w.pick(["BEFORE", "AFTER"]), element(w), element(w)]),
    (3, lambda w: ["LREM", w.key("list"), w.pick(["0", "1", "-1", "2", "-2"]), element(w)]),
    (1, lambda w: ["LTRIM", w.key("list"), w.index(), w.index()]),
    (1, lambda w: ["LTRIM", w.key("list"), "1", "-2"]),
    (3, lpos),
    (2, lambda w: ["LMOVE", w.key("list"), w.key("list"), side(w), side(w)]),
    (1, lambda w: ["RPOPLPUSH", w.key("list"), w.key("list")]),
    (2, lambda w: lmpop(w, ["LMPOP"])),
    (1, lambda w: ["MULTI*", lmpop(w, ["BLMPOP", "1"])]),
    (1, lambda w: ["MULTI*", [w.pick(["BLPOP", "BRPOP"])] + w.some_keys("list") + ["1"]]),
    (1, lambda w: ["MULTI*", ["BLMOVE", w.key("list"), w.key("list"), side(w), side(w), "0"]]),
]


# -- hashes ----------------------------------------------------------------------------------------------------------------

def hset(w):
    argv = [w.pick(["HSET", "HSET", "HMSET"]), w.key("hash")]
    for _ in range(w.upto(many(w))):
        argv += [w.member(), w.value()]
    return argv


HASH = [
    (8, hset),
    (4, lambda w: ["HGET", w.key("hash"), w.member()]),
    (2, lambda w: ["HMGET", w.key("hash")] + several(w, w.member, 5)),
    (4, lambda w: ["HDEL", w.key("hash")] + several(w, w.member, 6)),
    (2, lambda w: ["HEXISTS", w.key("hash"), w.member()]),
    (2, lambda w: ["HLEN", w.key("hash")]),
    (1, lambda w: ["HSTRLEN", w.key("hash"), w.member()]),
    (2, lambda w: ["HSETNX", w.key("hash"), w.member(), w.value()]),
    (2, lambda w: ["HINCRBY", w.key("hash"), w.member(), w.pick(["1", "-7", "9223372036854775807"])]),
    (2, lambda w: ["HINCRBYFLOAT", w.key("hash"), w.member(), w.pick(["0.5", "-2.25", "10", "1e3", "nan"])]),
    (3, lambda w: [w.pick(["HGETALL", "HKEYS", "HVALS"]), w.key("hash")]),
]


# -- sets ------------------------------------------------------------------------------------------------------------------

SET = [
    (8, lambda w: ["SADD", w.key("set")] + several(w, w.member, many(w))),
    (3, lambda w: ["SADD", w.key("set")] + several(w, lambda: str(w.rng.randrange(w.members)), many(w))),
    (4, lambda w: ["SREM", w.key("set")] + several(w, w.member, many(w))),
    (3, lambda w: ["SISMEMBER", w.key("set"), w.member()]),
    (2, lambda w: ["SMISMEMBER", w.key("set")] + several(w, w.member, 5)),
    (2, lambda w: ["SCARD", w.key("set")]),
    (3, lambda w: ["SMEMBERS", w.key("set")]),
    (2, lambda w: ["SMOVE", w.key("set"), w.key("set"), w.member()]),
    (4, lambda w: [w.pick(["SINTER", "SUNION", "SDIFF"])] + w.some_keys("set")),
    (2, lambda w: [w.pick(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), w.key("set")] + w.some_keys("set")),
    (2, lambda w: sintercard(w)),
]


def sintercard(w):
    keys = w.some_keys("set")
    return ["SINTERCARD", str(len(keys))] + keys + w.pick([[], ["LIMIT", w.count()]])


# -- sorted sets -----------------------------------------------------------------------------------------------------------

def zadd(w):
    argv = ["ZADD", w.key("zset")]
    if w.chance(0.3):
        argv.append(w.pick(["NX", "XX", "GT", "LT"]))
    if w.chance(0.2):
        argv.append("CH")
    if w.chance(0.1):
        return argv + ["INCR", w.score(), w.member()]
    for _ in range(w.upto(many(w))):
        argv += [w.score(), w.member()]
    return argv


def zrange(w, name="ZRANGE"):
    argv = [name] + ([w.key("zset")] if name == "ZRANGESTORE" else []) + [w.key("zset")]
    by = w.pick(["", "BYSCORE"])
    bound = {"": w.index, "BYSCORE": w.bound}[by]
    argv += [bound(), bound()] + ([by] if by else [])
    if w.chance(0.3):
        argv.append("REV")
    if by and w.chance(0.4):
        argv += ["LIMIT", str(w.rng.randrange(-1, 5)), str(w.rng.randrange(-1, 10))]
    if name == "ZRANGE" and w.chance(0.4):
        argv.append("WITHSCORES")
    return argv


def limit(w):
    return ["LIMIT", str(w.rng.randrange(4)), str(w.rng.randrange(-1, 9))] if w.chance(0.3) else []


def with_scores(w):
    return ["WITHSCORES"] if w.chance(0.5) else []


def old_range(w):
    name = w.pick(["ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE"])
    if name == "ZREVRANGE":
        return [name, w.key("zset"), w.index(), w.index()] + with_scores(w)
    return [name, w.key("zset"), w.bound(), w.bound()] + with_scores(w) + limit(w)


def combine(w, name, store, kinds=("zset",)):
    keys = [w.key(w.pick([k for k in kinds if k in w.types] or ["zset"])) for _ in range(w.upto(3))]
    argv = [name] + ([w.key("zset")] if store else []) + [str(len(keys))] + keys
    if "DIFF" not in name:
        if w.chance(0.3):
            argv += ["WEIGHTS"] + [w.pick(["1", "2", "0.5", "-1"]) for _ in keys]
        if w.chance(0.3):
            argv += ["AGGREGATE", w.pick(["SUM", "MIN", "MAX"])]
    return argv + ([] if store else with_scores(w))


def zmpop(w, name):
    keys = w.some_keys("zset")
    return name + [str(len(keys))] + keys + [w.pick(["MIN", "MAX"])] + w.pick([[], ["COUNT", w.count()]])


def zintercard(w):
    keys = w.some_keys("zset")
    return ["ZINTERCARD", str(len(keys))] + keys + w.pick([[], ["LIMIT", w.count()]])


def zset_key(w):
    return w.key("zset")


ZSET = [
    (9, zadd),
    (3, lambda w: ["ZREM", zset_key(w)] + several(w, w.member, many(w))),
    (3, lambda w: ["ZSCORE", zset_key(w), w.member()]),
    (1, lambda w: ["ZMSCORE", zset_key(w)] + several(w, w.member, 4)),
    (2, lambda w: ["ZINCRBY", zset_key(w), w.score(), w.member()]),
    (2, lambda w: ["ZCARD", zset_key(w)]),
    (3, lambda w: [w.pick(["ZRANK", "ZREVRANK"]), zset_key(w), w.member()]),
    (2, lambda w: ["ZCOUNT", zset_key(w), w.bound(), w.bound()]),
    (5, zrange),
    (4, old_range),
    (1, lambda w: zrange(w, "ZRANGESTORE")),
    (2, lambda w: [w.pick(["ZPOPMIN", "ZPOPMAX"]), zset_key(w)] + w.pick([[], [w.count()]])),
    (1, lambda w: zmpop(w, ["ZMPOP"])),
    (1, lambda w: ["MULTI*", zmpop(w, ["BZMPOP", "1"])]),
    (1, lambda w: ["MULTI*", [w.pick(["BZPOPMIN", "BZPOPMAX"])] + w.some_keys("zset") + ["0"]]),
    (0.5, lambda w: ["ZREMRANGEBYRANK", zset_key(w), w.index(), w.index()]),
    (0.5, lambda w: ["ZREMRANGEBYSCORE", zset_key(w), w.bound(), w.bound()]),
    (2, lambda w: combine(w, w.pick(["ZUNION", "ZINTER", "ZDIFF"]), False, ("zset", "zset", "set"))),
    (2, lambda w: combine(w, w.pick(["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"]), True, ("zset", "zset", "set"))),
    (1, zintercard),
]


def lex_range(w):
    argv = [w.pick(["ZRANGEBYLEX", "ZREVRANGEBYLEX", "ZRANGE", "ZLEXCOUNT"]), w.key("lex"), w.lex_bound(), w.lex_bound()]
    if argv[0] == "ZRANGE":
        argv += ["BYLEX"] + (["REV"] if w.chance(0.5) else [])
    return argv + (limit(w) if argv[0] != "ZLEXCOUNT" else [])


LEX = [
    (6, lambda w: ["ZADD", w.key("lex")] + [x for _ in range(w.upto(many(w))) for x in ("0", w.member())]),
    (3, lambda w: ["ZREM", w.key("lex")] + several(w, w.member, many(w))),
    (6, lex_range),
    (1, lambda w: ["ZREMRANGEBYLEX", w.key("lex"), w.lex_bound(), w.lex_bound()]),
    (1, lambda w: ["ZRANGE", w.key("lex"), w.index(), w.index()]),
]


# -- geo -------------------------------------------------------------------------------------------------------------------

def point(w):
    if w.chance(0.03):
        return w.pick([["181", "0"], ["0", "90"], ["x", "1"]])
    # A small region, so that searches find something.
    return ["%.4f" % (13 + w.rng.randrange(40000) / 10000), "%.4f" % (37 + w.rng.randrange(20000) / 10000)]


def geo_place(w):
    return "p%d" % w.rng.randrange(30)


def geoadd(w):
    argv = ["GEOADD", w.key("geo")] + w.pick([[], [], ["NX"], ["XX"], ["CH"]])
    for _ in range(w.upto(4)):
        argv += point(w) + [geo_place(w)]
    return argv


def unit(w):
    return w.pick(["m", "km", "ft", "mi"])


def shape(w):
    if w.chance(0.5):
        return ["BYRADIUS", str(w.rng.randrange(0, 300)), w.pick(["km", "mi"])]
    return ["BYBOX", str(w.rng.randrange(1, 400)), str(w.rng.randrange(1, 400)), "km"]


def centre(w):
    return ["FROMMEMBER", geo_place(w)] if w.chance(0.5) else ["FROMLONLAT"] + point(w)


def geo_answer(w):
    argv = [o for o in ("WITHCOORD", "WITHDIST", "WITHHASH") if w.chance(0.3)]
    if w.chance(0.5):
        argv.append(w.pick(["ASC", "DESC"]))
    if w.chance(0.3):
        argv += ["COUNT", str(w.rng.randrange(0, 6))]
    if argv[-1:] and argv[-1] not in ("WITHCOORD", "WITHDIST", "WITHHASH") and "WITHDIST" not in argv:
        argv.append("WITHDIST")
    return argv


def georadius(w):
    if w.chance(0.5):
        argv = [w.pick(["GEORADIUS", "GEORADIUS_RO"]), w.key("geo")] + point(w)
    else:
        argv = [w.pick(["GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"]), w.key("geo"), geo_place(w)]
    argv += [str(w.rng.randrange(0, 300)), "km"]
    if w.chance(0.15) and not argv[0].endswith("_RO"):
        # Distances are no places: they go where nobody searches.
        return argv + w.pick([["STORE", w.key("geo")], ["STOREDIST", w.key("zset")]])
    return argv + geo_answer(w)


GEO = [
    (6, geoadd),
    (2, lambda w: ["GEODIST", w.key("geo"), geo_place(w), geo_place(w)] + w.pick([[], [unit(w)]])),
    (1, lambda w: ["GEOHASH", w.key("geo")] + several(w, lambda: geo_place(w), 3)),
    (1, lambda w: ["GEOPOS", w.key("geo")] + several(w, lambda: geo_place(w), 3)),
    (4, lambda w: ["GEOSEARCH", w.key("geo")] + centre(w) + shape(w) + geo_answer(w)),
    (1, lambda w: ["GEOSEARCHSTORE", w.key("geo"), w.key("geo")] + centre(w) + shape(w)),
    (1, lambda w: ["GEOSEARCHSTORE", w.key("zset"), w.key("geo")] + centre(w) + shape(w) + ["STOREDIST"]),
    (2, georadius),
    (1, lambda w: ["ZRANGE", w.key("geo"), "0", "-1", "WITHSCORES"]),
]


# -- streams: times and IDs that the server chooses are steps.py's ------------------------------------------------------------

def entry_id(w):
    r = w.rng.random()
    if r < 0.6:
        return "%d-%d" % (w.rng.randrange(1, 400 if w.bulk else 60), w.rng.randrange(0, 3))
    if r < 0.8:
        return str(w.rng.randrange(0, 60))
    return w.pick(["0", "0-1", "5-0", "10", "100-1"])


def stream_bound(w):
    return w.pick(["-", "+", "(" + entry_id(w), entry_id(w), entry_id(w)])


def group(w):
    return "g%d" % w.rng.randrange(3)


def consumer(w):
    return "c%d" % w.rng.randrange(3)


def fields(w):
    out = []
    for _ in range(w.upto(3)):
        out += ["f%d" % w.rng.randrange(4), w.value()]
    return out


def next_id(w):
    """Mostly above what is there, so that most additions succeed."""
    w.stream_clock = getattr(w, "stream_clock", 0) + 1
    if w.chance(0.1):
        return entry_id(w)
    if w.chance(0.2):
        return "%d-*" % (w.stream_clock // 4)
    return "%d-%d" % (w.stream_clock // 4, w.stream_clock % 4)


def trim(w):
    return w.pick([["MAXLEN", "=", w.pick(["20", "5", "100"])], ["MAXLEN", w.pick(["10", "50"])], ["MINID", entry_id(w)]])


def xadd(w):
    argv = ["XADD", w.key("stream")]
    if w.chance(0.05):
        argv.append("NOMKSTREAM")
    if w.chance(0.1):
        argv += trim(w)
    return argv + [next_id(w)] + fields(w)


def xreadgroup(w):
    keys = w.some_keys("stream", 2)
    argv = ["XREADGROUP", "GROUP", group(w), consumer(w)]
    if w.chance(0.6):
        argv += ["COUNT", str(w.rng.randrange(1, 6))]
    if w.chance(0.1):
        argv.append("NOACK")
    # What a consumer reads again is counted, but neither server logs it.
    ids = [">"] if w.killed else [">", ">", ">", "0", entry_id(w)]
    argv += ["STREAMS"] + keys + [w.pick(ids) for _ in keys]
    return with_consumer(w, argv, keys, argv[2], argv[3])


def with_consumer(w, argv, keys, of_group, name):
    """7.0 makes the consumer only when there is something to read or claim; 7.2 always, but it does not log it then. So it is
    there before."""
    if w.newest and not w.killed:
        return [argv]
    return [["XGROUP", "CREATECONSUMER", k, of_group, name] for k in keys] + [argv]


def xpending(w):
    argv = ["XPENDING", w.key("stream"), group(w)]
    if w.chance(0.5):
        argv += w.pick([[], ["IDLE", "0"]]) + [stream_bound(w), stream_bound(w), w.count()] + w.pick([[], [consumer(w)]])
    return argv


def xclaim(w):
    argv = ["XCLAIM", w.key("stream"), group(w), consumer(w), w.pick(["0", "0", "9000000000"])]
    argv += several(w, lambda: entry_id(w), 4)
    argv += w.pick([[], [], ["JUSTID"], ["FORCE"], ["RETRYCOUNT", "3"], ["FORCE", "JUSTID"]])
    return with_consumer(w, argv, [argv[1]], argv[2], argv[3])


def xautoclaim(w):
    argv = ["XAUTOCLAIM", w.key("stream"), group(w), consumer(w), "0", entry_id(w)]
    argv += w.pick([[], ["COUNT", "2"], ["JUSTID"]])
    return with_consumer(w, argv, [argv[1]], argv[2], argv[3])


def xgroup(w):
    what = w.pick(["CREATE", "CREATE", "CREATE", "SETID", "DESTROY", "CREATECONSUMER", "DELCONSUMER"])
    argv = ["XGROUP", what, w.key("stream"), group(w)]
    if what == "CREATE":
        return argv + [w.pick(["0", "$", entry_id(w)])] + w.pick([[], ["MKSTREAM"], ["ENTRIESREAD", "3"]])
    if what == "SETID":
        return argv + [w.pick(["0", "$", entry_id(w)])] + w.pick([[], ["ENTRIESREAD", "5"]])
    return argv + ([consumer(w)] if what.endswith("CONSUMER") else [])


def xsetid(w):
    """7.0 goes below the greatest ID that was deleted."""
    if not w.newest:
        return ["XLEN", stream_key(w)]
    return ["XSETID", stream_key(w), entry_id(w)] + w.pick([[], ["ENTRIESADDED", "100", "MAXDELETEDID", "0-1"]])


def stream_key(w):
    return w.key("stream")


STREAM = [
    (12, xadd),
    (2, lambda w: ["XLEN", stream_key(w)]),
    (4, lambda w: ["XRANGE", stream_key(w), stream_bound(w), stream_bound(w)] + w.pick([[], ["COUNT", w.count()]])),
    (3, lambda w: ["XREVRANGE", stream_key(w), stream_bound(w), stream_bound(w)] + w.pick([[], ["COUNT", w.count()]])),
    (3, lambda w: ["XDEL", stream_key(w)] + several(w, lambda: entry_id(w), 3)),
    (1, lambda w: ["XTRIM", stream_key(w)] + trim(w)),
    (2, lambda w: ["XREAD"] + w.pick([[], ["COUNT", "3"]]) + ["STREAMS", stream_key(w), stream_key(w), entry_id(w), "0"]),
    (3, xgroup),
    (6, xreadgroup),
    (3, lambda w: ["XACK", stream_key(w), group(w)] + several(w, lambda: entry_id(w), 4)),
    (3, xpending),
    (2, xclaim),
    (2, xautoclaim),
    (0.4, xsetid),
    (1, lambda w: ["XINFO", "STREAM", stream_key(w)]),
    (1, lambda w: ["XINFO", "STREAM", stream_key(w), "FULL"] + w.pick([[], ["COUNT", "3"]])),
    (1, lambda w: ["XINFO", "GROUPS", stream_key(w)]),
    (1, lambda w: ["XINFO", "CONSUMERS", stream_key(w), group(w)]),
]
