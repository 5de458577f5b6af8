"""Are two replies the same? Where Redis leaves the order open it does not count; times may differ by a little; and what is
listed below as accepted is counted, with its reason."""
from targets import Tagged

TOLERANCE_MS = 20000


def name_of(argv):
    return str(argv[0]).upper()


def words_of(argv):
    return [a.decode("latin-1") if isinstance(a, bytes) else str(a) for a in argv]


def is_error(reply):
    return isinstance(reply, Tagged) and reply[0] == b"-"


def content(reply):
    """The items of an array, set or map."""
    if isinstance(reply, Tagged) and reply[0] in (b"~", b"%", b">"):
        return reply[1]
    return reply if isinstance(reply, list) else None


def unordered(reply):
    items = content(reply)
    if items is None:
        return reply
    kind = reply[0] if isinstance(reply, Tagged) else b"*"
    return kind, sorted(items, key=repr)


def unordered_pairs(reply):
    items = content(reply)
    if items is None:
        return reply
    kind = reply[0] if isinstance(reply, Tagged) else b"*"
    return kind, sorted(zip(items[::2], items[1::2]), key=repr)


# What XINFO tells of time and of the inside of Redis's radix trees and listpacks.
XINFO_INNER = {b"radix-tree-keys", b"radix-tree-nodes", b"idle", b"inactive", b"seen-time", b"active-time"}


def without_times(reply):
    """XINFO's maps by name, deliveries without their time."""
    items = content(reply)
    if items is None:
        return reply
    if len(items) >= 2 and len(items) % 2 == 0 and all(isinstance(k, bytes) for k in items[::2]) and \
            items[0] in (b"length", b"name"):
        fields = {}
        for k, v in zip(items[::2], items[1::2]):
            if k in (b"pel", b"pending") and content(v) is not None:
                fields[k] = [[x for i, x in enumerate(e) if i != len(e) - 2] for e in content(v)]
            elif k in (b"groups", b"consumers") and content(v) is not None:
                fields[k] = [without_times(g) for g in content(v)]
            elif k not in XINFO_INNER:
                fields[k] = v
        return fields
    return [without_times(i) for i in items]


def pending(reply):
    """XPENDING's entries without their idle times; its summary as it is."""
    items = content(reply)
    if not items or not all(isinstance(e, list) and len(e) == 4 for e in items):
        return reply
    return [[e[0], e[1], e[3]] for e in items]


def sort_reply(argv, reply):
    """BY a constant leaves the order as it is, which a set has none of; ties under BY with ALPHA are not specified."""
    words = words_of(argv)
    upper = [w.upper() for w in words]
    if "BY" not in upper or content(reply) is None:
        return reply
    pattern = words[upper.index("BY") + 1]
    if "*" in pattern and "ALPHA" not in upper:
        return reply
    if "LIMIT" in upper or "GET" in upper:
        return len(content(reply))
    return unordered(reply)


def geo_reply(argv, reply):
    """Places at the same distance stand in no order, and COUNT takes any of the last ones. Sorted answers carry WITHDIST."""
    upper = [w.upper() for w in words_of(argv)]
    rows = content(reply)
    if rows is None or not ("ASC" in upper or "DESC" in upper or "COUNT" in upper):
        return unordered(reply)
    groups = []
    for row in rows:
        distance = content(row)[1]
        if not groups or groups[-1][0] != distance:
            groups.append((distance, []))
        groups[-1][1].append(row)
    if "COUNT" in upper and groups:
        groups[-1] = (groups[-1][0], [len(groups[-1][1])])
    return [(distance, sorted(rows, key=repr)) for distance, rows in groups]


def normal(argv, reply):
    name = name_of(argv)
    if is_error(reply):
        return reply
    if name in ("SMEMBERS", "SINTER", "SUNION", "SDIFF", "KEYS", "HKEYS", "HVALS"):
        return unordered(reply)
    if name == "HGETALL":
        return unordered_pairs(reply)
    if name in ("SORT", "SORT_RO"):
        return sort_reply(argv, reply)
    if name.startswith("GEOSEARCH") or name.startswith("GEORADIUS"):
        return geo_reply(argv, reply)
    if name == "XINFO":
        return without_times(reply)
    if name == "XPENDING":
        return pending(reply)
    return reply


