#!/usr/bin/env bash
# Real pods have a network: they reach each other, services and the API, with one
# node and with several on this machine; who dies does not take it along; at the
# end nothing of it is left.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "pod network"

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
check "an image is loaded" "$troupe" image load --data-dir "$data" "$tmp/busybox.tar"

# pod NAME NODE SPEC CONTAINER: serves its name on port 80; the last two are YAML.
pod() {
	cat <<P
---
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1, all: "yes"}}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 0
  nodeName: $2
  ${3:-}
  containers:
  - name: c
    image: troupe.io/busybox:1
    command: [sh, -c, "echo this is $1 >/tmp/index.html; exec httpd -f -vv -p \${PORT:-80} -h /tmp"]
    ${4:-}
P
}
service() { printf -- '---\n{apiVersion: v1, kind: Service, metadata: {name: %s}, spec: {type: %s, selector: {%s}, ports: [{port: 80}]}}\n' "$@"; }
ip_of() { kc get pod "$1" -o 'jsonpath={.status.podIP}'; }
cluster_ip() { kc get svc "$1" -o 'jsonpath={.spec.clusterIP}'; }
all_ready() { kc wait --for=condition=Ready pod --all --timeout=1s; }
# What a web server says: from POD, or from the machine.
get() { # FROM ADDRESS PORT
	if [[ $1 == machine ]]; then curl -s -m 5 "http://$2:${3:-80}/"; else
		kc exec "$1" -- sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 5 $2 ${3:-80}" | tail -n 1
	fi
}
get_as() { local want=$1; shift; is "this is $want" get "$@"; }
# Comes to its end without an answer, and not by waiting.
refused() { # FROM ADDRESS PORT
	local begin=$SECONDS
	if [[ $1 == machine ]]; then ! curl -s -m 5 "http://$2:${3:-80}/"; else ! kc exec "$1" -- nc -w 5 "$2" "${3:-80}" </dev/null; fi &&
		((SECONDS - begin < 4))
}
machine_has() { ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort; ip route show table all | grep -v 'table local' | sort; ip route show table local | grep -v '127\.\|ff00\|fe80' | sort; }
nothing_left() { diff "$tmp/before" <(machine_has); }
file_of() { kc exec "$1" -- cat "$2"; }
machine_has >"$tmp/before"

# ---- one node: in the machine's own namespace
check "one node" start --runtime oci --nodes 1
{
	pod a n1
	pod b n1 "subdomain: sub
  hostAliases: [{ip: 1.2.3.4, hostnames: [foo, bar]}]
  dnsConfig: {searches: [x.example], options: [{name: ndots, value: '2'}]}"
	pod host n1 "hostNetwork: true" "env: [{name: PORT, value: '8081'}]"
	pod mapped n1 "" "ports: [{containerPort: 80, hostPort: 8088}]"
	service a ClusterIP "app: a"
	service b NodePort "app: b"
	service none ClusterIP "app: none"
} | kc apply -f - >/dev/null
check "pods are ready" eventually 20 all_ready
a=$(ip_of a) b=$(ip_of b) node=$(kc get node n1 -o 'jsonpath={.status.addresses[0].address}')
svc=$(cluster_ip a) port_b=$(kc get svc b -o 'jsonpath={.spec.ports[0].nodePort}')

