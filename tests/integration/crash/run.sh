#!/bin/sh
# kill -9 under load, a few rounds (CRASH_ROUNDS for more): nothing acknowledged may be lost.
cd "$(dirname "$0")/../../.." || exit 1
rounds=${CRASH_ROUNDS:-4}
server=${ORBIT_SERVER:-bin/orbit-server}
for fsync in everysec always; do
    python3 tests/integration/crash/crash.py --server "$server" --rounds "$rounds" --seconds 0.7 -- --appendfsync "$fsync" || exit 1
done
