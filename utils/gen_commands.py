#!/usr/bin/env python3
"""Turns the command specifications (<folder>/spec/*.json) into tables.

For every folder below src/ or modules/ that has a spec/ directory:
  <folder>/<name>_commands.def   static tables of struct command (src/session/command.h)
  <folder>/<name>_commands.h     prototypes of the functions that the tables name
and one docs/commands.md for all of them. --check writes nothing and fails when a file is stale.
A subcommand names its container and may live in another folder; registration joins them.
"""
import argparse
import json
import sys
from pathlib import Path

FLAGS = """write readonly denyoom admin pubsub noscript blocking loading stale skip_monitor skip_slowlog asking fast
no_auth may_replicate sentinel only_sentinel no_mandatory_keys protected no_async_loading no_multi allow_busy
movablekeys touches_arbitrary_keys""".split()
FLAG_NAMES = {"movablekeys": "CMD_MOVABLE_KEYS"}
GROUPS = """generic string list set sorted-set hash pubsub transactions connection server scripting hyperloglog cluster
sentinel geo stream bitmap module orbit""".split()
CATEGORIES = """keyspace read write set sortedset list hash string bitmap hyperloglog geo stream pubsub admin fast slow
blocking dangerous connection transaction scripting""".split()
KEY_FLAGS = "ro rw ow rm access update insert delete not_key incomplete variable_flags".split()
ARG_TYPES = "string integer double key pattern unix-time pure-token oneof block".split()
CHANNELS = "first all patterns".split()
DOC_FLAGS = {"deprecated": 1, "syscmd": 2}
MEMBERS = """name container group since arity function flags acl summary complexity deprecated_since replaced_by
doc_flags history tips keys getkeys channels reply args""".split()
ARG_MEMBERS = """name type token summary since deprecated_since display optional multiple multiple_token key_spec_index
args""".split()
KEY_MEMBERS = "begin index keyword from find last step limit keynum first flags notes".split()


class SpecError(Exception):
    pass


def c_string(text):
    if text is None:
        return "NULL"
    out = []
    for byte in text.encode():
        ch = chr(byte)
        if ch in '"\\':
            out.append("\\" + ch)
        elif 32 <= byte < 127:
            out.append(ch)
        else:
            out.append("\\%03o" % byte)
    return '"%s"' % "".join(out)


def bits(prefix, words, known, what, special=()):
    for word in words:
        if word not in known:
            raise SpecError("unknown %s '%s'" % (what, word))
    names = [dict(special).get(w, prefix + w.upper().replace("-", "_")) for w in words]
    return " | ".join(names) if names else "0"


def only_known(obj, known, what):
    for member in obj:
        if member not in known:
            raise SpecError("unknown member '%s' in %s" % (member, what))


