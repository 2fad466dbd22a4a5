#include "tools/chaos/expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/chaos/invariants.h"

const char *const figure_names[FIGURES] = {
	[FIGURE_REVISIONS] = "revisions",
	[FIGURE_RESTARTS] = "restarts-of-actors",
	[FIGURE_CELL_FAILURES] = "cell-failures",
	[FIGURE_PROCESS_FAILURES] = "process-failures",
	[FIGURE_DEAD_LETTERS] = "dead-letters",
};
static const char *const figure_help[FIGURES] = {
	[FIGURE_REVISIONS] = "committed since the warm-up",
	[FIGURE_RESTARTS] = "actors that began anew in cells that live",
	[FIGURE_CELL_FAILURES] = "cells that failed as a whole",
	[FIGURE_PROCESS_FAILURES] = "and their processes with them",
	[FIGURE_DEAD_LETTERS] = "messages that nobody took",
};

/* ---- fields */

struct value {
	bool is_number;
	int64_t number;
	struct span text;
};

static int64_t pod_bound(const struct led_object *o)
{
	return o->pod.bound;
}

static int64_t pod_ready(const struct led_object *o)
{
	return o->pod.ready;
}

static int64_t pod_ended(const struct led_object *o)
{
	return o->pod.ended;
}

static int64_t pod_restarts(const struct led_object *o)
{
	return o->pod.restarts;
}

/* No number: see field_of. */
static const char zone_field[] = "zone";

/* Short names: a path, or what the ledger knows already. */
static const struct field {
	const char *name, *path;
	int64_t (*of)(const struct led_object *o);
	const char *help;
} fields[] = {
	{"name", "metadata.name", NULL, NULL},
	{"namespace", "metadata.namespace", NULL, NULL},
	{"phase", "status.phase", NULL, NULL},
	{"node", "spec.nodeName", NULL, NULL},
	{"replicas", "spec.replicas", NULL, NULL},
	{"deleting", "metadata.deletionTimestamp", NULL, "1: it has one"},
	{"bound", NULL, pod_bound, "of a pod: it has a node"},
	{"ready", NULL, pod_ready, "of a pod: Running and Ready"},
	{"ended", NULL, pod_ended, "of a pod: Succeeded or Failed"},
	{"restarts", NULL, pod_restarts, "of a pod: of all its containers"},
	{zone_field, NULL, NULL, "of a pod: that of its node"},
};
enum { FIELDS = sizeof fields / sizeof *fields };
const char *const expr_fields[] = {"name",     "namespace", "phase", "node",  "replicas",
				   "deleting", "bound",	    "ready", "ended", "restarts", "zone"};
const size_t expr_field_count = FIELDS;
_Static_assert(sizeof expr_fields / sizeof *expr_fields == FIELDS, "each has its row");

static const char label_prefix[] = "label.";

/* As mp_path, and a number is a place in a list. */
static bool find_place(struct mp m, const char *path, struct mp *out)
{
	char word[256];
	size_t n = strcspn(path, "."), count = 0;
	snprintf(word, sizeof word, "%.*s", (int)n, path);
	if (mp_peek(&m) != MP_ARRAY) {
		if (!mp_find(m, word, &m))
			return false;
	} else {
		size_t at = strtoul(word, NULL, 10);
		if (strspn(word, "0123456789") != n || mp_array(&m, &count) || at >= count)
			return false;
		for (; at > 0; at--)
			mp_skip(&m);
	}
	*out = m;
	return !path[n] || find_place(m, path + n + 1, out);
}

static bool find(const struct led_object *o, const char *path, struct mp *out)
{
	struct mp m = mp_of_bytes(o->value);
	size_t n = sizeof label_prefix - 1;
	if (strncmp(path, label_prefix, n) != 0)
		return find_place(m, path, out);
	return mp_path(m, "metadata.labels", &m) && mp_find(m, path + n, out); /* its key may have dots */
}

