#!/usr/bin/env bash
# The API's answers beside those of a real Kubernetes (tests/golden), field by
# field. Nobody but the API writes here: no controller changes what is compared.
source "$(dirname "$0")/../lib/e2e.sh"
command -v python3 >/dev/null || { echo "skip golden: python3 is missing"; exit 0; }
cluster_of head=$'store: {driver: memory}\nservices: {range: 10.96.0.0/16}' core="{kind: gate}, {kind: namespaces}" \
	>"$tmp/cluster.yaml" </dev/null
rm -f "$tmp/up.out"
TROUPE_LOG=warn "$troupe" up --data-dir "$data" -f "$tmp/cluster.yaml" >"$tmp/up.out" 2>>"$tmp/up.log" &
up_pid=$!
check "a cluster of the API alone" eventually 15 grep -q '^ready: ' "$tmp/up.out"
python3 "$top/tests/golden/golden.py" "${GOLDEN:-replay}" 127.0.0.1 "$port" "$(cat "$data/pki/token")" "${@:2}"
