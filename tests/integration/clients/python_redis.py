#!/usr/bin/env python3
"""python3-redis (redis-py): python_redis.py PORT. Prints a JSON line for each call."""
import json
import sys
import threading

import redis


def plain(value):
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(v) for v in value)
    if isinstance(value, dict):
        return {plain(k) if isinstance(k, bytes) else str(k): plain(v) for k, v in value.items()}
    if isinstance(value, redis.RedisError):
        return {"error": str(value)}
    return value


def show(name, call, *args, **options):
    order = options.pop("order", True)
    try:
        reply = plain(call(*args, **options))
    except redis.RedisError as e:
        reply = plain(e)
    if not order:
        reply = sorted(reply)
    print(json.dumps({"call": name, "reply": reply}, sort_keys=True))


def strings(r):
    show("set", r.set, "s", "value")
    show("set xx get", r.set, "s", b"\x00\xffbytes", xx=True, get=True)
    show("get", r.get, "s")
    show("setnx", r.setnx, "s", "no")
    show("setex", r.setex, "e", 1000, "short")
    show("ttl in range", lambda: 900 < r.ttl("e") <= 1000)
    show("getex", r.getex, "e", persist=True)
    show("incr", r.incr, "n", 5)
    show("decr", r.decr, "n", 10)
    show("incrbyfloat", r.incrbyfloat, "f", 1.25)
    show("incr error", r.incr, "s")
    show("mset", r.mset, {"a": 1, "b": "two"})
    show("mget", r.mget, "a", "none", "b")
    show("append", r.append, "a", "23")
    show("getrange", r.getrange, "a", -2, -1)
    show("setrange", r.setrange, "pad", 5, "x")
    show("get padded", r.get, "pad")
    show("strlen", r.strlen, "pad")
    show("setbit", r.setbit, "bits", 10, 1)
    show("bitcount", r.bitcount, "bits", 0, -1)
    show("bitop", r.bitop, "NOT", "inverse", "bits")
    show("bitfield", r.bitfield("bits").set("u8", 0, 255).incrby("u8", 0, 10, "SAT").execute)


def lists(r):
    show("rpush", r.rpush, "l", 1, 2, 3, 2)
    show("lpush", r.lpush, "l", "zero")
    show("lrange", r.lrange, "l", 0, -1)
    show("lpos", r.lpos, "l", "2", rank=2)
    show("linsert", r.linsert, "l", "AFTER", "3", "3.5")
    show("lrem", r.lrem, "l", -1, "2")
    show("lset", r.lset, "l", 0, "0")
    show("rpoplpush", r.rpoplpush, "l", "l2")
    show("lpop", r.lpop, "l", 2)
    show("ltrim", r.ltrim, "l", 0, 0)
    show("lmpop", r.lmpop, 2, "none", "l", direction="LEFT", count=5)
    show("blpop at once", r.blpop, ["none", "l2"], 1)
    threading.Timer(0.1, lambda: r.rpush("later", "job")).start()
    show("brpop", r.brpop, "later", 5)


def hashes(r):
    show("hset", r.hset, "h", mapping={"name": "orbit", "size": 3})
    show("hget", r.hget, "h", "name")
    show("hgetall", r.hgetall, "h")
    show("hmget", r.hmget, "h", ["size", "none"])
    show("hincrby", r.hincrby, "h", "size", 4)
    show("hincrbyfloat", r.hincrbyfloat, "h", "size", -0.5)
    show("hsetnx", r.hsetnx, "h", "new", "")
    show("hstrlen", r.hstrlen, "h", "name")
    show("hkeys", r.hkeys, "h", order=False)
    show("hscan_iter", lambda: sorted(r.hscan_iter("h")))
    show("hdel", r.hdel, "h", "new", "none")


def sets(r):
    show("sadd", r.sadd, "t", "a", "b", "c")
    show("smembers", r.smembers, "t")
    show("sismember", r.sismember, "t", "a")
    show("sinter", r.sinter, "t", "none")
    show("sunion", r.sunion, "t", "none")
    show("sdiffstore", r.sdiffstore, "t2", "t", "none")
    show("spop all", lambda: sorted(r.spop("t2", 10)))
    show("srem", r.srem, "t", "a", "x")
    show("sort", r.sort, "t", alpha=True, desc=True)
    show("sscan_iter", lambda: sorted(r.sscan_iter("t", match="*", count=1)))


