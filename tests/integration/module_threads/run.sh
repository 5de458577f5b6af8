#!/bin/sh
# Threads of a module under load and SIGKILL, clients that wait for it, its child, the server's end meanwhile.
cd "$(dirname "$0")/../../.." || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${CC:-cc} -std=gnu11 -O1 -g -fPIC -shared -Isrc -Isrc/module -o "$folder/threads.so" tests/integration/module_threads/threads.c || exit 1
python3 tests/integration/module_threads/module_threads.py --server "${ORBIT_SERVER:-bin/orbit-server}" --folder "$folder"
