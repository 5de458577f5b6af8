#!/bin/sh
# Clients and the process from outside: hostile bytes, slow readers, many connections, TLS, start and stop.
cd "$(dirname "$0")/../../.." || exit 1
exec python3 tests/integration/resp/resp.py --server "${ORBIT_SERVER:-bin/orbit-server}" "$@"
