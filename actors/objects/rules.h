/* Defaults and checks of a kind as tables. A strategy that has only such
 * tables needs no code; what a table cannot say is a function beside it.
 *
 * Paths are keys separated by dots. "[]" behind a key visits each element of a
 * list or each value of a map, "+" makes the map when it is absent:
 * "spec.ports[].protocol", "spec.strategy.rollingUpdate+.maxSurge". A path
 * whose parents are absent visits nothing. Private to actors/objects. */
#ifndef OBJECTS_RULES_H
#define OBJECTS_RULES_H

#include "actors/objects/field.h"

/* ---- defaults: what stands where nothing, or an empty text, is */

struct fill {
	const char *path;
	enum { FILL_TEXT, FILL_NUMBER, FILL_YES, FILL_NO, FILL_MAP } kind;
	const char *text;
	int64_t number;
};

#define DEFAULT_TEXT(path, text)                                                                   \
	{                                                                                          \
		(path), FILL_TEXT, (text), 0                                                       \
	}
#define DEFAULT_NUMBER(path, number)                                                               \
	{                                                                                          \
		(path), FILL_NUMBER, NULL, (number)                                                \
	}
#define DEFAULT_YES(path)                                                                          \
	{                                                                                          \
		(path), FILL_YES, NULL, 0                                                          \
	}
#define DEFAULT_NO(path)                                                                           \
	{                                                                                          \
		(path), FILL_NO, NULL, 0                                                           \
	}
#define DEFAULT_MAP(path)                                                                          \
	{                                                                                          \
		(path), FILL_MAP, NULL, 0                                                          \
	}

/* `rows` ends with a row without a path. */
void rules_fill(struct arena *a, struct doc *d, const struct fill *rows);

/* ---- checks */

enum rule_kind {
	RULE_NEEDED,	 /* there, and not empty; `detail` */
	RULE_NEEDED_MAP, /* there */
	RULE_NAME,	 /* needed, and `name` has nothing against it */
	RULE_OPTIONAL_NAME,
	RULE_ANY_NAME,	    /* `name` has nothing against it, also when it is empty */
	RULE_ONE_OF,	    /* of `list`, when it is there */
	RULE_NEEDED_ONE_OF, /* of `list`; absent is a value like others */
	RULE_NOT_NEGATIVE,  /* a number */
	RULE_POSITIVE,
	RULE_COUNT,    /* a number that is not negative, or a percentage */
	RULE_SHARE,    /* the same, of at most 100% */
	RULE_SELECTOR, /* a LabelSelector */
	RULE_CALL,     /* `call`, also with NULL: absent */
};

struct rule {
	const char *path;
	enum rule_kind kind;
	const char *detail;
	name_check *name;
	const char *const *list;
	void (*call)(struct faults *f, const struct fpath *p, const struct doc *value);
};

#define RULE(p, k, ...)                                                                            \
	{                                                                                          \
		.path = (p), .kind = RULE_##k, ##__VA_ARGS__                                       \
	}
#define ONE_OF(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Checks `d`, which stands at `p`; `rules` ends with a row without a path. */
void rules_check(struct faults *f, const struct fpath *p, const struct doc *d,
		 const struct rule *rules);
/* "field is immutable" for each of the paths (NULL terminated, no "[]") whose
 * value differs from the one in `was`. */
void rules_check_fixed(struct faults *f, const struct doc *d, const struct doc *was,
		       const char *const *paths);

/* A LabelSelector; NULL is fine. */
void check_label_selector(struct faults *f, const struct fpath *p, const struct doc *selector);
/* A number that is not negative, or a percentage; the second: of at most 100. */
void check_count(struct faults *f, const struct fpath *p, const struct doc *value);
void check_share(struct faults *f, const struct fpath *p, const struct doc *value);
/* The number of a count or of a percentage. */
int64_t share_of(const struct doc *value);

#endif
