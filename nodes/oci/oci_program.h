/* Which OCI program this machine can run containers with. */
#ifndef OCI_PROGRAM_H
#define OCI_PROGRAM_H

#include "broker/base/err.h"

struct oci_program {
	char path[128];	  /* "/usr/bin/crun" */
	char name[32];	  /* "crun" */
	char version[64]; /* "1.8.1" */
};

/* Of crun and runc (or of `wanted`, a name or a path, alone) the first one that makes
 * a container on this machine: one is made with `pause` (the pause program, which is
 * static) in its own namespaces below `dir`, a directory that is made and removed.
 * ERR_FORBIDDEN: this needs root. ERR_NOT_FOUND: none is installed. ERR_IO: why not,
 * in its own words. Blocks for some 50 ms, five seconds at most. */
int oci_program_find(const char *dir, const char *pause, const char *wanted,
		     struct oci_program *out, struct err *e);

/* What was found is noted in <data>/run, for those who come later: a trial takes too
 * long for an actor's turn. ERR_IO. */
int oci_program_note(const char *data_dir, const struct oci_program *p, struct err *e);
/* The one that was noted; of another name than that (`wanted`, or NULL) the one that
 * is installed, untried. ERR_NOT_FOUND. Blocks for some milliseconds. */
int oci_program_noted(const char *data_dir, const char *wanted, struct oci_program *out,
		      struct err *e);

/* One by its name or path, untried. ERR_NOT_FOUND. Blocks for some milliseconds. */
int oci_program_installed(const char *wanted, struct oci_program *out, struct err *e);

#endif
