"""The environment's settings; what INFO, LATENCY and the log tell."""
import signal
import subprocess
import time

from harness import wait_for, wait_in_step
from load import fill


def environment(report, settings, master):
    """ORBIT_REPLICATION_MODE and ORBIT_MASTER_URL; flags beat variables, variables beat the file."""
    url = {"ORBIT_MASTER_URL": "127.0.0.1:%d" % master.port}
    for mode in ("replica", "slave"):
        node = settings.new_orbit("mode-" + mode, env={"ORBIT_REPLICATION_MODE": mode, **url}).start()
        report.check(wait_for(lambda: node.info("master_link_status") == "up", 20), "ORBIT_REPLICATION_MODE=%s follows" % mode)
        node.stop()
    node = settings.new_orbit("mode-master", "--replicaof", "127.0.0.1 1", env={"ORBIT_REPLICATION_MODE": "master", **url}).start()
    report.check(node.info("role") == "master", "ORBIT_REPLICATION_MODE=master beats the file's replicaof")
    node.stop()
    node = settings.new_orbit("mode-flag", env={"ORBIT_REPLICATION_MODE": "replica", **url})
    node.command += ["--replicaof", "no", "one"]
    node.start()
    report.check(node.info("role") == "master", "a word of the command line beats the environment")
    node.stop()
    node = settings.new_orbit("mode-url-alone", env=url).start()
    report.check(node.info("role") == "master", "ORBIT_MASTER_URL alone changes nothing")
    node.stop()
    for text, env in (("another mode", {"ORBIT_REPLICATION_MODE": "both"}), ("no URL", {"ORBIT_REPLICATION_MODE": "replica"}),
                      ("a scheme", {"ORBIT_REPLICATION_MODE": "replica", "ORBIT_MASTER_URL": "http://h:1"}),
                      ("no port", {"ORBIT_REPLICATION_MODE": "replica", "ORBIT_MASTER_URL": "h:x"}),
                      ("half an address", {"ORBIT_REPLICATION_MODE": "replica", "ORBIT_MASTER_URL": "[::1"})):
        node = settings.new_orbit("refused-" + text.replace(" ", "-"), env=env)
        node.launch()
        try:
            status = node.process.wait(20)
        except subprocess.TimeoutExpired:
            status = 0
        with open(node.log) as f:
            report.check(status != 0 and "ORBIT_" in f.read(), "refused with a message: %s" % text)


def lag_of_stopped(report, master, replica):
    """A replica that stands still falls behind, in bytes and in seconds."""
    replica.process.send_signal(signal.SIGSTOP)
    for _ in range(4):
        master.call("SET", "lag", "x" * 10000)
        time.sleep(1.1)
    lag = master.number("orbit_replicas_lag_bytes"), master.number("orbit_replicas_lag_seconds")
    replica.process.send_signal(signal.SIGCONT)
    report.check(lag[0] > 40000 and 2 <= lag[1] <= 60, "the lag of a stopped replica is told: %d bytes, %d s" % lag)
    gone = wait_for(lambda: master.number("orbit_replicas_lag_bytes") < 1000 and master.number("orbit_replicas_lag_seconds") == 0, 20)
    report.check(gone, "and is gone when it goes on")
    wait_in_step(master, replica)
    report.check(replica.number("orbit_master_lag_seconds") == 0, "a replica in step says so")
    master.stop(signal.SIGKILL)
    behind = wait_for(lambda: replica.number("orbit_master_lag_seconds") >= 1, 20)
    report.check(behind, "a replica without its master says since when")


def run(report, settings):
    fast = ("--repl-diskless-sync-delay", "0", "--latency-monitor-threshold", "1")
    master = settings.new_orbit("settings-master", *fast).start()
    fill(master, 20000, 2000)
    environment(report, settings, master)
    replica = settings.new_orbit("settings-replica", *fast, "--key-load-delay", "500", "--rdb-key-save-delay", "0").start()
    master.call("CONFIG", "SET", "rdb-key-save-delay", 300)
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    report.check(wait_for(lambda: (master.number("orbit_sync_dump_in_progress") and master.number("orbit_sync_dump_keys")), 20),
                 "INFO of the master tells how much of the dump is made")
    report.check(wait_for(lambda: int(replica.info("master_sync_read_bytes") or 0) > 0, 20), "INFO of the replica tells what has come")
    report.check(wait_for(lambda: int(replica.info("orbit_sync_loaded_bytes") or 0) > 0, 60), "INFO of the replica tells what is loaded")
    report.check(wait_for(lambda: replica.info("master_link_status") == "up", 120), "the full synchronization ends")
    report.check(master.logged("keys,") and replica.logged("are loaded"), "both logs tell its progress")
    events = [{e[0] for e in node.call("LATENCY", "LATEST")} for node in (master, replica)]
    report.check(b"full-sync-dump" in events[0] and b"full-sync-load" in events[1], "LATENCY has events of it")
    lag_of_stopped(report, master, replica)
