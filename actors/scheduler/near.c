#include <stdlib.h>

#include "actors/schema/selectors.h"
#include "actors/scheduler/near_private.h"

/* ---- terms: [namespaces or nil, selector of namespaces or nil, selector or nil, more] */

/* An empty one selects all, also those that nobody has told of yet. */
static bool namespace_selected(struct near *n, struct mp selector, struct span ns)
{
	struct mp map = selector, labels = {0};
	size_t count;
	if (mp_peek(&selector) != MP_MAP)
		return false;
	if (mp_map(&map, &count) == 0 && count == 0)
		return true;
	mp_path(n->namespace(n->arg, ns), "metadata.labels", &labels);
	return label_object_match_all(selector, labels);
}

static bool namespace_named(struct mp names, struct span ns)
{
	struct span name;
	for (size_t i = near_items(&names); i > 0 && mp_str(&names, &name) == 0; i--)
		if (span_eq(name, ns))
			return true;
	return false;
}

/* Each of [key, value, whether it must be another]. */
static bool more_hold(struct mp more, struct mp labels)
{
	for (size_t i = near_items(&more); i > 0; i--, mp_skip(&more)) {
		struct mp one = more, has;
		struct span key, value, is = {0};
		bool not = false;
		if (near_items(&one) != 3 || mp_str(&one, &key) || mp_str(&one, &value) || mp_bool(&one, &not))
			return false;
		bool there = mp_find_span(labels, key, &has) && mp_str(&has, &is) == 0;
		if ((there && span_eq(is, value)) == not)
			return false;
	}
	return true;
}

static bool part_matches(struct near *n, struct mp part, struct span ns, struct mp labels)
{
	struct mp names, spaces, selector;
	if (near_items(&part) != 4)
		return false;
	names = part;
	mp_skip(&part);
	spaces = part;
	mp_skip(&part);
	selector = part;
	mp_skip(&part);
	if (!namespace_named(names, ns) && !namespace_selected(n, spaces, ns))
		return false;
	return mp_peek(&selector) == MP_MAP && label_object_match_all(selector, labels) && more_hold(part, labels);
}

bool near_matches(struct near *n, const struct near_term *t, struct mp pod)
{
	struct mp m = mp_of_bytes(t->key), labels = {0};
	struct span ns = mp_path_str(pod, "metadata.namespace");
	size_t parts = near_items(&m);
	mp_path(pod, "metadata.labels", &labels);
	mp_skip(&m);
	for (; parts > 1; parts--, mp_skip(&m))
		if (!part_matches(n, m, ns, labels))
			return false;
	return true;
}

static void put_raw(struct buf *b, struct mp from, const char *key)
{
	struct mp m;
	struct span raw;
	if (mp_find(from, key, &m) && mp_raw(&m, &raw) == 0)
		buf_append(b, raw.data, raw.len);
	else
		mpw_nil(b);
}

static size_t count_keys(struct mp term, const char *name, struct mp *list)
{
	return mp_find(term, name, list) ? near_items(list) : 0;
}

static size_t put_labels(struct buf *b, struct mp keys, size_t count, struct mp labels, bool not)
{
	size_t put = 0;
	for (; count > 0; count--) {
		struct span key, value;
		struct mp m;
		if (mp_str(&keys, &key))
			break;
		if (!mp_find_span(labels, key, &m) || mp_str(&m, &value))
			continue;
		mpw_array(b, 3);
		mpw_span(b, key);
		mpw_span(b, value);
		mpw_bool(b, not);
		put++;
	}
	return put;
}

/* matchLabelKeys and mismatchLabelKeys: the pod's own values of those. */
static void put_more(struct buf *b, struct mp term, struct mp labels)
{
	struct mp same, other;
	struct buf list = {0};
	size_t put = 0, n = count_keys(term, "matchLabelKeys", &same);
	put += put_labels(&list, same, n, labels, false);
	n = count_keys(term, "mismatchLabelKeys", &other);
	put += put_labels(&list, other, n, labels, true);
	mpw_array(b, put);
	buf_append(b, list.data, list.len);
	buf_fini(&list);
}

/* Of neither list nor selector of namespaces, it is about the pod's own. */
static void put_part(struct buf *b, struct mp term, struct mp pod)
{
	struct mp names, spaces, labels = {0};
	bool named = mp_find(term, "namespaces", &names) && near_items(&names) > 0;
	bool selected = mp_find(term, "namespaceSelector", &spaces) && mp_peek(&spaces) == MP_MAP;
	mp_path(pod, "metadata.labels", &labels);
	mpw_array(b, 4);
	if (named || selected) {
		put_raw(b, term, "namespaces");
	} else {
		mpw_array(b, 1);
		mpw_span(b, mp_path_str(pod, "metadata.namespace"));
	}
	put_raw(b, term, "namespaceSelector");
	put_raw(b, term, "labelSelector");
	put_more(b, term, labels);
}

