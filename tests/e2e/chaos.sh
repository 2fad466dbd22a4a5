#!/usr/bin/env bash
# troupe chaos: scripts are checked, run and judged; exit codes are a promise.
source "$(dirname "$0")/../lib/e2e.sh"
scenarios=$top/tools/chaos/scenarios

exits() { # CODE COMMAND...
	local want=$1 code
	shift
	"$@" >"$tmp/out" 2>"$tmp/err"
	code=$?
	((code == want)) || { echo "exit code $code, not $want"; cat "$tmp/out" "$tmp/err"; return 1; }
}
says() { grep -qF -- "$1" "$tmp/${2:-out}" || { echo "it does not say '$1':"; cat "$tmp/out" "$tmp/err"; return 1; }; }
script() { # TEXT: a script of these lines
	printf 'chaos 1\n%s\n' "$1" >"$tmp/test.chaos"
}

for f in "$scenarios"/*.chaos; do
	check "check ${f##*/}" exits 0 "$troupe" chaos check "$f"
	check "run ${f##*/}" exits 0 "$troupe" chaos run "$f"
done
check "the report says what happened" says "settle: everything is healed"
check "the verdict comes last" bash -c "tail -n 1 $tmp/out | grep -q '^HELD seed 1 digest '"

f=$scenarios/scheduler-dies-binding.chaos
check "many seeds, twice" exits 0 "$troupe" chaos run "$f" --seeds 1..20 --jobs 2
check "are added up" says "HELD 20 seeds twice: 20 held, digest "
check "as JSON" exits 0 "$troupe" chaos run "$f" --seeds 0x1..20 -o json
one_more_than_20() { (($(grep -c '"verdict":"held"' "$tmp/out") == 21)); }
check "a line per seed and one for all" one_more_than_20
digest() { "$troupe" chaos run "$f" --seed "$1" -o json | sed -E 's/.*"digest":"([0-9a-f]+)".*/\1/'; }
same_digest() { [[ $(digest 7) == $(digest 7) && $(digest 7) != $(digest 8) ]]; }
check "one seed is one history" same_digest
jobs_agree() {
	local a b
	a=$("$troupe" chaos run "$f" --seeds 1..8 --once --jobs 1 | grep -o 'digest.*')
	b=$("$troupe" chaos run "$f" --seeds 1..8 --once --jobs 3 | grep -o 'digest.*')
	[[ -n $a && $a == "$b" ]]
}
check "whatever the jobs" jobs_agree

script $'nodes 1 cpu 1\nreplicaset web 1 cpu 600m\nsteady all-ready\nat 1s scale web 2\nsettle 10s\neventually all-ready within 5s'
check "1 when it is violated" exits 1 "$troupe" chaos run "$tmp/test.chaos"
check "with the invariant" says "VIOLATED all-ready at "
check "and the command that shows it again" says "again: troupe chaos run $tmp/test.chaos --seed 1"
script $'pod p cpu 64\nwarm-up 3s\nsteady all-ready\nat 1s restart broker\nalways capacity'
check "2 when it was not steady before" exits 2 "$troupe" chaos run "$tmp/test.chaos"
script $'nodes 1\nlayout apart\nsteady count(nodes) = 1\nat 1s io-error store with EIO for 30s
every 500ms from 500ms to 30s touch nodes/n1\nsettle 1ms\nalways one-binding'
not_healed() { "$troupe" chaos run "$tmp/test.chaos" --seeds 1..8 --once >"$tmp/out" 2>&1; (($? == 3)) || { cat "$tmp/out"; return 1; }; }
check "3 when it does not heal" not_healed
check "and what is missing" says "after settle actor store does not run"
script $'pod p\nsteady all-ready\nat 10s pause actor gate for 1ms\nsettle 2s\nalways capacity'
check "4 when a fault touched nothing" exits 4 "$troupe" chaos run "$tmp/test.chaos"
check "and which" says "line 4 had no effect: at 10s pause actor gate for 1ms"

