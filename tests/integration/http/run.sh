#!/bin/sh
# REST and metrics from outside: curl, Python's http.client and Node's fetch as clients, and clients that mean harm.
cd "$(dirname "$0")/../../.." || exit 1
exec python3 tests/integration/http/rest.py --server "${ORBIT_SERVER:-bin/orbit-server}" "$@"