def zsets(r):
    show("zadd", r.zadd, "z", {"a": 1, "b": 2.5, "c": float("inf")})
    show("zadd incr", r.zadd, "z", {"a": 5}, incr=True)
    show("zrange", r.zrange, "z", 0, -1, withscores=True)
    show("zrange byscore", r.zrange, "z", "(2", 10, byscore=True, offset=0, num=1)
    show("zrevrange", r.zrevrange, "z", 0, 1)
    show("zrank", r.zrank, "z", "c")
    show("zscore", r.zscore, "z", "b")
    show("zmscore", r.zmscore, "z", ["a", "none"])
    show("zcount", r.zcount, "z", "-inf", 5)
    show("zpopmin", r.zpopmin, "z")
    show("zinterstore", r.zinterstore, "zi", {"z": 2, "z2": 1})
    show("zunion", r.zunion, ["z", "t"], withscores=True)
    show("bzpopmax", r.bzpopmax, "z", 1)
    show("geoadd", r.geoadd, "g", (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"))
    show("geosearch", r.geosearch, "g", member="Palermo", width=400, height=400, unit="km", sort="DESC")
    show("pfadd", r.pfadd, "p", *range(20))
    show("pfcount", r.pfcount, "p")


def streams(r):
    show("xadd", r.xadd, "x", {"f": "v"}, id="1-1")
    show("xadd 2", r.xadd, "x", {"f": "w"}, id="1-2", maxlen=10, approximate=False)
    show("xrevrange", r.xrevrange, "x", count=1)
    show("xgroup_create", r.xgroup_create, "x", "grp", "0")
    show("xreadgroup", r.xreadgroup, "grp", "me", {"x": ">"}, count=1)
    show("xpending", r.xpending, "x", "grp")
    show("xclaim", r.xclaim, "x", "grp", "you", 0, ["1-1"], justid=True)
    show("xack", r.xack, "x", "grp", "1-1")
    show("xinfo_groups", r.xinfo_groups, "x")
    show("xdel", r.xdel, "x", "1-1")
    show("xread", r.xread, {"x": "0"})


def rest(r):
    with r.pipeline() as p:
        show("pipeline", p.incr("q").rpush("ql", "x").incr("ql").execute, raise_on_error=False)
    show("transaction", r.transaction, lambda p: (p.multi(), p.set("tx", 1), p.incr("tx")), "tx")
    script = r.register_script("return {KEYS[1], ARGV[1] * 2, redis.call('SET', KEYS[1], ARGV[1])}")
    show("register_script", script, keys=["sc"], args=[21])
    show("eval error", r.eval, "return redis.call('LPUSH', KEYS[1], 'x')", 1, "sc")
    show("scan_iter", lambda: sorted(r.scan_iter(match="[a-h]*", count=2)))
    show("expire", r.expire, "sc", 500)
    show("persist", r.persist, "sc")
    show("rename", r.rename, "sc", "sd")
    show("type", r.type, "z")
    show("exists", r.exists, "sd", "sd", "none")
    show("dump restore", lambda: r.restore("l9", 0, r.dump("ql")))
    show("restored", r.lrange, "l9", 0, -1)
    show("object", r.object, "encoding", "bits")
    show("move", r.move, "l9", 1)
    show("delete", r.delete, "sd", "none")
    show("config_get", lambda: r.config_get("maxmemory-policy"))
    show("unknown", r.execute_command, "NOSUCH", "x")
    listener = r.pubsub(ignore_subscribe_messages=True)
    listener.subscribe("news")
    listener.get_message(timeout=1)
    show("publish", r.publish, "news", "sun")
    show("message", lambda: listener.get_message(timeout=5))


def main():
    r = redis.Redis(port=int(sys.argv[1]))
    show("flushall", r.flushall)
    for part in (strings, lists, hashes, sets, zsets, streams, rest):
        part(r)


main()
