#!/usr/bin/env bash
# An OCI program that hangs, dies or lies: the pod says so, can be deleted, and
# leaves nothing.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "bad OCI programs"

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
"$troupe" image load --data-dir "$data" "$tmp/busybox.tar" >/dev/null
real=$(command -v crun || command -v runc)
# What it does is in the container's name, which is the last argument's begin.
cat >"$tmp/program" <<P
#!/bin/sh
for last; do :; done
case " \$* " in *" run "*) case \$last in
hang.*) exec sleep 1000 ;;
die.*) kill -9 \$\$ ;;
quiet.*) exit 1 ;;
lie.*) exit 0 ;;
esac ;; esac
exec $real "\$@"
P
chmod +x "$tmp/program"
cluster_of >"$tmp/cluster.yaml" <<<"nodes own {kind: node-agent, node: n1, runtime: oci, program: $tmp/program}"
check "the cluster starts with a program of one's own" start -f "$tmp/cluster.yaml"
pod() { # NAME CONTAINER
	printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s"},"spec":{"automountServiceAccountToken":false,"terminationGracePeriodSeconds":1,"restartPolicy":"Never",
		"containers":[{"name":"%s","image":"troupe.io/busybox:1","command":["sleep","1000"]}]}}' "$1" "$2" | kc create -f - >/dev/null
}
of() { kc get pod "$1" -o "jsonpath={.status.containerStatuses[0]$2}"; }
phase() { kc get pod "$1" -o 'jsonpath={.status.phase}'; }
pod good fine
check "what it does well runs" eventually 10 is Running phase good
for how in die quiet lie; do
	pod $how $how
	check "one that the program does not make ($how) fails" eventually 10 is Failed phase $how
	check "... as StartError" is StartError of $how .state.terminated.reason
	check "... with a reason in words" grep -q '^OCI runtime create failed: ' <<<"$(of $how .state.terminated.message)"
done
pod hang hang
asked() { pgrep -f "sleep 1000" | xargs -r -I{} readlink /proc/{}/cwd | grep "bundles/hang.0" >/dev/null; }
check "the program hangs" eventually 10 asked
check "the pod waits" is ContainerCreating of hang .state.waiting.reason
check "it can be deleted" timeout 20 kubectl --kubeconfig "$data/kubeconfig" delete pod hang
check "what hung is gone" eventually 5 eval '! asked'
kc delete pods --all --now >/dev/null
gone() { [[ -z $(ls "$data/pods/n1" 2>/dev/null) && -z $(ip -o link | grep veth) ]] && ! grep -q "$data" /proc/mounts; }
check "nothing is left" eventually 10 gone
stop
sed -i 's/hang\.\*)/trial.*)/' "$tmp/program"
"$troupe" up -f "$tmp/cluster.yaml" --data-dir "$data" >"$tmp/out" 2>&1 & pid=$!
said() { grep -q 'troupe up: program: ' "$tmp/out"; }
check "one that hangs in its trial is refused, in words" eventually 15 said
kill $pid 2>/dev/null || true
