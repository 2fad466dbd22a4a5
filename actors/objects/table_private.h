/* What the printers of a Table's cells share. Private to actors/objects. */
#ifndef OBJECTS_TABLE_PRIVATE_H
#define OBJECTS_TABLE_PRIVATE_H

#include "actors/objects/table.h"

/* One row's cells on their way out. */
struct cells {
	struct buf *out;
	struct mp object;
	const struct schema_resource *resource;
	int64_t now_us;
	size_t count; /* written so far */
};

struct table_printer {
	const char *stream;
	void (*print)(struct cells *);
	/* The row's conditions as JSON, or NULL. */
	const char *(*conditions)(struct mp object);
};

void cell_text(struct cells *c, struct span text);
/* The text, or `otherwise` when it is empty. */
void cell_or(struct cells *c, struct span text, const char *otherwise);
void cell_int(struct cells *c, int64_t v);
void cell_buf(struct cells *c, struct buf *text); /* and frees it */
/* How long ago a time was; "<unknown>" when there is none. */
void cell_age(struct cells *c, struct span time);
/* The same as text into a buffer. */
void age_of(struct buf *out, struct span time, int64_t now_us);
/* The entries of a map or an array; 0 when it is neither. */
size_t count_at(struct mp object, const char *path);

/* A map of labels as "a=b,c=d"; "<none>" when it is empty. */
void cell_labels(struct cells *c, const char *path);

void print_replicationcontroller(struct cells *c);
void print_service(struct cells *c);
void print_endpoints(struct cells *c);
void print_endpointslice(struct cells *c);
void print_pod(struct cells *c);
const char *pod_row_conditions(struct mp object);

#endif
