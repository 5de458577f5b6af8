"""Runs commands over RESP3 and tests every reply against the schema in its specification (src/**/spec/*.json). A command that
has a schema and no call below fails the test, so that a new command brings its calls with it."""
import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "integration" / "resp"))
from harness import Client, Reply, Server  # noqa: E402  (beside the other integration tests)

# One command a line, words divided by spaces ('' is an empty word, %20 a space and %0a a new line in a word; {module}: the path of the sample module). Those after "as:" run on a connection of their own.
CALLS = """
orbit-rdb begin; orbit-rdb data REDIS0011; orbit-rdb data %ff%00%00%00%00%00%00%00%00; orbit-rdb load
acl cat; acl cat string; acl deluser nobody; acl dryrun default get k; acl genpass; acl genpass 8
acl help; acl list; acl log; acl log reset; acl setuser u1 on nopass +get ~a; acl dryrun u1 get b; acl users; acl whoami
acl save; acl load
set k value; get k; get none; set k v2 get; set none2 v xx; set k v nx; append k x; strlen k; setrange k 0 y; getrange k 0 1
substr k 0 1; getset k 1; getdel k; getdel none; setex k 100 1; psetex k 100000 1; setnx k 1; setnx n1 1; getex k persist
getex none; incr n1; incrby n1 3; decr n1; decrby n1 2; incrbyfloat n1 1.5; mset a 1 b 2; msetnx a 1 c 2; msetnx c1 1 c2 2
mget a b none; lcs a b
bitcount k; setbit bits 3 1; getbit bits 3; bitpos bits 1; bitop and d bits k; bitfield bits get u4 0 set u4 0 3
bitfield bits overflow fail incrby u2 0 3; bitfield_ro bits get u8 0
rpush l a b c a; lpush l z; lpushx l y; rpushx l x; llen l; lindex l 0; lindex l 99; linsert l before a n; linsert l after none n
lrange l 0 -1; lset l 0 w; lrem l 1 a; ltrim l 0 50; lpos l b; lpos l none; lpos l a count 0; lmove l l2 left right
lmove none l2 left right; rpoplpush l l2; lmpop 1 l left count 1; lmpop 1 none left; blpop l2 0; brpop none 0.01; brpop l2 1
blmove l l2 left left 0; brpoplpush l l2 0; blmpop 0 1 l2 left; blmpop 0.01 1 none left; lpop none; rpop none 2; lpop l; lpop l2 5
rpush l a b; rpop l; rpop l 1
rpush so 3 1 2; sort so; sort so get # get none*; sort_ro so by none limit 0 1; sort so store l2; sort none store l2; del so
xadd st 1-1 f v; xadd st nomkstream maxlen ~ 10 * f v g w; xadd none nomkstream * f v; xlen st; xrange st - +; xrange st - + count 0
xrevrange st + - count 1; xread count 1 streams st 0; xread block 1 streams st $; xgroup create st g 0; xgroup createconsumer st g c0
xreadgroup group g c1 count 1 streams st >; xreadgroup group g c1 streams st 0; xreadgroup group g c2 streams st >
xreadgroup group g c1 block 1 streams st >; xpending st g; xpending st g - + 10; xpending st g idle 0 - + 10 c1; xclaim st g c2 0 1-1
xclaim st g c1 0 1-1 justid; xautoclaim st g c2 0 0; xautoclaim st g c1 0 0 justid; xinfo stream st; xinfo stream st full; xinfo groups st
xinfo consumers st g; xinfo help; xgroup help; xgroup setid st g 0; xack st g 1-1; xgroup delconsumer st g c1; xpending st g
xgroup destroy st g; xdel st 1-1; xsetid st 9999999999999-1; xtrim st maxlen 0; xinfo stream st
hset h1 f v g 2; hsetnx h1 f w; hget h1 f; hget h1 none; hmset h1 a 1; hmget h1 a none; hincrby h1 n 1; hincrbyfloat h1 x 1.5
hdel h1 a; hlen h1; hstrlen h1 f; hkeys h1; hvals h1; hgetall h1; hgetall none; hexists h1 f; hscan h1 0; hrandfield h1
hrandfield none; hrandfield h1 2; hrandfield h1 2 withvalues
sadd s1 a b c; sadd s2 b c d; srem s1 a; smove s1 s2 b; sismember s2 b; smismember s2 a b; scard s2; spop s2; spop s2 1
spop none; srandmember s2; srandmember none; srandmember s2 -3; sinter s1 s2; sintercard 2 s1 s2; sinterstore s3 s1 s2
sunion s1 s2; sunionstore s3 s1 s2; sdiff s1 s2; sdiffstore s3 s1 s2; smembers s1; sscan s1 0
pfadd hl a b; pfcount hl; pfcount hl none; pfmerge hl2 hl; pfselftest
command count; command getkeys get k; command getkeysandflags set k v; command help; command list; config get maxmemory
config help; config resetstat; config set maxmemory 0
auth default x; client getname; client help; client id; client info; client kill id 999999; client kill type pubsub; client list
client no-evict off; client no-touch off; client pause 1 write; client unpause; client setinfo lib-name test; client setname me
client getname; client unblock 999999; client reply on; client tracking on; client getredir; client tracking off
client tracking on optin; client caching yes; client tracking off
echo hello; ping; ping text; select 0; wait 0 1; waitaof 0 0 1
copy k copied; del copied; exists k none; expire k 100; expire k 100 nx; expireat k 33177117420; expiretime k; keys *; move k 1
dump k; dump none; restore restored 0 %00%03akn%0b%000%17%7e%24%03Zh%04; restore restored 0 %00%03akn%0b%000%17%7e%24%03Zh%04 replace; restore-asking r2 0 %00%03akn%0b%000%17%7e%24%03Zh%04
migrate 127.0.0.1 1 none 0 10; del restored r2; replicaof no one; slaveof no one
set k v; object encoding k; object encoding none; object help; object idletime k; object refcount k; persist k; pexpire k 100000
pexpireat k 33177117420000; pexpiretime k; pttl k; pttl none; randomkey; rename k k2; renamenx k2 k; renamenx k a; scan 0
scan 0 match * count 1000 type string; touch k none; ttl k; ttl none; type k; type none; unlink none
zadd z 1 a 2 b; zadd z incr 1 a; zadd z xx incr 1 none; zincrby z 1 a; zcard z; zcount z -inf +inf; zlexcount z - +; zscore z a
zscore z none; zmscore z a none; zrank z a; zrank z a withscore; zrank z none; zrevrank z a; zrange z 0 -1
zrange z 0 -1 withscores; zrevrange z 0 -1; zrangebyscore z 0 9 withscores; zrevrangebyscore z 9 0; zrangebylex z - +
zrevrangebylex z + -; zrangestore z2 z 0 -1; zunion 2 z z2; zunion 2 z z2 withscores; zinter 2 z z2; zdiff 2 z z2
zunionstore z3 2 z z2; zinterstore z3 2 z z2; zintercard 2 z z2; zdiffstore z4 2 z z2; zrandmember z; zrandmember none
zrandmember z -3; zrandmember z 2 withscores; zscan z 0; zpopmin z2; zpopmax z2 1; zpopmin none; zmpop 1 z3 min count 5
zmpop 1 none max; bzpopmin z 0; bzpopmax z 0; bzpopmin none 0.01; zadd z 1 a 2 b; bzmpop 0 1 z max; bzmpop 0.01 1 none max
zrem z a b; zadd z 1 a 2 b 3 c; zremrangebyrank z 0 0; zremrangebyscore z 2 2; zremrangebylex z - +
geoadd g 13.361389 38.115556 p 15.087269 37.502669 c; geodist g p c; geodist g p none; geohash g p none; geopos g p none
georadius g 15 37 200 km; georadius g 15 37 200 km store g2; georadius_ro g 15 37 200 km withdist; georadiusbymember g p 200 km
georadiusbymember_ro g p 200 km; geosearch g fromlonlat 15 37 byradius 200 km withcoord
geosearchstore g3 g fromlonlat 15 37 byradius 200 km
save; bgrewriteaof; bgsave; lastsave; dbsize; lolwut; memory doctor; memory help; memory malloc-stats; memory purge
memory usage k; memory usage none; time; swapdb 0 1; swapdb 0 1
multi; set k v; get k; exec; multi; discard; watch k; set k w; multi; get k; exec; unwatch
info; info server; latency doctor; latency help; latency history command; latency latest; latency reset
publish ch hello; spublish ch hello; pubsub channels; pubsub help; pubsub numpat; pubsub numsub ch; pubsub numsub
pubsub shardchannels; pubsub shardnumsub ch
function load #!lua%20name=lib%0aredis.register_function('f',function()%20return%201%20end); function list; function dump
function stats; function delete lib; function help; function flush; script load return%201
script exists e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0; script flush; script help; script debug no; slowlog help; slowlog len; slowlog reset
config set maxmemory-policy allkeys-lfu; set f v; object freq f; config set maxmemory-policy noeviction
orbit-backup help; orbit-backup status; module help; module list; module load {module}; module list; module unload sample
module loadex {module}; module unload sample
as:quit
as:reset
flushdb; randomkey; flushall async; flushall sync
"""
# What cannot be called here: it ends the server, or needs a latency event, a configuration file, a script that runs, bytes, a
# replica that is up to date.
NOT_CALLED = {"failover", "shutdown", "latency|graph", "config|rewrite", "script|kill", "function|kill", "function|restore"}


