#!/bin/sh
# Replication with real peers, in small form; the full sizes: tests/integration/replication/replication.py --full [WORD...]
cd "$(dirname "$0")/../../.." || exit 1
exec python3 tests/integration/replication/replication.py --server "${ORBIT_SERVER:-bin/orbit-server}"
