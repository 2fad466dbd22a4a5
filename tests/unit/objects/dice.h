/* Objects by chance, from a seed: well-typed, mostly senseless. */
#ifndef TEST_DICE_H
#define TEST_DICE_H

#include "actors/schema/schema.h"
#include "broker/base/doc.h"

struct dice {
	struct arena *a;
	uint64_t state;
	bool mean; /* values that are wrong, empty or far off, too */
};

static inline unsigned roll(struct dice *d, unsigned sides)
{
	d->state = d->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(d->state >> 33) % sides;
}

static inline struct doc *any_of(struct dice *d, const struct schema_type *t, int depth);

static inline struct doc *any_struct(struct dice *d, const struct schema_type *t, int depth)
{
	struct doc *m = doc_new(d->a, DOC_MAP);
	for (size_t i = 0; i < t->field_count; i++)
		/* Less of what lies deeper, or a pod would have no end. */
		if (depth > 0 && roll(d, 12) < (unsigned)depth + 1)
			doc_set(d->a, m, t->fields[i].json,
				any_of(d, t->fields[i].type, depth - 1));
	return m;
}

static inline struct doc *any_text(struct dice *d, const struct schema_type *t)
{
	static const char *const mean[] = {"",	   "A b",  "a/b",   "../x", "Always", "10%", "-1",
					   "None", "true", "x.y/z", "*.a.b", "1.2.3.4", "10.0.0.0/8",
					   "\"%s\"", "cpu"};
	size_t known = 0;
	while (t->enums && t->enums[known])
		known++;
	if (known && roll(d, 4))
		return doc_str(d->a, t->enums[roll(d, (unsigned)known)]);
	if (d->mean && roll(d, 2))
		return doc_str(d->a, mean[roll(d, sizeof mean / sizeof *mean)]);
	return doc_printf(d->a, "t%u", roll(d, 100));
}

static inline struct doc *any_number(struct dice *d)
{
	static const int mean[] = {0, -1, 65536, 2147483647, -2147483647};
	if (d->mean && roll(d, 3) == 0)
		return doc_int(d->a, mean[roll(d, sizeof mean / sizeof *mean)]);
	return doc_int(d->a, 1 + roll(d, 1000));
}

static inline struct doc *any_of(struct dice *d, const struct schema_type *t, int depth)
{
	struct doc *c;
	switch (t->kind) {
	case SCHEMA_BOOL:
		return doc_bool(d->a, !d->mean || roll(d, 2));
	case SCHEMA_INTSTR:
		return d->mean && roll(d, 2) ? any_text(d, t) : any_number(d);
	case SCHEMA_INT32:
	case SCHEMA_INT64:
	case SCHEMA_DOUBLE:
		return any_number(d);
	case SCHEMA_TIME:
		return doc_printf(d->a, "2026-11-%02uT10:00:00Z", 1 + roll(d, 28));
	case SCHEMA_MICROTIME:
		return doc_printf(d->a, "2026-11-24T10:00:00.%06uZ", roll(d, 1000000));
	case SCHEMA_QUANTITY:
		return doc_printf(d->a, "%s%um", d->mean && roll(d, 4) == 0 ? "-" : "",
				  1 + roll(d, 999));
	case SCHEMA_DURATION:
		return doc_str(d->a, "1m0s");
	case SCHEMA_BYTES:
		return doc_str(d->a, "dGV4dA==");
	case SCHEMA_ANY:
		c = doc_new(d->a, DOC_MAP);
		doc_set(d->a, c, "any", any_number(d));
		return c;
	case SCHEMA_STRUCT:
		return any_struct(d, t, depth);
	case SCHEMA_LIST:
	case SCHEMA_MAP:
		c = doc_new(d->a, t->kind == SCHEMA_LIST ? DOC_ARRAY : DOC_MAP);
		for (unsigned n = !d->mean + roll(d, 2 + d->mean); n-- > 0;) {
			struct doc *one = any_of(d, t->elem, depth);
			if (t->kind == SCHEMA_LIST)
				doc_add(c, one);
			else
				doc_set_span(d->a, c, doc_printf(d->a, "k%u", n)->text, one);
		}
		return c;
	default:
		return any_text(d, t);
	}
}

#endif
