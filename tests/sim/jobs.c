/* Jobs and cron jobs under every kind of fault: a user makes, suspends, scales
 * and deletes jobs of all kinds, and pods of theirs, and a judge reads the
 * journal record by record.
 *
 * At every revision: no job has more pods at work than it may, none makes one
 * while it is suspended, over or going; what it has counted has happened, and
 * never becomes less; no time of a cron job is started twice. In the end every
 * job is over that is not suspended, each success is counted once, what was to
 * go by itself is gone, and no pod is held by a job that is. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/controllers/cronjob_plan.h"
#include "actors/controllers/indexes.h"
#include "actors/controllers/job_facts.h"
#include "actors/controllers/owners.h"
#include "broker/base/log.h"
#include "tests/lib/seeds.h"
#include "tests/lib/storm.h"

enum { SEEDS = 60, NODES = 2, FAULTS = 12, JOBS = 5 };
enum { EVENTS_MAX = 300000 }; /* of a run: more, and somebody runs in a circle */

/* ---- the user: draws something to do, and does not care how it ends */

static const char *const user_streams[] = {"jobs.batch", "cronjobs.batch", "pods", "namespaces",
					   NULL};
enum { PODS = 2, NAMESPACES = 3 }; /* their places */

/* What its containers do: sim.troupe's scripts (nodes/runtime_sim.h). */
static const char *const scripts[] = {
	"exit 0 after 300ms", "exit 0 after 2s", "exit 0", "exit 1 after 100ms; exit 0 after 200ms",
	"exit 1 after 300ms",
};

static struct doc *job_spec(struct ctx *c, struct arena *a)
{
	struct doc *spec = doc_new(a, DOC_MAP), *list = doc_new(a, DOC_ARRAY);
	struct doc *container = doc_add(list, doc_new(a, DOC_MAP));
	uint64_t kind = ctx_random(c) % 4; /* 0: any success is enough */
	bool per_index = kind == 2 && ctx_random(c) % 2;
	const char *does = scripts[ctx_random(c) % (sizeof scripts / sizeof *scripts)];
	doc_set_int(a, spec, "parallelism", 1 + (int64_t)(ctx_random(c) % 3));
	if (kind)
		doc_set_int(a, spec, "completions", 1 + (int64_t)(ctx_random(c) % 6));
	if (kind == 2)
		doc_set_str(a, spec, "completionMode", "Indexed");
	if (per_index)
		doc_set_int(a, spec, "backoffLimitPerIndex", (int64_t)(ctx_random(c) % 2));
	else
		doc_set_int(a, spec, "backoffLimit", (int64_t)(ctx_random(c) % 3));
	if (ctx_random(c) % 4 == 0)
		doc_set_int(a, spec, "activeDeadlineSeconds", 3);
	if (ctx_random(c) % 4 == 0)
		doc_set_int(a, spec, "ttlSecondsAfterFinished", (int64_t)(ctx_random(c) % 4));
	if (ctx_random(c) % 3 == 0)
		doc_set_str(a, spec, "podReplacementPolicy", "Failed");
	doc_set_str(a, container, "name", "c");
	doc_set_str(a, container, "image", "none");
	doc_path_set(a, spec, "template.spec.containers", list);
	doc_path_set(a, spec, "template.spec.terminationGracePeriodSeconds", doc_int(a, 1));
	doc_path_set(a, spec, "template.spec.restartPolicy",
		     doc_str(a, per_index || ctx_random(c) % 2 ? "Never" : "OnFailure"));
	struct doc *notes = doc_new(a, DOC_MAP);
	doc_set_str(a, notes, "sim.troupe", does);
	doc_path_set(a, spec, "template.metadata.annotations", notes);
	return spec;
}

/* Any of the pods; an empty span: there is none. */
static struct span any_pod(struct ctx *c, struct storm_user *u)
{
	const struct omap *pods = view_map(u->views[PODS]);
	uint64_t n = pods->count ? ctx_random(c) % pods->count : 0;
	struct onode *it = omap_first(pods);
	for (; it && n > 0; n--)
		it = omap_next(it);
	return it ? object_name(object_of(it->value)) : (struct span){0};
}