check "the node says which range is its pods'" is 10.244.1.0/24 kc get node n1 -o 'jsonpath={.spec.podCIDR}'
check "pods have addresses of it" grep -qE '^10\.244\.1\.[0-9]+ 10\.244\.1\.[0-9]+$' <<<"$a $b"
check "a pod reaches another" get_as a b "$a"
check "a pod is seen by its own address" grep -q "\[::ffff:$b\]\|$b:" <<<"$(kc logs a 2>&1)"
check "a pod reaches itself" get_as a a "$a"
check "the machine reaches a pod" get_as a machine "$a"
check "a pod reaches a service" eventually 5 get_as a b "$svc"
check "the machine reaches a service" get_as a machine "$svc"
check "a pod reaches itself by its service" get_as a a "$svc"
check "a pod on the node's network reaches a service" get_as a host "$svc"
check "a pod on the node's network has the node's address" is "$node" ip_of host
check "it is reached by it" get_as host b "$node" 8081
check "a service without pods refuses at once" refused b "$(cluster_ip none)"
check "what is meant for pods and services never takes a way out" is "10.244.0.0/16 10.96.0.0/16" eval 'ip route show type blackhole | sed "s/blackhole //; s/ .*//" | sort | xargs'
check "a pod reaches the API by its service" kc exec b -- sh -c 'nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT </dev/null'
check "a node port, from the machine and from a pod" eval 'get_as b machine 127.0.0.1 $port_b && get_as b machine $node $port_b && get_as b a $node $port_b'
check "a host port, from the machine and from a pod" eval 'get_as mapped machine 127.0.0.1 8088 && get_as mapped machine $node 8088 && get_as mapped b $node 8088'

check "/etc/hosts" is "# Kubernetes-managed hosts file.
127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::	ip6-localnet
fe00::	ip6-mcastprefix
fe00::1	ip6-allnodes
fe00::2	ip6-allrouters
$b	b.sub.default.svc.cluster.local	b

# Entries added by HostAliases.
1.2.3.4	foo	bar" file_of b /etc/hosts
dns_warning() { kc get events --field-selector involvedObject.name=many,reason=DNSConfigForming -o 'jsonpath={.items[*].message}'; }
pod many n1 "dnsConfig: {nameservers: [10.0.0.1, 10.0.0.2, 10.0.0.3]}" | kc apply -f - >/dev/null
check "what resolv.conf has no room for is an event" eventually 10 is "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.96.0.10 10.0.0.1 10.0.0.2" dns_warning
check "/etc/resolv.conf" is "10.96.0.10 2 yes" eval 'file_of b /etc/resolv.conf | awk '\''/^nameserver/ {n = $2} /^options/ {o = $2} /^search default.svc.cluster.local svc.cluster.local cluster.local .*x.example/ {s = "yes"} END {sub("ndots:", "", o); print n, o, s}'\'
check "the hostname" is b kc exec b -- hostname
check "... which its environment has" is "b $(hostname)" eval 'echo $(for p in b host; do kc exec $p -- sh -c "echo \$HOSTNAME"; done)'
check "of the node's network: the machine's hosts" is "# Kubernetes-managed hosts file (host network)." eval 'file_of host /etc/hosts | head -n 1'
check "and the machine's hostname" is "$(hostname)" kc exec host -- hostname

python3 -c 'import socket, time; s = socket.socket(); s.bind(("0.0.0.0", 8090)); s.listen(); print("on", flush=True); time.sleep(600)' >"$tmp/holder" & holder=$!
check "somebody else has a port of the machine" eventually 10 grep -q on "$tmp/holder"
pod second n1 "" "ports: [{containerPort: 80, hostPort: 8090}]" | kc apply -f - >/dev/null
says_why() { kc get events --field-selector involvedObject.name=second,reason=FailedCreatePodSandBox -o 'jsonpath={.items[*].message}' | grep -q "host port [0-9.]*:8090/TCP: Address already in use"; }
check "a host port that is taken is refused in words" eventually 10 says_why
kill $holder
kc delete pod mapped second --grace-period=0 --force >/dev/null 2>&1
pod third n1 "" "ports: [{containerPort: 80, hostPort: 8088}]" | kc apply -f - >/dev/null
check "and given again when it is free" eventually 10 get_as third machine "$node" 8088

