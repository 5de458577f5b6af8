"""Three Orbits and three redis-sentinels: the master is killed again and again under load. What WAIT acknowledged is there."""
import os
import shutil
import statistics
import subprocess
import threading
import time

from harness import Client, check_same, free_port, wait_for, wait_in_step

WRITERS = 4
DOWN_MS = 2000


class Sentinels:
    """Three of them, which ask each other."""

    def __init__(self, folder, master_port):
        self.ports, self.processes = [free_port() for _ in range(3)], []
        for i, port in enumerate(self.ports):
            home = os.path.join(folder, "sentinel%d" % i)
            os.makedirs(home, exist_ok=True)
            config = os.path.join(home, "conf")
            with open(config, "w") as f:
                f.write("bind 127.0.0.1\nport %d\ndir %s\nsentinel monitor m 127.0.0.1 %d 2\n"
                        "sentinel down-after-milliseconds m %d\nsentinel failover-timeout m 10000\n"
                        "sentinel parallel-syncs m 2\n" % (port, home, master_port, DOWN_MS))
            with open(os.path.join(home, "log"), "wb") as log:
                self.processes.append(subprocess.Popen(["redis-sentinel", config], stdout=log, stderr=log))

    def master(self, which=0):
        client = Client(self.ports[which], 5)
        try:
            return int(client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "m")[1])
        finally:
            client.close()

    def field(self, name):
        """Of what each knows of the master."""
        found = []
        for port in self.ports:
            client = Client(port, 5)
            answer = client.call("SENTINEL", "MASTER", "m")
            client.close()
            found.append(dict(zip(answer[::2], answer[1::2]))[name.encode()])
        return found

    def replicas_up(self, count):
        """All three know count replicas that are in step with the present master."""
        for port in self.ports:
            client = Client(port, 5)
            answer = client.call("SENTINEL", "REPLICAS", "m")
            client.close()
            states = [dict(zip(a[::2], a[1::2])) for a in answer]
            if sum(s[b"flags"] == b"slave" and s[b"master-link-status"] == b"ok" for s in states) < count:
                return False
        return True

    def stop(self):
        for p in self.processes:
            p.kill()
            p.wait()


class Acknowledged(threading.Thread):
    """SET of a growing number, then WAIT 1: remembers what was acknowledged by a replica, for each key."""

    def __init__(self, number, sentinels):
        super().__init__(daemon=True)
        self.number, self.sentinels = number, sentinels
        self.sent, self.acked, self.writes, self.n = {}, {}, 0, 0
        self.ended, self.last_ok = threading.Event(), time.monotonic()

    def run(self):
        client = None
        while not self.ended.is_set():
            try:
                client = client or Client(self.sentinels.master(self.number % 3), 3)
                self.write(client)
            except (OSError, RuntimeError):
                if client:
                    client.close()
                client = None
                time.sleep(0.02)

    def write(self, client):
        self.n += 1
        key = "w%d:%d" % (self.number, self.n % 100)
        self.sent[key] = self.n
        client.call("SET", key, self.n)
        if client.call("WAIT", 1, 500) >= 1:
            self.acked[key] = self.n
            self.writes += 1
            self.last_ok = time.monotonic()

    def missing(self, client):
        """Keys that are older than what was acknowledged. The writer rests."""
        lost = []
        for key, number in self.acked.items():
            value = client.call("GET", key)
            if value is None or not number <= int(value) <= self.sent[key]:
                lost.append("%s is %s, acknowledged %d, sent %d" % (key, value, number, self.sent[key]))
        return lost


def fail_over(report, nodes, sentinels, round_number, took):
    """Kills the master; a new one takes writes; all that was acknowledged is there; the old one comes back as a replica."""
    old = sentinels.master()
    master = nodes[old]
    writers = [Acknowledged(i, sentinels) for i in range(WRITERS)]
    for w in writers:
        w.n = round_number * 1000000
        w.start()
    time.sleep(1 + round_number % 7 * 0.13)
    master.kill()
    killed = time.monotonic()
    moved = wait_for(lambda: all(sentinels.master(i) != old for i in range(3)), 60)
    written = moved and wait_for(lambda: any(w.last_ok > killed + 0.1 for w in writers), 60)
    if not report.check(written, "round %d: a new master takes writes that a replica acknowledges" % round_number):
        return False
    took.append(min(w.last_ok for w in writers if w.last_ok > killed) - killed)
    time.sleep(0.3)
    for w in writers:
        w.ended.set()
    for w in writers:
        w.join(20)
    new = nodes[sentinels.master()]
    client = new.client()
    lost = [line for w in writers for line in w.missing(client)]
    client.close()
    report.check(not lost, "round %d: all %d acknowledged writes are there" % (round_number, sum(w.writes for w in writers)))
    for line in lost[:5]:
        report.note(line)
    master.start()
    back = wait_for(lambda: master.info("role") == "slave" and sentinels.replicas_up(2), 90, 0.2)
    report.check(back, "round %d: the former master is a replica again" % round_number)
    for node in nodes.values():
        if node is not new:
            wait_in_step(new, node)
            check_same(report, new, node, "round %d: %s has what the master has" % (round_number, node.name))
    return back


def run(report, settings):
    if not shutil.which("redis-sentinel"):
        report.note("no redis-sentinel: left out")
        return
    made = [settings.new_orbit("node%d" % i, "--repl-diskless-sync-delay", "0", "--repl-timeout", "10") for i in range(3)]
    for node in made:
        node.start()
    for node in made[1:]:
        node.call("REPLICAOF", "127.0.0.1", made[0].port)
        node.call("CONFIG", "REWRITE")
    nodes = {node.port: node for node in made}
    sentinels = Sentinels(settings.folder, made[0].port)
    took = []
    try:
        report.check(wait_for(lambda: sentinels.replicas_up(2) and sentinels.field("num-other-sentinels") == [b"2"] * 3, 60, 0.2),
                     "three Sentinels know three Orbits and each other")
        for n in range(1, settings.size(3, 20) + 1):
            if not fail_over(report, nodes, sentinels, n, took):
                break
    finally:
        sentinels.stop()
    if took:
        report.note("from the kill to the first write that a replica acknowledged: median %.1f s, longest %.1f s (%d s of them until "
                    "a Sentinel takes the master for dead)" % (statistics.median(took), max(took), DOWN_MS // 1000))