static void deed(struct ctx *c, struct storm_user *u, int slot)
{
	static const char *const names[JOBS] = {"a", "b", "c", "d", "e"};
	static const enum obj_propagation ways[] = {OBJ_BACKGROUND, OBJ_BACKGROUND, OBJ_FOREGROUND,
						    OBJ_ORPHAN};
	enum { CREATE, CREATE_TOO, CREATE_ALSO, SUSPEND, RESUME, SCALE, DELETE, DELETE_POD, DEEDS };
	uint64_t what = ctx_random(c) % DEEDS;
	const char *name = names[ctx_random(c) % JOBS];
	enum obj_verb verb = what <= CREATE_ALSO	       ? OBJ_CREATE
			     : what == DELETE || what == DELETE_POD ? OBJ_DELETE
								    : OBJ_PATCH_MERGE;
	struct writing *w = storm_user_write(c, u, slot, what == DELETE_POD ? "pods" : "jobs.batch", verb);
	struct obj_request *q = &w->request;
	struct arena *a = &w->arena;
	struct doc *body = doc_new(a, DOC_MAP);
	q->namespace = span_of("default");
	if (what == DELETE_POD) {
		q->name = writing_text(w, any_pod(c, u));
		return;
	}
	q->del.propagation = ways[ctx_random(c) % 4];
	if (verb != OBJ_CREATE)
		q->name = span_of(name);
	if (verb == OBJ_CREATE) {
		doc_path_set(a, body, "metadata.name", doc_str(a, name));
		doc_set(a, body, "spec", job_spec(c, a));
	} else if (what == SCALE) {
		doc_path_set(a, body, "spec.parallelism",
			     doc_int(a, 1 + (int64_t)(ctx_random(c) % 4)));
	} else {
		doc_path_set(a, body, "spec.suspend", doc_bool(a, what == SUSPEND));
	}
	if (verb != OBJ_DELETE)
		q->body = body;
}

static int user_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct storm_user *u = st;
	(void)tag;
	if (*u->quiet)
		return 0;
	ctx_timer(c, 1000 + ctx_random(c) % (ctx_random(c) % 3 ? 50000 : 400000), 0);
	int slot = storm_user_slot(u);
	if (slot < 0)
		return 0;
	deed(c, u, slot);
	const struct obj_request *q = &u->writing[slot]->request;
	if (!q->body && !q->name.len)
		storm_user_end(u, slot);
	else
		storm_user_ask(c, u, slot);
	return 0;
}

static int user_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg;
	return storm_user_init(c, st, user_streams);
}

static const struct actor_spec user_spec = {
	STORM_USER_HANDLERS,
	.state_bytes = sizeof(struct storm_user),
	.init = user_init,
	.on_timer = user_timer,
};

/* One cron job, made once there is a namespace for it. */
static int planner_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct storm_user *u = st;
	(void)tag;
	if (u->writing[0])
		return 0;
	if (!view_synced(u->views[NAMESPACES]) || !view_get(u->views[NAMESPACES], span_of("namespaces/default"))) {
		ctx_timer(c, 10000, 0);
		return 0;
	}
	struct writing *w = storm_user_write(c, u, 0, "cronjobs.batch", OBJ_CREATE);
	struct arena *a = &w->arena;
	struct doc *body = doc_new(a, DOC_MAP);
	doc_path_set(a, body, "metadata.name", doc_str(a, "tick"));
	doc_path_set(a, body, "spec.schedule", doc_str(a, "* * * * *"));
	doc_path_set(a, body, "spec.jobTemplate.spec", job_spec(c, a));
	w->request.namespace = span_of("default");
	w->request.body = body;
	if (writing_start(c, w, 0)) {
		storm_user_end(u, 0);
		ctx_timer(c, 10000, 0);
	}
	return 0;
}

static int planner_outcome(struct ctx *c, void *st, uint64_t tag, const struct store_outcome *o)
{
	struct storm_user *u = st;
	if (!u->writing[tag] || !writing_outcome(c, u->writing[tag], o, tag))
		return 0;
	int code = u->writing[tag]->plan.answer.code;
	storm_user_end(u, (int)tag);
	if (code != 201 && code != 409)
		ctx_timer(c, 10000, 0);
	return 0;
}

static const struct actor_spec planner_spec = {
	.kind = "planner",
	.state_bytes = sizeof(struct storm_user),
	.init = user_init,
	.on_timer = planner_timer,
	.on_outcome = planner_outcome,
	.fini = storm_user_fini,
};

static const struct cluster_actor with_user[] = {
	{"user", "user", &user_spec, NULL, 0},
	{NULL, NULL, NULL, NULL, 0},
};
static const struct cluster_actor with_planner[] = {
	{"user", "planner", &planner_spec, NULL, 0},
	{NULL, NULL, NULL, NULL, 0},
};

