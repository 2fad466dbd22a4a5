#!/usr/bin/env bash
# @kubernetes/client-node, the client of Node.js programs: its typed and its
# dynamic calls, informers, patches, logs, errors (client_node.mjs).
# Downloads the package.
source "$(dirname "$0")/../lib/e2e.sh"

command -v node >/dev/null && command -v npm >/dev/null || { echo "skip client-node: needs node and npm"; exit 0; }
dir=$top/build/client-node-1.4.0
if [[ ! -d $dir/node_modules/@kubernetes/client-node ]]; then
	mkdir -p "$tmp/npm" && echo '{"private":true}' >"$tmp/npm/package.json"
	(cd "$tmp/npm" && timeout 120 npm install --no-audit --no-fund @kubernetes/client-node@1.4.0) >"$tmp/npm.log" 2>&1 ||
		{ echo "skip client-node: the package cannot be fetched: $(tail -n 1 "$tmp/npm.log")"; exit 0; }
	mkdir -p "$dir" && cp -r "$tmp/npm/." "$dir/"
fi
start --nodes 1 --runtime process || { not_ok "cluster starts"; exit 1; }
CLIENT_DIR=$dir node "$top/tests/e2e/client_node.mjs" "$data/kubeconfig" || not_ok "the program ends well"
