#!/bin/sh
# orbit-cli against a running server: reports, replies, JSON, exit statuses.
cd "$(dirname "$0")/../../.." || exit 1
server=${ORBIT_SERVER:-bin/orbit-server}
cli=${ORBIT_CLI:-$(dirname "$server")/orbit-cli}
dir=$(mktemp -d)
"$server" --port 0 --unixsocket "$dir/socket" --dir "$dir" >"$dir/log" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null; wait $pid 2>/dev/null; rm -rf "$dir"' EXIT
passed=0
failed=0

# check NAME STATUS TEXT ARGUMENT...: the exit status, and a text in the output
check() {
    name=$1 want=$2 text=$3
    shift 3
    out=$("$cli" -s "$dir/socket" "$@" 2>&1)
    got=$?
    if [ $got -eq "$want" ] && printf '%s' "$out" | grep -qF -e "$text"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL %s: status %s, output: %s\n' "$name" "$got" "$out"
    fi
}

for _ in $(seq 100); do
    "$cli" -s "$dir/socket" ping >/dev/null 2>&1 && break
    sleep 0.05
done
check set 0 OK set key 'two words'
check get 0 '"two words"' get key
check nil 0 '(nil)' get nothing
check integer 0 '(integer) 2' append new ab
check array 0 '2) (nil)' mget key nothing
check json 0 '["two words",null]' --json mget key nothing
check server_error 1 'ERR unknown command' no-such-command
check status 0 'rocksdb' status
check status_json 0 '"role":"master"' --json status
check health 0 'redis: healthy' health-check
check stats 0 'total_commands_processed: ' stats --protocol redis
check stats_other_protocol 2 'not served' stats --protocol mysql
check storage_stats 0 'log sequence' storage-stats
check unexpected_argument 2 'takes no argument' status now
check rdb_export 0 '2 keys written' rdb export "$dir/out.rdb"
check rdb_import_refused 1 'BUSYKEY' rdb import "$dir/out.rdb"
check rdb_import_replace 0 '2 keys restored, 0 refused' rdb import "$dir/out.rdb" --replace
check rdb_flush 0 OK flushall
check rdb_import 0 '2 keys restored, 0 refused' rdb import "$dir/out.rdb"
check rdb_imported 0 '"two words"' get key
printf 'REDIS0011\000\001k\005v' >"$dir/cut.rdb"
check rdb_import_cut 1 'broken' rdb import "$dir/cut.rdb"
printf 'not a dump file' >"$dir/other.rdb"
check rdb_import_other 1 'Wrong signature' rdb import "$dir/other.rdb"
check rdb_import_no_file 2 'cannot open' rdb import "$dir/none.rdb"
check rdb_usage 2 'Usage' rdb import
check help 0 'Usage: orbit-cli' --help
check bad_option 2 'help' --no-such-option
check wrong_password 2 'logging in' -u nobody -a wrong ping
kill $pid
wait $pid
check no_server 2 'cannot connect' ping
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
