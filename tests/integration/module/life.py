#!/usr/bin/env python3
"""The life of modules: loading in every way, failures that leave nothing behind, 1,000 times in and out, what a failed or hostile
module leaves, a crash inside of one.
Ends with `N passed, N failed`."""
import argparse
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "utils"))
from orbit_client import Client, Server, encode

FAILED = "ERR Error loading the extension. Please check the server logs."
passed = failed = 0


def check(name, ok, seen=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {seen}")


def error_of(client, *words):
    try:
        return "no error: %r" % client.call(*words)
    except RuntimeError as e:
        return str(e)


def trace(client):
    """What a module may leave behind."""
    return (client.call("MODULE", "LIST"), client.call("COMMAND", "COUNT"), client.call("CONFIG", "GET", "life.*"),
            client.call("INFO", "modules"))


def log_text(server):
    with open(server.log.name, encoding="utf-8", errors="replace") as f:
        return f.read()


def test_failures(server, client, folder):
    clean = trace(client)
    other = bytearray(open(f"{folder}/life.so", "rb").read())
    other[18:20] = (243).to_bytes(2, "little")  # e_machine: RISC-V
    with open(f"{folder}/other.so", "wb") as f:
        f.write(other)
    with open(f"{folder}/text.so", "w", encoding="ascii") as f:
        f.write("not a shared object\n")
    for name in ("text.so", "other.so"):
        os.chmod(f"{folder}/{name}", 0o755)
    shutil.copy(f"{folder}/life.so", f"{folder}/plain.so")
    os.chmod(f"{folder}/plain.so", 0o644)
    for name, words, line in (
            ("missing", ["missing.so"], "missing.so failed to load"),
            ("not an object", ["text.so"], "text.so failed to load"),
            ("other machine", ["other.so"], "other.so failed to load"),
            ("not executable", ["plain.so"], "does not have execute permissions"),
            ("no OnLoad", ["nothing.so"], "does not export RedisModule_OnLoad"),
            ("fails half-way", ["life.so", "fail"], "initialization failed"),
            ("from the future", ["future.so"], "wants version 2 of the module API"),
            ("options not set", ["life.so", "unset"], "likely a missing LoadConfigs call")):
        text = error_of(client, "MODULE", "LOAD", f"{folder}/{words[0]}", *words[1:])
        check(name, text == FAILED, text)
        check(name + " is logged", line in log_text(server), line)
        check(name + " leaves nothing", trace(client) == clean, trace(client))
    for name, words in (("LOADEX without a value", ["CONFIG", "life.level"]), ("LOADEX of a stranger", ["CONFIG", "maxclients", "9"]),
                        ("LOADEX out of range", ["CONFIG", "life.level", "5000"]), ("LOADEX refused", ["CONFIG", "life.level", "13"]),
                        ("LOADEX syntax", ["WHAT"])):
        text = error_of(client, "MODULE", "LOADEX", f"{folder}/life.so", *words)
        check(name, text == FAILED and trace(client) == clean, text)
    check("unknown name", "no such module" in error_of(client, "MODULE", "UNLOAD", "life"))


def test_in_and_out(client, folder):
    so, clean = f"{folder}/life.so", trace(client)
    check("load", client.call("MODULE", "LOADEX", so, "CONFIG", "life.level", "9", "ARGS", "a", "b") == b"OK")
    listed = client.call("MODULE", "LIST")
    check("list", listed == [[b"name", b"life", b"ver", 3, b"path", so.encode(), b"args", [b"a", b"b"]]], listed)
    check("command", client.call("LIFE.LEVEL") == 9 and client.call("life.box", "level") == 9)
    check("of the module", len(client.call("COMMAND", "LIST", "FILTERBY", "MODULE", "life")) == 4)
    check("info", b"# life_state\r\nlife_level:9\r\n" in client.call("INFO", "life"))
    check("set", client.call("CONFIG", "SET", "life.level", "11") == b"OK" and client.call("LIFE.LEVEL") == 11)
    check("refused", "not thirteen" in error_of(client, "CONFIG", "SET", "life.level", "13"))
    check("twice", error_of(client, "MODULE", "LOAD", so) == FAILED)
    check("in MULTI", client.call("MULTI") == b"OK" and client.call("LIFE.LEVEL") == b"QUEUED")
    other = Client(client.sock.getpeername()[1])
    check("unload", other.call("MODULE", "UNLOAD", "life") == b"OK")
    check("queued command is refused", "EXECABORT" in error_of(client, "EXEC"))
    check("clean again", trace(client) == clean, trace(client))
    client.call("MODULE", "LOAD", so, "stay")
    check("refuses to go", "operation not possible" in error_of(client, "MODULE", "UNLOAD", "life"))


def test_rights(client, folder):
    so = f"{folder}/life.so"
    client.call("ACL", "SETUSER", "all", "on", "nopass", "~*", "+@all", "-set")
    client.call("ACL", "SETUSER", "none", "on", "nopass", "~*", "+get")
    client.call("MODULE", "LOAD", so)
    client.call("ACL", "SETUSER", "one", "on", "nopass", "+life.level")
    for user, may in (("all", True), ("none", False), ("one", True)):
        check(f"{user} after a load", (client.call("ACL", "DRYRUN", user, "LIFE.LEVEL") == b"OK") == may)
    client.call("MODULE", "UNLOAD", "life")
    client.call("MODULE", "LOAD", so)
    for user, may in (("all", True), ("none", False), ("one", True)):
        check(f"{user} after a second load", (client.call("ACL", "DRYRUN", user, "LIFE.LEVEL") == b"OK") == may)
    client.call("MODULE", "UNLOAD", "life")
    client.call("ACL", "DELUSER", "all", "none", "one")


def test_many_times(server, client, folder, times):
    for i in range(times):
        client.call("MODULE", "LOADEX", f"{folder}/life.so", "CONFIG", "life.level", i % 1000 if i % 1000 != 13 else 1)
        client.call("LIFE.LEVEL")
        client.call("MODULE", "UNLOAD", "life")
        if i == times // 4:
            begun = server.rss()[0]
    grown = server.rss()[0] - begun
    if client.info("mem_allocator") == "libc":
        return  # a sanitizer's build keeps what was freed; its own leak check counts there
    check("memory stays", grown < 1 << 20, f"{grown} bytes in {times * 3 // 4} rounds")
    print(f"{times} times in and out: {grown // 1024} KiB grown after the first quarter")


def test_left_behind(client, folder):
    so = f"{folder}/hostile.so"
    for how in ("fails", "shot", "watch", "value"):
        for _ in range(3):
            text = error_of(client, "MODULE", "LOAD", so, how)
            check(f"{how} in OnLoad", text == FAILED, text)
            client.call("SET", "a", "b")
            time.sleep(0.1)
            check(f"{how} is survived", client.call("GET", "a") == b"b")
    stored = client.call("DUMP", "left")
    client.call("MODULE", "LOAD", so, "plain")
    for words in (["EVAL", "return redis.pcall('hostile.wait', 'k', 0)", "0"], ["EXEC"]):
        if words == ["EXEC"]:
            client.call("MULTI")
            client.call("HOSTILE.WAIT", "k", "0")
        text = error_of(client, *words)
        check("nobody waits in " + words[0], "Blocking module command" in text, text)
    for ms, least, most in ((2**63 - 1, 10**12, 2**53), (-2**63, 0, 0), (1000, 1, 1000)):
        left = client.call("HOSTILE.TIMER", ms)
        check(f"timer of {ms}", least <= left <= most, left)
    waiting = Client(client.sock.getpeername()[1])
    waiting.send(encode("HOSTILE.WAIT", "k", 2**63 - 1))
    while client.info("blocked_clients") != "1":
        time.sleep(0.01)
    check("unload while somebody waits", "blocked clients" in error_of(client, "MODULE", "UNLOAD", "hostile"))
    client.call("SET", "k", "v")
    check("waits long", waiting.reply() == b"here")
    check("nobody waits any more", client.call("MODULE", "UNLOAD", "hostile") == b"OK")
    client.call("MODULE", "LOAD", so)
    check("stored form of what was left", client.call("DUMP", "left") == stored and stored)
    check("refuses to go", "data types" in error_of(client, "MODULE", "UNLOAD", "hostile"))


def test_unsaved(binary, folder):
    os.mkdir(f"{folder}/unsaved")
    server = Server(binary, f"{folder}/unsaved", "--loadmodule", f"{folder}/hostile.so", "unsaved")
    for i in range(2):
        server.start()
        client = Client(server.port)
        check("what cannot be saved is in the log", client.call("DBSIZE") == i)
        client.call("HOSTILE.SET", "k")
        check("and says so", "cannot be saved" in error_of(client, "DUMP", "k"))
        server.stop()
        check("stops in order", server.process.returncode >= 0 and "bye bye" in log_text(server), server.process.returncode)


def test_config_file(binary, folder):
    path = f"{folder}/orbit.conf"
    os.mkdir(f"{folder}/second")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"loadmodule {folder}/life.so one \"two words\"\nlife.level 42\nenable-module-command yes\n"
                "user bob on nopass +life.level\n")
    server = Server(binary, f"{folder}/second")
    server.command.insert(1, path)
    server.start()
    client = Client(server.port)
    check("option of the file", client.call("LIFE.LEVEL") == 42)
    check("user of the file", client.call("ACL", "DRYRUN", "bob", "LIFE.LEVEL") == b"OK")
    client.call("CONFIG", "SET", "life.level", "43")
    client.call("CONFIG", "REWRITE")
    text = open(path, encoding="ascii").read()
    check("rewritten", f"loadmodule {folder}/life.so one \"two words\"\nlife.level 43\n" in text, text)
    client.call("MODULE", "UNLOAD", "life")
    client.call("CONFIG", "REWRITE")
    text = open(path, encoding="ascii").read()
    check("gone from the file", "life.so" not in text and "life.level 4" not in text, text)
    server.stop()


