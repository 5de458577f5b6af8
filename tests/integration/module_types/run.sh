#!/bin/sh
# Data types of modules: kill -9 under load, restarts without the module, dumps (CRASH_ROUNDS for more).
cd "$(dirname "$0")/../../.." || exit 1
module=$(mktemp -d)/journal.so
trap 'rm -rf "$(dirname "$module")"' EXIT
${CC:-cc} -std=gnu11 -O1 -g -fPIC -shared -Isrc -Isrc/module -o "$module" tests/integration/module_types/journal.c || exit 1
python3 tests/integration/module_types/module_types.py --server "${ORBIT_SERVER:-bin/orbit-server}" --module "$module" \
    --rounds "${CRASH_ROUNDS:-4}"