cluster_of <<<"n1 own {kind: node-agent, node: n1, runtime: oci, subnet: 10.250.1.0/24}" head="services: {range: 10.99.0.0/16}" | sed "s/:$port/:$((port + 1))/" >"$tmp/other.yaml"
other() { timeout 20 "$troupe" up --data-dir "$tmp/other" -f "$tmp/other.yaml" 2>&1; }
check "another cluster with the same bridge is refused at once, and says whose the network is" grep -q "^troupe up: the bridge troupe0 is of the cluster in $data;" <<<"$(other)"
for p in $(pids_of nodes); do kill -9 "$p"; done
check "after the death of the agent pods reach each other" eventually 10 get_as a b "$a"
check "and services" eventually 10 get_as a b "$svc"
check "and host ports" eventually 10 get_as third machine "$node" 8088
check "with the addresses they had" eval 'is "$a" ip_of a && is "$b" ip_of b'
pod later n1 | kc apply -f - >/dev/null
check "a pod made then reaches them" eventually 10 get_as a later "$a"
kill -9 "$up_pid" $(pgrep -f -- "--data-dir $data") 2>/dev/null
wait "$up_pid" 2>/dev/null
check "after the death of all of it the next one takes over" start --runtime oci --nodes 1
check "pods reach each other" eventually 10 get_as a b "$a"
check "and services, the API and host ports" eventually 10 eval 'get_as a later "$svc" && get_as third machine "$node" 8088 && kc exec b -- sh -c "nc -w 5 \$KUBERNETES_SERVICE_HOST \$KUBERNETES_SERVICE_PORT </dev/null"'
check "the cluster ends" stop
check "nothing is left on the machine" nothing_left