class Resp3(Client):
    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2].decode("utf-8", "replace")
        if kind == b"-":
            raise Reply(rest)
        if kind in b"$=":
            if int(rest) < 0:
                raise AssertionError("a RESP2 null over RESP3")
            text = self.file.read(int(rest) + 2)[:-2].decode("utf-8", "replace")
            return text if kind == b"$" else text[4:]
        if kind in b"*~":
            return [self.read() for _ in range(int(rest))]
        if kind == b"%":
            return {self.read(): self.read() for _ in range(int(rest))}
        if kind == b">":
            for _ in range(int(rest)):
                self.read()
            return self.read()
        plain = {b"+": str, b":": int, b",": float, b"#": lambda t: t == "t", b"_": lambda t: None}
        return plain[kind](rest)


TYPES = {"string": str, "integer": int, "number": (int, float), "array": list, "object": dict, "null": type(None),
         "boolean": bool}


def fits(schema, value):
    """Whether value is what the schema says; the few keywords that the specifications use."""
    for word in ("oneOf", "anyOf"):
        if word in schema and not any(fits(s, value) for s in schema[word]):
            return False
    if "type" in schema and (not isinstance(value, TYPES[schema["type"]]) or
                             (isinstance(value, bool) and schema["type"] != "boolean")):
        return False
    if "const" in schema and schema["const"] != value:
        return False
    if "minimum" in schema and not value >= schema["minimum"]:
        return False
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    if isinstance(value, list):
        return fits_list(schema, value)
    more = schema.get("additionalProperties", {})
    return not isinstance(value, dict) or not isinstance(more, dict) or all(fits(more, v) for v in value.values())