refused() { # WHAT LINES
	script "$2"
	exits 64 "$troupe" chaos check "$tmp/test.chaos" && says "$tmp/test.chaos:$1" err &&
		exits 64 "$troupe" chaos run "$tmp/test.chaos"
}
check "64 for a slip" refused "2:7: unknown verb 'kil', did you mean 'kill'?" 'at 5s kil actor gate'
check "64 for a fault without an end" refused "2:1: this kill would never end" $'at 5s kill cell core\nsettle 5s\nalways capacity'
check "64 beyond a limit" refused "3:1: 2 nodes may be down at once here, the limit is 1" \
	$'limit nodes-down <= 1\nat 5s kill node * mode fixed 2 for 1s\nsettle 5s\nalways capacity'
check "64 for what is not there" refused "2:17: no node is named 'n4' (there are n1, n2, ...)" \
	$'at 5s kill node n4 for 1s\nalways capacity'
check "64 for another world" refused "1:1: world real is not there yet" $'world real\nalways capacity'
check "64 for no such message" refused "2:19: no msg is named 'store.tx', did you mean 'store.txn'?" \
	$'at 5s loss msg    store.tx for 1s\nalways capacity'
check "64 for nobody it comes from" refused "2:33: no actor and no cell is named 'schedular', did you mean 'scheduler'?" \
	$'at 5s loss msg store.txn   from schedular for 1s\nalways capacity'
check "64 for a message that nobody sends" refused "2:10: no msg is named 'bus.evnt', did you mean 'bus.event'?" \
	$'when msg bus.evnt within 2s restart broker\nalways capacity'
check "64 for a clause that is missing" refused "2:31: expected 'by', not the end of the line" \
	$'at 5s delay msg bus.* for 2s  \nalways capacity'
check "64 for what is forbidden" refused "3:1: line 2 forbids it" $'forbid kill broker\nat 5s kill broker for 1s\nalways capacity'
check "64 for a slip in a condition" refused "2:20: unknown field 'phaze', did you mean 'phase'?" \
	$'always count(pods, phaze=Running) <= 3'
check "64 for a number that is no condition" refused "2:8: expected a condition, like count(pods) <= 40" \
	$'always count(pods) + 1'
check "64 for a checker without clients" refused "2:9: there is nothing to check: add 'clients N'" $'checker set\nsettle 1s\nalways capacity'
check "64 for no such file" exits 64 "$troupe" chaos run "$tmp/nothing.chaos"
check "64 for wrong usage" exits 64 "$troupe" chaos run "$f" --seeds 9..1
check "64 for no such command" exits 64 "$troupe" chaos explode
check "the plan of a seed" exits 0 "$troupe" chaos plan "$scenarios/node-cut-off.chaos" --seed 3
check "names times and targets" grep -qE '^ +[0-9.]+m?s +line [0-9]+ +n[123] until [0-9.]+s  # at 9s..10s partition' "$tmp/out"
check "the invariants are listed" exits 0 "$troupe" chaos invariants
check "with what they mean" says "a pod that is bound never gets another node"
check "and the words" exits 0 "$troupe" chaos words
check "with their forms" says "partition TARGET from broker"

# A cause among noise: web and db each have room, but not both scaled up.
script 'title "noise around two causes"
nodes 1 cpu 1
layout apart
network latency 20us..3ms loss 0.5% bus-loss 5%
replicaset web 1 cpu 300m
replicaset db 1 cpu 300m
steady all-ready
at 500ms..1s pause node n* for 2s id still
after still 100ms..400ms kill actor scheduler for 1s
every 1500ms from 1s to 7s restart broker
at 2s..3s scale web 2 id up
after up 10ms..900ms restart actor store
at 4s delete pod of web
at 5s..6s scale db 2 id more
after more 100ms kill kind node-agent mode all for 1s
at 8s..9s pause actor replication for 1s
settle 20s
always capacity
eventually all-ready within 10s
eventually views-converge within 10s'
check "shrink" exits 0 "$troupe" chaos shrink "$tmp/test.chaos" --seed 3
cp "$tmp/out" "$tmp/small.chaos"
check "tells what it found" says "# violated all-ready: not within 10s of settle: pod default/"
two_causes() {
	(($(grep -cE '^(at|after|every) ' "$tmp/small.chaos") == 2)) && grep -qE '^at [0-9.]+m?s scale web ' "$tmp/small.chaos" &&
		grep -qE '^at [0-9.]+m?s scale db ' "$tmp/small.chaos" || { cat "$tmp/small.chaos"; return 1; }
}
check "down to the two causes" two_causes
check "what it wrote fails by itself" exits 1 "$troupe" chaos run "$tmp/small.chaos"
check "in the same way" says "VIOLATED all-ready at "
check "no more runs than asked for" exits 0 "$troupe" chaos shrink "$tmp/test.chaos" --runs 5
check "nothing to shrink where all held" exits 4 "$troupe" chaos shrink "$f"
check "and it says so" says "seed 1: held: there is nothing to shrink" err

