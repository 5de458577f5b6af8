#!/usr/bin/env python3
"""utils/gen_commands.py: output that compiles and says what the specification says, errors that name the file."""
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GENERATOR = ROOT / "utils" / "gen_commands.py"
CC = os.environ.get("CC", "cc").split()
GOOD = {
    "name": "GET", "group": "string", "since": "1.0.0", "arity": 2, "function": "cmd_get", "flags": ["readonly", "fast"],
    "acl": ["string"], "summary": "Reads \"a\" string.", "complexity": "O(1)", "tips": ["nondeterministic_output"],
    "history": [["2.0.0", "Something new."]], "keys": [{"index": 1, "flags": ["ro", "access"]}],
    "reply": {"type": "string"},
    "args": [{"name": "key", "type": "key", "key_spec_index": 0},
             {"name": "how", "type": "oneof", "optional": True,
              "args": [{"name": "a", "type": "pure-token", "token": "A"},
                       {"name": "b", "type": "integer", "token": "B", "display": "number"}]}]}
SUB = {"name": "SUB", "container": "BOX", "group": "server", "since": "1.0.0", "arity": 2, "function": "cmd_box_sub",
       "flags": ["admin"], "summary": "Does.", "complexity": "O(1)"}
BOX = {"name": "BOX", "group": "server", "since": "1.0.0", "arity": -2, "summary": "Holds.", "complexity": "O(1)"}


class Tree:
    """A root with specifications; specs: folder -> list of them."""

    def __init__(self, specs):
        self.dir = tempfile.TemporaryDirectory()
        self.root = Path(self.dir.name)
        for folder, commands in specs.items():
            spec = self.root / "src" / folder / "spec"
            spec.mkdir(parents=True)
            for c in commands:
                name = (c["container"] + "-" if "container" in c else "") + c.get("name", "x")
                (spec / (name.lower() + ".json")).write_text(json.dumps(c))

    def run(self, *args):
        return subprocess.run([sys.executable, str(GENERATOR), "--root", str(self.root), *args], capture_output=True,
                              text=True, check=False)

    def read(self, path):
        return (self.root / path).read_text()


def changed(spec, **members):
    return {k: v for k, v in {**spec, **members}.items() if v is not None}


def test_output_compiles_and_registers():
    t = Tree({"commands/string": [GOOD], "commands/server": [BOX], "services/far": [SUB]})
    assert t.run().returncode == 0
    program = t.root / "main.c"
    program.write_text("""
#include <assert.h>
#include <string.h>
#include "base/compiler.h"
#include "commands/string/string_commands.h"
#include "commands/string/string_commands.def"
#include "services/far/far_commands.h"
#include "services/far/far_commands.def"
void cmd_get(struct call *c) { (void)c; }
void cmd_box_sub(struct call *c) { (void)c; }
int main(void)
{
    const struct command *g = &string_command_table[0], *s = &far_command_table[0];
    assert(COUNT_OF(string_command_table) == 1 && g->fn == cmd_get && g->arity == 2);
    assert(g->flags == (CMD_READONLY | CMD_FAST));
    assert(g->acl == (ACL_CAT_STRING | ACL_CAT_READ | ACL_CAT_FAST));
    assert(strcmp(g->summary, "Reads \\"a\\" string.") == 0 && g->ntips == 1 && g->nhistory == 1);
    assert(g->nkeys == 1 && g->keys[0].begin == KEY_BEGIN_INDEX && g->keys[0].find == KEY_FIND_RANGE);
    assert(g->keys[0].flags == (KEY_RO | KEY_ACCESS) && g->keys[0].step == 1);
    assert(g->nargs == 2 && g->args[1].nargs == 2 && g->args[1].optional && !g->args[1].display);
    assert(strcmp(g->args[0].display, "key") == 0 && strcmp(g->args[1].args[1].display, "number") == 0);
    assert(g->args[0].key_spec_index == 0 && g->args[1].key_spec_index == -1);
    assert(strcmp(s->fullname, "box|sub") == 0 && strcmp(s->container, "box") == 0);
    assert(s->acl == (ACL_CAT_ADMIN | ACL_CAT_DANGEROUS | ACL_CAT_SLOW));
    return 0;
}
""")
    binary = t.root / "main"
    subprocess.run([*CC, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Werror", "-I", str(t.root / "src"), "-I",
                    str(ROOT / "src"), "-o", str(binary), str(program)], check=True)
    subprocess.run([str(binary)], check=True)


def test_docs_list_every_command():
    t = Tree({"commands/string": [GOOD], "commands/server": [BOX, SUB]})
    t.run()
    docs = t.read("docs/commands.md")
    assert "| GET | 1.0.0 | O(1) | Reads \"a\" string. |" in docs, docs
    assert "| BOX SUB | 1.0.0 |" in docs, docs


def test_check_finds_stale_output():
    t = Tree({"commands/string": [GOOD]})
    assert t.run("--check").returncode == 1
    assert t.run().returncode == 0
    assert t.run("--check").returncode == 0
    (t.root / "src/commands/string/string_commands.def").write_text("stale")
    r = t.run("--check")
    assert r.returncode == 1 and "string_commands.def is stale" in r.stderr, r.stderr
    assert t.read("src/commands/string/string_commands.def") == "stale"


def test_bad_specifications_are_named():
    cases = [
        (changed(GOOD, summary=None), "'summary' is missing"),
        (changed(GOOD, flags=["quick"]), "unknown flag 'quick'"),
        (changed(GOOD, acl=["strings"]), "unknown category 'strings'"),
        (changed(GOOD, group="words"), "unknown group 'words'"),
        (changed(GOOD, sumary="x"), "unknown member 'sumary'"),
        (changed(GOOD, keys=[{"index": 1, "flags": ["readwrite"]}]), "unknown key flag 'readwrite'"),
        (changed(GOOD, keys=[{"index": 1, "flags": ["ro"], "stop": 2}]), "unknown member 'stop'"),
        (changed(GOOD, args=[{"name": "x", "type": "float"}]), "unknown argument type 'float'"),
        (changed(GOOD, channels="some"), "unknown kind of channels 'some'"),
        (changed(GOOD, function=None), "neither function nor subcommands"),
        (changed(SUB, container="NONE"), "there is no container 'none'"),
    ]
    for spec, why in cases:
        r = Tree({"commands/string": [spec]}).run()
        assert r.returncode != 0 and why in r.stderr and ".json" in r.stderr, (why, r.stderr)
    r = Tree({"commands/string": [GOOD], "commands/other": [GOOD]}).run()
    assert r.returncode != 0 and "is also in" in r.stderr, r.stderr


def main():
    passed = failed = 0
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            passed += 1
        except Exception:  # one failing test must not hide the others
            failed += 1
            print("not ok", name)
            traceback.print_exc(file=sys.stdout)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
