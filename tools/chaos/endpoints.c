#include "tools/chaos/endpoints.h"

#include <stdio.h>
#include <string.h>

#define SPAN(s) (int)(s).len, (const char *)(s).data

bool pod_is_selected(struct mp pod, struct mp selector)
{
	struct mp labels, value;
	struct span key, want, has;
	char name[256];
	size_t n = 0;
	if (mp_map(&selector, &n) || !n || !mp_path(pod, "metadata.labels", &labels))
		return false;
	for (; n > 0; n--) {
		if (mp_str(&selector, &key) || mp_str(&selector, &want) || key.len >= sizeof name)
			return false;
		snprintf(name, sizeof name, "%.*s", SPAN(key));
		if (!mp_find(labels, name, &value) || mp_str(&value, &has) || !span_eq(has, want))
			return false;
	}
	return true;
}

/* The pod that an address of an Endpoints names. */
static struct led_object *pod_of(struct judge *j, struct span namespace, struct mp address)
{
	char key[700];
	struct span name = mp_path_str(address, "targetRef.name");
	snprintf(key, sizeof key, "pods/%.*s/%.*s", SPAN(namespace), SPAN(name));
	return ledger_get(&j->ledger, key);
}

static bool is_there(struct judge *j, struct span namespace, struct mp address, const struct led_object *pod)
{
	struct mp m = mp_of_bytes(pod->value);
	return pod_of(j, namespace, address) == pod &&
	       span_eq(mp_path_str(address, "ip"), mp_path_str(m, "status.podIP"));
}

struct walk {
	struct judge *j;
	struct span namespace;
	const struct led_object *pod; /* NULL: each must live */
	bool found;
	struct err *why;
};

static bool on_address(struct walk *w, const struct led_object *endpoints, struct mp address)
{
	if (w->pod) {
		w->found = w->found || is_there(w->j, w->namespace, address, w->pod);
		return true;
	}
	const struct led_object *o = pod_of(w->j, w->namespace, address);
	if (o && o->pod.ready && !o->pod.deleted && is_there(w->j, w->namespace, address, o))
		return true;
	struct span name = mp_path_str(address, "targetRef.name"), ip = mp_path_str(address, "ip");
	judge_about(w->j, endpoints);
	judge_about(w->j, o);
	err_set(w->why, ERR_AGAIN, "%.*s has the address %.*s of pod %.*s, which %s", SPAN(endpoints->key), SPAN(ip),
		SPAN(name), !o ? "is gone" : "is not ready there");
	return false;
}

/* Every address of every subset; false: one was wrong. */
static bool each_address(struct walk *w, const struct led_object *endpoints)
{
	struct mp subsets, list;
	size_t n = 0, k = 0;
	if (!endpoints || !mp_path(mp_of_bytes(endpoints->value), "subsets", &subsets) ||
	    mp_array(&subsets, &n))
		return true;
	for (; n > 0; n--, mp_skip(&subsets)) {
		if (!mp_find(subsets, "addresses", &list) || mp_array(&list, &k))
			continue;
		for (; k > 0; k--, mp_skip(&list))
			if (!on_address(w, endpoints, list))
				return false;
	}
	return true;
}

static bool has_all(struct walk *w, const struct led_object *service, const struct led_object *endpoints,
		    struct mp selector)
{
	char prefix[300];
	snprintf(prefix, sizeof prefix, "pods/%.*s/", SPAN(w->namespace));
	for (struct onode *n = ledger_first(&w->j->ledger, prefix); n; n = ledger_next(n, prefix)) {
		const struct led_object *pod = n->value;
		if (!pod->pod.ready || pod->pod.deleted || !pod_is_selected(mp_of_bytes(pod->value), selector))
			continue;
		w->pod = pod;
		w->found = false;
		each_address(w, endpoints);
		if (w->found)
			continue;
		judge_about(w->j, endpoints ? endpoints : service);
		judge_about(w->j, pod);
		err_set(w->why, ERR_AGAIN, "%.*s is ready and not in the endpoints of %.*s", SPAN(pod->key),
			SPAN(service->name));
		return false;
	}
	return true;
}

bool endpoints_alive(struct judge *j, struct err *why)
{
	for (struct onode *n = ledger_first(&j->ledger, "services/"); n; n = ledger_next(n, "services/")) {
		const struct led_object *service = n->value;
		struct mp m = mp_of_bytes(service->value), selector;
		struct walk w = {.j = j, .namespace = mp_path_str(m, "metadata.namespace"), .why = why};
		char key[700];
		if (!mp_path(m, "spec.selector", &selector))
			continue;
		snprintf(key, sizeof key, "endpoints/%.*s/%.*s", SPAN(w.namespace), SPAN(service->name));
		const struct led_object *endpoints = ledger_get(&j->ledger, key);
		if (!each_address(&w, endpoints) || !has_all(&w, service, endpoints, selector))
			return false;
	}
	return true;
}