def test_crash(binary, folder):
    os.mkdir(f"{folder}/third")
    server = Server(binary, f"{folder}/third", "--loadmodule", f"{folder}/life.so")
    server.start()
    try:
        Client(server.port).call("LIFE.CRASH")
        check("crash", False, "it answered")
    except (ConnectionError, OSError):
        pass
    server.process.wait()
    time.sleep(0.1)
    line = "The signal hit inside of module life, function crash_here"
    check("crash report", line in log_text(server), log_text(server)[-1500:])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--server", default="bin/orbit-server")
    p.add_argument("--folder", required=True)
    p.add_argument("--times", type=int, default=1000)
    args = p.parse_args()
    os.mkdir(f"{args.folder}/first")
    server = Server(args.server, f"{args.folder}/first", "--enable-module-command", "yes")
    server.start()
    client = Client(server.port)
    test_failures(server, client, args.folder)
    test_rights(client, args.folder)
    test_many_times(server, client, args.folder, args.times)
    test_in_and_out(client, args.folder)
    test_left_behind(client, args.folder)
    server.stop()
    check("no leak and no fault at the end", server.process.returncode == 0, str(server.process.returncode))
    test_config_file(args.server, args.folder)
    test_unsaved(args.server, args.folder)
    test_crash(args.server, args.folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
