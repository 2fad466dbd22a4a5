#include "tools/chaos/client_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "broker/base/sort.h"

size_t client_history_call(struct client_history *h, uint64_t now)
{
	if (h->op_count == h->op_cap) {
		h->op_cap = h->op_cap ? 2 * h->op_cap : 256;
		h->ops = mem_realloc(h->ops, h->op_cap * sizeof *h->ops);
	}
	h->ops[h->op_count] = (struct client_op){.called = now};
	return h->op_count++;
}

struct client_pair client_pair(const char *key, uint64_t value)
{
	struct client_pair p = {.value = value};
	snprintf(p.key, sizeof p.key, "%s", key);
	return p;
}

void client_history_log(struct client_history *h, uint64_t revision, const char *key, uint64_t value)
{
	if (h->log_count == h->log_cap) {
		h->log_cap = h->log_cap ? 2 * h->log_cap : 256;
		h->log = mem_realloc(h->log, h->log_cap * sizeof *h->log);
	}
	h->log[h->log_count++] = (struct client_change){revision, client_pair(key, value)};
}

void client_history_fini(struct client_history *h)
{
	free(h->ops);
	free(h->log);
	memset(h, 0, sizeof *h);
}

/* ---- the log by key */

/* All changes of a key, by revision. */
struct key_log {
	const struct client_change **at;
	size_t count, cap;
};

struct judging {
	struct client_history *h;
	struct omap keys; /* key -> struct key_log */
};

static void key_log_free(void *p)
{
	struct key_log *k = p;
	free(k->at);
	free(k);
}

static void index_log(struct judging *j)
{
	for (size_t i = 0; i < j->h->log_count; i++) {
		const struct client_change *c = &j->h->log[i];
		struct key_log *k = omap_get(&j->keys, span_of(c->pair.key));
		if (!k) {
			k = mem_alloc(sizeof *k);
			omap_put(&j->keys, span_of(c->pair.key), k);
		}
		if (k->count == k->cap) {
			k->cap = k->cap ? 2 * k->cap : 8;
			k->at = mem_realloc(k->at, k->cap * sizeof *k->at);
		}
		k->at[k->count++] = c;
	}
}

/* The last change of the key up to that revision. */
static const struct client_change *newest(struct judging *j, const char *key, uint64_t revision)
{
	const struct key_log *k = omap_get(&j->keys, span_of(key));
	size_t low = 0, high = k ? k->count : 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (k->at[mid]->revision <= revision)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? k->at[low - 1] : NULL;
}

/* How often that value was written there, and when last. */
static size_t written(struct judging *j, const struct client_pair *p, uint64_t *revision)
{
	const struct key_log *k = omap_get(&j->keys, span_of(p->key));
	size_t n = 0;
	for (size_t i = 0; k && i < k->count; i++)
		if (k->at[i]->pair.value == p->value) {
			*revision = k->at[i]->revision;
			n++;
		}
	return n;
}

/* ---- an operation */

static bool wrong(struct client_history *h, const struct client_op *o, const char *what)
{
	h->wrong = (size_t)(o - h->ops);
	snprintf(h->why, sizeof h->why, "operation %zu of client %u at revision %llu %s", h->wrong, o->client,
		 (unsigned long long)o->revision, what);
	return false;
}

static bool writes_hold(struct judging *j, const struct client_op *o)
{
	char what[160];
	for (size_t i = 0; i < o->writes; i++) {
		const struct client_pair *p = &o->write[i];
		uint64_t at = 0;
		size_t n = written(j, p, &at);
		if (n > 1 || (o->end == CLIENT_FAILED && n)) {
			snprintf(what, sizeof what, "%s: %s = %llu is at revision %llu",
				 n > 1 ? "happened twice" : "failed and happened", p->key,
				 (unsigned long long)p->value, (unsigned long long)at);
			return wrong(j->h, o, what);
		}
		if (o->end != CLIENT_DONE || (n == 1 && at == o->revision))
			continue;
		snprintf(what, sizeof what, "was acknowledged and is not there: %s = %llu%s", p->key,
			 (unsigned long long)p->value, n ? " is at another" : "");
		return wrong(j->h, o, what);
	}
	return true;
}

