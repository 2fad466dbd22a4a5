/* YAML in and out. In: by libyaml's events, as sigs.k8s.io/yaml reads it: plain scalars
 * by YAML 1.1's core rules (true, yes, on; 0x1f, 017, 0b1; 1e3, .inf is
 * refused; ~ and nothing are null), quoted ones and timestamps are text,
 * keys become text, << merges. Every node carries line and column.
 * No state; any thread. */
#ifndef SCHEMA_YAML_H
#define SCHEMA_YAML_H

#include "actors/schema/notes.h"
#include "broker/base/bytes.h"
#include "broker/base/doc.h"

enum {
	YAML_DEPTH_MAX = 56,
	YAML_NODES_MAX = 400000, /* after aliases are expanded */
};

/* Parses exactly one document (an empty text is null). All text lives in the
 * arena. `dups` (may be NULL) gets `line 4: key "x" already set in map`; the
 * last one holds. ERR_INVALID: "yaml: line 3: ..." . ERR_LIMIT. */
int yaml_parse(struct arena *a, struct span text, struct doc **out, struct notes *dups,
	       struct err *e);
/* The same for a stream of documents, one a call.
 * ERR_NOT_FOUND: there is none left. */
struct yaml_stream;
struct yaml_stream *yaml_stream_new(struct span text); /* borrows the text */
int yaml_stream_next(struct yaml_stream *s, struct arena *a, struct doc **out,
		     struct notes *dups, struct err *e);
void yaml_stream_destroy(struct yaml_stream *s); /* NULL is fine */

/* One document, keys in order; the tree holds no DOC_PACKED. What is written
 * is read again as the same values. ERR_INVALID: text that is not UTF-8. */
int yaml_from_doc(struct buf *out, const struct doc *d);

/* Which of `names` a person most likely meant by `word`; NULL when none is
 * near (more than a third of the letters differ). */
const char *yaml_near(struct span word, const char *const *names, size_t count);

#endif
