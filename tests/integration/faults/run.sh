#!/bin/sh
# Full disks, torn and flipped files, locked directories.
cd "$(dirname "$0")/../../.." || exit 1
exec python3 tests/integration/faults/faults.py --server "${ORBIT_SERVER:-bin/orbit-server}"
