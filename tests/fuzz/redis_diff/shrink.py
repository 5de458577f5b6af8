"""From an episode that shows a difference to the shortest one that still does: by halves, then one by one."""
import time

LIMIT_S = 90


def shrink(runner, history, bad):
    """The entries left and the text of their difference. The first entry, which begins the episode, stays."""
    deadline = time.monotonic() + LIMIT_S
    counted = runner.commands
    head, rest = history[:1], history[1:]
    # A select at the end of every batch is only the generator's own; the needed ones are SELECT commands.
    best = bad

    def still(candidate):
        return runner.run(head + candidate)

    again = still(rest)
    if not again:
        runner.commands = counted
        return history[-20:], "(not seen again) " + bad
    best, chunk = again, max(1, len(rest) // 2)
    while time.monotonic() < deadline:
        at, removed = 0, False
        while at < len(rest) and time.monotonic() < deadline:
            candidate = rest[:at] + rest[at + chunk:]
            found = still(candidate)
            if found:
                rest, best, removed = candidate, found, True
            else:
                at += chunk
        if chunk == 1 and not removed:
            break
        chunk = max(1, chunk // 2)
    rest, best = shorter_commands(rest, best, still, deadline)
    runner.commands = counted
    return head + rest, best


def shorter_commands(rest, best, still, deadline):
    """Drops pairs of arguments from the end of long commands, in halves."""
    for i, entry in enumerate(rest):
        if entry[0] != "commands" or len(entry[1]) != 1:
            continue
        argv = entry[1][0]
        chunk = len(argv) // 4 * 2
        while chunk >= 2 and time.monotonic() < deadline:
            at = 2
            while at + chunk <= len(argv) and time.monotonic() < deadline:
                candidate = rest[:i] + [("commands", [argv[:at] + argv[at + chunk:]])] + rest[i + 1:]
                found = still(candidate)
                if found:
                    rest, best, argv = candidate, found, candidate[i][1][0]
                else:
                    at += chunk
            chunk = chunk // 4 * 2
    return rest, best
