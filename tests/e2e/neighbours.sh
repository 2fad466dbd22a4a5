#!/usr/bin/env bash
# Two clusters with real containers on one machine, each with addresses, bridge and services of
# its own: neither does anything to the other, and what would is refused with what to set.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "clusters beside each other"

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data" "$tmp/b"
for d in "$data" "$tmp/b"; do "$troupe" image load --data-dir "$d" "$tmp/busybox.tar" >/dev/null; done
kb() { kubectl --kubeconfig "$tmp/b/kubeconfig" --cache-dir "$tmp/cache-b" "$@"; }
b_pid=
start_b() { # options of troupe up
	rm -f "$tmp/b.out"
	TROUPE_LOG=warn "$troupe" up --data-dir "$tmp/b" --api "127.0.0.1:$((port + 1))" "$@" >"$tmp/b.out" 2>"$tmp/b.err" &
	b_pid=$!
	eventually 15 grep -q '^ready: ' "$tmp/b.out"
}
stop_b() {
	[[ $b_pid ]] && kill "$b_pid" 2>/dev/null && wait "$b_pid" 2>/dev/null
	b_pid=
}
trap 'stop_b; for f in "$tmp"/b/pods/*/*/pause.pid; do [[ -f $f ]] && kill -9 $(cut -d" " -f1 "$f"); done; finish' EXIT
pod() { # KUBECTL NAME
	"$1" create -f - >/dev/null <<-P
	{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$2","labels":{"app":"web"}},"spec":{"automountServiceAccountToken":false,"terminationGracePeriodSeconds":1,
	"containers":[{"name":"c","image":"troupe.io/busybox:1","command":["sh","-c","mkdir /w; echo $2 >/w/index.html; exec httpd -f -p 80 -h /w"],"ports":[{"containerPort":80}],
	"readinessProbe":{"httpGet":{"port":80},"periodSeconds":1}}]}}
	P
	"$1" expose pod "$2" --port 80 --name "$2" >/dev/null
}
ready() { is true "$1" get pod "$2" -o 'jsonpath={.status.containerStatuses[0].ready}'; }
at() { "$1" get "$2" "$3" -o "jsonpath={$4}"; }
of_machine() { echo "bridges $(ip -o link show type bridge | grep -c troupe) routes $(ip route show table all | grep -cE '10\.(24[4-9]|9[6-9])\.0\.0/16')"; }

check "a cluster starts" start --nodes 1 --runtime oci
check "... and another beside it" start_b --nodes 1 --runtime oci
pod kc one
pod kb two
check "each runs pods" eventually 20 eval 'ready kc one && ready kb two'
check "... with addresses of its own" grep -qE '^10\.244\.1\.[0-9]+ 10\.245\.1\.[0-9]+$' <<<"$(at kc pod one .status.podIP) $(at kb pod two .status.podIP)"
check "... and services of its own" grep -qE '^10\.96\.[0-9.]+ 10\.97\.[0-9.]+$' <<<"$(at kc service one .spec.clusterIP) $(at kb service two .spec.clusterIP)"
check "both answer: the first" eventually 10 is one curl -s "http://$(at kc service one .spec.clusterIP)/"
check "... the second" eventually 10 is two curl -s "http://$(at kb service two .spec.clusterIP)/"
check "the API's certificate is for its service" eval 'curl -s --cacert "$tmp/b/pki/ca.crt" "https://$(at kb service kubernetes .spec.clusterIP)/version" | grep -q gitVersion'

# ---- what cannot be
refused() { # CONFIG-OF-AGENT HEAD WORDS
	cluster_of head="$2" >"$tmp/c.yaml" <<<"n1 own {kind: node-agent, node: n1, runtime: oci$1}"
	sed -i "s/:$port\"/:$((port + 2))\"/" "$tmp/c.yaml"
	timeout 20 "$troupe" up --data-dir "$tmp/c" -f "$tmp/c.yaml" >"$tmp/refused" 2>&1
	grep -qF -- "$3" "$tmp/refused" || { cat "$tmp/refused"; return 1; }
}
check "the same services are refused, with what to set" refused "" "" "the services' range 10.96.0.0/16 is of the cluster in $(realpath "$data"); set another one, like \`services: {range: 10.97.0.0/16}\`"
check "... the same pods too" refused "" "services: {range: 10.99.0.0/16}" "the pods' range 10.244.0.0/16 is of the cluster in $(realpath "$data"); set another \`subnet\` of the node-agent, like 10.245.1.0/24, and another \`bridge\`"
check "... and the same bridge" refused ", subnet: 10.249.1.0/24" "services: {range: 10.99.0.0/16}" "the bridge troupe0 is of the cluster in $(realpath "$data")"

# ---- one ends, the other stays, and finds its place again
stop
check "one ends" is "bridges 1 routes 3" of_machine
check "... the other answers" is two curl -s "http://$(at kb service two .spec.clusterIP)/"
stop_b
check "when both have ended nothing is left" is "bridges 0 routes 0" of_machine
check "the second starts alone" start_b --nodes 1 --runtime oci
check "... where it was" eventually 20 eval '[[ $(curl -s "http://$(at kb service two .spec.clusterIP)/") == two ]]'
stop_b
check "... and leaves nothing" is "bridges 0 routes 0" of_machine
