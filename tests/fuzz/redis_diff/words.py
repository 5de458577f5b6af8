"""What random commands are made of: keys, members, values, numbers; a profile says how large and how varied.

Everything comes from one seeded generator, so that a seed tells the whole run."""
import random

DATABASES = 3  # 0, 1, 2
FAR = 2000000000  # absolute expiry in seconds, far in the future; relative ones stay below it

# Prefix of the keys that mostly hold this type.
TYPES = {"string": "s", "list": "l", "hash": "h", "set": "t", "zset": "z", "stream": "x", "hll": "p", "geo": "g",
         "bitmap": "b", "lex": "y"}

JUNK = ["", "abc", "-1", "0", "1", "2.5", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "nan",
        "-inf", "1e30", "*", "(1", "[a", "0-0", "5-*", "$", "\x00\xff", " 3", "3 ", "+5", "007"]

# ZRANK takes another argument since 7.2, XADD might choose an ID, LSET of the least integer overflows in Redis.
NOT_SPOILED = {"ZRANK", "ZREVRANK", "XADD", "LSET"}

PROFILES = {
    # keys of each type, different members, chance of a long value, longest value
    "small": dict(keys=3, members=40, long=0.04, longest=3000),
    "tiny": dict(keys=2, members=9, long=0.01, longest=200),
    "large": dict(keys=2, members=4000, long=0.02, longest=800),
    "huge": dict(keys=2, members=300, long=0.15, longest=60000),
}


class Words:
    def __init__(self, seed, profile, types, newest, killed):
        self.rng = random.Random(seed)
        self.newest = newest  # the reference is as new as what Orbit follows
        self.killed = killed  # Orbit will be killed in between
        self.types = types
        # Members of one score only: ranges by member mean nothing elsewhere; and what a damaged HyperLogLog answers is
        # nobody's promise. These keys get nothing foreign.
        self.foreign = [t for t in types if t not in ("lex", "hll")] or types
        p = PROFILES[profile]
        self.keys, self.members, self.long, self.longest = p["keys"], p["members"], p["long"], p["longest"]
        self.bulk = profile == "large"
        self.db = 0

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, words):
        return words[int(self.rng.random() * len(words))]

    def upto(self, n):
        """1..n, small numbers more often."""
        r = self.rng.random()
        return 1 + int(r * r * n)

    def key(self, kind):
        """A key of this type; now and then of another."""
        if kind in self.foreign and self.rng.random() < 0.02:
            kind = self.pick(self.foreign)
        return TYPES[kind] + str(int(self.rng.random() * self.keys))

    def any_key(self):
        return TYPES[self.pick(self.foreign)] + str(int(self.rng.random() * (self.keys + 1)))

    def some_keys(self, kind, most=3):
        return [self.key(kind) for _ in range(self.upto(most))]

    def member(self):
        r = self.rng.random()
        n = int(self.rng.random() * self.members)
        if r < 0.55:
            return "m%d" % n
        if r < 0.85:
            return str(n)
        if r < 0.90:
            return str(n * 100003 - 70000)
        if r < 0.90 + self.long:
            return self.long_value(n)
        return "member:%012d" % n

    def long_value(self, n=None):
        """Around the limits at which encodings change, sometimes far above."""
        n = self.rng.randrange(50) if n is None else n
        size = self.pick([20, 44, 45, 63, 64, 65, 65, 200, 1000, self.longest])
        return ("v%d:" % n + "abcdefgh" * (min(size, self.longest) // 8 + 1))[:size]

    def value(self):
        r = self.rng.random()
        if r < 0.3:
            return str(self.rng.randrange(-1000, 100000))
        if r < 0.35:
            return self.pick(["", "3.0", "1e3", "-0", "0.1", "9223372036854775807", "-9223372036854775808", "0007"])
        if r < 0.35 + self.long:
            return self.long_value()
        if r < 0.45:
            return bytes(self.rng.randrange(256) for _ in range(self.rng.randrange(12)))
        return "value%d" % self.rng.randrange(1000)

    def score(self):
        """Sums of these are exact, whatever the order of the summands."""
        r = self.rng.random()
        if r < 0.7:
            return str(self.rng.randrange(-50, 200))
        if r < 0.9:
            return str(self.rng.randrange(-400, 400) / 4)
        return self.pick(["0", "-0", "1e3", "1000000000000", "0.5", "3.25", "-7.75"])

    def bound(self):
        r = self.rng.random()
        if r < 0.15:
            return self.pick(["-inf", "+inf", "inf"])
        if r < 0.35:
            return "(" + self.score()
        return self.score()

    def lex_bound(self):
        r = self.rng.random()
        if r < 0.2:
            return self.pick(["-", "+"])
        return self.pick(["[", "("]) + self.member()

    def index(self):
        r = self.rng.random()
        if r < 0.3:
            return str(self.pick([0, -1, 1, -2]))
        n = self.members if self.bulk else 30
        return str(self.rng.randrange(-n, n))

    def count(self):
        return str(self.pick([0, 1, 1, 2, 3, 5, 10, 100]))

    def case(self, word):
        """Names of commands and options are the same in any case."""
        return word.lower() if self.rng.random() < 0.2 else word

    def spoil(self, argv):
        """One argument too many, too few, or another than was meant."""
        if len(argv) < 2 or argv[0] in NOT_SPOILED or str(argv[1]).startswith(TYPES["lex"]):
            return argv
        argv = list(argv)
        r = self.rng.random()
        at = self.rng.randrange(1, len(argv))
        if r < 0.25:
            del argv[at]
        elif r < 0.45:
            argv.insert(at, self.pick(JUNK))
        else:
            argv[at] = self.pick(JUNK)
        return argv
