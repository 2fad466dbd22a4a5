#!/usr/bin/env bash
# Ports of a node: pods that want the same one are not on it together.
. "$(dirname "$0")/../lib/e2e.sh"
check "a cluster of one simulated node" start --runtime sim --nodes 1
pod() { # NAME HOSTIP PROTOCOL
	cat <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  containers:
  - {name: c, image: x, ports: [{containerPort: 80, hostPort: 8080, hostIP: "$2", protocol: $3}]}
---
Y
}
running() { kc get pod "$1" -o 'jsonpath={.status.phase}' | grep -qx Running; }
said() { kc get pod "$1" -o 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}'; }

{ pod one 127.0.0.1 TCP; pod other-ip 127.0.0.2 TCP; pod other-protocol 127.0.0.2 UDP; } | kc apply -f - >/dev/null
for p in one other-ip other-protocol; do check "$p has its port" eventually 10 running $p; done
{ pod same 127.0.0.1 TCP; pod every "" UDP; } | kc apply -f - >/dev/null
want="0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
for p in same every; do check "$p waits and says why" eventually 10 is "$want" said $p; done
kc delete pod one --grace-period=0 --force >/dev/null 2>&1
check "it has it when the other is gone" eventually 10 running same
check "the other one still waits" is "$want" said every
