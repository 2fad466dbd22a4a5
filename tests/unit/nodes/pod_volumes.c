/* A pod whose volumes come late, and containers that cannot be made as things are. */
#include "nodes/pod_worker.h"
#include "tests/unit/nodes/objects.h"

struct world {
	struct arena a;
	struct pod_worker *w;
	struct pod_time now;
	struct pod_plan plan;
	int code;	  /* of the config map */
	const char *text; /* in it */
};

static int get(void *arg, enum volume_object kind, struct span ns, struct span name,
	       struct span *out)
{
	struct world *w = arg;
	cr_expect(kind == VOLUME_CONFIG_MAP && span_is(ns, "shop") && span_is(name, "cm"));
	if (!w->code)
		*out = object_of(&w->a, arena_printf(&w->a, "{'data':{'k':'%s'}}", w->text));
	return w->code;
}

static const char pod[] =
	"{'metadata':{'name':'web','namespace':'shop','uid':'u1'},'spec':{'containers':[{'name':'c',"
	"'image':'i','volumeMounts':[{'name':'v','mountPath':'/v','subPathExpr':'$(SUB)'}],'env':"
	"[{'name':'SUB','value':'%s'}]}],'volumes':[{'name':'v','configMap':{'name':'cm'}}]},"
	"'status':{'phase':'Pending'}}";

static void begin_with(struct world *w, int code, const char *sub, bool made)
{
	struct pod_worker_config cfg = {
		.awaits_volumes = true, .has_volumes = made, .volumes = {w, get, NULL}};
	struct err e = {0};
	memset(w, 0, sizeof *w);
	w->code = code;
	w->text = "one";
	w->now = (struct pod_time){1000000, INT64_C(1795514400000000)};
	w->w = pod_worker_new(&cfg);
	struct span o = object_of(&w->a, arena_printf(&w->a, pod, sub));
	struct bytes *b = bytes_copy(o.data, o.len);
	cr_assert_eq(pod_worker_desired(w->w, b, &e), 0, "%s", e.text);
	bytes_unref(b);
}

static void begin(struct world *w, int code, const char *sub)
{
	begin_with(w, code, sub, true);
}

static void end(struct world *w)
{
	pod_worker_free(w->w);
	arena_fini(&w->a);
}

static void pass(struct world *w, int64_t ms)
{
	w->now.mono_ms += ms;
	w->now.wall_us += ms * 1000;
}

/* The one action of a step; NULL: none. */
static const struct pod_action *step(struct world *w)
{
	pod_worker_step(w->w, w->now, &w->a, &w->plan);
	cr_assert(w->plan.action_count < 2);
	return w->plan.action_count ? w->plan.actions : NULL;
}

static const char *event(struct world *w, const char *reason)
{
	for (size_t i = 0; i < w->plan.event_count; i++)
		if (strcmp(w->plan.events[i].reason, reason) == 0)
			return w->plan.events[i].message;
	return NULL;
}

static void see(struct world *w, struct pod_observation o)
{
	pod_worker_observe(w->w, &o, w->now);
}

static const char *waiting(struct world *w, const char *path)
{
	static struct buf kept;
	struct mp list;
	size_t n;
	if (w->plan.status.len) {
		buf_fini(&kept);
		buf_append(&kept, w->plan.status.data, w->plan.status.len);
	}
	cr_assert(mp_path(mp_of(span_buf(&kept)), "containerStatuses", &list) && !mp_array(&list, &n));
	struct span s = mp_path_str(list, path);
	return arena_ndup(&w->a, s.data, s.len);
}

Test(pod_volumes, no_sandbox_before_all_are_known)
{
	struct world w;
	begin(&w, ERR_AGAIN, "k");
	cr_expect_null(step(&w));
	cr_expect_null(event(&w, "FailedMount"));
	cr_expect_str_eq(waiting(&w, "state.waiting.reason"), "ContainerCreating");
	w.code = 0;
	const struct pod_action *act = step(&w);
	cr_assert(act && act->kind == POD_SANDBOX);
	cr_expect_str_eq(json_of(&w.a, mp_of(act->volumes)),
			 "[{'name':'v','title':'v','kind':'files','files':[['k','b25l',420,-1]]}]");
	end(&w);
}

Test(pod_volumes, what_is_missing_is_told_less_and_less_often)
{
	static const int64_t gaps[] = {500, 1000, 2000, 4000};
	struct world w;
	begin(&w, ERR_NOT_FOUND, "k");
	for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
		cr_expect_null(step(&w));
		cr_assert(event(&w, "FailedMount"), "%zu", i);
		cr_expect_str_eq(event(&w, "FailedMount"),
				 "MountVolume.SetUp failed for volume \"v\" : configmap \"cm\" not found");
		cr_expect(w.plan.wake_ms <= w.now.mono_ms + 2000, "it is looked for again");
		pass(&w, gaps[i] - 1);
		step(&w);
		cr_expect_null(event(&w, "FailedMount"), "%zu", i);
		pass(&w, 1);
	}
	w.code = 0;
	cr_assert(step(&w) && w.plan.actions->kind == POD_SANDBOX);
	end(&w);
}

