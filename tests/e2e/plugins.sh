#!/usr/bin/env bash
# Controllers of others' making: the tutorial of tools/sdk as it is written, what
# is refused and how, what a crash costs, and who takes over from whom.
source "$(dirname "$0")/../lib/e2e.sh"

py=/usr/bin/python3
has_modules() { $py -c 'import zmq, msgpack' 2>/dev/null; }
has_modules || "$top/tools/deps" python3-zmq python3-msgpack >/dev/null 2>&1
has_modules || { echo "skip plugins: needs python3-zmq and python3-msgpack for $py"; exit 0; }
command -v cc >/dev/null && command -v pkg-config >/dev/null || { echo "skip plugins: needs cc and pkg-config"; exit 0; }

# ---- the tutorial: its blocks, one after the other in one shell
blocks=0
{
	echo "trap 'kill \$up \$py 2>/dev/null || :; wait' EXIT; set -e"
	while IFS= read -r line; do
		case $line in
		'```sh') inside=1 ;;
		'```') [[ ${inside:-} ]] && echo "echo block $((++blocks)) is done"; inside= ;;
		*) [[ ${inside:-} ]] && echo "${line/6443/$port}" ;;
		esac
	done <"$top/tools/sdk/README.md"
} >"$tmp/tutorial.sh"
tutorial() {
	(cd "$top" && HOME=$tmp timeout 150 env -u MAKEFLAGS -u MAKELEVEL -u BUILD -u SAN bash "$tmp/tutorial.sh") >"$tmp/tutorial.out" 2>&1 &&
		grep -q "block $blocks is done" "$tmp/tutorial.out" || { tail -n 5 "$tmp/tutorial.out" "$tmp"/team/*.log; return 1; }
}
check "the tutorial is as it says ($blocks blocks)" tutorial
check "what was built with the sdk alone fits" grep -q 'team.so: team 1.0, contract 1: fits' "$tmp/tutorial.out"
lines=$(grep -c . "$top/tools/sdk/examples/team.py")
check "the Python program is short ($lines lines)" test "$lines" -lt 50
check "each write of it was needed: one label, one merge" is 1 grep -c 'merge configmaps team: 200' "$tmp/team/team.log"

# ---- what is refused, before anything runs
export PKG_CONFIG_PATH=$top/build/sdk/share/pkgconfig
cd "$tmp" || exit 1
build() { # NAME [FLAG...]
	local out=$1
	shift
	cc -shared -fPIC $(pkg-config --cflags troupe) "$@" -o "$out.so" "$top/tools/sdk/examples/team.c"
}
config() { # PROCESS FILE
	cat <<Y
cells:
  - name: core
    actors: [{kind: gate}, {kind: controllers}]
  - name: team
    process: $1
    actors:
      - {kind: plugin, file: $2, config: {domain: e.org}}
Y
}
refused() { # TEXT PROCESS FILE
	config "$2" "$3" >refused.yaml
	if timeout 30 "$troupe" up -f refused.yaml --data-dir "$tmp/refused" >refused.out 2>&1; then
		echo "it ran"
		return 1
	fi
	grep -qF -- "$1" refused.out || { echo "want '$1'"; cat refused.out; return 1; }
	! pgrep -f -- "--data-dir $tmp/refused" || { echo "something runs"; return 1; }
}
build team
check "a plugin in a shared process is refused with its place" refused \
	"refused.yaml:7:9: a plugin has a process of its own: its cell needs \`process: own\`" shared team.so
check "a file that is not there" refused "refused.yaml:7:9: gone.so: No such file or directory" own gone.so
check "a file that is not ELF" refused "refused.yaml:7:9: refused.yaml is no shared object (it is not ELF)" own refused.yaml
echo 'int nothing;' | cc -shared -fPIC -x c - -o empty.so
check "a file without the symbol" refused "empty.so has no symbol troupe_plugin" own empty.so
echo 'extern int nowhere(void); int (*f)(void) = nowhere;' | cc -shared -fPIC -x c - -o missing.so
check "a file that needs what is not there" refused "missing.so cannot be loaded: ./missing.so: undefined symbol: nowhere" own missing.so
echo '#include <stdlib.h>
__attribute__((constructor)) static void f(void) { abort(); }' | cc -shared -fPIC -x c - -o aborts.so
check "a file that crashes whoever loads it" refused "aborts.so: loading it ends the process: signal 6 (Aborted)" own aborts.so
cp -r "$top/build/sdk/include/troupe" other
sed -i 's/^#define TROUPE_CONTRACT 1$/#define TROUPE_CONTRACT 2/' other/actors/controllers/plugin.h
cc -shared -fPIC -Iother -o later.so "$top/tools/sdk/examples/team.c"
check "one for another contract" refused "later.so is made for contract 2, this troupe has contract 1" own later.so
sed -i 's/^#define TROUPE_CONTRACT 2$/#define TROUPE_CONTRACT 1/' other/actors/controllers/plugin.h
echo '#define TROUPE_CONTRACT_DIGEST UINT64_C(1)' >other/troupe_contract.h
cc -shared -fPIC -Iother -o built.so "$top/tools/sdk/examples/team.c"
check "one that was built with other headers" refused "built.so is built with other headers than this troupe" own built.so
sed 's/.kind = "team"/.kind = "deployment"/' "$top/tools/sdk/examples/team.c" | cc -shared -fPIC $(pkg-config --cflags troupe) -x c - -o named.so
check "one that is called like one of Troupe's own" refused "the kind 'deployment' is Troupe's own" own named.so

# ---- a plugin that crashes at every turn takes nothing else with it
sed 's/struct arena \*a = reconcile_arena(i);/&\n\tif (span_is(key, "namespaces\/crash")) __builtin_trap();/' \
	"$top/tools/sdk/examples/team.c" | cc -shared -fPIC $(pkg-config --cflags troupe) -x c - -o team.so
cat >several.yaml <<Y
restart: {intensity: 2/5m, backoff: 10ms..200ms}
cells:
  - name: core
    actors: [{kind: gate}, {kind: controllers, without: [job, cronjob, deployment]}, {kind: scheduler}]
  - name: api
    actors: [{kind: api, listen: "127.0.0.1:$port"}]
  - name: nodes
    actors: [{kind: node-agent, node: n1, runtime: sim}]
  - name: one
    process: own
    actors: [{kind: deployment}]
  - name: two
    process: own
    actors: [{kind: controllers, name: spare, without: [job, cronjob]}, {kind: scheduler, name: spare-scheduler}]
  - name: team
    process: own
    actors: [{kind: plugin, file: team.so}]
Y
start -f several.yaml || { not_ok "cluster starts"; exit 1; }
inspect() { "$troupe" inspect --data-dir "$data" "$@"; }
role() { inspect | awk -v a="$1" '$2 == a { for (i = 8; i <= NF; i++) printf "%s%s", $i, i < NF ? " " : "" }'; }
text() { kc get configmap team -n "$1" -o 'jsonpath={.data.contact}'; }
kc create namespace crash >/dev/null
crashed() { (($(grep -c 'process team ended: signal' "$tmp/up.log") > 4)); }
check "a plugin that crashes again and again is started again each time, also more often than processes may" eventually 20 crashed
main_before=$(pids_of main)
check "the cluster goes on" kc create namespace calm
kc delete namespace crash >/dev/null
kc label namespace calm team=red >/dev/null
check "and so does the plugin, once it can" eventually 20 is red@example.org text calm
cp team.so good.so
cp several.yaml team.new && mv team.new team.so # not written into what is mapped
kill -9 $(pids_of team)
check "its file is exchanged for one that is none: that is said, and nothing else happens" \
	eventually 10 grep -q 'team.so is no shared object' "$tmp/up.log"
cp good.so team.new && mv team.new team.so
kc label namespace calm team=blue --overwrite >/dev/null
check "it is there again with a file that fits" eventually 10 is blue@example.org text calm
check "no other process was started again" is "$main_before" pids_of main

# ---- a program: through the end of the broker and the store
export PYTHONPATH=$top/build/sdk/share/troupe/python
$py "$top/tools/sdk/examples/team.py" "$data" e.com >team.log 2>team.err &
program=$!
trap 'kill $program 2>/dev/null; finish' EXIT
waits() { inspect broker | grep -q '"team-py"' && inspect team | grep -qx 'role  *"active"'; }
check "the program waits for the plugin" eventually 10 waits
kill -STOP $(pids_of team)
kc label namespace calm team=blue --overwrite >/dev/null
check "the plugin stands still: the program is active" eventually 12 is blue@e.com text calm
kill -9 $(pids_of main)
labelled() { kc label namespace calm team=green --overwrite; }
check "broker and store were killed; they are back" eventually 15 labelled
check "the program goes on" eventually 20 is green@e.com text calm
kc label namespace calm team- >/dev/null
gone() { [[ $(kc get configmap -n calm -o name) != *team* ]]; }
check "it takes away what is not wanted any more" eventually 10 gone
check "it was told nothing twice, and wrote each thing once" is "merge configmaps team: 200
merge configmaps team: 200
delete configmaps team: 200" cut -d' ' -f2- team.log
kill $program
wait $program
check "SIGTERM: it ends in order, and has said nothing on standard error" is 0- echo "$?-$(cat team.err)"
kill -CONT $(pids_of team)
kc label namespace calm team=red >/dev/null
check "the plugin takes over from it" eventually 10 is red@example.org text calm

# ---- off
no_actor() { ! inspect | awk '{ print $2 }' | grep -qx "$1"; }
check "a controller that is switched off is not there" no_actor cronjob

# ---- several: one is active
roles_are() { # DEPLOYMENT SPARE
	is "$1" role deployment && is "$2" role spare/deployment
}
either() { roles_are active "waits for deployment" || roles_are "waits for spare/deployment" active; }
check "of two one is active and one waits for it" eventually 10 either
# From here on the lone one is active.
hand_to_one() {
	[[ $(role deployment) == active ]] || kill -9 $(pids_of two)
	eventually 10 roles_are active "waits for deployment"
}
check "a killed one that begins again waits for the other" hand_to_one
deployed() { kc create deployment "$1" --image none --replicas 2 -- sleep 1000 >/dev/null && eventually "$2" is 2 ready "$1"; }
ready() { kc get deployment "$1" -o 'jsonpath={.status.readyReplicas}'; }
check "the active one works" deployed first 10
ms() { echo $(($(date +%s%N) / 1000000)); }

begin=$(ms)
kill -STOP $(pids_of one)
check "its process stands still: the other one works after the silence" deployed second 12
took=$(($(ms) - begin))
check "within 9 s ($took ms, of which 6 s are silence)" test $took -lt 9000
kill -CONT $(pids_of one)
check "the former one is fenced and waits" eventually 10 roles_are "waits for spare/deployment" active
begin=$(ms)
kill -9 $(pids_of two)
check "its process is killed: the other one works" deployed third 12
took=$(($(ms) - begin))
check "within 2 s ($took ms)" test $took -lt 2000
pods() { kc get pods -l "app=$1" --no-headers 2>/dev/null | wc -l; }
check "nobody made a pod twice" is "2 2 2" echo "$(pods first)" "$(pods second)" "$(pods third)"
scheduler() { is active role scheduler || is active role spare-scheduler; }
check "one scheduler is active" scheduler
both_inactive() { [[ $(inspect -o json | grep -c '"actor":"\(spare-\)\?scheduler".*"role":"active"') == 1 ]]; }
check "and only one" both_inactive

# ---- what a newcomer gets wrong is said
cat >slip.py <<'P'
import sys
from troupe import Controller, create
controller = Controller("slip", sys.argv[1])
controller.follow(sys.argv[2])
controller.run(lambda stream, key, was, now: [key], lambda key: [create("configmap", "default", {"metadata": {"name": "x"}})])
P
slips() { # WANT DATA-DIR STREAM
	local want=$1 slip rc=0
	shift
	$py slip.py "$@" >slip.out 2>&1 & slip=$!
	eventually 15 grep -qF -- "$want" slip.out || rc=1
	kill $slip
	wait $slip
	((rc == 0)) || cat slip.out
	return $rc
}
check "no cluster there" slips "slip: no cluster answers at $tmp/none/run/broker.ipc" "$tmp/none" nodes
check "a stream that is called otherwise" slips "slip: the stream 'node' is empty so far" "$data" node
check "a resource that there is not" slips "create configmap x: unsupported there is no such resource" "$data" nodes