/* ---- the judge, at every revision */

/* What truly happened to the pods of one job. */
struct tally {
	int64_t succeeded; /* at the most: also while they were deleted */
	int64_t sure;	   /* succeeded while nobody had deleted or marked them */
	int64_t failed;	   /* failed or deleted */
	int64_t told;	   /* the job's status.succeeded */
	bool indexes[8];   /* that succeeded */
};

struct run {
	struct storm storm;  /* first */
	struct omap tallies; /* uid of a job -> struct tally */
	struct omap started; /* names of jobs of cron jobs */
};

static bool is_held(const struct led_object *o)
{
	return o && object_lists(value_of(o), "metadata.finalizers", JOB_FINALIZER);
}

static bool has_phase(const struct led_object *o, const char *phase)
{
	return o && span_is(mp_path_str(value_of(o), "status.phase"), phase);
}

/* The uid of the job that a pod is of; empty: of none. */
static struct span job_uid(const struct led_object *pod)
{
	struct owner_ref ref;
	return pod && owners_controller(value_of(pod), &ref) && span_is(ref.kind, "Job")
		       ? ref.uid
		       : (struct span){0};
}

static struct tally *tally_of(struct run *r, struct span uid)
{
	struct tally *t = omap_get(&r->tallies, uid);
	if (!t) {
		t = mem_alloc(sizeof *t);
		omap_put(&r->tallies, uid, t);
	}
	return t;
}

static const struct led_object *job_with(const struct run *r, struct span uid)
{
	for (struct onode *n = ledger_first(&r->storm.ledger, "jobs.batch/"); n;
	     n = ledger_next(n, "jobs.batch/")) {
		const struct led_object *o = n->value;
		if (o->value && span_eq(o->uid, uid))
			return o;
	}
	return NULL;
}

static int64_t at_work(const struct run *r, struct span uid)
{
	int64_t n = 0;
	for (struct onode *it = ledger_first(&r->storm.ledger, "pods/"); it;
	     it = ledger_next(it, "pods/"))
		n += led_pod_lives(it->value) && span_eq(job_uid(it->value), uid);
	return n;
}

static void judge_new_pod(struct run *r, const struct led_object *pod)
{
	struct span uid = job_uid(pod);
	const struct led_object *o = job_with(r, uid);
	struct job_facts j;
	struct tally *t = tally_of(r, uid);
	if (!o) {
		storm_wrong(&r->storm, "a pod of a job that is not there", pod->key);
		return;
	}
	job_read(&j, value_of(o));
	int64_t active = at_work(r, uid);
	if (active > j.parallelism)
		storm_wrong(&r->storm, "more pods at work than the job may have", pod->key);
	if (j.completions >= 0 && active + t->sure > j.completions)
		storm_wrong(&r->storm, "more pods than there is work left", pod->key);
	if (j.suspend || j.deleting || j.finished || j.verdict != JOB_GOES_ON)
		storm_wrong(&r->storm, "a new pod of a job that is suspended, over or going", pod->key);
}

static void count_pod(struct run *r, const struct led_change *x)
{
	struct span uid = job_uid(x->now ? x->now : x->was);
	if (!uid.len || !x->now)
		return;
	struct tally *t = tally_of(r, uid);
	bool gone = is_deleting(x->now) || has_phase(x->now, "Failed");
	bool was_gone = is_deleting(x->was) || has_phase(x->was, "Failed");
	struct job_pod p;
	struct view_object o = {.value = x->now->value};
	job_pod_read(&p, &o);
	t->failed += gone && !was_gone;
	if (!has_phase(x->now, "Succeeded") || has_phase(x->was, "Succeeded"))
		return;
	t->succeeded++;
	t->sure += is_held(x->was) && !is_deleting(x->was) && !p.chosen;
	if (p.index >= 0 && p.index < 8)
		t->indexes[p.index] = true;
}

static size_t length(struct mp list)
{
	size_t n = 0;
	return list.p && !mp_array(&list, &n) ? n : 0;
}

