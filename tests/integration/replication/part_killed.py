"""The replica is killed at random moments: it goes on from exactly where its data are, never with a dump."""
import random
import time

from harness import check_same, wait_for, wait_in_step
from load import Load, fill


def rounds(report, settings, master, count):
    name = "replica-of-" + master.name
    replica = settings.new_orbit(name, "--repl-diskless-load", "swapdb", "--dirty-memory", "4mb", "--repl-backlog-size", "256mb",
                                 "--replicaof", "127.0.0.1 %d" % master.port).start()
    wait_for(lambda: replica.info("master_link_status") == "up", 120)
    rng = random.Random(5)
    load = Load(master, 5000)
    syncs = master.number("sync_full")
    up = True
    for n in range(1, count + 1):
        time.sleep(rng.uniform(0.05, 0.8))
        replica.kill()
        if n % 3 == 0:
            time.sleep(rng.uniform(0, 0.5))
        replica.start()
        if n % 4 == 0:  # again, while it is catching up
            time.sleep(rng.uniform(0, 0.2))
            replica.kill()
            replica.start()
        load.hold()
        up = wait_in_step(master, replica) and up
        if not check_same(report, master, replica, "kill %d: %s has what the master has" % (n, name)):
            break
        load.go_on()
    load.stop()
    report.check(up, "%s: the link was up again after every kill" % name)
    report.check(master.number("sync_full") == syncs, "%s: no further dump in %d kills" % (name, count))
    report.check(replica.logged("== CRITICAL ==") == 0, "%s: no command of the stream failed" % name)


def killed_while_loading(report, settings, master):
    """A full synchronization that is killed leaves nothing half: the next one succeeds."""
    replica = settings.new_orbit("killed-while-loading").start()
    replica.call("SET", "of before", 1)
    rng = random.Random(6)
    load = Load(master, 5000, writers=1)
    for _ in range(settings.size(3, 10)):
        replica.call("REPLICAOF", "127.0.0.1", master.port)
        replica.call("CONFIG", "REWRITE")
        time.sleep(rng.uniform(0.01, 0.3))
        replica.kill()
        replica.start()
    load.stop()
    wait_for(lambda: replica.info("master_link_status") == "up", 120)
    wait_in_step(master, replica)
    check_same(report, master, replica, "killed in full synchronizations, it has what the master has")


def run(report, settings):
    backlog = ("--repl-backlog-size", "256mb", "--repl-diskless-sync-delay", "0")
    orbit = settings.new_orbit("orbit-master", *backlog).start()
    fill(orbit, settings.size(5000, 100000), 4000)
    rounds(report, settings, orbit, settings.size(5, 50))
    killed_while_loading(report, settings, orbit)
    for binary in settings.redis[:1]:
        redis = settings.new_redis(binary, "redis-master", *backlog[:2]).start()
        fill(redis, settings.size(5000, 100000), 4000)
        rounds(report, settings, redis, settings.size(5, 50))
