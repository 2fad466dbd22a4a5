/* Who a process is, by what its pod asks for and by who the agent is. */
#include "nodes/process_user.h"

#include "tests/unit/nodes/objects.h"

enum { ROOT = 0, SOMEBODY = 1000 };

static struct arena arena;

static int find(int64_t agent, int user, int group, bool not_root, struct process_user *out,
		struct err *e)
{
	struct mp body = mp_of(object_of(
		&arena, arena_printf(&arena, "{'name':'c','pod':'p_ns(u)','runAsUser':%d,'runAsGroup':%d,"
					     "'runAsNonRoot':%s}",
				     user, group, not_root ? "true" : "false")));
	return process_user_find(body, agent, out, e);
}

static void expect(int64_t agent, int user, int group, bool not_root, int64_t uid, int64_t gid)
{
	struct process_user u;
	struct err e = {0};
	cr_expect_eq(find(agent, user, group, not_root, &u, &e), 0, "%s", e.text);
	cr_expect(u.uid == uid && u.gid == gid, "%d %d: %d %d", user, group, (int)u.uid, (int)u.gid);
}

static void expect_refused(int64_t agent, int user, const char *why)
{
	struct process_user u;
	struct err e = {0};
	cr_expect_eq(find(agent, user, -1, true, &u, &e), ERR_INVALID);
	cr_expect_str_eq(e.text, arena_printf(&arena, "%s (pod: \"p_ns(u)\", container: c)", why));
}

Test(process_user, is_who_was_asked_for_if_the_agent_may)
{
	expect(ROOT, -1, -1, false, -1, -1);
	expect(ROOT, 70001, 55, true, 70001, 55);
	expect(ROOT, 70001, -1, false, 70001, 0);
	expect(ROOT, 0, -1, false, 0, 0);
	expect(ROOT, -1, 55, false, -1, 55);
	arena_fini(&arena);
}

Test(process_user, is_the_agents_if_it_may_not)
{
	expect(SOMEBODY, 33, 44, false, -1, -1);
	expect(SOMEBODY, 0, -1, true, -1, -1);
	arena_fini(&arena);
}

Test(process_user, has_its_pods_groups_if_the_agent_may)
{
	struct mp body = mp_of(object_of(&arena, "{'name':'c','runAsUser':5,'runAsGroup':6,'groups':[7,8]}"));
	struct mp none = mp_of(object_of(&arena, "{'name':'c','runAsUser':5,'groups':[]}"));
	struct process_user u;
	struct err e = {0};
	size_t n = 0;
	cr_expect_eq(process_user_find(body, ROOT, &u, &e), 0);
	struct mp list = mp_of(u.groups);
	cr_expect(u.groups.len && mp_array(&list, &n) == 0 && n == 2);
	cr_expect_eq(process_user_find(body, SOMEBODY, &u, &e), 0);
	cr_expect_eq(u.groups.len, 0);
	cr_expect_eq(process_user_find(none, ROOT, &u, &e), 0);
	cr_expect_eq(u.groups.len, 0);
	arena_fini(&arena);
}

Test(process_user, is_never_root_that_is_not_to_be)
{
	expect_refused(ROOT, -1, "container has runAsNonRoot and image will run as root");
	expect_refused(ROOT, 0, "container's runAsUser breaks non-root policy");
	arena_fini(&arena);
}
