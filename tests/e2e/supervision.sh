#!/usr/bin/env bash
# Supervision with real processes: the three failure domains (actor, cell,
# process), each killed, in a shared process and in one of its own; a turn that
# hangs; a message that takes its process along three times; dead letters; and
# the end of `troupe up` when nothing helps. Actors of the hidden kind `faulty`
# (tools/faulty.h) fail on demand.
source "$(dirname "$0")/../lib/e2e.sh"

config() { # INTENSITY of processes
	cat <<-Y
	restart: {intensity: $1, backoff: 10ms..50ms}
	turn-limit: 3s
	cells:
	  - name: core
	    actors: [{kind: gate}, {kind: scheduler}, {kind: namespaces}]
	  - name: api
	    actors: [{kind: api, listen: "127.0.0.1:$port"}]
	  - name: sick
	    restart: {intensity: 1000/1s, backoff: 1ms..5ms}
	    actors: [{kind: faulty, name: sick}, {kind: faulty, name: once, restart: temporary},
	             {kind: faulty, name: leaver, restart: transient}]
	  - name: weak
	    restart: {strategy: one-for-all, intensity: 3/5m, backoff: 1ms..5ms}
	    actors: [{kind: faulty, name: weak}, {kind: faulty, name: neighbour}]
	  - name: alone
	    process: own
	    restart: {intensity: 3/5m, backoff: 1ms..5ms}
	    actors: [{kind: faulty, name: alone}]
	  - name: other
	    process: own
	    actors: [{kind: faulty, name: other}]
	Y
}
tell() { "$troupe" send --data-dir "$data" "$1" faulty.do "{\"what\":\"$2\"}"; }
ask() { "$troupe" send --data-dir "$data" "$@"; }
notes() { ask "$1" faulty.ask '{"what":"none"}' | grep -o '"notes":[0-9]*' | cut -d: -f2; }
answers() { ask "$1" faulty.ask '{"what":"none"}'; }
dlq() { "$troupe" dlq "$1" --data-dir "$data" "${@:2}"; }
letters() { dlq list -o json | grep -c "$1" || true; }
logged() { grep -cF -- "$1" "$tmp/up.log" || true; }
restarted() { # ROLE PID
	local p
	p=$(pids_of "$1")
	[[ $p && $p != "$2" ]]
}

config 100/5m >"$tmp/cluster.yaml"
check "a cluster with faulty actors" start -f "$tmp/cluster.yaml" || exit 1
main=$(pids_of main) alone=$(pids_of alone)

# ---- actor
tell sick note; tell sick note
check "an actor counts" eventually 5 is 2 notes sick
tell sick crash-once
check "after a failed turn its state is gone, and the message came again" eventually 5 is 1 notes sick
check "a crash report names actor, message and reason" test "$(logged "sick: failed in faulty.do (attempt 1): asked to")" -ge 1
tell leaver stop
check "a transient actor that ends by itself is gone" eventually 5 bash -c "! '$troupe' send --data-dir $data leaver faulty.ask"
tell sick stop
check "a permanent one begins again" eventually 5 is 0 notes sick

