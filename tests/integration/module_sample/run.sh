#!/bin/sh
# modules/sample: both APIs at work, its query cancelled in every way, and how little a long query disturbs others.
cd "$(dirname "$0")/../../.." || exit 1
exec python3 tests/integration/module_sample/sample.py --server "${ORBIT_SERVER:-bin/orbit-server}" \
    --module "${ORBIT_BIN:-bin}/modules/sample.so"