def close_in_time(name, a, b):
    if not isinstance(a, int) or not isinstance(b, int) or a < 0 or b < 0:
        return False
    return abs(a - b) <= (TOLERANCE_MS if name.startswith("P") else TOLERANCE_MS // 1000)


# -- Accepted differences ----------------------------------------------------------------------------------------------------

def encoding_72(argv, redis, orbit):
    return name_of(argv) == "OBJECT" and (redis, orbit) in (
        (b"hashtable", b"listpack"), (b"intset", b"listpack"), (b"intset", b"hashtable"),
        (b"listpack", b"skiplist"))


def encoding_sorted(argv, redis, orbit):
    return words_of(argv)[2:] == ["sorted"] and (redis, orbit) == (b"skiplist", b"listpack")


def encoding_list(argv, redis, orbit):
    return name_of(argv) == "OBJECT" and (redis, orbit) == (b"quicklist", b"listpack")


def encoding_string(argv, redis, orbit):
    return name_of(argv) == "OBJECT" and (redis, orbit) in ((b"embstr", b"int"), (b"raw", b"int"), (b"raw", b"embstr"))


def same_number(a, b):
    try:
        return float(a) == float(b)
    except ValueError:
        return False


def same_numbers(a, b):
    """Texts may differ where they are the same number."""
    if a == b:
        return True
    if isinstance(a, bytes) and isinstance(b, bytes):
        return same_number(a, b)
    if isinstance(a, Tagged) and isinstance(b, Tagged) and a[0] == b[0] == b",":
        return same_number(a[1], b[1])
    left, right = content(a), content(b)
    return left is not None and right is not None and len(left) == len(right) and all(map(same_numbers, left, right))


def nul_bytes(argv, redis, orbit):
    return name_of(argv).startswith("SORT") and "\\x00" in repr(redis) and unordered(redis) == unordered(orbit)


def minus_zero(argv, redis, orbit):
    """Zero with a sign, somewhere."""
    return "-0" in repr(redis) and same_numbers(redis, orbit) and \
        repr(redis).replace("'-0'", "'0'") == repr(orbit).replace("'-0'", "'0'")


def doubles(argv, redis, orbit):
    return name_of(argv)[0] in "ZGEB" and same_numbers(redis, orbit)


def errors_72(argv, redis, orbit):
    name = name_of(argv)
    text = repr(orbit)
    return name == "LPOS" and "-9223372036854775807 and" in text or name.startswith("XREAD") and "Unbalanced" in text


# (name, newest version of the reference that shows it, reason, test)
ACCEPTED = [
    ("encoding", (7, 1), "7.2 has small sets as listpack, and looks at how many arguments ZADD and SADD begin with", encoding_72),
    ("sorted", (9, 9), "Redis turns a sorted set into a skiplist to sort it", encoding_sorted),
    ("linsert", (9, 9), "7.0 has quicklists only, and an LINSERT that finds no pivot has made one in 7.2, too", encoding_list),
    ("string", (9, 9), "INCRBYFLOAT, APPEND and the like leave embstr or raw; here the value read back decides",
     encoding_string),
    ("nul", (9, 9), "SORT ALPHA of Redis looks at no byte behind a NUL", nul_bytes),
    ("zero", (9, 9), "a score of -0 is kept as 0", minus_zero),
    ("doubles", (9, 9), "the same number: 7.0 prints 17 digits, 7.2 sometimes one more than are needed", doubles),
    ("errors", (7, 1), "LPOS limits RANK, XREAD words an error otherwise since 7.2", errors_72),
]


class Judge:
    def __init__(self, version):
        self.accepted = [a for a in ACCEPTED if version[:2] <= a[1]]
        self.counts = {a[0]: 0 for a in self.accepted}

    def same(self, argv, redis, orbit, inner=None):
        if redis == orbit:
            return True
        name = name_of(argv)
        if inner is not None and isinstance(redis, list) and isinstance(orbit, list):
            return len(redis) == len(orbit) == len(inner) and all(map(self.same, inner, redis, orbit))
        if name in ("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME") and close_in_time(name, redis, orbit):
            return True
        a, b = normal(argv, redis), normal(argv, orbit)
        if a == b:
            return True
        for label, _, _, test in self.accepted:
            if test(argv, redis, orbit):
                self.counts[label] += 1
                return True
        return False

    def report(self):
        return [(name, self.counts[name], reason) for name, _, reason, _ in self.accepted]


__all__ = ["Judge", "content", "is_error"]
