/* What a replication controller is to do, from facts. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/controllers/replication_plan.h"

enum { MAX = 600 };

struct made {
	struct arena arena;
	struct replica pods[MAX];
	size_t count;
	char names[MAX][16];
};

static struct replica *add(struct made *m)
{
	struct replica *r = &m->pods[m->count];
	snprintf(m->names[m->count], sizeof m->names[0], "p%03zu", m->count);
	*r = (struct replica){.child.key = span_of(m->names[m->count]),
			      .child.name = span_of(m->names[m->count]),
			      .node = span_of("n1"),
			      .child.owned = true,
			      .child.selected = true,
			      .ready = true,
			      .labelled = true,
			      .phase = 2};
	m->count++;
	return r;
}

static struct replication_plan plan(struct made *m, int64_t wanted)
{
	struct replication_plan p;
	replication_plan(&m->arena, m->pods, m->count, wanted, false, 0, 0, &p);
	return p;
}

Test(replication_plan, makes_what_is_missing_a_batch_at_a_time)
{
	struct made m = {0};
	struct replication_plan p = plan(&m, 3);
	cr_expect_eq(p.create_count, 3);
	add(&m);
	cr_expect_eq(plan(&m, 3).create_count, 2);
	cr_expect_eq(plan(&m, 1000000).create_count, REPLICATION_BATCH);
	cr_expect(plan(&m, 1000000).too_many_wanted);
	cr_expect_eq(plan(&m, 1).create_count, 0);
	arena_fini(&m.arena);
}

Test(replication_plan, counts_neither_what_has_ended_nor_what_is_going)
{
	struct made m = {0};
	add(&m)->ended = true;
	add(&m)->child.deleting = true;
	add(&m);
	struct replication_plan p = plan(&m, 2);
	cr_expect_eq(p.create_count, 1);
	cr_expect_eq(p.status.replicas, 1);
	cr_expect_eq(p.remove_count, 0);
	arena_fini(&m.arena);
}

Test(replication_plan, adopts_before_it_makes_and_lets_go_what_is_not_selected)
{
	struct made m = {0};
	add(&m)->child.owned = false;
	add(&m)->child.selected = false;
	struct replication_plan p = plan(&m, 1);
	cr_expect_eq(p.adopt_count, 1);
	cr_expect_eq(p.release_count, 1);
	cr_expect_eq(p.create_count, 0, "what is adopted may be enough");
	/* An orphan that has ended or goes is nobody's business. */
	m.pods[0].ended = true;
	p = plan(&m, 1);
	cr_expect_eq(p.adopt_count, 0);
	cr_expect_eq(p.create_count, 1);
	arena_fini(&m.arena);
}

Test(replication_plan, does_nothing_to_pods_while_it_is_deleted_itself)
{
	struct made m = {0};
	struct replication_plan p;
	add(&m);
	add(&m)->child.selected = false;
	add(&m)->child.owned = false;
	replication_plan(&m.arena, m.pods, m.count, 5, true, 0, 0, &p);
	cr_expect_eq(p.create_count + p.remove_count + p.adopt_count + p.release_count, 0);
	cr_expect_eq(p.status.replicas, 1);
	arena_fini(&m.arena);
}

/* Each row says what makes the second pod the one to go. */
Test(replication_plan, deletes_in_kubernetes_order)
{
	for (int rule = 0; rule < 8; rule++) {
		struct made m = {0};
		struct replica *a = add(&m), *b = add(&m);
		a->ready_us = b->ready_us = 100;
		a->child.created_us = b->child.created_us = 50;
		switch (rule) {
		case 0:
			b->node = (struct span){0};
			break;
		case 1:
			b->phase = 0;
			break;
		case 2:
			b->ready = false;
			break;
		case 3:
			b->cost = -1;
			break;
		case 4:
			add(&m); /* a third on n1, the first is alone on n2 */
			m.pods[2].cost = 9;
			a->node = span_of("n2");
			break;
		case 5:
			b->ready_us = 200;
			break;
		case 6:
			b->restarts = 1;
			break;
		case 7:
			b->child.created_us = 60;
			break;
		}
		struct replication_plan p = plan(&m, (int64_t)m.count - 1);
		cr_assert_eq(p.remove_count, 1, "rule %d", rule);
		cr_expect(span_is(p.remove[0]->child.name, "p001"), "rule %d", rule);
		arena_fini(&m.arena);
	}
}

Test(replication_plan, available_is_ready_for_long_enough)
{
	struct made m = {0};
	struct replication_plan p;
	add(&m)->ready_us = 1000000;
	add(&m)->ready_us = 6000000;
	add(&m)->ready = false;
	replication_plan(&m.arena, m.pods, m.count, 3, false, 5, 7000000, &p);
	cr_expect_eq(p.status.ready, 2);
	cr_expect_eq(p.status.available, 1);
	cr_expect_eq(p.status.available_in_us, 4000000);
	arena_fini(&m.arena);
}
