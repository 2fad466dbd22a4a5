/* Label and field selectors: compiled once, matched against msgpack bytes
 * without building a tree. In an arena; read-only afterwards, any thread. */
#ifndef SCHEMA_SELECTORS_H
#define SCHEMA_SELECTORS_H

#include <stdbool.h>

#include "actors/schema/schema.h"
#include "broker/base/doc.h"
#include "broker/base/mp.h"

enum { SELECTOR_BYTES_MAX = 64 * 1024 };

struct label_selector;

/* Query text: "app=web,tier!=db,env in (a,b),!legacy,x,n>3". Empty: all.
 * ERR_INVALID in Kubernetes' words ("unable to parse requirement: ..."). */
int label_selector_parse(struct arena *a, struct span text, const struct label_selector **out,
			 struct err *e);
/* A LabelSelector of an object (matchLabels, matchExpressions). NULL or null
 * selects nothing, an empty map everything. */
int label_selector_from_doc(struct arena *a, const struct doc *selector,
			    const struct label_selector **out, struct err *e);
/* A plain map of labels (a Service's selector): all must be equal. */
const struct label_selector *label_selector_from_map(struct arena *a, const struct doc *map);
bool label_selector_empty(const struct label_selector *s); /* selects everything */
/* `labels` is the map itself; a cursor that is no map counts as empty. */
bool label_selector_match(const struct label_selector *s, struct mp labels);
/* By the object's metadata.labels. */
bool label_selector_match_object(const struct label_selector *s, struct mp object);
/* A plain map of labels without compiling it: each pair of `selector` is in
 * `labels`. An empty one selects everything. */
bool label_map_match(struct mp selector, struct mp labels);
/* One requirement of a node selector or a LabelSelector: key, operator (In,
 * NotIn, Exists, DoesNotExist, Gt, Lt) and values. An unknown operator holds
 * for nothing. */
bool label_requirement_match(struct mp requirement, struct mp labels);
/* A LabelSelector of an object without compiling it. None and an empty one
 * select nothing, as workloads read it. */
bool label_object_match(struct mp selector, struct mp labels);
/* As a PodDisruptionBudget reads it: none selects nothing, an empty one all. */
bool label_object_match_all(struct mp selector, struct mp labels);
/* Its text, as it would be parsed. */
void label_selector_text(const struct label_selector *s, struct buf *out);

struct field_selector;

/* "spec.nodeName=n1,status.phase!=Failed"; keys as the resource's row lists
 * them. ERR_INVALID: `field label not supported: x` and the like. */
int field_selector_parse(struct arena *a, const struct schema_resource *r, struct span text,
			 const struct field_selector **out, struct err *e);
bool field_selector_empty(const struct field_selector *s);
bool field_selector_match(const struct field_selector *s, struct mp object);
/* Whether it asks for exactly one value of `path` ("metadata.name",
 * "spec.nodeName"): then an index can serve it. */
bool field_selector_exact(const struct field_selector *s, const char *path, struct span *value);

/* The value of a selectable field as text: "true", "false" for booleans,
 * empty when absent. */
struct span selector_field_value(struct mp object, const char *path);

#endif