Test(pod_volumes, are_awaited_also_where_none_are_made)
{
	struct world w;
	begin_with(&w, ERR_NOT_FOUND, "k", false);
	cr_expect_null(step(&w));
	cr_expect_str_eq(waiting(&w, "state.waiting.reason"), "ContainerCreating");
	cr_assert(event(&w, "FailedMount"));
	pass(&w, 500);
	w.code = 0;
	cr_assert(step(&w) && w.plan.actions->kind == POD_SANDBOX);
	cr_expect_eq(w.plan.actions->volumes.len, 0);
	end(&w);
}

Test(pod_volumes, a_pod_that_waits_for_them_can_go)
{
	struct world w;
	begin(&w, ERR_NOT_FOUND, "k");
	step(&w);
	pod_worker_gone(w.w);
	cr_assert(step(&w) && w.plan.actions->kind == POD_FORGET);
	end(&w);
}

Test(pod_volumes, that_cannot_be_made_have_their_own_event)
{
	struct world w;
	begin(&w, 0, "k");
	step(&w);
	see(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_FAILED, .reason = "FailedMount",
					 .text = "MountVolume.SetUp failed"});
	step(&w);
	cr_assert(event(&w, "FailedMount"));
	cr_expect_str_eq(event(&w, "FailedMount"), "MountVolume.SetUp failed");
	cr_expect_null(event(&w, "FailedCreatePodSandBox"));
	pass(&w, 1000);
	cr_assert(step(&w) && w.plan.actions->kind == POD_SANDBOX, "it is tried again");
	end(&w);
}

static void up(struct world *w)
{
	static const char *const ips[] = {"10.0.0.2", NULL};
	cr_assert(step(w) && w->plan.actions->kind == POD_SANDBOX);
	see(w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_UP, .ips = ips});
}

Test(pod_volumes, containers_are_told_where_they_are)
{
	struct world w;
	begin(&w, 0, "k");
	up(&w);
	const struct pod_action *act = step(&w);
	cr_assert(act && act->kind == POD_START);
	cr_expect_str_eq(json_of(&w.a, mp_of(act->mounts)),
			 "[{'volume':'v','source':'volumes/v','subpath':'k','target':'/v','read_only':"
			 "true,'recursive':false,'propagation':'None'}]");
	end(&w);
}

Test(pod_volumes, mounts_are_in_the_status)
{
	struct world w;
	struct mp list, mounts;
	size_t n;
	begin(&w, ERR_AGAIN, "k");
	step(&w);
	cr_assert(mp_path(mp_of(w.plan.status), "containerStatuses", &list) && !mp_array(&list, &n) &&
		  mp_find(list, "volumeMounts", &mounts));
	cr_expect_str_eq(json_of(&w.a, mounts), "[{'name':'v','mountPath':'/v'}]");
	end(&w);
}

Test(pod_volumes, a_mount_that_cannot_be_is_a_CreateContainerConfigError)
{
	struct world w;
	begin(&w, 0, "../x");
	up(&w);
	cr_expect_null(step(&w));
	cr_expect_str_eq(waiting(&w, "state.waiting.reason"), "CreateContainerConfigError");
	cr_assert(event(&w, "Failed"));
	cr_expect_str_eq(event(&w, "Failed"),
			 "Error: unable to provision SubPath `../x`: must not contain '..'");
	end(&w);
}

Test(pod_volumes, a_container_that_cannot_be_made_is_tried_again)
{
	struct pod_observation no = {.kind = POD_SEEN_WAITING, .name = "c",
				     .reason = "CreateContainerConfigError", .text = "no such part"};
	struct world w;
	begin(&w, 0, "k");
	up(&w);
	step(&w);
	see(&w, no);
	cr_expect_null(step(&w));
	cr_expect_str_eq(waiting(&w, "state.waiting.message"), "no such part");
	cr_assert(event(&w, "Failed"));
	cr_expect_str_eq(event(&w, "Failed"), "Error: no such part");
	pass(&w, 5000);
	cr_assert(step(&w) && w.plan.actions->kind == POD_START);
	cr_expect_eq(w.plan.actions->attempt, 0);
	cr_expect_str_eq(waiting(&w, "state.waiting.message"), "no such part", "until it runs");
	see(&w, no);
	step(&w);
	cr_expect_null(event(&w, "Failed"), "that was said");
	pod_worker_gone(w.w); /* nothing runs: there is nothing to stop */
	cr_assert(step(&w) && w.plan.actions->kind == POD_SANDBOX_REMOVE);
	end(&w);
}

Test(pod_volumes, that_change_are_there_for_who_refreshes_them)
{
	struct world w;
	struct volume_plan plan;
	begin(&w, 0, "k");
	up(&w);
	w.text = "two";
	cr_assert_eq(pod_worker_volumes(w.w, &w.a, &plan), 0);
	cr_expect_str_eq(json_of(&w.a, mp_of(volume_plan_files(&w.a, plan.list))),
			 "[{'name':'v','title':'v','kind':'files','files':[['k','dHdv',420,-1]]}]");
	end(&w);
}
