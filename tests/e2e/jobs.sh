#!/usr/bin/env bash
# Jobs, their going by themselves, and cron jobs by kubectl, on simulated nodes.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 2 --runtime sim || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"

job() { # NAME SPEC COMMAND [RESTART-POLICY]: lines of the spec, indented by two
	cat <<Y
apiVersion: batch/v1
kind: Job
metadata: {name: $1}
spec:
  $2
  template:
    spec:
      terminationGracePeriodSeconds: 1
      restartPolicy: ${4:-Never}
      containers: [{name: c, image: none, command: [sh, -c, "$3"]}]
Y
}
cron() { # NAME SPEC COMMAND
	cat <<Y
apiVersion: batch/v1
kind: CronJob
metadata: {name: $1}
spec:
  schedule: "* * * * *"
  $2
  jobTemplate:
    spec:
      template:
        spec:
          terminationGracePeriodSeconds: 1
          restartPolicy: Never
          containers: [{name: c, image: none, command: [sh, -c, "$3"]}]
Y
}
field() { kc get "$1" "$2" -o "jsonpath={$3}"; }
status() { field job "$1" ".status.$2"; }
pods() { kc get pods -l "job-name=$1" --no-headers 2>/dev/null | wc -l; }
running() { kc get pods -l "job-name=$1" --no-headers 2>/dev/null | grep -c Running; }
has() { # PATTERN COMMAND...: its output has it
	local want=$1
	shift
	"$@" 2>&1 | grep -qE -- "$want"
}
refused() { # WANT COMMAND...: it fails, and says WANT
	local want=$1 out
	shift
	if out=$("$@" 2>&1); then echo "it succeeded: $out"; return 1; fi
	grep -qF -- "$want" <<<"$out" || { echo "$out"; return 1; }
}
done_in() { kc wait --for="condition=$2" "job/$1" --timeout=15s; } # NAME CONDITION
event() { kc get events --field-selector "involvedObject.name=$1,reason=$2" -o 'jsonpath={.items[*].message}'; }
reason() { status "$1" 'conditions[?(@.type=="Failed")].reason'; }
# What is due now: as if it had last been started long ago.
make_due() { kc patch cronjob "$1" --subresource status --type merge -p '{"status":{"lastScheduleTime":"2020-01-01T00:00:00Z"}}'; }
jobs_of() { kc get jobs --no-headers 2>/dev/null | grep -c "^$1-"; }
eventually 5 kc get serviceaccount default

# ---- a job and what it says of itself
check "create job" kc create job one --image=none -- true
check "it completes" done_in one complete
check "one success" is "1 0 0" status one 'succeeded} {.status.ready} {.status.terminating'
check "conditions as Kubernetes has them" is "SuccessCriteriaMet Complete" status one 'conditions[*].type'
check "nothing is left uncounted" is "{}" status one uncountedTerminatedPods
check "its pod holds nothing" is "" kc get pods -l job-name=one -o 'jsonpath={.items[*].metadata.finalizers}'
check "it has a completion time" has . status one completionTime
check "events" has "Job completed" event one Completed
check "describe" has "0 Active \(0 Ready\) / 1 Succeeded / 0 Failed" kc describe job one
check "a table" has '^one +Complete +1/1' kc get job one --no-headers

# ---- several at a time, indexes
check "six, two at a time" kc create -f <(job six $'completions: 6\n  parallelism: 2' true)
check "complete" done_in six complete
check "six pods" is "6 6" eval 'echo "$(status six succeeded) $(pods six)"'
check "indexed" kc create -f <(job ix $'completionMode: Indexed\n  completions: 4\n  parallelism: 4' 'sleep 1')
check "each pod is named by its index" eventually 5 is "0 1 2 3" eval \
	"kc get pods -l job-name=ix -o name | sed 's,.*ix-\([0-9]\)-.*,\1,' | sort | tr '\n' ' ' | sed 's/ $//'"
check "knows it by label and host name" is "2 ix-2" kc get pods -l batch.kubernetes.io/job-completion-index=2 -o \
	'jsonpath={.items[0].metadata.annotations.batch\.kubernetes\.io/job-completion-index} {.items[0].spec.hostname}'
