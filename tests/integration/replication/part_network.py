"""Two hosts in network namespaces, and what networks do to them: delay, loss, a cut. Never a dump, never a divergence."""
import time

from cable import ADDRESSES, Hosts
from harness import check_same, wait_for, wait_in_step
from load import Load, fill


def disturbed(report, hosts, master, replica, text, seconds, how, limit):
    """The load goes on meanwhile; afterwards the replica comes back by itself."""
    load = Load(master, 5000, pause=0.02)
    highest = 0
    try:
        hosts.disturb(**how)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            highest = max(highest, master.number("mem_total_replication_buffers"))
            time.sleep(0.3)
    finally:
        hosts.disturb()
        commands = load.stop()
    report.check(wait_in_step(master, replica, 120), "%s: in step again" % text)
    check_same(report, master, replica, "%s: the replica has what the master has after %d commands" % (text, commands))
    report.check(highest < limit, "%s: the master keeps at most %.1f MB for its replica" % (text, highest / 1e6))


def follow(report, hosts, master, replica):
    """The first full synchronization is cut, and begins again."""
    hosts.disturb(delay=0.02)
    replica.call("REPLICAOF", ADDRESSES[0], master.port)
    wait_for(lambda: int(replica.info("master_sync_read_bytes") or 0) > 0, 20, 0.005)
    hosts.disturb(loss=1)
    time.sleep(7)
    hosts.disturb()
    report.check(wait_in_step(master, replica, 120), "a cut within the full synchronization: in step")
    check_same(report, master, replica, "a cut within the full synchronization: the replica has what the master has")


def run(report, settings):
    try:
        hosts = Hosts()
    except OSError as e:
        report.note("network namespaces are not to be had here (%s): left out" % e)
        return
    small, full = settings.size, settings.full
    cut = 60 if full else 8
    faults = (("delay of 50 ms", small(4, 20), {"delay": 0.05, "jitter": 0.02}), ("loss of 10 %", small(6, 30), {"loss": 0.1}),
              ("repeated and disordered packets", small(4, 20), {"delay": 0.002, "jitter": 0.01, "again": 0.1}),
              ("a cut of %d s" % cut, cut, {"loss": 1}))
    try:
        common = ("--protected-mode", "no", "--repl-timeout", "5", "--repl-ping-replica-period", "1", "--repl-backlog-size", "64mb",
                  "--repl-diskless-sync-delay", "0")
        master = settings.new_orbit("net-master", *common, wrap=hosts.inside(0), bind="0.0.0.0").start()
        replica = settings.new_orbit("net-replica", *common, wrap=hosts.inside(1), bind="0.0.0.0").start()
        fill(master, small(5000, 200000), 4000)
        follow(report, hosts, master, replica)
        dumps = master.number("sync_full")
        for text, seconds, how in faults:
            disturbed(report, hosts, master, replica, text, seconds, how, 74 << 20)
        report.check(master.number("sync_full") == dumps, "never another dump")
        report.check(master.number("sync_partial_ok") > 0, "the cut ended with a partial resynchronization")
    finally:
        settings.end()
        hosts.end()
