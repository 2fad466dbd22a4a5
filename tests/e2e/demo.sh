#!/usr/bin/env bash
# The demo is a promise of the README: all of it must hold, every time.
source "$(dirname "$0")/../lib/e2e.sh"
check "the demo holds, with the containers that this machine can make" timeout 100 "$top/tools/demo/demo"
DEMO_RUNTIME=process check "the demo holds, with processes" timeout 100 "$top/tools/demo/demo"
