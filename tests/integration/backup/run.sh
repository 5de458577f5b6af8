#!/bin/sh
# Backups of a running server and what is restored from them: point in time, damage, full disks, kills.
cd "$(dirname "$0")/../../.." || exit 1
server=${ORBIT_SERVER:-bin/orbit-server}
exec python3 tests/integration/backup/backup.py --server "$server" --cli "${ORBIT_CLI:-$(dirname "$server")/orbit-cli}"
