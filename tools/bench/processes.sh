# What processes use, by their ids; sourced.

# Milliseconds on a core.
ticks() { for p; do awk '{print $14 + $15}' "/proc/$p/stat" 2>/dev/null; done | awk '{s += $1} END{print s * 10}'; }
memory_kb() { for p; do awk '/^Pss:/{print $2}' "/proc/$p/smaps_rollup"; done | awk '{s += $1} END{print s + 0}'; }
# Of all threads: nanoseconds on a core (ticks of 10 ms are too coarse for what
# is idle), and how often they went to sleep.
running() { for p; do cat /proc/"$p"/task/*/schedstat 2>/dev/null; done | awk '{s += $1} END{printf "%.0f\n", s}'; }
sleeps() { for p; do cat /proc/"$p"/task/*/status 2>/dev/null; done | awk '/^voluntary/{s += $2} END{print s + 0}'; }
# "cpu_percent wakeups_per_s" while nothing happens.
idle() { # SECONDS PID...
	local s=$1 a b
	shift
	a=$(running "$@") b=$(sleeps "$@")
	sleep "$s"
	awk -v a="$a" -v b="$b" -v c="$(running "$@")" -v d="$(sleeps "$@")" -v s="$s" 'BEGIN{printf "%.3f %.1f\n", (c - a) / s / 1e7, (d - b) / s}'
}
