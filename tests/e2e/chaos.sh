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
check "64 for no such file" exits 64 "$troupe" chaos run "$tmp/nothing.chaos"
check "64 for wrong usage" exits 64 "$troupe" chaos run "$f" --seeds 9..1
check "64 for no such command" exits 64 "$troupe" chaos explode
check "the plan of a seed" exits 0 "$troupe" chaos plan "$scenarios/node-cut-off.chaos" --seed 3
check "names times and targets" grep -qE '^ +[0-9.]+m?s +line [0-9]+ +n[123] until [0-9.]+s  # at 9s..10s partition' "$tmp/out"
check "the invariants are listed" exits 0 "$troupe" chaos invariants
check "with what they mean" says "a pod that is bound never gets another node"
check "and the words" exits 0 "$troupe" chaos words
check "with their forms" says "partition TARGET from broker"
