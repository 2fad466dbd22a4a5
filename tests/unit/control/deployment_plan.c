/* What a deployment is to do with its replica sets, from facts. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/controllers/deployment_plan.h"
#include "actors/controllers/revision.h"
#include "broker/base/doc.h"

enum { MAX = 8, OLD = 100, NEW = 200 };

struct made {
	struct arena arena;
	struct rollout_set sets[MAX];
	size_t count;
	struct rollout_want want;
	char names[MAX][8];
};

/* A set whose pods are all available, or none of them. */
static struct rollout_set *add(struct made *m, uint64_t digest, int64_t replicas, int64_t available)
{
	struct rollout_set *s = &m->sets[m->count];
	snprintf(m->names[m->count], sizeof m->names[0], "s%zu", m->count);
	*s = (struct rollout_set){.child.name = span_of(m->names[m->count]),
				  .child.owned = true,
				  .child.selected = true,
				  .child.created_us = (int64_t)m->count,
				  .digest = digest,
				  .replicas = replicas,
				  .running = replicas,
				  .ready = available,
				  .available = available,
				  .revision = (int64_t)m->count + 1,
				  .desired = m->want.replicas,
				  .most = m->want.replicas + m->want.surge};
	m->count++;
	return s;
}

static struct made rolling(int64_t replicas, int64_t surge, int64_t unavailable)
{
	return (struct made){.want = {.digest = NEW,
				      .replicas = replicas,
				      .history = 10,
				      .surge = surge,
				      .unavailable = unavailable,
				      .status_replicas = replicas}};
}

static struct deployment_plan plan(struct made *m)
{
	struct deployment_plan p;
	deployment_plan(&m->arena, m->sets, m->count, &m->want, &p);
	return p;
}

/* What the plan asks of a set; -1: nothing. */
static int64_t asked(const struct deployment_plan *p, const struct rollout_set *s)
{
	for (size_t i = 0; i < p->change_count; i++)
		if (p->changes[i].set == s)
			return p->changes[i].replicas;
	return -1;
}

Test(deployment_plan, makes_the_first_set_with_all_replicas)
{
	struct made m = rolling(3, 1, 0);
	struct deployment_plan p = plan(&m);
	cr_expect(p.create);
	cr_expect_eq(p.create_replicas, 3);
	cr_expect_eq(p.revision, 1);
	arena_fini(&m.arena);
}

Test(deployment_plan, grows_as_far_as_surge_lets_it_and_shrinks_as_far_as_availability)
{
	struct made m = rolling(4, 1, 1);
	struct rollout_set *old = add(&m, OLD, 4, 4);
	struct deployment_plan p = plan(&m);
	cr_expect(p.create);
	cr_expect_eq(p.create_replicas, 1);
	cr_expect_eq(p.revision, 2);
	struct rollout_set *new = add(&m, NEW, 1, 0);
	p = plan(&m);
	cr_expect_not(p.create);
	cr_expect_eq(asked(&p, old), 3, "one may miss");
	cr_expect_eq(asked(&p, new), -1);
	old->replicas = old->running = old->available = 3;
	p = plan(&m);
	cr_expect_eq(asked(&p, new), 2);
	cr_expect_eq(asked(&p, old), -1, "one kind of step at a time");
	new->replicas = 2;
	p = plan(&m);
	cr_expect_eq(p.change_count, 0, "the new ones are not there yet");
	new->running = new->available = 2;
	p = plan(&m);
	cr_expect_eq(asked(&p, old), 1);
	arena_fini(&m.arena);
}

Test(deployment_plan, takes_what_serves_nobody_first)
{
	struct made m = rolling(4, 0, 1);
	struct rollout_set *sick = add(&m, OLD, 2, 0), *well = add(&m, OLD + 1, 2, 2);
	add(&m, NEW, 0, 0);
	struct deployment_plan p = plan(&m);
	cr_expect_eq(asked(&p, sick), 1, "no more than are to go");
	cr_expect_eq(asked(&p, well), -1);
	arena_fini(&m.arena);
}