check "and in its environment" has "job-completion-index" kc get pods -l job-name=ix -o 'jsonpath={.items[0].spec.containers[0].env}'
check "complete" done_in ix complete
check "all indexes" is "0-3" status ix completedIndexes

# ---- failures
check "a job that fails" kc create -f <(job bad 'backoffLimit: 0' 'exit 3')
check "fails" done_in bad failed
check "with a reason" is BackoffLimitExceeded reason bad
check "told in an event" has "Job has reached the specified backoff limit" event bad BackoffLimitExceeded
check "its pod counts" is 1 status bad failed
check "restarts in place" kc create -f <(job again 'backoffLimit: 1' 'exit 1' OnFailure)
check "count too" done_in again failed
check "a pause before the next try" kc create -f <(job slow 'backoffLimit: 4' 'exit 1')
check "one failure" eventually 5 is 1 status slow failed
check "and no other pod at once" is 1 pods slow
check "time" kc create -f <(job late 'activeDeadlineSeconds: 1' 'sleep 1000')
check "is over" done_in late failed
check "says the reason" is DeadlineExceeded reason late
check "and takes its pod along" eventually 5 is 0 pods late
check "a failure policy" kc create -f <(job policy $'backoffLimit: 6\n  podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [42]}}]}' 'exit 42')
check "fails the job at once" done_in policy failed
check "in Kubernetes' words" has 'Container c for pod default/policy-.* failed with exit code 42 matching FailJob rule at index 0' \
	status policy 'conditions[?(@.type=="Failed")].message'
check "another one" kc create -f <(job ignored $'backoffLimit: 0\n  podFailurePolicy: {rules: [{action: Ignore, onExitCodes: {operator: In, values: [42]}}]}' 'exit 42')
check "ignores the failure" eventually 5 eval '[[ $(pods ignored) == 1 && -z $(kc get pods -l job-name=ignored -o "jsonpath={.items[*].metadata.finalizers}") ]]'
check "and goes on" is "" status ignored 'failed}{.status.conditions'
check "an index fails for itself" kc create -f <(job per $'completionMode: Indexed\n  completions: 2\n  parallelism: 2\n  backoffLimitPerIndex: 0' 'exit 1')
check "with all of them" done_in per failed
check "a table says so" has '^per +Failed +' kc get job per --no-headers
check "named" is "0,1 FailedIndexes" eval 'echo "$(status per failedIndexes) $(reason per)"'

# ---- suspend, resume, scale
check "a job" kc create -f <(job long $'parallelism: 3\n  completions: 5' 'sleep 1000')
check "three run" eventually 5 is 3 running long
check "suspend it" kc patch job long -p '{"spec":{"suspend":true}}'
check "its pods go" eventually 8 is 0 pods long
check "as a condition" is "True JobSuspended" status long 'conditions[?(@.type=="Suspended")].status} {.status.conditions[?(@.type=="Suspended")].reason'
check "and they did not fail" is "" status long failed
check "and in a table" has '^long +Suspended ' kc get job long --no-headers
check "events" has "Job suspended" event long Suspended
check "resume it" kc patch job long -p '{"spec":{"suspend":false}}'
check "three run again" eventually 5 is 3 running long
check "resumed" has "Job resumed" event long Resumed
check "fewer at a time" kc patch job long -p '{"spec":{"parallelism":1}}'
check "one is left" eventually 8 is "1 1 " eval 'echo "$(pods long) $(status long active) $(status long failed)"'

# ---- adoption and release
pod=$(kc get pods -l job-name=long -o 'jsonpath={.items[0].metadata.name}')
check "a pod that is not selected any more" kc label pod "$pod" batch.kubernetes.io/controller-uid-
check "is let go" eventually 5 is "" field pod "$pod" '.metadata.ownerReferences}{.metadata.finalizers'
check "another takes its place" eventually 5 is 1 eval 'kc get pods -l batch.kubernetes.io/controller-uid -o name | grep -c long-'
check "back again" kc label pod "$pod" "batch.kubernetes.io/controller-uid=$(field job long .metadata.uid)"
check "one is too many" eventually 8 is 1 eval 'kc get pods -l batch.kubernetes.io/controller-uid -o name | grep -c long-'

