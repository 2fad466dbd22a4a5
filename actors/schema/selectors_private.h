/* What both halves of selectors share: the requirement of a label selector. */
#ifndef SCHEMA_SELECTORS_PRIVATE_H
#define SCHEMA_SELECTORS_PRIVATE_H

#include "actors/schema/selectors.h"

enum label_op {
	LABEL_EXISTS,
	LABEL_ABSENT,
	LABEL_EQUALS,	  /* "=" and "==" */
	LABEL_NOT_EQUALS, /* also when absent */
	LABEL_IN,
	LABEL_NOT_IN,
	LABEL_GREATER,
	LABEL_LESS,
};

struct label_requirement {
	struct label_requirement *next;
	struct span key;
	enum label_op op;
	const struct span *values;
	size_t value_count;
	int64_t number; /* of greater and less */
};

struct label_selector {
	struct label_requirement *first;
	bool nothing; /* matches no object at all */
};

/* Checks key and values, works out `number`. ERR_INVALID in Kubernetes' words. */
int label_requirement_check(struct label_requirement *r, struct err *e);

#endif
