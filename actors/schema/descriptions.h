/* What types and fields are, in a sentence: descriptions.json as a table in
 * the order of names. "core/v1.Pod" is a type, "core/v1.Pod.spec" a field of
 * it, ".spec" a field of that name wherever nothing else is said. */
#ifndef SCHEMA_DESCRIPTIONS_H
#define SCHEMA_DESCRIPTIONS_H

#include <stddef.h>

struct description {
	const char *name, *text;
};

extern const struct description descriptions[];
extern const size_t description_count;

#endif
