/* A store in memory for tests of the write path: rows, compares, one
 * transaction at a time. Requests are JSON text, answers too. */
#ifndef TEST_FAKE_STORE_H
#define TEST_FAKE_STORE_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/objects/objects.h"
#include "actors/schema/json.h"

struct fake_row {
	char *key;
	struct bytes *value;
	uint64_t mod;
};

struct fake {
	struct arena arena;
	struct schema *schema;
	struct fake_row rows[64];
	size_t count;
	uint64_t revision;
	int writes;		  /* transactions that changed something */
	bool behind;		  /* the reader sees nothing: a view without rows */
	struct store_row seen[STORE_OPS_MAX]; /* rows of the last conflict, seen first */
	size_t seen_count;
	uint8_t seed;
	const struct obj_cluster *cluster;
	bool owners; /* answers with managedFields */
	/* of the last request */
	int code, plans;
	uint64_t version;
	const char *part;
	bool secret, soft, deleted;
	const char *warnings;
};

static const char *const POD =
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web\"},\"spec\":"
	"{\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]}}";

static inline struct fake_row *fake_find(struct fake *f, struct span key)
{
	for (size_t i = 0; i < f->count; i++)
		if (span_is(key, f->rows[i].key))
			return &f->rows[i];
	return NULL;
}

static inline void fake_row_out(struct fake *f, struct span key, struct store_row *out)
{
	struct fake_row *r = fake_find(f, key);
	*out = (struct store_row){.key = key};
	if (r && r->value)
		*out = (struct store_row){.key = key, .value = r->value, .mod_version = r->mod};
}

static inline int fake_get(void *arg, struct span key, struct store_row *out)
{
	struct fake *f = arg;
	*out = (struct store_row){.key = key};
	for (size_t i = 0; i < f->seen_count; i++)
		if (span_eq(f->seen[i].key, key)) {
			*out = f->seen[i];
			return 0;
		}
	if (!f->behind)
		fake_row_out(f, key, out);
	return 0;
}

static inline void fake_set(struct fake *f, struct span key, struct bytes *value, uint64_t mod)
{
	struct fake_row *r = fake_find(f, key);
	if (!r) {
		cr_assert_lt(f->count, 64);
		r = &f->rows[f->count++];
		r->key = arena_ndup(&f->arena, key.data, key.len);
		r->value = NULL;
	}
	bytes_unref(r->value);
	r->value = bytes_ref(value);
	r->mod = mod;
}

static inline bool fake_holds(struct fake *f, const struct store_txn *t)
{
	bool all = true;
	for (size_t i = 0; i < t->compare_count; i++) {
		struct store_row now;
		fake_row_out(f, t->compares[i].key, &now);
		cr_assert_eq(t->compares[i].field, STORE_MOD);
		all &= now.mod_version == t->compares[i].number;
	}
	return all;
}

/* Runs a plan's transaction; the outcome as the store would give it. */
static inline void fake_run(struct fake *f, struct obj_plan *p, struct store_outcome *o,
			    struct store_row *rows)
{
	const struct store_txn *t = &p->txn;
	*o = (struct store_outcome){.rows = rows, .revision = f->revision};
	if (!fake_holds(f, t)) {
		o->status = ERR_CONFLICT;
		o->row_count = t->compare_count;
		for (size_t i = 0; i < t->compare_count; i++)
			fake_row_out(f, t->compares[i].key, &rows[i]);
		return;
	}
	o->compared = true;
	o->row_count = t->then_count;
	for (size_t i = 0; i < t->then_count; i++) {
		const struct store_op *op = &t->then_ops[i];
		if (op->verb != STORE_GET) {
			f->revision++;
			f->writes++;
			fake_set(f, op->key, op->verb == STORE_PUT ? op->value : NULL,
				 store_version(f->revision, (unsigned)i));
			f->part = arena_ndup(&f->arena, op->part.data, op->part.len);
			f->secret = op->secret;
			f->soft = op->soft;
		}
		fake_row_out(f, op->key, &rows[i]);
		if (op->verb == STORE_DELETE)
			rows[i].mod_version = store_version(f->revision, (unsigned)i);
	}
	o->revision = f->revision;
}

/* Most tests are about something else than who owns which field. `quote`: as it
 * stands in the text. */
static inline void fake_hide_owners(char *text, const char *quote)
{
	char mark[40];
	snprintf(mark, sizeof mark, ",%smanagedFields%s:[", quote, quote);
	char *at = strstr(text, mark);
	if (!at)
		return;
	char *end = at + strlen(mark);
	for (int depth = 1; depth && *end; end++)
		depth += (*end == '[') - (*end == ']');
	memmove(at, end, strlen(end) + 1);
}

static inline const char *fake_answer(struct fake *f, const struct obj_plan *p)
{
	struct buf b = {0};
	const struct obj_answer *a = &p->answer;
	f->code = a->code;
	f->version = a->version;
	f->deleted = a->deleted;
	f->warnings = notes_text(&p->warnings, &f->arena);
	cr_assert(!a->status != !a->object, "one of both");
	if (a->status)
		json_from_doc(&b, a->status);
	else
		cr_assert_eq(json_object(&b, mp_of(bytes_span(a->object)), a->version), 0);
	if (a->object)
		cr_assert_eq(mp_check(bytes_span(a->object), NULL), 0);
	char *text = arena_dup(&f->arena, buf_text(&b));
	buf_fini(&b);
	if (!f->owners) {
		fake_hide_owners(text, "\"");
		fake_hide_owners(text, "\\\\\\\"");
	}
	return text;
}

