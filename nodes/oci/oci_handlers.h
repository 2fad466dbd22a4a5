/* The OCI programs of a node, by the handlers that RuntimeClasses name. Config: handlers,
 * a map {HANDLER: name or path of a program}. Unless it says otherwise, the node's own program
 * is the handler of its own name, and "runc", by which most classes mean "the usual one". */
#ifndef OCI_HANDLERS_H
#define OCI_HANDLERS_H

#include "broker/base/mp.h"
#include "nodes/oci/oci_program.h"

struct oci_handlers;

/* ERR_INVALID, ERR_NOT_FOUND: a program that is none, or not installed; the text names its
 * handler. `own` is copied. Blocks for some milliseconds a program. */
int oci_handlers_new(struct oci_handlers **out, const struct oci_program *own, struct mp cfg,
		     struct err *e);
void oci_handlers_free(struct oci_handlers *h); /* NULL is fine */
/* Of the empty handler the node's own; NULL: there is none. Valid as long as `h` is. */
const struct oci_program *oci_handlers_find(const struct oci_handlers *h, struct span handler);
/* Writes an array of their names. */
void oci_handlers_put(const struct oci_handlers *h, struct buf *b);

#endif