static void judge_job(struct run *r, const struct led_change *x)
{
	struct job_facts j;
	struct tally *t = tally_of(r, x->now->uid);
	struct arena a = {0};
	job_read(&j, value_of(x->now));
	int64_t told = j.succeeded + (int64_t)length(j.uncounted_succeeded);
	if (!j.indexed && told > t->succeeded)
		storm_wrong(&r->storm, "a success is counted that was none", x->now->key);
	if (j.failed + (int64_t)length(j.uncounted_failed) > t->failed)
		storm_wrong(&r->storm, "a failure is counted that was none", x->now->key);
	if (j.succeeded < t->told)
		storm_wrong(&r->storm, "a success is lost", x->now->key);
	struct indexes done = indexes_parse(&a, j.completed_indexes, 8);
	for (int64_t i = 0; i < 8; i++)
		if (indexes_has(&done, i) && !t->indexes[i])
			storm_wrong(&r->storm, "an index is counted that did not succeed", x->now->key);
	if (j.indexed && j.succeeded != done.total)
		storm_wrong(&r->storm, "not as many successes as indexes", x->now->key);
	if (x->was && job_is_finished(value_of(x->was)) && !j.finished)
		storm_wrong(&r->storm, "a job that was over is not any more", x->now->key);
	t->told = j.succeeded;
	arena_fini(&a);
}

static void judge_start(struct run *r, const struct led_object *job)
{
	struct owner_ref ref;
	if (!owners_controller(value_of(job), &ref) || !span_is(ref.kind, "CronJob"))
		return;
	if (omap_put(&r->started, job->name, r))
		storm_wrong(&r->storm, "a time was started twice", job->key);
}

static void on_committed(void *arg, uint64_t revision, struct span record)
{
	struct run *r = arg;
	const struct ledger *l = &r->storm.ledger;
	judge_record(&r->storm.judge, 0, revision, record);
	cr_assert_eq(ledger_fold(&r->storm.ledger, revision, record), 0);
	for (size_t i = 0; i < l->change_count; i++) {
		const struct led_change *x = &l->changes[i];
		const struct led_object *o = x->now ? x->now : x->was;
		if (o && o->is_pod)
			count_pod(r, x);
		if (x->now && !x->was && o->is_pod && job_uid(o).len)
			judge_new_pod(r, o);
		if (x->now && span_is(o->stream, "jobs.batch"))
			judge_job(r, x);
		if (x->now && !x->was && span_is(o->stream, "jobs.batch"))
			judge_start(r, o);
	}
	ledger_close(&r->storm.ledger);
}

/* ---- what must be so in the end */

static const char *wrong_job(struct run *r, const struct led_object *o)
{
	struct job_facts j;
	struct tally *t = tally_of(r, o->uid);
	job_read(&j, value_of(o));
	if (j.suspend && !j.finished)
		return at_work(r, o->uid) ? "is suspended and has pods" : NULL;
	if (!j.finished)
		return "is not over";
	if (at_work(r, o->uid))
		return "is over and has pods at work";
	if (job_expires_us(value_of(o)))
		return "was to go by itself";
	if (!j.indexed && j.succeeded < t->sure)
		return "has lost a success";
	return length(j.uncounted_succeeded) + length(j.uncounted_failed) ? "has not counted all"
									   : NULL;
}

static const char *wrong_pod(struct run *r, const struct led_object *o)
{
	struct span uid = job_uid(o);
	const struct led_object *job = uid.len ? job_with(r, uid) : NULL;
	if (is_held(o) && (!job || job_is_finished(value_of(job))))
		return "is held by a job that is over or gone";
	return uid.len && !job ? "is of a job that is gone" : NULL;
}

/* A failed pod tells how often its index failed until it is replaced, which it
 * is not while the job is suspended. */
static bool keeps_a_count(const struct run *r, const struct led_object *o)
{
	const struct led_object *job = o->is_pod && is_held(o) ? job_with(r, job_uid(o)) : NULL;
	return job && mp_path_bool(value_of(job), "spec.suspend", false) &&
	       mp_path_int(value_of(job), "spec.backoffLimitPerIndex", -1) >= 0;
}

/* NULL: all is as it must be. */
static const char *unfinished(struct run *r)
{
	const struct ledger *l = &r->storm.ledger;
	static struct err why;
	for (struct onode *n = omap_first(&l->objects); n; n = omap_next(n)) {
		const struct led_object *o = n->value;
		const char *bad = NULL;
		if (!o->value)
			continue;
		if (is_deleting(o) && !keeps_a_count(r, o))
			bad = "is half deleted";
		else if (o->is_pod)
			bad = wrong_pod(r, o);
		else if (span_is(o->stream, "jobs.batch"))
			bad = wrong_job(r, o);
		if (bad) {
			snprintf(why.text, sizeof why.text, "%.*s %s", (int)o->key.len,
				 (const char *)o->key.data, bad);
			return why.text;
		}
	}
	return converged(r->storm.sim, &r->storm.cluster, l, &why) ? NULL : why.text;
}

