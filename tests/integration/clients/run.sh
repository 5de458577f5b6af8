#!/bin/sh
# Real clients against redis-server and Orbit (deps/clients installs them); what is not installed is left out.
cd "$(dirname "$0")/../../.." || exit 1
if ! command -v redis-server >/dev/null 2>&1; then
    echo "no redis-server to compare with"
    exit 77
fi
exec python3 tests/integration/clients/clients.py --server "${ORBIT_SERVER:-bin/orbit-server}" --jobs "${CLIENT_JOBS:-1000}"