/* ---- how many of a term are where */

static struct tally *tally_of(struct near_term *t, struct span node)
{
	struct tally *y = omap_get(&t->on, node);
	if (!y) {
		y = mem_alloc(sizeof *y);
		omap_put(&t->on, node, y);
	}
	return y;
}

static void tidy(struct near_term *t, struct span node, const struct tally *y)
{
	if (!y->here && !y->leaving && !y->held && !y->liked)
		free(omap_remove(&t->on, node));
}

static bool count_pod(struct near *n, struct near_term *t, struct mp pod, struct span node, int sign)
{
	if (!near_matches(n, t, pod))
		return false;
	struct tally *y = tally_of(t, node);
	y->here += sign;
	if (mp_path_str(pod, "metadata.deletionTimestamp").len)
		y->leaving += sign;
	tidy(t, node, y);
	return true;
}

bool near_moved(struct near *n, const struct near_asks *asks, struct mp pod, struct span node, int sign)
{
	bool meant = false;
	for (struct onode *o = omap_first(&n->terms); o; o = omap_next(o))
		meant |= count_pod(n, o->value, pod, node, sign);
	for (size_t i = 0; asks && i < asks->count; i++) {
		const struct ask *k = &asks->all[i];
		if (k->kind != ASK_ANTI && k->kind != ASK_LIKE)
			continue;
		struct tally *y = tally_of(k->term, node);
		if (k->kind == ASK_ANTI)
			y->held += sign;
		else
			y->liked += sign * k->weight;
		tidy(k->term, node, y);
	}
	return meant;
}

static struct span labels_of(struct mp pod)
{
	struct mp m;
	struct span raw = {0};
	if (mp_path(pod, "metadata.labels", &m))
		mp_raw(&m, &raw);
	return raw;
}

bool near_same(struct mp was, struct mp is)
{
	bool was_leaving = mp_path_str(was, "metadata.deletionTimestamp").len > 0;
	bool leaving = mp_path_str(is, "metadata.deletionTimestamp").len > 0;
	return was_leaving == leaving && span_eq(labels_of(was), labels_of(is));
}

struct recount {
	struct near *n;
	struct near_term *t;
};

static void count_one(void *with, struct mp pod, struct span node)
{
	struct recount *r = with;
	count_pod(r->n, r->t, pod, node, 1);
}

static void count_all(struct near *n, struct near_term *t)
{
	struct recount r = {n, t};
	n->each_placed(n->arg, count_one, &r);
}

void near_namespaces_changed(struct near *n)
{
	for (struct onode *o = omap_first(&n->terms); o; o = omap_next(o)) {
		struct near_term *t = o->value;
		if (!t->of_namespaces)
			continue;
		for (struct onode *y = omap_first(&t->on); y; y = omap_next(y))
			((struct tally *)y->value)->here = ((struct tally *)y->value)->leaving = 0;
		count_all(n, t);
	}
}

/* The one of that key, which is taken. */
static struct near_term *term_get(struct near *n, struct buf *key, bool of_namespaces)
{
	struct near_term *t = omap_get(&n->terms, span_buf(key));
	if (!t) {
		t = mem_alloc(sizeof *t);
		t->key = bytes_copy(key->data, key->len);
		t->of_namespaces = of_namespaces;
		n->of_namespaces += of_namespaces;
		omap_put(&n->terms, span_buf(key), t);
		count_all(n, t);
	}
	t->askers++;
	buf_fini(key);
	return t;
}

static void term_put(struct near *n, struct near_term *t)
{
	if (--t->askers)
		return;
	omap_remove(&n->terms, bytes_span(t->key));
	n->of_namespaces -= t->of_namespaces;
	omap_fini(&t->on, free);
	bytes_unref(t->key);
	free(t);
}

/* ---- what a pod asks */

static bool selects_namespaces(struct mp term)
{
	struct mp m;
	size_t n;
	return mp_find(term, "namespaceSelector", &m) && mp_map(&m, &n) == 0 && n > 0;
}

