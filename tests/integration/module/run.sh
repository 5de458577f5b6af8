#!/bin/sh
# The loader: what can go wrong with a module, that nothing is left behind, and a crash inside of one.
cd "$(dirname "$0")/../../.." || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
build() {
    ${CC:-cc} -std=gnu11 -O1 -g -fPIC -shared -Isrc -Isrc/module "$@" || exit 1
}
build -o "$folder/life.so" tests/integration/module/life.c
build -o "$folder/hostile.so" tests/integration/module/hostile.c
build -DLIFE_APIVER=2 -o "$folder/future.so" tests/integration/module/life.c
echo 'int nothing;' > "$folder/nothing.c"
build -o "$folder/nothing.so" "$folder/nothing.c"
python3 tests/integration/module/life.py --server "${ORBIT_SERVER:-bin/orbit-server}" --folder "$folder"