# ---- the same by CNI plugins
if [[ -x /usr/lib/cni/bridge && -x /usr/lib/cni/host-local ]]; then
	cat >"$tmp/net.conflist" <<C
{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge", "bridge": "cni7", "isGateway": true,
  "ipam": {"type": "host-local", "dataDir": "$tmp/ipam", "ranges": [[{"subnet": "10.77.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "tuning"}]}
C
	cluster_of >"$tmp/cni.yaml" <<-C
	nodes own {kind: node-agent, node: n1, runtime: oci, cni: $tmp/net.conflist, address: 10.77.0.1}, {kind: service-proxy}
	C
	leases() { ls "$tmp/ipam/net" 2>/dev/null | grep -c '^10\.'; }
	check "a node with CNI" start -f "$tmp/cni.yaml"
	kc delete pod --all --grace-period=0 --force >/dev/null 2>&1
	{ pod left n1; pod right n1; pod hostport n1 "" "ports: [{containerPort: 80, hostPort: 8088}]"; } | kc apply -f - >/dev/null
	kc patch svc a -p '{"spec": {"selector": {"app": "left"}}}' >/dev/null
	check "pods have addresses of its network" eventually 20 eval 'grep -qE "^10\.77\.0\.[0-9]+ 10\.77\.0\.[0-9]+$" <<<"$(ip_of left) $(ip_of right)"'
	check "a pod reaches another" eventually 10 get_as left right "$(ip_of left)"
	check "and a service" eventually 10 get_as left right "$svc"
	check "and the API" kc exec right -- sh -c 'nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT </dev/null'
	check "it is named in /etc/hosts" eval 'file_of right /etc/hosts | grep -q "^$(ip_of right)	right$"'
	no_ports() { kc get events --field-selector involvedObject.name=hostport,reason=FailedCreatePodSandBox -o 'jsonpath={.items[*].message}' | grep -q "host ports need a CNI plugin with the capability portMappings"; }
	check "host ports are refused where no plugin makes them" eventually 10 no_ports
	its_pause=$(cut -d' ' -f1 "$data/pods/n1/$(kc get pod left -o 'jsonpath={.metadata.uid}')/pause.pid")
	kill -9 "$its_pause"
	another_pause() { p=$(cut -d' ' -f1 "$data/pods/n1/$(kc get pod left -o 'jsonpath={.metadata.uid}')/pause.pid") && [[ $p && $p != "$its_pause" ]]; }
	check "a pod whose pause was killed has a network again" eventually 20 eval 'another_pause && get_as left right "$(ip_of left)"'
	check "what it had before was given back" eventually 20 is 2 leases
	kc delete pod --all --grace-period=0 --force >/dev/null 2>&1
	check "they take all of it back" eventually 20 is 0 leases
	check "and it ends" stop
	ip link delete cni7
	check "nothing else is left" nothing_left
else
	echo "skip CNI plugins: package containernetworking-plugins is not installed"
fi

# ---- three nodes: each in a namespace of its own
check "three nodes" start --runtime oci --nodes 3
kc delete pod --all --grace-period=0 --force >/dev/null 2>&1
kc delete svc a b >/dev/null
{
	for i in 1 2 3; do pod "p$i" "n$i"; done
	pod host n2 "hostNetwork: true" "env: [{name: PORT, value: '8081'}]"
	pod mapped n3 "" "ports: [{containerPort: 80, hostPort: 8088}]"
	service all NodePort 'all: "yes"'
	service two ClusterIP "app: p2"
} | kc apply -f - >/dev/null
check "pods on all of them are ready" eventually 20 all_ready
two=$(cluster_ip two)
every_way() {
	local from to
	for from in p1 p2 p3 host machine; do
		for to in p1 p2 p3; do get_as "$to" "$from" "$(ip_of $to)" || return 1; done
	done
}
check "all pods reach each other, and the machine all of them" every_way
services() { local from; for from in p1 p2 p3 host machine; do get_as p2 "$from" "$two" || return 1; done; }
check "a service from everywhere" eventually 5 services
check "a pod on a node's network, from another node" get_as host p1 "$(ip_of host)" 8081
check "its address is the node's" is "$(kc get node n2 -o 'jsonpath={.status.addresses[0].address}')" ip_of host
check "a host port, from another node's pod" get_as mapped p1 "$(kc get pod mapped -o 'jsonpath={.status.hostIP}')" 8088
check "the API from a pod" kc exec p3 -- sh -c 'nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT </dev/null'
kc create deployment many --image=troupe.io/busybox:1 --replicas=7 -- sleep 1000 >/dev/null
spread() { kc get pods -o 'jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort | uniq -c | awk '{n += $1; if (!low || $1 < low) low = $1; if ($1 > high) high = $1} END {exit !(n == 12 && high - low <= 1)}'; }
check "pods that ask for nothing are spread over the nodes" eventually 20 spread
kc delete deployment many --wait=false >/dev/null
for p in $(pids_of nodes); do kill -9 "$p"; done
check "after the death of the agents" eventually 10 services
check "all ways lead on" every_way
holder() { cut -d' ' -f1 "$data/spaces/n2/pause.pid"; }
# Lower than it was may not be to be had.
spared() { sh -c 'echo -998 >/proc/self/oom_score_adj; cat /proc/self/oom_score_adj' 2>/dev/null; }
check "what holds a node's namespace is spared when memory runs out" is "$(spared)" cat "/proc/$(holder)/oom_score_adj"
kill -9 "$(holder)"
pod anew n2 "" "ports: [{containerPort: 80, hostPort: 8089}]" | kc apply -f - >/dev/null
check "it is killed: a pod starts on that node nevertheless" eventually 20 kc wait --for=condition=Ready pod/anew --timeout=1s
check "... and has a way to the others, and they to it" eval 'get_as p1 anew "$(ip_of p1)" && get_as anew p3 "$(ip_of anew)" && get_as anew p1 "$(kc get pod anew -o "jsonpath={.status.hostIP}")" 8089'
check "... all other ways lead on" every_way
check "... and the namespace is held again" kill -0 "$(holder)"
for p in $(pids_of nodes); do kill -9 "$p"; done
check "... also for agents that begin again" eventually 10 services
check "... with all ways" eval 'every_way && get_as p2 anew "$(ip_of p2)"'
its_id() { kc get pod p1 -o 'jsonpath={.status.containerStatuses[0].containerID}'; }
id_1=$(its_id)
for p in "$(holder)" $(pids_of nodes); do kill -9 "$p"; done
check "with the agents killed as well: what was in the namespace is started in another" eventually 20 eval 'every_way && services && get_as p2 anew "$(ip_of p2)"'
check "... once" is "1 1" eval 'for p in p2 anew; do kc get pod $p -o "jsonpath={.status.containerStatuses[0].restartCount}{\"\n\"}"; done | xargs'
check "... and other nodes' pods go on" is "$id_1" its_id
check "the cluster ends again" stop
check "nothing is left" nothing_left
check "no namespace is held" eval '! ls -l /proc/[0-9]*/cwd 2>/dev/null | grep "$data/spaces"'
