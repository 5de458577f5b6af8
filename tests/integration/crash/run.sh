#!/bin/sh
# kill -9 under load, a few rounds (CRASH_ROUNDS for more): nothing acknowledged may be lost, of any type. Once with a record
# cache that holds only a part of the collections.
cd "$(dirname "$0")/../../.." || exit 1
rounds=${CRASH_ROUNDS:-4}
server=${ORBIT_SERVER:-bin/orbit-server}
for setting in "everysec --record-cache-memory 1mb" always; do
    # shellcheck disable=SC2086 -- a list of words
    python3 tests/integration/crash/crash.py --server "$server" --rounds "$rounds" --seconds 0.7 -- --appendfsync $setting || exit 1
done
