/* When a probe of a container runs, and what its results mean. One plan is of
 * one container's attempt and one kind of probe; the next attempt begins anew.
 *
 *	closed ──open──► waits ──due: ran──► runs ──result──► waits ... ──► held
 *
 * Pure: times are given, in milliseconds of one clock. The rules are the
 * kubelet's (1.34, pkg/kubelet/prober/worker.go):
 *  - A result counts when as many in a row as its threshold say the same.
 *  - Until the startup probe has succeeded the two others are closed.
 *  - A startup probe is over with its first verdict, a liveness probe when it
 *    has given the container up, both when the pod ends. Readiness never is.
 *  - What could not be asked at all (PROBE_ERROR) is tried again at once, and
 *    counts as nothing when it failed PROBE_TRIES times.
 *
 * A kubelet looks at a new container by a clock of the pod's, so that its first
 * look is up to a period late. Here startup and readiness are looked at as soon
 * as the initial delay is over, and within their first period again, a little
 * later each time, until they succeed: most servers are there in a second, and a
 * period is ten. These early looks count for nothing when they fail. Liveness is
 * looked at after the delay or, without one, after a period: what has just begun
 * is not judged as dead. */
#ifndef PROBES_PROBE_PLAN_H
#define PROBES_PROBE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/mp.h"

enum probe_kind { PROBE_STARTUP, PROBE_READINESS, PROBE_LIVENESS, PROBE_KINDS };

/* "startupProbe", ... as a container's field, and "Startup", ... in events. */
const char *probe_kind_field(enum probe_kind k);
const char *probe_kind_title(enum probe_kind k);

enum { PROBE_TRIES = 3, PROBE_EARLY_MS = 250 /* to the second early look; doubled each time */ };

struct probe_rule {
	enum probe_kind kind;
	int64_t delay_ms, period_ms, timeout_ms;
	int64_t successes, failures; /* in a row */
};

/* Of the container's `startupProbe` or its like: what it does not say is
 * Kubernetes' default. */
void probe_rule_read(struct mp probe, enum probe_kind kind, struct probe_rule *out);

enum probe_result {
	PROBE_SUCCESS,
	PROBE_WARNING, /* a success that somebody should hear of */
	PROBE_FAILURE,
	PROBE_ERROR,   /* nobody could be asked */
};

enum probe_verdict {
	PROBE_NO_NEWS,
	PROBE_GOOD, /* readiness: it is ready; startup: it has started */
	PROBE_BAD,  /* readiness: it is not; the others: it is given up */
};

/* What the owner of a plan may read, none of it to be set. */
struct probe_plan {
	struct probe_rule rule;
	bool open, held, runs;
	bool good;      /* as said last */
	int64_t due_ms; /* while it waits */
	int64_t ran_ms;
	int64_t first_ms, early_ms; /* its first look; to the next early one, 0: none any more */
	enum probe_result last;
	int64_t in_row;
	int tries;
};

/* How the container is found. */
struct probe_begin {
	int64_t now_ms, age_ms; /* age: since it started */
	bool open;              /* no startup probe, or it has succeeded */
	bool ready;             /* what was said of its readiness last */
	bool adopted;           /* it ran before its agent did: probes are spread */
	uint64_t random;        /* by this */
};
void probe_plan_begin(struct probe_plan *p, const struct probe_rule *rule,
		      const struct probe_begin *b);
/* The startup probe has succeeded. May be said again. */
void probe_plan_open(struct probe_plan *p, int64_t now_ms);
/* The pod ends: no verdict of this kind has a meaning any more. */
void probe_plan_hold(struct probe_plan *p);

/* When to run it; INT64_MAX: not until something else happens. */
int64_t probe_plan_due(const struct probe_plan *p);
void probe_plan_ran(struct probe_plan *p, int64_t now_ms);
/* What came of that run. *tell: it is worth an event. */
enum probe_verdict probe_plan_result(struct probe_plan *p, enum probe_result r, int64_t now_ms,
				     bool *tell);

#endif
