/* API types as data, and the resources that are served.
 *
 * Types are const tables generated from types.json: per field its JSON name,
 * type, Go's omitempty, protobuf number, patch and list keys. Resources are
 * rows: built-in ones (served.json), and rows added while running (custom
 * resources). Nothing keys on an enum of kinds.
 *
 * Ownership: a schema belongs to one cell and is used by its loop thread.
 * Rows stay where they are until schema_free; texts of an added row are
 * copied, its type must outlive the schema. The const tables are anyone's. */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/schema/notes.h"
#include "broker/base/bytes.h"
#include "broker/base/doc.h"
#include "broker/base/err.h"

/* ---- types */

enum schema_kind {
	SCHEMA_STRING,
	SCHEMA_BOOL,
	SCHEMA_INT32,
	SCHEMA_INT64,
	SCHEMA_DOUBLE,
	SCHEMA_BYTES,     /* base64 text in JSON and in storage */
	SCHEMA_QUANTITY,  /* "500m" */
	SCHEMA_INTSTR,    /* integer or text */
	SCHEMA_TIME,      /* RFC 3339, whole seconds */
	SCHEMA_MICROTIME, /* RFC 3339, six digits */
	SCHEMA_DURATION,  /* "1m0s" */
	SCHEMA_ANY,       /* kept as it came: RawExtension, FieldsV1, JSON */
	SCHEMA_STRUCT,
	SCHEMA_LIST,
	SCHEMA_MAP, /* from text to `elem` */
};

struct schema_field;

struct schema_type {
	enum schema_kind kind;
	const char *name; /* "core/v1.Pod"; of a list or map "" */
	const char *go;   /* as Go's messages name it: "v1.Pod", "[]v1.Container" */
	const struct schema_type *elem;    /* of a list or a map */
	const struct schema_field *fields; /* of a struct, inlined ones flattened, in Go's order */
	size_t field_count;
	const uint8_t *sorted;    /* field numbers by (length, bytes) of the name */
	bool atomic;		  /* a struct that is applied as one (structType=atomic) */
	const char *const *enums; /* known values of a text, NULL terminated; NULL: any */
};

/* What few fields have. It stands apart, since every process has a copy of its
 * own of each page with pointers. */
struct schema_marks {
	const char *patch_strategy; /* "merge", "merge,retainKeys", ... or NULL */
	const char *patch_merge_key;
	const char *list_type;	      /* "map", "set", "atomic" or NULL; of a map: "atomic" or NULL */
	const char *const *list_keys; /* NULL terminated, or NULL */
	const char *default_text;     /* the +default marker's JSON, or NULL */
	const char *feature_gate;     /* or NULL */
};

struct schema_field {
	const char *json;
	uint8_t json_len;
	bool pointer;   /* Go's *T: zero and absent differ */
	bool omitempty; /* Go leaves the zero value out (never so for a plain struct) */
	bool omitzero;
	bool optional;
	uint16_t pb;                  /* protobuf number, 0: not on that wire */
	uint16_t pb_outer;            /* number of the inlined message it is nested in, 0: none */
	uint16_t marks;		      /* see schema_marks() */
	const struct schema_type *type;
};

const struct schema_marks *schema_marks(const struct schema_field *f);
/* The field with that JSON name; NULL when the type has none. */
const struct schema_field *schema_field(const struct schema_type *t, struct span name);
/* The same for who goes through a map: objects are mostly in the order of their
 * type, so the field is looked for from *next on, which then is behind it. 0 first. */
const struct schema_field *schema_next_field(const struct schema_type *t, struct span name,
					     size_t *next);
/* A built-in type by its full name ("meta/v1.DeleteOptions"); NULL: none. */
const struct schema_type *schema_type(const char *name);

/* ---- resources */

struct schema_column {
	const char *name, *type, *format, *description;
	int priority; /* > 0: shown with -o wide */
};

