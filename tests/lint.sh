#!/usr/bin/env bash
# The rules of the house that a compiler does not know.
# Usage: tests/lint.sh BUILD-FOLDER
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
build=${1:-build}

# What runs in the simulator asks nobody but its ctx.
banned='^(time|gettimeofday|clock_gettime|localtime|gmtime|strftime|rand|random|srand|getrandom|getenv|setenv|open|openat|fopen|socket|connect|read|write|fork|execve?|posix_spawn|system|pthread_.*|qsort|strtod|atof|sleep|usleep|nanosleep|getpid|epoll_.*|poll|malloc_usable_size)$'
pure=("$build"/obj/actors/{objects,controllers,scheduler,gate}/*.o
	"$build"/obj/actors/api/{api,answer,visible,review,metrics,authn,authz,token_request,escalation,read,list,openapi,write,watch,discovery,delete_collection,messages,log,session,channels,containers,accept,accounting,inflight,request_metrics,request_path,proxy,proxy_name,http_answer,audit,audit_uri,encodings,health,http_links}.o
	"$build"/obj/actors/runtime/{cell,stats,listing,metrics,turn,ctx,effects,post,link,outbox,timer,view,view_changes,view_index,view_past,view_recall,txn_wire,store_actor}.o
	"$build"/obj/actors/schema/{openapi,openapi_types,openapi_paths,openapi_protobuf,describe}.o
	"$build"/obj/actors/access/{rbac,claims}.o
	"$build"/obj/actors/runtime/{supervision,supervisor,monitor,report,letters,command,dead_letters}.o "$build"/obj/broker/{router,router_names,router_post,batch,envelope,catalogue}.o)
for f in "$build"/obj/nodes/{eviction,sysctls,node_agent,node_calls,node_figures,node_objects,node_sessions,node_volumes,pod_*,runtime_sim}.o "$build"/obj/nodes/volumes/volume_{plan,contents,limits,mounts}.o "$build"/obj/nodes/probes/probe_plan.o "$build"/obj/nodes/proxy/{proxy_plan,balancer,service_proxy}.o "$build"/obj/nodes/network/pod_names.o; do [[ -f $f ]] && pure+=("$f"); done
bad=
for o in "${pure[@]}"; do
	[[ -f $o ]] || { bad+="$o is not there"$'\n'; continue; }
	hits=$(nm -u "$o" | awk '{print $2}' | sed 's/@.*//' | grep -E "$banned" | tr '\n' ' ')
	[[ -n $hits ]] && bad+="$o: $hits"$'\n'
done
if [[ -z $bad ]]; then echo "ok pure objects ask nobody (${#pure[@]} of them)"; else echo "not ok pure objects ask nobody"; echo "$bad"; fi

# Includes point down only.
declare -A floor=([broker]=1 [store]=2 [actors]=3 [nodes]=4 [tools]=5)
bad=
while IFS=: read -r file line; do
	from=${file%%/*} to=$(sed -E 's/.*"([a-z]+)\/.*/\1/' <<<"$line")
	[[ -n ${floor[$to]:-} ]] || continue
	((floor[$to] > floor[$from])) && bad+="$file includes $to"$'\n'
done < <(grep -rHoE '#include "[a-z]+/[^"]*"' --include='*.[ch]' broker store actors nodes tools)
hits=$(grep -rlE '#include "(actors|nodes)/' --include='*.[ch]' broker store || true)
for kind in api gate scheduler controllers; do
	for other in api gate scheduler controllers; do
		[[ $kind == "$other" ]] && continue
		hits+=$(grep -rlE "#include \"actors/$other/" --include='*.[ch]' "actors/$kind" || true)
	done
done
if [[ -z $bad$hits ]]; then echo "ok includes point down only"; else echo "not ok includes point down only"; echo "$bad$hits"; fi

# ZeroMQ, LMDB and HTTP each behind one module.
bad=$(grep -rlE '#include <(zmq|czmq)\.h>' --include='*.[ch]' broker store actors nodes tools | grep -vE '^broker/socket\.c$|^tools/bench/' || true)
bad+=$(grep -rlE '#include <lmdb\.h>' --include='*.[ch]' broker store actors nodes tools | grep -vE '^store/local/' || true)
bad+=$(grep -rlE '#include <microhttpd\.h>' --include='*.[ch]' broker store actors nodes tools | grep -vE '^actors/api/http_(port|port_private|describe|proxy)\.[ch]$|^tools/bench/' || true)
if [[ -z $bad ]]; then echo "ok libraries stay behind their modules"; else echo "not ok libraries stay behind their modules"; echo "$bad"; fi

# Every header compiles alone.
alone() { echo "#include \"$1\"" | "${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -I. -fsyntax-only -x c - 2>/dev/null || echo "$1"; }
export -f alone
bad=$(git ls-files '*.h' 2>/dev/null | grep -vE '^tests/' | xargs -P 4 -I{} bash -c 'alone {}')
if [[ -z $bad ]]; then echo "ok every header compiles alone"; else echo "not ok every header compiles alone: $bad"; fi