Test(deployment_plan, a_hanging_rollout_keeps_what_serves)
{
	struct made m = rolling(10, 3, 2);
	struct rollout_set *old = add(&m, OLD, 8, 8), *new = add(&m, NEW, 5, 0);
	struct deployment_plan p = plan(&m);
	cr_expect_eq(asked(&p, old), -1);
	cr_expect_eq(asked(&p, new), -1);
	cr_expect_not(p.complete);
	arena_fini(&m.arena);
}

Test(deployment_plan, replicas_that_change_amid_a_rollout_are_spread_in_proportion)
{
	struct made m = rolling(10, 3, 2);
	struct rollout_set *old = add(&m, OLD, 8, 8), *new = add(&m, NEW, 5, 0);
	m.want.replicas = 15; /* Kubernetes' documented example: 11 and 7 */
	struct deployment_plan p = plan(&m);
	cr_expect_eq(asked(&p, old), 11);
	cr_expect_eq(asked(&p, new), 7);
	m.want.replicas = 5;
	p = plan(&m);
	cr_expect_eq(asked(&p, old) + asked(&p, new), 8);
	m.want.replicas = 0;
	p = plan(&m);
	cr_expect_eq(asked(&p, old), 0);
	cr_expect_eq(asked(&p, new), 0);
	arena_fini(&m.arena);
}

Test(deployment_plan, recreates_only_when_the_last_old_pod_has_ended)
{
	struct made m = rolling(3, 0, 0);
	m.want.recreate = true;
	struct rollout_set *old = add(&m, OLD, 3, 3);
	struct deployment_plan p = plan(&m);
	cr_expect_eq(asked(&p, old), 0);
	cr_expect_not(p.create);
	old->replicas = old->running = old->available = 0;
	m.want.old_pods_run = true;
	p = plan(&m);
	cr_expect_not(p.create);
	m.want.old_pods_run = false;
	p = plan(&m);
	cr_expect(p.create);
	cr_expect_eq(p.create_replicas, 3);
	arena_fini(&m.arena);
}

/* Two that a former deployment had left, of other sizes than this one wants. */
Test(deployment_plan, recreation_goes_on_from_several_sets_of_another_size)
{
	struct made m = rolling(0, 0, 0);
	m.want.recreate = true;
	struct rollout_set *old = add(&m, OLD, 1, 1), *new = add(&m, NEW, 4, 4);
	old->desired = new->desired = 4;
	struct deployment_plan p = plan(&m);
	cr_expect_eq(asked(&p, old), 0);
	old->replicas = old->running = old->ready = old->available = 0;
	p = plan(&m);
	cr_expect_eq(asked(&p, new), 0);
	arena_fini(&m.arena);
}

Test(deployment_plan, a_paused_one_scales_and_makes_nothing)
{
	struct made m = rolling(5, 1, 1);
	m.want.paused = true;
	struct rollout_set *old = add(&m, OLD, 3, 3);
	struct deployment_plan p = plan(&m);
	cr_expect_not(p.create);
	cr_expect_eq(asked(&p, old), 5);
	arena_fini(&m.arena);
}

Test(deployment_plan, a_template_that_was_there_is_taken_up_again_as_the_latest_revision)
{
	struct made m = rolling(2, 1, 0);
	struct rollout_set *first = add(&m, NEW, 0, 0);
	add(&m, OLD, 2, 2);
	struct deployment_plan p = plan(&m);
	cr_expect_not(p.create);
	cr_expect_eq(p.fresh, first);
	cr_expect_eq(p.revision, 3);
	cr_expect_eq(asked(&p, first), 1);
	arena_fini(&m.arena);
}

