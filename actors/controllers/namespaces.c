#include "actors/controllers/namespaces.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/runtime/fence.h"
#include "actors/runtime/view.h"
#include "broker/base/mem.h"

enum { REQUEST_MS = 10000, AGAIN_US = 1000000 };

static const char *const expected[] = {"default", "kube-system", "kube-public", "kube-node-lease"};

struct state {
	struct view *namespaces, *accounts;
	struct view *views[2]; /* these, for the fence */
	struct fence fence;
	struct omap asked; /* keys that are being made */
	bool active;	   /* all was looked at once since the fence is ours */
	bool again;	   /* all is asked for again soon: one timer, however many failed */
	uint64_t made;
};

/* ---- plan: what is missing, given what is there */

static bool terminating(const struct view_object *o)
{
	return mp_path_str(mp_of_bytes(o->value), "metadata.deletionTimestamp").len > 0;
}

static bool missing(const struct state *s, struct view *v, const char *key)
{
	return !view_get(v, span_of(key)) && !omap_get(&s->asked, span_of(key));
}

/* ---- act */

static void make(struct ctx *c, struct state *s, const char *key, const char *resource,
		 const char *kind, const char *namespace, const char *name)
{
	struct buf b = {0};
	mpw_map(&b, 5);
	mpw_kv_str(&b, "group", "");
	mpw_kv_str(&b, "version", "v1");
	mpw_kv_str(&b, "resource", resource);
	mpw_kv_str(&b, "namespace", namespace);
	mpw_str(&b, "object");
	mpw_map(&b, 3);
	mpw_kv_str(&b, "apiVersion", "v1");
	mpw_kv_str(&b, "kind", kind);
	mpw_str(&b, "metadata");
	mpw_map(&b, *namespace ? 2 : 1);
	mpw_kv_str(&b, "name", name);
	if (*namespace)
		mpw_kv_str(&b, "namespace", namespace);
	omap_put(&s->asked, span_of(key), s);
	ctx_request(c, "gate", "object.create", &b, REQUEST_MS, 0);
}

static void make_namespaces(struct ctx *c, struct state *s)
{
	char key[300];
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		snprintf(key, sizeof key, "namespaces/%s", expected[i]);
		if (missing(s, s->namespaces, key))
			make(c, s, key, "namespaces", "Namespace", "", expected[i]);
	}
}

static void make_accounts(struct ctx *c, struct state *s)
{
	char key[300], name[128];
	for (struct onode *n = omap_first(view_map(s->namespaces)); n; n = omap_next(n)) {
		struct span k = onode_key(n), prefix = span_of("namespaces/");
		snprintf(name, sizeof name, "%.*s", (int)(k.len - prefix.len), k.data + prefix.len);
		snprintf(key, sizeof key, "serviceaccounts/%s/default", name);
		if (!terminating(n->value) && missing(s, s->accounts, key))
			make(c, s, key, "serviceaccounts", "ServiceAccount", name, "default");
	}
}

/* Not before both views are complete, where everything seems missing. */
static void make_all(struct ctx *c, struct state *s)
{
	if (!fence_holds(&s->fence))
		return;
	s->active = true;
	make_namespaces(c, s);
	make_accounts(c, s);
}

static int on_view(struct ctx *c, void *state, const struct view_change *v)
{
	struct state *s = state;
	if (v->key.len && v->now)
		omap_remove(&s->asked, v->key); /* it is there */
	bool account_made = v->view == s->accounts && v->now;
	if (!account_made || !s->active)
		make_all(c, s);
	return 0;
}

static int on_outcome(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o)
{
	struct state *s = state;
	(void)tag;
	return fence_on_outcome(c, &s->fence, o);
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct state *s = state;
	if (tag == FENCE_TAG) {
		fence_on_reply(c, &s->fence, r);
		make_all(c, s);
		return 0;
	}
	int64_t code = r->status ? 0 : mp_path_int(r->body, "code", 0);
	if (code == 201)
		s->made++;
	if (code == 201 || code == 409 || s->again)
		return 0;
	s->again = true;
	ctx_timer(c, AGAIN_US, 0);
	return 0;
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct state *s = state;
	if (tag == FENCE_TAG) {
		fence_on_timer(c, &s->fence);
		return 0;
	}
	s->again = false;
	omap_fini(&s->asked, NULL);
	make_all(c, s);
	return 0;
}

static int on_down(struct ctx *c, void *state, struct span who, int reason)
{
	struct state *s = state;
	(void)reason;
	fence_on_down(c, &s->fence, who);
	return 0;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	s->namespaces = s->views[0] = ctx_follow(c, "namespaces");
	s->accounts = s->views[1] = ctx_follow(c, "serviceaccounts");
	fence_take(c, &s->fence, "namespaces", s->views, 2);
	return 0;
}

static void inspect(const void *state, struct buf *out)
{
	const struct state *s = state;
	mpw_map(out, 2);
	fence_inspect(&s->fence, out);
	mpw_kv_u64(out, "made", s->made);
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->asked, NULL);
	fence_fini(&s->fence);
}

const struct actor_spec namespaces_actor = {
	.kind = "namespaces",
	.state_bytes = sizeof(struct state),
	.init = init,
	.on_view = on_view,
	.on_outcome = on_outcome,
	.on_reply = on_reply,
	.on_timer = on_timer,
	.on_down = on_down,
	.inspect = inspect,
	.fini = fini,
};