struct schema_subresource {
	const char *name; /* "status" */
	const char *group, *version, *kind; /* of what it takes and gives */
	const char *const *verbs;
};

struct schema_resource {
	const char *group; /* "" is the core group */
	const char *version, *resource, *singular, *kind, *list_kind;
	bool namespaced;
	bool secret; /* values never go on the bus */
	const char *const *verbs, *const *short_names, *const *categories; /* NULL terminated */
	const struct schema_subresource *subresources;
	size_t subresource_count;
	const struct schema_column *columns;
	size_t column_count;
	const struct schema_type *type; /* NULL: taken as it comes */
	/* "pods", "deployments.apps": the first part of keys. NULL: nothing is
	 * stored (a review, a binding). */
	const char *stream;
	/* The row whose version objects of the stream are stored in: the stream's
	 * first. Set by the registry. */
	const struct schema_resource *stored;
	const char *part;               /* path of the partition field, "spec.nodeName", or NULL */
	const char *const *selectable;  /* paths for field selectors, NULL terminated */
	const void *strategy;           /* actors/objects' own, set by objects_install */
};

struct schema;

struct schema *schema_new(void); /* with the built-in rows */
void schema_free(struct schema *s); /* NULL is fine */
/* Adds a row, or replaces the one of the same group, version and resource in
 * place (pointers to it see the new row). A row without a `stream` has nothing
 * stored. ERR_EXISTS: another resource of
 * the group has that kind. ERR_INVALID: a name is missing. */
int schema_add(struct schema *s, const struct schema_resource *row,
	       const struct schema_resource **out, struct err *e);
/* Takes a row out of the lookups; its memory stays. Whether it was there. */
bool schema_remove(struct schema *s, const char *group, const char *version,
		   const char *resource);
void schema_set_strategy(struct schema *s, const struct schema_resource *row,
			 const void *strategy);

/* Rows in the order in which they were added. */
size_t schema_count(const struct schema *s);
const struct schema_resource *schema_row(const struct schema *s, size_t i);

/* Lookups: NULL when there is none. */
const struct schema_resource *schema_find(const struct schema *s, struct span group,
					  struct span version, struct span resource);
/* `version` empty: any. */
const struct schema_resource *schema_find_kind(const struct schema *s, struct span group,
					       struct span version, struct span kind);
/* By plural, singular or short name, in whatever group comes first. */
const struct schema_resource *schema_find_name(const struct schema *s, struct span name);
/* The row that objects of the stream are stored as. */
const struct schema_resource *schema_find_stream(const struct schema *s, struct span stream);
const struct schema_subresource *schema_subresource(const struct schema_resource *r,
						    struct span name);
/* "v1" or "apps/v1". */
const char *schema_api_version(const struct schema_resource *r, struct arena *a);
bool schema_has_verb(const char *const *verbs, const char *verb);

/* ---- keys of the store: "pods/default/web", "nodes/n1" */

/* Appends the key. `name` empty: the prefix of a namespace or of all. */
void schema_key(struct buf *out, const struct schema_resource *r, struct span namespace,
		struct span name);
/* Takes a key apart; false when it is not of this form. */
bool schema_key_split(struct span key, struct span *stream, struct span *namespace,
		      struct span *name);

/* ---- coercion: a parsed body becomes what Go's decoder would have made of
 * it and its encoder would write: fields in Go's order, map keys sorted,
 * empty omitempty values gone, required zero values there, quantities, times
 * and base64 canonical. So equal objects have equal bytes.
 *
 * Works in place; new text goes to the arena. Unknown fields are dropped and
 * noted: `unknown field "spec.foo"`. ERR_INVALID: a value of a wrong type, in
 * Go's words (`json: cannot unmarshal string into Go struct field
 * PodSpec.spec.containers of type []v1.Container`). */
int schema_coerce(const struct schema_type *type, struct doc *value, struct arena *a,
		  struct notes *unknown, struct err *e);

#endif
