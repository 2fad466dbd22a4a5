/* JSON in (yajl's events into a doc) and JSON out (one pass over msgpack).
 *
 * What goes out is byte for byte what Go's encoding/json would write: no
 * spaces, <, > and & as \u003c, \u003e, \u0026, U+2028 and U+2029 escaped,
 * integers exact. Stored objects do not hold metadata.resourceVersion; the
 * writer puts it where ObjectMeta has it (after uid).
 * No state; any thread. */
#ifndef SCHEMA_JSON_H
#define SCHEMA_JSON_H

#include <stdint.h>

#include "actors/schema/notes.h"
#include "broker/base/bytes.h"
#include "broker/base/doc.h"
#include "broker/base/mp.h"

enum {
	JSON_DEPTH_MAX = 56, /* so that the msgpack fits into an envelope */
	JSON_BYTES_MAX = 3 * 1024 * 1024,
};

/* Parses exactly one value. Text without escapes is borrowed from `text`,
 * the rest lives in the arena: keep both. Of a duplicate key the last value
 * holds, as in Go, and `dups` (may be NULL) gets `duplicate field "a.b[0].c"`.
 * Integers within int64 are DOC_INT, all other numbers DOC_DOUBLE.
 * ERR_INVALID: Go's words with the place ("invalid character '}' looking for
 * beginning of value (line 3, offset 41)"). ERR_LIMIT: too deep or too long. */
int json_parse(struct arena *a, struct span text, struct doc **out, struct notes *dups,
	       struct err *e);

/* One msgpack value as JSON. Bytes that are not msgpack end the text with
 * ERR_INVALID (out then holds a part). bin is written as base64. */
int json_from_mp(struct buf *out, struct mp value);
/* An API object, with metadata.resourceVersion set to `version` in decimal
 * (0: left out). One that is stored inside is replaced. */
int json_object(struct buf *out, struct mp object, uint64_t version);
/* The same in a list of a list response: apiVersion and kind left out. */
int json_item(struct buf *out, struct mp object, uint64_t version);
/* Only apiVersion, kind and metadata of the object, as the kind
 * PartialObjectMetadata of meta.k8s.io/v1. */
enum meta_version { META_V1, META_V1BETA1, META_VERSIONS };
extern const char *const meta_api_versions[META_VERSIONS]; /* "meta.k8s.io/v1" */
int json_metadata(struct buf *out, struct mp object, uint64_t version, enum meta_version as);
void json_from_doc(struct buf *out, const struct doc *d);
/* One string with its quotes. Broken UTF-8 is written as U+FFFD. */
void json_string(struct buf *out, struct span text);
/* The length of the character at the start of `s`; 0: that is not UTF-8. */
size_t json_utf8(struct span s);

#endif
