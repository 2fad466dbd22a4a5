/* Writes on pods and on what belongs to them: who, with which fence, resting on what. */
#include <stdlib.h>

#include "actors/schema/rfc3339.h"
#include "actors/scheduler/scheduler_private.h"

static struct view *view_of(void *arg, struct span stream)
{
	struct scheduler *s = arg;
	if (span_is(stream, "pods"))
		return s->pod_view;
	return span_is(stream, "nodes") ? s->node_view : volumes_view(&s->volumes, stream);
}

struct writing *writes_begin(struct ctx *c, struct scheduler *s, struct pod *p, const struct schema_resource *row,
			     enum obj_verb verb, const char *sub)
{
	struct writing *w = mem_alloc(sizeof *w);
	writing_init(c, w, s->schema, row, verb, view_of, s);
	w->request.origin.principal = span_of("system:kube-scheduler");
	w->request.subresource = sub;
	w->fence_key = span_of(s->fence.key);
	w->fence_token = s->fence.token;
	p->writing = w;
	p->tag = ++s->next_tag;
	omap_put_u64(&s->writing, p->tag, p);
	return w;
}

struct writing *writes_pod(struct ctx *c, struct scheduler *s, struct pod *p, enum obj_verb verb, const char *sub)
{
	struct span stream, ns, name;
	struct writing *w = writes_begin(c, s, p, s->pods_row, verb, sub);
	schema_key_split(span_of(p->key), &stream, &ns, &name);
	w->request.namespace = writing_text(w, ns);
	w->request.name = writing_text(w, name);
	return w;
}

void writes_rest_on(struct writing *w, const struct store_compare *basis, size_t count)
{
	struct store_compare *own = arena_alloc(&w->arena, (count + 1) * sizeof *own);
	for (size_t i = 0; i < count; i++) {
		own[i] = basis[i];
		own[i].key = writing_text(w, basis[i].key);
	}
	w->request.basis = own;
	w->request.basis_count = count;
}

void writes_rest_on_pod(struct writing *w, const struct pod *p)
{
	writes_rest_on(
		w, &(struct store_compare){.key = span_of(p->key), .field = STORE_MOD, .number = p->version}, 1);
}

struct doc *writes_conditions(struct ctx *c, struct writing *w, struct span pod, const char *type, const char *status,
			      const char *reason, const char *message)
{
	struct arena *a = &w->arena;
	struct doc *object = NULL, *cond = NULL;
	char now[RFC3339_MAX];
	if (pod.len)
		doc_from_mp(a, mp_of(writing_text(w, pod)), &object, NULL);
	struct doc *was = object ? doc_path(object, "status.conditions") : NULL;
	struct doc *list = doc_is(was, DOC_ARRAY) ? doc_copy(a, was) : doc_new(a, DOC_ARRAY);
	DOC_EACH(it, list)
		if (doc_str_is(doc_get(it, "type"), type))
			cond = it;
	if (!cond)
		cond = doc_add(list, doc_new(a, DOC_MAP));
	rfc3339_format(ctx_wall_us(c), now);
	doc_set_str(a, cond, "type", type);
	if (!doc_str_is(doc_get(cond, "status"), status))
		doc_set_str(a, cond, "lastTransitionTime", arena_dup(a, now));
	doc_set_str(a, cond, "status", status);
	doc_set_str(a, cond, "reason", reason);
	doc_set_str(a, cond, "message", message);
	return list;
}

void writes_end(struct scheduler *s, struct pod *p)
{
	if (!p->writing)
		return;
	omap_remove_u64(&s->writing, p->tag);
	writing_fini(p->writing);
	free(p->writing);
	p->writing = NULL;
}

void writes_tell(struct ctx *c, struct scheduler *s, const struct pod *p, const char *type, const char *reason,
		 const char *message)
{
	struct mp m = mp_of_bytes(p->object);
	struct buf b = {0};
	mpw_map(&b, 8);
	mpw_kv_str(&b, "kind", "Pod");
	mpw_kv_span(&b, "namespace", mp_path_str(m, "metadata.namespace"));
	mpw_kv_span(&b, "name", mp_path_str(m, "metadata.name"));
	mpw_kv_span(&b, "uid", mp_path_str(m, "metadata.uid"));
	mpw_kv_str(&b, "type", type);
	mpw_kv_str(&b, "reason", reason);
	mpw_kv_str(&b, "message", message);
	mpw_kv_str(&b, "component", s->name);
	ctx_send(c, "gate", "event.record", &b, 0);
}
