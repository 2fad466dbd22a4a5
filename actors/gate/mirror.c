/* pod.mirror: what a node shows of a pod of its own (nodes/static). It is made for that
 * node alone, and belongs to it: when the node's object goes, so does the mirror. */
#include "actors/gate/gate_private.h"

static const char mirror_annotation[] = "kubernetes.io/config.mirror";

static struct view_object *node_of(const struct gate *g, struct span node)
{
	struct buf key = {0};
	schema_key(&key, g->nodes, (struct span){0}, node);
	struct view_object *o = view_get(g->node_view, span_buf(&key));
	buf_fini(&key);
	return o;
}

static void set_owner(struct job *j, const struct view_object *o, struct span node)
{
	struct arena *a = &j->writing.arena;
	struct doc *list = doc_new(a, DOC_ARRAY), *owner = doc_add(list, doc_new(a, DOC_MAP));
	struct span uid = mp_path_str(mp_of_bytes(o->value), "metadata.uid");
	doc_set_str(a, owner, "apiVersion", "v1");
	doc_set_str(a, owner, "kind", "Node");
	doc_set(a, owner, "name", doc_span(a, writing_text(&j->writing, node)));
	doc_set(a, owner, "uid", doc_span(a, writing_text(&j->writing, uid)));
	doc_set_bool(a, owner, "controller", true);
	doc_set(a, doc_get(j->writing.request.body, "metadata"), "ownerReferences", list);
}

int gate_on_pod_mirror(struct ctx *c, void *state, const struct msg *m)
{
	struct gate *g = state;
	struct mp object, notes, v;
	struct span raw, node;
	struct doc *d = NULL;
	if (!mp_find(m->body, "object", &object))
		return ERR_INVALID;
	node = mp_path_str(object, "spec.nodeName");
	if (!node.len || !mp_path_str(object, "metadata.namespace").len ||
	    !mp_path(object, "metadata.annotations", &notes) || !mp_find(notes, mirror_annotation, &v)) {
		ctx_reply_error(c, ERR_INVALID, "a mirror has a node, a namespace and the annotation %s",
				mirror_annotation);
		return 0;
	}
	if (!gate_may_speak_for(c, m, node))
		return 0;
	const struct view_object *owner = node_of(g, node);
	if (!owner) { /* it is about to be registered */
		ctx_reply_error(c, ERR_AGAIN, "node %.*s is not known yet", (int)node.len,
				(const char *)node.data);
		return 0;
	}
	struct job *j = gate_job_new(c, g, m, g->pods, OBJ_CREATE);
	/* The message goes when the turn ends; the job may be planned again. */
	mp_raw(&object, &raw);
	raw = writing_text(&j->writing, raw);
	if (doc_from_mp(&j->writing.arena, mp_of(raw), &d, NULL))
		return ERR_INVALID;
	j->writing.request.namespace =
		writing_text(&j->writing, mp_path_str(mp_of(raw), "metadata.namespace"));
	j->writing.request.body = d;
	set_owner(j, owner, node);
	j->parked = ctx_park(c);
	gate_job_run(c, g, j);
	return 0;
}