class Command:
    def __init__(self, path, spec):
        only_known(spec, MEMBERS, "a command")
        for member in ("name", "group", "since", "arity", "summary", "complexity"):
            if member not in spec:
                raise SpecError("member '%s' is missing" % member)
        self.path = path
        self.spec = spec
        self.name = spec["name"].lower()
        self.container = spec.get("container", "").lower() or None
        self.fullname = self.container + "|" + self.name if self.container else self.name
        self.ident = self.fullname.replace("|", "_").replace("-", "_")
        self.out = []
        if path.stem != self.fullname.replace("|", "-"):
            raise SpecError("the file should be named %s.json" % self.fullname.replace("|", "-"))
        if spec["group"] not in GROUPS:
            raise SpecError("unknown group '%s'" % spec["group"])

    def categories(self):
        """Explicit categories and those that follow from flags."""
        flags, cats = self.spec.get("flags", []), list(self.spec.get("acl", []))
        for cat in cats:
            if cat not in CATEGORIES:
                raise SpecError("unknown category '%s'" % cat)
        implied = {"write": ["write"], "readonly": ["read"], "admin": ["admin", "dangerous"], "pubsub": ["pubsub"],
                   "blocking": ["blocking"]}
        for flag, add in implied.items():
            if flag in flags and not (flag == "readonly" and "scripting" in cats):
                cats += add
        cats.append("fast" if "fast" in flags else "slow")
        return [c for c in CATEGORIES if c in cats]

    def emit_args(self, args, suffix):
        rows = []
        for i, arg in enumerate(args):
            only_known(arg, ARG_MEMBERS, "an argument")
            kind = arg["type"]
            if kind not in ARG_TYPES:
                raise SpecError("unknown argument type '%s'" % kind)
            fields = [".name = %s" % c_string(arg["name"]),
                      ".type = ARG_" + kind.upper().replace("-", "_")]
            for member in ("token", "summary", "since", "deprecated_since"):
                if member in arg:
                    fields.append(".%s = %s" % (member, c_string(arg[member])))
            if kind not in ("oneof", "block"):
                fields.append(".display = %s" % c_string(arg.get("display", arg["name"])))
            for member in ("optional", "multiple", "multiple_token"):
                if arg.get(member):
                    fields.append(".%s = 1" % member)
            fields.append(".key_spec_index = %d" % arg.get("key_spec_index", -1))
            if kind in ("oneof", "block"):
                table = self.emit_args(arg["args"], "%s_%d" % (suffix, i))
                fields.append(".args = %s, .nargs = COUNT_OF(%s)" % (table, table))
            rows.append("    {%s},\n" % ", ".join(fields))
        table = "spec_%s_%s" % (self.ident, suffix)
        self.out.append("static const struct command_arg %s[] = {\n%s};\n" % (table, "".join(rows)))
        return table

    def emit_keys(self):
        rows = []
        for key in self.spec["keys"]:
            only_known(key, KEY_MEMBERS, "a key specification")
            fields = [".flags = " + bits("KEY_", key["flags"], KEY_FLAGS, "key flag")]
            if "notes" in key:
                fields.append(".notes = %s" % c_string(key["notes"]))
            if "index" in key:
                fields.append(".begin = KEY_BEGIN_INDEX, .index = %d" % key["index"])
            elif "keyword" in key:
                fields.append(".begin = KEY_BEGIN_KEYWORD, .keyword = %s, .start_from = %d"
                              % (c_string(key["keyword"]), key["from"]))
            if "keynum" in key:
                fields.append(".find = KEY_FIND_KEYNUM, .keynum_index = %d, .first_key = %d, .step = %d"
                              % (key["keynum"], key["first"], key.get("step", 1)))
            elif key.get("find") != "unknown":
                fields.append(".find = KEY_FIND_RANGE, .last_key = %d, .step = %d, .limit = %d"
                              % (key.get("last", 0), key.get("step", 1), key.get("limit", 0)))
            rows.append("    {%s},\n" % ", ".join(fields))
        table = "spec_%s_keys" % self.ident
        self.out.append("static const struct key_spec %s[] = {\n%s};\n" % (table, "".join(rows)))
        return table

    def row(self):
        """The tables that the row needs go to self.out; returns the row."""
        spec = self.spec
        fields = [".name = %s" % c_string(self.name), ".fullname = %s" % c_string(self.fullname)]
        if self.container:
            fields.append(".container = %s" % c_string(self.container))
        if "function" in spec:
            fields.append(".fn = %s" % spec["function"])
        fields.append(".arity = %d" % spec["arity"])
        fields.append(".flags = " + bits("CMD_", spec.get("flags", []), FLAGS, "flag", FLAG_NAMES.items()))
        fields.append(".acl = " + bits("ACL_CAT_", self.categories(), CATEGORIES, "category"))
        fields.append(".group = GROUP_" + spec["group"].upper().replace("-", "_"))
        if "keys" in spec:
            table = self.emit_keys()
            fields.append(".keys = %s, .nkeys = COUNT_OF(%s)" % (table, table))
        if "getkeys" in spec:
            fields.append(".getkeys = %s" % spec["getkeys"])
        if "channels" in spec:
            if spec["channels"] not in CHANNELS:
                raise SpecError("unknown kind of channels '%s'" % spec["channels"])
            fields.append(".channels = CHANNELS_" + spec["channels"].upper())
        for member in ("summary", "complexity", "since", "deprecated_since", "replaced_by"):
            if member in spec:
                fields.append(".%s = %s" % (member, c_string(spec[member])))
        doc_flags = sum(DOC_FLAGS[f] for f in spec.get("doc_flags", []))
        if doc_flags:
            fields.append(".doc_flags = %d" % doc_flags)
        if "history" in spec:
            table = "spec_%s_history" % self.ident
            rows = "".join("    {%s, %s},\n" % (c_string(h[0]), c_string(h[1])) for h in spec["history"])
            self.out.append("static const struct command_history %s[] = {\n%s};\n" % (table, rows))
            fields.append(".history = %s, .nhistory = COUNT_OF(%s)" % (table, table))
        if "args" in spec:
            table = self.emit_args(spec["args"], "args")
            fields.append(".args = %s, .nargs = COUNT_OF(%s)" % (table, table))
        if "tips" in spec:
            table = "spec_%s_tips" % self.ident
            rows = ", ".join(c_string(t) for t in spec["tips"])
            self.out.append("static const char *const %s[] = {%s};\n" % (table, rows))
            fields.append(".tips = %s, .ntips = COUNT_OF(%s)" % (table, table))
        if "reply" in spec:
            fields.append(".reply_schema = %s" % c_string(json.dumps(spec["reply"], separators=(",", ":"))))
        return "    {%s},\n" % ",\n     ".join(fields)


