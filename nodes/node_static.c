/* Static pods: those of files on the node's machine (nodes/static). They run whether
 * or not anybody else is there; for the API each has a mirror.
 *
 *	files change ─► begun, ended, or begun anew with another uid
 *	our view: no mirror ─► made; one of another uid, or that somebody deletes ─► gone, made again
 *
 * A mirror without a pod of ours is removed. Statuses go to the mirror, while there
 * is one; the worker is told when one comes. */
#include <stdlib.h>
#include <string.h>

#include "broker/base/log.h"
#include "nodes/node_private.h"
#include "nodes/static/static_pod.h"
#include "nodes/static/static_port.h"

enum { MIRROR_MS = 5000, MIRROR_AGAIN_US = 2000000 };

struct node_static {
	struct static_pod *pod;
	char *file;
	char *mirror_uid; /* of the mirror that our view has; NULL: none that is good */
	bool asked;       /* a mirror is being made */
	bool refused;     /* that was said in the log */
	bool seen;        /* its file is among those that are read */
};

/* ---- mirrors */

static void remove_mirror(struct ctx *c, const struct view_object *o)
{
	struct mp m = mp_of_bytes(o->value);
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_kv_span(&b, "namespace", mp_path_str(m, "metadata.namespace"));
	mpw_kv_span(&b, "name", mp_path_str(m, "metadata.name"));
	mpw_kv_span(&b, "uid", mp_path_str(m, "metadata.uid"));
	ctx_request(c, "gate", "pod.finished", &b, MIRROR_MS, NODE_TAG(TAG_MIRROR, 0));
}

static void make_mirror(struct ctx *c, struct agent_pod *p)
{
	struct node_static *s = p->of_file;
	struct buf b = {0};
	if (s->asked)
		return;
	mpw_map(&b, 1);
	mpw_str(&b, "object");
	mpw_raw(&b, bytes_span(s->pod->mirror));
	s->asked = true;
	ctx_request(c, "gate", "pod.mirror", &b, MIRROR_MS, NODE_TAG(TAG_MIRROR, p->id));
}

/* What our view says of it now. */
static void look_at_mirror(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct node_static *s = p->of_file;
	struct view_object *o = view_get(a->view, span_of(p->key));
	if (!view_synced(a->view))
		return;
	free(s->mirror_uid);
	s->mirror_uid = NULL;
	if (!o) {
		make_mirror(c, p);
		return;
	}
	struct mp m = mp_of_bytes(o->value);
	if (!span_is(static_pod_mirrored(m), p->uid) || mp_path_str(m, "metadata.deletionTimestamp").len) {
		remove_mirror(c, o);
		return;
	}
	struct span uid = mp_path_str(m, "metadata.uid");
	s->mirror_uid = mem_ndup(uid.data, uid.len);
}

/* It was made, or refused, or nobody knows: what became of it our view says. */
void static_on_mirrored(struct ctx *c, struct agent *a, uint64_t id, const struct reply *r)
{
	struct agent_pod *p = agent_pod(a, id);
	if (!p || !p->of_file)
		return;
	p->of_file->asked = false;
	int64_t code = r->status ? 500 : mp_path_int(r->body, "code", 0);
	struct span why = r->status ? r->text : mp_path_str(r->body, "message");
	bool refused = code >= 300 && code != 409;
	if (refused && !p->of_file->refused)
		log_warn("node", "%s: no mirror of %s: %.*s", a->node, p->key, (int)why.len,
			 (const char *)why.data);
	p->of_file->refused = refused;
	if (!p->of_file->mirror_uid)
		ctx_timer(c, MIRROR_AGAIN_US, NODE_TAG(TAG_MIRROR, p->id));
}

void static_on_timer(struct ctx *c, struct agent *a, uint64_t id)
{
	struct agent_pod *p = agent_pod(a, id);
	if (p && p->of_file && p->key && !p->of_file->mirror_uid)
		look_at_mirror(c, a, p);
}

bool static_on_view(struct ctx *c, struct agent *a, struct span key, const struct view_object *o)
{
	struct agent_pod *p = omap_get(&a->by_key, key);
	if (p && p->of_file) {
		bool had = p->of_file->mirror_uid;
		look_at_mirror(c, a, p);
		if (!had && p->of_file->mirror_uid) { /* it does not know our status */
			pod_worker_status_lost(p->worker);
			agent_step(c, a, p);
		}
		return true;
	}
	if (!o || !static_pod_mirrored(mp_of_bytes(o->value)).len)
		return false;
	if (a->static_told)
		remove_mirror(c, o);
	return true;
}

