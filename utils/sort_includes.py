#!/usr/bin/env python3
"""Puts the includes at the top of a file into three sorted blocks: own header; Orbit's headers by path from src/; system
headers (cmocka.h behind them, as it must be). Only the first run of includes counts; nothing is moved across other lines.

  sort_includes.py FILE...     rewrites the files that need it
"""
import re
import sys

INCLUDE = re.compile(r'#include (?:"([^"]+)"|<([^>]+)>)(.*)')


def sorted_text(path, text):
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if INCLUDE.fullmatch(line)), None)
    if first is None:
        return text
    end = first
    while end < len(lines) and (not lines[end].strip() or INCLUDE.fullmatch(lines[end])):
        end += 1
    while not lines[end - 1].strip():
        end -= 1
    own = re.sub(r"^(.*/)?(src|tests)/", "", path)
    own = re.sub(r"\.c$", ".h", own) if own.endswith(".c") else None
    tested = None
    match = re.fullmatch(r"(?:.*/)?tests/unit/(.+)/test_(\w+)\.c", path)
    if match:
        tested = f"{match.group(1)}/{match.group(2)}.h"
    blocks = [[], [], [], []]
    for line in lines[first:end]:
        match = INCLUDE.fullmatch(line)
        if not match:
            continue
        ours, _, _ = match.groups()
        if ours is None:
            # cmocka.h uses what the others declare.
            blocks[3 if "<cmocka.h>" in line else 2].append(line)
        elif ours in (own, tested):
            blocks[0].append(line)
        else:
            if ours.endswith((".def", ".inc")):
                return text
            blocks[1].append(line)
    out = []
    for block in blocks:
        if block:
            out += ([""] if out else []) + sorted(dict.fromkeys(block))
    return "\n".join(lines[:first] + out + lines[end:])


def main():
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        done = sorted_text(path, text)
        if done != text:
            with open(path, "w", encoding="utf-8") as f:
                f.write(done)


if __name__ == "__main__":
    main()
