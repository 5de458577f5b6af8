#!/usr/bin/env python3
"""Rules of style that no tool knows: sizes, guards, include blocks, the allocator, READMEs, headers that compile alone.

  check_style.py [--cc COMMAND]     report violations, exit 1 when there are any
"""
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys

import sort_includes

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE_LINES, FUNCTION_LINES = 800, 100
RAW_ALLOCATOR = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|"
                           r"posix_memalign|aligned_alloc)\s*\(")
PUBLIC_API = {"src/module/redismodule.h", "src/module/orbitmodule.h"}  # C that modules' own compilers and styles meet
FORBIDDEN = [
    (re.compile(r"__attribute__"), "attributes only through base/compiler.h", {"src/base/compiler.h"} | PUBLIC_API),
    (re.compile(r"\b(alloca|setjmp|longjmp)\s*\("), "no alloca, setjmp or longjmp", set()),
    (re.compile(r"\btypedef\s+(struct|enum|union)\s+(\w+\s*)?(\{|\w+\s*;)"), "struct and enum without typedef", PUBLIC_API),
    (re.compile(r"\b(strcpy|strcat|gets|vsprintf)\s*\("), "no unbounded string functions", set()),
]
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
problems = []


def complain(path, line, message):
    problems.append((path, line, message))


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT,
                         capture_output=True, text=True, check=True).stdout
    return [p for p in out.splitlines() if os.path.exists(os.path.join(ROOT, p))]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def strip_comments(text):
    """Comments and string contents become blanks, so that line numbers stay."""
    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + " " * (len(found) - 2) + found[-1]
        return re.sub(r"[^\n]", " ", found)
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def exceptions():
    """Lines "path" (file too long) or "path:function" of utils/size_exceptions.txt; the list only shrinks."""
    path = os.path.join(ROOT, "utils", "size_exceptions.txt")
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as f:
        return {line.split("#")[0].strip() for line in f} - {""}


def check_sizes(path, text, allowed):
    lines = text.splitlines()
    if len(lines) > FILE_LINES and path not in allowed:
        complain(path, len(lines), f"{len(lines)} lines, at most {FILE_LINES}")
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            length = i - start + 1
            head = " ".join(lines[max(0, start - 4):start])
            names = re.findall(r"(\w+)\s*\(", head)
            body = "\n".join(lines[max(0, start - 4):start + 4])
            name = names[-1] if names else "?"
            if length > FUNCTION_LINES and "/* long:" not in body and not any(f"{path}:{n}" in allowed for n in names):
                complain(path, start + 1, f"function {name}: {length} lines, at most {FUNCTION_LINES}")
            start = None


def is_template(text):
    """X-macro helpers are included as often as wanted, in the midst of other code; they say so."""
    return "#ifndef ORBIT_" not in text and "No include guard" in text


def check_guard(path, text):
    if is_template(text):
        return
    rel = re.sub(r"^(src|tests)/", "", path)
    want = "ORBIT_" + re.sub(r"\W", "_", rel).upper()
    match = re.search(r"^#ifndef (\w+)\n#define (\w+)$", text, re.M)
    # resp/resp_codec.h may leave the folder's name out once.
    folder = os.path.dirname(rel).split("/")
    short = None
    if os.path.basename(rel).startswith(folder[-1] + "_"):
        short = "ORBIT_" + re.sub(r"\W", "_", "/".join(folder[:-1] + [os.path.basename(rel)])).upper()
        if match and match.group(1) == match.group(2) == short:
            return
    tail = "_" + re.sub(r"\W", "_", os.path.basename(path)).upper()
    if match and path.startswith("tests/") and match.group(1) == match.group(2) and match.group(1).endswith(tail):
        return
    if not match or match.group(1) != want or match.group(2) != want:
        complain(path, 1, f"wants the guard {want}")


def check_includes(path, text):
    if sort_includes.sorted_text(path, text) != text:
        complain(path, 1, "includes are not in three sorted blocks, run make format")


def check_text(path, text):
    code = strip_comments(text)
    if path.startswith("src/") and path != "src/base/mem.c":
        for match in RAW_ALLOCATOR.finditer(code):
            complain(path, line_of(code, match.start()), f"{match.group(1)}: only mem_* from base")
    if path.startswith("src/"):
        for pattern, message, allowed in FORBIDDEN:
            for match in pattern.finditer(code):
                if path not in allowed:
                    complain(path, line_of(code, match.start()), message)
    for match in UNFINISHED.finditer(text):
        complain(path, line_of(text, match.start()), f"{match.group(1)}: finish it")
    if "\r" in text or "\t" in code:
        complain(path, 1, "tab or carriage return")
    if text and not text.endswith("\n"):
        complain(path, line_of(text, len(text)), "no newline at the end")
    if path.startswith("src/") and path.endswith((".h", ".def")) and not text.lstrip().startswith("/*"):
        complain(path, 1, "opens with a comment that says what it is for")


def check_readmes(files):
    folders = {os.path.dirname(p) for p in files if p.startswith("src/") and p.endswith(".c")}
    for folder in sorted(folders):
        if not os.path.exists(os.path.join(ROOT, folder, "README.md")):
            complain(folder, 1, "has no README.md")


def compile_alone(path, compiler, flags):
    command = [*compiler, "-std=c11", "-D_GNU_SOURCE", "-Isrc", "-Itests", "-fsyntax-only", "-Wall", "-Wextra",
               "-Wno-unused-parameter", "-Werror", *flags, "-x", "c", "-"]
    source = f'#include "{re.sub(r"^(src|tests)/", "", path)}"\nint orbit_alone;\n'
    done = subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True)
    return path, done.returncode, done.stderr


def check_headers(headers, compiler):
    packages = ["libevent", "openssl", "liblz4", "libzstd", "zlib", "lmdb", "lua5.1", "rocksdb"]
    flags = []
    for package in packages:
        done = subprocess.run(["pkg-config", "--cflags", package], capture_output=True, text=True)
        flags += done.stdout.split() if done.returncode == 0 else []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for path, status, text in pool.map(lambda h: compile_alone(h, compiler, flags), headers):
            if status != 0:
                complain(path, 1, "does not compile alone: " + text.strip().splitlines()[0])


def main():
    compiler = ["gcc"]
    if len(sys.argv) > 2 and sys.argv[1] == "--cc":
        compiler = shlex.split(sys.argv[2])
    files = tracked("src/**", "modules/**", "tests/**")
    code = [p for p in files if p.endswith((".c", ".h"))]
    allowed = exceptions()
    for path in code:
        text = read(path)
        check_sizes(path, text, allowed)
        check_includes(path, text)
        check_text(path, text)
        if path.endswith(".h"):
            check_guard(path, text)
    check_readmes(files)
    check_headers([p for p in code if p.endswith(".h") and not is_template(read(p))], compiler)
    for path, line, message in sorted(problems):
        print(f"{path}:{line}: {message}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