/* Plans until it is over, as every writer does. */
static inline const char *fake_send(struct fake *f, struct obj_request *q)
{
	struct obj_reader reader = {f, fake_get};
	f->seen_count = 0;
	q->schema = f->schema;
	q->cluster = f->cluster;
	q->arena = &f->arena;
	if (!q->origin.wall_us)
		q->origin.wall_us = 1795514400000000; /* 2026-11-24T10:00:00Z */
	for (int i = 0; i < 32; i++)
		q->entropy[i] = (uint8_t)(f->seed + i);
	f->seed += 7;
	for (f->plans = 1;; f->plans++) {
		struct obj_plan p;
		struct store_outcome o;
		struct store_row rows[STORE_OPS_MAX];
		objects_plan(q, &reader, &p);
		cr_assert_lt(f->plans, 9, "it ends");
		if (!p.finished)
			fake_run(f, &p, &o, rows);
		if (p.finished || objects_answer(&p, &o) == 0) {
			const char *text = fake_answer(f, &p);
			obj_plan_fini(&p);
			return text;
		}
		q->origin.request[0]++; /* a new try is a new request */
		f->seen_count = o.row_count;
		memcpy(f->seen, rows, o.row_count * sizeof *rows);
		obj_plan_fini(&p);
	}
}

static inline struct obj_request fake_request(struct fake *f, enum obj_verb verb, const char *path,
					      const char *body)
{
	struct obj_request q = {.verb = verb, .subresource = "", .del.grace_s = -1};
	struct notes *dups = arena_alloc(&f->arena, sizeof *dups);
	char *at = arena_dup(&f->arena, path), *part[4] = {0};
	int n = 0;
	for (char *s = strtok(at, "/"); s && n < 4; s = strtok(NULL, "/"))
		part[n++] = s;
	q.resource = schema_find_name(f->schema, span_of(part[0]));
	cr_assert(q.resource, "%s", path);
	int name = q.resource->namespaced ? 2 : 1;
	q.namespace = span_of(q.resource->namespaced && n > 1 ? part[1] : "");
	q.name = span_of(n > name ? part[name] : "");
	q.subresource = n > name + 1 ? part[name + 1] : "";
	if (body) {
		struct doc *d;
		struct err e = {0};
		cr_assert_eq(
			json_parse(&f->arena, span_of(arena_dup(&f->arena, body)), &d, dups, &e), 0,
			"%s: %s", body, e.text);
		q.body = d;
		q.duplicates = dups;
	}
	return q;
}

/* `path` is "pods/default/web/status": resource, namespace, name, subresource. */
static inline const char *fake_do(struct fake *f, enum obj_verb verb, const char *path,
				  const char *body)
{
	struct obj_request q = fake_request(f, verb, path, body);
	return fake_send(f, &q);
}

/* Accounts that mount nothing: most tests are about something else. */
static inline void fake_accounts(struct fake *f)
{
	static const char *const names[] = {"default", "old", "new"};
	for (size_t i = 0; i < 3; i++) {
		char key[60];
		struct buf b = {0};
		mpw_map(&b, 1);
		mpw_kv_bool(&b, "automountServiceAccountToken", false);
		struct bytes *value = bytes_take(&b);
		snprintf(key, sizeof key, "serviceaccounts/default/%s", names[i]);
		fake_set(f, span_of(arena_dup(&f->arena, key)), value, 1);
		bytes_unref(value);
	}
}

static inline void fake_init(struct fake *f)
{
	memset(f, 0, sizeof *f);
	f->schema = schema_new();
	objects_install(f->schema);
	fake_do(f, OBJ_CREATE, "namespaces", "{\"metadata\":{\"name\":\"default\"}}");
	cr_assert_eq(f->code, 201);
	fake_accounts(f);
	f->writes = 0;
}

static inline void fake_fini(struct fake *f)
{
	for (size_t i = 0; i < f->count; i++)
		bytes_unref(f->rows[i].value);
	schema_free(f->schema);
	arena_fini(&f->arena);
}

/* The value at a path of an answer, as text; "" when absent. */
static inline const char *fake_at(struct fake *f, const char *json, const char *path)
{
	struct doc *d;
	struct buf b = {0};
	cr_assert_eq(json_parse(&f->arena, span_of(json), &d, NULL, NULL), 0, "%s", json);
	const struct doc *v = doc_path(d, path);
	if (!v)
		return "";
	if (v->type == DOC_STR)
		return arena_ndup(&f->arena, v->text.data, v->text.len);
	json_from_doc(&b, v);
	const char *text = arena_dup(&f->arena, buf_text(&b));
	buf_fini(&b);
	return text;
}

#define EXPECT_AT(f, json, path, want)                                                             \
	cr_expect_str_eq(fake_at(f, json, path), want, "%s is %s in %s", path,                     \
			 fake_at(f, json, path), json)
#define EXPECT_CODE(f, want, json)                                                                 \
	do {                                                                                       \
		const char *said = json;                                                           \
		cr_expect_eq((f)->code, want, "%d: %s", (f)->code, said);                          \
	} while (0)

#endif
