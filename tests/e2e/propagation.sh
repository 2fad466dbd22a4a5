#!/usr/bin/env bash
# Mounts that containers make, and who sees them. In mounts of this script's own.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "mounts that containers make"
if [[ ! ${E2E_MOUNTS-} ]]; then
	rm -rf "$tmp"
	trap - EXIT
	E2E_MOUNTS=1 exec unshare --mount --propagation private -- bash "$0"
fi
"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data" "$tmp/shared" "$tmp/private"
mount -t tmpfs shared "$tmp/shared" && mount --make-shared "$tmp/shared"
mkdir "$tmp/shared/dir"
end() {
	stop
	umount -l "$tmp/shared"
	finish
	rm -rf "$tmp"
}
trap end EXIT
"$troupe" image load --data-dir "$data" "$tmp/busybox.tar" >/dev/null
start --nodes 1 --runtime oci || { not_ok "the cluster starts"; exit 1; }
ok "the cluster starts"
pod() { # NAME VOLUME PROPAGATION-OF-A PROPAGATION-OF-B [MORE-OF-MOUNTS]
	kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: v, $2}]
  containers:
  - {name: a, image: "troupe.io/busybox:1", command: [sleep, "1000"], securityContext: {privileged: true}, volumeMounts: [{name: v, mountPath: /v, mountPropagation: $3${5:+, $5}}]}
  - {name: b, image: "troupe.io/busybox:1", command: [sleep, "1000"], volumeMounts: [{name: v, mountPath: /v, mountPropagation: $4${5:+, $5}}]}
Y
}
runs() { eventually 15 is "true true" kc get pod "$1" -o 'jsonpath={.status.containerStatuses[*].ready}'; }
in_a() { kc exec "$1" -c a -- sh -c "$2"; }
in_b() { kc exec "$1" -c b -- sh -c "$2"; }
mounts() { in_a "$1" "mkdir -p /v/m && mount -t tmpfs made /v/m && echo $1 >/v/m/who"; }

pod both "hostPath: {path: $tmp/shared/dir}" Bidirectional HostToContainer
pod other "hostPath: {path: $tmp/shared/dir}" HostToContainer None
check "a pod whose container mounts" runs both
check "one that looks" runs other
check "it mounts" mounts both
check "the machine sees it" is both cat "$tmp/shared/dir/m/who"
check "... its pod's other container too" is both in_b both "cat /v/m/who"
check "... one of another pod too" is both in_a other "cat /v/m/who"
check "... not one that wants to see none" is "" in_b other "ls /v/m"
umount "$tmp/shared/dir/m"
check "what the machine takes away is gone there" is "" in_a both "ls /v/m"
mount -t tmpfs back "$tmp/shared/dir/m" && touch "$tmp/shared/dir/m/back"
check "what it mounts is seen there" is back in_a both "ls /v/m"
check "... and by who looks" is back in_a other "ls /v/m"
umount "$tmp/shared/dir/m"
mkdir "$tmp/shared/dir/sub"
pod part "hostPath: {path: $tmp/shared/dir}" Bidirectional HostToContainer "subPath: sub"
check "a part of a volume" runs part
check "it mounts there" mounts part
check "the machine sees that too" is part cat "$tmp/shared/dir/sub/m/who"
kc delete pod part --wait >/dev/null
check "it stays when its pod ends, as with a kubelet" is part cat "$tmp/shared/dir/sub/m/who"
umount "$tmp/shared/dir/sub/m"

mounts both
kc delete pod both --wait >/dev/null
check "... of a whole volume too" is both cat "$tmp/shared/dir/m/who"
umount "$tmp/shared/dir/m"

pod empty "emptyDir: {}" Bidirectional HostToContainer
check "an empty directory" runs empty
check "in which something is mounted" mounts empty
check "its pod sees it" is empty in_b empty "cat /v/m/who"
uid=$(kc get pod empty -o 'jsonpath={.metadata.uid}')
check "... the machine does not" is "" ls "$data/pods/n1/$uid/volumes/v/m"
pod memory "emptyDir: {medium: Memory}" Bidirectional HostToContainer
check "one in memory" runs memory
check "in which something is mounted" mounts memory
check "its pod sees it" is memory in_b memory "cat /v/m/who"

pod private "hostPath: {path: $tmp/private}" Bidirectional None
waiting() { kc get pod private -o 'jsonpath={.status.containerStatuses[0].state.waiting.reason}: {.status.containerStatuses[0].state.waiting.message}'; }
check "where the machine would see nothing the container is not made" eventually 10 is \
	"CreateContainerError: failed to generate spec: path \"$tmp/private\" is mounted on \"/\" but it is not a shared mount" waiting
kc delete pod --all --wait --grace-period=1 >/dev/null
before=$(grep -c "$tmp" /proc/self/mountinfo)
check "nothing is left mounted" is 1 echo "$before"
