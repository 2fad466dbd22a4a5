/* What a daemon set is to do, node by node, from facts. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/controllers/daemonset_plan.h"

enum { NODES = 3, MAX = 16 };

struct made {
	struct arena arena;
	struct daemon_node nodes[NODES];
	struct replica pods[MAX];
	struct daemon_pod daemons[MAX], sorted[MAX]; /* the plan orders the latter */
	size_t count;
	struct daemon_want want;
	char names[MAX][8];
};

static struct made made(void)
{
	static const char *const names[NODES] = {"n1", "n2", "n3"};
	struct made m = {.want = {.rolling = true, .unavailable = 1}};
	for (size_t i = 0; i < NODES; i++)
		m.nodes[i] = (struct daemon_node){span_of(names[i]), true, true};
	return m;
}

static struct daemon_pod *add(struct made *m, const char *node, bool updated)
{
	size_t i = m->count++;
	snprintf(m->names[i], sizeof m->names[i], "p%zu", i);
	m->pods[i] = (struct replica){.child.name = span_of(m->names[i]),
				      .child.created_us = (int64_t)i,
				      .node = span_of(node),
				      .ready = true};
	m->daemons[i] = (struct daemon_pod){
		.pod = &m->pods[i], .node = span_of(node), .updated = updated, .available = true};
	return &m->daemons[i];
}

static struct daemonset_plan plan(struct made *m)
{
	struct daemonset_plan p;
	memcpy(m->sorted, m->daemons, sizeof m->sorted);
	daemonset_plan(&m->arena, m->nodes, NODES, m->sorted, m->count, &m->want, &p);
	return p;
}

static bool removes(const struct made *m, const struct daemonset_plan *p, size_t pod)
{
	(void)m;
	for (size_t i = 0; i < p->remove_count; i++)
		if (p->remove[i]->pod == &m->pods[pod])
			return true;
	return false;
}

Test(daemonset_plan, makes_one_on_each_node_that_is_meant)
{
	struct made m = made();
	add(&m, "n2", true);
	m.nodes[2].meant = m.nodes[2].may_stay = false;
	struct daemonset_plan p = plan(&m);
	cr_assert_eq(p.create_count, 1);
	cr_expect(span_is(p.create[0], "n1"));
	cr_expect_eq(p.desired, 2);
	cr_expect_eq(p.current, 1);
	arena_fini(&m.arena);
}

Test(daemonset_plan, waits_until_one_that_goes_is_gone)
{
	struct made m = made();
	for (size_t i = 0; i < NODES; i++)
		add(&m, i == 0 ? "n1" : i == 1 ? "n2" : "n3", true);
	m.pods[0].child.deleting = true;
	struct daemonset_plan p = plan(&m);
	cr_expect_eq(p.create_count, 0);
	cr_expect_eq(p.available, 2);
	arena_fini(&m.arena);
}

Test(daemonset_plan, takes_away_what_is_not_meant_what_is_too_many_and_what_is_nowhere)
{
	struct made m = made();
	add(&m, "n1", true);
	add(&m, "n1", true);
	add(&m, "n2", true);
	add(&m, "n3", true);
	add(&m, "n9", true);
	m.nodes[1].meant = m.nodes[1].may_stay = false;
	m.nodes[2].meant = false;
	struct daemonset_plan p = plan(&m);
	cr_expect_eq(p.remove_count, 3);
	cr_expect(removes(&m, &p, 1), "the younger one");
	cr_expect(removes(&m, &p, 2));
	cr_expect_not(removes(&m, &p, 3), "it may stay");
	cr_expect(removes(&m, &p, 4));
	cr_expect_eq(p.misscheduled, 2);
	arena_fini(&m.arena);
}

Test(daemonset_plan, buries_what_has_ended_when_its_time_has_come)
{
	struct made m = made();
	for (size_t i = 0; i < NODES; i++)
		add(&m, i == 0 ? "n1" : i == 1 ? "n2" : "n3", true);
	m.pods[0].ended = m.pods[1].ended = true;
	m.daemons[1].wait_us = 500;
	struct daemonset_plan p = plan(&m);
	cr_assert_eq(p.remove_count, 1);
	cr_expect(removes(&m, &p, 0));
	cr_expect_eq(p.wait_us, 500);
	arena_fini(&m.arena);
}

Test(daemonset_plan, replaces_as_many_as_may_be_missing)
{
	struct made m = made();
	add(&m, "n1", false);
	add(&m, "n2", false);
	add(&m, "n3", true);
	cr_expect_eq(plan(&m).remove_count, 1);
	m.daemons[2].available = false; /* the first one replaced is not there yet */
	cr_expect_eq(plan(&m).remove_count, 0);
	m.daemons[1].available = false; /* costs nothing */
	struct daemonset_plan p = plan(&m);
	cr_expect_eq(p.remove_count, 1);
	cr_expect(removes(&m, &p, 1));
	m.want.rolling = false;
	cr_expect_eq(plan(&m).remove_count, 0, "on delete");
	arena_fini(&m.arena);
}

Test(daemonset_plan, a_surge_comes_before_the_old_one_goes)
{
	struct made m = made();
	m.want.surge = 1;
	m.want.unavailable = 0;
	add(&m, "n1", false);
	add(&m, "n2", false);
	add(&m, "n3", false);
	struct daemonset_plan p = plan(&m);
	cr_expect_eq(p.create_count, 1);
	cr_expect_eq(p.remove_count, 0);
	add(&m, "n1", true)->available = false;
	p = plan(&m);
	cr_expect_eq(p.create_count + p.remove_count, 0, "it is not there yet");
	cr_expect_eq(p.updated, 0);
	cr_expect_eq(p.available, 3);
	m.daemons[3].available = true;
	p = plan(&m);
	cr_expect_eq(p.create_count, 1);
	cr_expect(span_is(p.create[0], "n2"));
	cr_expect(removes(&m, &p, 0));
	cr_expect_eq(p.updated, 1);
	arena_fini(&m.arena);
}

Test(daemonset_plan, a_template_that_changes_amid_a_surge_makes_no_third_one)
{
	struct made m = made();
	m.want.surge = 1;
	m.want.unavailable = 0;
	add(&m, "n1", false);
	add(&m, "n1", false); /* of the template between */
	add(&m, "n2", true);
	add(&m, "n3", true);
	struct daemonset_plan p = plan(&m);
	cr_expect_eq(p.create_count, 0);
	cr_expect_eq(p.remove_count, 1);
	arena_fini(&m.arena);
}

Test(daemonset_plan, does_nothing_while_it_is_deleted)
{
	struct made m = made();
	m.want.deleting = true;
	add(&m, "n9", true);
	struct daemonset_plan p = plan(&m);
	cr_expect_eq(p.create_count + p.remove_count, 0);
	arena_fini(&m.arena);
}
