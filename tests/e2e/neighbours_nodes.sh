#!/usr/bin/env bash
# Clusters of several nodes on one machine, side by side and beside one of a single node: each has a
# net between its nodes, its own pods and services, and leaves nothing when it ends.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "clusters of several nodes beside each other"
source "$top/tests/lib/neighbours.sh"

# KUBECTL FROM-POD ADDRESS
get() { "$1" exec "$2" -- sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 5 $3 80" | tail -n 1; }
address() { at "$1" pod "$2" .status.podIP; }
service() { at "$1" service "$2" .spec.clusterIP; }
# KUBECTL: pods of both nodes reach each other, and both services, which the machine does, too
all_ways() {
	local from to
	for from in p1 p2; do
		for to in p1 p2; do
			is $to get "$1" $from "$(address "$1" $to)" && is $to get "$1" $from "$(service "$1" $to)" || return 1
		done
	done
	for to in p1 p2; do is $to curl -s "http://$(address "$1" $to)/" && is $to curl -s "http://$(service "$1" $to)/" || return 1; done
}
both() { pod "$1" p1 n1; pod "$1" p2 n2; }
ports() { ip -o link show type veth | grep -c ': tn'; }
holders() { ls "$1"/spaces/*/pause.pid 2>/dev/null | wc -l; }
links() { echo "$(of_machine) nets $(ip route show | grep -cE '^172\.[0-9]+\.0\.0/16 ') subnets $(ip route show | grep -cE '^10\.24[4-9]\.[0-9]+\.0/24 ') ports $(ports)"; }

check "a cluster of two nodes starts" start --nodes 2 --runtime oci
check "... and another beside it" start_b --nodes 2 --runtime oci
check "... which says what it has" grep -q '^network: 10.245.0.0/16, services 10.97.0.0/16, nodes 172.29.0.0/16 (the services.* range 10.96.0.0/16 is of the cluster in ' "$tmp/b.err"
both kc
both kb
for p in p1 p2; do check "$p is ready in both" eventually 20 eval "ready kc $p && ready kb $p"; done
check "the first has the usual addresses" grep -qE '^10\.244\.1\.[0-9]+ 10\.244\.2\.[0-9]+ 172\.30\.0\.2$' <<<"$(address kc p1) $(address kc p2) $(at kc pod p2 .status.hostIP)"
check "the second has its own" grep -qE '^10\.245\.1\.[0-9]+ 10\.245\.2\.[0-9]+ 172\.29\.0\.2$' <<<"$(address kb p1) $(address kb p2) $(at kb pod p2 .status.hostIP)"
check "all ways lead, in the first" eventually 10 all_ways kc
check "... in the second" eventually 10 all_ways kb
check "pods of one reach none of the other" is "" get kc p1 "$(address kb p1)"
check "the second's pods reach its API" kb exec p1 -- sh -c 'nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT </dev/null'
check "what is on the machine" is "bridges 2 routes 6 nets 2 subnets 4 ports 4" links

# ---- what cannot be
agents() { echo "nodes own {kind: node-agent, node: n1, runtime: oci, subnet: 10.249.1.0/24}, {kind: node-agent, node: n2, runtime: oci, subnet: 10.249.2.0/24}"; }
other="services: {range: 10.99.0.0/16}"
first=$(realpath "$data")
check "the same net between nodes is refused, with what to set" refused "$other" "the nodes' range 172.30.0.0/16 is of the cluster in $first; set another one, like \`nodes: {range: 172.29.0.0/16, bridge: troupe-nodes1}\`" <<<"$(agents)"
check "... and the same bridge" refused "$other"$'\n'"nodes: {range: 172.25.0.0/16}" "the bridge troupe-nodes is of the cluster in $first; it goes when that ends, or by \`ip link delete troupe-nodes\`, or set another one: \`nodes: {bridge: troupe-nodes1}\`" <<<"$(agents)"
check "... and the same pods" refused "$other"$'\n'"nodes: {range: 172.25.0.0/16, bridge: three}" "the pods' range 10.244.0.0/16 is of the cluster in $first; set another \`subnet\` of each node-agent, like 10.245.1.0/24" <<<"$(agents | sed 's/10\.249/10.244/g')"
check "none of that made anything" is "bridges 2 routes 6 nets 2 subnets 4 ports 4" links

# ---- agents die, one ends, the other goes on
for p in $(pgrep -f -- "--data-dir $tmp/b --name nodes"); do kill -9 "$p"; done
check "after the death of the second's agents all ways lead on" eventually 15 all_ways kb
check "... in the first as well" all_ways kc
stop
check "the first ends" is "bridges 1 routes 3 nets 1 subnets 2 ports 2" links
check "... no namespace of it is held" is 0 holders "$data"
check "... the second goes on" all_ways kb
check "a cluster of one node beside it" start --nodes 1 --runtime oci
pod kc one
check "... has the usual place" eventually 20 is one curl -s "http://$(service kc one)/"
check "... and the second goes on" all_ways kb
stop_b
check "the second ends" is "bridges 1 routes 3 nets 0 subnets 1 ports 0" links
check "... and the one answers" is one curl -s "http://$(service kc one)/"

# ---- started again where it was, beside the one
check "the second starts again" start_b --nodes 2 --runtime oci
for p in p1 p2; do check "... $p is ready" eventually 20 ready kb $p; done
check "... where it was" grep -qE '^10\.245\.1\.[0-9]+ 172\.29\.0\.2$' <<<"$(address kb p1) $(at kb pod p2 .status.hostIP)"
check "... and all ways lead" eventually 10 all_ways kb
check "the one answers" is one curl -s "http://$(service kc one)/"
stop_b
stop
check "when all have ended nothing is left" is "bridges 0 routes 0 nets 0 subnets 0 ports 0" links
check "... and no namespace is held" is "0 0" echo "$(holders "$data") $(holders "$tmp/b")"

# ---- started together: each has a place of its own
crowd=()
for i in 1 2 3 4; do
	TROUPE_LOG=warn "$troupe" up --data-dir "$tmp/crowd$i" --api "127.0.0.1:$((port + i))" --runtime oci --nodes $((i % 2 + 1)) >"$tmp/crowd$i.out" 2>"$tmp/crowd$i.err" &
	crowd+=($!)
done
all_started() { is 4 eval 'cat "$tmp"/crowd*.out | grep -c "^ready: "'; }
check "four clusters that start at once all become ready" eventually 30 all_started
check "... in places of their own" is "bridges 4 routes 12 nets 2 subnets 6 ports 4" links
kill "${crowd[@]}"
wait "${crowd[@]}"
check "... and leave nothing" is "bridges 0 routes 0 nets 0 subnets 0 ports 0" links