static struct value as_number(int64_t n)
{
	return (struct value){.is_number = true, .number = n};
}

static struct value at_path(const struct led_object *o, const char *path)
{
	struct value v = {0};
	struct mp m;
	bool yes;
	if (!find(o, path, &m))
		return v;
	if (mp_peek(&m) == MP_BOOL && mp_bool(&m, &yes) == 0)
		return as_number(yes);
	if (mp_peek(&m) == MP_INT && mp_i64(&m, &v.number) == 0)
		return as_number(v.number);
	if (mp_peek(&m) == MP_STR)
		mp_str(&m, &v.text);
	return v;
}

static struct value field_of(const struct led_object *o, const char *name)
{
	if (strcmp(name, zone_field) == 0)
		return (struct value){.text = o->is_pod && o->pod.node ? span_of(o->pod.node->zone) : span_of("")};
	for (size_t i = 0; i < FIELDS; i++) {
		if (strcmp(fields[i].name, name) != 0)
			continue;
		if (fields[i].of)
			return as_number(o->is_pod ? fields[i].of(o) : 0);
		struct value v = at_path(o, fields[i].path);
		return strcmp(name, "deleting") == 0 ? as_number(v.text.len > 0) : v;
	}
	return at_path(o, name);
}

/* ---- objects */

static bool compare(enum expr_op how, int64_t a, int64_t b)
{
	switch (how) {
	case EXPR_EQUAL:
		return a == b;
	case EXPR_UNEQUAL:
		return a != b;
	case EXPR_LESS:
		return a < b;
	case EXPR_AT_MOST:
		return a <= b;
	case EXPR_MORE:
		return a > b;
	default:
		return a >= b;
	}
}

static bool passes(const struct led_object *o, const struct expr_filter *f)
{
	struct value v = field_of(o, f->field);
	if (v.is_number && f->is_number)
		return compare(f->how, v.number, f->number);
	bool same = !v.is_number && span_eq(v.text, f->text);
	return f->how == EXPR_UNEQUAL ? !same : f->how == EXPR_EQUAL && same;
}

static bool is_meant(const struct expr *x, const struct led_object *o)
{
	for (size_t i = 0; i < x->filter_count; i++)
		if (!passes(o, &x->filters[i]))
			return false;
	return true;
}

/* The largest group of those with one value; objects without it are in none. */
static int64_t largest_group(const struct expr *x, const struct ledger *l)
{
	struct omap groups = {0};
	int64_t most = 0;
	for (struct onode *n = ledger_first(l, x->prefix); n; n = ledger_next(n, x->prefix)) {
		struct value v = field_of(n->value, x->field);
		if ((!v.is_number && !v.text.len) || !is_meant(x, n->value))
			continue;
		char number[24];
		struct span key = v.text;
		if (v.is_number) {
			snprintf(number, sizeof number, "%lld", (long long)v.number);
			key = span_of(number);
		}
		intptr_t members = (intptr_t)omap_get(&groups, key) + 1;
		omap_put(&groups, key, (void *)members);
		most = members > most ? members : most;
	}
	omap_fini(&groups, NULL);
	return most;
}

static int64_t over_objects(const struct expr *x, const struct ledger *l)
{
	int64_t out = 0, count = 0;
	if (x->op == EXPR_MOST)
		return largest_group(x, l);
	for (struct onode *n = ledger_first(l, x->prefix); n; n = ledger_next(n, x->prefix)) {
		if (!is_meant(x, n->value))
			continue;
		int64_t v = x->op == EXPR_COUNT ? 1 : field_of(n->value, x->field).number;
		if (x->op == EXPR_COUNT || x->op == EXPR_SUM)
			out += v;
		else if (!count || (x->op == EXPR_MIN ? v < out : v > out))
			out = v;
		count++;
	}
	return out;
}

static int64_t value_of_key(const struct expr *x, const struct ledger *l)
{
	const struct led_object *o = ledger_get(l, x->key);
	return o ? field_of(o, x->field).number : 0;
}

