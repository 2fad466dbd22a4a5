#!/usr/bin/env bash
# RuntimeClasses: which OCI program makes a pod's containers, what a class writes into its
# pods, and what is said of classes and handlers that are not there.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "RuntimeClasses"

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
"$troupe" image load --data-dir "$data" "$tmp/busybox.tar" >/dev/null
program=$(command -v crun || command -v runc)
cat >"$tmp/odd" <<P
#!/bin/sh
echo "\$*" >>"$tmp/odd.calls"
exec $program "\$@"
P
chmod +x "$tmp/odd"
config() { # HANDLERS
	cluster_of >"$tmp/c.yaml" <<<"n1 own {kind: node-agent, node: n1, runtime: oci, handlers: $1}"
}
nap_of() { pgrep -f "^sleep $nap\$" | wc -l; }
cat >"$tmp/stuck" <<P
#!/bin/sh
case "\$*" in *trial*) ;; *" delete "*) exec sleep $nap;; esac
exec $program "\$@"
P
cat >"$tmp/dumb" <<P
#!/bin/sh
case "\$*" in *--version*|*trial*) exec $program "\$@";; esac
exit 0
P
chmod +x "$tmp/stuck" "$tmp/dumb"
refused_start() { # WORDS
	timeout 20 "$troupe" up --data-dir "$data" -f "$tmp/c.yaml" >"$tmp/refused" 2>&1
	grep -q "$1" "$tmp/refused" || { cat "$tmp/refused"; return 1; }
}
config "{odd: $tmp/none}"
check "a handler whose program is not installed" refused_start "handlers.odd: $tmp/none is not installed"
config "{odd: [a]}"
check "... or is no program" refused_start "handlers.odd: the name or path of an OCI program is needed"

config "{odd: $tmp/odd, stuck: $tmp/stuck, dumb: $tmp/dumb}"
check "a cluster with another handler starts" start -f "$tmp/c.yaml"
check "the node says which it has" is ' odd stuck dumb '"${program##*/}"' runc' eval "kc get node n1 -o 'jsonpath={.status.runtimeHandlers[*].name}'"
class() { # NAME HANDLER MORE
	kc create -f - >/dev/null <<<"{\"apiVersion\":\"node.k8s.io/v1\",\"kind\":\"RuntimeClass\",\"metadata\":{\"name\":\"$1\"},\"handler\":\"$2\"${3-}}"
}
pod() { # NAME CLASS
	kc create -f - 2>&1 <<P
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$1"},"spec":{"automountServiceAccountToken":false,"terminationGracePeriodSeconds":1,
"runtimeClassName":"$2","containers":[{"name":"c","image":"troupe.io/busybox:1","command":["sh","-c","echo up; sleep 1000"],
"readinessProbe":{"exec":{"command":["true"]},"periodSeconds":1}}]}}
P
}
ready() { is true kc get pod "$1" -o 'jsonpath={.status.containerStatuses[0].ready}'; }
told() { kc get events --field-selector "involvedObject.name=$1,reason=$2" -o 'jsonpath={.items[0].message}'; }

check "a class that is not there" grep -q 'pods "p" is forbidden: pod rejected: RuntimeClass "odd" not found' <<<"$(pod p odd)"
class odd odd ',"overhead":{"podFixed":{"cpu":"50m"}},"scheduling":{"tolerations":[{"key":"odd","operator":"Exists"}]}'
class usual runc
class far runsc
pod p odd >/dev/null
check "a pod of the other handler runs" eventually 20 ready p
check "... what it costs is written into it" is 50m kc get pod p -o 'jsonpath={.spec.overhead.cpu}'
check "... and what it tolerates" is Exists kc get pod p -o 'jsonpath={.spec.tolerations[?(@.key=="odd")].operator}'
check "... made by that program" grep -q ' run --detach ' "$tmp/odd.calls"
check "... and the commands beside it too" grep -q ' exec ' "$tmp/odd.calls"
kc delete pod p --wait=true >/dev/null
: >"$tmp/odd.calls"
pod q usual >/dev/null
check "a pod of the usual one runs" eventually 20 ready q
check "... by the node's own program" is 0 eval 'wc -l <"$tmp/odd.calls"'
pod r far >/dev/null
check "a handler that the node has not" eventually 10 is 'Failed to create pod sandbox: failed to get sandbox runtime: no runtime for "runsc" is configured' told r FailedCreatePodSandBox

# ---- programs that do not do what they should
class stuck stuck
class dumb dumb
pod s stuck >/dev/null
check "a pod whose program will not remove it" eventually 20 ready s
check "... is gone all the same" timeout 20 kubectl --kubeconfig "$data/kubeconfig" delete pod s --wait=true
check "... and so is what hung" eventually 10 is 0 nap_of
pod d dumb >/dev/null
check "a program that says it has made what it has not" eventually 20 is "Error: OCI runtime create failed: the OCI program said nothing" told d Failed
kc delete pods --all --wait=true >/dev/null
stop
check "nothing is left of them" eval '! pgrep -f -- "$data"'

