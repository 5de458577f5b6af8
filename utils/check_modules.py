#!/usr/bin/env python3
"""Tests that docs/modules.md has one line for each function of the module API, and none for others.

The functions are the rows of src/module/api/*.def; a function that no row of src/module/api.c finds must be
told "no"."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def functions(group):
    return re.findall(r"RM_API\(\s*[^,]+?,\s*(\w+),", read("src", "module", "api", group + ".def"))


def main():
    groups = re.findall(r'#include "module/api/(\w+)\.def"', read("src", "module", "api", "all.def"))
    table = read("src", "module", "api.c")
    found = set(re.findall(r'"RedisModule_(\w+)"', table))
    for group in re.findall(r'#include "module/api/(\w+)\.def"', table):
        found.update(functions(group))
    known = [name for group in groups for name in functions(group)]
    told, faults = {}, []
    for name, answer in re.findall(r"^\| (\w+) \| (\w+) \|", read("docs", "modules.md"), re.M):
        if name == "Function":
            continue
        if name in told:
            faults.append(f"{name} is told twice")
        told[name] = answer
    for name in known:
        answer = told.get(name)
        if answer is None:
            faults.append(f"{name} is missing")
        elif answer not in ("yes", "partly", "no"):
            faults.append(f"{name}: '{answer}' is none of yes, partly, no")
        elif answer != "no" and name not in found:
            faults.append(f"{name} is told '{answer}', but no module finds it")
    faults += [f"{name} is no function of the API" for name in told if name not in known]
    for fault in faults:
        print("docs/modules.md: " + fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