Test(deployment_plan, after_the_last_revision_there_is_none)
{
	struct made m = rolling(1, 1, 0);
	struct rollout_set *old = add(&m, OLD, 1, 1);
	old->revision = INT64_MAX - 1;
	cr_expect_eq(plan(&m).revision, INT64_MAX);
	old->revision = INT64_MAX;
	cr_expect_eq(plan(&m).revision, INT64_MAX);
	arena_fini(&m.arena);
}

Test(deployment_plan, forgets_the_oldest_revisions_when_all_is_done)
{
	struct made m = rolling(2, 1, 0);
	m.want.history = 1;
	struct rollout_set *first = add(&m, OLD, 0, 0), *second = add(&m, OLD + 1, 0, 0);
	struct rollout_set *third = add(&m, OLD + 2, 0, 0);
	add(&m, NEW, 2, 2);
	first->revision = 9; /* it was taken up again */
	third->running = 1;  /* its last pod is not told gone */
	m.sets[3].revision = 10;
	struct deployment_plan p = plan(&m);
	cr_expect_not(p.complete, "three are told to run");
	third->running = 0;
	p = plan(&m);
	cr_expect(p.complete);
	cr_assert_eq(p.remove_count, 2);
	cr_expect_eq(p.remove[0], second);
	cr_expect_eq(p.remove[1], third);
	m.want.history = -1;
	cr_expect_eq(plan(&m).remove_count, 0);
	arena_fini(&m.arena);
}

Test(deployment_plan, adopts_and_lets_go_but_not_while_it_is_deleted)
{
	struct made m = rolling(2, 1, 0);
	add(&m, NEW, 2, 2)->child.owned = false;
	add(&m, OLD, 2, 2)->child.selected = false;
	struct deployment_plan p = plan(&m);
	cr_expect_eq(p.adopt_count, 1);
	cr_expect_eq(p.release_count, 1);
	cr_expect_not(p.create, "what is adopted may be the new set");
	m.want.deleting = true;
	p = plan(&m);
	cr_expect_eq(p.adopt_count + p.release_count + p.change_count, 0);
	cr_expect_not(p.create);
	arena_fini(&m.arena);
}

/* ---- templates */

static struct doc *template_of(struct arena *a, bool other_order, const char *image, bool hashed)
{
	struct doc *t = doc_new(a, DOC_MAP);
	if (other_order)
		doc_path_set(a, t, "spec.nodeName", doc_str(a, "n1"));
	doc_path_set(a, t, "metadata.labels.app", doc_str(a, "web"));
	if (hashed)
		doc_set_str(a, doc_path(t, "metadata.labels"), REVISION_LABEL, "abc");
	doc_path_set(a, t, "spec.image", doc_str(a, image));
	if (!other_order)
		doc_path_set(a, t, "spec.nodeName", doc_str(a, "n1"));
	return t;
}

static uint64_t digest(const struct doc *d)
{
	struct buf b = {0};
	doc_to_mp(&b, d);
	uint64_t v = revision_digest(mp_of(span_buf(&b)));
	buf_fini(&b);
	return v;
}

Test(revision, a_template_is_the_same_whatever_its_order_and_its_own_label)
{
	struct arena a = {0};
	uint64_t one = digest(template_of(&a, false, "x", false));
	char first[REVISION_TEXT_MAX], second[REVISION_TEXT_MAX];
	cr_expect_eq(one, digest(template_of(&a, true, "x", false)));
	cr_expect_eq(one, digest(template_of(&a, false, "x", true)));
	cr_expect_neq(one, digest(template_of(&a, false, "y", false)));
	struct doc *kept = template_of(&a, false, "x", false); /* as revisions keep it */
	doc_set_str(&a, kept, "$patch", "replace");
	doc_path_set(&a, kept, "metadata.creationTimestamp", doc_new(&a, DOC_NULL));
	cr_expect_eq(one, digest(kept));
	revision_text(first, one, 0);
	revision_text(second, one, 1);
	cr_expect_str_neq(first, second);
	arena_fini(&a);
}
