#!/usr/bin/env bash
# Two clusters with real containers on one machine, each with addresses, bridge and services of
# its own: neither does anything to the other, and what would is refused with what to set.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "clusters beside each other"
source "$top/tests/lib/neighbours.sh"

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
agent() { echo "n1 own {kind: node-agent, node: n1, runtime: oci${1-}}"; }
check "the same services are refused, with what to set" refused "" "the services' range 10.96.0.0/16 is of the cluster in $(realpath "$data"); set another one, like \`services: {range: 10.97.0.0/16}\`" <<<"$(agent)"
check "... the same pods too" refused "services: {range: 10.99.0.0/16}" "the pods' range 10.244.0.0/16 is of the cluster in $(realpath "$data"); set another \`subnet\` of the node-agent, like 10.245.1.0/24, and another \`bridge\`" <<<"$(agent)"
check "... and the same bridge" refused "services: {range: 10.99.0.0/16}" "the bridge troupe0 is of the cluster in $(realpath "$data")" <<<"$(agent ", subnet: 10.249.1.0/24")"

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
