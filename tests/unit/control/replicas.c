/* Replicas of one owner are spread over nodes and zones. */
#include "actors/scheduler/replicas.h"

#include <criterion/criterion.h>

#include "tests/unit/nodes/objects.h"

static struct arena arena;

static struct mp owned(const char *kind, const char *uid, const char *controller)
{
	return mp_of(object_of(&arena, arena_printf(&arena,
		"{'metadata':{'ownerReferences':[{'kind':'Node','uid':'n','controller':false},"
		"{'kind':'%s','uid':'%s','controller':%s}]}}", kind, uid, controller)));
}

static struct mp node_in(const char *zone)
{
	return mp_of(object_of(&arena, arena_printf(&arena, "{'metadata':{'labels':{'topology.kubernetes.io/zone':'%s'}}}", zone)));
}

static int64_t spread(const struct spreading *s, const struct replicas *r, const void *node, const struct zone *zone)
{
	struct replicas_look l = replicas_look(s, r, 4);
	return replicas_spread(&l, node, zone);
}

Test(replicas, are_of_the_owner_that_controls_them)
{
	struct spreading s = {0};
	struct mp pod = owned("ReplicaSet", "u1", "true");
	struct replicas *r = replicas_join(&s, pod), *again = replicas_join(&s, pod);
	cr_assert_not_null(r);
	cr_expect_eq(r, again);
	cr_expect(replicas_has(r, pod));
	cr_expect_not(replicas_has(r, owned("ReplicaSet", "u2", "true")), "it was adopted by another");
	cr_expect_not(replicas_has(NULL, pod));
	cr_expect(replicas_has(NULL, owned("ReplicaSet", "u1", "false")));
	cr_expect_null(replicas_join(&s, owned("DaemonSet", "u1", "true")), "one on each node anyway");
	cr_expect_null(replicas_join(&s, owned("Job", "u1", "true")));
	replicas_leave(&s, r);
	replicas_leave(&s, again);
	cr_expect_eq(s.owners.count, 0);
	spreading_fini(&s);
	arena_fini(&arena);
}

Test(replicas, go_where_few_of_them_are)
{
	struct spreading s = {0};
	char n1, n2, n3;
	struct replicas *r = replicas_join(&s, owned("StatefulSet", "u1", "true"));
	struct zone *a = spreading_zone(&s, NULL, node_in("a")), *b = spreading_zone(&s, NULL, node_in("b"));
	cr_expect_eq(a, spreading_zone(&s, NULL, node_in("a")));
	cr_expect_eq(spread(&s, r, &n1, a), 0, "there are none yet");
	replicas_move(r, &n1, a, 1);
	cr_expect_gt(spread(&s, r, &n1, a), spread(&s, r, &n2, a), "another node");
	cr_expect_gt(spread(&s, r, &n2, a), spread(&s, r, &n3, b), "better in another zone");
	replicas_move(r, &n3, b, 1);
	replicas_move(r, &n3, b, 1);
	cr_expect_lt(spread(&s, r, &n1, a), spread(&s, r, &n3, b));
	replicas_move(r, &n3, b, -1);
	replicas_move(r, &n3, b, -1);
	replicas_move(r, &n1, a, -1);
	cr_expect_eq(spread(&s, r, &n1, a), spread(&s, r, &n3, b), "they have gone");
	replicas_leave(&s, r);
	spreading_fini(&s);
	arena_fini(&arena);
}

Test(replicas, zones_count_while_a_node_is_in_them)
{
	struct spreading s = {0};
	struct zone *n1 = spreading_zone(&s, NULL, node_in("a")), *n2 = spreading_zone(&s, NULL, node_in("b"));
	cr_expect_eq(s.zone_count, 2);
	cr_expect_eq(spreading_zone(&s, n1, node_in("a")), n1);
	cr_expect_eq(spreading_zone(&s, n1, node_in("b")), n2);
	cr_expect_eq(s.zone_count, 1);
	cr_expect_null(spreading_zone(&s, n2, (struct mp){0}), "the node is gone");
	cr_expect_eq(s.zone_count, 1);
	cr_expect_null(spreading_zone(&s, n2, node_in("")));
	cr_expect_eq(s.zone_count, 0);
	spreading_fini(&s);
	arena_fini(&arena);
}
