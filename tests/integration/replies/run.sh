#!/bin/sh
# Replies over RESP3 against the schemas of the command specifications.
cd "$(dirname "$0")/../../.." || exit 1
exec python3 tests/integration/replies/replies.py --server "${ORBIT_SERVER:-bin/orbit-server}" \
    --module "${ORBIT_BIN:-bin}/modules/sample.so" "$@"