"$troupe" chaos run "$tmp/small.chaos" --seeds 1..3 --once -o json >"$tmp/runs.json"
check "report of runs" exits 1 "$troupe" chaos report "$tmp/runs.json"
check "adds them up" says "VIOLATED 3 seeds: 3 violated, digest "
check "as JUnit" exits 1 "$troupe" chaos report "$tmp/runs.json" -o junit
junit() { /usr/bin/python3 - "$tmp/out" <<-'E'
	import sys, xml.etree.ElementTree as t
	s = t.parse(sys.argv[1]).getroot().find('testsuite')
	assert (s.get('tests'), s.get('failures'), s.get('errors')) == ('3', '3', '0'), s.attrib
	assert [c.get('name') for c in s] == ['seed 1', 'seed 2', 'seed 3']
	assert all(c.find('failure').get('type') == 'all-ready' for c in s)
	E
}
check "which a reader of XML takes" junit
check "replay them" exits 1 "$troupe" chaos replay "$tmp/runs.json"
check "with the same histories" bash -c "! grep -q 'another history' $tmp/out"
sed -i 's/^at \(.*\) scale db .*/at \1 scale db 9/' "$tmp/small.chaos"
check "a script that has changed" exits 1 "$troupe" chaos replay "$tmp/runs.json"
check "is another history" says "another history: the digest was "
echo '{"seed":1,"script":"x.chaos","verdict":"fine","digest":"0"}' >"$tmp/bad.json"
check "64 for what is no run" exits 64 "$troupe" chaos report "$tmp/bad.json"
check "naming line and field" says "bad.json:1: verdict: expected held, violated" err

f=$scenarios/scheduler-dies-binding.chaos
check "a run is recorded" exits 0 "$troupe" chaos run "$f" --record "$tmp/rec"
check "not over another" exits 70 "$troupe" chaos run "$f" --record "$tmp/rec"
check "and not many in one place" exits 64 "$troupe" chaos run "$f" --seeds 1..2 --record "$tmp/rec2"
check "tail reads it" exits 0 "$troupe" tail --run "$tmp/rec"
check "with its marks" says "-- chaos: settle: everything is healed --"
check "in order" bash -c "grep -oE '^r[0-9]+' $tmp/out | tr -d r | sort -nc"
check "with the filters of a living one" exits 0 "$troupe" tail --run "$tmp/rec" --kind pods --from-rev 100 -o json
cp "$tmp/out" "$tmp/filtered"
"$troupe" tail --run "$tmp/rec" -o json | awk -F'[:,]' '/"kind":"pods"/ && $2 >= 100' >"$tmp/pods"
only_pods() { [[ -s $tmp/pods ]] && diff "$tmp/pods" <(grep -v '"mark"' "$tmp/filtered"); }
check "which filter" only_pods
check "and with its messages" exits 0 "$troupe" tail --run "$tmp/rec" --messages
check "between the changes" grep -qE ' sent +scheduler -> store +store.txn ' "$tmp/out"
check "1 for what is no run" exits 1 "$troupe" tail --run "$tmp"

check "grow a script" exits 0 "$troupe" chaos grow --seed 3 --lines 9
cp "$tmp/out" "$tmp/grown.chaos"
check "which is one" exits 0 "$troupe" chaos check "$tmp/grown.chaos"
check "with so many lines and what always happens" grep -qE ': ok: 1[0-3] lines until ' "$tmp/out"
check "64 for lines that are no number" exits 64 "$troupe" chaos grow --lines many
