#!/usr/bin/env python3
"""Tests every #include of the sources against utils/layers.txt.

  check_layers.py                       report violations, exit 1 when there are any
  check_layers.py --links BUILD FOLDER... print make variables LINKS_<folder>: the libraries that the unit
                                        tests of a folder are linked with
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


class Layers:
    def __init__(self, path):
        self.allow, self.home, self.link = {}, {}, {}
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                line = line.split("#")[0].strip()
                if not line:
                    continue
                match = re.fullmatch(r"(?:(home|link)\s+)?(\S+?):(?:\s+(.*))?", line)
                if not match:
                    sys.exit(f"{path}:{number}: cannot read: {line}")
                kind, name, rest = match.groups()
                table = {None: self.allow, "home": self.home, "link": self.link}[kind]
                table[name] = (rest or "").split()

    def row(self, folder, codec):
        """The list that holds for a folder (or for a codec file in it)."""
        parent = folder.rsplit("/", 1)[0]
        names = [folder, parent + "/*"] if "/" in folder else [folder]
        if codec:
            names = [n + ":codec" for n in names] + names
        for name in names:
            if name in self.allow:
                return self.allow[name]
        return None

    def home_of(self, header):
        for name, folders in self.home.items():
            if header == name or (name.endswith("/") and header.startswith(name)):
                return folders
        return None


def matches(pattern, folder, name):
    """Whether a word of layers.txt covers header name of folder."""
    if pattern.endswith(":codec"):
        return name.endswith("_codec.h") and matches(pattern[:-6], folder, name)
    if pattern.endswith("/*"):
        return folder.rsplit("/", 1)[0] == pattern[:-2] and "/" in folder
    if pattern.endswith(".h"):
        return pattern == f"{folder}/{name}"
    return pattern == folder


def sources(base):
    for path, dirs, files in os.walk(os.path.join(ROOT, base)):
        dirs.sort()
        for name in sorted(files):
            if name.endswith((".c", ".h", ".def", ".inc")):
                yield os.path.join(path, name)


def folder_of(path):
    rel = os.path.relpath(path, ROOT)
    folder = os.path.dirname(rel)
    return folder[4:] if folder.startswith("src/") else folder


def is_codec(name):
    return re.search(r"_codec\.[ch]$", name) is not None


def check(layers):
    bad = 0

    def complain(path, text, message):
        nonlocal bad
        bad += 1
        line = text[0].count("\n", 0, text[1]) + 1
        print(f"{os.path.relpath(path, ROOT)}:{line}: {message}")

    for path in [*sources("src"), *sources("modules")]:
        folder, name = folder_of(path), os.path.basename(path)
        row = layers.row(folder, is_codec(name))
        with open(path, encoding="utf-8") as f:
            content = f.read()
        if row is None:
            complain(path, (content, 0), f"folder {folder} has no line in utils/layers.txt")
            continue
        for match in INCLUDE.finditer(content):
            quote, header = match.groups()
            where = (content, match.start())
            if quote == "<":
                homes = layers.home_of(header)
                if homes is not None and folder not in homes:
                    complain(path, where, f"<{header}> belongs to {', '.join(homes)} only")
                continue
            target, base = os.path.dirname(header), os.path.basename(header)
            roots = [os.path.join(ROOT, "src"), ROOT]
            if ".." in header or not target:
                complain(path, where, f'"{header}": include by path from src/')
            elif not any(os.path.exists(os.path.join(r, header)) for r in roots):
                complain(path, where, f'"{header}" does not exist (system headers take <>)')
            elif target == folder:
                if is_codec(name) and not is_codec(base) and layers.row(folder, True) is not layers.row(folder, False) \
                        and base.endswith(".h") and not base.endswith("_priv.h"):
                    complain(path, where, f'"{header}": a codec includes only codecs of its folder')
            elif base.endswith("_priv.h"):
                complain(path, where, f'"{header}" is private to {target}')
            elif not any(matches(p, target, base) for p in row):
                complain(path, where, f'{folder} may not include "{header}"')
    return bad


def links(layers, build, folders):
    """Libraries by folder: what it may include, what those may include, and what those name."""
    known = [f[4:] if f.startswith("src/") else f for f in folders]

    def direct(folder):
        words = list(layers.row(folder, False) or [])
        for name, more in layers.link.items():
            if name == folder:
                words += more
        words = [w[:-6] if w.endswith(":codec") else w for w in words]
        return {k for k in known for w in words if matches(w, k, "")}

    tests = set()
    for path, _, files in os.walk(os.path.join(ROOT, "tests", "unit")):
        if any(n.startswith("test_") for n in files):
            tests.add(os.path.relpath(path, os.path.join(ROOT, "tests", "unit")))
    for folder in sorted(tests | {"conformance"}):
        owner = folder
        while owner and layers.row(owner, False) is None:
            owner = os.path.dirname(owner)
        if folder == "conformance":
            owner = "server"
        todo, seen = [owner], set()
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            todo += direct(at)
            # The tests of a folder that only groups others see all of them.
            if at == owner:
                todo += [k for k in known if k.startswith(owner + "/")]
        if folder == "conformance":
            seen.discard("server")
        libs = [f"{build}/lib/{k.replace('/', '-')}.a" for k in known if k in seen]
        print(f"LINKS_{folder} := {' '.join(libs)}")


def main():
    layers = Layers(os.path.join(ROOT, "utils", "layers.txt"))
    if len(sys.argv) > 2 and sys.argv[1] == "--links":
        links(layers, sys.argv[2], sys.argv[3:])
        return 0
    return 1 if check(layers) else 0


if __name__ == "__main__":
    sys.exit(main())
