/* Tables: what `kubectl get` prints, computed on the server.
 *
 * Written straight to JSON text from msgpack objects, row by row, so that a
 * list can be sent in chunks and a watch event is a Table of one row. Cells
 * follow Kubernetes' printers; ages are relative to `now_us`.
 * No state; any thread. */
#ifndef OBJECTS_TABLE_H
#define OBJECTS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/schema/json.h"
#include "actors/schema/schema.h"
#include "broker/base/bytes.h"
#include "broker/base/mp.h"

/* For tables of what the subresource scale gives, which no resource is of. */
extern const struct schema_resource table_scale;

/* The query parameter includeObject. */
enum table_include { TABLE_METADATA, TABLE_NONE, TABLE_OBJECT };

struct table_form {
	enum table_include include;
	enum meta_version version; /* of the table itself */
};

struct table {
	struct buf *out;
	const struct schema_resource *resource;
	struct table_form form;
	int64_t now_us;
	size_t rows;
	const struct table_printer *printer; /* of the resource */
};

/* Writes up to and with `"rows":[`. `version`: the list's resourceVersion, 0
 * none; `next`: the continue token or NULL; `remaining` < 0: unknown.
 * Without `columns` columnDefinitions is null: watches send them only once. */
void table_open(struct table *t, struct buf *out, const struct schema_resource *r,
		struct table_form form, int64_t now_us, bool columns, uint64_t version,
		const char *next, int64_t remaining);
void table_row(struct table *t, struct mp object, uint64_t version);
void table_close(struct table *t);
/* Just the cells, as a JSON array: for other printers and tests. */
void table_cells(struct buf *out, const struct schema_resource *r, struct mp object,
		 int64_t now_us);

/* Kubernetes' duration.HumanDuration of a span of time: "5s", "3m20s", "2d". */
void table_duration(struct buf *out, int64_t us);

/* "Metadata", "None", "Object" or empty; false: none of these. */
bool table_include_parse(struct span text, enum table_include *out);

#endif