# ---- dead letters
check "no dead letters" is 0 letters .
tell sick crash
check "a message that was in three crashes is a dead letter" eventually 5 is 1 letters '"reason":"poison"'
check "its actor goes on" eventually 5 answers sick
id=$(dlq list -o json | grep -o '"id":"[^"]*"' | cut -d'"' -f4)
check "it has an id, and its body" bash -c "'$troupe' dlq list -o json --data-dir $data | grep -q '\"body\":{\"what\":\"crash\"}'"
check "retry sends it again" is "1 sent again" dlq retry "$id"
check "where it ends as before" eventually 5 is 1 letters '"attempt":3,"secret":false'
tell once crash
check "what a temporary actor failed in" eventually 5 is 1 letters '"reason":"crashed"'
tell sick lose
check "what was sent to nobody" eventually 5 is 1 letters '"to":"nobody"'
check "drop forgets one" is "1 dropped" dlq drop "$(dlq list -o json | grep nobody | grep -o '"id":"[^"]*"' | cut -d'"' -f4)"
check "there is no such letter" bash -c "! '$troupe' dlq drop sick/999 --data-dir $data"
check "drop --all forgets the rest" dlq drop --all
check "none is left" is 0 letters .
check "wrong use is told" bash -c "'$troupe' dlq retry --data-dir $data; [[ \$? == 64 ]]"

# ---- notices outlive the traffic, and the process that said them
crash_told() { # OPTIONS
	"$troupe" tail --data-dir "$data" --no-follow "$@" >"$tmp/told"
	grep -q 'actor.crashed actor="sick" message="faulty.do" attempt=1 reason="asked to' "$tmp/told"
}
check "tail shows the crash that was" crash_told --notices
check "and between the messages" crash_told --messages

# ---- cell, in a shared process
tell neighbour note
check "a neighbour counts" eventually 5 is 1 notes neighbour
tell weak crash-once
check "one-for-all: the neighbour begins again too" eventually 5 is 0 notes neighbour
tell weak crash
check "an actor that fails too often fails its cell" eventually 5 grep -q 'the cell is dropped and begins again' "$tmp/up.log"
check "whose actors answer again" eventually 10 answers neighbour
check "in the same process" is "$main" pids_of main
check "and other cells did not notice" kc get namespaces

# ---- cell, in a process of its own
tell alone crash; tell alone crash
check "alone, it takes its process along" eventually 10 restarted alone "$alone"
check "with exit code 70" eventually 5 grep -q 'process alone ended: exit code 70' "$tmp/up.log"
check "and answers again" eventually 10 answers alone
check "the main process is the same" is "$main" pids_of main

# ---- process
alone=$(pids_of alone)
kill -9 "$alone"
check "killed, it comes again" eventually 10 restarted alone "$alone"
check "and answers" eventually 10 answers alone
alone=$(pids_of alone)
tell alone abort
check "aborted amid a turn, it comes again" eventually 10 restarted alone "$alone"
check "and says what that turn was" eventually 10 grep -q 'ended amid a turn of alone (faulty.do' "$tmp/up.log"
check "and answers" eventually 10 answers alone
alone=$(pids_of alone)
tell alone hang
check "a hung turn is noticed, and its process started again" eventually 15 restarted alone "$alone"
check "the watchdog named actor and message" grep -q 'alone hangs in a turn (faulty.do, attempt 0)' "$tmp/up.log"
check "and it answers" eventually 10 answers alone
tell sick hang
check "the same in the main process" eventually 15 restarted main "$main"
check "whose API is back" eventually 15 kc get namespaces
check "tail shows the crash of the process that ended" crash_told --notices
check "and the faulty ones" eventually 10 answers sick

# ---- poison across process crashes
before=$(logged 'process alone ended: signal 6')
check "a request that takes the process along is refused after three times" \
	bash -c "'$troupe' send --data-dir $data --times 30 alone faulty.ask '{\"what\":\"abort\"}' 2>&1 | grep -q '^troupe send: poison'"
check "no more than three" is 3 echo $(($(logged 'process alone ended: signal 6') - before))
check "it is a dead letter" eventually 10 is 1 letters '"reason":"poison"'
check "its actor answers" eventually 10 answers alone

# ---- reliable commands, while the broker's process is killed under them: the
# receiver stands still, so that they are on their way then
other=$(pids_of other) main=$(pids_of main)
kill -STOP "$other"
tell alone order
answers alone >/dev/null # so that turn is over, and the commands have left
kill -9 "$main"
kill -CONT "$other"
check "the broker is killed with commands on their way" eventually 10 restarted main "$main"
check "each was handled" eventually 20 is 300 notes other
check "and told of" eventually 20 is 300 notes alone
check "and handled once" is 300 notes other

# ---- when nothing helps
stop
config 2/5m >"$tmp/cluster.yaml"
check "up with little patience" start -f "$tmp/cluster.yaml"
for round in 1 2 3; do
	eventually 10 answers alone >/dev/null
	alone=$(pids_of alone)
	tell alone abort
	eventually 10 bash -c "! kill -0 $alone 2>/dev/null"
done
check "troupe up ends" timeout 20 tail --pid="$up_pid" -f /dev/null
code=0
wait "$up_pid" || code=$?
up_pid=
check "with exit code 1" is 1 echo "$code"
check "and says why" grep -q 'process alone failed more than 2 times in 300 s (the last time: signal 6 (Aborted)): giving up' "$tmp/up.log"
check "nothing is left" is "" pgrep -f -- "--data-dir $data --name"
