# A real Kubernetes for benchmarks, without nodes; sourced. PEER_DIR: a folder
# with bin/kube-apiserver and, for controllers, bin/kube-controller-manager and
# bin/kube-scheduler; etcd, openssl and wrk in the PATH.

# Why there is none to be had; nothing when there is one.
peer_missing() { # PROGRAM...
	local p
	for p; do
		[[ -x ${PEER_DIR:-}/bin/$p ]] || { echo "PEER_DIR names no folder with bin/$p"; return; }
	done
	for p in etcd openssl wrk; do
		command -v $p >/dev/null || { echo "$p is missing"; return; }
	done
}

# etcd and kube-apiserver, until they are ready; adds to `peer_pids`.
# No service accounts are asked for: that makes each pod cheaper.
peer_start() { # FOLDER PORT
	local dir=$1 api=$2 store=$(($2 + 1))
	mkdir -p "$dir"
	TOKEN=admintoken
	echo "$TOKEN,admin,admin,\"system:masters\"" >"$dir/tokens.csv"
	openssl genrsa -out "$dir/sa.key" 2048 2>/dev/null
	openssl rsa -in "$dir/sa.key" -pubout -out "$dir/sa.pub" 2>/dev/null
	etcd --data-dir "$dir/etcd" --listen-client-urls http://127.0.0.1:$store --advertise-client-urls http://127.0.0.1:$store \
		--listen-peer-urls http://127.0.0.1:$((store + 1)) >"$dir/etcd.log" 2>&1 & peer_pids+=($!)
	"$PEER_DIR/bin/kube-apiserver" --etcd-servers http://127.0.0.1:$store --cert-dir "$dir/certs" --secure-port "$api" --bind-address 127.0.0.1 \
		--token-auth-file "$dir/tokens.csv" --authorization-mode RBAC --disable-admission-plugins ServiceAccount \
		--service-account-issuer https://k.local --service-account-key-file "$dir/sa.pub" --service-account-signing-key-file "$dir/sa.key" \
		--service-cluster-ip-range 10.96.0.0/16 --max-requests-inflight 4000 --max-mutating-requests-inflight 2000 >"$dir/api.log" 2>&1 & peer_pids+=($!)
	local server=$!
	until curl -sk -H "Authorization: Bearer $TOKEN" "https://127.0.0.1:$api/api/v1/namespaces/default" | grep -q Active; do
		kill -0 $server 2>/dev/null || { tail -n 3 "$dir/api.log" >&2; return 1; }
		sleep 0.1
	done
}

# kube-controller-manager and kube-scheduler, and nodes that are Ready.
# QPS empty: the controller manager's own limits (20 a second).
peer_control() { # FOLDER PORT QPS NODES PODS-EACH
	local dir=$1 url=https://127.0.0.1:$2 qps=$3 i
	cat >"$dir/kubeconfig" <<-Y
		apiVersion: v1
		kind: Config
		clusters: [{name: p, cluster: {server: "$url", insecure-skip-tls-verify: true}}]
		users: [{name: a, user: {token: $TOKEN}}]
		contexts: [{name: c, context: {cluster: p, user: a}}]
		current-context: c
	Y
	for ((i = 1; i <= $4; i++)); do
		local room='{"cpu":"320","memory":"640Gi","pods":"'$5'"}'
		curl -sk -o /dev/null -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' "$url/api/v1/nodes" \
			-d '{"metadata":{"name":"n'$i'"},"status":{"capacity":'"$room"',"allocatable":'"$room"',"conditions":[{"type":"Ready","status":"True"}]}}'
	done
	"$PEER_DIR/bin/kube-scheduler" --kubeconfig "$dir/kubeconfig" --leader-elect=false --port 0 --secure-port 0 \
		--kube-api-qps 5000 --kube-api-burst 5000 >"$dir/scheduler.log" 2>&1 & peer_pids+=($!)
	"$PEER_DIR/bin/kube-controller-manager" --kubeconfig "$dir/kubeconfig" --leader-elect=false --port 0 --secure-port 0 \
		--service-account-private-key-file "$dir/sa.key" --node-monitor-grace-period 24h \
		${qps:+--kube-api-qps "$qps" --kube-api-burst "$qps"} >"$dir/controllers.log" 2>&1 & peer_pids+=($!)
	peer_manager=$!
	# It is at work when the nodes' taints are off and the namespace has its account.
	for ((i = 0; i < 600; i++)); do
		curl -sk -H "Authorization: Bearer $TOKEN" "$url/api/v1/namespaces/default/serviceaccounts/default" | grep -q uid &&
			! curl -sk -H "Authorization: Bearer $TOKEN" "$url/api/v1/nodes" | grep -q not-ready && return
		sleep 0.1
	done
	tail -n 3 "$dir/controllers.log" >&2
	return 1
}