/* ---- faults and runs */

/* Those of the controllers that are looked at here come oftener. */
static void fault(struct storm *s)
{
	if (sim_random(s->sim) % 4 == 0)
		sim_crash_actor(s->sim, "controllers", sim_random(s->sim) & 1 ? "job" : "cronjob");
	else
		storm_fault(s);
}

static void begin(struct run *r, const struct cluster_actor *extra, bool with_faults)
{
	storm_begin(&r->storm,
		    &(struct storm_wish){.always = "chaos 1\nalways one-binding\n"
						   "always no-return\nalways rev-monotonic\n",
					 .nodes = NODES,
					 .extra = extra,
					 .committed = on_committed,
					 .faults = with_faults});
}

static uint64_t end(struct run *r)
{
	uint64_t digest = storm_end(&r->storm, EVENTS_MAX);
	omap_fini(&r->tallies, free);
	omap_fini(&r->started, NULL);
	return digest;
}

static uint64_t run_jobs(uint64_t seed, bool with_faults)
{
	struct run r = {.storm.seed = seed};
	const char *why = "it was not asked";
	begin(&r, with_user, with_faults);
	storm_rage(&r.storm, FAULTS, with_faults, fault);
	for (int i = 0; why && i < 240; i++) {
		sim_run(r.storm.sim, sim_now_us(r.storm.sim) + 1000000, NULL, NULL);
		why = unfinished(&r);
	}
	cr_assert_null(why, "seed %llu does not converge: %s %s", (unsigned long long)seed, why,
		       r.storm.wrong);
	return end(&r);
}

/* Of each minute that has passed there is a job, but those that were slept
 * through: of several that were missed the last one is made up for. */
static uint64_t run_cronjob(uint64_t seed, bool with_faults)
{
	enum { MINUTES = 6 };
	struct run r = {.storm.seed = seed};
	begin(&r, with_planner, with_faults);
	for (int i = 0; i < 6 * MINUTES; i++) {
		sim_run(r.storm.sim, sim_now_us(r.storm.sim) + 10000000, NULL, NULL);
		if (with_faults && i < 6 * (MINUTES - 2))
			fault(&r.storm);
		else
			sim_heal(r.storm.sim);
	}
	const struct led_object *o = ledger_get(&r.storm.ledger, "cronjobs.batch/default/tick");
	cr_assert(o, "seed %llu: there is no cron job", (unsigned long long)seed);
	size_t least = with_faults ? 2 : MINUTES; /* what came after the faults */
	cr_expect_geq(r.started.count, least, "seed %llu: %zu jobs were started",
		      (unsigned long long)seed, r.started.count);
	cr_expect_leq(r.started.count, MINUTES + 1);
	struct cronjob_facts j;
	cronjob_read(&j, value_of(o));
	struct onode *last = NULL;
	for (struct onode *n = omap_first(&r.started); n; n = omap_next(n))
		last = n;
	char name[40];
	snprintf(name, sizeof name, "tick-%lld", (long long)(j.last_schedule_us / 60000000));
	cr_expect(span_is(onode_key(last), name), "seed %llu: %s was not the last",
		  (unsigned long long)seed, name);
	size_t kept = 0;
	for (struct onode *n = ledger_first(&r.storm.ledger, "jobs.batch/"); n;
	     n = ledger_next(n, "jobs.batch/"))
		kept += job_is_finished(value_of(n->value));
	cr_expect_leq(kept, 4, "seed %llu: %zu finished jobs are kept", (unsigned long long)seed,
		      kept);
	return end(&r);
}

static void quiet(void)
{
	log_init("off");
}

TestSuite(jobs, .init = quiet);

Test(jobs, are_done_when_nothing_goes_wrong)
{
	storm_without_faults(run_jobs);
}

Test(jobs, count_right_and_finish_through_every_kind_of_fault)
{
	seeds_twice(SEEDS, run_jobs);
}

Test(jobs, of_a_schedule_are_started_each_minute)
{
	run_cronjob(1, false);
}

Test(jobs, of_a_schedule_are_never_started_twice_through_every_kind_of_fault)
{
	seeds_twice(SEEDS / 6, run_cronjob);
}