def load(folder):
    commands = []
    for path in sorted(folder.glob("spec/*.json")):
        try:
            commands.append(Command(path, json.loads(path.read_text())))
        except (SpecError, ValueError, KeyError) as e:
            raise SpecError("%s: %s" % (path, e)) from e
    return commands


GENERATED = "/* Generated by utils/gen_commands.py from spec/ (make gen). Do not edit. */\n"


def make_def(name, commands):
    rows = []
    for cmd in commands:
        try:
            rows.append(cmd.row())
        except (SpecError, ValueError, KeyError) as e:
            raise SpecError("%s: %s" % (cmd.path, e)) from e
    tables = "".join("".join(c.out) for c in commands)
    return GENERATED + tables + "static struct command %s_command_table[] = {\n%s};\n" % (name, "".join(rows))


def make_header(root, folder, name, commands):
    guard = "ORBIT_%s_COMMANDS_H" % "_".join(p.upper() for p in
                                             folder.relative_to(root / "src").parts + (name,))
    functions = sorted({c.spec["function"] for c in commands if "function" in c.spec})
    getkeys = sorted({c.spec["getkeys"] for c in commands if "getkeys" in c.spec})
    lines = [GENERATED, "#ifndef %s\n#define %s\n\n" % (guard, guard)]
    lines.append('#include "session/command.h"\n\n')
    lines.append("void %s_commands_register(void);\n" % name)
    lines += ["void %s(struct call *c);\n" % f for f in functions]
    for f in getkeys:
        head = "bool %s(" % f
        lines.append(head + "const struct command *cmd, const struct slice *argv, int argc,\n" + " " * len(head) +
                     "struct key_refs *out);\n")
    lines.append("\n#endif\n")
    return "".join(lines)


def make_docs(groups):
    out = ["# Commands\n\nGenerated by `make gen` from the specifications in `src/*/*/spec/`. Do not edit.\n"]
    for group in GROUPS:
        cmds = sorted((c for c in groups if c.spec["group"] == group), key=lambda c: c.fullname)
        if not cmds:
            continue
        out.append("\n## %s\n\n| Command | Since | Cost | What it does |\n|---|---|---|---|\n" % group.capitalize())
        for c in cmds:
            text = c.spec["summary"]
            if "deprecated_since" in c.spec:
                text += " Deprecated since %s: use %s." % (c.spec["deprecated_since"], c.spec["replaced_by"])
            out.append("| %s | %s | %s | %s |\n" % (c.fullname.upper().replace("|", " "), c.spec["since"],
                                                    c.spec["complexity"].replace("|", "\\|"),
                                                    text.replace("|", "\\|")))
    return "".join(out)


def check_whole(commands):
    seen = {}
    for c in commands:
        if c.fullname in seen:
            raise SpecError("%s: '%s' is also in %s" % (c.path, c.fullname, seen[c.fullname]))
        seen[c.fullname] = c.path
    for c in commands:
        if c.container and c.container not in seen:
            raise SpecError("%s: there is no container '%s'" % (c.path, c.container))
        has_subs = any(o.container == c.fullname for o in commands)
        if "function" not in c.spec and not has_subs:
            raise SpecError("%s: neither function nor subcommands" % c.path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail when a generated file is stale")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    args = parser.parse_args()
    outputs, everything = {}, []
    try:
        for spec in sorted([*args.root.glob("src/**/spec"), *args.root.glob("modules/*/spec")]):
            folder, name = spec.parent, spec.parent.name
            commands = load(folder)
            everything += commands
            outputs[folder / (name + "_commands.def")] = make_def(name, commands)
            if folder.is_relative_to(args.root / "src"):
                outputs[folder / (name + "_commands.h")] = make_header(args.root, folder, name, commands)
        check_whole(everything)
    except SpecError as e:
        sys.exit("gen_commands: %s" % e)
    outputs[args.root / "docs" / "commands.md"] = make_docs(everything)
    stale = [p for p, text in outputs.items() if not p.exists() or p.read_text() != text]
    if args.check:
        for path in stale:
            print("gen_commands: %s is stale: run make gen" % path.relative_to(args.root), file=sys.stderr)
        sys.exit(1 if stale else 0)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(outputs[path])


if __name__ == "__main__":
    main()
