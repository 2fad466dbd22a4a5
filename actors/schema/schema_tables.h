/* The generated tables: what generate.py writes and schema.c reads. Const. */
#ifndef SCHEMA_SCHEMA_TABLES_H
#define SCHEMA_SCHEMA_TABLES_H

#include "actors/schema/schema.h"

extern const struct schema_type *const schema_types[]; /* structs, by name */
extern const size_t schema_type_count;
extern const struct schema_marks schema_mark_table[];
extern const struct schema_resource schema_builtin[];
extern const size_t schema_builtin_count;

#endif
