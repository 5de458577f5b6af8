#!/bin/sh
# What utils/gen_commands.py makes of specifications, good and bad.
exec python3 "$(dirname "$0")/test_gen_commands.py"