static struct ask *add(struct near_asks *asks, enum ask_kind kind, struct mp term)
{
	struct span topology = mp_path_str(term, "topologyKey");
	asks->all = mem_realloc(asks->all, (asks->count + 1) * sizeof *asks->all);
	struct ask *k = &asks->all[asks->count++];
	*k = (struct ask){.kind = kind, .topology = mem_ndup(topology.data, topology.len)};
	return k;
}

static struct near_term *term_of(struct near *n, struct mp term, struct mp pod, bool with_topology)
{
	struct buf key = {0};
	mpw_array(&key, 2);
	mpw_span(&key, with_topology ? mp_path_str(term, "topologyKey") : span_of(""));
	put_part(&key, term, pod);
	return term_get(n, &key, selects_namespaces(term));
}

/* Affinity is about pods of which all of its terms hold. */
static void read_required(struct near *n, struct near_asks *asks, struct mp pod)
{
	struct mp list, each;
	struct buf key = {0};
	size_t count, first = asks->count;
	bool of_namespaces = false;
	if (!mp_path(pod, "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution", &list))
		return;
	count = near_items(&list);
	if (!count)
		return;
	mpw_array(&key, 1 + count);
	mpw_str(&key, "");
	each = list;
	for (size_t i = 0; i < count; i++, mp_skip(&each)) {
		put_part(&key, each, pod);
		of_namespaces |= selects_namespaces(each);
	}
	struct near_term *t = term_get(n, &key, of_namespaces);
	for (size_t i = 0; i < count; i++, mp_skip(&list))
		add(asks, ASK_AFFINITY, list)->term = t;
	for (size_t i = first + 1; i < asks->count; i++)
		t->askers++;
}

static void read_anti(struct near *n, struct near_asks *asks, struct mp pod)
{
	struct mp list;
	if (!mp_path(pod, "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution", &list))
		return;
	for (size_t i = near_items(&list); i > 0; i--, mp_skip(&list))
		add(asks, ASK_ANTI, list)->term = term_of(n, list, pod, true);
}

static void read_likes(struct near *n, struct near_asks *asks, struct mp pod, const char *path, int sign)
{
	struct mp list, term;
	if (!mp_path(pod, path, &list))
		return;
	for (size_t i = near_items(&list); i > 0; i--, mp_skip(&list)) {
		if (!mp_find(list, "podAffinityTerm", &term))
			continue;
		struct ask *k = add(asks, ASK_LIKE, term);
		k->weight = sign * mp_path_int(list, "weight", 0);
		k->term = term_of(n, term, pod, true);
	}
}

static void read_spread(struct near *n, struct near_asks *asks, struct mp pod)
{
	struct mp list;
	if (!mp_path(pod, "spec.topologySpreadConstraints", &list))
		return;
	for (size_t i = near_items(&list); i > 0; i--, mp_skip(&list)) {
		bool soft = span_is(mp_path_str(list, "whenUnsatisfiable"), "ScheduleAnyway");
		struct ask *k = add(asks, soft ? ASK_SPREAD_SOFT : ASK_SPREAD, list);
		k->skew = mp_path_int(list, "maxSkew", 1);
		k->domains = mp_path_int(list, "minDomains", 1);
		k->any_node = span_is(mp_path_str(list, "nodeAffinityPolicy"), "Ignore");
		k->untainted = span_is(mp_path_str(list, "nodeTaintsPolicy"), "Honor");
		k->term = term_of(n, list, pod, false);
	}
}

struct near_asks *near_asks_of(struct near *n, struct mp pod)
{
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"
	struct near_asks asks = {0}, *own;
	struct mp m;
	if (!mp_path(pod, "spec.affinity", &m) && !mp_path(pod, "spec.topologySpreadConstraints", &m))
		return NULL;
	read_required(n, &asks, pod);
	read_anti(n, &asks, pod);
	read_likes(n, &asks, pod, "spec.affinity.podAffinity." PREFERRED, 1);
	read_likes(n, &asks, pod, "spec.affinity.podAntiAffinity." PREFERRED, -1);
	read_spread(n, &asks, pod);
	if (!asks.count)
		return NULL;
	own = mem_alloc(sizeof *own);
	*own = asks;
	return own;
}

bool near_spreads(struct mp pod)
{
	struct mp list;
	return mp_path(pod, "spec.topologySpreadConstraints", &list) && near_items(&list) > 0;
}

void near_forget(struct near *n, struct near_asks *asks)
{
	for (size_t i = 0; asks && i < asks->count; i++) {
		term_put(n, asks->all[i].term);
		free(asks->all[i].topology);
	}
	if (asks)
		free(asks->all);
	free(asks);
}

void near_fini(struct near *n)
{
	omap_fini(&n->terms, NULL);
}
