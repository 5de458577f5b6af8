"""redis-server and Orbit follow each other, with data of all types under load; promoted in between."""
import time

from harness import check_same, version_of, wait_for, wait_in_step
from load import Load, fill


def promote_and_turn(report, old, new):
    """new becomes a master, old its replica; both have the same before and after."""
    new.call("REPLICAOF", "NO", "ONE")
    old.call("REPLICAOF", "127.0.0.1", new.port)
    return report.check(wait_for(lambda: old.info("master_link_status") == "up", 600), "%s follows %s" % (old.name, new.name))


def under_load(report, settings, master, replica, keys, begin):
    """begin makes the replica a replica, while the master is written to."""
    load = Load(master, keys)
    time.sleep(settings.size(0.5, 5))
    begun = time.monotonic()
    begin()
    up = wait_for(lambda: replica.info("master_link_status") == "up", 1200)
    report.check(up, "%s: the link to %s is up (%.1f s)" % (replica.name, master.name, time.monotonic() - begun))
    time.sleep(settings.size(2, 20))
    commands = load.stop()
    wait_in_step(master, replica, 300)
    check_same(report, master, replica, "%s has what %s has after %d commands of load" % (replica.name, master.name, commands),
               settings.size(60, 600))


def both_ways(report, settings, binary, sync):
    """Redis is the master; Orbit follows, takes over, and is followed by the Redis, which takes over again."""
    keys = settings.size(20000, 2000000)
    name = "redis-%d.%d" % version_of(binary)
    tag = "%s-%s" % (name, sync)
    redis = settings.new_redis(binary, tag, "--repl-diskless-sync", sync, "--client-output-buffer-limit", "replica 0 0 0",
                               "--repl-backlog-size", "64mb").start()
    older = version_of(binary) < (7, 0) or sync == "no"  # which the newer ones read too
    options = ["--repl-dump-version", "9"] if older else []
    orbit = settings.new_orbit("orbit-" + tag, "--repl-diskless-sync", sync, "--repl-diskless-sync-delay", "0",
                               "--client-output-buffer-limit", "replica 0 0 0", "--repl-backlog-size", "64mb", *options).start()
    fill(redis, keys)
    under_load(report, settings, redis, orbit, keys, lambda: orbit.call("REPLICAOF", "127.0.0.1", redis.port))
    full = orbit.number("sync_full")
    promote_and_turn(report, redis, orbit)
    report.check(orbit.number("sync_full") == full, "%s continues the stream of the promoted Orbit" % tag)
    check_same(report, orbit, redis, "%s has what the promoted Orbit has" % tag)
    # A stranger: all of it goes back as a dump, under load.
    redis.call("REPLICAOF", "NO", "ONE")
    redis.call("FLUSHALL")
    under_load(report, settings, orbit, redis, keys, lambda: redis.call("REPLICAOF", "127.0.0.1", orbit.port))
    report.check(orbit.logged("== CRITICAL ==") == 0, "no command of %s's stream failed in Orbit" % tag)
    check = redis.call("DBSIZE") == orbit.call("DBSIZE")
    report.check(check, "%s and Orbit have the same number of keys" % tag)
    settings.end()


def run(report, settings):
    for binary in settings.redis:
        for sync in ("yes", "no") if not settings.full else ("yes",):
            both_ways(report, settings, binary, sync)
