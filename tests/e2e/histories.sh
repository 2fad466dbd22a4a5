#!/usr/bin/env bash
# What clients of a real cluster see is one history, while its control plane
# is killed again and again. KILLS=100 does so many (6).
source "$(dirname "$0")/../lib/e2e.sh"
histories=${troupe%/troupe}/tests/e2e/histories
[[ -x $histories ]] || { echo "skip ${0##*/}: $histories is not built (make tests)"; exit 0; }
start --nodes 0 --runtime sim || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
kills=${KILLS:-6} killed=0
while read -r line; do
	case $line in
	*operations) # paced by what was done, not by time
		main=$(pids_of main)
		[[ $main ]] && ((killed < kills)) && kill -9 $main && ((killed++)) ;;
	esac
	[[ $line == ok* || $line == "not ok"* ]] && echo "$line"
done < <("$histories" "$data" 8 $((250 * (kills + kills / 4 + 2))))
check "$killed times it was killed" test "$killed" -eq "$kills"
stop
check "and the store is sound" grep -q "is sound" <("$troupe" store check --data-dir "$data")