static bool reads_hold(struct judging *j, const struct client_op *o)
{
	char what[200];
	for (size_t i = 0; i < o->reads; i++) {
		const struct client_pair *p = &o->read[i];
		const struct client_change *c = newest(j, p->key, o->revision);
		uint64_t is = c ? c->pair.value : 0;
		if (is == p->value)
			continue;
		snprintf(what, sizeof what, "read what was not there then: %s = %llu, and it was %llu since revision "
			 "%llu", p->key, (unsigned long long)p->value, (unsigned long long)is,
			 (unsigned long long)(c ? c->revision : 0));
		return wrong(j->h, o, what);
	}
	return true;
}

/* Keys of a set are written once. */
static bool set_holds(struct judging *j, const struct client_op *o)
{
	uint64_t count = 0, sum = 0;
	size_t n = strlen(o->prefix);
	char what[160];
	for (size_t i = 0; n && i < j->h->log_count && j->h->log[i].revision <= o->revision; i++)
		if (strncmp(j->h->log[i].pair.key, o->prefix, n) == 0) {
			count++;
			sum += j->h->log[i].pair.value;
		}
	if (!n || (count == o->count && sum == o->sum))
		return true;
	snprintf(what, sizeof what, "saw another set than there was: %llu members of %s, and there were %llu",
		 (unsigned long long)o->count, o->prefix, (unsigned long long)count);
	return wrong(j->h, o, what);
}

static bool op_holds(struct judging *j, const struct client_op *o)
{
	if (!writes_hold(j, o))
		return false;
	return o->end != CLIENT_DONE || (reads_hold(j, o) && set_holds(j, o));
}

/* ---- real time */

static int by_returned(const void *a, const void *b, void *arg)
{
	const struct client_op *x = *(const struct client_op *const *)a, *y = *(const struct client_op *const *)b;
	(void)arg;
	return x->returned < y->returned ? -1 : x->returned > y->returned;
}

static int by_called(const void *a, const void *b, void *arg)
{
	const struct client_op *x = *(const struct client_op *const *)a, *y = *(const struct client_op *const *)b;
	(void)arg;
	return x->called < y->called ? -1 : x->called > y->called;
}

/* Nobody is shown a time before what somebody had seen when he asked: in
 * order of calls, against the newest revision of what had returned by then. */
static bool in_real_time(struct client_history *h)
{
	const struct client_op **ended = mem_alloc((h->op_count + 1) * sizeof *ended);
	const struct client_op **called = mem_alloc((h->op_count + 1) * sizeof *called);
	const struct client_op *last = NULL;
	size_t n = 0, seen = 0;
	bool good = true;
	for (size_t i = 0; i < h->op_count; i++)
		if (h->ops[i].end == CLIENT_DONE)
			ended[n] = called[n] = &h->ops[i], n++;
	sort_stable(ended, n, sizeof *ended, by_returned, NULL);
	sort_stable(called, n, sizeof *called, by_called, NULL);
	for (size_t i = 0; i < n && good; i++) {
		const struct client_op *o = called[i];
		for (; seen < n && ended[seen]->returned < o->called; seen++)
			if (!last || ended[seen]->revision > last->revision)
				last = ended[seen];
		char what[160];
		if (!last || o->revision > last->revision || (o->revision == last->revision && !o->writes))
			continue;
		snprintf(what, sizeof what, "is before operation %zu at revision %llu, which had ended when it began",
			 (size_t)(last - h->ops), (unsigned long long)last->revision);
		good = wrong(h, o, what);
	}
	free(ended);
	free(called);
	return good;
}

bool client_history_holds(struct client_history *h)
{
	struct judging j = {.h = h};
	bool good = true;
	for (size_t i = 1; i < h->log_count && good; i++)
		if (h->log[i].revision < h->log[i - 1].revision)
			good = wrong(h, h->ops, "is in a log that is out of order");
	index_log(&j);
	for (size_t i = 0; i < h->op_count && good; i++)
		good = op_holds(&j, &h->ops[i]);
	omap_fini(&j.keys, key_log_free);
	return good && in_real_time(h);
}