# ---- deletions
check "delete in the foreground" kc delete job long --cascade=foreground --timeout=20s
check "no pod is left when it returns" is 0 pods long
check "a job" kc create -f <(job o 'parallelism: 2' 'sleep 1000')
check "two run" eventually 5 is 2 running o
check "delete and leave its pods" kc delete job o --cascade=orphan
check "they stay" is 2 pods o
check "held by nobody" eventually 5 is "" kc get pods -l job-name=o -o 'jsonpath={.items[*].metadata.finalizers}{.items[*].metadata.ownerReferences}'
check "delete them" kc delete pods -l job-name=o --timeout=20s
check "a job" kc create -f <(job b 'parallelism: 2' 'sleep 1000')
check "two run" eventually 5 is 2 running b
check "delete in the background" kc delete job b
check "its pods go, finalizers and all" eventually 8 is 0 pods b
# It may be gone before somebody asks: who watches from before sees it complete.
kc get jobs -w -o 'jsonpath={.metadata.name} {.status.conditions[?(@.type=="Complete")].status}{"\n"}' >"$tmp/ended" 2>/dev/null &
watcher=$!
check "who watches" eventually 10 test -s "$tmp/ended"
check "one that goes by itself" kc create -f <(job ttl 'ttlSecondsAfterFinished: 1' true)
check "completes" eventually 15 grep -q '^ttl True' "$tmp/ended"
kill "$watcher"
check "and goes" kc wait --for=delete job/ttl --timeout=10s
check "with its pod" is 0 pods ttl

# ---- cron jobs
# Daily, half a day from now: it is not due by itself while this runs.
daily="$(date -u -d '12 hours' '+%-M %-H') * * *"
check "create cronjob" kc create cronjob tick --image=none --schedule="$daily" -- true
check "a table" has "^tick +${daily//\*/\\*} +<none> +False +0" kc get cronjob tick --no-headers
check "a job from it" kc create job by-hand --from=cronjob/tick
check "completes" done_in by-hand complete
check "owned by it" is tick field job by-hand '.metadata.ownerReferences[0].name'
check "what was missed" make_due tick
check "is made up for, once" eventually 5 is 1 jobs_of tick
name=$(kc get jobs -o name | sed -n 's,job.batch/\(tick-.*\),\1,p')
check "named by its minute" is "$name" eval 'echo tick-$(($(date -d "$(field job "$name" ".metadata.annotations.batch\.kubernetes\.io/cronjob-scheduled-timestamp")" +%s) / 60))'
check "completes" done_in "$name" complete
check "its time is told" eventually 5 has '^20.*Z 20' field cronjob tick '.status.lastScheduleTime} {.status.lastSuccessfulTime'
check "and seen" eventually 5 has "Saw completed job: $name, condition: Complete" event tick SawCompletedJob
check "so many were missed" eventually 5 has "too many missed start times" event tick TooManyMissedTimes
check "history" kc patch cronjob tick -p '{"spec":{"successfulJobsHistoryLimit":1}}'
check "the oldest goes" eventually 5 refused "not found" kc get job by-hand
check "the youngest stays" kc get job "$name"
check "forbid" kc create -f <(cron one-only $'concurrencyPolicy: Forbid\n  timeZone: Asia/Kathmandu' 'sleep 1000')
make_due one-only >/dev/null
check "one runs" eventually 5 is 1 jobs_of one-only
check "by the clocks of its zone" has '\+05:45' kc get jobs -o 'jsonpath={.items[*].metadata.annotations}'
make_due one-only >/dev/null
check "no other beside it" is 1 jobs_of one-only
check "its zone in a table" has 'Asia/Kathmandu +False +1' kc get cronjob one-only --no-headers
check "stands in active" has '^one-only-' field cronjob one-only '.status.active[0].name'
check "suspended" kc create -f <(cron asleep 'suspend: true' true)
make_due asleep >/dev/null
check "a zone that there is not" refused 'unknown time zone Mars/Base' kc create -f <(cron mars 'timeZone: Mars/Base' true)
check "each minute" kc create -f <(cron minute 'startingDeadlineSeconds: 100' true)
check "by the clock" eventually 70 is 1 jobs_of minute
check "nothing of what is suspended" is 0 jobs_of asleep
check "delete cron jobs" kc delete cronjob --all
check "their jobs and pods go" eventually 10 is 0 eval 'kc get jobs,pods --no-headers 2>/dev/null | grep -cE "(minute|one-only|tick)-"'
