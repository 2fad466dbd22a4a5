#include "tools/ready.h"

#include <stdlib.h>
#include <unistd.h>

#include "actors/runtime/view.h"
#include "actors/schema/conditions.h"
#include "broker/base/omap.h"

struct state {
	struct view *nodes;
	struct omap wanted; /* names that are not Ready yet */
	bool listening, told;
	int port;
};

static int tell(struct ctx *c, struct state *s)
{
	if (s->told || !s->listening || s->wanted.count || !view_synced(s->nodes))
		return 0;
	static const char text[] = "ready\n";
	s->told = true;
	ctx_port_call(c, s->port, 1, 0, 0, bytes_copy(text, sizeof text - 1));
	return 0;
}

static int on_listening(struct ctx *c, void *state, const struct msg *m)
{
	struct state *s = state;
	(void)m;
	s->listening = true;
	return tell(c, s);
}

static int on_view(struct ctx *c, void *state, const struct view_change *v)
{
	struct state *s = state;
	if (v->now && condition_is(mp_of_bytes(v->now->value), "Ready", "True"))
		omap_remove(&s->wanted,
			    mp_path_str(mp_of_bytes(v->now->value), "metadata.name"));
	return tell(c, s);
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	struct mp list;
	size_t n;
	struct err e = {0};
	if (mp_find(cfg, "nodes", &list) && mp_array(&list, &n) == 0) {
		while (n--) {
			struct span name;
			if (mp_str(&list, &name))
				break;
			omap_put(&s->wanted, name, s);
		}
	}
	s->port = ctx_port_open(c, "notify", cfg, &e);
	s->nodes = ctx_follow(c, "nodes");
	return s->port < 0 ? s->port : 0;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->wanted, NULL);
}

static const struct actor_handler handlers[] = {{"api.listening", on_listening}, {NULL, NULL}};

const struct actor_spec ready_actor = {
	.kind = "ready",
	.state_bytes = sizeof(struct state),
	.handlers = handlers,
	.init = init,
	.on_view = on_view,
	.fini = fini,
};

/* ---- the port: one descriptor that the parent gave */

static int open_port(struct port *p, struct mp cfg, struct err *e)
{
	(void)cfg;
	(void)e;
	const char *fd = getenv("TROUPE_NOTIFY_FD");
	p->state = (void *)(intptr_t)(fd ? atoi(fd) : -1);
	return 0;
}

static void call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct span s = bytes_span(payload);
	int fd = (int)(intptr_t)p->state;
	(void)op;
	(void)id;
	(void)arg;
	if (fd >= 0)
		(void)!write(fd, s.data, s.len);
}

static void close_port(struct port *p)
{
	(void)p;
}

const struct port_driver notify_port_driver = {
	.name = "notify",
	.open = open_port,
	.call = call,
	.close = close_port,
};
