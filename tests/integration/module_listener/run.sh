#!/bin/sh
# Listeners that modules register, by the one of modules/sample.
cd "$(dirname "$0")/../../.." || exit 1
exec python3 tests/integration/module_listener/line.py --server "${ORBIT_SERVER:-bin/orbit-server}" \
    --module "${ORBIT_BIN:-bin}/modules/sample.so"
