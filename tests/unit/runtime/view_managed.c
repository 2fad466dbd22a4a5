/* Objects without managedFields: only where nobody else has their bytes. */
#include "actors/runtime/messages.h"
#include "actors/runtime/view_private.h"
#include "broker/base/mem.h"
#include "broker/messages.h"
#include "tests/lib/lone_cell.h"

static const struct actor_spec *const kinds[] = {NULL};
static const struct port_driver *const drivers[] = {NULL};

struct rig {
	struct lone lone;
	struct cell *cell;
	struct view *view;
};

static void begin(struct rig *g, bool apart)
{
	static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
	static const struct catalogue catalogue = {tables};
	struct cell_ops ops = lone_begin(&g->lone);
	struct cell_config cfg = {.name = "nodes", .catalogue = &catalogue, .kinds = kinds,
				  .drivers = drivers, .apart = apart};
	g->cell = cell_new(&cfg, &ops);
	g->view = view_open(g->cell, "pods@n1", false);
	view_leave_managed(g->cell, g->view);
	g->view->state = VIEW_LIVE;
}

static void end(struct rig *g)
{
	cell_free(g->cell);
	lone_end(&g->lone);
}

static void put_pod(struct buf *b)
{
	mpw_map(b, 2);
	mpw_str(b, "metadata");
	mpw_map(b, 3);
	mpw_kv_str(b, "name", "web");
	mpw_str(b, "managedFields");
	mpw_array(b, 1);
	mpw_map(b, 1);
	mpw_kv_str(b, "manager", "kubectl");
	mpw_kv_str(b, "uid", "u1");
	mpw_str(b, "spec");
	mpw_map(b, 1);
	mpw_kv_str(b, "nodeName", "n1");
}

/* The change of one pod, as the store tells it. */
static void tell(struct rig *g)
{
	struct buf b = {0};
	mpw_map(&b, 6);
	mpw_str(&b, "streams");
	mpw_array(&b, 1);
	mpw_array(&b, 2);
	mpw_str(&b, "pods@n1");
	mpw_u64(&b, 0);
	mpw_kv_u64(&b, "version", 1024);
	mpw_kv_str(&b, "key", "pods/default/web");
	mpw_kv_u64(&b, "created", 1024);
	mpw_kv_str(&b, "part", "n1");
	mpw_str(&b, "value");
	put_pod(&b);
	struct bytes *owner = bytes_take(&b);
	views_on_bus_body(g->cell, span_of("pods@n1"), MSG_BUS_EVENT, mp_of(bytes_span(owner)), owner);
	bytes_unref(owner);
}

static struct mp pod_of(struct rig *g, struct bytes **value)
{
	struct view_object *o = view_get(g->view, span_of("pods/default/web"));
	cr_assert_not_null(o);
	cr_expect_eq(o->version, 1024);
	*value = o->value;
	return mp_of_bytes(o->value);
}

Test(view_managed, is_left_out_where_a_process_would_hold_it_alone)
{
	struct rig g;
	struct mp m;
	struct bytes *value;
	begin(&g, true);
	tell(&g);
	struct mp pod = pod_of(&g, &value);
	cr_expect(!mp_path(pod, "metadata.managedFields", &m));
	cr_expect(span_is(mp_path_str(pod, "metadata.name"), "web"));
	cr_expect(span_is(mp_path_str(pod, "metadata.uid"), "u1"));
	cr_expect(span_is(mp_path_str(pod, "spec.nodeName"), "n1"));
	end(&g);
}

Test(view_managed, stays_where_the_bytes_are_the_stores_own)
{
	struct rig g;
	struct mp m;
	struct bytes *value;
	begin(&g, false);
	tell(&g);
	cr_expect(mp_path(pod_of(&g, &value), "metadata.managedFields", &m));
	end(&g);
}

Test(view_managed, stays_where_somebody_follows_it_whole)
{
	struct rig g;
	struct mp m;
	struct bytes *value;
	begin(&g, true);
	g.view->unmanaged = false;
	g.view->followers = mem_alloc(sizeof *g.view->followers);
	g.view->follower_count = 1;
	view_leave_managed(g.cell, g.view);
	tell(&g);
	cr_expect(mp_path(pod_of(&g, &value), "metadata.managedFields", &m));
	end(&g);
}
