#!/bin/sh
# A short run of the differential fuzzer (DIFF_COMMANDS, DIFF_SEED for another one); needs a redis-server to compare with.
cd "$(dirname "$0")/../../.." || exit 1
if ! command -v redis-server >/dev/null 2>&1; then
    echo "no redis-server to compare with"
    exit 77
fi
exec python3 tests/fuzz/redis_diff/redis_diff.py --orbit "${ORBIT_SERVER:-bin/orbit-server}" \
    --seed "${DIFF_SEED:-orbit}" --commands "${DIFF_COMMANDS:-30000}"
