/* Which ports of a node are in each other's way. */
#include <criterion/criterion.h>

#include "actors/scheduler/host_ports.h"
#include "broker/base/mem.h"
#include "tests/lib/doc_text.h"

static struct arena arena;

/* `containers`: JSON with ' for ". */
static struct host_ports ports(const char *lists)
{
	struct buf b = {0};
	struct host_ports h = {0};
	doc_to_mp(&b, doc_quoted(&arena, arena_printf(&arena, "{'spec':{%s}}", lists)));
	host_ports_read(&h, mp_of(span_buf(&b)));
	buf_fini(&b);
	return h;
}

#define ONE(port) "'containers':[{'ports':[{" port "}]}]"

Test(host_ports, conflict_by_port_protocol_and_address)
{
	static const struct {
		const char *a, *b;
		bool conflict;
	} rows[] = {
		{"'hostPort':80", "'hostPort':80", true},
		{"'hostPort':80", "'hostPort':81", false},
		{"'hostPort':80", "'hostPort':80,'protocol':'TCP'", true},
		{"'hostPort':80", "'hostPort':80,'protocol':'UDP'", false},
		{"'hostPort':80,'hostIP':'127.0.0.1'", "'hostPort':80,'hostIP':'127.0.0.2'", false},
		{"'hostPort':80,'hostIP':'127.0.0.1'", "'hostPort':80,'hostIP':'127.0.0.1'", true},
		{"'hostPort':80,'hostIP':'127.0.0.1'", "'hostPort':80", true},
		{"'hostPort':80,'hostIP':'0.0.0.0'", "'hostPort':80,'hostIP':'127.0.0.1'", true},
		{"'containerPort':80", "'hostPort':80", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct host_ports a = ports(arena_printf(&arena, ONE("%s"), rows[i].a));
		struct host_ports b = ports(arena_printf(&arena, ONE("%s"), rows[i].b));
		struct host_ports node = {0};
		cr_expect(!host_ports_conflict(&node, &b));
		host_ports_add(&node, &a);
		cr_expect_eq(host_ports_conflict(&node, &b), rows[i].conflict, "%s, %s", rows[i].a,
			     rows[i].b);
		host_ports_remove(&node, &a);
		cr_expect(!host_ports_conflict(&node, &b));
		host_ports_fini(&node);
		host_ports_fini(&a);
		host_ports_fini(&b);
	}
}

Test(host_ports, one_that_two_have_is_free_when_both_are_gone)
{
	struct host_ports a = ports(ONE("'hostPort':80")), b = ports(ONE("'hostPort':80"));
	struct host_ports node = {0};
	host_ports_add(&node, &a);
	host_ports_add(&node, &b);
	host_ports_remove(&node, &a);
	cr_expect(host_ports_conflict(&node, &a));
	host_ports_remove(&node, &b);
	cr_expect(!host_ports_conflict(&node, &a));
	cr_expect_eq(node.count, 0);
	host_ports_fini(&node);
	host_ports_fini(&a);
	host_ports_fini(&b);
}

Test(host_ports, of_init_containers_only_those_that_stay)
{
	struct host_ports h = ports("'initContainers':[{'ports':[{'hostPort':1}]},"
				    "{'restartPolicy':'Always','ports':[{'hostPort':2}]}],"
				    "'containers':[{'ports':[{'hostPort':3},{'hostPort':3}]},{}]");
	cr_assert_eq(h.count, 2);
	cr_expect_eq(h.all[0].port, 3);
	cr_expect_eq(h.all[1].port, 2);
	host_ports_fini(&h);
}