def fits_list(schema, value):
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return False
    if schema.get("uniqueItems") and len({json.dumps(v) for v in value}) != len(value):
        return False
    items = schema.get("items", {})
    if isinstance(items, list):
        return all(fits(s, v) for s, v in zip(items, value))
    return all(fits(items, v) for v in value)


def load_schemas():
    schemas, containers = {}, set()
    for path in ROOT.glob("src/**/spec/*.json"):
        spec = json.loads(path.read_text())
        name = spec["name"].lower()
        if "container" in spec:
            containers.add(spec["container"].lower())
            name = spec["container"].lower() + "|" + name
        if "reply" in spec:
            schemas[name] = spec["reply"]
    return schemas, containers


class Runner:
    def __init__(self, port, module):
        self.schemas, self.containers = load_schemas()
        self.module = module
        self.client, self.port = self.connect(port), port
        self.queued, self.called = None, set()
        self.passed = self.failed = 0

    @staticmethod
    def connect(port):
        client = Resp3.tcp(port)
        client.call("HELLO", "3")
        return client

    def check(self, name, words, reply):
        self.called.add(name)
        if name not in self.schemas:
            return
        if fits(self.schemas[name], reply):
            self.passed += 1
        else:
            self.failed += 1
            print("not ok %s: %.200r is not %s" % (" ".join(words), reply, json.dumps(self.schemas[name])))

    def run(self, line):
        own = line.startswith("as:")
        words = ["" if w == "''" else unquote(w, errors="surrogateescape").replace("{module}", self.module)
                 for w in line[3 * own:].split()]
        name = "|".join(words[:2]) if words[0] in self.containers and len(words) > 1 else words[0]
        client = self.connect(self.port) if own else self.client
        try:
            reply = client.call(*(w.encode(errors="surrogateescape") for w in words))
        except Reply as e:
            self.failed += 1
            print("not ok %s: -%s" % (line, e))
            return
        if self.queued is not None and name not in ("exec", "discard"):
            self.queued.append((name, words))
            return
        if name == "multi":
            self.queued = []
        elif name in ("exec", "discard"):
            for (queued, queued_words), one in zip(self.queued, reply if isinstance(reply, list) else []):
                self.check(queued, queued_words, one)
            self.queued = None
        self.check(name, words, reply)

    def backups(self):
        """Their work goes on after the reply; one that is given up must not be over before that is asked for."""
        self.client.send(b"".join(self.client.encode("orbit-backup", w) for w in ("full", "cancel")))
        for word in ("full", "cancel"):
            self.check("orbit-backup|" + word, ["orbit-backup", word], self.client.read())
        for word in ("full", "incremental"):
            self.wait_for_backup()
            self.run("orbit-backup " + word)
        self.wait_for_backup()

    def wait_for_backup(self):
        until = time.monotonic() + 60
        while self.client.call("orbit-backup", "status")["phase"] != "none":
            if time.monotonic() > until:
                raise AssertionError("a backup does not end")
            time.sleep(0.01)
        self.run("orbit-backup status")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="bin/orbit-server")
    parser.add_argument("--module", default="bin/modules/sample.so")
    args = parser.parse_args()
    Server.program = args.server
    with tempfile.TemporaryDirectory(prefix="orbit-replies-") as folder:
        users = Path(folder, "users.acl")
        users.write_text("user default on nopass ~* &* +@all\n")
        with Server("--aclfile", str(users), "--enable-module-command", "yes", directory=folder) as server:
            runner = Runner(server.port, str(Path(args.module).resolve()))
            for line in re.split(r"[;\n]", CALLS):
                if line.strip():
                    runner.run(line.strip())
            runner.backups()
            server.stop()
    for name in sorted(set(runner.schemas) - runner.called - NOT_CALLED):
        runner.failed += 1
        print("not ok %s: has a schema, but is not called" % name)
    print("%d passed, %d failed" % (runner.passed, runner.failed))
    sys.exit(1 if runner.failed else 0)


if __name__ == "__main__":
    main()