void static_on_synced(struct ctx *c, struct agent *a)
{
	for (struct onode *n = omap_first(&a->pods); n; n = omap_next(n)) {
		struct agent_pod *p = n->value;
		if (p->of_file && p->key && !p->of_file->mirror_uid)
			look_at_mirror(c, a, p);
	}
}

const char *static_api_uid(const struct agent_pod *p)
{
	return p->of_file ? p->of_file->mirror_uid : p->uid;
}

/* ---- pods */

void static_free(struct node_static *s)
{
	if (!s)
		return;
	static_pod_free(s->pod);
	free(s->file);
	free(s->mirror_uid);
	free(s);
}

static struct agent_pod *pod_of_file(struct agent *a, const char *file)
{
	for (struct onode *n = omap_first(&a->pods); n; n = omap_next(n)) {
		struct agent_pod *p = n->value;
		if (p->of_file && p->key && strcmp(p->of_file->file, file) == 0)
			return p;
	}
	return NULL;
}

static void begin(struct ctx *c, struct agent *a, struct static_pod *pod, const char *file)
{
	struct view_object *o = view_get(a->view, span_of(pod->key));
	bool known = o && span_is(static_pod_mirrored(mp_of_bytes(o->value)), pod->uid);
	struct node_static *s = mem_alloc(sizeof *s);
	struct bytes *object = known ? static_pod_with_status(pod, mp_of_bytes(o->value))
				     : bytes_ref(pod->object);
	s->pod = pod;
	s->file = mem_dup(file);
	s->seen = true;
	struct agent_pod *p = agent_pod_begin(a, span_of(pod->key), span_of(pod->uid));
	p->of_file = s;
	int rc = pod_worker_desired(p->worker, object, NULL);
	bytes_unref(object);
	if (rc == 0) {
		look_at_mirror(c, a, p);
		agent_step(c, a, p);
	}
}

/* A file that says nothing sensible leaves what runs as it is. */
static void take_file(struct ctx *c, struct agent *a, const char *file, struct span text)
{
	struct agent_pod *p = pod_of_file(a, file);
	struct static_pod *pod = NULL;
	struct err e = {0};
	if (p)
		p->of_file->seen = true;
	if (static_pod_make(a->node, file, text, ctx_wall_us(c), &pod, &e)) {
		log_warn("node", "%s: static pods: %s", a->node, e.text);
		return;
	}
	if (p && strcmp(p->uid, pod->uid) == 0) {
		static_pod_free(pod);
		return;
	}
	if (p)
		agent_pod_gone(c, a, p);
	struct agent_pod *other = omap_get(&a->by_key, span_of(pod->key));
	if (other && other->of_file) {
		log_warn("node", "%s: static pods: %s: there is another file of %s", a->node, file,
			 pod->key);
		static_pod_free(pod);
		return;
	}
	begin(c, a, pod, file);
}

static void end_those_without_file(struct ctx *c, struct agent *a)
{
	uint64_t at = 0;
	struct onode *n;
	while ((n = omap_seek_u64(&a->pods, at))) {
		struct agent_pod *p = n->value;
		at = p->id + 1;
		if (!p->of_file || !p->key)
			continue;
		if (p->of_file->seen) {
			p->of_file->seen = false;
			continue;
		}
		struct view_object *o = view_get(a->view, span_of(p->key));
		agent_pod_gone(c, a, p);
		if (o && static_pod_mirrored(mp_of_bytes(o->value)).len)
			remove_mirror(c, o);
	}
}

void static_take(struct ctx *c, struct agent *a)
{
	struct mp list;
	size_t n = 0, two;
	if (!a->static_files || !a->listed)
		return; /* first we must know what is on the machine */
	if (!mp_find(mp_of_bytes(a->static_files), "files", &list) || mp_array(&list, &n))
		n = 0;
	for (; n > 0; n--) {
		struct span name, text;
		if (mp_array(&list, &two) || mp_str(&list, &name) || mp_bin(&list, &text))
			break;
		take_file(c, a, arena_ndup(ctx_arena(c), name.data, name.len), text);
	}
	a->static_told = true;
	end_those_without_file(c, a);
	bytes_unref(a->static_files);
	a->static_files = NULL;
}

void static_on_port(struct ctx *c, struct agent *a, const struct port_event *e)
{
	if (e->op != STATIC_FILES)
		return;
	bytes_unref(a->static_files);
	a->static_files = bytes_ref(e->payload);
	static_take(c, a);
}