/* ---- the whole */

/* Sums and products wrap round: nothing that a script says may end the program. */
static int64_t arithmetic(enum expr_op op, int64_t a, int64_t b)
{
	uint64_t x = (uint64_t)a, y = (uint64_t)b;
	if (op == EXPR_ADD)
		return (int64_t)(x + y);
	if (op == EXPR_SUBTRACT)
		return (int64_t)(x - y);
	if (op == EXPR_TIMES)
		return (int64_t)(x * y);
	return b == 0 ? 0 : b == -1 ? (int64_t)(0 - x) : a / b;
}

int64_t expr_value(const struct expr *x, const struct judge *j)
{
	switch (x->op) {
	case EXPR_NUMBER:
		return x->number;
	case EXPR_FIGURE:
		return judge_figure(j, (enum figure)x->number);
	case EXPR_COUNT:
	case EXPR_SUM:
	case EXPR_MIN:
	case EXPR_MAX:
	case EXPR_MOST:
		return over_objects(x, &j->ledger);
	case EXPR_VALUE:
		return value_of_key(x, &j->ledger);
	case EXPR_AND:
		return expr_value(x->a, j) && expr_value(x->b, j);
	case EXPR_OR:
		return expr_value(x->a, j) || expr_value(x->b, j);
	case EXPR_NOT:
		return !expr_value(x->a, j);
	case EXPR_ADD:
	case EXPR_SUBTRACT:
	case EXPR_TIMES:
	case EXPR_OVER:
		return arithmetic(x->op, expr_value(x->a, j), expr_value(x->b, j));
	default:
		return compare(x->op, expr_value(x->a, j), expr_value(x->b, j));
	}
}

void expr_explain(const struct expr *x, const struct judge *j, struct buf *out)
{
	if (x->text.len && x->op != EXPR_NUMBER)
		buf_printf(out, "%s%.*s is %lld", out->len ? ", " : "", (int)x->text.len,
			   (const char *)x->text.data, (long long)expr_value(x, j));
	if (x->a)
		expr_explain(x->a, j, out);
	if (x->b)
		expr_explain(x->b, j, out);
}

bool expr_depends_on(const struct expr *x, struct span stream)
{
	struct span key = span_of(x->key ? x->key : "");
	if (x->op == EXPR_FIGURE)
		return true;
	if (x->prefix && span_eq(stream, (struct span){(const uint8_t *)x->prefix, strlen(x->prefix) - 1}))
		return true;
	if (x->key && span_eq(store_stream_of(key), stream))
		return true;
	return (x->a && expr_depends_on(x->a, stream)) || (x->b && expr_depends_on(x->b, stream));
}

static void put_row(FILE *out, const char *form, const char *help)
{
	fprintf(out, "  %-56s %s\n", form, help ? help : "");
}

void expr_words(FILE *out)
{
	fprintf(out, "\nWHAT: an invariant's name (`troupe chaos invariants`), or [NAME:] COND\n");
	fprintf(out, "\nCOND: not, and, or, brackets; = != < <= > >= between sums with + - * / (with blanks) of\n");
	put_row(out, "count(KIND[, FIELD=VALUE...])", "objects of that kind; also != < <= > >=");
	put_row(out, "sum|min|max(KIND, FIELD[, FIELD=VALUE...])", "of that field; 0 where it is no number");
	put_row(out, "most(KIND, FIELD[, FIELD=VALUE...])", "how many share one value of it, at most");
	put_row(out, "value(KEY, FIELD)", "of one object: replicationcontrollers/default/web");
	for (int i = 0; i < FIGURES; i++)
		put_row(out, figure_names[i], figure_help[i]);
	fprintf(out, "\nFIELD: a path like spec.replicas or spec.taints.0.key, label.KEY, or\n");
	for (size_t i = 0; i < FIELDS; i++)
		put_row(out, fields[i].name, fields[i].help ? fields[i].help : fields[i].path);
}
