"""A cable between two network namespaces that loses, delays and repeats packets on demand: two TUN devices and a process that
carries packets from one to the other (not every kernel has tc's netem)."""
import fcntl
import heapq
import multiprocessing
import os
import random
import select
import struct
import subprocess
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
ADDRESSES = "10.213.7.1", "10.213.7.2"


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError("ip %s: %s" % (" ".join(words), done.stderr.strip()))


def carry(ends, pipe):
    """Until the pipe closes. Settings come through it: {"loss": share, "delay": s, "jitter": s, "again": share}."""
    rng, waiting, number, now = random.Random(7), [], 0, {}
    try:
        while True:
            pause = max(0, waiting[0][0] - time.monotonic()) if waiting else 1
            ready, _, _ = select.select([*ends, pipe], [], [], pause)
            if pipe in ready:
                now = pipe.recv()
            for end in ready:
                if end is pipe:
                    continue
                packet = os.read(end, 65536)
                for _ in range(1 + (rng.random() < now.get("again", 0))):
                    if rng.random() >= now.get("loss", 0):
                        due = time.monotonic() + now.get("delay", 0) + rng.random() * now.get("jitter", 0)
                        number += 1
                        heapq.heappush(waiting, (due, number, ends[end == ends[0]], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                os.write(end, packet)
    except (EOFError, OSError):
        pass


class Hosts:
    """Two namespaces, the addresses ADDRESSES, and the cable. OSError: not allowed here, or there are no such things."""

    def __init__(self):
        self.names = ["orbit%d%s" % (os.getpid(), side) for side in "ab"]
        self.process, ends = None, []
        try:
            for i, name in enumerate(self.names):
                device = "orb%d%s" % (os.getpid() % 100000, "ab"[i])
                ip("netns", "add", name)
                ends.append(os.open("/dev/net/tun", os.O_RDWR))
                fcntl.ioctl(ends[i], TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
                ip("link", "set", device, "netns", name)
                ip("-n", name, "addr", "add", ADDRESSES[i], "peer", ADDRESSES[1 - i], "dev", device)
                ip("-n", name, "link", "set", device, "up")
                ip("-n", name, "link", "set", "lo", "up")
        except OSError:
            self.end()
            raise
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=carry, args=(ends, other), daemon=True)
        self.process.start()
        for fd in ends:
            os.close(fd)

    def inside(self, which):
        return "ip", "netns", "exec", self.names[which]

    def disturb(self, **how):
        """From now on; without words: no more."""
        self.pipe.send(how)

    def end(self):
        if self.process:
            self.process.terminate()
            self.process.join()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
